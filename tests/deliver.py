"""Destinations of --to. usage: deliver.py PROGRAM CAPTURES"""
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

program, pcaps = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
capture = os.path.join(pcaps, "http-slow.pcap")
faults = 0


def check(good, what):
    global faults
    if not good:
        faults += 1
        print(what)


def run(*args, want=0, file=capture):
    p = subprocess.run([program, "-r", file, *args], capture_output=True, timeout=120)
    err = p.stderr.decode(errors="replace")
    check(p.returncode == want, "%s: status %d: %s" % (args, p.returncode, err[:300]))
    return p.stdout, err


def ids(data):
    return [json.loads(line)["event"]["id"] for line in data.splitlines()]


class Server(threading.Thread):
    """Takes connections one after the other; of each at most `most` bytes (None: all), then it closes it."""

    def __init__(self, listener, limits=(None,)):
        super().__init__(daemon=True)
        self.listener, self.limits, self.got = listener, limits, []
        self.start()

    def run(self):
        for limit in self.limits:
            c, _ = self.listener.accept()
            data = b""
            while limit is None or len(data) < limit:
                part = c.recv(65536 if limit is None else min(65536, limit - len(data)))
                if not part:
                    break
                data += part
            self.got.append(data)
            c.close()
        self.listener.close()

    def data(self):
        self.join(60)
        return b"".join(self.got)


def tcp():
    s = socket.create_server(("127.0.0.1", 0))
    return s, "tcp:127.0.0.1:%d" % s.getsockname()[1]


def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s, "unix:" + path


class Syslog(threading.Thread):
    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket, self.got = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), []
        self.socket.bind(path)
        self.start()

    def run(self):
        while True:
            m = self.socket.recv(1 << 20)
            if m == b"end":
                return
            self.got.append(m)


def everywhere():
    """All destinations have what --json has."""
    want = run("--json")[0]
    for jobs in "-j0", "-j3":
        with tempfile.TemporaryDirectory() as work:
            a, to_tcp = tcp()
            b, to_unix = unix(work + "/unix")
            a, b, log = Server(a), Server(b), Syslog(work + "/log")
            out, _ = run(jobs, "--to", to_tcp, "--to", to_unix, "--to", "file:%s/file" % work, "--to",
                         "syslog:%s/log" % work, "--to", "file:%s/flows?types=flow" % work, "--to",
                         "file:%s/http%%2525?types=http&filter=http.response.status_code%%20==%%20200" % work)
            check(out == b"", "something goes to the standard output: %r" % out[:100])
            check(a.data() == want, "tcp: %d bytes, not %d" % (len(a.data()), len(want)))
            check(b.data() == want, "unix: %d bytes, not %d" % (len(b.data()), len(want)))
            check(open(work + "/file", "rb").read() == want, "the file is not the output")
            end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            end.sendto(b"end", work + "/log")
            log.join(60)
            heads = {m.split(b"@cee: ")[0].split()[-1].split(b"[")[0] for m in log.got}
            check(heads == {b"tsumari"} and all(m.startswith(b"<30>") for m in log.got), "syslog: %s" % heads)
            check(b"\n".join(m.split(b"@cee: ", 1)[1] for m in log.got) + b"\n" == want, "syslog has other records")
            rows = [json.loads(x) for x in want.splitlines()]
            check(ids(open(work + "/flows", "rb").read()) == [r["event"]["id"] for r in rows if r["type"] == "flow"], "types=")
            check(ids(open(work + "/http%25", "rb").read()) ==
                  [r["event"]["id"] for r in rows if r.get("http", {}).get("response", {}).get("status_code") == 200],
                  "filter=")


def files():
    want = run("--json")[0]
    with tempfile.TemporaryDirectory() as work:
        run("--to", "file:%s/r" % work, "--rotate-size", "20K")
        names = sorted(glob.glob(work + "/r*"), key=lambda n: int(n[len(work) + 2:] or 0))
        check(len(names) > 1, "no rotation by size: %s" % names)
        check(b"".join(open(n, "rb").read() for n in names) == want, "the rotated files are not the output")
        check(all(os.path.getsize(n) <= 20480 for n in names), "a file is too large")
        run("--to", "file:%s/t" % work, "--rotate-time", "1s")
        run("--json", "--rotate-time", "1s", "-o", work + "/o")
        a, b = sorted(glob.glob(work + "/t*")), sorted(glob.glob(work + "/o*"))
        check([open(n, "rb").read() for n in a] == [open(n, "rb").read() for n in b] and len(a) > 1,
              "by time: %s, not as -o: %s" % (a, b))
        for _ in range(2):
            run("--append", "--to", "file:%s/a" % work)
        check(open(work + "/a", "rb").read() == 2 * want, "--append")
    _, err = run("--to", "file:/dev/full", want=1)
    check("No space left" in err and "records dropped" in err, "/dev/full: %s" % err)


def away():
    """A server that comes later, and one that closes within a line: nothing is missing."""
    want = run("--json")[0]
    s, url = tcp()
    port = s.getsockname()[1]
    s.close()
    late = []

    def later():
        time.sleep(1)
        late.append(Server(socket.create_server(("127.0.0.1", port))))

    t = threading.Thread(target=later)
    t.start()
    run("--to", url)
    t.join()
    check(late[0].data() == want, "a server that came later has not got all")
    s, url = tcp()
    server = Server(s, (3000, 5000, None))
    run("--to", url, want=1, file=pcaps)  # of which one is cut short: more than a socket's buffers hold
    server.join(60)
    last, want = server.got[-1], run("--json", want=1, file=pcaps)[0]
    check(len(server.got) == 3, "%d connections" % len(server.got))
    check(last.startswith(b'{"@timestamp"'), "another connection begins within a line: %r" % last[:60])
    check(ids(last)[-1] == ids(want)[-1], "the last record is missing")
    begun = time.monotonic()
    want = run("--json")[0]
    s, url = tcp()
    s.close()
    _, err = run("--to", url, want=1)
    n = len(want.splitlines())
    check("%d of %d records dropped: Connection refused" % (n, n) in err, "nobody there: %s" % err)
    check(time.monotonic() - begun < 100, "nobody there: it took %d s" % (time.monotonic() - begun))


def refused():
    for url, says in (("x", "file:PATH"), ("tcp:host", "HOST:PORT"), ("tcp::1", "HOST:PORT"), ("file:", "a path"),
                      ("file:a?b=c", "types="), ("file:a?types=nothing", "no type of records"), ("file:%zz", "hexadecimal"),
                      ("file:a%00b", "hexadecimal"), ("file:a?queue=1K", "at least 64K"), ("unix:" + "a" * 200, "too long"),
                      ("file:a?filter=((", "--to file:a?filter=((: filter: at character"), ("file:/nonexistent/x", "cannot write"), ("file:" + capture, "being read"),
                      ("x\x1b[2J", "\\x1b")):
        p = subprocess.run([program, "-r", capture, "--to", url], capture_output=True, text=True, timeout=60)
        check(p.returncode in (1, 2) and says in p.stderr and "\x1b" not in p.stderr and p.stderr.count("\n") == 1,
              "--to %r: status %d: %r" % (url, p.returncode, p.stderr))


TALK = """
import socket, sys
a = socket.socket(type=socket.SOCK_DGRAM); a.bind(("127.0.0.1", 5353))
for i in range(int(sys.argv[1])):
    b = socket.socket(type=socket.SOCK_DGRAM); b.bind(("127.0.0.1", int(sys.argv[2]) + i)); b.sendto(b"x" * 9, ("127.0.0.1", 5353)); a.recv(99); b.close()
"""


def wait(what, condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            check(False, what)
            return
        time.sleep(0.05)


def whole_lines(path):
    return [json.loads(x) for x in open(path) if x.endswith("\n")] if os.path.exists(path) else []


def live(space):
    """A reader that sleeps, a file that is moved away, and a disk that is full: capture goes on."""
    inside = ["ip", "netns", "exec", space]
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        s, url = unix(work + "/sleeps")
        os.chmod(work + "/sleeps", 0o777)
        small = work + "/small"
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=777", "none", small], check=True)
        err = work + "/err"
        with open(err, "wb") as e:
            p = subprocess.Popen(inside + [program, "-i", "lo", "-Z", "nobody", "--timeout-udp", "1s", "--to",
                                           url + "?queue=64K", "--to", "file:%s/all" % work, "--to", "file:%s/full" % small],
                                 stderr=e)
        try:
            told = lambda: open(err, errors="replace").read()
            wait("it does not listen", lambda: "listening" in told())
            talk = lambda n, port: subprocess.run(inside + [sys.executable, "-c", TALK, str(n), str(port)], check=True, timeout=120)
            talk(1500, 20000)
            wait("not all records come", lambda: len(whole_lines(work + "/all")) >= 1500)
            os.rename(work + "/all", work + "/old")
            p.send_signal(signal.SIGHUP)
            wait("SIGHUP begins no new file", lambda: os.path.exists(work + "/all"))
            full = whole_lines(small + "/full")
            os.rename(small + "/full", small + "/gone")
            os.unlink(small + "/gone")
            p.send_signal(signal.SIGHUP)
            wait("SIGHUP begins no file on the full disk", lambda: os.path.exists(small + "/full"))
            talk(20, 30000)
            wait("records after SIGHUP", lambda: len(whole_lines(work + "/all")) >= 20)
            wait("the disk has room again", lambda: len(whole_lines(small + "/full")) >= 20)
        finally:
            p.send_signal(signal.SIGINT)
            p.wait(timeout=60)
            again = whole_lines(small + "/full")
            subprocess.run(["umount", small], check=True)
        total = whole_lines(work + "/old") + whole_lines(work + "/all")
        err = told()
        check("system call denied" not in err, err)
        check("0 packets dropped by kernel" in err, "capture waited: %s" % err)
        check(len({r["event"]["id"] for r in total}) == len(total) == 1520, "%d records in the files: %s" % (len(total), err))
        dropped = [int(line.split(": ")[-2].split()[0]) for line in err.splitlines() if "sleeps" in line and "not taken in time" in line]
        check(len(dropped) == 1 and 0 < dropped[0] < 1520, "the sleeping reader's drops: %s" % err)
        check("No space left" in err, "the full disk is not told: %s" % err)
        check(full and again and len(full) + len(again) < 1520, "the full disk has %d and %d" % (len(full), len(again)))


everywhere()
files()
away()
refused()
name = "tsmdeliver_%d" % os.getpid()
if os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL).returncode == 0:
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        live(name)
    finally:
        subprocess.run(["ip", "netns", "del", name])
else:
    print("deliver: no namespaces, nothing live was tried")
print("deliver: %s" % ("%d faults" % faults if faults else "in order"))
sys.exit(faults != 0)
