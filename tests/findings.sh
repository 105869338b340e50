#!/bin/bash
# What tsumari finds in the bundled captures: findings.py says which and what they must cost.
. "${0%/*}/python.sh"
# Each threshold is in the manual, with its default.
"$TSUMARI" --threshold help | sed 's/^\([a-z0-9-]*\)=\([^ ]*\) .*/.It Cm \1 No = \2/' | while read -r line; do
	grep -qF "$line" "$here/../docs/tsumari.1" || echo "the man page has no '$line'"
done | grep . && exit 1
exec python3 "$here/findings.py" "$@"
