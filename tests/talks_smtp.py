"""Conversations of SMTP and LMTP (talks.py)."""
from talklib import C, S


def lines(*said):
    """"C 10 text" and "S 20 text", | between lines; "F 30 S" ends a side."""
    for line in said:
        side, ms, text = line.split(" ", 2)
        if side == "F":
            yield "fin", "CS".index(text), float(ms)
        else:
            yield "CS".index(side), float(ms), text.replace("|", "\r\n").encode() + b"\r\n"


TALKS = {
    # Nothing says that this is SMTP but the port.
    "smtp-greeting-refuses": (25, list(lines("S 10 554 go away", "C 20 QUIT", "S 70 221 bye", "F 71 S", "F 72 C")),
                              [dict(method="greeting", ms=10, status="Server Error"),
                               dict(method="QUIT", ms=50, status="OK")]),
}
