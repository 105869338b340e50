#!/bin/bash
# The records of each bundled capture are, byte for byte, those of tests/golden/NAME.json, inline and
# on three workers. `TSUMARI=... top_srcdir=. tests/golden.sh --update NAME` rewrites one of them.
set -u
golden=$top_srcdir/tests/golden
records() { # capture, workers
	timeout -k 1 60 "$TSUMARI" --json -j "$2" -r "$1" 2>/dev/null | sed 's/,\{0,1\}"product":"tsumari","version":"[^"]*"//'
}
capture() { # its file, by name
	local end
	for end in pcap pcapng pcap.gz; do
		[ ! -e "$top_srcdir/pcaps/$1.$end" ] || echo "$top_srcdir/pcaps/$1.$end"
	done
}
if [ "${1:-}" = --update ]; then
	records "$(capture "$2")" 0 >"$golden/$2.json"
	exit
fi
bad=0
n=0
fail() {
	echo "$*"
	bad=1
}
for want in "$golden"/*.json; do
	name=$(basename "$want" .json)
	file=$(capture "$name")
	[ -n "$file" ] || {
		fail "$want: there is no such capture"
		continue
	}
	for j in 0 3; do
		n=$((n + 1))
		diff "$want" <(records "$file" $j) >/dev/null || {
			fail "$name with -j$j is not as it was:"
			diff "$want" <(records "$file" $j) | cut -c1-300 | head -n 6
		}
	done
done
for file in "$top_srcdir"/pcaps/*.pcap*; do
	name=$(basename "$file")
	name=${name%%.*}
	[ -s "$golden/$name.json" ] || fail "$file has no golden output: look at its records, then --update $name"
done
[ "$n" -gt 0 ] || { echo "no golden output found"; exit 1; }
[ $bad -eq 0 ] && echo "golden: $n runs as they were"
exit $bad
