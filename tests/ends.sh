#!/bin/bash
# What a capture shows that begins or ends in the middle of a conversation: ends.py has them.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/ends.py" "$TSUMARI" "$dir"
