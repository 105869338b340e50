"""Shared by the parts of ui.py: the program in tmux (keys in, screen out), and on a pseudo-terminal of
our own where every byte that it writes counts."""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

TSUMARI, PCAPS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
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

    def at_work(self):
        """Whether the terminal or the program has something to do: on a busy machine a key that was
        sent is read, or a window that was resized is drawn, only when a processor is free."""
        server, shell = self.run("display-message", "-p", "#{pid} #{pane_pid}").split() or (0, 0)
        children = read_text(f"/proc/{shell}/task/{shell}/children").split()
        return any(re.search(r"\) [RD] ", read_text(f"/proc/{pid}/stat")) for pid in [server, *children])

    def settled(self):
        """What is on the screen when nothing has moved and nobody has been at work for half a second."""
        text, since, end = self.screen(True), time.time(), time.time() + 60
        while time.time() - since < 0.5 and time.time() < end:
            time.sleep(0.05)
            busy = self.at_work()
            if (now := self.screen(True)) != text or busy:
                text, since = now, time.time()
        return text

    def resize(self, width, height):
        """Keys pressed after it find the new size: one that came before it would be taken at the old."""
        self.run("resize-window", "-x", str(width), "-y", str(height))
        self.settled()

    def over(self):
        self.run("kill-server")

    def leave(self, what):
        text = self.press("Q", r"END 0\n-?icanon", f"{what}: leaves with status 0")
        check("\nicanon" in text, f"{what}: the terminal is as it was", text)
        check(os.path.getsize(f"{WORK}/err") == 0, f"{what}: no messages: {open(WORK + '/err').read()}")
        self.over()


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


def read_text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:  # the process has ended
        return ""


def capture(name):
    return os.path.join(PCAPS, name + ".pcap")


def rows_of(text):
    return int(re.search(r"(\d+) rows?\b", text).group(1))


def summary():
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"ui: {CHECKS} checks, {len(FAULTS)} failed")
    return 1 if FAULTS else 0
