#!/bin/bash
# What a user of tcpdump is used to, option by option, beside tcpdump itself: habits.py.
for program in python3 tcpdump; do
	command -v $program >/dev/null || {
		echo "$program is not installed"
		exit 77
	}
done
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/habits.py"
