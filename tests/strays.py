"""Segments that TCP ignores, put into a connection: they change nothing and are counted.

usage: strays.py PROGRAM DIRECTORY
"""
from wire import *


def exchanges(n=6, **kind):
    """100 ms each; the server thinks for 49 of them."""
    w = Wire(delay=0.5, **kind)
    w.open()
    for i in range(n):
        t = 10 + 100 * i
        w.segment(CLIENT, t, get("/%d" % i))
        w.segment(SERVER, t + 1)
        w.segment(SERVER, t + 50, ok(5))
        w.segment(CLIENT, t + 50.6)
    return w


def put(w, side, time, data=b"", seq=0, ack=0, **more):
    """A segment that is no part of it; seq and ack are from where both ends are then."""
    there = [sum(len(s["data"]) for s in w.sent if s["side"] == d and s["time"] < time) for d in (CLIENT, SERVER)]
    w.segment(side, time, data, seq=there[side] + seq, ack=there[1 - side] + ack, **more)
    w.next = [max(s["seq"] + len(s["data"]) for s in w.sent if s["side"] == d and s["time"] != time)
              for d in (CLIENT, SERVER)]


def untouched(where, records, counted, first=0):
    same(where, "answers", [(r.get("path"), r.get("http.response.status_code")) for r in txns(records)],
         [("/%d" % i, 200) for i in range(first, 6)])
    for i, r in enumerate(txns(records), first):
        expect("%s /%d" % (where, i), r, {"connect.network": 1 if not i else 0, "network": 1, "server": 49.5}, 0.6)
    f = flow(records)
    same(where, "end", (f.get("status"), f["tsumari.tcp.close_reason"]), ("OK", "capture_end"))
    same(where, "bytes", (f["tsumari.flow.client.payload"], f["tsumari.flow.server.payload"]),
         ((6 - first) * len(get("/0")), (6 - first) * len(ok(5))))
    for side in "client", "server":
        for k in "retransmits", "spurious_retransmits", "out_of_order", "lost_in_capture", "gaps":
            same(where, side + " " + k, f.get("tsumari.tcp.%s.%s" % (side, k), 0), 0)
    if counted is not None:
        same(where, "outside_window", tuple(f.get("tsumari.tcp.%s.outside_window" % s, 0) for s in ("client", "server")),
             counted)


NO = b"GET /no HTTP/1.1\r\n\r\n"
STRAYS = {  # by whichever side, while the connection rests and while the server thinks
    "reset far away": dict(flags=RST, seq=777700000),
    "reset below": dict(flags=RST | ACK, seq=-3),
    "reset ahead": dict(flags=RST | ACK, seq=200),
    "other SYN": dict(flags=SYN, seq=55555555),
    "other SYN/ACK": dict(flags=SYN | ACK, seq=55555555),
    "FIN far away": dict(flags=FIN | ACK, seq=90000000),
    "FIN below": dict(flags=FIN | ACK, seq=-10),
    "data far away": dict(data=NO, seq=90000000),
    "data with an ACK of nothing": dict(data=NO, ack=70000),
    "data with an old ACK": dict(data=NO, ack=-200000000),
    "data without ACK": dict(data=NO, flags=0),
    "data without ACK, pushed": dict(data=NO, flags=PSH),
    "FIN without ACK": dict(flags=FIN),
    "no flags": dict(flags=0),
}


@situation
def strays():
    for kind, name in kinds():
        for title, stray in STRAYS.items():
            for side in CLIENT, SERVER:
                for time in 209.9, 235:
                    w = exchanges(**kind)
                    put(w, side, time, **stray)
                    where = "%s, %s by the %s at %s ms" % (name, title, ("client", "server")[side], time)
                    untouched(where, run(w.packets("client")), (1 - side, side))
                    # The same where the windows are not known.
                    if title != "reset ahead" and not (title == "other SYN" and side == SERVER):
                        untouched(where + ", midway", run(w.packets("client", since=100)), (1 - side, side), 1)


@situation
def acknowledgments_of_what_was_never_sent():
    """Of any number of bytes: only what follows shows it. Where these bytes come soon, the ACK was early."""
    for kind, name in kinds():
        for ahead in 1, 30, 43, 44, 100, 1000, 20000, 60000, 64000, 70000, 2000000000:
            for side in CLIENT, SERVER:
                for time in 209.9, 235:
                    w = exchanges(**kind)
                    put(w, side, time, ack=ahead)
                    where = "%s, ACK of %d bytes by the %s at %s ms" % (name, ahead, ("client", "server")[side], time)
                    told = ahead > (43 if side == CLIENT else 28)
                    untouched(where, run(w.packets("client")), (1 - side, side) if told else None)


@situation
def what_the_capture_lost_was_sent():
    """The same ACK where the answer was lost in the capture, and the connection goes on behind it or ends."""
    for kind, name in kinds():
        for end in "request", "probe", "FIN", "reset", "nothing":
            w = Wire(delay=0.5, **kind)
            t = w.open() + 10
            w.segment(CLIENT, t, get("/a"))
            w.segment(SERVER, t + 50, ok(5), lost=None)
            hidden = w.sent.pop()
            ack = len(hidden["data"])
            w.segment(CLIENT, t + 51, ack=ack)
            if end == "request":
                w.segment(CLIENT, t + 500, get("/b"), ack=ack)
                w.segment(SERVER, t + 550, ok(5))
                w.segment(CLIENT, t + 551, ack=2 * ack)
            elif end == "probe":
                w.segment(CLIENT, t + 5000, seq=w.next[CLIENT] - 1, ack=ack)
            elif end == "FIN":
                w.segment(CLIENT, t + 500, flags=FIN | ACK, ack=ack)
            elif end == "reset":
                w.segment(CLIENT, t + 500, flags=RST, ack=0)
            records = run(w.packets("client"))
            where = "%s, then %s" % (name, end)
            same(where, "lost", flow(records).get("tsumari.tcp.server.lost_in_capture"), ack)
            same(where, "outside", flow(records).get("tsumari.tcp.client.outside_window", 0), 0)
            same(where, "answers", [(r["path"], r.get("http.response.status_code")) for r in txns(records)],
                 [("/a", None)] + ([("/b", 200)] if end == "request" else []))


done("strays")
