"""Stories of PostgreSQL: a lock that another holds, and a database at ease."""
import sys

import stories
from property_pgsql import COLUMN, READY, message, row
from stories import MS, SECOND, World, story

stories.STORIES.clear()


def select(sql):
    return message(b"Q", sql + b"\0")


def rows(n):
    return COLUMN + row(b"v") * n + message(b"C", b"SELECT %d\0" % n) + READY


def done(tag):
    return message(b"C", tag + b"\0") + READY


def work(w, client, now=0, n=40):
    talk = w.tcp("10.0.0.7", 5432, client)
    at = talk.open(now)
    for i in range(n):
        at = talk.send(0, at + 20 * MS, select(b"select name from item where id = %d" % i))
        at = talk.send(1, at + MS // 2, rows(1))
    return talk, at


@story(first=("pgsql-error", "10.0.0.7:5432"), cost=8.0)
def a_lock_that_another_holds():
    """Four statements wait 2 s each and give up: 55P03."""
    w = World()
    for c in range(4):
        talk, at = work(w, "10.9.0.%d" % (c + 1), c * MS)
        at = talk.send(0, at + 5 * MS, select(b"update item set name = 'x' where id = %d" % c))
        at = talk.send(1, at + 2 * SECOND, message(b"E", b"SERROR\0VERROR\0C55P03\0Mcanceling statement due to lock timeout\0\0") + READY)
        talk.close(at + MS)
    return w


@story()
def a_database_at_ease():
    """The same without the lock; a client that listens hears of news after ten seconds, and a replica streams."""
    w = World()
    for c in range(4):
        talk, at = work(w, "10.9.0.%d" % (c + 1), c * MS)
        at = talk.send(0, at + 5 * MS, select(b"update item set name = 'x' where id = %d" % c))
        at = talk.send(1, at + MS, done(b"UPDATE 1"))
        talk.close(at + MS)
    talk = w.tcp("10.0.0.7", 5432, "10.9.0.9")
    at = talk.send(0, talk.open(0) + MS, select(b"listen news"))
    at = talk.send(1, at + MS, done(b"LISTEN"))
    at = talk.send(1, 10 * SECOND, message(b"A", bytes(4) + b"news\0hello\0"))
    talk.close(at + MS)
    talk = w.tcp("10.0.0.7", 5432, "10.9.0.10")
    at = talk.send(0, talk.open(0) + MS, select(b"START_REPLICATION SLOT \"s\" 0/0"))
    at = talk.send(1, at + MS, message(b"W", b"\0\0\0"))
    for n in range(10):
        at = talk.send(1, at + SECOND, message(b"d", b"k" + bytes(17)))
        at = talk.send(0, at + MS, message(b"d", b"r" + bytes(33)))
    talk.close(at + MS)
    return w


if __name__ == "__main__":
    sys.exit(stories.main())
