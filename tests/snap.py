#!/usr/bin/env python3
"""A capture with a snap length says nothing that the whole one does not say.

Every bundled capture, its frames cut to SNAP bytes (96). What is told of a transaction is what the
whole capture tells, or it is not told: its answer, how it ended, its times. Nothing is invented, no
trouble of TCP either, and no server is blamed that the whole one does not blame.
usage: snap.py PROGRAM CAPTURES DIRECTORY [names...]
"""
import collections
import os
import re
import struct
import sys

import cuts

SNAP = int(os.environ.get("SNAP") or "96")
# Of what is told of both.
SAME = ("event.duration", "tsumari.time.request", "tsumari.time.wait", "tsumari.time.response", "path",
        "http.response.status_code", "http.request.body.bytes", "http.response.body.bytes", "mysql.num_rows",
        "mysql.error_code", "smtp.reply_code", "tsumari.smtp.outcome", "tsumari.tls.handshake")
ALIKE = "tsumari.http2.stream_id", "rpc.xid", "dns.id", "tsumari.smtp.record"
# What the bytes that are missing would tell.
KNOWN = [
    # Requests begin within a segment, where nothing shows them.
    ("http-pipeline", lambda r: True),
    # An error that the server sends behind its answer, unasked.
    ("http-chunked", lambda r: r.get("method") == "POST"),
    # The upgrade is not seen: it is a request of HTTP/1.1.
    ("http2-upgrade", lambda r: r["type"] == "http"),
    # Of a mail whose MAIL is missing the end is known only.
    ("smtp-chunking", lambda r: r.get("method") == "mail"),
]


def cut(frame):
    """A frame as it stands in a classic file, its bytes cut."""
    order = "<" if LITTLE else ">"
    seconds, fraction, captured, wire = struct.unpack(order + "IIII", frame[:16])
    return struct.pack(order + "IIII", seconds, fraction, min(captured, SNAP), wire) + frame[16:16 + SNAP]


def differs(w, r):
    a, b = cuts.stamps(w), cuts.stamps(r)
    if b[2] and a[2] != b[2]:
        yield "is answered by frame %s, not %s" % (b[2], a[2])
    if r.get("status") and r["status"] != w.get("status"):
        yield "is %s, not %s" % (r["status"], w.get("status"))
    if r["event.outcome"] not in ("unknown", w["event.outcome"]):
        yield "is a %s, not %s" % (r["event.outcome"], w["event.outcome"])
    for k in SAME:
        if k in r and r[k] != w.get(k, r[k]):
            yield "%s %s, not %s" % (k, r[k], w[k])


# Of a connection: what went wrong there, and what its SYNs offered.
TROUBLE = re.compile(r"tsumari\.tcp\.((client|server)\.(window_full|zero_window|outside|lost|gaps|retransmits|rtos|fast|"
                     r"spurious|out_of|dup|bad|wscale|sack$|mss)|syn_retries|accept|reset\.phase)")
# The last bytes of a fragment were not captured, and so is all that it belongs to.
FRAGMENTS = "frag-tcp",


def of_connections(name, whole, part):
    flows = {f["flow.id"]: f for f in whole.flows}
    for f in part.flows if name not in FRAGMENTS else ():
        w = flows.get(f["flow.id"], {})
        if f["type"] != "flow" or "tsumari.tcp.state" not in w:
            continue
        for k, v in f.items():
            if TROUBLE.match(k) and v != w.get(k) and v not in ("unknown", "open"):
                yield "connection %s: %s %s, not %s" % (f["flow.id"], k, v, w.get(k))


def faults(name, head, frames):
    whole = cuts.Told(name, head, frames)
    part = cuts.Told(name + "-cut", head, [cut(f) for f in frames])
    for t in whole, part:
        if t.error:
            return [t.error]
    found, of = [], collections.defaultdict(list)
    for w in whole.txns:
        of[w["flow.id"]].append(w)
    for r in part.txns:
        if any(name.startswith(n) and may(r) for n, may in KNOWN):
            continue
        same = [w for w in of[r["flow.id"]] if (w["type"] == r["type"] or r["type"] == "rpc") and (
            cuts.stamps(w)[0] == cuts.stamps(r)[0] and all(w.get(k) == r.get(k) for k in ALIKE) if cuts.stamps(r)[0]
            else cuts.stamps(w)[2] == cuts.stamps(r)[2])]
        if not same:
            found.append("was invented: " + cuts.short(r))
            continue
        wrong = min((list(differs(w, r)) for w in same), key=len)
        found += ["%s: %s" % (cuts.short(r), "; ".join(wrong))] if wrong else []
    return found + list(of_connections(name, whole, part)) + cuts.blamed(name, whole, part, None, None)


LITTLE = True
bad = tried = 0
for name, head, frames in cuts.captures():
    if not frames or (cuts.only and name not in cuts.only) or head[:4] == b"\x0a\x0d\x0d\x0a":
        continue
    LITTLE = head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    tried += 1
    for text in faults(name, head, frames[:cuts.LONGEST]):
        bad += 1
        print("FAIL %s: %s" % (name, text))
print("snap: %d captures, %d faults" % (tried, bad))
sys.exit(bad > 0 or not tried)
