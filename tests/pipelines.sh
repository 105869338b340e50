#!/bin/bash
# Pipelines in captures that lack frames: pipelines.py has them.
. "${0%/*}/python.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$top_srcdir/tests/pipelines.py" "$TSUMARI" "$dir"
