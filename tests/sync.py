#!/usr/bin/env python3
"""Back in step after a loss, however small the segments are.

Conversations of each protocol lose some of their bytes: whole segments, parts of one, all before a
byte. Cut into segments of 1, 3 and 7 bytes they must give the same transactions as in the segments
that the protocol's software makes, none of them mispaired, and only those that the lost bytes belong
to may be missing. $TSUMARI is the program, $PLUGIN the example plugin. Arguments: names of protocols
(all of them).
"""
import glob
import importlib
import os
import random
import re
import sys

import pcaplib
import property as http
import property_dns as dns
import property_mysql as mysql
import property_smtp as smtp
import property_tls as tls
from property import check, drop, number, save

SIZES = (1, 3, 7)


def made_beanstalk(connections, each):
    """Commands with a number that the answer repeats; jobs hold anything."""
    rng, packets, serial = random.Random(11300), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c, 11300)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        for _ in range(each):
            job = rng.choice((b"j" * rng.randrange(1, 900), b"DELETED\r\n", b"reserve\r\nFOUND 1 1\r\n"))
            asked, answer = rng.choice((
                (b"peek %d\r\n" % serial, b"FOUND %d %d\r\n%s\r\n" % (serial, len(job), job)),
                (b"bury %d 1\r\n" % serial, b"BURIED %d\r\n" % serial),
                (b"use n-%d\r\n" % serial, b"USING n-%d\r\n" % serial),
                (b"put 1 0 %d %d\r\n%s\r\n" % (serial, len(job), job), b"INSERTED %d\r\n" % serial),
            ))
            time = talk.send(0, time, asked) + 90_000
            time = talk.send(1, time, answer) + 50_000
            serial += 1
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered_beanstalk(records):
    """What answers says which command it is to; that a job or a tube is another's shows in its number."""
    right, wrong = set(), []
    wants = {"peek": "FOUND", "bury": "BURIED", "use": "USING", "put": "INSERTED"}
    for r in records:
        command, answer = number(r, "beanstalk", "command"), number(r, "beanstalk", "answer")
        if not answer or command not in wants:
            continue
        job, got = number(r, "beanstalk", "job"), number(r, "beanstalk", "got")
        tube = number(r, "beanstalk", "tube") or ""
        if answer != wants[command] or (job is not None and job != got):
            wrong.append((command, job, answer, got))
        else:
            right.add(int(tube[2:]) if command == "use" else got)
    return right, wrong


# Name, how connections are made, how they are judged, the types of the records, connections, and
# transactions in each.
PROTOCOLS = {
    "http": (http.made, http.answered, "http", 3, 24),
    "http2": (http.made_h2, http.answered, "http2", 3, 24),
    "nfs": (http.made_nfs, http.answered_nfs, "nfs", 2, 24),
    "mysql": (mysql.made, mysql.answered, "mysql", 3, 24),
    "smtp": (smtp.made, smtp.answered, "smtp", 3, 24),
    "dns": (dns.made, dns.answered, "dns", 4, 24),
    "tls": (tls.made, tls.answered, "tls", 8, 4),
    "beanstalk": (made_beanstalk, answered_beanstalk, "beanstalk", 3, 24),
}
# Those of a protocol of its own file, property_NAME.py, as docs/dissector.md has it.
for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "property_*.py"))):
    room = importlib.import_module(os.path.basename(path)[:-3])
    if hasattr(room, "PROTOCOL"):
        PROTOCOLS[room.PROTOCOL[0]] = room.PROTOCOL[1:]
PLUGIN = ["--plugin", os.environ["PLUGIN"]] if os.environ.get("PLUGIN") else None


def records(path, name, kind):
    args = PLUGIN if kind == "beanstalk" else []
    return [r for r in http.parse(http.run(path, "--types", kind, *args), name) if r["type"] == kind]


def told(r):
    """What a record says that is not of times and frames: sizes and texts, and how it ended.

    Not whether the other direction was seen by then, which acknowledgments show.
    """
    def walk(prefix, o):
        for k, v in o.items():
            name = prefix + k
            if name in ("tsumari.frame", "tsumari.ledger", "tsumari.lost", "tsumari.retransmits",
                        "tsumari.time", "tsumari.run", "tsumari.smtp.time", "tsumari.tls.handshake", "observer", "@timestamp", "flow",
                        "event", "client.packets", "server.packets", "client.bytes", "server.bytes"):
                continue
            if name == "tsumari.quality":
                v = [x for x in v if x != "one_way"]
            if isinstance(v, dict):
                yield from walk(name + ".", v)
            else:
                yield "%s=%s" % (name, v)
    return tuple(sorted(walk("", r)))


def pieces(packets, lost, size):
    """The packets without the lost bytes ({place: (from, to)}), in segments of `size` (0: as they are)."""
    out = []
    for i, p in enumerate(packets):
        s = pcaplib.segment(1, p)
        n = len(s.payload)
        if not n:
            out.append(p)
            continue
        a, b = lost.get(i, (n, n))
        for low, high in (0, a), (b, n):
            for at in range(low, high, size or n):
                end = min(high, at + (size or n))
                flags = s.flags if end == n else s.flags & ~pcaplib.FIN
                out.append(pcaplib.Packet(p.time, s.copy(s.payload[at:end], s.seq + at, flags).frame()))
    return out


def difference(want, got):
    """What the first few records that differ say otherwise."""
    more, less = [x for x in got if x not in want], [x for x in want if x not in got]
    parts = ["%d records instead of %d" % (len(got), len(want))]
    for a, b in list(zip(more, less))[:2]:
        name = [x for x in a if x.startswith(("path=", "query="))][:1]
        parts.append("%s %s instead of %s" % (name, sorted(set(a) - set(b))[:5], sorted(set(b) - set(a))[:5]))
    return "; ".join(parts)


def compare(name, packets, lost, kind, judge, least):
    """The same for all sizes of segments; at least these are there."""
    want = None
    for size in (0, *SIZES):
        title = "%s-%s-%d" % (kind, name, size)
        path = save(title, 1, pieces(packets, lost, size))
        found = records(path, title, kind)
        right, wrong = judge(found)
        ok = check(not wrong, title, "%d mispaired: %s" % (len(wrong), wrong[:4]))
        ok &= check(least <= right, title, "missing %s" % sorted(least - right)[:8])
        got = sorted(map(told, found))
        if want is None:
            want = got
        ok &= check(got == want, title, "not as in segments as they are: " + difference(want, got))
        if ok:
            drop(path)


def check_protocol(kind, seeds=int(os.environ.get("SEEDS", "4"))):
    make, judge, _, connections, each = PROTOCOLS[kind]
    _, packets = make(connections, each)
    path = save(kind + "-whole", 1, packets)
    whole, wrong = judge(records(path, kind, kind))
    check(len(whole) == connections * each and not wrong, kind, "%d of %d, wrong %s" % (
        len(whole), connections * each, wrong[:4]))
    drop(path)
    full = [i for i, p in enumerate(packets) if pcaplib.segment(1, p).payload]
    compare("none", packets, {}, kind, judge, whole)
    for seed in range(seeds):
        rng, lost = random.Random(seed), {}
        for i in rng.sample(full, 5):
            n = len(pcaplib.segment(1, packets[i]).payload)
            a, b = sorted((rng.randrange(0, n + 1), rng.randrange(0, n + 1)))
            lost[i] = rng.choice(((0, n), (0, b), (a, n), (a, b)))
        compare("loss-%d" % seed, packets, lost, kind, judge, set())
    for seed in range(seeds):
        rng = random.Random(100 + seed)
        i = rng.choice(full[: len(full) // 2])
        n = len(pcaplib.segment(1, packets[i]).payload)
        rest = max(n - rng.randrange(1, 8), 0)
        compare("join-%d" % seed, packets[i:], {0: (0, rest)}, kind, judge, set())


def main(wanted):
    for kind in PROTOCOLS:
        if (wanted and kind not in wanted) or (kind == "beanstalk" and not PLUGIN):
            continue
        before = len(http.faults)
        check_protocol(kind)
        print("%s %s" % ("ok  " if len(http.faults) == before else "FAIL", kind), flush=True)
    if http.faults:
        print("captures are in " + http.scratch)
    print("%d checks, %d failed" % (http.done, len(http.faults)))
    sys.exit(1 if http.faults else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
