#!/bin/bash
# No protocol is taken for another where a connection is joined in its middle: the probe of each that stands below is asked
# of every segment of the captures of all others.
set -u
dump=$top_builddir/tests/show-dump
cd "$top_srcdir/pcaps" || exit 1
bad=0 asked=0
for name in memcached pgsql; do
	for file in *.pcap *.pcapng *.gz; do
		found=$("$dump" --probes "$file" | awk -F'\t' -v d=$name '$1 == d { print $2 }' | head -n 3 | paste -sd ' ')
		asked=$((asked + 1))
		case $file in
		$name*) [ -n "$found" ] || { echo "FAIL: $file: no segment is taken for $name"; bad=1; } ;;
		*) [ -z "$found" ] || { echo "FAIL: $file: frames $found are taken for $name"; bad=1; } ;;
		esac
	done
done
[ $bad -eq 0 ] && echo "probes: $asked captures asked, each segment"
exit $bad
