#!/bin/bash
# mergecap 4.0 puts the frame of the file that is named later first, where two have the same time.
#
# A merge by time keeps the order of its inputs where times are equal (a stable one would). mergecap
# does not: a request in the first file and its answer in the second, both in the same microsecond, come
# out as answer and request. Who pairs by the order in the merged file finds no request.
#
# Seen (mergecap 4.0.17-0+deb12u3):
#   a b: the frame of b, the frame of a
#   b a: the frame of a, the frame of b
#
# Runs Debian 12's mergecap, unpacked in a temporary folder, on two files of one frame each.
# Exit status: 0 as described, 1 mergecap does otherwise, 2 it cannot be tried.
set -u
VERSION=4.0.17-0+deb12u3
cannot() { echo "cannot be tried: $*" >&2; exit 2; }
command -v python3 >/dev/null && command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "no Debian"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
apt-get -qq download "wireshark-common=$VERSION" "libwiretap13=$VERSION" "libwsutil14=$VERSION" libglib2.0-0 libpcre2-8-0 \
	libgcrypt20 libgpg-error0 libgnutls30 zlib1g liblz4-1 libzstd1 libpcap0.8 libcap2 2>/dev/null
for deb in ./*.deb; do dpkg -x "$deb" root 2>/dev/null || cannot "mergecap $VERSION is not to be had"; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
root/usr/bin/mergecap --version 2>/dev/null | head -1 | grep -qi '^mergecap.* 4\.0\.' || cannot "mergecap $VERSION does not run"
env -u LD_LIBRARY_PATH python3 - <<'END'
import struct
for name in "ab":
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5" + name.encode() * 46
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        f.write(struct.pack("<4I", 1700000000, 5, len(frame), len(frame)) + frame)
END
order() { # FILE FILE: whose frames come out one after the other
	root/usr/bin/mergecap -F pcap -w merged "$@" || cannot "mergecap fails"
	env -u LD_LIBRARY_PATH python3 -c '
data = open("merged", "rb").read()
print("%s: the frame of %s, the frame of %s" % (" ".join(__import__("sys").argv[1:]), chr(data[70]), chr(data[146])))' "$@"
}
order a b | tee seen
order b a | tee -a seen
[ "$(cat seen)" = "a b: the frame of b, the frame of a
b a: the frame of a, the frame of b" ]
