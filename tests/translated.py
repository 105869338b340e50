"""Connections that are captured before and behind translation of addresses: one each, whose copies are
named, however little they say; and what looks like it and is two.

usage: translated.py PROGRAM DIRECTORY
"""
import itertools
import struct

import pcaplib
import wire
from wire import *

INSIDE = {CLIENT: (bytes((10, 0, 0, 9)), bytes.fromhex("20010db8" + "0" * 22 + "99")),
          SERVER: (bytes((10, 0, 0, 80)), bytes.fromhex("20010db8" + "0" * 22 + "88"))}
NAT = {"the server's": {SERVER: 8080}, "the client's": {CLIENT: 51234}, "the client's address": {CLIENT: None}}


def sender(s):
    return CLIENT if s.tcp[:2] == struct.pack("!H", 40000) else SERVER


def translated(data, nat, hops):
    s = pcaplib.segment(1, pcaplib.Packet(0, data))
    v6, side, ip, tcp = s.ip[0] >> 4 == 6, sender(s), bytearray(s.ip), bytearray(s.tcp)
    for end, port in nat.items():
        at = (8 if v6 else 12) + (end != side) * (16 if v6 else 4)
        ip[at:at + (16 if v6 else 4)] = INSIDE[end][v6]
        if port:
            tcp[2 * (end != side):2 * (end != side) + 2] = struct.pack("!H", port)
    ip[7 if v6 else 8] -= hops
    s.ip, s.tcp = bytes(ip), bytes(tcp)
    return s.frame()


def without_id(data):
    s = pcaplib.segment(1, pcaplib.Packet(0, data))
    if s.ip[0] >> 4 == 4:
        s.ip = s.ip[:4] + b"\0\0" + s.ip[6:]
    return s.frame()


def both(packets, nat, hops, later=30_000):
    """What comes from the client is captured outside first, the server's inside."""
    out = []
    for p in packets:
        pair = [p.data, translated(p.data, nat, hops)]
        if sender(pcaplib.segment(1, p)) == SERVER:
            pair.reverse()
        out += [pcaplib.Packet(p.time, pair[0]), pcaplib.Packet(p.time + later, pair[1])]
    return sorted(out, key=lambda p: p.time)


def cooked(packets):
    """As Linux captures them on all of its interfaces, one coming and one going."""
    return [pcaplib.Packet(p.time, struct.pack("!HHH6sH", n % 2 * 4, 1, 6, p.data[6:12], 0) + p.data[12:14] + p.data[14:])
            for n, p in enumerate(packets)]


def handshake(w):
    w.open()


def never_answered(w):
    for at in 0, 1000, 3000:
        w.segment(CLIENT, at, flags=SYN, seq=-1, ack=-1)


def refused(w):
    w.segment(CLIENT, 0, flags=SYN, seq=-1, ack=-1)
    w.segment(SERVER, 10, flags=RST | ACK, seq=-1, ack=0)


def request(w):
    t = w.open() + 1
    w.segment(CLIENT, t, get())
    w.segment(SERVER, t + 30, ok(100))
    w.segment(CLIENT, t + 60)


def kept_alive(w):
    """Begun before the capture, and nothing is said: bare ACKs."""
    t = w.open() + 100
    w.segment(CLIENT, t, 30)
    w.segment(SERVER, t + 10)
    for n in range(4):
        w.segment(CLIENT, t + 1000 * (n + 1), seq=w.next[CLIENT] - 1)
        w.segment(SERVER, t + 1000 * (n + 1) + 10)
    return t + 50


def ended(w):
    """Of one begun before the capture, the end."""
    t = w.open() + 100
    w.segment(CLIENT, t, flags=FIN | ACK)
    w.next[CLIENT] += 1
    w.segment(SERVER, t + 10, flags=FIN | ACK)
    w.next[SERVER] += 1
    w.segment(CLIENT, t + 30)
    return t - 20


SITUATIONS = handshake, never_answered, refused, request, kept_alive, ended


def read(packets, link=1):
    write, link_of = pcaplib.write, link
    wire.pcaplib.write = lambda path, _, packets: write(path, link_of, packets)
    try:
        return run(packets)
    finally:
        wire.pcaplib.write = write


@situation
def one_connection():
    ways = itertools.product(SITUATIONS, NAT, (False, True), (False, True), (False, True), (False, True))
    for tell, nat, v6, times, ids, any_link in ways:
        if v6 and ids:
            continue
        where = "%s, %s, %s%s%s%s" % (tell.__name__, nat, "IPv6" if v6 else "IPv4", " times" if times else "",
                                      " identification" if ids else "", ", on any" if any_link else "")
        w = Wire(v6=v6, times=times)
        packets = w.packets("path", since=tell(w))
        if not ids:
            packets = [pcaplib.Packet(p.time, without_id(p.data)) for p in packets]
        seen = both(packets, NAT[nat], not any_link)
        records = read(cooked(seen), 113) if any_link else read(seen)
        f = [r for r in records if r["type"] == "flow"]
        same(where, "flows", len(f), 1)
        same(where, "transactions", len(records) - len(f), int(tell == request))
        same(where, "copies", f[0].get("tsumari.flow.duplicates"), len(packets))
        same(where, "how", f[0].get("tsumari.copy.kind"), ["nat"])


# The handshake's frames in every order in which two interfaces may give them: S and A outside, s and a
# inside. Without timestamps nothing ties an answer to a SYN that comes behind it.
ORDERS = "SsAa", "SAsa", "SAas", "SsaA", "ASas", "sSaA", "saSA", "asSA", "AaSs", "SaAs", "aSsA"


@situation
def answers_before_their_questions():
    ways = {name: lambda data, nat=nat: translated(data, nat, 1) for name, nat in NAT.items()}
    ways["a tag"] = lambda data: data[:12] + b"\x81\0\0\xc8" + data[12:]
    for (way, change), times, ids, order in itertools.product(ways.items(), (False, True), (False, True), ORDERS):
        if order == "SaAs" and way == "a tag" or order in ("SaAs", "aSsA") and way != "a tag" and not times:
            continue
        where = "%s, %s%s%s" % (way, order, ", times" if times else "", ", identification" if ids else "")
        w = Wire(delay=5, times=times)
        request(w)
        packets = w.packets("path")
        if not ids:
            packets = [pcaplib.Packet(p.time, without_id(p.data)) for p in packets]
        seen = []
        for n, one in enumerate(order):
            data = packets["SsAa".index(one) // 2].data
            seen.append(pcaplib.Packet(packets[0].time + 10_000 * n, change(data) if one in "sa" else data))
        for p in packets[2:]:
            seen += [p, pcaplib.Packet(p.time + 10_000, change(p.data))]
        records = run(seen)
        f = [r for r in records if r["type"] == "flow"]
        same(where, "flows", len(f), 1)
        same(where, "copies", f[0].get("tsumari.flow.duplicates"), len(packets))
        same(where, "kind", f[0].get("tsumari.copy.kind"), ["vlan" if way == "a tag" else "nat"])
        same(where, "SYNs again", f[0].get("tsumari.tcp.syn_retries"), 0)
        for r in txns(records):
            expect(where, r, {"connect.network": 10, "server": 30})
        same(where, "transactions", len(txns(records)), 1)


@situation
def two_connections():
    """The same numbers on the same way, as those that are made by hand: nothing says that they are one."""
    for v6, tell in itertools.product((False, True), (handshake, request, kept_alive)):
        w = Wire(v6=v6, times=False)
        packets = [pcaplib.Packet(p.time, without_id(p.data)) for p in w.packets("path", since=tell(w))]
        records = read(both(packets, NAT["the client's"], 0))
        same(tell.__name__, "flows", len([r for r in records if r["type"] == "flow"]), 2)
        same(tell.__name__, "transactions", len(txns(records)), 2 * (tell == request))


@situation
def answers_to_a_port_scan():
    """Hosts refuse it with the same numbers, and some of them are one router further."""
    frames = []
    for n in range(40):
        w = Wire(times=False)
        refused(w)
        for p in w.packets("client"):
            s = pcaplib.segment(1, p)
            ip = bytearray(s.ip)
            at = 19 if sender(s) == CLIENT else 15
            ip[at] = 100 + n
            if sender(s) == SERVER:
                ip[4:6] = b"\0\0"
                ip[8] = 63 + n % 2
            else:
                ip[4:6] = struct.pack("!H", 1 + 777 * n)
            s.ip = bytes(ip)
            frames.append(pcaplib.Packet(p.time + 100_000 * n, s.frame()))
    records = run(sorted(frames, key=lambda p: p.time))
    same("port scan", "flows", len([r for r in records if r["type"] == "flow"]), 40)
    same("port scan", "copies", sum(r.get("tsumari.flow.duplicates", 0) for r in records), 0)


done("translated")
