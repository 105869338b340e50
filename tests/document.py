"""--report=json: its numbers are those of the records of the same capture."""
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def run(*arguments):
    return subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120)


def moment(text):
    whole, part = text.rstrip("Z").split(".")
    t = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(t.timestamp()) * 10**9 + int(part)


def endpoint(r):
    ip = r["server.ip"]
    return f"[{ip}]:{r['server.port']}" if ":" in ip else f"{ip}:{r['server.port']}"


def ledger(rows):
    total = {}
    for r in rows:
        for k, v in r.items():
            if k.startswith("tsumari.ledger.") and k != "tsumari.ledger.total":
                name = k[len("tsumari.ledger."):]
                total[name] = total.get(name, 0) + v
    return total


def failed(r):
    return r.get("status", "OK") != "OK"


def tally(where, o, rows):
    """The sums and percentiles of some transactions."""
    pairs = [
        (o["transactions"], len(rows), "transactions"),
        (o["errors"], sum(failed(r) for r in rows), "errors"),
        (o["total"], sum(r.get("tsumari.ledger.total", 0) for r in rows), "total"),
        (o["ledger"], ledger(rows), "ledger"),
        (sum(o["ledger"].values()), o["total"], "ledger against its total"),
    ]
    near = where.split(".")[0] in CHECKERS  # what is taken out of a histogram leaves its buckets' edges
    for name, field in (("duration", "event.duration"), ("wait", "tsumari.time.wait")):
        values = sorted(r[field] for r in rows if field in r)
        if not values:
            pairs.append((name in o, False, name))
            continue
        d = o[name]
        pairs += [(d["n"], len(values), name + " n"), (d["sum"], sum(values), name + " sum")]
        for end, exact in (("min", values[0]), ("max", values[-1])):
            if abs(d[end] - exact) > (0.01 * exact if near else 0):
                fail(f"{where}: {name} {end} is {d[end]}, exactly it is {exact}")
        for part in (50, 90, 99):
            exact = values[math.ceil(part / 100 * len(values)) - 1]
            if abs(d[f"p{part}"] - exact) > 0.01 * exact:
                fail(f"{where}: {name} p{part} is {d[f'p{part}']}, exactly it is {exact}")
    for got, expected, what in pairs:
        if got != expected:
            fail(f"{where}: {what} is {got!r}, the records have {expected!r}")


def series(where, s, rows, complete):
    """The columns have one length, and as much in them as there was."""
    for name in ("started", "ended", "errors", "bytes", "at", "peak", "busy", "waited", "heat"):
        if len(s[name]) != s["n"]:
            fail(f"{where}: {name} has {len(s[name])} buckets of {s['n']}")
    if not complete:
        return
    with_end = [r for r in rows if "event.end" in r]
    if sum(s["ended"]) < len(with_end) or sum(s["started"]) < len(with_end):
        fail(f"{where}: {sum(s['started'])} started, {sum(s['ended'])} ended of {len(rows)}")
    if sum(s["waited"]) != sum(r.get("tsumari.ledger.total", 0) for r in rows):
        fail(f"{where}: waited {sum(s['waited'])}")
    sums = {k: sum(v) for k, v in s["ledger"].items()}
    if sums != ledger(rows):
        fail(f"{where}: ledger {sums}, {ledger(rows)} expected")
    beats = sum(sum(h[1::2]) for h in s["heat"])
    if beats != sum("event.duration" in r for r in rows):
        fail(f"{where}: {beats} durations in the heat map")


def hosts(where, o, flows, txns):
    """Each host's bytes and waiting, from the flows and transactions it was in."""
    want = {}
    for f in flows:
        for side, other in (("client", "server"), ("server", "client")):
            h = want.setdefault(f[side + ".ip"], {"sent": 0, "received": 0, "waited": 0, "answers": 0})
            h["sent"] += f.get(side + ".bytes", 0)
            h["received"] += f.get(other + ".bytes", 0)
    for t in txns:
        if t["client.ip"] in want:
            want[t["client.ip"]]["waited"] += t.get("tsumari.ledger.total", 0)
            whole = not {"no_response", "unfinished"} & set(t.get("tsumari.quality", []))
            want[t["server.ip"]]["answers"] += whole or t.get("status") == "OK"
    for h in o["hosts"]:
        mine = want.get(h.get("ip"))
        if not h.get("other") and mine is not None and {k: h[k] for k in mine} != mine:
            fail(f"{where}: host {h}, {mine} expected")
    if {h["ip"] for h in o["hosts"] if "ip" in h} != set(want):
        fail(f"{where}: hosts {sorted(h.get('ip', '') for h in o['hosts'])}, {sorted(want)} expected")


def tiers(where, o):
    """What requests waited for behind their server is what their server entry has."""
    for t in o["tiers"]:
        if sum(t["time"].values()) != t["server_time"]:
            fail(f"{where}: tier {t.get('operation')}: {t['time']} of {t['server_time']}")
        by_pair = sum(p["calls"] for p in t["pairs"])
        if abs(by_pair - sum(t["calls"].values())) > 0.01 * by_pair + 0.01:
            fail(f"{where}: tier {t.get('operation')}: calls {t['calls']}, by pair {by_pair}")
    if where.startswith("http-proxy") and not any("web" in t["calls"] for t in o["tiers"]):
        fail(f"{where}: nothing behind the proxy: {o['tiers']}")


def slowest(where, o, rows):
    totals = sorted((r["tsumari.ledger.total"] for r in rows if "tsumari.ledger.total" in r), reverse=True)
    if [x["total"] for x in o] != totals[:16]:
        fail(f"{where}: slowest {[x['total'] for x in o]}, {totals[:16]} expected")
    for x in o:
        known = [s for s in x["stamps"] if s is not None]
        if known != sorted(known) or sum(x["ledger"].values()) != x["total"]:
            fail(f"{where}: stamps {x['stamps']}, ledger {x['ledger']} of {x['total']}")
        for c in x["calls"]:
            if c["after"] + c["total"] > x["total"] or c["depth"] not in (1, 2):
                fail(f"{where}: a call of {c['after']} + {c['total']} in {x['total']}")
            if c["depth"] == 1 and c["client"] != x["server"].rsplit(":", 1)[0].strip("[]"):
                fail(f"{where}: a call of {c['client']} in a request to {x['server']}")


def findings(where, o, rows):
    want = [r for r in rows if r["type"] == "finding"]
    if [f["id"] for f in o["findings"]] != [r["tsumari.finding.id"] for r in want]:
        fail(f"{where}: findings {[f['id'] for f in o['findings']]}")
    for f, r in zip(o["findings"], want):
        for name in ("severity", "count", "of", "saw", "means", "next", "against", "filter", "frames", "cost"):
            got, expected = f.get(name), r.get("tsumari.finding." + name)
            if (got or None) != (expected or None):
                fail(f"{where}: {f['id']}: {name} is {got!r}, the record has {expected!r}")


def checks(name, o, txns, flows):
    """Health checks: all of them, and each by itself; what else the report tells is without them."""
    for c in o["health_checks"]:
        mine = [x for x in flows if endpoint(x) == c["server"] and x["client.ip"] == c["client"]]
        own = [x for x in txns if endpoint(x) == c["server"]]
        if c["connections"] != len(mine) or c["bytes"] != sum(x["network.bytes"] for x in mine):
            fail(f"{name}: {c['connections']} checks of {c['server']}, {len(mine)} expected")
        tally(f"{name} {c['server']} checks", c, own)
    if len({c["server"] for c in o["health_checks"]}) != 3 or sum(c["connections"] for c in o["health_checks"]) != len(flows):
        fail(f"{name}: checks of {[c['server'] for c in o['health_checks']]}, {len(flows)} connections expected")
    for s in o["services"]:
        if s["flows"] != 8:
            fail(f"{name}: {s['flows']} connections of {s['server']}, 8 clients")


def capture(name, work):
    path = os.path.join(PCAPS, name)
    r = run("-r", path, "--report=json")
    if r.returncode != 0 or r.stdout.count(b"\n") != 1:
        fail(f"{name}: status {r.returncode}, {r.stderr.decode()}")
        return 0
    o = json.loads(r.stdout)
    rows = [json.loads(x) for x in run("-r", path, "--json-flat").stdout.splitlines()]
    found = run("-r", path, "--json-flat", "--types", "finding").stdout.splitlines()
    txns = [x for x in rows if x["type"] not in ("flow", "arp", "vrrp", "finding") and not whole_mail(x)]
    flows = [x for x in rows if x["type"] == "flow" and x.get("flow.final")]
    checker = CHECKERS.get(name.split(".")[0])
    if checker:
        checks(name, o, [x for x in txns if x["client.ip"] == checker], [x for x in flows if x["client.ip"] == checker])
        txns = [x for x in txns if x["client.ip"] != checker]
    elif o["health_checks"]:
        fail(f"{name}: {o['health_checks']}")
    if o["tsumari"]["format"] != 1 or o["capture"]["source"] != path:
        fail(f"{name}: {o['tsumari']}, {o['capture']['source']}")
    if o["flows"]["flows"] != len(flows):
        fail(f"{name}: {o['flows']['flows']} flows, {len(flows)} records")
    if flows and o["flows"]["bytes"] != sum(f["network.bytes"] for f in flows):
        fail(f"{name}: bytes of flows")
    if o["flows"]["connect_retry"] != sum(f.get("tsumari.ledger.connect.retry", 0) for f in flows):
        fail(f"{name}: waiting for connections")
    tally(name, o["total"], txns)
    for s in o["services"]:
        mine = [x for x in txns if endpoint(x) == s["server"] and x["type"] == s.get("protocol") and
                x["network.transport"] == s["transport"]]
        tally(f"{name} {s['server']}", s, mine)
    for total in ("transactions", "errors", "total"):
        if sum(s[total] for s in o["services"]) != o["total"][total]:
            fail(f"{name}: {total} of services do not sum up")
        if sum(s[total] for s in o["operations"]) != o["total"][total]:
            fail(f"{name}: {total} of operations do not sum up")
    frames = {x.get("tsumari.frame.request_first", x.get("tsumari.frame.response_first")): x for x in txns}
    for s in o["operations"]:
        for e in s["slowest"]:
            if e["frame"] not in frames:
                fail(f"{name}: frame {e['frame']} of {s.get('operation')}")
    if txns:
        series(f"{name} series", o["series"], txns, True)
    for s in o["series_of_services"]:
        mine = [x for x in txns if endpoint(x) == s["server"] and x["type"] == s.get("protocol") and
                x["network.transport"] == s["transport"]]
        series(f"{name} series of {s['server']}", s, mine, "since" not in s)
    slowest(name, o["slowest"], txns)
    tiers(name, o)
    hosts(name, o, flows, txns)
    findings(name, o, [json.loads(x) for x in found])
    out = os.path.join(work, "x.json")
    for jobs in ("0", "3"):
        run("-j", jobs, "-r", path, "--report=json", "-o", out)
        with open(out, "rb") as f:
            if f.read() != r.stdout:
                fail(f"{name}: -j {jobs} gives another report")
    return len(txns)


def whole_mail(r):
    """A mail is made of its commands, and in no sum."""
    return r["type"] == "smtp" and r.get("method") == "mail"


CHECKERS = {"health-checks": "10.77.0.1"}
NAMES = ("health-checks.pcap", "http-errors.pcap", "http-slow.pcap", "http-proxy.pcap", "http-keepalive.pcap", "http-loss-path.pcap", "http-odd.pcap",
         "http2.pcap", "mysql-text.pcap", "nfs3.pcap", "tiers.pcap", "dns.pcap", "tls.pcap", "syn-backlog.pcap", "arp.pcap", "vrrp.pcap")


def main():
    n = 0
    with tempfile.TemporaryDirectory() as work:
        for name in NAMES:
            n += capture(name, work)
        web = os.path.join(PCAPS, "http-errors.pcap")
        text = run("-r", web, "--report=text")
        if text.returncode != 0 or text.stdout != run("-r", web, "--report").stdout:
            fail("--report=text is not --report")
        for arguments, status, says in (
                (["--report=xml"], 2, "--report=xml: the forms are"),
                (["--report=json", "--json"], 2, "both go to the standard output"),
                (["--report=json", "--types", "http"], 2, "--types is for records"),
                (["--report=json", "-o", "/dev/full"], 1, "cannot write the report: No space left")):
            r = run("-r", web, *arguments)
            if r.returncode != status or says not in r.stderr.decode() or r.stderr.count(b"\n") != 1:
                fail(f"{arguments}: status {r.returncode}, {r.stderr}")
    if n < 300:
        fail(f"{n} transactions only")
    print(f"document: {n} transactions")
    return bad > 0


sys.exit(main())
