# pgsql.sh: PostgreSQL and its clients. Sourced by record.sh.

POSTGRES=(/usr/lib/postgresql/*/bin)

# postgres_up: a fresh server in the namespace web; its users app (a password) and free (none).
postgres_up() {
	local dir=$WORK/pgsql
	rm -rf "$dir"
	install -d -o postgres "$dir"
	as_postgres "${POSTGRES[0]}/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --no-locale >/dev/null || return
	cat >>"$dir/data/postgresql.conf" <<-END
		listen_addresses = '$WEB'
		unix_socket_directories = '$dir'
		fsync = off
		max_connections = 8
		wal_level = logical
		log_min_duration_statement = 0
		log_connections = on
		autovacuum = off
		bgwriter_delay = 10s
	END
	cat >"$dir/data/pg_hba.conf" <<-END
		local all all trust
		host all app all scram-sha-256
		host all all all trust
		host replication all all trust
	END
	openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=db -keyout "$dir/data/server.key" \
		-out "$dir/data/server.crt" 2>/dev/null
	chown postgres "$dir/data/server.key" "$dir/data/server.crt"
	chmod 600 "$dir/data/server.key"
	[ -z "${1:-}" ] || echo 'ssl = on' >>"$dir/data/postgresql.conf"
	spawn web pgsql setpriv --reuid=postgres --clear-groups "${POSTGRES[0]}/postgres" -D "$dir/data"
	wait_port web 5432 || return
	psql -q -h "$dir" -U postgres <<-'END' >/dev/null
		create user app password 'secret-app' replication; create user free;
		create database shop owner app; alter database shop owner to app;
		\c shop
		set role app;
		create table item(id int primary key, name text, price numeric);
		insert into item select n, 'item ' || n, n * 1.5 from generate_series(1, 300) n;
		grant all on item to public;
	END
}

as_postgres() {
	(cd / && setpriv --reuid=postgres --clear-groups "$@")
}

pg() {
	PGPASSWORD=secret-app cli psql -q -h "$WEB" -U app -d shop "$@" >>"$WORK/log/psql" 2>&1
}

scenario pgsql_psql pgsql-psql
pgsql_psql() {
	postgres_up && capture pgsql-psql cli eth0 port 5432 || return
	pg <<-'END'
		select count(*) from item where price > 10;
		select id, name from item where id in (1, 2, 3) order by id;
		update item set name = 'it''s "new"' where id = 7;
		select $tag$it's$tag$, E'a\'b', "name", price::int from item limit 2;
		begin; update item set price = price + 1 where id < 5; rollback;
		select 1; select 2; select * from nothing;
		insert into item values (1, 'again', 0);
		do $$ begin raise notice 'one'; raise warning 'two'; end $$;
		set application_name = 'renamed'; show application_name;
		select repeat('x', 3000) from generate_series(1, 20);
		\copy (select * from item where id <= 50) to '/dev/null'
		create temp table c(a int, b text);
		copy c from stdin;
		1	one
		2	two
		\.
		copy c from stdin;
		x	bad
		\.
		set statement_timeout = 50; select pg_sleep(1);
	END
	pg -c '' -c 'listen news' -c "notify news, 'hello'" -c 'select 1'
	PGPASSWORD=wrong cli psql -q -h "$WEB" -U app -d shop -c 'select 1' 2>/dev/null
	cli psql -q -h "$WEB" -U free -d missing -c 'select 1' 2>/dev/null
	cli pg_isready -q -h "$WEB"
	captures_end
}

scenario pgsql_extended pgsql-extended
pgsql_extended() {
	postgres_up && capture pgsql-extended cli eth0 port 5432 || return
	cli "$PYTHON" "$HERE/pgsql.py" "$WEB" >"$WORK/log/pgsql.py" 2>&1 || return
	captures_end
}

scenario pgsql_tls pgsql-tls
pgsql_tls() {
	postgres_up ssl && capture pgsql-tls cli eth0 port 5432 || return
	pg -c 'select 1'
	captures_end
}

scenario pgsql_replication pgsql-replication
pgsql_replication() {
	postgres_up && capture pgsql-replication cli eth0 port 5432 || return
	PGPASSWORD=secret-app spawn cli receive "${POSTGRES[0]}/pg_recvlogical" -h "$WEB" -U app -d shop \
		--slot=s --create-slot --start -f - -P test_decoding
	sleep 1
	pg -c "insert into item values (1001, 'new', 1)"
	sleep 0.5
	stop "$SPAWNED" INT
	captures_end
}
