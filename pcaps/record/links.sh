# links.sh: more tunnels and tags (encap.py plays the device), routers, ARP, a mirror port.
#
# Sourced by record.sh. The inner network is 10.79.0.0/24 and fd79::/64, as in tunnels.sh.

# encap NS LAST KIND LOCAL REMOTE: one end, with its inner addresses.
encap() {
	local where=$1 last=$2 i
	shift 2
	spawn "$where" "encap.$where" "$PYTHON" "$HERE/encap.py" "$1" tunnel0 "$2" "$3"
	for ((i = 0; i < 60; i++)); do
		grep -q ready "$WORK/log/encap.$where" && break
		sleep 0.05
	done
	inner "$where" tunnel0 "$last"
}

scenario tunnel_geneve tunnel-geneve
tunnel_geneve() {
	encap cli 10 geneve $CLI $WEB && encap web 20 geneve $WEB $CLI || return
	web && capture tunnel-geneve cli eth0 udp port 6081 or tcp port 80 || return
	inner_requests
	get "$URL/s/p1.html"		# and one beside the tunnel
	captures_end
}

scenario tunnel_ipip tunnel-ipip
tunnel_ipip() {
	encap cli 10 ipip $CLI $WEB && encap web 20 ipip $WEB $CLI || return
	web && capture tunnel-ipip cli eth0 proto 4 or tcp port 80 || return
	get http://10.79.0.20/index.html http://10.79.0.20/nope http://10.79.0.20/s/20k.bin
	get "$URL/s/p1.html"
	captures_end
}

scenario tunnel_sit tunnel-sit
tunnel_sit() {
	encap cli 10 sit $CLI $WEB && encap web 20 sit $WEB $CLI || return
	web && capture tunnel-sit cli eth0 proto 41 or tcp port 80 || return
	get -g 'http://[fd79::20]/index.html' 'http://[fd79::20]/nope' 'http://[fd79::20]/s/20k.bin'
	get "$URL/s/p1.html"
	captures_end
}

scenario http_qinq http-qinq
http_qinq() {
	local tags=100.42
	encap cli 10 qinq eth0 $tags && encap web 20 qinq eth0 $tags || return
	web && capture http-qinq cli eth0 || return
	inner_requests
	captures_end
}

# A router whose second link carries less: TCP segments with DF clear are cut into fragments, the
# ones with DF set bring an ICMP error, and where that is thrown away the connection stands still.
narrow_path() {
	net_routed || return
	ip -n tsmrec_rtr link set eth1 mtu 800
	web far
}

scenario frag_tcp frag-tcp
frag_tcp() {
	narrow_path || return
	ns cli sysctl -qw net.ipv4.ip_no_pmtu_disc=1		# the client's TCP sends without DF
	capture frag-tcp far eth0 ip host $CLI || return
	cli curl -s -m 8 -H Expect: --data-binary @"$WORK/www/s/20k.bin" \
		-o /dev/null "http://$FAR/s/p1.html"		# 405, after the body has come
	cli curl -s -m 8 -o /dev/null "http://$FAR/s/p2.html"
	captures_end
}

scenario mtu mtu-discovery mtu-black-hole
mtu() {
	narrow_path || return
	capture mtu-discovery cli eth0 ip host $FAR or icmp || return
	cli curl -s -m 8 -H Expect: --data-binary @"$WORK/www/s/20k.bin" -o /dev/null \
		"http://$FAR/s/p1.html"
	captures_end
	ip -n tsmrec_cli route flush cache
	# The ICMP never arrives: one full segment is sent again and again.
	ns rtr nft 'table inet silent {
		chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }
	}'
	capture mtu-black-hole cli eth0 ip host $FAR or icmp || return
	cli curl -s -m 8 -o /dev/null "http://$FAR/s/p1.html"		# small things pass
	cli curl -s -m 5 -H Expect: --data-binary @"$WORK/www/s/20k.bin" -o /dev/null \
		"http://$FAR/s/p1.html"
	captures_end
}

scenario icmp_ttl icmp-ttl
icmp_ttl() {
	net_routed && web far || return
	capture icmp-ttl cli eth0 icmp or icmp6 or udp or tcp port 80 || return
	client ping $FAR 2 56 1
	client ping fd78::20 2 56 1
	client udp $FAR 33434 40 1 2		# TTL exceeded at the router, then the port unreachable
	client udp $FAR 33434 40 64 2
	client udp fd78::20 33434 40 1 2
	client udp fd78::20 33434 40 64 2
	client ping 10.78.0.99 1		# host unreachable
	sleep 3.2
	cli curl -s -m 5 -o /dev/null "http://$FAR/s/p1.html"
	captures_end
}

scenario http_twice http-twice
http_twice() {
	# A mirror port that is fed what enters at the client's and what leaves at the server's port.
	local mirror='u32 match u32 0 0 action mirred egress mirror dev mon0'
	ip -n tsmrec_sw link add name mon0 type veth peer name mon1
	ip -n tsmrec_sw link set mon0 up
	ip -n tsmrec_sw link set mon1 up
	ns sw tc qdisc add dev v_cli clsact || return
	ns sw tc qdisc add dev v_web clsact
	ns sw tc filter add dev v_cli ingress protocol all $mirror || return
	ns sw tc filter add dev v_web egress protocol all $mirror
	ns sw tc filter add dev v_web ingress protocol all $mirror
	ns sw tc filter add dev v_cli egress protocol all $mirror
	web && capture http-twice sw mon1 port 80 || return
	get "$URL/index.html" "$URL/s/p3.html" "$URL/nope" "$URL/s/20k.bin"
	get -g 'http://[fd77::20]/s/p2.html'
	captures_end
}

scenario http_routed http-routed
http_routed() {
	# On both sides of a router at once: every packet twice, with another TTL and other addresses
	# below it.
	net_routed && web far || return
	capture http-routed rtr any tcp port 80 || return
	cli curl -s "http://$FAR/index.html" "http://$FAR/nope" "http://$FAR/s/20k.bin" >/dev/null
	cli curl -s -g 'http://[fd78::20]/s/p2.html' >/dev/null
	captures_end
}

scenario arp arp
arp() {
	ip -n tsmrec_cli neigh flush all
	ip -n tsmrec_web neigh flush all
	capture arp cli eth0 arp or icmp or icmp6 || return
	client ping $WEB 1			# question and answer, in both directions
	client ping fd77::20 1			# the same by neighbour discovery
	client ping 10.77.0.99 1		# nobody has it: asked three times
	ns web sysctl -qw net.ipv4.conf.eth0.arp_notify=1
	ip -n tsmrec_web link set eth0 address 02:00:00:00:77:99	# tells everybody, unasked
	client ping $WEB 1
	captures_end
}
