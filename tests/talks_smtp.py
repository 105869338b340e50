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


HELLO = "S 1 220 mx.example ESMTP", "C 2 EHLO c.example", "S 52 250-mx.example|250-PIPELINING|250 STARTTLS"
END = "C 90 QUIT", "S 100 221 bye", "F 101 S", "F 102 C"
GREETING, EHLO, QUIT = dict(method="greeting", ms=1), dict(method="EHLO", ms=50), dict(method="QUIT", ms=10)

TALKS = {
    # Nothing says that this is SMTP but the port.
    "smtp-greeting-refuses": (25, list(lines("S 10 554 go away", "C 20 QUIT", "S 70 221 bye", "F 71 S", "F 72 C")),
                              [dict(method="greeting", ms=10, status="Server Error"),
                               dict(method="QUIT", ms=50, status="OK")]),
    # The queue's answer is not the answer to the command that came later.
    "smtp-begun-in-a-body": (25, list(lines(
        "C 5 ody of it|and more|.", "S 70 250 queued", "C 70.2 MAIL FROM:<a@x>", "S 80.2 250 ok", "C 81 QUIT",
        "S 91 221 bye")),
        [dict(flags=["no_request"], **{"smtp.reply": "queued"}), dict(method="MAIL", ms=10),
         dict(method="mail", status="OK"), dict(method="QUIT", ms=10)], {"handshake": False}),
    # The client spoke before the greeting, and the capture begins there.
    "smtp-begun-in-front-of-the-greeting": (25, list(lines(
        "C 5 EHLO c", "S 20 220 mx ESMTP", "S 20.1 250 mx", "C 70 MAIL FROM:<a@x>", "S 80 250 ok", "C 81 QUIT", "S 91 221 bye")),
        [dict(flags=["no_request"], **{"smtp.reply": "mx ESMTP"}), dict(method="EHLO", ms=15.1, **{"smtp.reply": "mx"}),
         dict(method="MAIL", ms=10), dict(method="mail"), dict(method="QUIT", ms=10)], {"handshake": False}),
    # What was sent behind STARTTLS and DATA counts where these are refused.
    "smtp-starttls-refused": (25, list(lines(
        *HELLO, "C 60 STARTTLS|NOOP|NOOP", "S 70 454 not available|250 ok|250 ok", *END)),
        [GREETING, EHLO, dict(method="STARTTLS", status="Server Error", server=10),
         dict(method="NOOP", ms=10, queued=10), dict(method="NOOP", ms=10, queued=10), QUIT]),
    "smtp-data-refused": (25, list(lines(
        *HELLO, "C 60 MAIL FROM:<a@x>|RCPT TO:<b@y>|DATA|RSET|QUIT", "S 70 250 ok|550 no|503 no|250 ok|221 bye",
        "F 71 S")),
        [GREETING, EHLO, dict(method="MAIL", server=10), dict(method="RCPT", status="Client Error", queued=10),
         dict(method="DATA", status="Client Error", queued=10), dict(method="mail", status="Client Error"),
         dict(method="RSET", status="OK", queued=10), dict(method="QUIT", status="OK", queued=10)]),
    # The same, begun within the client's hello.
    "smtp-begun-in-front-of-a-mail-that-is-refused": (25, list(lines(
        "C 2 example", "S 52 250 mx.example", "C 60 MAIL FROM:<a@x>|RCPT TO:<b@y>|DATA|RSET|QUIT",
        "S 70 250 ok|550 no|503 no|250 ok|221 bye", "F 71 S")),
        [dict(status="OK", flags=["no_request"]), dict(method="MAIL"), dict(method="RCPT", status="Client Error"),
         dict(method="DATA", status="Client Error"), dict(method="mail", status="Client Error"),
         dict(method="RSET", status="OK"), dict(method="QUIT", status="OK")], {"handshake": False}),
    # Each recipient has an answer, the last one later.
    "lmtp-partial": (24, list(lines(
        "S 1 220 mx LMTP", "C 2 LHLO c", "S 52 250-mx|250 PIPELINING",
        "C 60 MAIL FROM:<a@x>|RCPT TO:<q@y>|RCPT TO:<r@y>|RCPT TO:<s@y>|DATA",
        "S 70 250 ok|250 ok|550 no such|250 ok|354 go", "C 71 hello|.", "S 81 250 q ok", "S 86 451-s|451 s later", *END)),
        [GREETING, dict(method="LHLO"), dict(method="MAIL"), dict(method="RCPT", status="OK"),
         dict(method="RCPT", status="Client Error"), dict(method="RCPT", status="OK"), dict(method="DATA", ms=26),
         dict(method="mail", status="Server Error", ms=26,
              **{"tsumari.smtp.rcpt_accepted": 1, "tsumari.smtp.rcpt_rejected": 2}), QUIT]),
    # LHLO was not seen: that each recipient has an answer is what tells.
    "lmtp-begun-in-front-of-a-mail": (24, list(lines(
        "C 60 MAIL FROM:<a@x>", "S 62 250 ok", "C 63 RCPT TO:<q@y>|RCPT TO:<r@y>|DATA",
        "S 70 250 ok|250 ok|354 go",
        "C 71 hello|.", "S 81 250 q ok", "S 86 451 r later", "C 90 RSET", "S 91 250 ok", "C 92 QUIT", "S 100 221 bye")),
        [dict(method="MAIL", ms=2), dict(method="RCPT"), dict(method="RCPT"), dict(method="DATA", ms=23),
         dict(method="mail", ms=26, status="Server Error",
              **{"tsumari.smtp.rcpt_accepted": 1, "tsumari.smtp.rcpt_rejected": 1}),
         dict(method="RSET", ms=1, status="OK"), dict(method="QUIT", ms=8, status="OK")], {"handshake": False}),
    # The same, with more recipients than were seen, and QUIT sent at once.
    "lmtp-begun-at-a-recipient": (24, list(lines(
        "C 60 RCPT TO:<q@y>", "S 70 250 ok", "C 70.5 DATA", "S 70.8 354 go", "C 71 hello|.|QUIT",
        "S 81 250 p ok", "S 86 250 q ok|221 bye", "F 87 S", "F 88 C")),
        [dict(method="RCPT"), dict(method="DATA", ms=15.5), dict(method="mail", status="OK", flags=["gap", "no_request"]),
         dict(method="QUIT", ms=15, status="OK")], {"handshake": False}),
    # SMTP has one answer for all of them, and its client goes on.
    "smtp-begun-in-front-of-a-mail": (25, list(lines(
        "C 60 MAIL FROM:<a@x>", "S 62 250 ok", "C 63 RCPT TO:<q@y>|RCPT TO:<r@y>|DATA",
        "S 70 250 ok|250 ok|354 go",
        "C 71 hello|.", "S 81 250 queued", "C 90 MAIL FROM:<a@x>|RCPT TO:<q@y>|RCPT TO:<r@y>|DATA",
        "S 92 250 ok|250 ok|250 ok|354 go", "C 93 hello|.", "S 99 550 no", *END)),
        [dict(method="MAIL", ms=2), dict(method="RCPT"), dict(method="RCPT"), dict(method="DATA", ms=18),
         dict(method="mail", ms=21, status="OK", **{"tsumari.smtp.rcpt_accepted": 2, "tsumari.smtp.rcpt_rejected": 0}),
         dict(method="MAIL", ms=2), dict(method="RCPT"), dict(method="RCPT"), dict(method="DATA", ms=9),
         dict(method="mail", ms=9, status="Client Error",
              **{"tsumari.smtp.rcpt_accepted": 2, "tsumari.smtp.rcpt_rejected": 0}),
         dict(method="QUIT")], {"handshake": False}),
    # The same, and the server ends it.
    "smtp-begun-in-front-of-a-mail-and-closed": (25, list(lines(
        "C 60 MAIL FROM:<a@x>", "S 62 250 ok", "C 63 RCPT TO:<q@y>|RCPT TO:<r@y>|DATA",
        "S 70 250 ok|250 ok|354 go",
        "C 71 hello|.|QUIT", "S 81 250 queued|221 bye", "F 87 S", "F 88 C")),
        [dict(method="MAIL"), dict(method="RCPT"), dict(method="RCPT"), dict(method="DATA", ms=18, status="OK"),
         dict(method="mail", ms=21, status="OK", **{"tsumari.smtp.rcpt_accepted": 2, "tsumari.smtp.rcpt_rejected": 0}),
         dict(method="QUIT", ms=10)], {"handshake": False}),
}
