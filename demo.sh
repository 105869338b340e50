#!/bin/bash
# Installs what is missing, builds, and analyses a bundled capture of a real server; with arguments,
# runs tsumari with them instead.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/build}
{
	"$here/tests/setup.sh" build
	[ -x "$here/configure" ] && [ "$here/configure" -nt "$here/configure.ac" ] || (cd "$here" && autoreconf -fi)
	mkdir -p "$build"
	[ -f "$build/Makefile" ] || (cd "$build" && "$here/configure" -q)
	make -s -C "$build" -j"$(nproc)" tsumari
} >&2
if [ $# -eq 0 ]; then
	set -- --report -r "$here/pcaps/http-slow.pcap"
	echo "tsumari --report -r pcaps/http-slow.pcap" >&2
fi
exec "$build/tsumari" "$@"
