# vrrp.sh: two routers that back each other up. Sourced by record.sh.

# instance NAME VERSION ID STATE PRIORITY SECONDS ADDRESS...: a virtual router of keepalived.conf.
instance() {
	local name=$1 version=$2 id=$3 state=$4 priority=$5 seconds=$6
	shift 6
	echo "vrrp_instance $name {
		state $state
		interface eth0
		version $version
		virtual_router_id $id
		priority $priority
		advert_int $seconds"
	[ "$version" = 2 ] && echo "authentication { auth_type PASS
		auth_pass s3cret }"
	echo "virtual_ipaddress { $(printf '%s\n' "$@")
	} }"
}

# keepalived_start NS: what its configuration in the work folder says.
keepalived_start() {
	spawn "$1" "keepalived-$1" keepalived -n -l -D -P -f "$WORK/$1.conf" \
		-p "$WORK/tmp/$1.pid" -r "$WORK/tmp/$1.vrrp.pid"
}

scenario vrrp vrrp
vrrp() {
	local one two
	{
		echo 'global_defs { router_id one }'
		instance V4 2 51 MASTER 150 1 10.77.0.100/24 10.77.0.101/24
		instance V3 3 52 BACKUP 101 0.5 10.77.0.102/24
		instance V6 3 61 BACKUP 150 1 fe80::77:100/64 fd77::100/64
	} >"$WORK/web.conf"
	{
		echo 'global_defs { router_id two }'
		instance V4 2 51 BACKUP 100 1 10.77.0.100/24 10.77.0.101/24
		instance V3 3 52 BACKUP 151 0.5 10.77.0.102/24
		instance V6 3 61 BACKUP 100 1 fe80::77:100/64 fd77::100/64
	} >"$WORK/app.conf"
	capture vrrp cli eth0 vrrp or arp or ip proto 112 or ip6 proto 112 || return
	keepalived_start web
	one=$SPAWNED
	keepalived_start app
	two=$SPAWNED
	sleep 8
	# The configuration changes: another priority, one address more.
	sed -i 's/priority 150/priority 140/; s|10.77.0.102/24|&\n10.77.0.103/24|' "$WORK/web.conf"
	sed -i 's|10.77.0.102/24|&\n10.77.0.103/24|' "$WORK/app.conf"
	kill -HUP "$one"
	kill -HUP "$two"
	sleep 4
	# The first one dies without a word, and comes back.
	kill -KILL "$(cat "$WORK/tmp/web.vrrp.pid")"
	stop "$one" KILL
	sleep 6
	keepalived_start web
	one=$SPAWNED
	sleep 5
	# Both go in good order: they resign.
	stop "$two"
	sleep 2
	stop "$one"
	captures_end
}
