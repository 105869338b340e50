# tls.sh: TLS handshakes, by OpenSSL's own server and client and by curl. Sourced by record.sh.

tls_server() { # PORT ARGUMENT...
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=www.tsumari.test \
		-keyout "$WORK/tmp/key.pem" -out "$WORK/tmp/cert.pem" 2>/dev/null
	spawn app "tls.$1" openssl s_server -accept "$1" -cert "$WORK/tmp/cert.pem" \
		-key "$WORK/tmp/key.pem" -www "${@:2}"
	wait_port app "$1"
}

tls_get() { # PORT ARGUMENT...
	cli curl -sk -m 5 --resolve "www.tsumari.test:$1:$APP" "${@:2}" "https://www.tsumari.test:$1/" \
		>/dev/null
}

scenario tls_handshakes tls
tls_handshakes() {
	tls_server 443 -alpn h2,http/1.1 && tls_server 9443 -curves P-384 -alpn http/1.1 || return
	capture tls cli eth0 tcp || return
	tls_get 443 --http1.1
	tls_get 443 --tls-max 1.2 --http1.1
	tls_get 9443				# not the usual port; HelloRetryRequest
	tls_get 443 --tls-max 1.1		# alert of the client or the server
	cli curl -sk -m 5 "https://$APP/" >/dev/null		# no server name
	# Resumption, in both versions.
	for version in tls1_2 tls1_3; do
		printf 'GET / HTTP/1.0\r\n\r\n' | cli openssl s_client -connect "$APP:443" "-$version" \
			-servername again.tsumari.test -ign_eof -sess_out "$WORK/tmp/sess" >/dev/null 2>&1
		printf 'GET / HTTP/1.0\r\n\r\n' | cli openssl s_client -connect "$APP:443" "-$version" \
			-servername again.tsumari.test -ign_eof -sess_in "$WORK/tmp/sess" >/dev/null 2>&1
	done
	printf 'no TLS at all\r\n' | client raw "$APP" 443 0.3
	captures_end
}
