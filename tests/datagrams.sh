#!/bin/bash
# Datagrams that were captured twice, in another order, or damaged: datagrams.py says how.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/datagrams.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir"
