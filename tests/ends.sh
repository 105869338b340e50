#!/bin/bash
# What a capture shows that begins or ends in the middle of a conversation: ends.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/ends.py" "$TSUMARI" "$dir"
