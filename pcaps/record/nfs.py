#!/usr/bin/env python3
"""A client of ONC RPC (RFC 5531) that says what no ready-made one here says: NFSv3 over UDP with
calls sent again, records of many fragments, many calls in flight, calls that are denied, NFSv4.1 and
4.2 with a session, and access control lists.

usage: nfs.py HOST udp|fragments|session
       nfs.py HOST delays|acl SERVER
"""
import socket
import struct
import sys
import time

u32 = lambda *n: struct.pack(">%dI" % len(n), *n)
u64 = lambda *n: struct.pack(">%dQ" % len(n), *n)
PORTMAP, NFS, MOUNT, ACL = 100000, 100003, 100005, 100227


def opaque(b):
    b = b if isinstance(b, bytes) else b.encode()
    return u32(len(b)) + b + bytes(-len(b) % 4)


AUTH_NONE = u32(0, 0)
AUTH_SYS = u32(1) + opaque(u32(0x5eed) + opaque("recorder") + u32(0, 0, 3, 4, 24, 1000))


class Client:
    def __init__(self, host, port, kind=socket.SOCK_STREAM):
        self.stream = kind == socket.SOCK_STREAM
        self.s = socket.socket(socket.AF_INET, kind)
        self.s.settimeout(5)
        self.s.connect((host, port))
        self.xid = 0x10000000 + port

    def message(self, prog, vers, proc, args=b"", cred=AUTH_SYS, rpcvers=2):
        self.xid += 1
        return u32(self.xid, 0, rpcvers, prog, vers, proc) + cred + AUTH_NONE + args

    def send(self, message, pieces=1):
        if not self.stream:
            self.s.send(message)
            return
        size = max(4, -(-len(message) // pieces))
        parts = [message[i:i + size] for i in range(0, len(message), size)]
        self.s.sendall(b"".join(u32(len(p) | (i == len(parts) - 1) << 31) + p
                                for i, p in enumerate(parts)))

    def exactly(self, n):
        b = b""
        while len(b) < n:
            more = self.s.recv(n - len(b))
            if not more:
                raise EOFError
            b += more
        return b

    def receive(self):
        """The body of the next reply that was accepted and succeeded; None of another."""
        if not self.stream:
            m = self.s.recv(65536)
        else:
            m, last = b"", 0
            while not last:
                mark, = struct.unpack(">I", self.exactly(4))
                last = mark >> 31
                m += self.exactly(mark & 0x7fffffff)
        xid, _, denied = struct.unpack(">3I", m[:12])
        if denied:
            return None
        n, status = struct.unpack(">I", m[16:20])[0], 0
        n += -n % 4
        status, = struct.unpack(">I", m[20 + n:24 + n])
        return m[24 + n:] if status == 0 else None

    def call(self, *args, pieces=1, **more):
        self.send(self.message(*args, **more), pieces)
        return self.receive()


def handle_of(reply):
    """The handle behind a status of 0."""
    n, = struct.unpack(">I", reply[4:8])
    return reply[8:8 + n]


def root(host, kind):
    reply = Client(host, 20048, kind).call(MOUNT, 3, 1, opaque("/srv"))
    return handle_of(reply)


def udp(host):
    kind = socket.SOCK_DGRAM
    pm = Client(host, 111, kind)
    pm.call(PORTMAP, 2, 0, cred=AUTH_NONE)
    pm.call(PORTMAP, 2, 3, u32(MOUNT, 3, 17, 0), cred=AUTH_NONE)
    pm.call(PORTMAP, 2, 3, u32(390000, 1, 17, 0), cred=AUTH_NONE)
    pm.call(PORTMAP, 2, 4, cred=AUTH_NONE)
    pm.call(PORTMAP, 3, 3, u32(NFS, 3) + opaque("udp") + opaque("") + opaque(""), cred=AUTH_NONE)
    fh = root(host, kind)
    c = Client(host, 2049, kind)
    c.call(NFS, 3, 0)
    c.call(NFS, 3, 1, opaque(fh))
    file = handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque("hello.txt")))
    c.call(NFS, 3, 3, opaque(fh) + opaque("missing"))
    c.call(NFS, 3, 6, opaque(file) + u64(0) + u32(4096))
    c.call(NFS, 3, 6, opaque(handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque("64k.bin"))))
           + u64(0) + u32(8000))                       # fragments
    c.call(NFS, 3, 17, opaque(fh) + u64(0) + bytes(8) + u32(1000, 4000))
    # Sent again before the answer and after it, the same XID.
    m = c.message(NFS, 3, 1, opaque(file))
    c.send(m)
    c.send(m)
    c.receive()
    time.sleep(0.05)
    c.send(m)
    for _ in range(2):
        c.s.settimeout(0.5)
        try:
            c.receive()
        except socket.timeout:
            break
    c.s.settimeout(5)
    # Several in flight.
    for i in range(8):
        c.send(c.message(NFS, 3, 1, opaque(file if i % 2 else fh)))
    for i in range(8):
        c.receive()
    c.call(NFS, 3, 1, opaque(bytes(20)))               # no such handle
    c.call(NFS, 3, 99)                                 # no such procedure
    c.call(NFS, 7, 1)                                  # no such version
    c.call(390000, 1, 1)                               # no such program
    c.call(NFS, 3, 1, u32(0xffff))                     # arguments that end too soon


def fragments(host):
    fh = root(host, socket.SOCK_STREAM)
    c = Client(host, 2049)
    file = handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque("64k.bin")))
    for pieces in 2, 3, 4:
        c.call(NFS, 3, 3, opaque(fh) + opaque("hello.txt"), pieces=pieces)
    made = c.call(NFS, 3, 8, opaque(fh) + opaque("pieces") + u32(0) + u32(1, 0o644) + bytes(20))
    new = made[12:12 + struct.unpack(">I", made[8:12])[0]]
    for pieces in 1, 2, 3:
        c.call(NFS, 3, 7, opaque(new) + u64(0) + u32(9000, 2) + opaque(b"w" * 9000),
               pieces=pieces)
    # Twenty in flight on one connection, in one piece; answers of all sizes.
    for i in range(20):
        c.send(c.message(NFS, 3, 6, opaque(file) + u64(i * 2000) + u32(100 + i * 150)))
    for i in range(20):
        c.receive()
    c.call(NFS, 3, 12, opaque(fh) + opaque("pieces"))
    Client(host, 2049).call(NFS, 3, 1, opaque(fh), cred=AUTH_NONE)
    Client(host, 2049).call(NFS, 3, 1, opaque(fh), cred=u32(3, 8) + bytes(8))   # AUTH_DH
    try:
        c.call(NFS, 3, 1, opaque(fh), rpcvers=3)        # this server closes the connection
    except EOFError:
        pass


def delays(host, server):
    """Reads files through `host`, and comes again where it is told to (RFC 1813, NFS3ERR_JUKEBOX)."""
    fh = root(server, socket.SOCK_STREAM)
    c = Client(host, 2049)
    for name in "hello.txt", "20k.bin", "link", "64k.bin":
        file = handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque(name)))
        for at in 0, 8000:
            while c.call(NFS, 3, 6, opaque(file) + u64(at) + u32(8000))[:4] == u32(10008):
                time.sleep(0.4)


def acl(host, server):
    """NFS_ACL beside NFSv3 and, as far as it goes without a server, NFSv2, on one connection each; then
    what the server behind says of itself, over UDP."""
    fh = root(server, socket.SOCK_STREAM)
    c = Client(host, 2049)
    file = handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque("hello.txt")))
    folder = handle_of(c.call(NFS, 3, 3, opaque(fh) + opaque("dir")))
    # Tag (owner, user, owning group, group, mask, others; 0x1000: default), number, rights.
    entries = [(1, 0, 6), (2, 1000, 6), (4, 0, 4), (8, 24, 4), (0x10, 0, 6), (0x20, 0, 4)]
    full = u32(6, 6) + b"".join(u32(*e) for e in entries)
    inherited = u32(6, 6) + b"".join(u32(0x1000 | e[0], *e[1:]) for e in entries)
    none = u32(0, 0)
    user = u32(1) + opaque(u32(0) + opaque("recorder") + u32(1000, 1000, 0))
    get = lambda handle, mask: c.call(ACL, 3, 1, opaque(handle) + u32(mask))
    c.call(ACL, 3, 0, cred=AUTH_NONE)
    get(file, 15)
    get(folder, 15)
    c.call(ACL, 3, 2, opaque(file) + u32(1) + full + none)
    get(file, 1)
    c.call(ACL, 3, 2, opaque(folder) + u32(5) + full + inherited)
    get(folder, 15)
    get(folder, 10)                                    # how many, and no more
    get(file, 16)                                      # no such list
    get(bytes(20), 15)                                 # no such handle
    c.call(ACL, 3, 2, opaque(file) + u32(1) + full + none, cred=user)
    c.call(ACL, 3, 3, opaque(file) + u32(0))           # GETXATTRDIR, which only Solaris has
    c.call(ACL, 4, 1, opaque(file) + u32(15))
    c.call(NFS, 3, 1, opaque(file))
    c = Client(host, 2049)
    old = b"a handle of version 2".ljust(32)
    c.call(ACL, 2, 0)
    c.call(ACL, 2, 1, old + u32(15))
    c.call(ACL, 2, 2, old + u32(1) + full + none)
    c.call(ACL, 2, 1, old + u32(1))
    c.call(ACL, 2, 3, old)
    c.call(ACL, 2, 4, old + u32(0x3f))
    c.call(ACL, 2, 1, bytes(32) + u32(15))
    c.call(ACL, 2, 2, old + u32(1) + full + none, cred=user)
    c.call(ACL, 2, 5, old + u32(0))
    c = Client(server, 2049, socket.SOCK_DGRAM)
    get(file, 15)
    c.call(ACL, 3, 2, opaque(folder) + u32(5) + full + inherited)
    get(bytes(20), 15)
    c.call(ACL, 2, 1, old + u32(15))


class Session:
    """NFSv4.1: one session, one slot."""

    def __init__(self, host):
        self.c = Client(host, 2049)
        self.minor, self.sequence = 1, 0
        owner = bytes(8) + opaque("recorder 1") + u32(1, 0, 1) + opaque("example.org") \
            + opaque("recorder") + u64(0) + u32(0)
        reply = self.compound(u32(42) + owner)
        at = 12 + 4 + 8                                # status, tag, count, op, status
        self.client = reply[at - 4:at + 4]
        self.create, = struct.unpack(">I", reply[at + 4:at + 8])
        channel = u32(0, 1049620, 1049480, 4096, 16, 4) + u32(0)
        reply = self.compound(u32(43) + self.client + u32(self.create, 0) + channel * 2
                              + u32(0x40000000, 1, 0))
        self.id = reply[at - 4:at + 12]

    def compound(self, *ops, tag=""):
        return self.c.call(NFS, 4, 1, opaque(tag) + u32(self.minor, len(ops)) + b"".join(ops))

    def do(self, *ops, tag=""):
        self.sequence += 1
        first = u32(53) + self.id + u32(self.sequence, 0, 0, 0)
        return self.compound(first, *ops, tag=tag)


def session(host):
    s = Session(host)
    ROOT, GETFH, SAVE, RESTORE = u32(24), u32(10), u32(32), u32(31)
    bits = u32(9, 2, 0x0018001a, 0x00300000)           # type change size fileid; mtime ...
    look = lambda name: u32(15) + opaque(name)
    fh_of = lambda r: handle_of(r[r.rindex(u32(10, 0)) + 4:])
    s.do(u32(58, 0))                                   # RECLAIM_COMPLETE
    s.do(ROOT, GETFH, bits, tag="root")
    data = fh_of(s.do(ROOT, look("data"), GETFH))
    PUT = u32(22) + opaque(data)
    s.do(PUT, bits)
    s.do(PUT, u32(3, 0x3f))
    s.do(PUT, u32(26) + u64(0) + bytes(8) + u32(1000, 8192) + u32(2, 0x00180012, 0x00200000))
    hello = fh_of(s.do(PUT, look("hello.txt"), GETFH))
    s.do(PUT, look("missing"), GETFH, bits)
    open_ = u32(18, 0, 3, 0) + s.client + opaque("owner") + u32(1, 0, 2, 0, 2) + u32(4, 0o644) \
        + u32(0) + opaque("made41")
    reply = s.do(PUT, open_, GETFH, bits)
    at = reply.index(u32(18, 0)) + 8
    state, rest = reply[at:at + 16], reply[reply.index(u32(10, 0), at):]
    file = handle_of(rest[4:])
    FILE = u32(22) + opaque(file)
    for at, n in (0, 6000), (6000, 100), (100000, 20000):
        s.do(FILE, u32(38) + state + u64(at) + u32(0) + opaque(b"4" * n), bits)
    s.do(FILE, u32(5) + u64(0) + u32(0))
    s.do(FILE, u32(25) + state + u64(0) + u32(5000), u32(25) + state + u64(100000) + u32(70),
         u32(25) + state + u64(120000) + u32(10), bits, tag="three reads")
    s.do(FILE, u32(34) + state + u32(1, 0x10, 8) + u64(5000), bits)
    s.do(PUT, u32(6, 2) + opaque("dir41") + u32(0, 0), GETFH)
    s.do(PUT, SAVE, u32(29) + opaque("made41") + opaque("moved41"), bits)
    s.do(PUT, look("moved41"), GETFH, bits)
    s.do(FILE, SAVE, PUT, u32(11) + opaque("link41"), RESTORE, bits)
    s.do(u32(55, 1) + state)                           # TEST_STATEID
    s.do(FILE, u32(4, 0) + state)                      # CLOSE
    state = bytes(16)                                  # the anonymous one
    s.minor = 2
    s.do(FILE, u32(59) + state + u64(0, 30000), bits)  # ALLOCATE
    s.do(FILE, u32(69) + state + u64(0) + u32(1))      # SEEK
    s.do(FILE, u32(68) + state + u64(0) + u32(9000))   # READ_PLUS
    s.do(FILE, u32(63) + state + u64(0, 100) + u32(1, 2))
    s.do(FILE, u32(62) + state + u64(0, 100), bits)    # DEALLOCATE
    s.do(FILE, SAVE, FILE, u32(60) + state * 2 + u64(0, 0, 100) + u32(1, 1, 0))
    s.do(FILE, SAVE, FILE, u32(71) + state * 2 + u64(0, 0, 0))
    s.do(FILE, u32(74) + u64(0) + u32(1000))           # LISTXATTRS
    s.minor = 1
    s.do(PUT, u32(28) + opaque("moved41"))
    s.do(PUT, u32(28) + opaque("link41"), u32(28) + opaque("dir41"), bits)
    # Two of one slot in flight: the second is the first again (a replay), then one too far on.
    s.sequence -= 1
    s.do(PUT, bits)
    s.sequence += 5
    s.do(PUT, bits)
    s.minor = 7
    s.compound(ROOT)                                   # no such minor version
    s.minor = 1
    s.compound(u32(44) + s.id)                         # DESTROY_SESSION
    s.compound(u32(57) + s.client)


if __name__ == "__main__":
    {"udp": udp, "fragments": fragments, "session": session, "delays": delays, "acl": acl}[sys.argv[2]](
        sys.argv[1], *sys.argv[3:])
