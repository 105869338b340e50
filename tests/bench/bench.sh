#!/bin/sh
# Measures tsumari against tcpdump and the cost of mere reading, on captures that bench-gen makes.
# Prints one markdown table a workload, and how fast SQL digests are; never passes or fails. "make bench"
# calls it.
#
#     bench.sh [WORKLOAD...]          default: web mixed small
#
# Environment:
#     TSUMARI     the binary to measure            ./tsumari
#     BENCH_BIN   folder of bench-gen and the other programs     .
#     WORK        folder of the captures, kept between runs      ${TMPDIR:-/tmp}/tsmbench
#     SCALE       size of the captures             1
#     RUNS        runs of each command             5
#     PEERS=1     also what is installed of tshark, softflowd, nfpcapd, ndpiReader and justniffer
#     PEER_RUNS   runs of each of those            1
#
# A round runs every command once; each round starts with another one, because what runs first on a
# fresh virtual machine pays for memory it touches first. Figures are medians of whole processes,
# the page cache warm.
set -eu

TSUMARI=${TSUMARI:-./tsumari}
BENCH_BIN=${BENCH_BIN:-.}
WORK=${WORK:-${TMPDIR:-/tmp}/tsmbench}
SCALE=${SCALE:-1}
RUNS=${RUNS:-5}
PEERS=${PEERS:-0}
PEER_RUNS=${PEER_RUNS:-1}

gen=$BENCH_BIN/bench-gen
reader=$BENCH_BIN/bench-read
runner=$BENCH_BIN/bench-run
digest=$BENCH_BIN/bench-digest

die()
{
	echo "bench: $*" >&2
	exit 1
}

# info NAME: a figure of the capture's summary
info()
{
	awk -v name="$1" '$1 == name { print $2 }' "$summary"
}

up_to_date()
{
	[ -f "$file" ] && [ -f "$summary" ] &&
		[ "$(info version)" = "$("$gen" --version)" ] &&
		[ "$(info scale)" = "$SCALE" ] &&
		[ "$(info file_bytes)" = "$(wc -c <"$file" | tr -d ' ')" ]
}

# prepare WORKLOAD: sets file and summary, makes the capture if it is not there, warms the cache
prepare()
{
	file=$WORK/$1.pcap
	[ "$SCALE" = 1 ] || file=$WORK/$1-$SCALE.pcap
	summary=${file%.pcap}.info
	if ! up_to_date; then
		echo "bench: making $file" >&2
		rm -f "$summary"
		"$gen" "$1" "$file" --scale "$SCALE" >"$summary.new"
		mv "$summary.new" "$summary"
	fi
	"$reader" plain "$file"
	"$reader" plain "$file"
}

# measure NAME: runs the command of that name on $file, prints what bench-run says
measure()
{
	case $1 in
	tcpdump)
		# As root it would become a user who may not read the folder.
		if [ "$(id -u)" = 0 ]; then
			set -- tcpdump -Z root -r "$file" -w /dev/null
		else
			set -- tcpdump -r "$file" -w /dev/null
		fi
		;;
	read) set -- "$reader" plain "$file" ;;
	libpcap) set -- "$reader" pcap "$file" ;;
	tsumari-j0) set -- "$TSUMARI" -r "$file" --json -j0 -o /dev/null ;;
	tsumari) set -- "$TSUMARI" -r "$file" --json -o /dev/null ;;
	tshark)
		set -- tshark -n -r "$file" -Y http -T fields -e frame.time_epoch \
			-e http.request.method -e http.request.uri -e http.response.code
		;;
	softflowd) set -- softflowd -r "$file" -n 127.0.0.1:9 ;;
	nfpcapd)
		mkdir -p "$scratch/nf"
		set -- nfpcapd -r "$file" -w "$scratch/nf"
		;;
	ndpiReader) set -- ndpiReader -q -i "$file" ;;
	justniffer) set -- justniffer -f "$file" ;;
	esac
	"$runner" "$scratch/errors" "$@"
}

# rounds: all commands, all rounds; lines "round name wall cpu rss status" in $results
rounds()
{
	: >"$results"
	round=1
	# shellcheck disable=SC2086 # a list of names
	set -- $commands
	while [ "$round" -le "$RUNS" ]; do
		for name; do
			line=$(measure "$name")
			echo "$round $name $line" >>"$results"
			case $line in
			*" 0") ;;
			*) sed "1,3s/^/bench: $name: /; 3q" "$scratch/errors" >&2 ;;
			esac
		done
		if [ "$round" -le "$PEER_RUNS" ]; then
			for name in $peers; do
				echo "$round $name $(measure "$name")" >>"$results"
			done
		fi
		first=$1
		shift
		set -- "$@" "$first"
		round=$((round + 1))
	done
}

# table: medians of $results
table()
{
	awk -v order="$commands $peers" -v packets="$(info packets)" -v bytes="$(info wire_bytes)" '
	function sort(v, n,    i, j, x) {
		for (i = 2; i <= n; i++) {
			x = v[i]
			for (j = i - 1; j >= 1 && v[j] > x; j--)
				v[j + 1] = v[j]
			v[j + 1] = x
		}
	}
	function median(of, name,    i, v, n) {
		n = runs[name]
		for (i = 1; i <= n; i++)
			v[i] = of[name, i]
		sort(v, n)
		low = v[1]
		high = v[n]
		return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
	}
	{
		i = ++runs[$2]
		wall[$2, i] = $3 + 0
		cpu[$2, i] = $4 + 0
		rss[$2, i] = $5 / 1024
		if ($6 != 0)
			failed[$2] = $6
	}
	END {
		title["tcpdump"] = "tcpdump -w /dev/null"
		title["read"] = "read() 256 KiB"
		title["libpcap"] = "libpcap, empty callback"
		title["tsumari-j0"] = "tsumari --json -j0"
		title["tsumari"] = "tsumari --json"
		row = "| %-24s| %8s | %17s | %8s | %9s | %7s | %8s | %9s |\n"
		printf row, "command", "wall s", "min .. max", "CPU s", "M pkt/s", "Gbit/s", \
			"peak MiB", "x tcpdump"
		print "|-------------------------|---------:|------------------:|---------:|" \
			"----------:|--------:|---------:|----------:|"
		unit = median(wall, "tcpdump")
		n = split(order, names, " ")
		for (i = 1; i <= n; i++) {
			name = names[i]
			if (!runs[name])
				continue
			shown = name in title ? title[name] : name
			if (name in failed) {
				printf row, shown, "exit " failed[name], "", "", "", "", "", ""
				continue
			}
			c = sprintf("%.3f", median(cpu, name))
			m = sprintf("%.1f", median(rss, name))
			w = median(wall, name)
			if (w <= 0)
				w = 1e-6
			range = sprintf("%.3f .. %.3f", low, high)
			ratio = ("tcpdump" in failed) ? "-" : sprintf("%.2f", w / unit)
			printf row, shown, sprintf("%.3f", w), range, c, sprintf("%.2f", packets / w / 1e6), \
				sprintf("%.2f", bytes * 8 / w / 1e9), m, ratio
		}
	}' "$results"
}

describe_machine()
{
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | sed 1q)
	echo "$(date -u +%Y-%m-%d), $(uname -sr), ${cpu:-CPU unknown}, $(getconf _NPROCESSORS_ONLN)" \
		"cores, load $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || echo unknown)"
	tcpdump --version 2>&1 | sed -n '1,2p' | paste -s -d, - | sed 's/,/, /'
	echo "medians of $RUNS interleaved runs, whole process, page cache warm, scale $SCALE"
}

for tool in "$gen" "$reader" "$runner" "$digest"; do
	[ -x "$tool" ] || die "$tool is missing: build it first (make bench does)"
done
command -v tcpdump >/dev/null || die "tcpdump is missing: it is the unit of every ratio"
mkdir -p "$WORK"
scratch=$(mktemp -d "$WORK/run.XXXXXX")
results=$scratch/results
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

commands="tcpdump read libpcap"
if command -v "$TSUMARI" >/dev/null; then
	commands="$commands tsumari-j0 tsumari"
fi
peers=
if [ "$PEERS" = 1 ]; then
	for name in tshark softflowd nfpcapd ndpiReader justniffer; do
		if command -v "$name" >/dev/null; then
			peers="$peers $name"
		fi
	done
fi

describe_machine
case $commands in
*tsumari*) ;;
*) printf '\n**tsumari is missing: no program %s, so its rows are left out.**\n' "$TSUMARI" ;;
esac
[ $# -gt 0 ] || set -- web mixed small
for workload; do
	prepare "$workload"
	rounds
	printf '\n### %s: %s packets, %s bytes, %s flows\n\n' "$workload" "$(info packets)" \
		"$(info file_bytes)" "$(info flows)"
	table
done
printf '\n'
"$digest"
