"""More stories (stories.py): connections that are slow to be made, that nobody takes, or that hold a worker."""
import json
import struct
import subprocess
import sys
import tempfile

import pcaplib
import stories
from pcaplib import ACK, FIN, PSH, RST, SYN
from stories import MS, SECOND, World, get, ok, story

stories.STORIES.clear()


class Conn:
    """A connection whose packets are told one by one; addresses of either family, by their last byte."""

    count = 0

    def __init__(self, w, client, server, port=80, v6=False):
        Conn.count += 1
        self.ends = [(self.address(a, v6), p) for a, p in ((client, 20000 + Conn.count), (server, port))]
        self.v6, self.next, self.ident, self.packets = v6, [0, 0], [1, 1], []
        w.talks.append(self)

    @staticmethod
    def address(a, v6):
        net, host = a if isinstance(a, tuple) else (0, a)
        return bytes.fromhex("20010db8") + bytes((0, 0, 0, net)) + bytes(7) + bytes((host,)) if v6 else bytes((10, 7, net, host))

    def say(self, side, time, flags=ACK, data=b"", again=False):
        """again: what was sent last comes once more."""
        src, dst = self.ends[side], self.ends[1 - side]
        length = len(data) + bool(flags & (SYN | FIN))
        at = self.next[side] - (length if again else 0)
        self.next[side] = at + length
        seq = (1000 * (side + 1) + at) & 0xFFFFFFFF
        ack = (1000 * (2 - side) + self.next[1 - side]) & 0xFFFFFFFF if flags & ACK else 0
        self.ident[side] += 1
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, 0x50, flags, 65535, 0, 0)
        if self.v6:
            kind, ip = b"\x86\xdd", struct.pack("!IHBB", 6 << 28, 0, 6, 64) + src[0] + dst[0]
        else:
            kind, ip = b"\x08\0", struct.pack("!BBHHHBBH", 0x45, 0, 0, self.ident[side], 0x4000, 64, 6, 0) + src[0] + dst[0]
        mac = b"\2\0\0\0\0\1\2\0\0\0\0\2"
        self.packets.append(pcaplib.Packet(time, pcaplib.Segment(mac + kind, ip, tcp, data).frame()))
        return time

    def syns(self, time, gaps=()):
        """Sent, and again after each of these seconds; the time of the last one."""
        self.say(0, time, SYN)
        for gap in gaps:
            time += int(gap * SECOND)
            self.say(0, time, SYN, again=True)
        return time

    def open(self, time, gaps=()):
        time = self.syns(time, gaps)
        self.say(1, time + 50_000, SYN | ACK)
        return self.say(0, time + 100_000)

    def ask(self, time, data, again=()):
        """Sent, and again after each of these seconds; acknowledged at last."""
        last = self.sent(time, data, again)
        self.say(1, last + 50_000)
        return last

    def sent(self, time, data, again=()):
        self.say(0, time, ACK | PSH, data)
        for gap in again:
            time += int(gap * SECOND)
            self.say(0, time, ACK | PSH, data, again=True)
        return time

    def answer(self, time, data=None):
        self.say(1, time, ACK | PSH, data or ok())
        return self.say(0, time + 50_000)

    def close(self, time, by=1):
        self.say(by, time, ACK | FIN)
        self.say(1 - by, time + 50_000, ACK | FIN)
        return self.say(by, time + 100_000)


BACKOFF = (0.2, 0.4, 0.8, 1.6, 3.2)


def ledge(i, t):
    """A client of a server whose accept queue is full: what it does, and what it waits for that."""
    gaps, again, repeats = [((), (), 0), ((1,), (), 0), ((), BACKOFF[:3], 0), ((1, 1), BACKOFF, 0), ((1,), (), 2)][i % 5]
    return gaps, again, repeats


FASTCGI = b"\1\1\0\1\0\x08\0\0\0\1\0\0\0\0\0\0", b"\1\6\0\1\0\x10\0\0Status: 200 OK\r\n"


def full_queue(n, v6=False, proxy=False, net=0, nat=False, behind=(get("/shop"), ok()), port=80):
    """Costs are full_cost(n)."""
    w = World()
    for i in range(n):
        t = i * 40 * MS
        gaps, again, repeats = ledge(i, t)
        front = None
        if proxy:
            front = Conn(w, 10 + i, 2, v6=v6)
            t = front.ask(front.open(t) + 10_000, get("/shop")) + 100_000
        c = Conn(w, 2 if proxy else 9 if nat else (net, 10 + i), 1, port, v6)
        t = c.open(t, gaps) + 10_000
        if repeats:  # the ACK was dropped, the data too, and the SYN/ACK comes again
            c.say(0, t, ACK | PSH, behind[0])
            for k in range(repeats):
                t += SECOND
                c.say(1, t, SYN | ACK, again=False)
                c.next[1] -= 1
                c.say(0, t + 20_000)
            t = c.sent(t + 30_000, b"")
            c.next[0] -= len(behind[0])
            t = c.ask(t + 20_000, behind[0])
        else:
            t = c.ask(t, behind[0], again)
        t = c.answer(t + 30 * MS, behind[1])
        c.close(t + MS)
        if front:
            front.close(front.answer(t + 200_000) + MS)
    return w


def full_cost(n):
    return sum(sum(g) + sum(a) + r for g, a, r in (ledge(i, 0) for i in range(n)))


@story(first=("accept-queue", "10.7.0.1:80"), cost=full_cost(30), never=("dead-connection", "loss", "no-answer", "syn-filtered"))
def accept_queue_is_full():
    return full_queue(30)


@story(first=("accept-queue", r"\[2001:db8::1\]:80"), cost=full_cost(20), never=("dead-connection", "loss", "syn-filtered"))
def accept_queue_is_full_over_ipv6():
    return full_queue(20, True)


@story(first=("accept-queue", "10.7.0.1:9000"), cost=full_cost(30), never=("dead-connection", "loss", "no-answer"))
def accept_queue_of_a_protocol_that_is_not_read():
    return full_queue(30, proxy=True, behind=FASTCGI, port=9000)


@story(first=("accept-queue", "10.7.0.1:80"), cost=full_cost(30), never=("dead-connection", "loss", "syn-filtered"))
def accept_queue_behind_a_proxy():
    return full_queue(30, proxy=True)


@story(first=("accept-queue", "10.7.0.1:80"), also=[("no-answer", "10.7.0.1:80")], never=("dead-connection", "loss"))
def accept_queue_and_clients_that_wait_still():
    w = full_queue(20)
    for i in range(10):
        c = Conn(w, 60 + i, 1)
        c.sent(c.open(i * 30 * MS, (1,)) + 10_000, get("/shop"), BACKOFF)
    return w


def waiting(t, n):
    """At the capture's end that many had sent their first bytes for the second time, less than 2 s before."""
    w = full_queue(30)
    end = max(p.time for c in w.talks for p in c.packets)
    for i in range(n):
        c = Conn(w, 90 + i, 1)
        c.sent(c.open(end - t), get("/shop"), BACKOFF[:2])
    return w


@story(first=("accept-queue", "10.7.0.1:80"), also=[("no-answer", "10.7.0.1:80")], never=("dead-connection", "loss"))
def accept_queue_and_clients_that_began_to_wait():
    return waiting(SECOND, 4)


@story(first=("accept-queue", "10.7.0.1:80"), cost=full_cost(20) + 6 * (1 + 5), never=("dead-connection", "loss", "no-answer", "client-gave-up"))
def accept_queue_and_clients_that_give_up():
    w = full_queue(20)
    for i in range(6):
        c = Conn(w, 60 + i, 1)
        begun = c.open(i * 30 * MS, (1,)) + 10_000
        c.sent(begun, get("/shop"), BACKOFF[:4])
        c.say(0, begun + 5 * SECOND, ACK | RST)
    return w


def served(w, clients, n, v6=False, port=80, gap=200 * MS, first=10, net=0):
    """Clients that are served at once, each so often."""
    for k in range(n):
        for i in range(clients):
            c = Conn(w, (net, first + i), 1, port, v6)
            t = c.answer(c.ask(c.open(k * gap + i * MS) + 10_000, get("/a")) + 2 * MS)
            c.close(t + MS)


@story()
def connections_that_are_taken():
    w = World()
    served(w, 6, 10)
    return w


@story(first=("accept-queue", "10.7.0.1:80"), cost=full_cost(30), never=("dead-connection", "loss", "syn-filtered"))
def accept_queue_of_clients_behind_nat():
    return full_queue(30, nat=True)


# First bytes are lost like all else where the path loses packets.
@story(first=("loss", "10.7.0.1:80"), never=("accept-queue", "syn-drop"))
def path_that_loses_packets():
    w = World()
    for i in range(20):
        c = Conn(w, 10 + i, 1)
        t = c.open(i * 50 * MS) + 10_000
        for k in range(10):
            t = c.ask(t + MS, get("/a"), (0.3,) if (k + i) % 3 == 0 else ())
            t = c.answer(t + MS)
    return w


@story(first=("dead-connection", "10.7.0.1:80"), never=("accept-queue", "no-answer"))
def first_bytes_that_never_arrive():
    w = World()
    served(w, 3, 10)
    for i in range(3):
        c = Conn(w, 60 + i, 1)
        c.say(0, c.sent(c.open(i * 30 * MS) + 10_000, get("/shop"), BACKOFF) + SECOND, ACK | RST)
    return w


# ---- some clients are never answered ---------------------------------------------------------------

LINEAR = (1.01, 1.02, 1.02, 1.02)


def filtered(clients, n, v6=False, net=0, gaps=LINEAR):
    w = World()
    served(w, 5, 50, v6)
    for i in range(clients):
        for k in range(n):
            Conn(w, (net, 100 + i), 1, v6=v6).syns(200 * MS + i * 100 * MS + k * 300 * MS, gaps)
    return w


# Up to whole seconds: the next SYN was due after 5.09 s.
@story(first=("syn-filtered", "10.7.0.1:80"), cost=4 * 5, never=("syn-drop", "accept-queue", "connect-timeout"))
def one_client_is_filtered():
    return filtered(1, 4)


def served_until(others):
    """Who asked all the while is not answered any more from the middle on; others are, or (a server that hangs) nobody
    is."""
    w = World()
    served(w, 3, 9)
    for k in range(8):
        c = Conn(w, 200, 1)
        c.close(c.answer(c.ask(c.open(k * 150 * MS) + 10_000, get("/a")) + MS) + MS)
    for k in range(3):
        Conn(w, 200, 1).syns(2 * SECOND + k * 400 * MS, (1, 2))
    for k in range(12 if others else 0):
        c = Conn(w, 201 + k % 2, 1)
        c.close(c.answer(c.ask(c.open(2 * SECOND + k * 500 * MS) + 10_000, get("/a")) + MS) + MS)
    return w


@story(first=("syn-filtered", "10.7.0.1:80"), never=("syn-drop", "accept-queue"))
def one_client_is_filtered_from_the_middle_on():
    return served_until(True)


@story(first=("syn-drop", "10.7.0.1:80"), never=("syn-filtered",))
def nobody_is_served_from_the_middle_on():
    return served_until(False)


@story(first=("syn-filtered", r"\[2001:db8::1\]:80"), cost=3 * 5, never=("syn-drop", "connect-timeout"))
def one_client_is_filtered_over_ipv6():
    return filtered(1, 3, True)


@story(first=("syn-filtered", "10.7.0.1:80"), cost=9 * 5, never=("syn-drop", "connect-timeout"))
def one_network_is_filtered():
    return filtered(3, 3, net=9)


@story(first=("connect-timeout", "10.7.0.1:80"), cost=9 * 5, never=("syn-drop", "syn-filtered"))
def nobody_is_answered():
    w = World()
    for i in range(3):
        for k in range(3):
            Conn(w, 100 + i, 1).syns(i * 100 * MS + k * 300 * MS, LINEAR)
    served(w, 3, 40, port=81)
    return w


# A full queue drops the SYNs of all: of one client by chance each of a few.
@story(first=("syn-drop", "10.7.0.1:80"), cost=20 * 2 + 5, never=("syn-filtered", "connect-timeout"))
def requests_of_all_are_dropped():
    w = World()
    for i in range(40):
        c = Conn(w, 10 + i % 8, 1)
        c.close(c.answer(c.ask(c.open(i * 100 * MS, (1, 1) if i % 2 else ()) + 10_000, get("/a")) + MS) + MS)
    Conn(w, 90, 1).syns(300 * MS, LINEAR)
    return w


# The server was away for a while: whoever came then was not answered, whoever came before or after was.
@story(first=("syn-drop", "10.7.0.1:80"), never=("syn-filtered",))
def server_that_was_away():
    w = World()
    served(w, 5, 5)
    for i in range(4):
        Conn(w, 60 + i, 1).syns(10 * SECOND + i * 100 * MS, LINEAR)
    for i in range(20):
        c = Conn(w, 10 + i, 1)
        c.close(c.answer(c.ask(c.open(20 * SECOND + i * 100 * MS) + 10_000, get("/a")) + MS) + MS)
    return w


# Refused at last, after SYNs that nobody answered.
@story(first=("connect-timeout|syn-drop", "10.7.0.1:81"), cost=3 * 3, also=[("connect-refused", "10.7.0.1:81")])
def refused_after_a_while():
    w = World()
    for i in range(3):
        c = Conn(w, 20 + i, 1, 81)
        c.say(1, c.syns(i * 50 * MS, (1, 2)) + 100_000, ACK | RST)
    served(w, 2, 40)
    return w


# ---- how long clients waited for connections that nobody made -----------------------------------------


def gives_up(after, n, gaps, pause=0.01, served=False):
    """One attempt after the other; behind the last one nothing comes."""
    w = World()
    for i in range(n):
        Conn(w, 9, 1).syns(int(i * (after + pause) * SECOND), gaps)
        if served and i < n - 1:
            c = Conn(w, 8, 1)
            c.close(c.answer(c.ask(c.open(int((i * (after + pause) + 1.3) * SECOND)) + MS, get("/")) + MS))
    return w


@story(first=("connect-timeout", "10.7.0.1:80"), cost=4 * 2.5)
def client_that_gives_up_after_two_seconds_and_a_half():
    return gives_up(2.5, 4, (1, 1))


@story(first=("connect-timeout", "10.7.0.1:80"), cost=3 * 5.0)
def client_that_gives_up_when_the_next_syn_was_long_due():
    return gives_up(5, 3, (1, 2))


@story(first=("syn-filtered", "10.7.0.1:80"), cost=3 * 6.0)
def client_that_gives_up_while_others_are_served():
    return gives_up(6, 3, (1, 2), served=True)


@story(first=("connect-timeout", "10.7.0.1:80"), cost=3 * 4.0)
def client_that_pauses_before_it_tries_again():
    return gives_up(4, 3, (1, 2), pause=0.4)


# ---- ports that nobody listens on ------------------------------------------------------------------


def tried(clients, ports):
    """Ports that refuse, and others that do not answer, beside users who are served."""
    w = World()
    for k, port in enumerate(ports):
        c = Conn(w, 20 + k % clients, 1, port)
        if port % 5:
            c.say(1, c.syns(k * 20 * MS, ()) + 100_000, ACK | RST)
        else:
            c.syns(k * 20 * MS, (1,))
    served(w, 2, 40)
    return w


@story(never=("connect-refused", "connect-timeout"))
def ports_tried_by_a_scan():
    return tried(1, range(7000, 7060))


@story(first=("connect-refused", "10.7.0.1:7001"))
def one_port_refuses():
    return tried(4, (7001,) * 5)


def restarted(errors):
    """One of two servers behind a proxy is started again: checks find nobody, and, if there are errors, users do."""
    w = World()
    for k in range(120):
        t = k * 100 * MS
        down = 40 <= k < 52
        user, back = Conn(w, 10 + k % 5, 2), Conn(w, 2, 4 if down and not errors else 3 + k % 2, 8000)
        asked = user.ask(user.open(t) + 10_000, get("/"))
        if down and errors and k % 2 == 0:
            back.say(1, back.syns(asked + 100_000) + 50_000, ACK | RST)
            user.close(user.answer(asked + MS, ok(code=b"503 Service Unavailable")) + MS)
        else:
            done = back.answer(back.ask(back.open(asked + 100_000) + 10_000, get("/")) + 5 * MS)
            back.close(done + 10_000)
            user.close(user.answer(done + 100_000) + MS)
        if k % 5 == 0:
            check = Conn(w, 2, 3, 8000)
            if down:
                check.say(1, check.syns(t + 50 * MS) + 50_000, ACK | RST)
            else:
                check.close(check.answer(check.ask(check.open(t + 50 * MS) + 10_000, get("/health")) + MS) + MS)
    return w


@story(never=("http-error",))
def server_started_again_behind_a_proxy():
    return restarted(False)


@story(first=("connect-refused", "10.7.0.3:8000"))
def server_started_again_that_users_miss():
    return restarted(True)


# ---- workers ---------------------------------------------------------------------------------------


def prefork(n, workers, keep=5, gap=0.35, took=0.002, linger=0, silent=0, v6=False, proxy=False, port=80, once=False, unread=False):
    """Visitors of a server with so many workers, each held by one connection until it closes: their
    page, one picture, then `keep` seconds of nothing (once: their page only, and it closes). What they
    waited for a worker is in .waited."""
    w = World()
    free, w.waited = [0] * workers, 0
    for i in range(n):
        t = int(i * gap * SECOND)
        front = None
        if proxy:
            front = Conn(w, 10 + i % 200, 2, v6=v6)
            t = front.ask(front.open(t) + 10_000, get("/")) + 50_000
        c = Conn(w, 2 if proxy else 10 + i % 200, 1, port, v6)
        begun = c.open(t) + 10_000
        turn = min(range(workers), key=lambda k: free[k])
        if i < silent:  # a browser's connection for later
            free[turn] = begun + int(keep * SECOND)
            c.close(free[turn])
            continue
        c.ask(begun, b"\1\2\3 give me that\0" if unread else get("/"))
        start = max(begun, free[turn])
        w.waited += start - begun
        t = c.answer(start + int(took * SECOND), *[b"\4\5 here it is\0"] * unread)
        if front:
            front.close(front.answer(t + 100_000) + MS)
        if once:
            free[turn] = c.close(t + MS)
            continue
        if not unread:
            t = c.answer(c.ask(t + 5 * MS, get("/picture")) + int(took * SECOND))
        free[turn] = c.close(t + int(keep * SECOND)) + int(linger * SECOND)
    return w


def starving(server="10.7.0.1:80", never=("accept-queue",), **how):
    """The story's cost is what the workers' turns say."""
    waited = prefork(**how).waited / SECOND
    return story(first=("worker-starvation", server), cost=waited, never=never)


FOUR = dict(n=16, workers=4)


@starving(**FOUR)
def four_workers_held_by_idle_connections():
    return prefork(**FOUR)


SIX = dict(n=30, workers=6, keep=3, gap=0.2, linger=2, v6=True)


@starving(server=r"\[2001:db8::1\]:80", **SIX)
def six_workers_that_linger_over_ipv6():
    return prefork(**SIX)


BEHIND = dict(n=20, workers=5, keep=4, gap=0.3, proxy=True)


@starving(never=("accept-queue", "no-answer"), **BEHIND)
def workers_behind_a_proxy():
    return prefork(**BEHIND)


SILENT = dict(n=24, workers=4, keep=6, gap=0.25, silent=4)


@starving(**SILENT)
def workers_held_by_connections_that_say_nothing():
    return prefork(**SILENT)


# Nothing of what is said of it fits the web alone (stories.check).
UNREAD = dict(n=16, workers=4, port=7001, unread=True)


@starving(server="10.7.0.1:7001", **UNREAD)
def workers_of_a_protocol_that_is_not_read():
    return prefork(**UNREAD)


ONCE = dict(n=16, workers=3, keep=7, gap=0.3, silent=3, once=True)


@starving(**ONCE)
def silent_connections_where_nothing_is_kept_alive():
    """One that closes lets all of them through, one after the other."""
    return prefork(**ONCE)


@story()
def workers_enough():
    return prefork(16, 20)


# Busy ones: nothing is kept alive, each request takes as long.
@story(never=("worker-starvation",), first=("slow-server|saturation", "10.7.0.1:80"))
def workers_that_work():
    w = World()
    free = [0] * 4
    for i in range(60):
        c = Conn(w, 10 + i, 1)
        begun = c.open(i * 100 * MS) + 10_000
        c.ask(begun, get("/report"))
        turn = min(range(4), key=lambda k: free[k])
        t = c.answer(max(begun, free[turn]) + 800 * MS)
        free[turn] = c.close(t + MS)
    return w


# Slow first answers, and idle connections that are closed all the while: nobody waits for them.
@story(never=("worker-starvation",), first=("slow-server", "10.7.0.1:80"))
def slow_requests_while_others_close():
    w = World()
    for i in range(60):
        c = Conn(w, 10 + i, 1)
        t = c.open(i * 200 * MS) + 10_000
        t = c.answer(c.ask(t, get("/report" if i % 4 == 0 else "/a")) + ((900 + 217 * i % 1400) * MS if i % 4 == 0 else 3 * MS))
        c.close(t + 5 * SECOND)
    return w


# ---- what tables had to forget ---------------------------------------------------------------------


def dead_among(others, n=1):
    """`n` clients' connections die, each makes `others` new ones; the counters of the report."""
    w = World()
    for i in range(n):
        c = Conn(w, (i // 250, i % 250), 1)
        t = c.answer(c.ask(c.open(i * MS) + MS, get("/")) + MS) + 3 * SECOND
        c.sent(t, get("/"), (0.2, 0.4, 0.8, 1.6, 3.2, 6.4))
        for k in range(others):
            c = Conn(w, (i // 250, i % 250), 1)
            c.close(c.answer(c.ask(c.open(t + 2 * SECOND + k * 20 * MS) + MS, get("/")) + MS))
    with tempfile.NamedTemporaryFile() as f:
        w.write(f.name)
        run = subprocess.run([stories.TSUMARI, "-r", f.name, "--report=json"], capture_output=True, timeout=60)
    return {c["name"]: c["n"] for c in json.loads(run.stdout)["counters"]}


def forgets():
    """A bounded table says when it was too small, and only then."""
    for others, n, name in ((40, 1, "dead connections whose client made too many others since"),
                            (1, 1100, "clients that may give up forgotten, too many")):
        if not dead_among(others, n).get(name):
            stories.fail("forgets", "nothing of '%s' for %d x %d" % (name, n, others))
    few = dead_among(3)
    if any("forgotten" in name or "too many" in name for name in few):
        stories.fail("forgets", "it forgot something of next to nothing: %s" % few)
    return stories.bad > 0


if __name__ == "__main__":
    sys.exit(forgets() or stories.main())
