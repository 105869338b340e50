"""What TCP did to transactions, in conversations built here: each is told as its two ends sent it,
and captured at the client, at the server and half-way.

usage: tcp.py PROGRAM DIRECTORY
"""
import random

import pcaplib
from wire import *


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
    """It was sent whole, and the client has it when its second copy comes: until then it waited. Where the capture
    ends before the ACK can come, its first copy may have arrived, and the ACK was lost."""
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
                    known = (again, then) != (1, "end")
                    expect(where, txns(records)[0], {"stall.rto.server": (at - t - 15) * known, "network": rtt, "server": 5,
                                                     "connect.network": 20})
                    same(where, "resent_end", "resent_end" in txns(records)[0].get("tsumari.quality", []), known)
                    if then != "end":
                        expect(where, txns(records)[1], {"network": rtt, "server": 5})
                    x = tcp_side(flow(records), "server")
                    same(where, "server", (x["retransmits"], x["rtos"], x["spurious_retransmits"]), (again, again * known, 0))


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
def late_segments_of_a_burst():
    """One comes later than a round trip, with the time of its burst. Where the clock is fine that was not sent
    again; where it is coarse, or nothing showed how fine it is, nothing is said of it."""
    def burst(w, t, at, tick, first, late):
        w.segment(CLIENT, t, get())
        data = answer_of(6000)
        for i, when in (0, 0), (2, 0.01), (3, 0.02), (4, 0.03), (5, 0.04), (1, late):
            w.segment(SERVER, at + when, data[i * 1000:(i + 1) * 1000], seq=first + i * 1000, tsval=int(at / tick) + 1000)
            w.segment(CLIENT, at + when + 2, ack=first + (6000 if i == 1 else 1000))
        return at + late + 2

    for kind, name in kinds(delay=2):
        for place in "client", "path":
            for tick in 1, 4, 10, 100:
                for late in 8, 30:
                    for shown in False, True:  # by what came before, another segment that was a little late
                        where = "%s at the %s, tick of %d ms, %d ms late%s" % (name, place, tick, late, ", shown" if shown else "")
                        w = Wire(**kind)
                        t, first = w.open() + 10, 0
                        if shown:
                            t = burst(w, t, t + 15, tick, 0, 0.3) + 450
                            first = 6000
                        burst(w, t, (t // 100 + 1) * 100, tick, first, late)
                        records = run(w.packets(place))
                        x, lost = tcp_side(flow(records), "server"), ledger(txns(records)[-1])
                        told = kind["times"] and shown and late > tick + 1
                        same(where, "server", (x["retransmits"], x["out_of_order"]),
                             (not kind["times"], shown + bool(told)))
                        untold = lost.get("unknown", 0)
                        same(where, "unknown", abs(untold - late) < 0.2, kind["times"] and not told)


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


@situation
def an_answer_that_has_not_come():
    """The capture ends, or the server resets the connection: the way there and back is not the server's."""
    for kind, name in kinds(delay=200):
        for place in PLACES:
            rtt = {"client": 400, "path": 200, "server": 0}[place]
            for end in 400, 450, 3000:
                for reset in False, True:
                    where = "%s at the %s, %d ms behind the request, %s" % (name, place, end, "reset" if reset else "end")
                    w = Wire(**kind)
                    t = w.open() + 10
                    w.segment(CLIENT, t, get())
                    w.segment(SERVER, t + 200)
                    if reset:
                        w.segment(SERVER, t + end - 200, flags=RST | ACK)
                    else:  # something of another connection
                        w.segment(CLIENT, t + end)
                    wait = end - (400 - rtt if reset else 0)
                    r = txns(run(w.packets(place)))[0]
                    if "no_rtt" not in r["tsumari.quality"]:
                        expect(where, r, {"connect.network": 400, "network": min(rtt, wait), "server": max(0, wait - rtt)})


@situation
def paths_longer_than_the_first_timer():
    """Of two SYNs the first was answered, and the answer was on its way when the second was sent."""
    for kind, name in kinds():
        for rtt in 1100, 1500, 2900:
            w = Wire(**dict(kind, delay=rtt / 2))
            w.segment(CLIENT, 0, flags=SYN, seq=-1, ack=-1)
            w.segment(CLIENT, 1000, flags=SYN, seq=-1, ack=-1)
            for at in 0, 1000:
                w.segment(SERVER, at + rtt / 2, flags=SYN | ACK, seq=-1, ack=0, tsecr=100)
            w.segment(CLIENT, rtt, ack=0)
            w.next, t = [0, 0], rtt
            for i in range(3):
                w.segment(CLIENT, t, get("/%d" % i))
                w.segment(SERVER, t + rtt / 2)
                w.segment(SERVER, t + rtt / 2 + 40, ok(5))
                w.segment(CLIENT, t + rtt + 40)
                t += rtt + 100
            records = run(w.packets("client"))
            for i, r in enumerate(txns(records)):
                expect("%s, %d ms, /%d" % (name, rtt, i), r, {"connect.network": 0 if i else rtt, "network": rtt, "server": 40})


@situation
def an_answer_to_the_handshake_that_was_lost():
    """The second one echoes the first SYN's time; the answer, which carries the ACK, shows that the path is not
    as long as that."""
    for v6 in False, True:
        for back in 0.2, 0.8:
            w = Wire(delay=20, v6=v6)
            w.segment(CLIENT, 0, flags=SYN, seq=-1, ack=-1)
            w.segment(SERVER, 20, flags=SYN | ACK, seq=-1, ack=0, lost=back)
            w.segment(CLIENT, 1000, flags=SYN, seq=-1, ack=-1)
            w.segment(SERVER, 1020, flags=SYN | ACK, seq=-1, ack=0, tsecr=100)
            w.segment(CLIENT, 1040, ack=0)
            w.next = [0, 0]
            w.segment(CLIENT, 1041, get())
            w.segment(SERVER, 1061 + 50, ok(3))
            w.segment(CLIENT, 1131)
            records = run(w.packets("client"))
            expect("IPv6" if v6 else "IPv4", txns(records)[0],
                   {"connect.retry": 1000, "connect.network": 40, "network": 40, "server": 50})
            same(v6, "rtt_server", round(flow(records)["tsumari.tcp.rtt_server"] / MS), 40)


@situation
def two_resets_for_two_segments():
    """What comes to a closed connection is answered segment by segment; neither reset is a copy."""
    for v6 in False, True:
        w = Wire(delay=10, v6=v6)
        w.open()
        w.segment(CLIENT, 30, get())
        w.segment(SERVER, 45, ok(3))
        w.segment(CLIENT, 60)
        w.segment(SERVER, 2000, flags=FIN | ACK)
        w.segment(CLIENT, 2005, get())
        w.segment(CLIENT, 2005.02, flags=FIN | ACK)
        for at in 2015.01, 2015.04:
            w.segment(SERVER, at, flags=RST, seq=len(ok(3)) + 1, ack=0)
        packets = w.packets("server")
        if not v6:  # nor does it put an identification there
            for p in packets:
                s = pcaplib.segment(1, p)
                s.ip = s.ip[:4] + b"\0\0" + s.ip[6:]
                p.data = s.frame()
        same("IPv6" if v6 else "IPv4", "copies", flow(run(packets)).get("tsumari.flow.duplicates", 0), 0)


def talk_at_once(port, kind):
    """A conversation that goes on right behind its handshake; the server speaks first, or does not."""
    w = Wire(delay=0.01, port=port, **kind)
    w.open()
    if port == 25:
        w.segment(SERVER, 0.1, b"220 a ESMTP\r\n")
        w.segment(CLIENT, 0.15)
        w.segment(CLIENT, 0.2, b"EHLO a\r\n")
        w.segment(SERVER, 0.25, b"250 a\r\n")
    else:
        w.segment(CLIENT, 0.1, get())
        w.segment(SERVER, 0.15)
        w.segment(SERVER, 20, ok(3))
        w.segment(CLIENT, 20.1)
    for i in range(3):
        w.segment(CLIENT, 100 * (i + 1), b"NOOP\r\n" if port == 25 else get())
        w.segment(SERVER, 100 * (i + 1) + 0.1)
        w.segment(SERVER, 100 * (i + 1) + 20, b"250 ok\r\n" if port == 25 else ok(5))
        w.segment(CLIENT, 100 * (i + 1) + 20.1)
    return w.packets("client")


@situation
def two_interfaces_apart():
    """Each direction in order, on an interface whose frames are late by up to 1.5 ms; or all frames by up to
    60 us."""
    rng = random.Random(3)
    for n in range(160):
        port, kind = rng.choice((25, 80)), dict(v6=rng.random() < 0.3, times=rng.random() < 0.6)
        alone = n % 4 == 0
        most, part = rng.choice((20, 60) if alone else (60, 200, 800, 1500)), rng.choice((0.3, 0.6, 1))
        packets, last = [], {}
        for p in talk_at_once(port, kind):
            way = None if alone else pcaplib.segment(1, p).source[1]
            at = p.time + (rng.randrange(most * 1000) if rng.random() < part else 0)
            if not alone:
                at = last[way] = max(at, last.get(way, 0) + 1)
            packets.append(pcaplib.Packet(at, p.data))
        where = "%d: port %d, %s, %d us, %.1f of the frames%s" % (n, port, kind, most, part, ", each" if alone else "")
        records = run(sorted(packets, key=lambda p: p.time))
        same(where, "flows", len([r for r in records if r["type"] == "flow"]), 1)
        same(where, "answers", [r.get("method") for r in txns(records) if r.get("status") == "OK"],
             ["greeting", "EHLO"] + ["NOOP"] * 3 if port == 25 else ["GET"] * 4)
        for r in txns(records):
            if r.get("method") in ("GET", "NOOP") and not 17 <= r.get("event.duration", 0) / MS <= 23:
                fail(where, "duration", r.get("event.duration"))
        for side in "client", "server":
            for k in "lost_in_capture", "gaps", "retransmits", "spurious_retransmits", "outside_window":
                same(where, side + " " + k, flow(records).get("tsumari.tcp.%s.%s" % (side, k), 0), 0)


done("tcp")
