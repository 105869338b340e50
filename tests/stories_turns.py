"""More stories (stories.py): of connections whose protocol is not read, told by their messages."""
import struct
import sys

import pcaplib
import stories
from pcaplib import ACK, FIN, PSH
from stories import MS, SECOND, World, get, ok, story
from stories_connect import Conn
from stories_path import FAST, SLOW, Link

stories.STORIES.clear()
PORT = 7007  # nobody's
ASK = b"\1\2ask of it all\3"


def each_place(first, make, cost=None, never=()):
    """The same, captured beside the client and beside the server."""
    for place in 0, 1:
        stories.STORIES.append(("%s_%s" % (make.__name__, ("client", "server")[place]), lambda p=place: make(p),
                                first and (first, r"10\.8\.0\.1:%d" % PORT), cost, (), never, None))


def answers(link, n, size, writes=None, upload=False, think=50 * MS, body=None):
    """Questions on one connection, answered by so much each; or the other way round."""
    t, now = link.open(0, port=PORT)
    for i in range(n):
        large, small = b"\7" * size, ASK
        if upload:
            now = link.send(t, 0, now, large, writes)
            now = link.one(t, 1, now + MS, PSH | ACK, small)
        else:
            now = link.one(t, 0, now, PSH | ACK, small)
            now = link.send(t, 1, now + MS, large, writes)
        now += think
    link.one(t, 1, link.one(t, 0, now, FIN | ACK), FIN | ACK)
    return link


LINE = 400_000 * 8 * 1514 / 1448 / SLOW  # seconds of one message


def large_values_over_a_slow_link(place):
    return answers(Link((FAST, SLOW), 10 * MS, place=place), 3, 400_000)


each_place("path-bandwidth", large_values_over_a_slow_link, 3 * LINE, ("slow-server", "slow-reader", "loss", "far-path"))


def large_values_sent_over_a_slow_link(place):
    return answers(Link((SLOW, FAST), 10 * MS, place=place), 3, 400_000, upload=True)


each_place("path-bandwidth", large_values_sent_over_a_slow_link, 3 * LINE, ("slow-server", "slow-upload"))


def large_values_over_a_quick_link(place):
    return answers(Link((FAST, FAST), 2 * MS, place=place), 3, 400_000)


each_place(None, large_values_over_a_quick_link)


def large_values_from_far_away(place):
    """Round trips of a sender that finds out how much the path carries."""
    return answers(Link((FAST, FAST), 100 * MS, 4_000_000, place), 4, 200_000)


each_place("far-path", large_values_from_far_away, None, ("path-bandwidth", "slow-server"))


def messages_that_a_client_sends_slowly(place):
    """A piece each tenth of a second, with nothing under way in between."""
    link = Link((FAST, FAST), 5 * MS, place=place)
    for i in range(3):
        t, now = link.open(i * 10 * SECOND, port=PORT)
        now = link.send(t, 0, now, b"\7" * 300_000, (20_000, 100 * MS))
        link.one(t, 1, now + MS, PSH | ACK, ASK)
    return link


each_place("slow-upload", messages_that_a_client_sends_slowly, 3 * 1.4, ("slow-server", "path-bandwidth"))


def server_that_tells_now_and_then(place):
    """Nobody waits for what a server tells unasked, each tenth of a second, for long."""
    link = Link((FAST, FAST), 30 * MS, place=place)
    t, now = link.open(0, port=PORT)
    now = link.one(t, 1, link.one(t, 0, now, PSH | ACK, ASK) + MS, PSH | ACK, ASK)
    for i in range(300):
        link.one(t, 0, link.one(t, 1, now + i * 100 * MS, PSH | ACK, b"\7" * (300 + i % 10)))
    return link


each_place(None, server_that_tells_now_and_then)


def client_that_tells_now_and_then(place):
    """Nor for what a client does; the server says a word at the end of each minute."""
    link = Link((FAST, FAST), 30 * MS, place=place)
    t, now = link.open(0, port=PORT)
    for i in range(400):
        then = link.one(t, 0, now + i * 200 * MS, PSH | ACK, b"\7" * 400)
        link.one(t, 1, then, PSH | ACK if i % 100 == 99 else ACK, ASK if i % 100 == 99 else b"")
    return link


each_place(None, client_that_tells_now_and_then)


def small_questions(size):
    """One each half second; those from the fifth on come while much is answered elsewhere."""

    def small_questions_beside_a_transfer(place):
        link = Link((FAST, SLOW), 10 * MS, 120_000, place)

        def ask(begin):
            t, now = link.open(begin, port=PORT)
            link.one(t, 1, link.one(t, 0, now, PSH | ACK, ASK) + MS, PSH | ACK, ASK)

        for i in range(5):
            ask(i * SECOND // 2)
        t, now = link.open(5 * SECOND, port=PORT)
        now = link.one(t, 0, now, PSH | ACK, ASK)
        link.small = (PORT, ASK, ASK)
        if size:
            link.others = [(now + SECOND + i * SECOND // 2) for i in range(10)]
        link.send(t, 1, now + MS, b"\7" * (size or 1000))
        return link

    small_questions_beside_a_transfer.__name__ += "" if size else "_that_is_none"
    return small_questions_beside_a_transfer


each_place("latency-under-load", small_questions(2_500_000), None, ("slow-server",))
each_place(None, small_questions(0))


# ---- loss, windows, small writes ---------------------------------------------------------------


def questions(resent, late, n=12, port=PORT, waits=()):
    """Each third question is sent again after `resent`, each fourth answer after `late` seconds; those of
    `waits` take so many ms and nothing shows why."""
    w = World()
    for i in range(2):
        c = Conn(w, 10 + i, 1, port)
        t = c.open(i * 20 * MS) + 10_000
        for k in range(n):
            t = c.ask(t + MS, ASK, (resent,) if resent and k % 3 == 2 else ())
            t += MS * dict(waits).get((i, k), 1)
            c.say(1, t, ACK | PSH, b"\7" * 200)
            if late and k % 4 == 3:
                t += int(late * SECOND)
                c.say(1, t, ACK | PSH, b"\7" * 200, again=True)
            t = c.say(0, t + 50_000)
        c.close(t + MS, 0)
    return w


@story(first=("loss", "10.7.0.1:7007"), cost=2 * 4 * 0.3, never=("slow-server",))
def questions_that_are_lost():
    return questions(0.3, 0)


@story(first=("loss", "10.7.0.1:7007"), cost=2 * 3 * 0.25, never=("slow-server",))
def answers_that_are_lost():
    return questions(0, 0.25)


@story(first=("loss", "10.7.0.1:7007"), cost=2 * (4 * 0.3 + 3 * 0.25), never=("slow-server",))
def loss_both_ways_is_one():
    return questions(0.3, 0.25)


@story(first=("loss", "10.7.0.1:7007"), cost=2 * 4 * 0.3 + 0.206 + 0.43, never=())
def answers_that_are_lost_before_the_capture():
    """They come a timeout late, one of them two; segments of the same path are seen to be lost."""
    return questions(0.3, 0, waits={(0, 4): 206, (1, 7): 430})


@story(first=("slow-server", "10.7.0.1:7007"), cost=6 * 0.3, never=("loss",))
def answers_that_are_slow():
    return questions(0, 0, waits={(i, k): 300 for i in (0, 1) for k in (3, 5, 8)})


@story()
def questions_that_arrive():
    return questions(0, 0)


@story(first=("loss", "10.7.0.1:80"), cost=20 * 0.3 / 4 + 3 * 1.0, never=("syn-drop", "accept-queue", "synack-loss"))
def requests_and_their_connections_are_lost():
    """SYNs are lost as often as all else: the path is the cause, not a queue of the server."""
    w = World()
    for i in range(20):
        c = Conn(w, 10 + i, 1)
        t = c.open(i * 50 * MS, (1.0,) if i % 7 == 3 else ()) + 10_000
        for k in range(2):
            t = c.ask(t + MS, stories.get("/a"), (0.3,) if (k + 2 * i) % 8 == 3 else ())
            t = c.answer(t + MS)
    return w


def readers(pause):
    """Large answers; the client closes its window for so long, each 30,000 bytes."""
    w = World()
    for i in range(3):
        talk = w.tcp("10.8.0.1", PORT, "10.9.0.%d" % (i + 1))
        now = talk.send(0, talk.open(i * 10 * SECOND), ASK) + MS
        for k in range(9):
            now = talk.send(1, now, b"\7" * 30_000)
            for window in (0, 65535):
                now += pause if window else MS // 100
                talk._send(0, now, ACK)
                talk.packets[-1] = stories.with_window(talk.packets[-1], window)
        talk.close(now + MS)
    return w


@story(first=("slow-reader", "10.8.0.1:7007"), never=("slow-server", "loss", "path-bandwidth"))
def clients_that_read_large_values_slowly():
    return readers(200 * MS)


@story()
def clients_that_read_large_values():
    return readers(MS // 10)


def held_back(times):
    """Five questions in two pieces each, of which the second waited so often for the ACK of the first."""
    w = World()
    talk = w.tcp("10.8.0.1", PORT, "10.9.0.1")
    now = talk.open(0)
    for i in range(5):
        talk._send(0, now, PSH | ACK, ASK[:8])
        if i < times:
            now += 136 * MS
            talk._send(1, now, ACK)
        now += MS // 5
        talk._send(0, now, PSH | ACK, ASK[8:])
        now += 2 * MS
        talk._send(1, now, PSH | ACK, ASK)
        now += SECOND
    talk.close(now)
    return w


@story(first=("delayed-ack", "10.8.0.1:7007"), cost=5 * 0.136)
def small_writes_that_wait_for_the_ack():
    return held_back(5)


@story()
def a_small_write_that_happened_to_wait():
    """Once may be somebody who types."""
    return held_back(1)


# ---- TLS ---------------------------------------------------------------------------------------


def tls_of_cut_frames(took):
    """TLS 1.2, of which a certificate is cut off: what is asked inside waits all the same."""
    hello = lambda kind, n: struct.pack("!BHHBBH", 22, 0x0303, n + 4, kind, n >> 16, n & 0xFFFF) + (
        b"\3\3" + bytes(32) + b"\0" + (b"\0\2\xc0\x2f\1\0" if kind == 1 else b"\xc0\x2f\0")).ljust(n, b"\0")[:n]
    sealed = lambda kind, n: struct.pack("!BHH", kind, 0x0303, n) + b"\xa5" * n
    change = b"\x14\3\3\0\1\1"
    w = World()
    for i in range(2):
        talk = w.tcp("10.8.0.1", 443, "10.9.0.%d" % (i + 1))
        now = talk.send(0, talk.open(i * SECOND), hello(1, 41))
        now = talk.send(1, now + MS, hello(2, 38) + hello(11, 1300) + hello(14, 0))
        now = talk.send(0, now + MS, hello(16, 70) + change + sealed(22, 40))
        now = talk.send(1, now + MS, change + sealed(22, 40))
        for k in range(6):
            now = talk.send(1, talk.send(0, now + MS, sealed(23, 90)) + (took if k % 2 else 2) * MS, sealed(23, 400))
        talk.packets = [pcaplib.Packet(p.time, p.data[:254], len(p.data)) for p in talk.packets]
    return w


@story(first=("slow-server", "10.8.0.1:443"), cost=6 * 0.4 + 6 * 0.002)
def slow_inside_of_tls_that_is_cut():
    return tls_of_cut_frames(400)


@story()
def quick_inside_of_tls_that_is_cut():
    return tls_of_cut_frames(3)


# ---- streams that both sides speak on as they like ---------------------------------------------


def replica(replicates):
    """A server tells what has changed, now and then, and its replica how far it has come, each 4 s; beside quick
    questions. Else the replica asks, and each answer is as late."""
    w = World()
    talk = w.tcp("10.8.0.1", PORT, "10.9.0.1")
    at = talk.send(1, talk.send(0, talk.open(0), b"start from 0/3000000") + MS, b"copying both ways")
    words = [(k * 1300 * MS, 1) for k in range(1, 18)] + [(k * 4010 * MS, 0) for k in range(1, 6)]
    for now, side in sorted(words):
        if replicates:
            at = talk.send(side, max(now, at + MS), (b"I am at 0/3%06d", b"change %06d" + bytes(180))[side] % now)
        elif side:
            at = talk.send(1, talk.send(0, max(now, at + MS), b"what is at 0/3%06d" % now) + 700 * MS, b"change %06d" % now)
    quick = w.tcp("10.8.0.1", PORT, "10.9.0.2")
    at = quick.open(0)
    for _ in range(60):
        at = quick.send(1, quick.send(0, at, ASK) + MS, b"as it was") + 200 * MS
    return w


@story()
def replication():
    return replica(True)


@story(first=("slow-server", "10.8.0.1:%d" % PORT), cost=17 * 0.7)
def questions_of_a_replica():
    return replica(False)


# ---- a server behind that is not slow, but not quick either ------------------------------------


def scans(took, n=14, others=MS):
    """Pages whose question to a database, of a protocol that is not read, takes so long, beside ones that it answers at
    once."""
    w = World()
    front, back = w.tcp("10.8.0.2"), w.tcp("10.8.0.1", PORT, "10.8.0.2")
    at = max(front.open(0), back.open(0))
    for k in range(60):
        asked = front.send(0, at + 20 * MS, get("/scan" if k % 4 == 3 and k < 4 * n else "/by-id"))
        ask = back.send(0, asked + MS, ASK)
        spent = took * (2 + k // 4 % 2) // 2 if k % 4 == 3 and k < 4 * n else others
        at = front.send(1, back.send(1, ask + spent, b"as it was") + MS, ok())
    return w


@story(first=("slow-server", "10.8.0.1:%d" % PORT), cost=7 * 0.08 + 7 * 0.12 + 46 * 0.001)
def scans_that_most_is_waited_for():
    return scans(80 * MS)


@story()
def answers_that_all_take_as_long():
    return scans(80 * MS, others=80 * MS)


# ---- captures that hold the beginning of each packet only --------------------------------------


def cut_to(w, length):
    """As tcpdump -s does it."""
    for talk in w.talks:
        talk.packets[:] = [pcaplib.Packet(p.time, p.data[:length], len(p.data)) for p in talk.packets]
    return w


def pages(took, size=3000, length=96):
    """Requests and answers whose headers are longer than what was kept of them, three on each connection."""
    w = World()
    more = b"User-Agent: somebody with a long name\r\nAccept: */*\r\n\r\n"
    for c in range(8):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (c + 1))
        at = talk.open(c * 100 * MS)
        for path in "/a", "/b", "/c":
            at = talk.send(0, at + 5 * MS, get(path)[:-2] + more)
            at = talk.send(1, at + took[path], b"HTTP/1.1 200 OK\r\nServer: one with a long name\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // 1000):
                at = talk.send(1, at + 100000, b"x" * 1000)
        talk.close(at + MS)
    return cut_to(w, length)


@story()
def quick_pages_of_which_little_was_kept():
    return pages({"/a": MS, "/b": 2 * MS, "/c": MS})


@story(first=("slow-server", "10.8.0.1:80"), cost=8 * 0.7)
def slow_pages_of_which_little_was_kept():
    return pages({"/a": MS, "/b": 700 * MS, "/c": MS})


if __name__ == "__main__":
    sys.exit(stories.main())
