#!/usr/bin/env python3
"""memcached asked in its text, meta and binary protocol. usage: memcached.py HOST"""
import socket
import struct
import sys
import time


class Client:
    def __init__(self, host):
        self.s = socket.create_connection((host, 11211), 5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""

    def say(self, data, until, times=1):
        """Sends it and reads until the answer's end has come that often."""
        self.s.sendall(data)
        while self.got.count(until) < times:
            more = self.s.recv(65536)
            if not more:
                break
            self.got += more
        self.got = b""


def text(host):
    c = Client(host)
    line = lambda data: c.say(data, b"\r\n")
    line(b"version\r\n")
    line(b"set user:1001:name 0 0 5\r\nAlice\r\n")
    line(b"set user:1002:name 5 60 3\r\nBob\r\n")
    line(b"add user:1001:name 0 0 3\r\nEve\r\n")      # NOT_STORED
    line(b"append user:1001:name 0 0 2\r\n!!\r\n")
    c.say(b"get user:1001:name\r\n", b"END\r\n")
    c.say(b"get user:1001:name user:1002:name user:1003:name\r\n", b"END\r\n")
    c.say(b"gets user:1002:name\r\n", b"END\r\n")
    c.say(b"get user:9:none\r\n", b"END\r\n")          # a miss
    line(b"cas user:1002:name 0 0 1 1\r\nx\r\n")        # EXISTS
    line(b"set visits 0 0 2\r\n41\r\n")
    line(b"incr visits 1\r\n")
    line(b"decr visits 2\r\n")
    line(b"incr user:9:none 1\r\n")                     # NOT_FOUND
    line(b"incr user:1001:name 1\r\n")                  # CLIENT_ERROR
    line(b"touch visits 100\r\n")
    c.say(b"gat 100 visits\r\n", b"END\r\n")
    line(b"delete visits\r\n")
    line(b"delete visits\r\n")
    line(b"nonsense here\r\n")                          # ERROR
    big = b"VALUE x 0 1\r\nEND\r\n" * 1500                # looks like answers
    line(b"set big 0 0 %d\r\n%s\r\n" % (len(big), big))
    c.say(b"get big\r\n", b"\r\nEND\r\n", 1501)
    c.say(b"".join(b"set batch:%d 0 0 1 noreply\r\n%d\r\n" % (i, i) for i in range(5)) + b"get batch:4\r\n", b"END\r\n")
    c.say(b"".join(b"get batch:%d\r\n" % i for i in range(5)), b"END\r\n", 5)   # a pipeline
    c.say(b"stats\r\n", b"END\r\n")
    line(b"flush_all 900\r\n")
    c.s.sendall(b"quit\r\n")
    c.s.recv(100)


def meta(host):
    c = Client(host)
    line = lambda data: c.say(data, b"\r\n")
    line(b"mn\r\n")
    line(b"ms item:7 3 T90 F5\r\nabc\r\n")
    c.say(b"mg item:7 t v f\r\n", b"abc\r\n")
    line(b"mg item:7\r\n")
    line(b"mg item:8 v\r\n")                             # EN
    line(b"ma count:1 N0 J10 v\r\n")
    c.say(b"ma count:1 D5 v\r\n", b"\r\n", 2)
    line(b"ms item:7 1 ME\r\nx\r\n")                     # NS
    line(b"me item:7\r\n")
    # Quiet ones: a hit among misses, sets that succeed, and what ends the batch.
    c.say(b"mg item:1 v q k\r\nmg item:7 v q k\r\nmg item:2 v q k\r\nmn\r\n", b"MN\r\n")
    c.say(b"ms item:3 1 q\r\n1\r\nms item:4 1 q\r\n2\r\nms item:7 1 ME q O9\r\n3\r\nmn\r\n", b"MN\r\n")
    line(b"md item:3\r\n")
    line(b"md item:3\r\n")                               # NF
    c.say(b"md item:4 q\r\nmd item:4 q\r\nmn\r\n", b"MN\r\n")


def binary(host):
    s = socket.create_connection((host, 11211), 5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    serial = [0]

    def request(opcode, key=b"", value=b"", extras=b""):
        serial[0] += 1
        return struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                           len(key) + len(extras) + len(value), serial[0], 0) + extras + key + value

    def read(n):
        data = b""
        while len(data) < n:
            data += s.recv(n - len(data))
        return data

    def say(data, last):
        """Reads answers up to that of this opcode; of stats up to the empty one."""
        s.sendall(data)
        while True:
            head = struct.unpack("!BBHBBHIIQ", read(24))
            read(head[6])
            if head[1] == last and (last != 0x10 or not head[2]):
                return

    store = struct.pack("!II", 0, 0)
    say(request(0x0B), 0x0B)                             # version
    say(request(0x01, b"session:a1b2", b"hello", store), 0x01)
    say(request(0x00, b"session:a1b2"), 0x00)
    say(request(0x00, b"session:none"), 0x00)            # not found
    say(request(0x02, b"session:a1b2", b"x", store), 0x02)  # exists
    say(request(0x05, b"hits", b"", struct.pack("!QQI", 1, 10, 0)), 0x05)
    say(request(0x05, b"session:a1b2", b"", struct.pack("!QQI", 1, 10, 0)), 0x05)  # not a number
    say(request(0x0E, b"session:a1b2", b"!"), 0x0E)
    say(request(0x1C, b"hits", b"", struct.pack("!I", 90)), 0x1C)
    # GETKQ of four keys, one of which is there, behind them a noop; then quiet sets, one refused.
    say(b"".join(request(0x0D, b"session:%s" % k) for k in (b"x", b"a1b2", b"y", b"z")) + request(0x0A), 0x0A)
    say(request(0x11, b"q:1", b"1", store) + request(0x12, b"q:1", b"2", store) + request(0x11, b"q:2", b"3", store) +
        request(0x0A), 0x0A)
    say(request(0x04, b"hits"), 0x04)
    say(request(0x10), 0x10)                             # stats
    say(request(0x07), 0x07)                             # quit


for part in (text, meta, binary):
    part(sys.argv[1])
    time.sleep(0.05)
