#!/usr/bin/env python3
"""Interim and final records of connections against what was put on the wire when. usage: ageing.py TSUMARI"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pcaplib  # noqa: E402

SECOND = 10**9
START = 1_700_000_000 * SECOND
FAULTS = []


def check(good, what):
    if not good:
        FAULTS.append(what)
        print("FAIL: " + what)


def flows(path, *args):
    """Of each client's port: its records in order."""
    out = subprocess.run([sys.argv[1], "--json", "--types", "flow", "-r", path, *args], capture_output=True, text=True,
                         check=True).stdout
    records = {}
    for line in out.splitlines():
        r = json.loads(line)
        records.setdefault(r["client"]["port"], []).append(r)
    return records


def requests(work):
    """A request that is answered after 200 s, and one that never is, beside a connection that goes on for 250 s."""
    slow, hung, steady = (pcaplib.Conversation(n, 80) for n in (1, 2, 3))
    for c, path in ((slow, b"slow"), (hung, b"hung")):
        c.send(0, c.open(START), b"GET /" + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.send(1, START + 200 * SECOND, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    at = steady.open(START)
    for i in range(25):
        steady.send(i % 2, at + i * 10 * SECOND, b"x" * 100)
    path = os.path.join(work, "requests.pcap")
    pcaplib.write(path, 1, sorted(slow.packets + hung.packets + steady.packets, key=lambda p: p.time))
    for every, n in ((60, (3, 3)), (30, (6, 7)), (0, (0, 0))):  # time goes on with packets, each ten seconds
        for jobs in "03":
            out = subprocess.run([sys.argv[1], "--json", "--types", "http", "-r", path, "--flow-interval", f"{every}s",
                                  f"-j{jobs}"], capture_output=True, text=True, check=True).stdout
            records = [json.loads(line) for line in out.splitlines()]
            for name, expect in zip(("/slow", "/hung"), n):
                mine = [r for r in records if r["url"]["path"] == name]
                open_ = mine[:-1]
                check(len(open_) == expect, f"{every}, {name}: {len(open_)} interim records, expected {expect}")
                check(all(r["status"] == "Pending" and r["event"]["outcome"] == "unknown" for r in open_),
                      f"{every}, {name}: their status")
                check(mine[-1].get("status") == ("OK" if name == "/slow" else None), f"{every}, {name}: the last one")
                waited = [r["tsumari"]["ledger"]["server"] // SECOND for r in open_]
                check(all(0 <= w - (i + 1) * every <= 11 for i, w in enumerate(waited)),
                      f"{every}, {name}: each says what it waited for so far: {waited}")
    report = subprocess.run([sys.argv[1], "--report", "-r", path, "--flow-interval", "10s"], capture_output=True,
                            text=True, check=True).stdout
    again = subprocess.run([sys.argv[1], "--report", "-r", path, "--flow-interval", "0"], capture_output=True,
                           text=True, check=True).stdout
    check(report == again, "what has not ended is in no sum: a report with interim records, and without")


def main():
    steady, silent = pcaplib.Conversation(1, 7001), pcaplib.Conversation(2, 7001)
    for c in (steady, silent):
        c.send(0, c.open(START), b"hello")
    for i in range(1, 31):  # every ten seconds, five minutes long
        steady.send(i % 2, START + i * 10 * SECOND, b"x" * 100)
    with tempfile.TemporaryDirectory() as work:
        requests(work)
        path = os.path.join(work, "two.pcap")
        pcaplib.write(path, 1, sorted(steady.packets + silent.packets, key=lambda p: p.time))

        def counts(records):
            return [(r["flow"]["final"], r["network"]["packets"]) for r in records]

        # The alarm of a minute sees what came before it; the packet of that very second may be in it.
        for every, minutes in ((60, 4), (120, 2)):
            f = flows(path, "--flow-interval", f"{every}s")
            got = counts(f[20001])
            check([final for final, _ in got] == [False] * len(got[:-1]) + [True], f"{every}: the last is final: {got}")
            check(minutes <= len(got) - 1 <= minutes + 1, f"{every}: interim records: {got}")
            for i, (_, n) in enumerate(got[:-1]):
                # 5 packets in the beginning, 2 more every ten seconds
                least = 5 + 2 * ((i + 1) * every // 10 - 1)
                check(least <= n <= least + 2, f"{every}: {n} packets at {i + 1}, at least {least}")
            check(got[-1][1] == len(steady.packets), f"{every}: all packets in the end: {got}")
            check(counts(f[20002]) == [(False, 5), (True, 5)], f"{every}: silent, but may go on: {counts(f[20002])}")
        check(all(len(r) == 1 for r in flows(path, "--flow-interval", "0").values()), "0: no interim records")
        # What is silent and ends before the next would be due needs none; it ends as its timeout has it.
        f = flows(path, "--timeout-tcp", "70s")
        check(counts(f[20002]) == [(True, 5)], f"silent, ends soon: {counts(f[20002])}")
        check(f[20002][0]["tsumari"]["tcp"]["close_reason"] == "timeout", f"ended: {f[20002][0]}")
        check(len(f[20001]) > 4, "the steady one gives its interim records all the same")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
