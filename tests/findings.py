"""Findings: which one is on top for each capture, and at which cost, worked out here from the packets.

Of every finding of every capture: its filters select its evidence, no time is counted twice, its
words are there. Beside the expected ones nothing above "info" may stand.
"""
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

import pcaplib
from pcaplib import ACK, RST, SYN

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = os.path.join(os.path.dirname(HERE), "pcaps")
TSUMARI = os.environ["TSUMARI"]
SECOND = 10**9
bad = 0


def fail(text):
    global bad
    bad = 1
    print("FAIL:", text)


def run(*args):
    r = subprocess.run([TSUMARI, *args], capture_output=True, timeout=60)
    if r.returncode:
        fail("%s: status %d, %s" % (" ".join(args), r.returncode, r.stderr.decode().strip()))
    return r.stdout


def records(path, *args):
    return [json.loads(line) for line in run("--json", "-r", path, *args).splitlines()]


def findings(path, *args):
    return records(path, "--types", "finding", *args)


def path_of(name):
    for end in ("pcap", "pcapng", "pcap.gz"):
        path = os.path.join(PCAPS, name + "." + end)
        if os.path.exists(path):
            return path
    raise SystemExit("there is no capture " + name)


# ---- what packets say --------------------------------------------------------------------------


def segments(name):
    """(time, number, segment) of a capture's whole TCP segments."""
    link, packets = pcaplib.read(path_of(name))
    for number, p in enumerate(packets, 1):
        s = pcaplib.segment(link, p)
        if s:
            yield p.time, number, s


def syn_waiting(name, port):
    """First SYN to the SYN that was answered, or to when the client gave up or was refused: of those
    sent more than once."""
    first, last, done, all, end = {}, {}, set(), {}, 0
    for time, _, s in segments(name):
        kind = s.flags & (SYN | ACK | RST)
        if kind == SYN and s.target[1] == port and s.source not in done:
            first.setdefault(s.source, time)
            last[s.source] = time
            all.setdefault(s.source, []).append(time)
        elif kind & (SYN | RST) and s.source[1] == port:
            done.add(s.target)
        end = time
    return sum(last[k] - first[k] if k in done else given_up(all[k], end) for k in first)


def given_up(syns, end):
    """After the last SYN, before the next one was due: at a whole second, else what is least wrong."""
    last, gaps = syns[-1] - syns[0], [b - a for a, b in zip(syns, syns[1:])]
    if not gaps:
        return 0
    doubles = len(gaps) > 1 and gaps[-1] > gaps[-2] * 1.5
    due = last + gaps[-1] * (2 if doubles else 1)
    whole = -(-last // SECOND) * SECOND
    if whole < due <= whole + SECOND:
        return min(whole, end - syns[0])
    if whole < due and due >= 2 * last:
        last = whole
    return min(int(2 / (1 / last + 1 / due)), end - syns[0])


def accept_waiting(name, port):
    """The handshake's first ACK to the last ACK that answers a repeated SYN/ACK."""
    began, again, total = {}, set(), {}
    for time, _, s in segments(name):
        kind = s.flags & (SYN | ACK | RST)
        if kind == ACK and s.target[1] == port:
            if s.source not in began:
                began[s.source] = time
            elif s.source in again:
                total[s.source] = time - began[s.source]
                again.discard(s.source)
        elif kind == SYN | ACK and s.source[1] == port and s.target in began:
            again.add(s.target)
    return sum(total.values())


def held_back(name, port):
    """A client's short segment to the next one behind a bare ACK that came 35 to 210 ms later."""
    total, sent, acked = 0, {}, {}
    for time, _, s in segments(name):
        if s.target[1] == port and s.payload:
            if s.source in acked and acked[s.source]:
                total += time - sent[s.source]
            sent[s.source], acked[s.source] = time, False
        elif s.source[1] == port:
            late = s.target in sent and 35 * 10**6 <= time - sent[s.target] <= 210 * 10**6
            acked[s.target] = late and not s.payload
    return total


def scale_of(tcp):
    at = 20
    while at < len(tcp) and tcp[at]:
        if tcp[at] == 3:
            return tcp[at + 2]
        at += 1 if tcp[at] == 1 else tcp[at + 1]
    return 0


def closed_window(name, port):
    """From each window of 0 that a client advertises to the next that is not, and pauses of the server
    that begin with the client's window full."""
    spans, since, scale, edge, last = [], {}, {}, {}, {}
    for time, _, s in segments(name):
        if s.flags & SYN:
            scale[s.source] = scale_of(s.tcp)
        elif s.target[1] != port:
            end, then, full = last.get(s.target, (None, time, False))
            if s.payload and full and time - then > 6 * 10**6:
                spans.append((then, time))
            if s.payload:
                end = (s.seq + len(s.payload)) & 0xFFFFFFFF
                last[s.target] = end, time, end == edge.get(s.target)
        elif not s.flags & RST:
            window = (s.tcp[14] << 8 | s.tcp[15]) << scale.get(s.source, 0)
            edge[s.source] = (struct.unpack("!I", s.tcp[8:12])[0] + window) & 0xFFFFFFFF
            if not window:
                since.setdefault(s.source, time)
            elif s.source in since:
                spans.append((since.pop(s.source), time))
    total, till = 0, 0
    for begin, end in sorted(spans):
        total += max(0, end - max(begin, till))
        till = max(till, end)
    return total


def sent_in_vain(name, port):
    """The first to the last time that the segment was sent that came most often."""
    times = {}
    for time, _, s in segments(name):
        if s.target[1] == port and s.payload:
            times.setdefault((s.source, s.seq), []).append(time)
    most = max(times.values(), key=len)
    return most[-1] - most[0]


def late_answers(name, port, least, turns=0):
    """Last bytes of a client to the next of the server, where that took so many ms; of connections
    with (1) none but one such turn, or (3) several, where asked."""
    waits, asked = {}, {}
    for time, _, s in segments(name):
        if not s.payload:
            continue
        if s.target[1] == port:
            asked[s.source] = time
        elif s.target in asked:
            wait = time - asked.pop(s.target)
            if wait >= least * 10**6:
                waits.setdefault(s.target, []).append(wait)
    return sum(sum(w) for w in waits.values() if not turns or (len(w) == 1) == (turns == 1))


def late_greetings(name, port):
    """The end of the handshake to the first bytes of the server, where that took a second."""
    total, began = 0, {}
    for time, _, s in segments(name):
        if s.target[1] == port:
            if s.flags & (SYN | ACK) == ACK:
                began.setdefault(s.source, time)
        elif s.payload and s.target in began:
            wait = time - began[s.target]
            total += wait if wait >= SECOND else 0
            began[s.target] = 1 << 63
    return total


def turns(name, port):
    """(asked, answered, request) of each request that one segment holds, and its answer's last."""
    open_turns, done = {}, []
    for time, _, s in segments(name):
        if s.payload and s.target[1] == port:
            if s.source in open_turns and open_turns[s.source][1]:
                done.append(open_turns.pop(s.source))
            open_turns.setdefault(s.source, [time, 0, s.payload])
        elif s.payload and s.target in open_turns:
            open_turns[s.target][1] = time
    return done + [t for t in open_turns.values() if t[1]]


def polled(name, port):
    """GETATTRs of NFSv3, of seconds with 50 of them."""
    seconds = {}
    for a, b, request in turns(name, port):
        if bytes.fromhex("000186a30000000300000001") in request:
            seconds.setdefault(a // SECOND, []).append(b - a)
    return sum(sum(s) for s in seconds.values() if len(s) >= 50)


def handshakes(name, port):
    """The first SYN to the first ACK of each client that asked."""
    began, total = {}, 0
    for time, _, s in segments(name):
        kind = s.flags & (SYN | ACK | RST)
        if s.target[1] == port and kind == SYN:
            began.setdefault(s.source, time)
        elif s.target[1] == port and kind == ACK and s.source in began:
            total += time - began.pop(s.source)
    return total


def queueing(name, port):
    """Two workers take 40 ms for each request: what is above that was waited for a worker."""
    return sum(max(0, b - a - 41 * 10**6) for a, b, _ in turns(name, port))


def standing_still(name, port):
    """The longest time without an answer, for each request that was open for most of it."""
    all_turns = turns(name, port)
    ends = sorted(b for _, b, _ in all_turns)
    size, start, end = max((b - a, a, b) for a, b in zip(ends, ends[1:]))
    held = [end - max(a, start) for a, b, _ in all_turns if a < end <= b]
    return sum(h for h in held if h * 2 >= size)


# ---- what is expected --------------------------------------------------------------------------

# capture: [(id, port or None, cost or None)], the first on top, then ids that may stand beside it
# above "info".
EXPECTED = {
    "syn-backlog": ([("syn-drop", 9999, lambda n: syn_waiting(n, 9999))], ()),
    "syn-backlog-linear": ([("syn-drop", 9999, lambda n: syn_waiting(n, 9999))], ()),
    "syn-backlog-recover": ([("syn-drop", 9999, lambda n: syn_waiting(n, 9999))], ()),
    "syn-backlog-accept": ([("accept-queue", 9999, lambda n: accept_waiting(n, 9999))], ()),
    "syn-backlog-abort": (
        [("syn-drop", 9999, lambda n: syn_waiting(n, 9999))],
        ("accept-queue", "connect-refused"),
    ),
    "http-refused": (
        [("connect-timeout", 82, lambda n: syn_waiting(n, 82)), ("connect-refused", 83, None)],
        ("connect-refused",),
    ),
    "http-oneway": ([("one-way", None, None)], ()),
    "http-oneway-back": ([("one-way", None, None)], ("http-error",)),
    "http-twice": ([("duplicates", None, None)], ()),
    "http-delack": ([("delayed-ack", 8000, lambda n: held_back(n, 8000))], ()),
    "http-zerowindow": ([("zero-window", 80, lambda n: closed_window(n, 80))], ()),
    "http2-window": ([("zero-window", 8081, None)], ()),
    "http-loss-path": ([("loss", 80, None)], ()),  # by both sides: one path
    "http-loss-path-server": ([("loss", 80, None)], ()),
    "mtu-black-hole": ([("mtu-black-hole", 80, lambda n: sent_in_vain(n, 80))], ()),
    "http-rst": ([("client-gave-up", 8000, None)], ("zero-window", "reset-storm", "loss")),
    "http-slow": (
        [("slow-server", 8000, None), ("client-gave-up", 8000, None)],
        ("http-error",),
    ),
    "http-errors": (
        [("client-gave-up", 8000, None), ("http-error", 8000, None)],
        ("client-gave-up", "http-error", "reset-storm", "connect-refused"),
    ),
    "http-keepalive": ([("http-error", 80, None)], ()),
    "smtp-slow": (
        [
            ("smtp-tarpit", 25, lambda n: late_answers(n, 25, 900, 3)),
            ("smtp-greeting", 25, lambda n: late_greetings(n, 25)),
            ("smtp-queue", 25, lambda n: late_answers(n, 25, 900, 1)),
        ],
        (),
    ),
    "smtp-rejects": ([("smtp-tarpit", 25, lambda n: late_answers(n, 25, 900, 3))], ()),
    "mysql-errors": (
        [("mysql-error", 3306, None)],  # one client that gave up after 0.2 s is no alarm
        (),
    ),
    "nfs-udp": ([("nfs-retry", 2049, None)], ()),
    "vrrp": ([("vrrp-takeover", None, None)], ("vrrp-takeover",)),
    # The database stands for the pages that wait for it.
    "tiers": (
        [("mysql-no-index", 3306, None)],
        ("slow-server", "n-plus-one"),  # 50 ms of it
    ),
    "syn-flood": ([("syn-flood", 80, None)], ()),
    "syn-old-timer": ([("syn-drop", 80, lambda n: syn_waiting(n, 80))], ()),
    "http-saturation": ([("saturation", 8088, lambda n: queueing(n, 8088))], ()),
    "http-stall": ([("micro-stall", 8088, lambda n: standing_still(n, 8088))], ()),
    "http-balance": ([("lb-imbalance", None, None)], ()),
    "mysql-slow-reader": ([("slow-reader", 3306, lambda n: closed_window(n, 3306))], ("loss",)),
    "mysql-lag": ([("replication-lag", 3306, None)], ()),
    "nfs-same-second": ([("nfs-same-second-write", 2049, None)], ()),
    "nfs-stale": ([("nfs-stale", 2049, None)], ()),
    "nfs-delay": ([("nfs-delay", 2049, lambda n: late_answers(n, 2049, 25))], ()),
    "nfs-getattr-storm": ([("nfs-getattr-storm", 2049, lambda n: polled(n, 2049))], ()),
    "no-keepalive": ([("no-keepalive", 80, lambda n: handshakes(n, 80))], ()),
    "smtp-greylist": ([("smtp-greylist", 25, None)], ()),
    "vrrp-two-masters": ([("arp-duel", None, None), ("vrrp-two-masters", None, None)], ()),
    "vrrp-mismatch": ([("vrrp-mismatch", None, None)], ()),
    "http-routed": ([("duplicates", None, None), ("synack-loss", 80, None)], ()),
}
# Timers as they are told.
SAID = {
    "syn-old-timer": "doubling from 3 s (3, 9, 21 s) (3)",
    "syn-flood": "130 of 132 connections",
    "http-balance": "10.77.0.20: 51 requests",
    "nfs-same-second": "and its size stayed; 1 time a client then found the attributes of what it held",
    "nfs-stale": "10 of 26 calls",
    "nfs-delay": "8 of 20 calls",
    "no-keepalive": "25 of 25 connections",
    "http-saturation": "From 2.",
    "syn-backlog": "doubling from 1 s (1, 3, 7, 15 s) (3)",
    "syn-backlog-linear": "Linux 6.5 and later) (3)",
    "syn-backlog-recover": "Answered after about 3 s",
}
# Nothing above "info".
HEALTHY = """arp icmp frag frag-tcp redis memcached pgsql-tls http-nano http-pipeline http-continue http-pcapng http-reuse
http2-upgrade mysql-multi mysql-tls mysql-midstream mysql-text mysql-n-plus-one nfs3 nfs4 nfs41
nfs3-large nfs-portmap health-checks smtp-basic smtp-auth smtp-lmtp smtp-starttls mtu-discovery
wrap-mpls""".split()


def check_expected(name, found):
    expected, beside = EXPECTED[name]
    loud = [f for f in found if f["tsumari"]["finding"]["severity"] != "info"]
    if name == "nfs-stale" and len(loud[0]["tsumari"]["finding"]["frames"]) != 10:
        fail("nfs-stale: not 10 of the 10 calls are shown")
    for place, (id, port, cost) in enumerate(expected):
        if place >= len(loud):
            fail("%s: no finding %s" % (name, id))
            return
        f = loud[place]["tsumari"]["finding"]
        got = f["id"], loud[place].get("server", {}).get("port")
        if got != (id, port):
            fail("%s: %s in place %d, not %s" % (name, got, place, (id, port)))
            continue
        want = cost(name) if cost else None
        off = abs(f.get("cost", 0) - want) if want is not None else 0
        if want is not None and off > max(want // (5 if id == "saturation" else 100), 2 * 10**6):
            fail("%s: %s costs %d ns, not %d" % (name, id, f.get("cost", 0), want))
        if place == 0 and name in SAID and SAID[name] not in f["saw"]:
            fail("%s: does not say '%s': %s" % (name, SAID[name], f["saw"]))
    for f in loud[len(expected) :]:
        if f["tsumari"]["finding"].get("part_of") == loud[0]["tsumari"]["finding"]["id"]:
            continue
        if f["tsumari"]["finding"]["id"] not in beside:
            fail("%s: also %s: %s" % (name, f["tsumari"]["finding"]["id"], f["tsumari"]["finding"]["saw"]))


# ---- what holds for all ------------------------------------------------------------------------


def frame_times(path):
    """Times of the frames of a classic pcap, by number; None for other files."""
    try:
        return [p.time for p in pcaplib.read(path)[1]]
    except ValueError:
        return None


def check_filters(path, name, f, times, work):
    what = "%s: %s" % (name, f["id"])
    seen = records(path, "-Y", f["filter"])
    if not seen:
        fail("%s: -Y '%s' selects nothing" % (what, f["filter"]))
    if "bpf" not in f or times is None:
        return
    part = os.path.join(work, "part.pcap")
    run("-r", path, "-w", part, f["bpf"])
    kept = set(frame_times(part))
    for number in f.get("frames", []):
        if times[number - 1] not in kept:
            fail("%s: frame %d is not selected by %s" % (what, number, f["bpf"]))


def check_account(path, name, found):
    """All that was felt is in one line each, to the nanosecond, and whole findings are such lines."""
    account = json.loads(run("--report=json", "-r", path))["account"]
    lines = account["lines"]
    if sum(l["cost"] for l in lines) != account["felt"]:
        fail("%s: lines of %d ns, felt were %d" % (name, sum(l["cost"] for l in lines), account["felt"]))
    if account["felt"] > account["all"]:
        fail("%s: more was felt than was waited for" % name)
    for f in (r["tsumari"]["finding"] for r in found):
        if abs(f.get("share", 0) - f.get("cost", 0) / max(1, account["felt"])) > 1e-6 and f.get("share") != 1:
            fail("%s: %s has %g of %d ns" % (name, f["id"], f.get("share", 0), account["felt"]))
        for test in ("share >= %f" % f.get("share", 0), "share < %f" % (f.get("share", 0) + 1e-6)) if f is found[0]["tsumari"]["finding"] and f.get("share", 1) < 0.99 else ():
            got = run("--json", "-r", path, "--types", "finding", "-Y", "tsumari.finding.%s" % test)
            if not any(json.loads(line)["tsumari"]["finding"] == f for line in got.splitlines()):
                fail("%s: -Y 'tsumari.finding.%s' loses %s" % (name, test, f["id"]))
    costs = lambda of: sorted((f["id"], f["cost"]) for f in of if "cost" in f and "part_of" not in f)
    told = costs(r["tsumari"]["finding"] for r in found)
    if told != sorted((l["finding"], l["cost"]) for l in lines if "finding" in l):
        fail("%s: findings %s, lines %s" % (name, told, lines))


SEVERITIES = ["critical", "warning", "info"]


def check_all(path, name, found, work):
    times, total, share = frame_times(path), 0, 0
    ranks = []
    for r in found:
        f = r["tsumari"]["finding"]
        what = "%s: %s" % (name, f["id"])
        if r["tsumari"]["finding"].get("protocol", "http") not in ("http", "http2", "tls") and re.search(
                r"nginx|Apache|HTTP|499|upstream", f["next"] + f["against"]):
            fail("%s: what to look at fits the web, not %s" % (what, f["protocol"]))
        for text in ("saw", "means", "next", "against", "filter"):
            if not f.get(text):
                fail("%s has no '%s'" % (what, text))
        frames = f.get("frames", [])
        if len(frames) > 10 or frames != sorted(set(frames)):
            fail("%s: frames %s" % (what, frames))
        if times and frames and not 1 <= frames[0] <= frames[-1] <= len(times):
            fail("%s: frames %s of %d" % (what, frames, len(times)))
        if not frames and "cost" in f:
            fail("%s has a cost and no frame to show" % what)
        if f.get("of_capture") and not f.get("bpf"):
            fail("%s has no filter of packets" % what)
        if not f.get("of_capture"):
            if "part_of" not in f:
                ranks.append((SEVERITIES.index(f["severity"]), -f.get("cost", 0)))
        elif ranks:
            fail("%s comes behind others" % what)
        if "part_of" not in f:
            total += f.get("cost", 0)
            share += f.get("share", 0)
        check_filters(path, name, f, times, work)
    if ranks != sorted(ranks):
        fail("%s: not in the order of severity and cost" % name)
    check_account(path, name, found)
    if not 0 <= share <= 1 + 1e-6 * len(found):
        fail("%s: %g of all waiting" % (name, share))
    if run("--json", "-j3", "-r", path, "--types", "finding") != run("--json", "-j0", "-r", path, "--types", "finding"):
        fail("%s: other findings with workers" % name)


def check_ports():
    """Six connections, two pairs of ports: four times again."""
    for r in findings(path_of("http-reuse")):
        f = r["tsumari"]["finding"]
        if f["id"] == "port-reuse" and f["count"] == 4 and f["severity"] == "info":
            return
    fail("http-reuse: no port-reuse of four")


def check_health():
    """Health checks count nowhere: neither among what is blamed nor among what it is a part of."""
    path, checker = path_of("health-checks"), "10.77.0.1"
    want = {}
    for r in records(path):
        if r["type"] in ("http", "http2") and r["client"]["ip"] != checker:
            want.setdefault(r["server"]["port"], []).append(r["tsumari"]["ledger"]["server"])
    seen = {}
    for r in findings(path, "--threshold", "slow=1us", "--threshold", "no-keepalive=1"):
        f = r["tsumari"]["finding"]
        seen[f["id"], r.get("server", {}).get("port")] = f
    for port, times in want.items():
        slow = [t for t in times if t >= 1000]
        f = seen.get(("slow-server", port), {})
        if (f.get("count"), f.get("of"), f.get("cost")) != (len(slow), len(times), sum(slow)):
            fail("health-checks: slow-server at %d: %s of %s, not %d of %d" % (
                port, f.get("count"), f.get("of"), len(slow), len(times)))
    f = seen.get(("no-keepalive", 8081), {})
    if (f.get("count"), f.get("of")) != (8, 8) or ("no-keepalive", 80) in seen:
        fail("health-checks: no-keepalive: %s of %s" % (f.get("count"), f.get("of")))


def check_thresholds():
    """They move what is a finding; what is no threshold is refused."""
    ids = lambda *args: [r["tsumari"]["finding"]["id"] for r in findings(path_of("http-slow"), *args)]
    if "slow-server" not in ids() or "slow-server" in ids("--threshold", "slow=1m"):
        fail("--threshold slow=1m is of no effect")
    if "no-keepalive" in ids("--threshold", "no-keepalive=12"):
        fail("--threshold no-keepalive=12 is of no effect")
    for text in ("slow", "slow=", "slow=2%", "share=10", "share=101%", "nothing=1", "large=0"):
        r = subprocess.run([TSUMARI, "--threshold", text], capture_output=True, timeout=60)
        if r.returncode != 2 or r.stderr.count(b"\n") != 1:
            fail("--threshold %s: status %d" % (text, r.returncode))


def main():
    names = sys.argv[1:]
    n = 0
    with tempfile.TemporaryDirectory() as work:
        for path in sorted(glob.glob(os.path.join(PCAPS, "*.pcap*"))):
            name = os.path.basename(path).split(".")[0]
            # damaged: status 1
            if name == "truncated" or (names and name not in names):
                continue
            found = findings(path)
            n += len(found)
            check_all(path, name, found, work)
            if name in EXPECTED:
                check_expected(name, found)
            if name in HEALTHY:
                for r in found:
                    f = r["tsumari"]["finding"]
                    if f["severity"] != "info":
                        fail("%s is healthy, but %s: %s" % (name, f["id"], f["saw"]))
    check_thresholds()
    check_health()
    check_ports()
    if not names and n < len(EXPECTED):
        fail("only %d findings" % n)
    if not bad:
        print("findings: %d, %d captures told" % (n, len(EXPECTED)))
    sys.exit(bad)


main()
