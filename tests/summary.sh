#!/bin/bash
# Prints what `make check` found, from the result files of every test program: each failure with the
# end of its log, each skip with its reason, and one closing line. Usage: summary.sh BUILDDIR STATUS
set -u
cd "$1" || exit 1
passed=0 failed=0 skipped=0
while IFS= read -r trs; do
	name=${trs%.trs}
	case $(sed -n 's/^:test-result: *//p' "$trs" | head -n 1) in
	PASS*) passed=$((passed + 1)) ;;
	SKIP*)
		skipped=$((skipped + 1))
		echo "SKIP $name: $(tail -n 1 "$name.log")"
		;;
	*)
		failed=$((failed + 1))
		echo "FAIL $name"
		tail -n 30 "$name.log" | sed 's/^/    /'
		;;
	esac
done < <(find . -name '*.trs' | sort)
if [ "$passed" -eq 0 ] || { [ "$2" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
	tail -n 40 check.out
	failed=$((failed + 1))
fi
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
