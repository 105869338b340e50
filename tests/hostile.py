#!/usr/bin/env python3
"""Input made to hurt: what it costs, and that what is right beside it is still seen.

usage: hostile.py [CHECK...]. $TSUMARI is the program. Time is CPU time, the least of several runs:
eight times the input may cost 2.2 * 2.2 * 2.2 times as much (doubling it at most 2.2 times, with
no error of measurement added up); what is quadratic costs 64 times as much. Memory is the peak of
the process, against --memory and a tenth; it is not measured in a build with sanitizers.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ.get("TSUMARI") or os.path.join(HERE, "..", "tsumari")
SCRATCH = tempfile.mkdtemp(prefix="tsumari-hostile-")
START = 1_700_000_000 * 10**9
FIN, SYN, RST, ACK = 1, 2, 4, 16
GROWTH = 2.2**3
faults, done = [], 0


def check(ok, name, text):
    global done
    done += 1
    if not ok:
        faults.append(name)
        print("FAIL %s: %s" % (name, text))


class Capture:
    """A pcap file; checksums are left 0, which nothing here looks at."""

    def __init__(self, name):
        self.path = os.path.join(SCRATCH, name + ".pcap")
        self.file = open(self.path, "wb", buffering=1 << 20)
        self.file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101))
        self.time, self.ident = START, 0

    def ip(self, source, target, proto, payload, fragment=0x4000, ident=None):
        self.ident = (self.ident + 1) & 0xFFFF
        data = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload),
                           self.ident if ident is None else ident, fragment, 64, proto, 0,
                           source, target) + payload
        self.file.write(struct.pack("<4I", self.time // 10**9, self.time % 10**9,
                                    len(data), len(data)) + data)
        self.time += 1000

    def tcp(self, source, target, ports, seq, ack, flags, payload=b""):
        self.ip(source, target, 6, struct.pack(
            "!HHIIBBHHH", ports[0], ports[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags,
            65535, 0, 0) + payload)

    def close(self):
        self.file.close()
        return self.path


class Connection:
    def __init__(self, capture, number=1, handshake=True):
        self.c = capture
        self.ends = struct.pack("!I", 0x0A000000 + number), b"\x0a\xff\0\1"
        self.ports = 1024 + number % 60000, 80
        self.next = [1000, 0xFFFF0000]
        if handshake:
            self.segment(0, SYN)
            self.segment(1, SYN | ACK)
            self.segment(0, ACK)

    def segment(self, side, flags, payload=b"", seq=None):
        at = self.next[side] if seq is None else seq
        self.c.tcp(self.ends[side], self.ends[1 - side], self.ports[:: -1 if side else 1], at,
                   self.next[1 - side] if flags & ACK else 0, flags, payload)
        if seq is None:
            self.next[side] += len(payload) + bool(flags & SYN) + bool(flags & FIN)

    def send(self, side, data, size=1400):
        for at in range(0, len(data), size):
            self.segment(side, ACK, data[at:at + size])
        self.segment(1 - side, ACK)

    def exchange(self, path=b"/after"):
        self.send(0, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        self.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


# A child's peak begins with the memory of the process that forked it: here that is a small one.
LAUNCHER = """
import os, sys
p = os.fork()
if not p:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, u = os.wait4(p, 0)
os.write(int(sys.argv[1]), b"%d %f %d" % (status, u.ru_utime + u.ru_stime, u.ru_maxrss))
"""


def run(path, *args):
    """(output, CPU seconds, peak kB)."""
    usage, said = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        subprocess.run([sys.executable, "-S", "-c", LAUNCHER, str(said), TSUMARI, "-r", path,
                        "-j", "0", *args], stdout=out, stderr=err, pass_fds=[said], check=True)
        os.close(said)
        status, seconds, peak = os.read(usage, 100).split()
        os.close(usage)
        out.seek(0)
        err.seek(0)
        check(int(status) == 0, os.path.basename(path),
              "status %s: %s" % (status, err.read()[-300:]))
        return out.read(), float(seconds), int(peak)


def report(path, *args):
    out, _, peak = run(path, "--report", *args)
    return out.decode("utf-8"), peak


def transactions(path, *args):
    out, _, _ = run(path, "--json", "--types", "http", *args)
    return [json.loads(line) for line in out.decode("utf-8").splitlines()]


def outcome(r):
    return r.get("path"), r["http"].get("response", {}).get("status_code")


# What costs time: each writes something that grows with n into a connection or a capture.

def headers(c, n):
    c.send(0, b"GET /many HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(n)) + b"\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def folded(c, n):
    c.send(0, b"GET /folded HTTP/1.1\r\nX: a\r\n" + b" b\r\n" * n + b"\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def same_header(c, n):
    c.send(0, b"GET /same HTTP/1.1\r\n" + b"User-Agent: abcdef\r\n" * n + b"\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def endless_line(c, n):
    c.send(0, b"GET /line HTTP/1.1\r\nX: " + b"z" * (8 * n) + b"\r\n\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def lengths(c, n):
    c.send(0, b"GET /lengths HTTP/1.1\r\nHost: a\r\n\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 0" + b",0" * 4000 + b"\r\n") *
           (n // 2000) + b"\r\n")


def chunks(c, n):
    c.send(0, b"GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nc\r\n" * n +
           b"0\r\n\r\n")


def trailers(c, n):
    c.send(0, b"GET /trailers HTTP/1.1\r\nHost: a\r\n\r\n")
    c.send(1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: u\r\n" * n +
           b"\r\n")


def interim(c, n):
    c.send(0, b"GET /interim HTTP/1.1\r\nHost: a\r\n\r\n")
    c.send(1, b"HTTP/1.1 103 Early Hints\r\n\r\n" * n + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def pipelined(c, n):
    c.send(0, b"GET /p HTTP/1.1\r\n\r\n" * n)


def uninvited(c, n):
    c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * n)


def tiny_segments(c, n):
    line = b"GET /tiny HTTP/1.1\r\nX: " + b"t" * 4000 + b"\r\n\r\n"
    for _ in range(max(n // 4000, 1)):
        c.send(0, line, 1)
        c.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def backwards(c, n):
    """Segments in the opposite order, 900 at a time: each goes to the front of what is held."""
    for _ in range(max(n // 900, 1)):
        at, size = c.next[0], 10
        for i in range(900, -1, -1):
            c.segment(0, ACK, b"b" * size, at + i * size)
        c.next[0] = at + 901 * size
        c.segment(1, ACK)


def every_other(c, n):
    """Holes between all segments, which are never filled."""
    at = c.next[0]
    for i in range(n // 2):
        c.segment(0, ACK, b"h", at + 1 + 2 * i)
    c.next[0] = at + 1 + n


def lost_place(c, side, text, n, size):
    """A hole, then what looks like the beginning of a message, again and again."""
    c.next[side] += 100
    c.send(side, text * (n // len(text)), size)


def lost_requests(c, n):
    lost_place(c, 0, b"GET GET /a b GET /", 8 * n, 1400)


def lost_requests_tiny(c, n):
    lost_place(c, 0, b"GET /" + b"a" * 900, n, 1)


def lost_responses(c, n):
    lost_place(c, 1, b"HTTP/1.1 200 HHTTP/1.1 200 " + b"a" * 900, 8 * n, 1400)


def lost_responses_tiny(c, n):
    lost_place(c, 1, b"HTTP/1.1 200 " + b"H" * 900, n, 1)


STREAMS = [headers, folded, same_header, endless_line, lengths, chunks, trailers, interim,
           pipelined, uninvited, tiny_segments, backwards, every_other, lost_requests,
           lost_requests_tiny, lost_responses, lost_responses_tiny]
UNSEEN = {"pipelined", "uninvited", "backwards", "every_other", "lost_requests",
          "lost_requests_tiny", "lost_responses", "lost_responses_tiny"}  # where no exchange can be told


def fragments(capture, n):
    """Fragments with holes between them, of datagrams that never end."""
    for i in range(n):
        capture.ip(b"\x0a\1\0\1", b"\x0a\1\0\2", 17, b"f" * 8, 0x2000 | (i % 90) * 2 + 1,
                   i // 90 & 0xFFFF)


def overlaps(capture, n):
    for i in range(n):
        capture.ip(b"\x0a\1\0\1", b"\x0a\1\0\2", 17, b"o" * 64, 0x2000 | i % 4000, 7)


def colliding(capture, n):
    """Connections that are all one to a hash that adds or XORs addresses and ports."""
    for i in range(n):
        ports = 20000 ^ i & 0x3FFF, 40000 ^ i & 0x3FFF
        ends = [struct.pack("!I", x ^ i) for x in (0x0B000000, 0x0C000000)]
        capture.tcp(*ends, ports, 1, 0, SYN)


def written(name, make, n):
    capture = Capture("%s-%d" % (name, n))
    if make in STREAMS:
        connection = Connection(capture)
        make(connection, n)
        connection.segment(0, FIN | ACK)
        connection.segment(1, FIN | ACK)
    else:
        make(capture, n)
    Connection(capture, 2).exchange()
    return capture.close()


def check_growth():
    small, big = 10_000, 80_000
    for make in STREAMS + [fragments, overlaps, colliding]:
        name, paths = make.__name__, []
        for n in small, big:
            paths.append(written(name, make, n))
        seen = [outcome(r) for r in transactions(paths[0])]
        check(("/after", 200) in seen, name, "the connection beside it is not seen")
        if make in STREAMS and name not in UNSEEN:
            check((seen[0] if seen else (None, None))[1] == 200, name, "not answered: %s" % seen[:3])
        least = [min(run(p, "--report")[1] for _ in range(3)) for p in paths]
        if least[1] > GROWTH * max(least[0], 0.01):  # once more, on a busy machine
            least = [min(run(p, "--report")[1] for _ in range(8)) for p in paths]
        check(least[1] <= GROWTH * max(least[0], 0.01), name,
              "%.3f s, and %.3f s for eight times as much" % tuple(least))
        for p in paths:
            os.unlink(p)


# How bodies are framed: (name, head and body of the response, status, flags that must be there).

FRAMING = [
    ("2-to-64", b"Content-Length: 18446744073709551616\r\n\r\nx", {"malformed"}),
    ("negative", b"Content-Length: -1\r\n\r\nx", {"malformed"}),
    ("plus", b"Content-Length: +1\r\n\r\nx", {"malformed"}),
    ("hex", b"Content-Length: 0x1\r\n\r\nx", {"malformed"}),
    ("empty", b"Content-Length:\r\n\r\nx", {"malformed"}),
    ("two-different", b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", {"malformed", "ambiguous"}),
    ("list-different", b"Content-Length: 1, 2\r\n\r\nx", {"malformed", "ambiguous"}),
    ("two-equal", b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", {"ambiguous"}),
    ("with-chunked", b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     {"ambiguous"}),
    ("huge", b"Content-Length: 1000000000000000000\r\n\r\nx", {"malformed"}),
    ("8-exabyte", b"Content-Length: 72057594037927935\r\n\r\nx", {"unfinished"}),
    ("chunk-2-to-64", b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n", {"malformed"}),
    ("chunk-2-to-60", b"Transfer-Encoding: chunked\r\n\r\n1000000000000001\r\nx", {"unfinished"}),
    ("chunk-no-number", b"Transfer-Encoding: chunked\r\n\r\n\r\n", {"malformed"}),
    ("chunk-negative", b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx", {"malformed"}),
    ("chunk-too-long", b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n", {"malformed"}),
    ("chunk-zeros", b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 64 + b"1\r\nx\r\n0\r\n\r\n", set()),
    ("chunked-not-last", b"Transfer-Encoding: chunked, gzip\r\n\r\n1\r\nx\r\n0\r\n\r\n", {"malformed"}),
]


def check_framing():
    for name, answer, flags in FRAMING:
        capture = Capture("framing-" + name)
        first = Connection(capture)
        first.send(0, b"GET /framing HTTP/1.1\r\nHost: a\r\n\r\n")
        first.send(1, b"HTTP/1.1 200 OK\r\n" + answer)
        Connection(capture, 2).exchange()
        found = transactions(capture.close())
        one = next((r for r in found if r.get("path") == "/framing"), {"tsumari": {}, "http": {}})
        got = set(one["tsumari"].get("quality", [])) & {"malformed", "ambiguous"}
        want = flags & {"malformed", "ambiguous"}
        check(got == want, "framing " + name, "flags %s, not %s" % (sorted(got), sorted(want)))
        whole = "response_last" in one["tsumari"].get("frame", {})
        check(whole == (flags <= {"ambiguous"} and "malformed" not in want), "framing " + name,
              "its end is%s seen" % ("" if whole else " not"))
        check(("/after", 200) in map(outcome, found), "framing " + name, "the next is not seen")


# Request lines: (line, method, path, version, is it according to the grammar?).

REQUESTS = [
    (b"GET / HTTP/1.1", "GET", "/", "1.1", True),
    (b"GET / HTTP/9.9", "GET", "/", "9.9", True),
    (b"BREW /pot HTTP/1.1", "BREW", "/pot", "1.1", True),
    (b"GET /", "GET", "/", None, False),
    (b"HEAD / HTTP/1.", "HEAD", "/", None, False),
    (b"HEAD /HTTP/1.1", "HEAD", "/HTTP/1.1", None, False),
    (b"GET /a b HTTP/1.0", "GET", "/a b", "1.0", True),
]


def check_requests():
    """A request that a server answers is one, however it is written and however it is cut."""
    for line, method, path, version, good in REQUESTS:
        for size in 1, 7, 1400:
            capture = Capture("requests")
            connection = Connection(capture)
            connection.send(0, line + b"\r\nHost: a\r\n\r\n", size)
            body = b"" if method == "HEAD" else b"abc"
            connection.send(1, b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\n" + body)
            found = transactions(capture.close())
            got = [(r.get("method"), r.get("path"), r["http"].get("version"),
                    r["http"].get("response", {}).get("status_code"),
                    "malformed" not in r["tsumari"].get("quality", []),
                    "response_last" in r["tsumari"]["frame"]) for r in found]
            check(got == [(method, path, version, 400, good, True)],
                  "requests %r by %d" % (line, size), "%s" % got)


def check_limits():
    """Each limit is counted by its name, and what comes behind it is read on."""
    for make, n, line in ((headers, 10_000, "http: header over the limit"),
                          (folded, 30_000, "http: header over the limit"),
                          (endless_line, 10_000, "http: line over the limit"),
                          (pipelined, 5_000, "transaction: too many open")):
        capture = Capture("limit-" + make.__name__)
        connection = Connection(capture)
        make(connection, n)
        if make is not pipelined:
            connection.exchange(b"/behind")
        path = capture.close()
        text, _ = report(path)
        check(line in text, "limits " + make.__name__, "no line %r in the report" % line)
        if make is pipelined:
            check(len(transactions(path)) == n, "limits pipelined", "not %d transactions" % n)
        else:
            check(("/behind", 200) in map(outcome, transactions(path)),
                  "limits " + make.__name__, "what comes behind is not read")
    capture = Capture("limit-interim")
    interim(Connection(capture), 3)
    (one,) = transactions(capture.close())
    check(one["tsumari"]["http"]["interim_responses"] == 3 and outcome(one) == ("/interim", 200),
          "limits interim", "%s" % one)


# Memory.

def established(capture, n, first=1):
    return [Connection(capture, first + i) for i in range(n)]


def syn_flood(capture):
    rng, packed = random.Random(4987), struct.Struct("!I").pack
    for i in range(1_000_000):
        capture.tcp(packed(0x0B000000 | rng.getrandbits(24)), b"\x0a\xff\0\1",
                    (1024 + i % 60000, 80), i * 7919, 0, SYN)


def port_scan(capture):
    for i in range(200_000):
        capture.tcp(b"\x0c\0\0\1", struct.pack("!I", 0x0D000000 + i // 500),
                    (40000, 1 + i * 31 % 65000), i, 0, SYN)


def refused_scan(capture):
    """Every port is closed: each flow ends with a reset."""
    for i in range(200_000):
        at, ports = struct.pack("!I", 0x0D000000 + i // 500), (40000, 1 + i * 31 % 65000)
        capture.tcp(b"\x0c\0\0\1", at, ports, i, 0, SYN)
        capture.tcp(at, b"\x0c\0\0\1", ports[::-1], 0, i + 1, RST | ACK)


def fragment_flood(capture):
    packed = struct.Struct("!I").pack
    for i in range(60_000):
        capture.ip(packed(0x0E000000 + i), b"\x0a\xff\0\1", 17, b"f" * 1400, 0x2000 | 100, i & 0xFFFF)


def above_holes(capture):
    some = [Connection(capture, 5000 + i) for i in range(400)]
    for k in range(150):
        for c in some:
            c.segment(0, ACK, b"h" * 1400, c.next[0] + 1 + k * 1400)


def many_sessions(capture):
    """Connections that each hold an unfinished line of a request."""
    for i in range(40_000):
        c = Connection(capture, 100_000 + i)
        c.segment(0, ACK, b"GET /" + b"s" * 900)


def answered(c, rng, path):
    """An answer after a microsecond to a tenth of a second."""
    c.segment(0, ACK, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    c.c.time += int(10 ** rng.uniform(3, 8))
    c.segment(1, ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def many_services(capture):
    """5,000 servers, of each a dozen answers that take any time."""
    rng = random.Random(31)
    for k in range(12):
        for i in range(5000):
            c = Connection(capture, 200_000 + i * 12 + k, False)
            c.ends = c.ends[0], struct.pack("!I", 0x0F000000 + i)
            answered(c, rng, b"/a")
            c.segment(0, RST | ACK)


def many_hosts(capture):
    """60,000 clients of 9,000 servers, their connections open."""
    rng = random.Random(33)
    for i in range(60_000):
        c = Connection(capture, 200_000 + i)
        c.ends = c.ends[0], struct.pack("!I", 0x0F000000 + i % 9000)
        answered(c, rng, b"/" + b"abcdefghij"[i % 10:i % 10 + 1])


FLOODS = [(syn_flood, "flow table full: half-open flow given up"),
          (port_scan, "flow table full: half-open flow given up"),
          (refused_scan, "flows: no memory for more that is unusual, flow given up"),
          (fragment_flood, "fragments: limit reached, oldest datagram given up"),
          (above_holes, "tcp: holding limit reached, hole given up"),
          (many_sessions, "memory budget used up"),
          (many_services, "model: values that percentiles do not know of"),
          (many_hosts, "findings: records of too many services, not looked at")]
ANSWERED = many_services, many_hosts  # where others give way as these do


def sanitized():
    with open(TSUMARI, "rb") as f:
        return b"__asan_init" in f.read()


def check_memory():
    megabytes = 32
    for flood, counter in FLOODS:
        name, capture = flood.__name__, Capture(flood.__name__)
        old = established(capture, 50)
        for c in old[:25]:
            c.exchange(b"/before")
        flood(capture)
        for c in old:
            c.exchange(b"/later")
        path = capture.close()
        text, peak = report(path, "--memory", "%dM" % megabytes)
        check(counter in text, name, "no line %r in the report" % counter)
        peak = max(peak, run(path, "--report=json", "--memory", "%dM" % megabytes)[2])
        check(sanitized() or peak <= megabytes * 1024 * 1.1, name,
              "%.1f MB of %d" % (peak / 1024, megabytes))
        got = [outcome(r) for r in transactions(path, "--memory", "%dM" % megabytes)]
        n = got.count(("/later", 200))
        check(n == 50 or flood in ANSWERED, name, "%d of 50 established connections go on" % n)
        print("     %s: %.1f MB of %d" % (name, peak / 1024, megabytes))
        os.unlink(path)


CHECKS = [check_framing, check_requests, check_limits, check_growth, check_memory]
if __name__ == "__main__":
    for f in CHECKS:
        if sys.argv[1:] and f.__name__[6:] not in sys.argv[1:]:
            continue
        before = len(faults)
        f()
        print("%s %s" % ("ok  " if len(faults) == before else "FAIL", f.__name__[6:]), flush=True)
    if faults:
        print("captures are in " + SCRATCH)
    else:
        for name in os.listdir(SCRATCH):
            os.unlink(os.path.join(SCRATCH, name))
        os.rmdir(SCRATCH)
    print("%d checks, %d failed" % (done, len(faults)))
    sys.exit(1 if faults else 0)
