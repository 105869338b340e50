#!/bin/bash
# --extract against what tshark finds in the same captures, and from a pipe: extract.py.
for tool in python3 tshark; do
	command -v $tool >/dev/null || {
		echo "$tool is not installed"
		exit 77
	}
done
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/extract.py"
