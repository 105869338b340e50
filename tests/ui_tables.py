"""The live view: screens, filters, tables, what is saved, the way back in time."""
import json
import os
import re
import shutil
import subprocess
import time

import pcaplib
from ui_lib import PRESSED, TSUMARI, WORK, Pty, Tmux, capture, check, rows_of

SECOND = 10**9
START = 1_700_000_000 * SECOND


def screens():
    t = Tmux(f"-r {capture('http-errors')}", 160, 40)
    t.wait(r"Service +answers +errors", "the live view is the default, and begins with the overview")
    t.press("2", r"Server +Port Protocol +Waited", "services")
    t.press("3", r"Start +Duration +Type", "transactions")
    t.press("4", r"Operation +Waited", "digests")
    t.press("5", r"Start +Duration +client", "flows")
    t.press("1", r"Service +answers", "overview again")
    t.press("Enter", r"› Transactions \(", "overview to transactions")
    t.press("Escape", r"Service +answers", "back")
    t.press("2", r"Protocol +Waited")
    t.press("Enter", r"› Transactions \(.*:\d+ http\)", "service to transactions")
    t.press("g", r"rows")
    t.press("Enter", r"Waterfall(.|\n)*Where the time went(.|\n)*Fields", "detail")
    text = t.press("P", r"SYN", "packets of the connection")
    check(re.search(r"│─+ SYN ─+▶│", text), "the ladder", text)
    text = t.press("Enter", r"frame \d+, \d+ bytes", "packet")
    check(re.search(r"Transmission Control Protocol, \d+ bytes|Hypertext", text), "its tree", text)
    check(re.search(r"^.*0000  ([0-9a-f]{2} ){8}", text, re.M), "its bytes", text)
    t.press(["g", "j", "j"], r"Source: 02-|Source: 02:", "fields")
    coloured = t.screen(colours=True)
    check("02" in re.sub(r"\x1b\[[0-9;]*m", "", coloured), "highlight", coloured)
    # The selected field's six bytes stand out from the others.
    check(len(re.findall(r"\x1b\[[0-9;]*(?:46|7)[0-9;]*m", coloured)) > 3, "its bytes are marked", coloured)
    t.press("Escape", r"› Packets \(", "back to the packets")
    t.keys("Escape", "Escape", "Escape")
    t.press("F1", r"Help(.|\n)*Enter", "help")
    t.press("q", r"Protocol +Waited", "back from the help")
    t.leave("screens")


def typed_ahead():
    """Keys for a screen that was not drawn yet find its rows."""
    p = Pty(["--live", "-r", capture("http-errors")])
    check(p.until(b"F10"), "typed ahead: it begins")
    p.read(1)
    p.keys(b"3g\rP")
    check(p.until(b"Packets"), "four keys at once: to the packets of a request")
    p.keys(b"Q")
    p.close()


def filters():
    t = Tmux(f"--live -r {capture('http-errors')} -Y 'type == http'", 160, 30)
    t.wait(r"^ END", "all of the file is read")
    text = t.press("3", r"filter: type == http  \d+ rows", "-Y begins the filter")
    everything = rows_of(text)
    t.press("F4", r"Display filter", "F4 asks")
    t.keys("C-u", "=http.response.status_cod")
    t.wait(r"no record has a field|no field", "a name that is none is told while it is typed")
    t.press("Tab", r"http\.response\.status_code\s*$", "Tab completes")
    t.keys("=>= 5x0")
    t.wait(r"5x0|number", "a value that is none is told")
    t.keys("BSpace", "BSpace", "=00", "Enter")
    t.wait(r"filter: http.response.status_code >= 500")
    some = rows_of(t.until(lambda text: rows_of(text) < everything))
    check(0 < some < everything, f"the filter takes out: {some} of {everything}")
    t.press(["\\", "C-u", "Enter"], r"^  \d+ rows", "an empty filter is none")
    t.press("Y", r"Display filter", "Y asks")
    t.press("Escape", r"F1Help", "Escape leaves")
    t.press("B", r"for interfaces", "B is for interfaces")
    # Drilling down adds to it.
    t.press("4", r"Operation(.|\n)*GET /")
    t.press("Enter", r"› Transactions \(", "operation to its transactions")
    t.press("T", r"of one connection", "T")
    t.press("Escape", r"› Transactions")
    t.press("F", r"› Flows \(of one connection\)", "F")
    t.press("P", r"› Packets", "P")
    t.keys("Escape", "Escape", "Escape")
    t.leave("filters")
    PRESSED.update(["F4", "\\", "Y", "B", "T", "F", "P", "Esc", "Enter"])


def tables():
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    t.press("3", r"[1-9]\d* rows")
    t.keys("g")
    first = t.settled()
    t.keys("G")
    check(t.settled() != first, "g and G")
    t.press("f", r"following|not following", "f")

    def table():  # without the last line: there messages come and go
        return t.settled().rstrip("\n").rsplit("\n", 1)[0]

    for down, up in (("j", "k"), ("Down", "Up"), ("C-f", "C-b"), ("C-d", "C-u"), ("NPage", "PPage"), ("End", "Home")):
        t.keys("g")
        a = table()
        t.keys(down)
        b = table()
        t.keys(up)
        check(a != b and table() == a, f"{down} and {up}", b)
    t.resize(100, 24)
    for right, left in (("l", "h"), ("Right", "Left")):
        t.press(right, r"^ Start +‹1 Type", f"{right} scrolls the columns, the first one stays")
        t.press(left, r"^ Start +Duration", f"{left} scrolls back")
    t.resize(140, 24)
    text = t.press("s", r"Sort by", "s asks")
    t.press(["=duration", "Enter"], r"Duration▾", "sorted by the duration")
    t.press("r", r"Duration▴", "r turns it round")
    t.press(">", r"sorted by type$", "> is the next column")
    t.press("<", r"sorted by event.duration", "< the one before")
    t.press("F6", r"Sort by", "F6 asks")
    t.press(["End", "Enter"], r"^ Start +Duration", "not sorted")
    t.press("F2", r"Columns", "F2 asks")
    t.press(["=http.version", "Space"], r"\[x\] Version +http.version", "a column is chosen")
    t.press("Enter", r"^ Start.*Version", "and shown")
    t.press("C", r"Columns")
    t.press(["=http.version", "Space", "Enter"], r"^ Start(?!.*Version)", "and taken out")
    t.keys("g")
    text = t.press(["/", "=missing", "Enter"], r"missing", "/ searches")
    t.press(["F3", "=zzzz"], r"not found", "what is not there is told as it is typed")
    t.press("Escape", r"F1Help")
    t.keys("n", "N")
    t.press("Space", r"1 marked", "a row is marked")
    t.press("Space", r"2 marked", "and the next")
    t.press("U", r"rows(?!.*marked)", "U unmarks")
    t.press("Tab", r"Operation +Waited", "Tab: the next screen")
    t.press("BTab", r"Start +Duration", "Shift-Tab: the one before")
    t.press("W", r"written: .*config", "W writes the configuration")
    check("columns.transactions = event.start" in open(f"{WORK}/config/tsumari/config").read(), "the configuration")
    t.press("S", r"theme: dark", "S")
    t.press(["=mono", "Enter"], r"W writes", "a theme is chosen")
    t.keys("C-l")
    t.press(["3", "BSpace"], r"rows", "Backspace")
    t.leave("tables")
    PRESSED.update("Up Down j k PgUp PgDn ^B ^F ^U ^D Home End g G Left Right h l Enter f Space U F3 / n N F6 s < "
                   "> r F2 C 1 2 3 4 5 6 7 8 to Tab Shift-Tab S W ^L F1 ? q Q F10 Backspace Esc".split())
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    t.wait(r"answers")
    t.press(["S", "=ascii", "Enter", "W"], r"written", "ASCII")
    t.leave("settings")
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    text = t.wait(r"answers")
    check(text.isascii(), "the configuration is read: ASCII only", text)
    shutil.rmtree(f"{WORK}/config")
    t.leave("ASCII")


def saving():
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    t.press("3", r"[1-9]\d* rows")
    t.keys("g", "Space", "Space")
    t.press("w", r"Save", "w asks what")
    t.press(["=marked rows, or the selected one, as JSON", "Enter"], r"Save as: +tsumari-\d", "and where to")
    t.keys("C-u", "=two.json", "Enter")
    t.wait(r"2 records written")
    lines = [json.loads(line) for line in open(f"{WORK}/two.json")]
    check(len(lines) == 2 and all(x["type"] == "http" for x in lines), "two records")
    t.press("F9", r"Save")
    t.press(["Enter", "C-u", "=two.json"], r"the file exists already", "no file is overwritten")
    t.keys("C-u", "=two.pcap", "Enter")
    t.wait(r"packets written to two.pcap")
    out = subprocess.run([TSUMARI, "-r", f"{WORK}/two.pcap", "--json", "--types", "flow"], capture_output=True, text=True)
    flows = [json.loads(line) for line in out.stdout.splitlines()]
    number = lambda r: r["flow"]["id"].split("-")[1]
    check({number(f) for f in flows} == {number(x) for x in lines}, "the packets of their connections")
    t.press(["F9", "=all rows", "Enter", "C-u", "=all.json", "Enter"], r"records written")
    check(sum(1 for _ in open(f"{WORK}/all.json")) == rows_of(t.screen()), "all rows")
    t.press(["F9", "=all packets", "Enter", "C-u", "=all.pcap", "Enter"], r"packets written")
    check(os.path.getsize(f"{WORK}/all.pcap") == os.path.getsize(capture("http-keepalive")), "all packets")
    t.press(["F9", "=all packets", "Enter", "C-u", "=/nowhere/x.pcap", "Enter"], r"/nowhere/x.pcap", "an error is told")
    t.keys("g", "P")
    t.wait(r"› Packets")
    t.press(["U", "g", "w", "Enter", "C-u", "=one.pcap", "Enter"], r"1 packets written", "one packet")
    t.leave("saving")
    PRESSED.update(["F9", "w"])


def hung(path, until):
    """A quick service, a server that hangs, a connection that nobody takes, up to a time (s), on which a frame lies."""
    talks = []
    for c in range(4):
        talks.append(pcaplib.Conversation(1 + c, 80))
        at = talks[-1].open(START + c * SECOND + SECOND // 3)
        talks[-1].send(0, at, b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
    quick = pcaplib.Conversation(9, 81)
    at = quick.open(START + SECOND // 4)
    for i in range(70):
        at = quick.send(0, max(at, START + (i + 1) * SECOND // 2 - 2_015_000), b"GET /quick/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        at = quick.send(1, at + 2_000_000, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    syn = pcaplib.Conversation(12, 9)
    for after in (0, 1, 3, 7, 15):
        syn.next[0] = 77
        syn._send(0, START + after * SECOND + SECOND // 5, pcaplib.SYN)
    packets = [p for t in [*talks, quick, syn] for p in t.packets if p.time <= START + until * SECOND]
    pcaplib.write(path, 1, sorted(packets, key=lambda p: p.time))


def under_way_then():
    """Rewound, the view is that of a file which ends there: what was under way is in it."""
    hung(f"{WORK}/hung.pcap", 35)
    t = Tmux(f"--live -r {WORK}/hung.pcap", 120, 40)
    text = t.press("F7", r"^ REWOUND", "rewound")
    shown = t.wait(r"Under way: 4 requests, 6 connections", "what was under way then")
    second = int(re.search(r"REWOUND \S+ \S+ +\d+:\d+:(\d+)", text).group(1)) - int(time.strftime("%S", time.localtime(START // SECOND)))
    second %= 60
    check(20 <= second <= 26, f"ten seconds ago: {second}", text)
    hung(f"{WORK}/then.pcap", second)
    report = subprocess.run([TSUMARI, "--report=json", "-r", f"{WORK}/then.pcap"], capture_output=True, text=True).stdout
    known = json.loads(report)
    check(len(known["verdict"]) > 50 and known["verdict"][:300] in re.sub(r" *\n *", " ", shown), f"the verdict of then: {known['verdict']}", shown)
    rows = t.press("6", r"Severity +Cost", "findings of then")
    for f in known["findings"]:
        check(re.search(rf"^ {f['severity']} .*{re.escape(f['title'][:20])}", rows, re.M), f"then: {f['title']}", rows)
    rows = t.press("2", r"Port Protocol +Waited", "services of then")
    for s in known["services"]:
        name = s.get("protocol", "tcp")
        check(re.search(rf"^ {s['ip']} +{s['port']} {name} .* {s['transactions']} ", rows, re.M), f"then: {s}", rows)
    rows = t.press("3", r"GET /hang +Pending", "requests of then")
    for c in range(4):
        age = second - c - 1 / 3
        check(re.search(rf"^ .{{12}} +{age:.1f} s http +GET /hang +Pending", rows, re.M), f"the age of one: {age}", rows)
    check(len(re.findall("Pending", rows)) == 4, "four of them", rows)
    t.press("L", r"^ END", "at the end")
    t.until(lambda text: "Pending" not in text)
    check("Pending" not in t.screen(), "all have ended with the file", t.screen())
    t.leave("under way then")


def rewinding():
    t = Tmux(f"--live -r {capture('dns')}", 140, 24)
    whole = rows_of(t.press("3", r"[1-9]\d* rows"))
    t.press("p", r"PAUSED", "p pauses")
    t.press("F5", r"^ END", "F5 goes on")
    t.press("F7", r"REWOUND -10", "F7 goes back")
    some = rows_of(t.until(lambda text: rows_of(text) < whole))
    check(0 < some < whole, f"ten seconds ago there were less: {some} of {whole}")
    t.press("[", r"REWOUND -1[0-9]", "[ goes back as far as is kept")
    t.press("]", r"REWOUND -[0-9]|END", "] goes forward")
    t.press("2", r"Protocol +Waited", "services of then")
    t.press("{", r"REWOUND", "{ goes back a minute")
    t.press("}", r"^ END", "} goes forward a minute")
    t.press("[", r"REWOUND")
    t.press("L", r"^ END", "L is the present")
    t.press("F8", r"^ END", "F8: there is no later")
    t.leave("rewinding")
    PRESSED.update(["p", "F5", "F7", "F8", "[", "]", "{", "}", "L"])
