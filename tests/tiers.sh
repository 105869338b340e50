#!/bin/bash
# What pages waited for behind them, as the report has it of a shop's recording, against what the shop
# wrote down itself: queries of a page, and the time in them.
set -u
report=$("$TSUMARI" -j0 -r "$top_srcdir/pcaps/tiers.pcap" --report) || exit 1
bad=0
fail() {
	echo "$*"
	bad=1
}
# row PAGE: requests server own mysql calls, in us
row() {
	grep -F "10.77.0.21:8000 GET $1" <<<"$report" | grep -E '^ +[0-9]+ +[0-9.]+ (us|ms|s) .*[0-9]+\.[0-9]  10\.77' | head -n 1 |
		awk '{ for (i = 1; i <= NF; i++) {
			if ($(i + 1) == "us" || $(i + 1) == "ms" || $(i + 1) == "s") {
				v[++n] = $i * ($(i + 1) == "s" ? 1000000 : $(i + 1) == "ms" ? 1000 : 1); i++
			} else if ($i == "-") v[++n] = 0
			else v[++n] = $i } }
			END { print v[1], v[2], v[3], v[4], v[8] }'
}
# said PATTERN: pages, their mean queries, and mean time in them
said() {
	awk -F'\t' -v p="$1" '$1 ~ p { n++; q += $4; t += $5 } END { print n, q / n, t / n }' "$top_srcdir/pcaps/tiers.shop.log"
}
check() { # page, pattern in the log, allowed part of the time
	local requests server own mysql calls pages queries time
	read -r requests server own mysql calls <<<"$(row "$1")"
	read -r pages queries time <<<"$(said "$2")"
	echo "$1: report $requests requests, $calls calls, $mysql us; shop $pages pages, $queries queries, $time us"
	[ "$requests" = "$pages" ] || fail "$1: $requests requests, the shop has $pages"
	# Pages side by side without an id share, and the first of a connection logs in.
	awk -v a="$calls" -v b="$queries" 'BEGIN { exit !(a >= b - 1.5 && a <= b + 1.5) }' ||
		fail "$1: $calls calls, the shop made $queries"
	# The shop also waits for its own interpreter.
	awk -v a="$mysql" -v b="$time" -v r="$3" 'BEGIN { exit !(a <= b * 1.02 && a >= b * r) }' ||
		fail "$1: $mysql us in MySQL, the shop says $time"
	awk -v s="$server" -v o="$own" -v m="$mysql" 'BEGIN { d = s - o - m; exit !(d < s / 50 && d > -s / 50) }' ||
		fail "$1: $server us are not $own and $mysql"
}
# The columns are the kinds of tiers, whichever protocol they speak.
grep -qE '^ +requests +server +own +database +files +web +other +calls' <<<"$report" ||
	fail "heads of tiers: $(grep -E '^ +requests ' <<<"$report")"
check /slow '^/app/slow' 0.97
check /list '^/app/list' 0.3
check '/item/?' '^/app/item' 0.5
grep -qE '^ +20\.0 of 10\.77\.0\.30:3306 select c from item where id = \?.* in one request' <<<"$report" ||
	fail "the query that is repeated is not shown"
[ $bad -eq 0 ] && echo "tiers: as the shop says"
exit $bad
