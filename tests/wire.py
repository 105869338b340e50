"""TCP connections told as their two ends sent them, captured at the client, at the server or half-way,
and what the program says of them; shared by the tests that make such captures.

usage of these: TEST PROGRAM DIRECTORY
"""
import json
import os
import struct
import subprocess
import sys

import pcaplib
from pcaplib import ACK, FIN, PSH, RST, SYN

program, directory = sys.argv[1:]
MS = 1_000_000
CLIENT, SERVER = 0, 1
PLACES = "client", "path", "server"
bad = tried = 0


class Wire:
    """A connection of two ends with `delay` ms between them, one way. Times are ms, of the sender.
    Sequence numbers count each side's bytes from 0; the SYN stands before them."""

    def __init__(self, delay=10.0, times=True, sack=True, v6=False, port=80, wscale=(7, 7), window=500,
                 mss=1460):
        self.delay, self.times, self.sack, self.v6, self.port = delay, times, sack, v6, port
        self.wscale, self.window, self.mss = wscale, [window, window], mss
        self.next, self.sent, self.ident = [0, 0], [], [1, 1]
        self.isn = 1000, 0xFFFFFF00  # the server's wraps soon
        self.recent = [0, 0]  # TSval last received, by its receiver; set by hand or by arrive()

    def segment(self, side, time, data=b"", seq=None, ack=None, flags=ACK, window=None, sacks=(), lost=None,
                tsval=None, tsecr=None, options=b""):
        """lost: how far it comes, from 0 (at its sender) to 1; None: it arrives."""
        data = b"x" * data if isinstance(data, int) else data
        at = self.next[side] if seq is None else seq
        if seq is None or at + len(data) > self.next[side]:
            self.next[side] = at + len(data)
        if ack is None:
            ack = self.acked(side, time)
        self.sent.append(dict(side=side, time=time, data=data, seq=at, ack=ack, flags=flags, sacks=sacks,
                              window=self.window[side] if window is None else window, lost=lost,
                              tsval=tsval, tsecr=tsecr, options=options))

    def acked(self, side, time):
        """What has arrived in order at `side` by then."""
        have = 0
        for s in sorted((s for s in self.sent if s["side"] != side and s["lost"] is None
                         and s["time"] + self.delay <= time + 1e-9), key=lambda s: s["seq"]):
            end = s["seq"] + len(s["data"]) + bool(s["flags"] & FIN)
            if s["seq"] <= have < end:
                have = end
        return have

    def echo(self, side, time):
        """The TSval that `side` received last in order by then (RFC 7323, 4.3)."""
        got = [s for s in self.sent if s["side"] != side and s["lost"] is None
               and s["time"] + self.delay <= time + 1e-9]
        return int(max(got, key=lambda s: s["time"])["time"]) + 100 if got else 0

    def open(self, time=0.0, third=True):
        d = self.delay
        self.segment(CLIENT, time, flags=SYN, seq=-1, ack=-1)
        self.segment(SERVER, time + d, flags=SYN | ACK, seq=-1, ack=0)
        if third:
            self.segment(CLIENT, time + 2 * d, ack=0)
        self.next = [0, 0]
        return time + 2 * d

    def frame(self, s):
        side, flags = s["side"], s["flags"]
        options = s["options"]
        if flags & SYN:
            options += struct.pack("!BBH", 2, 4, self.mss)
            if self.sack:
                options += b"\1\1\4\2"
            if self.wscale[side] is not None:
                options += b"\1\3\3" + bytes((self.wscale[side],))
        if self.times:
            tsval = int(s["time"]) + 100 if s["tsval"] is None else s["tsval"]
            tsecr = self.echo(side, s["time"]) if s["tsecr"] is None else s["tsecr"]
            options += b"\1\1\x08\x0a" + struct.pack("!II", tsval, tsecr)
        if s["sacks"] and self.sack:
            blocks = b"".join(struct.pack("!II", *((x + self.isn[1 - side] + 1) & 0xFFFFFFFF for x in b))
                              for b in s["sacks"])
            options += b"\1\1\5" + bytes((2 + len(blocks),)) + blocks
        assert len(options) <= 40 and len(options) % 4 == 0
        seq = (s["seq"] + 1 + self.isn[side]) & 0xFFFFFFFF
        ack = (s["ack"] + 1 + self.isn[1 - side]) & 0xFFFFFFFF if flags & ACK else 0
        ports = (40000, self.port) if side == CLIENT else (self.port, 40000)
        tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, (20 + len(options)) << 2, flags, s["window"], 0, 0)
        macs = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
        self.ident[side] += 1
        if self.v6:
            hosts = [bytes.fromhex("20010db8" + "0" * 22 + "%02d" % (1 + i)) for i in range(2)]
            ip = struct.pack("!IHBB", 0x60000000, 0, 6, 64) + hosts[side] + hosts[1 - side]
            kind = b"\x86\xdd"
        else:
            hosts = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 80))
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, self.ident[side], 0x4000, 64, 6, 0) + hosts[side] + \
                hosts[1 - side]
            kind = b"\x08\0"
        return pcaplib.Segment(macs[1 - side] + macs[side] + kind, ip, tcp + options, s["data"]).frame()

    def packets(self, place, since=None):
        """As a capture sees them at this place, from a time on (ms, of the capture)."""
        where, out = PLACES.index(place) / 2, []
        for n, s in enumerate(sorted(self.sent, key=lambda s: s["time"])):
            way = where if s["side"] == CLIENT else 1 - where
            at = s["time"] + way * self.delay
            if (s["lost"] is None or way <= s["lost"]) and (since is None or at >= since):
                out.append((round((at + 1000) * MS) * 1 + n, self.frame(s)))
        return [pcaplib.Packet(1_700_000_000 * 10**9 + at, data) for at, data in sorted(out)]


def flat(o, prefix=""):
    out = {}
    for k, v in o.items():
        out.update(flat(v, prefix + k + ".")) if isinstance(v, dict) else out.__setitem__(prefix + k, v)
    return out


def run(packets, *options):
    path = os.path.join(directory, "tcp.pcap")
    pcaplib.write(path, 1, packets)
    done = subprocess.run([program, "-j0", "-r", path, "--json", "--geoip", "none", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode not in (0, 1) or b"ERROR" in done.stderr:
        fail("exit status %d: %s" % (done.returncode, done.stderr.decode()))
    return [flat(json.loads(line)) for line in done.stdout.splitlines()]


def fail(*what):
    global bad
    bad += 1
    if bad <= 40:
        print(*what)


def txns(records):
    return [r for r in records if r["type"] != "flow"]


def flow(records):
    return next(r for r in records if r["type"] == "flow")


def ledger(r):
    return {k[len("tsumari.ledger."):]: v / MS for k, v in r.items() if k.startswith("tsumari.ledger.")}


def expect(where, r, want, slack=0.2):
    """Entries in ms; what is not named must be less than the slack, and they add up to the total."""
    have = ledger(r)
    total = r.get("tsumari.ledger.total")
    if total is not None and total != sum(v for k, v in r.items() if k.startswith("tsumari.ledger.")
                                          and k != "tsumari.ledger.total"):
        fail(where, "does not add up:", have)
    for k in sorted(set(have) | set(want)):
        if k != "total" and abs(have.get(k, 0) - want.get(k, 0)) > slack:
            fail("%s: %s is %.3f ms, not %.3f (%s)" % (where, k, have.get(k, 0), want.get(k, 0),
                                                      {k: round(v, 2) for k, v in have.items()}))


def same(where, what, have, want):
    if have != want:
        fail("%s: %s is %r, not %r" % (where, what, have, want))


def situation(f):
    global tried
    tried += 1
    f()
    return f


def get(path="/"):
    return b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()


def ok(n=0):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n


def answer_of(total):
    """An answer of so many bytes in all."""
    return next(a for n in range(total, 0, -1) for a in [ok(n)] if len(a) == total)


# Every way in which both ends may have been set up.
def kinds(**more):
    for v6 in False, True:
        for times in False, True:
            for sack in False, True:
                yield dict(v6=v6, times=times, sack=sack, **more), "%s%s%s" % (
                    "IPv6" if v6 else "IPv4", " timestamps" if times else "", " SACK" if sack else "")


def done(what):
    """The last line of a test."""
    if not bad:
        print("%s: %d situations" % (what, tried))
    sys.exit(bad != 0)
