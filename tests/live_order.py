"""Frames of two interfaces, one direction on each, are one stream in time. Run by live_order.sh.

live_order.py send IFACE IFACE N: a connection of N requests, a hundred a second; what the client says
goes out of the first interface, what the server says 0.2 ms later out of the second.
live_order.py check N FILE...: the records of each file (JSON) are those of the N requests.
live_order.py order FILE FRAMES: the times of a pcap file never run back, and it has all frames.
"""
import json
import socket
import sys
import time

import pcaplib

MS = 10**6
GAP = 200_000  # ns


def conversation(n):
    c, at = pcaplib.Conversation(1), 0
    c._send(0, at, pcaplib.SYN)
    c._send(1, at + GAP, pcaplib.SYN | pcaplib.ACK)
    c._send(0, at + 2 * GAP, pcaplib.ACK)
    for i in range(n):
        at += 10 * MS
        c._send(0, at, pcaplib.ACK | pcaplib.PSH, b"GET /n%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % i)
        body = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
        c._send(1, at + GAP, pcaplib.ACK | pcaplib.PSH, body)
        c._send(0, at + 2 * GAP, pcaplib.ACK)
    c.close(at + 10 * MS)
    return c.packets


def send(first, second, n):
    out = []
    for name in (first, second):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((name, 0))
        out.append(s)
    start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    for p in conversation(n):
        left = start + p.time - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if left > MS:
            time.sleep((left - MS) / 1e9)
        while time.clock_gettime_ns(time.CLOCK_MONOTONIC) < start + p.time:
            pass
        out[p.data[26:30] == b"\x0a\x08\0\1"].send(p.data)


def check(n, paths):
    bad = 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            records = [json.loads(line) for line in f]
        http = [r for r in records if r["event"]["dataset"] == "http"]
        paired = [r for r in http if r.get("http", {}).get("response", {}).get("status_code") == 200]
        flows = [r for r in records if r["event"]["dataset"] == "flow"]
        wrong = []
        if len(paired) != n or len(http) != n:
            wrong.append("%d of %d requests, %d records" % (len(paired), n, len(http)))
        if any(not 0 < r["event"].get("duration", 0) < 90 * MS for r in paired):
            wrong.append("an answer took %d ns" % max(r["event"].get("duration", 0) for r in paired))
        if len(flows) != 1:
            wrong.append("%d connections" % len(flows))
        for r in records:
            if set(r["tsumari"].get("quality", [])) - {"connect"}:
                wrong.append("quality %s" % r["tsumari"]["quality"])
                break
        for w in wrong:
            print("%s: %s" % (path, w))
        bad |= bool(wrong)
    return bad


def order(path, frames):
    packets = pcaplib.read(path)[1]
    back = sum(b.time < a.time for a, b in zip(packets, packets[1:]))
    if len(packets) != frames or back:
        print("%s: %d of %d frames, %d times run back" % (path, len(packets), frames, back))
    return len(packets) != frames or back > 0


if sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3], int(sys.argv[4]))
elif sys.argv[1] == "check":
    sys.exit(check(int(sys.argv[2]), sys.argv[3:]))
else:
    sys.exit(order(sys.argv[2], int(sys.argv[3])))
