"""More stories (stories.py): what is worth an alarm, and what nobody waited for."""
import struct
import sys

import pcaplib
import stories
from stories import MS, SECOND, World, dns, get, gone, ok, story

stories.STORIES.clear()


def pages(n, slow, took, port=80):
    """Of n pages of 4 ms each, so many take longer, spread among them."""
    w, now = World(), 0
    talk = w.tcp("10.8.0.1", port)
    now = talk.open(now)
    for i in range(n):
        late = slow and i % (n // slow) == n // slow - 1
        now = talk.send(1, talk.send(0, now, get("/p%d" % i)) + (took if late else 4 * MS), ok()) + 100 * MS
    return w


@story()
def two_answers_of_a_quarter_of_a_second():
    return pages(60, 2, 264 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=20 * 0.264 + 40 * 0.004)
def twenty_answers_of_a_quarter_of_a_second():
    return pages(60, 20, 264 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=2 * 2.0 + 58 * 0.004)
def two_answers_of_two_seconds():
    return pages(60, 2, 2 * SECOND)


def unreachable(w, time, query, server, client="10.9.0.1"):
    """The host says that nobody listens."""
    address = lambda a: bytes(map(int, a.split(".")))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(query), 1, 0, 64, 1, 0) + address(server) + address(client)
    head = head[:10] + struct.pack("!H", pcaplib.checksum(head)) + head[12:]
    icmp = struct.pack("!BBHI", 3, 3, 0, 0) + query
    icmp = icmp[:2] + struct.pack("!H", pcaplib.checksum(icmp)) + icmp[4:]
    w.packets.append(pcaplib.Packet(time, b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + head + icmp))


def refused(w, time, number, port, heard=True):
    dns(w, time, "10.8.0.53", number, "one.example", port)
    query = w.packets[-1].data[14:]
    if heard:
        unreachable(w, time + MS, query, "10.8.0.53")


@story()
def name_that_is_asked_for_again_later_and_refused_again():
    """A program asks for the same name each 1.5 s, twice each time; its host says at once that nobody listens."""
    w = World()
    for i in range(4):
        for k in range(2):
            refused(w, i * 1500 * MS + k * 2 * MS, 9 + 2 * i + k, 5100 + 2 * i + k)
    return gone(w, 60)


@story(first=("dns-timeout", "10.8.0.53:53"), cost=4 * 3.0)
def name_that_is_asked_for_again_and_ignored():
    w = World()
    for i in range(4):
        for k in range(2):
            refused(w, i * 9 * SECOND + k * 3 * SECOND, 9 + 2 * i + k, 5100 + 2 * i + k, heard=False)
        dns(w, i * 9 * SECOND + 3 * SECOND + MS, "10.8.0.53", 10 + 2 * i, "one.example", 5101 + 2 * i, MS)
    return gone(w, 60)


def proxy_that_logs_names(late):
    """A proxy asks for its clients' names, for its log; the name server is silent. late: the client's answer waits for
    it."""
    w, now = World(), 0
    talk = w.tcp("10.8.0.3", 3128, client="10.9.0.2")
    now = talk.open(now)
    for i in range(6):
        asked = talk.send(0, now, get("/p%d" % i))
        for k in range(2):
            dns(w, asked + MS + k * 5 * SECOND, "10.8.0.53", 40 + i, "c%d.example" % i, 5200, client="10.8.0.3")
        now = talk.send(1, asked + (10 * SECOND if late else 3 * MS), ok()) + 12 * SECOND
    return gone(w, 140)


@story()
def names_for_a_log():
    return proxy_that_logs_names(False)


@story(first=("dns-timeout", "10.8.0.53:53"), cost=6 * 10.0)
def names_that_answers_wait_for():
    return proxy_that_logs_names(True)


if __name__ == "__main__":
    sys.exit(stories.main())
