#!/bin/bash
# DNS and TLS: rewritten captures give the same transactions: property.py says how.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PROTOCOL=dns python3 "$here/property.py" || exit 1
PROTOCOL=tls exec python3 "$here/property.py"
