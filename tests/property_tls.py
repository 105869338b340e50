"""What property.py has to know of TLS.

Made connections have one handshake each: the name asked for holds a number, and the cipher suite that
the server chooses is that number.
"""
import random
import re
import struct

import pcaplib

FIRST = 0xD000  # suites without a name, which are shown as their number


def inner(record, *keys):
    for k in keys:
        record = record.get(k, {}) if isinstance(record, dict) else {}
    return None if record == {} else record


def key(r):
    """What segmentation and order must not change."""
    return (r.get("query"), str(r.get("tls")), inner(r, "client", "bytes"),
            str(inner(r, "tsumari", "tls", "alert")))


def outcomes(records):
    return {(inner(r, "tls", "cipher"), inner(r, "tls", "version")) for r in records
            if inner(r, "tls", "cipher")}


def record(kind, data):
    return struct.pack(">BHH", kind, 0x0303, len(data)) + data


def hello(kind, middle, extensions):
    body = b"\3\3" + bytes(32) + b"\0" + middle + struct.pack(">H", len(extensions)) + extensions
    return struct.pack(">BBH", kind, 0, len(body)) + body


def client_hello(serial):
    name = b"n-%d.example" % serial
    name = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    return hello(1, b"\0\2\x13\1\1\0", name + struct.pack(">HH", 21, 200) + bytes(200))


def server_hello(serial):
    return hello(2, struct.pack(">HB", FIRST + serial, 0), b"\0\x2b\0\2\3\4")


def made(connections=20, each=100):
    rng, packets = random.Random(8446), []
    for serial in range(connections * each):
        talk = pcaplib.Conversation(serial, 443)
        time = talk.open(1_700_000_000 * 10**9 + serial * 3_000_000)
        data = client_hello(serial)
        if serial % 3 == 0:  # in two records
            data = record(22, data[:70]) + record(22, data[70:])
        else:
            data = record(22, data)
        time = talk.send(0, time, data) + rng.randrange(100_000, 3_000_000)
        flight = record(22, server_hello(serial)) + record(20, b"\1") + record(23, bytes(rng.randrange(100, 5000)))
        time = talk.send(1, time, flight) + rng.randrange(10_000, 900_000)
        time = talk.send(0, time, record(20, b"\1") + record(23, bytes(60))) + 10_000
        time = talk.send(0, time, record(23, bytes(300))) + 10_000
        talk.close(talk.send(1, time, record(23, bytes(3000))))
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered(records):
    """(numbers asked and answered, numbers answered by another's hello)."""
    right, wrong = set(), []
    for r in records:
        m = re.search(r"n-(\d+)", r.get("path") or "")
        if not m or not inner(r, "tls", "cipher"):
            continue
        got = int(inner(r, "tls", "cipher"), 16) - FIRST
        if got == int(m[1]):
            right.add(got)
        else:
            wrong.append((int(m[1]), got))
    return right, wrong


def begun(payload, frame, first):
    for n in re.findall(rb"n-(\d+)\.example", payload):
        first.setdefault(int(n), frame)
