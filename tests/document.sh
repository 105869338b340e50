#!/bin/bash
# --report=json against the records of the same capture: document.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/document.py"
