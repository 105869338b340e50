#!/bin/bash
# Segments with a wrong checksum: checksums.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/checksums.py" "$TSUMARI" "$dir"
