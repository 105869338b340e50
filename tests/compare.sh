#!/bin/bash
# --compare: what did change is found, what did not is not: compare.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/compare.py"
