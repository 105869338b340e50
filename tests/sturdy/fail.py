#!/usr/bin/env python3
"""Every allocation that fails, every call that writes and fails: no crash, no hang, one line that
says why, and what was whole is out.

usage: fail.py [-a] [-m] [NAME...]; -a: every number, where else only the first ones are gone through
one by one; -m: allocations only. $TSUMARI is the program, $FAIL the library to be preloaded (fail.c),
or a program that was linked with it.
"""
import errno
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TSUMARI = os.path.abspath(os.environ.get("TSUMARI") or os.path.join(TOP, "tsumari"))
FAIL = os.environ["FAIL"]
PCAPS = os.path.join(TOP, "pcaps")
PATIENCE = 120  # s
faults, done = [], 0


def fault(name, text):
    faults.append(name)
    print("FAIL %s: %s" % (name, text), flush=True)


# What is right in a file: each gives None or what is wrong with it. `whole` is what an undisturbed
# run writes there.

def lines(got, whole):
    if got and not got.endswith(b"\n"):
        return "ends within a line: %r" % got[-80:]
    if whole is not None and not set(got.splitlines()) <= set(whole.splitlines()):
        return "has other lines"
    return None


def records(got, whole):
    for line in got.splitlines():
        try:
            json.loads(line)
        except ValueError:
            return "no JSON: %r" % line[:200]
    return lines(got, whole)


def document(got, whole):
    return None if got in (b"", whole) else "%d bytes of %d" % (len(got), len(whole))


def har(got, whole):
    if not got:
        return None
    try:
        entries = json.loads(got)["log"]["entries"]
    except (ValueError, KeyError) as e:
        return "%s: %r" % (e, got[-60:])
    all_entries = json.loads(whole)["log"]["entries"]
    return None if entries == all_entries[:len(entries)] else "other entries"


def frames(got, whole):
    at = 24
    while at < len(got):
        if at + 16 > len(got):
            return "ends within the head of a frame"
        at += 16 + struct.unpack("<4I", got[at:at + 16])[2]
    if got and at != len(got):
        return "ends within a frame"
    return None if whole.startswith(got) else "other frames"


def blocks(got, whole):
    at = 0
    while at < len(got):
        if at + 8 > len(got):
            return "ends within the head of a block"
        at += struct.unpack("<2I", got[at:at + 8])[1]
    if at != len(got):
        return "ends within a block"
    return None if whole.startswith(got) else "other blocks"


HTTP = os.path.join(PCAPS, "http-keepalive.pcap")
DNS = os.path.join(PCAPS, "dns.pcap")
NFS = os.path.join(PCAPS, "nfs3.pcap")

# Names of ports (-n: without) are looked up by the C library, which goes without where it has no memory.
# name: (arguments, {file: what is right}); "-" is the standard output.
RUNS = {
    "json": (["-r", HTTP, "--json"], {"-": records}),
    "json-file": (["-r", HTTP, "--json", "-o", "out"], {"out": records}),
    "json-threads": (["-r", HTTP, "--json", "-j", "2"], {"-": records}),
    "json-append": (["-r", DNS, "--json", "--append", "-o", "out"], {"out": records}),
    "json-rotate": (["-r", HTTP, "--json", "-o", "out", "--rotate-size", "20K"], {"out*": records}),
    "json-pcapng": (["-r", os.path.join(PCAPS, "http-pcapng-mixed.pcapng"), "--json"], {"-": records}),
    "json-gz": (["-r", os.path.join(PCAPS, "http-gz.pcap.gz"), "--json"], {"-": records}),
    "json-merge": (["-r", DNS, NFS, "--json"], {"-": records}),
    "json-filter": (["-r", HTTP, "--json", "-Y", "http.response.status_code == 200", "tcp"],
                    {"-": records}),
    "http2": (["-r", os.path.join(PCAPS, "http2.pcap"), "--json"], {"-": records}),
    "mysql": (["-r", os.path.join(PCAPS, "mysql-compress.pcap"), "--json"], {"-": records}),
    "report": (["-r", HTTP, "--report", "-n"], {"-": lines}),
    "report-nfs": (["-r", NFS, "--report", "-n"], {"-": lines}),
    "report-json": (["-r", HTTP, "--report=json", "-o", "out"], {"out": document}),
    "report-html": (["-r", DNS, "--report=html", "-o", "out"], {"out": document}),
    "compare": (["--compare", DNS, DNS], {"-": lines}),
    "har": (["-r", HTTP, "--har", "out"], {"out": har}),
    "print": (["-r", HTTP, "--print", "-v"], {"-": lines}),
    "count": (["-r", HTTP, "--count"], {"-": lines}),
    "pcap": (["-r", HTTP, "-w", "out"], {"out": frames}),
    "pcap-flushed": (["-r", DNS, "-w", "out", "-U"], {"out": frames}),
    "pcap-sizes": (["-r", HTTP, "-w", "out", "-C", "20000", "-W", "9"], {"out*": frames}),
    "pcapng": (["-r", HTTP, "-w", "out.pcapng"], {"out.pcapng": blocks}),
    "extract": (["-r", HTTP, "--extract", "http.response.status_code == 200", "-w", "out"],
                {"out": frames}),
    "several": (["-r", HTTP, "--json", "-o", "a", "--report", "-n", "-o", "b", "-w", "c"],
                {"a": records, "b": lines, "c": frames}),
}
PLUGIN = os.environ.get("PLUGIN")
if PLUGIN:
    RUNS["plugin"] = (["--plugin", PLUGIN, "-r", os.path.join(PCAPS, "beanstalk.pcap"), "--json"], {"-": records})
GEO = sorted(glob.glob(os.path.join(HERE, "..", "geo", "*.mmdb")))
if GEO:
    RUNS["geo"] = (["-r", HTTP, "--json", "--geoip", GEO[0]], {"-": records})

# (call, how it fails, whether all that follow fail, too)
WRITES = [("write", "short", True), ("write", errno.ENOSPC, False), ("write", errno.ENOSPC, True),
          ("write", errno.EPIPE, True), ("write", errno.EINTR, False), ("write", errno.EIO, True)]
CALLS = [("open", errno.EMFILE, True), ("open", errno.ENOENT, False), ("close", errno.ENOSPC, False),
         ("close", errno.EINTR, False), ("ftruncate", errno.EIO, True), ("mmap", errno.ENOMEM, False),
         ("thread", errno.EAGAIN, False)]
MEMORY = [("malloc", errno.ENOMEM, False), ("malloc", errno.ENOMEM, True)]


def contents(folder, wanted):
    found = {}
    for name in wanted:
        for path in glob.glob(os.path.join(folder, name)):
            with open(path, "rb") as f:
                found[os.path.basename(path)] = f.read()
    return found


def environment(call, at, how, later, told):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    env.update(FAIL_CALL=call, FAIL_AT=str(at), FAIL_WITH=str(how), FAIL_TELL=told)
    if later:
        env["FAIL_ON"] = "1"
    if FAIL.endswith(".so"):
        env["LD_PRELOAD"] = FAIL
    return env


def program():
    return TSUMARI if FAIL.endswith(".so") else FAIL


def one(name, call, at, how, later, folder, whole):
    """False: nothing failed, as there is no such call any more."""
    global done
    args, files = RUNS[name]
    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    told = os.path.join(folder, "told")
    with open(told, "wb") as f:
        f.write(b"\0")
    what = "%s: %s %d %s%s" % (name, call, at, how if isinstance(how, str) else errno.errorcode[how],
                               " and on" if later else "")
    done += 1
    with open(os.path.join(work, "-"), "wb") as out, open(os.path.join(folder, "err"), "w+b") as err:
        p = subprocess.Popen([program()] + args, cwd=work, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=err, env=environment(call, at, how, later, told))
        try:
            status = p.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            fault(what, "hangs")
            return True
        err.seek(0)
        said = err.read().decode("utf-8", "replace")
    with open(told, "rb") as f:
        failed = f.read() != b"\0"
    messages = [s for s in said.splitlines() if s.startswith("tsumari: ") and
                "not denied here" not in s and "cannot become user nobody" not in s]  # warnings
    got = contents(work, files)
    if status not in (0, 1, 2):
        fault(what, "status %d: %s" % (status, said[-2000:]))
    # A library's parser may say it in its own words, before there is anything to be written.
    elif status == 2 and len(said.splitlines()) == 1:
        pass
    elif status and not 1 <= len(messages) <= len(files):  # one of each output, at most
        fault(what, "status %d, messages: %s" % (status, said))
    elif not status and how != errno.EPIPE and got != whole:
        fault(what, "status 0, and the output is another: %s %s" % (
            {k: len(v) for k, v in got.items()}, said))
    for file, text in got.items():
        right = next(files[f] for f in files if f == file or (
            f.endswith("*") and file.startswith(f[:-1])))
        usual = b"".join(whole.values()) if name.endswith("rotate") else whole.get(file, b"")
        # Of several files that are read as one the others go on.
        wrong = right(text, None if name == "json-merge" else usual)
        if wrong and not (call == "ftruncate" or how == errno.EPIPE):
            fault(what, "%s: %s; %s" % (file, wrong, said))
    return failed


def numbers(every):
    at, step = 1, 1
    while True:
        yield at
        at += int(step)
        if not every and at > 6:
            step = max(1, at * 0.6)


def go_through(name, kinds, every):
    with tempfile.TemporaryDirectory(prefix="tsumari-fail-") as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        args, files = RUNS[name]
        with open(os.path.join(work, "-"), "wb") as out:
            subprocess.run([TSUMARI] + args, cwd=work, stdin=subprocess.DEVNULL, stdout=out,
                           stderr=subprocess.PIPE, check=True)
        whole = contents(work, files)
        for call, how, later in kinds:
            for at in numbers(every):
                if not one(name, call, at, how, later, folder, whole) or len(faults) > 60:
                    break


def main():
    args = sys.argv[1:]
    every = "-a" in args
    memory = "-m" in args
    names = [a for a in args if not a.startswith("-")] or list(RUNS)
    kinds = MEMORY if memory else MEMORY + WRITES + CALLS
    for name in names:
        before, n, began = len(faults), done, time.time()
        go_through(name, kinds, every)
        print("%s %s: %d runs, %.0f s" % ("ok  " if len(faults) == before else "FAIL", name, done - n,
                                          time.time() - began), flush=True)
        if len(faults) > 60:
            break
    print("%d runs, %d failed" % (done, len(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
