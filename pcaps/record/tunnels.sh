# tunnels.sh: HTTP inside other packets, captured outside. Sourced by record.sh.
#
# The inner network is 10.79.0.0/24 and fd79::/64: .10 the clients, .20 the web server.

# inner NS IFACE LAST
inner() {
	ip -n "tsmrec_$1" addr add "10.79.0.$3/24" dev "$2"
	ip -n "tsmrec_$1" addr add "fd79::$3/64" dev "$2" nodad
	ip -n "tsmrec_$1" link set "$2" mtu 1400 up
}

inner_requests() {
	get http://10.79.0.20/index.html http://10.79.0.20/nope http://10.79.0.20/err500
	get http://10.79.0.20/s/20k.bin
	get -g 'http://[fd79::20]/s/p2.html'
}

tunnel_vxlan() {
	local name
	for name in "cli $CLI $WEB 10" "web $WEB $CLI 20"; do
		set -- $name
		ip -n "tsmrec_$1" link add vx0 type vxlan id 4711 local "$2" remote "$3" dstport 4789 || return
		inner "$1" vx0 "$4"
		plain_frames "$1" vx0
	done
	web && capture tunnel-vxlan sw v_web udp port 4789 or tcp port 80 || return
	inner_requests
	get "$URL/s/p1.html"		# and one beside the tunnel
	captures_end
}

# A Linux GRE device where the kernel has one, else gre.py.
tunnel_gre() {
	local name i
	for name in "cli $CLI $WEB 10" "web $WEB $CLI 20"; do
		set -- $name
		if ! ip -n "tsmrec_$1" link add gre77 type gre local "$2" remote "$3" key 99 2>/dev/null; then
			spawn "$1" "gre.$1" "$PYTHON" "$HERE/gre.py" gre77 "$2" "$3" 99
			for ((i = 0; i < 60; i++)); do
				grep -qs ready "$WORK/log/gre.$1" && break
				sleep 0.05
			done
		fi
		inner "$1" gre77 "$4" || return
	done
	web && capture tunnel-gre sw v_web proto 47 or tcp port 80 || return
	inner_requests
	get "$URL/s/p1.html"
	captures_end
}

scenario tunnel_vxlan tunnel-vxlan
scenario tunnel_gre tunnel-gre
