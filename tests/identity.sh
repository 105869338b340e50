#!/bin/bash
# What names a record, its run and its sensor: no id comes twice, two readings of a file have the same,
# two live runs have none in common.
set -u
exec python3 "$top_srcdir/tests/identity.py" "$TSUMARI" "$top_srcdir/pcaps"
