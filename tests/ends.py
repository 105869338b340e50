#!/usr/bin/env python3
"""Where a capture begins and ends: conversations built here, cut at one place each.

What was still open when the capture ended is no error, and what had been said before it began is not
lost. tests/cuts.py cuts every capture at every frame; here are the kinds that it found.
usage: ends.py PROGRAM DIRECTORY
"""
import json
import os
import struct
import subprocess
import sys

import pcaplib
from pcaplib import ACK, FIN, PSH, RST, SYN, Conversation

program, directory = sys.argv[1:]
MS = 1_000_000
CLIENT, SERVER = 0, 1
bad = tried = 0


def fail(*what):
    global bad
    bad += 1
    print(*what)


def same(where, what, have, want):
    if have != want:
        fail("%s: %s is %r, not %r" % (where, what, have, want))


def situation(f):
    global tried
    tried += 1
    f()
    return f


def flat(o, prefix=""):
    out = {}
    for k, v in o.items():
        out.update(flat(v, prefix + k + ".")) if isinstance(v, dict) else out.__setitem__(prefix + k, v)
    return out


def run(packets, *args, link=1):
    path = os.path.join(directory, "ends.pcap")
    pcaplib.write(path, link, packets)
    made = [subprocess.run([program, j, "-r", path, *args], capture_output=True, timeout=60)
            for j in ("-j0", "-j3")]
    if any(p.returncode for p in made) or made[0].stdout != made[1].stdout:
        fail("exit status %d, %s" % (made[0].returncode, made[0].stderr.decode()[:300]))
    return made[0].stdout


def records(packets, kind=None):
    all = [flat(json.loads(line)) for line in run(packets, "--json").splitlines()]
    return [r for r in all if r["type"] == kind or (not kind and r["type"] != "flow")]


def get(path="/"):
    return b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()


def ok(n=0, kind=b"text/a"):
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, n) + b"x" * n


def quality(r, *words):
    return [w in r.get("tsumari.quality", []) for w in words]


def ack_of(talk, i):
    return pcaplib.segment(1, talk.packets[i]).seq


def udp(time, data, back=False, port=53):
    ends = ((10, 9, 0, 1), 40000), ((10, 8, 0, 53), port)
    src, dst = ends[back], ends[not back]
    body = struct.pack("!HHHH", src[1], dst[1], 8 + len(data), 0) + data
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + bytes(src[0]) + bytes(dst[0])
    ip = ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]
    return pcaplib.Packet(time, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + body)


# ---- the end -----------------------------------------------------------------------------------


@situation
def a_request_open_at_the_end():
    """Its answer not there, begun, and whole."""
    talk = Conversation(1)
    t = talk.open(0)
    t = talk.send(CLIENT, t + MS, get())
    asked = len(talk.packets)
    t = talk.send(SERVER, t + 100 * MS, ok(5000))
    answered = len(talk.packets)
    begun = next(i for i in range(asked, answered)
                 if pcaplib.segment(1, talk.packets[i]).payload.startswith(b"HTTP"))
    for name, n, status in ("asked", asked, None), ("begun", begun + 1, None):
        r, = records(talk.packets[:n])
        same(name, "status", r.get("status"), status)
        same(name, "outcome", r["event.outcome"], "success" if status else "unknown")
        same(name, "pending", quality(r, "pending"), [True])
        same(name, "duration", r.get("event.duration"), None)
        report = json.loads(run(talk.packets[:n], "--report=json"))
        same(name, "errors", sum(s["errors"] for s in report["services"]), 0)
    r, = records(talk.packets)
    same("whole", "status", (r["status"], quality(r, "pending")), ("OK", [False]))


@situation
def a_connection_closed_at_the_end():
    """By a client that does not wait, by a server that will not answer; by one that is still answering."""
    def talk(*sides, half=None):
        c = Conversation(1)
        t = c.send(CLIENT, c.open(0) + MS, get())
        for side in sides:
            c._send(side, t + 50 * MS, FIN | ACK)
        if half:
            c.send(SERVER, t + 80 * MS, half)
        return c.packets

    r, = records(talk(CLIENT))
    same("client", "ended by", (r.get("tsumari.ended_by"), r["status"]), ("client_fin", "Error"))
    r, = records(talk(SERVER))
    same("server", "ended by", (r.get("tsumari.ended_by"), r["status"]), ("server_fin", "Error"))
    r, = records(talk(CLIENT, half=ok(50)[:-9]))
    same("half closed", "pending", (r.get("tsumari.ended_by"), r.get("status"), *quality(r, "pending", "time_back")),
         (None, None, True, False))


@situation
def a_page_open_at_the_end_of_a_slow_service():
    """It counts in nothing that says what is usual; a poll that is open is as the polls before."""
    def service(spans, path, cut):
        c, now = Conversation(1), 0
        now = c.open(0)
        for took in spans:
            now = c.send(CLIENT, now, get(path))
            now = c.send(SERVER, now + took, ok(2)) + MS
        now = c.send(CLIENT, now, get(path)) + cut
        quick = Conversation(2, client="10.9.9.9")
        at = quick.open(0)
        while at < now:
            at = quick.send(SERVER, quick.send(CLIENT, at, get("/quick")) + MS, ok(2)) + 200 * MS
        return sorted([p for p in c.packets + quick.packets if p.time <= now], key=lambda p: p.time)

    for cut in 300, 900, 1500, 7900:
        report = json.loads(run(service([8000 * MS] * 4, "/poll", cut * MS), "--report=json"))
        same("poll open for %d ms" % cut, "findings", [f["id"] for f in report["findings"] if f["severity"] != "info"], [])


@situation
def a_datagram_not_answered_at_the_end():
    name = b"\3www\7example\0\0\1\0\1"
    ask = lambda i: struct.pack("!HHHHHH", i, 0x0100, 1, 0, 0, 0) + name
    reply = lambda i: struct.pack("!HHHHHH", i, 0x8180, 1, 0, 0, 0) + name
    r = records([udp(0, ask(1)), udp(MS, reply(1), True), udp(2 * MS, ask(2))])
    same("dns", "status", [(x.get("status"), *quality(x, "pending")) for x in r], [("OK", False), (None, True)])
    # A minute later it was not answered.
    r = records([udp(0, ask(1)), udp(60_000 * MS, ask(2))])
    same("dns", "status", [(x.get("status"), *quality(x, "pending")) for x in r], [("Error", False), (None, True)])


@situation
def a_handshake_not_ended():
    talk = Conversation(1)
    talk.open(0)
    for n, status in (1, None), (2, None), (3, "OK"):
        r, = records(talk.packets[:n], "flow")
        same("%d packets" % n, "status", (r.get("status"), r["event.outcome"]),
             (status, "success" if status else "unknown"))


# ---- the beginning -----------------------------------------------------------------------------


@situation
def a_pipeline_joined():
    """Whose the first answers are nobody can tell, as long as the pipeline does not run dry. (Of its last
    request alone nothing shows that there were others.)"""
    def talk(n):
        c = Conversation(1)
        t = c.open(0)
        for i in range(4):
            t = c.send(CLIENT, t + MS, get("/%d" % i))
        for i in range(4):
            t = c.send(SERVER, t + MS, ok(i, b"text/%d" % i))
        for i in range(4, 6):  # two seconds later it is in step
            t = c.send(CLIENT, t + 2000 * MS, get("/%d" % i))
            t = c.send(SERVER, t + MS, ok(i, b"text/%d" % i))
        return c.packets[n:]

    for n in range(8):
        for r in records(talk(n)):
            path, kind = r.get("path"), r.get("http.response.mime_type")
            if path and kind:
                same("pipeline from frame %d" % n, path, kind[5:], path[1:])
            elif path:
                same("pipeline from frame %d" % n, path, (r.get("status"), *quality(r, "gap")), (None, True))
    same("pipeline", "later ones", [r["path"] for r in records(talk(7)) if r.get("status") and r.get("path")],
         ["/4", "/5"])


@situation
def a_request_lost_in_a_pipeline():
    """The first of several at once, whether the client had sent several before or not."""
    def talk(before, lost, after=2):
        c = Conversation(1)
        t, n = c.open(0), 0
        for size in (*before, 4, *(1,) * after):
            for i in range(size):
                c._send(CLIENT, t + MS + i * 1000, ACK | PSH, get("/%d" % (n + i)))
                if size == 4 and i == lost:
                    c.packets.pop()
            t += 2 * MS
            for i in range(size):
                t = c.send(SERVER, t + MS, ok(n + i, b"text/%d" % (n + i)))
            n += size
        return c.packets, n

    for before in (), (1, 1), (3,), (2, 1):
        for lost in range(4):
            packets, n = talk(before, lost)
            r = records(packets)
            for x in r:
                if x.get("path") and x.get("http.response.mime_type"):
                    same("before %s, %d lost" % (before, lost), x["path"], x["http.response.mime_type"][5:], x["path"][1:])
            same("before %s, %d lost" % (before, lost), "the last one", [x["path"] for x in r if x.get("status") and x.get("path")][-1:],
                 ["/%d" % (n - 1)])


@situation
def a_loss_with_requests_always_under_way():
    """The client asks for the next one as each answer comes: which are owed is not known until it rests."""
    def talk(lost):
        c = Conversation(1)
        t = c.open(0)
        for i in range(3):
            t = c.send(CLIENT, t, get("/%d" % i))
        for i in range(20):
            for side, data in (SERVER, ok(i, b"text/%d" % i)), (CLIENT, get("/%d" % (i + 3))):
                t = c.send(side, t + MS, data)
                if lost == (side, i):
                    c.packets.pop(-2)
        for i in range(20, 23):
            t = c.send(SERVER, t + MS, ok(i, b"text/%d" % i))
        t = c.send(CLIENT, t + 2000 * MS, get("/23"))
        c.send(SERVER, t + MS, ok(23, b"text/23"))
        return records(c.packets)

    for lost in (CLIENT, 5), (SERVER, 5), (SERVER, 1), None:
        r = [x for x in talk(lost) if x.get("path") and x.get("http.response.mime_type")]
        for x in r:
            same("%s lost" % (lost,), x["path"], x["http.response.mime_type"][5:], x["path"][1:])
        same("%s lost" % (lost,), "the last one", r[-1]["path"], "/23")
        same("%s lost" % (lost,), "all", len(r) == 24, not lost)


@situation
def what_was_under_way_is_not_lost():
    """Acknowledgments of what was sent before the capture began."""
    c = Conversation(1)
    t = c.open(0)
    t = c.send(CLIENT, t + MS, get()) + MS
    body = ok(20000)
    for at in range(0, len(body), 1460):
        c._send(SERVER, t, ACK, body[at:at + 1460])
        t += 1000
    data = [i for i, p in enumerate(c.packets) if len(p.data) > 1000]
    acks = []
    for i in range(6):  # they come when the sixth has been sent
        c._send(CLIENT, t, ACK)
        ack = pcaplib.segment(1, c.packets.pop())
        ack.tcp = ack.tcp[:8] + struct.pack("!I", (ack_of(c, data[i]) + 1460) & 0xFFFFFFFF) + ack.tcp[12:]
        acks.append(pcaplib.Packet(c.packets[data[6]].time - 900 + i, ack.frame()))
    packets = sorted(c.packets + acks, key=lambda p: p.time)
    for n in range(len(packets) - 6, 0, -1):
        f, = records(packets[n:], "flow") or [{}]
        lost = [k for k in f if "lost_in_capture" in k or k.endswith(".gaps")]
        same("from frame %d" % n, "lost", lost, [])


@situation
def a_reply_before_the_first_command():
    c = Conversation(1, port=25)
    t = c.send(SERVER, c.open(0) + MS, b"220 mail.example ESMTP\r\n")
    t = c.send(CLIENT, t + MS, b"EHLO a.example\r\n")
    asked = len(c.packets)
    t = c.send(SERVER, t + MS, b"250-mail.example\r\n250-PIPELINING\r\n250 SIZE\r\n")
    t = c.send(CLIENT, t + MS, b"MAIL FROM:<a@a.example>\r\n")
    t = c.send(SERVER, t + 7 * MS, b"250 2.1.0 Ok\r\n")
    t = c.send(CLIENT, t + MS, b"RCPT TO:<b@b.example>\r\n")
    t = c.send(SERVER, t + MS, b"550 5.1.1 No\r\n")
    r = {x.get("smtp.command"): x for x in records(c.packets[asked:])}
    same("smtp", "MAIL", (r["MAIL"]["event.duration"] // MS, *quality(r["MAIL"], "time_back")), (7, False))
    same("smtp", "RCPT", r["RCPT"]["smtp.reply_code"], 550)


@situation
def replies_that_may_be_any_command_s():
    """Commands in one segment, of a connection that began before: no reply is an error of theirs."""
    c = Conversation(1, port=25)
    t = c.send(SERVER, c.open(0) + MS, b"220 mail.example ESMTP\r\n")
    t = c.send(CLIENT, t + MS, b"EHLO a.example\r\n")
    t = c.send(SERVER, t + MS, b"250-mail.example\r\n250 PIPELINING\r\n")
    n = len(c.packets)
    t = c.send(CLIENT, t + MS, b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\n")
    t = c.send(SERVER, t + MS, b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 No\r\n")
    c.close(t + MS)
    for r in records(c.packets[n:]):
        same("smtp", r.get("method"), r.get("status"), None)
        same("smtp", "recipients", [k for k in r if "rcpt_" in k and k.endswith("ed")], [])


@situation
def a_pipeline_of_mail_joined():
    """Whose a reply is its own words may say: one of a sender is not a recipient's, nor 250 a farewell's."""
    c = Conversation(1, port=25)
    t = c.send(SERVER, c.open(0) + MS, b"220 mail.example ESMTP\r\n")
    t = c.send(CLIENT, t + MS, b"EHLO a.example\r\n")
    t = c.send(SERVER, t + MS, b"250-mail.example\r\n250-CHUNKING\r\n250 PIPELINING\r\n")
    begin = len(c.packets)
    at, words = [], (b"MAIL FROM:<a@a.example>\r\n", b"RCPT TO:<b@b.example>\r\n", b"BDAT 4 LAST\r\na\r\n\r\n", b"QUIT\r\n")
    replies = (b"250 2.1.0 Ok\r\n", b"250 2.1.5 Ok\r\n", b"250 2.0.0 Ok: queued\r\n", b"221 2.0.0 Bye\r\n")
    for side, i in (0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2), (1, 3):
        at.append(t)
        t = c.send(side, t, (replies if side else words)[i]) + MS
    c.close(t)
    want = {"MAIL": (250, at[2] - at[0]), "RCPT": (250, at[4] - at[1]), "BDAT": (250, at[6] - at[3]), "QUIT": (221, at[7] - at[5])}
    for n in range(begin, len(c.packets) - 4):
        for r in records(c.packets[n:]):
            got = r.get("smtp.reply_code"), r.get("event.duration")
            if r.get("smtp.command") in want and got[0]:
                same("mail from frame %d" % n, r["smtp.command"], got, want[r["smtp.command"]])
            elif r.get("smtp.command"):
                same("mail from frame %d" % n, r["smtp.command"], r.get("status"), None)


@situation
def a_text_is_no_mail_server():
    """Lines that begin with numbers, in the middle of a transfer of something else."""
    c = Conversation(1, port=2049)
    t = c.open(0)
    for i in range(40):
        t = c.send(SERVER, t + MS, b"%d of the body\nline 00 of the body\n" % (340 + i))
    same("text", "records", [r["type"] for r in records(c.packets[3:])], [])


@situation
def what_is_carried_is_no_protocol():
    """Requests in the middle of what a protocol that nobody knows carries, seen from its beginning."""
    c = Conversation(1, port=9999)
    t = c.send(CLIENT, c.open(0) + MS, b"STORE 7\n")
    t = c.send(SERVER, t + MS, b"GO\n")
    c._send(CLIENT, t + MS, ACK | PSH, b"lines\n" * 20)
    for i in range(5):
        t = c.send(CLIENT, t + MS, get("/%d" % i) + b"lines\n" * 20)
    c.send(SERVER, t + MS, b"OK\n")
    same("carried", "records", [(r["type"], r.get("path")) for r in records(c.packets)], [])


def rpc(xid, call, body=b""):
    u32 = lambda *n: b"".join(x.to_bytes(4, "big") for x in n)
    return u32(xid, 0, 2, 100003, 3, 1, 0, 0, 0, 0) + body if call else u32(xid, 1, 0, 0, 0, 0) + body


@situation
def an_answer_is_the_first_datagram():
    attributes = bytes(4) + bytes(84)
    packets = [udp(0, rpc(1, False, attributes), True, 2049)]
    for i in range(2, 5):
        packets += [udp(i * MS, rpc(i, True, b"\0\0\0\4abcd"), False, 2049),
                    udp(i * MS + 50, rpc(i, False, attributes), True, 2049)]
    r = [x for x in records(packets) if x.get("method")]
    same("udp", "calls", [(x["method"], x["server.port"], x.get("status")) for x in r], [("GETATTR", 2049, "OK")] * 3)


@situation
def a_snap_length_does_not_use_up_the_turns():
    """A connection joined within a long answer of which every frame is cut, then a call."""
    c = Conversation(1, port=2049)
    t = c.open(0)
    for i in range(100):
        t = c.send(SERVER, t + MS, b"d" * 1400)
    packets = [pcaplib.Packet(p.time, p.data[:200], p.wire) for p in c.packets[3:]]
    mark = lambda m: (len(m) | 1 << 31).to_bytes(4, "big") + m
    n = len(c.packets)
    t = c.send(CLIENT, t + MS, mark(rpc(7, True, b"\0\0\0\4abcd")))
    c.send(SERVER, t + MS, mark(rpc(7, False, bytes(88))))
    r = [x for x in records(packets + c.packets[n:]) if x.get("method")]
    same("snap length", "calls", [x["method"] for x in r], ["GETATTR"])


@situation
def a_second_hello():
    """TLS 1.3 asks for another hello; the first one is not in the capture."""
    def record(kind, body):
        return bytes((22, 3, 3)) + (len(body) + 4).to_bytes(2, "big") + bytes((kind,)) + len(body).to_bytes(3, "big") + body

    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    versions = lambda v: b"\0\x2b" + (len(v)).to_bytes(2, "big") + v
    client = b"\3\3" + b"r" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + b"\0\7" + versions(b"\2\3\4")
    server = lambda random: b"\3\3" + random + b"\0" + b"\x13\1\0" + b"\0\6" + versions(b"\3\4")
    ccs = bytes.fromhex("140303000101")
    c = Conversation(1, port=443)
    t = c.send(CLIENT, c.open(0) + MS, record(1, client))
    n = len(c.packets)
    t = c.send(SERVER, t + MS, record(2, server(retry)) + ccs)
    t = c.send(CLIENT, t + MS, ccs + record(1, client))
    t = c.send(SERVER, t + 9 * MS, record(2, server(b"s" * 32)) + b"\x17\3\3\0\x20" + bytes(32))
    t = c.send(CLIENT, t + MS, b"\x17\3\3\0\x20" + bytes(32))
    r, = records(c.packets[n:])
    same("tls", "hello", (r.get("method"), r["status"], r["tsumari.time.wait"] // MS), ("HELLO", "OK", 9))


if not bad:
    print("ends: %d situations" % tried)
sys.exit(bad != 0)
