#!/bin/bash
# `make install` puts the program, its man page and completions, and what a plugin needs where they
# are looked for; `make uninstall` takes all of it away.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
"$MAKE" -s -C "$top_builddir" install DESTDIR="$work" >"$work.log" 2>&1 || { cat "$work.log"; bad=1; }
rm -f "$work.log"
for f in bin/tsumari share/man/man1/tsumari.1 share/bash-completion/completions/tsumari.bash \
	share/zsh/site-functions/_tsumari include/tsumari/dissector.h include/tsumari/event.h include/tsumari/facts.h include/tsumari/field.h \
	include/tsumari/layer.h include/tsumari/model.h include/tsumari/packet.h include/tsumari/prefix.h include/tsumari/show.h include/tsumari/sql.h include/tsumari/view.h lib/pkgconfig/tsumari.pc; do
	[ -n "$(find "$work" -path "*/$f" -size +0)" ] || { echo "$f is not installed"; bad=1; }
done
n=$(find "$work" -type f | wc -l)
[ "$n" -eq 16 ] || { echo "$n files installed, 16 expected:"; find "$work" -type f; bad=1; }
"$(find "$work" -name tsumari -type f -perm -u+x)" -r "$top_srcdir/pcaps/icmp.pcap" --report | grep -q ICMP ||
	{ echo "the installed program does not read a capture"; bad=1; }
"$MAKE" -s -C "$top_builddir" uninstall DESTDIR="$work" >/dev/null 2>&1
left=$(find "$work" -type f)
[ -z "$left" ] || { echo "left by make uninstall: $left"; bad=1; }
[ $bad -eq 0 ] && echo "install: $n files, and gone again"
exit $bad
