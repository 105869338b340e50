"""More stories (stories.py): what never answers, what stands behind, and addresses that move."""
import struct
import sys

import pcaplib
import stories
from pcaplib import ACK, FIN, PSH, RST, SYN
from stories import MS, SECOND, Mysql, World, get, ok, story

stories.STORIES.clear()


def v6(a):
    """An IPv4 endpoint's twin, as it is told."""
    host, port = a.split(":")
    n = bytes(map(int, host.split(".")))
    return "\\[fd00::%x:%x\\]:%s" % (n[0] << 8 | n[1], n[2] << 8 | n[3], port)


def to_v6(w):
    for talk in w.talks:
        for p in talk.packets:
            s = pcaplib.segment(1, p)
            ip = struct.pack("!IHBB", 6 << 28, 0, 6, 64)
            ip += b"".join(b"\xfd" + bytes(11) + s.ip[at : at + 4] for at in (12, 16))
            p.data = pcaplib.Segment(s.ether[:12] + b"\x86\xdd", ip, s.tcp, s.payload).frame()
            p.wire = len(p.data)
    return w


def both(first=None, also=(), verdict=None, **more):
    """The story over IPv4 and over IPv6."""

    def put(make):
        def make6():
            return to_v6(make())

        make6.__name__ = make.__name__ + "_ipv6"
        story(first, also=also, verdict=verdict, **more)(make)
        also6 = [(a[0], v6(a[1]), *a[2:]) for a in also]
        story(first and (first[0], v6(first[1])), also=also6, **more)(make6)
        return make

    return put


# ---- a server that does not answer, and those in front of it -----------------------------------

WEB, PROXY, APP = "10.8.0.1", "10.8.0.2", "10.8.0.4"


class Tiers:
    """A client, so many proxies, a server; each request has a connection of its own on every hop."""

    def __init__(self, proxies):
        self.w = World()
        self.hosts = ["10.9.0.1", WEB, PROXY][: proxies + 1] + [APP]
        self.ports = [80, 8080][:proxies] + [8000]

    def ask(self, now, path):
        """The connections from the outermost inwards, the request in each; when the last has it."""
        talks = []
        for client, server, port in zip(self.hosts, self.hosts[1:], self.ports):
            talk = self.w.tcp(server, port, client)
            now = talk.send(0, talk.open(now), get(path)) + MS // 5
            talks.append(talk)
        return talks, now

    def answer(self, talks, now, what):
        for talk in reversed(talks):
            now = talk.close(talk.send(1, now, what)) + MS // 5

    def give_up(self, talks, now, late, what=b"504 Gateway Timeout"):
        """The innermost proxy closes, the rest is told; the server's answer comes late, if at all."""
        inner = talks[-1]
        inner._send(0, now, FIN | ACK)
        inner._send(1, now + 10_000, ACK)
        self.answer(talks[:-1], now + MS // 5, ok(code=what))
        if late:
            inner._send(1, late, PSH | ACK, ok())
            inner._send(0, late + 10_000, RST)


def hung(proxies, late=6 * SECOND, timeout=2 * SECOND):
    """Each second one request that hangs; quick ones all the time."""
    t = Tiers(proxies)
    for i in range(6):
        at = i * SECOND
        talks, begun = t.ask(at, "/hang")
        t.give_up(talks, begun + timeout, late and at + late)
        for k in range(9):
            talks, begun = t.ask(at + (k + 1) * 100 * MS, "/quick")
            t.answer(talks, begun + 30 * MS, ok())
    return t.w


HUNG = dict(first=("no-answer|client-gave-up", APP + ":8000"), cost=12.0, never=("slow-server", "loss", "saturation"))


@both(**HUNG)
def server_that_hangs_behind_a_proxy():
    return hung(1)


@both(**HUNG)
def server_that_hangs_behind_two_proxies():
    return hung(2)


@both(**HUNG)
def server_that_never_answers_behind_a_proxy():
    return hung(1, None)


@both(**HUNG)
def server_that_hangs_while_others_wait_for_it():
    """The proxy answers three that it gives up at once, and closes what is behind a moment later."""
    t = Tiers(1)
    for i in range(2):
        at = i * 4 * SECOND
        asked = [t.ask(at + k * MS, "/hang") for k in range(3)]
        for talks, begun in asked:
            front, inner = talks
            front.close(front.send(1, begun + 2 * SECOND, ok(code=b"504 Gateway Timeout")))
            inner._send(0, begun + 2 * SECOND + 2 * MS, RST | ACK)
        for k in range(9):
            talks, begun = t.ask(at + (k + 1) * 210 * MS, "/quick")
            t.answer(talks, begun + 30 * MS, ok())
    return t.w


@both()
def proxies_in_front_of_a_quick_server():
    t = Tiers(2)
    for i in range(60):
        talks, begun = t.ask(i * 50 * MS, "/quick")
        t.answer(talks, begun + 30 * MS, ok())
    return t.w


def cached(apart, took=SECOND, rounds=5):
    """A cache that asks once for all who want a page; they come so many ns apart, and some want others."""
    t = Tiers(1)
    for i in range(rounds):
        at, path = i * 3 * SECOND, "/page/%d" % i
        waiting = [t.ask(at, path)]
        fronts = [waiting[0][0][0]]
        for k in range(1, 8):
            talk = t.w.tcp(WEB, 80)
            talk.send(0, talk.open(at + k * apart), get(path))
            fronts.append(talk)
        inner, begun = waiting[0][0][1], waiting[0][1]
        inner.close(inner.send(1, begun + took, ok()))
        for k, talk in enumerate(fronts):
            talk.close(talk.send(1, begun + took + MS + k * MS // 10, ok()))
        for k in range(12):
            other, now = t.ask(at + 100 * MS + k * 61 * MS, "/other")
            t.answer(other, now + 5 * MS, ok())
    return t.w


CACHED = dict(first=("slow-server", APP + ":8000"), never=("serialised",))


@both(cost=5 * sum(1 - 0.03 * k for k in range(8)), **CACHED)
def page_that_a_cache_asks_for_once():
    return cached(30 * MS)


@both(cost=5 * 8 * 1.0, **CACHED)
def page_that_all_ask_for_at_the_same_time():
    return cached(20_000)


@both()
def page_that_a_cache_renews_when_it_has_answered():
    t = Tiers(1)
    for i in range(12):
        at, path = i * 2 * SECOND, "/page/%d" % (i % 3)
        front = t.w.tcp(WEB, 80)
        now = front.close(front.send(1, front.send(0, front.open(at), get(path)) + MS, ok()))
        inner = t.w.tcp(APP, 8000, WEB)
        now = inner.send(0, inner.open(now + MS // 5), get(path))
        inner.close(inner.send(1, now + SECOND, ok()))
        for k in range(4):
            front = t.w.tcp(WEB, 80)
            front.close(front.send(1, front.send(0, front.open(at + k * 300 * MS + 20 * MS), get(path)) + MS, ok()))
    return t.w


@both()
def page_that_a_cache_gets_at_once():
    return cached(MS // 2, 5 * MS)


def redispatched(dead=True, every=250 * MS, timeout=700 * MS):
    """A proxy sends every other request to a server that is not there, once, and then to another one."""
    t = Tiers(1)
    for i in range(30):
        front = t.w.tcp(WEB, 80)
        now = front.send(0, front.open(i * every), get("/a")) + MS // 5
        if i % 2 and dead:
            t.w.tcp("10.8.0.5", 8000, WEB)._send(0, now, SYN)
            now += timeout + i % 3 * MS
        inner = t.w.tcp(APP, 8000, WEB)
        now = inner.close(inner.send(1, inner.send(0, inner.open(now), get("/a")) + 5 * MS, ok()))
        front.close(front.send(1, now + MS // 5, ok()))
    return t.w


@both(first=("connect-timeout", "10.8.0.5:8000"), cost=15 * 0.7, never=("rate-limit", "saturation"))
def server_that_is_not_there_and_another_one():
    return redispatched()


@both()
def servers_that_are_there():
    return redispatched(False)


def not_let_in(code, text, n=12):
    """A database that refuses some connections in place of a greeting; the application answers 500."""
    t = Tiers(0)
    for i in range(n):
        at = i * 300 * MS
        talks, begun = t.ask(at, "/new")
        db = t.w.tcp("10.8.0.3", 3306, APP)
        now = db.open(begun + MS)
        now = db.send(1, now + 2 * MS, Mysql.packet(0, b"\xff" + struct.pack("<H", code) + text))
        now = db.close(now)
        t.answer(talks, now + MS, ok(code=b"500 Internal Server Error"))
        quick, begun = t.ask(at + 100 * MS, "/page")
        m = Mysql(t.w, APP, begun + MS)
        m.query("select 1", 3 * MS)
        t.answer(quick, m.now + MS, ok())
    return t.w


@both(first=("mysql-error", "10.8.0.3:3306"), never=("slow-greeting", "no-answer"))
def host_that_the_database_does_not_know():
    return not_let_in(1130, b"Host '10.8.0.4' is not allowed to connect to this MariaDB server")


@both(first=("mysql-error", "10.8.0.3:3306"), never=("slow-greeting", "no-answer"))
def host_that_the_database_has_blocked():
    return not_let_in(1129, b"Host '10.8.0.4' is blocked because of many connection errors")


@both(first=("mysql-error", "10.8.0.3:3306"), never=("slow-greeting", "no-answer"))
def database_that_has_no_room():
    return not_let_in(1040, b"Too many connections")


def silent(proxies, n=3, read=True, quick=20, until=10 * SECOND):
    """A server that accepts and says nothing, in the end; until then it answered quickly."""
    t = Tiers(proxies)
    ask, answer = (get("/a"), ok()) if read else (QUERY, b"+ok\r\n")
    for i in range(quick):
        talks, begun = t.ask(i * 40 * MS, "/quick")
        t.answer(talks, begun + 5 * MS, ok())
    for i in range(n):
        t.ask(SECOND + i * SECOND, "/never")
    last = t.w.tcp("10.8.0.9", 80, "10.9.0.7")
    last.close(last.open(until - 500 * MS))
    return t.w


NO_ANSWER = dict(first=("no-answer|slow-server", APP + ":8000"), cost=8.5 + 7.5 + 6.5, never=("client-gave-up", "http-error"),
                 verdict=".*:8000: at least ")


@both(**NO_ANSWER)
def server_that_never_answers():
    return silent(0)


@both(**NO_ANSWER)
def server_that_never_answers_behind_one_proxy_that_waits():
    return silent(1)


@both(**NO_ANSWER)
def server_that_never_answers_behind_two_proxies_that_wait():
    return silent(2)


@both(**NO_ANSWER)
def server_that_never_answered_at_all():
    return silent(1, quick=0)


def unread(n, pending, port=6379, took=MS, late=None, front=False):
    """Questions and answers of a protocol that is not read; the last ones are never answered."""
    w = World()
    talks = [w.tcp(APP, port, WEB) for _ in range(n)]
    for i, talk in enumerate(talks):
        now = talk.open(i * MS)
        for k in range(5):
            now = talk.send(1, talk.send(0, now + 50 * MS, QUERY) + took, b"+ok\r\n")
        if i < pending:
            page = w.tcp(WEB, 80, "10.9.0.1") if front else None
            at = SECOND + i * SECOND
            if front:
                page.send(0, page.open(at), get("/page"))
                at += MS
            talk.send(0, at, QUERY)
            if late:
                talk._send(0, at + late, FIN | ACK)
                talk._send(1, at + late + 10_000, ACK)
                if front:
                    page.close(page.send(1, at + late + MS, ok(code=b"500 No")))
    last = w.tcp("10.8.0.9", 80, "10.9.0.7")
    last.close(last.open(9500 * MS))
    return w


UNREAD = dict(first=("no-answer|slow-server|client-gave-up", APP + ":6379"))


@both()
def protocol_that_is_not_read_with_workers_that_wait():
    """Nothing tells a last question from a worker's for its next job, unless somebody waits for who asked."""
    return unread(4, 2)


@both(cost=8.5 + 7.5, verdict=".*:6379: at least ", **UNREAD)
def protocol_that_is_not_read_without_an_answer_behind_pages():
    return unread(4, 2, front=True)


@both()
def protocol_that_is_not_read_with_workers_that_end():
    return unread(4, 2, late=3 * SECOND)


@both(cost=2 * 3.0, verdict="(?!.*at least)", **UNREAD)
def protocol_that_is_not_read_given_up_behind_pages():
    return unread(4, 2, late=3 * SECOND, front=True)


@both()
def protocol_that_is_not_read_answered():
    return unread(4, 0)


@story(never=("client-gave-up",))
def half_closed_and_answered():
    """A client may close its side and wait for the answer."""
    w = World()
    for i in range(5):
        talk = w.tcp(WEB)
        now = talk.send(0, talk.open(i * SECOND), get("/"))
        talk._send(0, now, FIN | ACK)
        now = talk.send(1, now + 60 * MS, ok())
        talk._send(1, now, FIN | ACK)
        talk._send(0, now + 1000, ACK)
    return w


# ---- connections that a firewall forgot --------------------------------------------------------

QUERY = b"*1\r\n$3\r\nGET\r\n"


def forgotten(n, ends, patience=8 * SECOND, read=True, until=None, front=False):
    """A pool of n connections, used once, idle for a minute; then each is used, and nothing comes through.
    How their client ends them: by another connection ("anew"), FIN or RST, or (None) not yet."""
    w = World()
    ask, answer = (get("/a"), ok()) if read else (QUERY, b"+ok\r\n")
    talks = [w.tcp(APP, 6000, WEB) for _ in range(n)]
    for i, talk in enumerate(talks):
        talk.send(1, talk.send(0, talk.open(i * MS), ask) + MS, answer)
    for i, talk in enumerate(talks):
        begun = now = 60 * SECOND + i * 3370 * MS
        page = w.tcp(WEB, 80, "10.9.0.1") if front else None
        if front:
            page.send(0, page.open(now - 2 * MS), get("/page"))
        talk._send(0, now, PSH | ACK, ask)
        for wait in (200, 400, 800, 1600, 3200, 6400, 12800):
            now += wait * MS
            if (ends == "rst" or until) and now >= begun + (until or patience):
                break
            talk.next[0] -= len(ask)
            talk._send(0, now, PSH | ACK, ask)
        if ends in ("fin", "rst"):
            talk._send(0, begun + patience, FIN | ACK if ends == "fin" else RST | ACK)
        if ends == "anew":
            other = w.tcp(APP, 6000, WEB)
            at = other.send(1, other.send(0, other.open(begun + patience), ask) + MS, answer)
            if front:
                page.close(page.send(1, at + MS, ok()))
    return w


DEAD = dict(first=("dead-connection", APP + ":6000"), never=("loss", "slow-server", "mtu-black-hole", "no-answer", "client-gave-up"))


@both(cost=8.0, **DEAD)
def dead_connection_replaced():
    return forgotten(1, "anew")


@both(cost=3 * 8.0, **DEAD)
def dead_pool_replaced():
    return forgotten(3, "anew")


@both(cost=8.0, **DEAD)
def dead_connection_closed():
    return forgotten(1, "fin")


@both(cost=2 * 5.0, **DEAD)
def dead_connections_reset():
    return forgotten(2, "rst", 5 * SECOND)


@both(cost=2 * 8.0, **DEAD)
def dead_connections_of_a_protocol_that_is_not_read():
    return forgotten(2, "anew", read=False)


@both(cost=2 * 8.0, first=("dead-connection", APP + ":6000"))
def dead_connections_behind_pages():
    return forgotten(2, "anew", front=True)


@both(cost=2 * 8.0, first=("dead-connection", APP + ":6000"))
def dead_connections_behind_pages_not_read():
    return forgotten(2, "anew", read=False, front=True)


@both()
def pool_that_is_idle_for_a_minute():
    w = World()
    for i in range(4):
        talk = w.tcp(APP, 6000, WEB)
        now = talk.send(1, talk.send(0, talk.open(i * MS), get("/a")) + MS, ok()) + 60 * SECOND
        now = talk.send(1, talk.send(0, now, get("/a")) + MS, ok()) + 60 * SECOND
        talk.close(now)
    return w


# ---- health checks -----------------------------------------------------------------------------


def checks(fails=(), status=b"503 No", every=SECOND, agent=b"", users=True, n=20, server=APP, w=None, ask="GET /health"):
    """A balancer's checks of a server; those at these places in the row fail."""
    w = w or World()
    for i in range(n):
        talk = w.tcp(server, 8000, WEB)
        request = b"%s HTTP/1.0\r\nHost: h\r\n%s\r\n" % (ask.encode(), agent)
        if i in fails and status == b"refused":
            talk._send(0, i * every, SYN)
            talk._send(1, i * every + 10_000, RST | ACK)
            continue
        now = talk.send(0, talk.open(i * every), request)
        if i in fails and status is None:
            talk._send(0, now + 700 * MS, FIN | ACK)
            talk._send(1, now + 700 * MS + 10_000, ACK)
        else:
            talk.close(talk.send(1, now + 2 * MS, ok(code=status if i in fails else b"200 OK")))
    user = w.tcp(server, 8000, "10.9.0.9")
    now = user.open(300 * MS)
    for i in range(40 if users else 0):
        now = user.send(0, now + 400 * MS, get("/page"))
        now = user.send(1, now + 3 * MS, ok())
    for i in range(40 if users else 0):
        user = w.tcp(server, 8000, "10.9.0.9")
        user.close(user.send(1, user.send(0, user.open(i * 437 * MS), get("/page%d" % (i % 7))) + 3 * MS, ok()))
    return w


CHECKS = dict(first=("check-failing", APP + ":8000"), never=("http-error", "no-answer", "client-gave-up"))


@both(**CHECKS)
def checks_that_get_an_error():
    return checks((12, 13, 14, 17))


@both(**CHECKS)
def checks_that_get_no_answer():
    return checks((12, 13, 14, 17), None)


@both(first=("check-failing", APP + ":8000"))
def checks_that_are_refused():
    return checks((12, 13, 14, 17), b"refused")


@both(**CHECKS)
def checks_that_say_so_and_always_fail():
    return checks(range(20), agent=b"User-Agent: kube-probe/1.29\r\n")


@both()
def checks_that_pass():
    return checks()


@both(first=("http-error", APP + ":8000"), never=("check-failing",))
def requests_that_always_fail_are_no_checks():
    return checks(range(20), ask="GET /page")


@both(first=("client-gave-up", APP + ":8000"), never=("check-failing",))
def requests_that_are_never_answered_are_no_checks():
    return checks(range(20), None, every=2 * SECOND, users=False, ask="GET /page")


@both(first=("client-gave-up", APP + ":8000"), never=("check-failing",))
def users_whose_health_pages_are_never_answered():
    """Nobody's timer asks for them."""
    w = World()
    for i in range(12):
        talk = w.tcp(APP, 8000, WEB)
        now = talk.send(0, talk.open(i * 2 * SECOND + i * i * 317 % 900 * MS), b"GET /health HTTP/1.0\r\nHost: h\r\n\r\n")
        talk._send(0, now + 700 * MS, FIN | ACK)
        talk._send(1, now + 700 * MS + 10_000, ACK)
    return w


@both(**CHECKS)
def checks_of_one_server_that_are_never_answered():
    return checks(range(20), None, every=2 * SECOND, users=False)


@both(**CHECKS)
def checks_of_one_server_that_always_fail():
    return checks(range(20), every=2 * SECOND, users=False, ask="OPTIONS /")


@both(**CHECKS)
def checks_that_always_fail_while_another_server_passes():
    return checks(range(20), users=False, w=checks(server="10.8.0.5"))


@both(**CHECKS)
def checks_that_are_never_answered_while_another_server_passes():
    return checks(range(20), None, every=2 * SECOND, w=checks(server="10.8.0.5"))


@both(**CHECKS)
def checks_among_many_connections():
    """Each second 60 others come and go."""
    w = checks((12, 13, 14, 17), users=False)
    for i in range(1200):
        user = w.tcp(APP, 8000, "10.9.%d.%d" % (i % 7, i % 250 + 1))
        user.close(user.send(1, user.send(0, user.open(i * SECOND // 60), get("/p%d" % i)) + MS, ok()))
    return w


@both()
def check_under_way_when_the_capture_ends():
    w = checks()
    talk = w.tcp(APP, 8000, WEB)
    talk.send(0, talk.open(20 * SECOND), b"GET /health HTTP/1.0\r\nHost: h\r\n\r\n")
    return w


# ---- locks -------------------------------------------------------------------------------------


def cache_is_gone(code):
    """Each page asks a cache where nobody listens any more."""
    w = World()
    for i in range(20):
        page, cache = w.tcp(WEB), w.tcp("10.8.0.5", 11211, WEB)
        asked = page.send(0, page.open(i * 200 * MS), get("/p"))
        cache._send(0, asked + 2 * MS, SYN)
        cache._send(1, asked + 2 * MS + 10_000, RST | ACK)
        page.close(page.send(1, asked + 45 * MS, ok(code=code)))
    return w


@story(first=("connect-refused", "10.8.0.5:11211"), also=[("http-error", WEB + ":80")])
def pages_that_fail_as_a_cache_is_gone():
    return cache_is_gone(b"500 No")


@story(first=("connect-refused", "10.8.0.5:11211"), never=("http-error",))
def pages_that_do_without_a_cache_that_is_gone():
    return cache_is_gone(b"200 OK")


def locks(waits, after=2 * MS, error=None):
    """One transaction holds a row for so long each time; others write it, and end when it does."""
    w = World()
    holder, other = Mysql(w), Mysql(w, "10.9.0.2")
    for held in waits:
        now = max(holder.now, other.now) + 3 * SECOND
        holder.now = now
        holder.query("update t set a = 1 where id = 1")
        other.now = holder.now + 5 * MS
        other.query("update t set a = 2 where id = 1", held * MS + after, error=error)
        if error:
            holder.now = other.now
        else:
            holder.now = other.now - after - MS
        holder.query("commit")
    return w


@story(first=("mysql-slow", "10.8.0.3:3306"), cost=0.8 + 0.9 + 1.1, verdict="Slow statements .* They waited for locks")
def writes_that_wait_for_a_commit():
    return locks((800, 900, 1100))


@story(first=("mysql-slow", "10.8.0.3:3306"), verdict="Slow statements .* The database worked, or waited")
def writes_that_end_long_after_a_commit():
    return locks((800, 900, 1100), 300 * MS)


@story(first=("mysql-error", "10.8.0.3:3306"), cost=3 * 1.0, verdict="Errors of the database .* Statements waited for locks")
def lock_waits_that_time_out():
    return locks((1000, 1000, 1000), error=1205)


# ---- virtual routers ---------------------------------------------------------------------------


class Vrrp:
    """Advertisements for virtual router 60 and the announcements of its address."""

    def __init__(self, version=2, ip=4, interval=100):
        self.w, self.version, self.ip, self.interval = World(), version, ip, interval

    def at(self, time, router, priority):
        w, mac = self.w, b"\2\0\0\0\0" + bytes((router,))
        addr = b"\x0a\x0a\0\x64" if self.ip == 4 else bytes.fromhex("fe80") + bytes(13) + b"\x64"
        head = struct.pack("!BBBB", self.version << 4 | 1, 60, priority, 1)
        if self.version == 2:
            vrrp = head + bytes((0, self.interval // 100)) + b"\0\0" + addr + bytes(8)
        else:
            vrrp = head + struct.pack("!HH", self.interval, 0) + addr
        if self.ip == 4:
            ends = bytes((10, 10, 0, router)) + b"\xe0\0\0\x12"
            pseudo = ends + struct.pack("!HH", 112, len(vrrp)) if self.version == 3 else b""
            vrrp = vrrp[:6] + struct.pack("!H", pcaplib.checksum(pseudo + vrrp)) + vrrp[8:]
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(vrrp), 0, 0, 255, 112, 0) + ends
            ip = b"\x08\0" + ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]
        else:
            ends = bytes.fromhex("fe80") + bytes(13) + bytes((router,)) + bytes.fromhex("ff02") + bytes(13) + b"\x12"
            sum = pcaplib.checksum(ends + struct.pack("!II", len(vrrp), 112) + vrrp)
            vrrp = vrrp[:6] + struct.pack("!H", sum) + vrrp[8:]
            ip = b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(vrrp), 112, 255) + ends
        w.packets.append(pcaplib.Packet(time, b"\x01\0\x5e\0\0\x12" + mac + ip + vrrp))

    def announce(self, time, router):
        mac = b"\2\0\0\0\0" + bytes((router,))
        arp = b"\xff" * 6 + mac + b"\x08\x06\0\1\x08\0\6\4\0\1" + mac + b"\x0a\x0a\0\x64" + b"\xff" * 6 + b"\x0a\x0a\0\x64"
        for i in range(5 if self.ip == 4 else 0):
            self.w.packets.append(pcaplib.Packet(time + i * 1000, arp))

    def reign(self, time, router, priorities):
        """From its first advertisement on; the time of the next one that is due."""
        self.announce(time + MS, router)
        for i, priority in enumerate(priorities):
            self.at(time + i * self.interval * 10 * MS, router, priority)
        return time + len(priorities) * self.interval * 10 * MS


def check_that_fails_in_turn(times, version=2, ip=4, interval=100, length=4):
    v = Vrrp(version, ip, interval)
    now, skew = 0, 530 * MS * interval // 100
    for _ in range(times):
        now = v.reign(now, 1, [150] + [90] * (length - 1))
        now = v.reign(now - interval * 10 * MS + skew, 2, [120] * length) - interval * 10 * MS + skew
    v.reign(now, 1, [150] * 3)
    return v.w


FLAP = dict(first=("vrrp-flapping", "10.10.0.1:?0?"), never=("arp-duel", "vrrp-two-masters", "vrrp-mismatch"),
            verdict="A virtual router moves back and forth at 10.10.0.1: 6 times. Something that the master watches")


@story(**FLAP)
def priority_falls_and_rises():
    return check_that_fails_in_turn(3)


@story(**FLAP)
def priority_falls_and_rises_version_3():
    return check_that_fails_in_turn(3, 3, 4, 20, 12)


@story(**FLAP)
def priority_falls_for_less_than_the_time_to_be_taken_for_dead():
    """The one that lost is back before its silence is long enough."""
    return check_that_fails_in_turn(3, length=3)


@story(first=("vrrp-flapping", "fe80::1"), never=("vrrp-two-masters",))
def priority_falls_and_rises_ipv6():
    return check_that_fails_in_turn(4, 3, 6)


@story(first=("vrrp-flapping", "10.10.0.1"), never=("arp-duel", "vrrp-two-masters"),
       verdict="A virtual router moves back and forth at 10.10.0.1: 5 times. The master gives up and comes back")
def master_resigns_again_and_again():
    v, now = Vrrp(), 0
    for _ in range(3):
        now = v.reign(now, 1, [150] * 5 + [0]) - SECOND
        now = v.reign(now + 540 * MS, 2, [120] * 6)
    return v.w


@story(first=("vrrp-flapping", "10.10.0.1"), never=("arp-duel", "vrrp-two-masters"),
       verdict="A virtual router moves back and forth at 10.10.0.1: 5 times. The master is not heard")
def master_is_silent_again_and_again():
    v, now = Vrrp(), 0
    for _ in range(3):
        now = v.reign(now, 1, [150] * 6) - SECOND
        now = v.reign(now + 3600 * MS, 2, [120] * 6) - 600 * MS
    return v.w


@story()
def one_planned_move_there_and_back():
    """Shut down with priority 0, started again an hour later."""
    v = Vrrp()
    now = v.reign(0, 1, [150] * 10 + [0]) - SECOND
    now = v.reign(now + 540 * MS, 2, [120] * 3600)
    v.reign(now - 600 * MS, 1, [150] * 10)
    return v.w


@story()
def the_preferred_one_starts_later():
    v = Vrrp()
    now = v.reign(0, 2, [120] * 10)
    v.reign(now - 400 * MS, 1, [150] * 20)
    return v.w


@story(first=("vrrp-takeover", None), never=("vrrp-flapping", "arp-duel"))
def master_that_died():
    v = Vrrp()
    now = v.reign(0, 1, [150] * 10) - SECOND
    v.reign(now + 3530 * MS, 2, [120] * 20)
    return v.w


@story(first=("vrrp-two-masters", "10.10.0.[12]"), never=("vrrp-flapping",))
def two_masters():
    v = Vrrp()
    v.reign(0, 1, [150] * 30)
    v.reign(3600 * MS, 2, [120] * 20)
    return v.w


@story(first=("vrrp-two-masters", "10.10.0.[12]"), never=("vrrp-flapping",))
def two_masters_of_whom_one_is_heard_badly():
    v = Vrrp()
    v.reign(0, 1, [150] * 60)
    v.reign(3600 * MS, 2, [120] * 50)
    v.w.packets = [p for i, p in enumerate(v.w.packets) if i % 23]
    return v.w


if __name__ == "__main__":
    sys.exit(stories.main())
