"""--report=html: one file that asks for nothing, that nothing in a capture gets out of its place, and
that works in a browser: no error in its console, tables that sort and filter, light and dark."""
import base64
import hashlib
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import pcaplib
from browser import Browser

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")
MS = 10**6
AXE = ""
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def run(*arguments):
    return subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120)


HARM = ("</script><script>window.harm=1</script>", "<!--<script>", "<img src=x onerror=window.harm=1>", "]]>",
        "\u2028\u2029window.harm=1//", "\u202e", "&lt;b&gt;", "';window.harm=1;'", "\\u003cb>")


def hostile(path):
    """Requests whose every text means harm to a page that shows it."""
    at, packets = 10**18, []
    for c, harm in enumerate(HARM * 4, 1):
        talk = pcaplib.Conversation(c, 80)
        talk.open(at)
        text = harm.encode().replace(b" ", b"+")
        talk.send(0, at + MS, b"GET /" + text + b" HTTP/1.1\r\nHost: " + text + b"\r\nUser-Agent: " + text + b"\r\n\r\n")
        talk.send(1, at + 300 * MS * (c % 5 + 1), b"HTTP/1.1 500 " + text + b"\r\nContent-Type: " + text + b"\r\nContent-Length: 0\r\n\r\n")
        talk.close(at + 2000 * MS)
        packets += talk.packets
        at += 100 * MS
    packets.sort(key=lambda p: p.time)
    pcaplib.write(path, 1, packets)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.policy, self.text, self.inside = [], "", {}, None

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.tags.append((tag, a))
        self.inside = tag + (" " + a["type"] if "type" in a else "")
        if a.get("http-equiv") == "Content-Security-Policy":
            self.policy = a["content"]

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, text):
        if self.inside:
            self.text[self.inside] = self.text.get(self.inside, "") + text


def form(name, path):
    """The file by itself; gives the object in it."""
    with open(path, encoding="utf-8") as f:
        raw = f.read()
    page = Page()
    page.feed(raw)
    scripts = [a for t, a in page.tags if t == "script"]
    if len(scripts) != 2 or [a.get("type") for a in scripts] != ["application/json", None]:
        fail(f"{name}: scripts {scripts}")
    for tag, a in page.tags:
        for k, v in a.items():
            if k in ("src", "href", "srcset", "action", "style", "data") or k.startswith("on"):
                fail(f"{name}: <{tag} {k}={v}>")
    if re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", page.text["script"] + page.text["style"]):
        fail(f"{name}: the script or the style names something outside")
    for kind, text in (("script-src", page.text["script"]), ("style-src", page.text["style"])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if f"{kind} 'sha256-{digest}'" not in page.policy:
            fail(f"{name}: the policy does not fit the {kind}")
    if "default-src 'none'" not in page.policy or "unsafe" in page.policy:
        fail(f"{name}: policy {page.policy}")
    data = page.text["script application/json"]
    if "<" in data or "\u2028" in data or "\u202e" in data:
        fail(f"{name}: the object holds a character that means something")
    return json.loads(data)


def shown(text):
    """As the page shows a text: what cannot be seen by its number."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]",
                  lambda m: "\\u%04x" % ord(m[0]), text)


def quiet(name, browser):
    """Nothing in the console, nothing asked for but the file."""
    for e in browser.events:
        method, p = e.get("method"), e.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            fail(f"{name}: console: {json.dumps(p)[:300]}")
        if method == "Network.requestWillBeSent" and not p["request"]["url"].startswith("file://"):
            fail(f"{name}: asks for {p['request']['url']}")


CELLS = "[...document.querySelectorAll('#%s tbody tr')].map(r => r.children[%d].textContent)"
CLICK = "[...document.querySelectorAll('#%s th button')].find(b => b.textContent === '%s').click()"
CONTRAST = """(function () {
    const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.03928 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4));
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$/.test(c) && c !== 'transparent') return c; } return 'rgb(255, 255, 255)'; };
    let least = 99, of = '';
    for (const e of document.querySelectorAll('h1, h2, h3, p, td, th, dd, dt, summary, .note, .severity, .number')) {
        const a = light(getComputedStyle(e).color), b = light(ground(e)), r = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (r < least) { least = r; of = e.tagName + '.' + e.className; }
    }
    return [least, of, getComputedStyle(document.body).backgroundColor];
})()"""


def parse(text):
    m = re.fullmatch(r"([\d.,]+)(?: (ns|us|ms|s|min|h))?", text)
    return float(m[1].replace(",", "")) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "h": 3.6e12, None: 1}[m[2]]


def looked_at(browser, name, path, data, shots):
    browser.open(path)
    if not browser.value("document.documentElement.hasAttribute('data-ready')"):
        fail(f"{name}: the script did not come to its end")
    if browser.value("window.harm") is not None:
        fail(f"{name}: something of the capture ran as a script")
    heads = browser.value("[...document.querySelectorAll('h2')].map(e => e.textContent)")
    for h in ["Findings"] + (["Over time", "Where the time went", "Services", "Operations"] if "series" in data else []):
        if h not in heads:
            fail(f"{name}: no section {h}: {heads}")
    order = [h for h in heads if h in ("Causes of waiting", "Where the time went", "Findings", "Over time")]
    if order != sorted(order, key=("Causes of waiting", "Where the time went", "Findings", "Over time").index):
        fail(f"{name}: sections in the order {order}")
    if browser.value("document.querySelectorAll('.finding').length") != len(data["findings"]):
        fail(f"{name}: not all findings are shown")
    lines = browser.value("[...document.querySelectorAll('section')].filter(s => s.firstChild.textContent === 'Causes of waiting')"
                          ".flatMap(s => [...s.querySelectorAll('.number')].map(e => e.textContent))")
    told = data["account"]["lines"] if data.get("account", {}).get("felt") else []
    if len(lines) != min(len(told), 13):
        fail(f"{name}: {len(told)} causes of waiting, shown: {lines}")
    if told and not lines[0].endswith("%.1f\u00a0%%" % (100 * told[0]["share"])) and not lines[0].endswith("%.1f %%" % (100 * told[0]["share"])):
        fail(f"{name}: the first cause has {told[0]['share']} of the waiting, shown: {lines[0]}")
    if browser.value("document.querySelectorAll('details.slow').length") != len(data["slowest"]):
        fail(f"{name}: not all of the slowest are shown")
    if "[object" in browser.value("document.body.innerText"):
        fail(f"{name}: an object is shown as a text")
    drawn_to_scale(browser, name, data)
    charts(browser, name, data)
    links(browser, name, data)
    if "series" in data:
        tables(browser, name, data)
    narrow(browser, name, shots)
    schemes(browser, name, shots)
    quiet(name, browser)


BARS = """[...document.querySelectorAll('section')].filter(s => s.firstChild.textContent === '%s')
    .flatMap(s => [...s.querySelectorAll('.bars .bar')].map(b => [...b.children].map(i => i.getBoundingClientRect().width)
        .concat([b.getBoundingClientRect().width])))"""
TICKS = """[...document.querySelectorAll('section')].filter(s => s.firstChild.textContent === '%s')
    .flatMap(s => [...s.querySelectorAll('.ticks span')].map(t => [t.textContent, parseFloat(t.style.left)]))"""


def drawn_to_scale(browser, name, data):
    """Bars have the length of their time, by the ticks under them."""
    felt = data.get("account", {}).get("felt") and data["account"]["lines"][:12]
    tiers = [t for t in data["tiers"] if t["server_time"]][:20]
    services = [x for x in data["services"] if x["total"]][:20]
    for head, times in (("Causes of waiting", [x["cost"] for x in felt or []]),
                        ("Where the time went", [data["total"]["total"]] + [x["total"] for x in services] if services else []),
                        ("What requests waited for behind their server", [x["server_time"] for x in tiers])):
        bars, ticks = browser.value(BARS % head), browser.value(TICKS % head)
        if len(bars) < len(times) or (times and len(ticks) < 2):
            fail(f"{name}: {head}: {len(bars)} bars and ticks {ticks} for {len(times)} times")
            continue
        for (*pieces, width), ns in zip(bars, times):
            # A piece has a pixel at least.
            if not -2 <= sum(pieces) - width * ns / max(times) <= 1 + len(pieces):
                fail(f"{name}: {head}: {sum(pieces):.1f} of {width:.1f} pixels are {ns} of {max(times)} ns")
        for text, place in ticks[1:] if times else []:
            if abs(parse(text.replace("\u00a0", " ")) / max(times) * 100 - place) > 0.01:
                fail(f"{name}: {head}: {text} stands at {place} % of {max(times)} ns")


def charts(browser, name, data):
    """What is 0 everywhere has no chart; each chart has an axis with units."""
    if "series" not in data:
        return
    labels = browser.value("[...document.querySelectorAll('.plot')].map(p => (p.querySelector('[aria-label]') || p).getAttribute('aria-label'))")
    s = data["series"]
    for label, some in (("Ended a second over time", any(s["ended"])), ("Under way over time", any(s["busy"])),
                        ("Errors a second over time", any(s["errors"])),
                        ("Latency over time; the arrow keys go from cell to cell", any(s["heat"]))):
        if (label in labels) != some:
            fail(f"{name}: chart {label!r} is {'' if label in labels else 'not '}there")
    for i in range(len(labels)):
        x = browser.value(f"[...document.querySelectorAll('.plot')[{i}].querySelectorAll('.x')].map(e => e.textContent)")
        y = browser.value(f"[...document.querySelectorAll('.plot')[{i}].querySelectorAll('.y')].map(e => e.textContent)")
        if len(x) < 2 or len(y) < 2:
            fail(f"{name}: {labels[i]}: ticks {x} {y}")
    if any(s["heat"]):
        # Each bucket that has something is come to by the right arrow.
        full = sum(1 for b in s["heat"] if b)
        browser.value("document.querySelector('canvas').focus()")
        said = set()
        for _ in range(min(full, 40)):
            browser.value("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))")
            said.add(browser.value("document.querySelector('.plot').nextSibling.textContent"))
        if not all(re.match(r"at .*: [1-9]", x) for x in said):
            fail(f"{name}: the arrow keys come to {sorted(said)[:3]}")


def links(browser, name, data):
    """From a finding to its rows; its frames and filters are copied."""
    copied = browser.value("""(async function () {
        const all = [];
        for (const b of document.querySelectorAll('.finding .copy button')) {
            b.click();
            await new Promise(r => setTimeout(r, 20));
            all.push(await navigator.clipboard.readText());
        }
        return all;
    })()""", wait=True)
    wanted = []
    lesser = [f for f in data["findings"] if f["severity"] == "info" and not f["of_capture"]] if len(data["findings"]) > 4 else []
    for f in [f for f in data["findings"] if f not in lesser] + lesser:
        wanted += ["frame.number in {" + ", ".join(map(str, f["frames"])) + "}"] if f["frames"] else []
        wanted += [shown(f[k]) for k in ("filter", "bpf") if f.get(k)]
    if copied != wanted:
        fail(f"{name}: copied {copied}, {wanted} expected")
    for f in data["findings"]:
        if not any(x.get("server") == f.get("server", 0) for x in data["operations"]):
            continue
        browser.value("[...document.querySelectorAll('.finding')].find(f => f.textContent.includes(%s))"
                      ".querySelectorAll('dd .link').forEach(b => { if (b.textContent === 'operations') b.click(); })"
                      % json.dumps("server " + f["server"]))
        rows = browser.value(CELLS % ("operations", 0))
        if not rows or any(not r.startswith(f["server"]) for r in rows):
            fail(f"{name}: from {f['id']} of {f['server']} to the rows {rows[:5]}")
        browser.value("(function () { const i = document.querySelector('#operations').parentElement.querySelector('input');"
                      "i.value = ''; i.dispatchEvent(new Event('input')); })()")


def narrow(browser, name, shots):
    """On a telephone nothing is wider than the page but tables, which scroll in their panel."""
    browser.call("Emulation.setDeviceMetricsOverride", width=375, height=800, deviceScaleFactor=1, mobile=False)
    wide = browser.value("document.documentElement.scrollWidth")
    if wide > 375:
        fail(f"{name}: {wide} pixels wide on 375")
    small = browser.value("[...document.querySelectorAll('main *')].filter(e => e.firstChild && e.firstChild.nodeType === 3 &&"
                          "parseFloat(getComputedStyle(e).fontSize) < 11.5).map(e => e.textContent.slice(0, 30))")
    if small:
        fail(f"{name}: text smaller than 11.5 pixels: {small[:5]}")
    accessible(browser, f"{name} at 375")
    if shots:
        shot(browser, os.path.join(shots, f"{name}-375.png"), 375)
    browser.call("Emulation.clearDeviceMetricsOverride")
    accessible(browser, name)


def accessible(browser, name):
    """No rule of axe-core is broken, where npm could fetch it."""
    if not AXE:
        return
    browser.value(AXE + "; 0")
    found = browser.value("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
                          "v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(' ')))", wait=True)
    for f in found:
        fail(f"{name}: axe: {f}")


def fetch_axe(work):
    """axe-core of npm, one file; empty where there is no npm or no registry to be reached."""
    try:
        r = subprocess.run(["npm", "pack", "--silent", "axe-core@4.10.3"], cwd=work, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if r.returncode != 0:
        return ""
    with tarfile.open(os.path.join(work, r.stdout.decode().split()[-1])) as t:
        return t.extractfile("package/axe.min.js").read().decode()


def shot(browser, path, width):
    height = browser.value("document.documentElement.scrollHeight")
    r = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                     clip={"x": 0, "y": 0, "width": width, "height": min(height, 9000), "scale": 1})
    with open(path, "wb") as f:
        f.write(base64.b64decode(r["data"]))


def tables(browser, name, data):
    """They sort, they filter; every service can be chosen."""
    wanted = [shown(o.get("operation", "other")) for o in data["operations"]][:200]
    if browser.value(CELLS % ("operations", 1)) != wanted:
        fail(f"{name}: operations {browser.value(CELLS % ('operations', 1))[:5]}, {wanted[:5]} expected")
    column = browser.value("[...document.querySelectorAll('#operations th')].map(e => e.textContent)").index("p99")
    orders = []
    for direction in ("descending", "ascending"):
        browser.value(CLICK % ("operations", "p99"))
        got = [parse(x) for x in browser.value(CELLS % ("operations", column)) if x != "-"]
        orders.append(got)
        if got != sorted(got, reverse=direction == "descending") or not got:
            fail(f"{name}: sorted by p99, {direction}: {got[:8]}")
        mark = browser.value(f"document.querySelectorAll('#operations th')[{column}].getAttribute('aria-sort')")
        if mark != direction:
            fail(f"{name}: aria-sort is {mark}")
    if sorted(orders[0]) != sorted(orders[1]):
        fail(f"{name}: sorting loses rows")
    # What is there of the first operation, as the page has it.
    some = wanted[0].split(" ")[-1][:12]
    browser.value("(function () { const i = document.querySelector('#operations').parentElement.querySelector('input');"
                  f"i.value = {json.dumps(some)}; i.dispatchEvent(new Event('input')); }})()")
    left = browser.value(CELLS % ("operations", 1))
    if not left or any(some.lower() not in x.lower() for x in left):
        fail(f"{name}: filtered by {some!r}: {left[:5]}")
    choices = browser.value("document.querySelector('select').options.length")
    for i in range(choices):
        browser.value(f"(function () {{ const s = document.querySelector('select'); s.value = {i};"
                      "s.dispatchEvent(new Event('change')); })()")


def schemes(browser, name, shots):
    """All text can be read, light and dark."""
    grounds = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        least, of, ground = browser.value(CONTRAST)
        grounds.append(ground)
        if least < 4.5:
            fail(f"{name}: {scheme}: contrast {least:.1f} of {of}")
        if shots:
            shot(browser, os.path.join(shots, f"{name}-{scheme}.png"), 1300)
    if grounds[0] == grounds[1]:
        fail(f"{name}: light and dark have one background")
    browser.scheme("light")


def large(browser, work):
    """A page of very many transactions stays small and opens soon."""
    gen = os.path.join(os.path.dirname(TSUMARI), "tests", "bench", "bench-gen")
    capture, page = os.path.join(work, "large.pcap"), os.path.join(work, "large.html")
    subprocess.run([gen, "small", capture, "--scale", os.environ.get("LARGE", "0.05")], check=True, capture_output=True, timeout=300)
    run("-r", capture, "--report=html", "-o", page)
    size = os.path.getsize(page)
    if size >= 3 << 20:
        fail(f"large: a page of {size} bytes")
    browser.open(page)
    took = browser.value("performance.getEntriesByType('navigation')[0].loadEventStart")
    if not 0 < took < 2000:
        fail(f"large: opened in {took} ms")
    print(f"html: a page of {size} bytes opened in {took:.0f} ms")


def main():
    global AXE
    program = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    shots = os.environ.get("SHOTS")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        evil = os.path.join(work, "evil.pcap")
        hostile(evil)
        pages = []
        for name in ("http-slow", "http-errors", "http-proxy", "mysql-text", "tiers", "syn-backlog-abort", "nfs3", "hostile"):
            capture = evil if name == "hostile" else os.path.join(PCAPS, name + ".pcap")
            page = os.path.join(work, name + ".html")
            r = run("-r", capture, "--report=html", "-o", page)
            if r.returncode != 0:
                fail(f"{name}: status {r.returncode}: {r.stderr.decode()}")
                continue
            data = form(name, page)
            if data != json.loads(run("-r", capture, "--report=json").stdout):
                fail(f"{name}: the object in the page is not that of --report=json")
            pages.append((name, page, data))
        named = os.path.join(work, "<b>&\"'.pcap")
        os.link(evil, named)
        run("-r", named, "--report=html", "-o", os.path.join(work, "named.html"))
        with open(os.path.join(work, "named.html"), encoding="utf-8") as f:
            if "<b>&" in f.read():
                fail("the name of the capture stands in the page as it is")
        if not program:
            print("html: chromium is not installed: the page was not looked at")
            return 1 if bad else 77
        browser = Browser(program, os.path.join(work, "profile"))
        try:
            browser.attach()
            AXE = fetch_axe(work)
            if not AXE:
                print("html: npm or its registry cannot be reached: axe-core did not look at the page")
            for name, page, data in pages:
                looked_at(browser, name, page, data, shots)
            large(browser, work)
        finally:
            browser.close()
    if not bad:
        print(f"html: {len(pages)} pages")
    return bad > 0


sys.exit(main())
