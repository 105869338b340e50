#!/bin/bash
# Conversations of each protocol, in segments of any size: talks.py says what.
. "${0%/*}/python.sh"
exec python3 "$here/talks.py" "$@"
