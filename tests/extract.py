"""--extract: the frames that come out are those of the records that fit, as tshark tells connections
apart, from a file and from a pipe."""
import datetime
import json
import os
import subprocess
import sys
import tempfile

import pcaplib

TSUMARI = os.environ["TSUMARI"]
PCAPS = os.path.join(os.environ["top_srcdir"], "pcaps")
FIELDS = ("frame.number", "tcp.stream", "udp.stream", "tcp.len", "udp.length", "tcp.flags.syn",
          "ip.src", "ip.dst", "ip.proto", "ipv6.src", "ipv6.dst", "vrrp.type", "icmp.ident")
FILTERS = (
    "type == flow",
    "type != flow",
    "event.duration > 1ms and not type == flow",
    "http.response.status_code >= 500",
    "type == flow and tsumari.tcp.syn_retries > 0",
    "tsumari.ledger.stall.rto.server or tsumari.ledger.stall.zero_window.client",
)
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def run(*arguments, **more):
    return subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=120, **more)


def tshark(path):
    """By frame number: connection, does it carry data, is it a SYN."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=l", "-E", "separator=,"]
    for f in FIELDS:
        command += ["-e", f]
    out = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    frames = {}
    for line in out.splitlines():
        number, tcp, udp, length, datagram, syn, *ends = line.split(",")
        stream = ("tcp", tcp) if tcp else ("udp", udp) if udp else tuple(sorted(ends))
        data = int(length or 0) > 0 or (not tcp and int(datagram or 0) > 8)
        frames[int(number)] = (stream, data, syn in ("1", "True"))
    return frames


def expected(records, frames, packets):
    """The numbers of the frames that these records mean."""
    wanted = set()
    ends = {r["flow.id"]: r["event.end"] for r in records["all"]
            if r["type"] == "flow" and r.get("flow.final")}
    of_stream = {}
    for number, (stream, _, _) in frames.items():
        of_stream.setdefault(stream, []).append(number)
    for r in records["fit"]:
        if "tsumari.frame.number" in r or r["type"] in ("arp", "vrrp"):
            wanted.update([r["tsumari.frame.number"]] if "tsumari.frame.number" in r else [])
            continue
        first = int(pcaplib.of_no_run(r)["flow.id"])
        stream = frames[first][0]
        mine = [n for n in of_stream[stream] if n >= first]
        if r["flow.id"] in ends:
            mine = [n for n in mine if stamp(packets[n - 1].time) <= ends[r["flow.id"]]]
        if r["type"] == "flow":
            wanted.update(mine)
            continue
        stamps = [v for k, v in r.items() if k.startswith("tsumari.frame.")]
        open_end = {"no_response", "unfinished"} & set(r.get("tsumari.quality", []))
        wanted.update(n for n in mine if min(stamps) <= n and (open_end or n <= max(stamps)))
        if frames[first][2]:
            for n in mine:
                if frames[n][1] and not frames[n][2]:
                    break
                wanted.add(n)
    return sorted(wanted)


def stamp(time):
    t = datetime.datetime.fromtimestamp(time // 10**9, datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S") + ".%09dZ" % (time % 10**9)


def of(path):
    return [(p.time, p.wire, p.data) for p in pcaplib.read(path)[1]]


def capture(path, name, work):
    _, packets = pcaplib.read(path)
    frames = tshark(path)
    every = [json.loads(x) for x in run("-r", path, "--json-flat").stdout.splitlines()]
    out, piped, found = os.path.join(work, "x.pcap"), os.path.join(work, "y.pcap"), 0
    for text in FILTERS:
        if name.startswith("tunnel") and text == FILTERS[0]:
            continue # tshark numbers the streams of what carries, not those of ICMP inside
        fit = [json.loads(x) for x in run("-r", path, "--json-flat", "-Y", text).stdout.splitlines()]
        want = expected({"all": every, "fit": fit}, frames, packets)
        r = run("-r", path, "--extract", text, "-w", out)
        if r.returncode != 0:
            fail(f"{name}, {text}: status {r.returncode}: {r.stderr.decode()}")
            continue
        if f"{len(want)} packet{'' if len(want) == 1 else 's'} written" not in r.stderr.decode():
            fail(f"{name}, {text}: {r.stderr.decode().strip()}, {len(want)} expected")
        got = of(out)
        if got != [(packets[n - 1].time, packets[n - 1].wire, packets[n - 1].data) for n in want]:
            index = {(p.time, p.wire, p.data): i + 1 for i, p in enumerate(packets)}
            have = [index.get(g, 0) for g in got]
            fail(f"{name}, {text}: {len(got)} frames, {len(want)} expected: too many "
                 f"{sorted(set(have) - set(want))[:9]}, missing {sorted(set(want) - set(have))[:9]}")
        found += len(got)
        with open(path, "rb") as f:
            r = run("-j", "2", "-r", "-", "--extract", text, "-w", piped, stdin=f)
        if r.returncode != 0 or of(piped) != got or b"had left" in r.stderr:
            fail(f"{name}, {text}: other frames from a pipe: {r.stderr.decode()}")
        if text != FILTERS[2]:
            continue
        r = subprocess.run(["tshark", "-n", "-r", out], capture_output=True, timeout=60)
        if r.returncode != 0 or len(r.stdout.splitlines()) != len(got):
            fail(f"{name}, {text}: tshark: {r.stderr.decode()}")
    return found


NAMES = ("http-errors", "http-keepalive", "http-pipeline", "http-reuse", "http-rst", "http-loss-path",
         "http-zerowindow", "http-midstream", "http-refused", "http-vlan", "http2", "syn-backlog-linear", "mysql-text",
         "smtp-basic", "nfs3", "dns", "tls", "vrrp", "arp", "tunnel-vxlan", "http-sll")


def is_udp(data):
    if data[12:14] == b"\x08\x00":
        return data[23] == 17
    return data[12:14] == b"\x86\xdd" and (data[20] == 17 or (data[20] == 44 and data[54] == 17))


def fragments(work):
    """Datagrams in pieces, forwards and backwards, and what was asked of them."""
    path, out = os.path.join(PCAPS, "frag.pcap"), os.path.join(work, "x.pcap")
    link, packets = pcaplib.read(path)
    turned = os.path.join(work, "turned.pcap")
    order, group = [], []
    for p in packets:
        more = p.data[12:14] == b"\x08\x00" and p.data[20] & 0x20
        group.append(p)
        if not more:
            order += group[::-1]
            group = []
    pcaplib.write(turned, link, [pcaplib.Packet(p.time, o.data, o.wire) for p, o in zip(packets, order + group)])
    for which in (path, turned):
        r = run("-r", which, "--extract", "type == flow and network.transport == udp", "-w", out)
        whole = pcaplib.read(which)[1]
        udp = [p for p in whole if is_udp(p.data)]
        if r.returncode != 0 or of(out) != [(p.time, p.wire, p.data) for p in udp] or not udp:
            fail(f"{which}: {len(of(out))} frames of fragmented datagrams, {len(udp)} expected")


def ring(work):
    """What has left the memory is said; what a little memory holds is not."""
    path, out = os.path.join(PCAPS, "http-large.pcap"), os.path.join(work, "x.pcap")
    with open(path, "rb") as f:
        r = run("-r", "-", "--extract", "type == http", "--extract-memory", "64K", "-w", out, stdin=f)
    if r.returncode != 1 or b"frames had left the memory before" not in r.stderr:
        fail(f"little memory: status {r.returncode}: {r.stderr.decode()}")
    r = run("-r", path, "--extract", "type == http", "-w", out, "-o", os.path.join(work, "all.json"))
    if r.returncode != 0 or b'"flow"' not in open(os.path.join(work, "all.json"), "rb").read():
        fail("-o beside --extract has no records")


def findings(work):
    """A finding by its id is what its filter isolates."""
    out, other = os.path.join(work, "x.pcap"), os.path.join(work, "y.pcap")
    n = 0
    for name in ("syn-backlog-abort", "http-refused", "http-zerowindow", "tiers"):
        path = os.path.join(PCAPS, name + ".pcap")
        rows = [json.loads(x) for x in run("-r", path, "--json-flat", "--types", "finding").stdout.splitlines()]
        for which in sorted({r["tsumari.finding.id"] for r in rows}):
            mine = [r["tsumari.finding.filter"] for r in rows if r["tsumari.finding.id"] == which]
            r = run("-r", path, "--extract", which, "-w", out)
            run("-r", path, "--extract", " or ".join(f"({x})" for x in mine), "-w", other)
            if r.returncode != 0 or of(out) != of(other) or not of(out):
                fail(f"{name}, {which}: status {r.returncode}, {len(of(out))} frames, {len(of(other))} by its filter")
            packets, got = of(path), set(of(out))
            proof = {f for r in rows if r["tsumari.finding.id"] == which for f in r.get("tsumari.finding.frames", [])}
            if not proof or not all(packets[f - 1] in got for f in proof):
                fail(f"{name}, {which}: not all of its frames {sorted(proof)} come out")
            n += 1
    if n < 4:
        fail(f"{n} findings only")
    path = os.path.join(PCAPS, "http-errors.pcap")
    r = run("-r", path, "--extract", "no-such", "-w", out)
    if r.returncode != 1 or b"--extract: no-such was not found; what was: " not in r.stderr:
        fail(f"a finding that is not there: status {r.returncode}, {r.stderr}")
    with open(path, "rb") as f:
        r = run("-r", "-", "--extract", "connect-refused", "-w", out, stdin=f)
    if r.returncode != 2 or b"must be a file" not in r.stderr:
        fail(f"a finding from a pipe: status {r.returncode}, {r.stderr}")


def main():
    found = 0
    with tempfile.TemporaryDirectory() as work:
        for name in NAMES:
            found += capture(os.path.join(PCAPS, name + ".pcap"), name, work)
        fragments(work)
        ring(work)
        findings(work)
        path = os.path.join(PCAPS, "dns.pcap")
        for arguments, says in (
                (["--extract", "type == flow"], "--extract needs -w"),
                (["--extract-memory", "1M", "-w", "x"], "--extract-memory needs --extract"),
                (["--extract", "no.such == 1", "-w", "x"], "--extract: "),
                (["--extract", "type == flow", "-w", path], "is the file that is being read"),
                (["--extract", "type == flow", "--extract-memory", "1K", "-w", "x"], "at least 64K")):
            r = run("-r", path, *arguments, cwd=work)
            if r.returncode != 2 or says not in r.stderr.decode() or r.stderr.count(b"\n") != 1:
                fail(f"{arguments}: status {r.returncode}, {r.stderr}")
    if found < 6000:
        fail(f"{found} frames only")
    print(f"extract: {found} frames")
    return bad > 0


sys.exit(main())
