#!/usr/bin/env python3
"""What must stay true of transactions when a capture is rewritten.

TCP promises an order of bytes and nothing else, so segmentation, duplicates, order of capture and
the number of threads must not show in the result; and what was not captured may be missing, but
nothing may be made up. Every capture is made from fixed seeds. $TSUMARI is the program, $PCAPS the
folder of captures (pcaps/ beside this folder). Arguments: names of checks to run (all). With
$PROTOCOL another protocol than HTTP; what is particular to it is in property_NAME.py.
"""
import collections
import glob
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile

import pcaplib
from pcaplib import ACK, FIN, RST, SYN

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ.get("TSUMARI") or os.path.join(HERE, "..", "tsumari")
PCAPS = os.environ.get("PCAPS") or os.path.join(HERE, "..", "pcaps")
KEEP = os.environ.get("KEEP")
PROTOCOL = os.environ.get("PROTOCOL") or "http"
own = None if PROTOCOL == "http" else importlib.import_module("property_" + PROTOCOL)
faults, done = [], 0
scratch = tempfile.mkdtemp(prefix="tsumari-property-")


def check(ok, name, text):
    global done
    done += 1
    if not ok:
        faults.append(name)
        print("FAIL %s: %s" % (name, text))
    return ok


def run(path, *args):
    p = subprocess.run([TSUMARI, "-r", path, "--json", *args], capture_output=True, timeout=60)
    check(p.returncode == 0, os.path.basename(path), "exit status %d: %s"
          % (p.returncode, p.stderr.decode(errors="replace").strip()[:200]))
    return p.stdout


def parse(out, name):
    """The records; every line must be an object."""
    records = []
    for line in out.split(b"\n")[:-1]:
        try:
            records.append(json.loads(line.decode("utf-8")))
        except ValueError as e:
            check(False, name, "not JSON: %s: %r" % (e, line[:120]))
    check(out == b"" or out.endswith(b"\n"), name, "the last line has no end")
    check(all(isinstance(r, dict) for r in records), name, "a line that is no object")
    return records


def number(record, *keys):
    for k in keys:
        record = record.get(k, {}) if isinstance(record, dict) else {}
    return None if record == {} else record


def key(r):
    """What segmentation and order must not change."""
    if own:
        return own.key(r)
    if r.get("type") not in TYPES.get("http", TYPES):
        n = r["tsumari"].get("nfs", {})
        return (r["type"], r.get("method"), r.get("path"), r["rpc"]["xid"], r["rpc"].get("status"),
                number(r, "nfs", "status"), *(n.get(k) for k in (
                    "handle", "name", "offset", "count", "done", "size", "mtime", "fileid")),
                *(tuple(n.get(k, ())) for k in ("operations", "statuses")))
    return (r.get("method"), r.get("path"), number(r, "http", "response", "status_code"),
            number(r, "http", "request", "bytes"), number(r, "http", "request", "body", "bytes"),
            number(r, "http", "response", "bytes"), number(r, "http", "response", "body", "bytes"),
            number(r, "http", "response", "mime_type"),
            number(r, "tsumari", "http2", "stream_id"), number(r, "tsumari", "grpc", "status"))


TYPES = {PROTOCOL: {PROTOCOL}}
if not own:
    TYPES = {"http": {"http", "http2"}, "nfs": {"nfs", "mount", "portmap", "nlm", "rpc"}}
TYPE_LIST = ",".join(sorted(TYPES[PROTOCOL]))


def transactions(path, name, *args, kind=PROTOCOL):
    return [r for r in parse(run(path, *args), name) if r.get("type") in TYPES[kind]]


def bag(records):
    return collections.Counter(key(r) for r in records)


def difference(want, got):
    """Method, path, status, bytes of request, its body, response, its body, type."""
    parts = []
    for word, bag_of in ("missing", want - got), ("invented", got - want):
        for k, n in sorted(bag_of.items(), key=str)[:4]:
            short = [v[:40] if isinstance(v, str) else v for v in k]
            parts.append("%s %s x%d" % (word, short, n))
    return "; ".join(parts)


def save(name, link, packets, snaplen=262144):
    path = os.path.join(scratch, name + ".pcap")
    pcaplib.write(path, link, packets, snaplen)
    return path


def drop(path):
    if not KEEP:
        os.unlink(path)


def captures(kind=PROTOCOL):
    """(name, link type, packets) of the captures of a kind that are classic pcap files."""
    found = []
    paths = glob.glob(os.path.join(PCAPS, kind + "*.pcap*"))
    if kind == "http":
        paths.append(os.path.join(PCAPS, "grpc.pcap"))
    for path in sorted(paths):
        try:
            found.append((os.path.basename(path).split(".pcap")[0], path, *pcaplib.read(path)))
        except ValueError:
            continue
    check(found, "captures", "no captures of %s in %s" % (kind, PCAPS))
    return found


def merge(rng, link, packets):
    """Join neighbouring segments of one side where the other side said nothing in between."""
    out, open_at = [], {}
    for p in packets:
        s = pcaplib.segment(link, p)
        if s is None or not s.payload or s.flags & (SYN | RST):
            if s is not None:
                for k in [(s.source, s.target), (s.target, s.source)]:
                    open_at.pop(k, None)
            out.append((p, None))
            continue
        flow = (s.source, s.target)
        open_at.pop((s.target, s.source), None)
        at = open_at.get(flow)
        before = out[at][1] if at is not None else None
        if (before and not before.flags & FIN and rng.random() < 0.6
                and (before.seq + len(before.payload)) & 0xFFFFFFFF == s.seq
                and len(before.payload) + len(s.payload) < 30000):
            s = s.copy(payload=before.payload + s.payload, seq=before.seq)
            out[at] = None
        open_at[flow] = len(out)
        out.append((p, s))
    return [(e[0].time, e[1], e[0]) for e in out if e]


def resegment(rng, link, packets, byte_wise=False):
    out = []
    for time, s, p in merge(rng, link, packets):
        if s is None or len(s.payload) < 2:
            out.append(p if s is None else pcaplib.Packet(time, s.frame()))
            continue
        n = len(s.payload)
        cuts = set(range(1, n)) if byte_wise and n < 400 else {
            rng.randrange(1, n) for _ in range(rng.randrange(0, 5))}
        cuts = [0, *sorted(cuts), n]
        for a, b in zip(cuts, cuts[1:]):
            flags = s.flags if b == n else s.flags & ~FIN
            piece = s.copy(payload=s.payload[a:b], seq=s.seq + a, flags=flags)
            out.append(pcaplib.Packet(time, piece.frame()))
    return out


def duplicate(rng, link, packets):
    """Segments seen twice: at once (two taps) or a few packets later (sent again)."""
    out, later = [], []
    for p in packets:
        out.append(p)
        later = [(n - 1, q) for n, q in later]
        for n, q in later:
            if n <= 0:
                out.append(pcaplib.Packet(p.time, q.data, q.wire))
        later = [e for e in later if e[0] > 0]
        s = pcaplib.segment(link, p)
        if s is not None and s.payload and rng.random() < 0.25:
            later.append((rng.randrange(0, 3), p))
    return out


def reorder(rng, link, packets):
    """Neighbouring data segments of one side change places; the times stay in order.

    Not in connections whose beginning is not in the capture: there nobody can know that the first
    segment seen is not the first.
    """
    out, begun = list(packets), set()
    for i in range(len(out) - 1):
        a, b = pcaplib.segment(link, out[i]), pcaplib.segment(link, out[i + 1])
        if a is not None and a.flags & SYN:
            begun |= {(a.source, a.target), (a.target, a.source)}
        if (a is None or b is None or a.source != b.source or a.target != b.target
                or (a.source, a.target) not in begun
                or not a.payload or not b.payload or (a.flags | b.flags) & (SYN | FIN | RST)):
            continue
        if rng.random() < 0.4:
            ta, tb = out[i].time, out[i + 1].time
            out[i], out[i + 1] = (pcaplib.Packet(ta, out[i + 1].data, out[i + 1].wire),
                                  pcaplib.Packet(tb, out[i].data, out[i].wire))
    return out


def rewritten(label, change, seeds):
    for kind in TYPES:
        for name, path, link, packets in captures(kind):
            if kind == "nfs" and any(len(p.data) < p.wire for p in packets):
                continue  # what was captured of a header would change with the segments
            some = list(seeds)[:2] if kind == "nfs" else seeds
            rewritten_capture(label, change, some, kind, name, path, link, packets)


def rewritten_capture(label, change, seeds, kind, name, path, link, packets):
    args = ("--types", ",".join(sorted(TYPES[kind])))
    want = bag(transactions(path, name, *args, kind=kind))
    check(want, name, "no transactions")
    for seed in seeds:
        title = "%s-%s-%d" % (label, name, seed)
        made = save(title, link, change(random.Random(seed), link, packets))
        got = bag(transactions(made, title, *args, kind=kind))
        if check(got == want, title, difference(want, got)):
            drop(made)


def check_segmentation():
    rewritten("segmentation", resegment, range(1, 7))


def check_bytewise():
    rewritten("bytewise", lambda r, l, p: resegment(r, l, p, True), [1])


def check_duplicates():
    rewritten("duplicates", duplicate, range(1, 5))


def check_order():
    rewritten("order", reorder, range(1, 3))
    rewritten("order-segmented", lambda r, l, p: reorder(r, l, resegment(r, l, p)), range(1, 3))


def check_threads():
    paths = [c[1] for kind in TYPES for c in captures(kind)] + [save("threads-made", *made())]
    for path in paths:
        name = "threads-" + os.path.basename(path)
        alone = run(path, "-j", "0")
        parse(alone, name)
        for n in "1", "4":
            check(run(path, "-j", n) == alone, name, "-j %s and -j 0 differ" % n)


def outcomes(records):
    if own:
        return own.outcomes(records)
    return {(r.get("path"), number(r, "http", "response", "status_code")) for r in records
            if number(r, "http", "response", "status_code")}


def check_snaplen():
    for name, path, link, packets in captures():
        true = outcomes(transactions(path, name))
        if name == "http2-upgrade":  # an interim answer, whose Upgrade header may be cut off
            true |= {(path, 101) for path, _ in true}
        true |= {(None, status) for _, status in true}  # its request was cut off
        for length in [*range(20, 110, 3), *range(110, 201, 10)]:
            title = "snaplen-%s-%d" % (name, length)
            cut = save(title, link, packets, length)
            extra = outcomes(transactions(cut, title)) - true
            if check(not extra, title, "invented %s" % sorted(extra, key=str)[:4]):
                drop(cut)


def made(connections=20, each=100):
    """Keep-alive requests whose answers carry the request's number in their Content-Type."""
    if own:
        return own.made(connections, each)
    rng, packets, serial = random.Random(9110), [], 0
    for c in range(connections):
        talk = pcaplib.Conversation(c)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        for _ in range(each):
            post = rng.random() < 0.2
            body = b"b" * rng.randrange(1, 3000) if post else b""
            head = b"%s /item/%d HTTP/1.1\r\nHost: made.example\r\n" % (
                b"POST" if post else b"GET", serial)
            if post:
                head += b"Content-Length: %d\r\n" % len(body)
            time = talk.send(0, time, head + b"\r\n" + body) + rng.randrange(100_000, 3_000_000)
            size = rng.choice((0, 30, 700, 1500, 6000))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/id-%d\r\n" % serial
            if rng.random() < 0.3:
                chunks = b"%x\r\n%s\r\n" % (size, b"c" * size) if size else b""
                reply = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
            else:
                reply = head + b"Content-Length: %d\r\n\r\n" % size + b"d" * size
            time = talk.send(1, time, reply) + rng.randrange(10_000, 2_000_000)
            serial += 1
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered(records):
    """(numbers asked and answered, numbers answered by another's response)."""
    if own:
        return own.answered(records)
    right, wrong = set(), []
    for r in records:
        kind = number(r, "http", "response", "mime_type")
        if not (r.get("path") or "").startswith("/item/") or not kind:
            continue
        asked, got = r["path"].split("/")[2], kind.rpartition("-")[2]
        if asked == got:
            right.add(int(asked))
        else:
            wrong.append((int(asked), int(got)))
    return right, wrong


def check_loss():
    link, packets = made()
    whole = transactions(save("loss-none", link, packets), "loss-none", "--types", TYPE_LIST)
    right, wrong = answered(whole)
    check(len(right) == 2000 and (own or len(whole) == 2000) and not wrong, "loss-none",
          "%d transactions, %d right, %d wrong" % (len(whole), len(right), len(wrong)))
    for seed in range(1, 6):
        rng, title = random.Random(seed), "loss-%d" % seed
        path = save(title, link, [p for p in packets if rng.random() >= 0.01])
        right, wrong = answered(transactions(path, title, "--types", TYPE_LIST))
        ok = check(len(right) >= 1900, title, "only %d of 2000 are left" % len(right))
        ok &= check(not wrong, title, "%d mispaired: %s" % (len(wrong), wrong[:6]))
        if ok:
            drop(path)


STATIC = {(b":method", b"GET"): 2, (b":scheme", b"http"): 6, (b":status", b"200"): 8}


class Headers:
    """Encodes header blocks (RFC 7541) that lean on their dynamic table, as real ones do."""

    def __init__(self):
        self.table = []  # newest first

    def literal(self, name, value, keep):
        out = bytes([0x40 if keep else 0, len(name)]) + name + bytes([len(value)]) + value
        if keep:
            self.table.insert(0, (name, value))
            while sum(len(n) + len(v) + 32 for n, v in self.table) > 4096:
                self.table.pop()
        return out

    def block(self, headers):
        """headers: (name, value, kept in the table?)"""
        out = b""
        for name, value, keep in headers:
            if (name, value) in STATIC:
                out += bytes([0x80 | STATIC[name, value]])
            elif (name, value) in self.table:
                index = 62 + self.table.index((name, value))
                out += bytes([0x80 | index]) if index < 127 else bytes([0xFF, index - 127])
            else:
                out += self.literal(name, value, keep)
        return out


def h2_frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


def made_h2(connections=20, each=100, at_once=4):
    """Some streams at a time, whose answers carry the request's number in their Content-Type."""
    rng, packets, serial = random.Random(9113), [], 0
    for c in range(connections):
        talk, up, down = pcaplib.Conversation(c), Headers(), Headers()
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        time = talk.send(0, time, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0))
        time = talk.send(1, time, h2_frame(4, 0, 0) + h2_frame(4, 1, 0))
        for first in range(0, each, at_once):
            asked, parts = b"", []
            for i in range(first, first + at_once):
                head = up.block([(b":method", b"GET", True), (b":scheme", b"http", True),
                                 (b":path", b"/item/%d" % serial, rng.random() < 0.5),
                                 (b":authority", b"made.example", True),
                                 (b"user-agent", b"agent %d" % rng.randrange(3), True)])
                asked += h2_frame(1, 5, 2 * i + 1, head)
                head = down.block([(b":status", b"200", True),
                                   (b"server", b"server %d" % rng.randrange(3), True),
                                   (b"content-type", b"text/id-%d" % serial,
                                    rng.random() < 0.5)])
                mine = [h2_frame(1, 4, 2 * i + 1, head)]
                for size in rng.choice(((0,), (30,), (700,), (900, 600), (3000, 3000))):
                    mine.append(h2_frame(0, 0, 2 * i + 1, bytes(rng.randrange(256)
                                                               for _ in range(size))))
                mine[-1] = mine[-1][:4] + b"\1" + mine[-1][5:]
                parts.append(mine)
                serial += 1
            time = talk.send(0, time, asked) + rng.randrange(100_000, 3_000_000)
            # Header blocks in order (the table depends on it), then the data in turns.
            reply = b"".join(p.pop(0) for p in parts)
            while any(parts):
                reply += rng.choice([p for p in parts if p]).pop(0)
            time = talk.send(1, time, reply) + rng.randrange(10_000, 2_000_000)
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def check_loss_h2():
    if own:
        return
    link, packets = made_h2()
    whole = transactions(save("loss-h2-none", link, packets), "loss-h2-none")
    right, wrong = answered(whole)
    check(len(right) == len(whole) == 2000 and not wrong, "loss-h2-none",
          "%d transactions, %d right, %d wrong" % (len(whole), len(right), len(wrong)))
    agents = {(r["path"], number(r, "user_agent", "original")) for r in whole}
    for seed in range(1, 6):
        rng, title = random.Random(seed), "loss-h2-%d" % seed
        path = save(title, link, [p for p in packets if rng.random() >= 0.01])
        records = transactions(path, title)
        right, wrong = answered(records)
        ok = check(len(right) >= 1900, title, "only %d of 2000 are left" % len(right))
        ok &= check(not wrong, title, "%d mispaired: %s" % (len(wrong), wrong[:6]))
        named = {(r["path"], a) for r in records if r.get("path")
                 for a in [number(r, "user_agent", "original")] if a}
        ok &= check(named <= agents, title, "invented %s" % sorted(named - agents)[:6])
        ok &= check(len(records) <= 2000, title, "%d records" % len(records))
        if ok:
            drop(path)


def check_many():
    """More requests in a pipeline than are followed: what is answered is answered right."""
    if own:
        return
    talk, n = pcaplib.Conversation(1), 700
    time = talk.open(1_700_000_000 * 10**9)
    ask = [b"GET /item/%d HTTP/1.1\r\nHost: many\r\n\r\n" % i for i in range(n + 1)]
    reply = [b"HTTP/1.1 200 OK\r\nContent-Type: text/id-%d\r\nContent-Length: 10\r\n\r\n0123456789"
             % i for i in range(n + 1)]
    time = talk.send(0, time, ask[0]) + 10**6
    time = talk.send(1, time, reply[0][:-5]) + 10**6  # the others come while it is being sent
    time = talk.send(0, time, b"".join(ask[1:n])) + 10**6
    time = talk.send(1, time, reply[0][-5:] + b"".join(reply[1:n])) + 10**6
    time = talk.send(0, time, ask[n]) + 10**6
    talk.close(talk.send(1, time, reply[n]))
    records = transactions(save("many", 1, talk.packets), "many")
    right, wrong = answered(records)
    check(not wrong, "many", "%d mispaired: %s" % (len(wrong), wrong[:6]))
    check(len(records) == n + 1, "many", "%d records" % len(records))
    check({0, n} <= right and len(right) > 500, "many", "%d right" % len(right))
    check(all(number(r, "http", "response", "body", "bytes") == 10 for r in records
              if number(r, "http", "response", "status_code")), "many", "bodies of others")


def check_start():
    """Without its first packets the capture shows the later transactions."""
    link, packets = made(4, 40)
    whole, _ = answered(transactions(save("start-whole", link, packets), "start-whole"))
    check(len(whole) == 160, "start-whole", "%d of 160" % len(whole))
    first = {}
    for i, p in enumerate(packets):  # the frame in which a request begins
        s = pcaplib.segment(link, p)
        if own:
            own.begun(s.payload, i, first)
            continue
        for word in s.payload.split(b" ")[1:2]:
            if word.startswith(b"/item/"):
                first.setdefault(int(word[6:]), i)
    for cut in (1, 2, 3, 10, 57, 100, 200, 400, len(packets) // 2):
        title = "start-%d" % cut
        path = save(title, link, packets[cut:])
        right, wrong = answered(transactions(path, title))
        want = {n for n, i in first.items() if i >= cut}
        # A connection cut inside an answer may lose the one request that is next.
        ok = check(len(want - right) == 0, title, "lost %s" % sorted(want - right)[:6])
        ok &= check(not wrong and right <= set(whole), title, "mispaired %s" % wrong[:6])
        if ok:
            drop(path)


def check_start_h2():
    """Without its first packets the capture shows the later streams."""
    if own:
        return
    link, packets = made_h2(4, 80)
    first = {}
    for i, p in enumerate(packets):  # the frame of a stream's request, by its connection
        s = pcaplib.segment(link, p)
        at = 24 if s.payload.startswith(b"PRI ") else 0
        while s.target[1] == 80 and at + 9 <= len(s.payload):
            size, kind = int.from_bytes(s.payload[at:at + 3], "big"), s.payload[at + 3]
            if kind == 1:
                first[s.source[1], int.from_bytes(s.payload[at + 5:at + 9], "big")] = i
            at += 9 + size
    check(len(first) == 320, "start-h2", "%d of 320" % len(first))
    for cut in (1, 2, 3, 10, 57, 100, 200, len(packets) // 2):
        title = "start-h2-%d" % cut
        path = save(title, link, packets[cut:])
        records = transactions(path, title)
        right, wrong = answered(records)
        seen = {(number(r, "client", "port"), number(r, "tsumari", "http2", "stream_id")) for r in records
                if number(r, "http", "response", "status_code") == 200
                and "no_request" not in (number(r, "tsumari", "quality") or [])}
        want = {k for k, i in first.items() if i >= cut}
        ok = check(not want - seen, title, "lost %s" % sorted(want - seen)[:6])
        ok &= check(not wrong, title, "mispaired %s" % wrong[:6])
        ok &= check(len(right) >= len(want), title, "%d of %d have their names" % (len(right), len(want)))
        if ok:
            drop(path)


def made_nfs(connections=20, each=100, flight=4):
    """READs, GETATTRs and WRITEs, some in flight together; the reply to each has the number of its
    call as the file's fileid, which the call has as its offset or in its file handle."""
    rng, packets = random.Random(1813), []
    u32 = lambda *n: b"".join(x.to_bytes(4, "big") for x in n)
    attributes = lambda n: u32(1, 1, 0o644, 1, 0, 0, 0, 9, 0, 9, 0, 0, 0, 1, 0, n, *[5] * 6)
    record = lambda m: u32(len(m) | 1 << 31) + m
    for c in range(connections):
        talk = pcaplib.Conversation(c, port=2049)
        time = talk.open(1_700_000_000 * 10**9 + c * 7_000_000)
        serial = c * each
        while serial < (c + 1) * each:
            calls, replies = b"", []
            for _ in range(rng.randrange(1, flight + 1)):
                if serial == (c + 1) * each:
                    break
                what, size = rng.choice(((1, 0), (6, 300), (6, 8192), (7, 4096), (6, 30000))), 0
                size = what[1]
                head = u32(serial, 0, 2, 100003, 3, what[0]) + u32(1, 20, 0, 0, 0, 0, 0, 0, 0)
                head += u32(4, serial)
                body, ok = b"", u32(serial, 1, 0, 0, 0, 0, 0)
                if what[0] == 1:
                    ok += attributes(serial)[4:]
                elif what[0] == 6:
                    body = u32(0, serial, size)
                    ok += attributes(serial) + u32(size, 0, size) + b"r" * size
                else:
                    body = u32(0, serial, size, 2, size) + b"w" * size
                    ok += u32(0) + attributes(serial) + u32(size, 2, 0, 0)
                calls += record(head + body)
                replies.append(record(ok))
                serial += 1
            time = talk.send(0, time, calls) + rng.randrange(100_000, 3_000_000)
            rng.shuffle(replies)
            time = talk.send(1, time, b"".join(replies)) + rng.randrange(10_000, 2_000_000)
        talk.close(time)
        packets += talk.packets
    packets.sort(key=lambda p: p.time)
    return 1, packets


def answered_nfs(records):
    """(numbers asked and answered, numbers answered by another's response)."""
    right, wrong = set(), []
    for r in records:
        asked, got = int(r["rpc"]["xid"], 16), number(r, "tsumari", "nfs", "fileid")
        offset = number(r, "tsumari", "nfs", "offset")
        if got is None or not r.get("method"):
            continue
        if int(got) != asked or offset not in (None, asked):
            wrong.append((asked, got, offset))
        elif number(r, "nfs", "status") == "NFS_OK":
            right.add(asked)
    return right, wrong


def check_loss_nfs():
    if own:
        return
    link, packets = made_nfs()
    title = "loss-nfs-none"
    whole = transactions(save(title, link, packets), title, "--types", "nfs", kind="nfs")
    right, wrong = answered_nfs(whole)
    check(len(right) == len(whole) == 2000 and not wrong, title,
          "%d transactions, %d right, %d wrong" % (len(whole), len(right), len(wrong)))
    for seed in range(1, 6):
        rng, title = random.Random(seed), "loss-nfs-%d" % seed
        path = save(title, link, [p for p in packets if rng.random() >= 0.01])
        right, wrong = answered_nfs(transactions(path, title, "--types", "nfs", kind="nfs"))
        ok = check(len(right) >= 1900, title, "only %d of 2000 are left" % len(right))
        ok &= check(not wrong, title, "%d mispaired: %s" % (len(wrong), wrong[:6]))
        if ok:
            drop(path)


def check_start_nfs():
    """Without its first packets the capture shows the later transactions."""
    if own:
        return
    link, packets = made_nfs(4, 60, 1)
    for cut in (1, 2, 3, 10, 57, 100, 200, 400, len(packets) // 2):
        title = "start-nfs-%d" % cut
        path = save(title, link, packets[cut:])
        right, wrong = answered_nfs(transactions(path, title, kind="nfs"))
        want = set()  # calls whose first packet is there
        for p in packets[cut:]:
            s = pcaplib.segment(link, p)
            if s.payload[8:24] == bytes(7) + b"\x02" + b"\0\1\x86\xa3\0\0\0\3":
                want.add(int.from_bytes(s.payload[4:8], "big"))
        ok = check(len(want) > 50, title, "the test has lost its calls")
        ok &= check(not want - right, title, "lost %s" % sorted(want - right)[:6])
        ok &= check(not wrong, title, "mispaired %s" % wrong[:6])
        if ok:
            drop(path)


CHECKS = [check_segmentation, check_bytewise, check_duplicates, check_order, check_threads,
          check_snaplen, check_loss, check_loss_h2, check_many, check_start, check_start_h2, check_loss_nfs,
          check_start_nfs]


def main(checks, wanted):
    for f in checks:
        name = f.__name__.replace("check_", "")
        if wanted and name not in wanted:
            continue
        before = len(faults)
        f()
        print("%s %s" % ("ok  " if len(faults) == before else "FAIL", name), flush=True)
    if KEEP or faults:
        print("captures are in " + scratch)
    else:
        for path in glob.glob(os.path.join(scratch, "*")):
            os.unlink(path)
        os.rmdir(scratch)
    print("%d checks, %d failed" % (done, len(faults)))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(CHECKS, sys.argv[1:])
