#!/usr/bin/env python3
"""PostgreSQL asked by psycopg and by hand: prepared statements, pipelines, cursors, COPY, errors, cancel,
notifications, protocol 3.2. usage: pgsql.py HOST"""
import socket
import struct
import sys
import time

import psycopg


def library(host):
    c = psycopg.connect(host=host, user="free", dbname="shop", application_name="psycopg", autocommit=True)
    c.execute("create temp table t(a int primary key, b text)")
    c.execute("insert into t values (%s, %s)", (1, "one"))
    for n in range(12):
        c.execute("select b from t where a = %s", (n,), prepare=n > 3).fetchall()
    with c.transaction():
        c.execute("update t set b = %s where a = %s", ("uno", 1))
        with c.cursor(name="parts") as cursor:
            cursor.itersize = 40
            cursor.execute("select n from generate_series(1, 100) n")
            cursor.fetchall()
    with c.pipeline():
        for n in range(2, 8):
            c.execute("insert into t values (%s, %s)", (n, "x" * n))
    try:
        with c.pipeline():
            c.execute("select 1")
            c.execute("insert into t values (%s, %s)", (1, "twice"))
            c.execute("select 2")
            c.execute("select 3")
    except psycopg.Error:
        pass
    with c.cursor() as cursor:
        with cursor.copy("copy t from stdin") as copy:
            for n in range(100, 140):
                copy.write_row((n, "copied %d" % n))
        with cursor.copy("copy t to stdout") as copy:
            for _ in copy:
                pass
    c.execute("listen news")
    d = psycopg.connect(host=host, user="free", dbname="shop", autocommit=True)
    d.execute("notify news, 'hello'")
    time.sleep(0.2)
    c.execute("select pg_notify('news', 'self')")
    c.execute("select pg_advisory_lock(1)")
    d.execute("set lock_timeout = 60")
    try:
        d.execute("select pg_advisory_lock(1)")             # 55P03
    except psycopg.Error:
        pass
    d.close()
    c.close()


class Client:
    def __init__(self, host, code=196608, **more):
        self.s = socket.create_connection((host, 5432), 5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""
        body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in
                        dict(user="free", database="shop", **more).items()) + b"\0"
        self.s.sendall(struct.pack("!II", len(body) + 8, code) + body)
        self.key = None
        self.until(b"Z")

    def read(self):
        while len(self.got) < 5 or len(self.got) < 1 + struct.unpack("!I", self.got[1:5])[0]:
            more = self.s.recv(65536)
            if not more:
                return b"", b""
            self.got += more
        n = 1 + struct.unpack("!I", self.got[1:5])[0]
        message, self.got = self.got[:n], self.got[n:]
        return message[:1], message[5:]

    def until(self, kind):
        while True:
            got, body = self.read()
            if got == b"K":
                self.key = body
            if got in (kind, b""):
                return

    def say(self, *messages):
        self.s.sendall(b"".join(messages))


def m(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def parse(sql, name=b""):
    return m(b"P", name + b"\0" + sql + b"\0\0\0")


def bind(portal=b"", name=b"", *values):
    return m(b"B", portal + b"\0" + name + b"\0\0\0" + struct.pack("!H", len(values)) + b"".join(
        struct.pack("!I", len(v)) + v for v in values) + b"\0\0")


def execute(portal=b"", rows=0):
    return m(b"E", portal + b"\0" + struct.pack("!I", rows))


SYNC, FLUSH = m(b"S"), m(b"H")
DESCRIBE = m(b"D", b"P\0")


def by_hand(host):
    c = Client(host, application_name="hand")
    c.say(parse(b"select id, name from item where id = $1", b"one"), m(b"D", b"Sone\0"), FLUSH)
    c.until(b"T")
    c.say(bind(b"", b"one", b"7"), execute(), SYNC)
    c.until(b"Z")
    # A portal in parts.
    c.say(m(b"Q", b"begin\0"))
    c.until(b"Z")
    c.say(parse(b"select id from item order by id"), bind(b"part"), m(b"D", b"Ppart\0"), execute(b"part", 50), FLUSH)
    c.until(b"s")
    c.say(execute(b"part", 50), FLUSH)
    c.until(b"s")
    c.say(m(b"C", b"Ppart\0"), SYNC)
    c.until(b"Z")
    c.say(m(b"Q", b"commit\0"))
    c.until(b"Z")
    # Several before one Sync; then one whose second fails.
    c.say(*[b for n in range(5) for b in (bind(b"", b"one", b"%d" % n), DESCRIBE, execute())], SYNC)
    c.until(b"Z")
    c.say(bind(b"", b"one", b"1"), execute(), bind(b"", b"one", b"bad"), execute(),
          bind(b"", b"one", b"3"), execute(), bind(b"", b"one", b"4"), execute(), SYNC)
    c.until(b"Z")
    c.say(bind(b"", b"none"), SYNC)
    c.until(b"Z")
    c.say(m(b"C", b"Sone\0"), SYNC)
    c.until(b"Z")
    c.say(m(b"F", struct.pack("!IHHH", 1598, 0, 0, 0)))     # random()
    c.until(b"Z")
    # A cancel request while it sleeps.
    c.say(m(b"Q", b"select pg_sleep(2)\0"))
    time.sleep(0.1)
    k = socket.create_connection((host, 5432), 5)
    k.sendall(struct.pack("!II", 8 + len(c.key), 80877102) + c.key)
    k.recv(1)
    k.close()
    c.until(b"Z")
    c.say(m(b"X"))
    c.s.close()
    # 3.2 asked of a server that knows 3.0, a GSSENCRequest, and a server that ends a connection.
    c = Client(host, 196610, **{"_pq_.nothing": "1"})
    d = psycopg.connect(host=host, user="postgres", dbname="shop", autocommit=True)
    d.execute("select pg_terminate_backend(%s)", (struct.unpack("!I", c.key[:4])[0],))
    c.until(b"Z")
    c.s.close()
    d.close()
    g = socket.create_connection((host, 5432), 5)
    g.sendall(struct.pack("!II", 8, 80877104))
    g.recv(1)
    g.close()


if __name__ == "__main__":
    library(sys.argv[1])
    by_hand(sys.argv[1])
