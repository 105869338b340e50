#!/bin/bash
# tshark 4.0 reads one command, and one answer, of memcached's text protocol in each segment.
#
# A client of memcached may send commands without waiting for answers. Written at once they stand in one
# segment, and their answers may, too. tshark shows the first of each and says nothing of the rest: no field,
# no line of the tree, no mark. Who counts commands, misses or keys by memcache.command and memcache.response
# counts segments, and the same talk in smaller segments counts more.
#
# Seen (tshark 4.0.17-0+deb12u3), set, get, incr and delete and their four answers, in one segment a side
# and in segments of their own:
#   in one segment: commands set; answers STORED
#   each in its own: commands set get incr delete; answers STORED END NOT_FOUND
# (The third answer, a bare number, it calls a continuation where the segment is its own.)
#
# Runs Debian 12's tshark, unpacked in a temporary folder, on two files made here.
# Exit status: 0 as described, 1 tshark does otherwise, 2 it cannot be tried.
set -u
VERSION=4.0.17-0+deb12u3
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
needed() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$@" | grep '^lib' | sort -u |
		grep -vxE 'libc6|libgcc-s1|libcrypt1|libwireshark16|libwiretap13|libwsutil14'
}
# shellcheck disable=SC2046
apt-get -qq download "tshark=$VERSION" "wireshark-common=$VERSION" "libwireshark16=$VERSION" \
	"libwireshark-data=$VERSION" "libwiretap13=$VERSION" "libwsutil14=$VERSION" \
	$(needed libwireshark16 libwiretap13 libpcap0.8) 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "tshark $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
export HOME=$work WIRESHARK_DATA_DIR=$work/root/usr/share/wireshark
root/usr/bin/tshark --version 2>/dev/null | head -1 | grep -qi '^tshark.* 4\.0\.17 ' ||
	cannot "tshark $VERSION does not run"
env -u LD_LIBRARY_PATH python3 - <<'PYTHON'
import struct


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"
COMMANDS = [b"set a 0 0 1\r\n1\r\n", b"get b\r\n", b"incr n 5\r\n", b"delete d\r\n"]
ANSWERS = [b"STORED\r\n", b"END\r\n", b"15\r\n", b"NOT_FOUND\r\n"]


def write(name, talk):
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        following = [1000, 5000]
        for i, (side, flags, data) in enumerate([(0, 0x02, b""), (1, 0x12, b""), (0, 0x10, b"")] + talk):
            src, dst, ports = (A, B, (40000, 11211)) if side == 0 else (B, A, (11211, 40000))
            ack = following[1 - side] if flags != 0x02 else 0
            tcp = struct.pack("!HHIIBBHHH", *ports, following[side], ack, 0x50, flags, 8192, 0, 0)
            total = checksum(src + dst + struct.pack("!HH", 6, len(tcp + data)) + tcp + data)
            tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp + data), i, 0x4000, 64, 6, 0) + src + dst
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
            packet = ip + tcp + data
            f.write(struct.pack("<4I", 1700000000, i, len(packet), len(packet)) + packet)
            following[side] += len(data) + (1 if flags & 0x02 else 0)


write("one.pcap", [(0, 0x18, b"".join(COMMANDS)), (1, 0x18, b"".join(ANSWERS))])
write("own.pcap", [(0, 0x18, c) for c in COMMANDS] + [(1, 0x18, a) for a in ANSWERS])
PYTHON
column() { # FILE FIELD: its values, every one of a frame
	root/usr/bin/tshark -n -r "$1" -Y memcache -T fields -E occurrence=a -e "$2" 2>/dev/null | tr ',\n' '  ' | xargs
}
shown() { echo "$1: commands $(column "$2" memcache.command); answers $(column "$2" memcache.response)"; }
shown "in one segment" one.pcap | tee seen
shown "each in its own" own.pcap | tee -a seen
[ "$(cat seen)" = "in one segment: commands set; answers STORED
each in its own: commands set get incr delete; answers STORED END NOT_FOUND" ]
