#!/bin/bash
# Captures cut at any frame: cuts.py says what must be the same. CUTS=all: at every frame.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/cuts.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" "$@"
