#!/bin/bash
# Reads every capture below a folder and checks what must be true of any: corpus.py says what.
# Usage: corpus.sh DIR, or: make check-corpus CORPUS=DIR
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/corpus.py" "$@"
