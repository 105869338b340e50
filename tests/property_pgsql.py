"""What sync.py has to know of PostgreSQL: the number in each statement comes back in its answer.

Every second connection asks by the extended query.
"""
import random
import re
import struct

import pcaplib
from property import number


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def row(*values):
    return message(b"D", struct.pack("!H", len(values)) + b"".join(struct.pack("!I", len(v)) + v for v in values))


def refused(n):
    return message(b"E", b"SERROR\0VERROR\0C42P01\0Mno n_%d\0\0" % n)


READY = message(b"Z", b"I")
COLUMN = message(b"T", struct.pack("!H", 1) + b"v\0" + bytes(6) + struct.pack("!IHIH", 25, 65535, 0xffffffff, 0))


def exchange(kind, rng, n):
    """Rows hold anything, messages among it."""
    value = rng.choice((b"v" * rng.randrange(1, 900), READY * 9, message(b"C", b"SELECT 7\0") + READY))
    sql = b"select v from n_%d" % n
    rows = rng.randrange(0, 3)
    answer = rng.choice((refused(n), row(value) * rows + message(b"C", b"UPDATE %d\0" % n)))
    failed = answer[:1] == b"E"
    if kind == 0:
        return message(b"Q", sql + b"\0"), (b"" if failed else COLUMN) + answer + READY
    bound = message(b"B", b"\0\0\0\0" + struct.pack("!HI", 1, len(value)) + value + b"\0\0")
    asked = message(b"P", b"\0" + sql + b"\0\0\0") + bound + message(b"E", b"\0" + bytes(4)) + message(b"S")
    return asked, (b"" if failed else message(b"1") + message(b"2")) + answer + READY


def made(connections, each):
    rng, packets, serial = random.Random(5432), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c, 5432)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        for _ in range(each):
            asked, answer = exchange(c % 2, rng, serial)
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
        asked = re.fullmatch(r"select v from n_(\d+)", r.get("query") or "")
        changed, error = number(r, "pgsql", "affected_rows"), number(r, "pgsql", "error_message")
        if not asked or (changed is None and error is None):
            continue
        if changed not in (None, int(asked[1])) or error not in (None, "no n_" + asked[1]):
            wrong.append((asked[0], changed, error))
        else:
            right.add(int(asked[1]))
    return right, wrong


PROTOCOL = ("pgsql", made, answered, "pgsql", 3, 24)
