"""The live view: findings, and figures as the report has them."""
import json
import os
import re
import subprocess

from ui_lib import PRESSED, TSUMARI, Tmux, capture, check, rows_of


def findings():
    t = Tmux(f"--live -r {capture('syn-backlog')}", 150, 40)
    t.wait(r"Connection requests dropped at", "the verdict in the overview")
    t.press("6", r"critical +\S+ \S+ +\d+ +Connection requests dropped", "findings")
    t.press("Enter", r"Evidence(.|\n)*Meaning(.|\n)*Next steps(.|\n)*Caveats(.|\n)*Frames \(P\)", "the proof")
    t.press("P", r"› Packets \(of the finding", "its frames")
    text = t.until(lambda text: text.count(" SYN ") == 6)
    check(text.count(" SYN ") == 6, "six SYNs", text)
    t.press("Enter", r"frame \d+, \d+ bytes", "one of them")
    t.press(["Escape", "Escape", "F"], r"› Flows \(of the finding.* 3 rows", "its connections")
    t.press(["Escape", "T"], r"› Transactions \(of the finding", "its transactions")
    t.press(["Escape", "j", "k", "Enter"], r"› Packets", "Enter: its frames")
    t.leave("findings")
    t = Tmux(f"--live -r {capture('http-proxy')}", 150, 30)
    t.press("7", r"Operation +Each +Mostly +% +Held by(.|\n)*GET /app/slow", "tiers")
    t.press("Enter", r"› Calls \(GET /", "what an operation calls")
    t.press("Enter", r"› Calls .*› Transactions", "its transactions")
    t.press("Escape", r"› Calls")
    t.leave("tiers")
    # A stream whose beginning shows nothing wrong.
    t = Tmux("--live -r -", 150, 30, before=f"(head -c 24 {capture('syn-backlog')}; sleep 3; "
             f"tail -c +25 {capture('syn-backlog')}) |")
    t.press("Z", r"a new finding pauses the view|F1Help", "Z")
    t.wait(r"PAUSED", "a finding froze the view")
    t.press("p", r"^ END", "p goes on")
    t.press("Q", r"END|Q", "left")
    t.over()
    PRESSED.add("Z")


def per_second(text):
    n, unit = re.match(r"([\d.]+) ?([kMG]?)/s", text).groups()
    return float(n) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]


def near(a, b):
    """The same number, as three digits show it."""
    return abs(a - b) <= 0.006 * max(abs(a), abs(b)) + 0.0006


def rates(t, name, text, known, lines, page):
    """Rates are of the answers, over the time listened, and peaks are the same, wherever they stand."""
    listened, asked = known["capture"]["listened"] / 1e9, 0
    check(listened == known["capture"]["duration"] / 1e9, f"{name}: a file is listened to from its first frame to its last")
    of_page = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S).group(1))
    services = t.press("2", r"Server +Port Protocol", f"{name}: services")
    for s, p in zip(known["services"], of_page["services"]):
        check(s == p, f"{name}: a service on the page {p}, elsewhere {s}")
        if not s["transactions"]:
            continue
        asked += 1
        answers = s["transactions"] - s["unanswered"] - s.get("unknown", 0)
        rate = s["answers_per_second"]
        check(near(rate, answers / listened), f"{name}: {s['server']}: {rate} a second, {answers} in {listened} s")
        line = next(x for x in lines if x.startswith(f"  {s['server']} {s['protocol']} "))
        check(near(rate, per_second(re.search(r"[\d.]+ [kMG]?/s", line).group(0))), f"{name}: {rate} in JSON, in the report {line}")
        row = re.search(rf"^ {re.escape(s['ip'])} +{s['port']} {s['protocol']} .*$", services, re.M)
        check(row and near(rate, per_second(re.search(r"[\d.]+ [kMG]?/s", row.group(0)).group(0))),
              f"{name}: {rate} in JSON, in the services {row and row.group(0)}", services)
    check(asked > 0, f"{name}: services were asked")
    most = known["most"]
    check(most == of_page["most"], f"{name}: peaks of the page")
    for what, n in (("Transactions", most["ended"]), ("Errors", most["errors"])):
        shown = per_second(re.search(rf"{what} +([\d.]+ [kMG]?/s)", text).group(1))
        check(near(shown, n / (most["width"] / 1e9)), f"{name}: {what}: {shown} at most, in JSON {n} in {most['width']} ns", text)
    check(int(re.search(r"Under way at once +(\d+)", text).group(1)) == most["under_way"], f"{name}: under way", text)
    check(most["under_way"] == max(known["series"]["peak"]), f"{name}: under way, of the series")


def overview():
    """Its figures are those of the report."""
    for name, cut in (("http-slow", []), ("mysql-n-plus-one", []), ("http-loss", []), ("http-midstream", []),
                      ("http-large", ["-s", "200"])):
        def report(*args):
            return subprocess.run([TSUMARI, "-r", capture(name), *cut, *args], capture_output=True, text=True).stdout

        t = Tmux(f"--live -r {capture(name)} {' '.join(cut)}", 160, 40)
        text = t.wait(r"^ END(.|\n)*Service +answers +errors +rate +p50 +p99 +waited", f"{name}: overview")
        known = json.loads(report("--report=json"))
        lines = re.search(r"^Services.*\n.*\n((?:  .*\n)+)", report("--report"), re.M).group(1).splitlines()
        check(len(lines) > 0, f"{name}: services in the report")
        for line in lines:
            server, rest = re.match(r"  (\S+ \S+) +(.*)", line).groups()
            flows, answers, rate, errors, p50, p90, p99 = re.split(r" {2,}", rest.strip())
            shown = re.search(rf"^ {re.escape(server)} +(.*)$", text, re.M)
            if answers == "0":
                continue
            check(shown and re.split(r" {2,}", shown.group(1))[:5] == [answers, errors, rate, p50, p99],
                  f"{name}: {server}: {answers}, {errors}, {rate}, {p50}, {p99}", text)
        check(int(re.search(r"Flows: (\d+) ended", text).group(1)) == known["flows"]["flows"],
              f"{name}: flows", text)
        cut_short = re.search(r"(\d+) frames cut short", text)
        check(int(cut_short.group(1) if cut_short else 0) == known["capture"]["cut_frames"],
              f"{name}: frames cut short", text)
        check(known["verdict"][:100] in re.sub(r" *\n *", " ", text), f"{name}: {known['verdict']}", text)
        errors = re.search(r"Errors +([\d.]+) k?/s", text).group(1)
        check((float(errors) > 0) == any(s["errors"] for s in known["services"]), f"{name}: history of errors", text)
        rates(t, name, text, known, lines, report("--report=html"))
        t.leave(f"overview of {name}")


def hosts():
    t = Tmux(f"--live -r {capture('http-keepalive')} --geoip none", 160, 24)
    t.wait(r"^ END", "all of the file is read")
    text = t.press("8", r"Host +Waited for +Waited +Errors", "hosts; without a database there is nothing of places")
    out = subprocess.run([TSUMARI, "-r", capture("http-keepalive"), "--report=json", "--geoip", "none"],
                         capture_output=True, text=True).stdout
    known = json.loads(out)["hosts"]
    check(rows_of(text) == len(known) and len(known) > 1, "as many hosts as in the report", text)
    for x in known:
        row = re.search(rf"^ {re.escape(x['ip'])} +(.*)$", text, re.M).group(1)
        got = re.sub(r"(\d) ([KMG]i?B|B|[mun]?s)(?= |$)", r"\1\2", row).split()
        check([int(got[i]) for i in (5, 6, 7, 2)] == [x["asked"] + x["served"], x["requests"], x["answers"], x["errors"]],
              f"{x['ip']}: flows, requests, answers, errors: {got}", text)
    client = max(known, key=lambda x: x["requests"])
    t.press(["/", f"={client['ip']}", "Enter"], r"F1Help", "a host is found")
    text = t.press("Enter", rf"› Transactions \({re.escape(client['ip'])}\)", "a host's transactions")
    text = t.wait(rf"\) +{client['requests'] + client['answers']} rows", "all that it asked and answered")
    t.press("Escape", r"Host +Waited for", "back")
    t.press("F", rf"› Flows \({re.escape(client['ip'])}\) +{client['asked'] + client['served']} rows", "its connections")
    t.press("Escape", r"Host +Waited for", "back")
    t.press("T", r"› Transactions \(", "T")
    t.leave("hosts")
    geo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "geo")
    t = Tmux(f"--live -r {capture('http-keepalive')} --geoip {geo}/city.mmdb --geoip {geo}/asn.mmdb", 160, 24)
    text = t.press("8", r"AT(.*) +64500 +Example & Sons .Net", "country and network by the database")
    check(re.search(r" DE .* 64500 ", text), "of each host", text)
    t.press(["C", "=city", "Space", "Enter"], r"Wien\\x1b\[31m|Wien\^", "a city, and nothing of it acts on the terminal")
    t.leave("places")
    # Connections without transactions.
    t = Tmux(f"--live -r {capture('syn-backlog')} --geoip none", 160, 24)
    t.wait(r"^ END", "all of the file is read")
    t.press("8", r"Host +Waited for", "hosts")
    t.press("Enter", r"› (Flows|Transactions) \(", "what there is of a host")
    t.leave("hosts without transactions")
