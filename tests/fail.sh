#!/bin/bash
# Allocations and calls that fail, and an end that cannot wait (tests/sturdy): nothing crashes or hangs,
# one line says why, and what was whole is out. `tests/fail.sh -a` goes through every number.
set -u
. "${0%/*}/python.sh"
cd "$top_srcdir" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
# The plugin of examples/, as tests/plugin.sh builds it from what is installed.
$CC -std=c11 -DTSM_PLUGIN -Isrc/api -shared -fPIC -o "$work/beanstalk.so" examples/beanstalk.c || exit 1
chmod 755 "$work" "$work/beanstalk.so"
export PLUGIN=$work/beanstalk.so
if grep -q __asan_init "$TSUMARI"; then
	# Allocations are the sanitizer's: those of the program itself fail where it is linked.
	"$MAKE" -s -C "$top_builddir" tests/sturdy/tsumari-fail >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
	FAIL=$(cd "$top_builddir" && pwd)/tests/sturdy/tsumari-fail
	export FAIL ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	python3 tests/sturdy/fail.py -m "$@" || bad=1
	python3 tests/sturdy/view.py -m "$@" || bad=1
else
	$CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -shared -fPIC -o "$work/fail.so" tests/sturdy/fail.c -ldl ||
		exit 1
	export FAIL=$work/fail.so
	python3 tests/sturdy/fail.py "$@" || bad=1
	python3 tests/sturdy/view.py "$@" || bad=1
fi
python3 tests/sturdy/interrupt.py || bad=1
exit $bad
