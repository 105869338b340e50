"""What property.py has to know of SMTP.

Made connections give each command that can carry one a number, which its reply repeats: MAIL, RCPT
and VRFY in the address, a mail in its Message-ID. Every other connection pipelines.
"""
import random
import re

import pcaplib


def inner(record, *keys):
    for k in keys:
        record = record.get(k, {}) if isinstance(record, dict) else {}
    return None if record == {} else record


def key(r):
    """What segmentation and order must not change."""
    return (r.get("method"), r.get("path"), inner(r, "smtp", "reply_code"), inner(r, "smtp", "reply"),
            inner(r, "client", "bytes"), inner(r, "server", "bytes"),
            str(inner(r, "email")), inner(r, "smtp", "rcpt_count"),
            inner(r, "tsumari", "smtp", "message_bytes"), inner(r, "tsumari", "smtp", "outcome"))


def outcomes(records):
    """(command, code): a made-up address or an answer that was never given would be new."""
    return {(r.get("method"), inner(r, "smtp", "reply_code")) for r in records
            if inner(r, "smtp", "reply_code")}


def mail(talk, rng, time, serial, count, pipelined):
    """One mail with count recipients; numbers serial (MAIL), the recipients', and the mail's."""
    begin = serial
    first = [b"MAIL FROM:<n-%d@c.example>\r\n" % serial]
    replies = [b"250 2.1.0 Ok n-%d.\r\n" % serial]
    for i in range(count):
        serial += 1
        first.append(b"RCPT TO:<n-%d@d.example>\r\n" % serial)
        replies.append(rng.choice((b"250 2.1.5 Ok n-%d.\r\n", b"250-2.1.5 long\r\n250 2.1.5 n-%d.\r\n"))
                       % serial)
    serial += 1
    first.append(b"DATA\r\n")
    replies.append(b"354 End data with <CR><LF>.<CR><LF>\r\n")
    if pipelined:
        first, replies = [b"".join(first)], [b"".join(replies)]
    for command, reply in zip(first, replies):
        time = talk.send(0, time, command) + rng.randrange(50_000, 900_000)
        time = talk.send(1, time, reply) + rng.randrange(10_000, 200_000)
    size = rng.choice((0, 200, 3000, 9000))
    text = b"Subject: x\r\nMessage-ID: <n-%d.%d@c.example>\r\n\r\n" % (serial, begin)
    text += b"a line of the body, with . and QUIT in it\r\n" * (size // 43) + b".\r\n"
    time = talk.send(0, time, text) + rng.randrange(100_000, 3_000_000)
    return talk.send(1, time, b"250 2.0.0 queued as n-%d.\r\n" % serial) + 50_000, serial + 1


def made(connections=20, each=100):
    rng, packets, serial = random.Random(5321), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c, 25)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        time = talk.send(1, time + 200_000, b"220 mx.example ESMTP\r\n")
        time = talk.send(0, time + 20_000, b"EHLO c.example\r\n")
        time = talk.send(1, time + 90_000, b"250-mx.example\r\n250 PIPELINING\r\n") + 10_000
        last = serial + each
        while serial < last:
            if last - serial < 5 or rng.random() < 0.1:
                time = talk.send(0, time, b"VRFY n-%d@d.example\r\n" % serial) + 60_000
                time = talk.send(1, time, b"252 2.0.0 perhaps n-%d.\r\n" % serial) + 20_000
                serial += 1
            else:
                time, serial = mail(talk, rng, time, serial, rng.randrange(1, 4), c % 2 == 1)
        time = talk.send(0, time, b"QUIT\r\n") + 40_000
        talk.close(talk.send(1, time, b"221 2.0.0 Bye\r\n"))
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def numbered(text):
    found = re.search(r"\bn-(\d+)\b", text or "")
    return int(found.group(1)) if found else None


def answered(records):
    """(numbers asked and answered, numbers answered by another's reply)."""
    right, wrong = set(), []
    for r in records:
        asked = numbered(r.get("path"))
        if inner(r, "tsumari", "smtp", "record") == "mail":
            asked = numbered(inner(r, "email", "message_id"))
        got = numbered(inner(r, "smtp", "reply"))
        if asked is None or got is None:
            continue
        if asked == got:
            right.add(asked)
        else:
            wrong.append((asked, got))
    return right, wrong


def begun(payload, frame, first):
    """In which frame what a number stands for begins: a mail's is that of its MAIL."""
    for n in re.findall(rb"(?:MAIL FROM|RCPT TO|VRFY)[: ]<?n-(\d+)@", payload):
        first.setdefault(int(n), frame)
    for n, begin in re.findall(rb"Message-ID: <n-(\d+)\.(\d+)@", payload):
        first.setdefault(int(n), first[int(begin)])
