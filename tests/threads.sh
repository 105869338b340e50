#!/bin/bash
# Builds the program under ThreadSanitizer, reads every bundled capture with it on two and on four
# threads, and sends records to every kind of output. Usage: threads.sh BUILDDIR (made where it is not there)
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
cd "$1"
[ -f Makefile ] || "$top/configure" -q CC=clang --enable-sanitizers=thread CFLAGS='-O1 -g'
make -s V=1 -j"$(nproc)" tsumari
# Its shadow memory does not fit every random layout of the address space.
run=
if setarch -R true 2>/dev/null; then
	run="setarch -R"
fi
n=0
for f in "$top"/pcaps/*.pcap*; do
	for j in 1 3; do
		status=0
		# A symbolizer could not be started under the program's system call filter.
		TSAN_OPTIONS=halt_on_error=1:exitcode=66:symbolize=0 timeout 60 \
			$run ./tsumari -r "$f" --json -j $j -o /dev/null 2>threads.err || status=$?
		n=$((n + 1))
		# 1: a capture that is cut short on purpose
		[ $status -le 1 ] || { echo "threads: $f with -j $j: status $status"; head -n 40 threads.err; exit 1; }
	done
done
# Records on their way to files and sockets have threads of their own.
TSAN_OPTIONS=halt_on_error=1:exitcode=66:symbolize=0 top_srcdir=$top TSUMARI=$PWD/tsumari \
	timeout 600 $run "$top/tests/deliver.sh"
TSAN_OPTIONS=halt_on_error=1:exitcode=66:symbolize=0 timeout 600 $run python3 "$top/tests/web.py" "$PWD/tsumari" "$top/pcaps"
echo "threads: $n runs and the outputs without a race"
