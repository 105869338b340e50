# http2.sh: HTTP/2 without TLS, and gRPC on it. Sourced by record.sh.

H2=http://$WEB:8081	# nginx, with prior knowledge
UP=http://$WEB:8082	# nghttpx, with prior knowledge or by upgrade, before nginx
GRPC=50051

# h2get ARGUMENT...: curl with prior knowledge.
h2get() {
	get --http2-prior-knowledge "$@" 2>/dev/null
}

h2() {
	cli nghttp -n "$@" >/dev/null 2>&1
}

nghttpx_start() {
	spawn web nghttpx nghttpx --conf=/dev/null --workers=1 --no-ocsp --errorlog-file=/dev/null \
		--accesslog-file=/dev/null -f '*,8082;no-tls' -b '127.0.0.1,80;;proto=http/1.1'
	wait_port web 8082
}

scenario http2 http2
http2() {
	web && app && capture http2 cli eth0 port 8081 || return
	# Requests of several kinds, then many side by side on one connection.
	local path
	for path in index.html s/p1.html nope err500 redir empty; do
		h2get "$H2/$path"
	done
	h2get -I "$H2/s/p9.html"
	h2get -d 'a=b&c=d' "$H2/app/echo"
	h2get -A agent/1 -e http://here.example/ -H 'X-Request-ID: r-1' --compressed \
		"$H2/s/list.json?page=2&size=10"
	h2 "$H2/s/p1.html" "$H2/s/p2.html" "$H2/s/20k.bin" "$H2/app/slow=0.1" "$H2/s/p3.html" \
		"$H2/nope" "$H2/app/slow=0.3" "$H2/s/p6.html"
	head -c 30000 /dev/zero >"$WORK/tmp/upload"
	h2 -d "$WORK/tmp/upload" "$H2/small"
	# Padding, and headers that fill several frames.
	h2 -b 64 "$H2/s/p4.html"
	h2 --continuation "$H2/s/p5.html"
	# A client that gives up.
	get -m 0.4 --http2-prior-knowledge "$H2/app/slow=0.9"
	captures_end
}

scenario http2_load http2-load
http2_load() {
	web && capture http2-load cli eth0 port 8081 || return
	cli h2load -n 120 -c 2 -m 8 "$H2/index.html" "$H2/s/p3.html" "$H2/nope" "$H2/s/p7.html" \
		>/dev/null
	captures_end
}

scenario http2_window http2-window
http2_window() {
	web && capture http2-window cli eth0 port 8081 || return
	# The stream's window is small; then the connection's; then a client that thinks before it
	# lets more come, of one stream of two.
	h2 -w 12 "$H2/s/20k.bin"
	client h2-slow "$WEB" 8081 /s/20k.bin 0.3 stream
	client h2-slow "$WEB" 8081 /s/100k.bin 0.3 connection
	captures_end
}

scenario http2_upgrade http2-upgrade
http2_upgrade() {
	web && nghttpx_start && capture http2-upgrade cli eth0 port 8082 || return
	get --http2 "$UP/s/p1.html"
	get --http2 "$UP/nope"
	h2 -u "$UP/index.html" "$UP/s/p3.html"
	h2get "$UP/s/p4.html"
	captures_end
}

scenario http2_midstream http2-midstream
http2_midstream() {
	local helper
	web || return
	mkfifo "$WORK/ready" "$WORK/go"
	spawn cli h2-midstream "$PYTHON" "$HERE/client.py" h2-midstream "$WEB" 8081 "$WORK/ready" \
		"$WORK/go"
	helper=$SPAWNED
	cat "$WORK/ready"
	capture http2-midstream cli eth0 port 8081
	echo >"$WORK/go"
	wait "$helper"
	captures_end
	rm -f "$WORK/ready" "$WORK/go"
}

scenario http2_push http2-push
http2_push() {
	local root=$WORK/tmp/push
	mkdir -p "$root"
	echo '<link rel="stylesheet" href="style.css">' >"$root/index.html"
	head -c 3000 /dev/zero | tr '\0' ' ' >"$root/style.css"
	echo 'push()' >"$root/push.js"
	spawn web nghttpd nghttpd --no-tls -d "$root" -p /index.html=/style.css,/push.js,/missing 8083
	wait_port web 8083
	capture http2-push cli eth0 port 8083 || return
	# Pushed, asked for beside it, and by a client that wants nothing pushed.
	h2 "http://$WEB:8083/index.html"
	h2 "http://$WEB:8083/index.html" "http://$WEB:8083/style.css"
	h2 --no-push "http://$WEB:8083/index.html"
	captures_end
}

scenario grpc grpc
grpc() {
	spawn app grpc "$PYTHON" "$HERE/rpc.py" server "0.0.0.0:$GRPC"
	wait_port app $GRPC
	capture grpc cli eth0 port $GRPC || return
	cli "$PYTHON" "$HERE/rpc.py" client "$APP:$GRPC"
	captures_end
}
