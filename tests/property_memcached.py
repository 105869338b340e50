"""What sync.py has to know of memcached: a key's number comes back in its answer.

A third of the connections each speak the text, the meta and the binary protocol.
"""
import random
import re
import struct

import pcaplib
from property import number


def binary(opcode, serial, key, value=b"", magic=0x80, status=0, extras=b""):
    return struct.pack("!BBHBBHIIQ", magic, opcode, len(key), len(extras), 0, status,
                       len(key) + len(extras) + len(value), serial, 0) + extras + key + value


def exchange(kind, rng, n):
    value = rng.choice((b"v" * rng.randrange(1, 900), b"END\r\n", b"get n-1\r\nVALUE n-1 0 1\r\n"))
    if kind == 0:
        return rng.choice((
            (b"incr n-%d 1\r\n" % n, b"%d\r\n" % n),
            (b"get n-%d\r\n" % n, b"CLIENT_ERROR no n-%d\r\n" % n),
            (b"set n-%d 0 0 %d\r\n%s\r\n" % (n, len(value), value), b"SERVER_ERROR no n-%d\r\n" % n),
            (b"get n-%d o\r\n" % n, b"VALUE o 0 %d\r\n%s\r\nEND\r\n" % (len(value), value)),
        ))
    if kind == 1:
        return rng.choice((
            (b"mg n-%d v\r\n" % n, b"VA %d\r\n%s\r\n" % (len(value), value)),
            (b"ms n-%d %d\r\n%s\r\n" % (n, len(value), value), b"CLIENT_ERROR no n-%d\r\n" % n),
        ))
    key = b"n-%d" % n
    return rng.choice((
        (binary(0, n, key), binary(0, n, b"", value, 0x81, 0, b"\0\0\0\0")),
        (binary(1, n, key, value, extras=bytes(8)), binary(1, n, b"", b"no " + key, 0x81, 4)),
    ))


def made(connections, each):
    rng, packets, serial = random.Random(11211), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c, 11211)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        for _ in range(each):
            asked, answer = exchange(c % 3, rng, serial)
            time = talk.send(0, time, asked) + 90_000
            time = talk.send(1, time, answer) + 50_000
            serial += 1
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered(records):
    right, wrong = set(), []
    for r in records:
        keys = number(r, "memcache", "request", "keys") or []
        asked = re.fullmatch(r"n-(\d+)", keys[0] if keys else "")
        if not asked or r.get("status") == "Error" or "response" not in r.get("memcache", {}):
            continue
        value, error = number(r, "memcache", "response", "value"), number(r, "memcache", "response", "error_msg")
        if value not in (None, int(asked[1])) or error not in (None, "no " + asked[0]):
            wrong.append((asked[0], value, error))
        else:
            right.add(int(asked[1]))
    return right, wrong


PROTOCOL = ("memcached", made, answered, "memcached", 3, 24)
