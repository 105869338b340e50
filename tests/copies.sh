#!/bin/bash
# Frames that were captured more than once: copies.py says how.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
python3 "$top_srcdir/tests/copies.py" "$TSUMARI" "$top_srcdir/pcaps" "$dir" \
	${COPIES:-}
