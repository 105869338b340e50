#!/bin/bash
# When connections give records of themselves: ageing.py.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/ageing.py" "$TSUMARI"
