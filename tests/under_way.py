#!/usr/bin/env python3
"""What is under way, while it is: three downloads over a link of 4.8 Mbit/s, a server that hangs, a resolver that is
silent. usage: under_way.py TSUMARI PCAPS NAMESPACE_OF_CLIENTS NAMESPACE_OF_SERVERS"""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ui_lib import TSUMARI, WORK, Tmux, check, summary  # noqa: E402

CLIENTS, SERVERS = sys.argv[3], sys.argv[4]
SERVER = r"""
import signal, socket, threading, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
def serve(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.99.1.2", port))
    s.listen(50)
    while True:
        threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
def answer(c):
    try:
        while path := c.recv(4096).split(b" ")[1:2]:
            if path[0].startswith(b"/hang"):
                time.sleep(600)
            elif path[0].startswith(b"/download"):
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                while True:
                    c.sendall(b"x" * 16384)
            else:
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except OSError:
        pass
for port in (8000, 8001):
    threading.Thread(target=serve, args=(port,), daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("10.99.1.2", 53))
print("ready", flush=True)
while True:
    u.recv(4096)
"""
CLIENT = r"""
import signal, socket, sys, threading, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
def get(port, path):
    c = socket.create_connection(("10.99.1.2", port))
    c.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    while c.recv(65536):
        pass
def ask():
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect(("10.99.1.2", 53))
    while True:
        u.send(b"\1\2\1\0\0\1\0\0\0\0\0\0\4name\7example\0\0\1\0\1")
        time.sleep(5)
for what in sys.argv[1:]:
    port, path = what.split("/", 1)
    args = (ask, ()) if path == "dns" else (get, (int(port), "/" + path))
    threading.Thread(target=args[0], args=args[1], daemon=True).start()
time.sleep(600)
"""
started = []


def start(namespace, *command, **kw):
    p = subprocess.Popen(["ip", "netns", "exec", namespace, *command], **kw)
    started.append(p)
    return p


def stop(p):
    if p.poll() is None:
        p.send_signal(signal.SIGINT)
    try:
        p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()


def seconds(text):
    """A duration as the screens have it."""
    n, unit = text.split()
    return float(n) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60}[unit]


def size(text):
    n, unit = text.split()
    return float(n) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]


DURATION, BYTES = r"[\d.]+ (?:ns|us|ms|s)", r"[\d.]+ (?:B|KiB|MiB)"


def ages(text):
    """Path and age of the requests that wait, as the transactions have them."""
    return {path: seconds(age) for age, path in re.findall(rf"^ [\d:.]+ +({DURATION}) http +GET (\S+) +Pending", text, re.M)}


def flow_bytes(text):
    return sum(size(b) for b in re.findall(rf" 8000 +({BYTES}) established", text))


def screens(t):
    """All that goes on, in every screen."""
    text = t.wait(r"Under way: 5 requests, 5 connections with [\d.]+ MiB so far", "overview")
    check(re.search(r" 5 under way", text.split("\n")[0]), "the first line says how many", text)
    check(len(re.findall(rf"^ +{DURATION} (sending the response|the server's own time|what the server sent again|the server's retransmission timer) +http GET /(download|hang)", text, re.M)) >= 2,
          "overview: the oldest, with what they wait for", text)
    check("Nothing in the capture waited" not in text, "the verdict knows of what waits", text)
    check(re.search(r"10\.99\.1\.2:8000 http +0 +0 ", text), "overview: a service without an answer yet", text)
    check(re.search(r"Under way at once +[45] .*[█▁-▇]", text), "overview: so many at once", text)
    check(re.search(r"Flows: 0 ended, 5 open", text), "overview: connections", text)
    text = t.press("2", r"Server +Port Protocol", "services")
    row = re.search(rf"10\.99\.1\.2 +8000 http +({DURATION}) \S+ .* 3 +3 ", text)
    check(row and seconds(row.group(1)) > 3, "services: three requests are waited for", text)
    check(re.search(r"10\.99\.1\.2 +8001 http +\S+ s server ", text), "services: who hangs", text)
    check(re.search(r"10\.99\.1\.2 +53 dns ", text), "services: the resolver", text)
    text = t.press("3", r"GET /hang +Pending", "transactions")
    first, at = ages(text), time.time()
    check(set(first) == {"/hang", "/download/1", "/download/2", "/download/3"}, "transactions: those under way", text)
    time.sleep(3)
    text = t.wait(r"GET /hang +Pending")
    more, after = ages(text), time.time() - at
    for path in first:
        check(after - 1.6 <= more.get(path, 0) - first[path] <= after + 1.6, f"{path} grows older: {first} {more}", text)
    text = t.press(["/", "=hang", "Enter", "Enter"], r"Waterfall", "one that is under way")
    row = re.search(rf"wait, so far +({DURATION}) +(?:9\d|100)\.\d %", text)
    check(row and seconds(row.group(1)) > 3, "what goes on", text)
    t.press("Escape", r"Pending", "back")
    text = t.press("4", r"GET /hang +\S+ s server", "operations")
    text = t.press("5", r" established", "flows")
    before = flow_bytes(text)
    time.sleep(3)
    now = flow_bytes(t.screen())
    check(now - before > 800_000, f"flows: bytes of what goes on: {before}, {now}", t.screen())
    text = t.press("8", r"^ 10\.99\.1\.2 .*MiB", "hosts: what was sent so far")
    text = t.press("6", r"DNS queries not answered +10\.99\.1\.2 +53 ", "findings: the resolver")
    check(re.search(r"Slow answers of the server +10\.99\.1\.2 +8001 ", text), "findings: the server that hangs", text)


def past(t):
    """The same for a moment that is over."""
    t.keys("3")
    t.press("F5", r"^ PAUSED", "paused")
    was = ages(t.wait(r"GET /hang +Pending", "paused, it is still shown"))
    time.sleep(2)
    check(ages(t.screen()) == was, "paused, nothing grows older", t.screen())
    t.press("F7", r"^ REWOUND", "rewound")
    text = t.wait(r"GET /hang +Pending", "rewound, it was under way then")
    then = ages(text)
    check(9 <= was["/hang"] - then["/hang"] <= 12, f"ten seconds younger: {was} {then}", text)
    text = t.press("5", r" established", "flows, rewound")
    check(0 < flow_bytes(text), "with the bytes of then", text)
    t.press("F5", r"^ LIVE", "live again")


def over(t, clients):
    """What has ended is no longer under way."""
    t.keys("3")
    stop(clients)
    text = t.until(lambda text: not ages(text) and "GET /hang" in text)
    check(not ages(text), "nothing waits when its client has gone", text)
    check(re.search(r"GET /hang +Error", text), "and it was not answered", text)
    t.press("1", r"Flows: \d+ ended", "overview")


def interim(path):
    """Records of what lasts."""
    records = [json.loads(line) for line in open(path)]
    hang = [r for r in records if r["type"] == "http" and r["url"]["path"] == "/hang"]
    check(len(hang) >= 3 and all(r["status"] == "Pending" for r in hang[:-1]), f"interim records of a request: {len(hang)}")
    waited = [r["tsumari"]["ledger"]["server"] for r in hang[:-1]]
    check(waited == sorted(waited) and waited[-1] > 6e9, f"with what it waited for so far: {waited}")
    check(hang[-1].get("status") == "Error", f"and the last one: {hang[-1]}")
    flows = [r for r in records if r["type"] == "flow" and r["server"]["port"] == 8000]
    going = [r for r in flows if not r["flow"]["final"]]
    check(len(going) >= 9, f"interim records of connections: {len(going)}")


def rates():
    """Over the time that is listened, not from the first frame to the last."""
    with open(os.path.join(WORK, "rates.err"), "w") as err:
        p = start(CLIENTS, TSUMARI, "-i", "va", "-Z", "root", "--report=json", "--duration", "6s", "tcp port 8001",
                  stdout=subprocess.PIPE, stderr=err, text=True)
    time.sleep(1.5)
    clients = start(CLIENTS, sys.executable, "-c", CLIENT, "8001/one", "8001/two")
    report = json.loads(p.communicate(timeout=30)[0])
    stop(clients)
    listened = report["capture"]["listened"] / 1e9
    check(6 <= listened < 7.5 and report["capture"]["duration"] < 3e9, f"listened to for {listened} s: {report['capture']}")
    check(abs(report["services"][0]["answers_per_second"] - 2 / listened) < 0.01, f"two answers in it: {report['services']}")


def main():
    server = start(SERVERS, sys.executable, "-c", SERVER, stdout=subprocess.PIPE, text=True)
    check(server.stdout.readline() == "ready\n", "the server is there")
    out = os.path.join(WORK, "records.json")
    with open(os.path.join(WORK, "listening"), "w") as err:
        records = start(CLIENTS, TSUMARI, "-i", "va", "-Z", "root", "--json", "--types", "http,flow", "--flow-interval", "3s",
                        "-o", out, stderr=err)
    t = Tmux("--live -i va -Z root", 120, 40, before=f"ip netns exec {CLIENTS}")
    t.wait(r"^ LIVE", "it listens")
    time.sleep(1)
    clients = start(CLIENTS, sys.executable, "-c", CLIENT, *(f"8000/download/{i}" for i in (1, 2, 3)), "8001/hang", "53/dns")
    time.sleep(5)
    screens(t)
    past(t)
    over(t, clients)
    t.press("Q", r"END 0", "leaves with status 0")
    t.over()
    stop(records)
    interim(out)
    rates()
    return summary()


if __name__ == "__main__":
    try:
        status = main()
    finally:
        for p in started:
            stop(p)
    sys.exit(status)
