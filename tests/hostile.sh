#!/bin/bash
# Hostile input costs time and memory within bounds: hostile.py says which.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
[ $# -gt 0 ] || set -- framing requests limits growth memory
# One process each: the peak of a child begins with that of its parent.
bad=0
for check in "$@"; do
	python3 "$here/hostile.py" "$check" || bad=1
done
exit $bad
