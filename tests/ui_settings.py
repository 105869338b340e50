"""The live view: settings and their file, themes, the mouse in menus, stopping and going on."""
import os
import re
import shutil
import time

from ui_lib import TSUMARI, WORK, Tmux, capture, check

FILE = f"{WORK}/config/tsumari/config"


def write(text):
    os.makedirs(os.path.dirname(FILE), exist_ok=True)
    with open(FILE, "w") as f:
        f.write(text)


def foot(t):
    return t.screen(colours=True).rstrip("\n").split("\n")[-1]


def settings():
    """The file is read, changed by the menu, written by W; what is not known stays in it."""
    write("# mine\ntheme = light\ncolumns.transactions = query event.duration\nsort.transactions = -event.duration\nfuture = 1\n")
    t = Tmux(f"--live -r {capture('http-keepalive')}", 80, 24)
    t.wait(r"answers")
    check("\x1b[44m" in foot(t) and "\x1b[46m" not in foot(t), "the light theme", foot(t))
    text = t.press("3", r"^ Query +Duration▾$", "columns and order of the file")
    took = [float(x) * {"us": 1e-6, "ms": 1e-3}[u] for x, u in re.findall(r"([\d.]+) (us|ms)$", text, re.M)]
    check(len(took) > 10 and took == sorted(took, reverse=True), f"in that order: {took}", text)
    t.press(["S", "=theme: dark", "Enter"], r"W writes")
    t.wait(r"F1Help", seconds=10)
    check("\x1b[46m" in foot(t), "the dark theme, at once", foot(t))
    t.press(["S", "=theme: mono", "Enter"], r"W writes")
    t.wait(r"F1Help", seconds=10)
    check(not re.search(r"\x1b\[[0-9;]*[34][0-7]m", t.screen(colours=True)), "no colours, at once", t.screen(colours=True))
    t.press("1", r"N net S srv X stall \?", "letters instead of colours")
    t.press("3", r"^ Query")
    t.press(["S", "=characters: ASCII", "Enter", "r", "W"], r"written")
    with open(FILE) as f:
        lines = f.read().splitlines()
    check({"# mine", "future = 1", "theme = mono", "ascii = yes", "columns.transactions = query event.duration"} <= set(lines),
          f"the file: {lines}")
    t.leave("settings")
    t = Tmux(f"--live -r {capture('http-keepalive')}", 80, 24)
    text = t.wait(r"answers")
    check(text.isascii() and not re.search(r"\x1b\[[0-9;]*[34][0-7]m", t.screen(colours=True)), "they are there the next time", text)
    t.leave("settings again")
    # A theme does not outdo NO_COLOR; columns that are none are left out.
    write("theme = light\ncolumns.transactions = no.such.field\nascii = maybe\n")
    t = Tmux(f"--live -r {capture('http-keepalive')}", 80, 24, "NO_COLOR=1")
    t.press("3", r"^ Start +Duration Type", "columns that are none")
    check(not re.search(r"\x1b\[[0-9;]*[34][0-7]m", t.screen(colours=True)), "NO_COLOR and a theme", t.screen(colours=True))
    t.leave("NO_COLOR and a theme")
    shutil.rmtree(f"{WORK}/config")
    # Where there is no place for it, that is told.
    t = Tmux(f"--live -r {capture('http-keepalive')}", 80, 24, "env -u XDG_CONFIG_HOME -u HOME")
    t.wait(r"answers")
    t.press("W", r"neither XDG_CONFIG_HOME nor HOME says where to", "no place for the file")
    t.leave("no place")


def clicks(t):
    t.run("set-option", "-g", "mouse", "off")

    def click(column, row, button=0):
        for b in (button, 3):
            t.keys(f"=\x1b[M{chr(32 + b)}{chr(32 + column)}{chr(32 + row)}")
        return t.settled()

    return click


def mouse_menus():
    """Clicks choose in menus and on the overview; a click beside a menu leaves it."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 80, 24)
    text = t.wait(r"^ 10\.77\.0\.21:8000 http")
    click = clicks(t)
    row = next(i for i, line in enumerate(text.split("\n"), 1) if line.startswith(" 10.77.0.21:8000"))
    click(5, row)
    t.wait(r"^ 10\.77\.0\.21:8000 http")
    click(5, row)
    t.wait(r"› Transactions \(10\.77\.0\.21:8000 http\) +12 rows", "a second click on a service opens it")
    text = t.press("F6", r"Sort by")
    row = next(i for i, line in enumerate(text.split("\n"), 1) if "event.duration" in line)
    click(20, row)
    t.wait(r"Duration▾", "a click in a menu chooses")
    text = t.press("F2", r"Columns")
    row, name = next((i, m.group(1)) for i, m in enumerate(
        (re.search(r"\[ \] (\w+)", line) for line in text.split("\n")), 1) if m)
    click(20, row)
    t.wait(r"\[x\] " + name, "a click ticks a box")
    before = t.settled()
    click(20, row, 65)
    check(t.settled() != before, "the wheel moves in a menu")
    click(20, 1)
    t.wait(r"^F1Help", "a click beside it leaves it")
    t.press("F1", r"any key closes")
    click(20, 8)
    t.wait(r"› Transactions \([^›]*rows", "a click closes the help")
    t.press(["g", "H"], r"› Tiers of a request")
    text = t.press("g", r"─GET /")
    row = next(i for i, line in enumerate(text.split("\n"), 1) if "◀" in line)
    click(20, row)
    click(20, row)
    t.wait(r"› Tiers of a request › Detail", "a second click on an arrow opens its record")
    t.resize(40, 10)
    t.wait(r"F10Quit$")
    click(40 - 8, 10)
    t.wait(r"END 0", "a click on the last key of a narrow screen")
    t.over()
    write("mouse = no\n")
    t = Tmux(f"--live -r {capture('http-proxy')}", 80, 24)
    t.wait(r"Service +answers")
    clicks(t)(16, 2)
    t.wait(r"Service +answers", "no mouse where it is not wanted")
    shutil.rmtree(f"{WORK}/config")
    t.over()


def stopped():
    """Stopped twice, the terminal smaller in between: what is drawn afterwards fits, and keys are keys."""
    t = Tmux("--version >/dev/null; exec env PS1='$ ' bash --norc -i; true", 100, 30)
    t.press([f"={TSUMARI} --live -r {capture('http-keepalive')}", "Enter"], r"F1Help", "it begins")
    t.press("5", r"Start +Duration +client")
    t.press("C-z", r"Stopped", "^Z stops it")
    t.resize(60, 16)
    time.sleep(0.3)
    t.press(["=fg", "Enter"], r"^F1Help.*F10Quit$", "fg: drawn for the new size")
    text = t.wait(r"^ Start +Duration client.*\d+›$", "the same screen")
    check(max(map(len, text.split("\n"))) <= 60, "it fits", text)
    t.press("C-z", r"Stopped", "^Z again")
    t.resize(100, 30)
    time.sleep(0.3)
    t.press(["=fg", "Enter"], r"9 of 14 columns|1\d of 14 columns", "and once more")
    t.press("q", r"^\$\s*$", "it leaves")
    t.over()
