# incidents.sh: one cause of waiting in each capture, and beside it a twin (NAME-well) in which all is well.
# They go to the folder scenarios/, packed; scenarios/expect.tsv says what is to be told of each. Sourced by
# record.sh.

# incident FUNCTION NAME: FUNCTION records NAME and NAME-well.
declare -A PACKED
incident() {
	scenario "$1" "$2" "$2-well"
	PACKED[$2]=1 PACKED[$2-well]=1
}

# culprit NS MODE ARGUMENT...: record/incident.py as a server; the third argument is its port.
culprit() {
	spawn "$1" "culprit-$3" "$PYTHON" "$HERE/incident.py" "${@:2}"
	CULPRIT=$SPAWNED
	wait_port "$1" "$3"
}

# asks NAME MODE ARGUMENT...: the same as a client; what it waited for is told.
asks() {
	echo "$1: the clients waited $(cli "$PYTHON" "$HERE/incident.py" "${@:2}" 2>>"$WORK/log/asks") s" >&2
}

# curls NAME TIMES ARGUMENT...: one after the other.
curls() {
	local name=$1 n=$2 i
	for ((i = 0; i < n; i++)); do
		cli curl -s -o /dev/null -m 20 -w '%{time_total}\n' "${@:3}"
	done | awk -v n="$name" '{ s += $1 } END { printf "%s: the clients waited %.3f s\n", n, s }' >&2
}

# line web MILLISECONDS [KILOBITS [QUEUE]]: the host's cable is long (record/delay.py).
line() {
	ip -n tsmrec_sw link set "v_$1" nomaster
	ip -n tsmrec_sw link add "x_$1" type veth peer name "y_$1"
	ip -n tsmrec_sw link set "y_$1" master br0 up
	ip -n tsmrec_sw link set "x_$1" up
	ns sw sysctl -qw "net.ipv6.conf.v_$1.disable_ipv6=1" "net.ipv6.conf.x_$1.disable_ipv6=1"
	plain_frames sw "x_$1"
	plain_frames sw "y_$1"
	lay "$@"
}

# lay web MILLISECONDS [KILOBITS [QUEUE]]: the cable is another one now.
lay() {
	spawn sw "line-$1" "$PYTHON" "$HERE/delay.py" "v_$1" "x_$1" "${@:2}"
	LINE=$SPAWNED
	local i
	# Until it carries: nobody listens on that port.
	for ((i = 0; i < 20; i++)); do
		cli timeout 1 bash -c "</dev/tcp/$WEB/9" 2>&1 | grep -q refused && return
	done
}

# block HOST RULE...: frames that the host throws away, until unblock.
block() {
	ns "$1" nft "table inet block {
		chain in {
			type filter hook input priority 0;
			${*:2}
		}
	}"
}

unblock() {
	ns "$1" nft delete table inet block
}

incident no_answer no-answer
no_answer() {
	culprit web web 80 && capture no-answer cli eth0 port 80 || return
	asks no-answer keep $WEB 80 /quick /hang
	asks no-answer keep $WEB 80 /quick /hang
	captures_end
	capture no-answer-well cli eth0 port 80 || return
	asks no-answer-well keep $WEB 80 /quick /slow/60 /quick
	captures_end
}

incident syn_filtered syn-filtered
syn_filtered() {
	ip -n tsmrec_cli addr add 10.77.0.11/24 dev eth0
	culprit web web 80 && syn_timer 0 && capture syn-filtered cli eth0 port 80 || return
	block web ip saddr 10.77.0.11 tcp dport 80 drop
	curls syn-filtered 2 --interface 10.77.0.10 "http://$WEB/quick"
	curls syn-filtered 3 --interface 10.77.0.11 -m 5 "http://$WEB/quick"
	curls syn-filtered 6 --interface 10.77.0.10 "http://$WEB/quick"
	captures_end
	unblock web
	capture syn-filtered-well cli eth0 port 80 || return
	curls syn-filtered-well 3 --interface 10.77.0.10 "http://$WEB/quick"
	curls syn-filtered-well 3 --interface 10.77.0.11 "http://$WEB/quick"
	captures_end
}

incident dead_connection dead-connection
dead_connection() {
	culprit web web 80 idle=60 && capture dead-connection cli eth0 port 80 || return
	(
		sleep 2
		block web "tcp dport 80 tcp flags & syn == 0 drop"
	) &
	asks dead-connection keep $WEB 80 /quick 0.5 /quick 3 /quick
	wait $!
	unblock web
	captures_end
	capture dead-connection-well cli eth0 port 80 || return
	asks dead-connection-well keep $WEB 80 /quick 0.5 /quick 6 /quick
	captures_end
}

incident stale_connection stale-connection
stale_connection() {
	culprit web web 80 idle=1 && capture stale-connection cli eth0 port 80 || return
	local i
	for i in 1 2 3 4; do
		asks stale-connection keep $WEB 80 /quick 0.2 /quick fin /quick
		asks stale-connection keep $WEB 80 /quick
	done
	captures_end
	capture stale-connection-well cli eth0 port 80 || return
	for i in 1 2 3 4; do
		asks stale-connection-well keep $WEB 80 /quick 0.2 /quick fin
	done
	captures_end
}

incident worker_starvation worker-starvation
worker_starvation() {
	culprit web web 80 workers=2 idle=3 && capture worker-starvation cli eth0 port 80 || return
	asks worker-starvation keep $WEB 80 /quick 6 &
	asks worker-starvation keep $WEB 80 /quick 6 &
	sleep 0.5
	asks worker-starvation many $WEB 80 6 /quick
	sleep 4
	captures_end
	stop "$CULPRIT"
	culprit web web 80 workers=40 idle=3 && capture worker-starvation-well cli eth0 port 80 || return
	asks worker-starvation-well keep $WEB 80 /quick 4 &
	asks worker-starvation-well keep $WEB 80 /quick 4 &
	sleep 0.5
	asks worker-starvation-well many $WEB 80 6 /quick
	sleep 4
	captures_end
}

# Two workers and a short queue: SYNs, ACKs and requests are dropped.
incident accept_queue accept-queue
accept_queue() {
	culprit web web 80 workers=2 backlog=2 && capture accept-queue cli eth0 port 80 || return
	asks accept-queue many $WEB 80 24 /slow/150
	captures_end
	stop "$CULPRIT"
	culprit web web 80 && capture accept-queue-well cli eth0 port 80 || return
	asks accept-queue-well many $WEB 80 24 /quick
	captures_end
}

incident slow_tls slow-tls
slow_tls() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=www.tsumari.test \
		-keyout "$WORK/tmp/key.pem" -out "$WORK/tmp/cert.pem" 2>/dev/null
	culprit app tls 443 "$WORK/tmp/cert.pem" "$WORK/tmp/key.pem" 0.6 && capture slow-tls cli eth0 port 443 || return
	curls slow-tls 6 -k --resolve "www.tsumari.test:443:$APP" https://www.tsumari.test/
	captures_end
	stop "$CULPRIT"
	culprit app tls 443 "$WORK/tmp/cert.pem" "$WORK/tmp/key.pem" 0 && capture slow-tls-well cli eth0 port 443 || return
	curls slow-tls-well 6 -k --resolve "www.tsumari.test:443:$APP" https://www.tsumari.test/
	captures_end
}

incident slow_upload slow-upload
slow_upload() {
	page 90000 >"$WORK/tmp/upload"
	culprit web web 80 && capture slow-upload cli eth0 -s 400 port 80 || return
	curls slow-upload 3 -H Expect: --limit-rate 40k --data-binary "@$WORK/tmp/upload" "http://$WEB/post"
	captures_end
	capture slow-upload-well cli eth0 -s 400 port 80 || return
	curls slow-upload-well 3 -H Expect: --data-binary "@$WORK/tmp/upload" "http://$WEB/post"
	captures_end
}

incident expect_continue expect-continue
expect_continue() {
	culprit web web 80 expect=no && capture expect-continue cli eth0 port 80 || return
	curls expect-continue 4 -H 'Expect: 100-continue' -d a=1 "http://$WEB/post"
	captures_end
	stop "$CULPRIT"
	culprit web web 80 && capture expect-continue-well cli eth0 port 80 || return
	curls expect-continue-well 4 -H 'Expect: 100-continue' -d a=1 "http://$WEB/post"
	captures_end
}

incident far_path far-path
far_path() {
	line web 120
	culprit web web 80 && capture far-path cli eth0 port 80 || return
	curls far-path 8 "http://$WEB/quick"
	captures_end
	stop "$LINE"
	lay web 4
	capture far-path-well cli eth0 port 80 || return
	curls far-path-well 8 "http://$WEB/quick"
	captures_end
}

incident path_bandwidth path-bandwidth
path_bandwidth() {
	line web 4 1500 200000
	culprit web web 80 && capture path-bandwidth cli eth0 -s 400 port 80 || return
	curls path-bandwidth 3 "http://$WEB/big/300000"
	captures_end
	stop "$LINE"
	lay web 4
	capture path-bandwidth-well cli eth0 -s 400 port 80 || return
	curls path-bandwidth-well 3 "http://$WEB/big/300000"
	captures_end
}

# The same inside of TLS, which is not read.
incident rate_policed rate-policed
rate_policed() {
	line web 10 4000 police:20000
	culprit web web 80 && capture rate-policed web eth0 -s 400 port 80 || return
	curls rate-policed 2 "http://$WEB/big/300000"
	curls rate-policed 2 "http://$WEB/big/400000"
	captures_end
	stop "$LINE"
	lay web 10
	capture rate-policed-well web eth0 -s 400 port 80 || return
	curls rate-policed-well 3 "http://$WEB/big/300000"
	captures_end
}

incident tls_download tls-download
tls_download() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=www.tsumari.test \
		-keyout "$WORK/tmp/key.pem" -out "$WORK/tmp/cert.pem" 2>/dev/null
	line web 4 300 60000
	culprit web tls 443 "$WORK/tmp/cert.pem" "$WORK/tmp/key.pem" 0 && capture tls-download cli eth0 port 443 || return
	curls tls-download 3 -k "https://$WEB/big/50000"
	captures_end
	stop "$LINE"
	lay web 4
	capture tls-download-well cli eth0 port 443 || return
	curls tls-download-well 3 -k "https://$WEB/big/50000"
	captures_end
}

# And of a protocol that nobody reads, beside the server; large values, got one after the other.
incident large_values large-values
large_values() {
	line web 4 1500 60000
	spawn web redis redis-server --bind "$WEB" --protected-mode no --save '' --appendonly no --dir "$WORK/tmp"
	wait_port web 6379 || return
	page 250000 | ns web redis-cli -h "$WEB" -x SET value >/dev/null
	capture large-values web eth0 port 6379 || return
	asks large-values values $WEB 6379 4
	captures_end
	stop "$LINE"
	lay web 4
	capture large-values-well web eth0 port 6379 || return
	asks large-values-well values $WEB 6379 4
	captures_end
}

# Requests of a page each half second, from the ninth on while something large is fetched.
incident latency_under_load latency-under-load
latency_under_load() {
	local i
	line web 6 1500 120000
	culprit web web 80 idle=60 && capture latency-under-load cli eth0 -s 180 port 80 || return
	asks latency-under-load poll $WEB 80 8 0.4 /quick
	curls latency-under-load 1 "http://$WEB/big/2500000" &
	sleep 4
	asks latency-under-load poll $WEB 80 16 0.5 /quick
	wait $!
	captures_end
	stop "$LINE"
	lay web 6
	capture latency-under-load-well cli eth0 -s 180 port 80 || return
	asks latency-under-load-well poll $WEB 80 4 0.4 /quick
	curls latency-under-load-well 1 "http://$WEB/big/1500000" &
	asks latency-under-load-well poll $WEB 80 4 0.05 /quick
	wait $!
	captures_end
}

# Packets are lost in both directions: what arrives at either host is dropped at random.
incident loss_both_ways loss-both-ways
loss_both_ways() {
	culprit web web 80 && capture loss-both-ways cli eth0 port 80 || return
	block web "tcp dport 80 tcp flags & syn == 0 numgen random mod 100 < 6 drop"
	block cli "tcp sport 80 tcp flags & syn == 0 numgen random mod 100 < 6 drop"
	asks loss-both-ways keep $WEB 80 $(printf '/quick 0.01 %.0s' {1..60})
	asks loss-both-ways keep $WEB 80 $(printf '/quick 0.01 %.0s' {1..60})
	captures_end
	unblock web
	unblock cli
	capture loss-both-ways-well cli eth0 port 80 || return
	asks loss-both-ways-well keep $WEB 80 $(printf '/quick 0.01 %.0s' {1..60})
	asks loss-both-ways-well keep $WEB 80 $(printf '/quick 0.01 %.0s' {1..60})
	captures_end
}

# A host that is not there, or whose firewall says nothing: nobody gets an answer.
incident connect_timeout connect-timeout
connect_timeout() {
	culprit web web 80 && syn_timer 0 && capture connect-timeout cli eth0 port 80 || return
	block web tcp dport 80 drop
	curls connect-timeout 3 -m 4 "http://$WEB/quick"
	sleep 3
	captures_end
	unblock web
	capture connect-timeout-well cli eth0 port 80 || return
	curls connect-timeout-well 6 "http://$WEB/quick"
	captures_end
}

incident rate_limit rate-limit
rate_limit() {
	# One request each 200 ms, the others wait for their turn.
	sed 's|http {|&\n limit_req_zone $server_name zone=slow:1m rate=5r/s;|; s|root .*;|&\n limit_req zone=slow burst=20;|' \
		"$WORK/nginx.conf" >"$WORK/limit.conf"
	local limited
	spawn web nginx nginx -c "$WORK/limit.conf"
	limited=$SPAWNED
	wait_port web 80 && capture rate-limit cli eth0 port 80 || return
	asks rate-limit many $WEB 80 12 /s/p1.html
	captures_end
	stop "$limited"
	sleep 0.5
	web && capture rate-limit-well cli eth0 port 80 || return
	asks rate-limit-well many $WEB 80 12 /s/p1.html
	captures_end
}

incident serialised serialised
serialised() {
	local name
	for name in serialised serialised-well; do
		if [ "$name" = serialised ]; then culprit web web 80 lock=yes; else culprit web web 80; fi
		capture "$name" cli eth0 port 80 || return
		# The one session's requests, and while they wait, those of others.
		asks "$name" many $WEB 80 9 /slow/120 one &
		sleep 0.4
		asks "$name" many $WEB 80 12 /slow/20 user%
		wait $!
		captures_end
		stop "$CULPRIT"
	done
}

incident slow_greeting slow-greeting
slow_greeting() {
	local i
	culprit app greet 25 2.5 && capture slow-greeting cli eth0 port 25 || return
	for i in 1 2 3; do
		cli swaks --server "$APP" --to a@tsumari.test --from b@tsumari.test --quit-after EHLO --timeout 20 >/dev/null 2>&1
	done
	captures_end
	stop "$CULPRIT"
	culprit app greet 25 0.01 && capture slow-greeting-well cli eth0 port 25 || return
	for i in 1 2 3; do
		cli swaks --server "$APP" --to a@tsumari.test --from b@tsumari.test --quit-after EHLO --timeout 20 >/dev/null 2>&1
	done
	captures_end
}

incident dns_timeout dns-timeout
dns_timeout() {
	spawn app dnsmasq dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --no-daemon --port=53 --user=root \
		--pid-file= --log-facility=- --host-record=www.tsumari.test,10.77.0.20 --local=/tsumari.test/
	sleep 0.5
	capture dns-timeout cli eth0 udp port 53 || return
	# The first server is silent (its port is closed to the world), the second one answers.
	block web udp dport 53 drop
	for i in 1 2 3; do
		cli dig +tries=1 +time=3 "@$WEB" www.tsumari.test >/dev/null
		cli dig +tries=1 +time=3 "@$APP" www.tsumari.test >/dev/null
	done
	captures_end
	capture dns-timeout-well cli eth0 udp port 53 || return
	for i in 1 2 3; do
		cli dig +tries=1 +time=3 "@$APP" www.tsumari.test >/dev/null
	done
	captures_end
}

incident lock_wait lock-wait
lock_wait() {
	local i
	database db 1 && capture lock-wait cli eth0 port 3306 || return
	for i in 1 2 3; do
		client_sql shop -e 'begin; update item set k = k + 1 where id = 7; select k from item where id = 8; do sleep(0); select sleep(1.2); commit' &
		sleep 0.3
		client_sql shop -e 'update item set k = k + 2 where id = 7'
		client_sql shop -e 'update item set k = k + 2 where id = 9'
		wait $!
	done
	client_sql shop -e 'begin; update item set k = 1 where id = 7; select sleep(2.5); commit' &
	sleep 0.3
	client_sql shop -e 'set innodb_lock_wait_timeout = 1; update item set k = k + 2 where id = 7'
	wait $!
	captures_end
	capture lock-wait-well cli eth0 port 3306 || return
	for i in 1 2 3; do
		client_sql shop -e 'begin; update item set k = k + 1 where id = 7; commit'
		client_sql shop -e 'update item set k = k + 2 where id = 7'
	done
	captures_end
}

incident vrrp_flapping vrrp-flapping
vrrp_flapping() {
	local i
	# The master's check fails and recovers every few seconds: its priority falls below the other's.
	{
		printf 'global_defs { router_id one\n enable_script_security\n script_user root }\n'
		printf 'vrrp_script ok { script "/usr/bin/test ! -e %s/tmp/sick"\n interval 1\n weight -60\n fall 1\n rise 1 }\n' "$WORK"
		instance V4 3 51 BACKUP 150 1 10.77.0.100/24 | sed '$s/}$/track_script { ok\n } }/'
	} >"$WORK/web.conf"
	{
		echo 'global_defs { router_id two }'
		instance V4 3 51 BACKUP 120 1 10.77.0.100/24
	} >"$WORK/app.conf"
	capture vrrp-flapping cli eth0 vrrp or arp or ip proto 112 || return
	keepalived_start web
	keepalived_start app
	sleep 5
	for i in 1 2 3; do
		touch "$WORK/tmp/sick"
		sleep 5
		rm -f "$WORK/tmp/sick"
		sleep 5
	done
	captures_end
	capture vrrp-flapping-well cli eth0 vrrp or arp or ip proto 112 || return
	sleep 20
	captures_end
}

incident check_failing check-failing
check_failing() {
	ip -n tsmrec_cli addr add 10.77.0.11/24 dev eth0
	culprit web web 80 && capture check-failing cli eth0 port 80 || return
	SOURCE=10.77.0.11 asks check-failing poll $WEB 80 16 1 /sick/9 &
	asks check-failing poll $WEB 80 22 0.7 /quick
	wait $!
	captures_end
	capture check-failing-well cli eth0 port 80 || return
	SOURCE=10.77.0.11 asks check-failing-well poll $WEB 80 12 1 /quick &
	asks check-failing-well poll $WEB 80 16 0.7 /big/900
	wait $!
	captures_end
}
