"""What TCP did to transactions, in conversations built here: each is told as its two ends sent it,
and captured at the client, at the server and half-way.

usage: tcp.py PROGRAM DIRECTORY
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


@situation
def ports_again_before_the_last_packet():
    """An answer has not ended, then the ports are used again by a SYN older than the last packet."""
    for kind, name in kinds(delay=1.0):
        w = Wire(**kind)
        t = w.open()
        w.segment(CLIENT, t + 1, get())
        w.segment(SERVER, t + 3)
        w.segment(SERVER, t + 900, ok(100)[:60])
        packets = w.packets("client")
        again = Wire(**kind)
        again.isn = 77777, 0
        again.segment(CLIENT, 0, flags=SYN, seq=-1, ack=-1)
        late = again.packets("client")[0]
        late.time = packets[-1].time - 1000
        records = txns(run(packets + [late]))
        same(name, "records", len(records), 1)
        expect(name, records[0], {"connect.network": 2, "network": 2, "server": 898})
        same(name, "time_back", "time_back" in records[0]["tsumari.quality"], True)


@situation
def pipelined_requests():
    """The second was sent with the first, the third while the second waited, the last one after all."""
    for place in PLACES:
        w = Wire(delay=10)
        t = w.open() + 1
        w.segment(CLIENT, t, get("/a") + get("/b"))
        w.segment(CLIENT, t + 50, get("/c"))
        w.segment(SERVER, t + 10 + 100, ok(5))
        w.segment(SERVER, t + 10 + 104, ok(6))
        w.segment(SERVER, t + 10 + 164, ok(7))
        w.segment(CLIENT, t + 220, get("/d"))
        w.segment(SERVER, t + 220 + 10 + 30, ok(8))
        a, b, c, d = txns(run(w.packets(place)))
        rtt = {"client": 20, "path": 10, "server": 0}[place]
        expect(place + " a", a, {"connect.network": 20, "network": rtt, "server": 100})
        expect(place + " b", b, {"network": rtt, "queued": 100, "server": 4})
        expect(place + " c", c, {"network": rtt, "queued": 54, "server": 60})
        expect(place + " d", d, {"network": rtt, "server": 30})


@situation
def round_trips_of_connections_begun_before_the_capture():
    """What acknowledges with data says how long the round trip is at most, and so does an ACK that may have
    been delayed. One sent at once tells it."""
    def talk(w, t, server, ack=None):
        w.segment(CLIENT, t, get())
        if ack is not None:
            w.segment(SERVER, t + w.delay + ack, seq=w.next[SERVER])
        w.segment(SERVER, t + w.delay + server, ok(10))
        w.segment(CLIENT, t + 2 * w.delay + server)
        return t + 2 * w.delay + server + 5

    for kind, name in kinds():
        for place in PLACES:
            for what, ack, delay in ("data", None, 10), ("delayed", 40, 10), ("at once", 0, 10), ("bulk", None, 60):
                where = "%s, at the %s, ACK %s" % (name, place, what)
                w = Wire(**dict(kind, delay=delay))
                t = w.open() + 100
                if what == "bulk":  # two segments and more have no delay to wait for
                    for at in t, t + 130:
                        w.segment(CLIENT, at, 1460)
                        w.segment(CLIENT, at + 0.1, 1460)
                        w.segment(SERVER, at + 60.1)
                    t += 260
                for _ in range(3):
                    t = talk(w, t, 100, ack)
                rtt = delay * {"client": 2, "path": 1, "server": 0}[place]
                known = what in ("at once", "bulk")
                records = run(w.packets(place, since=3 * delay + 50))
                for r in [r for r in txns(records) if r.get("url.path") or r.get("path")]:
                    expect(where, r, {"network": rtt, "server": 100} if known else {"server": 100 + rtt})
                    same(where, "no_rtt", "no_rtt" in r["tsumari.quality"], not known)
                have = flow(records).get("tsumari.tcp.rtt_server")
                same(where, "rtt_server", have if have is None else round(have / MS), rtt if known else None)
                # With the handshake everything is known.
                for r in [r for r in txns(run(w.packets(place))) if r.get("path")][1:]:
                    expect(where + " from the start", r, {"network": rtt, "server": 100})


def closed_window(w, t, sender, data, first, probe, taken=False):
    """The message `data`, whose first bytes fill the window: it opens after 2,800 ms. Returns the time at
    which all of it was sent."""
    reader, d, at = 1 - sender, w.delay, w.next[sender]
    w.segment(sender, t, data[:first])
    edge = w.next[sender]
    w.segment(reader, t + d, window=0)
    wait, when = 300, t + d
    while when + wait < t + d + 2800:
        when += wait
        if probe == "empty":
            w.segment(sender, when - d, b"", seq=edge - 1)
        elif probe == "garbage":  # a byte that was acknowledged
            w.segment(sender, when - d, b"?", seq=edge - 1)
        elif probe == "byte":
            w.segment(sender, when - d, data[first:first + 1], seq=edge, lost=None)
        elif probe == "flight":  # what was on its way when the window closed, and is refused
            w.segment(sender, when - d, data[first:first + 700], seq=edge)
        w.segment(reader, when + 0.01, window=0, ack=edge)
        wait *= 2
    if taken:
        w.segment(reader, t + d + 2800, ack=edge + 1)
        edge, first = edge + 1, first + 1
    else:
        w.segment(reader, t + d + 2800, ack=edge)
    t += d + 2800 + d
    for i in range(first, len(data), 1400):
        w.segment(sender, t, data[i:i + 1400], seq=at + i)
    w.segment(reader, t + d)
    return t


@situation
def zero_windows():
    """Whatever the window is probed with, nothing was lost, and all of the time is the reader's."""
    for kind, name in kinds(delay=1):
        for place in PLACES:
            for probe in "empty", "garbage", "byte", "flight":
                for extra in 1, 3000:  # of the message, behind the closed window
                    for taken in (False, True) if probe == "byte" else (False,):
                        where = "%s at the %s, probes %s, %d bytes more%s" % (
                            name, place, probe, extra, ", taken" if taken else "")
                        if extra < 700 and probe == "flight":
                            continue
                        answer = ok(2000 + extra)
                        w = Wire(**kind)
                        t = w.open() + 1
                        w.segment(CLIENT, t, get())
                        w.segment(SERVER, t + 1)
                        end = closed_window(w, t + 1 + 100, SERVER, answer, len(answer) - extra, probe, taken)
                        records = run(w.packets(place))
                        r, f = txns(records)[0], flow(records)
                        stall = ledger(r).get("stall.zero_window.client", 0)
                        if not 2797 <= stall <= 2803:
                            fail("%s: stall.zero_window.client is %.3f" % (where, stall))
                        if sum(v for k, v in ledger(r).items() if "stall" in k) - stall > 0:
                            fail(where, "has another stall", ledger(r))
                        same(where, "payload", f["tsumari.flow.server.payload"], len(answer))
                        for k in "retransmits", "spurious_retransmits", "rtos", "fast_retransmits", "duplicate_acks":
                            same(where, k, f.get("tsumari.tcp.server." + k, 0), 0)
                        # The same with the request.
                        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (2000 + extra) + b"x" * (2000 + extra)
                        w = Wire(**kind)
                        t = w.open() + 1
                        end = closed_window(w, t, CLIENT, request, len(request) - extra, probe, taken)
                        w.segment(SERVER, end + 1 + 50, ok(3))
                        records = run(w.packets(place))
                        r, f = txns(records)[0], flow(records)
                        stall = ledger(r).get("stall.zero_window.server", 0)
                        if not 2797 <= stall <= 2803:
                            fail("%s: stall.zero_window.server is %.3f" % (where, stall))
                        same(where, "payload", f["tsumari.flow.client.payload"], len(request))
                        for k in "retransmits", "spurious_retransmits", "rtos", "fast_retransmits":
                            same(where, k, f.get("tsumari.tcp.client." + k, 0), 0)


@situation
def windows_of_an_unknown_scale():
    for place in PLACES:
        for wscale, known in ((7, 7), False), ((None, None), True), ((None, 7), True):
            w = Wire(delay=5, wscale=wscale, window=500 if wscale[0] else 5000)
            t = w.open() + 100
            for i in range(3):
                w.segment(CLIENT, t, get())
                for k in range(0, 10000, 1000):
                    w.segment(SERVER, t + 6, ok(10000)[k:k + 1000] if k < 9000 else ok(10000)[9000:])
                w.segment(CLIENT, t + 11)
                t += 50
            have = flow(run(w.packets(place, since=60 if wscale[0] else None)))
            if known != bool(have.get("tsumari.tcp.server.window_full")):
                fail(place, wscale, "window_full", have.get("tsumari.tcp.server.window_full"))


def tcp_side(f, side):
    return {k: f.get("tsumari.tcp.%s.%s" % (side, k), 0) for k in
            ("retransmits", "spurious_retransmits", "rtos", "fast_retransmits", "out_of_order")}


def flight(w, t, count, lost=(), spread=0.01, size=1000):
    """An answer of so many segments; those in lost come only as far as lost says. Its bytes, and its end."""
    data = answer_of(count * size)
    for i in range(count):
        w.segment(SERVER, t + i * spread, data[i * size:(i + 1) * size], lost=dict(lost).get(i))
        if dict(lost).get(i) is None:
            arrived = t + i * spread + w.delay
            have = w.acked(CLIENT, arrived)
            w.segment(CLIENT, arrived, sacks=[(have + size, (i + 1) * size)] if have < i * size else ())
    return data


@situation
def a_lost_request():
    """Sent again after 220 ms. Before the capture it leaves no trace; behind it, it is the client's loss."""
    for kind, name in kinds(delay=10):
        for place in PLACES:
            for lost in 0.2, 0.8:
                where = "%s at the %s, request lost at %.1f of the way" % (name, place, lost)
                seen = PLACES.index(place) / 2 <= lost
                rtt = {"client": 20, "path": 10, "server": 0}[place]
                for again in 1, 2:
                    w = Wire(**kind)
                    t = w.open() + 10
                    w.segment(CLIENT, t, get(), lost=lost)
                    at = t + 220
                    if again == 2:
                        w.segment(CLIENT, at, get(), seq=0, lost=lost)
                        at += 440
                    w.segment(CLIENT, at, get(), seq=0)
                    w.segment(SERVER, at + 10 + 5, ok(3))
                    w.segment(CLIENT, at + 25)
                    records = run(w.packets(place))
                    stall = (at - t) if seen else 0
                    expect(where, txns(records)[0], {"stall.rto.client": stall, "network": rtt, "server": 5,
                                                     "connect.network": 20})
                    same(where, "client", tcp_side(flow(records), "client"), {
                        "retransmits": again if seen else 0, "rtos": again if seen else 0, "spurious_retransmits": 0,
                        "fast_retransmits": 0, "out_of_order": 0})


@situation
def a_lost_answer():
    """The client and the server send again. With timestamps or D-SACK the capture before the loss knows that
    the request had arrived."""
    for kind, name in kinds(delay=10):
        if not kind["times"] and not kind["sack"]:
            continue
        for place in "client", "path":
            for first in "server", "client":  # whose timer is the first
                where = "%s at the %s, the %s's timer first" % (name, place, first)
                rtt = {"client": 20, "path": 10}[place]
                w = Wire(**kind)
                t = w.open() + 10
                a = w.segment(CLIENT, t, get())
                w.segment(SERVER, t + 11, ok(3), lost=0.2)
                n = len(ok(3))
                answer = t + 11 + (215 if first == "server" else 260)
                w.segment(CLIENT, t + 225, get(), seq=0)
                if first == "server":
                    w.segment(SERVER, answer, ok(3), seq=0, tsecr=int(t) + 100)
                    w.segment(SERVER, t + 235, seq=n, sacks=[(0, len(get()))])
                else:
                    w.segment(SERVER, t + 235, seq=n, sacks=[(0, len(get()))], tsecr=int(t) + 100)
                    w.segment(SERVER, answer, ok(3), seq=0)
                if not kind["times"] and first == "server":
                    continue  # the answer comes before the D-SACK: nothing tells it from the client's loss
                if not kind["sack"] and first == "client":
                    pass  # the echo tells
                records = run(w.packets(place))
                expect(where, txns(records)[0], {"stall.rto.server": answer - t - 10, "network": rtt,
                                                 "connect.network": 20})
                client, server = (tcp_side(flow(records), side) for side in ("client", "server"))
                same(where, "client's", (client["spurious_retransmits"], client["rtos"]), (1, 0))
                same(where, "server's", (server["retransmits"], server["rtos"]), (1, 1))


@situation
def an_answer_lost_behind_the_capture():
    """It was sent whole, and the client has it when its second copy comes: until then it waited."""
    for kind, name in kinds(delay=10):
        for place in "path", "server":
            rtt = {"path": 10, "server": 0}[place]
            for again in 1, 2:
                for then in "ack", "request", "end":
                    where = "%s at the %s, sent %d times, then %s" % (name, place, 1 + again, then)
                    w = Wire(**kind)
                    t = w.open() + 10
                    w.segment(CLIENT, t, get("/a"))
                    w.segment(SERVER, t + 15, ok(3), lost=0.8)
                    at = t + 15 + 215
                    if again == 2:
                        w.segment(SERVER, at, ok(3), seq=0, lost=0.8)
                        at += 430
                    w.segment(SERVER, at, ok(3), seq=0)
                    if then == "ack":
                        w.segment(CLIENT, at + 10)
                    if then != "end":
                        w.segment(CLIENT, at + 12, get("/b"))
                        w.segment(SERVER, at + 12 + 15, ok(4))
                    records = run(w.packets(place))
                    expect(where, txns(records)[0], {"stall.rto.server": at - t - 15, "network": rtt, "server": 5,
                                                     "connect.network": 20})
                    same(where, "resent_end", "resent_end" in txns(records)[0].get("tsumari.quality", []), True)
                    if then != "end":
                        expect(where, txns(records)[1], {"network": rtt, "server": 5})
                    x = tcp_side(flow(records), "server")
                    same(where, "server", (x["retransmits"], x["rtos"], x["spurious_retransmits"]), (again, again, 0))


@situation
def a_tail_lost_behind_the_capture():
    """The last segments but one, sent again after duplicate ACKs, or as a tail loss probe and what RACK finds."""
    for kind, name in kinds(delay=10):
        for place in "path", "server":
            where = "%s at the %s" % (name, place)
            w = Wire(**kind)
            t = w.open() + 10
            w.segment(CLIENT, t, get())
            data = flight(w, t + 15, 10, {5: 0.8}.items())
            w.segment(SERVER, t + 15 + 21, data[5000:6000], seq=5000)
            w.segment(CLIENT, t + 15 + 31)
            r = txns(run(w.packets(place)))[0]
            expect(where, r, {"stall.fast_retransmit.server": 21, "network": {"path": 10, "server": 0}[place],
                              "server": 5, "connect.network": 20}, 0.5)


@situation
def a_lost_acknowledgment():
    """The server works for 300 ms; its ACK was lost, and the client sends again for nothing."""
    for kind, name in kinds(delay=10):
        if not kind["sack"]:
            continue
        for place in PLACES:
            for lost in 0.2, 0.8:
                where = "%s at the %s, ACK lost at %.1f of the way" % (name, place, lost)
                w = Wire(**kind)
                t = w.open() + 10
                w.segment(CLIENT, t, get())
                w.segment(SERVER, t + 50, lost=lost)
                w.segment(CLIENT, t + 225, get(), seq=0)
                w.segment(SERVER, t + 235, sacks=[(0, len(get()))])
                w.segment(SERVER, t + 310, ok(3))
                records = run(w.packets(place))
                expect(where, txns(records)[0], {"network": {"client": 20, "path": 10, "server": 0}[place],
                                                 "server": 300, "connect.network": 20})
                client = tcp_side(flow(records), "client")
                same(where, "client's", (client["spurious_retransmits"], client["rtos"]), (1, 0))


@situation
def needless_probes():
    """A tail loss probe (RFC 8985, 7) that was not needed, of either side's last segment."""
    for kind, name in kinds(delay=10):
        if not kind["sack"]:
            continue
        for place in PLACES:
            where = "%s at the %s" % (name, place)
            w = Wire(**kind)
            t = w.open() + 10
            w.segment(CLIENT, t, get())
            w.segment(CLIENT, t + 25, get(), seq=0)  # the server's ACK is delayed
            w.segment(SERVER, t + 35, sacks=[(0, len(get()))])
            w.segment(SERVER, t + 110, ok(3))
            w.segment(SERVER, t + 135, ok(3), seq=0)
            w.segment(CLIENT, t + 145, sacks=[(0, len(ok(3)))])
            w.segment(CLIENT, t + 200, get())
            w.segment(SERVER, t + 215, ok(3))
            records = run(w.packets(place))
            rtt = {"client": 20, "path": 10, "server": 0}[place]
            expect(where, txns(records)[0], {"network": rtt, "server": 100, "connect.network": 20})
            expect(where, txns(records)[1], {"network": rtt, "server": 5})
            for side in "client", "server":
                x = tcp_side(flow(records), side)
                same(where, side, (x["retransmits"], x["spurious_retransmits"], x["rtos"]), (1, 1, 0))


@situation
def fast_retransmits():
    """A segment within an answer is lost: it comes a round trip late, wherever that is seen."""
    for kind, name in kinds(delay=10):
        for place in PLACES:
            for lost in 0.2, 0.8:
                where = "%s at the %s, lost at %.1f of the way" % (name, place, lost)
                w = Wire(**kind)
                t = w.open() + 10
                w.segment(CLIENT, t, get())
                data = flight(w, t + 15, 20, {5: lost}.items(), spread=2)
                again = t + 15 + 8 * 2 + 20
                w.segment(SERVER, again, data[5000:6000], seq=5000)
                w.segment(CLIENT, again + 10)
                records = run(w.packets(place))
                r = txns(records)[0]
                stall = ledger(r).get("stall.fast_retransmit.server", 0)
                if not 18 <= stall <= 28:
                    fail("%s: stall.fast_retransmit.server is %.2f of 20 to 26" % (where, stall), ledger(r))
                x = tcp_side(flow(records), "server")
                same(where, "server", (x["retransmits"], x["fast_retransmits"], x["out_of_order"]), (1, 1, 0))


@situation
def late_and_sent_again():
    """Of a segment that comes behind its successor the clock of its sender says whether it is the first one.
    Without timestamps only the time is left."""
    for kind, name in kinds(delay=10):
        for place in "client", "path":
            for late in 1.5, 8, 40:
                for again in False, True:
                    where = "%s at the %s, %.1f ms late, %s" % (name, place, late, "again" if again else "reordered")
                    w = Wire(**kind)
                    t = w.open() + 10
                    w.segment(CLIENT, t, get())
                    data = answer_of(3000)
                    w.segment(SERVER, t + 15, data[:1000])
                    at = t + 17
                    # The path keeps it, or its sender sends it again after its successor.
                    w.segment(SERVER, at + 1, data[2000:3000], seq=2000)
                    tsval = None if again else int(at) + 100
                    w.segment(SERVER, at + 1 + late, data[1000:2000], seq=1000, tsval=tsval)
                    x = tcp_side(flow(run(w.packets(place))), "server")
                    told = kind["times"] and (again or late >= 1)
                    if told:
                        same(where, "server", (x["retransmits"], x["out_of_order"]), (1, 0) if again else (0, 1))
                    else:
                        same(where, "server", (x["retransmits"], x["out_of_order"]), (0, 1) if late < 20 else (1, 0))


@situation
def reordered_by_less_than_a_round_trip():
    """Three duplicate ACKs do not make a retransmission of what comes before anybody can have sent again."""
    for kind, name in kinds(delay=10):
        w = Wire(**kind)
        t = w.open() + 10
        w.segment(CLIENT, t, get())
        data, at = answer_of(8000), t + 15
        for i in 0, 2, 3, 4, 5, 6, 7:
            w.segment(SERVER, at + i * 0.1, data[i * 1000:(i + 1) * 1000], seq=i * 1000, tsval=int(at) + 100)
            if i:
                w.segment(CLIENT, at + i * 0.1 + 10, ack=1000, sacks=[(2000, (i + 1) * 1000)])
        w.segment(SERVER, at + 6, data[1000:2000], seq=1000, tsval=int(at) + 100)
        w.segment(CLIENT, at + 16)
        records = run(w.packets("client"))
        x = tcp_side(flow(records), "server")
        same(name, "server", (x["retransmits"], x["out_of_order"]), (0, 1))
        expect(name, txns(records)[0], {"connect.network": 20, "network": 20, "server": 5, "response": 6})


@situation
def needless_copies_told_late():
    """The ACK of the first copy comes before the D-SACK of the second."""
    for kind, name in kinds(delay=10):
        if not kind["sack"]:
            continue
        for place in PLACES:
            w = Wire(**kind)
            t = w.open() + 10
            w.segment(CLIENT, t, get(), tsval=500)
            w.segment(CLIENT, t + 0.2, get(), seq=0, tsval=500)
            w.segment(SERVER, t + 10.1, tsecr=500)
            w.segment(SERVER, t + 10.2, sacks=[(0, len(get()))], tsecr=500)
            w.segment(SERVER, t + 110, ok(3), tsecr=500)
            x = tcp_side(flow(run(w.packets(place))), "client")
            same("%s at the %s" % (name, place), "client", x["retransmits"] - x["spurious_retransmits"], 0)


@situation
def a_loss_on_a_path_that_became_faster():
    """The handshake took 35 ms, what follows 20: an ACK 20 ms behind the second copy is one of that copy."""
    for times in False, True:
        for sack in False, True:
            for place in "path", "server":
                where = "timestamps %s, SACK %s, at the %s" % (times, sack, place)
                w = Wire(delay=10, times=times, sack=sack)
                w.segment(CLIENT, 0, flags=SYN, seq=-1, ack=-1)
                w.segment(SERVER, 17, flags=SYN | ACK, seq=-1, ack=0)
                w.segment(CLIENT, 42, ack=0)
                w.next, t = [0, 0], 60
                w.segment(CLIENT, t, get())
                w.segment(SERVER, t + 15, ok(3), lost=0.8)
                w.segment(SERVER, t + 15 + 215, ok(3), seq=0)
                w.segment(CLIENT, t + 15 + 225)
                records = run(w.packets(place))
                same(where, "stall", round(ledger(txns(records)[0]).get("stall.rto.server", 0)), 215)
                x = tcp_side(flow(records), "server")
                same(where, "server", (x["retransmits"], x["rtos"], x["spurious_retransmits"]), (1, 1, 0))


@situation
def short_writes_and_delayed_acks():
    """A message in two pieces, the second of which waits for the delayed ACK of the first: however much of it
    was there to tell that it is one, and whoever sends it."""
    for kind, name in kinds(delay=5):
        for place in PLACES:
            for held in 40, 200:
                for first in 2, 30:
                    where = "%s at the %s, ACK after %d ms, %d bytes first" % (name, place, held, first)
                    d, request, answer = 5, get("/some/where/to/go"), ok(100)
                    rtt = {"client": 10, "path": 5, "server": 0}[place]
                    w = Wire(**kind)
                    t = w.open() + 10
                    w.segment(CLIENT, t, request[:first])
                    w.segment(SERVER, t + d + held)
                    t += 2 * d + held
                    w.segment(CLIENT, t, request[first:])
                    t += d + 20
                    w.segment(SERVER, t, answer[:first])
                    w.segment(CLIENT, t + d + held)
                    t += 2 * d + held
                    w.segment(SERVER, t, answer[first:])
                    w.segment(CLIENT, t + d)
                    r = txns(run(w.packets(place)))[0]
                    expect(where, r, {"connect.network": 10, "stall.delayed_ack": 2 * (2 * d + held), "network": rtt,
                                      "server": 20})


if not bad:
    print("tcp: %d situations" % tried)
sys.exit(bad != 0)
