#!/bin/bash
# Looks at the source without running it: static.sh BUILD [tidy] [cppcheck] [scan]. BUILD is a configured folder.
# tidy: clang-tidy by .clang-tidy; cppcheck: what tests/cppcheck.txt does not explain; scan: scan-build over a whole
# build of its own. .ci/run has the first two; the third takes two seconds of a processor for each of 300 files.
set -u -o pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd) || exit 2
shift
cd "$top" || exit 2
[ $# -gt 0 ] || set -- tidy cppcheck scan
flags=(-std=gnu11 -D_GNU_SOURCE -DHAVE_CONFIG_H -I"$build" -I. -Isrc -Isrc/api -Idissectors)
bad=0
for what in "$@"; do
	case $what in
	tidy)
		find src dissectors ui -name '*.c' -print0 | xargs -0 -P "$(nproc)" -I{} \
			clang-tidy --quiet {} -- "${flags[@]}" 2>/dev/null | sed "s|$PWD/||" || bad=1
		;;
	cppcheck)
		cppcheck -q -j "$(nproc)" --enable=warning,portability,performance --std=c11 --max-configs=1 \
			-D__linux__ -D__x86_64__ "${flags[@]:1}" --suppressions-list=tests/cppcheck.txt \
			--error-exitcode=1 --template='{file}:{line}: {id}: {message}' src dissectors ui || bad=1
		;;
	scan)
		mkdir -p "$build/scan" && (cd "$build/scan" &&
			CC=clang scan-build "$top/configure" -q --disable-lto CFLAGS=-O1 >/dev/null &&
			scan-build --status-bugs -o reports make -s tsumari) || bad=1
		;;
	*)
		echo "usage: static.sh BUILD [tidy] [cppcheck] [scan]" >&2
		exit 2
		;;
	esac
done
[ $bad -eq 0 ] && echo "nothing was found by: $*"
exit $bad
