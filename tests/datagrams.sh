#!/bin/bash
# Datagrams that were captured twice, in another order, or damaged: datagrams.py says how.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/datagrams.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir"
