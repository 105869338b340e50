"""The live view and its terminal: sizes, mouse, colours, how it is given back, hostile bytes."""
import os
import re
import signal
import subprocess
import time

from ui_lib import PRESSED, TSUMARI, WORK, Pty, Tmux, capture, check


def sizes():
    """Every screen at every size, big to tiny and back."""
    t = Tmux(f"--live -r {capture('http-errors')}", 200, 60)
    t.wait(r"Service +answers")
    chains = [["1"], ["2"], ["3"], ["4"], ["5"], ["6"], ["7"], ["8"], ["6", "Enter"], ["3", "g", "Enter"], ["3", "g", "P"], ["3", "g", "P", "Enter"], ["3", "g", "A"], ["3", "g", "H"],
              ["F1"], ["F4"], ["F2"], ["F9"]]
    for chain in chains:
        t.keys("Escape", "Escape", "Escape", "Escape", *chain)
        for width, height in ((200, 60), (100, 30), (80, 24), (40, 10), (20, 4), (10, 2), (120, 40)):
            t.resize(width, height)
            time.sleep(0.15)
            t.keys("Down", "Up")
        t.settled()
        text = t.screen()
        check("END" not in text.split("\n")[-2], f"{chain}: alive", text)
        lines = text.rstrip("\n").split("\n")
        check(max(map(len, lines)) <= 120 and len(lines) <= 40, f"{chain}: fits", text)
    t.resize(40, 10)
    t.keys("Escape", "Escape", "Escape", "2")
    text = t.wait(r"Server", "40 by 10")
    t.resize(120, 30)
    t.keys("Escape", "Escape")
    t.leave("sizes")


def mouse():
    t = Tmux(f"--live -r {capture('http-keepalive')}", 140, 24)
    t.wait(r"answers")

    def click(column, row, button=0):
        for b in (button, 3):
            t.keys(f"=\x1b[M{chr(32 + b)}{chr(32 + column)}{chr(32 + row)}")
        t.settled()

    t.run("set-option", "-g", "mouse", "off")
    click(16, 2)
    t.wait(r"Protocol +Waited", "a click on a screen's name")
    t.press("3", r"Start +Duration")
    text = t.screen()
    column = text.split("\n")[3].index("Query") + 3  # below 95: the old coding of the mouse
    click(column, 4)
    t.wait(r"Query▴", "a click on a column's head sorts")
    click(10, 6)
    click(10, 6)
    t.wait(r"Waterfall", "a second click on a row opens it")
    t.keys("Escape")
    before = t.settled()
    click(10, 10, 65)
    check(t.settled() != before, "the wheel moves")
    click(2, 24)
    t.wait(r"Everywhere|Tables", "a click on F1")
    t.keys("Escape")
    t.keys("=\x1b[M")  # cut short: nothing waits for the rest
    time.sleep(0.3)
    t.press("2", r"Protocol +Waited", "a mouse's sequence that was cut short")
    t.leave("mouse")
    PRESSED.add("mouse")


def restoring():
    file = ["--live", "-r", capture("http-keepalive")]
    for what, end, status in (
            ("q", b"q", 0), ("SIGTERM", signal.SIGTERM, 0), ("SIGINT", signal.SIGINT, 0), ("^C", b"\x03", 0),
            ("SIGHUP", signal.SIGHUP, 0), ("a crash", signal.SIGSEGV, -signal.SIGSEGV),
            ("an abort", signal.SIGABRT, -signal.SIGABRT), ("SIGQUIT", signal.SIGQUIT, -signal.SIGQUIT)):
        p = Pty(file)
        check(p.until(b"F10"), f"{what}: it begins")
        if isinstance(end, bytes):
            os.write(p.parent, end)
        else:
            p.process.send_signal(end)
        for _ in range(100):
            p.read(0.05)
            if p.process.poll() is not None:
                break
        check(p.process.poll() == status, f"{what}: status {p.process.poll()}, expected {status}")
        p.restored(what)
        p.close()
    # Stopped and continued from a shell with job control.
    t = Tmux("--version >/dev/null; exec env PS1='$ ' bash --norc -i; true", 100, 30)
    t.press([f"={TSUMARI} --live -r {capture('http-keepalive')}", "Enter"], r"F1Help", "it begins")
    text = t.press("C-z", r"Stopped", "^Z stops it")
    check("F1Help" not in text, "^Z: the screen is given back", text)
    check("icanon" in t.press(["=stty -a | grep -ow -- '-*icanon'", "Enter"], r"^-?icanon"), "^Z: the terminal is as it was")
    t.press(["=fg", "Enter"], r"F1Help", "fg: drawn again")
    t.press("3", r"Start +Duration", "and keys are keys")
    t.press("q", r"^\$\s*$", "it leaves")
    t.over()
    PRESSED.add("^Z")


def no_terminal():
    def run(*args, **kw):
        r = subprocess.run([TSUMARI, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                           start_new_session=True, **kw)
        return r.returncode, r.stderr

    status, err = run("--live", "-r", capture("http-keepalive"))
    check(status == 2 and "needs a terminal" in err and err.count("\n") == 1, f"no terminal: {status} {err}")
    for term in ("dumb", "", "no-such-terminal"):
        p = Pty(["--live", "-r", capture("http-keepalive")], env={"TERM": term})
        p.process.wait(timeout=20)
        p.err.seek(0)
        err = p.err.read().decode()
        check(p.process.returncode == 2 and "cannot draw" in err and err.count("\n") == 1,
              f"TERM={term}: {p.process.returncode} {err}")
        p.close()
    p = Pty(["-r", capture("http-keepalive")], env={"TERM": "dumb"})
    p.process.wait(timeout=20)
    p.read(0.3)
    check(p.process.returncode == 0 and b"Services" in p.out and b"\x1b" not in p.out,
          "by default a dumb terminal gets the report")
    p.close()
    p = Pty(["--live", "-r", capture("http-keepalive")], env={"NO_COLOR": "1"})
    p.until(b"F10")
    os.write(p.parent, b"23")
    p.read(0.5)
    check(not re.search(rb"\x1b\[[0-9;]*(3[0-7]|4[0-7])m", p.out), "NO_COLOR: no colours")
    os.write(p.parent, b"Q")
    p.read(0.4)
    p.close()
    p = Pty(["--live", "-r", capture("http-keepalive")], env={"LC_ALL": "C"})
    p.until(b"F10")
    os.write(p.parent, b"3gP")
    p.read(0.5)
    check(all(b < 0x80 for b in p.out), "LC_ALL=C: ASCII only")
    os.write(p.parent, b"Q")
    p.read(0.4)
    p.close()


def hostile():
    """Bytes from the wire that a terminal would act on."""
    from ui_traffic import http_capture
    evil = [b"\x1b]0;PWNED\x07", b"\x1b[2J\x1b[31mPWNED", b"\x9b31mPWNED", b"\xc2\x9bPWNED", "\u202ePWNED".encode(),
            b"\xff\xfePWNED", b"\\x1bPWNED", b"%n%s%nPWNED", b"\r\nPWNED".replace(b"\r\n", b"\x0b\x0c"),
            "\u0301\u0301PWNED".encode(), "\uff21\uff22PWNED".encode()]
    path = f"{WORK}/evil.pcap"
    http_capture(path, evil)
    p = Pty(["--live", "-r", path])
    check(p.until(b"F10"), "hostile: it begins")
    for keys in (b"3", b"g", b"\r", b"P", b"\r", b"jjjjjjjj", b"\x1b", b"4", b"\r", b"\x1b", b"/PWNED\r", b"n", b"A", b"x", b"x", b"G", b"\x1b", b"H", b"G", b"\x1b",
                 b"5", b"\r", b"G"):
        p.keys(keys)
    check(p.out.count(b"PWNED") > len(evil), "the text is shown")
    for bad in (b"\x1b]", b"\x9b", "\u202e".encode(), b"\xc2\x9b", b"\x1b[31mPWNED", b"\xff"):
        check(bad not in p.out.replace(b"\xe2\x96\x9b", b""), f"{bad} does not reach the terminal")
    p.keys(b"Q")
    p.restored("hostile")
    p.close()
