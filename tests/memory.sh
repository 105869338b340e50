#!/bin/bash
# --memory holds for any number of threads: memory.py says what is counted. `make bench-memory` prints
# the whole table.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari}
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/memory.py" "$@"
