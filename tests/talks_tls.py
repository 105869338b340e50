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
RESUMED_HELLO = hello(2, b"\3\3" + bytes(32) + b"\0" + b"\x13\1" + b"\0" + extensions((43, b"\3\4"), (41, b"\0\0")))
RESUMED = [(C, 1, CLIENT_HELLO), (S, 11, RESUMED_HELLO + CHANGE + SEALED(40) + SEALED(53)), (C, 21, CHANGE + SEALED(53))]
CLOSE = SEALED(19)
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
    # One ticket alone, as GnuTLS, Java and whoever resumes a session with OpenSSL send.
    "tls-one-ticket": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 24, SEALED(250)), (S, 122, SEALED(400)), (S, 123, SEALED(9000)),
                             (C, 130, SEALED(90)), (S, 180, SEALED(250))], [DONE], turns(2, 150)),
    "tls-one-ticket-resumed": (443, [*RESUMED, (C, 22, SEALED(90)), (S, 31, SEALED(234)), (S, 322, SEALED(60))],
                               [DONE], turns(1, 300)),
    "tls-one-ticket-while-asking": (443, [*RESUMED, (C, 22, SEALED(9000)), (S, 31, SEALED(234)), (C, 32, SEALED(900)),
                                          (S, 332, SEALED(60))], [DONE], turns(1, 300)),
    "tls-request-between-tickets": (443, [*SHAKE, (S, 22, SEALED(250)), (C, 23, SEALED(40)), (S, 24, SEALED(250)), (S, 123, SEALED(9)),
                                          (C, 130, SEALED(40)), (S, 180, SEALED(9))], [DONE], turns(2, 150)),
    "tls-one-ticket-and-the-end": (443, [*RESUMED, (C, 22, SEALED(90)), (S, 31, SEALED(234)), ("fin", S, 500)],
                                   [DONE], turns(0, 0)),
    # A quick answer, and much later nothing but the end.
    "tls-quick-answer": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 24, SEALED(400)), (S, 5000, CLOSE), ("fin", S, 5000)],
                         [DONE], turns(1, 2)),
    # The client says the end, and closes its side; the server says it, too, when it hears of it.
    "tls-goodbye": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 72, SEALED(400)), (C, 80, CLOSE), ("fin", C, 80), (S, 280, CLOSE),
                          ("fin", S, 280)], [DONE], turns(1, 50)),
    "tls-short-question": (443, [*SHAKE, (C, 22, SEALED(90)), (S, 72, SEALED(400)), (C, 80, CLOSE), (S, 280, CLOSE), ("fin", C, 281)],
                           [DONE], turns(2, 250)),
    # The ticket came with the handshake, as Go sends it: what follows is no other one.
    "tls-ticket-before-the-end": (443, [*SHAKE[:1], (S, 11, SERVER_HELLO + CHANGE + SEALED(30) + SEALED(900) + SEALED(53) + SEALED(140)),
                                        SHAKE[2], (C, 22, SEALED(90)), (S, 24, SEALED(200)), (S, 1024, SEALED(90))],
                                  [DONE], turns(1, 2)),
}
TALKS = {name: (port, steps, want, {}, flow) for name, (port, steps, want, flow) in TALKS.items()}
