#!/usr/bin/env python3
"""A wrong checksum is believed only where an offload explains it (RFC 1071; RFC 9293, 3.1; RFC 768).

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



def sent_again(packet, hurt):
    """The packet as it was damaged, and the whole one that its sender sends 1 us later."""
    again, bad = bytearray(packet.data), bytearray(packet.data)
    bad[tcp_at(bad) + 20 + hurt] ^= 0x20
    if again[12:14] == b"\x08\x00":
        again[18] += 1
        again[24:26] = b"\0\0"
        again[24:26] = struct.pack("!H", pcaplib.checksum(bytes(again[14:34])))
    return [pcaplib.Packet(packet.time, bytes(bad)), pcaplib.Packet(packet.time + 1000, bytes(again))]


# A long one that is read, of a connection without any trouble: the head of a request, the first one too, and of an
# answer with its body behind it; what ends in the next message's head; one above a hole.
for v6 in False, True:
    for side in 0, 1:
        for number in 0, 3:
            for hurt in 0, 899:  # in the first line, or far behind
                t, hit = pcaplib.Conversation(8), None
                time = t.open(1_700_000_000 * 10**9)
                for i in range(5):
                    hit = len(t.packets) if (i, side) == (number, 0) else hit
                    time = t.send(0, time, b"GET /%d HTTP/1.1\r\nX: %s\r\n\r\n" % (i, b"x" * 900)) + 20_000_000
                    hit = len(t.packets) if (i, side) == (number, 1) else hit
                    time = t.send(1, time, b"HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 1000\r\n\r\n%s" % (
                        b"x" * 900, b"y" * 1000), 1100) + 5_000_000
                packets = [to_v6(p) for p in t.packets] if v6 else list(t.packets)
                packets[hit:hit + 1] = sent_again(packets[hit], hurt)
                whole("long, side %d, exchange %d, byte %d, IPv%d" % (side, number, hurt, 6 if v6 else 4), packets,
                      (1 - side, side))

# What a dissector passes over changes no record, whatever it is.
t = pcaplib.Conversation(9)
time, hits = t.open(1_700_000_000 * 10**9), []
for i in range(5):
    time = t.send(0, time, b"GET /%d HTTP/1.1\r\n\r\n" % i) + 20_000_000
    hits.append(len(t.packets) + 2)
    time = t.send(1, time, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"y" * 5000) + 5_000_000
packets = list(t.packets)
packets[hits[2]] = sent_again(packets[hits[2]], 0)[0]
whole("in a body", packets, (0, 0))

# Whoever made the payload unknown left the sums: what the other side acknowledges was no damage to it, and is read.
for changed in range(5), (0,), (2,), (4,):
    for side in 0, 1:
        t, marks = talk()
        packets = list(t.packets)
        for i in changed:
            p = packets[marks[i] + 2 * side]
            s = pcaplib.segment(1, p)
            d = bytearray(s.copy(payload=s.payload.replace(b"Host: a", b"Host: *").replace(b"ok", b"**")).frame())
            d[tcp_at(d) + 16:tcp_at(d) + 18] = p.data[tcp_at(p.data) + 16:tcp_at(p.data) + 18]
            packets[marks[i] + 2 * side] = pcaplib.Packet(p.time, bytes(d))
        if side == 1 and changed == (4,):
            continue  # nothing acknowledges the last one
        whole("changed payloads %s of side %d" % (list(changed), side), packets, (1 - side, side))

# None is no offload's on a side that has right ones.
for side in 0, 1:
    t, marks = talk()
    packets = list(t.packets)
    for i in marks[2] + (0, 2)[side],:
        packets[i:i + 1] = sent_again(packets[i], 4)
        packets[i] = spoil(packets[i], "zero")
    whole("none, side %d" % side, packets, (1 - side, side))

# Put together by an adapter, which left the first one's sum: longer than a segment with its options may be.
t, marks = talk()
packets = list(t.packets)
s = pcaplib.segment(1, packets[marks[4]])
s.tcp = s.tcp[:12] + b"\x80" + s.tcp[13:] + b"\1\1\x08\x0a" + bytes(8)
bad = s.copy(payload=b"GET /4 HTTP/1.1\r\nX: " + b"x" * 1430 + b"\r\n\r\n")
packets = packets[:marks[4]] + [spoil(pcaplib.Packet(packets[marks[4]].time, bad.frame()), "tcp")]
tried += 1
got, tcp = run("joined", packets)
same("joined", "requests", (len(got), got[-1].get("path")), (5, "/4"))

# Datagrams.
CLIENT, SERVER = (b"\x0a\0\0\2", 40000), (b"\x0a\0\0\x35", 53)


def datagram(time, source, target, payload, what=None, v6=False):
    """what: nothing, or how it is spoiled."""
    a, b = source[0], target[0]
    if v6:
        a, b = (bytes.fromhex("20010db8") + bytes(8) + x for x in (a, b))
    n = 8 + len(payload)
    pseudo = a + b + (struct.pack("!II", n, 17) if v6 else struct.pack("!HH", 17, n))
    head = struct.pack("!HHHH", source[1], target[1], n, 0)
    value = pcaplib.checksum(pseudo + head + payload) or 0xFFFF
    if what == "pseudo":
        value = ~pcaplib.checksum(pseudo) & 0xFFFF
    elif what == "none":
        value = 0
    elif what == "wrong":
        value ^= 0x5A5A
    elif what == "damaged":  # a letter of the name
        payload = payload[:15] + bytes([payload[15] ^ 0x01]) + payload[16:]
    body = head[:6] + struct.pack("!H", value) + payload
    if v6:
        ip = struct.pack("!IHBB", 6 << 28, n, 17, 64) + a + b
    else:
        datagram.ident = getattr(datagram, "ident", 0) + 1
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + n, datagram.ident, 0, 64, 17, 0) + a + b
        total = pcaplib.checksum(ip) ^ (0x0400 if what == "ip" else 0)
        ip = ip[:10] + struct.pack("!H", total) + ip[12:]
    return pcaplib.Packet(time, bytes(12) + (b"\x86\xdd" if v6 else b"\x08\0") + ip + body)


def question(ident, answer=None, times=1):
    name = b"\3www\7example\3com\0" + struct.pack("!HH", 1, 1)
    text = struct.pack("!HHHHHH", ident, 0x8180 if answer else 0x0100, 1, times if answer else 0, 0, 0) + name
    return text + (b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + answer if answer else b"") * times


def names(name, how, counted, v6, retries=0, addresses=1):
    """Three questions; how: {(number, side, which try): what}."""
    global tried
    tried += 1
    packets, time = [], 1_700_000_000 * 10**9
    for i in range(3):
        for again in range(2 if (i, 0, 1) in how or (i, 1, 1) in how else 1):
            packets.append(datagram(time, CLIENT, SERVER, question(50 + i), how.get((i, 0, again)), v6))
            if how.get((i, 0, again)) not in ("damaged", "ip"):
                packets.append(datagram(time + 3_000_000, SERVER, CLIENT, question(50 + i, b"\xc0\0\2\1", addresses),
                                        how.get((i, 1, again)), v6))
            time += 1_000_000_000
    path = os.path.join(folder, "names.pcap")
    pcaplib.write(path, 1, packets)
    out = [subprocess.run([program, j, "-r", path, "--json"], capture_output=True, check=True).stdout for j in ("-j0", "-j3")]
    same(name, "-j3", out[1], out[0])
    records = [json.loads(line) for line in out[0].splitlines()]
    flow = [r for r in records if r["type"] == "flow"][-1]["tsumari"].get("flow", {})
    got = [r for r in records if r["type"] == "dns"]
    same(name, "answers", [(r["dns"]["question"]["name"], r["dns"].get("response_code")) for r in got],
         [("www.example.com", "NOERROR")] * 3)
    same(name, "counted", flow.get("bad_checksums", 0), counted)
    same(name, "frame", flow.get("bad_checksum_frame", 0) > 0, counted > 0)
    same(name, "retries", sum(r["tsumari"].get("dns", {}).get("retries", 0) for r in got), retries)


for v6 in False, True:
    base = "IPv6 " if v6 else "IPv4 "
    names(base + "right", {}, 0, v6)
    # Each comes again, whole.
    names(base + "question damaged", {(1, 0, 0): "damaged", (1, 0, 1): None}, 1, v6)
    names(base + "answer damaged", {(1, 1, 0): "damaged", (1, 0, 1): None}, 1, v6, retries=1)
    names(base + "long answer damaged", {(1, 1, 0): "damaged", (1, 0, 1): None}, 1, v6, 1, 70)
    if not v6:
        names(base + "question's IP header damaged", {(1, 0, 0): "ip", (1, 0, 1): None}, 1, v6)
    for what in "pseudo", "wrong", "none":
        for side in 0, 1:
            names(base + "%s, side %d" % (what, side), {(i, side, 0): what for i in range(3)}, 0, v6)
    names(base + "none, once", {(1, 0, 0): "none"}, 0, v6)

print("checksums: %d situations" % tried)
sys.exit(faults > 0)
