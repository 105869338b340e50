# http.sh: what web servers and their clients say to each other.
#
# Sourced by record.sh. A scenario starts its servers, its captures, lets clients talk, and ends.

URL=http://$WEB		# nginx
A=http://$APP:8000	# app.py

# get ARGUMENT...: curl in the client's namespace; its output does not matter, the packets do.
get() {
	cli curl -s -m 8 "$@" >/dev/null
}

# client NAME ARGUMENT...: a client of client.py.
client() {
	cli "$PYTHON" "$HERE/client.py" "$@"
}

# talk [HOST [PORT]]: standard input as it is, in one piece.
talk() {
	client raw "${1:-$WEB}" "${2:-80}"
}

# load CONNECTIONS SECONDS keep|close SEED
load() {
	cli wrk -t1 "-c$1" "-d$2" -s "$HERE/mix.lua" "$URL/" -- "$3" "$4" >/dev/null
}

scenario http_keepalive http-keepalive http-keepalive-be http-keepalive-be-nano \
	http-gz truncated
http_keepalive() {
	web && capture http-keepalive cli eth0 port 80 || return
	# One connection for six requests.
	cli curl -s "$URL/index.html" "$URL/s/p3.html" "$URL/s/p9.html" "$URL/s/list.json" "$URL/empty" \
		"$URL/redir" >/dev/null
	# Connections side by side.
	load 4 1 keep 3
	captures_end
	access_log http-keepalive
	file_variants http-keepalive
}

scenario http_pipeline http-pipeline
http_pipeline() {
	web && capture http-pipeline cli eth0 port 80 || return
	local i
	# Different kinds of answers to requests in one segment: the HEAD's has a length and no body.
	printf '%s HTTP/1.1\r\nHost: a\r\n\r\n' 'GET /index.html' 'GET /s/p1.html' 'HEAD /s/p40.html' \
		'GET /nope' 'GET /empty' 'GET /s/20k.bin' 'GET /close' | talk
	# More than fit into one segment, so that requests lie across segments.
	{
		for ((i = 1; i <= 30; i++)); do
			printf 'GET /s/p%d.html HTTP/1.1\r\nHost: pipe\r\nX-N: %d\r\n\r\n' $i $i
		done
		printf 'GET /close HTTP/1.1\r\nHost: pipe\r\n\r\n'
	} | talk
	# The cuts between segments lie inside the requests.
	printf 'GET /s/p%d.html HTTP/1.1\r\nHost: cut\r\nX-Cut: here|\r\n\r\n' 1 2 3 4 5 6 |
		client pieces "$WEB" 80 'here|' 0.03
	captures_end
}

scenario http_chunked http-chunked
http_chunked() {
	web && app && capture http-chunked cli eth0 port 80 or port 8000 || return
	get "$URL/app/chunked"			# through nginx, which frames the chunks anew
	get "$A/chunked" "$A/tinychunks" "$A/gzip" "$A/splitchunks"
	get --compressed "$URL/s/list.json" "$URL/s/a.txt"	# gzip, chunked, by nginx
	get -H 'Transfer-Encoding: chunked' --data-binary @"$WORK/www/s/p40.html" "$URL/app/echo"
	get -H 'Transfer-Encoding: chunked' --data-binary @"$WORK/www/s/20k.bin" "$A/echo"
	# Trailers in both directions, with a second request behind them on the same connection.
	printf '%s\r\n' 'POST /chunked HTTP/1.1' 'Host: trailers' 'Trailer: X-Check' \
		'Transfer-Encoding: chunked' '' 5 hello '6;name=value' ' world' 0 'X-Check: 42' '' \
		'GET /last HTTP/1.1' 'Host: trailers' 'Connection: close' '' | talk "$APP" 8000
	# The same with the framing cut at every byte.
	printf '%s\r\n' 'POST /echo HTTP/1.1' 'Host: bytes' 'Transfer-Encoding: chunked' \
		'Connection: close' '' A '0123456789' '03;x' abc 000 'X-Check: 42' '' |
		client bytewise "$APP" 8000
	get "$A/shortchunk"			# ends in the middle of a chunk
	captures_end
}

scenario http_errors http-errors
http_errors() {
	local path
	web && app && capture http-errors web eth0 port 80 or port 81 or port 8000 or port 9 || return
	for path in nope err500 app/500 app/503 app/reset-before app/short app/hang dead/x redir \
		empty private; do
		get "$URL/$path"
	done
	get -X BREW "$URL/index.html"
	get -d a=b "$URL/index.html"
	get -r 900000- "$URL/index.html"
	get --data-binary @"$WORK/www/s/20k.bin" "$URL/small"
	printf 'GET / HTTP/1.1\r\n\r\n' | talk		# no Host
	printf 'garbage\r\n\r\n' | talk
	printf 'GET / HTTP/9.9\r\nHost: a\r\n\r\n' | talk
	printf 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n' | talk
	printf 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | talk
	{
		printf 'GET /'
		head -c 20000 /dev/zero | tr '\0' a
		printf ' HTTP/1.1\r\nHost: a\r\n\r\n'
	} | talk					# 414
	{
		printf 'GET / HTTP/1.1\r\nHost: a\r\nX: '
		head -c 20000 /dev/zero | tr '\0' b
		printf '\r\n\r\n'
	} | talk					# 400, header too large
	printf '\026\003\001\002\000\001\000\001\374\003\003' | talk	# TLS to a plain port
	client give-up "$WEB" 80 /app/slow=0.8 0.3 close	# nginx notes 499
	get "$URL:81/"					# refused
	captures_end
	access_log http-errors
}

scenario http_odd http-odd http-connect http-continue
http_odd() {
	web && app || return
	capture http-odd cli eth0 port 80 or port 8000 || return
	capture http-connect cli eth0 port 3128 || return
	get -0 "$URL/index.html"
	get "$A/noclen"
	get "$A/http10"
	cli curl -s -I "$URL/s/700k.bin" >/dev/null
	get -H 'If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT' "$URL/index.html"
	get "$A/lfonly" "$A/noreason" "$A/folded" "$A/hints"
	get "$A/split"
	get --data-binary @"$WORK/www/s/64k.bin" "$A/early"
	client websocket "$APP" 8000 /ws
	get -g 'http://[fd77::20]/s/p2.html' 'http://[fd77::20]/nope'
	get -H 'Host: UPPER.Example:80' "$URL/s/p1.html?q=%20x&y=%C3%A9"
	get -F text=value -F file=@"$WORK/www/s/p5.html" "$A/form"
	get -r 100-199 "$URL/s/20k.bin"
	get -r 0-9,500-519 "$URL/s/20k.bin"
	printf '\r\n\r\nGET /index.html HTTP/1.1\nHost: lf\nConnection: close\n\n' | talk
	printf 'GET http://abs.example/index.html HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n' |
		talk
	printf 'GET /s/p7.html?bytewise HTTP/1.1\r\nHost: slow.client\r\nConnection: close\r\n\r\n' |
		client bytewise "$WEB" 80
	# Bytes that must never reach a terminal or a page as they are.
	printf 'GET /%s HTTP/1.1\r\nHost: hostile\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n' \
		$'\033[31mred\007' $'</script><b>=cmd|\xc2\x9b1m\xe2\x80\xae\xff' | talk

	# CONNECT: what runs inside the tunnel, what cannot be reached.
	get -p -x "http://$APP:3128" "$URL/s/p3.html" "$URL/s/p4.html"
	get -p -x "http://$APP:3128" "http://$WEB:81/"
	captures_end

	# 100 Continue comes long before the answer: the waiting is not over with it.
	capture http-continue cli eth0 port 8000 || return
	get -H 'Expect: 100-continue' --data-binary @"$WORK/www/s/p40.html" "$A/expect"
	get --data-binary @"$WORK/www/s/p40.html" "$A/expect"
	get -H 'Expect: 100-continue' -T "$WORK/www/s/20k.bin" "$A/expect"
	captures_end
}

scenario http_slow http-slow
http_slow() {
	local i clients=()
	web && app && capture http-slow web eth0 port 80 or port 8000 || return
	for i in app/slow=1.0 app/slow=0.3 app/slowbody app/hang app/split; do
		get "$URL/$i"
	done
	for i in 1 2 3 4; do
		get "$URL/app/slow=0.$i" &
		clients+=($!)
	done
	wait "${clients[@]}"
	client give-up "$WEB" 80 /app/slow=0.9 0.4 close
	client give-up "$WEB" 80 /app/slow=0.9 0.4 reset
	captures_end
}

scenario http_proxy http-proxy
http_proxy() {
	local i
	web && app && capture http-proxy web eth0 port 80 or port 8000 || return
	for i in 1 2 3; do
		get "$URL/app/echo?$i" "$URL/app/slow=0.05" "$URL/app/500" "$URL/s/p$i.html"
		get -d "id=$i&text=something" "$URL/app/post"
	done
	captures_end
	access_log http-proxy
}

scenario http_large http-large
http_large() {
	# 200 bytes of each frame: the heads are whole, the body is only counted.
	web && capture http-large cli eth0 -s 200 port 80 || return
	get "$URL/s/700k.bin" "$URL/s/p1.html"
	captures_end
}

scenario http_loss http-loss
http_loss() {
	# Lost behind the capture: it sees both copies of every segment that had to be sent again.
	lose_frames cli 3
	web && capture http-loss web eth0 tcp port 80 || return
	load 4 1 keep 5
	get -m 20 "$URL/s/20k.bin" "$URL/s/20k.bin"
	captures_end
}

# The switch throws frames away, in both directions.
lose_on_path() {
	ns sw nft "table bridge loss {
		chain forward {
			type filter hook forward priority 0;
			tcp sport 80 numgen random mod 100 < $1 drop
			tcp dport 80 numgen random mod 100 < $1 drop
		}
	}"
}

scenario http_loss_path http-loss-path http-loss-path-server
http_loss_path() {
	local i clients=()
	# One run seen from both ends. What is lost before a capture shows there as a hole that is
	# filled later; what is lost behind it shows as the same bytes twice.
	lose_on_path 3
	web && capture http-loss-path cli eth0 port 80 &&
		capture http-loss-path-server web eth0 port 80 || return
	for i in 1 2 3; do
		cli curl -s -m 20 "$URL/s/p[1-20].html" >/dev/null &
		clients+=($!)
	done
	wait "${clients[@]}"
	get -m 20 "$URL/s/20k.bin" "$URL/s/20k.bin"
	captures_end
}

scenario http_midstream http-midstream
http_midstream() {
	local helper
	web && app || return
	mkfifo "$WORK/ready" "$WORK/go"
	spawn cli midstream "$PYTHON" "$HERE/client.py" midstream "$WEB" 80 "$WORK/ready" "$WORK/go"
	helper=$SPAWNED
	cat "$WORK/ready"
	capture http-midstream cli eth0 port 80
	echo >"$WORK/go"
	wait "$helper"
	captures_end
	rm -f "$WORK/ready" "$WORK/go"
}

scenario http_oneway http-oneway http-oneway-back
http_oneway() {
	# What a load balancer sees whose servers answer past it, and what the other path sees.
	web && capture http-oneway cli eth0 dst port 80 &&
		capture http-oneway-back cli eth0 src port 80 || return
	get "$URL/index.html" "$URL/s/p3.html" "$URL/s/20k.bin" "$URL/nope"
	get -d a=b "$URL/index.html"
	load 3 1 keep 7
	captures_end
}

scenario http_sll http-sll
http_sll() {
	web && app && capture http-sll web any -y LINUX_SLL port 80 or port 8000 || return
	get "$URL/index.html" "$URL/s/p1.html" "$URL/app/echo" "$URL/nope"
	get -g 'http://[fd77::20]/s/p2.html'
	# On the loopback interface a packet is met as it leaves and as it arrives: twice.
	ns web curl -s http://127.0.0.1/s/p4.html >/dev/null
	captures_end
}

scenario http_gso http-gso
http_gso() {
	# A network with offloads on: one "frame" holds many segments and its checksum is unfinished.
	net_down
	OFFLOAD=1 net_up || return
	web && capture http-gso cli eth0 port 80 || return
	get "$URL/s/64k.bin" "$URL/s/p1.html" "$URL/s/20k.bin"
	captures_end
}

scenario http_zerowindow http-zerowindow
http_zerowindow() {
	web && capture http-zerowindow cli eth0 port 80 || return
	client slow-reader "$WEB" 80 /s/100k.bin 1.2
	captures_end
}

scenario http_refused http-refused
http_refused() {
	web || return
	drop_port web 82
	drop_port web 83 'reject with icmpx type admin-prohibited'
	capture http-refused cli eth0 portrange 80-83 or icmp || return
	get "$URL/s/p1.html"
	get "$URL:81/"			# closed: RST
	get "$URL:81/"
	get -m 3.5 "$URL:82/"		# silence: the client tries again and gives up
	get -m 3.5 "$URL:83/"		# ICMP
	get "$URL/s/p2.html"
	captures_end
}

scenario http_pcapng http-pcapng http-pcapng-mixed
http_pcapng() {
	local plain mixed
	web && app || return
	spawn web dumpcap dumpcap -q -i eth0 -f 'port 80' --capture-comment 'one interface' \
		-w "$WORK/out/http-pcapng.pcapng"
	plain=$SPAWNED
	# Two interfaces with different link types in one file.
	spawn web dumpcap2 dumpcap -q -i eth0 -f 'port 80' -i any -f 'port 8000' \
		-w "$WORK/out/http-pcapng-mixed.pcapng"
	mixed=$SPAWNED
	sleep 1			# dumpcap does not say when it has begun
	get "$URL/index.html" "$URL/s/p1.html" "$URL/app/echo" "$URL/app/slow=0.1" "$URL/nope"
	captures_end
	stop "$plain" INT
	stop "$mixed" INT
}

scenario http_delack http-delack
http_delack() {
	app && capture http-delack cli eth0 port 8000 || return
	client nagle "$APP" 8000 12
	captures_end
}

scenario http_rst http-rst
http_rst() {
	web && app && capture http-rst cli eth0 port 80 or port 8000 || return
	get "$A/ok" "$A/reset-before"		# after a whole answer, before the next
	get "$A/reset-before"
	get "$A/reset-during"
	get "$A/reset-after"
	client upload-part "$APP" 8000 /reset-upload 20000 50000 wait
	# The other side's doing.
	client upload-part "$APP" 8000 /echo 3000 50000 reset
	client give-up "$APP" 8000 /slow=0.6 0.2 reset
	client give-up "$APP" 8000 /big=60 0.2 reset
	sleep 0.5
	captures_end
}

scenario http_reuse http-reuse
http_reuse() {
	web && capture http-reuse cli eth0 port 80 || return
	client reuse "$WEB" 80 40000
	captures_end
}
