#!/bin/bash
# squid 5.7 waits five to ten seconds for a DNS server whose host has said at once that none is there.
#
# A query to a port that nobody listens on is answered with ICMP port unreachable. A resolver whose socket is
# connected hears of it in the same moment and can go on to the next server. squid asks all its servers from
# one socket that is connected to none, and hears nothing. It looks through its open queries every five
# seconds and asks the second server about those that are five seconds old: the next name in a row, asked
# half a second after the first had its answer, waits almost ten. Who sees the refusal 0.1 ms behind the query
# looks for these seconds elsewhere; and the server that refuses is asked first for each name again.
#
# Seen (squid 5.7-2+deb12u6, dns_nameservers 127.0.0.53 127.0.0.54, only the second of which is there):
#   one.example: 0.0 s query to 127.0.0.53, 0.0 s ICMP port unreachable, 5.0 s query to 127.0.0.54
#   one.example: 200 after 5.0 s
#   two.example: 0.0 s query to 127.0.0.53, 0.0 s ICMP port unreachable, 9.5 s query to 127.0.0.54
#   two.example: 200 after 9.5 s
#   a connected socket: ECONNREFUSED after 0.0 s
#
# Runs Debian 12's squid, unpacked in a temporary folder, in a network namespace of its own (as root).
# Exit status: 0 as described, 1 squid does otherwise, 2 it cannot be tried.
set -u
VERSION=5.7-2+deb12u6
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
unshare -n -m true 2>/dev/null || cannot "no namespace can be made"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
apt-get -qq download "squid=$VERSION" "squid-common=$VERSION" squid-langpack libcap2 libcom-err2 libecap3 libffi8 \
	libgcrypt20 libgmp10 libgnutls30 libgpg-error0 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 libkeyutils1 \
	libkrb5-3 libkrb5support0 libltdl7 liblz4-1 liblzma5 libmnl0 libnetfilter-conntrack3 libnettle8 libnfnetlink0 \
	libp11-kit0 libsystemd0 libtasn1-6 libunistring2 libzstd1 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "squid $VERSION is not to be had"; done
LIBRARIES=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LIBRARIES
LD_LIBRARY_PATH=$LIBRARIES root/usr/sbin/squid -v 2>/dev/null | head -1 | grep -q 'Version 5\.7$' ||
	cannot "squid $VERSION does not run"
chmod 711 .
install -d -o nobody run
cat >squid.conf <<END
http_port 127.0.0.1:3128
http_access allow all
dns_nameservers 127.0.0.53 127.0.0.54
hosts_file none
cache deny all
cache_effective_user nobody
access_log none
cache_log $work/run/log
coredump_dir $work/run
pid_filename $work/run/pid
mime_table $work/root/usr/share/squid/mime.conf
icon_directory $work/root/usr/share/squid/icons
error_directory $work/root/usr/share/squid-langpack/en
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
END
cat >ask.py <<'PYTHON'
import socket, struct, threading, time

WEB, LATE = ("127.0.0.1", 80), "127.0.0.54"


def names():
    """The second DNS server: every name is 127.0.0.1."""
    while True:
        query, who = dns.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        a = query[end - 3] == 1
        dns.sendto(query[:2] + struct.pack("!5H", 0x8180, 1, a, 0, 0) + query[12:end] + (
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if a else b""), who)


def pages():
    while True:
        c, _ = web.accept()
        c.recv(4096)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        c.close()


def wire():
    """What goes over loopback of queries for addresses: (time, name, what it is)."""
    while True:
        packet = raw.recv(4096)
        now, what, ip = time.monotonic(), "query to", packet
        if packet[9] == 1 and packet[20:22] == b"\3\3":
            what, ip = "ICMP port unreachable", packet[28:]
        if ip[9] == 17 and ip[22:24] == b"\0\x35" and ip[-4:] == b"\0\1\0\1":
            name = ip[41 : 41 + ip[40]].decode()
            seen.append((now, name, what + (" " + socket.inet_ntoa(ip[16:20]) if ip is packet else "")))


seen = []
raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind((LATE, 53))
web = socket.create_server(WEB)
for run in names, pages, wire:
    threading.Thread(target=run, daemon=True).start()
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", 3128)).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    raise SystemExit(2)
as_said = True
for name in "one", "two":
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", 3128), 60) as c:
        c.sendall(b"GET http://%s.example/ HTTP/1.1\r\nHost: %s.example\r\n\r\n" % ((name.encode(),) * 2))
        status = c.recv(4096).split(b" ")[1].decode()
    took = time.monotonic() - start
    time.sleep(0.5)
    mine = [(t, what) for t, of, what in seen if of == name] or [(start, "nothing")]
    print("%s.example: %s" % (name, ", ".join("%.1f s %s" % (t - mine[0][0], what) for t, what in mine)))
    print("%s.example: %s after %.1f s" % (name, status, took))
    as_said &= [what for _, what in mine] == ["query to 127.0.0.53", "ICMP port unreachable", "query to " + LATE]
    as_said = as_said and status == "200" and mine[1][0] - mine[0][0] < 1
    as_said = as_said and 4.5 < mine[2][0] - mine[0][0] < 15 and took < 20
connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
connected.settimeout(10)
connected.connect(("127.0.0.53", 53))
start = time.monotonic()
try:
    connected.send(b"x" * 12)
    connected.recv(512)
    error = "an answer"
except ConnectionRefusedError:
    error = "ECONNREFUSED"
except OSError:
    error = "nothing"
print("a connected socket: %s after %.1f s" % (error, time.monotonic() - start))
raise SystemExit(0 if as_said and error == "ECONNREFUSED" else 1)
PYTHON
# A squid that runs already has its shared memory in /dev/shm: this one has a /dev/shm of its own.
cat >inside.sh <<'END'
ip link set lo up && mount -t tmpfs -o mode=1777 none /dev/shm || exit 2
LD_LIBRARY_PATH=$LIBRARIES root/usr/sbin/squid -N -f squid.conf >out 2>&1 &
squid=$!
timeout 150 python3 ask.py
status=$?
kill $squid
wait $squid
exit $status
END
unshare -n -m bash inside.sh
status=$?
[ $status -le 1 ] || cannot "squid does not start, or no loopback"
exit $status
