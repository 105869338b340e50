#!/usr/bin/env python3
"""Frames that are captured again change nothing but the number of copies.

Each bundled capture, with a random subset of its TCP segments once more: directly behind or up to a
millisecond later, on the same interface, with a VLAN tag, the time to live less one, or both. The
transactions are the same, nothing is a retransmission that was none, and every copy is counted; but
for bare ACKs and resets that others have overtaken, which may be none.
Arguments: the program, the folder of captures, a folder for made ones; then names of captures (all).
"""
import collections
import glob
import json
import os
import random
import subprocess
import sys

import pcaplib
from pcaplib import Packet
from recordlib import strip

program, pcaps, scratch = sys.argv[1:4]
only = sys.argv[4:]
faults = tried = 0
TROUBLE = ("retransmits", "rtos", "fast_retransmits", "spurious_retransmits", "out_of_order",
           "lost_in_capture", "gaps", "outside_window")


def fail(name, text):
    global faults
    faults += 1
    print("%s: %s" % (name, text))


def run(path):
    p = subprocess.run([program, "-j0", "-r", path, "--json"], capture_output=True, timeout=120)
    if p.returncode and "cut short" not in p.stderr.decode():
        fail(path, "exit status %d: %s" % (p.returncode, p.stderr.decode()[:200]))
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


def summary(records):
    """(transactions, trouble of all flows, copies)"""
    trouble, copies = collections.Counter(), 0
    for r in records:
        if r["type"] != "flow" or not r["flow"]["final"]:
            continue
        copies += r["tsumari"].get("flow", {}).get("duplicates", 0)
        for side in "client", "server":
            for k in TROUBLE:
                trouble[k] += r["tsumari"].get("tcp", {}).get(side, {}).get(k, 0)
    kinds = ("flow", "vrrp", "arp", "finding")
    return collections.Counter(strip(r) for r in records if r["type"] not in kinds), trouble, copies


def again(data, tag, hop):
    """The frame with a tag, and behind a router."""
    at = 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    out = bytearray(data)
    ip = at + 2
    if hop and data[at:at + 2] == b"\x08\x00":
        out[ip + 8] -= 1
        out[ip + 10:ip + 12] = b"\0\0"
        n = (out[ip] & 15) * 4
        out[ip + 10:ip + 12] = pcaplib.checksum(bytes(out[ip:ip + n])).to_bytes(2, "big")
    elif hop:
        out[ip + 7] -= 1
    if tag:
        out[12:12] = b"\x81\x00\x00\xc8"
    return bytes(out)


def copied(rng, link, packets, part, delay, tag, hop):
    out, n, sure, before = [], 0, 0, 0
    for i, p in enumerate(packets):
        out.append((p.time, i, 0, p))
        s = pcaplib.segment(link, p)
        if s is None or (s.target[1] == 4789 or s.source[1] == 4789) or rng.random() >= part:
            continue
        late = rng.randrange(0, delay) if delay else 0
        if tag:  # another way has an order of its own
            late = max(p.time + late, before) - p.time
            before = p.time + late
        out.append((p.time + late, i if not late else len(packets), 1,
                    Packet(p.time + late, again(p.data, tag, hop), p.wire + 4 * tag)))
        n += 1
        sure += bool(s.payload or s.flags & (pcaplib.SYN | pcaplib.FIN)) and not s.flags & pcaplib.RST
    out.sort(key=lambda e: e[:3])
    return [e[3] for e in out], n, sure


WAYS = [  # how many, how late at most, with a tag, behind a router
    ("all-behind", 1, 0, False, False),
    ("all-hop-60us", 1, 60_000, False, True),
    ("some-behind", .4, 0, False, False),
    ("some-late", .4, 1_000_000, False, True),
    ("all-vlan", 1, 0, True, False),
    ("all-vlan-late", 1, 400_000, True, True),
]


def try_capture(path):
    global tried
    name = os.path.basename(path).split(".pcap")[0]
    try:
        link, packets = pcaplib.read(path)
    except ValueError:
        return
    if link != 1 or any(b.time < a.time for a, b in zip(packets, packets[1:])):
        return
    want, trouble, before = summary(run(path))
    for title, part, delay, tag, hop in WAYS:
        made, n, sure = copied(random.Random(name + title), link, packets, part, delay, tag, hop)
        if not n:
            continue
        tried += 1
        file = os.path.join(scratch, "%s-%s.pcap" % (name, title))
        pcaplib.write(file, link, made)
        got, worse, copies = summary(run(file))
        ok = faults
        if got != want:
            fail(name + " " + title, "lost %d, invented %d: %s" % (
                sum((want - got).values()), sum((got - want).values()),
                [x[:300] for x in list(want - got)[:1] + list(got - want)[:1]]))
        if worse != trouble:
            fail(name + " " + title, "%s, were %s" % (dict(worse - trouble), dict(trouble - worse)))
        if not before + sure <= copies <= before + n:
            fail(name + " " + title, "%d copies, are %d to %d" % (copies, before + sure, before + n))
        if ok == faults:
            os.unlink(file)


for path in sorted(glob.glob(os.path.join(pcaps, "*.pcap*"))):
    if not only or os.path.basename(path).split(".")[0] in only:
        try_capture(path)
if not tried:
    fail("copies", "no captures")
print("copies: %d captures" % tried)
sys.exit(faults > 0)
