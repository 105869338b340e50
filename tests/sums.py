"""The report against the records: what it adds up for services, operations, hosts and over time is, to
the nanosecond, what its records say, and percentiles are those of all values, sorted, within 1 %.

usage: sums.py PROGRAM CAPTURE...
"""
import collections
import json
import math
import subprocess
import sys

program, captures = sys.argv[1], sys.argv[2:]
bad = 0


# Who checks the health of others, by capture: kept apart, as report["health_checks"].
CHECKERS = {"health-checks.pcap": "10.77.0.1"}


def fail(*what):
    global bad
    bad += 1
    print(*what)


def run(capture, *options):
    done = subprocess.run([program, "-j0", "-r", capture, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=60)
    return done.stdout


def get(record, name):
    for word in name.split("."):
        record = record.get(word) if isinstance(record, dict) else None
    return record


class Sum:
    def __init__(self):
        self.transactions = self.errors = self.unanswered = self.unknown = self.total = 0
        self.duration, self.wait, self.ledger = [], [], collections.Counter()

    def add(self, r):
        quality = get(r, "tsumari.quality") or []
        lost = "no_response" in quality or "unfinished" in quality
        self.transactions += 1
        failed = r.get("status", "OK") != "OK"
        self.unanswered += lost and failed
        self.errors += failed
        self.unknown += lost and "status" not in r
        for values, name in (self.duration, "event.duration"), (self.wait, "tsumari.time.wait"):
            if get(r, name) is not None:
                values.append(get(r, name))
        ledger = ledger_of(r)
        self.total += ledger.pop("total", 0)
        self.ledger.update(ledger)


def ledger_of(r):
    flat = {}

    def walk(prefix, value):
        for k, v in value.items():
            walk(prefix + k + ".", v) if isinstance(v, dict) else flat.__setitem__(prefix + k, v)
    walk("", get(r, "tsumari.ledger") or {})
    return flat


def check_ledger(where, r):
    """To the nanosecond, and of nothing more than there was."""
    ledger = ledger_of(r)
    if not ledger:
        return
    total = ledger.pop("total", None)
    for name, value in ledger.items():
        if not isinstance(value, int) or not 0 < value < 1 << 62:
            fail(where, name, "is", value)
    if total != sum(ledger.values()):
        fail(where, "ledger", ledger, "is", sum(ledger.values()), "not", total)


def check_values(where, shown, values):
    near = 0.01 if where.split()[0] in CHECKERS else 0
    values.sort()
    n = len(values)
    if shown is None or not shown.get("n"):
        if n:
            fail(where, "shows no values of", n)
        return
    # What is taken out of a histogram leaves the edges of its buckets.
    if shown["n"] != n or shown["sum"] != sum(values) or abs(shown["min"] - values[0]) > near * values[0] or \
            abs(shown["max"] - values[-1]) > near * values[-1]:
        fail(where, shown, "not", n, sum(values), values[0], values[-1])
    for part in 50, 90, 99:
        exact = values[max(1, math.ceil(n * part / 100)) - 1]
        if not exact * 0.99 - 1 <= shown["p%d" % part] <= exact * 1.01 + 1:
            fail(where, "p%d is" % part, shown["p%d" % part], "and exactly", exact)


def check_sum(where, shown, s):
    for name in "transactions", "errors", "unanswered", "unknown", "total":
        if shown.get(name, 0) != getattr(s, name):
            fail(where, name, "is", shown.get(name), "not", getattr(s, name))
    ledger = {k: v for k, v in s.ledger.items() if v}
    if shown.get("ledger", {}) != ledger or sum(ledger.values()) != s.total:
        fail(where, "ledger", shown.get("ledger"), "not", ledger, "total", s.total)
    check_values(where + " duration", shown.get("duration"), s.duration)
    check_values(where + " wait", shown.get("wait"), s.wait)


def check(capture):
    name = capture.rsplit("/", 1)[-1]
    records = [json.loads(line) for line in run(capture, "--json", "--geoip", "none").splitlines()]
    document = run(capture, "--report=json", "--geoip", "none")
    if not document:
        return fail(name, "has no report")
    report = json.loads(document)
    checker = CHECKERS.get(name)
    if bool(checker) != bool(report["health_checks"]):
        fail(name, "health checks", report["health_checks"])
    services, whole, hosts = collections.defaultdict(Sum), Sum(), collections.Counter()
    for r in records:
        if r["type"] == "flow" and get(r, "flow.final"):
            for side, peer in ("client", "server"), ("server", "client"):
                hosts[r[side]["ip"], "sent"] += r[side]["bytes"]
                hosts[r[side]["ip"], "received"] += r[peer]["bytes"]
        check_ledger("%s frame %s" % (name, get(r, "tsumari.frame.request_first")), r)
        # A mail is made of its commands, and counted with them.
        if r["type"] in ("flow", "vrrp", "arp") or (r["type"] == "smtp" and r.get("method") == "mail"):
            continue
        if r["client"]["ip"] == checker:
            continue
        key = r["server"]["ip"], r["server"]["port"], get(r, "network.transport"), r["type"]
        services[key].add(r)
        whole.add(r)
        hosts[r["client"]["ip"], "requests"] += 1
        seen = not {"no_response", "unfinished"} & set(r["tsumari"].get("quality", []))
        hosts[r["server"]["ip"], "answers"] += seen or r.get("status") == "OK"
    check_sum(name, report["total"], whole)
    for x in report["services"]:
        key = x["ip"], x["port"], x["transport"], x.get("protocol")
        check_sum("%s %s %s" % (name, x["server"], key[3]), x, services.pop(key, Sum()))
    for key in services:
        fail(name, key, "is not among the services")
    for x in report["hosts"]:
        for what in "sent", "received", "requests", "answers":
            if x.get(what, 0) != hosts[x["ip"], what]:
                fail(name, x["ip"], what, x.get(what), "not", hosts[x["ip"], what])
    parts = collections.defaultdict(collections.Counter)
    for x in report["operations"]:
        key = x["ip"], x["port"], x["transport"], x.get("protocol")
        parts[key].update({k: x[k] for k in ("transactions", "errors", "total")})
    for x in report["services"]:
        key = x["ip"], x["port"], x["transport"], x.get("protocol")
        if x["transactions"] and len(report["operations"]) < 20:
            for what in "transactions", "errors", "total":
                if parts[key][what] != x[what]:
                    fail(name, x["server"], "operations have", what, parts[key][what], "of", x[what])
    return len(records)


total = sum(check(capture) or 0 for capture in captures)
if not bad:
    print("sums: %d captures, %d records" % (len(captures), total))
sys.exit(bad != 0)
