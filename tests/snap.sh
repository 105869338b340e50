#!/bin/bash
# Captures with a snap length: snap.py says what must be the same. SNAP=N: of N bytes.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/snap.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" "$@"
