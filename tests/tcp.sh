#!/bin/bash
# Loss, windows and round trips in conversations built packet by packet: tcp.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/tcp.py" "$TSUMARI" "$dir"
