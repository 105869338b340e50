#!/usr/bin/env python3
"""An HTTP/1.1 server for the answers that a well-behaved server does not give.

usage: app.py PORT...

The path names the behaviour: see ROUTES. CONNECT makes it a forward proxy. A route writes its answer
itself, byte by byte where that matters, and returns True when the connection ends with it.
"""
import base64
import gzip
import hashlib
import socket
import struct
import sys
import threading
import time


class Request:
    """One request. The body is read only when it is asked for: an early answer needs that."""

    def __init__(self, conn, stream):
        self.conn = conn
        self.stream = stream
        line = stream.readline()
        while line in (b'\r\n', b'\n'):
            line = stream.readline()
        words = line.split()
        if len(words) < 2:
            raise EOFError
        self.method = words[0].decode('latin-1')
        self.target = words[1].decode('latin-1')
        self.headers = self.fields()

    def fields(self):
        found = {}
        while True:
            line = self.stream.readline()
            if line in (b'\r\n', b'\n', b''):
                return found
            name, _, value = line.partition(b':')
            found[name.strip().lower().decode('latin-1')] = value.strip().decode('latin-1')

    def body(self):
        if 'chunked' in self.headers.get('transfer-encoding', '').lower():
            parts = []
            while True:
                size = int(self.stream.readline().split(b';')[0], 16)
                if size == 0:
                    self.fields()
                    return b''.join(parts)
                parts.append(self.stream.read(size))
                self.stream.readline()
        return self.stream.read(int(self.headers.get('content-length', 0)))

    def argument(self, default):
        return float(self.target.partition('=')[2] or default)

    def send(self, *parts):
        for part in parts:
            self.conn.sendall(part)


def answer(status, body=b'', *fields):
    head = ['HTTP/1.1 ' + status, 'Content-Length: %d' % len(body), *fields]
    return '\r\n'.join(head).encode() + b'\r\n\r\n' + body


def chunk(data, extension=b''):
    return b'%x' % len(data) + extension + b'\r\n' + data + b'\r\n'


def reset(req):
    """Makes the close that follows a RST instead of a FIN."""
    req.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    req.stream.close()
    req.conn.close()
    return True


def echo(req):
    body = req.body()
    req.send(answer('200 OK', b'ok:' + body[:2000]))


def chunked(req):
    """Chunks of growing size with extensions, then trailers."""
    req.body()
    req.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum, X-Count\r\n'
             b'Transfer-Encoding: chunked\r\n\r\n')
    for i in range(8):
        req.send(chunk((b'chunk %d ' % i) * (i * 20 + 1), b';ext=%d' % i))
        time.sleep(0.01)
    req.send(b'0\r\nX-Sum: 12345\r\nX-Count: 8\r\n\r\n')


def tinychunks(req):
    """Chunks of one byte, all in a few segments, sizes with leading zeros."""
    req.body()
    data = b''.join(b'0001\r\n%c\r\n' % c for c in b'0123456789' * 30)
    req.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + data + b'000\r\n\r\n')


def gzipped(req):
    """Compressed, and chunked in pieces that have nothing to do with the compression."""
    req.body()
    data = gzip.compress(b'a line that repeats itself\n' * 2000, mtime=0)
    req.send(b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n')
    for at in range(0, len(data), 50):
        req.send(chunk(data[at:at + 50]))
    req.send(b'0\r\n\r\n')


def slow(req):
    req.body()
    time.sleep(req.argument(1))
    req.send(answer('200 OK', b'slow\n'))


def slowbody(req):
    req.send(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n')
    for _ in range(5):
        time.sleep(0.2)
        req.send(b'0123456789')


def hang(req):
    time.sleep(5)
    return True


def big(req):
    req.send(answer('200 OK', b'0123456789abcdef' * (int(req.argument(100)) * 64)))


def short(req):
    """Promises more than it sends."""
    req.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this much')
    return True


def shortchunk(req):
    """The connection ends in the middle of a chunk."""
    req.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n40\r\nonly this')
    return True


def noclen(req):
    req.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n' + b'until close\n' * 50)
    return True


def http10(req):
    req.send(b'HTTP/1.0 200 OK\r\n\r\nold style\n')
    return True


def lfonly(req):
    req.send(b'HTTP/1.1 200 OK\nContent-Length: 3\n\nlf\n')


def noreason(req):
    """A status line without a phrase, and a status nobody has registered."""
    req.send(b'HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n')


def folded(req):
    """obs-fold, spaces before a value, an empty value, the same field twice."""
    req.send(b'HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\n\tthree\r\nX-Empty:\r\n'
             b'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\ncontent-LENGTH:    4   \r\n\r\nfold')


def split(req):
    for byte in b'HTTP/1.1 200 OK\r\nX-Split: a\r\nContent-Length: 3\r\n\r\nabc':
        req.send(bytes([byte]))
        time.sleep(0.002)


def splitchunks(req):
    """Chunk framing cut at every byte."""
    for byte in (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                 b'a;x=y\r\n0123456789\r\n1\r\nZ\r\n0\r\nX-T: 1\r\n\r\n'):
        req.send(bytes([byte]))
        time.sleep(0.001)


def expect(req):
    """100 Continue first where the client waits for it; the answer after the body."""
    if '100-continue' in req.headers.get('expect', '').lower():
        time.sleep(0.05)
        req.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    body = req.body()
    time.sleep(0.1)
    req.send(answer('200 OK', b'got %d\n' % len(body)))


def hints(req):
    """103 Early Hints before the answer."""
    req.send(b'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')
    time.sleep(0.08)
    req.send(answer('200 OK', b'hinted'))


def early(req):
    """Refuses the body before it came, and does not read it."""
    req.send(answer('413 Payload Too Large', b'', 'Connection: close'))
    return True


def websocket(req):
    """RFC 6455: the handshake, then echoes frames until the close frame."""
    key = req.headers.get('sec-websocket-key', '') + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
    req.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
             b'Sec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
    while True:
        head = req.stream.read(2)
        if len(head) < 2:
            return True
        mask = req.stream.read(4)
        data = req.stream.read(head[1] & 0x7f)
        plain = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        req.send(bytes([head[0], len(plain)]) + plain)
        if head[0] & 0x0f == 8:
            return True


def reset_before(req):
    req.body()
    return reset(req)


def reset_during(req):
    req.body()
    req.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n' + b'x' * 4000)
    time.sleep(0.05)
    return reset(req)


def reset_after(req):
    req.body()
    req.send(answer('200 OK', b'whole\n'))
    time.sleep(0.05)
    return reset(req)


def reset_upload(req):
    """In the middle of the request's body."""
    req.stream.read(1000)
    return reset(req)


def connect(req):
    """A forward proxy's CONNECT: bytes both ways until both sides have ended."""
    host, _, port = req.target.rpartition(':')
    try:
        other = socket.create_connection((host, int(port)), timeout=2)
    except OSError:
        req.send(answer('502 Bad Gateway'))
        return True
    other.settimeout(None)
    req.send(b'HTTP/1.1 200 Connection established\r\n\r\n')

    def back():
        while True:
            data = other.recv(65536)
            if not data:
                break
            req.conn.sendall(data)
        req.conn.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    while True:
        data = req.stream.read1(65536)
        if not data:
            break
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
    thread.join()
    other.close()
    return True


def fixed(status, *fields):
    def route(req):
        req.body()
        req.send(answer(status, b'', *fields))
    return route


ROUTES = {
    '/chunked': chunked, '/tinychunks': tinychunks, '/gzip': gzipped, '/slow': slow,
    '/slowbody': slowbody, '/hang': hang, '/big': big, '/short': short,
    '/shortchunk': shortchunk, '/noclen': noclen, '/http10': http10, '/lfonly': lfonly,
    '/noreason': noreason, '/folded': folded, '/split': split, '/splitchunks': splitchunks,
    '/expect': expect, '/hints': hints, '/early': early, '/ws': websocket,
    '/reset-before': reset_before, '/reset-during': reset_during, '/reset-after': reset_after,
    '/reset-upload': reset_upload,
    '/500': fixed('500 Internal Server Error'),
    '/503': fixed('503 Service Unavailable', 'Retry-After: 3'),
}


def serve(conn):
    stream = conn.makefile('rb')
    try:
        while True:
            req = Request(conn, stream)
            if req.method == 'CONNECT':
                route = connect
            else:
                route = ROUTES.get(req.target.partition('?')[0].partition('=')[0], echo)
            if route(req) or req.headers.get('connection', '').lower() == 'close':
                break
    except (OSError, EOFError, ValueError):
        pass
    try:
        stream.close()
        conn.close()
    except OSError:
        pass


def listen(port):
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(('::', port))
    server.listen(64)
    while True:
        conn, _ = server.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


if __name__ == '__main__':
    for number in sys.argv[2:]:
        threading.Thread(target=listen, args=(int(number),), daemon=True).start()
    listen(int(sys.argv[1]))
