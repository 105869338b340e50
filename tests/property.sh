#!/bin/bash
# Rewritten captures give the same transactions: property.py says how.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
# PROPERTY="loss start": these groups only, for a build that is slow.
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ${PROPERTY:-}
python3 "$here/property.py" "$@" || exit
[ -z "${PROPERTY:-}" ] || exit 0
exec python3 "$here/property_mysql.py"
