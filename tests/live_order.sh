#!/bin/bash
# Two interfaces, one direction of a connection on each: the kernel gives their frames by the block, and
# they are one stream in time all the same, in records and in the file that is written.
set -u
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip "live capture needs root"
command -v ip >/dev/null || skip "iproute2 is not installed"
ns=tsmorder_$$
work=$(mktemp -d)
cleanup() {
	ip netns del $ns 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
ip netns add $ns 2>/dev/null || skip "this machine does not allow network namespaces"
for k in 0 1; do
	ip -n $ns link add tap$k type veth peer name out$k || skip "no veth device"
	ip netns exec $ns sysctl -qw net.ipv6.conf.tap$k.disable_ipv6=1 net.ipv6.conf.out$k.disable_ipv6=1
	ip -n $ns link set tap$k up
	ip -n $ns link set out$k up
done
ip -n $ns link set lo up
requests=30
frames=$((3 * requests + 6))
python=(python3 "$top_srcdir/tests/live_order.py")
fail=0
# name, command line: frames are sent while it listens; then an interrupt, unless it ended by itself
run() {
	local name=$1 pid i status
	shift
	ip netns exec $ns timeout 20 "$TSUMARI" -Z root "$@" 2>"$work/$name.err" &
	pid=$!
	for i in $(seq 100); do
		grep -qs "listening on .*tap\|listening on any" "$work/$name.err" && break
		sleep 0.05
	done
	PYTHONDONTWRITEBYTECODE=1 ip netns exec $ns "${python[@]}" send out0 out1 $requests
	[ -z "${alone:-}" ] && pkill -INT -P $pid
	wait $pid
	status=$?
	[ $status -eq 0 ] || { echo "$name: exit status $status"; cat "$work/$name.err"; fail=1; }
}
for j in 0 1 3; do
	run "j$j" -i tap0 -i tap1 -j$j --json -o "$work/j$j.json"
	run "turned$j" -i tap1 -i tap0 -j$j --json -o "$work/turned$j.json"
done
run both -i tap0 -i tap1 --json -o "$work/both.json" -w "$work/both.pcap"
run write -i tap0 -i tap1 -w "$work/write.pcap"
# Others that are idle, or see each frame twice, delay nothing for good.
run lo -i lo -i tap0 -i tap1 --json -o "$work/lo.json"
run any -i any --json -o "$work/any.json" inbound
# It ends by itself with the last frame, and with the time.
alone=1
run count -i tap0 -i tap1 -c $frames --json -o "$work/count.json"
run duration -i tap0 -i tap1 --duration 3s --json -o "$work/duration.json"
for f in both write; do
	"${python[@]}" order "$work/$f.pcap" $frames || fail=1
	"$TSUMARI" -r "$work/$f.pcap" --json -o "$work/$f-again.json" 2>/dev/null
done
"${python[@]}" check $requests "$work"/*.json || fail=1
grep -l 'too late' "$work"/*.err && fail=1
[ $fail -eq 0 ] && echo "live order: $requests of $requests requests of two interfaces, $(ls "$work"/*.json | wc -l) ways"
exit $fail
