#!/usr/bin/env python3
"""What must be true of any capture, however broken: usage: corpus.py DIR (see corpus.sh).

Each capture below DIR is read with -j 0 and -j 3: within the time limit, without a crash, with an
exit status of 0, 1 or 2 and with the same bytes; each line is a JSON object without a negative
number, and the parts of each ledger add up to its total. Where tshark sees a protocol that oracle.py
compares its view is compared; those differences are printed, for a person to judge, and fail nothing.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

import oracle

LIMIT = 20
SUFFIXES = (".pcap", ".pcapng", ".cap", ".trace", ".dmp", ".snoop", ".pcap.gz", ".pcapng.gz", ".trace.gz")
TSUMARI = oracle.TSUMARI


def below(folder):
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.endswith(SUFFIXES):
                yield os.path.join(root, name)


def negative(value, where=""):
    """The path of a negative number below value; coordinates may be negative."""
    if isinstance(value, dict):
        for k, v in value.items():
            found = k != "location" and negative(v, where + "." + k)
            if found:
                return found
    elif isinstance(value, list):
        for v in value:
            found = negative(v, where + "[]")
            if found:
                return found
    elif isinstance(value, (int, float)) and value < 0:
        return where[1:]
    return None


def parts(ledger):
    return sum(parts(v) if isinstance(v, dict) else v for k, v in ledger.items() if k != "total")


def record_faults(line):
    def constant(word):
        raise ValueError("the number " + word)

    try:
        r = json.loads(line.decode("utf-8"), parse_constant=constant)
    except ValueError as e:
        return ["not JSON: %s: %r" % (e, line[:80])]
    if not isinstance(r, dict):
        return ["no object: %r" % line[:80]]
    found = []
    where = negative(r)
    if where:
        found.append("negative number: " + where)
    ledger = r.get("tsumari", {}).get("ledger")
    if ledger is not None:
        if "total" not in ledger:
            found.append("ledger without total: %r" % ledger)
        elif parts(ledger) != ledger["total"]:
            found.append("ledger adds up to %d, total is %d: %r"
                         % (parts(ledger), ledger["total"], ledger))
    return found


def run(path, jobs):
    """(output, fault)."""
    try:
        p = subprocess.run([TSUMARI, "-r", path, "--json", "-j", jobs], capture_output=True,
                           timeout=LIMIT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return b"", "-j %s: not done after %d s" % (jobs, LIMIT)
    if p.returncode not in (0, 1, 2):
        return p.stdout, "-j %s: exit status %d: %s" % (
            jobs, p.returncode, p.stderr.decode(errors="replace").strip()[-200:])
    if p.returncode and not p.stderr.strip():
        return p.stdout, "-j %s: exit status %d without a message" % (jobs, p.returncode)
    return p.stdout, None


def faults_of(path):
    alone, fault = run(path, "0")
    if fault:
        return [fault]
    several, fault = run(path, "3")
    found = [fault] if fault else []
    if not fault and alone != several:
        a, b = alone.split(b"\n"), several.split(b"\n")
        n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        found.append("-j 0 and -j 3 differ from line %d on (%d and %d lines)" % (n + 1, len(a), len(b)))
    if alone and not alone.endswith(b"\n"):
        found.append("the last line has no end")
    for n, line in enumerate(alone.split(b"\n")[:-1], 1):
        found += ["line %d: %s" % (n, f) for f in record_faults(line)]
    return found


def look_at(path, compare):
    """(faults, what the comparison gave or its exception or nothing)."""
    found = faults_of(path)
    if found or not compare:
        return found, None
    try:
        return found, oracle.compare(path, [])
    except (subprocess.TimeoutExpired, ValueError, KeyError) as e:
        return found, e


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        print(__doc__, file=sys.stderr)
        return 2
    passed = failed = agreed = differ = 0
    compare = oracle.shutil.which("tshark")
    if not compare:
        print("tshark is not installed: nothing is compared")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        paths = list(below(sys.argv[1]))
        for path, (found, compared) in zip(paths, workers.map(lambda p: look_at(p, compare), paths)):
            name = os.path.relpath(path, sys.argv[1])
            passed, failed = passed + (not found), failed + bool(found)
            for f in found[:5]:
                print("FAIL %s: %s" % (name, f), flush=True)
            if isinstance(compared, Exception):
                print("     %s: not compared: %s" % (name, compared))
            elif compared:
                different, _, agree, size = compared
                agreed, differ = agreed + agree, differ + len(different)
                if agree or different and size:
                    print("tshark %s: %d agree, %d differ" % (name, agree, len(different)), flush=True)
                    for d in different[:6]:
                        print("     " + d)
    print("facts of tshark: %d agree, %d differ" % (agreed, differ))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
