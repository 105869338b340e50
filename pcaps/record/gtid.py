#!/usr/bin/env python3
"""Replication by GTID as MySQL 8 speaks it, which no server of Debian 12 does: the replica's side, and
what a source answers, laid out as MySQL's source has it.

usage: gtid.py source ADDRESS         a source on port 3306
       gtid.py replica HOST SET...    asks HOST for all but SET, once for each (UUID:1-5:7,UUID:1)
"""
import hashlib
import socket
import struct
import sys
import time
import uuid
import zlib

PORT = 3306
USER, PASSWORD = b'repl', b'secret-repl'
CAPS = 0x0008a205       # 4.1, authentication by plugin, EOF packets
SCRAMBLE = b'tsumariTSUMARItsumar'
SOURCE = uuid.UUID('3e11fa47-71ca-11e1-9e33-c80aa9429562')
OTHER = uuid.UUID('4350f323-7565-4e59-8763-4b1b83a0ce0e')
REPLICA = uuid.UUID('7c3c3a4e-0f0e-4ad5-a8e5-1d7a9f5a3b11')
OK = b'\0\0\0\2\0\0\0'
EOF = b'\xfe\0\0\2\0'


def lenenc(b):
    return bytes([len(b)]) + b


class Packets:
    def __init__(self, s):
        self.s, self.sequence = s, 0
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)     # as both ends of MySQL do

    def send(self, payload):
        self.s.sendall(struct.pack('<I', len(payload))[:3] + bytes([self.sequence]) + payload)
        self.sequence = (self.sequence + 1) & 255

    def exactly(self, n):
        b = b''
        while len(b) < n:
            more = self.s.recv(n - len(b))
            if not more:
                raise EOFError
            b += more
        return b

    def receive(self):
        head = self.exactly(4)
        self.sequence = (head[3] + 1) & 255
        return self.exactly(int.from_bytes(head[:3], 'little'))

    def command(self, payload):
        self.sequence = 0
        self.send(payload)


def encoded(text):
    """A set of GTIDs as Gtid_set::encode writes it; an interval's end is one past its last."""
    parts = [p.split(':') for p in text.split(',') if p]
    out = struct.pack('<Q', len(parts))
    for name, *intervals in parts:
        out += uuid.UUID(name).bytes + struct.pack('<Q', len(intervals))
        for i in intervals:
            first, _, last = i.partition('-')
            out += struct.pack('<QQ', int(first), int(last or first) + 1)
    return out


# ---- the replica ----------------------------------------------------------------------------

def login(p):
    greeting = p.receive()
    at = greeting.index(b'\0') + 5
    scramble = greeting[at:at + 8] + greeting[at + 27:at + 39]
    first = hashlib.sha1(PASSWORD).digest()
    second = hashlib.sha1(scramble + hashlib.sha1(first).digest()).digest()
    p.send(struct.pack('<IIB23x', CAPS, 1 << 24, 45) + USER + b'\0'
           + lenenc(bytes(a ^ b for a, b in zip(first, second))) + b'mysql_native_password\0')
    assert p.receive()[0] == 0


def ask(p, statement):
    p.command(b'\3' + statement)
    first = p.receive()
    if first[0] in (0, 0xff):
        return
    ends = 0
    while ends < 2:
        ends += p.receive()[:1] == b'\xfe'


def replica(host, *sets):
    for have in sets:
        with socket.create_connection((host, PORT), timeout=10) as s:
            p = Packets(s)
            login(p)
            ask(p, b'SELECT @@GLOBAL.GTID_MODE')
            ask(p, b'SET @source_heartbeat_period= 500000000')
            ask(p, b"SET @source_binlog_checksum= 'CRC32'")
            ask(p, b"SET @replica_uuid= '%s'" % str(REPLICA).encode())
            p.command(b'\x15' + struct.pack('<I', 2) + lenenc(b'db2') + b'\0\0'
                      + struct.pack('<HII', PORT, 0, 0))
            p.receive()
            data = encoded(have)
            p.command(b'\x1e' + struct.pack('<HIIQI', 4, 2, 0, 4, len(data)) + data)
            try:
                while p.receive()[0] == 0:
                    pass
            except EOFError:
                pass


# ---- the source -----------------------------------------------------------------------------

class Log:
    """Events of one file after another, with checksums, each of them sent as it is made."""

    def __init__(self, p):
        self.p, self.name, self.position, self.transactions = p, None, 0, 0

    def event(self, kind, body, artificial=False):
        now = 0 if artificial else int(time.time())
        size = 19 + len(body) + 4
        self.position += 0 if artificial else size
        head = struct.pack('<IBIIIH', now, kind, 1, size, 0 if artificial else self.position,
                           0x20 if artificial else 0)
        self.p.send(b'\0' + head + body + struct.pack('<I', zlib.crc32(head + body)))

    def begin(self, name, before):
        """A file's beginning; the rotation is told with no position of its own."""
        self.name, self.position = name, 4
        self.event(4, struct.pack('<Q', 4) + name, artificial=True)
        lengths = bytes([0, 13, 0, 8, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 98, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2,
                         0, 0, 0, 10, 10, 10, 42, 42, 0, 18, 52, 0, 10, 40, 0])
        self.event(15, struct.pack('<H50sIB', 4, b'8.0.36', 0, 19) + lengths + b'\1')
        self.event(35, encoded(before))

    def gtid(self, number, server=SOURCE):
        self.transactions += 1
        self.event(33, b'\1' + server.bytes + struct.pack('<QBQQ', number, 2, self.transactions - 1,
                                                          self.transactions)
                   + struct.pack('<Q', int(time.time() * 1e6))[:7] + b'\xfc\x2c\1'
                   + struct.pack('<I', 80036))

    def query(self, schema, text):
        self.event(2, struct.pack('<IIBHH', 9, 0, len(schema), 0, 0) + schema + b'\0' + text)

    def insert(self, number, value, server=SOURCE):
        """INSERT of one row into shop.item(id int, k int)."""
        self.gtid(number, server)
        self.query(b'shop', b'BEGIN')
        table = struct.pack('<Q', 108)[:6] + b'\1\0'
        self.event(19, table + lenenc(b'shop') + b'\0' + lenenc(b'item') + b'\0\2\3\3\0\3')
        self.event(30, table + b'\2\0\2\xff\0' + struct.pack('<II', number, value))
        self.event(16, struct.pack('<Q', 40 + number))

    def heartbeat(self):
        head = struct.pack('<IBIIIH', 0, 27, 1, 19 + len(self.name) + 4, self.position, 0)
        self.p.send(b'\0' + head + self.name + struct.pack('<I', zlib.crc32(head + self.name)))


def stream(p):
    log = Log(p)
    log.begin(b'binlog.000002', '%s:1-20' % SOURCE)
    log.insert(24, 1)
    log.heartbeat()     # 25 the replica has: it is passed over
    log.insert(26, 2)
    time.sleep(0.5)
    log.heartbeat()
    time.sleep(0.3)
    log.gtid(27)
    log.query(b'shop', b'create table more(id int primary key)')
    log.insert(8, 3, OTHER)
    log.event(4, struct.pack('<Q', 4) + b'binlog.000003')
    log.begin(b'binlog.000003', '%s:1-27,%s:1-8' % (SOURCE, OTHER))
    log.insert(28, 4)
    time.sleep(0.5)
    log.heartbeat()


def error(p, number, text):
    p.send(b'\xff' + struct.pack('<H', number) + b'#HY000' + text)


def serve(s):
    p = Packets(s)
    p.send(b'\x0a8.0.36\0' + struct.pack('<I', 8) + SCRAMBLE[:8] + b'\0' + struct.pack('<H', CAPS & 0xffff)
           + b'\xff\2\0' + struct.pack('<HB10x', CAPS >> 16, 21) + SCRAMBLE[8:] + b'\0mysql_native_password\0')
    p.receive()
    p.send(OK)
    while True:
        command = p.receive()
        if command.startswith(b'\3SELECT'):
            p.send(b'\1')
            p.send(lenenc(b'def') + b'\0\0\0' + lenenc(b'@@GLOBAL.GTID_MODE')
                   + b'\0\x0c\x2d\0\x14\0\0\0\xfd\0\0\0\0\0')
            p.send(EOF)
            p.send(lenenc(b'ON'))
            p.send(EOF)
        elif command[0] == 0x1e:
            n = struct.unpack('<Q', command[23:31])[0]
            if n:
                stream(p)
                return
            error(p, 1236, b'Cannot replicate because the source purged required binary logs.')
            return
        else:
            p.send(OK)


def source(address):
    listener = socket.create_server((address, PORT))
    while True:
        s, _ = listener.accept()
        with s:
            try:
                serve(s)
            except EOFError:
                pass


if __name__ == '__main__':
    {'source': source, 'replica': replica}[sys.argv[1]](*sys.argv[2:])
