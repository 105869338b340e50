#!/bin/bash
# What the user is told is true: the man page, the completions and --help have the same options, the
# options that take a value are those for which the page names one, every command under EXAMPLES
# runs on the bundled captures, docs/fields.md is what --fields prints.
set -u
page=$top_srcdir/docs/tsumari.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() {
	echo "FAIL: $*"
	bad=1
}

# The same options everywhere.
"$TSUMARI" --help | sed -n 's/^  \(-.*\)/\1/p' | sed 's/  .*//; s/, /\n/g' | sed 's/[ [].*//' | sort >help
"$TSUMARI" --list-options | cut -f 1,2 | tr '\t' '\n' | grep . | sort >table
diff help table >diff || fail "--help (<) and the table of options (>): $(cat diff)"
sed -n 's/^\.It Fl //p' "$page" | sed 's/ Ns Oo.*//; s/ Fl / @/g; s/^/@/' | grep -oE '@[A-Za-z#-]+' | sed 's/@/-/' | sort >page
[ "$(wc -l <help)" -gt 30 ] || fail "--help has only $(wc -l <help) options"
diff help page >diff || fail "--help (<) and the man page (>): $(cat diff)"

# With a value where the page has one. A file that is not there ends the others.
sed -n 's/^\.It Fl //p' "$page" | sed 's/ , Fl /\n/g' | while read -r option value; do
	"$TSUMARI" -r "$work/none" "-$option" >out 2>err </dev/null
	if grep -q 'needs a value' err; then takes=yes; else takes=; fi
	case $value in "Ns Oo"*) value= ;; esac # one that may be left out
	[ "${value:+yes}" = "$takes" ] || echo "-$option: the page says value '$value', the program '$(cat err)'"
done >diff
[ -s diff ] && fail "$(cat diff)"

# Completions: bash is asked, zsh tells what it is told.
complete() { # word ...: what bash offers for the last one
	bash -c '
		. "$0" || exit 1
		compopt() { :; } # is for a real completion only
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_tsumari
		printf "%s\n" "${COMPREPLY[@]}"
	' "$top_srcdir/docs/completion/tsumari.bash" "$@"
}
complete "$TSUMARI" - | sort >bash
diff help bash >diff || fail "--help (<) and the bash completion (>): $(cat diff)"
cp "$top_srcdir/pcaps/icmp.pcap" "$top_srcdir/pcaps/icmp-ttl.pcap" .
offers() { # expected, word ...
	local want=$1 got
	shift
	got=$(complete "$TSUMARI" "$@" | sort | tr '\n' ' ')
	[ "${got% }" = "$want" ] || fail "completion of '$*': '$got', expected '$want'"
}
offers "--json --json-flat" --js
offers "icmp-ttl.pcap icmp.pcap" -r ic
offers "icmp-ttl.pcap icmp.pcap" --read = ic
offers "flow" --types flo
offers "http,flow" --types http,flo
offers "none" -d tcp/8080 = non
complete "$TSUMARI" --types ht | grep -qx http || fail "completion of --types ht has no http"
complete "$TSUMARI" --decode-as = tcp/8080 = ht | grep -qx http || fail "completion of -d has no http"
offers "root" -Z roo
offers "" -c ""
offers "" -r icmp.pcap po
if command -v zsh >/dev/null; then
	zsh -f -c '_arguments() { print -rl -- "$@" }; complete() { local -a words=($1); source $2 }; complete $1 $0' \
		"$top_srcdir/docs/completion/_tsumari" "$TSUMARI" >told 2>err ||
		fail "zsh: $(cat err)"
	[ -s err ] && fail "zsh: $(cat err)"
	sed -n 's/^\(([^)]*)\)\{0,1\}\**\(--\{0,1\}[A-Za-z#][A-Za-z-]*\)\(=-\)\{0,1\}\[.*/\2/p' told | sort >zsh
	diff help zsh >diff || fail "--help (<) and the zsh completion (>): $(cat diff)"
fi

# The page itself.
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$page" >lint 2>/dev/null || fail "mandoc: $(cat lint)"
fi
if command -v man >/dev/null; then
	LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l "$page" >text 2>err || fail "man: $(cat err)"
	[ -s err ] && fail "man: $(cat err)"
	grep -q 'EXIT STATUS' text || fail "the page has no EXIT STATUS"
fi

# The examples, on the bundled captures; what listens does so on lo, for a second.
mkdir bin run
ln -s "$TSUMARI" bin/tsumari
cp "$top_srcdir"/pcaps/*.pcap* run
PATH=$work/bin:$PATH
n=0
while IFS= read -r line; do
	n=$((n + 1))
	case $line in
	*" -i "*)
		[ "$(id -u)" -eq 0 ] || continue
		line=${line//-i eth0/-i lo}
		line=${line//10s/1s}
		;;
	esac
	case $line in *jq*) command -v jq >/dev/null || continue ;; esac
	(cd run && timeout 60 bash -o pipefail -c "$line") >out 2>err
	status=$?
	# A sort or a filter whose reader has enough is no failure.
	[ $status -eq 0 ] || [ $status -eq 141 ] || fail "example: $line: status $status: $(cat err)"
	case $line in
	*" -i "* | *" -w "*) ;;
	*) [ -s out ] || fail "example: $line: no output" ;;
	esac
done < <(sed -n 's/^\.Dl \$ //p' "$page" | sed 's/\\e/\\/g')
[ "$n" -ge 8 ] || fail "$n examples found"
[ "$(id -u)" -ne 0 ] || [ -s run/records.json ] || [ -e run/records.json ] || fail "no records.json"
[ "$(stat -c %s run/part.pcap)" -gt 1000 ] || fail "no part.pcap"

"$TSUMARI" --fields | diff - "$top_srcdir/docs/fields.md" >diff || fail "docs/fields.md: make fields: $(head -n 5 diff)"
[ $bad -eq 0 ] && echo "manual: $(wc -l <help) options, $n examples"
exit $bad
