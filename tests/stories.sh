#!/bin/bash
# What is told of captures made to have one cause of waiting, or none: stories*.py.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
for file in "$here"/stories.py "$here"/stories_behind.py "$here"/stories_path.py "$here"/stories_connect.py "$here"/stories_turns.py "$here"/stories_idle.py "$here"/stories_proxy.py "$here"/stories_dns.py "$here"/stories_login.py "$here"/stories_weight.py; do
	python3 "$file" "$@" || exit 1
done
