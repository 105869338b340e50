#!/bin/bash
# What docs/postmortems.md quotes is what the program prints.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/postmortems.py"
