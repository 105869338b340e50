#!/usr/bin/env python3
"""Captures for ui.py: HTTP whose targets, hosts and answers are given bytes; a stream without end.
As a program (ui_traffic.py endless) it writes the stream to the standard output."""
import struct
import sys

START = 1_700_000_000 * 10**9
FIN, SYN, ACK, PSH = 1, 2, 16, 8


def head():
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)


def packet(time, src, dst, sport, dport, seq, ack, flags, data=b""):
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 64000, 0, 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes(src), bytes(dst)) + tcp
    return struct.pack("<4I", time // 10**9, time % 10**9, len(ip), len(ip)) + ip


def connection(time, client, port, exchanges):
    """A connection to 10.0.0.2:80 with requests and their answers."""
    server, cs, ss = (10, 0, 0, 2), 1000, 5000
    out = [packet(time, client, server, port, 80, cs, 0, SYN),
           packet(time + 100_000, server, client, 80, port, ss, cs + 1, SYN | ACK),
           packet(time + 200_000, client, server, port, 80, cs + 1, ss + 1, ACK)]
    cs, ss, time = cs + 1, ss + 1, time + 300_000
    for request, answer in exchanges:
        out.append(packet(time, client, server, port, 80, cs, ss, PSH | ACK, request))
        cs += len(request)
        out.append(packet(time + 2_000_000, server, client, 80, port, ss, cs, PSH | ACK, answer))
        ss += len(answer)
        time += 3_000_000
    out.append(packet(time, client, server, port, 80, cs, ss, FIN | ACK))
    out.append(packet(time + 100_000, server, client, 80, port, ss, cs + 1, FIN | ACK))
    out.append(packet(time + 200_000, client, server, port, 80, cs + 1, ss + 1, ACK))
    return b"".join(out)


def answer(text=b"OK"):
    return b"HTTP/1.1 200 " + text + b"\r\nContent-Length: 2\r\nServer: " + text + b"\r\n\r\nok"


def http_capture(path, texts):
    with open(path, "wb") as f:
        f.write(head())
        for i, text in enumerate(texts):
            request = b"GET /" + text + b" HTTP/1.1\r\nHost: " + text + b"\r\nUser-Agent: " + text + b"\r\n\r\n"
            f.write(connection(START + i * 10**9, (10, 0, 1, i + 1), 40000 + i, [(request, answer(text))]))


def long_capture(path, others):
    """A connection of 10.9.9.9 whose first exchange is at the beginning and whose last is at the end; in
    between those of others, of some 5 KB each. Gives the numbers of its packets."""
    exchanges = [(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n", answer(b"FIRST")),
                 (b"GET /last HTTP/1.1\r\nHost: x\r\n\r\n", answer(b"LAST"))]
    whole, packets = connection(START, (10, 9, 9, 9), 4999, exchanges), []
    while whole:
        size = 16 + struct.unpack("<I", whole[8:12])[0]
        packets.append(whole[:size])
        whole = whole[size:]
    late = [struct.pack("<I", START // 10**9 + 60) + p[4:] for p in packets[5:]]
    between = [connection(START + 10**9 + i * 10**7, (10, 8, i // 250, 1 + i % 250), 5000 + i,
                          [(b"GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (i, b"x" * 1800), answer())] * 2)
               for i in range(others)]
    with open(path, "wb") as f:
        f.write(head() + b"".join(packets[:5]) + b"".join(between) + b"".join(late))
    n = 10 * others
    return list(range(1, 6)) + list(range(6 + n, 6 + n + len(packets) - 5))


def talk(client, server, begin, steps):
    """A connection as (time, frame) pairs; steps: (time, who speaks, bytes), times in ms since START."""
    (ca, cp), (sa, sp), seq, at = client, server, {"c": 1000, "s": 5000}, START + int(begin * 10**6)
    out = [(at, packet(at, ca, sa, cp, sp, seq["c"], 0, SYN)),
           (at + 100_000, packet(at + 100_000, sa, ca, sp, cp, seq["s"], seq["c"] + 1, SYN | ACK)),
           (at + 150_000, packet(at + 150_000, ca, sa, cp, sp, seq["c"] + 1, seq["s"] + 1, ACK))]
    seq = {"c": 1001, "s": 5001}
    for ms, who, data in steps:
        at = START + int(ms * 10**6)
        ends = (ca, sa, cp, sp) if who == "c" else (sa, ca, sp, cp)
        out.append((at, packet(at, *ends, seq[who], seq["s" if who == "c" else "c"], PSH | ACK, data)))
        seq[who] += len(data)
    for who, flags in (("c", FIN | ACK), ("s", FIN | ACK), ("c", ACK)):
        at += 100_000
        ends = (ca, sa, cp, sp) if who == "c" else (sa, ca, sp, cp)
        out.append((at, packet(at, *ends, seq[who], seq["s" if who == "c" else "c"], flags)))
        seq[who] += flags & FIN
    return out


def get(path):
    return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"


def write_talks(path, talks):
    frames = sorted((f for t in talks for f in t), key=lambda f: f[0])
    with open(path, "wb") as f:
        f.write(head() + b"".join(data for _, data in frames))


def tiers_capture(path):
    """A client's request to a proxy, which asks an application, which asks a database whose protocol nobody
    reads twice: 10 ms, then 300 ms. Later two requests at one time, and a call that may be of either."""
    proxy, app, db = ((10, 0, 0, 2), 80), ((10, 0, 0, 3), 8080), ((10, 0, 0, 4), 7777)
    write_talks(path, [
        talk(((10, 0, 1, 1), 40001), proxy, 0, [(1, "c", get(b"/page/\x1b[31m")), (340, "s", answer())]),
        talk((proxy[0], 50001), app, 3, [(4, "c", get(b"/inner")), (335, "s", answer())]),
        talk((app[0], 60001), db, 6, [(7, "c", b"\1\2first"), (17, "s", b"\3rows"), (20, "c", b"\1\2second"),
                                      (320, "s", b"\3rows")]),
        talk(((10, 0, 1, 2), 40002), proxy, 1000, [(1001, "c", get(b"/either")), (1040, "s", answer())]),
        talk(((10, 0, 1, 3), 40003), proxy, 1000, [(1001, "c", get(b"/either")), (1040, "s", answer())]),
        talk((proxy[0], 50002), app, 1002, [(1003, "c", get(b"/call")), (1039, "s", answer())])])


def endless(out):
    out.write(head())
    n = 0
    while True:
        client = (10, 1 + n // 65536 % 200, n // 256 % 256, n % 256)
        exchanges = [(b"GET /%d/%d HTTP/1.1\r\nHost: x\r\n\r\n" % (n % 50, i), answer()) for i in range(4)]
        out.write(connection(START + n * 2_000_000, client, 1024 + n % 60000, exchanges))
        n += 1


if __name__ == "__main__":
    try:
        endless(sys.stdout.buffer)
    except BrokenPipeError:
        pass
