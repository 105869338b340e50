# proxy.sh: haproxy in front of nginx, with the PROXY protocol between them. Sourced by record.sh.

# What haproxy says before each connection: version 1; version 2 with what more it knows; and for its
# own health check, which speaks for nobody.
scenario proxy_protocol proxy-protocol
proxy_protocol() {
	sed 's/listen 80 default_server;/& listen 8090 proxy_protocol; listen [::]:8090 proxy_protocol;/' \
		-i "$WORK/nginx.conf"
	cat >"$WORK/haproxy.cfg" <<-END
		defaults
		    mode http
		    timeout connect 2s
		    timeout client 5s
		    timeout server 5s
		listen one
		    bind :8091
		    bind :::8091 v6only
		    server web $WEB:8090 send-proxy
		listen two
		    bind :8092
		    bind :::8092 v6only
		    unique-id-format r-%rt
		    server web $WEB:8090 send-proxy-v2 proxy-v2-options crc32c,unique-id,authority
		listen four
		    mode tcp
		    bind :8094
		    server web $WEB:8090 send-proxy-v2 check check-send-proxy inter 300ms
	END
	web && spawn app haproxy haproxy -db -f "$WORK/haproxy.cfg" && wait_port app 8094 || return
	capture proxy-protocol web eth0 port 8090 || return
	local port
	for port in 8091 8092; do
		get "http://$APP:$port/index.html" "http://$APP:$port/nope"
		get -g "http://[fd77::21]:$port/s/p3.html"
	done
	get "http://$APP:8094/s/p4.html"
	captures_end
}
