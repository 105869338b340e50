# memcached.sh: memcached on port 11211, in its three protocols. Sourced by record.sh.

scenario memcached_commands memcached
memcached_commands() {
	spawn web memcached memcached -u nobody -l "$WEB" -U 0 -B auto
	wait_port web 11211 && capture memcached cli eth0 tcp port 11211 || return
	cli "$PYTHON" "$HERE/memcached.py" "$WEB" || return
	captures_end
}
