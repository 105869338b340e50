#!/bin/bash
# Connections captured before and behind NAT: translated.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/translated.py" "$TSUMARI" "$dir"
