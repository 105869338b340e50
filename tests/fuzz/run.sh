#!/bin/sh
# Fuzzes one target: run.sh file|layers|stream|http|http2|mysql|rpc|smtp|tls|dns SECONDS
#
# Builds with clang (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) in $FUZZ_BUILD, where
# what is found stays: new inputs in found-TARGET, crashes as crash-* and the like. Exit status 0
# where nothing was found.
set -eu

target=${1:-} seconds=${2:-}
case $target in
file | layers | stream | http | http2 | mysql | rpc | smtp | tls | dns) ;;
*) target= ;;
esac
if [ -z "$target" ] || [ -z "$seconds" ]; then
	echo "usage: run.sh file|layers|stream|http|http2|mysql|rpc|smtp|tls|dns SECONDS" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${FUZZ_BUILD:-${TMPDIR:-/tmp}/tsumari-fuzz}
mkdir -p "$build/found-$target"
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
flags="-std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -I$top/src -I$top/src/api -pthread"

sources="$top/dissectors/*.c $top/src/base/*.c $top/src/core/*.c $top/src/model/*.c $here/fuzz.c $here/talk.c $here/$target.c"
for name in chunk bytes unpack ifaces pipeline pcapng reader reorder source source_file source_pcap source_pcapng; do
	sources="$sources $top/src/run/$name.c"
done
newest=$(ls -t "$top"/src/*/*.[ch] "$top"/dissectors/*.c "$here"/*.[ch] | head -n 1)
objects=
for source in $sources; do
	object=$build/$(echo "${source#"$top"/}" | tr / _).o
	objects="$objects $object"
	if [ ! -e "$object" ] || [ "$newest" -nt "$object" ]; then
		# shellcheck disable=SC2086
		${CLANG:-clang} $flags $sanitize -fsanitize=fuzzer-no-link -c "$source" -o "$object"
	fi
done
# shellcheck disable=SC2086
${CLANG:-clang} $flags $sanitize -fsanitize=fuzzer $objects -o "$build/fuzz-$target" \
	-lpcap -lz -lzstd -llzma -llz4 -lbz2 -lcrypto -lnghttp2 -lmaxminddb
case $target in
file) longest=16384 ;;
*) longest=8192 ;;
esac
cd "$build"
exec "./fuzz-$target" -max_total_time="$seconds" -max_len=$longest -timeout=10 -rss_limit_mb=2048 \
	-print_final_stats=1 "found-$target" "$here/corpus/$target"
