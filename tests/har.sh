#!/bin/bash
# --har against the form that HAR 1.2 gives and the records of the same run: har.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/har.py"
