#!/usr/bin/env python3
"""What must stay true of MySQL transactions when a capture is rewritten: property.py says why.

Nothing may depend on segmentation, copies and order; what was not captured may be missing, and
nothing may be made up; a lost packet costs what it touches; and the server's own log is met.
Arguments: names of checks to run (all).
"""
import collections
import glob
import json
import os
import random
import re
import sys

import pcaplib
import property as p
from property import check, drop, number, save

OUTCOME = ("num_rows", "affected_rows", "error_code")


def transactions(path, name, *args):
    return [r for r in p.parse(p.run(path, "--types", "mysql", *args), name) if r.get("type") == "mysql"]


def bag(records):
    return collections.Counter((
        r.get("method"), r.get("query"), r.get("status"), json.dumps(r.get("mysql"), sort_keys=True),
        number(r, "client", "bytes"), number(r, "server", "bytes"),
        number(r, "tsumari", "mysql", "result_bytes"),
        number(r, "tsumari", "mysql", "binlog", "position")) for r in records)


def captures():
    paths = sorted(glob.glob(os.path.join(p.PCAPS, "mysql*.pcap")))
    check(paths, "captures", "no MySQL captures in " + p.PCAPS)
    return [(os.path.basename(path)[:-5], path, *pcaplib.read(path)) for path in paths]


def rewritten(label, change, seeds):
    for name, path, link, packets in captures():
        want = bag(transactions(path, name))
        check(want, name, "no transactions")
        for seed in seeds:
            title = "%s-%s-%d" % (label, name, seed)
            made = save(title, link, change(random.Random(seed), link, packets))
            got = bag(transactions(made, title))
            if check(got == want, title, p.difference(want, got)):
                drop(made)


def check_segmentation():
    rewritten("segmentation", p.resegment, (1, 2))
    rewritten("bytewise", lambda r, l, k: p.resegment(r, l, k, True), [1])


def check_duplicates():
    rewritten("duplicates", p.duplicate, (1, 2))


def check_order():
    rewritten("order", p.reorder, (1, 2))


def outcomes(records):
    """What statements came to. Of one that is not known, or not to its end, its command stands for
    it; the OK of a login says 0 rows."""
    found = set()
    for r in records:
        told = tuple(number(r, "mysql", f) for f in OUTCOME)
        query = None if r.get("query", "STMT").startswith("STMT") else r["query"]
        if "truncated" in (r.get("tsumari", {}).get("quality") or []):
            query = None
        if told not in ((None, None, None), (None, 0, None)):
            found.add((query, *told))
    return found


def check_snaplen():
    for name, path, link, packets in captures():
        true = outcomes(transactions(path, name))
        true |= {(None, *rest) for _, *rest in true}  # its command was cut off
        true |= {(None, None, None, error) for *_, error in true}  # ... and the results before its error
        for length in [*range(20, 210, 13), 250, 300]:
            title = "snaplen-%s-%d" % (name, length)
            cut = save(title, link, packets, length)
            extra = outcomes(transactions(cut, title)) - true
            if check(not extra, title, "invented %s" % sorted(extra, key=str)[:4]):
                drop(cut)


def packet(seq, *parts):
    data = b"".join(parts)
    return len(data).to_bytes(3, "little") + bytes([seq & 255]) + data


def made(connections=20, each=100):
    """Statements that name a number: a table that is changed, or a column of which there are rows;
    the answer's rows, changed or not, are its last three digits and one more."""
    rng, packets, serial = random.Random(3306), [], 0
    caps = 0x01FFA20F & ~0x800
    ok = lambda seq, n: packet(seq, b"\0\xfc", n.to_bytes(2, "little"), b"\0\2\0\0\0")
    for c in range(connections):
        talk = pcaplib.Conversation(c, 3306)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        for side, data in (
                (1, packet(0, b"\x0a8.0.99\0", bytes(4), b"a" * 8, b"\0", caps.to_bytes(4, "little")[:2],
                           b"\x21\2\0", caps.to_bytes(4, "little")[2:], b"\x15", bytes(10), b"b" * 12, b"\0m\0")),
                (0, packet(1, caps.to_bytes(4, "little"), bytes(4), b"\x21", bytes(23), b"app\0\4passdb\0m\0")),
                (1, packet(2, b"\0\0\0\2\0\0\0"))):
            time = talk.send(side, time, data) + 50_000
        statement = 0
        for _ in range(each):
            n, kind_of = serial % 1000 + 1, rng.random()
            if kind_of < 0.5:
                text, reply = b"\3update t%d set a = 1" % serial, ok(1, n)
            elif kind_of < 0.9:
                text, reply, seq = b"\3select c%d from t" % serial, packet(1, b"\1"), 2
                parts = [reply, packet(2, b"\3def\0\1t\1t\1c\1c\x0c\x21\0\4\0\0\0\3\0\0\0\0\0")]
                for seq in range(3, 3 + n):
                    parts.append(packet(seq, b"\x04", b"%04d" % rng.randrange(10000)))
                reply = b"".join(parts) + packet(seq + 1, b"\xfe\0\0\2\0\0\0")
            else:
                statement += 1
                reply = packet(1, b"\0", statement.to_bytes(4, "little"), bytes(7))
                time = talk.send(0, time, packet(0, b"\x16update t%d set b = 2" % serial)) + 30_000
                time = talk.send(1, time, reply) + 30_000
                text, reply = b"\x17%c\0\0\0\0\1\0\0\0" % statement, ok(1, n)
            time = talk.send(0, time, packet(0, text)) + rng.randrange(100_000, 3_000_000)
            time = talk.send(1, time, reply) + rng.randrange(10_000, 2_000_000)
            serial += 1
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered(records):
    """As answered(): a statement and what its answer says."""
    right, wrong = set(), []
    for r in records:
        words = (r.get("query") or "").split(" ")
        if number(r, "mysql", "command") == "COM_STMT_PREPARE" or words[0] not in ("select", "update"):
            continue
        field = "num_rows" if words[0] == "select" else "affected_rows"
        other = "affected_rows" if words[0] == "select" else "num_rows"
        asked, got = int(words[1][1:]), number(r, "mysql", field)
        if number(r, "mysql", other) is not None or (got is not None and got != asked % 1000 + 1):
            wrong.append((asked, got, number(r, "mysql", other)))
        elif r.get("status") == "OK":
            right.add(asked)
    return right, wrong


def check_loss():
    """1 of 100 packets is not there: at least 95 of 100 transactions are, and none is mispaired."""
    link, packets = made()
    right, wrong = answered(transactions(save("loss-none", link, packets), "loss-none"))
    check(len(right) == 2000 and not wrong, "loss-none", "%d right, wrong: %s" % (len(right), wrong[:4]))
    for seed in range(1, 6):
        rng, title = random.Random(seed), "loss-%d" % seed
        path = save(title, link, [k for k in packets if rng.random() >= 0.01])
        right, wrong = answered(transactions(path, title))
        ok = check(len(right) >= 1900, title, "only %d of 2000 are left" % len(right))
        ok &= check(not wrong, title, "%d mispaired: %s" % (len(wrong), wrong[:6]))
        if ok:
            drop(path)


def check_start():
    """Without its first packets the capture shows the later transactions of every connection."""
    link, packets = made(4, 40)
    first = {}
    for i, k in enumerate(packets):  # the frame in which a command begins
        s = pcaplib.segment(link, k)
        words = s.payload[5:].split(b" ")
        if s.payload[3:5] in (b"\0\3", b"\0\x16") and words[0] in (b"select", b"update"):
            first[int(words[1][1:])] = i
    check(len(first) == 160, "start-mysql", "%d of 160" % len(first))
    for cut in (1, 2, 3, 10, 57, 100, 400, len(packets) // 2):
        title = "start-mysql-%d" % cut
        path = save(title, link, packets[cut:])
        right, wrong = answered(transactions(path, title))
        want = {n for n, i in first.items() if i >= cut}
        ok = check(not want - right, title, "lost %s" % sorted(want - right)[:6])
        ok &= check(not wrong, title, "mispaired %s" % wrong[:6])
        if ok:
            drop(path)


def check_server_log():
    """Every command in the server's general log, in its order and with its text."""
    path = os.path.join(p.PCAPS, "mysql-text")
    with open(path + ".general.log", encoding="utf-8") as f:
        text = f.read()
    want = []
    for line in re.split(r"\n(?=\t\t *\d+ [A-Z])", text):
        m = re.match(r"\s*\d+ (Connect|Query|Init DB|Statistics|Quit)\t(.*)", line, re.S)
        check(m, "server-log", "not understood: %r" % line[:60])
        if m:
            want.append({"Connect": "LOGIN", "Query": m[2].rstrip("\n"), "Init DB": "INIT_DB " + m[2].strip(),
                         "Statistics": "STATISTICS", "Quit": "QUIT"}[m[1]])
    records = transactions(path + ".pcap", "mysql-text", "--literal")
    got = [r["query"] for r in records if r["method"] != "PING"]
    check(got == want and len(want) > 20, "server-log", "log %s, records %s" % (
        [w for w in want if w not in got][:3], [g for g in got if g not in want][:3]))


def check_sysbench():
    """As many statements executed without an error as sysbench counted, of each of its kinds."""
    path = os.path.join(p.PCAPS, "mysql-sysbench")
    with open(path + ".totals", encoding="utf-8") as f:
        totals = {name: int(n) for name, n in re.findall(r"(\w+): +(\d+)", f.read())}
    kinds = {"select": "read", "begin": "other", "commit": "other"}
    got = dict.fromkeys(("read", "write", "other"), 0)
    for r in transactions(path + ".pcap", "mysql-sysbench"):
        if r["mysql"]["command"] == "COM_STMT_EXECUTE" and r["event"]["outcome"] == "success":
            got[kinds.get(r["query"].split(" ")[0].lower(), "write")] += 1
    check(got == {k: totals[k] for k in got} and totals["queries"] > 400, "sysbench", f"{got}, it counted {totals}")


CHECKS = [check_segmentation, check_duplicates, check_order, check_snaplen, check_loss, check_start,
          check_server_log, check_sysbench]
if __name__ == "__main__":
    p.main(CHECKS, sys.argv[1:])
