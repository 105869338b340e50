"""Outputs: rotation and appending give the records of one file, whatever the files are; signals while an
interface is listened to lose nothing."""
import glob
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

TSUMARI = os.path.abspath(os.environ["TSUMARI"])
PCAPS = os.path.join(os.path.abspath(os.environ["top_srcdir"]), "pcaps")
CAPTURE = os.path.join(PCAPS, "http-errors.pcap")
bad = 0


def fail(text):
    global bad
    print("FAIL: " + text)
    bad = 1


def run(*arguments, status=0, lines=0, **kwargs):
    r = subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120, stdin=subprocess.DEVNULL, **kwargs)
    err = r.stderr.decode()
    if r.returncode != status or err.count("\n") != lines:
        fail(f"{arguments}: status {r.returncode}, {err}")
    return r.stdout, err


def data(*names):
    out = b""
    for name in names:
        with open(name, "rb") as f:
            out += f.read()
    return out


def in_order(pattern, stem):
    """Rotated files by their number."""
    return sorted(glob.glob(pattern), key=lambda name: int(name[len(stem):] or 0))


def check_files(work):
    everything = run("-r", CAPTURE, "--json")[0]
    longest = max(len(line) for line in everything.splitlines(True))
    os.chdir(work)
    for size in (4096, 16384):
        stem = f"size{size}"
        for _ in range(2):  # made anew each time
            run("-r", CAPTURE, "--json", "-o", stem, "--rotate-size", str(size))
        names = in_order(stem + "*", stem)
        if data(*names) != everything or len(names) < len(everything) // size:
            fail(f"--rotate-size {size}: {len(names)} files are not the records")
        for name in names:
            if os.path.getsize(name) > max(size, longest) or not data(name).endswith(b"\n"):
                fail(f"--rotate-size {size}: {name} has {os.path.getsize(name)} bytes")
    # The newest are kept; the same files each time.
    run("-r", CAPTURE, "--json", "-o", "few", "--rotate-size", "8K", "--rotate-files", "3")
    names = in_order("few*", "few")
    if len(names) != 3 or not everything.endswith(data(*names)):
        fail(f"--rotate-files 3: {names}")
    # By time, with a number or with the time itself.
    for name, environment in (("time", {}), ("at-%H%M%S", {"TZ": "UTC0"})):
        run("-r", CAPTURE, "--json", "-o", name, "--rotate-time", "2s", env=dict(os.environ, **environment))
    numbered, named = in_order("time*", "time"), sorted(glob.glob("at-*"))
    if data(*numbered) != everything or data(*named) != everything or not 2 <= len(numbered) == len(named):
        fail(f"--rotate-time: {numbered} {named}")
    if named[0] != "at-025707" or not all(re.fullmatch(r"at-0257\d\d", name) for name in named):
        fail(f"--rotate-time: the names are {named}")
    # Appending: what is there stays, and a line that was cut short stays by itself.
    for form in (["--json"], ["--json-flat"], ["--report"], ["--report=json"], ["--print"]):
        name = "append" + form[0]
        alone = run("-r", CAPTURE, *form)[0]
        for _ in range(2):
            run("-r", CAPTURE, *form, "-o", name, "--append")
        if data(name) != 2 * alone:
            fail(f"{form} --append: {len(data(name))} bytes, expected {2 * len(alone)}")
    with open("cut", "wb") as f:
        f.write(b'{"cut":')
    run("-r", CAPTURE, "--json", "-o", "cut", "--append")
    if data("cut") != b'{"cut":\n' + everything:
        fail("--append to a line that was cut short")
    # A run goes on where the one before ended.
    for _ in range(2):
        run("-r", CAPTURE, "--json", "-o", "more", "--append", "--rotate-size", "16K")
    names = in_order("more*", "more")
    if data(*names) != 2 * everything or any(os.path.getsize(name) > 16384 for name in names):
        fail(f"--append --rotate-size: {[(name, os.path.getsize(name)) for name in names]}")
    run("-r", os.path.join(PCAPS, "icmp.pcap"), "--json", "-o", "none-%S", "--rotate-time", "1h", "tcp port 1")
    if len(glob.glob("none-*")) != 1:
        fail("no record, and no file")
    for arguments, says in (
            (["--append"], "--append needs -o"), (["--report=html", "-o", "x", "--append"], "--append is not for"),
            (["--rotate-size", "1M"], "need records that go to a file"), (["--rotate-size", "1K"], "at least 4K"),
            (["--report", "-o", "x", "--rotate-time", "1h"], "need records that go to a file"),
            (["--rotate-time", "10ms"], "at least 1s"), (["-o", "x", "--rotate-files", "2"], "--rotate-files needs"),
            (["--json", "-o", "no/x", "--rotate-size", "4K"], "cannot write no/x: No such file")):
        err = run("-r", CAPTURE, *arguments, status=2, lines=1)[1]
        if says not in err:
            fail(f"{arguments}: {err}")
    err = run("-r", CAPTURE, "-w", "same.pcap", "-G", "1", lines=2)[1]
    if "-G: each file takes the place of the one before" not in err:
        fail(f"-G without %: {err}")
    run("-r", CAPTURE, "-w", "two-%M%S.pcap", "-G", "1", lines=1)
    err = run("-r", CAPTURE, "--json", "-o", "full-%S", "--rotate-time", "1s", lines=0)[1]


class Listener:
    """Listens on lo to datagrams for a port of its own."""

    def __init__(self, *arguments, **kwargs):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.sent = 0
        self.err = open("err", "w+b")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [TSUMARI, "-i", "lo", *arguments, "udp", "dst", "port", str(self.port)],
            stdin=kwargs.pop("stdin", subprocess.DEVNULL), stderr=self.err, stdout=kwargs.pop("stdout", subprocess.PIPE),
            **kwargs)
        self.wait_for(b"listening")

    def said(self):
        return data("err")

    def wait_for(self, text):
        for _ in range(200):
            if text in self.said():
                return
            time.sleep(0.05)
        fail(f"no {text!r} in {self.said()!r}")

    def send(self, n):
        to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(n):
            self.sent += 1
            to.sendto(b"%d" % self.sent, ("127.0.0.1", self.port))
        to.close()
        time.sleep(0.5)  # the kernel's block

    def end(self, how, status=0):
        self.process.send_signal(how)
        got = self.process.wait(20)
        if got != status:
            fail(f"signal {how}: exit status {got}: {self.said()}")
        self.socket.close()


def packets(name):
    return int(run("--count", "-r", name)[0].split()[0])


def counted(name):
    """Datagrams in the last records of their flows."""
    flows = {}
    for line in data(name).splitlines():
        r = json.loads(line)
        flows[r["flow"]["id"]] = r["client"]["packets"]
    return sum(flows.values())


def check_signals(end, user):
    for name in glob.glob("*"):
        os.remove(name)
    listener = Listener("-w", "w.pcap", "--json", "-o", "r.ndjson", "--report", "-o", "r.txt", "--print", "-o", "p.txt",
                        "-l", "--timeout-udp", "1s", *user)
    listener.send(20)
    listener.process.send_signal(signal.SIGUSR1)
    listener.wait_for(b"packets dropped by kernel")
    if not re.search(rb"^20 packets captured, \d+ packets received by filter, 0 packets dropped", listener.said(), re.M):
        fail(f"SIGUSR1: {listener.said()}")
    listener.process.send_signal(signal.SIGUSR2)
    listener.send(1)
    listener.send(1)
    time.sleep(2.5)  # the flows end
    if os.path.getsize("w.pcap") < 24 + 20 * 16 or not os.path.getsize("r.ndjson"):
        fail("SIGUSR2: nothing was written")
    os.rename("r.ndjson", "r.1")
    os.rename("w.pcap", "w.1")
    listener.process.send_signal(signal.SIGHUP)
    if not user and os.geteuid() == 0:
        listener.wait_for(b"cannot open r.ndjson again, and goes on with the old file: Permission denied")
    time.sleep(0.5)
    listener.send(10)
    listener.send(3)
    listener.end(end)
    second = ["r.ndjson", "w.pcap"] if user else ["r.1", "w.1"]
    for first, after, count in (("r.1", second[0], counted), ("w.1", second[1], packets)):
        if not os.path.exists(after):
            fail(f"SIGHUP: there is no {after}: {listener.said()}")
        elif count(first) + (count(after) if after != first else 0) != listener.sent:
            fail(f"{end}: {count(first)} and {count(after)} of {listener.sent} are in {first}, {after}")
    if data("p.txt").count(b"UDP, length") != listener.sent or b"Flows" not in data("r.txt"):
        fail(f"{end}: the packets or the report are not whole")


def check_hang_up():
    """A terminal that goes away ends it; so does SIGHUP where there is no file to open again."""
    listener = Listener("--json")
    listener.end(signal.SIGHUP)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(TSUMARI, [TSUMARI, "-i", "lo", "--json", "-o", "t.ndjson", "udp port 9"])
    text = b""
    while b"listening" not in text:
        text += os.read(terminal, 1000)
    os.kill(pid, signal.SIGHUP)  # the terminal is there: no reason to end
    time.sleep(0.5)
    if os.waitpid(pid, os.WNOHANG)[0]:
        fail("SIGHUP ended it beside its terminal")
        return
    os.close(terminal)
    for _ in range(100):
        got, status = os.waitpid(pid, os.WNOHANG)
        if got:
            break
        time.sleep(0.1)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        fail("it goes on without its terminal")
        return
    if os.waitstatus_to_exitcode(status):
        fail(f"without its terminal: exit status {status}")


def check_habits():
    """What tcpdump's options for interfaces do."""
    for option, all_of_it in (("-Q in", True), ("-Q out", False), ("--immediate-mode", True), ("-O", True),
                              ("--time-stamp-type=host", True), ("-p", True)):
        listener = Listener("-w", "o.pcap", "-Z", "root", *option.split())
        listener.send(5)
        listener.end(signal.SIGINT)
        if packets("o.pcap") != (listener.sent if all_of_it else 0):
            fail(f"{option}: {packets('o.pcap')} of {listener.sent} packets")
    out = run("-J", "-i", "lo")[0]
    if b"host" not in out and b"one type only" not in out:
        fail(f"-J: {out}")
    # A pipe whose reader has enough ends it with the next packet, and quietly.
    listener = Listener("--print", "-l")
    listener.send(1)
    listener.process.stdout.readline()
    listener.process.stdout.close()
    listener.send(3)
    if listener.process.wait(20) or b"cannot" in listener.said():
        fail(f"--print to a closed pipe: {listener.said()}")
    for arguments, says in ((["-i", "tsmnone0"], "there is no such interface; tsumari -D lists them"),
                            (["-i", "lo", "--time-stamp-type", "moon"], "there is no such type; tsumari -J lists them"),
                            (["-i", "lo", "port", "http", "or", "or"], "bad filter"), (["-i", "lo", "-I"], "lo: ")):
        err = run(*arguments, status=2, lines=1)[1]
        if says not in err:
            fail(f"{arguments}: {err}")


def main():
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        check_files(work)
        if os.geteuid() != 0:
            print("outputs: listening to an interface needs root")
        else:
            check_signals(signal.SIGINT, ["-Z", "root"])
            check_signals(signal.SIGTERM, [])
            check_hang_up()
            check_habits()
        os.chdir("/")
    if not bad:
        print("outputs: rotated, appended and opened again without a loss")
    return bad


sys.exit(main())
