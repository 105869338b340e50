#!/bin/bash
# Captures whose frames do not stand in order of time: order.py says what.
. "${0%/*}/python.sh"
exec python3 "$here/order.py" "$@"
