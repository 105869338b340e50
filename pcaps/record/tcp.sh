# tcp.sh: connection requests that a server with a full backlog does not take.
#
# Sourced by record.sh. A listener with backlog n holds n + 1 finished connections; the next SYN is
# dropped, and the client's kernel tries again by its timer.

# syn_timer N: 0 for the classic timer (1, 3, 7, 15 s after the first SYN), 4 for the one of kernels
# since 6.5, which repeats linearly before it doubles. Older kernels know the classic one alone.
syn_timer() {
	local file=/proc/sys/net/ipv4/tcp_syn_linear_timeouts
	if ! ns cli test -e $file; then
		[ "$1" = 0 ] || echo "this kernel repeats a SYN by the classic timer only" >&2
		return
	fi
	ns cli sysctl -qw "net.ipv4.tcp_syn_linear_timeouts=$1"
}

# listener BACKLOG SECONDS [ACCEPT_AFTER]: on port 9999 of the web host
listener() {
	spawn web listener "$PYTHON" "$HERE/listener.py" backlog 9999 "$@"
	LISTENER=$SPAWNED
	wait_port web 9999
}

scenario syn_backlog syn-backlog
syn_backlog() {
	syn_timer 0
	listener 1 60 && capture syn-backlog cli eth0 port 9999 || return
	client connects "$WEB" 9999 5 1 15.5 >/dev/null
	captures_end
}

scenario syn_backlog_linear syn-backlog-linear
syn_backlog_linear() {
	syn_timer 4
	listener 1 60 && capture syn-backlog-linear cli eth0 port 9999 || return
	client connects "$WEB" 9999 5 1 11.5 >/dev/null
	captures_end
}

scenario syn_backlog_recover syn-backlog-recover
syn_backlog_recover() {
	syn_timer 0
	# It accepts again after two seconds: the waiting clients get in with their SYN at 3 s, one
	# that comes later at once.
	listener 1 6 2 && capture syn-backlog-recover cli eth0 port 9999 || return
	client connects "$WEB" 9999 6 0.3 10 >/dev/null
	client connects "$WEB" 9999 2 0.1 5 >/dev/null
	captures_end
}

# Many handshakes at the same time: the SYN/ACKs leave one by one through a slow queue, so every SYN
# finds room, but not every ACK does. The queue lets no two of them through at once: of those that
# leave together the ACKs would be back before the next SYN.
crowd() {
	listener 8 "$1" "${2:-inf}" || return
	ns web tc qdisc add dev eth0 root tbf rate 40kbit burst 100 latency 2s || return
	client together "$WEB" 9999 6 "$3" &
	local first=$!
	sleep 0.5
	client together "$WEB" 9999 8 "$3" &
	wait "$first" $!
}

scenario syn_backlog_accept syn-backlog-accept
syn_backlog_accept() {
	# The ACK that ends the handshake is dropped: the client thinks it is connected, the server
	# repeats its SYN/ACK.
	capture syn-backlog-accept cli eth0 port 9999 || return
	crowd 30 4 8
	captures_end
}

scenario syn_backlog_abort syn-backlog-abort
syn_backlog_abort() {
	# The same with a kernel that is told to answer the ACK with a RST; then a late comer's SYNs
	# (still only dropped), and the refusals when the listener has gone.
	syn_timer 0
	ns web sysctl -qw net.ipv4.tcp_abort_on_overflow=1
	capture syn-backlog-abort cli eth0 port 9999 || return
	crowd 8 '' 1.5
	client connects "$WEB" 9999 3 0.1 9 >/dev/null
	captures_end
}
