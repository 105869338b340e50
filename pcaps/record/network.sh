# network.sh: HTTP on other links, and what is beside TCP. Sourced by record.sh.

# The web server is moved to the far end of a trunk, sw -- rtr, whose frames carry VLAN 42;
# the capture is of the trunk.
http_vlan() {
	ns_add rtr || return
	ip -n tsmrec_sw link add name trunk0 type veth peer name trunk1 netns tsmrec_rtr
	ip -n tsmrec_sw link add name port0 type veth peer name port1
	ip -n tsmrec_sw link set port0 master br0 up
	ip -n tsmrec_sw link set port1 up
	ip -n tsmrec_sw link set trunk0 mtu 1504 up
	ip -n tsmrec_rtr link set trunk1 mtu 1504 up
	# The web server's cable goes from the switch to the far end of the trunk.
	ip -n tsmrec_sw link set v_web nomaster
	ip -n tsmrec_sw link set v_web netns tsmrec_rtr
	ns sw sysctl -qw net.ipv6.conf.trunk0.disable_ipv6=1 net.ipv6.conf.port0.disable_ipv6=1 \
		net.ipv6.conf.port1.disable_ipv6=1
	ns rtr sysctl -qw net.ipv6.conf.trunk1.disable_ipv6=1 net.ipv6.conf.v_web.disable_ipv6=1
	ip -n tsmrec_rtr link set v_web up
	plain_frames sw port0
	plain_frames sw port1
	plain_frames sw trunk0
	plain_frames rtr trunk1
	plain_frames rtr v_web
	spawn sw trunk0 "$PYTHON" "$HERE/trunk.py" port1 trunk0 42
	spawn rtr trunk1 "$PYTHON" "$HERE/trunk.py" v_web trunk1 42
	web && capture http-vlan rtr trunk1 || return
	sleep 0.5
	get "$URL/index.html" "$URL/s/p1.html" "$URL/nope" "$URL/err500" "$URL/s/20k.bin"
	get -g 'http://[fd77::20]/s/p2.html'
	captures_end
}

# Everything of one host with tcpdump's own link type for "any": the interface and the direction are in
# the packet. Of lo libpcap keeps only the arriving copy.
http_any() {
	web && app && capture http-any web any -y LINUX_SLL2 tcp || return
	get "$URL/index.html" "$URL/app/echo" "$URL/nope"
	ns web curl -s http://127.0.0.1/s/p4.html http://127.0.0.1/err500 >/dev/null
	get -g 'http://[fd77::20]/s/p2.html'
	captures_end
}

http_nano() {
	web && capture http-nano cli eth0 --time-stamp-precision=nano tcp port 80 || return
	get "$URL/index.html" "$URL/s/p3.html" "$URL/nope" "$URL/redir"
	captures_end
}

frag() {
	spawn web udp-echo "$PYTHON" "$HERE/listener.py" udp-echo 7777
	sleep 0.4
	capture frag cli eth0 ip or ip6 || return
	client udp $WEB 7777 100
	client udp $WEB 7777 4000 64 2
	client udp fd77::20 7777 4000 64 2
	client udp $WEB 7777 9000
	client udp fd77::20 7777 9000
	client ping $WEB 1 3000
	client ping fd77::20 1 3000
	captures_end
}

icmp() {
	capture icmp cli eth0 icmp or icmp6 or udp or tcp || return
	client ping $WEB 4
	client ping fd77::20 4
	client udp $WEB 9 20 64 2
	client udp fd77::20 9 20 64 2
	captures_end
}

scenario http_vlan http-vlan
scenario http_any http-any
scenario http_nano http-nano
scenario frag frag
scenario icmp icmp
