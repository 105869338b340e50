#!/bin/bash
# Captures cut at any frame: cuts.py says what must be the same. CUTS=all: at every frame.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/cuts.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" "$@"
