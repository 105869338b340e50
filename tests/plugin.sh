#!/bin/bash
# A dissector outside the tree builds against the installed headers with pkg-config, is loaded and
# listed, reads its protocol, whose records are those of tests/golden/plugin/beanstalk.json, and does not
# take HTTP for its own. `tests/plugin.sh --update` rewrites the golden output.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$MAKE" -s -C "$top_builddir" install-apiHEADERS install-pkgconfigDATA DESTDIR="$work/root" >/dev/null
pc=$(find "$work/root" -name tsumari.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR="$work/root" pkg-config --cflags tsumari)
# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror -shared -fPIC -o "$work/beanstalk.so" "$top_srcdir/examples/beanstalk.c" $flags
"$TSUMARI" --plugin "$work/beanstalk.so" --list-protocols | grep -q beanstalk
golden=$top_srcdir/tests/golden/plugin/beanstalk.json
records() { # workers
	"$TSUMARI" --plugin "$work/beanstalk.so" --json -j "$1" -r "$top_srcdir/pcaps/beanstalk.pcap" |
		sed 's/"observer":{[^}]*}/"observer":{}/'
}
if [ "${1:-}" = --update ]; then
	records 0 >"$golden"
	exit
fi
for j in 0 3; do
	diff "$golden" <(records $j) >"$work/diff" || {
		echo "beanstalk.pcap with -j$j is not as it was:"
		cut -c1-300 "$work/diff" | head -n 6
		exit 1
	}
done
"$TSUMARI" --plugin "$work/beanstalk.so" -r "$top_srcdir/pcaps/http-errors.pcap" --json --types beanstalk >"$work/out"
[ ! -s "$work/out" ] || { echo "beanstalk was seen in HTTP:"; head -n 3 "$work/out"; exit 1; }
# What its model says is believed: a worker waits for a job on purpose, and nobody for a slow delete.
for command in reserve "delete 7"; do
	name=${command%% *}
	PYTHONPATH="$top_srcdir/tests" python3 - "$command" "$work/$name.pcap" <<-'END'
		import sys
		import pcaplib
		talk = pcaplib.Conversation(1, 11300, "10.9.0.1", "10.9.0.30")
		talk.open(0)
		answer = b"RESERVED 7 2\r\nok\r\n" if sys.argv[1] == "reserve" else b"DELETED\r\n"
		for i in range(3):
		    talk.send(0, i * 4 * 10**9 + 10**8, sys.argv[1].encode() + b"\r\n")
		    talk.send(1, i * 4 * 10**9 + (3 + i % 2) * 10**9 + i * 7 * 10**7, answer)
		talk.close(13 * 10**9)
		pcaplib.write(sys.argv[2], 1, talk.packets)
	END
	"$TSUMARI" --plugin "$work/beanstalk.so" -r "$work/$name.pcap" --report=json >"$work/$name.out"
done
! grep -q '"slow-server"' "$work/reserve.out" || { echo "reserve waits on purpose:"; cat "$work/reserve.out"; exit 1; }
grep -q '"slow-server"' "$work/delete.out" || { echo "delete is slow:"; cat "$work/delete.out"; exit 1; }
# What must not load: another ABI, a file others may write to, no file.
sed 's/TSM_HEAD,/.abi = 99, .size = sizeof(struct dissector),/' "$top_srcdir/examples/beanstalk.c" >"$work/bad.c"
# shellcheck disable=SC2086
cc -shared -fPIC -o "$work/bad.so" "$work/bad.c" $flags
cp "$work/beanstalk.so" "$work/open.so"
chmod 666 "$work/open.so"
for f in bad open none; do
	status=0
	"$TSUMARI" --plugin "$work/$f.so" -r "$top_srcdir/pcaps/http-errors.pcap" >"$work/o" 2>"$work/e" || status=$?
	[ "$status" -eq 2 ] || { echo "$f.so: exit status $status, expected 2"; exit 1; }
	[ "$(wc -l <"$work/e")" -eq 1 ] || { echo "$f.so: not one line:"; cat "$work/e"; exit 1; }
done
echo "plugin: built, loaded, read; three that must not load did not"
