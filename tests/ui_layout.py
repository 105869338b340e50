"""The live view on narrow and on plain terminals: what decides is on the screen, what is hidden is marked and reached."""
import re

from ui_lib import Tmux, capture, check

HEADS = {"2": r"^ Server +Port Protocol +Waited▾ Mostly +p99", "3": r"^ Start +Duration Type Query", "4": r"^ Operation +Waited▾ Mostly",
         "5": r"^ Start +Duration client +Port server +Port +Bytes▾ State", "6": r"^ Severity +Cost +% Finding +Server",
         "7": r"^ Operation +Each Mostly +% Held by", "8": r"^ Host +Waited for +Waited Errors"}


def head_of(text):
    return text.split("\n")[3]


def columns():
    """At 80 columns every table has what decides; the others are marked, and reached by scrolling."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 80, 24)
    for key, head in HEADS.items():
        text = t.press(key, head, f"screen {key} at 80 columns")
        if not re.search(r"of \d+ columns", text):
            continue
        hidden = re.search(r" (\d+)›$", head_of(text))
        shown, whole = map(int, re.search(r"(\d+) of (\d+) columns \(h l\)", text).groups())
        check(hidden and int(hidden.group(1)) == whole - shown, f"screen {key}: {whole - shown} hidden columns are marked", text)
        first = head_of(text).split()[0]
        t.keys(*["l"] * whole)
        text = t.wait(r"no more columns to the right", f"screen {key}: scrolled to the end")
        check(re.match(rf" {first} +‹\d+ .*[^›]$", head_of(text)), f"screen {key}: the first column stays: {head_of(text)}", text)
        t.keys(*["h"] * whole)
        t.wait(head, f"screen {key}: and back")
    t.press("3", HEADS["3"])
    t.press(["F2", "=duration"], r"^ +\[x\] Duration +event\.duration", "the menu of columns has their heads")
    t.press("Escape", HEADS["3"])
    t.press("s", r"^ +Duration +event\.duration", "and that of the order")
    t.press("Escape", HEADS["3"])
    text = t.press("7", r"GET /app/slow\S* +[\d.]+ ms web +\d+ 10\.77\.0\.21:8000 GET /slow", "tiers: who holds the time")
    t.resize(200, 24)
    text = t.wait(r"Calls$", "all columns of the tiers")
    check(re.search(r" Own +Database +Files +Mail +Web +DNS +Other +Calls$", text, re.M), "there is one for each part", text)
    t.leave("columns")


def tabs():
    """Names of screens are whole, shortened with a mark, or left to their numbers."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 120, 40)
    t.wait(r"^ 1 Overview  2 Services  3 Transactions  4 Digests  5 Flows  6 Findings  7 Tiers  8 Hosts$", "whole at 120")
    for width, pattern in ((80, r"^ 1 Overview 2 Services 3 Transacti… 4 Digests 5 Flows 6 Findings 7 Tiers 8 Hosts$"),
                           (60, r"^ 1 Ove… 2 Ser… 3 Tra… 4 Dig… 5 Flo… 6 Fin… 7 Tie… 8 Hos…$"), (40, r"^ 1 Overview 2 3 4 5 6 7 8$")):
        t.resize(width, 24)
        t.wait(pattern, f"screens at {width} columns")
    t.press("3", r"^ 1 2 3 Transactions 4 5 6 7 8$", "the name of the one that is shown")
    t.wait(r"^F1Help.*F10Quit$", "the keys that matter most")
    t.leave("tabs")


def seconds(text):
    number, unit = re.match(r"([\d.]+) (\w+)", text).groups()
    return float(number) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def verdict():
    """The verdict is there at any size, and a mark where it goes on."""
    for name, words in (("syn-backlog", "Connection requests dropped at"), ("http-proxy", "Errors of the server at")):
        t = Tmux(f"--live -r {capture(name)}", 80, 24)
        text = t.wait(words, f"{name}: the verdict at 80 columns")
        t.resize(40, 10)
        text = t.wait(r"F10Quit$", f"{name}: 40 by 10")
        lines = text.split("\n")[3:6]
        check(" ".join(x.strip() for x in lines).startswith(words), f"{name}: the verdict at 40 by 10", text)
        check(re.search(r"^ Service +waited", text, re.M), f"{name}: and the services", text)
        check(lines[-1].endswith("…") and len(lines[-1]) <= 40, f"{name}: it goes on, and that is marked", text)
        t.leave(f"verdict of {name}")


def bars():
    """Bars are as long as the time that they stand for, in colours with a key or as letters with one."""
    for env, cells, key in (("", "█", r"█net █srv █stall █\?"), ("NO_COLOR=1", "NSX?", r"N net S srv X stall \?"),
                            ("TERM=vt100", "NSX?", r"N net S srv X stall \?")):
        t = Tmux(f"--live -r {capture('http-proxy')}", 80, 24, env)
        text = t.wait(rf"Service .* waited {key}", f"{env}: a key of the bars")
        rows = re.findall(rf"^ (\S.*?) +\d+ +\d+ +\S+ \w+ +([\d.]+ \w+) ([{cells}]+)$", text, re.M)
        check(len(rows) == 3 and rows[0][0] == "all of them", f"{env}: bars: {rows}", text)
        whole = len(rows[0][2]) / seconds(rows[0][1])
        for name, waited, bar in rows:
            check(abs(len(bar) - seconds(waited) * whole) <= 1, f"{env}: the bar of {name} is as long as its time", text)
        coloured = t.screen(colours=True)
        check(("\x1b[35m" in coloured) == (not env), f"{env}: colours only where they may be", coloured)
        t.press(["3", "G", "k", "Enter"], rf"Where the time went: .* {key}", f"{env}: a key in the detail")
        t.press("Q", r"END 0", f"{env}: it leaves")  # a VT100 has one screen: what was there stays
        t.over()
    t = Tmux(f"--live -r {capture('http-proxy')}", 40, 10, "NO_COLOR=1")
    t.wait(r"^ Service +waited N S X \?$(.|\n)*ms N*S+", "letters at 40 columns")
    t.leave("small bars")


def help_closes():
    """Any key closes the help; where it is longer than the screen, some scroll it first."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 120, 60)
    t.wait(r"Service +answers")
    for key in ("x", "5", "Enter", "Space", "j", "F4", "F1", "Escape", "Tab"):
        t.press("F1", r"› Help +any key closes it$")
        text = t.press(key, r"Service +answers", f"{key} closes the help")
        check("Display filter" not in text and "that key does nothing" not in text, f"{key} does no more than that", text)
    t.resize(80, 24)
    t.press("F1", r"any key closes it; j k Space scroll", "longer than the screen")
    t.press("Space", r"^   mouse +select", "it scrolls")
    t.press("x", r"Service +answers", "and is closed")
    t.press("?", r"any key closes")
    t.press("Q", r"END 0", "but leaving is leaving")
    t.over()
