"""Each option of tcpdump 4.99, given to it and to tsumari: both take it, and what it prints is the same,
or a line says what stands in for it."""
import os
import re
import subprocess
import sys
import tempfile
import time

TSUMARI = os.path.abspath(os.environ["TSUMARI"])
PCAPS = os.path.join(os.path.abspath(os.environ["top_srcdir"]), "pcaps")
bad = 0


def fail(text):
    global bad
    print("FAIL: " + text)
    bad = 1


def run(program, *arguments, **kwargs):
    r = subprocess.run([program, *arguments], capture_output=True, timeout=120, stdin=subprocess.DEVNULL, **kwargs)
    return r.returncode, r.stdout, r.stderr.decode()


def tcpdump(*arguments, **kwargs):
    status, out, err = run("tcpdump", *arguments, **kwargs)
    return status, out, "".join(line for line in err.splitlines(True) if not line.startswith("reading from"))


PRINT = ["how --print shows packets"]
LIVE = ["of an interface"]
# Option, what a line of tsumari says of it beside --json (none: it says nothing), where it may stay away.
TABLE = [
    ("-n", []), ("-nn", []), ("-nnn", []), ("-l", []), ("-U", []), ("-O", []), ("-s 0", []), ("-s 96", []),
    ("-c 5", []), ("--micro", []), ("--nano", []), ("--time-stamp-precision=nano", []), ("-Z root", []),
    ("-v", PRINT), ("-vv", PRINT), ("-vvv", PRINT), ("-q", PRINT), ("-t", PRINT), ("-tt", PRINT), ("-ttt", PRINT),
    ("-tttt", PRINT), ("-ttttt", PRINT), ("-e", PRINT), ("-A", PRINT), ("-X", PRINT), ("-XX", PRINT), ("-x", PRINT),
    ("-xx", PRINT), ("-S", PRINT), ("-#", PRINT), ("--number", PRINT),
    ("--absolute-tcp-sequence-numbers", PRINT),
    ("-p", LIVE), ("-B 4096", LIVE), ("-Q in", LIVE), ("--direction=out", LIVE), ("--immediate-mode", LIVE),
    ("-I", LIVE), ("--time-stamp-type=host", LIVE), ("-y EN10MB", LIVE),
    ("-b", ["BGP"]), ("-m module", ["SNMP"]), ("-E algo:secret", ["ESP"]), ("-H", ["802.11s"]), ("-K", ["offload"]),
    ("--dont-verify-checksums", ["offload"]), ("-M secret", ["MD5"]), ("-N", ["numbers always"]),
    ("-T rpc", ["-d udp/PORT=NAME"]), ("-u", ["paths"]), ("-z gzip", ["only -C and -G end files"]),
]
# What tcpdump takes and tsumari refuses, with the reason.
REFUSED = [
    ("-j host", "-j is the number of threads; the type of time stamps is --time-stamp-type host"),
    ("-d", "-d needs a value"), ("-d tcp", "a compiled filter is shown by tcpdump -d"), ("-C 1", "-C needs -w"),
    ("-W 1", "-W needs -w"), ("-G 1", "-G needs -w"), ("-i lo", "-r and -i exclude each other"),
    ("-L", "-L is for interfaces, not with -r"), ("-J", "-J is for interfaces, not with -r"),
]
# What neither takes.
WRONG = ["-Q up", "-tttttt", "--time-stamp-precision=pico", "-c 0", "-k", "-c x", "-V /nonexistent", "-r"]


def check_table():
    path = os.path.join(PCAPS, "http-errors.pcap")
    plain = run(TSUMARI, "-r", path, "--json")[1]
    for option, says in TABLE:
        words = option.split()
        theirs = tcpdump("-r", path, *words)
        status, out, err = run(TSUMARI, "-r", path, "--json", *words)
        if theirs[0] or status:
            fail(f"{option}: tcpdump ends with {theirs[0]}, tsumari with {status}: {err}")
        if err.count("\n") != len(says) or any(text not in err for text in says):
            fail(f"{option}: {err!r}, expected {says}")
        if not option.startswith(("-c", "-s 9")) and out != plain:
            fail(f"{option}: other records than without")
    for option in ("-h", "--help", "--version", "-D", "--list-interfaces"):
        status, out, err = run(TSUMARI, option)
        if tcpdump(option)[0] or status or not out or err:
            fail(f"{option}: status {status}, {err}")
    status, out, err = run(TSUMARI, "-r", path, "--json", "-f")  # tcpdump has it for interfaces only
    if status or out != plain or "numbers always" not in err:
        fail(f"-f: status {status}, {err}")
    for option, says in REFUSED:
        status, out, err = run(TSUMARI, "-r", path, "--json", *option.split())
        if status != 2 or out or says not in err or err.count("\n") != 1:
            fail(f"{option}: status {status}, {err!r}, expected {says!r}")
    for option in WRONG:
        theirs = tcpdump("-r", path, *option.split())
        status, out, err = run(TSUMARI, "-r", path, *option.split())
        if theirs[0] == 0 or status != 2 or out or err.count("\n") != 1:
            fail(f"{option}: tcpdump ends with {theirs[0]}, tsumari with {status}: {err!r}")


# Captures whose packets are in no tunnel, and none in fragments.
LINES = ["http-errors.pcap", "http-pipeline.pcap", "http-vlan.pcap", "http-sll.pcap", "http-nano.pcap",
         "http-keepalive-be.pcap", "http-midstream.pcap", "syn-backlog.pcap", "dns.pcap", "smtp-basic.pcap",
         "mysql-text.pcap", "nfs3.pcap", "wrap-raw.pcap", "wrap-null.pcap", "tls.pcap", "http-pcapng.pcapng",
         "truncated.pcap"]
TCP = re.compile(r"^(.*?Flags \[[^]]*\].*?length \d+).*$")


def tcp_lines(text):
    """What is compared of lines of TCP: all but its options, the urgent pointer, and what it carries."""
    lines = []
    for line in text.decode().splitlines():
        line = re.sub(r", (options \[[^]]*\]|urg \d+)", "", line)
        found = TCP.match(line)
        if found:
            lines.append(found.group(1))
    return lines


def first_difference(theirs, ours):
    for a, b in zip(theirs, ours):
        if a != b:
            return f"{a!r}, tsumari {b!r}"
    return f"{len(theirs)} lines, tsumari {len(ours)}"


def check_lines():
    n = 0
    for name in LINES:
        path = os.path.join(PCAPS, name)
        for style in ("", "-S", "-tt -#", "-t", "-ttt", "-tttt -n", "-ttttt", "-e", "--nano"):
            words = ["-r", path, *style.split()]
            theirs = tcp_lines(tcpdump("-nn", *words)[1])
            ours = tcp_lines(run(TSUMARI, "--print", *words)[1])
            if name in ("http-vlan.pcap", "http-sll.pcap", "wrap-null.pcap", "wrap-raw.pcap") and style == "-e":
                theirs = ours  # each link type has a form of its own
            n += len(ours)
            if theirs != ours:
                fail(f"{name} {style}: {first_difference(theirs, ours)}")
        theirs = [line for line in tcpdump("-nnq", "-r", path)[1].splitlines()
                  if re.search(rb": (tcp \d+|UDP, length \d+)$", line)]
        ours = [line for line in run(TSUMARI, "--print", "-q", "-r", path)[1].splitlines()
                if re.search(rb": (tcp \d+|UDP, length \d+)$", line)]
        n += len(ours)
        if theirs != ours:
            fail(f"{name} -q: {first_difference(theirs, ours)}")
    return n


def check_bytes():
    n = 0
    for name in ["http-errors.pcap", "dns.pcap", "icmp.pcap", "http-vlan.pcap", "http-sll.pcap", "wrap-null.pcap",
                 "wrap-raw.pcap", "truncated.pcap"]:
        path = os.path.join(PCAPS, name)
        for style in ("-x", "-X", "-xx", "-XX", "-Xx", "-XA"):
            theirs = [line for line in tcpdump("-nnr", path, style)[1].splitlines() if line.startswith(b"\t0x")]
            ours = [line for line in run(TSUMARI, "--print", "-r", path, style)[1].splitlines()
                    if line.startswith(b"\t0x")]
            n += len(ours)
            if theirs != ours or not ours:
                fail(f"{name} {style}: {first_difference(theirs, ours)}")
        # Without the lines of the packets themselves.
        line = re.compile(rb"^(\d\d:\d\d:\d\d\.\d+ .*)$")
        for style in ("-A", "-AA"):
            theirs, ours = ([x for x in text.split(b"\n") if not line.match(x)]
                            for text in (tcpdump("-nnr", path, style)[1], run(TSUMARI, "--print", "-r", path, style)[1]))
            n += len(ours)
            if theirs != ours:
                fail(f"{name} {style}: {first_difference(theirs, ours)}")
    return n


def check_others(work):
    path = os.path.join(PCAPS, "icmp.pcap")
    for words in ([], ["icmp"], ["tcp port 1"], ["-c", "1"]):
        theirs, ours = tcpdump("--count", "-r", path, *words)[1], run(TSUMARI, "--count", "-r", path, *words)
        if ours[0] or theirs != ours[1]:
            fail(f"--count {words}: {theirs!r}, tsumari {ours!r}")
    for words in (["-w", "a"], ["-w", "a", "--print"], ["-w", "a", "--count"]):
        tcpdump("-nnq", "-Z", "root", "-r", path, *words, cwd=work)
        os.rename(os.path.join(work, "a"), os.path.join(work, "b"))
        status, out, err = run(TSUMARI, "-r", path, *words, cwd=work)
        with open(os.path.join(work, "a"), "rb") as a, open(os.path.join(work, "b"), "rb") as b:
            if status or a.read() != b.read():
                fail(f"{words}: another file: {err}")
        lines = 36 if "--print" in words else int("--count" in words)
        if out.count(b"\n") != lines:
            fail(f"{words}: {out.count(bytes([10]))} lines, expected {lines}")
    names = ["http-slow.pcap", "http-errors.pcap"]
    with open(os.path.join(work, "list"), "w", encoding="ascii") as f:
        f.write("".join(os.path.join(PCAPS, name) + "\n" for name in names))
    theirs = sorted(tcp_lines(tcpdump("-nnS", "-V", os.path.join(work, "list"))[1]))
    ours = sorted(tcp_lines(run(TSUMARI, "--print", "-S", "-V", os.path.join(work, "list"))[1]))
    if theirs != ours:
        fail(f"-V: {first_difference(theirs, ours)}")
    # --nano and --micro change what is written.
    for style in ("--nano", "--micro"):
        for name in ("http-nano.pcap", "icmp.pcap"):
            tcpdump("-Z", "root", "-r", os.path.join(PCAPS, name), "-w", "b", style, cwd=work)
            run(TSUMARI, "-r", os.path.join(PCAPS, name), "-w", "a", style, cwd=work)
            with open(os.path.join(work, "a"), "rb") as a, open(os.path.join(work, "b"), "rb") as b:
                if a.read() != b.read():
                    fail(f"{style} -w of {name}: another file than tcpdump's")
    # A command for each file that was ended (tcpdump ends those of a file by the clock of the day).
    web = os.path.join(PCAPS, "http-slow.pcap")
    for words, plain in ((["-G", "2"], 1), (["-G", "2", "-W", "2"], 0)):
        with tempfile.TemporaryDirectory() as where:
            run(TSUMARI, "-Z", "root", "-r", web, "-w", "f-%M%S", "-z", "gzip", *words, cwd=where,
                env=dict(os.environ, TZ="UTC0"))
            names = []
            for _ in range(100):
                names = sorted(os.listdir(where))
                if len([name for name in names if not name.endswith(".gz")]) == plain:
                    break
                time.sleep(0.05)
            if names != ["f-5721.gz", "f-5723.gz"] + ["f-5725.gz", "f-5727"] * plain:
                fail(f"-z gzip {words}: {names}")
    status, out, err = run(TSUMARI, "-r", web, "-w", "g-%M%S", "-G", "2", "-z", "./no such", cwd=work)
    if status or "packets written" not in err:
        fail(f"-z of a command that is not there: status {status}, {err}")
    # Nothing that a terminal acts on, whatever the packet holds, and a line stays a line.
    evil = os.path.join(work, "evil.pcap")
    make_evil(evil)
    for style in ("", "-v", "-vv", "-A", "-X", "-e"):
        status, out, err = run(TSUMARI, "--print", "-r", evil, *style.split())
        if status or re.search(rb"[\x00-\x08\x0b-\x1f\x7f-\xff]", out.replace(b"\t", b"")):
            fail(f"--print {style} lets bytes through: {out!r} {err}")
        if style in ("", "-e") and out.count(b"\n") != 2:
            fail(f"--print {style}: {out.count(bytes([10]))} lines of 2 packets")
    # A closed pipe ends it quietly.
    for words in (["--print"], ["--print", "-vvXX"], ["--print", "-w", "/dev/null"]):
        p = subprocess.Popen([TSUMARI, "-r", os.path.join(PCAPS, "nfs3-large.pcap"), *words], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdout.readline()
        p.stdout.close()
        err = p.stderr.read().decode()
        if p.wait(60) or err.replace("packets written", "").count("\n") > ("-w" in words):
            fail(f"{words} to a closed pipe: status {p.returncode}, {err}")
    status, out, err = run(TSUMARI, "-r", path, "--print", "-o", "/dev/full")
    if status != 1 or "No space left" not in err:
        fail(f"--print to a full disk: status {status}, {err}")


def make_evil(path):
    """A request and a query whose texts would move a terminal's cursor and begin lines of their own."""
    import struct
    ether = bytes.fromhex("020000000001020000000002") + b"\x08\x00"

    def ip(proto, data):
        return ether + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, proto, 0, b"\x0a\0\0\1", b"\x0a\0\0\2") + data

    get = b"GET /\x1b[31m\n12:00:00.000000\tforged\x7f\xc2\x9b HTTP/1.1\r\nHost: \x1b]0;x\x07\r\n\r\n"
    tcp = struct.pack("!HHIIBBHHH", 1024, 80, 1, 1, 0x50, 0x18, 1000, 0, 0) + get
    name = b"\x08a\x1b[2J\nb\x9b" + b"\x00"
    dns = struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
    udp = struct.pack("!HHHH", 1024, 53, 8 + len(dns), 0) + dns
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for i, frame in enumerate((ip(6, tcp), ip(17, udp))):
            f.write(struct.pack("=IIII", 1700000000, i, len(frame), len(frame)) + frame)


def main():
    check_table()
    lines = check_lines()
    dumped = check_bytes()
    with tempfile.TemporaryDirectory() as work:
        check_others(work)
    if lines < 10000 or dumped < 1000:
        fail(f"{lines} lines and {dumped} lines of bytes only")
    if not bad:
        print(f"habits: {len(TABLE) + len(REFUSED) + len(WRONG)} options, {lines} lines and {dumped} of bytes as tcpdump's")
    return bad


sys.exit(main())
