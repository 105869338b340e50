#!/bin/bash
# Pipelines in captures that lack frames: pipelines.py has them.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/pipelines.py" "$TSUMARI" "$dir"
