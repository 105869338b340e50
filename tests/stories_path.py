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


# ---- links -------------------------------------------------------------------------------------


class Link:
    """Connections over a link of so many bits a second with a queue before it, as their ends' TCP
    fills it: slow start up to `most` bytes under way, an ACK for two segments. `place` is where it is
    captured: 0 beside the client, 1 beside the server; the link is half-way. Times are ns."""

    def __init__(self, rate, delay, most=64000, place=1, v6=False, times=True):
        self.rate, self.delay, self.most, self.place = rate, delay, most, place
        self.v6, self.times, self.packets, self.talks, self.busy = v6, times, [], 0, [0, 0]
        self.others, self.small = [], (80, get("/s"), ok())  # when others ask, and what

    def frame(self, t, side, sent, arrives, flags, data=b"", options=b""):
        src, dst = t["ends"][side], t["ends"][1 - side]
        seq, ack = t["next"][side], t["acked"][side] if flags & ACK else 0
        if self.times:
            options += b"\1\1\x08\x0a" + struct.pack("!II", sent // MS + 100, t["heard"][side])
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                          (20 + len(options)) << 2, flags, 60000, 0, 0) + options
        macs = (b"\2\0\0\0\0\1", b"\2\0\0\0\0\2")
        if self.v6:
            ip = struct.pack("!IHBB", 6 << 28, 0, 6, 64) + src[0] + dst[0]
        else:
            t["ident"] += 1
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, t["ident"] & 0xFFFF, 0x4000, 64, 6, 0) + src[0] + dst[0]
        frame = stories.pcaplib.Segment(macs[1 - side] + macs[side] + (b"\x86\xdd" if self.v6 else b"\x08\0"),
                                        ip, tcp, data).frame()
        at = arrives if side != (self.place == 1) else sent
        self.packets.append(stories.pcaplib.Packet(at, frame))
        t["next"][side] += len(data) + bool(flags & (SYN | FIN))

    def cross(self, side, sent, size):
        """When it arrives: it waits for those before it on the link."""
        at = sent + self.delay // 2 + size * 8 * SECOND // self.rate[side]
        if self.rate[side] < FAST:  # what goes the other way is not told in order
            at = max(at, self.busy[side] + size * 8 * SECOND // self.rate[side])
            self.busy[side] = at
        return at + self.delay // 2

    def one(self, t, side, sent, flags=ACK, data=b"", options=b""):
        arrives = self.cross(side, sent, len(data) + 66)
        self.frame(t, side, sent, arrives, flags, data, options)
        t["heard"][1 - side], t["acked"][1 - side] = sent // MS + 100, t["next"][side]
        return arrives

    def open(self, now, client=1, port=80):
        self.talks += 1
        hosts = [bytes.fromhex("fd09") + bytes(13) + bytes((n,)) for n in (client, 200)] if self.v6 else \
            [bytes((10, 9, 0, client)), bytes((10, 8, 0, 1))]
        t = dict(ends=((hosts[0], 30000 + self.talks), (hosts[1], port)), next=[1000, 5000], acked=[0, 0],
                 heard=[0, 0], ident=self.talks * 1000)
        mss = b"\2\4\5\xb4\1\3\3\7"
        now = self.one(t, 0, now, SYN, options=mss)
        now = self.one(t, 1, now, SYN | ACK, options=mss)
        self.one(t, 0, now)
        return t, now

    def send(self, t, side, now, data, writes=None):
        """A message; when the last byte arrives. writes: (bytes, ns between) where it is not there at once."""
        window, under, acks, at, last = 14600, 0, [], 0, now
        clock = now
        while at < len(data):
            while self.others and self.others[0] <= clock:
                port, asked, said = self.small
                t2, then = self.open(self.others.pop(0), port=port)
                self.one(t2, 1, self.one(t2, 0, then, PSH | ACK, asked) + MS, PSH | ACK, said)
            there = len(data) if not writes else (1 + (clock - now) // writes[1]) * writes[0]
            n = min(1448, len(data) - at, there - at)
            if n > 0 and under + n <= window:
                heard = [a for a in acks if a[0] <= clock]
                if heard:
                    t["heard"][side] = heard[-1][2]
                arrives = self.cross(side, clock, n + 66)
                self.frame(t, side, clock, arrives, ACK | (PSH if at + n == len(data) else 0), data[at : at + n])
                at, under, last = at + n, under + n, arrives
                t["pair"] = t.get("pair", []) + [(n, arrives, clock // MS + 100)]
                if len(t["pair"]) == 2 or at == len(data):
                    t["acked"][1 - side] = t["next"][side]
                    t["heard"][1 - side] = t["pair"][-1][2]
                    back = self.cross(1 - side, arrives, 66)
                    self.frame(t, 1 - side, arrives, back, ACK)
                    acks.append((back, sum(p[0] for p in t["pair"]), arrives // MS + 100))
                    t["pair"] = []
                clock += 1000
                continue
            waits = [a for a in acks if a[1]]
            times = [waits[0][0]] if waits else []
            if n <= 0:
                times.append(now + (at // writes[0]) * writes[1])
            clock = max(clock, min(times))
            for i, a in enumerate(acks):
                if a[0] <= clock and a[1]:
                    under -= a[1]
                    window = min(window + a[1], self.most)
                    acks[i] = (a[0], 0, a[2])
        return last

    def write(self, path):
        self.packets.sort(key=lambda p: p.time)
        stories.pcaplib.write(path, 1, [stories.pcaplib.Packet(stories.BEGIN + p.time, p.data) for p in self.packets])


def transfers(link, n, size, upload=False, writes=None, think=50 * MS):
    now = 0
    for i in range(n):
        t, now = link.open(now)
        body = bytes(size)
        head = b"POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
        now = link.one(t, 0, now, PSH | ACK, get("/f")) if not upload else link.send(t, 0, now, head + body)
        now = link.one(t, 1, now + MS, PSH | ACK, ok()) if upload else link.send(t, 1, now + MS, ok(body), writes)
        now += think
    return link


SLOW, FAST = 2_000_000, 1_000_000_000


def each_place(first, make, cost=None, never=()):
    """The same, captured beside the client and beside the server, over IPv4 and IPv6."""
    for place in 0, 1:
        for v6 in False, True:
            name = "%s_%s_%s" % (make.__name__, ("client", "server")[place], ("ipv4", "ipv6")[v6])
            server = first and (first[0], r"\[fd09::c8\]:80" if v6 else r"10\.8\.0\.1:80")
            stories.STORIES.append((name, lambda p=place, v=v6: make(p, v), server, cost, (), never, None))


def downloads_over_a_slow_link(place, v6):
    return transfers(Link((FAST, SLOW), 10 * MS, place=place, v6=v6), 3, 400_000)


each_place(("path-bandwidth", None), downloads_over_a_slow_link, 3 * 400_000 * 8 * 1514 / 1448 / SLOW,
           ("slow-server", "slow-reader", "loss"))


def cut(link, until):
    """The capture ends while something is under way."""
    link.packets = [p for p in link.packets if p.time < until]
    return link


def download_that_is_open_at_the_end(place, v6):
    return cut(downloads_over_a_slow_link(place, v6), 1100 * MS)


each_place(("path-bandwidth", None), download_that_is_open_at_the_end, 1.055, ("slow-server", "slow-reader", "loss"))


def upload_that_is_open_at_the_end(place, v6):
    return cut(uploads_over_a_slow_link(place, v6), 1000 * MS)


each_place(("path-bandwidth", None), upload_that_is_open_at_the_end, None, ("slow-upload", "slow-server"))


def download_at_a_high_rate_that_is_open_at_the_end(place, v6):
    return cut(transfers(Link((FAST, 100_000_000), 2 * MS, 400_000, place, v6), 1, 5_000_000), 300 * MS)


each_place(None, download_at_a_high_rate_that_is_open_at_the_end)


def server_that_writes_slowly_when_the_capture_ends(place, v6):
    return cut(server_that_writes_slowly(place, v6), 1500 * MS)


each_place(("slow-server", None), server_that_writes_slowly_when_the_capture_ends, None, ("path-bandwidth",))


def line_of_one_client(delay, others=400_000):
    """One client's own line is slow; two others get as much at once, or less."""
    slow = transfers(Link((FAST, SLOW), delay), 1, 800_000)
    for client in 2, 3:
        near = Link((FAST, FAST), MS)
        near.talks, now = 100 * client, 333 * client * MS
        t, now = near.open(now, client)
        for _ in range(12):
            now = near.send(t, 1, near.one(t, 0, now, PSH | ACK, get("/f")) + MS, ok(bytes(others))) + 50 * MS
        slow.packets += near.packets
    return slow


@story()
def one_client_far_away_has_a_slow_line():
    return line_of_one_client(60 * MS)


@story()
def one_client_60_ms_away_has_a_slow_line_beside_others_who_ask_for_less():
    return line_of_one_client(30 * MS, 30_000)


@story(first=("path-bandwidth", "10.8.0.1:80"))
def one_client_near_by_has_a_slow_line():
    return line_of_one_client(10 * MS)


def paced_by_the_server(pages):
    """One download of 400 kB, of which some leaves each 300 ms, beside pages that come at once."""
    w = World()
    talk = w.tcp("10.8.0.1", client="10.9.0.9")
    now = talk.send(0, talk.open(0), get("/large")) + 2 * MS
    body = bytes(400_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    now = talk.send(1, now, head + body[:10_000])
    for at in range(10_000, len(body), 26_000):
        now = talk.send(1, now + 300 * MS, body[at : at + 26_000])
    page = w.tcp("10.8.0.1")
    at = page.open(0)
    for _ in range(pages):
        at = page.send(1, page.send(0, at, get("/")) + 2 * MS, ok()) + 100 * MS
    return w


@story()
def one_download_that_its_server_paces():
    return paced_by_the_server(40)


@story(first=("slow-server", "10.8.0.1:80"))
def download_that_a_server_gives_slowly():
    return paced_by_the_server(4)


@story()
def one_download_that_paces_itself():
    """Its client takes its time, beside others who get their pages at once."""
    w = stories.downloads(1, 200 * MS)
    for c in range(3):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (c + 50))
        at = talk.open(c * 7 * MS)
        for _ in range(10):
            at = talk.send(1, talk.send(0, at, get("/")) + 2 * MS, ok()) + 100 * MS
    return w


def uploads_over_a_slow_link(place, v6):
    return transfers(Link((SLOW, FAST), 10 * MS, place=place, v6=v6), 3, 300_000, upload=True)


each_place(("path-bandwidth", None), uploads_over_a_slow_link, None, ("slow-upload", "slow-server"))


def large_download_at_a_high_rate(place, v6):
    return transfers(Link((FAST, 100_000_000), 2 * MS, 400_000, place, v6), 1, 5_000_000)


each_place(None, large_download_at_a_high_rate)


def server_that_writes_slowly(place, v6):
    """A piece each tenth of a second, with nothing under way in between."""
    return transfers(Link((FAST, FAST), 5 * MS, place=place, v6=v6), 3, 400_000, writes=(20_000, 100 * MS))


each_place(("slow-server", None), server_that_writes_slowly, None, ("path-bandwidth",))


def far_downloads(place, v6):
    """The round trips of a sender that finds out how much the path carries."""
    return transfers(Link((FAST, FAST), 100 * MS, 4_000_000, place, v6), 4, 200_000)


each_place(("far-path", None), far_downloads, 4 * (0.2 + 0.2 + 3 * 0.2), ("path-bandwidth", "slow-server"))


def small_requests(size):
    """One each half second, of which those from the fifth on come while something is downloaded."""

    def small_requests_beside_a_transfer(place, v6):
        link = Link((FAST, SLOW), 10 * MS, 120_000, place, v6)
        for i in range(5):
            t, now = link.open(i * SECOND // 2)
            link.one(t, 1, link.one(t, 0, now, PSH | ACK, get("/s")) + MS, PSH | ACK, ok())
        t, now = link.open(5 * SECOND)
        now = link.one(t, 0, now, PSH | ACK, get("/large"))
        if size:
            link.others = [(now + SECOND + i * SECOND // 2) for i in range(10)]
        link.send(t, 1, now + MS, ok(bytes(size or 1000)))
        return link

    return small_requests_beside_a_transfer


each_place(("latency-under-load", None), small_requests(2_500_000), None, ("slow-server",))


# ---- one after the other -----------------------------------------------------------------------


def at_once(n, done, client="10.9.0.1", begin=0, w=None, path="/a", code=b"200 OK", header=b""):
    """Requests of a client that come together, on a connection each; when each is answered."""
    w = w or World()
    for i in range(n):
        talk = w.tcp("10.8.0.1", client=client)
        asked = talk.send(0, talk.open(begin + i * MS // 10), get(path)[:-2] + header + b"\r\n")
        talk.close(talk.send(1, max(asked + MS, begin + done(i)), ok(code=code if i % 3 else b"200 OK")))
    return w


def limited(n=20):
    """One each 200 ms; the first at once."""
    return at_once(n, lambda i: 2 * MS + i * 200 * MS + i % 3 * MS)


@story(first=("rate-limit", "10.8.0.1:80"), cost=0.2 * sum(range(20)), never=("saturation", "serialised"))
def requests_that_a_limit_delays():
    return limited()


def limited_roughly(refused):
    """By timers of a busy host, an eighth off now and then; the first of all was slow."""
    w = at_once(14, lambda i: (2 + i * 200 + 25 * (i % 5 == 3)) * MS, begin=SECOND)
    if refused:
        at_once(5, lambda i: 3 * MS, w=w, begin=SECOND + 5 * MS, code=b"503 Too Many")
    first = w.tcp("10.8.0.1", client="10.9.0.1")
    first.close(first.send(1, first.send(0, first.open(0), get("/a")) + 320 * MS, ok()))
    return w


@story(first=("rate-limit", "10.8.0.1:80"), never=("saturation", "serialised"))
def requests_that_a_limit_delays_and_refuses():
    return limited_roughly(True)


@story(first=("slow-server", "10.8.0.1:80"), never=("rate-limit",))
def requests_that_take_turns_roughly():
    return limited_roughly(False)


@story(first=("rate-limit", "10.8.0.1:80"))
def requests_that_a_limit_refuses():
    return at_once(30, lambda i: 2 * MS, code=b"429 Too Many Requests")


@story(first=("slow-server", "10.8.0.1:80"), never=("rate-limit", "serialised"))
def worker_that_takes_as_long_for_each():
    """It is busy: the first one takes as long."""
    return at_once(20, lambda i: (i + 1) * 200 * MS)


def sessions(lock, others=True):
    """Two clients with six requests at a time, each of 300 ms and more; those of one wait for each other."""
    w = World()
    for round in range(3):
        begin = round * 4 * SECOND
        at_once(6, lambda i: ((i + 1) if lock else 1) * 310 * MS + i * 7 * MS, "10.9.0.1", begin, w, "/cart")
        if others:
            for k in range(6):
                at_once(1, lambda i: (300 + 5 * k) * MS, "10.9.0.2", begin + 20 * MS + k * 250 * MS, w, "/cart")
    return w


@story(first=("serialised", "10.8.0.1:80"), cost=3 * sum(0.31 * i for i in range(6)), never=("rate-limit", "saturation"))
def session_that_is_locked():
    return sessions(True)


@story(never=("serialised", "rate-limit"))
def sessions_side_by_side():
    return sessions(False)


def behind_a_proxy(lock, bursts=4, files=True, name="PHPSESSID"):
    """Sessions of one address ask for three pages of 90 ms at a time; visitors for one, and all for files."""
    w = World()
    for k in range(bursts):
        begin = k * SECOND
        cookie = b"Cookie: lang=de; %s=%032x; seen=%d\r\n" % (name.encode(), 4711 + k % 2, 7)
        at_once(3, lambda i: ((i + 1) if lock else 1) * 90 * MS + i * 3 * MS, begin=begin, w=w, path="/page", header=cookie)
        for i in range(9):
            at_once(1, lambda _: 40 * MS, begin=begin + (30 + 60 * i) * MS, w=w, path="/page",
                    header=b"Cookie: lang=de; %s=%032x; seen=3\r\n" % (name.encode(), 9999 + k * 9 + i))
            if files:
                at_once(1, lambda _: 2 * MS, begin=begin + (50 + 60 * i) * MS, w=w, path="/logo.png", header=cookie)
    return w


LOCKED = dict(first=("serialised", "10.8.0.1:80"), cost=4 * (0.09 + 0.18), never=("rate-limit", "saturation"))


@story(**LOCKED)
def session_that_is_locked_behind_a_proxy():
    return behind_a_proxy(True)


@story(**LOCKED)
def session_that_is_locked_by_another_name():
    return behind_a_proxy(True, files=False, name="connect.sid")


def through_fastcgi(w):
    """Each request of a web server to one behind it, whose protocol is not read."""
    for front in list(w.talks):
        asked, answered = [p.time for p in front.packets if len(p.data) > 60][:2]
        inner = w.tcp("10.8.0.4", 9000, "10.8.0.1")
        now = inner.send(0, inner.open(asked + 100_000), b"\1\1\0\1\0\x08\0\0\0\1\0\0\0\0\0\0")
        inner.close(inner.send(1, answered - 200_000, b"\1\6\0\1\0\x10\0\0Status: 200 OK\r\n"))
    return w


@story(first=("serialised", "10.8.0.4:9000"), cost=4 * (0.09 + 0.18), never=("rate-limit", "saturation"))
def session_that_is_locked_behind_a_web_server():
    return through_fastcgi(behind_a_proxy(True, files=False))


@story(never=("serialised", "rate-limit"))
def sessions_behind_a_web_server_side_by_side():
    return through_fastcgi(behind_a_proxy(False, files=False))


@story(never=("serialised", "rate-limit"))
def sessions_behind_a_proxy_side_by_side():
    return behind_a_proxy(False)


@story(first=("slow-server", "10.8.0.1:80"), never=("serialised", "rate-limit"))
def sessions_that_wait_for_the_same_answer():
    """A cache that asks once for all who want a page: they are answered together."""
    w = World()
    for k in range(8):
        for i in range(6):
            at_once(1, lambda _: (400 - 40 * i) * MS, begin=(500 * k + 40 * i) * MS, w=w, path="/page",
                    header=b"Cookie: sid=%d\r\n" % (i % 2))
        at_once(1, lambda _: 20 * MS, begin=(500 * k + 250) * MS, w=w, path="/else", header=b"Cookie: sid=9\r\n")
    return w


def h2_frame(kind, flags, stream, data=b""):
    return struct.pack("!I", len(data))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + data


class Http2:
    """A connection whose requests go out together, and are answered after these times."""

    def __init__(self, w, client="10.9.0.1", now=0):
        self.talk, self.stream = w.tcp("10.8.0.1", client=client), 1
        now = self.talk.send(0, self.talk.open(now), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0))
        self.talk.send(1, now, h2_frame(4, 0, 0) + h2_frame(4, 1, 0))

    def ask(self, begin, times, path="/page"):
        asked, streams = b"", []
        for i in range(len(times)):
            name = b"%s" % path.encode()
            asked += h2_frame(1, 5, self.stream, b"\x82\x86\x04" + bytes((len(name),)) + name + b"\x01\1h")
            streams.append(self.stream)
            self.stream += 2
        self.talk.send(0, begin, asked)
        for stream, time in zip(streams, times):
            self.talk.send(1, begin + time, h2_frame(1, 4, stream, b"\x88") + h2_frame(0, 1, stream, b"ok"))


def through_http2(lock, bursts=4):
    """Browsers behind one address, a connection each; one asks for three pages at a time, the others for one."""
    w = World()
    locked = Http2(w)
    others = [Http2(w, now=k * MS) for k in range(3)]
    for k in range(bursts):
        begin = (k + 1) * SECOND
        locked.ask(begin, [(90 * (i + 1) if lock else 90 + i) * MS for i in range(3)])
        for i in range(9):
            others[i % 3].ask(begin + (30 + 60 * i) * MS, [40 * MS])
    return w


@story(**LOCKED)
def connection_of_http2_whose_requests_wait_for_each_other():
    return through_http2(True)


@story(never=("serialised", "rate-limit"))
def connections_of_http2_side_by_side():
    return through_http2(False)


# ---- many round trips --------------------------------------------------------------------------


def page_of(statements, n, took=4 * MS, around=()):
    """A page that sends these statements in turn, so many times."""
    w = World()
    page = w.tcp("10.8.0.1")
    asked = page.send(0, page.open(0), get("/list"))
    m = Mysql(w, "10.8.0.1", asked + MS)
    if around:
        m.query(around[0], MS)
    for i in range(n):
        for sql in statements:
            m.query(sql % i, took)
    if around:
        m.query(around[1], MS)
    page.send(1, m.now + MS, ok())
    return w


THREE = ("select name from item where id = %d", "select price from cost where item = %d",
         "select qty from stock where item = %d")


@story(first=("n-plus-one", "10.8.0.3:3306"), cost=30 * 3 * 0.004)
def three_statements_in_turn():
    return page_of(THREE, 30)


@story(first=("n-plus-one", "10.8.0.3:3306"), cost=30 * 3 * 0.004)
def three_statements_in_turn_within_a_transaction():
    return page_of(THREE, 30, around=("begin", "commit"))


@story(first=("n-plus-one", "10.8.0.3:3306"), cost=40 * 0.004)
def one_statement_again_and_again():
    return page_of(THREE[:1], 40)


@story()
def three_statements_a_page():
    return page_of(THREE, 1)


if __name__ == "__main__":
    sys.exit(stories.main())
