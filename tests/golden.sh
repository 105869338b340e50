#!/bin/bash
# The records of each bundled capture are, byte for byte, those of tests/golden/NAME.json, inline and
# on three workers. `TSUMARI=... top_srcdir=. tests/golden.sh --update NAME` rewrites one of them.
set -u
golden=$top_srcdir/tests/golden
records() { # capture, workers
	timeout -k 1 60 "$TSUMARI" --json -j "$2" -r "$1" | sed 's/"observer":{[^}]*}/"observer":{}/'
}
if [ "${1:-}" = --update ]; then
	records "$top_srcdir/pcaps/$2.pcap" 0 >"$golden/$2.json"
	exit
fi
bad=0
n=0
for want in "$golden"/*.json; do
	name=$(basename "$want" .json)
	for j in 0 3; do
		n=$((n + 1))
		diff -u "$want" <(records "$top_srcdir/pcaps/$name.pcap" $j) >/dev/null || {
			echo "$name with -j$j is not as it was:"
			diff "$want" <(records "$top_srcdir/pcaps/$name.pcap" $j) | cut -c1-300 | head -n 6
			bad=1
		}
	done
done
[ "$n" -gt 0 ] || { echo "no golden output found"; exit 1; }
[ $bad -eq 0 ] && echo "golden: $n runs as they were"
exit $bad
