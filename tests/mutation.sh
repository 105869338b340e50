#!/bin/bash
# Captures with bytes changed, packets cut, lost, copied and exchanged: mutation.py says how.
. "${0%/*}/python.sh"
exec python3 "$here/mutation.py" "$@"
