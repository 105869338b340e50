"""For oracle.py: MySQL, SMTP and DNS as tshark sees them and as this program does.

MySQL: commands (frame, name, text of what is to be run), refusals (frame, error code, SQLSTATE) and
rows changed by COM_QUERY. SMTP: commands (frame, verb, address) and final replies (frame, code). DNS:
queries and responses (frame, identifier, name, type or code) and dns.time.
"""
import re

FIELDS = ["tcp.stream", "mysql.command", "mysql.query", "mysql.response_code", "mysql.error_code",
          "mysql.sqlstate", "mysql.affected_rows", "mysql.packet_number", "smtp.req.command",
          "smtp.command_line", "smtp.response.code", "dns.id", "dns.flags.response", "dns.qry.name",
          "dns.qry.type", "dns.flags.rcode", "dns.resp.ext_rcode", "dns.time", "dns.retransmission",
          "dns.unsolicited"]
TYPES = "mysql,smtp,dns"
COMMANDS = ("SLEEP QUIT INIT_DB QUERY FIELD_LIST CREATE_DB DROP_DB REFRESH SHUTDOWN STATISTICS "
            "PROCESS_INFO CONNECT PROCESS_KILL DEBUG PING TIME DELAYED_INSERT CHANGE_USER BINLOG_DUMP "
            "TABLE_DUMP CONNECT_OUT REGISTER_SLAVE STMT_PREPARE STMT_EXECUTE STMT_SEND_LONG_DATA "
            "STMT_CLOSE STMT_RESET SET_OPTION STMT_FETCH DAEMON BINLOG_DUMP_GTID "
            "RESET_CONNECTION").split()
WITH_TEXT = {"COM_QUERY", "COM_STMT_PREPARE"}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
         6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS",
         22: "BADTRUNC", 23: "BADCOOKIE"}
DNS_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT",
             28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 39: "DNAME", 43: "DS", 44: "SSHFP",
             46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA",
             64: "SVCB", 65: "HTTPS", 99: "SPF", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR",
             255: "ANY", 257: "CAA"}
MAIL = re.compile(r"(?:MAIL\s+FROM|RCPT\s+TO)\s*:\s*(?:<(?:@[^:>]*:)?([^>]*)>|(\S*))", re.I)


def one(row, name):
    return row[name][0] if row.get(name) else None


def words(text):
    """What both programs show of a text: blanks and what is not ASCII alike, 60 characters."""
    text = re.sub(r"\\[nrt]|\s", " ", text or "")
    return re.sub(r"(\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[0-7]{3}|\\|[^ -~])+", "?", re.sub(" +", " ", text)).strip()[:60]


def mysql_of_tshark(row, seen, last):
    frame, stream = row["frame"], one(row, "tcp.stream")
    texts = list(row["mysql.query"])
    # Files of LOAD DATA, acknowledgments of a replica and compressed bytes are commands to tshark.
    names = ["COM_" + COMMANDS[int(n)] for n in row["mysql.command"] if int(n) < len(COMMANDS)]
    for name in names:
        text = words(texts.pop(0)) if name in WITH_TEXT and texts else ""
        seen.requests[(frame, name, text)] += 1
    for code, state in zip(row["mysql.error_code"], row["mysql.sqlstate"]):
        seen.responses[(frame, "mysql", int(code), state)] += 1
    # Rows are an OK to tshark; the only packet of an answer is one.
    if (row["mysql.response_code"] == ["0x00"] and last.get(stream) == ["COM_QUERY"]
            and len(row["mysql.packet_number"]) == 1 and row["mysql.affected_rows"]):
        seen.responses[(frame, "mysql", "changed", int(row["mysql.affected_rows"][0]))] += 1
    last[stream] = names


def smtp_of_tshark(row, seen):
    for line in row["smtp.command_line"]:
        found, verb = MAIL.match(line), line.replace("\\r\\n", "").split(" ")[0].upper()
        seen.requests[(row["frame"], "smtp", verb, words(found[1] or found[2]) if found else "")] += 1
    for code in row["smtp.response.code"]:
        if code[0] != "3":
            seen.responses[(row["frame"], "smtp", int(code))] += 1


def dns_name(name):
    """Without escapes, of which tshark has none."""
    name = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1])), name or "").lower()
    return "" if name in (".", "<root>") else words(name)


def dns_of_tshark(row, seen):
    if len(row["dns.id"]) != 1 or len(row["dns.qry.name"]) != 1:
        return  # several messages in a frame: the fields cannot be told apart
    frame, ident = row["frame"], "dns:%d" % int(row["dns.id"][0], 16)
    kind = int(row["dns.qry.type"][0])
    kind = DNS_TYPES.get(kind, "TYPE%d" % kind)
    if row["dns.flags.response"][0] == "0":
        if "1" not in row["dns.retransmission"]:
            seen.requests[(frame, ident, dns_name(row["dns.qry.name"][0]), kind)] += 1
        return
    high = int(one(row, "dns.resp.ext_rcode") or "0", 0)
    code = high << 4 | int(row["dns.flags.rcode"][0])
    seen.responses[(frame, ident, CODES.get(code, "RCODE%d" % code))] += 1
    if len(row["dns.time"]) == 1:
        seen.keyed_times[ident, frame] = row["dns.time"][0]


def tshark(rows, seen):
    last = {}
    for row in rows:
        mysql_of_tshark(row, seen, last)
        smtp_of_tshark(row, seen)
        dns_of_tshark(row, seen)


def mysql(r, frames, seen):
    name = r["mysql"].get("command", "")
    if name.startswith("COM_") and "request_last" in frames:
        text = words(r.get("query")) if name in WITH_TEXT else ""
        seen.requests[(frames["request_last"], name, text)] += 1
    if "error_code" in r["mysql"]:
        seen.responses[(frames.get("response_last", 0), "mysql", r["mysql"]["error_code"],
                        r["tsumari"].get("mysql", {}).get("sqlstate", ""))] += 1
    elif (name == "COM_QUERY" and "affected_rows" in r["mysql"] and "num_fields" not in r["mysql"]
          and frames.get("response_first") == frames.get("response_last")):
        seen.responses[(frames["response_last"], "mysql", "changed", r["mysql"]["affected_rows"])] += 1


def smtp(r, frames, seen):
    kind = r["tsumari"].get("smtp", {}).get("record")
    which = "request_first" if r.get("method") in ("DATA", "BDAT", "AUTH") else "request_last"
    if kind == "command" and which in frames:
        address = r.get("path") if r.get("method") in ("MAIL", "RCPT") else ""
        seen.requests[(frames[which], "smtp", r.get("method"),
                       words("" if address == "<>" else address))] += 1
    if kind in ("command", "greeting") and "reply_code" in r["smtp"]:
        seen.responses[(frames.get("response_last", 0), "smtp", r["smtp"]["reply_code"])] += 1


def dns(r, frames, seen):
    ident, t, q = "dns:" + str(r["dns"].get("id")), r["tsumari"].get("time", {}), r["dns"].get("question", {})
    if "request_last" in frames and "name" in q:
        seen.requests[(frames["request_last"], ident, dns_name(q["name"]), q.get("type", ""))] += 1
    if "response_code" in r["dns"] and "name" in q:
        seen.responses[(frames["response_last"], ident, r["dns"]["response_code"])] += 1
    if "wait" in t and "response_last" in frames:
        seen.keyed_times[ident, frames["response_last"]] = t["wait"] + t.get("response", 0)


def tsumari(records, seen):
    readers = {"mysql": mysql, "smtp": smtp, "dns": dns}
    for r in records:
        if r["type"] in readers and r["type"] in r:
            readers[r["type"]](r, r["tsumari"].get("frame", {}), seen)
