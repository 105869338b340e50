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
    ("event.duration > 10 ms", number("event.duration", lambda v: v > 10_000_000)),
    ("event.duration > 0", number("event.duration", lambda v: v > 0)),
    ("event.duration > 0.1 s and event.duration < 1min",
     number("event.duration", lambda v: 100_000_000 < v < 60 * 10**9)),
    ("event.duration in {1 ms, 1011043000ns}", number("event.duration", lambda v: v in (10**6, 1011043000))),
    ("network.bytes > 1 KiB", number("network.bytes", lambda v: v > 1024)),
    # Names of other tools, and types.
    ("http", lambda r: r["type"] == "http"),
    ("flow and not tcp", lambda r: r["type"] == "flow" and r.get("network.transport") != "tcp"),
    ("tcp.port == 80", lambda r: r.get("network.transport") == "tcp" and 80 in (r["client.port"], r["server.port"])),
    ("tcp.port != 80",
     lambda r: r.get("network.transport") == "tcp" and 80 not in (r["client.port"], r["server.port"])),
    ("tcp.port in {80, 8000}", lambda r: r.get("network.transport") == "tcp" and
     not {80, 8000}.isdisjoint((r["client.port"], r["server.port"]))),
    ("ip.addr == 10.77.0.21", lambda r: "10.77.0.21" in r.get("related.ip", [])),
    ("ip.addr ne 10.77.0.21", lambda r: "related.ip" in r and "10.77.0.21" not in r["related.ip"]),
    ("ip and !(http.response.code < 500) and http.response", lambda r: r.get("network.type") == "ipv4"
     and r.get("http.response.status_code", 0) >= 500),
    ("http.time > 200 ms", lambda r: r["type"] == "http" and r.get("event.duration", 0) > 200_000_000),
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
    ("tsumari.tcp.syn_gaps > 1.9 s",
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
    ("event.start > yesterday", 15), ("event.duration > 1", 18), ("event.duration in {1ms, 5}", 25),
    ("tsumari.tcp.syn_gaps > 1900000000", 24), ("event.duration > 1  parsec", 18), ("event.duration > 1.5ns", 18),
    ("http == 1", 1), ("tcp.port ==", 12), ("tcp.port == http", 1), ("tcp.port in {80", 16),
    ("http.time > 0.2", 1), ("ip.src == 10.0.0.1", 1), ("status == ok", 11), ("network.type == IPv4", 17), ("not " * 100 + "type", 257), ("\x1b[31m == 1", 1),
]


# What no record can fit, and what is said.
NEVER = [
    ("type == htpp", "type has no such value; --types help lists them"), ("http and dns", "no type fits both tests"),
    ("http.request.method and dns.id", "no type of records has both http.request.method and dns.id"),
    ("http.response.code == 404 and http.response.code == 500",
     "no http.response.status_code fits both tests; one or the other?"),
    ("http.response.code > 500 and (http and http.response.code < 400)", "no http.response.status_code fits"),
    ("event.duration < 0s", "event.duration has no such value"), ("flow and query", "no type of records has both type and query"),
    ("not (type or client.ip)", "no type"), ("type == flow and (dns.id or http.version)", "no type"),
    ("http.request.method == GET and http.request.method == POST", "no http.request.method fits both tests"),
]
# Names that are none here, and what is said.
ANSWERS = [
    ("ip.src == 10.0.0.1", "ip.src: use client.ip, server.ip, or related.ip for either"),
    ("tcp.dstport == 80", "tcp.dstport: use client.port and server.port"),
    ("dns.qry.type == 1", "dns.qry.type: use dns.question.type, by its name"),
    ("status_code == 200", "did you mean http.response.status_code? tsumari --fields lists them"),
    ("http.respons.status_code == 200", "did you mean http.response.status_code?"),
    ("Event.Duration > 1s", "did you mean event.duration?"),
    ("foo.bar == 1", "no record has a field foo.bar; tsumari --fields lists them"),
    ("event.duration > 1", "event.duration wants a time with its unit, such as 200ms or 1.5s"),
    ("status == 200", "status is OK, Error, Client Error, Server Error or Pending"),
]
VALUES = ["1", "1ms", "10.0.0.1", "02-00-5E-10-00-01", "true", "2026-11-24T18:00:00Z", "x"]


def other_names():
    """Every name of another tool that docs/fields.md has gives what its meaning gives."""
    fields = subprocess.run([TSUMARI, "--fields"], capture_output=True, timeout=60).stdout.decode()
    names = re.findall(r"^\| ([a-z0-9._]+) \| `([^`]*)` \|$", fields, re.M)
    captures = ["http-errors.pcap", "dns.pcap", "mysql-errors.pcap", "smtp-basic.pcap"]
    good = len(names) > 80
    for i, (name, means) in enumerate(names):
        value = "" if "$" in means else None
        for v in VALUES if "$" in means else []:
            if lines(captures[0], "-c", "1", "-Y", means.replace("$", "== " + v))[0] == 0:
                value = " == " + v
                break
        capture = captures[i % len(captures)]
        for tail in {"", value or ""}:
            want = lines(capture, "-Y", means.replace(" $", tail))
            got = lines(capture, "-Y", name + tail)
            if want[0] or got != want or (value == "" and "$" in means):
                print("%s%s: %s, expected that of %s: %s" % (name, tail, got[2], means, want[2]))
                good = False
    return good


def own_filters():
    """The filters of findings read back, find something, and say times as people write them."""
    captures = [c for c in sorted(os.listdir(PCAPS)) if re.search(r"\.pcap(ng)?(\.gz)?$", c)]
    n = 0
    good = True
    for capture in captures:
        out = subprocess.run([TSUMARI, "-r", os.path.join(PCAPS, capture), "--report=json"], capture_output=True,
                             timeout=120)
        for finding in json.loads(out.stdout)["findings"]:
            text = finding.get("filter")
            if not text:
                continue
            n += 1
            status, got, err = lines(capture, "-Y", text)
            if status > 1 or not got or re.search(r"\d0{3,}(ns|us|ms)", text):
                print("%s: %s: %s: status %d, %d records %s" % (capture, finding["id"], text, status, len(got), err))
                good = False
    if n < 100:
        print("%d filters of findings only" % n)
        good = False
    return good


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
    for text, says in NEVER:
        status, got, err = lines(CAPTURES[0], "-Y", text)
        if status != 2 or got or err.count("\n") != 1 or "can never be true: " + says not in err:
            print("%r: status %d, %s" % (text, status, err))
            bad = 1
    for text, says in ANSWERS:
        status, got, err = lines(CAPTURES[0], "-Y", text)
        if status != 2 or got or err.count("\n") != 1 or says not in err:
            print("%r: status %d, %s, expected %r" % (text, status, err, says))
            bad = 1
    names = other_names()
    if not names:
        bad = 1
    if not own_filters():
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
