#!/usr/bin/env python3
"""A capture cut at any frame shows the same transactions up to there, or says what is missing.

Every bundled capture, every story and conversations of each protocol, cut behind a frame and in front
of one. What the whole one says is what is right. Of the first part: what is whole in it is the same,
and what is not is open (`pending`, or has no status): never answered where it was not, an error or
paired otherwise. Of the second part: what began in it is the same, and nothing is invented, paired
otherwise or an error where it was none. Neither blames a server that the whole one does not blame.
With CUTS=all at every frame, else at some for each (seeded; CUTS=N: so many).
usage: cuts.py PROGRAM CAPTURES DIRECTORY [names...]
"""
import collections
import concurrent.futures
import gzip
import json
import os
import random
import re
import struct
import subprocess
import sys

import pcaplib

program, pcaps, directory = sys.argv[1:4]
only = sys.argv[4:]
os.environ.setdefault("TSUMARI", program)
HOW_MANY = os.environ.get("CUTS") or "2"
LONGEST = 1500  # frames of a capture
TYPES = ("http,http2,dns,mdns,llmnr,mysql,smtp,tls,nfs,mount,nfsacl,nlm,nsm,portmap,rpc,rquota,"
         "flow,finding")
STAMPS = ["tsumari.frame." + k for k in ("request_first", "request_last", "response_first", "response_last")]
# What is of the record or the flow, not of the transaction.
LEFT_OUT = re.compile(r"@timestamp|(client|server)\.mac|ecs\.|observer\.|related\.|source\.|destination\.|event\.(start|kind|category|"
                      r"dataset|type)|network\.(bytes|protocol)")
# What is measured up to the cut, and may be less there.
MEASURED = re.compile(r"tsumari\.(lost|resent|ledger|time|http2\.window_stall)\.|(client|server)\.bytes|"
                      r"tsumari\.(smtp|mysql|rpc|portmap|nfs|dns)\.|smtp\.rcpt|http\.(request|response)\.(body\.)?bytes|mysql\.num")
# What is the same of a transaction that is whole in the second part.
EXACT = re.compile(r"event\.duration|tsumari\.time\.|http\.response\.status|smtp\.reply|tsumari\.smtp\.outcome|mysql\.(error|num)")
# Counters of a flow that say what went wrong.
TROUBLE = re.compile(r"tsumari\.tcp\.(client|server)\.(lost_in_capture|gaps|outside_window|bad_checksums)$")


def flat(o, prefix=""):
    out = {}
    for k, v in o.items():
        out.update(flat(v, prefix + k + ".")) if isinstance(v, dict) else out.__setitem__(prefix + k, v)
    return out


def blocks_of(raw):
    """The same of pcapng: its section and its interfaces, and packets, each with the blocks that stand in front of
    it, in the order of their time: what an interface had not written when the file was cut is another question."""
    order = "<" if raw[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    head, frames, begin, at = b"", [], None, 0
    while at + 12 <= len(raw):
        kind, size = struct.unpack(order + "II", raw[at:at + 8])
        end = at + size
        begin = at if begin is None else begin
        if kind in (0x0A0D0D0A, 1):  # section, interface
            head, begin = head + raw[at:end], None
        elif kind == 6:  # packet
            high, low = struct.unpack(order + "II", raw[at + 12:at + 20])
            frames.append((high << 32 | low, raw[begin:end]))
            begin = None
        at = end
    return head, [f for _, f in sorted(frames, key=lambda f: f[0])]


def frames_of(path):
    """(the file's head, its whole frames), as they stand."""
    with open(path, "rb") as f:
        raw = f.read()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
    if raw[:4] == b"\x0a\x0d\x0d\x0a":
        return blocks_of(raw)
    if raw[:4] not in order:
        return raw, []
    at, frames = 24, []
    while at + 16 <= len(raw):
        end = at + 16 + struct.unpack(order[raw[:4]] + "I", raw[at + 8:at + 12])[0]
        if end <= len(raw):
            frames.append(raw[at:end])
        at = end
    return raw[:24], frames


class Told:
    """What the program says of frames."""

    def __init__(self, name, head, frames, *args):
        path = os.path.join(directory, name + ".pcap")
        with open(path, "wb") as f:
            f.write(head + b"".join(frames))
        run = subprocess.run([program, *(args or ("-j0",)), "--json", "--types", TYPES, "-r", path],
                             capture_output=True, timeout=120)
        os.unlink(path)
        self.out, self.error = run.stdout, "" if run.returncode == 0 else run.stderr.decode()[:300] or "status"
        records = [pcaplib.of_no_run(flat(json.loads(line))) for line in run.stdout.splitlines()]
        self.flows = [r for r in records if r["type"] == "flow"]
        self.txns = [{k: v for k, v in r.items() if not LEFT_OUT.match(k)} for r in records
                     if r["type"] not in ("flow", "finding")]
        self.loud = {(r.get("server.ip"), r["tsumari.finding.id"]): r["tsumari.finding.saw"] for r in records
                     if r["type"] == "finding" and r["tsumari.finding.severity"] != "info"}


def quality(r, word):
    return word in r.get("tsumari.quality", [])


def stamps(r):
    return [r.get(k) for k in STAMPS]


def last(r):
    return max(x or 0 for x in stamps(r))


def is_whole(r):
    return r.get(STAMPS[3]) is not None


def begins_with(part, whole):
    """Is it the value, or its beginning?"""
    if part == whole:
        return True
    if isinstance(part, list) and isinstance(whole, list):
        return all(x in whole for x in part)
    return isinstance(part, int) and isinstance(whole, int) and not isinstance(part, bool) and part <= whole


def pair_up(whole, part, alike):
    """[(whole one or None, part or None)]: equal ones first, then the most alike."""
    left, pairs, rest = list(whole), [], []
    for p in part:
        if p in left:
            left.remove(p)
            pairs.append((p, p))
        else:
            rest.append(p)
    for p in rest:
        best = min((w for w in left if alike(w, p)), default=None,
                   key=lambda w: 500 * (p.get("status", w.get("status")) != w.get("status")) + 100 * (w.get("method") != p.get("method")) + 10 * (w.get("query") != p.get("query"))
                   + sum(1 for k in p if k in w and w[k] != p[k]))
        if best is not None:
            left.remove(best)
        pairs.append((best, p))
    return pairs + [(w, None) for w in left]


def same_beginning(w, p):
    """Of one connection, and begun by the same frame; where it has no request, answered by the same one."""
    a, b = stamps(w), stamps(p)
    return w["flow.id"] == p["flow.id"] and (a[0] == b[0] if b[0] else a[2] == b[2]) and all(
        w[k] == p[k] for k in ("tsumari.http2.stream_id", "rpc.xid", "dns.id") if k in w and k in p)


def short(r):
    return "%s %s %s %s" % (r["type"], (r.get("query") or "-")[:60], stamps(r), ",".join(r.get("tsumari.quality", [])))


# ---- the first part: cut behind a frame ----------------------------------------------------------

# What only the rest of the file tells, and what is said without it. The names are of captures.
LATER = [
    # Until the upgrade is answered it is a request of HTTP/1.1.
    ("http2-upgrade", lambda w, p: p and p["type"] == "http" and w["type"] == "http2"),
    # The answer has no length and ends with the connection.
    ("http-odd", lambda w, p: p and w.get("path") in ("/noclen", "/http10") and quality(p, "pending")),
    # The client had closed its side, and refuses the answer with its next frame.
    ("", lambda w, p: w.get("tsumari.ended_by") == "client_fin" and p.get(STAMPS[2], 0) > (w.get(STAMPS[1]) or 0)),
    # The client's Finished says that the server's flight was the handshake's end.
    ("", lambda w, p: w is not None and p["type"] == "tls" and quality(p, "pending")),
    # Nobody is sure of its greeting: at the end its port decides.
    ("story-mail_server_that_asks_back", lambda w, p: p and p.get("query") == "greeting"),
    # Bytes of the whole answer were sent again behind the cut, until the client had them.
    # LMTP's answers to a message stand behind the cut, and the mail has no request.
    ("talk-lmtp-begun", lambda w, p: w is None and p.get("method") == "mail"),
    # Whether another recipient's answer follows is not known yet.
    ("talk-lmtp-begun", lambda w, p: p and quality(p, "pending")),
    # Its port decides at the end, who carries the connection's cost as well.
    ("talk-smtp-greeting-refuses", lambda w, p: not p or not changed(w, p, "ledger|quality")),
    # What was sent behind a CONNECT is known as a request when that was refused.
    ("talk-http-connect-refused", lambda w, p: p is None),
    # The port decides at the end whose answer it is.
    ("talk-mysql-rest-of-a-cursor", lambda w, p: w is None and quality(p, "no_request")),
    # What follows tells that it was the answer to a HEAD.
    ("talk-http-begun-behind-a-head", lambda w, p: p and quality(p, "pending")),
    ("", lambda w, p: quality(w, "resent_end") and is_whole(p) and not changed(w, p, "ledger|quality")),
]


def changed(w, p, but):
    return [k for k in set(w) | set(p) if w.get(k) != p.get(k) and not re.search(but, k)]


def check_first(w, p, cut):
    """What is wrong with what the first frames say; nothing: None."""
    if w is None:
        return "was invented: " + short(p)
    if p is None:
        end = w.get(STAMPS[1])
        if is_whole(w) and last(w) <= cut:
            return "is lost: " + short(w)
        # What came behind DATA without waiting may be a message.
        if end and end <= cut and w["type"] != "smtp":
            return "its request is lost: " + short(w)
        return None
    if p == w:
        return None
    if is_whole(w) and last(w) <= cut:
        return "differs: %s: %s" % (short(w), [(k, w.get(k), p.get(k)) for k in changed(w, p, "^$")][:6])
    if is_whole(p) and is_whole(w) and stamps(p) != stamps(w):
        return "is answered by another: %s, not %s" % (short(p), short(w))
    if p.get("status", w.get("status")) != w.get("status"):
        return "is %s: %s, %s in the whole" % (p["status"], short(p), w.get("status"))
    if "status" not in p and p["event.outcome"] != "unknown":
        return "has an outcome: " + short(p)
    if "event.duration" in p and p["event.duration"] != w.get("event.duration"):
        return "has a duration: " + short(p)
    if not is_whole(p) and not any(quality(p, q) for q in ("pending", "gap", "no_response", "unfinished")):
        return "does not say what is missing: " + short(p)
    missing = [k for k in p if k.startswith("tsumari.lost.") and p[k] > w.get(k, 0)]
    if missing:
        return "lost %s: %s" % (missing, short(p))
    if quality(p, "pending") and p.get("tsumari.ledger.total", 0) > w.get("tsumari.ledger.total", 1 << 62):
        return "waits for longer: " + short(p)
    wrong = [(k, w.get(k), v) for k, v in p.items() if k in w and not begins_with(v, w[k])
             and not re.match(r"tsumari\.(quality|ledger)|event\.outcome|status|dns\.(type|header_flags)", k)
             and not (k in ("method", "query", "nfs.opcode", "path", "resource") and p["type"] == "nfs")]
    return "says otherwise: %s: %s" % (short(p), wrong[:4]) if wrong else None


def first_frames(name, head, frames, whole, cut, *args):
    told, faults = Told("%s-first-%d" % (name, cut), head, frames[:cut], *args), []
    if told.error:
        return told, [told.error]
    for w, p in pair_up(whole.txns, told.txns, same_beginning):
        text = check_first(w, p, cut)
        if text and not any(name.startswith(n) and (p or n) and (w or n) and may(w, p) for n, may in LATER):
            faults.append(text)
    flows = {f["flow.id"]: f for f in whole.flows}
    for f in told.flows:
        w = flows.get(f["flow.id"], {})
        if not w:
            faults.append("there is a connection %s" % f["flow.id"])
        faults += ["connection %s: %s is %s, %s in the whole" % (f["flow.id"], k, v, w.get(k, 0))
                   for k, v in f.items() if TROUBLE.match(k) and v > w.get(k, 0)]
        if f.get("status") == "Error" and w.get("status") not in ("Error", None):
            faults.append("connection %s is an error" % f["flow.id"])
    return told, faults + blamed(name, whole, told, cut, None)


# ---- the rest: cut in front of a frame -----------------------------------------------------------


def shifted(r, by, flow):
    r = {k: v + by if k in STAMPS and v else v for k, v in r.items()}
    r["flow.id"] = flow
    return r


def ends(r):
    return tuple(sorted([(r.get("client.ip"), r.get("client.port") or 0), (r.get("server.ip"), r.get("server.port") or 0)]))


def is_unknown(w):
    return quality(w, "gap") and quality(w, "no_response")


def check_rest(w, p, cut, joined):
    """What is wrong with what the frames behind the cut say. joined: its connection began in front of it."""
    if w is None:
        return "was invented: " + short(p)
    if p is None:
        lost = [x for x in stamps(w) if x and x <= cut]
        return "is lost: " + short(w) if not joined and not lost else None
    if not joined:
        differ = changed(w, p, r"path|query|resource|tsumari\.nfs\.")
        return "differs: %s: %s" % (short(w), [(k, w.get(k), p.get(k)) for k in differ][:6]) if differ else None
    if is_whole(p) and is_whole(w) and stamps(p)[2] != stamps(w)[2]:
        return "is answered by another: %s, not %s" % (short(p), short(w))
    if p.get("status") and p["status"] != w.get("status") and not is_unknown(w):
        return "is %s: %s, %s in the whole" % (p["status"], short(p), w.get("status"))
    if stamps(p)[0] and is_whole(p) and stamps(p) == stamps(w):
        wrong = [(k, w.get(k), v) for k, v in p.items() if EXACT.match(k) and v != w.get(k)]
        if wrong:
            return "says otherwise: %s: %s" % (short(p), wrong[:4])
    wrong = [(k, w.get(k), v) for k, v in p.items() if k in w and v != w[k] and not
             re.match(r"tsumari\.(quality|ledger|frame|smtp\.record)|event|status|method|query|path|resource|type|url|"
                      r".*bytes", k)
             and not begins_with(v, w[k])]
    return "says otherwise: %s: %s" % (short(p), wrong[:4]) if wrong else None


def sent_again(whole, p, cut):
    """The first copy of its request, or of its answer, is in front of the cut."""
    return any(ends(w) == ends(p) and (not p.get("method") or w.get("method") == p["method"])
               and any(x and x <= cut for x in stamps(w)) for w in whole.txns)


def rest_of_frames(name, head, frames, whole, cut, *args):
    told, faults = Told("%s-rest-%d" % (name, cut), head, frames[cut:], *args), []
    if told.error:
        return told, [told.error]
    begun = {f["flow.id"]: int(f["flow.id"]) > cut for f in whole.flows}
    of = [dict(w, **{"flow.id": (ends(w), begun.get(w["flow.id"], False))}) for w in whole.txns]
    new = {str(int(f["flow.id"]) - cut) for f in whole.flows if int(f["flow.id"]) > cut}
    have = [shifted(p, cut, (ends(p), p["flow.id"] in new)) for p in told.txns]

    def alike(w, p):
        return same_beginning(w, p) and (p.get(STAMPS[0]) or (w.get(STAMPS[0]) or 0) <= cut)

    for w, p in pair_up(of, have, alike):
        text = check_rest(w, p, cut, not (w or p)["flow.id"][1])
        if w is None and sent_again(whole, dict(p, **{"flow.id": 0}), cut):
            continue
        if text and not any(name.startswith(n) and p and may(w, p) for n, may in BEFORE):
            faults.append(text)
    return told, faults + blamed(name, whole, told, None, cut)


# What the frames in front of the cut would tell.
BEFORE = [
    # The answer to a CONNECT that was not seen has no end.
    ("http-connect", lambda w, p: True),
    # Where the client's frames begin is not sure yet; that the request is missing is said.
    ("http2", lambda w, p: w is None and quality(p, "no_request")),
    # Of a pipeline's last request alone nothing shows that there were others.
    ("http-pipeline", lambda w, p: True),
    # The last command of a pipeline, with the replies to all of it; nothing shows that there were others.
    ("smtp-chunking", lambda w, p: w and w.get(STAMPS[1]) in (18, 20, 22, 28, 30, None)),
    # The same, and the mail's outcome is that of its commands where its end was one of them.
    ("smtp-pipelining", lambda w, p: w and (quality(p, "no_request") or p.get("method") in ("QUIT", "mail"))),
    # Nobody is sure of a method that is none of HTTP's.
    ("http-errors", lambda w, p: w is None and quality(p, "no_request")),
    ("talk-http-small-letters", lambda w, p: w is None and quality(p, "no_request")),
    # Of the request's first segment half is in front of the cut.
    ("frag-tcp", lambda w, p: w is None and quality(p, "no_request")),
    # The greeting without the connection's beginning is an answer as any other.
    ("talk-smtp-greeting-refuses", lambda w, p: quality(p, "no_request")),
    # Of a pipeline's last commands nothing shows which these are.
    ("talk-smtp-data-refused", lambda w, p: quality(p, "no_request")),
    # Whether the answer is to the header's rest or to the request nobody knows.
    ("talk-proxy", lambda w, p: w is None and quality(p, "no_request")),
    # LMTP without its message: each recipient's answer stands alone.
    ("talk-lmtp", lambda w, p: quality(p, "no_request") and p.get("tsumari.smtp.record") == "command"),
    # The port is used again: the connection is another's, whose hardware addresses were not seen.
    ("http-reuse", lambda w, p: changed(w, p, "mac$") == []),
]

# ---- the verdict ---------------------------------------------------------------------------------

# Who is blamed by a part and not by the whole, and why its packets prove it.
PROVEN = [
    # Of two masters the one that came second is blamed: who that is the capture's beginning says.
    ("vrrp-two-masters", "vrrp-two-masters"),
    # In front of it the whole has half a header, and doubts.
    ("talk-http-begun-in-a-proxys-line.*", "http-error"),
    # What is usual, and what is long on purpose, only more answers tell than these few.
    ("story-.*", "slow-server"),
]


def blamed(name, whole, told, first, rest):
    """Servers that the part blames and the whole doesn't; findings of the capture itself have none."""
    servers = {server for server, _ in whole.loud}
    return ["%s blames %s: %s" % (id, server, saw[:200]) for (server, id), saw in told.loud.items()
            if server and server not in servers and not any(re.fullmatch(n, name) and id == i for n, i in PROVEN)]


# ---- what is cut ---------------------------------------------------------------------------------


def captures():
    """The bundled ones: (name, head, frames)"""
    for file in sorted(os.listdir(pcaps)):
        if re.search(r"\.pcap(ng)?(\.gz)?$", file):
            yield (re.sub(r"\.pcap.*", "", file), *frames_of(os.path.join(pcaps, file)))


def sources():
    yield from captures()
    import stories
    for name, make, *_ in stories.STORIES:
        path = os.path.join(directory, name + ".pcap")
        make().write(path)
        yield ("story-" + name, *frames_of(path))
        os.unlink(path)
    import property
    import property_dns
    import property_mysql
    import property_smtp
    import property_tls
    for name, make in (("http", property.made), ("http2", property.made_h2), ("nfs", property.made_nfs),
                       ("mysql", property_mysql.made), ("smtp", property_smtp.made), ("dns", property_dns.made),
                       ("tls", property_tls.made)):
        path = os.path.join(directory, name + ".pcap")
        property.pcaplib.write(path, *make(4, 12))
        yield ("made-" + name, *frames_of(path))
        os.unlink(path)
    import talklib
    import talks_dns
    import talks_http
    import talks_mysql
    import talks_smtp
    import talks_tls
    for room, size in ((talks_dns, 40), (talks_http, 11), (talks_http, 1460), (talks_mysql, 11), (talks_smtp, 11),
                       (talks_smtp, 1460), (talks_tls, 11)):
        for name, (port, steps, _, *more) in room.TALKS.items():
            path = os.path.join(directory, name + ".pcap")
            talklib.pcaplib.write(path, 1, talklib.build(port, steps, **{"size": size, **(more[0] if more else {})}))
            yield ("talk-%s-%d" % (name, size), *frames_of(path))
            os.unlink(path)


# Where it once was wrong: between a segment sent again and the ACK that says whether it was needed; in front of a
# message with lines like commands; an early EHLO; the answer to a HEAD; an answer that is
# still to come; behind a check's SYN.
ALWAYS = {"http-loss-path-server": [105], "tiers": [595], "smtp-basic": [145], "smtp-slow": [49],
          "http-odd": [33, 330], "health-checks": [92], "talk-dns-tcp-out-of-order-40": [6, 7],
          # In the rest of a request, or of a PROXY header; in a pipeline of commands.
          "talk-http-lengths-without-body-11": [7], "talk-proxy-1-11": [4], "talk-http-expect-refused-1460": [2],
          "talk-smtp-data-refused-11": [15], "talk-lmtp-partial-11": [14], "talk-lmtp-partial-1460": [5, 6, 7]}


def cuts_of(name, n):
    if HOW_MANY == "all":
        return range(1, n)
    rng = random.Random(name)
    return sorted({*rng.sample(range(1, n), min(int(HOW_MANY), n - 1)), *ALWAYS.get(name, [])})


def jobs():
    for name, head, frames in sources():
        if not frames or len(frames) > LONGEST or (only and name not in only):
            continue
        whole = Told(name, head, frames)
        if whole.error:
            yield name, 0, None, lambda: [whole.error]
            continue
        for cut in cuts_of(name, len(frames)):
            for part in first_frames, rest_of_frames:
                yield name, cut, part, lambda a=(name, head, frames, whole, cut), part=part: both(part, a)


def both(part, a):
    told, faults = part(*a)
    if random.Random("%s %d" % (a[0], a[4])).random() < (0.02 if HOW_MANY == "all" else 0.5):
        if part(*a, "-j3")[0].out != told.out:
            faults.append("three workers say something else")
    return faults


def main():
    bad = tried = 0
    kinds = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = collections.deque()
        def settle():
            nonlocal bad, tried
            name, cut, part, found = waiting.popleft()
            tried += 1
            for text in found.result():
                bad += 1
                kinds[name, part.__name__ if part else ""] += 1
                if kinds[name, part.__name__ if part else ""] <= 3:
                    print("FAIL %s, cut at %d, %s: %s" % (name, cut, part.__name__ if part else "", text), flush=True)
        for name, cut, part, do in jobs():
            waiting.append((name, cut, part, pool.submit(do)))
            while len(waiting) > 32:
                settle()
        while waiting:
            settle()
    print("cuts: %d parts, %d faults" % (tried, bad))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
