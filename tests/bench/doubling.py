#!/usr/bin/env python3
"""Hostile input that is doubled may cost at most 2.2 times as much: a line for each limit and protocol.

usage: doubling.py [--quick] [NAME...]. $TSUMARI is the program. Each case is a capture of n and one of 2n of the
same thing; what the same capture without it costs is taken off both. Instructions are counted by valgrind, which
the load of the machine does not change; processor time is the least of several runs of more of it ($SCALE times).
--quick: instructions only, less of it, all outputs at once; the exit status says whether each case is within
its bounds. It needs no other processes to be quiet.
"""
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hostile  # noqa: E402
from hostile import ACK, FIN, RST, SYN, Capture, Connection  # noqa: E402

LIMIT = 2.2
SCALE = int(os.environ.get("SCALE", "16"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
A, B = b"\x0a\1\0\1", b"\x0a\xff\0\1"


def u32(*numbers):
    return struct.pack("!%dI" % len(numbers), *(n & 0xFFFFFFFF for n in numbers))


def ip4(n):
    return u32(n)


def udp(c, source, target, ports, data):
    c.ip(source, target, 17, struct.pack("!HHHH", *ports, 8 + len(data), 0) + data)


def stream(make):
    """A case of hostile.py that is written into one connection."""
    def write(capture, n):
        connection = Connection(capture)
        make(connection, n)
        connection.segment(0, FIN | ACK)
        connection.segment(1, FIN | ACK)
    write.__name__ = make.__name__
    return write


# Flows.

def syn_flood(c, n):
    for i in range(n):
        c.tcp(ip4(0x0B000000 | i * 7919 & 0xFFFFFF), B, (1024 + i % 60000, 80), i * 7919, 0, SYN)


def port_scan(c, n):
    for i in range(n):
        c.tcp(b"\x0c\0\0\1", ip4(0x0D000000 + i // 500), (40000, 1 + i * 31 % 65000), i, 0, SYN)


def refused(c, n):
    for i in range(n):
        at, ports = ip4(0x0D000000 + i // 500), (40000, 1 + i * 31 % 65000)
        c.tcp(b"\x0c\0\0\1", at, ports, i, 0, SYN)
        c.tcp(at, b"\x0c\0\0\1", ports[::-1], 0, i + 1, RST | ACK)


def unaccepted(c, n):
    """Handshakes that stop behind the SYN/ACK."""
    for i in range(n):
        ends = ip4(0x0B000000 | i * 7919 & 0xFFFFFF), (1024 + i % 60000, 80)
        c.tcp(ends[0], B, ends[1], 1, 0, SYN)
        c.tcp(B, ends[0], ends[1][::-1], 1, 2, SYN | ACK)


def opened(c, n):
    for i in range(n):
        Connection(c, i)


def ports_again(c, n):
    """The same ports for each connection, without an end."""
    for i in range(n):
        one = Connection(c, 7, False)
        one.next = [i * 100000, i * 50000]
        one.segment(0, SYN), one.segment(1, SYN | ACK), one.segment(0, ACK), one.segment(0, ACK, b"x")


def strays(c, n):
    """Segments of connections that nobody saw begin."""
    for i in range(n):
        c.tcp(ip4(0x0B000000 + i), B, (1024 + i % 60000, 4444), i, i, ACK, b"stray")


def resent(c, n):
    one = Connection(c)
    for _ in range(n):
        one.segment(0, ACK, b"again" * 20, 1001)


def udp_flows(c, n):
    for i in range(n):
        udp(c, ip4(0x0B000000 + i), B, (1024 + i % 60000, 7777), b"datagram")


def echoes(c, n):
    for i in range(n):
        c.ip(ip4(0x0B000000 + i // 8), B, 1, struct.pack("!BBHHH", 8, 0, 0, i & 0xFFFF, 1) + bytes(32))


def unreachable(c, n):
    """Errors of ICMP about connections that there are not."""
    for i in range(n):
        about = struct.pack("!BBHHHBBH4s4sHHI", 0x45, 0, 40, 1, 0, 64, 6, 0, A, ip4(0x0D000000 + i), 1000, 80, i)
        c.ip(B, A, 1, struct.pack("!BBHI", 3, 1, 0, 0) + about)


def vxlan(c, n):
    """Each in a network of its own."""
    for i in range(n):
        inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 1, 0, 64, 17, 0, A, B) + struct.pack(
            "!HHHH", 1000, 9, 16, 0) + bytes(8)
        udp(c, A, B, (4000, 4789), struct.pack("!II", 8 << 24, (i & 0xFFFFFF) << 8) + bytes(12) + b"\x08\0" + inner)


# DNS.

def question(i, name):
    return struct.pack("!6H", i & 0xFFFF, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)


def answer(i, name, count=1):
    return (struct.pack("!6H", i & 0xFFFF, 0x8180, 1, count, 0, 0) + name + struct.pack("!HH", 1, 1) +
            b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4" * count)


def dns_name(text):
    return bytes([len(text)]) + text + b"\1z\0"


def dns_unanswered(c, n):
    for i in range(n):
        udp(c, ip4(0x0B000000 + i), B, (1024 + i % 60000, 53), question(i, dns_name(b"a")))


def dns_flows(c, n):
    """Each question from a port of its own, of a name of its own."""
    for i in range(n):
        name = dns_name(b"n%d" % i)
        ends, ports = (ip4(0x0B000000 + i // 50000), B), (1024 + i % 50000, 53)
        udp(c, *ends, ports, question(i, name))
        udp(c, *ends[::-1], ports[::-1], answer(i, name))


def dns_one_flow(c, n):
    """Questions ahead of all answers, as far as numbers go."""
    for i in range(n):
        udp(c, A, B, (5353, 53), question(i, dns_name(b"q%d" % i)))


def dns_records(c, n):
    """Responses that are full of records."""
    for i in range(max(n // 80, 1)):
        udp(c, A, B, (5354, 53), question(i, dns_name(b"r")))
        udp(c, B, A, (53, 5354), answer(i, dns_name(b"r"), 80))


# RPC and NFS.

def call(xid, procedure, body=b""):
    return u32(xid, 0, 2, 100003, 3, procedure, 0, 0, 0, 0) + body


def reply(xid, body=b""):
    return u32(xid, 1, 0, 0, 0, 0) + body


def marked(data):
    return u32(0x80000000 | len(data)) + data


def handle(i):
    return u32(32, i) + bytes(28)


ATTRIBUTES = bytes(84)


def nfs(c):
    one = Connection(c)
    one.ports = one.ports[0], 2049
    return one


def nfs_connection(c):
    one = Connection(c, 1, False)
    one.ports = 900, 2049
    one.segment(0, SYN), one.segment(1, SYN | ACK), one.segment(0, ACK)
    return one


def nfs_calls(c, n):
    """Each of another file."""
    one = nfs_connection(c)
    for i in range(n):
        one.segment(0, ACK, marked(call(i, 1, handle(i))))
        one.segment(1, ACK, marked(reply(i, u32(0) + ATTRIBUTES)))


def nfs_unanswered(c, n):
    one = nfs_connection(c)
    for i in range(n):
        one.segment(0, ACK, marked(call(i, 1, handle(1))))


def nfs_backwards(c, n):
    """Answers in the opposite order, 1,000 at a time."""
    one = nfs_connection(c)
    for first in range(0, n, 1000):
        for i in range(first, first + 1000):
            one.segment(0, ACK, marked(call(i, 1, handle(1))))
        for i in range(first + 999, first - 1, -1):
            one.segment(1, ACK, marked(reply(i, u32(0) + ATTRIBUTES)))


def nfs_udp(c, n):
    for i in range(n):
        ends, ports = (ip4(0x0B000000 + i // 50000), B), (600 + i % 50000, 2049)
        udp(c, *ends, ports, call(i, 1, handle(i)))
        udp(c, *ends[::-1], ports[::-1], reply(i, u32(0) + ATTRIBUTES))


def nfs_lookups(c, n):
    """Each of another name."""
    one = nfs_connection(c)
    for i in range(n):
        name = b"%08d" % i
        one.segment(0, ACK, marked(call(i, 3, handle(1) + u32(len(name)) + name)))
        one.segment(1, ACK, marked(reply(i, u32(2, 0))))


def rpc_fragments(c, n):
    """Records in fragments of four bytes."""
    one = nfs_connection(c)
    for i in range(max(n // 20, 1)):
        whole = call(i, 1, handle(1))
        one.send(0, b"".join(u32(4) + whole[at:at + 4] for at in range(0, len(whole) - 4, 4)) +
                 u32(0x80000004) + whole[-4:])


# MySQL.

def packet(seq, data):
    return struct.pack("<I", len(data))[:3] + bytes([seq & 255]) + data


OK = packet(1, b"\0\0\0\2\0\0\0")


def mysql(c):
    one = Connection(c, 1, False)
    one.ports = 41000, 3306
    one.segment(0, SYN), one.segment(1, SYN | ACK), one.segment(0, ACK)
    one.segment(1, ACK, packet(0, b"\n8.0.30\0\1\0\0\0abcdefgh\0\xff\xf7\x21\2\0\x0f\xc0\x15" + bytes(10) +
                               b"abcdefghijkl\0mysql_native_password\0"))
    one.segment(0, ACK, packet(1, struct.pack("<IIB", 0x0200 | 0x8000 | 1 << 19, 1 << 24, 33) + bytes(23) + b"u\0\0" +
                               b"mysql_native_password\0"))
    one.segment(1, ACK, packet(2, b"\0\0\0\2\0\0\0"))
    return one


def mysql_queries(c, n):
    """Each with a digest of its own."""
    one = mysql(c)
    for i in range(n):
        one.segment(0, ACK, packet(0, b"\3UPDATE t%d SET a = 1 WHERE b = 2" % i))
        one.segment(1, ACK, OK)


def mysql_statements(c, n):
    """Prepared and never closed."""
    one = mysql(c)
    for i in range(n):
        one.segment(0, ACK, packet(0, b"\x16DELETE FROM t WHERE a = ?"))
        one.segment(1, ACK, packet(1, struct.pack("<BIHHBH", 0, i + 1, 0, 0, 0, 0)))


def mysql_pipelined(c, n):
    one = mysql(c)
    for i in range(n):
        one.segment(0, ACK, packet(0, b"\3SELECT %d" % i))


def mysql_tiny(c, n):
    one = mysql(c)
    one.send(0, b"\1\0\0\0\x0e" * n)


def mysql_long(c, n):
    one = mysql(c)
    one.send(0, packet(0, b"\3SELECT " + b"a+1," * (2 * n) + b"1"))
    one.segment(1, ACK, OK)


# SMTP.

def smtp(c):
    one = Connection(c, 1, False)
    one.ports = 42000, 25
    one.segment(0, SYN), one.segment(1, SYN | ACK), one.segment(0, ACK)
    one.segment(1, ACK, b"220 a ESMTP\r\n")
    one.segment(0, ACK, b"EHLO b\r\n")
    one.segment(1, ACK, b"250-a\r\n250 PIPELINING\r\n")
    return one


def smtp_mails(c, n):
    one = smtp(c)
    for i in range(n):
        for said, back in (b"MAIL FROM:<a%d@x>" % i, b"250 ok"), (b"RCPT TO:<b%d@y>" % i, b"250 ok"), (
                b"DATA", b"354 go"), (b"text\r\n.", b"250 taken"):
            one.segment(0, ACK, said + b"\r\n")
            one.segment(1, ACK, back + b"\r\n")


def smtp_recipients(c, n):
    one = smtp(c)
    one.segment(0, ACK, b"MAIL FROM:<a@x>\r\n")
    one.segment(1, ACK, b"250 ok\r\n")
    for i in range(n):
        one.segment(0, ACK, b"RCPT TO:<b%d@y>\r\n" % i)
        one.segment(1, ACK, b"250 ok\r\n")


def smtp_pipelined(c, n):
    smtp(c).send(0, b"NOOP\r\n" * n)


def smtp_body(c, n):
    one = smtp(c)
    one.send(0, b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n")
    one.send(1, b"250 ok\r\n250 ok\r\n354 go\r\n")
    one.send(0, b"\r\n.\r" * n + b"\n.\r\n")
    one.send(1, b"250 taken\r\n")


# HTTP/2.

def frame(kind, flags, number, data=b""):
    return u32(len(data))[1:] + bytes([kind, flags]) + u32(number) + data


GET = b"\x82\x86\x84\x41\1a"


def http2(c):
    one = Connection(c)
    one.send(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
    one.send(1, frame(4, 0, 0) + frame(4, 1, 0))
    return one


def h2_requests(c, n):
    one = http2(c)
    for i in range(n):
        one.segment(0, ACK, frame(1, 5, 2 * i + 1, GET))
        one.segment(1, ACK, frame(1, 5, 2 * i + 1, b"\x88"))


def h2_reset(c, n):
    """Rapid reset."""
    one = http2(c)
    one.send(0, b"".join(frame(1, 5, 2 * i + 1, GET) + frame(3, 0, 2 * i + 1, u32(8)) for i in range(n)))


def h2_streams(c, n):
    """Opened, and never answered."""
    one = http2(c)
    one.send(0, b"".join(frame(1, 5, 2 * i + 1, GET) for i in range(n)))


def h2_continued(c, n):
    one = http2(c)
    one.send(0, frame(1, 1, 1, GET) + frame(9, 0, 1, b"\0\1x\1y") * n)


def h2_pings(c, n):
    one = http2(c)
    one.send(0, frame(6, 0, 0, bytes(8)) * n)


def h2_settings(c, n):
    one = http2(c)
    one.send(0, frame(4, 0, 0, struct.pack("!HI", 1, 4096) * 10) * (n // 10 + 1))


def h2_data(c, n):
    one = http2(c)
    one.send(0, frame(1, 4, 1, GET) + frame(0, 0, 1, b"d") * n)


def h2_table(c, n):
    """Names that are put into the table, each of which takes another one's place."""
    one = http2(c)
    for i in range(n):
        text = b"x-%06d" % i
        one.segment(0, ACK, frame(1, 5, 2 * i + 1, GET + b"\x40" + bytes([len(text)]) + text + b"\1v"))


# TLS, HTTP.

HELLO = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + b"\0\x10" + b"\0\0\0\x0c\0\x0a\0\0\7a.z.exa"


def tls_hellos(c, n):
    for i in range(n):
        one = Connection(c, i)
        one.ports = one.ports[0], 443
        one.segment(0, ACK, b"\x16\3\1" + struct.pack("!H", len(HELLO) + 4) + b"\1" + u32(len(HELLO))[1:] + HELLO)


def tls_records(c, n):
    one = Connection(c)
    one.segment(0, ACK, b"\x16\3\1" + struct.pack("!H", len(HELLO) + 4) + b"\1" + u32(len(HELLO))[1:] + HELLO)
    one.send(0, b"\x17\3\3\0\1x" * n)


def http_paths(c, n):
    one = Connection(c)
    for i in range(n):
        one.exchange(b"/%d" % i)


def http_hosts(c, n):
    """Each to another server."""
    for i in range(n):
        one = Connection(c, i, False)
        one.ends = one.ends[0], ip4(0x0F000000 + i)
        one.segment(0, SYN), one.segment(1, SYN | ACK), one.segment(0, ACK)
        one.exchange(b"/a")


def turns(c, n):
    """A protocol that is not read: each side says something in its turn."""
    one = Connection(c)
    one.ports = one.ports[0], 9999
    for _ in range(n):
        one.segment(0, ACK, b"\1\2\3\4ask")
        one.segment(1, ACK, b"\1\2\3\4said")


FLOW_CASES = [syn_flood, port_scan, refused, unaccepted, opened, ports_again, strays, resent, udp_flows, echoes,
              unreachable, vxlan, hostile.fragments, hostile.overlaps, hostile.colliding]
PROTOCOL_CASES = [dns_unanswered, dns_flows, dns_one_flow, dns_records, nfs_calls, nfs_unanswered, nfs_backwards,
                  nfs_udp, nfs_lookups, rpc_fragments, mysql_queries, mysql_statements, mysql_pipelined, mysql_tiny,
                  mysql_long, smtp_mails, smtp_recipients, smtp_pipelined, smtp_body, h2_requests, h2_reset,
                  h2_streams, h2_continued, h2_pings, h2_settings, h2_data, h2_table, tls_hellos, tls_records,
                  http_paths, http_hosts, turns]
CASES = FLOW_CASES + PROTOCOL_CASES + [stream(s) for s in hostile.STREAMS]
MODES = {
    "report": ["--report", "-o", "/dev/null"],
    "json": ["--json", "-o", "/dev/null"],
    "extract": ["--extract", "type == flow", "-w", "/dev/null"],
}
ALL = ["--report", "--json", "-o", "/dev/null"]


def made(folder, make, n):
    capture = Capture(os.path.join(folder, "%s-%d" % (make.__name__, n)))
    if n:
        make(capture, n)
    Connection(capture, 2).exchange()
    return capture.close()


def instructions(path, args):
    """Of the program, by valgrind."""
    p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", hostile.TSUMARI, "-r", path,
                        "-j", "0", *args], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=False)
    found = re.search(r"Collected : (\d+)", p.stderr)
    if p.returncode or not found:
        sys.exit("doubling.py: %s: status %d: %s" % (path, p.returncode, p.stderr[-500:]))
    return int(found.group(1))


def seconds(path, args):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([hostile.TSUMARI, "-r", path, "-j", "0", *args], stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nothing_of(folder, args, known={}):
    """What a capture costs in which there is nothing of it."""
    key = tuple(args)
    if key not in known:
        path = made(folder, syn_flood, 0)
        known[key] = instructions(path, args)
        os.unlink(path)
    return known[key]


def counted(folder, make, n, args):
    paths = [made(folder, make, k) for k in (n, 2 * n)]
    nothing, got = nothing_of(folder, args), [instructions(p, args) for p in paths]
    for p in paths:
        os.unlink(p)
    return [max(x - nothing, 1) for x in got]


def timed(folder, make, n, args):
    paths = [made(folder, make, k) for k in (0, n, 2 * n)]
    least = [min(x) for x in zip(*([seconds(p, args) for p in paths] for _ in range(ROUNDS)))]
    for p in paths:
        os.unlink(p)
    return [max(x - least[0], 1e-4) for x in least[1:]]


def quick(folder, names):
    """How much is enough for tables to have grown several times, and little enough for a test."""
    bad = 0
    for make in CASES:
        if names and make.__name__ not in names:
            continue
        n = 1000 if make in FLOW_CASES + PROTOCOL_CASES else 4000  # of which some make one part
        got = counted(folder, make, n, ALL)
        if got[1] > LIMIT * got[0]:  # something grows just there: twice as much tells
            got = counted(folder, make, 2 * n, ALL)
        if got[1] > LIMIT * got[0]:
            print("FAIL %s: %d instructions, and %d for twice as much: x %.2f" % (make.__name__, *got, got[1] / got[0]), flush=True)
            bad += 1
    print("%d kinds of hostile input doubled, %d cost more than %.1f times as much" % (len(CASES), bad, LIMIT))
    return bad


def table(folder, names):
    print("| input              | output  | n, instructions | M for n |  M for 2n |    x | n, time   | s for n | s for 2n |    x |")
    print("|--------------------|---------|----------------:|--------:|----------:|-----:|----------:|--------:|---------:|-----:|")
    bad = 0
    for make in CASES:
        if names and make.__name__ not in names:
            continue
        for mode, args in MODES.items():
            n = 10_000
            count = counted(folder, make, n, args)
            time = timed(folder, make, n * SCALE, args)
            ratios = count[1] / count[0], time[1] / time[0]
            bad += max(ratios) > LIMIT
            print("| %-18s | %-7s | %15d | %7.1f | %9.1f | %4.2f | %9d | %7.3f | %8.3f | %4.2f |%s" % (
                make.__name__, mode, n, count[0] / 1e6, count[1] / 1e6, ratios[0], n * SCALE, *time, ratios[1],
                " *" if max(ratios) > LIMIT else ""), flush=True)
    print("\n%d above %.1f" % (bad, LIMIT))
    return bad


def main():
    args = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="tsumari-doubling-") as folder:
        hostile.SCRATCH = folder
        if args[:1] == ["--quick"]:
            return quick(folder, args[1:])
        return table(folder, args)


sys.exit(bool(main()))
