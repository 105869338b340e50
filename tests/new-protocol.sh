#!/bin/bash
# new-protocol.sh NAME PORT: makes what a new protocol on a TCP port needs, in the tree that this script is of: the
# worked protocol of docs/dissector.md under the new name, to be changed into what it is to be.
#
#   dissectors/NAME.c           the dissector
#   tests/unit/NAME.c           the unit test
#   tests/property_NAME.py      what tests/sync.sh loses bytes of
#   tests/show_NAME.py          what tests/show.sh compares with tshark
#   tests/fuzz/corpus/NAME      a fuzz target's first input
#   pcaps/NAME.pcap             made of the property's conversations, until there is a capture of a real server
#
# and a line each in Makefile.am and tests/fuzz/fuzz.h. It says what is left to do.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
name=${1:-} port=${2:-}
case $name in
'' | *[!a-z0-9_]* | [!a-z]*)
	echo "usage: new-protocol.sh NAME PORT (a-z 0-9 _)" >&2
	exit 2
	;;
esac
case $port in '' | *[!0-9]*) echo "usage: new-protocol.sh NAME PORT" >&2; exit 2 ;; esac
cd "$top"
[ ! -e "dissectors/$name.c" ] || { echo "there is a dissectors/$name.c" >&2; exit 1; }
worked() { # file of the worked protocol in docs/dissector.md
	awk -v head="\`\`\`[a-z]+ $1" '$0 ~ "^" head "$" { on = 1; n++; next } /^```$/ { on = 0 } on' docs/dissector.md |
		sed "s/tally/$name/g; s/TALLY/${name^^}/g; s/Tally/${name^}/g; s/4711/$port/g"
}
for file in dissectors/tally.c tests/unit/tally.c tests/property_tally.py tests/show_tally.py; do
	worked "$file" >"${file//tally/$name}"
	[ -s "${file//tally/$name}" ] || { echo "docs/dissector.md has no $file" >&2; exit 1; }
done
# A line each, where its neighbours stand.
insert() { # file, the line before it as a pattern, line
	grep -qE -- "$2" "$1" || { echo "$1: no line like $2" >&2; exit 1; }
	awk -v pattern="$2" -v line="$3" '{ print } !done && $0 ~ pattern { print line; done = 1 }' "$1" >"$1.new"
	mv "$1.new" "$1"
}
insert Makefile.am '^libdissectors_a_SOURCES' "	dissectors/$name.c \\\\"
insert Makefile.am '^UNIT = ' "	tests/unit/$name \\\\"
insert Makefile.am '^PROTOCOL_FILES = ' "	tests/property_$name.py tests/show_$name.py \\\\"
insert tests/fuzz/fuzz.h '^#define FUZZ_SERVICES' \
	"$(printf '	%-91s' "X($name, $port, 50000, 40000, false, false)")\\\\"
mkdir -p "tests/fuzz/corpus/$name"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests TSUMARI=${TSUMARI:-tsumari} python3 - "$name" "$port" <<'P'
import importlib
import struct
import sys

import pcaplib

name = sys.argv[1]
room = importlib.import_module("property_" + name)
link, packets = room.made(1, 12)
pcaplib.write("pcaps/%s.pcap" % name, link, packets)
chunks = b"\1"
for p in packets:
    s = pcaplib.segment(1, p)
    if s.payload:
        server = p.data[34:36] == struct.pack("!H", int(sys.argv[2]))
        chunks += struct.pack("!BBBH", 3 if server else 2, 40, 0, len(s.payload)) + s.payload
with open("tests/fuzz/corpus/%s/talk" % name, "wb") as f:
    f.write(chunks[:4096])
P
cat <<S
$name: made. Now, in a build folder:
    autoreconf -fi .. && ../configure && make && make fields    # docs/fields.md
    ../tests/golden.sh --update $name                           # with TSUMARI and top_srcdir set; look at it
    make check TESTS='tests/unit/$name tests/sync.sh tests/show.sh tests/fuzz.sh tests/golden.sh'
Then a capture of the real server instead of pcaps/$name.pcap (pcaps/record/, SOURCES.md), its fields in the schema,
a story (tests/stories*.py), and tests/probes.sh: it must not be taken for another.
S
