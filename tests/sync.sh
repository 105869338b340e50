#!/bin/bash
# Back in step after a loss, however small the segments are: sync.py says how. The example plugin is
# read too, and as it would be without its sync(): what a dissector does that leaves it to the engine.
# `SEEDS=n tests/sync.sh [PROTOCOL...]` loses more.
set -eu
. "${0%/*}/python.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
plugin() { # source, plugin
	"${CC:-cc}" -std=c11 -shared -fPIC -DTSM_PLUGIN -I "$here/../src/api" -o "$2" "$1"
	chmod 755 "$2"
}
chmod 755 "$work"
sed 's/\.sync = sync,/.sync = NULL,/' "$here/../examples/beanstalk.c" >"$work/without.c"
plugin "$here/../examples/beanstalk.c" "$work/beanstalk.so"
plugin "$work/without.c" "$work/without.so"
cmp -s "$here/../examples/beanstalk.c" "$work/without.c" && { echo "beanstalk.c has no sync()"; exit 1; }
PLUGIN=$work/beanstalk.so python3 "$here/sync.py" "$@"
[ $# -gt 0 ] || PLUGIN=$work/without.so python3 "$here/sync.py" beanstalk
