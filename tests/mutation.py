#!/usr/bin/env python3
"""What must be true of any capture, of each bundled one with faults put in from fixed seeds.

usage: mutation.py [PREFIX...]: captures whose names begin so, all protocols without. Each capture
becomes one file of copies of itself between other addresses: copies in which packets have bytes
changed, are cut, lost, copied and exchanged; copies that end after some of the packets, and that begin
behind some; copies cut by a snap length; then the capture as it is. The program must read the file to
its end with the same bytes for -j 0 and -j 3, each line a JSON object without a negative number and
each ledger the sum of its parts (corpus.py); and what is said of the last copy must be what is said of
the capture alone.
"""
import collections
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import corpus
import pcaplib

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ.get("TSUMARI") or os.path.join(HERE, "..", "tsumari")
PCAPS = os.environ.get("PCAPS") or os.path.join(HERE, "..", "pcaps")
PREFIXES = ["http-odd", "http-pipeline", "http-chunked", "http2", "grpc", "mysql", "nfs", "smtp", "dns", "tls",
            "vrrp", "arp", "redis", "memcached", "pgsql", "icmp", "frag"]
LARGE = 400  # packets of a capture that are used
CHANGED, SLICES, SNAPS = 24, 6, (40, 54, 58, 66, 70, 80, 90, 120)
FAMILY = {b"\x08\0": 14 + 12, b"\x86\xdd": 14 + 8}  # where the addresses begin


def moved(packet, copy, shift):
    """The packet of this copy: other hosts, later. None: not IP on Ethernet."""
    at = FAMILY.get(packet.data[12:14])
    if at is None or len(packet.data) < at + 32:
        return None
    data = bytearray(packet.data)
    if packet.data[12] == 8:
        data[at + 1] ^= copy
        data[at + 5] ^= copy
    else:
        data[at + 4] ^= copy
        data[at + 20] ^= copy
    return pcaplib.Packet(packet.time + shift, bytes(data), packet.wire)


def payload_at(data):
    """Where what TCP or UDP carries begins, about."""
    if data[12:14] == b"\x86\xdd":
        return min(74, len(data))
    head = 14 + (data[14] & 15) * 4
    if data[23] == 6 and len(data) > head + 12:
        return min(head + (data[head + 12] >> 4) * 4, len(data))
    return min(head + 8, len(data))


def changed(rng, data):
    """Bytes replaced behind the headers; now and then in them."""
    data, first = bytearray(data), payload_at(data)
    if rng.random() < 0.1:
        first = 34
    if first >= len(data):
        return bytes(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(first, len(data))
        if rng.random() < 0.5:  # lengths and counts are near the front
            at = min(first + rng.randrange(0, 40), len(data) - 1)
        new = rng.choice((b"\0", b"\xff", b"\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\r\n", b"\x80\0\0\0", None))
        if new is None:
            data[at] ^= 1 << rng.randrange(8)
        else:
            data[at:at + len(new)] = new[:len(data) - at]
    return bytes(data)


def mutated(rng, packets):
    out = []
    for p in packets:
        what = rng.random()
        if what < 0.10:
            out.append(pcaplib.Packet(p.time, changed(rng, p.data), p.wire))
        elif what < 0.12:
            out.append(pcaplib.Packet(p.time, p.data[:rng.randrange(14, len(p.data))], p.wire))
        elif what < 0.14:
            continue
        elif what < 0.16:
            out += [p, p]
        elif what < 0.18 and out:
            last = out.pop()
            out += [pcaplib.Packet(last.time, p.data, p.wire), pcaplib.Packet(p.time, last.data, last.wire)]
        else:
            out.append(p)
    return out


def copies(name, packets):
    rng = random.Random(name)
    for _ in range(CHANGED):
        yield mutated(rng, packets)
    for i in range(1, SLICES):
        yield packets[:len(packets) * i // SLICES]
        yield packets[len(packets) * i // SLICES:]
    for length in SNAPS:
        yield [pcaplib.Packet(p.time, p.data[:length], p.wire) for p in packets]
    yield packets


def run(path, jobs):
    p = subprocess.run([TSUMARI, "-r", path, "--json", "-j", jobs], capture_output=True, timeout=300,
                       stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout, p.stderr.decode(errors="replace").strip()


def said(out, hosts):
    """What transactions of these hosts say, without what depends on the place in the file or is named after it."""
    found = collections.Counter()
    for line in out.splitlines():
        r = json.loads(line)
        if r["type"] == "flow" or r.get("client", {}).get("ip") not in hosts:
            continue
        r.pop("flow", None)
        r["tsumari"].pop("frame", None)
        r["tsumari"].pop("run", None)
        r["event"].pop("id", None)
        found[json.dumps(r, sort_keys=True)] += 1
    return found


def faults_of(name, path, work):
    link, packets = pcaplib.read(path)
    packets = [p for p in packets[:LARGE] if link == 1 and moved(p, 1, 0)]
    if not packets:
        return None
    span = packets[-1].time - packets[0].time + 10**9
    made, last = [], []
    for i, copy in enumerate(copies(name, packets), 1):
        last = [q for q in (moved(p, i, i * span) for p in copy) if q]
        made += last
    whole, alone = os.path.join(work, "whole.pcap"), os.path.join(work, "alone.pcap")
    pcaplib.write(whole, link, made)
    pcaplib.write(alone, link, last)
    status, out, message = run(whole, "0")
    if status:
        return ["exit status %d: %s" % (status, message[-300:])]
    found = []
    if run(whole, "3") != (0, out, message):
        found.append("-j 0 and -j 3 differ")
    for n, line in enumerate(out.split(b"\n")[:-1], 1):
        found += ["line %d: %s" % (n, f) for f in corpus.record_faults(line)]
    status, want, message = run(alone, "0")
    hosts = {r["client"]["ip"] for r in map(json.loads, want.splitlines()) if "client" in r}
    want, got = said(want, hosts), said(out, hosts)
    for who, extra in ("lost", want - got), ("new", got - want):
        found += ["%s beside the others: %s" % (who, k[:400]) for k in list(extra)[:2]]
    return found


def main(prefixes):
    bad = done = 0
    with tempfile.TemporaryDirectory(prefix="tsumari-mutation-") as work:
        for path in sorted(glob.glob(os.path.join(PCAPS, "*.pcap"))):
            name = os.path.basename(path)[:-5]
            if not name.startswith(tuple(prefixes or PREFIXES)):
                continue
            found = faults_of(name, path, work)
            if found is None:
                continue
            done += 1
            bad += bool(found)
            for f in found[:4]:
                print("FAIL %s: %s" % (name, f), flush=True)
    print("mutation: %d captures, %d failed" % (done, bad))
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
