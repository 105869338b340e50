#!/bin/bash
# --memory holds for any number of threads: memory.py says what is counted. `make bench-memory` prints
# the whole table.
. "${0%/*}/python.sh"
exec python3 "$here/memory.py" "$@"
