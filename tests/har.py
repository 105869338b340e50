"""HTTP Archives: their form (HAR 1.2), their numbers against the records of the same run."""
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

import pcaplib

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def run(*arguments, **more):
    return subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120, **more)


def ns(ms_text):
    """Milliseconds as they stand in the file, in ns."""
    return -1 if str(ms_text) == "-1" else int(round(float(ms_text) * 1e6))


def moment(text):
    whole, part = text.rstrip("Z").split(".")
    t = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(t.timestamp()) * 10**9 + int(part.ljust(9, "0"))


# What the specification asks of each object: name, type, may it be left out.
PAIR = {"name": (str, 0), "value": (str, 0)}
FORM = {
    "log": {"version": (str, 0), "creator": (dict, 0), "entries": (list, 0), "comment": (str, 1)},
    "creator": {"name": (str, 0), "version": (str, 0)},
    "entry": {"startedDateTime": (str, 0), "time": (float, 0), "request": (dict, 0),
              "response": (dict, 0), "cache": (dict, 0), "timings": (dict, 0),
              "serverIPAddress": (str, 1), "connection": (str, 1), "comment": (str, 1)},
    "request": {"method": (str, 0), "url": (str, 0), "httpVersion": (str, 0), "cookies": (list, 0),
                "headers": (list, 0), "queryString": (list, 0), "headersSize": (int, 0),
                "bodySize": (int, 0)},
    "response": {"status": (int, 0), "statusText": (str, 0), "httpVersion": (str, 0),
                 "cookies": (list, 0), "headers": (list, 0), "content": (dict, 0),
                 "redirectURL": (str, 0), "headersSize": (int, 0), "bodySize": (int, 0)},
    "content": {"size": (int, 0), "mimeType": (str, 0)},
    "timings": {"blocked": (float, 1), "dns": (float, 1), "connect": (float, 1), "ssl": (float, 1),
                "send": (float, 0), "wait": (float, 0), "receive": (float, 0)},
}


def form(where, kind, o):
    rules = FORM.get(kind, PAIR)
    for name, (type_, optional) in rules.items():
        if name not in o:
            if not optional:
                fail(f"{where}: {kind} without {name}")
            continue
        good = isinstance(o[name], (int, float) if type_ is float else type_)
        if not good or isinstance(o[name], bool):
            fail(f"{where}: {kind}.{name} is {o[name]!r}")
    for name in o:
        if name not in rules and not name.startswith("_"):
            fail(f"{where}: {kind}.{name} is not in HAR 1.2")


def entry_form(where, e):
    form(where, "entry", e)
    form(where, "request", e["request"])
    form(where, "response", e["response"])
    form(where, "content", e["response"]["content"])
    form(where, "timings", e["timings"])
    for o in e["request"]["headers"] + e["request"]["queryString"] + e["response"]["headers"]:
        form(where, "pair", o)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", e["startedDateTime"]):
        fail(f"{where}: startedDateTime {e['startedDateTime']}")
    if not re.fullmatch(r"[a-z]+://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+", e["request"]["url"]):
        fail(f"{where}: url {e['request']['url']!r}")
    t = e["timings"]
    for name in ("send", "wait", "receive"):
        if ns(t[name]) < 0:
            fail(f"{where}: timings.{name} {t[name]}")
    total = sum(max(ns(t[k]), 0) for k in ("blocked", "dns", "connect", "send", "wait", "receive"))
    if total != ns(e["time"]):
        fail(f"{where}: time is {ns(e['time'])} ns, its parts {total}")


def entry_numbers(where, e, r):
    """An entry beside its record."""
    q, a, t = e["request"], e["response"], e["timings"]
    ledger = {k[len("tsumari.ledger."):]: v for k, v in r.items() if k.startswith("tsumari.ledger.")}
    total = ledger.pop("total", None)
    connect = sum(v for k, v in ledger.items() if k.startswith("connect."))
    pairs = [
        (moment(e["startedDateTime"]), moment(r["event.start"]) - connect, "start"),
        (q["method"], r["http.request.method"], "method"),
        (a["status"], r.get("http.response.status_code", 0), "status"),
        (a["statusText"], r.get("http.response.status_phrase", ""), "phrase"),
        (q["bodySize"], r.get("http.request.body.bytes", 0 if "http.request.bytes" in r else -1), "body"),
        (a["bodySize"], r.get("http.response.body.bytes", 0 if "http.response.bytes" in r else -1),
         "response's body"),
        (a["content"]["mimeType"], r.get("http.response.mime_type", "x-unknown"), "type"),
        (e["serverIPAddress"], r["server.ip"], "server"),
        (e["connection"], pcaplib.of_no_run(r)["flow.id"], "connection"),
        (e["_quality"], r.get("tsumari.quality", []), "quality"),
        (ns(t["connect"]), connect if "connect" in r.get("tsumari.quality", []) else -1, "connect"),
        ({k: ns(v) for k, v in e.get("_ledger", {}).items()}, ledger, "ledger"),
        ([p["name"] for p in q["queryString"]],
         [k for k, _ in urllib.parse.parse_qsl(r.get("url.query", ""), keep_blank_values=True)], "query"),
    ]
    if "url.full" in r and r["url.full"].isascii() and "://" in r["url.full"]:
        pairs.append((urllib.parse.unquote(q["url"]), urllib.parse.unquote(r["url.full"]), "URL"))
    if "tsumari.time.response" in r:
        for part, name in (("request", "send"), ("wait", "wait"), ("response", "receive")):
            if part != "response" or "resent_end" not in r.get("tsumari.quality", ()):
                pairs.append((ns(t[name]), r["tsumari.time." + part], name))
        if "comment" in e:
            fail(f"{where}: a whole transaction with the comment {e['comment']}")
    elif "comment" not in e:
        fail(f"{where}: no comment on what is not known")
    if total is not None:
        pairs.append((ns(e["time"]), total, "time against the ledger"))
    for got, expected, what in pairs:
        if got != expected:
            fail(f"{where}: {what} is {got!r}, the record has {expected!r}")


def capture(path, name, work):
    har, records = os.path.join(work, "x.har"), os.path.join(work, "x.json")
    r = run("-r", path, "--json-flat", "--types", "http,http2", "-o", records, "--har", har)
    if r.returncode != 0:
        fail(f"{name}: status {r.returncode}: {r.stderr.decode()}")
        return 0
    with open(har, encoding="utf-8") as f:
        text = f.read()
    with open(records, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    log = json.loads(text)["log"]
    form(name, "log", log)
    form(name, "creator", log["creator"])
    if log["version"] != "1.2" or log["creator"]["name"] != "tsumari":
        fail(f"{name}: version {log['version']}, creator {log['creator']}")
    wanted = [x for x in rows if "tsumari.frame.request_first" in x and "http.request.method" in x
              and ("://" in x.get("url.full", "") or x.get("url.path", "").startswith("/"))]
    left = len(rows) - len(wanted)
    if len(wanted) != len(log["entries"]):
        fail(f"{name}: {len(log['entries'])} entries, {len(wanted)} records")
    if (f"{left} left out" in log.get("comment", "")) != (left > 0):
        fail(f"{name}: {left} records left out, the comment is {log.get('comment')}")
    for i, (e, x) in enumerate(zip(log["entries"], wanted)):
        entry_form(f"{name} entry {i}", e)
        entry_numbers(f"{name} entry {i}", e, x)
    for jobs in ("0", "3"):
        run("-j", jobs, "-r", path, "--har", har)
        with open(har, encoding="utf-8") as f:
            if f.read() != text:
                fail(f"{name}: -j {jobs} gives another file")
    return len(log["entries"])


def hostile(path):
    """Requests that mean harm to whoever shows them, and queries with odd parameters."""
    talk = pcaplib.Conversation(1)
    at = 10**18
    talk.open(at)
    for target in (b'/a?x=%22+1&&y=a%26b&z=%zz&=v&w', b'/\xff\xc3\xa9"</script>?q=\xe2\x80\xa8',
                   b"/<!--'|{}^`\\?a=b=c", b"/?" + b"p=1&" * 400):
        at += 10**6
        talk.send(0, at, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nUser-Agent: \x1b[31m</script>\xe2\x80\xa8\"\\\r\n\r\n")
        at += 10**6
        talk.send(1, at, b"HTTP/1.1 200 </script>\r\nContent-Length: 2\r\n\r\nok")
    talk.close(at + 10**6)
    pcaplib.write(path, 1, talk.packets)


def main():
    entries = 0
    with tempfile.TemporaryDirectory() as work:
        for name in sorted(os.listdir(PCAPS)):
            if name.startswith(("http", "grpc")) and "pcap" in name:
                entries += capture(os.path.join(PCAPS, name), name, work)
        path = os.path.join(work, "hostile.pcap")
        hostile(path)
        if capture(path, "hostile", work) != 4:
            fail("hostile: not all requests are there")
        raw = run("-r", path, "--har", "-").stdout
        for mark in (b"\x1b", b"</script", b"<!--", "\u2028".encode(), b"\xff"):
            if mark in raw:
                fail(f"{mark!r} stands in the file as it is")
        query = json.loads(raw)["log"]["entries"][0]["request"]["queryString"]
        if [(p["name"], p["value"]) for p in query] != [
                ("x", '" 1'), ("y", "a&b"), ("z", "%zz"), ("", "v"), ("w", "")]:
            fail(f"query string: {query}")
        web = os.path.join(PCAPS, "http-errors.pcap")
        for arguments, says in (
                (["--har", "/nonexistent/x"], "--har: cannot write /nonexistent/x: No such file or directory"),
                (["--har", path], "--har: " + path + " is the file that is being read"),
                (["--har", "-", "--json"], "both go to the standard output"),
                (["--har", ""], "--har needs a name")):
            r = run("-r", path, *arguments, cwd=work)
            if r.returncode != 2 or says not in r.stderr.decode() or r.stderr.count(b"\n") != 1:
                fail(f"{arguments}: status {r.returncode}, {r.stderr}")
        r = run("-r", web, "--har", "x.har", "-w", "y.pcap", "--report", "-o", "z.txt", cwd=work)
        names = ("x.har", "y.pcap", "z.txt")
        if r.returncode or r.stdout or not all(os.path.getsize(os.path.join(work, n)) > 100 for n in names):
            fail(f"an archive, packets and a report: status {r.returncode}, {r.stderr}")
        r = run("-r", web, "--har", "/dev/full")
        if r.returncode != 1 or b"No space left" not in r.stderr:
            fail(f"a full disk: status {r.returncode}, {r.stderr}")
        r = run("-r", web, "--har", "-", "-Y", "http.response.status_code >= 500")
        statuses = [e["response"]["status"] for e in json.loads(r.stdout)["log"]["entries"]]
        if not statuses or min(statuses) < 500:
            fail(f"-Y: {statuses}")
        r = run("-r", os.path.join(PCAPS, "dns.pcap"), "--har", "-")
        if json.loads(r.stdout)["log"]["entries"] != []:
            fail("entries where there is no HTTP")
    if entries < 100:
        fail(f"{entries} entries only")
    print(f"har: {entries} entries")
    return bad > 0


sys.exit(main())
