#!/bin/bash
# What is told of recorded incidents and of their twins in which all is well: pcaps/scenarios/expect.tsv.
. "${0%/*}/python.sh"
exec python3 "$here/scenarios.py" "$@"
