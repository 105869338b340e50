#!/bin/bash
# Frames that were captured more than once: copies.py says how.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/copies.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" \
	${COPIES:-}
