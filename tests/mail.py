#!/usr/bin/env python3
"""SMTP against what others say of it, and against those who mean harm.

Postfix' own logs beside the captures count its mails, recipients and refusals; secrets and, with
--mask-mail, addresses are looked for in the output; connections that others were brought down by
must cost no more than their size. $TSUMARI is the program, $PCAPS the folder of captures.
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import pcaplib

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ.get("TSUMARI") or os.path.join(HERE, "..", "tsumari")
PCAPS = os.environ.get("PCAPS") or os.path.join(HERE, "..", "pcaps")
faults, done = 0, 0


def check(ok, text):
    global faults, done
    done += 1
    if not ok:
        faults += 1
        print("FAIL " + text)
    return ok


def run(path, *args):
    """The output, and the processor time it took."""
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([TSUMARI, "-r", path, "--json", "-j", "0", *args], stdout=out)
        status, usage = os.wait4(p.pid, 0)[1:]
        check(status == 0, "%s: status %d" % (path, status))
        out.seek(0)
        return out.read(), usage.ru_utime + usage.ru_stime


def records(path, *args):
    return [json.loads(line) for line in run(path, "--types", "smtp", *args)[0].splitlines()]


def inner(record, *keys):
    for k in keys:
        record = record.get(k, {}) if isinstance(record, dict) else {}
    return None if record == {} else record


def kind(r):
    return inner(r, "tsumari", "smtp", "record")


def logged(path):
    """(mails by queue identifier, refusals, commands) as Postfix has it."""
    mails, refused, commands = collections.defaultdict(dict), 0, collections.Counter()
    for line in open(path, encoding="utf-8", errors="replace"):
        m = re.search(r"/cleanup\[\d+\]: (\w+): message-id=(\S*)", line)
        if m:
            mails[m[1]]["id"] = m[2]
        m = re.search(r"/qmgr\[\d+\]: (\w+): from=<(.*?)>, size=\d+, nrcpt=(\d+)", line)
        if m:
            mails[m[1]].update(sender=m[2], rcpts=int(m[3]))
        refused += ": reject: RCPT" in line
        m = re.search(r"disconnect from \S+ (.*) commands=", line)
        for name, count in re.findall(r"(\w+)=(?:\d+/)?(\d+)", m[1] if m else ""):
            commands[name] += int(count)
    return {q: m for q, m in mails.items() if "sender" in m}, refused, commands


def check_logs():
    logs = sorted(glob.glob(os.path.join(PCAPS, "smtp-*.mail.log")))
    check(len(logs) >= 5, "%d logs of Postfix" % len(logs))
    for path in logs:
        name = os.path.basename(path).replace(".mail.log", "")
        mails, refused, commands = logged(path)
        got = records(os.path.join(PCAPS, name + ".pcap"))
        if name == "smtp-starttls":  # what is inside TLS is not seen
            check(sum(1 for r in got if inner(r, "smtp", "tls")) == commands["starttls"],
                  name + ": connections that went over to TLS")
            continue
        seen = {}
        for r in got:
            m = re.search(r"queued as (\w+)", inner(r, "smtp", "reply") or "")
            if m and kind(r) == "mail":
                sender = inner(r, "email", "from", "address")
                seen[m[1]] = (inner(r, "email", "message_id") or "<>", "" if sender == "<>" else sender,
                              inner(r, "tsumari", "smtp", "rcpt_accepted"))
        want = {q: (m["id"] if m["id"].startswith("<") and m["id"] in str(seen.get(q)) else "<>"
                    if seen.get(q, ("",))[0] == "<>" else m["id"], m["sender"], m["rcpts"])
                for q, m in mails.items()}
        check(seen == want, "%s: mails: %s" % (name, sorted(set(seen.items()) ^ set(want.items()))))
        mine = collections.Counter((r.get("method") or "").lower() for r in got
                                   if kind(r) == "command" and "10.77.0.21" == inner(r, "server", "ip"))
        for verb in "mail", "rcpt", "data", "bdat", "auth", "rset", "noop", "vrfy", "quit":
            check(mine[verb] == commands[verb], "%s: %s: %d records, %d in the log"
                  % (name, verb, mine[verb], commands[verb]))
        bad = sum(1 for r in got if r.get("method") == "RCPT" and (inner(r, "smtp", "reply_code") or 0) >= 400
                  and inner(r, "smtp", "reply_code") != 503)
        check(bad == refused, "%s: %d recipients refused, %d in the log" % (name, bad, refused))


def check_secrets():
    out = run(os.path.join(PCAPS, "smtp-auth.pcap"))[0]
    for secret in b"sesame", b"c2VzYW1l", b"YWxpY2U", b"d3Jvbmc", b"AGFsaWNl":
        check(secret not in out, "%s is in the output" % secret.decode())
    check(out.count(b'"auth_mechanism"') == 5, "AUTH commands")


def check_mask():
    people = rb"\b(?:alice|bob|carol|nobody|noone|grey|a|b|c)@"
    for path in sorted(glob.glob(os.path.join(PCAPS, "smtp-*.pcap"))):
        plain, masked = run(path)[0], run(path, "--mask-mail")[0]
        check(not re.search(people, masked), path + ": an address in spite of --mask-mail")
        check(b'"subject"' not in masked, path + ": a subject in spite of --mask-mail")
        check(len(masked.splitlines()) == len(plain.splitlines()), path + ": records")
        check(re.search(people, plain) is None or b"xxxxx@" in masked, path + ": the domain stays")


OPEN = b"220 mx.example ESMTP\r\n", b"EHLO c.example\r\n", b"250 mx.example\r\n"


def talk(number, parts):
    """A connection of (side, bytes); sides in turn are acknowledged."""
    c = pcaplib.Conversation(number, 25)
    time = c.open(1_700_000_000 * 10**9)
    for side, data in zip((1, 0, 1), OPEN):
        time = c.send(side, time, data) + 1000
    for side, data in parts:
        time = c.send(side, time, data, 1460) + 1000
    return c.packets


def hostile():
    """Name, n to the parts of a connection, what the records must show."""
    ok, go = b"250 2.1.0 Ok\r\n", b"354 go\r\n"
    begin = [(0, b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"), (1, ok * 2)]
    end = [(0, b"QUIT\r\n"), (1, b"221 Bye\r\n")]

    def commands(verb):
        return lambda rs: sum(1 for r in rs if r.get("method") == verb)

    # CVE-2024-23836: one record a DATA, no mail
    yield ("repeated DATA", 20000, lambda n: [p for _ in range(n) for p in
           ((0, b"DATA\r\n"), (1, b"503 5.5.1 no\r\n"))] + end,
           lambda rs, n: commands("DATA")(rs) == n and not any(kind(r) == "mail" for r in rs))
    yield ("a line without end", 12_000_000, lambda n: [(0, b"a" * n), (0, b"\r\n")] + end,
           lambda rs, n: commands("QUIT")(rs) == 1)
    yield ("a reply without end", 12_000_000, lambda n: [(1, b"250-" + b"a" * n), (1, b"\r\n")] + end,
           lambda rs, n: len(rs) < 9)
    yield ("a reply of many lines", 400_000, lambda n: [(0, b"NOOP\r\n"), (1, b"250-a\r\n" * n + b"250 b\r\n")]
           + end, lambda rs, n: commands("NOOP")(rs) == 1 and commands("QUIT")(rs) == 1)
    yield ("recipients, pipelined", 40000, lambda n: [(0, b"MAIL FROM:<a@b.c>\r\n"), (1, ok),
           (0, b"RCPT TO:<dddd@e.f>\r\n" * n), (1, ok * n)] + end,
           lambda rs, n: commands("RCPT")(rs) == n and commands("QUIT")(rs) == 1)
    yield ("recipients in turn", 15000, lambda n: [(0, b"MAIL FROM:<a@b.c>\r\n"), (1, ok)]
           + [p for _ in range(n) for p in ((0, b"RCPT TO:<dddd@e.f>\r\n"), (1, ok))]
           + [(0, b"DATA\r\n"), (1, go), (0, b"\r\n.\r\n"), (1, ok)] + end,
           lambda rs, n: [inner(r, "smtp", "rcpt_count") for r in rs if kind(r) == "mail"] == [n])
    yield ("chunks of a byte", 30000, lambda n: begin + [(0, b"BDAT 1\r\nx" * n), (1, ok * n),
           (0, b"BDAT 0 LAST\r\n"), (1, ok)] + end,
           lambda rs, n: [inner(r, "tsumari", "smtp", "message_bytes") for r in rs if kind(r) == "mail"] in ([n], []))
    yield ("a message without end", 16_000_000, lambda n: begin + [(0, b"DATA\r\n"), (1, go),
           (0, b"Subject: x\r\n\r\n" + b"." * n)], lambda rs, n: sum(kind(r) == "mail" for r in rs) == 1)
    yield ("nearly the end, again and again", 3_000_000, lambda n: begin + [(0, b"DATA\r\n"), (1, go),
           (0, b"\r\n" + b"\r\n.\r" * n + b"\r\n.\r\n"), (1, ok)] + end, lambda rs, n:
           [inner(r, "tsumari", "smtp", "message_bytes") for r in rs if kind(r) == "mail"] == [4 * n + 4])
    yield ("headers", 500_000, lambda n: begin + [(0, b"DATA\r\n"), (1, go),
           (0, b"Subject: a\r\n" + b" folded\r\n" * n + b"A: b\r\n" * n + b"\r\n.\r\n"), (1, ok)] + end,
           lambda rs, n: sum(kind(r) == "mail" for r in rs) == 1)


def check_hostile():
    with tempfile.TemporaryDirectory(prefix="tsumari-mail-") as work:
        for name, n, parts, holds in hostile():
            spent = []
            for size in n // 2, n:
                path = os.path.join(work, "x.pcap")
                pcaplib.write(path, 1, talk(1, parts(size)))
                spent.append(min(run(path, "--types", "smtp")[1] for _ in range(2)))
                check(holds(records(path), size), "%s, %d: %s" % (name, size, [
                    (kind(r), r.get("method"), inner(r, "smtp", "reply_code")) for r in records(path)][-6:]))
            # Half of it, twice, and what the machine's load adds to so short a time.
            check(spent[1] <= 2.2 * spent[0] + 0.12, "%s: %.2f s for half, %.2f s for all" % (name, *spent))


for f in check_logs, check_secrets, check_mask, check_hostile:
    before = faults
    f()
    print("%s %s" % ("ok  " if faults == before else "FAIL", f.__name__.replace("check_", "")), flush=True)
print("%d checks, %d failed" % (done, faults))
sys.exit(1 if faults else 0)
