#!/usr/bin/env python3
"""Datagrams that are captured again, out of order, or damaged.

Copies: a datagram captured twice is one, whatever way it went; one that was sent again is another.
The bundled captures with a copy of each datagram, or of some: the transactions are the same. Made
ones: translated addresses, tags, resends with and without an IP identification.
Arguments: the program, the folder of captures, a folder for made ones.
"""
import collections
import json
import os
import random
import struct
import subprocess
import sys

import pcaplib
from pcaplib import Packet
from recordlib import strip

program, pcaps, scratch = sys.argv[1:]
faults = tried = 0
US, MS = 1000, 10**6
START = 1_700_000_000 * 10**9
CLIENT, SERVER, OTHER, HOST = "10.0.0.2", "10.0.0.53", "10.0.0.54", "192.0.2.7"


def same(name, what, got, want):
    global faults
    if got != want:
        faults += 1
        print("%s: %s is %s, not %s" % (name, what, got, want))


def ip(text):
    return bytes(map(int, text.split(".")))


def udp(time, src, dst, payload, ident=0, ttl=64, vlan=0, mac=1, v6=False, fragment=None):
    """An Ethernet frame; src and dst: (address, port). fragment: (offset, end) of the UDP datagram."""
    (a, sport), (b, dport) = src, dst
    a, b = ip(a), ip(b)
    if v6:
        a, b = (bytes.fromhex("20010db8") + bytes(8) + x for x in (a, b))
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    pseudo = a + b + (struct.pack("!II", len(body), 17) if v6 else struct.pack("!HH", 17, len(body)))
    body = body[:6] + struct.pack("!H", pcaplib.checksum(pseudo + body) or 0xFFFF) + body[8:]
    flags = 0 if ident else 0x4000
    if fragment:
        flags = fragment[0] // 8 | (0x2000 if fragment[1] < len(body) else 0)
        body = body[fragment[0]:fragment[1]]
    if v6:
        head = struct.pack("!IHBB", 6 << 28, len(body), 17, ttl) + a + b
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, flags, ttl, 17, 0) + a + b
        head = head[:10] + struct.pack("!H", pcaplib.checksum(head)) + head[12:]
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    kind = b"\x86\xdd" if v6 else b"\x08\0"
    return Packet(time, b"\2\0\0\0\0\x63\2\0\0\0\0" + bytes([mac]) + tag + kind + head + body)


def question(ident, answer=None):
    name = b"\3www\7example\3com\0"
    ask = struct.pack("!HHHHHH", ident, 0x8180 if answer else 0x0100, 1, 1 if answer else 0, 0, 0)
    ask += name + struct.pack("!HH", 1, 1)
    return ask + (b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + ip(answer) if answer else b"")


def run(name, packets, *args, link=1):
    path = os.path.join(scratch, name.replace(" ", "-").replace("/", "-") + ".pcap")
    pcaplib.write(path, link, packets)
    out = []
    for jobs in "-j0", "-j3":
        p = subprocess.run([program, jobs, "-r", path, "--json", *args], capture_output=True, timeout=60)
        if p.returncode:
            same(name, "exit status", (p.returncode, p.stderr), 0)
        out.append(p.stdout)
    same(name, "-j3", out[1], out[0])
    os.unlink(path)
    return [json.loads(line) for line in out[0].splitlines()]


def parts(records):
    flows = [r for r in records if r["type"] == "flow" and r["flow"]["final"]]
    return flows, [r for r in records if r["type"] not in ("flow", "finding", "vrrp", "arp")]


def copies_of(flow):
    return flow["tsumari"].get("flow", {}).get("duplicates", 0)


def dns(name, packets, transactions, copies, retries=0, flows=1, kind=None, *args):
    """So many transactions that are answered, copies and queries sent again."""
    global tried
    tried += 1
    f, got = parts(run(name, packets, *args))
    same(name, "flows", len(f), flows)
    same(name, "answered", [r.get("dns", {}).get("response_code") for r in got], ["NOERROR"] * transactions)
    same(name, "copies", sum(copies_of(x) for x in f), copies)
    same(name, "retries", sum(r["tsumari"].get("dns", {}).get("retries", 0) for r in got), retries)
    if kind:
        same(name, "kind", [x["tsumari"].get("copy", {}).get("kind") for x in f][:1], [[kind]])
    return f, got


def wait(r):
    return r["tsumari"]["time"]


# Bundled captures, each datagram (or some) once more.


def is_udp(data):
    kind, at = data[12:14], 14
    if kind == b"\x08\0":
        return data[at + 9] == 17 and not struct.unpack("!H", data[at + 6:at + 8])[0] & 0x3FFF
    return kind == b"\x86\xdd" and data[at + 6] == 17


def without_id(data):
    if data[12:14] != b"\x08\0" or struct.unpack("!H", data[20:22])[0] & 0x3FFF:
        return data
    d = bytearray(data)
    d[18:20] = b"\0\0"
    d[24:26] = b"\0\0"
    d[24:26] = struct.pack("!H", pcaplib.checksum(bytes(d[14:34])))
    return bytes(d)


def again(data, tag, hop):
    d = bytearray(data)
    if hop and d[12:14] == b"\x08\0":
        d[22] -= 1
        d[24:26] = b"\0\0"
        d[24:26] = struct.pack("!H", pcaplib.checksum(bytes(d[14:34])))
    elif hop:
        d[21] -= 1
    if tag:
        d[12:12] = b"\x81\0\0\xc8"
    return bytes(d)


WAYS = [  # how many, how late at most, with a tag, behind a router
    ("behind", 1, 0, False, False),
    ("hop-60us", 1, 60 * US, False, True),
    ("some-hop-20ms", .4, 20 * MS, False, True),
    ("vlan", 1, 0, True, False),
    ("vlan-late", 1, 400 * US, True, True),
]


def bundled(name):
    global tried
    link, packets = pcaplib.read(os.path.join(pcaps, name))
    for ids in True, False:
        frames = [p if ids else Packet(p.time, without_id(p.data), p.wire) for p in packets]
        flows, want = parts(run(name, frames, link=link))
        want = collections.Counter(map(strip, want))
        before = sum(map(copies_of, flows))  # sent again within microseconds
        for title, part, delay, tag, hop in WAYS:
            rng, made, n = random.Random(name + title), [], 0
            for i, p in enumerate(frames):
                made.append((p.time, i, 0, p))
                if not is_udp(p.data) or rng.random() >= part:
                    continue
                late = rng.randrange(0, delay) if delay else 0
                made.append((p.time + late, i if not late else len(frames), 1,
                             Packet(p.time + late, again(p.data, tag, hop), p.wire + 4 * tag)))
                n += 1
            tried += 1
            text = "%s %s %s" % (name, title, "with ids" if ids else "without")
            flows, got = parts(run(text, [m[3] for m in sorted(made, key=lambda m: m[:3])], link=link))
            got = collections.Counter(map(strip, got))
            if got != want:
                same(text, "transactions", [x[:400] for x in list((got - want) + (want - got))[:2]], [])
            same(text, "copies", sum(map(copies_of, flows)), before + n)


for name in "dns.pcap", "nfs-udp.pcap", "nfs-portmap.pcap", "nfs-acl.pcap":
    bundled(name)

# Copies and resends, by hand.

me, server = (CLIENT, 40000), (SERVER, 53)
ASK, ANSWER = question(7), question(7, "192.0.2.1")


def exchange(**more):
    """(ask, answer): functions of a time."""
    return (lambda t, **m: udp(START + t, me, server, ASK, **dict(more, **m)),
            lambda t, **m: udp(START + t, server, me, ANSWER, **dict(more, **m)))


for v6 in False, True:
    for ids in (0,) if v6 else (0, 77):
        ask, answer = exchange(v6=v6, ident=ids)
        base = "%s id %d" % ("IPv6" if v6 else "IPv4", ids)
        dns(base + " mirror", [ask(0), ask(20 * US), answer(MS), answer(MS + 20 * US)], 1, 2, kind="same")
        dns(base + " router", [ask(0), ask(3 * MS, ttl=63, mac=2), answer(5 * MS), answer(8 * MS, ttl=63)], 1, 2)
        dns(base + " vlan", [ask(0), ask(9 * US, vlan=7), answer(MS), answer(MS + 9 * US, vlan=7)], 1, 2, kind="vlan")
        # The answer of the other way is the first that is seen.
        dns(base + " vlan in turn", [ask(0), ask(9 * US, vlan=7), answer(MS, vlan=7), answer(MS + 9 * US)], 1, 2)
        # Sent again, with a new identification where there are any, on both ways.
        new = 78 if ids else 0
        dns(base + " resent", [ask(0), ask(MS * 1000, ident=new), answer(MS * 1003)], 1, 0, retries=1)
        dns(base + " resent soon", [ask(0), ask(40 * MS, ident=new), answer(MS * 1003)], 1, 0, retries=1)
        dns(base + " resent, both copied",
            [ask(0), ask(9 * US, vlan=7), ask(50 * MS, ident=new), ask(50 * MS + 9 * US, ident=new, vlan=7),
             answer(53 * MS), answer(53 * MS + 9 * US, vlan=7)], 1, 3, retries=1)
        dns(base + " interfaces by the block",
            [ask(0), ask(2 * MS, ident=new), ask(2 * MS + 5 * US, vlan=7), ask(2 * MS + 7 * US, ident=new, vlan=7),
             answer(5 * MS)], 1, 2, retries=1)

# Translated addresses: the client's, the server's, both.
for ids in 0, 5000:
    for title, src, dst in (("snat", (HOST, 61000), server), ("dnat", me, (OTHER, 5300)),
                            ("both", (HOST, 61000), (OTHER, 5300))):
        if title == "both" and not ids:
            continue
        name = "%s id %d" % (title, ids)
        packets = [udp(START, me, server, ASK, ids, 64), udp(START + 30 * US, src, dst, ASK, ids, 63, mac=2),
                   udp(START + 9 * MS, dst, src, ANSWER, ids, 58, mac=3),
                   udp(START + 9 * MS + 40 * US, server, me, ANSWER, ids, 57, mac=4)]
        f, got = dns(name, packets, 1, 2, kind="nat")
        copy = f[0]["tsumari"].get("copy", {})
        same(name, "ends", (f[0]["client"]["ip"], f[0]["server"]["ip"]), (me[0], server[0]))
        same(name, "copy's ends", (copy.get("client", {}).get("ip"), copy.get("client", {}).get("port"),
                                   copy.get("server", {}).get("ip"), copy.get("server", {}).get("port")), src + dst)

# What two hosts say the same is no copy: a resolver that asks two servers, with and without identification.
for ids in (0, 0), (5000, 5001):
    dns("two servers id %d" % ids[0],
        [udp(START, me, server, ASK, ids[0]), udp(START + 10 * US, me, (OTHER, 53), ASK, ids[1]),
         udp(START + MS, server, me, ANSWER, 9), udp(START + 2 * MS, (OTHER, 53), me, ANSWER, 10)], 2, 0, flows=2)
# A proxy that passes the question on from its own end.
dns("proxy", [udp(START, me, server, ASK, 0, 64), udp(START + 50 * US, (SERVER, 999), (OTHER, 53), ASK, 0, 64),
              udp(START + MS, (OTHER, 53), (SERVER, 999), ANSWER, 0, 64),
              udp(START + 2 * MS, server, me, ANSWER, 0, 64)], 2, 0, flows=2)


def unknown(name, packets, counted, copies):
    global tried
    tried += 1
    f, _ = parts(run(name, packets))
    same(name, "flows, packets, copies", (len(f), sum(x["client"]["packets"] + x["server"]["packets"] for x in f),
                                          sum(map(copies_of, f))), (1, counted, copies))


# Of no known protocol: equal datagrams without identification, one after the other, are what they are.
METRIC = [udp(START + 15 * US * i, me, (SERVER, 8125), b"requests:1|c") for i in range(20)]
unknown("equal ones", METRIC, 20, 0)
unknown("equal ones, two interfaces", [x for p in METRIC for x in (p, Packet(p.time + US, again(p.data, True, False)))], 20, 20)
unknown("equal ones, mirrored with ids",
        [x for i in range(20) for x in [udp(START + MS * i, me, (SERVER, 8125), b"requests:1|c", 100 + i)] * 2], 20, 20)
TRACE = [udp(START + MS * i, me, (SERVER, 33434), b"@ABCDEFGHIJKLMNOPQRSTUVWXYZ", ttl=1 + i) for i in range(20)]
unknown("probes", TRACE, 20, 0)
# Far behind the capture's beginning, datagrams of any port are looked at now and then, and always where there are copies.
BUSY = [udp(START + 100 * US * i, me, (SERVER, 9999), b"datagram number %06d" % i, 1 + i % 60000) for i in range(60000)]
TAIL = [x for p in BUSY[40000:] for x in (p, Packet(p.time + US, again(p.data, True, False)))]
f, _ = parts(run("late copies", BUSY[:40000] + TAIL))
same("late copies", "almost all", sum(map(copies_of, f)) > 4000, True)

# Fragments.
BIG = b"".join(struct.pack("!I", i) for i in range(700))
CUTS = [(0, 1480), (1480, 2808)]


def fragments(time, ident=600, **more):
    return [udp(START + time, me, (SERVER, 2000), BIG, ident, fragment=c, **more) for c in CUTS]


a, b = fragments(0)
unknown("fragments", [a, b] + fragments(9 * US), 1, 1)
unknown("fragments, each twice", [a, a, b, b], 1, 1)
unknown("fragments, behind a router", [a, b] + fragments(9 * US, ttl=63), 1, 1)
unknown("fragments, in turn", [x for y in zip([a, b], fragments(0, ttl=63)) for x in y], 1, 1)
unknown("fragments, sent again", [a, b] + fragments(MS, ident=601), 2, 0)

# An answer that stands before its request: at one time, some microseconds early, in blocks.


def call(xid, reply=False, program=100003, version=3, procedure=0):
    """The NULL procedure of NFS over UDP (RFC 5531)."""
    if reply:
        return struct.pack("!6I", xid, 1, 0, 0, 0, 0)
    return struct.pack("!10I", xid, 0, 2, program, version, procedure, 0, 0, 0, 0)


def ordered(name, pairs, back, count, port, kind):
    """Exchanges (request, answer) whose answers come `back` before; all answered, the wait is none."""
    global tried
    tried += 1
    packets = []
    for i, (a, b) in enumerate(pairs):
        at = START + i * 20 * MS
        packets.append(udp(at + US, (SERVER, port), me, b, 1 + i, mac=2))
        packets.append(udp(at + US + back, me, (SERVER, port), a, 1 + i))
    flows, got = parts(run(name, packets))
    same(name, "records", [r["type"] for r in got], [kind] * count)
    same(name, "client", [x["client"]["ip"] for x in flows], [CLIENT])
    same(name, "wait", [(wait(r).get("wait"), r["event"].get("outcome")) for r in got], [(0, "success")] * count)
    same(name, "quality", {q for r in got for q in r["tsumari"].get("quality", [])} - {"no_rtt"}, set())


NAMES = [(question(100 + i), question(100 + i, "192.0.2.1")) for i in range(5)]
CALLS = [(call(100 + i), call(100 + i, True)) for i in range(5)]
for back in 0, 50 * US, 9 * MS:
    ordered("dns, answers %d us early" % (back // US), NAMES, back, 5, 53, "dns")
    ordered("rpc, answers %d us early" % (back // US), CALLS, back, 5, 2049, "nfs")
# Several at once, all answers before all requests.
for pairs, port, kind in (NAMES, 53, "dns"), (CALLS, 2049, "nfs"):
    tried += 1
    name = kind + " answers in a block before"
    block = [udp(START + US * i, (SERVER, port), me, b, 1 + i, mac=2) for i, (_, b) in enumerate(pairs)]
    block += [udp(START + US * 9, me, (SERVER, port), a, 1 + i) for i, (a, _) in enumerate(pairs)]
    _, got = parts(run(name, block))
    same(name, "answered", [r["event"].get("outcome") for r in got], ["success"] * 5)
    # Frames in blocks, their times right.
    tried += 1
    name = kind + " times right, in blocks"
    block = [udp(START + MS * (2 * i + 1), (SERVER, port), me, b, 1 + i, mac=2) for i, (_, b) in enumerate(pairs)]
    block += [udp(START + MS * 2 * i, me, (SERVER, port), a, 1 + i) for i, (a, _) in enumerate(pairs)]
    _, got = parts(run(name, block))
    same(name, "waits", [(wait(r).get("wait"), r["event"].get("outcome")) for r in got], [(MS, "success")] * 5)
# Too early: it answers something that was not captured.
late = [udp(START, server, me, ANSWER, 5), udp(START + 11 * MS, me, server, ASK, 5)]
f, got = parts(run("an answer to nothing", late))
same("an answer to nothing", "records", [("no_request" in r["tsumari"]["quality"], "no_response" in r["tsumari"]["quality"])
                                         for r in got], [(True, False), (False, True)])
# Only the server's side was captured: every answer is told.
f, got = parts(run("answers only", [udp(START + 300 * MS * i, server, me, b, 1 + i) for i, (_, b) in enumerate(NAMES)]))
same("answers only", "records", [r["tsumari"]["quality"].count("no_request") for r in got], [1] * 5)

print("datagrams: %d situations" % tried)
sys.exit(faults > 0)
