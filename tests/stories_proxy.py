"""More stories (stories.py): servers that stopped answering, and requests that wait in a proxy before it calls them."""
import sys

import stories
from pcaplib import ACK, FIN
from stories import MS, SECOND, Mysql, World, get, ok, story
from stories_behind import APP, WEB, both

stories.STORIES.clear()


# ---- a process that is stopped -----------------------------------------------------------------


def stopped(alive=False, gave_up=3, pending=2, answered=6, patience=4 * SECOND, page="/a"):
    """A process is stopped: its host takes what comes. alive: one other request is answered meanwhile."""
    w = World()
    for i in range(answered):
        talk = w.tcp(APP, 8000, WEB)
        talk.close(talk.send(1, talk.send(0, talk.open(i * 300 * MS), get("/a")) + 10 * MS, ok()))
    now = 2 * SECOND
    for i in range(gave_up):
        talk = w.tcp(APP, 8000, WEB)
        asked = talk.send(0, talk.open(now), get(page))
        now += patience
        talk._send(0, asked + patience - MS, FIN | ACK)
        talk._send(1, asked + patience, ACK)
    for i in range(pending):
        talk = w.tcp(APP, 8000, WEB)
        talk.send(0, talk.open(now + i * MS), get("/c"))
    other = w.tcp(APP, 8000 if alive else 8001, WEB)
    other.close(other.send(1, other.send(0, other.open(now + 6 * SECOND - 20 * MS), get("/a")) + 10 * MS, ok()))
    return w


STOPPED = dict(first=("no-answer", APP + ":8000"), cost=3 * 4 + 2 * 6, verdict="The server stopped answering")


@both(**STOPPED)
def server_that_is_stopped():
    return stopped()


@both(first=("no-answer", APP + ":8000"), cost=2 * 6)
def server_that_is_stopped_from_the_beginning():
    return stopped(gave_up=0, answered=0)


@both(first=("client-gave-up", APP + ":8000"), never=("no-answer",))
def server_that_answers_others_is_not_stopped():
    return stopped(alive=True)


@both(first=("client-gave-up", APP + ":8000"), never=("no-answer",))
def page_that_hangs_and_nothing_else_is_asked():
    return stopped(page="/b", pending=0)


@both()
def requests_under_way_when_the_capture_ends():
    w = stopped(gave_up=0, pending=0)
    for i in range(3):
        talk = w.tcp(APP, 8000, WEB)
        talk.send(0, talk.open(7800 * MS + i * MS), get("/c"))
    return w


@story(first=("no-answer", "10.8.0.3:3306"), cost=9.9 + 8.9 + 7.9)
def database_that_is_stopped():
    w = World()
    talks = [Mysql(w, client) for client in ("10.9.0.1", "10.9.0.2", "10.9.0.3")]
    for i, m in enumerate(talks):
        for _ in range(5):
            m.query("select a from t")
        m.talk.send(0, SECOND * (i + 1), m.packet(0, b"\3select a from t"))
    last = w.tcp("10.8.0.9", 80, "10.9.0.7")
    last.close(last.open(10900 * MS))
    return w


# ---- a queue in a proxy ------------------------------------------------------------------------


def passed_on(limit, n=12, bursts=4, took=120 * MS, spread=3 * MS, page="/work", keep=False):
    """A proxy that lets so many calls at a time through to the server behind; what waited in it is in .waited."""
    w, free = World(), [0] * limit
    lines = [w.tcp(APP, 8000, WEB) for _ in range(limit)] if keep else None
    opened = [False] * limit
    w.waited = 0
    for i in range(n * bursts):
        at = i // n * 2 * SECOND + i % n * spread
        front = w.tcp(WEB, 80, "10.9.0.%d" % (i % n + 1))
        asked = front.send(0, front.open(at), get("%s/%d" % (page, i % 3)))
        slot = min(range(limit), key=lambda k: free[k])
        begun = max(asked + MS // 5, free[slot] + MS // 5)
        if keep:
            call = lines[slot]
            begun = begun if opened[slot] else call.open(begun)
            opened[slot] = True
        else:
            call = w.tcp(APP, 8000, WEB)
            begun = call.open(begun)
        begun = call.send(0, begun, get("%s/%d" % (page, i % 3)))
        w.waited += max(0, begun - asked)
        end = call.send(1, begun + took, ok())
        free[slot] = end if keep else call.close(end)
        front.close(front.send(1, end + MS // 10, ok()))
    return w


QUEUED = dict(first=("proxy-queue", WEB + ":80"), never=("rate-limit", "serialised", "worker-starvation"))


@both(cost=passed_on(2).waited / SECOND, **QUEUED)
def requests_that_wait_in_a_proxy():
    return passed_on(2)


@both(cost=passed_on(3, keep=True).waited / SECOND, **QUEUED)
def requests_that_wait_in_a_proxy_that_keeps_its_connections():
    return passed_on(3, keep=True)


@both(cost=passed_on(1, n=6).waited / SECOND, **QUEUED)
def requests_that_wait_in_a_proxy_for_one_call():
    return passed_on(1, n=6)


@both(never=("proxy-queue",))
def proxy_that_lets_all_through():
    return passed_on(12)


@both(first=("slow-server", APP + ":8000"), never=("proxy-queue",))
def server_that_is_slow_behind_a_proxy_that_lets_all_through():
    w = World()
    for i in range(30):
        took = (900 if i % 3 == 0 else 20) * MS
        front, call = w.tcp(WEB, 80, "10.9.0.%d" % (i % 7 + 1)), w.tcp(APP, 8000, WEB)
        asked = front.send(0, front.open(i * 70 * MS), get("/p%d" % (i % 3)))
        end = call.send(1, call.send(0, call.open(asked + MS // 5), get("/p%d" % (i % 3))) + took, ok())
        call.close(end)
        front.close(front.send(1, end + MS // 10, ok()))
    return w


@both(first=("slow-server", WEB + ":80"), never=("proxy-queue",))
def program_that_works_before_it_asks_the_same_behind():
    """It takes its time with each request; how many calls are under way is nobody's limit."""
    w = World()
    for i in range(30):
        own = (300 + i * 97 % 400) * MS if i % 2 else 2 * MS
        front, call = w.tcp(WEB, 80, "10.9.0.%d" % (i % 7 + 1)), w.tcp(APP, 8000, WEB)
        asked = front.send(0, front.open(i * 70 * MS), get("/p%d" % (i % 3)))
        end = call.send(1, call.send(0, call.open(asked + own), get("/p%d" % (i % 3))) + 40 * MS, ok())
        call.close(end)
        front.close(front.send(1, end + MS // 10, ok()))
    return w


@both(first=("proxy-queue", WEB + ":80"))
def queue_of_a_proxy_whose_calls_end_together():
    """Three go through at a time; as each takes as long they end at once, and the next three begin at once."""
    w, free = World(), [0, 0, 0]
    asks = [(i * 40 * MS, i) for i in range(60)]
    for at, i in asks:
        front, call = w.tcp(WEB, 80, "10.9.0.%d" % (i % 10 + 1)), w.tcp(APP, 8000, WEB)
        asked = front.send(0, front.open(at), get("/p%d" % (i % 5)))
        began = max(asked + MS // 5, max(free) + MS // 2 if i % 3 == 0 else free_at)
        free_at = began + MS // 50
        end = call.send(1, call.send(0, call.open(began), get("/p%d" % (i % 5))) + 150 * MS, ok())
        call.close(end)
        free[i % 3] = end
        front.close(front.send(1, end + MS // 10, ok()))
    return w


if __name__ == "__main__":
    sys.exit(stories.main())
