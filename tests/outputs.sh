#!/bin/bash
# Files of records that are appended to and rotate, and what signals do to outputs: outputs.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/outputs.py"
