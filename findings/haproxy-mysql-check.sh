#!/bin/bash
# haproxy 2.6 checks a MySQL server by a login and a QUIT that it sends before the greeting.
#
# In MySQL's protocol the server speaks first, and a client makes its login of what the greeting says
# (the scramble, what the server can do). Who waits for the greeting to know that this is MySQL, or takes
# the client's first bytes for the answer to it, misreads each of these checks: `option mysql-check` sends
# both packets as soon as it is connected, numbered 1 and 0, and reads afterwards.
#
# Seen (haproxy 2.6.12-1+deb12u4), from a server that keeps silent for a second:
#   before the greeting: a packet of 41 bytes, number 1, user haproxy, and one of 1 byte, number 0, command 1
#   after it: nothing more
#
# Runs Debian 12's haproxy, unpacked in a temporary folder, against a few lines of Python on 127.0.0.1.
# Exit status: 0 as described, 1 haproxy does otherwise, 2 it cannot be tried.
set -u
VERSION=2.6.12-1+deb12u4
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
haproxy=
trap 'kill $haproxy 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
apt-get -qq download "haproxy=$VERSION" liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0 \
	libpcre2-posix3 libsystemd0 libssl3 libcap2 libzstd1 liblz4-1 liblzma5 libgcrypt20 libgpg-error0 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "haproxy $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
root/usr/sbin/haproxy -v 2>/dev/null | head -1 | grep -q ' 2\.6\.12-1+deb12u4 ' || cannot "haproxy $VERSION does not run"
cat >server.py <<'END'
import socket, struct
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
s.settimeout(10)
c, _ = s.accept()
def until(seconds):
    got = b""
    c.settimeout(seconds)
    try:
        while True:
            more = c.recv(4096)
            if not more:
                break
            got += more
    except OSError:
        pass
    return got
def packets(b):
    while len(b) >= 4:
        n = b[0] | b[1] << 8 | b[2] << 16
        yield n, b[3], b[4 : 4 + n]
        b = b[4 + n :]
early = until(1)
for n, number, data in packets(early):
    user = data[32:].split(b"\0")[0].decode() if n > 32 else ""
    print("before the greeting: a packet of %d bytes, number %d, %s" % (
        n, number, "user " + user if user else "command %d" % data[0]))
greeting = b"\x0a8.0.30\0" + struct.pack("<I", 7) + b"abcdefgh\0\xff\xf7\x21\2\0\xff\x81\x15" + bytes(10) + b"ijklmnopqrst\0"
c.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
c.sendall(b"\7\0\0\2\0\0\0\2\0\0\0")
print("after it:", until(1).hex() or "nothing more")
END
env -u LD_LIBRARY_PATH timeout 30 python3 server.py >said &
server=$!
for _ in $(seq 50); do [ -s said ] && break; sleep 0.1; done
cat >haproxy.cfg <<END
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout check 5s
listen db
    bind unix@$work/listen
    option mysql-check user haproxy
    server one 127.0.0.1:$(head -1 said) check inter 60s
END
root/usr/sbin/haproxy -db -f haproxy.cfg >log 2>&1 &
haproxy=$!
wait $server
sed 1d said
[ "$(sed 1d said | wc -l)" = 3 ] && sed -n 2p said | grep -q 'number 1, user haproxy$' &&
	sed -n 3p said | grep -q 'packet of 1 bytes, number 0, command 1$' && sed -n 4p said | grep -q 'nothing more$'
