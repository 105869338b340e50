#!/bin/bash
# The worked protocol of docs/dissector.md, built and run from the text itself: tests/new-protocol.sh makes its files in a
# copy of the tree, which is built; its unit test, lost bytes, fuzz target, packets explained and golden output pass, and
# it is taken for no other.
set -u
for tool in autoreconf python3; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
unset MAKEFLAGS MAKELEVEL MFLAGS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
	echo "FAIL: $*"
	[ ! -s "$work/log" ] || tail -n 30 "$work/log"
	exit 1
}
mkdir "$work/tree"
(cd "$top_srcdir" && tar -c --exclude=./build* --exclude=./.git --exclude=./autom4te.cache .) | tar -x -C "$work/tree"
cd "$work/tree" || exit 1
tests/new-protocol.sh sample 4712 >"$work/log" 2>&1 || fail "new-protocol.sh"
! tests/new-protocol.sh sample 4712 >"$work/log" 2>&1 || fail "new-protocol.sh makes it twice"
! tests/new-protocol.sh ../sample 4712 >"$work/log" 2>&1 || fail "new-protocol.sh takes any name"
grep -rq tally dissectors/sample.c tests/unit/sample.c tests/property_sample.py && fail "a name that is not the new one's"
autoreconf -fi >"$work/log" 2>&1 || fail autoreconf
mkdir build && cd build || exit 1
CC=$CC ../configure -q --enable-werror --disable-lto CFLAGS=-O1 >"$work/log" 2>&1 || fail configure
"${MAKE:-make}" -s -j2 tsumari tests/unit/sample tests/fuzz/fuzz-replay tests/show-dump >"$work/log" 2>&1 || fail "the build"
export TSUMARI=$PWD/tsumari top_srcdir=$work/tree top_builddir=$PWD PYTHONDONTWRITEBYTECODE=1
tests/unit/sample >"$work/log" 2>&1 || fail "its unit test"
../tests/sync.sh sample >"$work/log" 2>&1 || fail "lost bytes"
../tests/fuzz.sh >"$work/log" 2>&1 || fail "the corpus"
bash ../tests/golden.sh --update sample
n=$(grep -c '"type":"sample"' ../tests/golden/sample.json)
[ "$n" -eq 12 ] || fail "$n of 12 transactions in the golden output"
"$TSUMARI" --fields | grep -q '`sample.name`' || fail "its fields are not in the documentation"
tests/show-dump ../pcaps/sample.pcap >"$work/log"
grep -q "sample.verb" "$work/log" || fail "its packets are not explained"
tests/show-dump --all ../pcaps/sample.pcap >"$work/log" 2>&1 || fail "what is explained"
for file in ../pcaps/*.pcap; do
	case $file in */sample.pcap) continue ;; esac
	"$TSUMARI" -r "$file" --json --types sample >"$work/log" 2>/dev/null
	[ ! -s "$work/log" ] || fail "$file is taken for it"
done
echo "dissector: the worked protocol is built, run and told from the others"
