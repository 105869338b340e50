# net.sh: a small network of namespaces, the servers in it, and tcpdump beside them.
#
# Sourced by record.sh. Every scenario gets a network of its own and loses it afterwards, so that
# no firewall rule, queue, sysctl, cached route metric or TIME-WAIT of one shows in the next.
#
#   tsmrec_sw   bridge br0: 10.77.0.0/24 and fd77::/64
#   tsmrec_cli  .10   clients          tsmrec_web  .20  nginx          tsmrec_app  .21  app.py
#   tsmrec_rtr  .1    (net_routed) a router to 10.78.0.0/24 and fd78::/64 with tsmrec_far .20 on it
#
# Here a namespace is named without its tsmrec_ prefix.

CLI=10.77.0.10
WEB=10.77.0.20
APP=10.77.0.21
FAR=10.78.0.20

PIDS=()		# everything started and not yet stopped
CAPTURES=()	# "NAME PID" of every tcpdump now running

ns() {
	ip netns exec "tsmrec_$1" "${@:2}"
}

cli() {
	ns cli "$@"
}

# spawn NS LOG COMMAND...: starts a process, its id goes to SPAWNED.
spawn() {
	local where=$1 log=$2
	shift 2
	ip netns exec "tsmrec_$where" "$@" >"$WORK/log/$log" 2>&1 </dev/null &
	SPAWNED=$!
	PIDS+=("$SPAWNED")
}

# stop PID [SIGNAL]: ends one of the processes that spawn started, and waits until it is gone.
stop() {
	local pid=$1 i left=()
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	for ((i = 0; i < 60; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	for i in "${PIDS[@]}"; do
		[ "$i" = "$pid" ] || left+=("$i")
	done
	PIDS=("${left[@]}")
}

# ---- network -------------------------------------------------------------------------------

ns_add() {
	ip netns add "tsmrec_$1" || return
	ns "$1" ip link set lo up
	# Metrics kept from an earlier connection would change how the next one behaves.
	ns "$1" sysctl -qw net.ipv4.tcp_no_metrics_save=1
}

# attach NS LAST: a host on the switch with the addresses 10.77.0.LAST and fd77::LAST.
attach() {
	local name=$1 last=$2
	ns_add "$name" || return
	ip -n tsmrec_sw link add "v_$name" type veth peer name eth0 netns "tsmrec_$name"
	ip -n tsmrec_sw link set "v_$name" mtu "${MTU:-1500}" master br0 up
	ip -n "tsmrec_$name" link set eth0 mtu "${MTU:-1500}" \
		address "$(printf '02:00:00:00:77:%02x' "$last")"
	ip -n "tsmrec_$name" addr add "10.77.0.$last/24" dev eth0
	ip -n "tsmrec_$name" addr add "fd77::$last/64" dev eth0 nodad
	ip -n "tsmrec_$name" link set eth0 up
	plain_frames "$name" eth0
	plain_frames sw "v_$name"
}

# Without this a veth carries 64 kB "frames" with unfinished checksums, which no wire does.
plain_frames() {
	[ -n "${OFFLOAD:-}" ] && return
	ns "$1" ethtool -K "$2" tso off gso off gro off tx off rx off >/dev/null 2>&1
}

net_up() {
	ns_add sw || return
	ip -n tsmrec_sw link add name br0 mtu "${MTU:-1500}" type bridge
	ip -n tsmrec_sw link set br0 up
	attach cli 10 && attach web 20 && attach app 21
}

# A router with a second network behind it, for everything a host alone cannot show.
net_routed() {
	attach rtr 1 && ns_add far || return
	ip -n tsmrec_rtr link add eth1 type veth peer name eth0 netns tsmrec_far
	ip -n tsmrec_rtr addr add 10.78.0.1/24 dev eth1
	ip -n tsmrec_rtr addr add fd78::1/64 dev eth1 nodad
	ip -n tsmrec_rtr link set eth1 address 02:00:00:00:78:01 up
	ip -n tsmrec_far addr add 10.78.0.20/24 dev eth0
	ip -n tsmrec_far addr add fd78::20/64 dev eth0 nodad
	ip -n tsmrec_far link set eth0 address 02:00:00:00:78:14 up
	plain_frames rtr eth1
	plain_frames far eth0
	ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n tsmrec_cli route add 10.78.0.0/24 via 10.77.0.1
	ip -n tsmrec_cli route add fd78::/64 via fd77::1
	ip -n tsmrec_far route add default via 10.78.0.1
	ip -n tsmrec_far route add default via fd78::1
}

net_down() {
	local i
	for i in "${PIDS[@]}"; do
		stop "$i"
	done
	CAPTURES=()
	for i in cli web app sw rtr far nfs db db2; do
		[ -e "/run/netns/tsmrec_$i" ] && ip netns del "tsmrec_$i"
	done
	return 0
}

# lose_frames NS PERCENT: NS throws this part of what comes from the web server away.
# A capture beside the server sees every copy that it sends.
lose_frames() {
	ns "$1" nft "table inet loss {
		chain in {
			type filter hook input priority 0;
			tcp sport 80 numgen random mod 100 < $2 drop
		}
	}"
}

# drop_port NS PORT [VERDICT]: connection requests to PORT are thrown away (or rejected) there.
drop_port() {
	ns "$1" nft "add table inet port"
	ns "$1" nft "add chain inet port in { type filter hook input priority 0; }"
	ns "$1" nft "add rule inet port in tcp dport $2 ${3:-drop}"
}

# ---- servers -------------------------------------------------------------------------------

wait_port() {
	local i
	for ((i = 0; i < 60; i++)); do
		[ -n "$(ns "$1" ss -Hltn "sport = :$2")" ] && return
		sleep 0.05
	done
	echo "nothing listens on port $2 in tsmrec_$1" >&2
	return 1
}

# web [NS]: nginx, with an empty access log.
web() {
	rm -f "$WORK/access.tsv"
	spawn "${1:-web}" nginx nginx -c "$WORK/nginx.conf"
	wait_port "${1:-web}" 80
}

app() {
	spawn app app "$PYTHON" "$HERE/app.py" 8000 3128
	wait_port app 3128
}

# access_log NAME: keeps nginx's own account of what it did beside the capture NAME.
access_log() {
	cp "$WORK/access.tsv" "$OUT/$1.access.tsv"
	chmod 644 "$OUT/$1.access.tsv"
}

make_site() {
	local i
	mkdir -p "$WORK/www/s"
	page 600 >"$WORK/www/index.html"
	for ((i = 1; i <= 40; i++)); do
		page $((i * 37 + 150)) >"$WORK/www/s/p$i.html"
	done
	for i in 20 64 100 700; do
		page ${i}000 >"$WORK/www/s/${i}k.bin"
	done
	page 3000 >"$WORK/www/s/a.txt"
	{
		echo '['
		for ((i = 0; i < 40; i++)); do
			printf '{"id": %d, "name": "item %d", "price": %d.50},\n' $i $i $((i * 3))
		done
		echo '{}]'
	} >"$WORK/www/s/list.json"
	# ETag and Last-Modified come from these; they are to be the same in every recording.
	find "$WORK/www" -exec touch -d '2024-01-02 03:04:05 UTC' {} +
	sed "s|@WORK@|$WORK|g" "$HERE/nginx.conf" >"$WORK/nginx.conf"
}

# page BYTES: lines of numbers; any byte of it tells where in the body it was.
page() {
	seq -f 'line %08.0f of the body' 1 $(($1 / 26 + 1)) | head -c "$1"
}

# ---- captures ------------------------------------------------------------------------------

# capture NAME NS IFACE [tcpdump option or filter]...
capture() {
	local name=$1 where=$2 iface=$3 i
	shift 3
	# -Z root: the folder is ours alone and tcpdump's own user could not write there.
	spawn "$where" "$name.tcpdump" tcpdump -i "$iface" -Z root -B 4096 -U -w "$WORK/out/$name.pcap" "$@"
	CAPTURES+=("$name $SPAWNED")
	for ((i = 0; i < 60; i++)); do
		grep -qs 'listening on' "$WORK/log/$name.tcpdump" && return
		sleep 0.05
	done
	echo "tcpdump did not start for $name:" >&2
	cat "$WORK/log/$name.tcpdump" >&2
	return 1
}

# The kernel hands packets over by the block, a block at the latest a second after its first packet;
# a capture that is stopped sooner has lost its tail.
captures_end() {
	local i
	sleep 1.7
	for i in "${CAPTURES[@]}"; do
		stop "${i#* }" INT
	done
	CAPTURES=()
}
