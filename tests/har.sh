#!/bin/bash
# --har against the form that HAR 1.2 gives and the records of the same run: har.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/har.py"
