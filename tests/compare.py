"""--compare on captures made so that it is known what changed between them, and its numbers against
the same test made in Python of the records' durations."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

import pcaplib

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")
MS = 10**6
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def run(*arguments, **more):
    return subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120, **more)


def web(path, seed, slow=1.0, retry=0.0, errors=0.0, refused=0.0, lost=0.0, n=60):
    """n connections with six requests each: /a takes 5 ms and more, /b 20 ms times `slow`.
    The capture has not got all answers (lost)."""
    rng, packets, at = random.Random(seed), [], 10**18
    for c in range(1, n + 1):
        talk = pcaplib.Conversation(c)
        if rng.random() < retry:
            talk.open(at)
            syn = talk.packets.pop(0)
            late = [pcaplib.Packet(p.time + 3000 * MS, p.data) for p in talk.packets]
            talk.packets = [syn, pcaplib.Packet(syn.time + 3000 * MS, syn.data)] + late
            now = at + 3001 * MS
        else:
            talk.open(at)
            now = at + MS
        if rng.random() < refused:
            packets += talk.packets[:1]
            at += 50 * MS
            continue
        for i in range(6):
            name, mean = ("/a", 5) if i % 2 else ("/b", 20 * slow)
            talk.send(0, now, b"GET " + name.encode() + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            now += int(mean * MS * rng.lognormvariate(0, 0.5))
            code = b"500 No" if rng.random() < errors else b"200 OK"
            talk.send(1, now, b"HTTP/1.1 " + code + b"\r\nContent-Length: 2\r\n\r\nok")
            if lost and rng.random() < lost:
                talk.packets.pop(-2)
            now += MS
        talk.close(now)
        packets += talk.packets
        at += 50 * MS
    packets.sort(key=lambda p: p.time)
    pcaplib.write(path, 1, packets)


def compare(a, b, *arguments):
    r = run("--compare", a, b, "--json", *arguments)
    if r.returncode != 0:
        fail(f"--compare: status {r.returncode}: {r.stderr.decode()}")
        return {"changes": [], "comparisons": 0}
    return json.loads(r.stdout)


def changed(result):
    """{(operation, measure or ledger entry)} of what changed."""
    return {(c.get("operation", ""), d.get("entry", d["measure"]))
            for c in result["changes"] for d in c["differences"] if d["changed"]}


def rank_sum(x, y):
    """Mann and Whitney by the normal distribution, of values without ties."""
    ranked = sorted([(v, 0) for v in x] + [(v, 1) for v in y])
    below = u = 0
    for _, side in ranked:
        if side:
            u += below
        else:
            below += 1
    n, m = len(x), len(y)
    z = (abs(u - n * m / 2) - 0.5) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(max(z, 0) / math.sqrt(2)), u / (n * m)


def durations(path, operation):
    rows = [json.loads(x) for x in run("-r", path, "--json-flat", "--types", "http").stdout.splitlines()]
    return [r["event.duration"] for r in rows if r["url.path"] == operation]


def numbers(result, a, b):
    """Counts, percentiles and probabilities against the records."""
    n = result["comparisons"]
    if n != sum(len(c["differences"]) for c in result["changes"]):
        fail(f"{n} comparisons")
    for name in ("/a", "/b"):
        c = next(c for c in result["changes"] if c.get("operation") == "GET " + name)
        x, y = durations(a, name), durations(b, name)
        for side, values in (("before", x), ("after", y)):
            s = c[side]
            if s["transactions"] != len(values) or abs(s["mean"] - sum(values) / len(values)) > 1:
                fail(f"{name} {side}: {s}, {len(values)} records")
            for part in (50, 90, 99):
                exact = sorted(values)[math.ceil(part / 100 * len(values)) - 1]
                if abs(s[f"p{part}"] - exact) > 0.01 * exact:
                    fail(f"{name} {side}: p{part} {s[f'p{part}']}, {exact} expected")
        d = next(d for d in c["differences"] if d["measure"] == "time")
        p, greater = rank_sum(x, y)
        if abs(d["greater"] - greater) > 0.01:
            fail(f"{name}: greater with {d['greater']}, {greater} expected")
        # Holm: at least the probability itself, at most all comparisons times it.
        if not 0.7 * p <= d["p"] <= min(1, 1.4 * n * p):
            fail(f"{name}: p {d['p']}, {p} times at most {n} expected")


def main():
    with tempfile.TemporaryDirectory() as work:
        def make(name, *arguments, **more):
            path = os.path.join(work, name + ".pcap")
            web(path, *arguments, **more)
            return path

        base = make("base", 1)
        for seed in range(2, 12):
            other = make("same", seed)
            found = changed(compare(base, other))
            if found:
                fail(f"nothing changed (seed {seed}), and {found} was found")
        if changed(compare(base, base)):
            fail("a capture differs from itself")
        slow = make("slow", 20, slow=2)
        result = compare(base, slow)
        if not {("GET /b", "time"), ("", "time"), ("", "server")} <= changed(result):
            fail(f"/b is slower: {changed(result)}")
        if any(what == "GET /a" for what, _ in changed(result)):
            fail(f"/a is not slower: {changed(result)}")
        numbers(result, base, slow)
        if result["changes"][0]["cost"] <= 0 or compare(slow, base)["changes"][0]["cost"] >= 0:
            fail("slower does not cost, or faster does not save")
        # As the site that answers in 200 ms and then in 3 s: one connection in eight.
        found = changed(compare(make("long", 25, n=300), make("retry", 21, retry=0.12, n=300)))
        if ("", "connect.retry") not in found or any(what.startswith("GET") for what, _ in found):
            fail(f"retried connections: {found}")
        found = changed(compare(base, make("errors", 22, errors=0.1)))
        if not {("", "errors"), ("GET /a", "errors"), ("GET /b", "errors")} >= found or ("", "errors") not in found:
            fail(f"errors: {found}")
        lost = make("lost", 26, lost=0.2)
        result = compare(base, lost)
        if changed(result) or any(c["after"]["errors"] for c in result["changes"]):
            fail(f"answers that the capture lost: {changed(result)}, errors")
        found = changed(compare(base, make("refused", 23, refused=0.3)))
        if ("", "connects") not in found or len(found) > 1:
            fail(f"connections that never open: {found}")
        few = compare(base, make("few", 24, slow=9, n=2))
        if changed(few) & {("GET /b", "time")} or "too few" not in [c["verdict"] for c in few["changes"]]:
            fail("too few transactions, and something is said of them")
        slower = os.path.join(PCAPS, "http-slow.pcap")
        result = compare(os.path.join(PCAPS, "http-keepalive.pcap"), slower)
        verdicts = {c["verdict"] for c in result["changes"]}
        if ("", "server") not in changed(result) or not {"new", "gone", "changed"} <= verdicts:
            fail(f"recorded captures: {changed(result)}, {verdicts}")
        text = run("--compare", base, slow).stdout.decode()
        for says in ("Changed, what cost or saved most first", "http  GET /b", "slower: p50", "server: ",
                     "comparisons, which all together err in 1 % of cases"):
            if says not in text:
                fail(f"the text does not say '{says}'")
        if "Nothing changed that is more than noise" not in run("--compare", base, base).stdout.decode():
            fail("the text does not say that nothing changed")
        outputs = {run("--compare", base, slow, "--json", "-j", j).stdout for j in ("0", "1", "3")}
        if len(outputs) != 1:
            fail("-j changes the output")
        some = compare(base, slow, "-Y", "url.path == /a")
        if {c.get("operation") for c in some["changes"]} - {None, "GET /a"}:
            fail(f"-Y: {[c.get('operation') for c in some['changes']]}")
        for arguments, says in (
                (["--compare", base], "--compare needs two captures: --compare BEFORE AFTER"),
                (["--compare", base, "/nonexistent"], "/nonexistent: No such file or directory"),
                (["--compare", "/nonexistent", base], "/nonexistent: No such file or directory"),
                (["--compare", base, slow, "-w", "x"], "--compare puts out what changed only"),
                (["--compare", base, slow, "-o", base], "is a file that is being read"),
                (["-r", base, "--compare", base, slow], "--compare and -r exclude each other")):
            r = run(*arguments, cwd=work)
            if r.returncode != 2 or says not in r.stderr.decode() or r.stderr.count(b"\n") != 1:
                fail(f"{arguments}: status {r.returncode}, {r.stderr}")
        if run("--compare", base, slow, "-o", "/dev/full").returncode != 1:
            fail("a full disk is no failure")
    if not bad:
        print("compare: what changed is found, what did not is not")
    return bad > 0


sys.exit(main())
