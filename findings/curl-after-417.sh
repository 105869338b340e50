#!/bin/bash
# curl 7.88.1 after a 417: the body of the request that was refused never comes, and the next request
# stands where it should begin, on the same connection.
#
# A client that sends Expect: 100-continue waits for the server to want its body (RFC 9110, 10.1.1). A
# reader that counts Content-Length takes what comes behind the head for the body, whatever the server
# said: here that is the head of the second POST, and all that follows on the connection is shifted.
#
# Seen (curl 7.88.1-10+deb12u15):
#   status and connections: 200 1
#   first:  POST /u HTTP/1.1 | Expect: 100-continue | Content-Length: 2000000
#   second: POST /u HTTP/1.1 | Expect: 100-continue | Content-Length: 2000000
#
# Runs Debian 12's curl, unpacked in a temporary folder, against a few lines of Python on 127.0.0.1.
# Exit status: 0 as described, 1 curl does otherwise, 2 it cannot be tried.
set -u
VERSION=7.88.1-10+deb12u15
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
needed() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$@" | grep '^[a-z]' | sort -u |
		grep -vxE 'curl|libcurl4|libc6|gcc-12-base|libgcc-s1|debconf|libcrypt1|dpkg|tar|perl.*|debianutils|base-files'
}
# shellcheck disable=SC2046
apt-get -qq download "curl=$VERSION" "libcurl4=$VERSION" $(needed curl) 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "curl $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
root/usr/bin/curl --version 2>/dev/null | head -1 | grep -q '^curl 7\.88\.1 ' || cannot "curl $VERSION does not run"
cat >server.py <<'END'
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
c.settimeout(10)
def head():
    got = b""
    while b"\r\n\r\n" not in got:
        more = c.recv(1)
        if not more:
            return None
        got += more
    return got.decode().split("\r\n")
first = head()
c.sendall(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
second = head()
say = lambda h: " | ".join(x for x in h if x.split(":")[0].split(" ")[0] in ("POST", "Content-Length", "Expect"))
print("first: ", say(first))
print("second:", say(second) if second else "(the connection was closed)")
n = int([x for x in second if x.startswith("Content-Length")][0].split()[1]) if second else 0
while n:
    n -= len(c.recv(n)) or n
c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
END
env -u LD_LIBRARY_PATH timeout 30 python3 server.py >said &
for _ in $(seq 50); do [ -s said ] && break; sleep 0.1; done
head -c 2000000 /dev/zero >body
status=$(timeout 20 root/usr/bin/curl -s -o /dev/null -w '%{http_code} %{num_connects}' -X POST -T body \
	-H 'Expect: 100-continue' --expect100-timeout 10 "http://127.0.0.1:$(head -1 said)/u")
wait
echo "curl $VERSION: status and connections: $status"
sed 1d said
grep -q '^first: .*POST /u.*Expect: 100-continue' said && grep -q '^second: POST /u HTTP/1.1' said
