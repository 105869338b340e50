# redis.sh: a protocol of its own on port 6379. Sourced by record.sh.

redis() {
	cli redis-cli -h "$WEB" "$@" >>"$WORK/log/redis-cli"
}

scenario redis_commands redis
redis_commands() {
	local i
	spawn web redis redis-server --bind "$WEB" --protected-mode no --save '' --appendonly no \
		--dir "$WORK/tmp"
	wait_port web 6379 && capture redis cli eth0 tcp port 6379 || return
	redis PING
	redis SET greeting 'hello world'
	redis GET greeting
	redis GET missing
	redis -r 5 -i 0.02 INCR counter		# one connection, a command after each answer
	redis INCRBY counter 41
	redis LPUSH list one two three
	redis LRANGE list 0 -1
	redis HSET hash field value
	redis -3 HGETALL hash			# RESP3: HELLO 3 comes first
	redis INCR greeting			# the error replies: a value, a type, a command
	redis LPUSH greeting x
	redis NOSUCHCOMMAND now
	redis SET long "$(page 4000)"
	redis GET long
	# A batch in one piece: 20 commands, the last of them an error, and the ECHO of redis-cli.
	{
		for ((i = 1; i <= 19; i++)); do
			printf '*3\r\n$3\r\nSET\r\n$%d\r\nkey:%d\r\n$5\r\nvalue\r\n' $((${#i} + 4)) "$i"
		done
		printf '*3\r\n$5\r\nLPUSH\r\n$8\r\ngreeting\r\n$1\r\nx\r\n'
	} | redis --pipe 2>/dev/null
	# The inline form, and a protocol error that ends the connection.
	printf 'PING\r\nGET counter\r\n*1\r\n$x\r\n' | client raw "$WEB" 6379 0.5
	captures_end
}
