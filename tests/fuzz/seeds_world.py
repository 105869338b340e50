"""Seeds of the targets whose inputs are operations (world.c): conversation, view."""


def b(*a):
    return bytes(a)


def time(code, back=0):
    return b(back << 7, code)


def proto(c, which, v6=0):
    return b(1 | c << 4 | v6 << 7, which)


def begin(c, options=15 | 7 << 5, rtt=40, far=0):
    return b(2 | c << 4 | far << 7, options, rtt)


def syn(c, side=0, options=15, message=None):
    return b(3 | c << 4 | side << 6 | (message is not None) << 7, options) + (b"" if message is None else b(message))


def say(c, which, step=0, side=0, change=None):
    return b(4 | c << 4 | side << 6 | (change is not None) << 7, which, step) + b(*(change or ()))


def raw(c, side, data):
    return b(5 | c << 4 | side << 6, len(data)) + data


def ack(c, side, window=15, behind=0, sack=0):
    return b(6 | c << 4 | side << 6 | sack << 7, window, behind)


def fin(c, side):
    return b(7 | c << 4 | side << 6)


def reset(c, side, outside=0):
    return b(8 | c << 4 | side << 6 | outside << 7)


def fate(what, n=1):
    return b(9, what, n)


def again(c, side, back, n, other=0):
    return b(10 | c << 4 | side << 6 | other << 7, back, n)


def elsewhere(c, side, distance, n, ack_too=0):
    return b(11 | c << 4 | side << 6 | ack_too << 7) + (distance & 0xFFFF).to_bytes(2, "big") + b(n)


def probe(c, side, closed=0):
    return b(12 | c << 4 | side << 6 | closed << 7)


def icmp(c, side, what):
    return b(13 | c << 4 | side << 6, what)


def datagram(c, which, side=0):
    return b(14 | c << 4 | side << 6, which)


def other(c, what, side=0):
    return b(15 | c << 4 | side << 6, what)


def talk(c, protocol, messages, step=0):
    said = b"".join(time(40) + say(c, m, step) + ack(c, 1) for m in messages)
    return proto(c, protocol) + begin(c) + said + fin(c, 0) + fin(c, 1) + ack(c, 0)


NAMES = ["http", "http2", "mysql", "rpc", "smtp", "tls", "dns", "proxied"]  # as fuzz_protocols


def worlds():
    """name, operations"""
    for i, n in enumerate(NAMES):
        yield "whole-" + n, 0xe0, talk(0, i, range(12)) + talk(1, i, range(8, 24), 4)
    yield "all-at-once", 0xff, b"".join(proto(c, c + 8 * c) + begin(c) for c in range(4)) + b"".join(say(c, m, 2) + time(36) for m in range(10) for c in range(4))
    yield "lost", 0x10, proto(0, 0) + begin(0) + say(0, 0) + fate(1) + say(0, 1) + time(56) + again(0, 1, 20, 20) + say(0, 0) + say(0, 1) + fin(0, 0) + fin(0, 1)
    yield "twice", 8, proto(0, 0) + begin(0) + fate(2, 8) + say(0, 0, 1) + say(0, 1, 1)
    yield "reordered", 4, proto(0, 0) + begin(0) + fate(4, 30) + say(0, 0, 1) + say(0, 1, 1) + fin(0, 0)
    yield "cut", 0, proto(0, 0) + begin(0) + fate(8, 30) + say(0, 0) + say(0, 1) + say(0, 2) + say(0, 3)
    yield "bad-sum", 0xe1, proto(0, 4) + begin(0) + say(0, 0) + fate(16, 1) + say(0, 1) + again(0, 0, 2, 2) + say(0, 2)
    yield "two-ways", 0, proto(0, 0) + begin(0) + fate(0x22, 20) + say(0, 0) + say(0, 1) + say(0, 0) + say(0, 1)
    yield "fragments", 0xe0, proto(0, 3) + fate(0x40, 30) + datagram(0, 0) + datagram(0, 1) + begin(0) + say(0, 0) + say(0, 1)
    yield "outside", 0, proto(0, 0) + begin(0) + say(0, 0) + elsewhere(0, 1, 30000, 50) + elsewhere(0, 0, -30000, 9, 1) + say(0, 1) + elsewhere(0, 1, 100, 200) + say(0, 0)
    yield "time-back", 0xe4, proto(0, 2) + begin(0) + say(0, 0) + time(60, 1) + say(0, 1) + say(0, 2) + time(74) + say(0, 3) + time(74, 1) + say(0, 4)
    yield "ports-again", 0xe0, proto(0, 0) + begin(0) + say(0, 0) + say(0, 1) + begin(0) + say(0, 0) + say(0, 1) + fin(0, 0) + fin(0, 1) + begin(0, far=1) + say(0, 0) + reset(0, 1) + begin(0)
    yield "syns", 0, proto(0, 0) + syn(0) + time(60) + syn(0) + time(62) + syn(0) + syn(0, 1) + time(50) + syn(0, 1) + ack(0, 0) + say(0, 0) + say(0, 1)
    yield "refused", 0, proto(0, 0) + syn(0) + reset(0, 1) + syn(0) + icmp(0, 1, 3) + time(74) + syn(0)
    yield "fast-open", 0, proto(0, 0) + syn(0, 0, 31, 0) + syn(0, 1, 31) + ack(0, 0) + say(0, 1) + say(0, 0) + say(0, 1)
    yield "zero-window", 0, proto(0, 0) + begin(0) + say(0, 0) + ack(0, 0, 0) + probe(0, 1, 1) + time(60) + probe(0, 1, 1) + ack(0, 0, 0) + time(60) + ack(0, 0, 15) + say(0, 1) + probe(0, 0)
    yield "ip6", 0xe8, proto(0, 0, 1) + begin(0) + say(0, 0) + say(0, 1) + fin(0, 0) + icmp(0, 1, 0x14) + proto(1, 6, 1) + datagram(1, 0) + datagram(1, 1)
    yield "idle", 0xec, proto(0, 0) + begin(0) + say(0, 0) + time(72) + say(0, 1) + time(74) * 3 + say(0, 0) + time(74) * 4
    yield "others", 0xe8, b"".join(other(c % 4, x) + time(54) for c, x in enumerate((0, 1, 33, 2, 3, 0x83, 4, 0x80, 0x11, 0x31, 0x61)))
    yield "dns", 0xe0, proto(0, 6) + datagram(0, 0) + time(50) + datagram(0, 1) + datagram(0, 0) + time(62) + datagram(0, 0) + datagram(0, 1) + proto(1, 6 | 8) + datagram(1, 0) + icmp(1, 1, 3)
    yield "nfs", 0xf0, proto(0, 3) + b"".join(datagram(0, i) + time(40) for i in range(14)) + begin(0) + b"".join(say(0, i) for i in range(24))
    yield "midstream", 0xe0, proto(0, 0) + say(0, 1) + say(0, 0) + say(0, 1) + proto(1, 2) + say(1, 3) + say(1, 4) + say(1, 5)
    yield "behind", 0xf0, talk(0, 0, (0,)) + proto(1, 2) + begin(1) + b"".join(time(52) + say(1, i) for i in range(8)) + say(0, 1)
    yield "changed", 0, proto(0, 2) + begin(0) + b"".join(say(0, i, 0, 0, (i * 7, 0x80)) for i in range(16))
    yield "raw", 0, proto(0, 0) + begin(0) + raw(0, 0, b'GET /\x1b[31m\x9b HTTP/1.1\r\nHost: \xff\r\n\r\n') + raw(0, 1, b'HTTP/1.1 999 \x07\r\n\r\n') + say(0, 0) + say(0, 1)


def special(i):
    """A byte for a key of special[] in view.c."""
    return next(b(c) for c in range(0x80, 0xFF) if c % 31 == i)


def views():
    """name, size of the terminal, settings, keys, world"""
    up, down, left, right, page_down, page_up, home, end, enter = (special(i) for i in range(9))
    escape = special(11)
    settings = b"columns.transactions = url.path nothing \xff\x1b[31m client.ip\nsort.flows = -event.duration\ntheme = light\nmouse=no"
    yield "tabs", 0, b"", b"12345678", "behind"
    yield "flows", 1, b"", b"5" + (down + enter) * 3 + escape * 2, "whole-http"
    yield "packets", 2, b"", b"5" + enter + b"P" + down + enter + down * 4 + b"x" + escape, "whole-http2"
    yield "packets-mysql", 0, b"", b"5" + enter + b"P" + down + enter + down * 9 + page_down, "whole-mysql"
    yield "transactions", 0, b"", b"3" + enter + down * 6 + enter + b"t" + escape + b"f", "all-at-once"
    yield "ladder", 1, b"", b"3" + end + b"H" + down + b"a" + enter + down + enter, "behind"
    yield "stream", 0, b"", b"5" + enter + b"v" + page_down + b"h" + b"/GET" + enter + b"nN", "whole-smtp"
    yield "filter", 3, b"", b"\\http.response.status_code > 200" + enter + b"3" + b"Y" + enter, "whole-http"
    yield "columns", 0, settings, b"3C" + down * 3 + b" " + enter + b"s" + down + enter + b"S" + down + enter + right * 3 + left, "whole-dns"
    yield "time", 4, b"", b"p[]{}LZ" + b"U m8" + enter + b"?" + down * 4 + escape, "idle"
    yield "clicks", 0, b"", b"\xff\x05\x01\xff\x03\x04\xff\x85\x05\xff\x20\x03" + enter + b"\xff\x08\x08", "whole-rpc"
    yield "small", 5, b"", b"5" + enter * 2 + b"\xff\x00\x00", "whole-tls"
    yield "hosts", 0, b"", b"8" + enter + b"7" + enter + b"6" + enter + b"2" + enter + b"4" + enter, "nfs"
    yield "raw", 2, b"", b"5" + enter + b"P" + enter + b"3" + enter + up + home + page_up, "raw"
