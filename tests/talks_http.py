"""Conversations of HTTP, the PROXY protocol before it, and HTTP/2 (talks.py)."""
import socket
import struct

from talklib import C, S
import talks_tls


def ask(method="GET", path="/", head="", body=b"", version="HTTP/1.1"):
    return ("%s %s %s\r\nHost: x.example\r\n%s\r\n" % (method, path, version, head)).encode() + body


def answer(status=200, body=b"", head=""):
    return ("HTTP/1.1 %d x\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), head)).encode() + body


PROXY_MARK = bytes.fromhex("0d0a0d0a000d0a515549540a")


def proxy_1(source):
    return b"PROXY TCP4 %s 10.0.0.2 5555 80\r\n" % source.encode()


def proxy_2(source=None, more=b""):
    """Without a source it is LOCAL."""
    v6 = bool(source) and ":" in source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    block = b"".join(socket.inet_pton(family, a) for a in (source, source)) + b"\x15\xb3\0P" if source else b""
    kind = (0x21 if v6 else 0x11) if source else 0
    return PROXY_MARK + bytes((0x21 if source else 0x20, kind)) + struct.pack("!H", len(block + more)) + block + more


def proxied(header, source):
    want = {"network.forwarded_ip": source}
    return (80, [(C, 1, header), (C, 2, ask(path="/one")), (S, 102, answer(200, b"ab")), (C, 110, ask(path="/two")),
                 (S, 210, answer(404, b"no"))],
            [dict(path="/one", code=200, ms=100, **want), dict(path="/two", code=404, ms=100, **want)])


def frame(kind, flags, stream, data=b""):
    return struct.pack("!I", len(data))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + data


def literals(*fields):
    """A header block in which every name is spelt out."""
    return b"".join(b"\0" + bytes((len(k),)) + k.encode() + bytes((len(v),)) + v.encode() for k, v in fields)


def whose(*texts):
    """What a request's session is told as: FNV-1a of each text in turn, an odd number."""
    n = 14695981039346656037
    for text in texts:
        for c in text.encode():
            n = (n ^ c) * 1099511628211 % 2**64
        n |= 1
    return str(n)


NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"


def h2_ask(stream, path, method="GET", end=True, more=()):
    block = literals((":method", method), (":path", path), (":scheme", "http"), (":authority", "x.example"), *more)
    return frame(1, 5 if end else 4, stream, block)


def h2_head(stream, status, end=False, *more):
    return frame(1, 5 if end else 4, stream, literals((":status", str(status)), *more))


def h2_data(stream, data=b"", end=False):
    return frame(0, int(end), stream, data)


BEGIN = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
EXPECT = "Content-Length: 10\r\nExpect: 100-continue\r\n"

TALKS = {
    # Both ends speak on one stream when the capture ends: it was the client's turn, or the server's.
    "h2-both-speak-client-due": (8080, [
        (C, 1, BEGIN + h2_ask(1, "/Svc/Talk", "POST", False) + h2_data(1, b"one")),
        (S, 51, frame(4, 0, 0) + h2_head(1, 200) + h2_data(1, b"two")), (C, 551, frame(6, 0, 0, bytes(8)))],
        [dict(path="/Svc/Talk", request=550, server=0, flags=["unfinished"])]),
    "h2-both-speak-server-due": (8080, [
        (C, 1, BEGIN + h2_ask(1, "/Svc/Talk", "POST", False) + h2_data(1, b"one")),
        (S, 51, frame(4, 0, 0) + h2_head(1, 200) + h2_data(1, b"two")), (C, 56, h2_data(1, b"three")),
        (C, 556, frame(6, 0, 0, bytes(8)))],
        [dict(path="/Svc/Talk", request=50, server=500, flags=["unfinished"])]),
    # So does a server that answers while the body still comes.
    "http-both-speak-client-due": (8080, [
        (C, 1, ask("POST", "/up", "Content-Length: 100\r\n", b"a" * 10)), (S, 51, answer(200, b"ab")[:-1]),
        (C, 551, b"b" * 10)],
        [dict(path="/up", server=0, flags=["unfinished"])]),
    # Typed by hand, in small letters: a request all the same, wherever its segments are cut.
    **{"http-small-letters-%s" % name: (port, [
        (C, 1, ask(method, version=version)), (S, 51, answer(400, b"no"))],
        [dict(method=method, path="/", code=400, server=50, flags=flags)])
       for name, port, method, version, flags in (
           ("method", 80, "get", "HTTP/1.1", []), ("method-elsewhere", 4999, "get", "HTTP/1.1", []),
           ("version", 80, "GET", "http/1.1", ["malformed"]), ("both", 80, "get", "http/1.1", ["malformed"]),
           ("both-elsewhere", 4999, "gEt", "http/1.0", ["malformed"]))},
    # A client whose body is not wanted may ask something else on the connection, as curl does after 417.
    "http-expect-refused": (80, [
        (C, 1, ask("POST", "/u", EXPECT)), (S, 51, answer(417, b"no")),
        (C, 61, ask("POST", "/u", "Content-Length: 4\r\n", b"abcd")), (S, 161, answer(200, b"ok"))],
        [dict(path="/u", code=417, ms=50, server=50), dict(path="/u", code=200, ms=100, server=100)]),
    "http-expect-refused-and-sent": (80, [
        (C, 1, ask("POST", "/u", EXPECT)), (S, 51, answer(413, b"no")), (C, 61, b"0123456789"), (C, 70, ask()),
        (S, 161, answer(200, b"ok"))],
        [dict(path="/u", code=413, ms=50, server=50), dict(path="/", code=200, ms=91)]),
    "http-expect-chunked": (80, [
        (C, 1, ask("PUT", "/u", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")), (S, 51, answer(401)),
        (C, 61, ask("PUT", "/u", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")),
        (S, 71, b"HTTP/1.1 100 Continue\r\n\r\n"), (C, 80, b"4\r\nabcd\r\n0\r\n\r\n"), (S, 161, answer(200, b"ok"))],
        [dict(path="/u", code=401, ms=50, server=50),
         dict(path="/u", code=200, server=81, **{"http.request.body.bytes": 4})]),
    "http-expect-nothing-said": (80, [
        (C, 1, ask("PUT", "/u", EXPECT)), (C, 1001, b"GET / HTTP"), (S, 1101, answer(201))],
        [dict(path="/u", code=201, ms=1100, server=100, **{"http.request.body.bytes": 10})]),
    # What was sent behind a CONNECT is read when that is refused: it waited all the time.
    "http-connect-refused-pipelined": (8080, [
        (C, 1, ask("CONNECT", "b.example:443") + ask(path="http://a.example/one")), (S, 51, answer(403, b"no")),
        (S, 101, answer(200, b"ab")), (C, 190, ask(path="http://a.example/two")), (S, 290, answer(404, b"ab"))],
        [dict(method="CONNECT", code=403, server=50), dict(path="http://a.example/one", code=200, queued=50, server=50),
         dict(path="http://a.example/two", code=404, server=100)]),
    # The capture begins behind a CONNECT, with its answer: what follows is no body of it.
    "http-connect-before": (3128, [
        (S, 0, b"HTTP/1.0 200 Connection Established\r\nProxy-agent: a\r\n\r\n"), (C, 1, ask(path="/one")),
        (S, 101, answer(404, b"ab")), (C, 110, ask(path="/two")), (S, 210, answer(200, b"ab"))],
        [dict(code=200, flags=["no_request"]), dict(path="/one", code=404, ms=100), dict(path="/two", code=200, ms=100)],
        {"handshake": False}),
    "http-connect-before-tls": (3128, [
        (S, 0, b"HTTP/1.1 200 Connection established\r\n\r\n"), *talks_tls.SHAKE, (C, 22, talks_tls.SEALED(90)),
        (S, 72, talks_tls.SEALED(400))],
        [dict(code=200, flags=["no_request"]), talks_tls.DONE], {"handshake": False}, talks_tls.turns(1, 50)),
    "http-lengths-without-body": (80, [
        (C, 1, ask("HEAD", "/h") + ask(path="/i") + ask("HEAD", "/j")),
        (S, 51, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nHTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n"),
        (S, 151, b"HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n"), (C, 160, ask("DELETE", "/k")),
        (S, 210, b"HTTP/1.1 204 x\r\nContent-Length: 12\r\n\r\n"), (C, 220, ask(path="/l")), (S, 230, answer())],
        [dict(path="/h", code=200, server=50), dict(path="/i", code=304, queued=50),
         dict(path="/j", code=404, queued=50, server=100), dict(path="/k", code=204, ms=50), dict(path="/l", code=200)]),
    "proxy-1": proxied(proxy_1("10.99.7.7"), "10.99.7.7"),
    "proxy-1-unknown": proxied(b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", None),
    "proxy-2-v6": proxied(proxy_2("2001:db8::77", b"\4\7\x30" + b"\0" * 1840), "2001:db8::77"),
    "proxy-2-local": proxied(proxy_2(), None),
    # Proxies that do not read what the one before them said: the last header names the client.
    "proxy-chain": proxied(proxy_2("10.99.7.7") + proxy_2("2001:db8::8") + proxy_1("10.99.8.8"), "10.99.8.8"),
    "proxy-chain-local": proxied(proxy_2("10.99.7.7") + proxy_2(), "10.99.7.7"),
    # Begun before the capture, by software that spells the names of header fields out.
    "http2-literals-midway": (8080, [
        (C, 1, h2_ask(5, "/a")), (S, 51, h2_head(5, 503) + h2_data(5, b"x", True)), (C, 60, h2_ask(7, "/b")),
        (S, 160, h2_head(7, 404, True))],
        [dict(path="/a", code=503, ms=50), dict(path="/b", code=404, ms=100)], {"handshake": False}),
    # A browser sends each cookie as a header of its own; only the one that names the session counts.
    "http2-cookies": (8080, [
        (C, 1, BEGIN + h2_ask(1, "/a", more=(("cookie", "lang=de"), ("cookie", "JSESSIONID=77AA"), ("cookie", "t=1")))),
        (S, 2, frame(4, 0, 0)), (S, 51, h2_head(1, 200, True)),
        (C, 60, h2_ask(3, "/b", more=(("cookie", "t=2; JSESSIONID=77AA"),))), (S, 70, h2_head(3, 200, True))],
        [{"path": "/a", "tsumari.http.session": whose("JSESSIONID=77AA")},
         {"path": "/b", "tsumari.http.session": whose("JSESSIONID=77AA")}]),
    "http-sessions": (80, [
        (C, 1, b"GET /1 HTTP/1.1\r\nHost: x\r\nCookie: a=1; Connect.Sid=s%3Ax ;b=2\r\nAuthorization: Basic eA==\r\n\r\n"),
        (S, 11, NOTHING), (C, 20, b"GET /2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer q\r\ncookie: a=1; b=2\r\n\r\n"),
        (S, 31, NOTHING), (C, 40, b"GET /3 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer q\r\nCookie:\r\n\r\n"),
        (S, 51, NOTHING), (C, 60, b"GET /4 HTTP/1.1\r\nHost: x\r\n\r\n"), (S, 71, NOTHING)],
        [{"path": "/1", "tsumari.http.session": whose("Connect.Sid=s%3Ax")},
         {"path": "/2", "tsumari.http.session": whose("a=1", "b=2")},
         {"path": "/3", "tsumari.http.session": whose("Bearer q")}, {"path": "/4", "tsumari.http.session": None}]),
    # The same by software that names headers by their place in a table, which is older than the capture.
    "http2-indexed-midway": (50051, [
        (S, 0, frame(1, 5, 3, b"\xbf\xbe")), (C, 10, frame(1, 5, 5, b"\xc3\xc2\x83\x86\xc1\xc0\xbf\xbe")),
        (S, 60, h2_head(5, 200, True)), (C, 70, frame(1, 4, 7, b"\xc3\xc2\x83\x86\xc1\xc0\xbf\xbe") + h2_data(7, b"\0\0", True)),
        (S, 170, h2_head(7, 503, True))],
        [dict(method="POST", code=200, ms=50), dict(method="POST", code=503, ms=100)],
        {"handshake": False}),
    # The server has nothing to say on the one stream whatever goes on on another.
    "http2-idle-beside-another": (8080, [
        (C, 1, BEGIN + h2_ask(1, "/events")), (S, 2, frame(4, 0, 0)),
        (S, 101, h2_head(1, 200, False, ("content-type", "text/event-stream")) + h2_data(1, b"data: 1\n\n")),
        (C, 300, h2_ask(3, "/b")), (S, 320, h2_head(3, 200) + h2_data(3, b"x" * 900, True)),
        (S, 601, h2_data(1, b"data: 2\n\n")), (S, 1201, h2_data(1, b"", True))],
        [dict(path="/events", code=200, ms=1200, server=1200), dict(path="/b", code=200, ms=20, server=20)],
        {"acks": True}),
    # Who asked for the head only has all of it, whatever length it names.
    "http-begun-behind-a-head": (80, [
        (S, 1, b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 900\r\n\r\n"), ("fin", C, 2), ("fin", S, 3)],
        [dict(code=200, status="OK", flags=["no_request"])], {"handshake": False, "acks": True}),
    "http-begun-between-a-head-and-a-get": (80, [
        (S, 1, b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 900\r\n\r\n"), (C, 10, ask(path="/x")),
        (S, 30, answer(404, b"no"))],
        [dict(code=200, status="OK", flags=["no_request"]), dict(path="/x", code=404, ms=20)], {"handshake": False}),
    # What ended in front of the first request that was captured is answered before it.
    "http-begun-in-a-request": (80, [
        (C, 1, b"ept: */*\r\n\r\n" + ask(path="/b")), (S, 51, answer(200, b"ab")), (S, 81, answer(404)),
        (C, 100, ask(path="/c")), (S, 120, answer(500))],
        [dict(code=200, flags=["no_request"]), dict(path="/b", flags=["gap", "no_response"]),
         dict(path="/c", code=500, ms=20)], {"handshake": False}),
    # What stands in front of the request need not be one.
    "http-begun-in-a-proxys-line": (80, [
        (C, 1, b".7 10.0.0.2 5555 80\r\n"), (C, 2, ask(path="/b")), (S, 51, answer(200, b"ab")),
        (C, 60, ask(path="/c")), (S, 120, answer(500)), (C, 1200, ask(path="/d")), (S, 1230, answer(404))],
        [dict(code=200, flags=["no_request"]), dict(path="/b", flags=["gap", "no_response"]),
         dict(path="/c", flags=["gap", "no_response"]), dict(path="/d", code=404, ms=30)], {"handshake": False}),
    # The client waits for a word of the server with half a request: that no other is under way.
    "http-expect-refused-begun-before": (80, [
        (C, 1, ask("POST", "/u", EXPECT)), (S, 51, answer(417, b"no")),
        (C, 61, ask("POST", "/u", "Content-Length: 4\r\n", b"abcd")), (S, 161, answer(200, b"ok"))],
        [dict(path="/u", code=417, ms=50), dict(path="/u", code=200, ms=100)], {"handshake": False}),
    "http-begun-behind-a-get": (80, [
        (S, 1, b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 900\r\n\r\n"), (S, 1.5, b"x" * 899),
        ("fin", S, 2), ("fin", C, 3)],
        [dict(code=200, status="Error", flags=["no_request", "unfinished"])], {"handshake": False, "acks": True}),
    # The client keeps the server waiting in a call of two streams of messages: that is not the server's.
    "http2-both-ways": (8080, [
        (C, 1, BEGIN + h2_ask(1, "/p.S/Talk", "POST", False)), (S, 2, frame(4, 0, 0)), (S, 11, h2_head(1, 200)),
        (C, 511, h2_data(1, b"question")), (S, 611, h2_data(1, b"answer")), (C, 1611, h2_data(1, b"", True)),
        (S, 1621, h2_data(1, b"", True))],
        [dict(path="/p.S/Talk", code=200, server=110)], {"acks": True}),
}
