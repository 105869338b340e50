#!/bin/bash
# What docs/postmortems.md quotes is what the program prints.
. "${0%/*}/python.sh"
exec python3 "$here/postmortems.py"
