#!/bin/bash
# Conversations of each protocol, in segments of any size: talks.py says what.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/talks.py" "$@"
