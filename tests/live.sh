#!/bin/bash
# Live capture on a veth pair between two namespaces of this test's own: every request of a real HTTP
# exchange is in the output, ended by -c, by --duration and by an interrupt; nothing is lost at the end.
set -u
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip "live capture needs root"
command -v ip >/dev/null || skip "iproute2 is not installed"
a=tsmlive_a_$$ b=tsmlive_b_$$
work=$(mktemp -d)
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	ip netns del $a 2>/dev/null
	ip netns del $b 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
ip netns add $a 2>/dev/null || skip "this machine does not allow network namespaces"
ip netns add $b
ip link add va netns $a type veth peer name vb netns $b || skip "no veth device"
ip -n $a addr add 10.99.1.1/24 dev va
ip -n $b addr add 10.99.1.2/24 dev vb
ip -n $a link set va up
ip -n $b link set vb up
ip -n $b link set lo up
mkdir "$work/www"
echo hello >"$work/www/index.html"
(cd "$work/www" && exec ip netns exec $b python3 -m http.server --bind 10.99.1.2 8000) >/dev/null 2>&1 &
server=$!
cat >"$work/get.py" <<'P'
import http.client, sys, time
for attempt in range(50):
    try:
        http.client.HTTPConnection("10.99.1.2", 8000, timeout=2).connect()
        break
    except OSError:
        time.sleep(0.1)
for i in range(int(sys.argv[1])):
    c = http.client.HTTPConnection("10.99.1.2", 8000, timeout=5)
    c.request("GET", "/index.html?n=%d" % i)
    c.getresponse().read()
    c.close()
P
ip netns exec $a python3 "$work/get.py" 1 || { echo "the server did not start"; exit 1; }
fail=0
run() { # name, how it ends, options
	local name=$1 end=$2 n pid i
	shift 2
	ip netns exec $a "$TSUMARI" --json --types http -Z root -o "$work/$name.json" "$@" 2>"$work/$name.err" &
	pid=$!
	for i in $(seq 100); do
		grep -q listening "$work/$name.err" && break
		sleep 0.05
	done
	ip netns exec $a python3 "$work/get.py" 40
	case $end in
	int) kill -INT $pid ;;
	term) kill -TERM $pid ;;
	esac
	wait $pid
	i=$?
	[ $i -eq 0 ] || { echo "$name: exit status $i"; cat "$work/$name.err"; fail=1; }
	n=$(grep -c '"status_code":200' "$work/$name.json")
	[ "$n" -eq 40 ] || { echo "$name: $n of 40 requests"; cat "$work/$name.err"; fail=1; }
	grep -q 'of processor time, .* a packet, at most .* of memory$' "$work/$name.err" ||
		{ echo "$name: the cost is not reported"; fail=1; }
	grep -q 'dropped by kernel' "$work/$name.err" || { echo "$name: drops are not reported"; fail=1; }
}
run interrupt int -i va
run terminated term -i va tcp port 8000
run inline int -i va -j0
run any int -i any tcp port 8000
run duration none -i va --duration 10s
# --duration ends on a wire where nothing comes, and where something always does.
ip netns exec $a python3 "$work/get.py" 20000 &
traffic=$!
for port in 4444 8000; do
	for j in 0 2; do
		timeout 8 ip netns exec $a "$TSUMARI" -i va -j$j --json --duration 1s tcp port $port \
			>"$work/o" 2>"$work/e" ||
			{ echo "--duration 1s, port $port, -j$j: exit status $?"; fail=1; }
	done
done
kill -0 $traffic || { echo "there was no traffic to the end"; fail=1; }
kill $traffic
wait $traffic 2>/dev/null
# Netfilter's log, where there is one, is listened to though no packet comes.
timeout 60 "$TSUMARI" -i nflog --duration 1s >"$work/o" 2>"$work/e"
case $? in
0) grep -q '^0 packets captured$' "$work/e" || { cat "$work/e"; fail=1; } ;;
2) ;;
*) echo "-i nflog: $(cat "$work/e")"; fail=1 ;;
esac
[ $fail -eq 0 ] && echo "live: 40 of 40 requests, five ways"
exit $fail
