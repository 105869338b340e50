"""The display filter against the same question asked of the records in Python."""
import datetime
import ipaddress
import json
import os
import re
import subprocess
import sys

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")


def lines(capture, *arguments):
    out = subprocess.run([TSUMARI, "-r", os.path.join(PCAPS, capture), "--json-flat", *arguments],
                         capture_output=True, timeout=120)
    return out.returncode, out.stdout.splitlines(), out.stderr.decode()


def number(name, test):
    return lambda r: name in r and test(r[name])


def within(name, *nets):
    nets = [ipaddress.ip_network(n) for n in nets]
    return lambda r: name in r and any(ipaddress.ip_address(r[name]) in n for n in nets)


def seconds(text):
    whole, part = text.rstrip("Z").split(".")
    t = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(t.timestamp()) * 10**9 + int(part)


NOON = seconds("2026-11-24T02:57:22.500000000Z")
QUESTIONS = [
    ("http.response.status_code >= 500", number("http.response.status_code", lambda v: v >= 500)),
    ("http.response.status_code in {404, 405}",
     number("http.response.status_code", lambda v: v in (404, 405))),
    ("http.response.status_code", lambda r: "http.response.status_code" in r),
    ("not http.response.status_code", lambda r: "http.response.status_code" not in r),
    ("http.response.status_code != 200", number("http.response.status_code", lambda v: v != 200)),
    ("event.duration > 10ms", number("event.duration", lambda v: v > 10_000_000)),
    ("event.duration <= 1.5ms", number("event.duration", lambda v: v <= 1_500_000)),
    ("network.bytes lt 1.5kB", number("network.bytes", lambda v: v < 1500)),
    ("network.bytes ge 1KiB", number("network.bytes", lambda v: v >= 1024)),
    ("client.ip == 10.77.0.10", within("client.ip", "10.77.0.10/32")),
    ("client.ip in {10.77.0.8/30, fd77::/64}", within("client.ip", "10.77.0.8/30", "fd77::/64")),
    ("related.ip == 10.77.0.21", lambda r: "10.77.0.21" in r.get("related.ip", [])),
    ('url.path ~ "^/(app|no)"', number("url.path", lambda v: re.search("^/(app|no)", v))),
    ('user_agent.original contains "curl"', number("user_agent.original", lambda v: "curl" in v)),
    ("event.type == end", lambda r: "end" in r["event.type"]),
    ("tsumari.quality == connect", lambda r: "connect" in r.get("tsumari.quality", [])),
    ("tsumari.tcp.client.sack == true", lambda r: r.get("tsumari.tcp.client.sack") is True),
    ("tsumari.tcp.client.sack", lambda r: r.get("tsumari.tcp.client.sack") is True),
    ("tsumari.tcp.syn_gaps > 1900000000",
     lambda r: any(v > 1_900_000_000 for v in r.get("tsumari.tcp.syn_gaps", []))),
    ('event.start >= 2026-11-24T02:57:22.5Z', number("event.start", lambda v: seconds(v) >= NOON)),
    ('event.start >= "2026-11-24T03:57:22.5+01:00"',
     number("event.start", lambda v: seconds(v) >= NOON)),
    ("client.mac == 02:00:00:00:77:0a", number("client.mac", lambda v: v == "02-00-00-00-77-0A")),
    ("type == http and (status == OK or not event.duration) && !(http.request.method eq 'GET')",
     lambda r: r["type"] == "http" and (r["status"] == "OK" or "event.duration" not in r)
     and r.get("http.request.method") != "GET"),
    ("http.request.method > GET", number("http.request.method", lambda v: v > "GET")),
    ("type == flow || type == http && status == OK",
     lambda r: r["type"] == "flow" or (r["type"] == "http" and r["status"] == "OK")),
]
CAPTURES = ["http-errors.pcap", "http-slow.pcap", "http-odd.pcap", "syn-backlog.pcap", "vrrp.pcap"]

WRONG = [
    ("foo.bar == 1", 1), ("type ==", 8), ("type == )", 9), ("(type == flow", 14),
    ("type == flow)", 13), ("type == flow flow", 14), ("client.ip > 10.0.0.1", 11),
    ("client.ip == 10.0.0.0/33", 14), ("client.ip == ten", 14), ("event.duration > 5parsecs", 18),
    ("event.duration > -1", 18), ("http.response.status_code > 99999999999999999999", 29),
    ('url.path ~ "a(b"', 16), ('url.path == "open', 13), ("event.duration ~ 5", 16),
    ("type in flow", 9), ("type in {flow", 14), ("tsumari.quality == nothing", 20),
    ("tsumari.tcp.client.sack == yes", 28), ("client.mac == 02-00", 15),
    ("event.start > yesterday", 15), ("not " * 100 + "type", 257), ("\x1b[31m == 1", 1),
]


def main():
    bad = 0
    asked = 0
    answers = {}
    for capture in CAPTURES:
        status, everything, err = lines(capture)
        records = [(line, json.loads(line)) for line in everything]
        for text, question in QUESTIONS:
            want = [line for line, r in records if question(r)]
            status, got, err = lines(capture, "-Y", text)
            asked += 1
            answers[text] = answers.get(text, 0) + len(want)
            if status or got != want:
                print("%s: %s: %d records, expected %d %s" % (capture, text, len(got), len(want), err))
                bad = 1
    for text, n in answers.items():
        if n == 0:
            print("%s: no record to find in any capture" % text)
            bad = 1
    for text, at in WRONG:
        status, got, err = lines(CAPTURES[0], "-Y", text)
        if status != 2 or got or err.count("\n") != 1 or "at character %d:" % at not in err \
                or "\x1b" in err:
            print("%r: status %d, %s" % (text, status, err))
            bad = 1
    # A pattern that backtracks for ever gives up, and soon.
    status, got, err = lines(CAPTURES[0], "-Y", 'user_agent.original ~ "(.*)*(.*)*(.*)*x$y"')
    if status or got:
        print("a hostile pattern: status %d, %d records %s" % (status, len(got), err))
        bad = 1
    if not bad:
        print("filter: %d questions answered as Python does, %d wrong filters told" % (asked, len(WRONG)))
    return bad


sys.exit(main())
