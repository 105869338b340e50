#!/bin/bash
# Captures with a snap length: snap.py says what must be the same. SNAP=N: of N bytes.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0
# 68: no options of a SYN behind its timestamps; 74: headers alone, 96: the first words, 128: half a head.
for SNAP in ${SNAP:-68 74 96 128}; do
	SNAP=$SNAP python3 "$top_srcdir/tests/snap.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" "$@" || bad=1
done
exit $bad
