"""Seeds of the target pcapng: blocks as pcapng.c has them."""

FRAME = bytes.fromhex(
    "0200000000020200000000010800"
    "4500002d000100004011f6bec0000201c0000202"
    "9c40003500190000"
    "1234010000010000000000000000010001"
)


def b(*a):
    return bytes(a)


def option(code, data):
    return b(code, len(data)) + data


def section(big=0, version=0, options=()):
    return b(big << 7 | len(options) << 5, version) + b"".join(options)


def interface(link=0, snap=0x80, options=()):
    return b(1 | len(options) << 5, snap | link) + b"".join(options)


def packet(which=0, high=0x16A9, low=0, n=59, options=(), kind=2, lie=None, lie_behind=None):
    lies = (lie is not None) << 3 | (lie_behind is not None) << 4
    out = b(kind | len(options) << 5 | lies, which) + high.to_bytes(2, "big") + b(low, n)
    out += FRAME[:n].ljust(n, b"\0")[n - n // 2 :] + b(0) + b"".join(options)
    return out + b"".join(b(x) for x in (lie, lie_behind) if x is not None)


def simple(data):
    return b(3, len(data)) + data


def statistics(which, options):
    return b(5 | len(options) << 5, which) + b"".join(options)


def another(kind, data):
    return b(6, kind, len(data)) + data


def files():
    """name, run, blocks"""
    begin = section() + interface()
    nine, one = b"\x09" + bytes(7), b"\x01" + bytes(7)
    yield "plain", 8, begin + packet() + packet(low=9)
    yield "big", 0, section(1) + interface() + packet() * 2
    named = [option(2, b"eth0"), option(9, b"\x09"), option(14, b"\xff" * 8)]
    more = interface(options=[option(2, b"eth0"), option(9, b"\x94")]) + interface(1)
    yield "sections", 8, section() + interface(options=named) + packet() + section(1) + more + packet() + packet(1)
    said = section(options=[option(1, b"a \x1b[31m\xff comment")])
    said += interface(options=[option(2, b"\x1b]0;x\x07"), option(11, b"\0tcp")])
    said += packet(options=[option(1, b"seen"), option(4, nine)]) + statistics(0, [option(5, nine), option(7, one)])
    yield "comments", 8, said
    kinds = another(0, bytes(4)) + another(1, b"TLSKxxxx") + another(3, b"1234") + another(7, b"")
    yield "kinds", 0, begin + simple(FRAME) + packet(kind=4) + kinds
    yield "filter", 0x0B, begin + packet() + interface(2) + packet(1)
    yield "lies", 0, begin + packet(lie=8) + packet()
    yield "lies-behind", 0, begin + packet(lie_behind=4) + packet()
    yield "cut", 0x10, begin + packet() * 3
    yield "snap", 0, section() + interface(0, 8) + packet() + packet(n=30)
    odd = b"".join(interface(options=[option(9, b(x))]) for x in (0xFF, 0x7F, 0x80))
    yield "resolution", 0, section() + odd + packet() + packet(1) + packet(2) + packet(9)
    yield "versions", 0, section(version=0x13) + interface() + packet()
    yield "rubbish", 0, begin + b(7, 9) + b"rubbish!!" + packet()
