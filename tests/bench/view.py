#!/usr/bin/env python3
"""What the live view costs: usage: view.py TSUMARI CAPTURE

At rest: an interface of a namespace of our own with 10,000 connections open and 200 packets a second on
them, as shares of one processor: the thread that draws, and all threads. At full load: CAPTURE read as
fast as it goes; by perf(1), how much of a processor drawing took, and what the records did. Needs root
(for the interface), tmux and, for the second part, perf."""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

FLOWS, RATE, SECONDS = 10_000, 200, 20
SCREENS = ("1", "2", "3", "4", "5", "6", "7", "8")
NAMES = ("overview", "services", "transactions", "digests", "flows", "findings", "tiers", "hosts")
SYN, ACK, PSH = 2, 16, 8


def packet(i, back, flags, seq, ack, data=b""):
    client, server = (10, 1, i >> 8, i & 255), (10, 0, 0, 1 + i % 20)
    ends = (server, client) if back else (client, server)
    ports = (80, 2000 + i % 50000) if back else (2000 + i % 50000, 80)
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 64000, 0, 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes(ends[0]), bytes(ends[1])) + tcp
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip


REQUEST = b"GET /page/%05d HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def send(interface):
    """Opens the connections, then exchanges on one after the other, without an end."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((interface, 0))
    n = len(REQUEST % 0)
    for i in range(FLOWS):
        s.send(packet(i, False, SYN, 1000, 0))
        s.send(packet(i, True, SYN | ACK, 5000, 1001))
        s.send(packet(i, False, ACK, 1001, 5001))
        if i % 50 == 0:
            time.sleep(0.01)
    turn = 0
    while True:
        for i in range(FLOWS):
            seq, ack = 1001 + turn * n, 5001 + turn * len(ANSWER)
            s.send(packet(i, False, PSH | ACK, seq, ack, REQUEST % i))
            s.send(packet(i, True, PSH | ACK, ack, seq + n, ANSWER))
            time.sleep(2 / RATE)
        turn += 1


def times(pid):
    """CPU seconds of the main thread and of all."""
    def of(path):
        f = open(path).read().rsplit(")", 1)[1].split()
        return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
    return of(f"/proc/{pid}/task/{pid}/stat"), of(f"/proc/{pid}/stat")


class View:
    def __init__(self, work, command):
        self.socket = tempfile.mktemp(dir=work, prefix="tmux.")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", command)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True).stdout

    def key(self, key):
        self.tmux("send-keys", key)

    def wait(self, pattern, seconds=120):
        end = time.time() + seconds
        while time.time() < end:
            text = self.tmux("capture-pane", "-p")
            if re.search(pattern, text, re.M):
                return text
            time.sleep(0.2)
        sys.exit(f"view.py: no /{pattern}/ on the screen:\n{text}")

    def pid(self, path):
        end = time.time() + 30
        while time.time() < end and not (os.path.exists(path) and open(path).read().strip()):
            time.sleep(0.1)
        return int(open(path).read())

    def close(self):
        self.tmux("kill-server")


def rest(tsumari, work):
    with open(f"{work}/rest.sh", "w") as f:
        f.write(f"""ip link set lo up
ip link add tap type veth peer name wire && ip link set tap up && ip link set wire up
python3 {os.path.abspath(__file__)} send tap &
sender=$!
trap 'kill $sender' EXIT HUP
env LC_ALL=C.UTF-8 XDG_CONFIG_HOME={work} sh -c 'echo $$ >{work}/pid; exec {tsumari} --live -Z root -i wire'
""")
    v = View(work, f"unshare -n bash {work}/rest.sh")
    pid = v.pid(f"{work}/pid")
    v.wait(r"^ LIVE")
    v.key("3")
    v.wait(r"GET /page/0*\d+")
    time.sleep(5)
    print(f"### at rest: {FLOWS} connections, {RATE} packets a second, {SECONDS} s each\n")
    print("| screen       | main thread | all threads |")
    print("|--------------|------------:|------------:|")
    for key, name in zip(SCREENS, NAMES):
        v.key(key)
        time.sleep(1)
        main, whole = times(pid)
        time.sleep(SECONDS)
        main, whole = (b - a for a, b in zip((main, whole), times(pid)))
        print(f"| {name:<12} | {main / SECONDS * 100:>9.2f} % | {whole / SECONDS * 100:>9.2f} % |", flush=True)
    v.key("Q")
    v.close()


def shares(data):
    """CPU seconds in a recording, and the part of them inside of a function and what it calls."""
    report = subprocess.run(["perf", "report", "-i", data, "--children", "--stdio", "-g", "none", "--no-inline",
                             "--percent-limit", "0.01", "-F", "overhead_children,symbol"],
                            capture_output=True, text=True).stdout
    count = re.search(r"Event count \(approx\.\): (\d+)", report)
    parts = {m.group(2): float(m.group(1)) / 100 for m in re.finditer(r"^ +([\d.]+)%  \[\.\] (\w+)", report, re.M)}
    return int(count.group(1)) / 1e9, parts


def load(tsumari, capture, work):
    print(f"\n### full load: {os.path.basename(capture)}, as shares of one processor\n")
    print("| screen       | seconds | all threads | drawing | of it rows | records and model |")
    print("|--------------|--------:|------------:|--------:|-----------:|------------------:|")
    for key, name in zip(SCREENS, NAMES):
        out = f"{work}/{name}.perf"
        # cpu-clock counts nanoseconds.
        v = View(work, f"sh -c 'env LC_ALL=C.UTF-8 XDG_CONFIG_HOME={work} perf record -q -e cpu-clock -F 299 "
                       f"--call-graph dwarf,8192 -o {out} {tsumari} --live -j1 -r {capture} 2>{work}/err; "
                       f"echo RECORDED; sleep 60'")
        begun = time.time()
        v.wait(r"READING|^ END")
        v.key(key)
        v.wait(r"^ END", 600)
        seconds = time.time() - begun
        v.key("Q")
        v.wait(r"RECORDED")
        v.close()
        cpu, part = shares(out)

        def of(symbol):
            return part.get(symbol, 0) * cpu / seconds * 100

        rows = of("collect") + of("collect_txns") + of("collect_flows") + of("table_collected")
        print(f"| {name:<12} | {seconds:>7.1f} | {cpu / seconds * 100:>9.1f} % | {of('ui_draw'):>5.1f} % | "
              f"{rows:>8.1f} % | {of('on_record'):>15.1f} % |", flush=True)


def main():
    if sys.argv[1] == "send":
        send(sys.argv[2])
    tsumari, capture = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    work = tempfile.mkdtemp(prefix="view.")
    try:
        rest(tsumari, work)
        if shutil.which("perf"):
            load(tsumari, capture, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
