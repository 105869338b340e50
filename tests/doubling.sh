#!/bin/bash
# Hostile input that is doubled costs at most 2.2 times the instructions: bench/doubling.py, one part after the other.
command -v valgrind >/dev/null || {
	echo "valgrind is not installed"
	exit 77
}
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
if grep -q __asan_init "$TSUMARI"; then
	echo "a build with sanitizers is not what is counted"
	exit 77
fi
exec python3 "$here/bench/doubling.py" --quick "$@"
