#!/bin/bash
# What is told of captures made to have one cause of waiting, or none: stories*.py.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
for file in "$here"/stories.py "$here"/stories_*.py; do
	python3 "$file" "$@" || exit 1
done
