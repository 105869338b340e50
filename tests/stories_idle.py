"""More stories (stories.py): what waits on purpose, on connections of one request each and beside others."""
import random
import struct
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
            now = talk.close(talk.send(1, talk.send(0, talk.open(now), get("/news")) + took, more.get("answer", ok()))) + MS
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


def chat(seconds, clients=3, longest=25.0, keep=False, seen=True, page="/news", body=60, every=None, seed=1):
    """Polls end when somebody says something, which all hear at once, or after the longest time; then the client
    asks again at once. seen: what is said comes to the same service, else the server knows it from elsewhere.
    every: no event ends them, each takes its own time of at most so many seconds."""
    w, rng = World(), random.Random(seed)
    said, at = [], 0.5
    while at < seconds:
        at += rng.expovariate(1 / 6)
        said.append(at)
    for t in said if seen else ():
        talk = w.tcp("10.8.0.1", client="10.9.0.9")
        now = talk.open(int(t * SECOND))
        talk.close(talk.send(1, talk.send(0, now, b"POST /say HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi") + MS, ok()))
    for c in range(clients):
        now, n, talk = int((0.1 + 0.37 * c) * SECOND), 0, None
        while now < seconds * SECOND:
            n += 1
            if not keep or not talk:
                talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (c + 1))
                now = talk.open(now)
            asked = talk.send(0, now, get("%s?since=%d" % (page, n)))
            heard = next((t for t in said if int(t * SECOND) > asked), None)
            end = asked + int(longest * SECOND)
            if every:
                end = asked + int(rng.uniform(0.3, every) * SECOND)
            elif heard and int(heard * SECOND) + 3 * MS < end:
                end = int(heard * SECOND) + 3 * MS + c * 200_000
            now = talk.send(1, end, ok(b"m" * body if end < asked + int(longest * SECOND) else b"[]"))
            if not keep:
                now = talk.close(now)
            now += 5 * MS
    quick = w.tcp("10.8.0.1", client="10.9.0.8")
    at = quick.open(0)
    for _ in range(seconds * 2):
        at = quick.send(1, quick.send(0, at, get("/")) + 2 * MS, ok()) + 480 * MS
    return w


@story()
def chat_of_a_connection_each():
    return chat(60)


@story()
def chat_of_a_connection_each_that_hears_from_elsewhere():
    return chat(90, seen=False, longest=8.0)


@story()
def chat_on_connections_that_are_kept():
    return chat(60, keep=True)


@story()
def chat_of_one_client():
    return chat(90, clients=1, longest=10.0)


@story(first=("slow-server", "10.8.0.1:80"))
def pages_that_take_their_time():
    return chat(60, every=7)


@story(first=("slow-server", "10.8.0.1:80"))
def pages_that_take_their_time_while_others_talk():
    return chat(60, every=3, clients=6, body=2000, seed=3)


@story(first=("slow-server", "10.8.0.1:80"))
def pages_that_take_their_time_on_connections_that_are_kept():
    return chat(60, every=7, keep=True, seed=5)


@story()
def polls_by_name_that_take_their_time():
    return chat(60, every=7, page="/api/poll")


@story()
def polls_by_name_on_connections_that_are_kept():
    return chat(60, every=7, keep=True, seed=5, page="/bot7/getUpdates")


@story(first=("slow-server", "10.8.0.1:80"))
def pages_whose_name_is_like_that_of_polls():
    return chat(60, every=7, seed=5, page="/pollution")


@story(first=("slow-server", "10.8.0.1:80"))
def polls_by_name_that_bring_much():
    return chat(60, every=7, seed=5, page="/poll", body=9000)


def jobs(quick=0, takes=0.3, sleep=0.4):
    """Three workers of a queue in a protocol that is not read: each waits for a job, does it, and waits again; a
    producer wakes one at a time. quick: so often each asks the same and is answered at once (it waits for no job)."""
    w, rng = World(), random.Random(4)
    server, port = "10.8.0.6", 6379
    talks = [w.tcp(server, port, "10.9.0.%d" % (i + 1)) for i in range(3)]
    now = [t.open(int(0.05 * i * SECOND)) for i, t in enumerate(talks)]
    producer = w.tcp(server, port, "10.9.0.9")
    at = producer.open(0)
    for job in range(24):
        i = min(range(3), key=lambda k: now[k])
        for _ in range(quick):
            now[i] = talks[i].send(1, talks[i].send(0, now[i], b"*3\r\n$5\r\nBLPOP jobs 0") + MS, b"*1\r\njob") + 5 * MS
        asked = talks[i].send(0, now[i], b"*3\r\n$5\r\nBLPOP jobs 0")
        at = max(at, asked) + int(rng.uniform(0.8, 2.5) * SECOND)
        at = producer.send(1, producer.send(0, at, b"*3\r\n$5\r\nLPUSH jobs x%d" % job) + MS // 5, b":1\r\n")
        end = talks[i].send(1, at + MS // 2, b"*2\r\n$4\r\njobs")
        end = talks[i].send(1, talks[i].send(0, end + int(rng.uniform(0, takes) * SECOND), b"INCR done") + MS // 5, b":7\r\n")
        now[i] = end + int(rng.uniform(0, sleep) * SECOND)
    return w


@story()
def workers_that_do_their_job_before_they_wait_again():
    return jobs()


@story(first=("slow-server", "10.8.0.6:6379"))
def writers_that_wait_for_others_now_and_then():
    """As when a row is locked: what they ask is mostly answered at once."""
    return jobs(quick=4)


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


# ---- streams that the client leaves ------------------------------------------------------------


def events(mime, gap):
    """Three streams which their client leaves in the middle, beside quick pages."""
    w = World()
    for c in range(3):
        talk = w.tcp("10.8.0.1", client="10.9.0.%d" % (c + 1))
        at = talk.send(0, talk.open(c * 300 * MS), get("/events"))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % mime
        at = talk.send(1, at + MS, head)
        for _ in range(5):
            at = talk.send(1, at + gap, b"9\r\ndata: 1\n\n\r\n")
        talk.close(at + 800 * MS)
    quick = w.tcp("10.8.0.1", client="10.9.0.9")
    at = quick.open(0)
    for _ in range(30):
        at = quick.send(1, quick.send(0, at, get("/")) + 2 * MS, ok()) + 100 * MS
    return w


@story()
def event_streams_left_by_their_clients():
    return events(b"text/event-stream", 2 * SECOND)


@story(first=("client-gave-up", "10.8.0.1:80"), cost=3 * 10.8)
def pages_that_never_end_left_by_their_clients():
    return events(b"text/html", 2 * SECOND)


def h2_frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + payload


def h2_headers(stream, pairs, end=False):
    """HPACK: each header a literal that is not indexed, its name and value as they are."""
    block = b"".join(b"\0" + bytes((len(n),)) + n + bytes((len(v),)) + v for n, v in pairs)
    return h2_frame(1, 5 if end else 4, stream, block)


def message(stream, size, end=False):
    return h2_frame(0, 1 if end else 0, stream, b"\0" + struct.pack("!I", size) + bytes(size))


GRPC = (b"content-type", b"application/grpc")


def grpc(answer, left=False):
    """Four calls of a connection each, as answer(talk, at, stream) answers them, and quick ones beside; `left`: the
    client goes in the middle."""
    w = World()
    for c in range(4):
        talk = w.tcp("10.8.0.1", 50051, "10.9.0.%d" % (c + 1))
        at = talk.send(0, talk.open(c * 100 * MS), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0))
        at = talk.send(1, at + MS, h2_frame(4, 0, 0) + h2_frame(4, 1, 0))
        for stream in range(1, 21, 2):
            path = b"/shop.Svc/Watch" if stream == 19 else b"/shop.Svc/Get"
            names = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"h"), (b":path", path), GRPC]
            at = talk.send(0, at + 5 * MS, h2_headers(stream, names) + message(stream, 20, True))
            head = h2_headers(stream, [(b":status", b"200"), GRPC])
            if stream == 19:
                at = answer(talk, at, stream, head)
            else:
                at = talk.send(1, at + 2 * MS, head + message(stream, 40) + trailers(stream))
        if left:
            talk.close(at + MS)
    return w


def trailers(stream):
    return h2_headers(stream, [(b"grpc-status", b"0")], True)


def streamed(talk, at, stream, head, ends=True):
    at = talk.send(1, at + 2 * MS, head + message(stream, 40))
    for _ in range(5):
        at = talk.send(1, at + 1700 * MS, message(stream, 40))
    return talk.send(1, at + 1700 * MS, trailers(stream)) if ends else at


@story()
def grpc_streams():
    return grpc(streamed)


@story()
def grpc_streams_left_by_their_clients():
    return grpc(lambda *a: streamed(*a, ends=False), left=True)


@story(first=("slow-server", "10.8.0.1:50051"), cost=4 * 8)
def grpc_calls_that_are_slow():
    return grpc(lambda talk, at, stream, head: talk.send(1, at + 8 * SECOND, head + message(stream, 40) + trailers(stream)))


# ---- workers that wait for jobs in several ways ------------------------------------------------


def redis(w, client, now=0):
    talk = w.tcp("10.8.0.4", 6379, client)
    at = talk.open(now)
    return talk, talk.send(1, talk.send(0, at, b"*1\r\n$4\r\nPING\r\n") + 200000, b"+PONG\r\n") + MS


def several_workers(slow):
    """Some wait for as long as they said, some for what comes, beside requests in a millisecond, each 40 ms; slow: one asks
    what takes long."""
    w = World()
    for c, seconds in enumerate((2, 5)):
        talk, at = redis(w, "10.9.0.%d" % (c + 1))
        for _ in range(20 // seconds):
            at = talk.send(0, at + MS, b"*3\r\n$5\r\nBRPOP\r\n$%d\r\n%s\r\n$1\r\n%d\r\n" % (c + 1, b"q" * (c + 1), seconds))
            at = talk.send(1, at + seconds * SECOND + 20 * MS, b"*-1\r\n")
    adds, at = redis(w, "10.9.0.5", 100 * MS)
    readers = [redis(w, "10.9.0.%d" % (c + 6)) for c in range(2)]
    last = [b"$"] * 2
    for k in range(6):
        waits = [t.send(0, a + MS, b"*5\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$2\r\nst\r\n$%d\r\n%s\r\n" % (len(l), l)) for (t, a), l in zip(readers, last)]
        at = adds.send(0, max(waits + [at]) + (1300 + 370 * k) * MS, b"*3\r\n$4\r\nXADD\r\n$2\r\nst\r\n$1\r\nv\r\n")
        readers = [(t, t.send(1, at + (1 + i) * 100000, b"*1\r\n$9\r\n170000-%d0\r\n" % k)) for i, (t, a) in enumerate(readers)]
        at = adds.send(1, at + 400000, b"$9\r\n170000-%d0\r\n" % k)
        last = [b"170000-%d0" % k] * 2
    web, at = redis(w, "10.9.0.9")
    for k in range(400):
        at = web.send(1, web.send(0, at + 40 * MS, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n") + 300000, b"$2\r\nxx\r\n")
        if slow and k % 50 == 49:
            at = web.send(1, web.send(0, at + 40 * MS, b"*2\r\n$4\r\nKEYS\r\n$5\r\n*aaaa\r\n") + (650 + k) * MS, b"*0\r\n")
    return w


@story()
def workers_that_wait_in_several_ways():
    return several_workers(False)


@story(first=("slow-server", "10.8.0.4:6379"), cost=8 * 0.65 + 1.792)
def slow_questions_beside_workers_that_wait():
    return several_workers(True)



if __name__ == "__main__":
    sys.exit(stories.main())
