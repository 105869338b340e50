#!/bin/bash
# Display filters against the same questions asked of the records in Python: filter.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/filter.py"
