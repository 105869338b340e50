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
# What its model says is believed: a worker waits for a job on purpose, and nobody for a slow GET.
for command in BLPOP GET; do
	PYTHONPATH="$top_srcdir/tests" python3 - $command "$work/$command.pcap" <<-'END'
		import sys
		import pcaplib
		talk = pcaplib.Conversation(1, 6379, "10.9.0.1", "10.9.0.30")
		talk.open(0)
		for i in range(3):
		    ask = b"*2\r\n$%d\r\n%s\r\n$4\r\njobs\r\n" % (len(sys.argv[1]), sys.argv[1].encode())
		    talk.send(0, i * 4 * 10**9 + 10**8, ask)
		    talk.send(1, i * 4 * 10**9 + (3 + i % 2) * 10**9 + i * 7 * 10**7, b"$2\r\nok\r\n")
		talk.close(13 * 10**9)
		pcaplib.write(sys.argv[2], 1, talk.packets)
	END
	"$TSUMARI" --plugin "$work/redis.so" -r "$work/$command.pcap" --report=json >"$work/$command.out"
done
! grep -q '"slow-server"' "$work/BLPOP.out" || { echo "BLPOP waits on purpose:"; cat "$work/BLPOP.out"; exit 1; }
grep -q '"slow-server"' "$work/GET.out" || { echo "GET is slow:"; cat "$work/GET.out"; exit 1; }
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
