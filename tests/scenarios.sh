#!/bin/bash
# What is told of recorded incidents and of their twins in which all is well: pcaps/scenarios/expect.tsv.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
exec python3 "$here/scenarios.py" "$@"
