#!/bin/bash
# What is told of captures made to have one cause of waiting, or none: stories*.py.
. "${0%/*}/python.sh"
for file in "$here"/stories.py "$here"/stories_*.py; do
	python3 "$file" "$@" || exit 1
done
