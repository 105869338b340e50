"""The live view: a request with its tiers as a ladder between hosts."""
import re

from ui_lib import PRESSED, WORK, Tmux, capture, check
from ui_traffic import answer, get, talk, tiers_capture, write_talks


def order(text, *patterns):
    """Do lines that fit stand in this order?"""
    at = 0
    for pattern in patterns:
        m = re.compile(pattern, re.M).search(text, at)
        if not m:
            return False
        at = m.end()
    return True


def ladder():
    t = Tmux(f"--live -r {capture('tiers')}", 80, 24)
    t.press("7", r"GET /app/slow")
    text = t.press(["g", "H"], r"› Tiers of a request +4 requests$", "from an operation: its slowest request")
    check(re.search(r"^ 30\d ms of 328 ms: 10\.77\.0\.30:3306 mysql; longest wait 30\d ms  GET /app/slow", text, re.M), "who had it", text)
    check(re.search(r"^ +10\.77\.0\.10 +10\.77\.0\.20:80 +10\.77\.0\.21:8000 +10\.77\.0\.30:3306 *\n +Since +client +http +http +mysql", text, re.M),
          "a line for each host, from the client on", text)
    check(order(text, r"0 ns  │─GET /app/sl…─*▶│ +│ +│", r"│ +┃─GET /slow─+▶│ +│", r"│ +┃ +┃┄connect┄+▶│", r"│ +┃ +┃─LOGIN─+▶│",
                r"│ +┃ +┃◀─+OK──┃", r"│ +┃ +┃─select slee…─*▶│", r"│ +┃ +30\d ms longest wait █$", r"320 ms  │ +┃ +┃◀─+OK──┃",
                r"321 ms  │ +┃◀─+OK 200──┃ +│", r"328 ms  │◀─+OK 200──┃ +│ +│"), "arrows in the order of time, and the longest wait", text)
    check(text.count("longest wait") == 2, "there is one longest wait", text)
    t.press(["m", "Enter"], r"› Detail(.|\n)*^  select sleep", "Enter: the record of the one that was waited for")
    t.press("Escape", r"Tiers of a request +4 requests$")
    t.press("P", r"› Tiers of a request › Packets \(10\.77\.0\.21:\d+, 10\.77\.0\.30:3306\)", "its packets")
    t.press(["Escape", "A"], r"› Text \(10\.77\.0\.21:\d+, 10\.77\.0\.30:3306\)", "what was said")
    t.press(["Escape", "g", "Enter"], r"› Detail(.|\n)*GET /app/slow", "the first arrow")
    t.press("H", r"› Detail › Tiers of a request", "from a record")
    t.keys("Escape", "Escape", "Escape")
    t.press("3", r"[1-9]\d* rows")
    t.press(["/", "=sleep", "Enter", "H"], r"› Tiers of a request +[34] requests$(.|\n)*^ 30\d ms of \d+ ms: \S+:3306 mysql; longest wait 30\d ms  GET /app/slow",
            "from its last tier: all tiers in front of it")
    coloured = t.screen(True)
    check(re.search(r"\x1b\[[0-9;]*1m\x1b\[36m[^\n]*select|\x1b\[[0-9;]*36m[^\n]*s", coloured), "its arrows stand out", coloured)
    t.press(["Escape", "5"], r"Start +Duration +client")
    t.press(["/", "=3306", "Enter", "H"], r"› Tiers of a request", "from a flow")
    t.press(["Escape", "4", "g", "H"], r"› Tiers of a request", "from an operation")
    t.press(["Escape", "7", "g", "Enter"], r"› Calls .* 1 row")
    t.press("H", r"› Calls .* › Tiers of a request", "from a call")
    t.resize(40, 10)
    t.press(["Escape", "Escape"], r"7 rows")
    t.press(["g", "H"], r"^ 30\d ms of 328 ms: 10\.77\.0\.30:3306 mysq…\n ‹ +10\.77\.0\.20:80 10\.77\.0\.21:8… ›\n(.|\n)* 30\d ms longest wait █$",
            "40 by 10: who had it, where it is seen")
    t.press(["h", "h"], r"^ +10\.77\.0\.10 +10\.77\.0\.20:80 +›$", "the hosts are scrolled")
    t.press(["l", "l"], r"^ ‹ +10\.77\.0\.21:8… 10\.77\.0\.30:3…", "and back")
    t.press("G", r"328 ms  │◀─+OK 200──┃", "the last arrow and its hosts")
    t.press("m", r"longest", "to the longest wait")
    t.resize(120, 40)
    t.wait(r"^ +Since +Gap +client(.|\n)* 328 ms +\+[\d.]+ ms  │◀─+OK 200──┃", "120 by 40: with the times between")
    t.leave("ladder")
    for env, arrow, bar in (("LC_ALL=C", r":-GET /app/sl~-+>:", "#"), ("TERM=vt100", "│─GET /app/sl…─+▶│", "█"), ("NO_COLOR=1", "│─GET /app/sl…─+▶│", "█")):
        t = Tmux(f"--live -r {capture('tiers')}", 80, 24, env)
        t.press("7", r"7 rows")
        t.press(["g", "H"], rf"{arrow}(.|\n)*longest wait {bar}$", f"{env}: a ladder")
        check("LC_ALL" not in env or t.screen().isascii(), f"{env}: no other characters", t.screen())
        t.press("Q", r"END 0")
        t.over()
    PRESSED.update(["H", "m"])


def findings():
    """From what is wrong to the hop that had it."""
    t = Tmux(f"--live -r {capture('http-proxy')}", 100, 24)
    t.press("6", r"warning .*Errors of the server +10\.77\.0\.20")
    t.press(["/", "=10.77.0.20", "Enter", "H"], r"› Tiers of a request +2 requests$(.|\n)*◀─+server error 500──┃", "the slowest request of a finding")
    t.press(["Escape", "Enter"], r"Evidence")
    t.press("H", r"› Finding › Tiers of a request +2 requests$", "and from its proof")
    t.leave("findings")
    t = Tmux(f"--live -r {capture('syn-backlog')}", 100, 24)
    t.press("6", r"critical .*Connection requests dropped")
    t.press("H", r"no transaction of it is kept", "a finding without transactions")
    t.leave("findings without transactions")


def unread_tiers():
    """A protocol that is not read is a hop, too; what may be another's call is said to be so."""
    path = f"{WORK}/tiers.pcap"
    tiers_capture(path)
    t = Tmux(f"--live -r {path}", 90, 24)
    t.press("3", r"5 rows")
    t.press(["/", "=/page", "Enter", "H"], r"› Tiers of a request +4 requests$", "two turns of a protocol that nobody reads")
    text = t.wait(r"^ 310 ms of 339 ms: 10\.0\.0\.4:7777; longest wait 300 ms ")
    check(order(text, r"┄connect┄", r"│─GET /page/\\x1…─*▶│", r"│ +┃─GET /inner─+▶│", r"┃─request─+▶│", r"┃◀─+answer──┃", r"┃─request─+▶│",
                r"300 ms longest wait █$", r"┃◀─+answer──┃", r"│ +┃◀─+OK 200──┃", r"│◀─+OK 200──┃"), "its arrows", text)
    t.press(["m", "Enter"], r"› Packets \(10\.0\.0\.3:60001, 10\.0\.0\.4:7777\)", "packets of one that has no record")
    t.press(["Escape", "Escape"], r"5 rows")
    t.press(["/", "=/either", "Enter", "H"], r"› Tiers of a request +1 request; 1 more may be others' calls$", "a call that may be of either")
    t.press("Escape", r"5 rows")
    t.press(["/", "=/call", "Enter", "H"], r"› Tiers of a request +1 request; several may have called it$", "and from that call")
    t.press(["Escape", "7"], r"GET /inner +331 ms other +9\d servers that are not read ", "tiers: who holds the time")
    t.press("p", r"PAUSED(.|\n)*GET /inner +331 ms other +9\d servers that are not read ", "paused, turns of such protocols are there, too")
    t.leave("unread tiers")
    t = Tmux(f"--live -r {capture('mysql-text')}", 90, 24)
    t.press("3", r"[1-9]\d* rows")
    text = t.press(["/", "=QUIT", "Enter", "H"], r"│─QUIT─+▶│", "a request that waits for no answer")
    check("no answer" not in text, "and has none", text)
    t.leave("no answer")


def under_way():
    """A request that nobody has answered so far: who has it now."""
    path, proxy, app = f"{WORK}/hung.pcap", ((10, 0, 0, 2), 80), ((10, 0, 0, 3), 8080)
    late = [(ms, who, data) for s in range(3, 36) for ms, who, data in ((s * 1000, "c", get(b"/tick")), (s * 1000 + 2, "s", answer()))]
    hung = talk(((10, 0, 1, 1), 40001), proxy, 1000, [(1001, "c", get(b"/page"))])[:4]
    behind = talk((proxy[0], 50001), app, 1002, [(1003, "c", get(b"/inner"))])[:4]
    write_talks(path, [hung, behind, talk(((10, 0, 1, 9), 40009), ((10, 0, 0, 9), 80), 2000, late)])
    t = Tmux(f"--live -r {path}", 90, 24)
    t.press("F7", r"^ REWOUND")
    t.press("3", r"GET /page +Pending", "under way then")
    t.press(["/", "=/page", "Enter", "H"], r"› Tiers of a request +2 requests$", "a request under way")
    text = t.wait(r"^ 2\d\.\d s of 2\d\.\d s: 10\.0\.0\.3:8080 http; longest wait 2\d\.\d s", "who has it")
    check(order(text, r"│─GET /page─+▶│", r"│ +┃─GET /inner─+▶│", r"█ 2\d\.\d s longest wait$", r"┃◀┄+no answer so far┄┄┃"), "its arrows", text)
    t.press(["Escape", "/", "=/inner", "Enter", "H"], r"› Tiers of a request +2 requests$", "and from the one behind it")
    t.leave("under way")
