#!/bin/bash
# Replays the committed fuzz corpus through every target.
set -u
for t in file layers stream http http2 mysql rpc smtp tls dns; do
	timeout -k 1 120 "$top_builddir/tests/fuzz/fuzz-$t" "$top_srcdir/tests/fuzz/corpus/$t" || {
		echo "fuzz-$t failed"
		exit 1
	}
done
echo "fuzz: every target replayed its corpus"
