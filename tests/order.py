#!/usr/bin/env python3
"""Frames that do not stand in order of time are put in order, within a window.

Each bundled capture is written again with its frames moved, their times kept: as several interfaces,
taps and bridges are captured, and at random. The records must be the same, line for line, but for the
frames' numbers, which are the moved file's; with and without threads; and the frames that -w writes must
stand in order. $TSUMARI is the program, $PCAPS the folder of captures. Seeds are fixed.
"""
import glob
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

import pcaplib

HERE = os.path.dirname(os.path.abspath(__file__))
TSUMARI = os.environ["TSUMARI"]
PCAPS = os.environ.get("PCAPS") or os.path.join(HERE, "..", "pcaps")
MS = 10**6
FRAME = re.compile(r"^flow\.id$|^tsumari\.frame\.|[._]frames?$")
scratch = tempfile.mkdtemp(prefix="tsumari-order-")
faults, done = 0, 0


def check(ok, name, text):
    global faults, done
    done += 1
    if not ok:
        faults += 1
        print("FAIL %s: %s" % (name, text))


def run(path, *args, stdin=None):
    p = subprocess.run([TSUMARI, "-r", path, *args], capture_output=True, timeout=120, stdin=stdin)
    check(p.returncode == 0, os.path.basename(path), "%s: exit status %d: %s" % (args, p.returncode, p.stderr))
    return p.stdout


def records(out, number):
    """The lines; numbers of frames by `number`."""
    lines = []
    for line in out.decode().split("\n")[:-1]:
        r = pcaplib.of_no_run(json.loads(line))
        for key, value in r.items():
            if FRAME.search(key):
                r[key] = [number[n] for n in value] if isinstance(value, list) else type(value)(number[int(value)])
        lines.append(json.dumps(r, separators=(",", ":"), ensure_ascii=False).encode())
    return lines + [b""]


# How frames are moved: a key to sort them by, of packet and time since the beginning. Frames of one time
# stay together, since nothing but where they stand tells their order.


def by_direction(blocks):
    """Two interfaces, one direction on each, in blocks: those of the second stand behind the first's."""
    second = {}

    def key(p, since):
        return since // blocks, second.setdefault(since, p.data[6:12] > p.data[:6])

    return key


def by_chance(seed, most):
    """Each frame later than it should be by up to so much."""
    late = {}
    r = random.Random(seed)

    def key(p, since):
        return since + late.setdefault(since, r.randrange(most))

    return key


def bridge(blocks):
    """By turns, in blocks of many interfaces."""
    turn = {}

    def key(p, since):
        return since // blocks, turn.setdefault(since, len(turn) % 4)

    return key


def first_difference(a, b):
    for n, (x, y) in enumerate(zip(a, b)):
        if x == y:
            continue
        try:
            x, y = json.loads(x), json.loads(y)
        except ValueError:
            return "line %d" % (n + 1)
        return "line %d: %s" % (n + 1, [(k, x.get(k), y.get(k)) for k in sorted({**x, **y}) if x.get(k) != y.get(k)])
    return "%d lines, not %d" % (len(b), len(a))


def same_but_numbers(path):
    link, packets = pcaplib.read(path)
    packets.sort(key=lambda p: p.time)
    name = os.path.basename(path)
    plain = os.path.join(scratch, "plain.pcap")
    moved = os.path.join(scratch, "moved.pcap")
    out = os.path.join(scratch, "out.pcap")
    pcaplib.write(plain, link, packets)
    want = run(plain, "--json-flat", "-j0")
    differs = False
    ways = [by_direction(100 * MS), by_direction(990 * MS), by_chance(7, 20 * MS), by_chance(8, 999 * MS),
            bridge(240 * MS)]
    for way, key in enumerate(ways):
        order = sorted(range(len(packets)), key=lambda i: key(packets[i], packets[i].time - packets[0].time))
        pcaplib.write(moved, link, [packets[i] for i in order])
        number = {n + 1: i + 1 for n, i in enumerate(order)}
        number[0] = 0
        got = run(moved, "--json-flat", "-j0")
        a, b = records(want, {n: n for n in range(len(packets) + 1)}), records(got, number)
        check(a == b, name, "way %d: %s" % (way, first_difference(a, b)))
        check(run(moved, "--json-flat", "-j3") == got, name, "way %d: -j3 differs from -j0" % way)
        run(moved, "-w", out)
        written = pcaplib.read(out)[1]
        check([(p.time, p.data) for p in written] == [(p.time, p.data) for p in packets], name,
              "way %d: -w does not write in order" % way)
        back = sum(packets[b].time < max(packets[a].time for a in order[max(0, i - 4000):i + 1])
                   for i, b in enumerate(order))
        stats = json.loads(run(moved, "--report=json"))["capture"]
        check((stats["reordered"], stats["time_back"]) == (back, 0), name, "way %d: %d moved, %d late, not %d, 0"
              % (way, stats["reordered"], stats["time_back"], back))
        if not differs and back:
            differs = records(run(moved, "--json-flat", "--reorder-window", "0"), number) != a
    return differs


def extracted(path):
    """--extract finds the same frames in a moved file, and in a pipe."""
    link, packets = pcaplib.read(path)
    packets.sort(key=lambda p: p.time)
    name = os.path.basename(path)
    plain, moved = os.path.join(scratch, "plain.pcap"), os.path.join(scratch, "moved.pcap")
    order = sorted(range(len(packets)), key=lambda i: by_direction(300 * MS)(packets[i], packets[i].time - packets[0].time))
    pcaplib.write(plain, link, packets)
    pcaplib.write(moved, link, [packets[i] for i in order])
    for what in ("event.duration > 1ms", "type == flow", "tsumari.frame.request_first > 0"):
        files = []
        for k, args in enumerate(([plain], [moved], ["-"])):
            out = os.path.join(scratch, "out%d.pcap" % k)
            with open(moved, "rb") as f:
                run(args[0], "--extract", what, "-w", out, "-j%d" % k, stdin=f)
            with open(out, "rb") as f:
                files.append(f.read())
        check(files[0] == files[1], name, "--extract %s: other frames of the moved file" % what)
        check(files[0] == files[2], name, "--extract %s: other frames of the pipe" % what)
        for n in (len(packets) // 3, len(packets) // 2):
            run(moved, "--extract", what, "-w", out, "-c", str(n))


def filtered(path):
    """What a filter leaves out is counted: a frame has the same number with it and without."""
    link, packets = pcaplib.read(path)
    name, moved = os.path.basename(path), os.path.join(scratch, "moved.pcap")
    start = min(p.time for p in packets)
    pcaplib.write(moved, link, sorted(packets, key=lambda p: by_direction(50 * MS)(p, p.time - start)))
    for source in (path, moved):
        flows = [pcaplib.of_no_run(json.loads(line))
                 for line in run(source, "--json-flat", "--types", "flow").splitlines()]
        last = max(flows, key=lambda f: int(f["flow.id"]))
        only = "tcp port %d" % last["client.port"]
        ids = [pcaplib.of_no_run(json.loads(line))["flow.id"]
               for line in run(source, "--json-flat", "--types", "flow", only).splitlines()]
        check(last["flow.id"] in ids and ids != ["1"], name, "%s: %s, not %s" % (only, ids, last["flow.id"]))


# Frames of no protocol: what is left where it is, and what is counted.


def numbered(times):
    frames = []
    for n, time in enumerate(times):
        frames.append(pcaplib.Packet(10**18 + time, struct.pack("!6s6sHQ", b"\2" * 6, b"\4" * 6, 0x88B5, n).ljust(60, b"\0")))
    return frames


def sequence(name, times, want, reordered, late, *args):
    path, out = os.path.join(scratch, "numbered.pcap"), os.path.join(scratch, "out.pcap")
    pcaplib.write(path, 1, numbered(times))
    for source in (path, "-"):
        with open(path, "rb") as f:
            run(source, "-w", out, *args, stdin=f)
        got = [struct.unpack("!Q", p.data[14:22])[0] for p in pcaplib.read(out)[1]]
        check(got == want, name, "%s, not %s" % (got, want))
    stats = json.loads(run(path, "--report=json", *args))["capture"]
    check((stats["reordered"], stats["time_back"]) == (reordered, late), name, "%d moved, %d late"
          % (stats["reordered"], stats["time_back"]))


def sequences():
    s = 1000 * MS
    sequence("equal times keep their order", [5, 5, 3, 3, 5, 4], [2, 3, 5, 0, 1, 4], 3, 0)
    sequence("the whole window", [0, s, 0, 1], [0, 2, 3, 1], 2, 0)
    sequence("a step of the clock", [9 * s, 10 * s, 1 * s, 2 * s, 3 * s], [0, 1, 2, 3, 4], 0, 3)
    sequence("one frame that is too late", [9 * s, 10 * s, 1 * s, 11 * s, 10 * s + 5], [0, 1, 2, 4, 3], 1, 1)
    sequence("a small window", [0, 50 * MS, 30 * MS, 90 * MS, 20 * MS], [0, 2, 1, 3, 4], 1, 1,
             "--reorder-window", "50ms")
    sequence("no window", [0, 50 * MS, 30 * MS], [0, 1, 2], 0, 1, "--reorder-window", "0")
    sequence("the first frames read", [3, 1, 2, 0], [1, 2, 0], 2, 0, "-c", "3")
    sequence("all of them backwards", list(range(500, 0, -1)), list(range(499, -1, -1)), 499, 0)
    # A pipe that gives a frame at a time: the window is as large.
    times = [n * 10 * MS for n in range(700)]
    times += [t + late for late in (0, 2 * MS) for t in range(7000 * MS, 7500 * MS, 5 * MS)]
    path, out = os.path.join(scratch, "drops.pcap"), os.path.join(scratch, "out.pcap")
    pcaplib.write(path, 1, numbered(times))
    with open(path, "rb") as f:
        image = f.read()
    p = subprocess.Popen([TSUMARI, "-r", "-", "-w", out], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(image[:24])
    for at in range(24, len(image), 76):
        p.stdin.write(image[at:at + 76])
        p.stdin.flush()
        time.sleep(0.0005)
    p.communicate()
    got = [q.time for q in pcaplib.read(out)[1]]
    check(got == sorted(10**18 + t for t in times), "a frame at a time", "not in order")
    # Far ahead of all others: these wait, up to a limit, and nothing is lost.
    many = [900 * MS] + [n % 7 + n for n in range(30000)]
    path, out = os.path.join(scratch, "many.pcap"), os.path.join(scratch, "out.pcap")
    pcaplib.write(path, 1, numbered(many))
    run(path, "-w", out, "--memory", "16M")
    written = pcaplib.read(out)[1]
    check(sorted(struct.unpack("!Q", p.data[14:22])[0] for p in written) == list(range(len(many))), "many", "frames are lost")


def main():
    differ, n = 0, 0
    sequences()
    for path in sorted(glob.glob(os.path.join(PCAPS, "*.pcap"))):
        n += 1
        differ += same_but_numbers(path)
    for name in ("http-keepalive.pcap", "http-reuse.pcap", "dns.pcap", "mysql-text.pcap", "frag.pcap", "vrrp.pcap"):
        extracted(os.path.join(PCAPS, name))
    filtered(os.path.join(PCAPS, "http-keepalive.pcap"))
    filtered(os.path.join(PCAPS, "http-slow.pcap"))
    check(n > 50 and differ > n // 2, "all", "of %d captures %d come out wrong without the window" % (n, differ))
    subprocess.run(["rm", "-r", scratch], check=True)
    if faults:
        print("order: %d of %d checks failed" % (faults, done))
        return 1
    print("order: %d checks on %d captures" % (done, n))
    return 0


if __name__ == "__main__":
    sys.exit(main())
