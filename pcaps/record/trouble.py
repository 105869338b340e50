#!/usr/bin/env python3
"""Servers and clients in trouble.

usage: trouble.py NAME ARGUMENT...      (the functions below, with - for _)
"""
import http.client
import http.server
import socket
import socketserver
import struct
import sys
import threading
import time


def checksum(data):
    data += b'\0' * (len(data) & 1)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp(source, target, sport, dport, seq, ack, flags):
    head = struct.pack('!HHIIBBHHH', sport, dport, seq, ack, 6 << 4, flags, 64240, 0, 0) + b'\2\4\5\xb4'
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack('!HH', 6, len(head))
    return head[:16] + struct.pack('!H', checksum(pseudo + head)) + head[18:]


def packet(source, target, ident, segment):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(segment), ident, 0, 64, 6, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + segment


def flood(host, port, n):
    """SYNs from made-up sources, 10.99.0.0/16."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(int(n)):
        source = '10.99.%d.%d' % (i % 7, 1 + i * 37 % 251)
        s.sendto(packet(source, host, i + 1, tcp(source, host, 1024 + i * 331 % 60000, int(port),
                                                 i * 7919, 0, 2)), (host, 0))
        time.sleep(0.002)


def old_timer(host, port):
    """Three connections whose SYN is repeated after 3 and 6 s; the last is answered."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.connect((host, 0))
    me = s.getsockname()[0]
    ports = range(47000, 47003)
    for pause in (3, 6, 0):
        for p in ports:
            s.send(tcp(me, host, p, int(port), p * 1000, 0, 2))
        time.sleep(pause)
    s.settimeout(1)
    for _ in ports:
        while True:
            data = s.recv(2048)[20:]
            sport, dport, seq, _, _, flags = struct.unpack('!HHIIBB', data[:14])
            if sport == int(port) and dport in ports and flags & 18 == 18:
                break
        s.send(tcp(me, host, dport, int(port), dport * 1000 + 1, seq + 1, 16))


def policy(port, seconds):
    """A policy server for Postfix: who is new comes again later."""
    seen = {}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            about = {}
            for line in self.rfile:
                name, _, value = line.decode().strip().partition('=')
                if name:
                    about[name] = value
                    continue
                key = about.get('client_address'), about.get('sender'), about.get('recipient')
                first = seen.setdefault(key, time.time())
                late = time.time() - first >= float(seconds)
                self.wfile.write(b'action=%s\n\n' % (
                    b'DUNNO' if late else b'DEFER_IF_PERMIT Greylisted, come again later'))

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(('127.0.0.1', int(port)), Handler).serve_forever()


def pool(port, workers, seconds, stall_after='0', stall='0'):
    """HTTP answered by so many workers; once all of them stand still."""
    free = threading.Semaphore(int(workers))
    world = threading.Lock()
    began = []

    def stop_the_world():
        time.sleep(float(stall_after))
        with world:
            time.sleep(float(stall))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self):
            if not began and float(stall):
                began.append(1)
                threading.Thread(target=stop_the_world, daemon=True).start()
            with free:
                time.sleep(float(seconds))
            with world:
                pass
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n')

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer.request_queue_size = 64
    http.server.ThreadingHTTPServer(('', int(port)), Handler).serve_forever()


def before(port, server, answer):
    """Stands before an NFS server. answer(call, ask) gives the reply to a call, both with their record
    mark, or None: it is passed on; ask() asks the server."""
    def message(s):
        mark = s.recv(4, socket.MSG_WAITALL)
        if len(mark) < 4:
            return b''
        return mark + s.recv(struct.unpack('!I', mark)[0] & 0x7fffffff, socket.MSG_WAITALL)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection((server, 2049)) as behind:
                def ask(call):
                    behind.sendall(call)
                    return message(behind)

                while True:
                    call = message(self.request)
                    if not call:
                        return
                    self.request.sendall(answer(call, ask) or ask(call))

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(('', int(port)), Handler).serve_forever()


def words(*n):
    return struct.pack('!%dI' % len(n), *n)


def record(message):
    return words(1 << 31 | len(message)) + message


def storage(port, server, times, seconds):
    """Has files fetched from slow storage: a READ at the beginning of a file is so many times answered,
    after so long, that it should come again."""
    asked = {}

    def answer(call, ask):
        xid, _, _, program, _, procedure = struct.unpack('!6I', call[4:28])
        key = call[28:]
        if (program, procedure) != (100003, 6) or key[-12:-4] != bytes(8) or \
                asked.setdefault(key, 0) >= int(times):
            return None
        asked[key] += 1
        time.sleep(float(seconds))
        return record(words(xid, 1, 0, 0, 0, 0, 10008, 0))  # NFS3ERR_JUKEBOX, no attributes

    before(port, server, answer)


def requests(host, port, n, until=None, site='pool.example'):
    """As a balancer asks: for the site, whichever server it is."""
    c = http.client.HTTPConnection(host, int(port), timeout=10)
    for _ in range(int(n)):
        if until and time.time() > until:
            break
        c.request('GET', '/work', headers={'Host': site})
        c.getresponse().read()
    c.close()


def rising(host, port, *clients):
    """So many clients at the same time, half a second each."""
    for n in clients:
        until = time.time() + 0.5
        threads = [threading.Thread(target=requests, args=(host, port, 1000, until))
                   for _ in range(int(n))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


if __name__ == '__main__':
    globals()[sys.argv[1].replace('-', '_')](*sys.argv[2:])
