#!/bin/bash
# pcaps/SOURCES.md is true: each file of pcaps/ has one row and each row its file, with the number of
# packets that the file holds, and record.sh can make each capture again.
set -u
cd "$top_srcdir/pcaps" || exit 1
bad=0
n=0
fail() {
	echo "$*"
	bad=1
}
rows=$(sed -n 's/^| `\([^`]*\)` |.*/\1/p' SOURCES.md)
dup=$(sort <<<"$rows" | uniq -d)
[ -z "$dup" ] || fail "more than one row: $dup"
made=" $(bash ./record.sh -l | tr '\n' ' ') "
for f in *.*; do
	case $f in SOURCES.md | record.sh) continue ;; esac
	n=$((n + 1))
	grep -qxF "$f" <<<"$rows" || fail "$f has no row in SOURCES.md"
done
while read -r f; do
	[ -f "$f" ] || {
		fail "SOURCES.md has a row for $f, which is not there"
		continue
	}
	case $f in
	*.access.tsv | *.log) ;;
	*)
		case $made in *" ${f%%.*} "*) ;; *) fail "record.sh cannot make $f" ;; esac
		said=$(grep -F "| \`$f\` |" SOURCES.md | grep -oE '[0-9]+ packets' | tail -n 1)
		is=$("$TSUMARI" -r "$f" --report=json 2>/dev/null | grep -oE '"frames":[0-9]+' | head -n 1)
		is=${is:+${is#*:} packets}
		[ "$said" = "$is" ] || fail "$f: SOURCES.md says ${said:-nothing of packets}, it holds $is"
		;;
	esac
done <<<"$rows"
[ "$n" -gt 0 ] || fail "no captures found"
[ $bad -eq 0 ] && echo "sources: $n files, $n rows"
exit $bad
