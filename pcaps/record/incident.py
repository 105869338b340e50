#!/usr/bin/env python3
"""Servers with one thing wrong, and clients that time what they wait for.

usage: incident.py web PORT [OPTION=VALUE]...     an HTTP/1.1 server, of threads
           workers=N   so many connections are served at once, each until it is closed
           backlog=N   of listen(); 128
           idle=S      closes a connection that says nothing for so long; 5
           expect=no   does not answer Expect: 100-continue
           lock=yes    requests with the same cookie wait for each other
           GET /slow/MS waits so long, /hang for a minute, /big/BYTES is so long, /sick/N is 503
           from the Nth time on
       incident.py tls PORT CERTIFICATE KEY SECONDS   looks its certificate up for so long; GET /big/BYTES
       incident.py greet PORT SECONDS                 a mail server that greets after so long
       incident.py keep HOST PORT STEP...             a connection: paths, pauses in seconds, and fin
           (waits until the server has closed); a path that is not answered in 8 s is given up
       incident.py many HOST PORT N PATH [COOKIE]     as many connections at once, a request each
       incident.py poll HOST PORT N SECONDS PATH      a connection and a request each so many seconds
       incident.py values HOST PORT N                 gets the Redis value "value" N times

Clients print the sum of what they waited for, in seconds. SOURCE in the environment is their address.
"""
import os
import socket
import ssl
import sys
import threading
import time

NO_ANSWER = 8.0


def listen(port, backlog=128):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", int(port)))
    s.listen(int(backlog))
    return s


def thread(f, *args):
    threading.Thread(target=f, args=args, daemon=True).start()


def answer(c, status, body=b""):
    c.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


class Web:
    def __init__(self, port, *options):
        o = dict(x.split("=") for x in options)
        self.idle, self.expect, self.lock = float(o.get("idle", 5)), o.get("expect"), o.get("lock")
        self.locks, self.guard, self.asked = {}, threading.Lock(), 0
        s = listen(port, o.get("backlog", 128))
        for _ in range(int(o.get("workers", 0))):
            thread(self.worker, s)
        while True:
            if "workers" in o:
                time.sleep(60)
                continue
            thread(self.serve, s.accept()[0])

    def worker(self, s):
        while True:
            self.serve(s.accept()[0])

    def serve(self, c):
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.settimeout(self.idle)
        rest = b""
        try:
            while True:
                while b"\r\n\r\n" not in rest:
                    piece = c.recv(65536)
                    if not piece:
                        return c.close()
                    rest += piece
                head, rest = rest.split(b"\r\n\r\n", 1)
                fields = dict(x.lower().split(b": ", 1) for x in head.split(b"\r\n")[1:])
                if b"expect" in fields and self.expect != "no":
                    c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                length = int(fields.get(b"content-length", 0))
                while len(rest) < length:
                    rest += c.recv(65536)
                rest = rest[length:]
                self.one(c, head.split()[1].decode(), fields.get(b"cookie"))
        except OSError:
            c.close()

    def one(self, c, path, cookie):
        what, _, n = path[1:].partition("/")
        if self.lock and cookie:
            with self.guard:
                lock = self.locks.setdefault(cookie, threading.Lock())
            with lock:
                time.sleep(int(n) / 1000)
        elif what == "slow":
            time.sleep(int(n) / 1000)
        elif what == "hang":
            time.sleep(60)
        self.asked += what == "sick"
        if what == "sick" and self.asked >= int(n):
            answer(c, b"503 Service Unavailable", b"no\n")
        else:
            answer(c, b"200 OK", b"x" * (int(n) if what == "big" else 300))


def tls(port, certificate, key, seconds):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda *_: time.sleep(float(seconds))

    def serve(c):
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the answer waits behind the tickets
        try:
            t = context.wrap_socket(c, server_side=True)
            while asked := t.recv(65536):
                path = asked.split(b" ")[1].split(b"/")
                answer(t, b"200 OK", b"x" * (int(path[2]) if path[1:2] == [b"big"] else 300))
        except OSError:
            pass

    s = listen(port)
    while True:
        thread(serve, s.accept()[0])


def greet(port, seconds):
    def serve(c):
        time.sleep(float(seconds))
        try:
            c.sendall(b"220 mail.tsumari.test ESMTP\r\n")
            for line in c.makefile("rb"):
                end = line[:4].upper() == b"QUIT"
                c.sendall(b"221 Bye\r\n" if end else b"250 mail.tsumari.test\r\n")
                if end:
                    return c.close()
        except OSError:
            pass

    s = listen(port)
    while True:
        thread(serve, s.accept()[0])


def get(c, path, cookie=None):
    """Asks and reads the whole answer."""
    c.sendall(b"GET %s HTTP/1.1\r\nHost: www.tsumari.test\r\n%s\r\n" % (
        path.encode(), b"Cookie: s=%s\r\n" % cookie.encode() if cookie else b""))
    got = b""
    while b"\r\n\r\n" not in got:
        piece = c.recv(65536)
        if not piece:
            raise OSError("closed")
        got += piece
    head, got = got.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(got) < length:
        got += c.recv(65536)


def connect(host, port):
    c = socket.create_connection((host, int(port)), 60, (os.environ.get("SOURCE", ""), 0))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.settimeout(NO_ANSWER)
    return c


def keep(host, port, *steps):
    c, waited = connect(host, port), 0
    for step in steps:
        if step == "fin":
            while not c.recv(1, socket.MSG_PEEK) == b"":
                time.sleep(0.01)
        elif not step.startswith("/"):
            time.sleep(float(step))
        else:
            begin = time.monotonic()
            try:
                get(c, step)
            except OSError:
                waited += time.monotonic() - begin
                break
            waited += time.monotonic() - begin
    c.close()
    print("%.3f" % waited)


def many(host, port, n, path, cookie=None):
    waited, threads = [], []

    def one(i):
        begin = time.monotonic()
        try:
            c = connect(host, port)
            c.settimeout(60)
            get(c, path, cookie and cookie.replace("%", str(i)))
        except OSError:
            pass
        waited.append(time.monotonic() - begin)
        c.close()

    for i in range(int(n)):
        threads.append(threading.Thread(target=one, args=(i,)))
        threads[-1].start()
        time.sleep(0.005)
    for t in threads:
        t.join()
    print("%.3f" % sum(waited))


def poll(host, port, n, seconds, path):
    waited = 0
    for _ in range(int(n)):
        begin = time.monotonic()
        try:
            c = connect(host, port)
            get(c, path)
            c.close()
        except OSError:
            pass
        waited += time.monotonic() - begin
        time.sleep(max(0, begin + float(seconds) - time.monotonic()))
    print("%.3f" % waited)


def values(host, port, n):
    c, waited = connect(host, port), 0
    f = c.makefile("rb")
    for _ in range(int(n)):
        begin = time.monotonic()
        c.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nvalue\r\n")
        f.read(int(f.readline()[1:]) + 2)
        waited += time.monotonic() - begin
        time.sleep(0.2)
    c.close()
    print("%.3f" % waited)


MODES = {"values": values, "web": Web, "tls": tls, "greet": greet, "keep": keep, "many": many, "poll": poll}
MODES[sys.argv[1]](*sys.argv[2:])
