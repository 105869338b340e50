#!/bin/bash
# Reads every capture below a folder and checks what must be true of any: corpus.py says what.
# Usage: corpus.sh DIR, or: make check-corpus CORPUS=DIR
. "${0%/*}/python.sh"
exec python3 "$here/corpus.py" "$@"
