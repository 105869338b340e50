#!/bin/bash
# Listening in a network namespace of this test's own: a pause of 3 s loses nothing, what the kernel drops has its
# second, and interfaces may go and come: listening.py.
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip "live capture needs root"
command -v ip >/dev/null || skip "iproute2 is not installed"
command -v tcpdump >/dev/null || skip "tcpdump is not installed"
unshare -n true 2>/dev/null || skip "this machine does not allow network namespaces"
unshare -n ip link add tap type veth peer name out 2>/dev/null || skip "no veth device"
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
exec unshare -n python3 "$here/listening.py" "$@"
