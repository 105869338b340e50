#!/usr/bin/env python3
"""Small clients for what curl will not do.

usage: client.py NAME ARGUMENT...      (the functions below, with - for _)
"""
import os
import socket
import struct
import sys
import threading
import time

RST = struct.pack('ii', 1, 0)


def dial(host, port, nodelay=True, source=None, timeout=5, rcvbuf=None):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    if nodelay:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if source:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('', source))
    s.connect((host, int(port)))
    return s


def drain(s):
    try:
        while s.recv(65536):
            pass
    except OSError:
        pass


def get(path, host='client', *fields):
    return ('GET %s HTTP/1.1\r\n' % path + ''.join(
        f + '\r\n' for f in ('Host: ' + host, *fields)) + '\r\n').encode()


def response(s, stream):
    """Reads one answer that has a Content-Length, or none and no body."""
    stream.readline()
    length = 0
    while True:
        line = stream.readline()
        if line in (b'\r\n', b''):
            break
        if line.lower().startswith(b'content-length:'):
            length = int(line.split(b':')[1])
    stream.read(length)


def raw(host, port, timeout='1.5'):
    """Sends standard input in one piece and reads until the server closes or is silent."""
    s = dial(host, port, timeout=float(timeout))
    s.sendall(sys.stdin.buffer.read())
    drain(s)
    s.close()


def bytewise(host, port, pause='0.003'):
    """Sends standard input a byte a segment."""
    s = dial(host, port)
    for byte in sys.stdin.buffer.read():
        s.send(bytes([byte]))
        time.sleep(float(pause))
    drain(s)
    s.close()


def pieces(host, port, cut, pause='0.1'):
    """Sends standard input in pieces that are cut after every occurrence of the text `cut`."""
    s = dial(host, port, timeout=1.5)
    cut = cut.encode().decode('unicode_escape').encode('latin-1')
    rest = sys.stdin.buffer.read()
    while rest:
        piece, found, rest = rest.partition(cut)
        s.send(piece + found)
        time.sleep(float(pause))
    drain(s)
    s.close()


def slow_reader(host, port, path, pause):
    """Asks for a big body and does not read for a while: its window closes."""
    s = dial(host, port, rcvbuf=8192)
    s.sendall(get(path, 'slow.reader'))
    s.recv(500)
    time.sleep(float(pause))
    drain_to_end(s, int(path.rpartition('/')[2].partition('k')[0]) * 1000)
    s.sendall(get('/index.html', 'slow.reader', 'Connection: close'))
    drain(s)
    s.close()


def drain_to_end(s, size):
    left = size - 300
    while left > 0:
        data = s.recv(4096)
        if not data:
            return
        left -= len(data)
    time.sleep(0.2)


def nagle(host, port, times):
    """A request in two small writes without TCP_NODELAY: the second waits for the first one's ACK."""
    s = dial(host, port, nodelay=False)
    stream = s.makefile('rb')
    for i in range(int(times)):
        s.send(b'POST /nagle%d HTTP/1.1\r\nHost: nagle\r\nContent-Length: 10\r\n\r\n' % i)
        s.send(b'0123456789')
        response(s, stream)
        time.sleep(0.02)
    s.close()


def upload_part(host, port, path, sent, promised, how):
    """Sends a part of the body it promised, then resets, closes or waits for what comes."""
    s = dial(host, port, timeout=2)
    s.sendall(b'POST %s HTTP/1.1\r\nHost: part\r\nContent-Length: %d\r\n\r\n'
              % (path.encode(), int(promised)))
    s.sendall(b'u' * int(sent))
    time.sleep(0.1)
    if how == 'reset':
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    elif how == 'wait':
        drain(s)
    s.close()


def give_up(host, port, path, after, how):
    """Asks, waits `after` seconds, and goes without the (whole) answer: by RST or by FIN."""
    s = dial(host, port, rcvbuf=16384)
    s.sendall(get(path, 'impatient'))
    time.sleep(float(after))
    if how == 'reset':
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    s.close()


def reuse(host, port, source):
    """Connections one after the other from one source port."""
    source = int(source)
    for i in range(3):		# the server closes first and keeps TIME-WAIT, which a new SYN ends
        s = dial(host, port, source=source)
        s.sendall(get('/s/p%d.html' % (i + 1), 'reuse', 'Connection: close'))
        drain(s)
        s.close()
        time.sleep(0.2)
    for i in range(3):		# the client forgets the connection by RST, answered and unanswered
        s = dial(host, port, source=source + 1)
        s.sendall(get('/s/p%d.html' % (i + 4), 'reuse'))
        if i:
            s.recv(2000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        s.close()
        time.sleep(0.05)


def midstream(host, port, ready, go):
    """Opens connections, tells `ready`, waits for `go` (two FIFOs), and carries on with them."""
    idle = dial(host, port)
    idle_in = idle.makefile('rb')
    idle.sendall(get('/s/p1.html', 'before'))
    response(idle, idle_in)

    waiting = dial(host, port)
    waiting_in = waiting.makefile('rb')
    waiting.sendall(get('/app/slow=1.0', 'asked.before'))

    reading = dial(host, port)
    reading_in = reading.makefile('rb')
    reading.sendall(get('/rate/100k.bin', 'reading'))

    sending = dial(host, 8000 if host.endswith('.21') else port)
    sending_in = sending.makefile('rb')
    body = b'0123456789abcdef' * 1250
    sending.sendall(b'POST /app/upload HTTP/1.1\r\nHost: sending\r\nContent-Length: %d\r\n\r\n'
                    % len(body) + body[:8000])

    cut = dial(host, port)
    cut_in = cut.makefile('rb')
    cut.sendall(get('/s/p8.html', 'cut.in.the.head')[:30])
    time.sleep(0.2)

    open(ready, 'w').close()
    open(go).read()
    for at in range(8000, len(body), 4000):
        sending.sendall(body[at:at + 4000])
        time.sleep(0.02)
    cut.sendall(get('/s/p8.html', 'cut.in.the.head')[30:])
    for i in range(5):
        idle.sendall(get('/s/p%d.html' % (i + 2), 'after'))
        response(idle, idle_in)
        time.sleep(0.03)
    for s, stream in ((cut, cut_in), (sending, sending_in), (waiting, waiting_in),
                      (reading, reading_in)):
        response(s, stream)
        for i in range(2):
            s.sendall(get('/s/p%d.html' % (i + 20), 'after'))
            response(s, stream)
            time.sleep(0.02)
        s.close()
    idle.close()


def websocket(host, port, path):
    s = dial(host, port)
    stream = s.makefile('rb')
    s.sendall(get(path, 'socket', 'Upgrade: websocket', 'Connection: Upgrade',
                  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'))
    while stream.readline() != b'\r\n':
        pass
    for first, data in ((0x81, b'GET / HTTP/1.1 is not a request here'), (0x82, bytes(range(64))),
                        (0x88, b'\x03\xe8')):
        mask = b'\x11\x22\x33\x44'
        s.sendall(bytes([first, 0x80 | len(data)]) + mask
                  + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
        stream.read(2 + len(data))
        time.sleep(0.02)
    s.close()


def connects(host, port, count, hold, timeout, together='no'):
    """Connects `count` times side by side, 50 ms apart or all at once, and prints how each fared."""
    def one(i):
        start = time.time()
        try:
            s = dial(host, port, timeout=float(timeout))
            s.sendall(b'x')
            result = 'connected'
        except OSError as error:
            s, result = None, type(error).__name__
        print('%d %s after %.3f s' % (i, result, time.time() - start), flush=True)
        if s:
            time.sleep(float(hold))
            s.close()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(int(count))]
    for thread in threads:
        thread.start()
        if together == 'no':
            time.sleep(0.05)
    for thread in threads:
        thread.join()


def syns(host, port, count):
    """Starts connections faster than any answer can come, and leaves them for a second."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    sockets = []
    for _ in range(int(count)):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex((host, int(port)))
        sockets.append(s)
    return sockets


def together(host, port, count, hold):
    sockets = syns(host, port, count)
    time.sleep(float(hold))
    for s in sockets:
        s.close()


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(host, count, size='56', hops='64'):
    """Echo requests; the kernels answer."""
    v6 = ':' in host
    if v6:
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(hops))
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(hops))
    s.settimeout(0.3)
    for i in range(int(count)):
        rest = struct.pack('!HH', os.getpid() & 0xffff, i + 1) + bytes(
            n & 0xff for n in range(int(size)))
        kind = 128 if v6 else 8
        # The kernel fills in the checksum of ICMPv6, whose pseudo header it knows.
        total = 0 if v6 else checksum(struct.pack('!BBH', kind, 0, 0) + rest)
        s.sendto(struct.pack('!BBH', kind, 0, total) + rest, (host, 0))
        try:
            s.recv(65536)
        except OSError:
            pass
        time.sleep(0.1)


def udp(host, port, size, hops='64', count='1'):
    """Datagrams, and waits a moment for each answer."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(0.3)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(hops))
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(hops))
        s.setsockopt(socket.IPPROTO_IP, 10, 0)		# IP_MTU_DISCOVER: never set DF
    for i in range(int(count)):
        s.sendto((b'datagram %d ' % i + b'0123456789' * (int(size) // 10 + 1))[:int(size)],
                 (host, int(port)))
        try:
            s.recv(65536)
        except OSError:
            pass


# HTTP/2, with header blocks of what every table has and literals (RFC 7541).

def frame(kind, flags, stream, payload=b''):
    return struct.pack('!I', len(payload))[1:] + struct.pack('!BBI', kind, flags, stream) + payload


def h2_open(host, port, window=65535):
    s = dial(host, port)
    s.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, struct.pack('!HI', 4, window)))
    return s, s.makefile('rb')


def h2_request(stream, path, host='h2.client', indexed=False):
    """A GET; indexed: the host stands in the dynamic table already."""
    name = b'\xbe' if indexed else b'\x41' + bytes([len(host)]) + host.encode()
    block = b'\x82\x86\x04' + bytes([len(path)]) + path.encode() + name
    return frame(1, 5, stream, block)


def h2_frames(s, stream):
    """Frames as they come: (kind, flags, stream, payload)."""
    while True:
        head = stream.read(9)
        if len(head) < 9:
            return
        kind, flags, number = struct.unpack('!BBI', head[3:])
        payload = stream.read(struct.unpack('!I', b'\0' + head[:3])[0])
        if kind == 4 and not flags & 1:
            s.sendall(frame(4, 1, 0))
        yield kind, flags, number, payload


def h2_slow(host, port, path, pause, what):
    """Lets a window run out and waits before it opens it again: the stream's or the connection's."""
    s, stream = h2_open(host, port, 8000 if what == 'stream' else 1 << 20)
    s.sendall(h2_request(1, path) + h2_request(3, '/s/p3.html', indexed=True))
    left, over = (8000 if what == 'stream' else 65535), 0
    for kind, flags, number, payload in h2_frames(s, stream):
        if kind == 0 and (what == 'connection' or number == 1):
            left -= len(payload)
        over += kind in (0, 1) and flags & 1
        if over == 2:
            break
        if left == 0:
            time.sleep(float(pause))
            left = 40000
            s.sendall(frame(8, 0, 1 if what == 'stream' else 0, struct.pack('!I', left)))
            if what == 'stream':
                s.sendall(frame(8, 0, 0, struct.pack('!I', left)))
    s.close()


def h2_midstream(host, port, ready, go):
    """A connection that was open before: its later requests refer to the headers of the first."""
    s, stream = h2_open(host, port)
    frames = h2_frames(s, stream)

    def answer(number):
        for kind, flags, which, _ in frames:
            if kind in (0, 1) and flags & 1 and which == number:
                return

    s.sendall(h2_request(1, '/s/p1.html', 'before.the.capture'))
    answer(1)
    open(ready, 'w').close()
    open(go).read()
    for i in range(1, 5):
        s.sendall(h2_request(2 * i + 1, '/s/p%d.html' % (i + 1), indexed=True))
        answer(2 * i + 1)
        time.sleep(0.02)
    s.sendall(h2_request(11, '/s/p9.html', 'in.the.capture'))
    answer(11)
    s.sendall(h2_request(13, '/nope', indexed=True))
    answer(13)
    s.close()


if __name__ == '__main__':
    globals()[sys.argv[1].replace('-', '_')](*sys.argv[2:])
