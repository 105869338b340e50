#!/bin/bash
# When connections give records of themselves: ageing.py.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/ageing.py" "$TSUMARI"
