#!/bin/bash
# Mixed traffic with floods in between, listened to for a while (soak.sh [SECONDS], 20): soak.py. `make soak TIME=3600`.
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip "live capture needs root"
for i in ip tcpdump nsenter python3; do
	command -v $i >/dev/null || skip "$i is not installed"
done
unshare -n true 2>/dev/null || skip "this machine does not allow network namespaces"
unshare -n ip link add tap type veth peer name out 2>/dev/null || skip "no veth device"
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
exec unshare -n python3 "$here/soak.py" "$@"
