#!/bin/bash
# Rewritten captures give the same transactions: property.py says how.
. "${0%/*}/python.sh"
# PROPERTY="loss start": these groups only, for a build that is slow.
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ${PROPERTY:-}
exec python3 "$here/property.py" "$@"
