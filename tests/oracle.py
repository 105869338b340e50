#!/usr/bin/env python3
"""Compare the transactions of captures with what tshark sees in them.

usage: oracle.py [--known FILE] [--brief] CAPTURE...

Compared are of HTTP requests (frame of their last byte, method, URI), final responses (frame of
their last byte, status) and, where both pair the same two frames, wait + response with http.time: at
most one microsecond apart; of RPC and NFS (oracle_rpc.py) calls, replies and rpc.time; of MySQL, SMTP
and DNS (oracle_talk.py) commands, what they came to, and dns.time. A message that never came to its
end is in frame 0. FILE lists differences that
are not this program's fault, with the reason; see oracle-known.txt. A difference that is not listed
is a failure, and so is one listed that is not there any more. Exit status 0: no failure, 1: some, 2: wrong usage, 77: no tshark.
"""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

import oracle_rpc
import oracle_talk

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ.get("TSUMARI") or os.path.join(HERE, "..", "tsumari")
FIELDS = ["http.request.method", "http.request.uri", "http.response.code", "http.time",
          "http.request_in"]
SHOWN = "http || rpc || mysql || smtp || dns"
KEEP = set("http http2 rpc nfs mount portmap nlm mysql smtp imf dns mdns llmnr tls data frame eth ip ipv6 "
           "tcp udp vlan vxlan geneve gre mpls websocket".split())
UNIT = "\x1f"
SLACK = 1000  # ns


class Seen:
    """requests: (frame, method, uri); responses: (frame, status); times: {(frames): ns}."""

    def __init__(self):
        self.requests, self.responses = collections.Counter(), collections.Counter()
        self.times, self.error = {}, None
        self.keyed_times = {}  # {(identifier, frame of the response): ns}

    def __len__(self):
        return sum(self.requests.values()) + sum(self.responses.values())


def nanoseconds(text):
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int((part + "000000000")[:9])


def plain(uri):
    """What both programs write for bytes outside printable ASCII differs: one mark for them.

    Compared are 1024 characters, which is less than either program keeps.
    """
    return re.sub(r"(\\[0-9]{3}|\\x[0-9a-f]{2}|\\[abtnvfr]|[^ -~])+", "?", uri or "")[:1024]


_other = []


def other_protocols():
    """What tshark would take a client's port for: an NFS client's is a reserved one."""
    if not _other:
        p = subprocess.run(["tshark", "-G", "decodes"], capture_output=True, text=True, timeout=600)
        rows = [line.split("\t") for line in p.stdout.splitlines()]
        names = {r[2] for r in rows if len(r) > 2 and r[0] in ("tcp.port", "udp.port")} - KEEP
        _other[:] = [a for n in sorted(names) for a in ("--disable-protocol", n)]
    return _other


def rows_of(path):
    """([{field: values}, ...] of the frames shown, what tshark complained of)."""
    fields = ["frame.number", *FIELDS, *oracle_rpc.FIELDS, *oracle_talk.FIELDS]
    args = ["tshark", "-n", "-r", path, *other_protocols(), "-o",
            "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==24,smtp", "-Y", SHOWN, "-T", "fields", "-E", "separator=/t",
            "-E", "aggregator=" + UNIT]
    for f in fields:
        args += ["-e", f]
    p = subprocess.run(args, capture_output=True, timeout=600)
    rows = []
    for line in p.stdout.decode("utf-8", "replace").split("\n"):
        values = line.split("\t")
        if len(values) == len(fields):
            row = {f: v.split(UNIT) if v else [] for f, v in zip(fields, values)}
            row["frame"] = int(values[0])
            rows.append(row)
    return rows, p.stderr.decode(errors="replace").strip().split("\n")[-1] if p.returncode else None


def http_of_tshark(row, seen):
    methods, uris, codes, times, asked = [row[f] for f in FIELDS]
    for i, m in enumerate(methods):
        uri = uris[i] if len(uris) == len(methods) else ""
        seen.requests[row["frame"], m, plain(uri)] += 1
    final = [c for c in codes if c[0] != "1" or c == "101"]
    for c in final:
        seen.responses[row["frame"], int(c)] += 1
    # With several messages in a frame the fields cannot be told apart.
    if len(codes) == len(final) == len(times) == len(asked) == 1:
        seen.times[int(asked[0]), row["frame"]] = nanoseconds(times[0])


def tshark(path):
    seen = Seen()
    rows, seen.error = rows_of(path)
    for row in rows:
        http_of_tshark(row, seen)
    oracle_rpc.tshark(rows, seen)
    oracle_talk.tshark(rows, seen)
    seen.keyed_times = {k: nanoseconds(v) for k, v in seen.keyed_times.items()}
    return seen


def http(records, seen):
    busy, rows = collections.Counter(), []
    for r in records:
        if r["type"] != "http":
            continue
        frames, t = r["tsumari"].get("frame", {}), r["tsumari"].get("time", {})
        status = r["http"].get("response", {}).get("status_code")
        if r.get("method"):
            seen.requests[frames.get("request_last", 0), r["method"], plain(r.get("path"))] += 1
        if status:
            seen.responses[frames.get("response_last", 0), status] += 1
            busy[frames.get("response_last")] += 1
        # tshark counts from the end of the request, which an early answer does not wait for.
        early = "early_response" in r["tsumari"].get("quality", [])
        if "request_last" in frames and "wait" in t and "response_last" in frames and not early:
            rows.append(((frames["request_last"], frames["response_last"]),
                         t["wait"] + t.get("response", 0)))
    for pair, ns in rows:
        if busy[pair[1]] == 1:
            seen.times[pair] = ns


def tsumari(path):
    seen = Seen()
    p = subprocess.run([TSUMARI, "-r", path, "--json", "--literal", "--types",
                        "http,rpc,portmap,mount,nlm,nsm,rquota,nfsacl,nfs," + oracle_talk.TYPES,
                        "-j", "0"], capture_output=True, timeout=600)
    if p.returncode:
        seen.error = p.stderr.decode(errors="replace").strip()
    records = [json.loads(line) for line in p.stdout.decode("utf-8").splitlines()]
    http(records, seen)
    oracle_rpc.tsumari(records, seen)
    oracle_talk.tsumari(records, seen)
    return seen


def differences(ours, theirs):
    """Lines "kind frame detail", the same every time; and how many facts agree."""
    found, agree = [], 0
    for kind, a, b in (("request", ours.requests, theirs.requests),
                       ("response", ours.responses, theirs.responses)):
        agree += sum((a & b).values())
        for who, extra in ("only-tsumari", a - b), ("only-tshark", b - a):
            for key, n in sorted(extra.items(), key=str):
                detail = " ".join(str(v)[:60].replace(" ", "?") for v in key[1:])
                found.append(("%s %s %s %s%s" % (who, kind, key[0], detail,
                                                 " x%d" % n if n > 1 else "")).rstrip())
    for pair, ns in sorted(theirs.times.items()):
        mine = ours.times.get(pair)
        if mine is None:
            others = [p for p in ours.times if p[1] == pair[1]]
            if others:
                found.append("pairing response %d tshark=%d tsumari=%d"
                             % (pair[1], pair[0], others[0][0]))
        elif abs(mine - ns) <= SLACK:
            agree += 1
        else:
            found.append("time response %d tshark=%d tsumari=%d" % (pair[1], ns, mine))
    for key, ns in sorted(theirs.keyed_times.items()):
        mine = ours.keyed_times.get(key)
        if mine is not None and abs(mine - ns) <= SLACK:
            agree += 1
        elif mine is not None:
            found.append("time reply %d %s tshark=%d tsumari=%d" % (key[1], key[0], ns, mine))
    return found, agree


def known_of(path):
    """{capture: [[pattern, reason, used]]}; the file says how it is written."""
    known = collections.defaultdict(list)
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                parts = line.rstrip("\n").split("\t")
                if len(parts) != 3 or not parts[2].strip():
                    sys.exit("%s:%d: not CAPTURE <tab> DIFFERENCE <tab> REASON" % (path, n))
                known[parts[0]].append([parts[1], parts[2], 0])
    return known


def compare(path, known):
    """(failures, known differences, facts that agree)."""
    ours, theirs = tsumari(path), tshark(path)
    found, agree = differences(ours, theirs)
    if ours.error:
        found.append("tsumari says: " + ours.error)
    failures, excused = [], 0
    for d in found:
        for entry in known:
            if entry[0] == d or (entry[0].endswith("*") and d.startswith(entry[0][:-1])):
                entry[2] += 1
                excused += 1
                break
        else:
            failures.append(d)
    failures += ["listed, but not there any more: " + e[0] for e in known if not e[2]]
    return failures, excused, agree, len(theirs)


def main(args):
    known, brief = {}, False
    while args and args[0].startswith("--"):
        option = args.pop(0)
        if option == "--brief":
            brief = True
        elif option == "--known" and args:
            known = known_of(args.pop(0))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    if not args:
        print(__doc__, file=sys.stderr)
        return 2
    if not shutil.which("tshark"):
        print("tshark is not installed")
        return 77
    bad = total = 0

    def one(path):
        try:
            return compare(path, known.get(os.path.basename(path), []))
        except (subprocess.TimeoutExpired, ValueError, KeyError) as e:
            return ["%s: %s" % (type(e).__name__, e)], 0, 0, 1

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compared = list(pool.map(one, args))
    for path, (failures, excused, agree, size) in zip(args, compared):
        name = os.path.basename(path)
        total += agree
        if failures or excused or size:
            print("%s %s: %d agree, %d known differences, %d failures" % (
                "FAIL" if failures else "ok  ", name, agree, excused, len(failures)))
        for f in failures[: 3 if brief else 40]:
            print("     " + f)
        bad += bool(failures)
    if not brief:
        print("oracle: %d facts agree, %d captures of %d differ" % (total, bad, len(args)))
        if not total:
            print("nothing was compared")
            return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
