"""Identity of records: event.id, flow.id, tsumari.run.id, host.name, observer.hostname, observer.name.

usage: identity.py PROGRAM CAPTURES
"""
import collections
import glob
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

program, pcaps = sys.argv[1:3]
faults = 0


def check(good, what):
    global faults
    if not good:
        faults += 1
        print(what)


def lines(*args, stdin=None):
    p = subprocess.run([program, "--json-flat", *args], capture_output=True, timeout=120, stdin=stdin)
    check(p.returncode == 0 or b"cut short" in p.stderr, "%s: %s" % (args, p.stderr.decode()[:200]))
    return p.stdout


def records(*args, **more):
    return [json.loads(x) for x in lines(*args, **more).splitlines()]


def twice(what, rows):
    seen = collections.Counter(r["event.id"] for r in rows)
    for name, n in seen.items():
        if n > 1:
            check(False, "%s: %s is the name of %s" % (what, name, [r for r in rows if r["event.id"] == name][:2]))
            return


def path(name):
    return glob.glob(os.path.join(pcaps, name + ".pcap*"))[0]



def captures():
    """In none of them does an id come twice; no two captures have one in common, unless they begin with one frame."""
    of_run = collections.defaultdict(set)
    owner = {}
    for file in sorted(glob.glob(os.path.join(pcaps, "*.pcap*"))):
        name = os.path.basename(file)
        rows = records("-j0", "--flow-interval", "100ms", "-r", file)
        twice(name, rows)
        runs = {r["tsumari.run.id"] for r in rows}
        check(len(runs) <= 1 and all(len(x) == 16 for x in runs), "%s: runs %s" % (name, runs))
        for r in rows:
            check(len(r["event.id"]) == 16, "%s: %s" % (name, r["event.id"]))
            check(not {"host.name", "observer.hostname", "observer.name"} & set(r), "%s: a file's host is told" % name)
            check(r.get("flow.id", r["tsumari.run.id"] + "-").startswith(r["tsumari.run.id"] + "-"), "flow.id of " + name)
            of_run[r["tsumari.run.id"]].add(name)
            first = owner.setdefault(r["event.id"], r["tsumari.run.id"])
            check(first == r["tsumari.run.id"], "%s: %s is another's, too" % (name, r["event.id"]))
    check(len(of_run) > 80, "only %d runs" % len(of_run))


def readings():
    for name in "http-slow", "smtp-pipelining", "dns", "vrrp", "nfs-fragments":
        file = path(name)
        first = lines("-j0", "-r", file)
        check(first == lines("-j3", "-r", file), "%s: -j3 is not -j0" % name)
        with open(file, "rb") as f:
            check(first == lines("-r", "-", stdin=f), "%s: a pipe's records are not the file's" % name)
        with_findings = records("-r", file, "--types", "flow,finding", "--report", "-o", os.devnull, "--json-flat")
        twice(name + " with findings", with_findings)


def sensors():
    file = path("http-slow")
    plain, named = records("-r", file), records("-r", file, "--sensor", 'a"\x1b\u202e')
    check({r["observer.name"] for r in named} == {'a"\x1b\u202e'}, "the sensor's name is not what was given")
    for a, b in zip(plain, named):
        check(a["event.id"] != b["event.id"], "two sensors have the record %s" % a["event.id"])
        check(a.get("flow.id") == b.get("flow.id"), "the sensor changes flow.id")
    filtered = records("-r", file, "tcp")
    check({r["tsumari.run.id"] for r in filtered} != {r["tsumari.run.id"] for r in plain}, "a filter's run is the whole's")
    p = subprocess.run([program, "-r", file, "--sensor", "a" * 256], capture_output=True, text=True, timeout=20)
    check(p.returncode == 2 or p.returncode == 1, "a name of 256 bytes: status %d" % p.returncode)
    check("255 bytes" in p.stderr, "a name of 256 bytes: %s" % p.stderr)


def filters():
    file = path("http-slow")
    rows = records("-r", file)
    flow = rows[-1]["flow.id"]
    mine = [r["event.id"] for r in rows if r.get("flow.id") == flow]
    for text in ("flow.id == " + flow, "flow.id == " + flow.split("-")[1], "flow.id in {%s, 99999999}" % flow):
        got = [r["event.id"] for r in records("-r", file, "-Y", text)]
        check(got == mine and mine, "-Y %s: %s, not %s" % (text, got, mine))
    other = "0123456789abcdef-" + flow.split("-")[1]
    check(records("-r", file, "-Y", "flow.id == " + other) == [], "another run's flow is found")
    check(len(records("-r", file, "-Y", "flow.id != " + other)) == len(rows), "another run's flow is left out")
    check([r["event.id"] for r in records("-r", file, "-Y", "event.id == " + mine[0])] == mine[:1], "-Y event.id")
    run = rows[0]["tsumari.run.id"]
    check(len(records("-r", file, "-Y", "tsumari.run.id == " + run)) == len(rows), "-Y tsumari.run.id")


def listen(work, n):
    """The records of a live run on the loopback of a namespace of our own."""
    out, err = os.path.join(work, "out%d" % n), os.path.join(work, "err%d" % n)
    with open(err, "wb") as e:
        p = subprocess.Popen(["ip", "netns", "exec", space, program, "--json-flat", "-i", "lo", "-Z", "root", "-o", out,
                              "--flow-interval", "1s", *(["--sensor", "tap"] if n else [])], stderr=e)
    try:
        until = time.monotonic() + 30
        while b"listening" not in open(err, "rb").read() and time.monotonic() < until:
            time.sleep(0.05)
        subprocess.run(["ip", "netns", "exec", space, sys.executable, "-c", TALK], check=True, timeout=60)
        while time.monotonic() < until:
            time.sleep(0.1)
            rows = [json.loads(x) for x in open(out) if x.endswith("\n")] if os.path.exists(out) else []
            if any(r.get("flow.final") is False for r in rows):
                break
    finally:
        p.terminate()
        p.wait(timeout=30)
    return [json.loads(x) for x in open(out)]


# Ten datagrams that are answered, and a connection that lasts longer than the interval.
TALK = """
import socket, time
a, b = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
a.bind(("127.0.0.1", 5300)); b.bind(("127.0.0.1", 0))
l = socket.create_server(("127.0.0.1", 8000)); c = socket.create_connection(("127.0.0.1", 8000)); s, _ = l.accept()
for i in range(10):
    b.sendto(b"x", ("127.0.0.1", 5300)); a.sendto(*a.recvfrom(9)); b.recv(9)
    c.sendall(b"x"); s.recv(9); s.sendall(b"y"); c.recv(9); time.sleep(0.3)
"""


def live():
    runs = []
    with tempfile.TemporaryDirectory() as work:
        for n in range(2):
            rows = listen(work, n)
            check(len(rows) >= 3, "live: only %d records" % len(rows))
            check(any(r.get("flow.final") is False for r in rows), "live: no interim record")
            twice("live", rows)
            for r in rows:
                check(r["host.name"] == r["observer.hostname"] == socket.gethostname(), "live: host %s" % r.get("host.name"))
                check(r["observer.name"] == ("tap" if n else socket.gethostname()), "live: sensor %s" % r["observer.name"])
            runs.append(rows)
    for key in "event.id", "flow.id", "tsumari.run.id":
        a, b = ({r[key] for r in rows if key in r} for rows in runs)
        check(a and b and not a & b, "two live runs share %s %s" % (key, a & b))


captures()
readings()
sensors()
filters()
space = "tsmident_%d" % os.getpid()
if os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", space], stderr=subprocess.DEVNULL).returncode == 0:
    try:
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)
        live()
    finally:
        subprocess.run(["ip", "netns", "del", space])
else:
    print("identity: no namespaces, nothing live was tried")
print("identity: %s" % ("%d faults" % faults if faults else "in order"))
sys.exit(faults != 0)
