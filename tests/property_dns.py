"""What property.py has to know of DNS.

Made connections carry queries over TCP for names with a number in them; the response's address is the
number. Every other connection sends the next queries before the response to the first.
"""
import random
import re
import struct

import pcaplib


def inner(record, *keys):
    for k in keys:
        record = record.get(k, {}) if isinstance(record, dict) else {}
    return None if record == {} else record


def key(r):
    """What segmentation and order must not change."""
    return (r.get("query"), str(r.get("dns")), inner(r, "client", "bytes"), inner(r, "server", "bytes"))


def outcomes(records):
    return {(r.get("query"), inner(r, "dns", "response_code")) for r in records
            if inner(r, "dns", "response_code")}


def question(serial):
    return b"".join(bytes([len(w)]) + w for w in (b"n-%d" % serial, b"example")) + b"\0\0\1\0\1"


def query(serial):
    m = struct.pack(">6H", serial * 7 & 0xFFFF, 0x0100, 1, 0, 0, 0) + question(serial)
    return struct.pack(">H", len(m)) + m


def response(serial):
    m = struct.pack(">6H", serial * 7 & 0xFFFF, 0x8180, 1, 1, 0, 0) + question(serial)
    m += b"\xc0\x0c" + struct.pack(">HHIHI", 1, 1, 60, 4, 0x0A000000 + serial)
    return struct.pack(">H", len(m)) + m


def made(connections=20, each=100):
    rng, packets, serial = random.Random(1035), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c, 53)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        last = serial + each
        while serial < last:
            n = min(rng.randrange(2, 5) if c % 2 else 1, last - serial)
            batch = list(range(serial, serial + n))
            serial += n
            for i in batch:
                time = talk.send(0, time, query(i)) + rng.randrange(10_000, 90_000)
            rng.shuffle(batch)
            for i in batch:
                time = talk.send(1, time, response(i)) + rng.randrange(10_000, 900_000)
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered(records):
    right, wrong = set(), []
    for r in records:
        m = re.search(r"n-(\d+)", r.get("path") or "")
        ip = (inner(r, "dns", "resolved_ip") or [""])[0].split(".")
        if not m or len(ip) != 4 or "no_request" in (inner(r, "tsumari", "quality") or []):
            continue
        got = int(ip[1]) << 16 | int(ip[2]) << 8 | int(ip[3])
        if got == int(m[1]):
            right.add(got)
        else:
            wrong.append((int(m[1]), got))
    return right, wrong


def begun(payload, frame, first):
    if payload[4:6] == b"\1\0":
        for n in re.findall(rb"n-(\d+)\x07example", payload):
            first.setdefault(int(n), frame)
