"""More stories (stories.py): name servers."""
import struct
import sys

import pcaplib
import stories
from stories import MS, SECOND, World, dns, get, gone, ok, story

stories.STORIES.clear()


@story(first=("dns-timeout", "10.8.0.54:53"), cost=15.0, never=("slow-server",))
def first_name_server_is_silent():
    """Of A and AAAA at once."""
    w = World()
    for i in range(3):
        for type in (1, 28):
            at, id = i * 20 * SECOND + type * MS // 10, 100 + i * 2 + (type == 28)
            dns(w, at, "10.8.0.54", id, "a%d.example" % i, 5000 + i, None, type)
            dns(w, at + 5 * SECOND, "10.8.0.53", id, "a%d.example" % i, 5100 + i, 20 * MS, type)
    return w


@story(first=("dns-timeout", "10.8.0.54:53"), cost=32.0, also=[("dns-timeout", "10.8.0.53:53", 15.0)],
       verdict="DNS queries not answered at 10.8.0.54:53")
def every_name_server_is_silent():
    """The last lookup waits when the capture ends; the others waited 5 s for the last attempt, too."""
    w = World()
    for i in range(3):
        for k, server in enumerate(("10.8.0.53", "10.8.0.54", "10.8.0.53", "10.8.0.54")):
            if i < 2 or k < 2:
                dns(w, (i * 30 + k * 5) * SECOND, server, 7 + i, "b.example", 6000 + 2 * i + k % 2)
    talk = w.tcp("10.8.0.1")
    talk.close(talk.open(67 * SECOND))
    return w


@story(first=("dns-timeout", "10.8.0.53:53"), cost=2 * 15.0, also=[("dns-timeout", "10.8.0.53:53", 30.0)])
def server_that_ignores_aaaa():
    """As of glibc: both again after 5 s, one after the other; from another port after 10 s; at 15 s it does without."""
    w = World()
    for i in range(2):
        at, name = i * 20 * SECOND, "six%d.example" % i
        for k in (0, 5):
            dns(w, at + k * SECOND, "10.8.0.53", 2 * i + 1, name, 5100 + i, MS)
            dns(w, at + k * SECOND + 50_000, "10.8.0.53", 2 * i + 2, name, 5100 + i, type=28)
        dns(w, at + 10 * SECOND, "10.8.0.53", 2 * i + 1, name, 5200 + i, MS)
        dns(w, at + 10 * SECOND + 2 * MS, "10.8.0.53", 2 * i + 2, name, 5300 + i, type=28)
    return gone(w, 60)


@story(first=("dns-timeout", "10.8.0.53:53"), cost=10.0 + 10.0)
def server_that_is_silent_while_the_capture_runs_on():
    w = World()
    for i in range(2):
        for k in (0, 5):
            dns(w, (i * 20 + k) * SECOND, "10.8.0.53", 9 + i, "gone%d.example" % i, 5100 + i)
    return gone(w, 90)


@story(first=("dns-timeout", "10.8.0.53:53"), cost=12 * 5.0)
def client_that_asks_for_ever():
    """Each time it begins again a second after it gave up."""
    w = World()
    for i in range(6):
        for k in (0, 5):
            dns(w, (i * 11 + k) * SECOND, "10.8.0.53", 9 + i, "gone.example", 5100 + i)
    return gone(w, 120)


@story(first=("dns-timeout", "10.8.0.53:53"), cost=3 * 3.05)
def client_that_asks_once_and_goes_on():
    """A query each, and the next thing it does is 3 s later."""
    w = World()
    for i in range(3):
        dns(w, i * 3050 * MS, "10.8.0.53", 9 + i, "one%d.example" % i, 5100 + i)
    talk = w.tcp("10.8.0.1")
    talk.close(talk.open(3 * 3050 * MS))
    return gone(w, 60)


@story()
def query_that_is_refused_by_its_host():
    """ICMP says so at once: nobody waits."""
    w = World()
    for i in range(3):
        dns(w, i * 3 * SECOND, "10.8.0.53", 9 + i, "one%d.example" % i, 5100 + i)
        query = w.packets[-1].data[14:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(query), i, 0, 64, 1, 0) + bytes((10, 8, 0, 53, 10, 9, 0, 1))
        icmp = struct.pack("!BBHI", 3, 3, 0, 0) + query
        icmp = icmp[:2] + struct.pack("!H", pcaplib.checksum(icmp)) + icmp[4:]
        head = head[:10] + struct.pack("!H", pcaplib.checksum(head)) + head[12:]
        w.packets.append(pcaplib.Packet(i * 3 * SECOND + MS, b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + head + icmp))
    return gone(w, 60)


@story()
def name_servers_asked_side_by_side():
    """One of them is silent: nobody waits for it. A query is under way when the capture ends."""
    w = World()
    for i in range(5):
        dns(w, i * SECOND, "10.8.0.54", i + 1, "c%d.example" % i, 5200 + i)
        dns(w, i * SECOND + 1000, "10.8.0.53", i + 1, "c%d.example" % i, 5200 + i, 10 * MS)
    dns(w, 5 * SECOND - 5 * MS, "10.8.0.53", 99, "d.example", 5300)
    return w


def proxy(wait):
    """It asks a name server that is silent, and so long later another."""
    w, now = World(), 0
    talk, back = w.tcp("10.8.0.1"), w.tcp("10.8.0.7", 80, "10.8.0.1")
    back.open(0)
    now = talk.open(0)
    for i in range(4):
        asked = talk.send(0, now, get("http://p%d.example/" % i))
        if wait:
            dns(w, asked + MS, "10.8.0.54", i + 1, "p%d.example" % i, 5400 + i, client="10.8.0.1")
        dns(w, asked + MS + wait, "10.8.0.53", i + 1, "p%d.example" % i, 5500 + i, 2 * MS, client="10.8.0.1")
        done = back.send(1, back.send(0, asked + wait + 4 * MS, get("/")) + MS, ok())
        now = talk.send(1, done + MS, ok()) + 100 * MS
    return w


@story(first=("dns-timeout", "10.8.0.54:53"), cost=4 * 2.0, verdict="DNS queries not answered at 10.8.0.54:53: 8.00 s, 99")
def proxy_whose_name_server_is_silent():
    """What its clients waited for it is told once."""
    return proxy(2 * SECOND)


@story()
def proxy_whose_name_server_answers():
    return proxy(0)


@story(first=("dns-timeout", "10.8.0.54:53"), cost=3 * 12.0, verdict="DNS queries not answered at 10.8.0.54:53: 36.0 s")
def resolver_whose_forwarder_is_silent():
    """Its clients ask again after 4 s and 8 s, in vain, and give up after 12 s."""
    w = World()
    for i in range(3):
        for k in (0, 4, 8):
            at = (i * 20 + k) * SECOND
            dns(w, at, "10.8.0.53", 7 + i, "b%d.example" % i, 6000 + i)
            dns(w, at + MS, "10.8.0.54", 50 + i * 10 + k, "b%d.example" % i, 6100 + i * 10 + k, client="10.8.0.53")
            dns(w, at + SECOND, "10.8.0.54", 50 + i * 10 + k, "b%d.example" % i, 6100 + i * 10 + k, client="10.8.0.53")
    talk = w.tcp("10.8.0.1")
    talk.close(talk.open(80 * SECOND))
    return w


@story()
def same_name_again_and_again():
    w = World()
    for i in range(100):
        dns(w, i * SECOND, "10.8.0.53", i + 1, "e.example", 5200 + i, 10 * MS)
    return w


@story(first=("slow-server", "10.8.0.53:53"), cost=6 * 1.2, never=("dns-timeout",))
def slow_name_server():
    """Of a proxy that asks it from one port, one name after the other."""
    w = World()
    for i in range(6):
        dns(w, i * 1210 * MS, "10.8.0.53", i + 1, "d%d.example" % i, 5000, 1200 * MS)
    return w


@story(first=("slow-server", "10.8.0.53:53"), cost=12 * 0.25)
def name_server_that_always_needs_250_ms():
    w = World()
    for i in range(12):
        dns(w, i * SECOND, "10.8.0.53", i + 1, "e%d.example" % i, 5000 + i, 250 * MS)
    return w


if __name__ == "__main__":
    sys.exit(stories.main())
