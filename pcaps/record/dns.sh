# dns.sh: dnsmasq in tsmrec_app, asked by dig. Sourced by record.sh.

ask() { # ARGUMENT...
	cli dig "@$APP" "$@" >>"$WORK/log/dig" 2>&1
}

scenario dns_queries dns
dns_queries() {
	local long i
	printf -v long '%0200d' 0
	spawn app dnsmasq dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --no-daemon --port=53 \
		--user=root --pid-file= --log-facility=- \
		--host-record=www.tsumari.test,10.77.0.20,fd77::20 --host-record=mail.tsumari.test,10.77.0.40 \
		--address=/many.test/10.0.0.1 --address=/many.test/10.0.0.2 --address=/many.test/fd00:0:0:1::2 \
		--cname=alias.tsumari.test,www.tsumari.test --mx-host=tsumari.test,mail.tsumari.test,10 \
		--txt-record=long.tsumari.test,"a$long" --txt-record=long.tsumari.test,"b$long" \
		--txt-record=long.tsumari.test,"c$long" --txt-record=long.tsumari.test,"d$long" \
		--srv-host=_smtp._tcp.tsumari.test,mail.tsumari.test,25 --local=/tsumari.test/
	sleep 0.5
	capture dns cli eth0 udp or tcp or icmp || return
	ask www.tsumari.test
	ask WWW.tsumari.TEST AAAA
	ask many.test +noedns
	ask many.test AAAA +dnssec +bufsize=4096
	ask alias.tsumari.test
	ask tsumari.test MX
	ask _smtp._tcp.tsumari.test SRV
	ask -x 10.77.0.20
	ask missing.tsumari.test			# NXDOMAIN
	ask other.example				# REFUSED: nobody to ask
	ask 'odd\.label\032x.tsumari.test'
	ask version.bind TXT CH
	ask long.tsumari.test TXT +noedns		# too long: asked again over TCP
	ask www.tsumari.test +tcp
	ask +tcp +keepopen www.tsumari.test mail.tsumari.test tsumari.test MX
	ask +norecurse www.tsumari.test
	# The name is asked for in the same form elsewhere: multicast DNS and LLMNR.
	ask -p 5353 +norecurse +tries=1 +time=1 host.local
	ask -p 5355 +norecurse +tries=1 +time=1 host
	# Sent again, from the same port: answered at the second time, and never.
	drop_udp app
	(sleep 0.7; ns app nft delete table inet dns) &
	ask -b "$CLI#45678" +tries=3 +time=1 www.tsumari.test
	drop_udp app
	ask -b "$CLI#45679" +tries=2 +time=1 mail.tsumari.test
	captures_end
}

drop_udp() { # NS: queries over UDP are thrown away there
	ns "$1" nft "add table inet dns"
	ns "$1" nft "add chain inet dns in { type filter hook input priority 0; }"
	ns "$1" nft "add rule inet dns in udp dport 53 drop"
}
