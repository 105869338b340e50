"""--web. usage: web.py PROGRAM CAPTURES"""
import base64
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import pcaplib
from web_checks import check, faults, wait

program, pcaps = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
capture = os.path.join(pcaps, "http-slow.pcap")
TOKEN = "rather-a-long-token"


class Served:
    """A run that answers."""

    def __init__(self, work, *args, web="0", env=None, want=0):
        self.err, self.want = os.path.join(work, "err"), want
        with open(self.err, "wb") as e:
            self.process = subprocess.Popen([program, "--web", web, *args], stderr=e, stdout=subprocess.DEVNULL,
                                            stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
        wait("it says nothing of its page", lambda: "the page is at " in self.said() or self.process.poll() is not None)
        self.url = self.said().split("the page is at ", 1)[1].split()[0]
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(timeout=60)
            check(status == self.want, "exit status %d: %s" % (status, self.said()))
            check(time.monotonic() - begun < 20, "^C took %d s" % (time.monotonic() - begun))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            check(False, "^C does not end it")
        check("system call denied" not in self.said(), self.said())

    def said(self):
        with open(self.err, encoding="utf-8", errors="replace") as f:
            return f.read()

    def ask(self, path="/report.json", method="GET", context=None, **headers):
        connect = http.client.HTTPSConnection if context else http.client.HTTPConnection
        c = connect("127.0.0.1", self.port, timeout=60, **({"context": context} if context else {}))
        c.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        body = r.read()
        c.close()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, body


def of_file(work):
    """What a report in a file has, and what headers say to a browser."""
    report, records = (subprocess.run([program, "-r", capture, form], capture_output=True, check=True, timeout=60).stdout
                       for form in ("--report=json", "--json"))
    for jobs in "-j0", "-j3":
        with Served(work, "-r", capture, jobs, "--json", "-o", work + "/records") as s:
            wait("the file is not read", lambda: "all is read" in s.said())
            with open(work + "/records", "rb") as f:
                check(f.read() == records, "records are not whole while the page stays")
            status, headers, body = s.ask()
            got = json.loads(body)
            check(status == 200 and got.pop("live") is False, "report.json: %d" % status)
            check(got == json.loads(report), "report.json is not the report")
            check(headers["content-type"] == "application/json", "report.json: %s" % headers)
            status, headers, body = s.ask("/")
            check(status == 200 and headers["content-type"] == "text/html; charset=utf-8", "/: %d" % status)
            for name, value in (("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"),
                                ("referrer-policy", "no-referrer"), ("cache-control", "no-store")):
                check(headers.get(name) == value, "/: %s is %r" % (name, headers.get(name)))
            policy = headers["content-security-policy"]
            check("default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy and
                  "connect-src 'self'" in policy, "/: %s" % policy)
            check(body.count(b"<script") == 2 and b'data-refresh="2"' in body, "/ is not the page")
            status, headers, none = s.ask("/", "HEAD")
            check(status == 200 and none == b"" and int(headers["content-length"]) == len(body), "HEAD /: %d" % status)
            for path, method, want in (("/healthz", "GET", 200), ("/none", "GET", 404), ("/", "POST", 405), ("/", "PUT", 405),
                                       ("/../etc/passwd", "GET", 404), ("/" + "x" * 4000, "GET", 404)):
                status, _, body = s.ask(path, method)
                check(status == want and b"xxx" not in body, "%s %s: %d" % (method, path[:20], status))
            for host, want in (("localhost", 200), ("LocalHost:1", 200), ("127.0.0.9", 200), ("[::1]:9177", 200), ("::1", 403),
                               ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("10.0.0.1", 403), ("", 403),
                               ("[::1", 403), ("localhost.evil", 403)):
                check(s.ask(Host=host)[0] == want, "Host %r is not answered with %d" % (host, want))
            raw = socket.create_connection(("127.0.0.1", s.port), timeout=60)
            raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100000 + b"\r\n\r\n")
            try:
                got = raw.recv(100)
                check(got[9:12] in (b"431", b"413", b"400"), "a long head: %r" % got)
            except ConnectionResetError:
                pass
            raw.close()
            check(s.ask("/healthz")[0] == 200, "not alive behind a long head")


def hostile(work):
    """What a capture has in it stays text."""
    talk = pcaplib.Conversation(1, 80)
    talk.open(10**18)
    talk.send(0, 10**18 + 10**6, b"GET /</script><script>window.harm=1</script> HTTP/1.1\r\nHost: a\r\n\r\n")
    talk.send(1, 10**18 + 10**9, b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")
    pcaplib.write(work + "/<b>.pcap", 1, talk.packets)
    with Served(work, "-r", work + "/<b>.pcap") as s:
        wait("the file is not read", lambda: "all is read" in s.said())
        for path in "/", "/report.json":
            body = s.ask(path)[2]
            check(b"window.harm" in body and b"<script>window" not in body and b"<b>" not in body, "%s has a script of the capture" % path)


def labels_of(text):
    """Samples as (name, labels, value), without examples."""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        m = re.fullmatch(r"(\w+)(?:\{(.*?)\})? (\S+)(?: # (.*))?", line)
        if check(m, "no sample: %r" % line):
            yield m[1], dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or "")), float(m[3]), m[4]


BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
LABELS = {"service", "protocol", "operation", "status", "le", "cause", "finding", "severity", "by", "transport", "version", "output", "kind"}


def metrics_fit(samples, records, servers):
    """The sums are those of the records."""
    txns = [r for r in records if "http" in r]
    counted = sum(v for n, _, v, _ in samples if n == "tsumari_transactions_total")
    check(counted == len(txns), "tsumari_transactions_total is %d, %d records" % (counted, len(txns)))
    txns = [r for r in txns if "duration" in r["event"]]
    for bound in BOUNDS:
        got = sum(v for n, lb, v, _ in samples if n.endswith("_bucket") and float(lb["le"]) == bound)
        want = sum(r["event"]["duration"] <= bound * 1e9 for r in txns)
        check(got == want, "%d are within %s s, not %d" % (got, bound, want))
    check(sum(v for n, lb, v, _ in samples if n.endswith("_bucket") and lb["le"] == "+Inf") == len(txns), "+Inf")
    got = sum(v for n, _, v, _ in samples if n == "tsumari_transaction_duration_seconds_sum")
    check(abs(got - sum(r["event"]["duration"] for r in txns) / 1e9) < 1e-6, "the sum is %s" % got)

    def causes(o, prefix=""):
        for k, v in o.items():
            if isinstance(v, dict):
                yield from causes(v, prefix + k + ".")
            elif prefix + k != "total":
                yield prefix + k, v

    want = {}
    for r in records:
        for cause, ns in causes(r.get("tsumari", {}).get("ledger", {})):
            want[cause] = want.get(cause, 0) + ns
    got = {}
    for n, lb, v, _ in samples:
        if n == "tsumari_ledger_seconds_total":
            got[lb["cause"]] = got.get(lb["cause"], 0) + v
    check({k for k, v in want.items() if v} == set(got) and all(abs(got[k] - want[k] / 1e9) < 1e-6 for k in got),
          "ledger: %s, not %s" % (got, want))
    for n, lb, _, _ in samples:
        check(set(lb) <= LABELS, "%s has the labels %s" % (n, sorted(lb)))
        check(lb.get("service", "") in servers | {""}, "%s: service %r" % (n, lb.get("service")))
        check(re.fullmatch(r"[\w.-]+", lb.get("operation", "x")), "%s: operation %r" % (n, lb.get("operation")))


def metrics(work):
    records = [json.loads(x) for x in subprocess.run([program, "-r", capture, "--json"], capture_output=True, check=True,
                                                     timeout=60).stdout.splitlines()]
    with Served(work, "-r", capture, "--to", "file:%s/all" % work) as s:
        wait("the file is not read", lambda: "all is read" in s.said())
        status, headers, body = s.ask("/metrics")
        check(status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"), "/metrics: %s" % headers)
        p = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, timeout=60)
        check(p.returncode == 0 and not p.stdout and not p.stderr, "promtool: %s%s" % (p.stdout.decode(), p.stderr.decode()))
        samples = list(labels_of(body.decode()))
        metrics_fit(samples, records, {r["server"]["ip"] for r in records})
        one = {n: v for n, lb, v, _ in samples if not lb}
        check(one["tsumari_frames_total"] == 296 and one["tsumari_frame_bytes_total"] == 23325, "frames: %s" % one)
        check(one["process_cpu_seconds_total"] > 0 and one["process_resident_memory_bytes"] > 1e6, "itself: %s" % one)
        check(abs(one["process_start_time_seconds"] - time.time()) < 600, "start: %s" % one)
        check(("tsumari_output_records_total", {"output": "1", "kind": "file"}, float(len(records)), None) in samples, "outputs")
        slow = sum(v for n, lb, v, _ in samples if n == "tsumari_finding_cost_seconds" and lb["finding"] == "slow-server")
        check(slow > 3, "slow-server costs %s" % slow)
        status, headers, body = s.ask("/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        check(headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8", "OpenMetrics: %s" % headers)
        check(body.endswith(b"\n# EOF\n") and body.count(b"# EOF") == 1, "OpenMetrics has no end")
        examples = [(float(lb["le"]), e) for _, lb, _, e in labels_of(body.decode()) if e]
        flows = {r["flow"]["id"] for r in records}
        check(len(examples) > 3, "%d examples" % len(examples))
        for le, e in examples:
            m = re.fullmatch(r'\{flow_id="([^"]+)"\} (\S+) (\S+)', e)
            check(m and m[1] in flows and float(m[2]) <= le and len(m[1]) < 100, "example: %s" % e)
        scraped(work, s, len(records) and sum("http" in r for r in records))


def scraped(work, s, want):
    """By Prometheus itself, which understands OpenMetrics and keeps examples."""
    with open(work + "/prometheus.yml", "w") as f:
        f.write("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: tsumari\n  static_configs:\n"
                "  - targets: ['127.0.0.1:%d']\n" % s.port)
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with open(work + "/prometheus.log", "wb") as log:
        p = subprocess.Popen(["prometheus", "--config.file", work + "/prometheus.yml", "--storage.tsdb.path", work + "/tsdb",
                              "--web.listen-address", "127.0.0.1:%d" % port, "--enable-feature=exemplar-storage"],
                             stdout=log, stderr=log)
    said = {}

    def query(path):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            c.request("GET", path)
            said["last"] = c.getresponse().read()
            return json.loads(said["last"])["data"]
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return None
        finally:
            c.close()

    def value():
        r = (query("/api/v1/query?query=sum(tsumari_transactions_total)") or {}).get("result")
        return r and float(r[0]["value"][1]) == want

    try:
        if not wait("Prometheus has not got what there is", value):
            print(said, open(work + "/prometheus.log", errors="replace").read()[-2000:])
        begun = int(time.time()) - 10 ** 9
        got = query("/api/v1/query_exemplars?query=tsumari_transaction_duration_seconds_bucket&start=%d&end=%d" % (begun, begun + 2 * 10 ** 9))
        check(got and got[0]["exemplars"][0]["labels"]["flow_id"], "Prometheus keeps no examples: %s" % said)
    finally:
        p.terminate()
        p.wait(timeout=60)


def bounded(work):
    """Whatever is asked of however many: so many series, and the sum is right."""
    at, packets, n = 10 ** 18, [], 0
    for c in range(3000):
        talk = pcaplib.Conversation(c, 80, server="10.%d.%d.1" % (c >> 8, c & 255) if c % 2 else "10.8.0.1")
        talk.open(at)
        for k in range(2):
            talk.send(0, at + 10 ** 6 * (2 * k + 1), b"M%d%s /%d HTTP/1.1\r\nHost: a\r\n\r\n" % (c, b"\"x" if c % 7 == 0 else b"", k))
            talk.send(1, at + 10 ** 6 * (2 * k + 2), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            n += 1
        talk.close(at + 10 ** 7)
        packets += talk.packets
        at += 10 ** 6
    packets.sort(key=lambda p: p.time)
    pcaplib.write(work + "/many.pcap", 1, packets)
    with Served(work, "-r", work + "/many.pcap") as s:
        wait("the file is not read", lambda: "all is read" in s.said())
        body = s.ask("/metrics")[2]
        samples = list(labels_of(body.decode()))
        of = [lb for name_, lb, _, _ in samples if name_ == "tsumari_transactions_total"]
        check(len(of) <= 1800, "%d series" % len(of))
        check(len({lb["operation"] for lb in of}) <= 42, "%d operations" % len({lb["operation"] for lb in of}))
        check(len({lb["service"] for lb in of}) <= 201, "%d services" % len({lb["service"] for lb in of}))
        check(any(lb["service"] == "other" for lb in of) and any(lb["operation"] == "other" for lb in of), "no other")
        got = sum(v for name_, _, v, _ in samples if name_ == "tsumari_transactions_total")
        want = sum(json.loads(x)["type"] == "http" for x in subprocess.run(
            [program, "-r", work + "/many.pcap", "--json"], capture_output=True, check=True, timeout=60).stdout.splitlines())
        check(got == want and want > 5000, "%d transactions in all, not %d" % (got, want))
        check(subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, timeout=60).returncode == 0, "promtool")


def refused(work):
    taken = socket.create_server(("127.0.0.1", 0))
    with open(work + "/short", "w") as f:
        f.write("short\n")
    os.chmod(work + "/short", 0o600)
    for web, args, says in (("127.0.0.1:%d" % taken.getsockname()[1], (), "Address already in use"),
                            ("0.0.0.0:0", (), "--web-open"), ("[::]:0", (), "--web-open"), ("x", (), "[ADDRESS:]PORT"),
                            ("70000", (), "[ADDRESS:]PORT"), ("::1:80", (), "[ADDRESS:]PORT"), (":80", (), "[ADDRESS:]PORT"),
                            ("192.0.2.1:0", ("--web-open",), "Cannot assign"), ("0", ("--web-token", work + "/short"), "8 characters"),
                            ("0", ("--web-token", work + "/none"), "No such file"), ("0", ("--web-cert", work + "/short"), "each other"),
                            ("0", ("--web-cert", work + "/short", "--web-key", work + "/short"), "--web-cert"),
                            ("0", ("--live",), "one of them")):
        p = subprocess.run([program, "-r", capture, "--web=" + web, *args], capture_output=True, text=True, timeout=60)
        check(p.returncode == 2 and says in p.stderr and p.stderr.count("\n") == 1,
              "--web=%s %s: status %d: %r" % (web, args, p.returncode, p.stderr))
    taken.close()
    p = subprocess.run([program, "-r", capture, "--web-open"], capture_output=True, text=True, timeout=60)
    check(p.returncode == 2 and "need --web" in p.stderr, "--web-open alone: %r" % p.stderr)


def basic(token):
    return "Basic " + base64.b64encode(b"anybody:" + token.encode()).decode()


def tokens(work):
    with open(work + "/token", "w") as f:
        f.write(TOKEN + "\n")
    os.chmod(work + "/token", 0o600)
    for args, env in ((("--web-token", work + "/token"), {}), ((), {"TSUMARI_WEB_TOKEN": TOKEN})):
        with Served(work, "-r", capture, *args, web="0.0.0.0:0", env=env) as s:
            for header, want in ((None, 401), ("Bearer " + TOKEN, 200), ("bearer " + TOKEN, 200), ("Bearer " + TOKEN[:-1], 401),
                                 ("Bearer " + TOKEN + "x", 401), ("Bearer ", 401), (TOKEN, 401), (basic(TOKEN), 200),
                                 (basic(TOKEN + "xx"), 401), (basic(TOKEN[:-2]), 401), ("Basic " + "A" * 3000, 401), ("Basic ====", 401),
                                 ("Basic !", 401)):
                status, headers, body = s.ask(**({"Authorization": header} if header is not None else {}))
                check(status == want and (status == 200) == body.startswith(b"{"), "%r: %d" % (header, status))
                check(status != 401 or "Basic" in headers["www-authenticate"], "401 asks for nothing")
            check(s.ask("/")[0] == 401 and s.ask("/healthz")[0] == 200, "without a token only /healthz")
            check(TOKEN not in s.said(), "the token is told")


def by_tls(work):
    key, cert = work + "/key.pem", work + "/cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True, timeout=60)
    with Served(work, "-r", capture, "--web-cert", cert, "--web-key", key, web="0.0.0.0:0") as s:
        check(s.url.startswith("https://"), s.url)
        wait("the file is not read", lambda: "all is read" in s.said())
        known = ssl.create_default_context(cafile=cert)
        status, _, body = s.ask(context=known)
        check(status == 200 and json.loads(body)["capture"]["frames"] == 296, "by TLS: %d" % status)
        plain = socket.create_connection(("127.0.0.1", s.port), timeout=60)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            check(b"tsumari" not in plain.recv(1000), "an answer without TLS")
        except ConnectionResetError:
            pass
        idle = [socket.create_connection(("127.0.0.1", s.port), timeout=60) for _ in range(100)]
        check(s.ask(context=known)[0] == 200, "not answered beside handshakes that do not begin")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            s.ask(context=old)
            check(False, "TLS 1.1 is spoken")
        except (ssl.SSLError, ConnectionError):
            pass
        for c in idle:
            c.close()


TALK = """
import socket, sys, threading, time
server = socket.create_server(("127.0.0.1", 8080), backlog=500)
def serve(c):
    while True:
        head = c.recv(4096)
        if not head:
            return
        if head.startswith(b"GET /hang"):
            time.sleep(600)
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
c = hang = None
for line in sys.stdin:
    if line == "hang\\n":
        hang = socket.create_connection(("127.0.0.1", 8080))
        hang.sendall(b"GET /hang HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        line = "0"
    c = c or socket.create_connection(("127.0.0.1", 8080))
    for i in range(int(line)):
        c.sendall(b"GET /%d HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % i)
        c.recv(4096)
    print("done", flush=True)
"""


class Asking(threading.Thread):
    """Asks as fast as it is told until it is stopped."""

    def __init__(self, served, path, pause):
        super().__init__(daemon=True)
        self.served, self.path, self.pause, self.stop, self.status, self.longest = served, path, pause, False, [], 0
        self.start()

    def run(self):
        while not self.stop:
            begun = time.monotonic()
            try:
                self.status.append(self.served.ask(self.path)[0])
            except OSError as e:
                self.status.append(str(e))
            self.longest = max(self.longest, time.monotonic() - begun)
            time.sleep(self.pause)


def live(work):
    """Nothing is lost while connections that send nothing, a slow reader and many who ask are there."""
    talk = subprocess.Popen([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    idle, slow, asking = [], [], []

    def exchange(what):
        talk.stdin.write("%s\n" % what)
        talk.stdin.flush()
        talk.stdout.readline()

    try:
        with Served(work, "-i", "lo", "-Z", "nobody", "tcp", "port", "8080") as s:
            connect = lambda: socket.create_connection(("127.0.0.1", s.port), timeout=60)
            wait("it does not listen", lambda: "listening" in s.said())
            exchange("hang")
            exchange(10)
            report = lambda: json.loads(s.ask()[2])
            wait("what is under way", lambda: report().get("under_way", {}).get("requests") == 1)
            r = report()
            check(r["live"] and r["under_way"]["oldest"][0]["operation"] == "GET /hang", "under way: %s" % r["under_way"])
            wait("what has ended", lambda: report()["total"]["transactions"] == 10)
            idle = [connect() for _ in range(500)]
            for _ in range(20):
                c = connect()
                c.sendall(b"GET /report.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
                slow.append(c)
            asking = [Asking(s, "/metrics", 0.005) for _ in range(2)]
            asking += [Asking(s, path, 0.01) for path in ("/report.json", "/", "/healthz", "/metrics")]
            for _ in range(5):
                exchange(1000)
                time.sleep(0.5)
            wait("not all is seen", lambda: report()["total"]["transactions"] == 5010)
            check(s.ask("/healthz")[0] == 200, "not alive")
            for a in asking:
                a.stop = True
                a.join(60)
                check(set(a.status) == {200}, "%s: %s" % (a.path, set(a.status)))
                check(a.longest < 30, "%s: an answer took %.1f s" % (a.path, a.longest))
            # More than there may be: who was silent longest gives way.
            idle += [connect() for _ in range(600)]
            check(s.ask("/healthz")[0] == 200, "not alive beside 1,100 connections")
            idle[0].settimeout(60)
            check(idle[0].recv(1) == b"", "the oldest silent connection is still there")
        check("0 packets dropped by kernel" in s.said(), "capture waited: %s" % s.said())
    finally:
        for c in idle + slow:
            c.close()
        talk.kill()
        talk.wait()


def rows(path, sql):
    d = sqlite3.connect(path, timeout=60)
    try:
        return d.execute(sql).fetchall()
    finally:
        d.close()


def history(work):
    """Minutes in a file: of two runs, up to a size; what is no such file is refused."""
    path = work + "/history.db"
    talk = subprocess.Popen([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for n in 1, 2:
            with Served(work, "-i", "lo", "--history", path, "-Z", "nobody", "tcp", "port", "8080") as s:
                wait("it does not listen", lambda: "listening" in s.said())
                talk.stdin.write("20\n")
                talk.stdin.flush()
                talk.stdout.readline()
                wait("not all is seen", lambda: json.loads(s.ask()[2])["total"]["transactions"] == 20)
                status, headers, body = s.ask("/history/1h.json")
                got = json.loads(body)
                check(status == 200 and headers["content-type"] == "application/json" and len(got["transactions"]) == 60, "1h: %s" % got)
                for which in "6h", "1d", "7d", "30d":
                    status, _, body = s.ask("/history/%s.json" % which)
                    check(status == 200 and len(json.loads(body)["errors"]) <= 240, which)
                check(s.ask("/history/2h.json")[0] == 404, "2h is known")
            # What is under way when it ends is told as the others are, once.
            whole = rows(path, "SELECT sum(transactions) FROM minute")[0][0]
            check(20 * n <= whole <= 22 * n, "run %d: %d requests" % (n, whole))
            check(rows(path, "SELECT sum(transactions) FROM service")[0][0] == whole, "services have not the whole")
            check(rows(path, "SELECT sum(transactions) FROM operation WHERE operation = 'GET /?'")[0][0] == 20 * n, "operations")
            check(rows(path, "SELECT sum(ns) FROM ledger")[0][0] == rows(path, "SELECT sum(waited) FROM minute")[0][0], "ledger")
        # A month of minutes does not fit 1 MiB: the oldest go.
        d = sqlite3.connect(path, timeout=60)
        now = int(time.time()) // 60
        for i in range(1, 20000):
            d.execute("INSERT INTO minute VALUES(?, 1, 1, 0, 1, 0, 1)", (now - i - 10,))
            d.execute("INSERT INTO operation VALUES(?, 'a:1', 'http', ?, 1, 0, 1, 1)", (now - i - 10, "x" * 200))
        d.commit()
        d.close()
        with Served(work, "-i", "lo", "--history", path, "--history-size", "1M", "-Z", "nobody", "tcp", "port", "8080") as s:
            wait("it does not listen", lambda: "listening" in s.said())
            talk.stdin.write("20\n")
            talk.stdin.flush()
            talk.stdout.readline()
            wait("not all is seen", lambda: json.loads(s.ask()[2])["total"]["transactions"] == 20)
        left = rows(path, "SELECT count(*), min(minute), max(minute) FROM minute")[0]
        used = rows(path, "PRAGMA page_count")[0][0] - rows(path, "PRAGMA freelist_count")[0][0]
        check(100 < left[0] < 6000 and left[1] > now - 6100 and left[2] >= now and used * 4096 <= 1 << 20, "%s, %d pages" % (left, used))
        check(rows(path, "SELECT min(minute) FROM operation")[0][0] >= left[1], "operations of minutes that have gone")
        check(rows(path, "PRAGMA integrity_check") == [("ok",)], "the file is damaged")
    finally:
        talk.kill()
        talk.wait()
    with open(work + "/none.db", "w") as f:
        f.write("not a database" * 100)
    for args, says in ((("-i", "lo", "--history", work + "/none.db"), "not a database"), (("-i", "lo", "--history", work + "/a/b"), "unable to open"),
                       (("-r", capture, "--history", path), "no -r"), (("-i", "lo", "--history", path, "--history-size", "1K"), "at least 1M")):
        p = subprocess.run([program, "--web=0", *args], capture_output=True, text=True, timeout=60)
        check(p.returncode == 2 and says in p.stderr and p.stderr.count("\n") == 1, "%s: %d %r" % (args, p.returncode, p.stderr))


with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    if sys.argv[3:] == ["live"]:
        live(folder)
        history(folder)
        sys.exit(bool(faults))
    for part in of_file, hostile, metrics, bounded, refused, tokens, by_tls:
        part(folder)
name = "tsmweb_%d" % os.getpid()
if os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL).returncode == 0:
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        if subprocess.run(["ip", "netns", "exec", name, sys.executable, *sys.argv, "live"], timeout=600).returncode != 0:
            faults.append("live")
    finally:
        subprocess.run(["ip", "netns", "del", name])
else:
    print("web: no namespaces, nothing live was tried")
print("web: %s" % ("%d faults" % len(faults) if faults else "in order"))
sys.exit(bool(faults))
