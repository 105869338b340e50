#!/usr/bin/env python3
"""Listening at full load: usage: live.py TSUMARI BENCH_SEND CAPTURE...

Each CAPTURE is put on a veth pair in a network namespace of our own as fast as it goes, and tsumari and tcpdump
(-B 65536 both, nothing kept of what comes out) listen in turn, RUNS (5) rounds. Prints what share of the frames
each lost, and what a frame cost it; medians. Needs root. FRAMES: of each capture, at most (3,000,000)."""
import os
import re
import signal
import statistics
import subprocess
import sys
import time

RUNS = int(os.environ.get("RUNS", "5"))
FRAMES = os.environ.get("FRAMES", "3000000")


def listen(command, sender, capture):
    """Frames sent and seconds that took; frames the listener had; its seconds of processor time."""
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    first = p.stderr.readline()
    if "listening on" not in first:
        p.kill()
        sys.exit(f"live.py: {command[0]}: {first}{p.stderr.read()}")
    time.sleep(0.2)
    sent, seconds = subprocess.run([sender, "tap", capture, FRAMES], capture_output=True, text=True,
                                   check=True).stdout.split()
    time.sleep(1)  # what is in the ring
    p.send_signal(signal.SIGINT)
    said = p.stderr.read()
    _, status, used = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"live.py: {command[0]}: status {status}: {said}")
    got = int(re.search(r"^(\d+) packets? captured", said, re.M).group(1))
    return int(sent), float(seconds), got, used.ru_utime + used.ru_stime


def inside(tsumari, sender, captures):
    subprocess.run("ip link set lo up; ip link add tap type veth peer name wire;"
                   "for i in tap wire; do sysctl -qw net.ipv6.conf.$i.disable_ipv6=1; ip link set $i mtu 9000 up; done",
                   shell=True, check=True)
    listeners = {
        "tcpdump -w /dev/null": ["tcpdump", "-Z", "root", "-i", "wire", "-B", "65536", "-w", "/dev/null"],
        "tsumari --json": [tsumari, "-Z", "root", "-i", "wire", "-B", "65536", "--json", "-o", "/dev/null"],
    }
    for capture in captures:
        results = {name: [] for name in listeners}
        for run in range(RUNS):
            order = list(listeners)
            for name in order[run % 2:] + order[:run % 2]:
                results[name].append(listen(listeners[name], sender, capture))
        print(f"\n### {os.path.basename(capture)}, {RUNS} rounds\n")
        print("| listener             | sent M/s |   lost % |  min .. max    | CPU ns a frame |")
        print("|----------------------|---------:|---------:|---------------:|---------------:|")
        for name, runs in results.items():
            lost = [100 * (sent - got) / sent for sent, _, got, _ in runs]
            rate = statistics.median(sent / seconds / 1e6 for sent, seconds, _, _ in runs)
            cost = statistics.median(cpu / got * 1e9 for _, _, got, cpu in runs)
            print(f"| {name:<20} | {rate:>8.2f} | {statistics.median(lost):>8.2f} | {min(lost):>5.2f} .. {max(lost):<5.2f} "
                  f"| {cost:>14.0f} |", flush=True)


def main():
    if sys.argv[1] == "inside":
        inside(sys.argv[2], sys.argv[3], sys.argv[4:])
        return
    tsumari, sender, *captures = map(os.path.abspath, sys.argv[1:])
    sys.exit(subprocess.run(["unshare", "-n", sys.executable, os.path.abspath(__file__), "inside", tsumari, sender,
                             *captures]).returncode)


main()
