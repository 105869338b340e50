#!/bin/bash
# Segments that TCP ignores: strays.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/strays.py" "$TSUMARI" "$dir"
