#!/usr/bin/env python3
"""--memory holds for any flood and any number of threads.

usage: memory.py [-a]; -a: the whole table, where else a part of it is gone through. $TSUMARI is the
program. What is counted is the peak of what the process has for itself, that is its resident memory
without the pages of files (its own text and that of libraries, some 6 MiB, which the machine may
drop and share): whoever gives --memory wants the machine to survive.
"""
import os
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import hostile

TSUMARI = hostile.TSUMARI


def dns_flows(capture, n=1_500_000):
    """Each question and its answer are a flow of their own."""
    question = b"\3abc\7example\3com\0\0\1\0\1"
    for i in range(n):
        client, port = struct.pack("!I", 0x0A000000 + i // 60000), 1024 + i % 60000
        server, ident = b"\x0a\xff\0\1", i & 0xFFFF
        ask = struct.pack("!6H", ident, 0x100, 1, 0, 0, 0) + question
        capture.ip(client, server, 17, struct.pack("!4H", port, 53, 8 + len(ask), 0) + ask)
        answer = (struct.pack("!6H", ident, 0x8180, 1, 1, 0, 0) + question +
                  b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4")
        capture.ip(server, client, 17, struct.pack("!4H", 53, port, 8 + len(answer), 0) + answer)


def few_dns_flows(capture):
    dns_flows(capture, 150_000)


def nfs_names(capture, n=200_000):
    """Each lookup finds another file, of a long name, whose path is known from then on."""
    one = hostile.Connection(capture, 900_000)
    one.ports = 900, 2049
    for i in range(n):
        name = b"%0128d" % i
        call = struct.pack("!12I", i, 0, 2, 100003, 3, 3, 0, 0, 0, 0, 32, 1) + bytes(28) + (
            struct.pack("!I", len(name)) + name)
        reply = struct.pack("!9I", i, 1, 0, 0, 0, 0, 0, 32, i + 2) + bytes(28 + 8)
        for side, said in (0, call), (1, reply):
            one.segment(side, hostile.ACK, struct.pack("!I", 0x80000000 | len(said)) + said)


def few_nfs_names(capture):
    nfs_names(capture, 50_000)


def one_after_another(capture):
    """What one kind had is the next one's."""
    for flood in (hostile.many_sessions, hostile.syn_flood, few_dns_flows, hostile.many_hosts, hostile.above_holes,
                  few_nfs_names, hostile.many_services):
        flood(capture)


def datagrams_first(capture):
    """TCP needs more room for a flow than what datagrams had."""
    dns_flows(capture, 120_000)
    for flood in hostile.syn_flood, hostile.many_sessions:
        flood(capture)


def peak(path, *args):
    """(exit status, MiB)"""
    p = subprocess.Popen([TSUMARI, "-r", path, *args], stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    files = most = 0
    while p.poll() is None:
        try:
            with open("/proc/%d/status" % p.pid) as f:
                said = dict(line.split(":", 1) for line in f)
            files = max(files, int(said["RssFile"].split()[0]))
            most = max(most, int(said["VmHWM"].split()[0]))
        except (OSError, KeyError, ValueError):
            pass  # it is over, or not begun
        time.sleep(0.002)
    p.stderr.read()
    return p.returncode, (most - files) / 1024


def dns_answers(path, memory):
    said = subprocess.run([TSUMARI, "-r", path, "--json", "-j2", "--types", "dns", "--memory", memory],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    return said.count(b"\n")


def answered_give_way(path):
    """Flows that have had their answer make room for others: no question is left out."""
    all_of_them, few = dns_answers(path, "2G"), dns_answers(path, "64M")
    if all_of_them < 149_000 or few != all_of_them:
        print("of %d questions %d have a record with --memory 64M" % (all_of_them, few))
        return False
    return True


def written(flood):
    capture = hostile.Capture("memory-" + flood.__name__)
    flood(capture)
    return capture.close()


def main():
    if hostile.sanitized():
        print("a build with sanitizers has other memory")
        return 77
    every = "-a" in sys.argv[1:]
    floods = [f for f, _ in hostile.FLOODS] + [dns_flows, nfs_names, one_after_another, datagrams_first] if every else [
        hostile.port_scan, hostile.many_sessions, hostile.many_hosts, few_dns_flows, few_nfs_names]
    budgets = [(m, j) for m in (16, 32, 64, 128) for j in (0, 2, 4)] if every else [(16, 4), (64, 2)]
    bad = lost = 0
    print("%-16s %-8s" % ("flood", "output") + "".join(
        "%9s" % ("%d -j%d" % x) for x in budgets))
    for flood in floods:
        path = written(flood)
        for output in "--report", "--json":
            row = []
            for megabytes, jobs in budgets:
                status, mib = peak(path, output, "-j", str(jobs), "--memory", "%dM" % megabytes)
                good = status == 0 and mib <= megabytes * 1.1
                bad += not good
                row.append("%s%.1f" % ("" if good else "!", mib))
            print("%-16s %-8s" % (flood.__name__, output[2:]) + "".join("%9s" % x for x in row),
                  flush=True)
        if flood is few_dns_flows:
            lost += not answered_give_way(path)
        os.unlink(path)
    print("%d above" % bad)
    return 1 if bad or lost else 0


if __name__ == "__main__":
    sys.exit(main())
