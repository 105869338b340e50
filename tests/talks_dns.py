"""Conversations of DNS (talks.py)."""
import struct

from talklib import C, S, Udp


def name(n):
    return b"".join(bytes((len(x),)) + x.encode() for x in n.split(".") if x) + b"\0"


def record(n, kind, data, ttl=60, cls=1):
    return name(n) + struct.pack("!HHIH", kind, cls, ttl, len(data)) + data


def soa(serial):
    return record("z", 6, name("ns.z") + name("h.z") + struct.pack("!5I", serial, 3600, 600, 86400, 60))


def address(n):
    return record(n, 1, b"\1\2\3\4")


def message(number, flags=0, asked=("a.z", 1), answers=(), authorities=()):
    head = struct.pack("!6H", number, flags, 1, len(answers), len(authorities), 0)
    return head + name(asked[0]) + struct.pack("!HH", asked[1], 1) + b"".join((*answers, *authorities))


def tcp(m):
    return struct.pack("!H", len(m)) + m


NOTIFY, UPDATE, RESPONSE, AUTHORITATIVE = 4 << 11, 5 << 11, 1 << 15, 1 << 10

TALKS = {
    # BIND sends the new SOA along, and both of its servers set AA (RFC 1996, 3.7).
    "dns-notify": (53, Udp((
        (C, 1, message(9, NOTIFY | AUTHORITATIVE, ("z", 6), (soa(7),))),
        (S, 31, message(9, RESPONSE | NOTIFY | AUTHORITATIVE, ("z", 6))),
    )), [dict(method="NOTIFY", id="9", ms=30, status="OK")]),
    "dns-notify-tcp": (53, [
        (C, 1, tcp(message(9, NOTIFY | AUTHORITATIVE, ("z", 6), (soa(7),)))),
        (S, 31, tcp(message(9, RESPONSE | NOTIFY | AUTHORITATIVE, ("z", 6)))),
    ], [dict(method="NOTIFY", id="9", ms=30, status="OK")]),
    # Prerequisites stand where answers do: a name not in use, a set of records that is there.
    "dns-update-prerequisites": (53, Udp((
        (C, 1, message(9, UPDATE, ("z", 6), (record("n.z", 255, b"", 0, 254), record("m.z", 1, b"", 0, 255)),
                       (address("n.z"),))),
        (S, 31, message(9, RESPONSE | UPDATE | 9, ("z", 6))),
        (C, 40, message(10, UPDATE, ("z", 6), (), (address("n.z"),))),
        (S, 60, message(10, RESPONSE | UPDATE, ("z", 6))),
    )), [dict(method="UPDATE", id="9", ms=30, status="Server Error", **{"dns.response_code": "NOTAUTH"}),
         dict(method="UPDATE", id="10", ms=20, status="OK")]),
    "dns-tcp-out-of-order": (53, [
        (C, 1, tcp(message(1)) + tcp(message(2, 0, ("b.z", 28))) + tcp(message(3, 0, ("c.z", 1)))),
        (S, 51, tcp(message(3, RESPONSE, ("c.z", 1)))),
        (S, 101, tcp(message(1, RESPONSE, answers=(address("a.z"),)))),
        (S, 151, tcp(message(2, RESPONSE | 3, ("b.z", 28)))),
    ], [dict(id="1", server=100), dict(id="2", server=150, status="Client Error"), dict(id="3", server=50)]),
    # A transfer goes on to the second SOA, whatever comes between its messages.
    "dns-axfr-interleaved": (53, [
        (C, 1, tcp(message(77, 0, ("z", 252))) + tcp(message(78))),
        (S, 51, tcp(message(77, RESPONSE, ("z", 252), (soa(7), *(address("a%d.z" % n) for n in range(40)))))),
        (S, 61, tcp(message(78, RESPONSE, answers=(address("a.z"),)))),
        (S, 71, tcp(message(77, RESPONSE, ("z", 252), [address("b%d.z" % n) for n in range(40)]))),
        (S, 81, tcp(message(77, RESPONSE, ("z", 252), (soa(7),)))),
    ], [dict(id="78", ms=60), dict(id="77", ms=80)]),
}
