#!/bin/bash
# Two builds of the program, from two copies of the source in places of other names at other times, have the
# same bytes. Usage: tests/reproducible.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$1
build() { # TREE, BUILD below it, TIME of the files
	mkdir -p "$folder/$1"
	(cd "$here" && git ls-files -z | xargs -0 tar -c --mtime="$3" --) | tar -x -C "$folder/$1"
	(
		cd "$folder/$1"
		autoreconf -fi >/dev/null 2>&1
		mkdir -p "$2"
		cd "$2"
		"$folder/$1/configure" -q
		make -s -j"$(nproc)" tsumari >/dev/null
	)
	sha256sum <"$folder/$1/$2/tsumari"
}
# Both are compiled, not taken from a store of what was compiled before.
export CCACHE_DISABLE=1
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
one=$(build a build "2020-01-01")
two=$(build another/place out "2024-02-02")
if [ "$one" != "$two" ]; then
	echo "two builds differ: $one $two"
	exit 1
fi
echo "two builds have the same bytes: ${one%% *}"
rm -rf "$folder"
