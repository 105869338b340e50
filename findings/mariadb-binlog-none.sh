#!/bin/bash
# mariadb-binlog asks for events without checksum, and MariaDB 10.11 sends them with one, but for the first.
#
# Who copies a binary log says by SET @master_binlog_checksum what it knows of checksums. 'NONE' reads like
# "send none". To a master that writes CRC32 it only means "I know what a checksum is": the events come
# from its file as they are, each with four bytes of CRC behind it. The ROTATE in front, which the master
# makes up to name the file, has none. A reader of the connection that goes by the setting reads each event
# four bytes too long; one that goes by the FORMAT_DESCRIPTION, which comes second, and looks for a CRC on
# the ROTATE, too, loses the last four letters of the file's name.
#
# Seen (MariaDB 10.11.19-0+deb12u1, server and mariadb-binlog), between the two:
#   SET @master_binlog_checksum='NONE'
#   ROTATE, 37 bytes, no checksum, to the file bin.000001
#   FORMAT_DESCRIPTION, 252 bytes, CRC32, algorithm 1
#   GTID_LIST, 29 bytes, CRC32
#   BINLOG_CHECKPOINT, 37 bytes, CRC32
#
# Runs Debian 12's MariaDB, unpacked in a temporary folder, with a relay of Python on 127.0.0.1 in between.
# Exit status: 0 as described, 1 MariaDB does otherwise, 2 it cannot be tried.
set -u
VERSION=1:10.11.19-0+deb12u1
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
server=
relay=
stop() {
	[ -z "$relay" ] || kill "$relay" 2>/dev/null
	[ -z "$server" ] || kill "$server" 2>/dev/null
	wait
	rm -rf "$work"
}
trap stop EXIT
cd "$work" || exit 2
apt-get -qq download "mariadb-server-core=$VERSION" "mariadb-client=$VERSION" libaio1 libnuma1 liburing2 \
	libpcre2-8-0 libssl3 libsystemd0 libcap2 libzstd1 liblz4-1 liblzma5 libgcrypt20 libgpg-error0 zlib1g 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "MariaDB $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
root/usr/sbin/mariadbd --no-defaults --version 2>/dev/null | grep -q ' 10\.11\.19-MariaDB' ||
	cannot "MariaDB $VERSION does not run"
mkdir data
root/usr/sbin/mariadbd --no-defaults --user="$(id -un)" --datadir="$work/data" --socket="$work/socket" --skip-networking \
	--pid-file="$work/pid" --lc-messages-dir="$work/root/usr/share/mysql" --skip-grant-tables --skip-innodb \
	--default-storage-engine=Aria --server-id=1 --log-bin="$work/data/bin" --binlog-checksum=CRC32 >log 2>&1 &
server=$!
for _ in $(seq 300); do [ -S socket ] && break; sleep 0.1; done
[ -S socket ] || cannot "the server does not start"
cat >relay.py <<'PYTHON'
import socket, struct, threading, zlib

NAMES = {4: "ROTATE", 15: "FORMAT_DESCRIPTION", 161: "BINLOG_CHECKPOINT", 163: "GTID_LIST"}
listening = socket.create_server(("127.0.0.1", 0))
with open("port", "w") as f:
    print(listening.getsockname()[1], file=f)
client, _ = listening.accept()
server = socket.socket(socket.AF_UNIX)
server.connect("socket")
dumping = threading.Event()


def packets(source, target):
    """What is said on one side, a packet at a time, passed on once it has been read."""
    reader = source.makefile("rb")
    try:
        while len(head := reader.read(4)) == 4:
            data = reader.read(head[0] | head[1] << 8 | head[2] << 16)
            yield data
            target.sendall(head + data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has gone


def asks():
    for data in packets(client, server):
        if data[:1] == b"\3" and b"checksum" in data.lower():
            print(data[1:].decode(), flush=True)
        if data[:1] == b"\x12":
            dumping.set()


def event(data):
    kind, checked = data[4], struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])
    line = "%s, %d bytes, %s" % (NAMES.get(kind, "type %d" % kind), len(data), "CRC32" if checked else "no checksum")
    if kind == 4:
        line += ", to the file " + data[27 : -4 if checked else None].decode()
    if kind == 15:
        line += ", algorithm %d" % data[-5]
    print(line, flush=True)


threading.Thread(target=asks, daemon=True).start()
for data in packets(server, client):
    if dumping.is_set() and data[:1] == b"\0":
        event(data[1:])
PYTHON
env -u LD_LIBRARY_PATH timeout 60 python3 relay.py >seen &
relay=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
timeout 30 root/usr/bin/mariadb-binlog --no-defaults --read-from-remote-server --host=127.0.0.1 --port="$(cat port)" \
	--user=reader bin.000001 >dumped 2>&1 || cannot "mariadb-binlog fails: $(tail -n 1 dumped)"
wait $relay
relay=
cat seen
[ "$(cat seen)" = "SET @master_binlog_checksum='NONE'
ROTATE, 37 bytes, no checksum, to the file bin.000001
FORMAT_DESCRIPTION, 252 bytes, CRC32, algorithm 1
GTID_LIST, 29 bytes, CRC32
BINLOG_CHECKPOINT, 37 bytes, CRC32" ]
