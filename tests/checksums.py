#!/usr/bin/env python3
"""A wrong checksum is believed only where an offload explains it (RFC 1071; RFC 9293, 3.1).

Arguments: the program, a folder for captures.
"""
import json
import os
import struct
import subprocess
import sys

import pcaplib
from pcaplib import ACK, FIN, PSH, RST

program, folder = sys.argv[1:]
faults = tried = 0


def same(name, what, got, want):
    global faults
    if got != want:
        faults += 1
        print("%s: %s is %s, not %s" % (name, what, got, want))


def to_v6(packet):
    """The same segment over IPv6."""
    s = pcaplib.segment(1, packet)
    long = lambda a: bytes.fromhex("20010db8") + bytes(8) + a
    ip = struct.pack("!IHBB", 6 << 28, 0, 6, 64) + long(s.ip[12:16]) + long(s.ip[16:20])
    return pcaplib.Packet(packet.time, pcaplib.Segment(
        s.ether[:12] + b"\x86\xdd", ip, s.tcp, s.payload).frame())


def tcp_at(data):
    return 14 + (20 if data[12:14] == b"\x08\x00" else 40)


def spoil(packet, what):
    """Its checksum is wrong (by bits that anything could have), or what an offload leaves there."""
    d = bytearray(packet.data)
    at = tcp_at(d) + 16
    if what == "tcp":
        d[at] ^= 0x5a
    elif what == "ip":
        d[24] ^= 0x5a
    elif what == "zero":
        d[at:at + 2] = b"\0\0"
    else:  # of the pseudo header only
        n = len(d) - tcp_at(d)
        v4 = d[12:14] == b"\x08\x00"
        pseudo = bytes(d[26:34]) + struct.pack("!HH", 6, n) if v4 else \
            bytes(d[22:54]) + struct.pack("!II", n, 6)
        d[at:at + 2] = struct.pack("!H", ~pcaplib.checksum(pseudo) & 0xffff)
    return pcaplib.Packet(packet.time, bytes(d), packet.wire)


def talk(exchanges=5):
    t = pcaplib.Conversation(7)
    time, marks = t.open(1_700_000_000 * 10**9), []
    for i in range(exchanges):
        marks.append(len(t.packets))
        time = t.send(0, time, b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i) + 20_000_000
        time = t.send(1, time, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") + 5_000_000
    return t, marks


def run(name, packets):
    path = os.path.join(folder, name.replace(" ", "-") + ".pcap")
    pcaplib.write(path, 1, sorted(packets, key=lambda p: p.time))
    out = subprocess.run([program, "-j0", "-r", path, "--json"], capture_output=True, check=True).stdout
    records = [json.loads(line) for line in out.splitlines()]
    flows = [r for r in records if r["type"] == "flow"]
    same(name, "flows", len(flows), 1)
    return [r for r in records if r["type"] == "http"], flows[0]["tsumari"]["tcp"]


def whole(name, packets, counted):
    """All answered, and `counted`: (by the client, by the server)."""
    global tried
    tried += 1
    got, tcp = run(name, packets)
    same(name, "answers", [(r.get("path"), r["http"].get("response", {}).get("status_code")) for r in got],
         [("/%d" % i, 200) for i in range(5)])
    same(name, "counted", tuple(tcp[s].get("bad_checksums", 0) for s in ("client", "server")), counted)
    same(name, "resent", tuple(tcp[s].get("retransmits", 0) for s in ("client", "server")), (0, 0))
    same(name, "end", (tcp["state"], tcp["close_reason"]), ("established", "capture_end"))


def injected(side, flags, payload, what, v6):
    """Between the third exchange and the fourth, at the place where the side goes on."""
    t, marks = talk()
    at = t.packets[marks[3]].time - 1_000_000
    before = [pcaplib.segment(1, p) for p in t.packets[:marks[3]]]
    mine = [s for s in before if s.source == (t.ends[side][0], t.ends[side][1])][-1]
    s = mine.copy(payload=payload, seq=mine.seq + len(mine.payload), flags=flags)
    bad = pcaplib.Packet(at, s.frame())
    packets = t.packets + [bad]
    if v6:
        packets = [to_v6(p) for p in packets]
    packets[-1] = spoil(packets[-1], what)
    return packets


for v6 in False, True:
    for side in 0, 1:
        for what in ("tcp",) if v6 else ("tcp", "ip"):
            for title, flags, payload in (
                    ("data", ACK | PSH, b"GET /no HTTP/1.1\r\n\r\n" if side == 0 else
                     b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
                    ("fin", ACK | FIN, b""), ("reset", ACK | RST, b"")):
                name = "%s %s %s %s" % ("IPv6" if v6 else "IPv4", ("client", "server")[side], what, title)
                whole(name, injected(side, flags, payload, what, v6), (1 - side, side))
    # What a host leaves to its adapter: all of one side, or of both.
    for what in "tcp", "pseudo", "zero":
        for sides in (0,), (1,), (0, 1):
            t, _ = talk()
            packets = []
            for p in t.packets:
                s = pcaplib.segment(1, p)
                mine = any(s.source == t.ends[side] for side in sides)
                p = to_v6(p) if v6 else p
                packets.append(spoil(p, what) if mine else p)
            whole("%s offload %s %s" % ("IPv6" if v6 else "IPv4", what, sides), packets, (0, 0))

# A segment that was damaged on its way, and comes again.
t, marks = talk()
packets = list(t.packets)
good = packets[marks[2]]
again = bytearray(good.data)
again[19] += 40  # another identification
again[24:26] = b"\0\0"
again[24:26] = struct.pack("!H", pcaplib.checksum(bytes(again[14:34])))
damaged = bytearray(good.data)
damaged[-6] ^= 0x20
packets[marks[2]] = pcaplib.Packet(good.time, bytes(damaged))
packets.insert(marks[2] + 1, pcaplib.Packet(good.time + 1000, bytes(again)))
whole("damaged", packets, (1, 0))

print("checksums: %d situations" % tried)
sys.exit(faults > 0)
