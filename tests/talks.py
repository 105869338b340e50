#!/usr/bin/env python3
"""Conversations of each protocol, made by hand after what real software sends.

Each says which transactions it has. It must have them in segments as they are and of 1, 3 and 7
bytes, over IPv4 and IPv6, and with a VLAN tag. $TSUMARI is the program. Arguments: beginnings of
names (all of them).
"""
import os
import sys
import tempfile

import pcaplib
from talklib import C, S, Udp, build, flat, tsumari

import talks_dns
import talks_http
import talks_mysql
import talks_smtp
import talks_tls

TALKS = {}
for room in (talks_dns, talks_http, talks_mysql, talks_smtp, talks_tls):
    TALKS.update(room.TALKS)

VARIANTS = (("", {}), ("in 1", {"size": 1}), ("in 3", {"size": 3}), ("in 7", {"size": 7}), ("v6", {"v6": True}),
            ("vlan", {"vlan": 100}))
SHORT = {
    "code": "http.response.status_code", "ms": "event.duration", "server": "tsumari.ledger.server",
    "request": "tsumari.ledger.request",
    "queued": "tsumari.ledger.queued", "error": "mysql.error_code", "id": "dns.id",
    "handshake": "tsumari.tls.handshake",
}
TIMES = "ms", "server", "request", "queued", "handshake"
UNSEEN = "no_request", "no_response", "gap", "malformed", "unfinished", "time_back", "truncated"


def differences(want, r):
    """What of a transaction is not as it should be. Times are ms, within 0.3 ms."""
    for k, v in want.items():
        got = r.get(SHORT.get(k, k))
        if k in TIMES:
            got = (got or 0) / 1e6
            if abs(got - v) > 0.3:
                yield "%s %.3f, is %s" % (k, got, v)
        elif k != "flags" and got != v:
            yield "%s %r, is %r" % (k, got, v)
    flags = sorted(set(r.get("tsumari.quality", ())) & set(UNSEEN))
    if flags != sorted(want.get("flags", ())):
        yield "%s, is %s" % (flags, sorted(want.get("flags", ())))


def judge(path, want, flow):
    records = list(map(flat, tsumari(path)))
    found = [r for r in records if r["type"] != "flow"]
    for k, v in flow.items():  # counts, and ms
        got = next(r.get("tsumari." + k, 0) for r in records if r["type"] == "flow")
        if abs(got / 1e6 - v) > 0.3 if k.endswith("wait") else got != v:
            yield "flow: %s %s, is %s" % (k, got, v)
    if len(found) != len(want):
        yield "%d transactions, are %d: %s" % (
            len(found), len(want), [(r.get("method"), r.get("path") or r.get("query")) for r in found])
    left, wrong = list(found), []
    for w in want:
        right = next((r for r in left if not list(differences(w, r))), None)
        if right:
            left.remove(right)
        else:
            wrong.append(w)
    for w, r in zip(wrong, left):
        for d in differences(w, r):
            yield "%s %s: %s" % (r.get("method"), r.get("path") or r.get("query"), d)


def main(names):
    bad = tried = 0
    with tempfile.TemporaryDirectory() as directory:
        for name, (port, steps, want, *more_of_it) in TALKS.items():
            options, flow = [*more_of_it, {}, {}][:2]
            if names and not name.startswith(tuple(names)):
                continue
            for variant, more in VARIANTS:
                if isinstance(steps, Udp) and "size" in more:
                    continue
                path = os.path.join(directory, "talk.pcap")
                pcaplib.write(path, 1, build(port, steps, **{**options, **more}))
                tried += 1
                for d in judge(path, want, flow):
                    bad += 1
                    print("%s %s: %s" % (name, variant or "as it is", d))
    print("%d captures of %d conversations, %d differences" % (tried, len(TALKS), bad))
    return 1 if bad or not tried else 0


sys.exit(main(sys.argv[1:]))
