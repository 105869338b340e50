#!/bin/bash
# Fuzzes with coverage: run.sh SECONDS [TARGET ...], all targets unless some are named, the seconds for all of them
# together.
#
# Builds in $FUZZ_BUILD with clang: libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer. Each target begins with
# its committed corpus and what earlier runs found new, in $FUZZ_BUILD/found/TARGET. What broke it is left in
# $FUZZ_BUILD/broke: crash-*, timeout-* (an input that takes longer than FUZZ_TIMEOUT, 20 s), oom-*, leak-*; what a
# run said in $FUZZ_BUILD/log. FUZZ_JOBS targets run at a time, as many as there are processors. Exit status 0 where
# nothing broke.
set -eu
seconds=${1:-}
case $seconds in
'' | *[!0-9]*)
	echo "usage: make fuzz TIME=SECONDS [TARGETS='TARGET ...']" >&2
	exit 2
	;;
esac
shift
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${FUZZ_BUILD:-${TMPDIR:-/tmp}/tsumari-fuzz}
jobs=${FUZZ_JOBS:-$(nproc)}
mkdir -p "$build/found" "$build/broke" "$build/log"
cd "$build"
# The same search for the same sources, another one for others.
seed=$(find "$top/src" "$top/dissectors" "$top/ui" "$here" -name '*.[ch]' -print0 | LC_ALL=C sort -z | xargs -0 cat |
	cksum | cut -d ' ' -f 1)
[ -e Makefile ] || CC=${CLANG:-clang} "$top/configure" -q --disable-lto CFLAGS='-O1 -gline-tables-only' \
	--enable-sanitizers=fuzzer-no-link,address,undefined
make -s V=1 -j"$(nproc)" tests/fuzz/fuzz-drive tests/fuzz/fuzz-replay >/dev/null
known=$(tests/fuzz/fuzz-replay)
targets=${*:-$known}
for t in $targets; do
	echo "$known" | grep -qx -- "$t" || { echo "$t: there is no such target" >&2; exit 2; }
done

# Inputs of these go through all of the program: they take ten times as long.
share()
{
	case $1 in
	conversation | view) echo 3 ;;
	*) echo 1 ;;
	esac
}

# The longest first.
targets=$(for t in $targets; do echo "$(share "$t") $t"; done | sort -s -rn -k 1,1 | cut -d ' ' -f 2)
n=$(echo "$targets" | wc -w)
[ "$n" -ge "$jobs" ] || jobs=$n
shares=$(($(for t in $targets; do share "$t"; done | paste -s -d +)))

# A run that ends without saying how many inputs it took has failed, whatever its exit status is.
one()
{
	local t=$1 status=0 each edges features inputs speed

	each=$((seconds * jobs * $(share "$t") / shares))
	[ "$each" -gt 0 ] || each=1
	mkdir -p "found/$t"
	FUZZ_TARGET=$t tests/fuzz/fuzz-drive -seed="$seed" -max_total_time="$each" -max_len=8192 -timeout="${FUZZ_TIMEOUT:-20}" \
		-rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="broke/" \
		"found/$t" "$here/corpus/$t" >"log/$t" 2>&1 </dev/null || status=$?
	inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "log/$t")
	speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "log/$t")
	edges=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "log/$t" | tail -n 1)
	features=$(sed -n 's/.* ft: \([0-9]*\).*/\1/p' "log/$t" | tail -n 1)
	[ -n "$inputs" ] || status=1
	printf '%-14s %8s edges %8s features %10s inputs %6s a second%s\n' "$t" "${edges:-0}" "${features:-0}" \
		"${inputs:-0}" "${speed:-0}" "$([ $status = 0 ] || echo "  BROKE: $build/log/$t")"
	[ $status = 0 ] && return
	: >"log/$t.broke"
	grep -v '^#\|DEDUP_TOKEN' "log/$t" | tail -n 60
}

rm -f log/*.broke
for t in $targets; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || :; done
	one "$t" &
done
wait
! ls log/*.broke >/dev/null 2>&1
