#!/bin/bash
# --compare: what did change is found, what did not is not: compare.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/compare.py"
