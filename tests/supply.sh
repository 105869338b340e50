#!/bin/bash
# How the program is built: its faults are hard to use (readelf shows each part), and the list of what it is
# linked to (make sbom) names all of it.
set -u
bad=0
fail() {
	echo "FAIL: $*"
	bad=1
}
command -v readelf objdump >/dev/null || {
	echo "binutils is not installed"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if grep -q '^TSM_CFLAGS = .*-fstack-protector-strong' "$top_builddir/Makefile"; then
	readelf -hldnW "$TSUMARI" >"$work/elf"
	readelf -sW --dyn-syms "$TSUMARI" >"$work/symbols"
	grep -q 'Type: *DYN' "$work/elf" || fail "not a position independent executable"
	grep -q 'GNU_RELRO' "$work/elf" || fail "no RELRO"
	grep -qE 'FLAGS.*(BIND_NOW|NOW)' "$work/elf" || fail "RELRO is not full: symbols are bound later"
	grep -qE 'GNU_STACK .* RW ' "$work/elf" || fail "the stack can be run"
	! grep -qE 'LOAD .* RWE' "$work/elf" || fail "a segment can be written and run"
	grep -q '__stack_chk_fail' "$work/symbols" || fail "no stack protector"
	grep -qE '__(memcpy|snprintf|fprintf|vsnprintf)_chk' "$work/symbols" || fail "no checked functions of the C library"
	case $(uname -m) in
	# The program's note says it only where the C library's first objects have it, too.
	x86_64) objdump -d --disassemble=main "$TSUMARI" | grep -q endbr64 || fail "no control-flow protection (CET)" ;;
	esac
else
	echo "built with sanitizers, coverage or --disable-hardening: the form of the program was not looked at"
fi
sh "$top_srcdir/tools/sbom.sh" "$TSUMARI" 0.0 >"$work/sbom.json" || fail "sbom.sh: status $?"
jq -e . "$work/sbom.json" >/dev/null || fail "the list of libraries is no JSON"
jq -r '.relationships[] | select(.spdxElementId == "SPDXRef-tsumari") | .relatedSpdxElement' "$work/sbom.json" | sort >"$work/listed"
readelf -d "$TSUMARI" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/SPDXRef-\1/p' | grep -v ld-linux | tr _ - | sort >"$work/needed"
diff "$work/needed" "$work/listed" || fail "the list has other libraries than the program"
# What is related to is described, each once.
jq -r '.relationships[].relatedSpdxElement' "$work/sbom.json" | sort -u >"$work/related"
jq -r '.packages[].SPDXID' "$work/sbom.json" | sort >"$work/described"
[ -z "$(comm -23 "$work/related" "$work/described")" ] || fail "not described: $(comm -23 "$work/related" "$work/described" | tr '\n' ' ')"
[ -z "$(uniq -d "$work/described")" ] || fail "described twice: $(uniq -d "$work/described")"
[ "$(jq -r '.packages[] | select(.SPDXID == "SPDXRef-tsumari") | .checksums[0].checksumValue' "$work/sbom.json")" = \
	"$(sha256sum <"$TSUMARI" | cut -d' ' -f1)" ] || fail "the sum of the program is another"
exit $bad
