#!/bin/bash
# Replays the committed fuzz corpus through every target. Every type of record comes out of it.
set -u
replay=$top_builddir/tests/fuzz/fuzz-replay
"${MAKE:-make}" -s -C "$top_builddir" tests/fuzz/fuzz-replay >/dev/null || { echo "fuzz: the build"; exit 1; }
targets=$("$replay")
seen=
[ -n "$targets" ] || { echo "fuzz: there are no targets"; exit 1; }
for t in $targets; do
	types=$(timeout -k 1 120 "$replay" "$t" "$top_srcdir/tests/fuzz/corpus/$t") || {
		echo "fuzz $t failed"
		exit 1
	}
	seen="$seen $types"
done
for type in $("$TSUMARI" --types help | cut -d ' ' -f 1); do
	case $type in
	finding | mdns | llmnr) continue ;; # the model makes these; those are named, and no more
	esac
	case " ${seen//$'\n'/ } " in
	*" $type "*) ;;
	*)
		echo "fuzz: no input of the corpus makes a record of $type"
		exit 1
		;;
	esac
done
echo "fuzz: every target replayed its corpus, and every type of record came out"
