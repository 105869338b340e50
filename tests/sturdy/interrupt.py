#!/usr/bin/env python3
"""^C once ends in good order, and again at once, whoever does not read what comes out.

$TSUMARI is the program.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TSUMARI = os.path.abspath(os.environ.get("TSUMARI") or os.path.join(TOP, "tsumari"))
CAPTURE = os.path.join(TOP, "pcaps", "mysql-sysbench.pcap")
PATIENCE = 60  # s
AGAIN = 0.3    # s, more than what counts as one signal (src/run/signals.c)
faults = []


def check(ok, name, text):
    if not ok:
        faults.append(name)
        print("FAIL %s: %s" % (name, text), flush=True)


def small_pipe():
    ends = os.pipe()
    fcntl.fcntl(ends[1], 1031, 4096)  # F_SETPIPE_SZ
    return ends


def full(fd):
    """Whoever writes to it waits."""
    began = time.time()
    while time.time() - began < PATIENCE:
        if not select.select([], [fd], [], 0)[1]:
            return True
        time.sleep(0.02)
    return False


def wait(p, name):
    try:
        return p.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        check(False, name, "does not end")
        return None


def messages(p):
    return [s for s in p.stderr.read().decode().splitlines() if s.startswith("tsumari: ")]


def blocked(args):
    """A program that waits for who does not read its standard output."""
    ends = small_pipe()
    p = subprocess.Popen([TSUMARI, "-r", CAPTURE] + args, stdin=subprocess.DEVNULL, stdout=ends[1],
                         stderr=subprocess.PIPE)
    check(full(ends[1]), " ".join(args), "its output fits a pipe of 4 KiB")
    return p, ends


def whole_frames(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        at += 16 + struct.unpack("<4I", data[at:at + 16])[2]
    return at == len(data)


def twice(args, name):
    p, ends = blocked(args)
    os.kill(p.pid, signal.SIGINT)
    time.sleep(AGAIN)
    check(p.poll() is None, name, "did not wait for who reads")
    os.kill(p.pid, signal.SIGINT)
    status = wait(p, name)
    said = messages(p)
    check(status == 1 and said == ["tsumari: interrupted again: not all is written"], name,
          "status %s, %s" % (status, said))
    os.close(ends[0])
    os.close(ends[1])


def at_the_same_time(name):
    """Two that come together, as from timeout(1), are one."""
    p, ends = blocked(["--json"])
    os.kill(p.pid, signal.SIGINT)
    os.kill(p.pid, signal.SIGINT)
    time.sleep(AGAIN)
    check(p.poll() is None, name, "the second one was taken for another")
    os.close(ends[1])
    with os.fdopen(ends[0], "rb") as f:
        text = f.read()
    check(wait(p, name) == 0, name, "status %s, %s" % (p.returncode, messages(p)))
    for line in text.splitlines():
        json.loads(line)
    check(text.endswith(b"\n"), name, "ends within a line")


def beside(name):
    """What a file gets is whole where another output is what waits."""
    with tempfile.TemporaryDirectory(prefix="tsumari-interrupt-") as folder:
        path = os.path.join(folder, "frames.pcap")
        lines = os.path.join(folder, "flat")
        twice(["--json", "--json-flat", "-o", lines, "-w", path], name)
        check(whole_frames(path), name, "the file ends within a frame")
        with open(lines, "rb") as f:
            text = f.read()
        for line in text.splitlines():
            json.loads(line)
        check(not text or text.endswith(b"\n"), name, "the other file ends within a line")


def on_a_terminal(name):
    """Of a live view that nobody reads; the terminal is as it was."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 60, 200, 0, 0))
    before = termios.tcgetattr(slave)
    p = subprocess.Popen([TSUMARI, "-r", CAPTURE, "--live"], stdin=slave, stdout=slave,
                         stderr=subprocess.DEVNULL, env=dict(os.environ, TERM="xterm-256color"),
                         start_new_session=True)
    # Something is drawn, and then the terminal takes no more: keys make it draw all anew.
    select.select([master], [], [], PATIENCE)
    began = time.time()
    while select.select([], [slave], [], 0)[1] and time.time() - began < PATIENCE:
        if select.select([], [master], [], 0)[1]:
            os.write(master, b"\x0c?\x1b1234")
        time.sleep(0.02)
    os.kill(p.pid, signal.SIGINT)
    time.sleep(AGAIN)
    os.kill(p.pid, signal.SIGINT)
    status = wait(p, name)
    check(status in (0, 1), name, "status %s" % status)
    check(termios.tcgetattr(slave) == before, name, "the terminal is not as it was")
    os.close(master)
    os.close(slave)


def main():
    for args in (["--json"], ["--json", "-j", "0"], ["--json", "-j", "3"], ["--print"], ["-w", "-"],
                 ["--report"], ["--report=html"], ["--report=json"]):
        twice(args, "twice " + " ".join(args))
    at_the_same_time("at the same time")
    beside("beside")
    on_a_terminal("on a terminal")
    print("%d failed" % len(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
