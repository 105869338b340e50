#!/bin/bash
# tcpdump prints a reset without ACK by its absolute sequence number, between lines of relative ones.
#
# Sequence numbers of a connection that tcpdump has seen begin are printed relative to its first ones. Only
# segments with the ACK flag get that: a bare RST (RFC 9293, 3.5.2, the answer to a segment without one; also
# what closes a connection that its client has forgotten) stays absolute. Who compares it with the line
# above takes it for a reset far outside the window, which RFC 5961 would have the receiver ignore.
#
# Seen (tcpdump 4.99.3-1), a SYN, its SYN/ACK, an ACK, ten bytes, then a RST with the next number:
#   [P.] seq 1:11
#   [R] seq 1000011
#
# Runs Debian 12's tcpdump, unpacked in a temporary folder, on a file made here.
# Exit status: 0 as described, 1 tcpdump does otherwise, 2 it cannot be tried.
set -u
VERSION=4.99.3-1
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
apt-get -qq download "tcpdump=$VERSION" "libpcap0.8=1.10.3-1" libssl3 libdbus-1-3 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "tcpdump $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
dump=$(find root -name tcpdump -type f -perm -u+x | head -1)
"$dump" --version 2>&1 | head -1 | grep -q 'tcpdump version 4\.99\.3' || cannot "tcpdump $VERSION does not run"
env -u LD_LIBRARY_PATH python3 - <<'END'
import struct


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"
with open("talk.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
    for i, (mine, seq, ack, flags, data) in enumerate((
            (True, 1000000, 0, 0x02, b""), (False, 5000, 1000001, 0x12, b""), (True, 1000001, 5001, 0x10, b""),
            (True, 1000001, 5001, 0x18, b"0123456789"), (True, 1000011, 0, 0x04, b""))):
        src, dst, ports = (A, B, (40000, 80)) if mine else (B, A, (80, 40000))
        tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 8192 if flags != 4 else 0, 0, 0)
        total = checksum(src + dst + struct.pack("!HH", 6, len(tcp + data)) + tcp + data)
        tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp + data), i, 0x4000, 64, 6, 0) + src + dst
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        packet = ip + tcp + data
        f.write(struct.pack("<4I", 1700000000, i, len(packet), len(packet)) + packet)
END
"$dump" -n -r talk.pcap 2>/dev/null | tail -n 2 | sed 's/.*Flags \(\[[^]]*\]\), \(seq [0-9:]*\).*/\1 \2/' | tee seen
[ "$(cat seen)" = "[P.] seq 1:11
[R] seq 1000011" ]
