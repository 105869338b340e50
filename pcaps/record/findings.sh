# findings.sh: what tsumari is to find, one cause a capture. Sourced by record.sh.

# trouble NAME ARGUMENT...: record/trouble.py, in the client's namespace.
trouble() {
	cli "$PYTHON" "$HERE/trouble.py" "$@" >>"$WORK/log/trouble" 2>&1
}

scenario syn_flood syn-flood
syn_flood() {
	# Sources that are nobody: what the server sends them ends at the client, which throws it away.
	ns web ip route add 10.99.0.0/16 via 10.77.0.10
	ns web sysctl -qw net.ipv4.tcp_syncookies=0
	web && capture syn-flood web eth0 port 80 || return
	get "http://$WEB/"
	trouble flood "$WEB" 80 130
	get "http://$WEB/"
	captures_end
}

scenario syn_old_timer syn-old-timer
syn_old_timer() {
	# The timer of older systems, by hand: SYNs at 0, 3 and 9 s. The server takes none for 7.5 s.
	web || return
	ns web nft "table inet old {
		chain in {
			type filter hook input priority 0;
			tcp dport 80 tcp sport 47000-47010 tcp flags syn drop
		}
	}"
	# The client's kernel knows nothing of these connections.
	ns cli nft "table inet silent {
		chain out {
			type filter hook output priority 0;
			tcp sport 47000-47010 tcp flags rst drop
		}
	}"
	capture syn-old-timer cli eth0 port 80 || return
	get "http://$WEB/"
	(
		sleep 7.5
		ns web nft delete table inet old
	) &
	trouble old-timer "$WEB" 80
	wait $!
	captures_end
}

scenario vrrp_two_masters vrrp-two-masters
vrrp_two_masters() {
	# One of them hears nothing from the other.
	{
		echo 'global_defs { router_id one }'
		instance V4 3 51 BACKUP 150 1 10.77.0.100/24
	} >"$WORK/web.conf"
	{
		echo 'global_defs { router_id two }'
		instance V4 3 51 BACKUP 100 1 10.77.0.100/24
	} >"$WORK/app.conf"
	ns app nft "table inet deaf {
		chain in {
			type filter hook input priority 0;
			ip protocol 112 drop
		}
	}"
	capture vrrp-two-masters cli eth0 vrrp or arp or ip proto 112 || return
	keepalived_start web
	keepalived_start app
	sleep 12
	captures_end
}

scenario vrrp_mismatch vrrp-mismatch
vrrp_mismatch() {
	# The backup is configured for other addresses, and takes over when the master goes.
	local one
	{
		echo 'global_defs { router_id one }'
		instance V4 3 51 MASTER 150 1 10.77.0.100/24 10.77.0.101/24
	} >"$WORK/web.conf"
	{
		echo 'global_defs { router_id two }'
		instance V4 3 51 BACKUP 100 1 10.77.0.100/24
	} >"$WORK/app.conf"
	capture vrrp-mismatch cli eth0 vrrp or arp or ip proto 112 || return
	keepalived_start web
	one=$SPAWNED
	keepalived_start app
	sleep 5
	kill -KILL "$(cat "$WORK/tmp/web.vrrp.pid")"
	stop "$one" KILL
	sleep 5
	captures_end
}

scenario smtp_greylist smtp-greylist
smtp_greylist() {
	postfix_up || return
	spawn app policy "$PYTHON" "$HERE/trouble.py" policy 10023 2
	wait_port app 10023
	postconf -c "$WORK/postfix" 'smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10023, permit_mynetworks, reject_unauth_destination'
	postfix -c "$WORK/postfix" reload >/dev/null 2>&1
	sleep 1
	capture smtp-greylist cli eth0 port 25 || return
	send --to bob@tsumari.test
	sleep 2.5
	send --to bob@tsumari.test
	captures_end
	stop "$POSTFIX"
}

scenario mysql_slow_reader mysql-slow-reader
mysql_slow_reader() {
	database db 1 || return
	ns cli sysctl -qw net.ipv4.tcp_rmem='4096 16384 32768'
	capture mysql-slow-reader cli eth0 port 3306 || return
	cli bash -c "mariadb --quick -h $DB -uapp -psecret-app -e \"select repeat('x',1000) from
		seq_1_to_500\" shop | { sleep 1; head -c 100000 >/dev/null; sleep 1; cat >/dev/null; }"
	captures_end
	gzip -f9n "$WORK/out/mysql-slow-reader.pcap"
}

scenario mysql_n_plus_one mysql-n-plus-one
mysql_n_plus_one() {
	local i
	database db 1 && capture mysql-n-plus-one cli eth0 port 3306 || return
	{
		echo 'select id from item where k < 40;'
		for ((i = 1; i < 40; i++)); do
			echo "select c from item where id = $i;"
		done
	} | client_sql shop
	captures_end
}

scenario mysql_lag mysql-lag
mysql_lag() {
	database db 1 --log-bin=binlog --binlog-format=ROW && database db2 2 || return
	# A narrow link between them; a large change, small ones behind it.
	ns db tc qdisc add dev eth0 root tbf rate 200kbit burst 3000 latency 20s
	capture mysql-lag db2 eth0 port 3306 || return
	sql db2 "change master to master_host='$DB', master_user='repl', master_password='secret-repl',
		master_use_gtid=slave_pos; start slave"
	sleep 2
	sql db "insert into shop.item(k) values(1)"
	sleep 1
	sql db "use shop; insert into item(k,c) select seq, repeat('y',180) from seq_1_to_450"
	sql db "insert into shop.item(k) values(2)"
	sql db "insert into shop.item(k) values(3)"
	sleep 6
	captures_end
	gzip -f9n "$WORK/out/mysql-lag.pcap"
}

scenario http_saturation http-saturation
http_saturation() {
	spawn web pool "$PYTHON" "$HERE/trouble.py" pool 8088 2 0.04
	wait_port web 8088
	capture http-saturation cli eth0 port 8088 || return
	trouble rising "$WEB" 8088 1 2 3 4 6 8 10 12
	captures_end
	gzip -f9n "$WORK/out/http-saturation.pcap"
}

scenario http_stall http-stall
http_stall() {
	# All stands still for 0.4 s, once.
	spawn web pool "$PYTHON" "$HERE/trouble.py" pool 8088 6 0.02 1.5 0.4
	wait_port web 8088
	capture http-stall cli eth0 port 8088 || return
	trouble rising "$WEB" 8088 5 5 5 5
	captures_end
	gzip -f9n "$WORK/out/http-stall.pcap"
}

scenario http_balance http-balance
http_balance() {
	local i
	spawn web pool "$PYTHON" "$HERE/trouble.py" pool 8088 4 0.001
	spawn app pool2 "$PYTHON" "$HERE/trouble.py" pool 8088 4 0.001
	wait_port web 8088 && wait_port app 8088
	capture http-balance cli eth0 port 8088 || return
	for i in 1 2 3; do
		trouble requests "$WEB" 8088 17
	done
	trouble requests "$APP" 8088 6
	captures_end
}

scenario nfs_same_second nfs-same-second
nfs_same_second() {
	# ext4 with inodes of 128 bytes: no room for parts of a second.
	truncate -s 8M "$WORK/small.img"
	mkfs.ext4 -q -I 128 "$WORK/small.img" || return
	NFS_MOUNT="mount -o loop '$WORK/small.img' /srv" nfs_up || return
	printf 'version 0\n' >"$WORK/page"
	gcc -w -o "$WORK/nfswrite" "$HERE/nfswrite.c" -lnfs || return
	nfs nfs-cp "$WORK/page" "nfs://$NFS/srv/page?version=3"
	capture nfs-same-second nfs eth0 host "$NFS" and port 2049 || return
	"$PYTHON" -c 'import time; time.sleep(1.05 - time.time() % 1)' # the beginning of a second
	nfs "$WORK/nfswrite" "$NFS" /srv /page 'version 1'
	ns app "$WORK/nfswrite" "$NFS" /srv /page 'version 2' >>"$WORK/log/nfs-client" 2>&1
	nfs nfs-cat "nfs://$NFS/srv/page?version=3"
	captures_end
}

scenario nfs_stale nfs-stale
nfs_stale() {
	NFS_TRUST=0 nfs_up && gcc -w -o "$WORK/nfspoll" "$HERE/nfspoll.c" -lnfs || return
	capture nfs-stale cli eth0 host "$NFS" and port 2049 || return
	(
		sleep 2
		# Removed on the server itself, in its own mounts, while a client has it open.
		nsenter -t "$(cat "$WORK/ganesha.pid")" -m rm /srv/20k.bin
	) &
	nfs "$WORK/nfspoll" "$NFS" /srv /20k.bin 21 200
	wait $!
	captures_end
}

scenario nfs_storm nfs-getattr-storm
nfs_storm() {
	nfs_up && gcc -w -o "$WORK/nfspoll" "$HERE/nfspoll.c" -lnfs || return
	capture nfs-getattr-storm cli eth0 host "$NFS" and port 2049 || return
	nfs "$WORK/nfspoll" "$NFS" /srv /20k.bin 200 9
	captures_end
}

scenario nfs_delay nfs-delay
nfs_delay() {
	nfs_up || return
	spawn web storage "$PYTHON" "$HERE/trouble.py" storage 2049 "$NFS" 2 0.03
	wait_port web 2049 && capture nfs-delay cli eth0 host "$WEB" and port 2049 || return
	cli "$PYTHON" "$HERE/nfs.py" "$WEB" delays "$NFS" || return
	captures_end
}

scenario no_keepalive no-keepalive
no_keepalive() {
	local i
	# The web server is 10 ms away: behind a line between the two interfaces of another host.
	attach rtr 1 && ns_add far || return
	ip -n tsmrec_rtr addr flush dev eth0
	ip -n tsmrec_rtr link add eth1 type veth peer name eth0 netns tsmrec_far
	ip -n tsmrec_far addr add 10.77.0.22/24 dev eth0
	for i in "rtr eth0" "rtr eth1" "far eth0"; do
		ip -n "tsmrec_${i% *}" link set "${i#* }" promisc on up
		plain_frames $i
	done
	spawn rtr delay "$PYTHON" "$HERE/delay.py" eth0 eth1 10
	web far && get http://10.77.0.22/ || return
	capture no-keepalive cli eth0 host 10.77.0.22 and port 80 || return
	for ((i = 1; i <= 25; i++)); do
		get "http://10.77.0.22/s/p$i.html"
	done
	captures_end
}

# checked ADDRESS PORT SECONDS CHECK: a server of keepalived.conf, and its check.
checked() {
	echo "virtual_server 10.77.0.100 $2 {
		delay_loop $3
		lb_algo rr
		lb_kind NAT
		protocol TCP
		real_server $1 $2 {
			weight 1
			$4
		}
	}"
}

scenario health_checks health-checks
health_checks() {
	local i
	attach rtr 1 && postfix_up && web || return
	gcc -Wall -shared -fPIC -o "$WORK/noipvs.so" "$HERE/noipvs.c" -ldl || return
	{
		echo 'global_defs { router_id checker }'
		checked "$WEB" 80 1 'HTTP_GET { url { path /
			status_code 200 } }'
		checked "$WEB" 8081 1.5 'TCP_CHECK { }'
		checked "$APP" 25 2 'SMTP_CHECK { helo_name checker.test }'
	} >"$WORK/checks.conf"
	capture health-checks sw br0 port 80 or port 8081 or port 25 || return
	spawn rtr checker env LD_PRELOAD="$WORK/noipvs.so" keepalived -n -l -D -C \
		-f "$WORK/checks.conf" -p "$WORK/tmp/checker.pid" -c "$WORK/tmp/checks.pid"
	# Clients come when they like.
	for i in 1 9 2 14 4 17 3 11; do
		get "http://$WEB/s/p$i.html" "http://$WEB/rate/20k.bin" "http://$WEB/s/list.json"
		get --http2-prior-knowledge "http://$WEB:8081/s/p$i.html"
		send --to bob@tsumari.test
		sleep "0.$((i * 5))" && sleep "$((i % 3))"
	done
	captures_end
	stop "$POSTFIX"
}
