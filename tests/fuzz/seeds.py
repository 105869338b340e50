#!/usr/bin/env python3
"""Makes the seeds of the fuzz corpus: seeds.py FOLDER [CAPTURE.pcap ...]

Hand-made inputs in the targets' formats (see the head of each target's C file) go into FOLDER/file,
layers, stream, http, http2, mysql, rpc, smtp, tls, dns, conversation, view, pcapng, filter and options. Of each capture given (pcap, Ethernet) the first packets are taken, too, at
most 4 KiB; of one named nfs* also the RPC messages of every connection. The same arguments give the same files.
"""
import bz2
import gzip
import lzma
import os
import struct
import sys
import zlib

import seeds_pcapng
import seeds_text
import seeds_world

LIMIT = 4096
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16


def save(folder, kind, name, data):
    path = os.path.join(folder, kind)
    os.makedirs(path, exist_ok=True)
    assert len(data) <= LIMIT, name
    with open(os.path.join(path, name), "wb") as f:
        f.write(data)


# Frames.


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(proto, payload, ident=1, frag=0):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, frag, 64, proto, 0)
    head += bytes([192, 0, 2, 1, 192, 0, 2, 2])
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(proto, payload):
    ends = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "02")
    return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + ends + payload


def tcp(sport, dport, seq, ack, flags, payload=b"", options=b""):
    assert len(options) % 4 == 0
    words = 5 + len(options) // 4
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, words << 4, flags, 65535, 0, 0) + options + payload


def udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def eth(kind, payload):
    return bytes.fromhex("020000000002020000000001") + struct.pack(">H", kind) + payload


def stacks():
    """name, link type, frames"""
    segment = tcp(40000, 80, 1, 1, ACK | PSH, b"GET / HTTP/1.1\r\n\r\n", bytes.fromhex("0101080a0000000100000002"))
    sack = tcp(40000, 80, 1, 1, ACK, b"", bytes.fromhex("0101050a000000640000012c"))
    syn = tcp(40000, 80, 0, 0, SYN, b"", bytes.fromhex("020405b40402080a00000001000000000103" + "0701"))
    v4, v6 = ip4(6, segment), ip6(6, segment)
    inner = eth(0x0800, v4)
    yield "eth-tcp", 1, [eth(0x0800, v4), eth(0x0800, ip4(6, sack)), eth(0x0800, ip4(6, syn))]
    yield "eth-ip6", 1, [eth(0x86DD, v6)]
    options = bytes([0, 0, 1, 4, 0, 0, 0, 0])
    yield "ip6-options", 1, [eth(0x86DD, ip6(0, bytes([60]) + options[1:] + bytes([43]) + options[1:] + bytes([6]) + options[1:] + segment))]
    yield "vlan-qinq", 1, [eth(0x88A8, struct.pack(">HHHH", 5, 0x8100, 6, 0x0800) + v4)]
    yield "mpls", 1, [eth(0x8847, bytes.fromhex("000100400002014000030140") + v4)]
    yield "pppoe", 1, [eth(0x8864, struct.pack(">BBHHH", 0x11, 0, 1, len(v4) + 2, 0x21) + v4)]
    yield "gre", 1, [eth(0x0800, ip4(47, bytes.fromhex("200065580000007b") + inner)), eth(0x0800, ip4(47, bytes.fromhex("00000800") + v4))]
    yield "erspan", 1, [eth(0x0800, ip4(47, bytes.fromhex("100088be000000011001000a00000000") + inner))]
    yield "ipip", 1, [eth(0x0800, ip4(4, v4)), eth(0x0800, ip4(41, v6)), eth(0x0800, ip4(4, ip4(4, ip4(4, v4))))]
    yield "vxlan", 1, [eth(0x0800, ip4(17, udp(50000, 4789, bytes.fromhex("0800000000002a00") + inner)))]
    yield "geneve", 1, [eth(0x0800, ip4(17, udp(50000, 6081, bytes.fromhex("0100655800002a000102800100000000") + inner)))]
    simple = bytes.fromhex("21079602010100000a00006401020304") + b"s3cret\0\0"
    yield "vrrp", 1, [eth(0x0800, ip4(112, simple)), eth(0x86DD, ip6(112, bytes.fromhex("3109640100320000" + "fe80" + "00" * 13 + "01")))]
    announcement = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes(6) + bytes([192, 0, 2, 9]) + bytes(6) + bytes([192, 0, 2, 9])
    yield "arp-gratuitous", 1, [eth(0x0806, announcement)]
    yield "arp", 1, [eth(0x0806, bytes.fromhex("0001080006040001020000000001c0000201000000000000c0000202"))]
    yield "icmp-quote", 1, [eth(0x0800, ip4(1, bytes.fromhex("0301000000000000") + v4[:28])), eth(0x86DD, ip6(58, bytes.fromhex("0104000000000000") + v6[:48]))]
    yield "icmp-echo", 1, [eth(0x0800, ip4(1, bytes.fromhex("0800000012340001")))]
    data = udp(1000, 2000, bytes(range(64)))
    pieces = [ip4(17, data[0:24], 7, 0x2000), ip4(17, data[48:], 7, 6), ip4(17, data[16:48], 7, 0x2000 | 2)]
    yield "fragments", 1, [eth(0x0800, p) for p in pieces]
    head = lambda off, more: struct.pack(">BBHI", 17, 0, off | more, 99)
    pieces = [ip6(44, head(0, 1) + data[:32]), ip6(44, head(32, 0) + data[32:])]
    yield "fragments-ip6", 1, [eth(0x86DD, p) for p in pieces]
    yield "llc", 1, [eth(8, bytes.fromhex("aaaa030000000800"))]
    yield "null", 0, [struct.pack("<I", 2) + v4, struct.pack(">I", 30) + v6]
    yield "raw", 101, [v4, v6]
    yield "sll", 113, [bytes.fromhex("0000000100060200000000010000") + b"\x08\0" + v4]
    yield "nflog", 239, [bytes.fromhex("0200000708000100080000000600") + b"\n\0x\0\0\0" + struct.pack("<HH", 4 + len(v4), 9) + v4]
    yield "sll2", 276, [b"\x08\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0" + v4]
    yield "unknown", 9999, [v4]


def layers_seed(link, frames, cut=0):
    return struct.pack(">H", link) + b"".join(struct.pack(">BH", cut, len(f)) + f for f in frames)


# Captures.


def pcap(link, frames, order="<", nano=False):
    out = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for i, f in enumerate(frames):
        out += struct.pack(order + "IIII", 1600000000 + i // 4, i % 4 * 250000, len(f), len(f)) + f
    return out


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(link, frames):
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 262144) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
    for i, f in enumerate(frames):
        time = 1600000000000000000 + i * 1000000
        out += block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(f), len(f)) + f)
    return out


def section(links, frames, order):
    """All kinds of blocks; each interface has another resolution of time."""
    def option(code, value):
        return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    def say(kind, form, *values, tail=b""):
        return block(kind, struct.pack(order + form, *values) + tail, order)

    out = say(0x0A0D0D0A, "IHHq", 0x1A2B3C4D, 1, 0, -1, tail=option(1, b"a comment") + option(0, b""))
    for i, link in enumerate(links):
        out += say(1, "HHI", link, 0, 96 * i, tail=option(2, b"eth%d" % i) + option(9, bytes([(6, 0x94, 9, 3)[i % 4]])) +
                   option(14, struct.pack(order + "q", -i)) + option(0, b""))
    for kind, body in ((4, b"\0" * 4), (10, b"TLSK" + b"\0" * 12), (0xBAD, b"\0\0\1\2"), (77, b"")):
        out += block(kind, body, order)
    for i, f in enumerate(frames):
        which, time = i % len(links), 1600000000 << 20
        if i % 5 == 4:
            out += say(3, "I", len(f), tail=f)
        elif i % 5 == 3:
            out += say(2, "HHIIII", which, 7, time >> 32, time & 0xFFFFFFFF, len(f), len(f) + 1, tail=f)
        else:
            f = f[:60]
            out += say(6, "IIIII", which, time >> 32, time & 0xFFFFFFFF, len(f), len(f), tail=f + b"\0" * (-len(f) % 4) +
                       option(1, b"seen") + option(4, struct.pack(order + "Q", 3)) + option(0, b""))
    return out + say(5, "III", 0, 0, 0, tail=option(5, struct.pack(order + "Q", 9)) + option(7, struct.pack(order + "Q", 1)))


def stored_zstd(data):
    """RFC 8878: a window of 1 MiB, one block as it is."""
    return struct.pack("<IBB", 0xFD2FB528, 0, 0x50) + (len(data) << 3 | 1).to_bytes(3, "little") + data


def stored_lz4(data):
    return bytes.fromhex("04224d18604082") + struct.pack("<I", 1 << 31 | len(data)) + data + b"\0" * 4


def file_seeds(folder):
    request = b"GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    there = lambda *a: eth(0x0800, ip4(6, tcp(40000, 80, *a)))
    back = lambda *a: eth(0x0800, ip4(6, tcp(80, 40000, *a))[:12] + bytes([192, 0, 2, 2, 192, 0, 2, 1]) + tcp(80, 40000, *a))
    n, m = len(request), len(answer)
    talk = [there(9, 0, SYN), back(99, 10, SYN | ACK), there(10, 100, ACK), there(10, 100, ACK | PSH, request)]
    talk += [back(100, 10 + n, ACK | PSH, answer), there(10 + n, 100 + m, ACK | FIN), back(100 + m, 11 + n, ACK | FIN)]
    save(folder, "file", "little", pcap(1, talk))
    save(folder, "file", "big", pcap(1, talk, ">"))
    save(folder, "file", "nano", pcap(1, talk, "<", True))
    save(folder, "file", "gzip", gzip.compress(pcap(1, talk), mtime=0))
    save(folder, "file", "gzip-members", gzip.compress(pcap(1, talk)[:100], mtime=0) + gzip.compress(pcap(1, talk)[100:], mtime=0))
    save(folder, "file", "pcapng", pcapng(1, talk))
    save(folder, "file", "sections", section([1, 1], talk, "<") + section([1, 113, 1], talk[::-1], ">"))
    save(folder, "file", "bzip2", bz2.compress(pcap(1, talk)))
    save(folder, "file", "xz", lzma.compress(pcap(1, talk), preset=0) + lzma.compress(b""))
    save(folder, "file", "zstd", stored_zstd(pcap(1, talk)[:50]) + stored_zstd(pcap(1, talk)[50:]))
    save(folder, "file", "lz4", stored_lz4(pcap(1, talk)))
    save(folder, "file", "cut-frame", pcap(1, talk)[:-5])
    save(folder, "file", "cut-header", pcap(1, talk)[: 24 + 9])
    save(folder, "file", "huge-frame", pcap(1, talk[:1]) + struct.pack("<IIII", 1600000000, 0, 0xFFFFFFF0, 60))
    save(folder, "file", "empty", pcap(1, []))
    save(folder, "file", "fraction", pcap(1, talk[:1])[:28] + b"\xff\xff\xff\xff" + pcap(1, talk[:1])[32:])
    for name, link, frames in stacks():
        if name in ("fragments", "fragments-ip6", "icmp-quote", "raw", "sll", "null"):
            save(folder, "file", name, pcap(link, frames))


def layers_seeds(folder):
    for name, link, frames in stacks():
        save(folder, "layers", name, layers_seed(link, frames))
    for name, link, frames in stacks():
        if name in ("eth-tcp", "vxlan", "fragments"):
            save(folder, "layers", name + "-cut", layers_seed(link, [f[: len(f) - 20] for f in frames], 20))


# Streams.

MS = 40  # span code: 2^20 ns, 1 ms
SECOND = 60  # 2^30 ns
LONG = 74  # 2^37 ns


def segment(side, flags, payload=b"", seq=0, ack=0, window=255, span=MS, what=0):
    return struct.pack(">BBBhbBH", side | what, flags, span, seq, ack, window, len(payload)) + payload


def stream_seeds(folder):
    request, answer = b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    n = len(request)
    hello = [segment(0, SYN, what=8), segment(1, SYN | ACK, what=8), segment(0, ACK)]
    ask = [segment(0, ACK | PSH, request), segment(1, ACK)]
    reply = [segment(1, ACK | PSH, answer), segment(0, ACK)]
    bye = [segment(0, ACK | FIN), segment(1, ACK | FIN), segment(0, ACK)]
    seeds = {
        "whole": hello + ask + reply + bye,
        "wrap": hello + ask + reply + ask + reply + bye,
        "again": hello + ask + [segment(0, ACK, request, -n, 0, 255, 56)] + reply + bye,
        "overlap": hello + ask + [segment(0, ACK, request * 2, -n // 2)] + reply + bye,
        "order": hello + [segment(0, ACK, request[9:], 9), segment(0, ACK, request[:9], -n)] + reply + bye,
        "gap": hello + ask + [segment(1, ACK, answer[9:], 9), segment(0, ACK)] + bye,
        "zero-window": hello + ask + [segment(1, ACK, window=0), segment(0, ACK, b"x", span=SECOND), segment(1, ACK)] + reply,
        "reset": hello + ask + [segment(1, RST | ACK), segment(1, ACK, answer)],
        "syn-retries": [segment(0, SYN), segment(0, SYN, b"", -1, 0, 255, SECOND), segment(0, SYN, b"", -1, 0, 255, SECOND + 2)] + hello[1:] + ask + reply,
        "reuse": hello + ask + reply + bye + [segment(0, SYN, b"", 5000)] + hello[1:] + ask + reply,
        "midstream": ask + reply + ask + reply,
        "one-way": [segment(1, ACK, answer), segment(1, ACK, answer)],
        "timeout": hello + ask + [segment(0, SYN, span=LONG, what=2), segment(1, ACK, answer, span=LONG)],
        "time-back": hello + ask + [segment(1, ACK, answer, span=SECOND, what=0x80)] + bye,
        "snaplen": hello + ask + [segment(1, ACK, answer, what=0x40)] + bye,
        "sack": hello + [segment(1, ACK, b"", what=0x30), segment(0, ACK, request, 100), segment(1, ACK, b"", what=0x20)] + bye,
        "far": hello + ask + [segment(1, ACK, answer, 0x7FFF), segment(1, ACK, answer, -0x8000)] + bye,
        "keepalive": hello + ask + reply + [segment(0, ACK, b"\0", -1), segment(1, ACK)] + bye,
        "udp": [segment(0, 0, b"question", what=4), segment(1, 0, b"answer", what=4)],
        "holes": hello + [segment(0, ACK, b"ab", 3) for _ in range(60)],
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        save(folder, "stream", name, bytes([i % 32, 1 if name == "wrap" else i % 8]) + b"".join(list_))


def chunk(side, data, what=2, span=MS, lost=0):
    return struct.pack(">BBBH", side | what, span, lost, len(data)) + data


def http_seeds(folder):
    get = b"GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n"
    post = b"POST /p HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\nbody"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    to_end = b"HTTP/1.0 200 OK\r\n\r\nuntil the end"
    head = lambda *lines: b"\r\n".join(lines) + b"\r\n\r\n"
    seeds = {
        "plain": [chunk(0, get), chunk(1, ok)],
        "pipeline": [chunk(0, get * 3), chunk(1, ok * 3)],
        "bytewise": [chunk(0, get, 0x40), chunk(1, chunked, 0x41)],
        "chunked": [chunk(0, get), chunk(1, chunked + ok)],
        "to-end": [chunk(0, get), chunk(1, to_end), chunk(1, b"more", 4)],
        "continue": [chunk(0, post), chunk(1, head(b"HTTP/1.1 100 Continue")), chunk(0, b"12345"), chunk(1, ok)],
        "early": [chunk(0, post), chunk(1, ok), chunk(0, b"12345")],
        "head": [chunk(0, get.replace(b"GET", b"HEAD")), chunk(1, ok[:-4]), chunk(0, get), chunk(1, head(b"HTTP/1.1 304 Not Modified"))],
        "upgrade": [chunk(0, head(b"GET /ws HTTP/1.1", b"Upgrade: websocket", b"Connection: upgrade")), chunk(1, head(b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket")), chunk(0, b"\x81\x02hi")],
        "connect": [chunk(0, head(b"CONNECT a:443 HTTP/1.1")), chunk(1, head(b"HTTP/1.1 200 OK")), chunk(0, b"\x16\x03\x01\0\x05hello")],
        "folded": [chunk(0, b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\td\r\n\r\n"), chunk(1, ok)],
        "bare-lf": [chunk(0, get.replace(b"\r\n", b"\n")), chunk(1, ok.replace(b"\r\n", b"\n"))],
        "lengths": [chunk(0, head(b"POST / HTTP/1.1", b"Content-Length: 5", b"Content-Length: 6") + b"123456"), chunk(1, ok)],
        "smuggle": [chunk(0, head(b"POST / HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + get), chunk(1, ok * 2)],
        "huge-length": [chunk(0, get), chunk(1, head(b"HTTP/1.1 200 OK", b"Content-Length: 18446744073709551616") + b"x")],
        "huge-chunk": [chunk(0, get), chunk(1, head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + b"fffffffffffffffff\r\nx")],
        "negative": [chunk(0, head(b"POST / HTTP/1.1", b"Content-Length: -1")), chunk(1, ok)],
        "gap-body": [chunk(0, get), chunk(1, head(b"HTTP/1.1 200 OK", b"Content-Length: 64") + b"x" * 16), chunk(1, b"y" * 32, 2, MS, 1), chunk(0, get), chunk(1, ok)],
        "gap-head": [chunk(0, get[:20]), chunk(0, get, 2, MS, 2), chunk(1, ok), chunk(1, ok, 2, MS, 9)],
        "lost-request": [chunk(0, b"", 2, MS, 4), chunk(1, ok), chunk(0, get), chunk(1, ok)],
        "reset": [chunk(0, get), chunk(1, ok[:30], 8)],
        "snaplen": [chunk(0, get, 0x22), chunk(1, ok, 0x22), chunk(0, get), chunk(1, ok)],
        "twice": [chunk(0, get, 0x12), chunk(1, ok, 0x12)],
        "swapped": [chunk(1, get), chunk(0, ok)],
        "controls": [chunk(0, b"GET /\x1b[31m\x9b\xe2\x80\xae\0 HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n"), chunk(1, b"HTTP/1.1 999 \x07\r\nX\r\n: y\r\n\r\n")],
        "long-line": [chunk(0, b"GET /" + b"a" * 3900, 0)],
        "many-headers": [chunk(0, b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 900 + b"\r\n"), chunk(1, ok)],
        "unanswered": [chunk(0, get[:18] + b"\r\n\r\n") for _ in range(40)],
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        save(folder, "http", name, bytes([i % 8 + (8 if name == "swapped" else 0)]) + b"".join(list_))


def h2(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def http2_seeds(folder):
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = h2(4, 0, 0, bytes.fromhex("000400010000" "000500004000" "000100001000"))
    host = b"\x41\x03abc"
    get = lambda stream, flags=5: h2(1, flags, stream, b"\x82\x86\x44\x03/" + b"%02d" % (stream % 100) + host)
    ok = lambda stream, flags=4: h2(1, flags, stream, b"\x88\x5f\x09text/html")
    data = lambda stream, n, flags=1: h2(0, flags, stream, b"d" * n)
    begin = [chunk(0, hello + settings), chunk(1, settings + h2(4, 1, 0))]
    trailers = h2(1, 5, 1, b"\x40\x0bgrpc-status\x015")
    grpc = h2(1, 4, 1, b"\x83\x86\x44\x04/S/M\x5f\x10application/grpc")
    windows = [chunk(1, ok(1) + data(1, 500, 0)), chunk(1, data(1, 500, 0)), chunk(1, data(1, 24, 0)),
               chunk(0, h2(8, 0, 1, struct.pack(">I", 9)), 2, SECOND), chunk(1, data(1, 9))]
    seeds = {
        "plain": begin + [chunk(0, get(1)), chunk(1, ok(1) + data(1, 40))],
        "bytewise": begin + [chunk(0, get(1) + get(3), 0x40), chunk(1, ok(3, 5) + ok(1) + data(1, 9), 0x41)],
        "at-once": begin + [chunk(0, b"".join(get(i) for i in range(1, 40, 2))), chunk(1, b"".join(ok(i, 5) for i in range(39, 0, -2)))],
        "dynamic": begin + [chunk(0, get(1) + h2(1, 5, 3, b"\x82\x86\xbf\xbe")), chunk(1, ok(1, 5) + h2(1, 5, 3, b"\x88\xbe"))],
        "gap": begin + [chunk(0, get(1)), chunk(1, ok(1) + data(1, 100)[:60]), chunk(1, data(1, 100) + ok(3, 5), 2, MS, 9), chunk(0, get(3), 2, MS, 3), chunk(0, get(5)), chunk(1, ok(5, 5))],
        "midstream": [chunk(0, h2(1, 5, 9, b"\x82\x86\xbf\xbe\x44\x01/")), chunk(1, ok(9, 5)), chunk(0, get(11)), chunk(1, ok(11, 5))],
        "continuation": begin + [chunk(0, h2(1, 1, 1, b"\x82\x86") + h2(9, 0, 1, b"\x44\x02/") + h2(9, 4, 1, b"x" + host)), chunk(1, ok(1, 5))],
        "continuations": begin + [chunk(0, h2(1, 1, 1, b"\x82") + h2(9, 0, 1, b"\x0f") * 200)],
        "padded": begin + [chunk(0, h2(1, 0x2D, 1, b"\x04" + bytes(5) + b"\x82\x86\x84" + host + bytes(4))), chunk(1, ok(1) + h2(0, 9, 1, b"\x03body" + bytes(3)))],
        "bad-padding": begin + [chunk(0, h2(1, 0x0D, 1, b"\xff\x82\x86\x84")), chunk(1, h2(0, 9, 1, b"\xffx")), chunk(0, get(1) + get(3)), chunk(1, ok(1, 5))],
        "push": begin + [chunk(0, get(1)), chunk(1, h2(5, 4, 1, bytes([0, 0, 0, 2]) + b"\x82\x86\x84" + host) + ok(1, 5) + ok(2) + data(2, 5))],
        "reset": begin + [chunk(0, get(1) + get(3) + h2(3, 0, 1, bytes([0, 0, 0, 8]))), chunk(1, ok(1) + h2(3, 0, 3, bytes([0, 0, 0, 2])))],
        "resets": begin + [chunk(0, b"".join(get(i) + h2(3, 0, i, bytes([0, 0, 0, 8])) for i in range(1, 150, 2)))],
        "goaway": begin + [chunk(0, get(1) + get(3)), chunk(1, h2(7, 0, 0, struct.pack(">II", 1, 11)) + ok(1, 5))],
        "grpc": begin + [chunk(0, grpc + data(1, 10)), chunk(1, ok(1) + data(1, 7, 0) + trailers)],
        "interim": begin + [chunk(0, get(1)), chunk(1, h2(1, 4, 1, b"\x48\x03103")), chunk(1, ok(1, 5))],
        "window": [chunk(0, hello + h2(4, 0, 0, bytes.fromhex("000400000400"))), begin[1], chunk(0, get(1))] + windows,
        "window-overflow": begin + [chunk(0, get(1) + h2(8, 0, 0, b"\x7f\xff\xff\xff") * 3 + h2(8, 0, 1, b"\x7f\xff\xff\xff") * 3), chunk(1, ok(1) + data(1, 30))],
        "table-size": begin + [chunk(0, h2(1, 5, 1, b"\x3f\xe1\xff\x03\x82\x86\x84" + host) + h2(1, 5, 3, b"\x20\x82\x86\x84\xbe")), chunk(1, ok(1, 5))],
        "bomb": begin + [chunk(0, h2(1, 5, 1, b"\x82\x86\x84\x40\x01a\x7f\xa1\x0f" + b"b" * 2080 + b"\xbe" * 900)), chunk(1, ok(1, 5))],
        "bad-block": begin + [chunk(0, h2(1, 5, 1, b"\x82\x80\xff\xff\xff\xff\xff\xff")), chunk(0, get(3)), chunk(1, ok(3, 5))],
        "late": begin + [chunk(0, get(1) + h2(3, 0, 1, bytes([0, 0, 0, 8]))), chunk(1, ok(1) + data(1, 3))],
        "early": begin + [chunk(0, get(1, 4)), chunk(1, ok(1, 5)), chunk(0, data(1, 9))],
        "twice": begin + [chunk(0, get(1), 0x12), chunk(1, ok(1) + data(1, 9), 0x13)],
        "snaplen": begin + [chunk(0, get(1), 0x22), chunk(1, ok(1) + data(1, 60), 0x23), chunk(0, get(3)), chunk(1, ok(3, 5))],
        "upgrade": [chunk(0, b"GET /u HTTP/1.1\r\nHost: e\r\nUpgrade: h2c\r\n\r\n"), chunk(1, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + settings), chunk(0, hello + settings + get(3)), chunk(1, ok(3, 5) + ok(1) + data(1, 9))],
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        run = 8 if name == "midstream" else i % 8
        save(folder, "http2", name, bytes([run]) + b"".join(list_))
def rpc_seeds(folder):
    u32 = lambda *n: struct.pack(">%dI" % len(n), *n)
    sys_ = u32(1, 24, 1, 1) + b"m\0\0\0" + u32(0, 0, 0)
    call = lambda xid, prog, vers, proc, args=b"", cred=sys_: u32(xid, 0, 2, prog, vers, proc) + cred + u32(0, 0) + args
    reply = lambda xid, body=b"", status=0: u32(xid, 1, 0, 0, 0, status) + body
    mark = lambda m, more=0: u32(len(m) | (0 if more else 1 << 31)) + m
    fh2, fh3 = b"h" * 32, u32(4) + b"hhhh"
    attr2 = u32(*range(1, 18))
    getattr_ = call(1, 100003, 3, 1, fh3)
    gss = lambda proc, service: u32(6, 24, 1, proc, 7, service, 4) + b"hand"
    sequence = u32(53) + b"s" * 16 + u32(1, 0, 0, 0)
    compound = lambda *ops, minor=1: u32(0, minor, len(ops)) + b"".join(ops)
    bodies = {
        "v2-getattr": (call(1, 100003, 2, 1, fh2), reply(1, u32(0) + attr2)),
        "v2-lookup": (call(1, 100003, 2, 4, fh2 + u32(1) + b"a\0\0\0"), reply(1, u32(0) + fh2 + attr2)),
        "v2-read": (call(1, 100003, 2, 6, fh2 + u32(0, 8, 8)), reply(1, u32(0) + attr2 + u32(8) + b"12345678")),
        "v2-write": (call(1, 100003, 2, 8, fh2 + u32(0, 0, 8, 8) + b"12345678"), reply(1, u32(0) + attr2)),
        "v2-readdir": (call(1, 100003, 2, 16, fh2 + u32(0, 99)), reply(1, u32(0, 1, 7, 1) + b"n\0\0\0" + u32(1, 0, 1))),
        "gss-init": (call(1, 100003, 4, 0, u32(4) + b"tokn", gss(1, 1)), reply(1, u32(0))),
        "gss-integrity": (call(1, 100003, 3, 1, u32(12, 7) + fh3 + u32(4) + b"csum", gss(0, 2)), reply(1, u32(8, 7, 70, 4) + b"csum")),
        "gss-privacy": (call(1, 100003, 3, 1, u32(8) + b"secret!!", gss(0, 3)), reply(1, u32(8) + b"secret!!")),
        "denied": (getattr_, u32(1, 1, 1, 1, 5)),
        "mismatch": (getattr_, reply(1, u32(2, 4), 2)),
        "huge-name": (call(1, 100003, 3, 3, fh3 + u32(0xFFFFFFFF) + b"x"), reply(1, u32(2, 0))),
        "huge-handle": (call(1, 100003, 3, 1, u32(0x7FFFFFFF) + b"x" * 40), reply(1, u32(70))),
        "huge-count": (call(1, 100003, 4, 1, u32(0, 0, 0xFFFFFFFF) + u32(24) * 90), reply(1, u32(0, 0, 0xFFFFFFFF) + u32(24, 0) * 90)),
        "unknown-op": (call(1, 100003, 4, 1, compound(sequence, u32(4242))), reply(1, u32(10044, 0, 1, 53, 0))),
        "attributes": (call(1, 100003, 4, 1, compound(sequence, u32(9, 2, 0xFFFFFFFF, 0xFFFFFFFF))), reply(1, u32(0, 0, 1, 9, 0, 2, 0xFFFFFFFF, 0xFFFFFFFF, 64) + bytes(64))),
        "callback": (call(1, 0x40000000, 1, 1, u32(0, 1, 9, 1, 4) + b"s" * 16 + u32(1) + fh3), reply(1, u32(0, 0, 1, 4, 0))),
        "getport": (call(1, 100000, 2, 3, u32(100003, 3, 6, 0)), reply(1, u32(2049))),
        "getaddr": (call(1, 100000, 4, 3, u32(100003, 3, 3) + b"tcp\0" + u32(0, 0)), reply(1, u32(9) + b"1.2.3.4.8.1\0"[:12])),
        "nlm-lock": (call(1, 100021, 4, 2, u32(1) + b"c\0\0\0" + u32(1, 1, 1) + b"h\0\0\0" + fh3 + fh3 + u32(1, 0, 0, 0, 0, 0, 1)), reply(1, u32(1) + b"c\0\0\0" + u32(3))),
        "v2-acl-get": (call(1, 100227, 2, 1, fh2 + u32(15)), reply(1, u32(0) + attr2 + u32(15, 1, 1, 1, 0, 6, 0, 0))),
        "v2-acl-set": (call(1, 100227, 2, 2, fh2 + u32(1, 2, 2) + u32(1, 0, 6) * 2 + u32(0, 0)), reply(1, u32(0) + attr2)),
        "v3-acl-get": (call(1, 100227, 3, 1, fh3 + u32(15)), reply(1, u32(0, 1) + bytes(84) + u32(15, 2, 2) + u32(1, 0, 6) * 2 + u32(3, 0))),
        "v3-acl-set": (call(1, 100227, 3, 2, fh3 + u32(5, 1, 1, 1, 0, 6, 1, 0x10000000)), reply(1, u32(22, 0))),
        "nsm-mon": (call(1, 100024, 1, 2, u32(1) + b"h\0\0\0" + u32(1) + b"m\0\0\0" + u32(100021, 4, 16) + bytes(16)), reply(1, u32(0, 3))),
        "rquota": (call(1, 100011, 1, 1, u32(4) + b"/srv" + u32(1000)), reply(1, u32(1, 4096, 1) + u32(*range(8)))),
        "mount": (call(1, 100005, 1, 1, u32(4) + b"/srv"), reply(1, u32(0) + fh2)),
        "credential": (call(1, 100003, 3, 1, fh3, u32(1, 400) + u32(1, 0xFFFFFFF0) + b"m" * 392), reply(1)),
    }
    seeds = {name: [chunk(0, mark(c)), chunk(1, mark(r))] for name, (c, r) in bodies.items()}
    seeds |= {name + "-udp": [chunk(0, c, 0x80), chunk(0, c, 0x80), chunk(1, r, 0x80), chunk(1, r, 0x80)] for name, (c, r) in bodies.items()}
    other = call(2, 100003, 3, 1, fh3)
    seeds |= {
        "in-flight": [chunk(0, mark(getattr_) + mark(other)), chunk(1, mark(reply(2, u32(70))) + mark(reply(1, u32(70))))],
        "fragments": [chunk(0, b"".join(mark(getattr_[i : i + 1], 1) for i in range(len(getattr_))) + mark(b"")), chunk(1, mark(reply(1, u32(70)), 1) + mark(b""))],
        "empty-fragments": [chunk(0, mark(b"", 1) * 500 + mark(getattr_))],
        "huge-mark": [chunk(0, u32(0xFFFFFFFF) + getattr_), chunk(0, b"x" * 1000), chunk(1, u32(0x7FFFFFFF) + reply(1, u32(70)))],
        "short-record": [chunk(0, mark(getattr_[:20])), chunk(0, mark(getattr_)), chunk(1, mark(reply(1)[:8])), chunk(1, mark(reply(1, u32(70))))],
        "gap": [chunk(0, mark(getattr_)), chunk(1, mark(reply(1, b"d" * 400))[:100]), chunk(1, b"d" * 50, 2, MS, 4), chunk(0, mark(other)), chunk(1, mark(reply(2, u32(70))), 2, MS, 9)],
        "again": [chunk(0, mark(getattr_)), chunk(0, mark(getattr_)), chunk(1, mark(reply(1, u32(70)))), chunk(0, mark(getattr_)), chunk(1, mark(reply(1, u32(70))))],
        "back-channel": [chunk(0, mark(getattr_)), chunk(1, mark(bodies["callback"][0])), chunk(0, mark(bodies["callback"][1])), chunk(1, mark(reply(1, u32(70))))],
        "bytewise": [chunk(0, mark(getattr_), 0x40), chunk(1, mark(reply(1, u32(70))), 0x41)],
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        save(folder, "rpc", name, bytes([i % 8]) + b"".join(list_))


def rpc_of_capture(folder, name, frames):
    """The TCP payloads of ports that servers have, in files of at most LIMIT bytes."""
    streams = {}
    for f in frames:
        if f[12:14] != b"\x08\0" or f[23] not in (6, 17):
            continue
        at = 14 + (f[14] & 15) * 4
        sport, dport = struct.unpack(">HH", f[at : at + 4])
        data = f[at + (8 if f[23] == 17 else (f[at + 12] >> 4) * 4) : 14 + struct.unpack(">H", f[16:18])[0]]
        server = sport in (111, 2049, 20048)
        if data and (server or dport in (111, 2049, 20048)):
            what = 2 if f[23] == 6 else 0x80
            streams.setdefault((f[23], dport if server else sport), []).append(chunk(int(server), data[:1400], what))
    n, seed = 0, b""
    for chunks in streams.values():
        for c in chunks:
            if len(seed) + len(c) + 1 > LIMIT - 1:
                save(folder, "rpc", "of-%s-%d" % (name, n), b"\x0b" + seed)
                n, seed = n + 1, b""
            seed += c
            if n == 12:
                return


def smtp_seeds(folder):
    hello = b"220 a ESMTP\r\n"
    ehlo, caps = b"EHLO c\r\n", b"250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
    mail, rcpt, ok = b"MAIL FROM:<a@b.c> SIZE=9 BODY=8BITMIME\r\n", b"RCPT TO:<d@e.f>\r\n", b"250 2.1.0 Ok\r\n"
    data, go = b"DATA\r\n", b"354 go\r\n"
    body = b"Subject: x\r\n y\r\nMessage-ID: <1@b.c>\r\n\r\nline\r\n..dot\r\n.\r\n"
    bye = [chunk(0, b"QUIT\r\n"), chunk(1, b"221 2.0.0 Bye\r\n", 6)]
    start = [chunk(1, hello), chunk(0, ehlo), chunk(1, caps)]
    one = [chunk(0, mail), chunk(1, ok), chunk(0, rcpt), chunk(1, ok), chunk(0, data), chunk(1, go), chunk(0, body), chunk(1, b"250 2.0.0 queued as 1\r\n")]
    piped = [chunk(0, mail + rcpt * 3 + data), chunk(1, ok * 2 + b"550 5.1.1 no <x@y.z>\r\n" + ok + go), chunk(0, body), chunk(1, ok)]
    seeds = {
        "plain": start + one + bye,
        "bytewise": [chunk(1, hello, 0x43), chunk(0, ehlo, 0x42), chunk(1, caps, 0x43)] + [bytes([c[0] | 0x40]) + c[1:] for c in one] + bye,
        "pipeline": start + piped + piped + bye,
        "all-at-once": start + [chunk(0, mail + rcpt + data + body + b"QUIT\r\n"), chunk(1, ok * 2 + go + ok + b"221 Bye\r\n")],
        "refused": start + [chunk(0, mail), chunk(1, b"550-no\r\n550 5.7.1 no\r\n"), chunk(0, rcpt + data), chunk(1, b"503 5.5.1 no\r\n" * 2), chunk(0, b"RSET\r\n"), chunk(1, ok)] + bye,
        "data-refused": start + [chunk(0, mail + rcpt + data), chunk(1, ok + b"550 no\r\n554 none\r\n")] + bye,
        "repeated-data": start + [chunk(0, data), chunk(1, b"503 5.5.1 no\r\n")] * 20,
        "bdat": start + [chunk(0, mail + rcpt + b"BDAT 14\r\nSubject: a\r\n\r\nBDAT 4 LAST\r\nabcd" + mail), chunk(1, ok * 5)] + bye,
        "bdat-huge": start + [chunk(0, mail + rcpt + b"BDAT 18446744073709551615 LAST\r\nabcd"), chunk(1, ok * 2), chunk(0, b"BDAT 999999999999999999\r\nxx"), chunk(1, ok)],
        "bdat-gap": start + [chunk(0, mail + rcpt + b"BDAT 100 LAST\r\nSubject: a"), chunk(0, b"x" * 57 + b"QUIT\r\n", 2, MS, 2), chunk(1, ok * 3)],
        "auth": start + [chunk(0, b"AUTH PLAIN AGEAYg==\r\n"), chunk(1, b"235 2.7.0 ok\r\n"), chunk(0, b"AUTH LOGIN\r\n"), chunk(1, b"334 VXNlcg==\r\n"), chunk(0, b"c2VjcmV0\r\n"), chunk(1, b"334 x\r\n"), chunk(0, b"c2VjcmV0\r\n"), chunk(1, b"535 5.7.8 no\r\n")] + bye,
        "starttls": start + [chunk(0, b"STARTTLS\r\n"), chunk(1, b"220 2.0.0 go\r\n"), chunk(0, b"\x16\x03\x01\0\x05\x01\0\0\x01x"), chunk(1, b"\x16\x03\x03\0\x05\x02\0\0\x01x")],
        "starttls-refused": start + [chunk(0, b"STARTTLS\r\nNOOP\r\n"), chunk(1, b"454 4.7.0 no\r\n"), chunk(1, ok)] + bye,
        "lmtp": [chunk(1, b"220 a LMTP\r\n"), chunk(0, b"LHLO c\r\n"), chunk(1, caps), chunk(0, mail + rcpt * 3 + data), chunk(1, ok * 4 + go), chunk(0, body), chunk(1, ok * 2 + b"452 4.2.2 full\r\n")] + bye,
        "late": [chunk(0, ehlo), chunk(1, hello, 2, LONG), chunk(1, caps)] + one,
        "gap-command": start + one[:2] + [chunk(0, data, 2, MS, 1), chunk(1, ok + go), chunk(0, body), chunk(1, ok)] + bye,
        "gap-reply": start + one[:5] + [chunk(1, b"", 2, MS, 1), chunk(0, body), chunk(1, ok)] + bye,
        "gap-body": start + one[:6] + [chunk(0, body[:20]), chunk(0, b"more\r\n", 2, MS, 2), chunk(1, ok), chunk(0, mail), chunk(1, ok)] + bye,
        "gap-auth": start + [chunk(0, b"AUTH LOGIN\r\n"), chunk(1, b"", 3, MS, 1), chunk(0, b"c2VjcmV0\r\n"), chunk(1, b"535 no\r\n")] + bye,
        "one-way": [chunk(0, ehlo + mail + rcpt + data, 0), chunk(0, body + b"QUIT\r\n", 0)],
        "one-way-back": [chunk(1, hello + caps + ok + ok + go + ok, 0)],
        "midstream": one + bye,
        "swapped": [chunk(0, hello), chunk(1, ehlo), chunk(0, caps)],
        "controls": start + [chunk(0, b"MAIL FROM:<\x1b[31m\x9b@\xe2\x80\xae>\r\n"), chunk(1, b"550 \x07\0\xff\r\n")] + bye,
        "bare-lf": [chunk(1, hello.replace(b"\r", b"")), chunk(0, (mail + data).replace(b"\r", b"")), chunk(1, ok + go), chunk(0, body.replace(b"\r", b"")), chunk(1, ok)],
        "long-line": start + [chunk(0, b"MAIL FROM:<" + b"a" * 3000, 0)],
        "long-reply": [chunk(1, b"220-" + b"a" * 3000, 0)],
        "many-rcpt": start + [chunk(0, mail + rcpt * 100)] + [chunk(1, ok * 101)] + bye,
        "mails": start + [chunk(0, (mail + rcpt + b"BDAT 2 LAST\r\nab") * 8), chunk(1, ok * 24)] + bye,
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        run = i % 8 + (8 if name in ("swapped", "midstream") else 0) + (16 if name == "lmtp" else 0)
        save(folder, "smtp", name, bytes([run]) + b"".join(list_))


def tls_seeds(folder):
    def record(kind, body):
        return struct.pack(">BHH", kind, 0x0303, len(body)) + body

    def hello(kind, body):
        return record(22, struct.pack(">BBH", kind, 0, len(body)) + body)

    def extension(kind, body):
        return struct.pack(">HH", kind, len(body)) + body

    name = extension(0, b"\0\6\0\0\3a.b") + extension(16, b"\0\x0c\2h2\x08http/1.1")
    client = lambda ext: hello(1, b"\3\3" + b"r" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(ext)) + ext)
    server = lambda ext, random=b"s" * 32, cipher=b"\x13\1": hello(2, b"\3\3" + random + b"\0" + cipher + b"\0" + struct.pack(">H", len(ext)) + ext)
    new, ccs, data, finished = extension(43, b"\3\4"), record(20, b"\1"), record(23, b"x" * 40), record(22, b"f" * 40)
    retry = bytes.fromhex("cf21ad74e59a6111") + b"r" * 24
    alpn = extension(16, b"\0\3\2h2")
    seeds = {
        "new": [chunk(0, client(name)), chunk(1, server(new) + ccs + data), chunk(0, ccs + data), chunk(1, data)],
        "bytewise": [chunk(0, client(name), 0x42), chunk(1, server(new) + ccs + data, 0x43), chunk(0, ccs + data, 0x42)],
        "old": [chunk(0, client(name)), chunk(1, server(alpn, cipher=b"\xc0\x2f") + record(22, b"\x0b\0\0\4cert")), chunk(0, record(22, b"\x10\0\0\1k") + ccs + finished), chunk(1, ccs + finished), chunk(0, data)],
        "resumed": [chunk(0, client(name)), chunk(1, server(b"", cipher=b"\0\x99") + ccs + finished), chunk(0, ccs + finished + data)],
        "retry": [chunk(0, client(name)), chunk(1, server(new, retry) + ccs), chunk(0, ccs + client(name)), chunk(1, server(new + extension(41, b"\0\0")) + data), chunk(0, data)],
        "alert": [chunk(0, client(b"")), chunk(1, record(21, b"\2\x28"), 6)],
        "gap": [chunk(0, client(name)), chunk(1, server(new)), chunk(1, data, 2, MS, 4), chunk(0, ccs + data)],
        "lengths": [chunk(0, client(b"\0\0\xff\xff" + name)), chunk(1, server(b"\0\x10\0\5\0\xff\xffab"))],
        "huge": [chunk(0, b"\x16\3\3\xff\xff\1\0\xff\xff" + b"x" * 100)],
        "swapped": [chunk(1, client(name)), chunk(0, server(new)), chunk(1, data)],
        "not": [chunk(0, b"GET / HTTP/1.1\r\n\r\n"), chunk(1, record(21, b"\2\x0a"))],
    }
    for i, (title, list_) in enumerate(sorted(seeds.items())):
        run = i % 8 + (8 if title == "swapped" else 0) + (16 if title == "old" else 0)
        save(folder, "tls", title, bytes([run]) + b"".join(list_))


def dns_seeds(folder):
    def message(ident, flags, question, *sections, counts=None):
        counts = counts or (1, *(len(s) for s in sections), *[0] * (3 - len(sections)))
        return struct.pack(">6H", ident, flags, *counts) + question + b"".join(b"".join(s) for s in sections)

    name = b"\3www\1a\4test\0"
    ask = lambda n=name, kind=1: n + struct.pack(">HH", kind, 1)
    record = lambda n, kind, data, ttl=60, cls=1: n + struct.pack(">HHIH", kind, cls, ttl, len(data)) + data
    opt = record(b"\0", 41, b"", 0x8000, 4096)
    here = b"\xc0\x0c"
    q = message(1, 0x0100, ask(), [], [], [opt])
    r = message(1, 0x8180, ask(), [record(here, 5, b"\1b\xc0\x10"), record(here, 1, b"\n\0\0\1"), record(here, 28, b"\xfd" + b"\0" * 14 + b"\1")], [], [opt])
    udp = lambda side, m, span=MS: chunk(side, m, 0x80, span)
    tcp = lambda m: struct.pack(">H", len(m)) + m
    datagrams = {
        "plain": [udp(0, q), udp(1, r)],
        "again": [udp(0, q), udp(0, q, SECOND), udp(1, r), udp(1, r)],
        "never": [udp(0, q), udp(0, q, LONG)],
        "loop": [udp(0, message(2, 0x0100, b"\xc0\x0c\0\1\0\1")), udp(1, message(2, 0x8180, b"\1a\xc0\x0e\0\1\0\1"))],
        "ladder": [udp(0, message(3, 0x0100, ask())), udp(1, message(3, 0x8180, ask(), [record(b"\1a\xc0\x0c", 5, b"\1b\xc0\x1e"), record(b"\xc0\x1e", 5, b"\xc0\x2c")]))],
        "long-name": [udp(0, message(4, 0x0100, ask((b"\x3f" + b"x" * 63) * 4 + b"\0")))],
        "counts": [udp(0, message(5, 0x0100, ask())), udp(1, message(5, 0x8180, ask(), [], counts=(1, 65535, 65535, 65535)))],
        "lengths": [udp(0, message(6, 0x0100, ask())), udp(1, message(6, 0x8180, ask(), [here + struct.pack(">HHIH", 1, 1, 0, 65535)]))],
        "no-question": [udp(0, q), udp(1, message(1, 0x8181, b"", counts=(0, 0, 0, 0)))],
        "root": [udp(0, message(7, 0x0100, ask(b"\0", 2))), udp(1, message(7, 0x8583, ask(b"\0", 2)))],
        "bytes": [udp(0, message(8, 0x0100, ask(b"\6\x1b[3.\\\xff\0")))],
        "unasked": [udp(1, r), udp(1, message(9, 0x8180, ask(), counts=(1, 0, 0, 0)))],
        "short": [udp(0, q[:11]), udp(0, q[:20]), udp(1, r[:40])],
    }
    for i, (title, list_) in enumerate(sorted(datagrams.items())):
        save(folder, "dns", title, bytes([8 + i % 8]) + b"".join(list_))
    streams = {
        "tcp": [chunk(0, tcp(q) + tcp(message(2, 0x0100, ask()))), chunk(1, tcp(message(2, 0x8180, ask())) + tcp(r))],
        "tcp-bytewise": [chunk(0, tcp(q), 0x42), chunk(1, tcp(r), 0x43)],
        "tcp-gap": [chunk(0, tcp(q)), chunk(1, tcp(r)[9:], 2, MS, 1), chunk(0, tcp(q)), chunk(1, tcp(r))],
        "tcp-huge": [chunk(0, b"\xff\xff" + q), chunk(1, b"\0\0" + tcp(r))],
        "tcp-transfer": [chunk(0, tcp(message(3, 0, ask(kind=252)))), chunk(1, tcp(message(3, 0x8400, ask(kind=252))) * 3)],
    }
    for i, (title, list_) in enumerate(sorted(streams.items())):
        save(folder, "dns", title, bytes([i % 8]) + b"".join(list_))


def mysql_packet(seq, *parts):
    data = b"".join(parts)
    return struct.pack("<I", len(data))[:3] + bytes([seq]) + data


def mysql_seeds(folder):
    pk = mysql_packet
    caps = 0x01FFF7DF | 1 << 27

    def greeting(version=b"8.0.30", flags=caps):
        return pk(0, b"\x0a", version, b"\0", b"\1\0\0\0", b"a" * 8, b"\0", struct.pack("<H", flags & 0xFFFF), b"\x21\2\0",
                  struct.pack("<H", flags >> 16), b"\x15", b"\0" * 10, b"b" * 12, b"\0", b"caching_sha2_password\0")

    def login(flags=caps):
        return pk(1, struct.pack("<II", flags, 1 << 24), b"\x21", b"\0" * 23, b"app\0", b"\x04pass", b"shop\0", b"mysql_native_password\0")

    ok = lambda seq, status=2, more=b"": pk(seq, b"\0\1\2", struct.pack("<HH", status, 0), more)
    eof = lambda seq, status=2: pk(seq, b"\xfe", struct.pack("<HH", 0, status))
    ok_eof = lambda seq, status=2: pk(seq, b"\xfe\0\0", struct.pack("<HH", status, 0))
    err = lambda seq, text=b"Duplicate entry 'it's' for key 'PRIMARY'": pk(seq, b"\xff", struct.pack("<H", 1062), b"#23000", text)
    column = lambda seq: pk(seq, b"\3def\1a\1b\1c\1d\1e\x0c\x21\0\x10\0\0\0\xfd\0\0\0\0\0")
    query = lambda text, attributes=b"": pk(0, b"\3", attributes, text)
    result = pk(1, b"\1") + column(2) + eof(3) + pk(4, b"\3abc") + pk(5, b"\xfb") + eof(6)
    short = pk(1, b"\1") + column(2) + pk(3, b"\3abc") + ok_eof(4)
    start = [chunk(1, greeting()), chunk(0, login()), chunk(1, ok(2))]
    old = [chunk(1, greeting(b"5.0.1", 0xFFFF)), chunk(0, login(0xA60D)), chunk(1, ok(2))]
    prepare = pk(0, b"\x16select ?")
    prepared = pk(1, b"\0\7\0\0\0\1\0\1\0\0\0\0") + column(2) + eof(3) + column(4) + eof(5)
    execute = pk(0, b"\x17\7\0\0\0\0\1\0\0\0\0\1\3\0\1\0\0\0")

    def event(seq, kind, body, time=1600000000, front=b"\0"):
        return pk(seq, front, struct.pack("<IBIIIH", time, kind, 1, 19 + len(body), 400, 0), body)

    rotate = event(1, 4, struct.pack("<Q", 4) + b"binlog.000001", 0)
    statement = event(2, 2, struct.pack("<IIBHH", 1, 0, 4, 0, 0) + b"shop\0create table t(a int)")

    def dump_gtid(file=b"", position=4, uuids=1, intervals=((1, 6), (7, 8))):
        gtids = struct.pack("<Q", uuids) + bytes(range(16)) + struct.pack("<Q", len(intervals))
        gtids += b"".join(struct.pack("<QQ", *i) for i in intervals)
        return pk(0, b"\x1e", struct.pack("<HII", 4, 2, len(file)), file, struct.pack("<QI", position, len(gtids)), gtids)

    gtid = event(2, 33, b"\1" + bytes(range(16)) + struct.pack("<Q", 9))

    def squeeze(seq, data, plain=False):
        out = data if plain else zlib.compress(data)
        return struct.pack("<I", len(out))[:3] + bytes([seq]) + struct.pack("<I", 0 if plain else len(data))[:3] + out

    zipped = [chunk(1, greeting()), chunk(0, login(caps | 0x20)), chunk(1, ok(2))]
    attributes = b"\2\1\0\1\xfe\0\2k1\3\0\2k2\2v1\1\0\0\0"
    seeds = {
        "query": start + [chunk(0, query(b"select 1", b"\0\1")), chunk(1, short)],
        "attributes": start + [chunk(0, query(b"select 'x'", attributes)), chunk(1, short)],
        "bytewise": [chunk(1, greeting(), 0x41), chunk(0, login(), 0x40), chunk(1, ok(2), 0x41), chunk(0, query(b"select 1", b"\0\1"), 0x40), chunk(1, short, 0x41)],
        "old": old + [chunk(0, query(b"select a from b")), chunk(1, result)],
        "error": start + [chunk(0, query(b"insert into t values (1)", b"\0\1")), chunk(1, err(1))],
        "multi": old + [chunk(0, query(b"select 1; select 2")), chunk(1, result[:-2] + b"\x0a\0" + result[:3] + b"\7" + result[4:])],
        "prepare": old + [chunk(0, prepare), chunk(1, prepared), chunk(0, execute), chunk(1, result), chunk(0, pk(0, b"\x19\7\0\0\0") + pk(0, b"\1"))],
        "long-data": old + [chunk(0, prepare), chunk(1, prepared), chunk(0, pk(0, b"\x18\7\0\0\0\0\0", b"z" * 200) + execute), chunk(1, ok(1))],
        "fetch": old + [chunk(0, pk(0, b"\x1c\7\0\0\0\x0a\0\0\0")), chunk(1, pk(1, b"\0\0\1") + eof(2))],
        "infile": old + [chunk(0, query(b"load data local infile 'x' into table t")), chunk(1, pk(1, b"\xfbx")), chunk(0, pk(2, b"1,2\n") + pk(3)), chunk(1, ok(4))],
        "auth-switch": [chunk(1, greeting()), chunk(0, login()), chunk(1, pk(2, b"\xfecaching_sha2_password\0", b"c" * 20, b"\0")), chunk(0, pk(3, b"d" * 32)), chunk(1, pk(4, b"\1\3") + ok(5))],
        "tls": [chunk(1, greeting()), chunk(0, pk(1, struct.pack("<II", caps | 0x800, 1 << 24), b"\x21", b"\0" * 23)), chunk(0, b"\x16\3\1\0\5hello")],
        "change-user": old + [chunk(0, pk(0, b"\x11bob\0\1xdb\0\x21\0mysql_native_password\0")), chunk(1, ok(1))],
        "state": start + [chunk(0, query(b"use other", b"\0\1")), chunk(1, ok(1, 0x4002, b"\0\x08\1\6\5other"))],
        "small": old + [chunk(0, pk(0, b"\x0e")), chunk(1, ok(1)), chunk(0, pk(0, b"\x09")), chunk(1, pk(1, b"Uptime: 1")), chunk(0, pk(0, b"\4t\0")), chunk(1, column(1) + eof(2))],
        "dump": old + [chunk(0, pk(0, b"\x12\4\0\0\0\0\0\2\0\0\0binlog.000001")), chunk(1, rotate + statement), chunk(1, eof(3))],
        "semisync": old + [chunk(0, pk(0, b"\x12\4\0\0\0\0\0\2\0\0\0b")), chunk(1, rotate), chunk(1, event(2, 16, b"\0" * 8, front=b"\0\xef\1")), chunk(0, pk(0, b"\xef", struct.pack("<Q", 400), b"b"))],
        "gtid": old + [chunk(0, dump_gtid(b"binlog.000001")), chunk(1, rotate + gtid + event(3, 162, bytes(12)))],
        "gtid-counts": old + [chunk(0, dump_gtid(uuids=1 << 55)), chunk(1, err(1)), chunk(0, dump_gtid(intervals=((5, 6), (1, 1 << 63)))), chunk(1, err(1))],
        "gtid-midstream": [chunk(0, dump_gtid()), chunk(1, rotate + gtid)],
        "log-midstream": [chunk(1, gtid + statement), chunk(0, pk(0, b"\xef", struct.pack("<Q", 400), b"b")), chunk(1, rotate)],
        "lengths": old + [chunk(0, query(b"select 1")), chunk(1, pk(1, b"\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff")), chunk(1, pk(1, b"\xfc\xff"))],
        "full": old + [chunk(0, b"\xff\xff\xff\0\3select '" + b"x" * 600), chunk(1, ok(2))],
        "midstream": [chunk(0, query(b"select 1")), chunk(1, result), chunk(0, execute), chunk(1, short)],
        "gap-rows": old + [chunk(0, query(b"select 1")), chunk(1, result[:30]), chunk(1, result[40:], 2, MS, 1), chunk(0, query(b"select 2")), chunk(1, result)],
        "gap-command": old + [chunk(0, b"", 2, MS, 9), chunk(1, result), chunk(0, query(b"select 2")), chunk(1, result)],
        "killed": old + [chunk(0, query(b"select sleep(9)")), chunk(1, err(0), 4)],
        "swapped": [chunk(1, query(b"select 1")), chunk(0, result)],
        "compressed": zipped + [chunk(0, squeeze(0, query(b"select 1" + b" " * 60))), chunk(1, squeeze(1, result, True) + squeeze(2, result))],
        "compressed-middle": [chunk(0, squeeze(0, query(b"select 1"), True)), chunk(1, squeeze(1, result))],
        "bomb": zipped + [chunk(0, squeeze(0, query(b"select 1"), True)), chunk(1, squeeze(1, pk(1, b"\0" * 2500000)))],
    }
    for i, (name, list_) in enumerate(sorted(seeds.items())):
        middle = name in ("swapped", "compressed-middle") or name.endswith("midstream")
        save(folder, "mysql", name, bytes([i % 8 + (8 if middle else 0)]) + b"".join(list_))


def from_capture(folder, path):
    name = os.path.splitext(os.path.basename(path))[0]
    with open(path, "rb") as f:
        whole = f.read()
        data = whole[:LIMIT]
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, frames = 24, []
    while at + 16 <= len(data):
        n = struct.unpack(order + "IIII", data[at : at + 16])[2]
        if at + 16 + n > len(data):
            break
        frames.append(data[at + 16 : at + 16 + n])
        at += 16 + n
    save(folder, "file", "of-" + name, data[:at])
    if name.startswith("nfs"):
        at, all_ = 24, []
        while at + 16 <= len(whole):
            n = struct.unpack(order + "IIII", whole[at : at + 16])[2]
            all_.append(whole[at + 16 : at + 16 + n])
            at += 16 + n
        rpc_of_capture(folder, name, all_)
    link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    save(folder, "layers", "of-" + name, layers_seed(link, frames[:6]))


def main():
    folder = sys.argv[1]
    file_seeds(folder)
    layers_seeds(folder)
    stream_seeds(folder)
    http_seeds(folder)
    http2_seeds(folder)
    rpc_seeds(folder)
    smtp_seeds(folder)
    tls_seeds(folder)
    dns_seeds(folder)
    mysql_seeds(folder)
    worlds = {}
    for name, run, operations in seeds_world.worlds():
        worlds[name] = operations
        save(folder, "conversation", name, bytes([run]) + operations)
    for name, run, settings, keys, world in seeds_world.views():
        head = bytes([run, len(settings)]) + settings + bytes([len(keys)]) + keys
        save(folder, "view", name, head + worlds[world])
    for name, run, blocks in seeds_pcapng.files():
        save(folder, "pcapng", name, bytes([run]) + blocks)
    for kind, texts in (("filter", seeds_text.FILTERS), ("options", seeds_text.OPTIONS)):
        for name, text in texts.items():
            save(folder, kind, name, text)
    for path in sys.argv[2:]:
        from_capture(folder, path)


main()
