/*
 * mysql_client.c - what a client sends: commands, the file of LOAD DATA LOCAL.
 *
 * A command is shown as the digest of its statement.
 */
#include "mysql.h"

static const char *const command_names[] = {
	[COM_QUIT] = "COM_QUIT",
	[COM_INIT_DB] = "COM_INIT_DB",
	[COM_QUERY] = "COM_QUERY",
	[COM_FIELD_LIST] = "COM_FIELD_LIST",
	[COM_CREATE_DB] = "COM_CREATE_DB",
	[COM_DROP_DB] = "COM_DROP_DB",
	[COM_REFRESH] = "COM_REFRESH",
	[COM_SHUTDOWN] = "COM_SHUTDOWN",
	[COM_STATISTICS] = "COM_STATISTICS",
	[COM_PROCESS_INFO] = "COM_PROCESS_INFO",
	[COM_PROCESS_KILL] = "COM_PROCESS_KILL",
	[COM_DEBUG] = "COM_DEBUG",
	[COM_PING] = "COM_PING",
	[COM_CHANGE_USER] = "COM_CHANGE_USER",
	[COM_BINLOG_DUMP] = "COM_BINLOG_DUMP",
	[19] = "COM_TABLE_DUMP",
	[COM_REGISTER_SLAVE] = "COM_REGISTER_SLAVE",
	[COM_STMT_PREPARE] = "COM_STMT_PREPARE",
	[COM_STMT_EXECUTE] = "COM_STMT_EXECUTE",
	[COM_STMT_SEND_LONG_DATA] = "COM_STMT_SEND_LONG_DATA",
	[COM_STMT_CLOSE] = "COM_STMT_CLOSE",
	[COM_STMT_RESET] = "COM_STMT_RESET",
	[COM_SET_OPTION] = "COM_SET_OPTION",
	[COM_STMT_FETCH] = "COM_STMT_FETCH",
	[COM_BINLOG_DUMP_GTID] = "COM_BINLOG_DUMP_GTID",
	[COM_RESET_CONNECTION] = "COM_RESET_CONNECTION",
	[32] = "COM_CLONE",
};
#define COMMANDS (sizeof(command_names) / sizeof(command_names[0]))

const char *mysql_command_name(uint8_t command)
{
	if (command == COM_STMT_BULK_EXECUTE)
		return "COM_STMT_BULK_EXECUTE";
	return command < COMMANDS ? command_names[command] : NULL;
}

static struct view text_of(const char *s)
{
	return view_of(s, strlen(s), 0);
}

static struct view nothing(void)
{
	return view_of("", 0, 0);
}

void mysql_bare(struct tsm_txn t, const char *method)
{
	tsm_op(t, text_of(method), nothing());
	tsm_query(t, text_of(method));
}

void mysql_whose(struct mysql *h, struct tsm_txn t)
{
	if (h->user_len)
		tsm_str(t, F_USER, mysql_kept(h->user, h->user_len));
	if (h->schema_len)
		tsm_str(t, F_SCHEMA, mysql_kept(h->schema, h->schema_len));
}

static void show(struct tsm_txn t, struct view digest, struct view query)
{
	uint8_t word[16];
	struct view verb = tsm_sql_verb(digest, word, sizeof(word));

	if (view_len(&verb))
		tsm_op(t, verb, nothing());
	if (view_len(&query))
		tsm_query(t, query);
}

bool mysql_statement(
	struct session *s, struct tsm_txn t, struct view sql, bool whole, struct view *digest)
{
	struct view trace;
	bool cut;
	size_t n = tsm_sql_digest(sql, (uint8_t *)digest->p, view_len(digest), &cut);

	*digest = view_of(digest->p, n, 0);
	trace = tsm_sql_trace(sql);
	if (view_len(&trace))
		tsm_str(t, F_TRACE_ID, trace);
	if (cut || !whole)
		tsm_flag(t, QUALITY_TRUNCATED);
	show(t, *digest, tsm_literal(s) && !tsm_sql_secret(*digest) ? sql : *digest);
	return cut || !whole;
}

/* Bytes of a parameter's value, by its type; UINT64_MAX: behind a length. */
static uint64_t value_bytes(unsigned type, struct view *v)
{
	switch (type) {
	case 1:
		return 1;
	case 2:
	case 13:
		return 2;
	case 3:
	case 4:
	case 9:
		return 4;
	case 5:
	case 8:
		return 8;
	case 6:
		return 0;
	case 7:
	case 10:
	case 11:
	case 12:
		return view_le(v, 1);
	default:
		return mysql_lenenc(v);
	}
}

/*
 * Passes over query attributes: what is bound is never shown. Their names and types come first,
 * then the values; the view is read twice, side by side.
 */
static uint64_t attributes(struct view *v)
{
	uint64_t n = mysql_lenenc(v);
	struct view types, values, nulls;

	(void)mysql_lenenc(v); /* sets of values: 1 */
	if (!n || v->bad)
		return 0;
	if (n > 4096) {
		v->bad = true;
		return 0;
	}
	nulls = view_sub(v, (size_t)(n + 7) / 8);
	if (view_le(v, 1) != 1) {
		v->bad = true;
		return 0;
	}
	types = values = *v;
	for (uint64_t i = 0; i < n && !values.bad; i++) {
		(void)view_le(&values, 2);
		(void)mysql_lenenc_text(&values);
	}
	for (uint64_t i = 0; i < n && !values.bad; i++) {
		unsigned type = (unsigned)view_le(&types, 2) & 0xff;

		(void)mysql_lenenc_text(&types);
		if (i / 8 < view_len(&nulls) && nulls.p[i / 8] >> (i & 7) & 1)
			continue;
		(void)view_take(&values, (size_t)value_bytes(type, &values));
	}
	*v = values;
	return n;
}

/* The name in "USE name". */
static void next_schema(struct mysql *h, struct view sql)
{
	while (view_len(&sql) && *sql.p <= ' ')
		sql.p++;
	sql.p += view_len(&sql) > 4 ? 4 : view_len(&sql);
	while (view_len(&sql) && (*sql.p <= ' ' || *sql.p == '`'))
		sql.p++;
	for (const uint8_t *p = sql.p; p < sql.end; p++)
		if (*p <= ' ' || *p == '`' || *p == ';') {
			sql.end = p;
			break;
		}
	mysql_keep(h->next_schema, &h->next_schema_len, sql);
}

/* The text that a statement is prepared from, for those that name it; a zero byte: it is cut. */
static void keep_text(struct session *s, uint32_t serial, struct view text, bool cut)
{
	uint8_t marked[MYSQL_SQL_MAX + 1];
	size_t n = view_len(&text) < MYSQL_SQL_MAX ? view_len(&text) : MYSQL_SQL_MAX;

	if (cut) {
		memcpy(marked, text.p, n);
		marked[n] = 0;
		text = view_of(marked, n + 1, 0);
	}
	tsm_memo(s, MEMO_PENDING(serial), text);
	tsm_memo(s, MEMO_LAST, text);
}

/* COM_QUERY and COM_STMT_PREPARE. */
static uint64_t query(struct session *s, struct mysql *h, struct tsm_txn t, uint8_t command,
	struct view v, bool whole)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0);
	bool has_attributes = command == COM_QUERY && view_len(&v) > 1 &&
			      (h->caps_known ? (h->caps & CLIENT_QUERY_ATTRIBUTES) != 0
					     : v.p[0] < 0xfb && v.p[1] == 1);
	uint64_t n;
	bool cut;

	if (has_attributes) {
		n = attributes(&v);
		if (n)
			tsm_u64(t, F_ATTRIBUTES, n);
		if (v.bad) {
			tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
			return 0;
		}
	}
	cut = mysql_statement(s, t, v, whole, &digest);
	if (command == COM_STMT_PREPARE) {
		struct view shown = tsm_literal(s) && !tsm_sql_secret(digest) ? v : digest;

		mysql_bare(t, "PREPARE");
		tsm_query(t, shown);
		h->serial++;
		keep_text(s, h->serial, shown, cut);
		return (uint64_t)h->serial << 16;
	}
	if (view_len(&digest) > 4 && memcmp(out, "use ", 4) == 0) {
		next_schema(h, v);
		if (cut)
			h->next_schema_len = 0;
		return TAG_SCHEMA;
	}
	return 0;
}

/* A command on a prepared statement. */
static void on_statement(struct session *s, struct mysql *h, struct tsm_txn t, uint8_t command,
	const char *name, struct view v)
{
	uint32_t id = (uint32_t)view_le(&v, 4);
	struct view text = tsm_recall(s, id == UINT32_MAX ? MEMO_LAST : MEMO_STATEMENT(id));

	mysql_bare(t, name + 4);
	if (v.bad)
		return;
	if (id != UINT32_MAX)
		tsm_u64(t, F_STATEMENT, id);
	else if (!text.p && h->waiting == 1 && !h->r.going)
		h->prepare_before = true;
	if (text.p && view_len(&text) && !text.end[-1]) {
		text.end--;
		tsm_flag(t, QUALITY_TRUNCATED);
	}
	if (!text.p) {
		tsm_u64(t, F_UNKNOWN_STATEMENT, 1);
	} else if (command == COM_STMT_EXECUTE || command == COM_STMT_BULK_EXECUTE) {
		uint8_t out[TSM_SQL_DIGEST_MAX];
		bool cut;
		size_t n = tsm_sql_digest(text, out, sizeof(out), &cut);

		show(t, view_of(out, n, 0), text);
	} else {
		tsm_query(t, text);
	}
	if (command == COM_STMT_CLOSE)
		tsm_forget(s, MEMO_STATEMENT(id));
}

static uint64_t change_user(struct mysql *h, struct tsm_txn t, struct view v)
{
	struct view user = view_text(&v), schema;

	mysql_keep(h->user, &h->user_len, user);
	(void)view_take(&v, (size_t)view_le(&v, 1));
	schema = view_text(&v);
	tsm_str(t, F_USER, user);
	h->next_schema_len = 0;
	if (!v.bad)
		mysql_keep(h->next_schema, &h->next_schema_len, schema);
	if (!v.bad && view_len(&v) >= 2)
		tsm_u64(t, F_COLLATION, view_le(&v, 2));
	if (!v.bad && view_len(&v))
		mysql_keep(h->plugin, &h->plugin_len, view_text(&v));
	h->side[SIDE_CLIENT].phase = h->side[SIDE_SERVER].phase = P_AUTH;
	return TAG_SCHEMA;
}

/* What follows the position in COM_BINLOG_DUMP_GTID: the GTIDs that the replica has. */
static void executed(struct tsm_txn t, struct view v, bool whole)
{
	uint64_t n;

	if (!view_len(&v)) /* by the documentation only BINLOG_THROUGH_GTID has it */
		return;
	n = view_le(&v, 4);
	if (v.bad || (whole && n > view_len(&v))) {
		tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
		return;
	}
	if (n < view_len(&v))
		v.end = v.p + n;
	mysql_gtid_set(t, v, view_len(&v) == n);
}

/* COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_REGISTER_SLAVE. */
static void replication(struct tsm_txn t, uint8_t command, struct view v, bool whole)
{
	uint64_t position = 0, server;
	struct view file = nothing();

	if (command == COM_BINLOG_DUMP) {
		position = view_le(&v, 4);
		(void)view_le(&v, 2);
	} else if (command == COM_BINLOG_DUMP_GTID) {
		(void)view_le(&v, 2);
	}
	server = view_le(&v, 4);
	if (command == COM_BINLOG_DUMP) {
		file = v;
	} else if (command == COM_BINLOG_DUMP_GTID) {
		size_t n = (size_t)view_le(&v, 4);

		file = view_of(v.p, n < view_len(&v) ? n : view_len(&v), 0);
		(void)view_take(&v, n);
		position = view_le(&v, 8);
	}
	if (v.bad) {
		tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
		return;
	}
	tsm_u64(t, F_B_SERVER, server);
	if (position)
		tsm_u64(t, F_B_POSITION, position);
	if (view_len(&file) && whole)
		tsm_str(t, F_B_FILE, file);
	if (command == COM_BINLOG_DUMP_GTID)
		executed(t, v, whole);
}

/* The parts of a command that are shown; gives what goes into the transaction's tag. */
static uint64_t command(struct session *s, struct mysql *h, struct tsm_txn t, uint8_t c,
	const char *name, struct view v, bool whole)
{
	switch (c) {
	case COM_QUERY:
	case COM_STMT_PREPARE:
		return query(s, h, t, c, v, whole);
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
	case COM_STMT_SEND_LONG_DATA:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
		on_statement(s, h, t, c, name, v);
		return 0;
	case COM_INIT_DB:
		tsm_op(t, text_of(name + 4), whole ? v : nothing());
		mysql_keep(h->next_schema, &h->next_schema_len, v);
		if (!whole) {
			tsm_flag(t, QUALITY_TRUNCATED);
			h->next_schema_len = 0;
		}
		return TAG_SCHEMA;
	case COM_CREATE_DB:
	case COM_DROP_DB:
		tsm_op(t, text_of(name + 4), whole ? v : nothing());
		if (!whole)
			tsm_flag(t, QUALITY_TRUNCATED);
		return 0;
	case COM_FIELD_LIST:
		tsm_op(t, text_of(name + 4), view_text(&v));
		return 0;
	default:
		break;
	}
	mysql_bare(t, name + 4);
	if (c == COM_CHANGE_USER)
		return change_user(h, t, v);
	if (c == COM_BINLOG_DUMP || c == COM_BINLOG_DUMP_GTID || c == COM_REGISTER_SLAVE)
		replication(t, c, v, whole);
	return 0;
}

static bool on_command(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body)
{
	struct mysql_stream *server = &h->side[SIDE_SERVER];
	uint8_t c = (uint8_t)view_le(&body, 1);
	const char *name = mysql_command_name(c);
	bool silent = c == COM_QUIT || c == COM_STMT_CLOSE || c == COM_STMT_SEND_LONG_DATA;
	struct tsm_txn t;
	uint64_t tag;

	if (!name || body.bad)
		return false;
	/* It goes on: what it waited for came, in the hole. */
	if (server->lost && h->r.going && !silent)
		mysql_give_up(s, h);
	/* A client that has not waited for its login's answer has it still to come. */
	if (server->phase == P_DUMP || (server->lost && server->phase <= P_AUTH))
		server->phase = P_START;
	t = tsm_request(s, silent ? ++h->silent : 0, p);
	h->dump = c == COM_BINLOG_DUMP || c == COM_BINLOG_DUMP_GTID;
	h->fetch = c == COM_STMT_FETCH;
	h->side[SIDE_CLIENT].after = silent ? AFTER_SILENT : AFTER_REQUEST;
	if (!silent)
		h->waiting = server->lost && !h->r.going ? 1 : h->waiting + 1;
	if (c != COM_CHANGE_USER)
		mysql_whose(h, t);
	tsm_name(t, F_COMMAND, name);
	tag = command(s, h, t, c, name, body, len - 1 == view_len(&body));
	tsm_set_tag(t, c | tag);
	return true;
}

uint32_t mysql_client_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have)
{
	uint32_t max = 1;

	if (h->side[SIDE_CLIENT].phase == P_LOGIN)
		max = MYSQL_LOGIN_MAX;
	else if (p[3] != 0 || !len)
		max = 0;
	else if (have > MYSQL_HEAD)
		max = p[4] == COM_QUERY || p[4] == COM_STMT_PREPARE ? MYSQL_SQL_MAX : MYSQL_SHORT;
	if (have > MYSQL_HEAD && p[4] == COM_STMT_SEND_LONG_DATA && max == MYSQL_SHORT)
		max = 7;
	if (have > MYSQL_HEAD && p[4] == COM_STMT_EXECUTE && max == MYSQL_SHORT)
		max = 10;
	return len < max ? len : max;
}

bool mysql_client_packet(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body)
{
	struct mysql_stream *x = &h->side[SIDE_CLIENT];

	if (x->phase == P_LOGIN)
		return mysql_login(s, h, p, len, body);
	if (p[3] != 0) {
		/* authentication data, or the file that the server asked for */
		if (h->infile)
			h->infile_bytes += len;
		return true;
	}
	if (!len)
		return false;
	x->phase = P_START;
	if (h->side[SIDE_SERVER].phase == P_DUMP && body.p[0] == 0xef) {
		mysql_semisync_ack(s, h, p, body);
		return true;
	}
	return on_command(s, h, p, len, body);
}
