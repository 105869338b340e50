"""More stories (stories.py): of the path, of turns, and of servers that answer one after the other."""
import random
import struct
import sys

import stories
from pcaplib import ACK, FIN, PSH, SYN
from stories import MS, SECOND, Mysql, World, get, ok, story

stories.STORIES.clear()  # those are told by themselves


# ---- servers behind others ---------------------------------------------------------------------


def threads(n, pages, inner, own=MS):
    """So many threads of 10.8.0.1 answer pages side by side; each asks 10.8.0.6 on a connection of
    its own, in a protocol that is not read, so long."""
    w, dice = World(), random.Random(n)
    for t in range(n):
        now = t * 3 * MS
        db = w.tcp("10.8.0.6", 5432, "10.8.0.1")
        db.open(now)
        for i in range(pages):
            page = w.tcp("10.8.0.1", client="10.9.0.%d" % (t + 1))
            asked = page.send(0, page.open(now), get("/page"))
            done = db.send(1, db.send(0, asked + own // 2, b"select") + inner(dice), b"rows")
            now = page.close(page.send(1, done + own // 2, ok())) + dice.randrange(20) * MS
    return w


@story(first=("slow-server", "10.8.0.6:5432"), cost=20 * 0.125 + 20 * 0.004, verdict="Slow answers of the server at 10.8.0.6:5432")
def database_asked_by_four_threads():
    """Every other answer is slow; those that are not are no other cause."""
    left = [125 * MS, 4 * MS] * 20
    return threads(4, 10, lambda dice: left.pop())


@story(first=("slow-server", "10.8.0.6:5432"))
def database_asked_by_six_threads():
    return threads(6, 8, lambda dice: dice.choice((2, 3, 240, 280, 410)) * MS)


@story()
def quick_database_asked_by_four_threads():
    return threads(4, 10, lambda dice: dice.randrange(1, 9) * MS)


if __name__ == "__main__":
    sys.exit(stories.main())
