"""Clients that do not wait for each answer, in captures that lack 2 % of their frames: no answer is given to
another request.

usage: pipelines.py PROGRAM DIRECTORY
"""
import heapq
import random

from wire import *

ASKED = 60  # requests of a connection
CONNECTIONS = 16


class Talk:
    """A client that keeps up to `most` requests under way: it asks for one as an answer comes, or, `waits`, for
    several when all have come. The server answers in turn. Each answer's type names its request."""

    def __init__(self, rng, first, waits, most, at_once, posts, delay):
        self.rng, self.waits, self.most, self.at_once, self.posts = rng, waits, most, at_once, posts
        self.wire = Wire(delay=delay, port=80)
        self.first, self.asked, self.answered, self.free, self.events = first, 0, 0, 0.0, []
        self.at(self.wire.open() + 0.01, self.ask, most)
        while self.events:
            time, _, what, n = heapq.heappop(self.events)
            what(time, n)

    def at(self, time, what, n):
        heapq.heappush(self.events, (time, len(self.wire.sent), what, n))

    def send(self, side, time, data):
        for i in range(0, len(data), 1460):
            self.wire.segment(side, time, data[i:i + 1460])
            time += 0.001
        return time

    def request(self, n):
        body = b"b" * self.rng.randrange(1, 3000) if self.rng.random() < self.posts else b""
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        return b"%s /%d HTTP/1.1\r\nHost: a\r\n%s\r\n%s" % (b"POST" if body else b"GET", n, length, body)

    def ask(self, time, n):
        n = min(n, ASKED - self.asked)
        requests = [self.request(self.first + self.asked + i) for i in range(n)]
        for data in [b"".join(requests)] if self.at_once else requests:
            time = self.send(CLIENT, time, data)
        for i in range(n):
            self.free = max(self.free, time + self.wire.delay) + self.rng.choice((0, 0.1, 2)) * self.rng.random()
            self.at(self.free, self.answer, self.first + self.asked + i)
        self.asked += n

    def answer(self, time, n):
        size = self.rng.choice((0, 30, 30, 700, 6000))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/%d\r\nContent-Length: %d\r\n\r\n" % (n, size)
        self.at(self.send(SERVER, time, head + b"x" * size) + self.wire.delay, self.answer_came, n)

    def answer_came(self, time, n):
        self.answered += 1
        if not self.waits:
            self.at(time + 0.003, self.ask, 1)
        elif self.answered == self.asked:
            self.at(time + self.rng.choice((0.01, 2)), self.ask, self.rng.choice((1, self.most, self.most)))


def talks(name, waits, most, at_once, posts):
    """(right, wrong) of some connections, captured at different places."""
    rng, right, wrong = random.Random(name), 0, []
    for c in range(CONNECTIONS):
        t = Talk(rng, c * 1000, waits, most, at_once, posts, rng.choice((0.05, 1, 15)))
        for r in run([p for p in t.wire.packets(PLACES[c % 3]) if rng.random() >= 0.02], "--types", "http"):
            asked, got = r.get("path"), r.get("http.response.mime_type")
            if asked and got:
                right += asked[1:] == got[5:]
                wrong += [(asked, got)] if asked[1:] != got[5:] else []
    return right, wrong


for waits in False, True:
    for most in 2, 8:
        for at_once in False, True:
            for posts in 0, 0.3:
                @situation
                def pipeline():
                    name = "%s, %d%s%s" % ("waits for all" if waits else "always under way", most,
                                           " at once" if at_once else "", ", posts" if posts else "")
                    right, wrong = talks(name, waits, most, at_once, posts)
                    if wrong:
                        fail("%s: %d answers are another's: %s" % (name, len(wrong), wrong[:5]))
                    least = CONNECTIONS * ASKED * 0.2
                    if right < least:
                        fail("%s: %d answers, not %d" % (name, right, least))

done("pipelines")
