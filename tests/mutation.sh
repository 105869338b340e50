#!/bin/bash
# Captures with bytes changed, packets cut, lost, copied and exchanged: mutation.py says how.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/mutation.py" "$@"
