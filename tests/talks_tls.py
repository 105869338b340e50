"""Conversations of TLS 1.3 (talks.py): what is said behind the handshake is told by turns."""
import struct

from talklib import C, S


def record(kind, data):
    return struct.pack("!BHH", kind, 0x0303, len(data)) + data


def hello(kind, body):
    return record(22, bytes((kind,)) + struct.pack("!I", len(body))[1:] + body)


def extensions(*pairs):
    data = b"".join(struct.pack("!HH", k, len(v)) + v for k, v in pairs)
    return struct.pack("!H", len(data)) + data


SEALED = lambda n: record(23, b"\xa5" * n)
CLIENT_HELLO = hello(1, b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + extensions((43, b"\2\3\4")))
SERVER_HELLO = hello(2, b"\3\3" + bytes(32) + b"\0" + b"\x13\1" + b"\0" + extensions((43, b"\3\4")))
CHANGE = record(20, b"\1")
SHAKE = [(C, 1, CLIENT_HELLO), (S, 11, SERVER_HELLO + CHANGE + SEALED(900)), (C, 21, CHANGE + SEALED(53))]
DONE = dict(type="tls", status="OK", handshake=20)


def turns(count, wait):
    return {"turns.count": count, "turns.wait": wait}


TALKS = {
    # Two tickets of one size come at once; the answer is what comes later.
    "tls-tickets-at-once": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 24, SEALED(250) + SEALED(250)), (S, 122, SEALED(400)),
                                  (C, 130, SEALED(90)), (S, 180, SEALED(60))], [DONE], turns(2, 150)),
    "tls-tickets-before-the-request": (443, [*SHAKE, (S, 24, SEALED(250)), (S, 24.1, SEALED(250)), (C, 50, SEALED(90)),
                                             (S, 150, SEALED(4000))], [DONE], turns(1, 100)),
    "tls-no-tickets": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 72, SEALED(400)), (C, 80, SEALED(70)), (S, 130, SEALED(30))],
                       [DONE], turns(2, 100)),
    "tls-answer-in-pieces": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 72, SEALED(400)), (S, 172, SEALED(300)), ("fin", S, 173)],
                             [DONE], turns(1, 50)),
    "tls-server-ends": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 72, SEALED(400)), ("fin", S, 73), ("fin", C, 74)], [DONE],
                        turns(1, 50)),
}
TALKS = {name: (port, steps, want, {}, flow) for name, (port, steps, want, flow) in TALKS.items()}
