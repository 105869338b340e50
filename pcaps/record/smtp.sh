# smtp.sh: what mail servers and their clients say to each other.
#
# Sourced by record.sh. Postfix listens in tsmrec_app on port 25, and on 587 for submission (SASL from
# a small sasldb); everything that it accepts is discarded. Its own log is kept as NAME.mail.log.

# postfix_up: a Postfix of its own, with queue, data and log in the work folder.
postfix_up() {
	local etc=$WORK/postfix
	rm -rf "$etc"
	mkdir -p "$etc/queue" "$etc/data" "$etc/sasl"
	chown postfix "$etc/data"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=mail.tsumari.test \
		-keyout "$etc/key.pem" -out "$etc/cert.pem" 2>/dev/null
	sed "s|@ETC@|$etc|g" "$HERE/smtp-main.cf" >"$etc/main.cf"
	cp "$HERE/smtp-master.cf" "$etc/master.cf"
	printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\nmech_list: PLAIN LOGIN\n' \
		"$etc/sasl/db" >"$etc/sasl/smtpd.conf"
	echo sesame | saslpasswd2 -p -c -f "$etc/sasl/db" -u mail.tsumari.test alice
	chown postfix "$etc/sasl/db"
	spawn app postfix postfix -c "$etc" start-fg
	POSTFIX=$SPAWNED
	wait_port app 25 && wait_port app 587
}

# mail_log NAME: Postfix' own account of what it did, beside the capture NAME.
mail_log() {
	stop "$POSTFIX"
	grep -v 'postfix-script\|postlog\|postfix/master' "$WORK/postfix/log" >"$OUT/$1.mail.log"
	chmod 644 "$OUT/$1.mail.log"
}

# send ARGUMENT...: swaks, from the client's namespace.
send() {
	cli swaks --server "$APP" --ehlo client.test --from alice@client.test "$@" \
		>>"$WORK/log/swaks" 2>&1
}

# say PORT STEP...: record/smtp.py.
say() {
	cli "$PYTHON" "$HERE/smtp.py" "$APP" "$@"
}

scenario smtp_basic smtp-basic
smtp_basic() {
	postfix_up && capture smtp-basic cli eth0 port 25 || return
	send --to bob@tsumari.test
	send --to bob@tsumari.test,carol@tsumari.test --header 'Subject: two recipients'
	send --to bob@tsumari.test --protocol SMTP
	send --to bob@tsumari.test --attach "$WORK/www/s/20k.bin"
	# Two mails and a RSET on one connection; the subject on two lines.
	say 25 'EHLO two.test' 'MAIL FROM:<a@two.test>' 'RCPT TO:<bob@tsumari.test>' DATA \
		'Subject: the first\r\n and its second line\r\nMessage-ID: <1@two.test>\r\n\r\nx\r\n.' \
		'MAIL FROM:<b@two.test>' RSET NOOP \
		'MAIL FROM:<c@two.test> BODY=8BITMIME SIZE=40' 'RCPT TO:<carol@tsumari.test>' DATA \
		'Subject: the second\r\n\r\n..a dot in front\r\nQUIT\r\nMAIL FROM:<not@a.command>\r\n.' QUIT
	captures_end
	mail_log smtp-basic
}

scenario smtp_pipelining smtp-pipelining
smtp_pipelining() {
	postfix_up && capture smtp-pipelining cli eth0 port 25 || return
	send --to bob@tsumari.test,carol@tsumari.test,nobody@tsumari.test --pipeline
	# All recipients refused: DATA is refused, too.
	send --to nobody@tsumari.test,noone@tsumari.test --pipeline
	# The next mail behind the end of this one; no waiting for the go-ahead at all.
	say 25 'EHLO next.test' \
		'MAIL FROM:<a@next.test>\r\nRCPT TO:<bob@tsumari.test>\r\nDATA\r\n\' 'pause=0.3' \
		'Subject: one\r\n\r\nx\r\n.\r\nMAIL FROM:<b@next.test>\r\nRCPT TO:<carol@tsumari.test>\r\nDATA\r\n\' \
		'pause=0.3' 'Subject: two\r\n\r\nx\r\n.\r\nQUIT\r\n\' 'pause=0.3'
	say 25 'EHLO wrong.test' \
		'MAIL FROM:<a@wrong.test>\r\nRCPT TO:<bob@tsumari.test>\r\nDATA\r\nSubject: did not wait\r\n\r\nx\r\n.\r\nQUIT\r\n\' \
		'pause=0.5'
	cli smtp-source -s 3 -m 6 -l 3000 -f s@client.test -t bob@tsumari.test "$APP:25"
	captures_end
	mail_log smtp-pipelining
}

scenario smtp_rejects smtp-rejects
smtp_rejects() {
	postfix_up && capture smtp-rejects cli eth0 port 25 || return
	send --to nobody@tsumari.test
	send --to x@elsewhere.test
	send --to bob@tsumari.test,nobody@tsumari.test
	send --to bob@tsumari.test --from '<>'
	send --to bob@tsumari.test --from 'bad address'
	send --to grey@tsumari.test		# 450 4.7.1
	say 25 HELP NOOP 'VRFY bob@tsumari.test' 'EXPN all' 'RCPT TO:<bob@tsumari.test>' \
		'MAIL FROM:a@b.test' 'HELO x' 'MAIL FROM:<a@b.test> SIZE=999999999' 'MAIL FROM:<a@b.test>' \
		'MAIL FROM:<c@b.test>' DATA RSET 'BOGUS cmd' QUIT
	say 25 'EHLO drop.test' 'MAIL FROM:<a@b.test>'		# and is gone
	say 25 'EHLO cut.test' 'MAIL FROM:<a@b.test>' 'RCPT TO:<bob@tsumari.test>' DATA \
		'Subject: cut\r\n\r\nin the middle of\'
	captures_end
	mail_log smtp-rejects
}

scenario smtp_chunking smtp-chunking
smtp_chunking() {
	postfix_up && capture smtp-chunking cli eth0 port 25 || return
	say 25 'EHLO chunks.test' 'MAIL FROM:<a@b.test> BODY=8BITMIME SMTPUTF8' \
		'RCPT TO:<bob@tsumari.test>' \
		'BDAT 30\r\nSubject: in chunks\r\n\r\nabcdef' 'BDAT 1460\r\n\' 'bytes=1460' 'BDAT 7 LAST\r\nhello' \
		'MAIL FROM:<jürgen@b.test> SMTPUTF8' 'RCPT TO:<bob@tsumari.test>' \
		'BDAT 52 LAST\r\nSubject: grüße\r\nMessage-ID: <2@chunks.test>\r\n\r\nx' QUIT
	# All in one piece, two mails.
	say 25 'EHLO flood.test' \
		'MAIL FROM:<a@b.test>\r\nRCPT TO:<bob@tsumari.test>\r\nBDAT 16 LAST\r\nSubject: p\r\n\r\nabMAIL FROM:<b@b.test>\r\nRCPT TO:<nobody@tsumari.test>\r\nBDAT 4 LAST\r\nab\r\nQUIT\r\n\' \
		'pause=0.5'
	captures_end
	mail_log smtp-chunking
}

scenario smtp_auth smtp-auth
smtp_auth() {
	postfix_up && capture smtp-auth cli eth0 port 587 || return
	send --port 587 --to x@elsewhere.test --auth PLAIN --auth-user alice --auth-password sesame
	send --port 587 --to x@elsewhere.test --auth LOGIN --auth-user alice --auth-password sesame
	send --port 587 --to x@elsewhere.test --auth LOGIN --auth-user alice --auth-password wrong
	say 587 'EHLO cancel.test' 'AUTH LOGIN' '*' 'AUTH NONSENSE' QUIT
	captures_end
	mail_log smtp-auth
}

scenario smtp_starttls smtp-starttls
smtp_starttls() {
	postfix_up && capture smtp-starttls cli eth0 port 25 or port 587 || return
	send --to bob@tsumari.test --tls
	send --to bob@tsumari.test --tls --tls-protocol tlsv1_2
	say 25 'EHLO no.test' STARTTLS 'not a ClientHello'
	captures_end
	mail_log smtp-starttls
}

scenario smtp_slow smtp-slow
smtp_slow() {
	# smtp-sink takes a second for the reply to the message.
	spawn web smtp-sink smtp-sink -u nobody -h slow.test -W .:1 "$WEB:25" 16
	postfix_up && wait_port web 25 && capture smtp-slow cli eth0 port 25 || return
	cli swaks --server "$WEB" --ehlo client.test --from a@client.test --to b@slow.test >/dev/null
	# Postfix sleeps before it greets who comes from here, and after three errors.
	cli ip addr add 10.77.0.12/24 dev eth0
	send --local-interface 10.77.0.12 --to bob@tsumari.test
	say 25 early 'EHLO early.test' QUIT
	say 25 'bytewise=EHLO byte.wise' ONE TWO THREE FOUR QUIT
	captures_end
	mail_log smtp-slow
}

scenario smtp_lmtp smtp-lmtp
smtp_lmtp() {
	spawn web smtp-sink smtp-sink -u nobody -L -h lmtp.test "$WEB:24" 16
	wait_port web 24 && capture smtp-lmtp cli eth0 port 24 || return
	cli swaks --server "$WEB:24" --protocol LMTP --ehlo client.test --from a@client.test \
		--to b@lmtp.test,c@lmtp.test,d@lmtp.test >/dev/null
	cli smtp-source -L -s 1 -m 3 -d -r 2 -l 300 -f s@client.test -t t@lmtp.test "$WEB:24"
	captures_end
}
