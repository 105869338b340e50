#!/bin/bash
# Installs what is missing, builds, and runs every test. Ends with one line: N passed, N failed.
# Usage: ./check.sh [argument for configure ...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/build}
"$here/tests/setup.sh" tests
[ -x "$here/configure" ] && [ "$here/configure" -nt "$here/configure.ac" ] || (cd "$here" && autoreconf -fi)
mkdir -p "$build"
cd "$build"
"$here/configure" -q "$@"
make -s V=1 -j"$(nproc)"
status=0
make -s -k check -j"$(nproc)" >check.out 2>&1 || status=$?
exec "$here/tests/summary.sh" "$build" "$status"
