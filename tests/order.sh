#!/bin/bash
# Captures whose frames do not stand in order of time: order.py says what.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/order.py" "$@"
