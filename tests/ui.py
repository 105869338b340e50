#!/usr/bin/env python3
"""The live view, driven as a user would: the real program in tmux (keys in, screen out), and on a
pseudo-terminal of our own where every byte that it writes counts. usage: ui.py TSUMARI PCAPS"""
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import fcntl

TSUMARI, PCAPS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
WORK = tempfile.mkdtemp(prefix="ui.")
FAULTS = []
PRESSED = set()  # names of keys as the help has them
CHECKS = 0


def check(good, what, screen=""):
    global CHECKS
    CHECKS += 1
    if not good:
        FAULTS.append(what)
        print(f"FAIL: {what}\n{screen}")


class Tmux:
    """The program in a terminal of its own."""

    def __init__(self, args, width=120, height=30, env="", before="", locale="C.UTF-8", read=True):
        self.socket = tempfile.mktemp(dir=WORK, prefix="tmux.")
        command = (f"cd {WORK}; {before} env LC_ALL={locale} XDG_CONFIG_HOME={WORK}/config {env} "
                   f"{TSUMARI} {args} 2>{WORK}/err; echo END $?; stty -a | grep -ow -- '-*icanon'; exec cat")
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                 "bash", "-c", command)
        self.run("set-option", "-g", "escape-time", "0")
        if read and " -r - " not in f" {args} " and "-r " in args:
            self.wait(r"^ END", "all of the file is read")

    def run(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True).stdout

    def keys(self, *keys):
        for key in keys:
            self.run("send-keys", *(["-l", key[1:]] if key.startswith("=") else [key]))
            time.sleep(0.03)

    def screen(self, colours=False):
        return self.run("capture-pane", "-p", *(["-e"] if colours else []))

    def until(self, true, seconds=30):
        """Until a screen is as wanted; the last one seen."""
        end = time.time() + seconds
        while not true(text := self.screen()) and time.time() < end:
            time.sleep(0.05)
        return text

    def wait(self, pattern, what=None, seconds=30):
        """Until the screen fits a pattern (None: it never did, and that is a fault)."""
        text = self.until(lambda text: re.search(pattern, text, re.M), seconds)
        check(re.search(pattern, text, re.M), f"{what or 'screen'}: no /{pattern}/", text)
        return text

    def press(self, keys, pattern, what=None):
        self.keys(*(keys if isinstance(keys, (list, tuple)) else [keys]))
        return self.wait(pattern, what or f"after {keys}")

    def settled(self):
        """What is on the screen when nothing has moved for half a second."""
        text, since = self.screen(True), time.time()
        while time.time() - since < 0.5:
            time.sleep(0.05)
            if (now := self.screen(True)) != text:
                text, since = now, time.time()
        return text

    def resize(self, width, height):
        self.run("resize-window", "-x", str(width), "-y", str(height))

    def over(self):
        self.run("kill-server")

    def leave(self, what):
        text = self.press("Q", r"END 0\n-?icanon", f"{what}: leaves with status 0")
        check("\nicanon" in text, f"{what}: the terminal is as it was", text)
        check(os.path.getsize(f"{WORK}/err") == 0, f"{what}: no messages: {open(WORK + '/err').read()}")
        self.over()


def capture(name):
    return os.path.join(PCAPS, name + ".pcap")


def rows_of(text):
    return int(re.search(r"(\d+) rows", text).group(1))


def screens():
    t = Tmux(f"-r {capture('http-errors')}", 160, 40)
    t.wait(r"Service +answers +errors", "the live view is the default, and begins with the overview")
    t.press("2", r"Server +Port Protocol +Requests", "services")
    t.press("3", r"Start +Type +client", "transactions")
    t.press("4", r"Operation +Protocol +Count", "digests")
    t.press("5", r"Start +client", "flows")
    t.press("1", r"Service +answers", "overview again")
    t.press("Enter", r"› Transactions \(", "overview to transactions")
    t.press("Escape", r"Service +answers", "back")
    t.press("2", r"Protocol +Requests")
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
    t.press("q", r"Protocol +Requests", "back from the help")
    t.leave("screens")


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
    for right, left in (("l", "h"), ("Right", "Left")):
        t.press(right, r"^ Type +client", f"{right} scrolls the columns")
        t.press(left, r"^ Start +Type", f"{left} scrolls back")
    text = t.press("s", r"Sort by", "s asks")
    t.press(["=duration", "Enter"], r"Duration▾", "sorted by the duration")
    t.press("r", r"Duration▴", "r turns it round")
    t.press(">", r"sorted by tsumari.time.wait", "> is the next column")
    t.press("<", r"sorted by event.duration", "< the one before")
    t.press("F6", r"Sort by", "F6 asks")
    t.press(["End", "Enter"], r"^ Start +Type", "not sorted")
    t.press("F2", r"Columns", "F2 asks")
    t.press(["=http.version", "Space"], r"\[x\] http.version", "a column is chosen")
    t.press("Enter", r"^ Start.*Version", "and shown")
    t.press("C", r"Columns")
    t.press(["=http.version", "Space", "Enter"], r"^ Start(?!.*Version)", "and taken out")
    t.keys("g")
    text = t.press(["/", "=missing", "Enter"], r"missing", "/ searches")
    t.press(["F3", "=zzzz"], r"nothing holds it", "what is not there is told as it is typed")
    t.press("Escape", r"F1Help")
    t.keys("n", "N")
    t.press("Space", r"1 marked", "a row is marked")
    t.press("Space", r"2 marked", "and the next")
    t.press("U", r"rows\s*$", "U unmarks")
    t.press("Tab", r"Operation +Protocol", "Tab: the next screen")
    t.press("BTab", r"Start +Type", "Shift-Tab: the one before")
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
    t.press(["Enter", "C-u", "=two.json"], r"there is such a file already", "no file is overwritten")
    t.keys("C-u", "=two.pcap", "Enter")
    t.wait(r"packets written to two.pcap")
    out = subprocess.run([TSUMARI, "-r", f"{WORK}/two.pcap", "--json", "--types", "flow"], capture_output=True, text=True)
    flows = [json.loads(line) for line in out.stdout.splitlines()]
    check({f["flow"]["id"] for f in flows} == {x["flow"]["id"] for x in lines}, "the packets of their connections")
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
    t.press("2", r"Protocol +Requests", "services of then")
    t.press("{", r"REWOUND", "{ goes back a minute")
    t.press("}", r"^ END", "} goes forward a minute")
    t.press("[", r"REWOUND")
    t.press("L", r"^ END", "L is the present")
    t.press("F8", r"^ END", "F8: there is no later")
    t.leave("rewinding")
    PRESSED.update(["p", "F5", "F7", "F8", "[", "]", "{", "}", "L"])


def packets():
    t = Tmux(f"--live -r {capture('http-loss')}", 150, 40)
    t.press("5", r"rows")
    t.press("Enter", r"Fields", "a flow's detail")
    t.press("j", r"Fields")
    t.press(["Space", "G", "g", "C-f", "C-b"], r"flow")
    t.press("Enter", r"› Packets", "Enter goes to its packets")
    text = t.press("G", r"again|FIN|ACK")
    t.press("g", r"SYN")
    t.press(["j", "j", "j", "Enter"], r"frame \d+")
    one = re.search(r"frame (\d+)", t.screen()).group(1)
    t.press("J", rf"frame (?!{one},)\d+", "J: the next packet")
    t.press("K", rf"frame {one},", "K: the one before")
    t.keys("g")
    text = t.press("h", r"▸ Ethernet", "h closes")
    t.press("l", r"▾ Ethernet", "l opens")
    t.press("Space", r"▸ Ethernet", "the blank, too")
    t.press("Enter", r"▾ Ethernet", "and Enter")
    t.press(["G", "k"], r"frame")
    t.leave("packets")
    PRESSED.update(["J", "K"])


def explained():
    """What a packet carries, by its application."""
    t = Tmux(f"--live -r {capture('http-gso')}", 160, 40)
    t.press("3", r"GET /")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN ", "packets")
    t.press("g", r"SYN")
    t.press(["j"] * 7 + ["Enter"], r"› Packet  goes on with the response that began in frame 6$(.|\n)*Body", "a packet in the middle of a response")
    t.leave("a large response")
    t = Tmux(f"--live -r {capture('http2')}", 160, 40)
    t.press("3", r"GET /index.html")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN (.|\n)*SETTINGS(.|\n)*HEADERS(.|\n)*:method: GET", "packets of HTTP/2")
    t.press("g", r"SYN")
    t.press(["j"] * 3 + ["Enter"], r"Preface: PRI(.|\n)*SETTINGS(.|\n)*INITIAL_WINDOW_SIZE", "its preface")
    t.press(["J"] * 4, r"HEADERS, \d+ bytes(.|\n)*Flags: END_STREAM, END_HEADERS(.|\n)*Stream: 1\b(.|\n)*:path: /index.html", "and headers")
    t.leave("HTTP/2")
    t = Tmux(f"--live -r {capture('nfs4')}", 160, 60)
    t.press("3", r"Start +Type(.|\n)* nfs +[\d.]+")
    t.press(["/", "=READ", "Enter"], r"F1Help")
    t.press("P", r"› Packets", "packets of NFS")
    t.press("Enter", r"Procedure: 1 \(COMPOUND\)(.|\n)*UID: 0(.|\n)*PUTFH, \d+ bytes(.|\n)*Handle: 0x", "operations of a COMPOUND")
    t.press("J", r"frame \d+(.|\n)*Status: 0 \(NFS_OK\)(.|\n)*PUTFH, \d+ bytes", "and of its reply")
    t.leave("NFS")
    t = Tmux(f"--live -r {capture('nfs-portmap')}", 160, 60)
    for what, name in (("GETPORT", r"3 \(GETPORT\)"), ("MNT", r"1 \(MNT\)")):
        t.press("3", r"Start +Type(.|\n)* (nfs|portmap|mount) +[\d.]+")
        t.press(["g", "/", f"={what}", "Enter", "P"], r"› Packets", f"packets of {what}")
        t.press("Enter", rf"Procedure: {name}", f"what {what} calls")
    t.leave("what is beside NFS")


def commented(path):
    """The first frames of a capture as pcapng, with comments on the file and on the fourth frame."""
    import pcaplib

    def block(kind, body):
        n = len(body) + 12
        return struct.pack("<II", kind, n) + body + struct.pack("<I", n)

    def comment(text):
        text = text.encode()
        return struct.pack("<HH", 1, len(text)) + text + b"\0" * (-len(text) % 4) + b"\0" * 4

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + comment("before the deploy"))
    out += block(1, struct.pack("<HHI", 1, 0, 0))
    for i, p in enumerate(pcaplib.read(capture("http-keepalive"))[1][:12], 1):
        at = p.time // 1000
        data = p.data + b"\0" * (-len(p.data) % 4)
        out += block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(p.data), p.wire) + data +
                     (comment("the first request") if i == 4 else b""))
    with open(path, "wb") as f:
        f.write(out)


def comments():
    """What somebody wrote into the file stands where its frames are looked at."""
    path = os.path.join(WORK, "commented.pcapng")
    commented(path)
    t = Tmux(f"--live -r {path}", 150, 40)
    t.wait(r"Comment: before the deploy\n *Comment on a frame of \S+: the first request", "comments of the file")
    t.press("3", r"GET /")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN ", "packets")
    t.press(["g", "Enter"], r"› Packet\b(.|\n)*frame 1, ", "a frame")
    check("comment:" not in t.screen(), "a frame without comment", t.screen())
    t.press(["J"] * 3, r"frame 4, .*comment: the first request", "the comment on a frame")
    t.leave("comments")


def findings():
    t = Tmux(f"--live -r {capture('syn-backlog')}", 150, 40)
    t.wait(r"Connection requests dropped at", "the verdict in the overview")
    t.press("6", r"critical Connection requests dropped", "findings")
    t.press("Enter", r"Seen(.|\n)*What it means(.|\n)*What speaks against it(.|\n)*Frames \(P\)", "the proof")
    t.press("P", r"› Packets \(of the finding", "its frames")
    text = t.until(lambda text: text.count(" SYN ") == 6)
    check(text.count(" SYN ") == 6, "six SYNs", text)
    t.press("Enter", r"frame \d+, \d+ bytes", "one of them")
    t.press(["Escape", "Escape", "F"], r"› Flows \(of the finding.* 3 rows", "its connections")
    t.press(["Escape", "T"], r"› Transactions \(of the finding", "its transactions")
    t.press(["Escape", "j", "k", "Enter"], r"› Packets", "Enter: its frames")
    t.leave("findings")
    t = Tmux(f"--live -r {capture('http-proxy')}", 150, 30)
    t.press("7", r"Operation +Server +Requests +Each(.|\n)*GET /app/slow", "tiers")
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
        check(int(re.search(r"(\d+) frames cut short", text).group(1)) == known["capture"]["cut_frames"],
              f"{name}: frames cut short", text)
        check(known["verdict"][:100] in text, f"{name}: {known['verdict']}", text)
        errors = re.search(r"Errors +([\d.]+) k?/s", text).group(1)
        check((float(errors) > 0) == any(s["errors"] for s in known["services"]), f"{name}: history of errors", text)
        t.leave(f"overview of {name}")


def again():
    """Packets that are not kept any more are read from the file again; of a pipe they are gone."""
    from ui_traffic import long_capture
    path = f"{WORK}/long.pcap"
    numbers = long_capture(path, 1200)
    check(len(numbers) == 10, "ten packets")

    def to_packets(t, what):
        t.wait(r"^ END", "all of it is read", 60)
        t.press("3", r"GET /last", f"{what}: transactions")
        t.press(["G", "/", "=/last", "Enter"], r"F1Help")
        t.press("P", r"› Packets \(10\.9\.9\.9", f"{what}: packets")

    t = Tmux(f"--live --keep 4M -r {path}", 150, 30)
    to_packets(t, "a file")
    text = t.wait(r" 10 rows", "those that were kept and those that were not", 30)
    got = [int(x) for x in re.findall(r"^ +(\d+) +\d\d:\d\d:\d\d", text, re.M)]
    check(got == numbers, f"in the order of the capture: {got}", text)
    check("reading" not in text and "again │" not in text, "it is done, and nothing was sent again", text)
    t.press("g", r"SYN")
    t.press(["j", "j", "j", "Enter"], r"frame 4, (.|\n)*Target: /first", "a packet that was read again")
    t.press("J", r"frame 5, (.|\n)*FIRST", "and the next one")
    t.press("Escape", r"› Packets \([^›]*$")
    t.press(["g", "w", "Enter", "C-u", "=old.pcap", "Enter"], r"1 packets written to old", "such a packet is saved")
    t.press("Escape", r"Start +Type", "back")
    t.press(["w", "Enter", "C-u", "=flow.pcap", "Enter"], r"10 packets written to flow", "its whole connection is saved")
    out = subprocess.run([TSUMARI, "-r", f"{WORK}/flow.pcap", "--json", "--types", "http"], capture_output=True, text=True).stdout
    check([json.loads(line)["url"]["path"] for line in out.splitlines()] == ["/first", "/last"], "both exchanges of it")
    # Another file under its name is not taken for it.
    os.rename(path, path + ".old")
    shutil.copy(capture("http-keepalive"), path)
    t.press("P", r"the file has changed", "another file")
    t.press("Escape", r"Start +Type", "back")
    t.press(["w", "Enter", "C-u", "=rest.pcap", "Enter"], r"packets written to rest.*those before are gone", "and that is said")
    t.leave("again")
    t = Tmux("--live --keep 4M -r -", 150, 30, before=f"cat {path}.old |")
    to_packets(t, "a pipe")
    text = t.wait(r"packets before frame \d+ are gone", "a pipe is read once")
    check(0 < rows_of(text) < 10, "what is kept is shown", text)
    t.leave("a pipe")


def hosts():
    t = Tmux(f"--live -r {capture('http-keepalive')} --geoip none", 160, 24)
    t.wait(r"^ END", "all of the file is read")
    text = t.press("8", r"Host +Sent +Received +Packets", "hosts; without a database there is nothing of places")
    out = subprocess.run([TSUMARI, "-r", capture("http-keepalive"), "--report=json", "--geoip", "none"],
                         capture_output=True, text=True).stdout
    known = json.loads(out)["hosts"]
    check(rows_of(text) == len(known) and len(known) > 1, "as many hosts as in the report", text)
    for x in known:
        row = re.search(rf"^ {re.escape(x['ip'])} +(.*)$", text, re.M).group(1)
        got = re.sub(r"(\d) ([KMG]i?B|B)(?= |$)", r"\1\2", row).split()
        check([int(v) for v in got[3:7]] == [x["asked"] + x["served"], x["requests"], x["answers"], x["errors"]],
              f"{x['ip']}: flows, requests, answers, errors: {got}", text)
    client = max(known, key=lambda x: x["requests"])
    t.press(["/", f"={client['ip']}", "Enter"], r"F1Help", "a host is found")
    text = t.press("Enter", rf"› Transactions \({re.escape(client['ip'])}\)", "a host's transactions")
    text = t.wait(rf"\) +{client['requests'] + client['answers']} rows", "all that it asked and answered")
    t.press("Escape", r"Host +Sent", "back")
    t.press("F", rf"› Flows \({re.escape(client['ip'])}\) +{client['asked'] + client['served']} rows", "its connections")
    t.press("Escape", r"Host +Sent", "back")
    t.press("T", r"› Transactions \(", "T")
    t.leave("hosts")
    geo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "geo")
    t = Tmux(f"--live -r {capture('http-keepalive')} --geoip {geo}/city.mmdb --geoip {geo}/asn.mmdb", 160, 24)
    text = t.press("8", r"AT +64500 Example & Sons .Net", "country and network by the database")
    check(re.search(r" DE +64500 ", text), "of each host", text)
    t.press(["C", "=city", "Space", "Enter"], r"Wien\\x1b\[31m|Wien\^", "a city, and nothing of it acts on the terminal")
    t.leave("places")
    # Connections without transactions.
    t = Tmux(f"--live -r {capture('syn-backlog')} --geoip none", 160, 24)
    t.wait(r"^ END", "all of the file is read")
    t.press("8", r"Host +Sent", "hosts")
    t.press("Enter", r"› (Flows|Transactions) \(", "what there is of a host")
    t.leave("hosts without transactions")


def sizes():
    """Every screen at every size, big to tiny and back."""
    t = Tmux(f"--live -r {capture('http-errors')}", 200, 60)
    t.wait(r"Service +answers")
    chains = [["1"], ["2"], ["3"], ["4"], ["5"], ["6"], ["7"], ["8"], ["6", "Enter"], ["3", "g", "Enter"], ["3", "g", "P"], ["3", "g", "P", "Enter"],
              ["F1"], ["F4"], ["F2"], ["F9"]]
    for chain in chains:
        t.keys("Escape", "Escape", "Escape", "Escape", *chain)
        for width, height in ((200, 60), (100, 30), (80, 24), (40, 10), (20, 4), (10, 2), (120, 40)):
            t.resize(width, height)
            time.sleep(0.15)
            t.keys("Down", "Up")
        t.settled()
        text = t.screen()
        check("END" not in text.split("\n")[-2], f"{chain}: alive", text)
        lines = text.rstrip("\n").split("\n")
        check(max(map(len, lines)) <= 120 and len(lines) <= 40, f"{chain}: fits", text)
    t.resize(40, 10)
    t.keys("Escape", "Escape", "Escape", "2")
    text = t.wait(r"Server", "40 by 10")
    t.resize(120, 30)
    t.keys("Escape", "Escape")
    t.leave("sizes")


def mouse():
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    t.wait(r"answers")

    def click(column, row, button=0):
        for b in (button, 3):
            t.keys(f"=\x1b[M{chr(32 + b)}{chr(32 + column)}{chr(32 + row)}")
        t.settled()

    t.run("set-option", "-g", "mouse", "off")
    click(16, 2)
    t.wait(r"Protocol +Requests", "a click on a screen's name")
    t.press("3", r"Start +Type")
    text = t.screen()
    column = text.split("\n")[3].index("Query") + 3  # below 95: the old coding of the mouse
    click(column, 4)
    t.wait(r"Query▴", "a click on a column's head sorts")
    click(10, 6)
    click(10, 6)
    t.wait(r"Waterfall", "a second click on a row opens it")
    t.keys("Escape")
    before = t.settled()
    click(10, 10, 65)
    check(t.settled() != before, "the wheel moves")
    click(2, 24)
    t.wait(r"Everywhere|Tables", "a click on F1")
    t.keys("Escape")
    t.keys("=\x1b[M")  # cut short: nothing waits for the rest
    time.sleep(0.3)
    t.press("2", r"Protocol +Requests", "a mouse's sequence that was cut short")
    t.leave("mouse")
    PRESSED.add("mouse")


class Pty:
    """On a terminal of ours: all bytes that the program writes."""

    def __init__(self, args, env=None, width=120, height=30):
        self.parent, self.child = pty.openpty()
        fcntl.ioctl(self.child, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.before = termios.tcgetattr(self.child)
        self.out = b""
        self.err = open(f"{WORK}/pty.err", "w+b")
        full = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": WORK,
                "XDG_CONFIG_HOME": f"{WORK}/config"}
        full.update(env or {})

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([TSUMARI, *args], stdin=self.child, stdout=self.child, stderr=self.err,
                                        env=full, preexec_fn=own_terminal, cwd=WORK)

    def read(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            if select.select([self.parent], [], [], 0.05)[0]:
                self.out += os.read(self.parent, 65536)

    def until(self, text, seconds=30):
        end = time.time() + seconds
        while text not in self.out and time.time() < end:
            self.read(0.05)
        return text in self.out

    def keys(self, text):
        os.write(self.parent, text)
        self.read(0.4)

    def restored(self, what):
        self.read(0.3)
        check(termios.tcgetattr(self.child) == self.before, f"{what}: settings of the terminal")
        check(self.out.rindex(b"\x1b[?1049l") > self.out.rindex(b"\x1b[?1049h"), f"{what}: the screen is given back")
        check(b"\x1b[?25h" in self.out[self.out.rindex(b"\x1b[?1049h"):] or b"\x1b[34h\x1b[?25h" in self.out,
              f"{what}: the cursor is back")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.parent)
        os.close(self.child)
        self.err.close()


def restoring():
    file = ["--live", "-r", capture("http-keepalive")]
    for what, end, status in (
            ("q", b"q", 0), ("SIGTERM", signal.SIGTERM, 0), ("SIGINT", signal.SIGINT, 0), ("^C", b"\x03", 0),
            ("SIGHUP", signal.SIGHUP, 0), ("a crash", signal.SIGSEGV, -signal.SIGSEGV),
            ("an abort", signal.SIGABRT, -signal.SIGABRT), ("SIGQUIT", signal.SIGQUIT, -signal.SIGQUIT)):
        p = Pty(file)
        check(p.until(b"F10"), f"{what}: it begins")
        if isinstance(end, bytes):
            os.write(p.parent, end)
        else:
            p.process.send_signal(end)
        for _ in range(100):
            p.read(0.05)
            if p.process.poll() is not None:
                break
        check(p.process.poll() == status, f"{what}: status {p.process.poll()}, expected {status}")
        p.restored(what)
        p.close()
    # Stopped and continued from a shell with job control.
    t = Tmux("--version >/dev/null; exec env PS1='$ ' bash --norc -i; true", 100, 30)
    t.press([f"={TSUMARI} --live -r {capture('http-keepalive')}", "Enter"], r"F1Help", "it begins")
    text = t.press("C-z", r"Stopped", "^Z stops it")
    check("F1Help" not in text, "^Z: the screen is given back", text)
    check("icanon" in t.press(["=stty -a | grep -ow -- '-*icanon'", "Enter"], r"^-?icanon"), "^Z: the terminal is as it was")
    t.press(["=fg", "Enter"], r"F1Help", "fg: drawn again")
    t.press("3", r"Start +Type", "and keys are keys")
    t.press("q", r"^\$\s*$", "it leaves")
    t.over()
    PRESSED.add("^Z")


def no_terminal():
    def run(*args, **kw):
        r = subprocess.run([TSUMARI, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                           start_new_session=True, **kw)
        return r.returncode, r.stderr

    status, err = run("--live", "-r", capture("http-keepalive"))
    check(status == 2 and "needs a terminal" in err and err.count("\n") == 1, f"no terminal: {status} {err}")
    for term in ("dumb", "", "no-such-terminal"):
        p = Pty(["--live", "-r", capture("http-keepalive")], env={"TERM": term})
        p.process.wait(timeout=20)
        p.err.seek(0)
        err = p.err.read().decode()
        check(p.process.returncode == 2 and "cannot draw" in err and err.count("\n") == 1,
              f"TERM={term}: {p.process.returncode} {err}")
        p.close()
    p = Pty(["-r", capture("http-keepalive")], env={"TERM": "dumb"})
    p.process.wait(timeout=20)
    p.read(0.3)
    check(p.process.returncode == 0 and b"Services" in p.out and b"\x1b" not in p.out,
          "by default a dumb terminal gets the report")
    p.close()
    p = Pty(["--live", "-r", capture("http-keepalive")], env={"NO_COLOR": "1"})
    p.until(b"F10")
    os.write(p.parent, b"23")
    p.read(0.5)
    check(not re.search(rb"\x1b\[[0-9;]*(3[0-7]|4[0-7])m", p.out), "NO_COLOR: no colours")
    os.write(p.parent, b"Q")
    p.read(0.4)
    p.close()
    p = Pty(["--live", "-r", capture("http-keepalive")], env={"LC_ALL": "C"})
    p.until(b"F10")
    os.write(p.parent, b"3gP")
    p.read(0.5)
    check(all(b < 0x80 for b in p.out), "LC_ALL=C: ASCII only")
    os.write(p.parent, b"Q")
    p.read(0.4)
    p.close()


def hostile():
    """Bytes from the wire that a terminal would act on."""
    from ui_traffic import http_capture
    evil = [b"\x1b]0;PWNED\x07", b"\x1b[2J\x1b[31mPWNED", b"\x9b31mPWNED", b"\xc2\x9bPWNED", "\u202ePWNED".encode(),
            b"\xff\xfePWNED", b"\\x1bPWNED", b"%n%s%nPWNED", b"\r\nPWNED".replace(b"\r\n", b"\x0b\x0c"),
            "\u0301\u0301PWNED".encode(), "\uff21\uff22PWNED".encode()]
    path = f"{WORK}/evil.pcap"
    http_capture(path, evil)
    p = Pty(["--live", "-r", path])
    check(p.until(b"F10"), "hostile: it begins")
    for keys in (b"3", b"g", b"\r", b"P", b"\r", b"jjjjjjjj", b"\x1b", b"4", b"\r", b"\x1b", b"/PWNED\r", b"n",
                 b"5", b"\r", b"G"):
        p.keys(keys)
    check(p.out.count(b"PWNED") > len(evil), "the text is shown")
    for bad in (b"\x1b]", b"\x9b", "\u202e".encode(), b"\xc2\x9b", b"\x1b[31mPWNED", b"\xff"):
        check(bad not in p.out.replace(b"\xe2\x96\x9b", b""), f"{bad} does not reach the terminal")
    p.keys(b"Q")
    p.restored("hostile")
    p.close()


def help_is_complete():
    """Every key that the help names was pressed above."""
    t = Tmux(f"--live -r {capture('http-errors')}", 120, 60)
    t.wait(r"answers")
    named = set()
    for chain in (["1"], ["2"], ["3"], ["4"], ["5"], ["6"], ["7"], ["8"], ["6", "Enter"], ["3", "g", "Enter"], ["3", "g", "P"], ["3", "g", "P", "Enter"]):
        t.keys(*chain)
        t.settled()
        text = t.press("F1", r"Everywhere")
        for line in text.split("\n"):
            m = re.match(r"^   (\S.{0,18}\S?) {2,}\S", line)
            if m and not m.group(1).startswith("("):
                named.update(m.group(1).split())
        # Keys that a description names: "; { } a minute".
        t.keys("Escape", "Escape", "Escape", "Escape", "Escape")
        t.settled()
    missing = {k for k in named if k not in PRESSED and k != "F1"}
    check(len(named) > 50 and not missing, f"keys in the help that were never pressed: {missing} of {len(named)}")
    t.press("F1", r"Everywhere")
    t.leave("help")


def memory():
    """A long run with little to keep: memory is steady."""
    from ui_traffic import endless
    # Freed memory that AddressSanitizer keeps for a while is not the program's.
    quarantine = "ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1"
    t = Tmux("--live --keep 4M --memory 32M -r -", 120, 30, quarantine,
             before=f"python3 {os.path.dirname(os.path.abspath(__file__))}/ui_traffic.py endless |")
    t.wait(r"Service +answers")

    def rss():
        out = subprocess.run(["pgrep", "-f", f"^{TSUMARI} --live --keep 4M"], capture_output=True, text=True).stdout
        for line in open(f"/proc/{out.split()[0]}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    assert endless
    sizes_seen = []
    for _ in range(5):
        t.keys("3", "4", "5", "2", "1")
        time.sleep(1.5)
        sizes_seen.append(rss())
    check(sizes_seen[-1] < sizes_seen[1] * 1.15 + 4096, f"memory is steady: {sizes_seen} KiB")
    t.press("Q", r"END 0", "it leaves")
    t.over()


def live():
    """Over an interface: a namespace of our own, requests on its loopback."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        print("ui: not root: no live part")
        return
    server = """
import http.server as h
class H(h.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
h.ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
"""
    client = """
import time, urllib.request
time.sleep(1)
for i in range(4000):
    urllib.request.urlopen("http://127.0.0.1:8080/page/%d" % i).read()
    time.sleep(0.01)
"""
    for name, text in (("server.py", server), ("client.py", client), ("live.sh", f"""ip link set lo up
python3 {WORK}/server.py & s=$!
python3 {WORK}/client.py 2>{WORK}/client.err & c=$!
LC_ALL=C.UTF-8 XDG_CONFIG_HOME={WORK}/config {TSUMARI} --live -Z root -i lo 2>{WORK}/err
echo END $?
kill $s $c
sleep 60
""")):
        with open(f"{WORK}/{name}", "w") as f:
            f.write(text)
    t = Tmux("--version >/dev/null; true", 140, 30)
    t.over()
    t.socket += ".live"
    t.run("-f", "/dev/null", "new-session", "-d", "-x", "140", "-y", "30", "unshare", "-n", "bash", f"{WORK}/live.sh")
    t.wait(r"LIVE", "live")
    t.press("3", r"GET /page/\d+", "transactions as they end")
    a = rows_of(t.wait(r"\d+ rows"))
    b = rows_of(t.until(lambda text: rows_of(text) > a))
    check(b > a, f"they go on coming: {a}, {b}")
    t.press("p", r"PAUSED", "paused")
    a = t.wait(r"\d+ rows")
    time.sleep(1)
    check(rows_of(t.screen()) == rows_of(a), "nothing moves while it is paused")
    t.press("p", r"LIVE", "live again")
    check(rows_of(t.until(lambda text: rows_of(text) > rows_of(a) + 20)) > rows_of(a) + 20, "what came meanwhile is there")
    t.press(["B", "=tcp prot 1"], r"bad filter", "a capture filter is checked as it is typed")
    t.press(["C-u", "=tcp port 1", "Enter"], r"capture filter: tcp port 1", "and set")
    time.sleep(1.5)
    a = rows_of(t.screen())
    time.sleep(1)
    check(rows_of(t.screen()) == a, "nothing fits the new capture filter")
    t.press(["B", "C-u", "Enter"], r"capture filter: none", "all again")
    check(rows_of(t.until(lambda text: rows_of(text) > a)) > a, "and it goes on")
    t.press(["g", "P"], r"› Packets", "packets of a live capture")
    t.press("Enter", r"frame \d+", "one of them")
    t.keys("Escape", "Escape")
    t.press("1", r"tsumari: [\d.]+ % of a processor, at most [\d.]+ MiB of memory", "what it costs itself")
    t.press("Q", r"END 0", "it leaves")
    said = open(f"{WORK}/err").read()
    check("packets captured" in said, "the counts at the end")
    check(re.search(r"^[\d.]+ \w+ of processor time, .* a packet, at most [\d.]+ \w+ of memory$", said, re.M), "and the cost")
    t.over()


def main():
    parts = [screens, filters, tables, saving, rewinding, packets, explained, comments, findings,
             overview, again, hosts, sizes, mouse, restoring, no_terminal, hostile,
             memory, live]
    wanted = sys.argv[3:]
    for part in parts:
        if not wanted or part.__name__ in wanted:
            print(f"- {part.__name__}", flush=True)
            try:
                part()
            except Exception:  # what a screen lacks is told above; the other parts go on
                check(False, f"{part.__name__} ended early", traceback.format_exc())
    if not wanted:
        help_is_complete()
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"ui: {CHECKS} checks, {len(FAULTS)} failed")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
