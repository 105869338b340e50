#!/bin/bash
# A dissector outside the tree builds against the installed headers with pkg-config, is loaded and
# listed, reads its protocol, whose records are those of tests/golden/plugin/redis.json, and does not
# take HTTP for its own. `tests/plugin.sh --update` rewrites the golden output.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$MAKE" -s -C "$top_builddir" install-apiHEADERS install-pkgconfigDATA DESTDIR="$work/root" >/dev/null
pc=$(find "$work/root" -name tsumari.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR="$work/root" pkg-config --cflags tsumari)
# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror -shared -fPIC -o "$work/redis.so" "$top_srcdir/examples/redis.c" $flags
"$TSUMARI" --plugin "$work/redis.so" --list-protocols | grep -q redis
golden=$top_srcdir/tests/golden/plugin/redis.json
records() { # workers
	"$TSUMARI" --plugin "$work/redis.so" --json -j "$1" -r "$top_srcdir/pcaps/redis.pcap" |
		sed 's/"observer":{[^}]*}/"observer":{}/'
}
if [ "${1:-}" = --update ]; then
	records 0 >"$golden"
	exit
fi
for j in 0 3; do
	diff "$golden" <(records $j) >"$work/diff" || {
		echo "redis.pcap with -j$j is not as it was:"
		cut -c1-300 "$work/diff" | head -n 6
		exit 1
	}
done
"$TSUMARI" --plugin "$work/redis.so" -r "$top_srcdir/pcaps/http-errors.pcap" --json --types redis >"$work/out"
[ ! -s "$work/out" ] || { echo "redis was seen in HTTP:"; head -n 3 "$work/out"; exit 1; }
# What must not load: another ABI, a file others may write to, no file.
sed 's/TSM_HEAD,/.abi = 99, .size = sizeof(struct dissector),/' "$top_srcdir/examples/redis.c" >"$work/bad.c"
# shellcheck disable=SC2086
cc -shared -fPIC -o "$work/bad.so" "$work/bad.c" $flags
cp "$work/redis.so" "$work/open.so"
chmod 666 "$work/open.so"
for f in bad open none; do
	status=0
	"$TSUMARI" --plugin "$work/$f.so" -r "$top_srcdir/pcaps/http-errors.pcap" >"$work/o" 2>"$work/e" || status=$?
	[ "$status" -eq 2 ] || { echo "$f.so: exit status $status, expected 2"; exit 1; }
	[ "$(wc -l <"$work/e")" -eq 1 ] || { echo "$f.so: not one line:"; cat "$work/e"; exit 1; }
done
echo "plugin: built, loaded, read; three that must not load did not"
