"""What listening loses, and what is said of it. Run by listening.sh, in a network namespace of its own.

$TSUMARI listens on veth devices, on whose other ends UDP datagrams are sent: 600 a second, of 1,000 bytes, go on
while it is stopped for 3 s, or what it writes to is not read. Figures beside it are tcpdump's, for comparison.
"""
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TSUMARI = os.environ["TSUMARI"]
RATE, PAUSE = 600, 3.0
PATIENCE = 60  # s, for what takes a fraction of one
faults = []


def check(ok, text):
    if not ok:
        faults.append(text)
        print("FAIL " + text, flush=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def pair(name, other):
    ip("link", "add", name, "type", "veth", "peer", "name", other)
    for i in name, other:
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % i, "w", encoding="ascii") as f:
            f.write("1")
        ip("link", "set", i, "up")


class Sender:
    def __init__(self, iface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((iface, 0))

    def send(self, port=5000, size=1000):
        data = struct.pack("!HHHH", port, 9, 8 + size, 0) + os.urandom(8) + bytes(size - 8)
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        self.socket.send(b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + head + data)


class Listener:
    """A program that listens; its messages go to a file, so that they can be waited for."""

    def __init__(self, name, command, **how):
        self.messages = os.path.join(WORK, name + ".err")
        with open(self.messages, "wb") as err:
            self.process = subprocess.Popen(command, stderr=err, **how)
        self.wait_for("listening on")

    def said(self):
        with open(self.messages, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, text, times=1):
        end = time.monotonic() + PATIENCE
        while self.said().count(text) < times:
            if time.monotonic() > end:
                self.process.kill()
                sys.exit("%s: %r was never said: %s" % (self.process.args[0], text, self.said()))
            time.sleep(0.02)

    def end(self, status=0):
        self.process.send_signal(signal.SIGINT)
        return self.ended(status)

    def ended(self, status):
        got = self.process.wait(PATIENCE)
        check(got == status, "%s: status %s: %s" % (" ".join(self.process.args), got, self.said()))
        return self.said()


def counted(said, what):
    return int(re.search(r"^(\d+) packets? " + what, said, re.M).group(1))


def paced(sender, seconds, at=()):
    """RATE a second, caught up with where this process was late; at: [(second, what is to be done then)]."""
    start, sent, at = time.monotonic(), 0, list(at)
    while True:
        now = time.monotonic() - start
        while at and now >= at[0][0]:
            at.pop(0)[1]()
        if now >= seconds and not at:
            return sent
        while sent < now * RATE:
            sender.send()
            sent += 1
        time.sleep(0.002)


def stopped(name, command, sender):
    """Frames sent and lost, and when it was stopped and went on; it is stopped for PAUSE."""
    p = Listener(name, command, stdout=subprocess.DEVNULL)
    times = []

    def tell(number):
        times.append(time.time())
        p.process.send_signal(number)
    sent = paced(sender, PAUSE + 1, [(0.5, lambda: tell(signal.SIGSTOP)), (0.5 + PAUSE, lambda: tell(signal.SIGCONT))])
    said = p.end()
    return sent, sent - counted(said, "captured"), times, said


def small_pipe():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ
    return reading, writing


def drained(fd):
    """Reads to the end in another process, from now on."""
    return subprocess.Popen(["cat"], stdin=fd, stdout=subprocess.DEVNULL)


def unread(name, args, sender):
    """Standard output is a small pipe that nobody reads for PAUSE: a slow terminal, a busy disk."""
    reading, writing = small_pipe()
    p = Listener(name, [TSUMARI, "-Z", "root", "-i", "tap", *args], stdout=writing)
    os.close(writing)
    reader = []
    sent = paced(sender, PAUSE + 1, [(PAUSE, lambda: reader.append(drained(reading)))])
    os.close(reading)
    said = p.end()
    reader[0].wait(PATIENCE)
    return sent, sent - counted(said, "captured")


def check_pauses():
    sender = Sender("out")
    _, lost, _, _ = stopped("tcpdump", ["tcpdump", "-Z", "root", "-i", "tap", "-w", "/dev/null"], sender)
    print("     tcpdump, stopped for %d s: %d lost" % (PAUSE, lost), flush=True)
    args = [TSUMARI, "-Z", "root", "-i", "tap", "-j", "2", "--memory", "64M", "--json"]
    sent, lost, _, _ = stopped("little", args, sender)
    check(lost == 0, "stopped for %d s with --memory 64M: %d of %d lost" % (PAUSE, lost, sent))
    for jobs in "0", "2":
        sent, lost, _, _ = stopped("stop" + jobs, [TSUMARI, "-Z", "root", "-i", "tap", "-j", jobs, "--json"], sender)
        check(lost == 0, "stopped for %d s with -j%s: %d of %d lost" % (PAUSE, jobs, lost, sent))
        sent, lost = unread("terminal" + jobs, ["-j", jobs, "--print", "-x"], sender)
        check(lost == 0, "a terminal that is slow, -j%s: %d of %d lost" % (jobs, lost, sent))
    sent, lost = unread("disk", ["-w", "-"], sender)
    check(lost == 0, "a disk that is busy: %d of %d lost" % (lost, sent))


def seconds_of(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


def check_seconds():
    """A ring that is too small: what is dropped has its second, in report, document and records."""
    document, report, records = (os.path.join(WORK, "drops." + kind) for kind in ("json", "txt", "ndjson"))
    _, lost, times, said = stopped("drops", [
        TSUMARI, "-Z", "root", "-i", "tap", "-B", "512", "--report=json", "-o", document, "--report", "-o", report,
        "--json", "--types", "flow,finding", "-o", records], Sender("out"))
    dropped = counted(said, "dropped by kernel")
    check(dropped == lost > 0, "%d lost, %d dropped by the kernel" % (lost, dropped))
    with open(document, encoding="utf-8") as f:
        capture = json.load(f)["capture"]
    drops = capture.get("drops", [])
    check(sum(x["frames"] for x in drops) == capture["kernel_dropped"] == dropped, "drops: %s" % drops)
    inside = sum(x["frames"] for x in drops
                 if seconds_of(x["from"]) >= int(times[0]) and seconds_of(x["to"]) <= int(times[1]) + 1)
    check(inside * 2 > dropped, "stopped from %f to %f, and dropped: %s" % (*times, drops))
    check(all(seconds_of(x["to"]) - seconds_of(x["from"]) == 1 for x in drops), "not by the second: %s" % drops)
    with open(report, encoding="utf-8") as f:
        text = " ".join(f.read().split())
    check("dropped: %d in the second from %s" % (drops[0]["frames"], drops[0]["from"][:19]) in text.replace(",", ""),
          "the report has no second: " + text[:400])
    with open(records, encoding="utf-8") as f:
        found = [r for r in map(json.loads, f) if r["event"]["dataset"] == "finding"]
    check(any("It was from %s" % drops[0]["from"][:19] in json.dumps(r) for r in found),
          "no finding says when: %s" % found)


def ports(path):
    with open(path, encoding="utf-8") as f:
        return sorted({r["source"]["port"] for r in map(json.loads, f) if r["event"]["dataset"] == "flow"})


def check_changes(jobs):
    """Of two interfaces one is taken down, up, renamed and removed; the other one goes on."""
    pair("tapa", "outa")
    pair("tapb", "outb")
    ip("link", "add", "bridge", "type", "bridge")
    name = "changes" + jobs
    records, document = (os.path.join(WORK, name + kind) for kind in (".ndjson", ".json"))
    p = Listener(name, [TSUMARI, "-Z", "root", "-i", "tapa", "-i", "tapb", "-j", jobs, "--json", "-o", records,
                        "--report=json", "-o", document])
    p.wait_for("listening on", 2)
    a, b = Sender("outa"), Sender("outb")
    a.send(1), b.send(2)
    ip("link", "set", "tapa", "down")
    p.wait_for("tapa is down")
    b.send(3)
    ip("link", "set", "tapa", "up")
    p.wait_for("tapa is up again")
    a.send(4), b.send(5)
    ip("link", "set", "tapa", "down")
    p.wait_for("tapa is down", 2)
    ip("link", "set", "tapa", "name", "elsewhere")
    p.wait_for("tapa is called elsewhere now")
    ip("link", "set", "elsewhere", "up")
    p.wait_for("tapa (now elsewhere) is up again")
    a.send(6), b.send(7)
    # Taken up, it may have been without a carrier for a moment already.
    already = p.said().count("tapa (now elsewhere) has no carrier")
    ip("link", "set", "outa", "down")
    p.wait_for("tapa (now elsewhere) has no carrier", already + 1)
    ip("link", "set", "outa", "up")
    p.wait_for("tapa (now elsewhere) is up again", 2)
    a.send(8)
    # A bridge that takes an interface and lets it go removes nothing.
    ip("link", "set", "tapb", "master", "bridge")
    ip("link", "set", "tapb", "nomaster")
    ip("link", "del", "elsewhere")
    p.wait_for("tapa (now elsewhere) was removed")
    b.send(9)
    time.sleep(0.5)  # after which an interface that ended would have ended all
    check(p.process.poll() is None, "it ended with one of two interfaces: " + p.said())
    b.send(10)
    said = p.end(1)
    check("tapa: the interface was removed" in said, "no reason for the status: " + said)
    check("tapb" not in said.split("listening on tapb")[1].split(":", 1)[1], "tapb did nothing: " + said)
    check(ports(records) == list(range(1, 11)), "datagrams %s of 1 to 10 with -j%s" % (ports(records), jobs))
    with open(document, encoding="utf-8") as f:
        changes = json.load(f)["capture"]["interface_change"]
    states = [x["state"] for x in changes if x["state"] != "no_carrier" and x["interface"] == "tapa"]
    want = ["down", "up", "down", "renamed", "up", "up"]
    check(states[:6] == want and states[-1] == "removed" and changes[-1].get("name") == "elsewhere",
          "the document has %s" % changes)
    for i in "tapb", "bridge":
        ip("link", "del", i)


def check_removed():
    """The only one is removed: what it had is out, and the end has a reason."""
    pair("tapa", "outa")
    records = os.path.join(WORK, "removed.ndjson")
    p = Listener("removed", [TSUMARI, "-Z", "root", "-i", "tapa", "--json", "-o", records])
    Sender("outa").send(1)
    ip("link", "del", "tapa")
    said = p.ended(1)
    check("tapa: the interface was removed" in said, said)
    check(ports(records) == [1], "of a removed interface: %s" % ports(records))


with tempfile.TemporaryDirectory(prefix="tsumari-listening-") as WORK:
    ip("link", "set", "lo", "up")
    pair("tap", "out")
    check_pauses()
    check_seconds()
    for n in "0", "2":
        check_changes(n)
    check_removed()
print("listening: %s" % ("%d faults" % len(faults) if faults else "nothing was lost"))
sys.exit(bool(faults))
