"""Conversations of MySQL (talks.py) that began before the capture."""
import struct
import zlib

from talklib import C, S


def packet(seq, *parts):
    data = b"".join(parts)
    return len(data).to_bytes(3, "little") + bytes([seq]) + data


def command(kind, data=b""):
    return packet(0, bytes([kind]), data)


def query(text):
    return command(3, text.encode())


def ok(seq=1, rows=0, status=2):
    return packet(seq, bytes([0, rows, 0]), struct.pack("<HH", status, 0))


def eof(seq, status=2, new=False):
    return packet(seq, b"\xfe\0\0" + struct.pack("<HH", status, 0) if new else b"\xfe\0\0" + struct.pack("<H", status))


def error(seq=1):
    return packet(seq, b"\xff\x28\x04#42000You have an error")


def column(seq):
    return packet(seq, b"\3def\0\1t\1t\1c\1c\x0c\x21\0\4\0\0\0\3\0\0\0\0\0")


def result(rows, seq=1):
    """A result set with EOF packets."""
    parts = [packet(seq, b"\1"), column(seq + 1), eof(seq + 2)]
    parts += [packet(seq + 3 + i, b"\4%04d" % i) for i in range(rows)]
    return b"".join(parts) + eof(seq + 3 + rows)


def rows_of(statement, n):
    return command(0x1c, struct.pack("<II", statement, n))


def fetched(n, last=False, new=False, first=0):
    """Rows of a cursor: a zero byte, which is NULL, and values."""
    rows = b"".join(packet(1 + i, b"\0\0", struct.pack("<I", first + i), b"\x64" + b"v" * 100) for i in range(n))
    return rows + eof(1 + n, 0x82 if last else 0x42, new)


def execute(statement, cursor=0, parameters=b""):
    return command(0x17, struct.pack("<IBI", statement, cursor, 1) + parameters)


def prepared(statement, columns, parameters):
    """The answer to a PREPARE, with EOF packets."""
    out, seq = packet(1, b"\0", struct.pack("<IHHBH", statement, columns, parameters, 0, 0)), 2
    for n in parameters, columns:
        for i in range(n):
            out += column(seq)
            seq += 1
        if n:
            out += eof(seq)
            seq += 1
    return out


def compressed(seq, data):
    if len(data) < 50:
        return len(data).to_bytes(3, "little") + bytes([seq]) + bytes(3) + data
    packed = zlib.compress(data)
    return len(packed).to_bytes(3, "little") + bytes([seq]) + len(data).to_bytes(3, "little") + packed


CAPS = 0x81A205 | 0x8000 | 0x2000
LOGIN = packet(1, struct.pack("<IIB", CAPS & ~0x2000000 | 0x20, 1 << 24, 33), bytes(23), b"app\0\0m\0\0")
MIDWAY = {"handshake": False}


def talk(steps, want, port=3306):
    return port, steps, want, MIDWAY


TALKS = {
    # The statement, and its cursor, are older than the capture.
    "mysql-rows-of-a-cursor": talk([
        (C, 1, rows_of(3, 2)), (S, 51, fetched(2)), (C, 60, rows_of(3, 50)), (S, 110, fetched(7, True, first=2)),
        (C, 120, query("update t set a = 1")), (S, 130, ok(1, 5))],
        [dict(method="STMT_FETCH", status="OK", ms=50, **{"mysql.num_rows": 2}),
         dict(method="STMT_FETCH", status="OK", ms=50, **{"mysql.num_rows": 7}),
         dict(method="UPDATE", status="OK", ms=10, **{"mysql.affected_rows": 5})]),
    # The same, joined within an answer; rows end with an OK packet, and there are none in the end.
    "mysql-rest-of-a-cursor": talk([
        (S, 1, fetched(3, new=True)), (C, 10, rows_of(3, 2)), (S, 60, fetched(2, new=True, first=3)), (C, 70, rows_of(3, 2)),
        (S, 80, fetched(0, True, True)), (C, 90, query("select c from t")), (S, 140, error())],
        [dict(method="STMT_FETCH", status="OK", ms=50, **{"mysql.num_rows": 2}),
         dict(method="STMT_FETCH", status="OK", ms=10, **{"mysql.num_rows": 0}),
         dict(method="SELECT", status="Error", ms=50, error=1064)]),
    "mysql-execute-before": talk([
        (C, 1, execute(5, 1)), (S, 51, packet(1, b"\1") + column(2) + eof(3, 0x42)), (C, 60, rows_of(5, 9)),
        (S, 70, fetched(1, True)), (C, 80, execute(5)), (S, 180, result(3))],
        [dict(method="STMT_EXECUTE", status="OK", ms=50), dict(method="STMT_FETCH", status="OK", **{"mysql.num_rows": 1}),
         dict(method="STMT_EXECUTE", status="OK", ms=100, **{"mysql.num_rows": 3})]),
    # The server asks for a file, the client sends it, and the answer has another number than 1.
    "mysql-local-file": talk([
        (C, 1, query("load data local infile 'x' into table t")), (S, 11, packet(1, b"\xfbx.csv")),
        (C, 12, packet(2, b"a,1\nb,2\n" * 60) + packet(3)), (S, 112, ok(4, 120)), (C, 120, query("select c from t")),
        (S, 130, result(2))],
        [dict(method="LOAD", status="OK", ms=111, **{"mysql.affected_rows": 120}),
         dict(method="SELECT", status="OK", ms=10, **{"mysql.num_rows": 2})]),
    # Asked for in one go, with a statement that is the last one prepared: both have EOF packets.
    "mysql-prepare-and-execute": talk([
        (C, 1, query("select 1")), (S, 2, result(1)),
        (C, 5, command(0x16, b"select ?, c from t") + execute(0xFFFFFFFF, 0, b"\0\1\3\0\5\0\0\0")),
        (S, 55, prepared(9, 2, 1)), (S, 105, result(4)), (C, 110, query("select 2")), (S, 120, result(1))],
        [dict(method="SELECT", status="OK", ms=1, **{"mysql.num_rows": 1}), dict(method="PREPARE", status="OK", ms=50),
         dict(method="SELECT", status="OK", ms=100, **{"mysql.num_rows": 4}),
         dict(method="SELECT", status="OK", ms=10, **{"mysql.num_rows": 1})]),
    # The same, joined within the statement, or between the two: the answer to what was not seen is nobody's.
    "mysql-execute-what-was-prepared": talk([
        (C, 5, command(0x16, b"select ?, c from t")[9:] + execute(0xFFFFFFFF, 0, b"\0\1\3\0\5\0\0\0")),
        (S, 55, prepared(9, 2, 1)), (S, 105, result(4)), (C, 110, query("select 2")), (S, 120, result(1))],
        [dict(status="OK", flags=["no_request"], **{"mysql.statement_id": 9}),
         dict(method="STMT_EXECUTE", status="OK", ms=100, **{"mysql.num_rows": 4}),
         dict(method="SELECT", status="OK", ms=10, **{"mysql.num_rows": 1})]),
    "mysql-execute-what-was-not-prepared": talk([
        (C, 5, execute(0xFFFFFFFF)), (S, 55, error()), (S, 56, error()), (C, 110, query("select 2")), (S, 120, result(1))],
        [dict(status="Error", error=1064, flags=["no_request"]), dict(method="STMT_EXECUTE", status="Error", ms=51, error=1064),
         dict(method="SELECT", status="OK", ms=10, **{"mysql.num_rows": 1})]),
    # The greeting is older than the capture: what the login asks for is agreed on where packets show it.
    "mysql-compressed-login": talk([
        (C, 1, LOGIN), (S, 2, ok(2)), (C, 10, compressed(0, query("select 1"))), (S, 60, compressed(1, result(1))),
        (C, 70, compressed(0, query("update t set a = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"))),
        (S, 120, compressed(1, ok(1, 3)))],
        [dict(method="LOGIN", status="OK"), dict(method="SELECT", status="OK", ms=50, **{"mysql.num_rows": 1}),
         dict(method="UPDATE", status="OK", ms=50, **{"mysql.affected_rows": 3})]),
    # An error first, on a port that says nothing.
    "mysql-compressed-error": talk([
        (C, 1, compressed(0, query("selct"))), (S, 2, compressed(1, error())),
        (C, 10, compressed(0, query("insert into t values (1), (2), (3), (4), (5), (6)"))), (S, 60, compressed(1, ok(1, 6)))],
        [dict(status="Error", error=1064, flags=["no_request"]),
         dict(method="INSERT", status="OK", ms=50, **{"mysql.affected_rows": 6})], 13306),
}
