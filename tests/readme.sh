#!/bin/bash
# What README.md shows is what its commands print: readme.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/readme.py" "$@"
