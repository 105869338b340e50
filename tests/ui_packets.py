"""The live view: packets of a connection, and what each carries."""
import json
import os
import re
import shutil
import struct
import subprocess

from ui_lib import PRESSED, TSUMARI, WORK, Tmux, capture, check, rows_of


def packets():
    t = Tmux(f"--live -r {capture('http-loss')}", 150, 40)
    t.press("5", r"rows")
    t.press("Enter", r"Fields", "a flow's detail")
    t.press("j", r"Fields")
    t.press(["Space", "G", "g", "C-f", "C-b"], r"flow")
    t.press("Enter", r"› Packets", "Enter goes to its packets")
    text = t.press("G", r"again|FIN|ACK")
    t.press("g", r"SYN")
    t.press(["j", "j", "j", "Enter"], r"frame \d+")
    one = re.search(r"frame (\d+)", t.screen()).group(1)
    t.press("J", rf"frame (?!{one},)\d+", "J: the next packet")
    t.press("K", rf"frame {one},", "K: the one before")
    t.keys("g")
    text = t.press("h", r"▸ Ethernet", "h closes")
    t.press("l", r"▾ Ethernet", "l opens")
    t.press("Space", r"▸ Ethernet", "the blank, too")
    t.press("Enter", r"▾ Ethernet", "and Enter")
    t.press(["G", "k"], r"frame")
    t.leave("packets")
    PRESSED.update(["J", "K"])


def explained():
    """What a packet carries, by its application."""
    t = Tmux(f"--live -r {capture('http-gso')}", 160, 40)
    t.press("3", r"GET /")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN ", "packets")
    t.press("g", r"SYN")
    t.press(["j"] * 7 + ["Enter"], r"› Packet  goes on with the response that began in frame 6$(.|\n)*Body", "a packet in the middle of a response")
    t.leave("a large response")
    t = Tmux(f"--live -r {capture('http2')}", 160, 40)
    t.press("3", r"GET /index.html")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN (.|\n)*SETTINGS(.|\n)*HEADERS(.|\n)*:method: GET", "packets of HTTP/2")
    t.press("g", r"SYN")
    t.press(["j"] * 3 + ["Enter"], r"Preface: PRI(.|\n)*SETTINGS(.|\n)*INITIAL_WINDOW_SIZE", "its preface")
    t.press(["J"] * 4, r"HEADERS, \d+ bytes(.|\n)*Flags: END_STREAM, END_HEADERS(.|\n)*Stream: 1\b(.|\n)*:path: /index.html", "and headers")
    t.leave("HTTP/2")
    t = Tmux(f"--live -r {capture('nfs4')}", 160, 60)
    t.press("3", r"Start +Duration(.|\n)* nfs +\S")
    t.press(["/", "=READ", "Enter"], r"F1Help")
    t.press("P", r"› Packets", "packets of NFS")
    t.press("Enter", r"Procedure: 1 \(COMPOUND\)(.|\n)*UID: 0(.|\n)*PUTFH, \d+ bytes(.|\n)*Handle: 0x", "operations of a COMPOUND")
    t.press("J", r"frame \d+(.|\n)*NFS status: 0 \(NFS_OK\)(.|\n)*PUTFH, \d+ bytes", "and of its reply")
    t.leave("NFS")
    t = Tmux(f"--live -r {capture('nfs-portmap')}", 160, 60)
    for what, name in (("GETPORT", r"3 \(GETPORT\)"), ("MNT", r"1 \(MNT\)")):
        t.press("3", r"Start +Duration(.|\n)* (nfs|portmap|mount) +\S")
        t.press(["g", "/", f"={what}", "Enter", "P"], r"› Packets", f"packets of {what}")
        t.press("Enter", rf"Procedure: {name}", f"what {what} calls")
    t.leave("what is beside NFS")


def texts():
    """What both sides of a connection said, from a transaction, a flow, a packet, and one packet whole."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 80, 24)
    t.press("3", r"Start +Duration")
    text = t.press(["g", "/", "=slow=0.05", "Enter", "A"], r"› Text \(\S+:\d+, \S+:\d+\)", "the text from a transaction")
    turns = re.findall(r"^([<>]) (client|server) \S+:\d+ .*?(\d+) bytes  frame (\d+)", text, re.M)
    check(turns and all((a == ">") == (b == "client") for a, b, *_ in turns), f"who said it: {turns}", text)
    check(re.search(r"^> GET /\S*slow=0.05 HTTP/1.1$", text, re.M), "what was asked", text)
    t.press("G", r"^< ", "the end")
    t.press(["g", "/", "=host:", "Enter"], r"^> Host: ", "a search, in any case")
    first = re.search(r"\x1b\[[0-9;]*(?:7|46)[0-9;]*m\S*Host", t.screen(True))
    check(first, "what was found is marked", t.screen(True))
    before = t.settled()
    t.keys("n")
    check(t.settled() != before, "n finds the next")
    t.press("N", r"^> Host: ", "and N the one before")
    t.press(["/", "=nowhere to be found"], r"not found", "what is not there is told")
    t.press("Escape", r"› Text")
    t.press(["g", "x"], r"^> 00000  47 45 54 20|^> 00000  50 4f 53 54", "as numbers")
    t.press("x", r"^> (GET|POST) ", "and as text again")
    t.press("d", r"the client only")
    check("\n<" not in t.screen(), "only what the client said", t.screen())
    t.press("d", r"the server only")
    t.wait(r"^< HTTP/1.1")
    check("\n>" not in t.screen(), "only what the server said", t.screen())
    t.press("d", r"both sides")
    t.press("Enter", r"› Text .*› Packets", "its packets")
    t.press("Escape", r"› Text \([^›]*$")
    t.press(["Escape", "5", "g", "A"], r"› Text", "the text from a flow")
    t.press(["Escape", "Enter", "A"], r"› Detail › Text", "from a detail")
    t.press(["Escape", "P"], r"› Packets")
    t.press(["g", "/", "=200", "Enter", "A"], r"› Packets .*› Text", "from a packet")
    text = t.wait(r"^< HTTP/1.1 200")
    check(re.search(r"\x1b\[[0-9;]*(?:7|46)[0-9;]*mHTTP/1.1 200", t.screen(True)), "its bytes are marked", t.screen(True))
    t.press(["Escape", "Enter"], r"› Packet\b")
    t.press("A", r"› Packet › Text", "from one packet")
    t.resize(40, 10)
    t.wait(r"^[<>] (client|server) \S+", "40 by 10")
    t.leave("texts")
    t = Tmux(f"--live -r {capture('dns')}", 100, 24)
    t.press(["3", "g", "A"], r"^> client \S+:\d+  \d+ bytes(.|\n)*\\x0", "of datagrams, escaped")
    t.leave("text of datagrams")
    PRESSED.update(["A", "x", "d"])


def commented(path):
    """The first frames of a capture as pcapng, with comments on the file and on the fourth frame."""
    import pcaplib

    def block(kind, body):
        n = len(body) + 12
        return struct.pack("<II", kind, n) + body + struct.pack("<I", n)

    def comment(text):
        text = text.encode()
        return struct.pack("<HH", 1, len(text)) + text + b"\0" * (-len(text) % 4) + b"\0" * 4

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + comment("before the deploy"))
    out += block(1, struct.pack("<HHI", 1, 0, 0))
    for i, p in enumerate(pcaplib.read(capture("http-keepalive"))[1][:12], 1):
        at = p.time // 1000
        data = p.data + b"\0" * (-len(p.data) % 4)
        out += block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(p.data), p.wire) + data +
                     (comment("the first request") if i == 4 else b""))
    with open(path, "wb") as f:
        f.write(out)


def comments():
    """What somebody wrote into the file stands where its frames are looked at."""
    path = os.path.join(WORK, "commented.pcapng")
    commented(path)
    t = Tmux(f"--live -r {path}", 150, 40)
    t.wait(r"Comment: before the deploy\n *Comment on a frame of \S+: the first request", "comments of the file")
    t.press("3", r"GET /")
    t.press(["g", "P"], r"› Packets(.|\n)* SYN ", "packets")
    t.press(["g", "Enter"], r"› Packet\b(.|\n)*frame 1, ", "a frame")
    check("comment:" not in t.screen(), "a frame without comment", t.screen())
    t.press(["J"] * 3, r"frame 4, .*comment: the first request", "the comment on a frame")
    t.leave("comments")


def again():
    """Packets that are not kept any more are read from the file again; of a pipe they are gone."""
    from ui_traffic import long_capture
    path = f"{WORK}/long.pcap"
    numbers = long_capture(path, 1200)
    check(len(numbers) == 10, "ten packets")

    def to_packets(t, what):
        t.wait(r"^ END", "all of it is read", 60)
        t.press("3", r"GET /last", f"{what}: transactions")
        t.press(["G", "/", "=/last", "Enter"], r"F1Help")
        t.press("P", r"› Packets \(10\.9\.9\.9", f"{what}: packets")

    t = Tmux(f"--live --keep 4M -r {path}", 150, 30)
    to_packets(t, "a file")
    text = t.wait(r" 10 rows", "those that were kept and those that were not", 30)
    got = [int(x) for x in re.findall(r"^ +(\d+) +[\d.]+ \w+ +│", text, re.M)]
    check(got == numbers, f"in the order of the capture: {got}", text)
    check("reading" not in text and "again │" not in text, "it is done, and nothing was sent again", text)
    t.press("g", r"SYN")
    t.press(["j", "j", "j", "Enter"], r"frame 4, (.|\n)*Target: /first", "a packet that was read again")
    t.press("J", r"frame 5, (.|\n)*FIRST", "and the next one")
    t.press("Escape", r"› Packets \([^›]*$")
    t.press(["g", "w", "Enter", "C-u", "=old.pcap", "Enter"], r"1 packets written to old", "such a packet is saved")
    t.press("Escape", r"Start +Duration", "back")
    t.press("A", r"^> GET /first (.|\n)*^< HTTP/1.1 200 FIRST(.|\n)*^> GET /last", "the text of such a connection")
    t.press("Escape", r"Start +Duration", "back")
    t.press(["w", "Enter", "C-u", "=flow.pcap", "Enter"], r"10 packets written to flow", "its whole connection is saved")
    out = subprocess.run([TSUMARI, "-r", f"{WORK}/flow.pcap", "--json", "--types", "http"], capture_output=True, text=True).stdout
    check([json.loads(line)["url"]["path"] for line in out.splitlines()] == ["/first", "/last"], "both exchanges of it")
    # Another file under its name is not taken for it.
    os.rename(path, path + ".old")
    shutil.copy(capture("http-keepalive"), path)
    t.press("P", r"the file has changed", "another file")
    t.press("Escape", r"Start +Duration", "back")
    t.press(["w", "Enter", "C-u", "=rest.pcap", "Enter"], r"packets written to rest.*those before are gone", "and that is said")
    t.leave("again")
    t = Tmux("--live --keep 4M -r -", 150, 30, before=f"cat {path}.old |")
    to_packets(t, "a pipe")
    text = t.wait(r"packets before frame \d+ are gone", "a pipe is read once")
    check(0 < rows_of(text) < 10, "what is kept is shown", text)
    text = t.press(["Escape", "A"], r"› Text .* what was before is gone(.|\n)*GET /last", "and so is its text")
    check("/first" not in text, "no more than that", text)
    t.leave("a pipe")
