"""Stories of memcached: a server that stops, and clients that have nothing to wait for."""
import sys

import stories
from stories import MS, SECOND, World, story

stories.STORIES.clear()


def cache(w, client, now=0):
    """Gets, a set without reply, a quiet meta command: 50 of each, answered at once."""
    talk = w.tcp("10.0.0.7", 11211, client)
    at = talk.open(now)
    for n in range(50):
        at = talk.send(0, at + 5 * MS, b"get user:%d:name\r\n" % n)
        at = talk.send(1, at + MS // 5, b"VALUE user:%d:name 0 3\r\nBob\r\nEND\r\n" % n)
        at = talk.send(0, at + MS, b"set seen:%d 0 60 1 noreply\r\n1\r\nmg user:%d v q\r\nmn\r\n" % (n, n))
        at = talk.send(1, at + MS // 5, b"MN\r\n")
    return talk, at


@story(first=("micro-stall", "10.0.0.7:11211"), cost=12.0)
def a_cache_that_stops():
    """Four clients wait 3 s each for a server that works at nothing else."""
    w = World()
    for c in range(4):
        talk, at = cache(w, "10.9.0.%d" % (c + 1), c * MS)
        at = talk.send(0, SECOND + c * MS, b"get user:1:name\r\n")
        at = talk.send(1, 4 * SECOND + c * MS, b"VALUE user:1:name 0 3\r\nBob\r\nEND\r\n")
        talk.close(at + MS)
    return w


@story()
def a_cache_at_ease():
    """The same without the stop; a client watches the log for ten seconds, in which nothing happens."""
    w = World()
    for c in range(4):
        talk, at = cache(w, "10.9.0.%d" % (c + 1), c * MS)
        talk.close(at + MS)
    talk = w.tcp("10.0.0.7", 11211, "10.9.0.9")
    at = talk.send(0, talk.open(0) + MS, b"watch fetchers\r\n")
    at = talk.send(1, at + MS, b"OK\r\n")
    at = talk.send(1, 10 * SECOND, b"ts=1 gid=1 type=item_get key=a status=found\r\n")
    talk.close(at + MS)
    return w


if __name__ == "__main__":
    sys.exit(stories.main())
