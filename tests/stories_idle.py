"""More stories (stories.py): what waits on purpose, on connections of one request each and beside others."""
import sys

import stories
from stories import MS, SECOND, World, get, ok, story

stories.STORIES.clear()


def polls_anew(spans, clients=1, **more):
    """Each request has a connection of its own, as of a proxy without keep-alive."""
    w = World()
    for c in range(clients):
        now = c * 300 * MS
        for took in spans:
            talk = w.tcp("10.8.0.1", client="10.9.0.1")
            now = talk.close(talk.send(1, talk.send(0, talk.open(now), get("/poll")) + took, more.get("answer", ok()))) + MS
    quick = w.tcp("10.8.0.1", client="10.9.0.2")
    at = quick.open(0)
    for _ in range(30):
        at = quick.send(1, quick.send(0, at, get("/")) + 2 * MS, ok()) + 100 * MS
    return w


@story()
def long_polls_of_a_connection_each():
    return polls_anew([5 * SECOND, 5 * SECOND + 30 * MS, 5 * SECOND + 10 * MS, 5 * SECOND], clients=2)


@story(first=("slow-server", "10.8.0.1:80"), cost=2 * 11.7)
def slow_pages_of_a_connection_each():
    return polls_anew([2200 * MS, 5 * SECOND, 4500 * MS], clients=2)


@story(first=("slow-server", "10.8.0.1:80"), cost=2 * 6.0)
def slow_pages_of_a_connection_each_that_bring_something():
    return polls_anew([2 * SECOND, 2 * SECOND, 2 * SECOND], clients=2, answer=ok(b"x" * 3000))


def worker(streams):
    """A worker waits for a job that never comes, at a host where an event stream, or a page, is asked for."""
    w = World()
    front = w.tcp("10.8.0.3", 80)
    now = front.send(0, front.open(0), get("/events"))
    if streams:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        at = front.send(1, now + MS, head)
        for _ in range(6):
            at = front.send(1, at + 3 * SECOND, b"9\r\ndata: 1\n\n\r\n")
        front.send(1, at, b"0\r\n\r\n")
    job = w.tcp("10.8.0.4", 6379, "10.8.0.3")
    at = job.open(-100 * MS)
    at = job.send(1, job.send(0, at, b"*1\r\n$4\r\nPING\r\n") + MS, b"+PONG\r\n")
    job.send(0, now + 10 * MS, b"*3\r\n$5\r\nBRPOP\r\n$1\r\nq\r\n$1\r\n0\r\n")
    last = w.tcp("10.8.0.9", 80, "10.9.0.7")
    last.close(last.open(19 * SECOND))
    return w


@story()
def worker_beside_an_event_stream():
    return worker(True)


@story(first=("no-answer", "10.8.0.4:6379"), cost=18.9)
def question_without_an_answer_behind_a_page():
    return worker(False)


if __name__ == "__main__":
    sys.exit(stories.main())
