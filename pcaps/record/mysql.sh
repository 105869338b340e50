# mysql.sh: MariaDB, its clients and a replica. Sourced by record.sh.

DB=10.77.0.30
DB2=10.77.0.31

# database NS NUMBER [OPTION]...: a fresh server in NS; sql NS speaks to it by its socket.
database() {
	local where=$1 dir=$WORK/$1 i
	attach "$where" "$((29 + $2))" || return
	rm -rf "$dir"
	mkdir "$dir"
	sed "s|@DIR@|$dir|; s|@ID@|$2|" "$HERE/mysql.cnf" >"$dir.cnf"
	chown mysql "$dir"
	mariadb-install-db --defaults-file="$dir.cnf" --auth-root-authentication-method=normal \
		--skip-test-db >/dev/null 2>&1 || return
	spawn "$where" "$where.out" mariadbd --defaults-file="$dir.cnf" "${@:3}"
	for ((i = 0; i < 200; i++)); do
		[ -S "$dir/socket" ] && [ -n "$(ns "$where" ss -Hltn 'sport = :3306')" ] && break
		sleep 0.1
	done
	sql "$where" "create database test; create database shop; create user app identified by
		'secret-app'; grant all on *.* to app; create user repl identified by 'secret-repl';
		grant replication slave on *.* to repl; set sql_log_bin=0; use shop;
		create table item(id int primary key auto_increment, k int, c varchar(200));
		insert into item(k,c) select seq, repeat(char(97 + seq % 26), 100) from seq_1_to_400"
}

sql() {
	mariadb -S "$WORK/$1/socket" -uroot -e "$2"
}

# client_sql [OPTION]...: standard input or -e, from the client's namespace.
client_sql() {
	cli mariadb -h "$DB" -uapp -psecret-app "$@" >/dev/null 2>&1
}

scenario mysql_text mysql-text mysql-errors mysql-multi
mysql_text() {
	local pid
	database db 1 && capture mysql-text cli eth0 port 3306 || return
	: >"$WORK/db/general.log"
	client_sql -e "use shop; drop table if exists a; create table a(id int primary key
		auto_increment, n varchar(50), d datetime, b blob, x decimal(10,2)); insert into
		a(n,d,b,x) values('one',now(),'bin\\0x',1.25),('two',now(),null,null),
		('drei',now(),repeat('z',300),3.5); select * from a; select count(*) from a; update a set
		n='uno' where id=1; delete from a where id=2; select sleep(0.25); show tables; show
		warnings; select 1 where 0; set names utf8mb4; select 'größe €'; begin; insert into a(n)
		values('x'); rollback; select c from item where id in (1,2,3) order by id asc limit 2;
		truncate a; drop table a"
	cli mariadb-admin -h "$DB" -uapp -psecret-app ping status processlist >/dev/null
	captures_end
	cp "$WORK/db/general.log" "$OUT/mysql-text.general.log"

	capture mysql-errors cli eth0 port 3306 || return
	client_sql -f <<-'END'
		select * from nosuch.tab;
		selct 1;
		use nodb;
		select 1/0;
		insert into shop.item(id) values(1);
		select * from shop.item where nocol=1;
		signal sqlstate '45000' set message_text='custom';
		select cast('O''Brien' as date) from shop.item where c = 'secret' limit 1;
		set statement max_statement_time=0.2 for select sleep(3);
		select 'after';
	END
	cli mariadb -h "$DB" -unobody -pbad -e 'select 1' 2>/dev/null
	cli mariadb -h "$DB" -uapp -psecret-app nosuchdb -e 'select 1' 2>/dev/null
	spawn cli killed mariadb -h "$DB" -uapp -psecret-app -e "select sleep(1)"
	pid=$SPAWNED
	sleep 0.3
	stop "$pid" KILL
	sleep 1
	captures_end

	capture mysql-multi cli eth0 port 3306 || return
	client_sql --delimiter='$$' -e "create procedure shop.p() begin select 1; select 2,3; end\$\$
		call shop.p()\$\$"
	printf 'a,1\nb,2\n' >"$WORK/li.csv"
	client_sql --local-infile=1 test -e "create table li(a char(5), b int); load data local infile
		'$WORK/li.csv' into table li fields terminated by ','; select * from li; drop table li"
	cli mariadb-dump -h "$DB" -uapp -psecret-app --single-transaction shop item >/dev/null
	captures_end
}

scenario mysql_stmt mysql-stmt
mysql_stmt() {
	# shellcheck disable=SC2046
	cc -o "$WORK/stmt" "$HERE/stmt.c" $(mariadb_config --cflags --libs) || return
	database db 1 && capture mysql-stmt cli eth0 port 3306 || return
	cli "$WORK/stmt" "$DB"
	captures_end
}

scenario mysql_sysbench mysql-sysbench
mysql_sysbench() {
	local test=(sysbench oltp_read_write --db-driver=mysql --mysql-host="$DB" --mysql-user=app
		--mysql-password=secret-app --mysql-db=test --tables=2 --table-size=200 --range-size=10)
	database db 1 || return
	cli "${test[@]}" prepare >/dev/null || return
	capture mysql-sysbench cli eth0 port 3306 || return
	cli "${test[@]}" --threads=4 --events=24 --time=0 run | grep -E '^ +(read|write|other|total|transactions|queries):' \
		>"$OUT/mysql-sysbench.totals"
	captures_end
}

scenario mysql_large mysql-large
mysql_large() {
	# 400 bytes of each frame: most rows are not there, the statements are.
	database db 1 && capture mysql-large cli eth0 -s 400 port 3306 || return
	client_sql shop -e "select * from item; select id, k from item; select count(*) from item; select repeat('q',200000);
		select id from item where id < 5"
	captures_end
}

scenario mysql_compress mysql-compress
mysql_compress() {
	database db 1 && capture mysql-compress cli eth0 port 3306 || return
	client_sql --compress shop -e "select * from item limit 200; select 1; insert into item(k,c)
		values(1,repeat('x',150)), (2,'$(page 3000 | tr '\n' ' ' | head -c 190)');
		select repeat('w',300000); selct 2"
	captures_end
}

scenario mysql_tls mysql-tls
mysql_tls() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=db \
		-keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
	chmod 644 "$WORK/key.pem"
	database db 1 --ssl-cert="$WORK/cert.pem" --ssl-key="$WORK/key.pem" &&
		capture mysql-tls cli eth0 port 3306 || return
	client_sql --ssl -e "select 1"
	captures_end
}

scenario mysql_midstream mysql-midstream
mysql_midstream() {
	local i helper
	database db 1 || return
	mkfifo "$WORK/statements"
	spawn cli statements sh -c "exec mariadb -h $DB -uapp -psecret-app shop <$WORK/statements"
	helper=$SPAWNED
	exec 7>"$WORK/statements"
	printf 'select 0;\n' >&7
	sleep 0.5
	capture mysql-midstream cli eth0 port 3306 || return
	for ((i = 1; i < 8; i++)); do
		printf 'select id, c from item where id < %d;\nupdate item set k = %d where id = 1;\n' $i $i
	done >&7
	printf 'quit\n' >&7	# what runs meanwhile holds the pipe open
	exec 7>&-
	wait "$helper"
	rm "$WORK/statements"
	captures_end
}

scenario mysql_replication mysql-replication
mysql_replication() {
	local position
	database db 1 --rpl-semi-sync-master-enabled=1 --rpl-semi-sync-master-timeout=500 &&
		database db2 2 --rpl-semi-sync-slave-enabled=1 || return
	position=$(mariadb -S "$WORK/db/socket" -uroot -N -e 'select @@gtid_binlog_pos')
	sql db2 "set global gtid_slave_pos='$position'"
	capture mysql-replication db2 eth0 port 3306 || return
	sql db2 "change master to master_host='$DB', master_user='repl', master_password='secret-repl',
		master_use_gtid=slave_pos, master_heartbeat_period=1, master_connect_retry=1; start slave"
	sleep 1
	client_sql -e "use test; create table t(id int primary key auto_increment, a varchar(100), b
		int); insert into t(a,b) values('row1',1),('row2',2); update t set b=b+10; delete from t
		where id=1; set session binlog_format=STATEMENT; update t set a=concat(a,'x') where b > 3;
		begin; insert into t(a) values('k'); insert into t(a) values('two'); commit; drop table t"
	sql db "flush binary logs"
	sleep 1.5
	sql db2 "stop slave; change master to master_use_gtid=no, master_log_file='nosuch.000999',
		master_log_pos=4; start slave"
	sleep 1
	sql db2 "stop slave"
	captures_end
}

# MySQL's own way of asking, which MariaDB refuses; no package of Debian 12 has MySQL, so that what it
# answers is written down in gtid.py.
scenario mysql_gtid mysql-gtid
mysql_gtid() {
	local source=3e11fa47-71ca-11e1-9e33-c80aa9429562 other=4350f323-7565-4e59-8763-4b1b83a0ce0e
	database db 1 || return
	spawn app gtid "$PYTHON" "$HERE/gtid.py" source "$APP"
	wait_port app 3306 && capture mysql-gtid cli eth0 port 3306 || return
	gtid_replica "$DB" "$source:1-23:25,$other:1-7"
	gtid_replica "$APP" "$source:1-23:25,$other:1-7" ''
	captures_end
}

# The connection ends, one way or the other, where the log does.
gtid_replica() {
	cli "$PYTHON" "$HERE/gtid.py" replica "$@" 2>>"$WORK/log/gtid-replica"
}
