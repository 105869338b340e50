#!/bin/bash
# The house: includes point one way (base <- api <- core <- capture, model <- findings <- out <- web, extract <- ui <- run), dissectors see
# src/api only, banned functions stay out, and Makefile.am knows every file, or the tarball would lack it.
set -u
cd "$top_srcdir" || exit 1
bad=0
fail() {
	echo "$1"
	bad=1
}
allow() { # room, rooms it may include
	local f inc room
	for f in "$1"/*.[ch]; do
		[ -e "$f" ] || continue
		while IFS= read -r inc; do
			room=${inc%%/*}
			case $inc in */*) ;; *) continue ;; esac
			case $inc in ../ui/*) room=ui ;; esac
			case " $2 " in *" $room "*) ;; *) fail "$f includes \"$inc\": $1 may include only: $2" ;; esac
		done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f")
	done
}
allow src/api "api"
allow src/base "base api"
allow src/core "base api core"
allow src/capture "base api core capture"
allow src/model "base api core model"
allow src/findings "base api core model findings"
allow src/out "base api core model findings out"
allow src/web "base api core model findings out web"
allow src/extract "base api core capture model findings out extract"
allow ui "base api core capture model findings out extract ui"
allow src/run "base api core capture model findings out web extract ui run"
# A protocol of several files has a folder; what another one needs of it is "folder/name.h".
for f in $(find dissectors -name '*.[ch]'); do
	while IFS= read -r inc; do
		[ -e "src/api/$inc" ] || [ -e "${f%/*}/$inc" ] || [ -e "dissectors/$inc" ] || fail "$f includes \"$inc\": not of src/api"
	done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f")
done
grep -rn '^#include "\.\./' src dissectors ui tests examples --include='*.[ch]' && fail "an include climbs out of its folder"
banned='\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|alloca)[[:space:]]*\('
grep -nE "$banned" -r src dissectors ui --include='*.[ch]' && fail "banned functions"
grep -nE '\b(malloc|calloc|realloc|free|fopen|printf|fprintf)[[:space:]]*\(' -r dissectors --include='*.c' && fail "a dissector allocates or prints"
# What a protocol means its dissector declares (api/model.h): no name of one is compared with but in
# detectors made for one protocol.
for f in $(find src ui -name '*.[ch]'); do
	case $f in src/findings/find_mysql.c | src/findings/find_nfs.c | src/findings/find_pgsql.c | src/findings/find_smtp.c | src/findings/find_dns.c | src/findings/find_vrrp.c) continue ;; esac
	grep -nE 'str(n|case|ncase)?cmp\([^;]*\b(type|protocol)\b[^;]*"[a-z]|registry_find\("(http|mysql|smtp|dns|tls|nfs|rpc)' "$f" /dev/null &&
		fail "a protocol's name is compared with"
done
while IFS= read -r f; do
	case $f in tests/unit/*.c) f=${f%.c} ;; esac # a unit test's file follows from its name
	grep -qE "(^|[[:space:]])${f//./\\.}([[:space:]]|\$)" Makefile.am || fail "$f is not in Makefile.am"
done < <(find src dissectors ui tests -name '*.[ch]')
[ "$bad" -eq 0 ] && echo "rooms: in order"
exit "$bad"
