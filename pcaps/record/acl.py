#!/usr/bin/env python3
"""Answers NFS_ACL, versions 2 and 3, as Linux' own server does (fs/nfsd/nfs2acl.c, nfs3acl.c), and passes
all else on to the NFS server behind.

usage: acl.py PORT SERVER
"""
import struct
import sys

from trouble import before, record, words

PROGRAM, NFS = 100227, 100003
OK, PERM, INVAL, STALE = 0, 1, 22, 70
PROG_MISMATCH, PROC_UNAVAIL = 2, 3
# Tag, number, rights: owner, group, mask (which Solaris wants to see always), others.
LEAST = [(1, 0, 6), (4, 0, 4), (0x10, 0, 4), (0x20, 0, 4)]
ATTRIBUTES2 = words(1, 0o100644, 1, 0, 0, 22, 4096, 0, 8, 77, 5, *[1700000000, 0] * 3)
lists = {}      # by handle: of the file, and what it gives to those made in it


class Call:
    def __init__(self, b):
        self.xid, _, _, self.program, self.version, self.procedure, _, n = struct.unpack('!8I', b[4:36])
        self.credential, self.args = b[28:36 + n], b[36 + n + 8:]

    def number(self):
        n, = struct.unpack('!I', self.args[:4])
        self.args = self.args[4:]
        return n

    def handle(self):
        n = 32 if self.version == 2 else 4 + (struct.unpack('!I', self.args[:4])[0] + 3) // 4 * 4
        handle, self.args = self.args[:n], self.args[n:]
        return handle

    def entries(self):
        self.number()
        return [(self.number(), self.number(), self.number()) for _ in range(self.number())]

    def uid(self):
        n, = struct.unpack('!I', self.credential[12:16])
        return struct.unpack('!I', self.credential[16 + (n + 3) // 4 * 4:][:4])[0]

    def accepted(self, status, body=b''):
        return record(words(self.xid, 1, 0, 0, 0, status) + body)


def entries(of, send):
    return words(len(of), len(of) * send) + b''.join(words(*e) for e in of * send)


def attributes(c, handle, ask):
    """A status, and what comes behind it: in version 3 the server behind is asked, as c's caller."""
    if c.version == 2:
        return (OK, ATTRIBUTES2) if any(handle) else (STALE, b'')
    reply = ask(record(words(c.xid, 0, 2, NFS, 3, 1) + c.credential + bytes(8) + handle))
    status, = struct.unpack('!I', reply[28:32])
    return status, words(0) if status else words(1) + reply[32:]


def done(c, handle):
    """What is asked for, a file being there: a status and what comes behind its attributes."""
    if (c.version, c.procedure) == (2, 3):
        return OK, b''
    mask = c.number()
    if (c.version, c.procedure) == (2, 4):
        return OK, words(mask & 0xd)
    if c.procedure == 2:
        if c.uid():
            return PERM, b''
        lists[handle] = c.entries() or LEAST, c.entries()
        return OK, b''
    if mask & ~15:
        return INVAL, b''
    access, default = lists.get(handle, (LEAST, []))
    return OK, words(mask) + entries(access if mask & 3 else [], mask & 1) \
        + entries(default if mask & 12 else [], mask >> 2 & 1)


def answer(b, ask):
    c = Call(b)
    if c.program != PROGRAM:
        return None
    if c.version not in (2, 3):
        return c.accepted(PROG_MISMATCH, words(2, 3))
    if c.procedure > (4 if c.version == 2 else 2):
        return c.accepted(PROC_UNAVAIL)
    if c.procedure == 0:
        return c.accepted(0)
    handle = c.handle()
    status, attrs = attributes(c, handle, ask)
    result = b''
    if not status:
        status, result = done(c, handle)
    if status and c.version == 2:
        attrs = b''
    return c.accepted(0, words(status) + attrs + result)


if __name__ == '__main__':
    before(sys.argv[1], sys.argv[2], answer)
