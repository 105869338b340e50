#!/bin/bash
# Replays the committed fuzz corpus through every target.
set -u
replay=$top_builddir/tests/fuzz/fuzz-replay
targets=$("$replay")
[ -n "$targets" ] || { echo "fuzz: there are no targets"; exit 1; }
for t in $targets; do
	timeout -k 1 120 "$replay" "$t" "$top_srcdir/tests/fuzz/corpus/$t" || {
		echo "fuzz $t failed"
		exit 1
	}
done
echo "fuzz: every target replayed its corpus"
