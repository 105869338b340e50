#!/bin/bash
# What is under way is seen while it is: downloads, a server that hangs and a resolver that is silent, in two
# namespaces of this test's own, in the live view and in interim records (under_way.py).
set -u
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip "live capture needs root"
command -v ip >/dev/null || skip "iproute2 is not installed"
command -v tc >/dev/null || skip "tc is not installed"
command -v tmux >/dev/null || skip "tmux is not installed"
command -v python3 >/dev/null || skip "python3 is not installed"
a=tsmopen_a_$$ b=tsmopen_b_$$
cleanup() {
	ip netns del $a 2>/dev/null
	ip netns del $b 2>/dev/null
}
trap cleanup EXIT
ip netns add $a 2>/dev/null || skip "this machine does not allow network namespaces"
ip netns add $b
ip link add va netns $a type veth peer name vb netns $b || skip "no veth device"
ip -n $a addr add 10.99.1.1/24 dev va
ip -n $b addr add 10.99.1.2/24 dev vb
for x in $a $b; do
	ip netns exec $x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
	ip -n $x link set lo up
done
ip -n $a link set va up
ip -n $b link set vb up
ip netns exec $b tc qdisc add dev vb root tbf rate 4800kbit burst 16k latency 300ms || skip "no token bucket filter"
PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/tests/under_way.py" "$TSUMARI" "$top_srcdir/pcaps" $a $b
