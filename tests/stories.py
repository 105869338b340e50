"""Stories: small captures made here, each of one cause of waiting or of none, and what is told of them.

A story is a function that gives packets; what must come out stands above it. `first`: the first
warning or critical, its server and its cost in seconds; `also`: others that must be there; `never`:
ids that must not be, whatever their severity; nothing of it: no finding above "info" at all. A
`verdict` is a regular expression that the report begins with.
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

import pcaplib
from pcaplib import ACK, FIN, PSH, RST, SYN

TSUMARI = os.environ["TSUMARI"]
MS = 10**6
SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
STORIES = []
bad = 0


def story(first=None, cost=None, also=(), never=(), verdict=None):
    def put(make):
        STORIES.append((make.__name__, make, first, cost, also, never, verdict))
        return make

    return put


# ---- what stories are made of ------------------------------------------------------------------


class World:
    """Packets of many connections; times are ns since the beginning."""

    def __init__(self):
        self.packets, self.talks = [], []

    def tcp(self, server, port=80, client="10.9.0.1"):
        talk = pcaplib.Conversation(len(self.talks) + 1, port, client, server)
        self.talks.append(talk)
        return talk

    def udp(self, time, client, server, sport, dport, data, back=False):
        ends = [(client, sport), (server, dport)]
        src, dst = ends[back], ends[not back]
        udp = struct.pack("!HHHH", src[1], dst[1], 8 + len(data), 0) + data
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), len(self.packets), 0, 64, 17, 0)
        ip += b"".join(bytes(map(int, e[0].split("."))) for e in (src, dst))
        ip = ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]
        self.packets.append(pcaplib.Packet(time, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp))

    def write(self, path):
        all = self.packets + [p for t in self.talks for p in t.packets]
        all.sort(key=lambda p: p.time)
        pcaplib.write(path, 1, [pcaplib.Packet(BEGIN + p.time, p.data, p.wire) for p in all])


def get(path, host="h"):
    return b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode())


def ok(body=b"ok", code=b"200 OK"):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)


class Mysql:
    """A connection to MySQL 10.8.0.3:3306, its packets of the protocol without deprecated EOF."""

    def __init__(self, world, client="10.9.0.1", now=0, late=0, logs_in=True, half=0):
        self.talk = world.tcp("10.8.0.3", 3306, client)
        now = self.talk.open(now)
        self.talk.packets[-1].time += half  # of the round trip, between the client and the capture point
        now += half
        greeting = b"\x0a8.0.36\0" + b"\1\0\0\0" + b"abcdefgh\0" + struct.pack("<HBHH", 0xA28D, 45, 2, 8)
        greeting += b"\x15" + bytes(10) + b"abcdefghijkl\0" + b"mysql_native_password\0"
        self.now = now = self.talk.send(1, now + late, self.packet(0, greeting))
        if not logs_in:
            return
        login = struct.pack("<IIB", 0xA28D & ~8, 1 << 24, 45) + bytes(23) + b"app\0\0" + b"mysql_native_password\0"
        now = self.talk.send(0, now + max(MS, half), self.packet(1, login))
        self.now = self.talk.send(1, now + MS, self.packet(2, b"\0\0\0\2\0\0\0"))

    @staticmethod
    def packet(number, data):
        return struct.pack("<I", len(data))[:3] + bytes((number,)) + data

    def query(self, sql, took=MS, flags=2, error=None):
        """Its answer has one column and no rows."""
        self.now = self.talk.send(0, self.now + MS, self.packet(0, b"\3" + sql.encode()))
        eof = b"\xfe\0\0" + struct.pack("<H", flags)
        column = b"\3def\0\0\0\1a\1a\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0"
        answer = b"".join(self.packet(n + 1, d) for n, d in enumerate((b"\1", column, eof, eof)))
        if error:
            answer = self.packet(1, b"\xff" + struct.pack("<H", error) + b"#HY000no")
        self.now = self.talk.send(1, self.now + took, answer)


NO_INDEX = 0x22


def dns(w, time, server, id, name, port, answer=None, type=1, client="10.9.0.1"):
    """A query, and its answer so many ns later."""
    labels = b"".join(bytes((len(l),)) + l.encode() for l in name.split(".")) + b"\0"
    question = labels + struct.pack("!HH", type, 1)
    w.udp(time, client, server, port, 53, struct.pack("!6H", id, 0x100, 1, 0, 0, 0) + question)
    if answer is not None:
        rr = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes((10, 8, 0, 1))
        w.udp(time + answer, client, server, port, 53, struct.pack("!6H", id, 0x8180, 1, 1, 0, 0) + question + rr, True)


# ---- the stories -------------------------------------------------------------------------------


def sites(names):
    """One client asks servers 10.8.0.1, .2 ... so many times, each for its site."""
    w, now = World(), 0
    for i, (name, n) in enumerate(names, 1):
        talk = w.tcp("10.8.0.%d" % i)
        now = talk.open(now)
        for _ in range(n):
            now = talk.send(0, now + MS, get("/", name))
            now = talk.send(1, now + MS, ok())
        now = talk.close(now)
    return w


@story(first=("lb-imbalance", None))
def one_site_unevenly_shared():
    return sites([("shop.example", 60), ("shop.example", 6)])


@story(never=("lb-imbalance",))
def five_sites_of_a_browser():
    return sites([("a.example", 35), ("b.example", 9), ("c.example", 4), ("d.example", 2), ("e.example", 1)])


@story(first=("mysql-no-index", "10.8.0.3:3306"), cost=0.9)
def statements_without_an_index():
    w = World()
    m = Mysql(w)
    for _ in range(3):
        m.query("select * from big where a = 1", 300 * MS, NO_INDEX)
    return w


@story(never=("mysql-no-index",))
def what_needs_no_index():
    w = World()
    m = Mysql(w)
    for sql in ("show tables", "SHOW STATUS", "explain select * from t", "desc t", "alter table t force",
                "select * from information_schema.tables", "select 1 from (performance_schema.threads)"):
        m.query(sql, 100 * MS, NO_INDEX)
    return w


@story(first=("mysql-slow", "10.8.0.3:3306"), cost=1.5)
def slow_statements_are_counted_all():
    w = World()
    m = Mysql(w)
    m.query("alter table big force", 1500 * MS, NO_INDEX)
    m.query("select * from big", 400 * MS, NO_INDEX)
    m.query("select a from big where id = 3")
    return w


def gone(w, until):
    talk = w.tcp("10.8.0.1", client="10.9.0.9")
    talk.close(talk.open(until * SECOND))
    return w


# It gave up behind 3 s and before 7 s, when the next SYN was due: when it greeted.
@story(first=("connect-timeout", "10.9.0.1:113"), cost=3 * 3.2, never=("slow-server",))
def mail_server_that_asks_back():
    """For the name of whoever is at the client's end, which drops that; then it greets."""
    w = World()
    for i in range(3):
        talk = w.tcp("10.8.0.2", 25)
        now = talk.open(i * 10 * SECOND)
        ident = w.tcp("10.9.0.1", 113, "10.8.0.2")
        for s in (0, 1, 3):
            ident._send(0, now + MS + s * SECOND, SYN)
            ident.next[0] -= 1
        now = talk.send(1, now + 3200 * MS, b"220 mx\r\n")
        now = talk.send(0, now, b"QUIT\r\n")
        talk.close(talk.send(1, now + MS, b"221 bye\r\n"))
    return w


def forgotten(again, answered=None):
    """A connection that was idle for a minute; its next request is sent again at these times."""
    w = World()
    talk = w.tcp("10.8.0.1")
    now = talk.open(0)
    now = talk.send(0, now, get("/"))
    now = talk.send(1, now + MS, ok()) + 60 * SECOND
    talk.send(0, now, get("/again"))
    del talk.packets[-1]
    for ms in again:
        talk.next[0] -= len(get("/again"))
        talk.send(0, now + ms * MS, get("/again"))
        del talk.packets[-1]
    if answered:
        talk.close(talk.send(1, now + answered * MS, ok()))
    other = w.tcp("10.8.0.1", client="10.9.0.2")
    other.close(other.open(now + 9 * SECOND))
    return w


@story(first=("dead-connection", "10.8.0.1:80"), cost=9.0, never=("loss", "slow-server", "mtu-black-hole"),
       verdict="Connections that are dead at 10.8.0.1:80: at least 9.00 s")
def connection_that_a_firewall_forgot():
    return forgotten((200, 600, 1400, 3000, 6200))


def lossy(again):
    """Seen beside the server: its SYN/ACK comes again as the client asks again, an answer by its timer."""
    w = World()
    for i in range(6):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        at = i * 3 * SECOND
        for late in (0, SECOND) if again and i < 2 else (SECOND,):
            talk._send(0, at + late, SYN)
            talk._send(1, at + late + 10_000, SYN | ACK)
            talk.next = [n - 1 for n in talk.next] if not late else talk.next
        now = at + SECOND + 20_000
        talk._send(0, now, ACK)
        talk._send(0, now, PSH | ACK, get("/"))
        for late in (MS, 301 * MS) if again else (MS,):
            talk._send(1, now + late, PSH | ACK, ok())
            talk.next[1] -= len(ok()) if late == MS and again else 0
        now += 302 * MS
        talk._send(0, now, FIN | ACK)
        talk._send(1, now + 10_000, FIN | ACK)
        talk._send(0, now + 20_000, ACK)
    return w


@story(first=("loss", "10.8.0.1:80"), cost=2 * 1.0 + 6 * 0.3, never=("slow-server",))
def loss_of_answers_of_any_kind():
    return lossy(True)


@story()
def no_answer_is_lost():
    return lossy(False)


@story(never=("dead-connection", "slow-server"), first=("loss", "10.8.0.1:80"))
def loss_that_ended():
    return forgotten((200, 600, 1400, 3000), 3010)


def trips(n, rtt, took, size=2):
    """Calls over a path, seen beside the client: each on a connection of its own."""
    w, now = World(), 0
    for i in range(n):
        talk = w.tcp("10.8.0.1")
        talk._send(0, now, SYN)
        talk._send(1, now + rtt, SYN | ACK)
        talk._send(0, now + rtt + 1000, ACK)
        talk._send(0, now + rtt + 2000, PSH | ACK, get("/"))
        now += 2 * rtt + took
        for at in range(0, len(ok(b"x" * size)), 1460):
            talk._send(1, now, ACK, ok(b"x" * size)[at : at + 1460])
        talk._send(0, now + 1000, ACK)
        talk._send(0, now + 2000, FIN | ACK)
        talk._send(1, now + rtt + 2000, FIN | ACK)
        talk._send(0, now + rtt + 3000, ACK)
        now += 2 * rtt
    return w


@story(first=("far-path", "10.8.0.1:80"), cost=20 * 0.5, never=("slow-server", "loss"),
       verdict="The path is long at 10.8.0.1:80: 10.0 s, 99")
def path_of_250_ms():
    return trips(20, 250 * MS, 2 * MS)


@story(never=("far-path",))
def path_of_20_ms():
    return trips(8, 20 * MS, 10 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=8 * 2.0)
def path_is_not_what_takes_the_time():
    return trips(8, 150 * MS, 2000 * MS)


def polls(spans, again=MS, path="/page", answer=ok()):
    """Requests of one connection, one after the other; each takes so long."""
    w, now = World(), 0
    talk = w.tcp("10.8.0.1")
    now = talk.open(0)
    for took in spans:
        now = talk.send(0, now, get(path))
        now = talk.send(1, now + took, answer) + again
    quick = w.tcp("10.8.0.1", client="10.9.0.2")
    at = quick.open(0)
    for _ in range(30):
        at = quick.send(1, quick.send(0, at, get("/")) + 2 * MS, ok()) + 100 * MS
    return w


@story()
def long_polls():
    return polls([8 * SECOND, 8 * SECOND + 60 * MS, 8 * SECOND + 20 * MS])


@story(first=("slow-server", "10.8.0.1:80"), cost=11.0)
def slow_pages_are_no_long_polls():
    """Not as long as each other, and not asked again at once."""
    return polls([2 * SECOND, 5 * SECOND, 4 * SECOND], 700 * MS)


@story(first=("slow-server", "10.8.0.1:80"), cost=4 * 2.0)
def pages_that_take_as_long_each_are_no_long_polls():
    """They bring something."""
    return polls([2 * SECOND + i * MS for i in range(4)], answer=ok(b"x" * 1500))


@story(first=("slow-server", "10.8.0.1:80"), cost=4 * 1.3)
def no_timer_is_of_1300_ms():
    return polls([1300 * MS + i * MS for i in range(4)])


@story()
def event_stream():
    w = World()
    talk = w.tcp("10.8.0.1")
    now = talk.send(0, talk.open(0), get("/events"))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    now = talk.send(1, now + MS, head)
    for _ in range(5):
        now = talk.send(1, now + 3 * SECOND, b"9\r\ndata: 1\n\n\r\n")
    talk.send(1, now, b"0\r\n\r\n")
    return w


@story()
def every_answer_takes_as_long():
    """That is what the service does."""
    return polls([210 * MS + i % 7 * MS for i in range(40)], 50 * MS, "/work", ok())


def balanced(dead):
    """A proxy's calls go to two servers in turn; one of them may be gone: it tries the other after 1 s."""
    w, now = World(), 0
    talk = w.tcp("10.8.0.1")
    now = talk.open(0)
    for i in range(10):
        now = asked = talk.send(0, now, get("/%d" % i)) + MS
        if dead and i % 2:
            w.tcp("10.8.0.8", 3000, "10.8.0.1")._send(0, now, SYN)
            asked += SECOND
        back = w.tcp("10.8.0.7" if dead or i % 2 else "10.8.0.8", 3000, "10.8.0.1")
        done = back.close(back.send(1, back.send(0, back.open(asked), get("/%d" % i)) + 5 * MS, ok()))
        now = talk.send(1, done + MS, ok()) + 20 * MS
    return w


@story(first=("connect-timeout", "10.8.0.8:3000"), cost=5 * 1.0, verdict="No answer to connection requests at 10.8.0.8:3000: 5.00")
def server_behind_a_proxy_that_is_gone():
    return balanced(True)


@story()
def servers_behind_a_proxy():
    return balanced(False)


def three_servers(slow):
    """A balancer asks them in turn."""
    w, now = World(), 0
    talks = [w.tcp("10.8.0.%d" % i, 3000, "10.8.0.1") for i in (7, 8, 9)]
    for talk in talks:
        talk.open(0)
    for i in range(30):
        took = slow if i % 3 == 1 else 15
        now = talks[i % 3].send(1, talks[i % 3].send(0, now, get("/", "shop")) + took * MS + i % 7 * MS // 5, ok()) + 20 * MS
    return w


@story(first=("slow-server", "10.8.0.8:3000"), cost=10 * 0.3)
def one_of_three_servers_is_slow():
    """All of its answers are: that is what it does, but the others do the same."""
    return three_servers(300)


@story()
def three_servers_alike():
    return three_servers(15)


def pages_and_calls(quick):
    """A proxy has pages of its own, quick ones or none; what it asks a server behind takes 350 ms each."""
    w, now = World(), 0
    talk, back = w.tcp("10.8.0.1"), w.tcp("10.8.0.7", 3000, "10.8.0.1")
    back.open(0)
    now = talk.open(0)
    for i in range(20):
        asked = talk.send(0, now, get("/api"))
        done = back.send(1, back.send(0, asked + MS, get("/api")) + (350 + i % 5) * MS, ok())
        now = talk.send(1, done + MS, ok()) + 10 * MS
        if quick:
            now = talk.send(1, talk.send(0, now, get("/page")) + MS, ok()) + 10 * MS
    return w


@story(first=("slow-server", "10.8.0.7:3000"), cost=20 * 0.352)
def slow_calls_of_a_proxy_that_is_quick():
    return pages_and_calls(True)


@story()
def calls_that_all_take_as_long():
    return pages_and_calls(False)


def job_queue(jobs):
    """Workers wait for a job, in a protocol that is not read; whoever brings one wakes them."""
    w = World()
    worker, now = w.tcp("10.8.0.6", 6379, "10.9.0.1"), 0
    now = worker.open(0)
    for i, after in enumerate(jobs):
        now = worker.send(0, now, b"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n")
        now += after
        other = w.tcp("10.8.0.6", 6379, "10.9.0.2")
        at = other.send(0, other.open(now - 2 * MS), b"*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$1\r\nj\r\n")
        other.close(other.send(1, at + MS // 10, b":1\r\n"))
        now = worker.send(1, now, b"*2\r\n$1\r\nq\r\n$1\r\nj\r\n") + 50 * MS
    return w


@story()
def workers_that_wait_for_a_job():
    return job_queue([800 * MS, 1500 * MS, 4 * SECOND, 2200 * MS, 7 * SECOND])


@story(first=("slow-server", "10.8.0.6:6379"), cost=9.5)
def slow_answers_of_a_protocol_that_is_not_read():
    w = World()
    talk = w.tcp("10.8.0.6", 6379)
    now = talk.open(0)
    for took in (1, 3500, 2, 6000, 1, 1):
        now = talk.send(1, talk.send(0, now, b"EVAL x\r\n") + took * MS, b"+OK\r\n") + 300 * MS
    return w


@story(first=("proxy-queue", "10.8.0.1:80"), cost=214.7)
def queue_of_a_proxy():
    """It lets two requests through at a time, each takes 200 ms behind it; clients come and go."""
    w, free, busy = World(), [0, 0], []
    back = [w.tcp("10.8.0.7", 8000, "10.8.0.1") for _ in range(2)]
    for talk in back:
        talk.open(0)
    asks = []
    for i in range(24):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        first = i * 150 * MS
        talk.open(first)
        asks.append([first + MS, talk, 6])
    while asks:
        asks.sort(key=lambda a: a[0])
        at, talk, left = asks.pop(0)
        k = min((0, 1), key=lambda k: free[k])
        asked = talk.send(0, at, get("/"))
        done = back[k].send(1, back[k].send(0, max(asked, free[k]) + MS, get("/")) + 200 * MS, ok())
        free[k] = done
        now = talk.send(1, done + MS, ok())
        if left > 1:
            asks.append([now + 5 * MS, talk, left - 1])
    return w


def behind(pages, inner, server="10.8.0.6", port=5432, status=b"200 OK"):
    """Pages of 10.8.0.1 that ask 10.8.0.6, each so long, in a protocol that is not read."""
    w, now = World(), 0
    talk, db = w.tcp("10.8.0.1"), w.tcp(server, port, "10.8.0.1")
    db.open(0)
    now = talk.open(0)
    for i in range(pages):
        asked = talk.send(0, now, get("/page"))
        done = db.send(1, db.send(0, asked + 3 * MS, b"select") + inner(i), b"rows")
        now = talk.send(1, done + 2 * MS, ok(code=status)) + 100 * MS
    return w


@story(first=("slow-server", "10.8.0.6:5432"), cost=12 * 0.13, verdict="Slow answers of the server at 10.8.0.6:5432")
def database_that_is_not_read_behind_pages():
    return behind(24, lambda i: (130 if i % 2 else 1) * MS)


@story(first=("slow-server", "10.8.0.6:5432"), cost=12 * 0.13 + 6 * 0.07)
def slow_answers_that_differ():
    """Where quick ones are usual, what is half as slow counts, too."""
    return behind(48, lambda i: (130 if i % 4 == 1 else 70 if i % 8 == 2 else 1) * MS)


@story()
def pages_of_which_some_take_70_ms():
    return behind(48, lambda i: (70 if i % 4 == 1 else 1) * MS)


@story()
def quick_pages():
    return behind(24, lambda i: 5 * MS)


def row_by_row(pages, asks, page_ms):
    """Pages of 10.8.0.1 that ask 10.8.0.6 so often, in a protocol that is not read."""
    w, now = World(), 0
    talk, db = w.tcp("10.8.0.1"), w.tcp("10.8.0.6", 5432, "10.8.0.1")
    db.open(0)
    now = talk.open(0)
    for _ in range(pages):
        done = asked = talk.send(0, now, get("/list"))
        for _ in range(asks):
            done = db.send(1, db.send(0, done + MS // 2, b"select") + 4 * MS, b"row")
        now = talk.send(1, max(done + MS, asked + page_ms * MS), ok()) + 300 * MS
    return w


@story(first=("n-plus-one", "10.8.0.6:5432"), cost=6 * 50 * 0.004)
def page_that_asks_for_each_row():
    return row_by_row(6, 50, 0)


@story()
def page_that_asks_little_of_what_it_takes():
    return row_by_row(6, 20, 190)


@story(first=("n-plus-one", "10.8.0.3:3306"), cost=40 * 2 * 0.005)
def two_statements_in_turn():
    w = World()
    page = w.tcp("10.8.0.1")
    asked = page.send(0, page.open(0), get("/list"))
    m = Mysql(w, "10.8.0.1", asked + MS)
    for i in range(40):
        m.query("select name from item where id = %d" % i, 5 * MS)
        m.query("select price from cost where item = %d" % i, 5 * MS)
    page.send(1, m.now + MS, ok())
    return w


@story(first=("n-plus-one", "10.8.0.3:3306"), cost=40 * (0.006 + 0.0002))
def one_statement_over_a_path_seen_beside_the_database():
    w = World()
    m = Mysql(w, half=6 * MS)
    for i in range(40):
        m.now += 5 * MS
        m.query("select name from item where id = %d" % i, MS // 5)
    m.talk.close(m.now + 6 * MS)
    # The client acknowledges with its next statement.
    m.talk.packets[3:] = [p for p in m.talk.packets[3:] if p.data[26] != 10 or p.data[27] != 9 or len(p.data) > 54]
    return w


@story(first=("mysql-error", "10.8.0.3:3306"), never=("slow-server",))
def errors_that_are_passed_on():
    w = World()
    page = w.tcp("10.8.0.1")
    now = page.open(0)
    m = Mysql(w, "10.8.0.1", now)
    for i in range(12):
        m.now = page.send(0, max(now, m.now), get("/page"))
        m.query("select 1 from t", 3 * MS, error=1205)
        now = page.send(1, m.now + 25 * MS, ok(code=b"500 No")) + 10 * MS
    return w


def downloads(n, pause):
    """Of 480 kB; a window is full after 60 kB, and the client reads on after a pause."""
    w, now = World(), 0
    for i in range(n):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        now = talk.send(0, talk.open(now), get("/large"))
        body = b"HTTP/1.1 200 OK\r\nContent-Length: 480000\r\n\r\n" + b"x" * 480_000
        for at in range(0, len(body), 60_000):
            for k in range(at, min(at + 60_000, len(body)), 1460):
                now += MS // 10
                talk._send(1, now, ACK, body[k : min(k + 1460, at + 60_000)])
            now += MS
            for window in (0, 65535):
                talk._send(0, now, ACK)
                talk.packets[-1] = with_window(talk.packets[-1], window)
                now += pause if not window else MS
        now = talk.close(now)
    return w


def with_window(packet, window):
    """The same segment without data, of another window."""
    data = bytearray(packet.data)
    data[48:50] = struct.pack("!H", window)
    data[50:52] = bytes(2)
    pseudo = bytes(data[26:34]) + struct.pack("!BBH", 0, 6, 20)
    data[50:52] = struct.pack("!H", pcaplib.checksum(pseudo + bytes(data[34:54])))
    return pcaplib.Packet(packet.time, bytes(data))


@story(first=("slow-reader", "10.8.0.1:80"), cost=3 * 1.64, never=("slow-server", "loss", "path-bandwidth"))
def clients_that_read_slowly():
    """What is sent in between is waited for because of them, too."""
    return downloads(3, 200 * MS)


@story()
def clients_that_read():
    return downloads(3, MS // 10)


def uploads(n, size, spans, expect=False):
    """POSTs whose bodies come in pieces with these pauses before each."""
    w = World()
    for i in range(n):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (i + 1))
        now = talk.open(i * 10 * SECOND)
        now = talk.send(0, now, b"POST /f HTTP/1.1\r\nHost: h\r\n%sContent-Length: %d\r\n\r\n" % (
            b"Expect: 100-continue\r\n" if expect else b"", size * len(spans)))
        for pause in spans:
            now = talk.send(0, now + pause, b"x" * size)
        talk.send(1, now + 2 * MS, ok())
    return w


@story(first=("slow-upload", "10.8.0.1:80"), cost=3 * 3.0, never=("slow-server", "expect-continue"))
def uploads_that_are_slow():
    return uploads(3, 14600, [100 * MS] * 30)


@story(first=("expect-continue", "10.8.0.1:80"), cost=4.0, never=("slow-server", "slow-upload"))
def nobody_says_100_continue():
    return uploads(4, 500, [1000 * MS], True)


@story()
def quick_uploads():
    return uploads(3, 14600, [MS] * 30)


@story()
def segment_cut_within_its_header():
    """So much of it is there that its ports are, and no flags."""
    w = World()
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 6, 0) + bytes((10, 9, 0, 1, 10, 8, 0, 1))
    ip = ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]
    w.packets.append(pcaplib.Packet(0, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + struct.pack("!HHI", 4000, 80, 1)))
    return w


# ---- what is told ------------------------------------------------------------------------------


def fail(name, text):
    global bad
    bad += 1
    print("FAIL: %s: %s" % (name, text))


def shown(f):
    return "%s@%s %.3f s%s" % (f["id"], f.get("server", "-"), f.get("cost", 0) / SECOND,
                               " (%s)" % f["part_of"] if f.get("part_of") else "")


def right(f, want, cost):
    id, server = want
    if not re.fullmatch(id, f["id"]) or (server and not re.fullmatch(server, f.get("server", ""))):
        return False
    return cost is None or abs(f.get("cost", 0) / SECOND - cost) <= 0.02 * cost + 0.002


def check(name, path, first, cost, also, never, verdict):
    run = subprocess.run([TSUMARI, "-r", path, "--report=json"], capture_output=True, timeout=60)
    if run.returncode:
        return fail(name, "status %d: %s" % (run.returncode, run.stderr.decode()))
    report = json.loads(run.stdout)
    loud = [f for f in report["findings"] if f["severity"] != "info"]
    told = "; ".join(map(shown, loud)) or "nothing"
    if not first and loud:
        fail(name, "is healthy, but " + told)
    elif first and not (loud and right(loud[0], first, cost)):
        fail(name, "%s, not %s %s" % (told, first, cost))
    for f in loud:
        if f.get("part_of") and not any(of["id"] == f["part_of"] for of in loud):
            fail(name, "%s is part of what is no alarm" % shown(f))
        if not f.get("count"):
            fail(name, "%s is told of none: %s" % (shown(f), f["saw"]))
    for want in also:
        if not any(right(f, want[:2], want[2] if len(want) > 2 else None) for f in report["findings"]):
            fail(name, "no %s: %s" % (want, told))
    for f in report["findings"]:
        web = f["id"] == "connect-timeout" or not re.search(r":(?!80$|443$)\d+$", f.get("server", ""))  # whoever is in front
        if f.get("protocol", "http" if web else "unread") not in ("http", "http2", "tls") and re.search(r"nginx|Apache|HTTP|499|upstream", f["next"] + f["against"]):
            fail(name, "what to look at fits the web, not %s: %s" % (f.get("protocol", f["id"]), f["next"]))
        if any(re.fullmatch(id, f["id"]) for id in never):
            fail(name, "%s is told" % shown(f))
    if verdict and not re.match(verdict, report["verdict"]):
        fail(name, "the verdict is '%s'" % report["verdict"])
    if bool(report["account"].get("at_least")) != any(line.get("at_least") for line in report["account"]["lines"]):
        fail(name, "what goes on is in the account's lines or its sum only")
    if "at least" in report["verdict"]:
        text = subprocess.run([TSUMARI, "-r", path, "--report"], capture_output=True, timeout=60).stdout.decode()
        if not re.search("^ .*, so far$", text, re.M) or "of waiting that users felt so far" not in text:
            fail(name, "the account does not say what goes on: %s" % text[:600])


def main():
    names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        for name, make, *want in STORIES:
            if names and name not in names:
                continue
            path = os.path.join(work, name + ".pcap")
            make().write(path)
            if os.environ.get("KEEP"):
                make().write(os.path.join(os.environ["KEEP"], name + ".pcap"))
            check(name, path, *want)
    if not bad:
        print("stories: %d told" % len(STORIES))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
