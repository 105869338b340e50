#!/bin/bash
# What README.md shows is what its commands print: readme.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/readme.py" "$@"
