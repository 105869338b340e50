"""The live view of a stream without end, and of an interface."""
import os
import re
import shutil
import subprocess
import time

from ui_lib import TSUMARI, WORK, Tmux, check, rows_of


def memory():
    """A long run with little to keep: memory is steady."""
    from ui_traffic import endless
    # Freed memory that AddressSanitizer keeps for a while is not the program's.
    quarantine = "ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1"
    t = Tmux("--live --keep 4M --memory 32M -r -", 120, 30, quarantine,
             before=f"python3 {os.path.dirname(os.path.abspath(__file__))}/ui_traffic.py endless |")
    t.wait(r"Service +answers")

    def rss():
        out = subprocess.run(["pgrep", "-f", f"^{TSUMARI} --live --keep 4M"], capture_output=True, text=True).stdout
        for line in open(f"/proc/{out.split()[0]}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    assert endless
    sizes_seen = []
    for _ in range(5):
        t.keys("3", "4", "5", "2", "1")
        time.sleep(1.5)
        sizes_seen.append(rss())
    check(sizes_seen[-1] < sizes_seen[1] * 1.15 + 4096, f"memory is steady: {sizes_seen} KiB")
    t.press("Q", r"END 0", "it leaves")
    t.over()


def live():
    """Over an interface: a namespace of our own, requests on its loopback."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        print("ui: not root: no live part")
        return
    server = """
import http.server as h
class H(h.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
h.ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
"""
    client = """
import time, urllib.request
time.sleep(1)
for i in range(4000):
    urllib.request.urlopen("http://127.0.0.1:8080/page/%d" % i).read()
    time.sleep(0.01)
"""
    for name, text in (("server.py", server), ("client.py", client), ("live.sh", f"""ip link set lo up
python3 {WORK}/server.py & s=$!
python3 {WORK}/client.py 2>{WORK}/client.err & c=$!
LC_ALL=C.UTF-8 XDG_CONFIG_HOME={WORK}/config {TSUMARI} --live -Z root -i lo 2>{WORK}/err
echo END $?
kill $s $c
sleep 60
""")):
        with open(f"{WORK}/{name}", "w") as f:
            f.write(text)
    t = Tmux("--version >/dev/null; true", 140, 30)
    t.over()
    t.socket += ".live"
    t.run("-f", "/dev/null", "new-session", "-d", "-x", "140", "-y", "30", "unshare", "-n", "bash", f"{WORK}/live.sh")
    t.wait(r"LIVE", "live")
    t.press("3", r"GET /page/\d+", "transactions as they end")
    a = rows_of(t.wait(r"\d+ rows"))
    b = rows_of(t.until(lambda text: rows_of(text) > a))
    check(b > a, f"they go on coming: {a}, {b}")
    t.press("p", r"PAUSED", "paused")
    a = t.wait(r"\d+ rows")
    time.sleep(1)
    check(rows_of(t.screen()) == rows_of(a), "nothing moves while it is paused")
    t.press("p", r"LIVE", "live again")
    check(rows_of(t.until(lambda text: rows_of(text) > rows_of(a) + 20)) > rows_of(a) + 20, "what came meanwhile is there")
    t.press(["B", "=tcp prot 1"], r"bad filter", "a capture filter is checked as it is typed")
    t.press(["C-u", "=tcp port 1", "Enter"], r"capture filter: tcp port 1", "and set")
    time.sleep(1.5)
    a = rows_of(t.screen())
    time.sleep(1)
    check(rows_of(t.screen()) == a, "nothing fits the new capture filter")
    t.press(["B", "C-u", "Enter"], r"capture filter: none", "all again")
    check(rows_of(t.until(lambda text: rows_of(text) > a)) > a, "and it goes on")
    t.press(["g", "P"], r"› Packets", "packets of a live capture")
    t.press("Enter", r"frame \d+", "one of them")
    t.keys("Escape", "Escape")
    t.press("1", r"tsumari: [\d.]+ % of a processor, at most [\d.]+ MiB of memory", "what it costs itself")
    t.press("Q", r"END 0", "it leaves")
    said = open(f"{WORK}/err").read()
    check("packets captured" in said, "the counts at the end")
    check(re.search(r"^[\d.]+ \w+ of processor time, .* a packet, at most [\d.]+ \w+ of memory$", said, re.M), "and the cost")
    t.over()
