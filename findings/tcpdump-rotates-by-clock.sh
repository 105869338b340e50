#!/bin/bash
# tcpdump -G splits a capture that is read by the computer's clock, not by the times of its packets.
#
# `tcpdump -r day.pcap -w part-%H.pcap -G 3600` looks like the way to split a day into hours. The file is
# read in a moment, so nothing is split: one file holds all, and its name is the hour in which the command
# ran, not one of the packets. Who splits a capture after an incident gets a file of the wrong hour.
#
# Seen (tcpdump 4.99.3-1, libpcap 1.10.3-1), four packets of 2023, an hour apart, -G 3600 -w part-%Y.pcap:
#   1 file, 4 packets in it, named for this year
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
frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5" + b"x" * 46
with open("day.pcap", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for hour in range(4):
        f.write(struct.pack("<4I", 1700000000 + 3600 * hour, 0, len(frame), len(frame)) + frame)
END
"$dump" -n -r day.pcap -G 3600 -w part-%Y.pcap 2>/dev/null || cannot "tcpdump fails"
set -- part-*.pcap
packets=$("$dump" -n -r "$1" 2>/dev/null | grep -c '^[0-9]')
year=other
[ "$1" != "part-$(date +%Y).pcap" ] || year="this year"
echo "$# file, $packets packets in it, named for $year" | tee seen
[ "$(cat seen)" = "1 file, 4 packets in it, named for this year" ]
