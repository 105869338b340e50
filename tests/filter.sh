#!/bin/bash
# Display filters against the same questions asked of the records in Python: filter.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/filter.py"
