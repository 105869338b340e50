"""More stories (stories.py): what is worth an alarm, and what nobody waited for."""
import struct
import sys

import pcaplib
import stories
from pcaplib import ACK, FIN, PSH, RST, SYN
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


@story(first=("slow-server", "10.8.0.1:80"))
def six_answers_of_300_ms():
    """As of a server that stands still each time somebody asks it for all of its keys."""
    return pages(120, 6, 300 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=20 * 0.264 + 40 * 0.004)
def twenty_answers_of_a_quarter_of_a_second():
    return pages(60, 20, 264 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=2 * 2.0 + 58 * 0.004)
def two_answers_of_two_seconds():
    return pages(60, 2, 2 * SECOND)


def trips_of(rtts, each=True):
    """A request for each, over a connection of its own or over one for all."""
    w, now, talk = World(), 0, None
    for rtt in rtts:
        if each or not talk:
            talk = w.tcp("10.8.0.1")
            talk._send(0, now, SYN)
            talk._send(1, now + rtt, SYN | ACK)
            talk._send(0, now + rtt + 1000, ACK)
            now += rtt + 2000
        talk._send(0, now, PSH | ACK, get("/"))
        now += rtt + MS
        talk._send(1, now, PSH | ACK, ok())
        if each:
            talk._send(0, now + 1000, FIN | ACK)
            talk._send(1, now + rtt, FIN | ACK)
            talk._send(0, now + rtt + 1000, ACK)
        else:
            talk._send(0, now + 1000, ACK)
        now += 2 * rtt
    return w


SIXTY = [(110 if i % 8 == 3 else 60) * MS for i in range(24)]


@story(first=("far-path", "10.8.0.1:80"), cost=2 * sum(SIXTY) / SECOND, also=[("no-keepalive", "10.8.0.1:80")])
def path_of_60_ms_and_a_connection_for_each_request():
    """All of the time is its round trips: that half of them need not be is a part of it."""
    return trips_of(SIXTY)


@story()
def path_of_60_ms_and_one_connection():
    return trips_of(SIXTY, each=False)


@story()
def who_asks_each_second_over_connections_that_take_40_ms():
    """As a check of a certificate: nobody wants to keep them."""
    w = World()
    for i in range(14):
        talk = w.tcp("10.8.0.1", 8443)
        now = talk.open(i * SECOND)
        talk.packets[-1].time += 40 * MS
        talk.close(talk.send(1, talk.send(0, now + 40 * MS, get("/")) + MS, ok()))
    return w


@story(first=("far-path", "10.8.0.1:80"), cost=20 * (2 * 0.25 + 0.05))
def sender_that_spreads_its_segments_over_a_long_path():
    """Its first window, a tenth of a second and less for a round trip of 250 ms (BBR)."""
    w, now = World(), 0
    for i in range(20):
        talk, rtt = w.tcp("10.8.0.1"), 250 * MS
        talk._send(0, now, SYN)
        talk._send(1, now + rtt, SYN | ACK)
        talk._send(0, now + rtt + 1000, ACK)
        talk._send(0, now + rtt + 2000, PSH | ACK, get("/"))
        now += 2 * rtt + 3000
        body = ok(b"x" * 12000)
        for k in range(0, len(body), 1460):
            talk._send(1, now, PSH | ACK, body[k : k + 1460])
            talk._send(0, now + 1000, ACK)
            now += 50 * MS // 8
        talk._send(0, now + 1000, FIN | ACK)
        talk._send(1, now + rtt, FIN | ACK)
        talk._send(0, now + rtt + 1000, ACK)
        now += 2 * rtt
    return w


def held(expects, said, after):
    """POSTs whose client holds the body back for so long. said: the server says 100 Continue then."""
    w = World()
    for i in range(5):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        head = b"POST /f HTTP/1.1\r\nHost: h\r\n%sContent-Length: 40000\r\n\r\n"
        now = talk.send(0, talk.open(i * 4 * SECOND), head % (b"Expect: 100-continue\r\n" if expects else b""))
        if said:
            talk.send(1, now + after - MS, b"HTTP/1.1 100 Continue\r\n\r\n")
        now = talk.send(0, now + after, b"x" * 40000)
        talk.close(talk.send(1, now + 2 * MS, ok()))
    return w


@story(first=("expect-continue", "10.8.0.1:80"), cost=5 * 2.0, never=("slow-upload",))
def body_that_is_held_back_for_two_seconds():
    return held(True, False, 2 * SECOND)


@story(first=("expect-continue", "10.8.0.1:80"), cost=5 * 0.35, never=("slow-upload",))
def body_that_is_held_back_for_350_ms():
    return held(True, False, 350 * MS)


@story(never=("expect-continue",), first=("slow-upload", "10.8.0.1:80"))
def body_that_nobody_holds_back():
    """It takes a second to be made."""
    return held(False, False, SECOND)


@story()
def body_that_is_asked_for_at_once():
    return held(True, True, 2 * MS)


def rows(asks, took, pause=MS):
    """Six pages that ask for rows one after the other, in a protocol that is not read."""
    w, now = World(), 0
    front, db = w.tcp("10.8.0.1"), w.tcp("10.8.0.6", 5432, "10.8.0.1")
    db.open(0)
    now = front.open(0)
    for page in range(6):
        asked = now = front.send(0, now, get("/p%d" % page))
        for i in range(asks):
            now = db.send(1, db.send(0, now + pause, b"q" * 42) + took(i), b"r" * 64)
        now = front.send(1, now + MS, ok()) + 500 * MS
    return w


@story(first=("n-plus-one", "10.8.0.6:5432"), cost=6 * sum((20 + 17 * i % 90) * 0.001 for i in range(45)))
def page_that_asks_a_busy_database_for_each_row():
    """Some take twice as long as others, and more."""
    return rows(45, lambda i: (20 + 17 * i % 90) * MS)


@story(never=("n-plus-one",), first=("slow-server", "10.8.0.6:5432"))
def page_that_asks_a_slow_database_four_times():
    return rows(4, lambda i: (240 + i * 500) * MS)


@story()
def two_clients_that_read_slowly_for_a_moment():
    """Of 62 answers, for an eighth of a second each."""
    w = stories.downloads(2, 15 * MS)
    talk = w.tcp("10.8.0.1", client="10.9.0.77")
    now = talk.open(0)
    for i in range(60):
        now = talk.send(1, talk.send(0, now, get("/p%d" % i)) + 4 * MS, ok()) + 50 * MS
    return w


@story(first=("zero-window", "10.8.0.1:80"), never=("slow-upload",))
def server_that_does_not_read_what_it_is_sent():
    w = World()
    for i in range(3):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        now = talk.open(i * 10 * SECOND)
        talk._send(0, now, ACK, b"POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 480000\r\n\r\n")
        for at in range(8):
            for k in range(41):
                now += MS
                talk._send(0, now, ACK, b"x" * 1460)
            talk._send(0, now, PSH | ACK, b"x" * (60_000 - 41 * 1460))
            for window in (0, 65535):
                talk._send(1, now + MS, ACK)
                talk.packets[-1] = stories.with_window(talk.packets[-1], window)
                now += 300 * MS if not window else 2 * MS
        talk.close(talk.send(1, now + 2 * MS, ok()))
    return w


def stale_ones(n):
    """Requests behind the server's FIN, so many among 40."""
    w = World()
    for i in range(40):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i % 3 + 1))
        now = talk.send(1, talk.send(0, talk.open(i * 300 * MS), get("/")) + MS, ok())
        if i % 10 < n and i < 10:
            talk._send(1, now + SECOND, FIN | ACK)
            talk._send(0, now + SECOND + MS, PSH | ACK, get("/again"))
            talk._send(1, now + SECOND + MS + 10_000, RST)
        else:
            talk.close(now)
    return w


@story(first=("stale-connection", "10.8.0.1:80"))
def four_requests_on_closed_connections():
    return stale_ones(4)


@story()
def one_request_on_a_closed_connection():
    return stale_ones(1)


def silent_end(anew):
    """What is asked on a connection that was idle is never acknowledged, in a protocol that is not read; no packet says
    when its client gives up (after 5 s). anew: it makes a new connection then."""
    w, end = World(), 14 * SECOND
    talk = w.tcp("10.8.0.6", 5432, "10.9.0.2")
    now = talk.send(1, talk.send(0, talk.open(0), b"q" * 40) + MS, b"r" * 90) + 4 * SECOND
    for late in (0, 200, 600, 1400, 3000):
        talk._send(0, now + late * MS, PSH | ACK, b"q" * 41)
        talk.next[0] -= 41
    if anew:
        other = w.tcp("10.8.0.6", 5432, "10.9.0.2")
        other.close(other.send(1, other.send(0, other.open(now + 5 * SECOND), b"q" * 41) + MS, b"r" * 90))
    third = w.tcp("10.8.0.7", 5433, "10.9.0.3")
    third.close(third.open(end))
    return w


@story(first=("dead-connection", "10.8.0.6:5432"), cost=5.0)
def client_that_gives_up_silently_and_begins_anew():
    return silent_end(True)


@story(first=("dead-connection", "10.8.0.6:5432"))
def client_that_gives_up_silently():
    return silent_end(False)


def one_way(small):
    """A firewall forgets a connection in the direction of the client: answers are sent again, and, unless small ones
    get through, so are requests that were answered long ago. The client gives up after 6 s and begins anew."""
    w = World()
    for i in range(3):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        now = talk.send(1, talk.send(0, talk.open(i * 20 * SECOND), get("/")) + MS, ok()) + 5 * SECOND
        talk._send(0, now, PSH | ACK, get("/large"))
        for late in (1, 200, 600, 1400, 3000, 6200, 12600):
            talk._send(1, now + late * MS, PSH | ACK, ok(b"x" * 4000)[:1460])
            talk.next[1] -= 1460
            if not small and late > 1:
                talk.next[0] -= len(get("/large"))
                talk._send(0, now + late * MS + 90 * MS, PSH | ACK, get("/large"))
        other = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        other.close(other.send(1, other.send(0, other.open(now + 6 * SECOND), get("/")) + MS, ok()))
    return w


@story(first=("dead-connection", "10.8.0.1:80"), cost=3 * 6.0, never=("mtu-black-hole",))
def firewall_that_forgets_one_direction():
    return one_way(False)


@story(first=("mtu-black-hole", "10.8.0.1:80"), never=("dead-connection",))
def path_that_lets_small_ones_through():
    return one_way(True)


@story(first=("mtu-black-hole", "10.8.0.1:80"), cost=4 * 6.2, never=("dead-connection", "slow-server"))
def answer_that_went_by_as_a_whole_and_does_not_get_through():
    """Beside the server: what is sent again is in the time of an answer that is there."""
    w = World()
    answer = ok(b"x" * 1700)
    for i in range(4):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        now = talk.send(0, talk.open(i * 20 * SECOND), get("/large")) + MS
        first = talk.next[1]
        talk._send(1, now, PSH | ACK, answer[:1460])
        talk._send(1, now + 1000, PSH | ACK, answer[1460:])
        for late in (200, 600, 1400, 3000, 6200):
            talk.next[1] = first
            talk._send(1, now + late * MS, PSH | ACK, answer[:1460])
        talk.next[1] = first
        talk._send(0, now + 7 * SECOND, FIN | ACK)
    for i in range(10):
        near = w.tcp("10.8.0.1", client="10.9.0.77")
        near.close(near.send(1, near.send(0, near.open(i * 7 * SECOND), get("/")) + MS, answer))
    return w


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


def two_servers(after):
    """The first one's host refuses; the second is asked the same after that time, for pages of a proxy."""
    w, now = World(), 0
    talk = w.tcp("10.8.0.3", 3128, client="10.9.0.2")
    now = talk.open(now)
    for i in range(3):
        asked = talk.send(0, now, get("/p%d" % i))
        name = "s%d.example" % i
        dns(w, asked + MS, "10.8.0.54", 70 + i, name, 5300 + i, client="10.8.0.3")
        unreachable(w, asked + MS + 20_000, w.packets[-1].data[14:], "10.8.0.54", "10.8.0.3")
        dns(w, asked + MS + after, "10.8.0.53", 70 + i, name, 5400, MS, client="10.8.0.3")
        now = talk.send(1, asked + after + 4 * MS, ok()) + SECOND
    return gone(w, 80)


@story(first=("dns-timeout", "10.8.0.54:53"), cost=3 * 7.0)
def resolver_that_does_not_hear_that_a_server_refuses():
    """As squid, which asks all its servers from one socket and looks through its questions each five seconds."""
    return two_servers(7 * SECOND)


@story()
def resolver_that_hears_that_a_server_refuses():
    return two_servers(MS)


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
