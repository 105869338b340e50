#!/bin/bash
# Loss, windows and round trips in conversations built packet by packet: tcp.py has them.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/tcp.py" "$TSUMARI" "$dir"
