#!/usr/bin/env python3
"""Live traffic of all kinds, with floods in between, as long as one wishes: memory stays flat, nothing is lost.

usage: soak.py [SECONDS], 20; run by soak.sh, in a network namespace of its own, which is the server's; the clients'
is another one behind a veth pair. $TSUMARI listens there with $MEMORY (64) MiB, and tcpdump beside it. In rounds of
20 s: HTTP requests all the time, of connections that stay and of one each; a flood of SYNs, one of DNS questions and
answers, as many small requests as there are clients, large transfers, and what pcaps/ has of other protocols.

What must hold: all frames that tcpdump had were had; the kernel dropped none, or no more than of tcpdump's; each
request that a client had an answer to is a record; the peak of memory is within --memory and a tenth; and where
there are minutes enough (10), what the last third needs is what the second third needed.
"""
import glob
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER, CLIENT = "10.200.0.1", "10.200.0.2"
SMALL = b"x" * 300
PATIENCE = 60  # s, for what takes a fraction of one
ROUND = 20     # s
faults = []


def check(ok, text):
    if not ok:
        faults.append(text)
        print("FAIL " + text, flush=True)


# The server: what it answers has the size that the path says.

def answers(connection):
    with connection:
        held = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return
            held += data
            while b"\r\n\r\n" in held:
                head, held = held.split(b"\r\n\r\n", 1)
                size = int(head.split(b" ", 2)[1].rsplit(b"/", 1)[1])
                said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
                if size > 65536:
                    # About 16 MB/s, which no listener has to hurry for.
                    connection.setsockopt(socket.SOL_SOCKET, 47, struct.pack("Q", 16 << 20))  # SO_MAX_PACING_RATE
                    connection.sendall(said)
                    for _ in range(size // 65536):
                        connection.sendall(bytes(65536))
                    connection.sendall(bytes(size % 65536))
                else:
                    connection.sendall(said + SMALL[:1] * size)


def serve():
    listening = socket.create_server((SERVER, 80), backlog=1024)

    def accept():
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answers, args=(connection,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


# The clients' side, another process: soak.py --clients FRAMES ROUNDS

class Client:
    def __init__(self):
        self.socket, self.got = None, 0

    def get(self, size, stay):
        if not self.socket:
            self.socket = socket.create_connection((SERVER, 80), PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(b"GET /soak/%d HTTP/1.1\r\nHost: soak\r\n\r\n" % size)
        want, held = None, b""
        while want is None or want > 0:
            data = self.socket.recv(1 << 20)
            if not data:
                sys.exit("the server closed a connection")
            if want is None:
                held += data
                if b"\r\n\r\n" in held:
                    want = size - len(held.split(b"\r\n\r\n", 1)[1])
            else:
                want -= len(data)
        self.got += 1
        if not stay:
            self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def ip_header(source, target, proto, length, ident):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, ident & 0xFFFF, 0x4000, 64, proto, 0, source, target)


def paced(send, number, rate):
    """Calls send(i) so often a second, and catches up where it was late."""
    start, i = time.monotonic(), 0
    while i < number:
        due = min(int((time.monotonic() - start) * rate) + 1, number)
        while i < due:
            send(i)
            i += 1
        time.sleep(0.002)


def ethernet_frames():
    """Of the captures of other protocols, what goes through the interface."""
    for path in sorted(glob.glob(os.path.join(HERE, "..", "pcaps", "*.pcap"))):
        if not re.match("mysql|nfs|smtp|tls|dns|redis|icmp|arp", os.path.basename(path)):
            continue
        with open(path, "rb") as f:
            data = f.read(4 << 20)
        if len(data) < 24 or data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") or data[20] != 1:
            continue
        at = 24
        while at + 16 <= len(data):
            size = struct.unpack_from("<I", data, at + 8)[0]
            if 34 <= size <= 1514 and at + 16 + size <= len(data):
                yield data[at + 16:at + 16 + size]
            at += 16 + size


class Clients:
    def __init__(self, frames):
        self.frames = frames
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.raw.bind(("out", 0))
        own = self.raw.getsockname()[4]
        self.link = bytes.fromhex(os.environ["SERVER_MAC"]) + own + b"\x08\0"
        self.others = list(ethernet_frames())
        self.over, self.got, self.lock, self.number = threading.Event(), 0, threading.Lock(), 0

    def count(self, client):
        with self.lock:
            self.got += client.got
            client.got = 0

    def steady(self, stay):
        client = Client()
        while not self.over.wait(0.02):
            client.get(300, stay)
        client.close()
        self.count(client)

    def send(self, data):
        try:
            self.raw.send(data)
        except OSError:  # a queue is full: it was not sent
            pass

    def syn(self, i):
        n = self.number + i
        source = struct.pack("!I", 0x0B000000 | n * 7919 & 0xFFFFFF)
        self.send(self.link + ip_header(source, socket.inet_aton(SERVER), 6, 20, n) + struct.pack(
            "!HHIIBBHHH", 1024 + n % 60000, 80, n * 7919 & 0xFFFFFFFF, 0, 0x50, 2, 65535, 0, 0))

    def question(self, i):
        n = self.number + i
        client, server = struct.pack("!I", 0x0C000000 | n // 50000 & 0xFFFFFF), b"\x0d\0\0\1"
        about = b"\7n%06d\1z\0\0\1\0\1" % (n % 1000000)
        ask = struct.pack("!6H", n & 0xFFFF, 0x100, 1, 0, 0, 0) + about
        said = struct.pack("!6H", n & 0xFFFF, 0x8180, 1, 1, 0, 0) + about + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
        port = 1024 + n % 50000
        for source, target, ports, data in (client, server, (port, 53), ask), (server, client, (53, port), said):
            self.send(self.link + ip_header(source, target, 17, 8 + len(data), n) + struct.pack(
                "!HHHH", *ports, 8 + len(data), 0) + data)

    def burst(self, number):
        """Many small requests, a connection each, from several clients."""
        def run():
            client = Client()
            for _ in range(number // 8):
                client.get(200, False)
            self.count(client)
        self.together(run, 8)

    def large(self):
        def run():
            client = Client()
            client.get(self.frames * 400, True)
            client.close()
            self.count(client)
        self.together(run, 2)

    def together(self, run, number):
        threads = [threading.Thread(target=run) for _ in range(number)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def floods(self):
        paced(self.syn, self.frames, self.frames / 3)
        paced(self.question, self.frames // 2, self.frames / 6)
        self.burst(self.frames // 25)
        self.large()
        paced(lambda i: self.send(self.others[i]), len(self.others), self.frames / 3)
        self.number += self.frames

    def run(self, rounds):
        steady = [threading.Thread(target=self.steady, args=(i % 2 == 0,)) for i in range(4)]
        for t in steady:
            t.start()
        start = time.monotonic()
        for i in range(rounds):
            self.floods()
            rest = start + (i + 1) * ROUND - time.monotonic()
            if rest > 0 and i + 1 < rounds:
                time.sleep(rest)
        self.over.set()
        for t in steady:
            t.join()
        print(json.dumps({"requests": self.got, "seconds": time.monotonic() - start}))


# The listeners.

class Listener:
    def __init__(self, folder, command, **how):
        self.messages = os.path.join(folder, os.path.basename(command[0]) + ".err")
        with open(self.messages, "wb") as err:
            self.process = subprocess.Popen(command, stderr=err, **how)
        self.wait_for("listening on")

    def said(self):
        with open(self.messages, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.said():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                sys.exit("%s: %r was never said: %s" % (self.process.args[0], text, self.said()))
            time.sleep(0.02)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(10 * PATIENCE)
        check(status == 0, "%s: status %s: %s" % (self.process.args[0], status, self.said()))
        return [int(re.search(r"^(\d+) packets? " + what, self.said(), re.M).group(1))
                for what in ("captured", "dropped by kernel")]


class Records:
    """Counts what comes out, and keeps nothing."""

    def __init__(self, stream):
        self.lines = self.requests = 0
        self.bad = None
        self.thread = threading.Thread(target=self.read, args=(stream,))
        self.thread.start()

    def read(self, stream):
        for line in stream:
            self.lines += 1
            if b'"/soak/' in line and b'"status_code":200' in line:
                self.requests += 1
            if self.lines % 1000 == 0:
                try:
                    json.loads(line)
                except ValueError:
                    self.bad = line


def own_memory(pid):
    """MiB that the process has for itself, now and at most: resident without the pages of files."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        said = dict(line.split(":", 1) for line in f)
    files, now, most = (int(said[k].split()[0]) / 1024 for k in ("RssFile", "VmRSS", "VmHWM"))
    return now - files, most - files


def ip(*words, inside=None):
    subprocess.run((["nsenter", "-t", str(inside), "-n"] if inside else []) + ["ip", *words], check=True)


def networks():
    """The clients' namespace lasts as long as a process in it, which is given back."""
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    ip("link", "set", "lo", "up")
    ip("link", "add", "tap", "type", "veth", "peer", "name", "out", "netns", str(holder.pid))
    ip("address", "add", SERVER + "/24", "dev", "tap")
    ip("address", "add", CLIENT + "/24", "dev", "out", inside=holder.pid)
    ip("link", "set", "tap", "up")
    ip("link", "set", "out", "up", inside=holder.pid)
    ip("route", "add", "default", "via", CLIENT, "dev", "tap")
    subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "sh", "-c",
                    "echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse; echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range"],
                   check=True)
    return holder


def thirds(samples):
    n = len(samples) // 3
    return [sum(x) / len(x) for x in (samples[:n], samples[n:2 * n], samples[2 * n:])]


def soak(seconds, folder):
    megabytes = int(os.environ.get("MEMORY", "64"))
    frames = int(os.environ.get("FLOOD", "60000" if seconds > 60 else "12000"))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("tap", 0))
        os.environ["SERVER_MAC"] = s.getsockname()[4].hex()
    serve()
    beside = Listener(folder, ["tcpdump", "-Z", "root", "-i", "tap", "-B", "16384", "-w", "/dev/null", "tcp or udp"])
    report = os.path.join(folder, "report.json")
    it = Listener(folder, [os.environ["TSUMARI"], "-Z", "root", "-i", "tap", "-B", "16384", "-j2", "--memory",
                           "%dM" % megabytes,
                           "--json", "--report=json", "-o", report, "tcp or udp"], stdout=subprocess.PIPE)
    records = Records(it.process.stdout)
    clients = subprocess.Popen(["nsenter", "-t", str(HOLDER.pid), "-n", sys.executable, __file__, "--clients", str(frames),
                                str(max(seconds // ROUND, 1))], stdout=subprocess.PIPE)
    samples, most, told = [], 0.0, time.monotonic()
    while clients.poll() is None:
        now, most = own_memory(it.process.pid)
        samples.append(now)
        if time.monotonic() - told > 300:
            told = time.monotonic()
            print("     %d records, %.1f MiB" % (records.lines, now), flush=True)
        time.sleep(1)
    did = json.loads(clients.stdout.read() or "{}")
    check(clients.returncode == 0 and did.get("requests"), "the clients: status %s" % clients.returncode)
    time.sleep(3)  # what is on its way
    got, dropped = it.end()
    other, other_dropped = beside.end()
    records.thread.join()
    with open(report, encoding="utf-8") as f:
        json.load(f)
    print("     %d s, %d frames, %d dropped; tcpdump %d, %d; %d records, %d requests of %d; %.1f MiB at most"
          ", by thirds %s" % (did.get("seconds", 0), got, dropped, other, other_dropped, records.lines, records.requests,
                              did.get("requests", 0), most, " ".join("%.1f" % x for x in thirds(samples))), flush=True)
    check(dropped <= other_dropped, "the kernel dropped %d, and %d of tcpdump's" % (dropped, other_dropped))
    check(got + dropped == other + other_dropped, "%d frames, and %d of tcpdump's" % (got + dropped, other + other_dropped))
    check(records.bad is None, "no JSON: %r" % records.bad)
    if not dropped:
        check(records.requests == did.get("requests"), "%d requests of %s" % (records.requests, did.get("requests")))
    with open(os.environ["TSUMARI"], "rb") as f:
        sanitized = b"__asan_init" in f.read()
    if not sanitized:
        check(most <= megabytes * 1.1, "%.1f MiB with --memory %dM" % (most, megabytes))
        _, second, last = thirds(samples)
        check(seconds < 600 or last < second * 1.02 + 1, "memory grows: %.1f MiB, then %.1f" % (second, last))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--clients"]:
        Clients(int(sys.argv[2])).run(int(sys.argv[3]))
        sys.exit(0)
    HOLDER = networks()
    try:
        with tempfile.TemporaryDirectory(prefix="tsumari-soak-") as FOLDER:
            soak(int(sys.argv[1]) if sys.argv[1:] else 20, FOLDER)
    finally:
        HOLDER.stdin.close()
        HOLDER.wait()
    print("soak: %s" % ("%d faults" % len(faults) if faults else "nothing was lost"))
    sys.stdout.flush()
    os._exit(bool(faults))
