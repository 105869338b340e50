/*
 * stmt.c - a client of MySQL for what no command line tool sends: prepared statements by the binary
 * protocol, cursors, long data, several statements at once, and the small commands.
 *
 * Usage: stmt HOST
 */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL_STMT *prepare(MYSQL *m, const char *sql)
{
	MYSQL_STMT *s = mysql_stmt_init(m);

	mysql_stmt_prepare(s, sql, strlen(sql));
	return s;
}

static void bind_int(MYSQL_STMT *s, int *value)
{
	MYSQL_BIND b[1];

	memset(b, 0, sizeof(b));
	b[0].buffer_type = MYSQL_TYPE_LONG;
	b[0].buffer = value;
	mysql_stmt_bind_param(s, b);
}

static void long_data(MYSQL *m)
{
	MYSQL_STMT *s = prepare(m, "insert into st values(?,?,?)");
	MYSQL_BIND b[3];
	unsigned long len = 5, blob = 0;
	char null = 1, big[3000];
	int id = 7;

	memset(b, 0, sizeof(b));
	memset(big, 'L', sizeof(big));
	b[0].buffer_type = MYSQL_TYPE_LONG;
	b[0].buffer = &id;
	b[1].buffer_type = MYSQL_TYPE_STRING;
	b[1].buffer = "hello";
	b[1].buffer_length = 5;
	b[1].length = &len;
	b[2].buffer_type = MYSQL_TYPE_BLOB;
	b[2].length = &blob;
	mysql_stmt_bind_param(s, b);
	mysql_stmt_send_long_data(s, 2, big, sizeof(big));
	mysql_stmt_send_long_data(s, 2, big, 500);
	mysql_stmt_execute(s);
	b[1].is_null = &null;
	mysql_stmt_bind_param(s, b);
	mysql_stmt_send_long_data(s, 2, "z", 1);
	mysql_stmt_execute(s);
	mysql_stmt_reset(s);
	mysql_stmt_close(s);
}

static void cursor(MYSQL *m)
{
	MYSQL_STMT *s = mysql_stmt_init(m);
	const char *sql = "select id,k,c from item where id<?";
	unsigned long type = CURSOR_TYPE_READ_ONLY, rows = 4;
	int limit = 11;

	mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &type);
	mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &rows);
	mysql_stmt_prepare(s, sql, strlen(sql));
	bind_int(s, &limit);
	mysql_stmt_execute(s);
	while (mysql_stmt_fetch(s) == 0)
		;
	mysql_stmt_close(s);
}

static void again(MYSQL *m)
{
	MYSQL_STMT *s = prepare(m, "select k from item where id=?");
	MYSQL_STMT *u = prepare(m, "update item set id=1 where id=?");
	MYSQL_STMT *bad;

	for (int i = 1; i <= 3; i++) {
		bind_int(s, &i);
		mysql_stmt_execute(s);
		mysql_stmt_store_result(s);
		mysql_stmt_free_result(s);
	}
	for (int i = 2; i <= 2; i++) {
		bind_int(u, &i);
		mysql_stmt_execute(u); /* a duplicate key */
	}
	bad = prepare(m, "select nosuch from st where id=?");
	mysql_stmt_close(bad);
	mysql_stmt_close(s);
	mysql_stmt_close(u);
}

int main(int argc, char **argv)
{
	MYSQL *m = mysql_init(NULL);
	MYSQL_RES *r;

	if (argc != 2 || !mysql_real_connect(m, argv[1], "app", "secret-app", "shop", 3306, NULL,
				 CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS)) {
		fprintf(stderr, "stmt: %s\n", mysql_error(m));
		return 1;
	}
	mysql_query(m, "create table if not exists st(id int, s varchar(200), l longblob)");
	long_data(m);
	cursor(m);
	again(m);
	mysql_query(m, "select 1; select 2,'two'; insert into st(id) values(9); selct bad; select 3");
	do {
		r = mysql_store_result(m);
		if (r)
			mysql_free_result(r);
	} while (mysql_next_result(m) == 0);
	mysql_select_db(m, "test");
	mysql_ping(m);
	mysql_stat(m);
	mysql_select_db(m, "shop");
	r = mysql_list_fields(m, "item", NULL);
	if (r)
		mysql_free_result(r);
	mysql_reset_connection(m);
	mysql_change_user(m, "app", "secret-app", "shop");
	mysql_change_user(m, "app", "wrong", "shop");
	mysql_close(m);
	return 0;
}
