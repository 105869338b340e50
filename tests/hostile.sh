#!/bin/bash
# Hostile input costs time and memory within bounds: hostile.py says which.
. "${0%/*}/python.sh"
[ $# -gt 0 ] || set -- framing requests limits growth memory
# One process each: the peak of a child begins with that of its parent.
bad=0
for check in "$@"; do
	python3 "$here/hostile.py" "$check" || bad=1
done
exit $bad
