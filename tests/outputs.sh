#!/bin/bash
# Files of records that are appended to and rotate, and what signals do to outputs: outputs.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/outputs.py"
