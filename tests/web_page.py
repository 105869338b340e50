"""The page of --web in a headless Chromium, while requests go by. usage: web_page.py PROGRAM"""
import base64
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from browser import Browser
from web_checks import check, faults, wait

program = os.path.abspath(sys.argv[1])
TALK = """
import http.client, http.server, socketserver, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path.startswith("/hang"):
            time.sleep(600)
        if self.path.startswith("/slow"):
            time.sleep(0.3)
        self.send_response(500 if self.path.startswith("/bad") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 8080), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
def get(path):
    c = http.client.HTTPConnection("127.0.0.1", 8080)
    c.request("GET", path)
    c.getresponse().read()
    c.close()
for line in sys.stdin:
    for path in line.split():
        if path.startswith("/hang"):
            threading.Thread(target=get, args=(path,), daemon=True).start()
        else:
            get(path)
    print("done", flush=True)
"""


class Talk:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def get(self, *paths):
        self.process.stdin.write(" ".join(paths) + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self):
        self.process.kill()
        self.process.wait()


def looked_at(b, talk, url):
    talk.get("/a", "/bad", "/slow", "/hang/<img/src=x/onerror=window.harm=1>")
    b.go(url)
    ready = lambda: b.value("document.documentElement.hasAttribute('data-ready')")
    wait("the script does not come to its end", ready)
    text = lambda: b.value("document.body.innerText")
    wait("what is under way is not shown", lambda: "GET /hang/" in text() and "1 request and" in text())
    wait("the requests that ended are not shown", lambda: "3 transactions" in text())
    # It follows, and what was chosen stays.
    b.value("(e => { e.focus(); e.value = 'slow'; e.dispatchEvent(new Event('input')); e.setSelectionRange(1, 2); window.was = e; })"
            "(document.querySelector('#operations').closest('section').querySelector('input'))")
    b.value("(d => { d.open = false; window.shutKey = d.getAttribute('data-key'); })(document.querySelector('details[open]'))")
    b.value("window.scrollTo(0, 300)")
    talk.get("/slow", "/slow", "/slow")
    wait("the page does not follow", lambda: "6 transactions" in text())
    wait("the verdict does not follow", lambda: " of 6 transactions" in b.value("document.getElementById('verdict').textContent"))
    rows = "[...document.querySelectorAll('#operations tbody tr')].map(r => r.textContent).join('|')"
    check("/slow" in b.value(rows) and "/bad" not in b.value(rows), "the filter of a table is lost: " + b.value(rows))
    check(b.value("document.activeElement !== window.was && document.activeElement.value") == "slow" and
          b.value("document.activeElement.selectionStart") == 1, "the focus is lost")
    shut = b.value("[...document.querySelectorAll('details')].filter(d => d.getAttribute('data-key') === window.shutKey).map(d => d.open)")
    check(shut == [False], "what was closed is open again: %s, %s" % (b.value("window.shutKey"), shut))
    check(b.value("window.scrollY") == 300, "it scrolls by itself: %s" % b.value("window.scrollY"))
    # Whoever copies a text, or says so, is left alone.
    b.value("[...document.querySelectorAll('#live button')][0].click()")
    check("paused" in text(), "it is not paused")
    talk.get("/a")
    time.sleep(5)
    check("6 transactions" in text(), "it goes on where it is paused")
    b.value("[...document.querySelectorAll('#live button')][0].click()")
    wait("it does not go on", lambda: "7 transactions" in text())
    # The past, of which another run has left something.
    b.value("(e => { e.value = '7d'; e.dispatchEvent(new Event('change')); })(document.querySelector('#live select'))")
    wait("the past is not shown", lambda: "GET /of-then" in text() and "then-server:80" in text())
    check("Slow then" in text() and "Under way now" not in text(), "the past: " + text()[:300])
    b.value("(e => { e.value = ''; e.dispatchEvent(new Event('change')); })(document.querySelector('#live select'))")
    wait("the present does not come back", lambda: "7 transactions" in text() and "GET /slow" in text())
    check(b.value("window.harm") is None, "something of the capture ran as a script")
    for e in b.events:
        p = e.get("params", {})
        check(e.get("method") not in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"), "console: %s" % str(p)[:300])
        if e.get("method") == "Network.requestWillBeSent":
            check(p["request"]["url"] in (url, url + "report.json", url + "favicon.ico", url + "history/7d.json"), "asks for %s" % p["request"]["url"])


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        print("web_page: chromium is not installed: the page was not looked at")
        return
    with tempfile.TemporaryDirectory() as work:
        talk = Talk()
        with open(work + "/err", "wb") as e:
            p = subprocess.Popen([program, "-i", "lo", "--web", "0", "--history", work + "/h.db", "-Z", "root", "tcp", "port", "8080"], stderr=e)
        said = lambda: open(work + "/err", errors="replace").read()
        b = None
        try:
            wait("it does not listen", lambda: "listening" in said())
            with sqlite3.connect(work + "/h.db", timeout=60) as d:
                at = int(time.time()) // 60 - 3000
                d.execute("INSERT INTO minute VALUES(?, 9, 900, 0, 7, 1, 5000000000)", (at,))
                d.execute("INSERT INTO service VALUES(?, 'then-server:80', 'http', 7, 1, 5000000000, 1, 2, 3)", (at,))
                d.execute("INSERT INTO operation VALUES(?, 'then-server:80', 'http', 'GET /of-then', 7, 1, 5000000000, 3)", (at,))
                d.execute("INSERT INTO finding VALUES(?, 'slow-server', 'warning', 'Slow then', 'then-server:80', 'http', 5, 6)", (at,))
            d.close()
            b = Browser(chromium, work + "/profile")
            b.attach()
            looked_at(b, talk, said().split("the page is at ")[1].split()[0])
            if len(sys.argv) > 3:
                b.value("window.scrollTo(0, 0)")
                with open(sys.argv[3], "wb") as f:
                    f.write(base64.b64decode(b.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))
            p.send_signal(signal.SIGINT)
            check(p.wait(60) == 0, said())
            wait("nobody is told that there is no answer any more", lambda: "no answer since" in b.value("document.body.innerText"))
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
            if b:
                b.close()
            talk.end()
        check("system call denied" not in said(), said())


name = "tsmpage_%d" % os.getpid()
if sys.argv[2:3] == ["live"]:
    main()
elif os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL).returncode == 0:
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        if subprocess.run(["ip", "netns", "exec", name, sys.executable, *sys.argv[:2], "live", *sys.argv[2:]], timeout=600).returncode:
            faults.append("live")
    finally:
        subprocess.run(["ip", "netns", "del", name])
else:
    print("web_page: no namespaces, nothing live was tried")
sys.exit(bool(faults))
