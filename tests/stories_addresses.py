"""More stories (stories.py): servers that are asked at one address, and ask others from another."""
import sys

import stories
from stories import MS, SECOND, Mysql, World, get, ok, story

stories.STORIES.clear()

FRONT, BACK, DB = "10.8.0.1", "10.8.7.1", "10.8.0.3:3306"


def pages(n, took, every=150 * MS, back=BACK, keep=False, asks=1):
    """Pages that ask the database, each so long; several at a time where it takes longer than they come."""
    w, busy = World(), []
    for i in range(n):
        page = w.tcp(FRONT, 80, "10.9.0.%d" % (i % 5 + 1))
        asked = page.send(0, page.open(SECOND + i * every), get("/list"))
        m = next((b for b in busy if keep and b.now < asked), None)
        if not m:
            m = Mysql(w, back, asked + MS // 3)
            busy.append(m)
        m.now = max(m.now, asked + MS // 3)
        for k in range(asks):
            m.query("select name from item where id = %d" % (i * asks + k), took(i))
        end = page.send(1, m.now + MS // 4, ok())
        page.close(end)
        if not keep:
            m.talk.close(end)
    return w


@story(first=("mysql-slow", DB), cost=36 * 0.3, verdict=r"Slow statements .* 9\d(\.\d+)? % of all waiting")
def slow_database_behind_a_server_with_two_addresses():
    return pages(36, lambda i: 300 * MS)


@story(first=("mysql-slow", DB), cost=100 * 0.3)
def the_same_of_many_pages_over_connections_that_are_kept():
    return pages(300, lambda i: (300 if i % 3 == 1 else 4) * MS, keep=True)


@story(first=("n-plus-one", DB), cost=20 * 40 * 0.003, verdict=r"One statement .* [67]\d(\.\d+)? % of all waiting")
def page_that_asks_for_each_row_from_another_address():
    return pages(20, lambda i: 3 * MS, 260 * MS, asks=40)


@story()
def quick_pages_of_a_server_with_two_addresses():
    return pages(60, lambda i: 4 * MS)


@story(first=("mysql-slow", DB), cost=36 * 0.3)
def slow_database_behind_a_server_with_one_address():
    return pages(36, lambda i: 300 * MS, back=FRONT)


@story(first=("slow-server", "10.8.0.9:8000"), cost=20 * 0.4 + 40 * 0.005, never=("no-answer",))
def server_that_is_slow_behind_a_proxy_with_an_address_for_clients():
    w = World()
    for i in range(60):
        front, call = w.tcp(FRONT, 80, "10.9.0.%d" % (i % 7 + 1)), w.tcp("10.8.0.9", 8000, BACK)
        asked = front.send(0, front.open(i * 120 * MS), get("/p%d" % (i % 3)))
        took = (400 if i % 3 == 0 else 5) * MS
        end = call.send(1, call.send(0, call.open(asked + MS // 5), get("/p%d" % (i % 3))) + took, ok())
        call.close(end)
        front.close(front.send(1, end + MS // 10, ok()))
    return w


@story(first=("proxy-queue", FRONT + ":80"))
def queue_of_a_proxy_with_an_address_for_clients():
    """Three go through at a time."""
    w, free = World(), [0, 0, 0]
    for i in range(60):
        front, call = w.tcp(FRONT, 80, "10.9.0.%d" % (i % 10 + 1)), w.tcp("10.8.0.9", 8000, BACK)
        asked = front.send(0, front.open(i * 40 * MS), get("/p%d" % (i % 5)))
        began = max(asked + MS // 5, free[i % 3] + MS // 2)
        end = call.send(1, call.send(0, call.open(began), get("/p%d" % (i % 5))) + (140 + i % 7) * MS, ok())
        call.close(end)
        free[i % 3] = end
        front.close(front.send(1, end + MS // 10, ok()))
    return w


def beside_another(n, also):
    """A server nearly always has a request in hand; somebody else asks a database of his own."""
    w, now = World(), SECOND
    page = w.tcp(FRONT)
    page.open(0)
    for i in range(n):
        now = page.send(1, page.send(0, now, get("/report")) + 1900 * MS, ok()) + 100 * MS
    m = Mysql(w, "10.9.0.77", SECOND)
    while m.now < now - SECOND:
        m.now += also(len(m.talk.packets))
        m.query("select name from item where id = 7", 30 * MS)
    return w


@story(first=("slow-server", FRONT + ":80"), cost=40 * 1.9)
def who_asks_a_database_while_a_server_is_busy_is_another():
    return beside_another(40, lambda i: (100 + i * 37 % 900) * MS)


@story(first=("slow-server", FRONT + ":80"), cost=40 * 1.9)
def who_asks_a_database_seldom_while_a_server_is_busy_is_another():
    return beside_another(40, lambda i: (1500 + i * 97 % 500) * MS)


if __name__ == "__main__":
    sys.exit(stories.main())
