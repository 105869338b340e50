/*
 * mysql_server.c - what a server sends: OK, errors, result sets, prepared statements.
 *
 * Which of two forms a packet has is told from the packet: a result set's definitions are followed
 * by an EOF packet of five bytes or, where CLIENT_DEPRECATE_EOF was agreed on, by the first row;
 * its rows by an EOF packet or by an OK packet whose first byte is 0xfe.
 */
#include "mysql.h"

#define ERROR_PROGRESS 0xffffu /* MariaDB: a progress report */
#define COLUMNS_MAX    4096u

/* Error numbers whose messages quote names and no values. */
static bool quotes_names(unsigned code)
{
	static const uint16_t names[] = {1007, 1008, 1044, 1045, 1046, 1048, 1049, 1050, 1051, 1052,
		1054, 1056, 1059, 1060, 1061, 1068, 1072, 1075, 1091, 1109, 1113, 1115, 1128, 1136,
		1142, 1143, 1146, 1147, 1193, 1227, 1235, 1238, 1264, 1273, 1286, 1304, 1305, 1318,
		1347, 1348, 1359, 1360, 1364, 1370, 1396, 1406, 1410, 1471, 1698};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] == code)
			return true;
	return false;
}

/* ERR_Packet. What a message quotes may hold quotes itself: from the first one to the last. */
void mysql_error(struct session *s, struct tsm_txn t, struct view v)
{
	uint8_t masked[MYSQL_SHORT];
	const uint8_t *from, *to;
	unsigned code;
	bool cut = v.cut != 0;

	(void)view_le(&v, 1);
	code = (unsigned)view_le(&v, 2);
	if (view_len(&v) >= 6 && *v.p == '#') {
		tsm_str(t, F_SQLSTATE, view_of(v.p + 1, 5, 0));
		v.p += 6;
	}
	from = view_len(&v) ? memchr(v.p, '\'', view_len(&v)) : NULL;
	to = from ? memrchr(v.p, '\'', view_len(&v)) : NULL;
	if (code == 1062 && from) { /* Duplicate entry 'value' for key 'name' */
		const uint8_t *key = memmem(v.p, view_len(&v), "' for key '", 11);

		for (const uint8_t *next = key; next; key = next)
			if (!(next = memmem(key + 1, (size_t)(v.end - key) - 1, "' for key '", 11)))
				break;
		to = key ? key : to;
	}
	if (from && to > from && !quotes_names(code) && !tsm_literal(s)) {
		size_t head = (size_t)(from + 1 - v.p), tail = (size_t)(v.end - to);

		memcpy(masked, v.p, head);
		masked[head] = '?';
		memcpy(masked + head + 1, to, tail);
		v = view_of(masked, head + 1 + tail, 0);
	}
	if (cut)
		tsm_flag(t, QUALITY_TRUNCATED);
	tsm_status(t, STATUS_ERROR);
	tsm_u64(t, F_ERRNO, code);
	tsm_u64(t, F_ERROR_CODE, code);
	tsm_str(t, F_MESSAGE, v);
	tsm_str(t, F_ERROR_MESSAGE, v);
}

void mysql_give_up(struct session *s, struct mysql *h)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];

	tsm_abandon(s, tsm_current(s, SIDE_SERVER));
	memset(&h->r, 0, sizeof(h->r));
	h->infile = false;
	if (x->phase != P_GREETING && x->phase != P_DUMP)
		x->phase = P_START;
	x->after = AFTER_NOTHING;
}

/* The first packet of a response. */
struct tsm_txn mysql_respond(struct session *s, struct mysql *h, const uint8_t *p)
{
	struct tsm_txn t;

	if (h->r.going)
		return tsm_current(s, SIDE_SERVER);
	memset(&h->r, 0, sizeof(h->r));
	t = tsm_response(s, 0, p);
	h->r.going = true;
	h->r.command = (uint16_t)(tsm_tag(t) & TAG_COMMAND);
	h->r.serial = (uint32_t)TAG_SERIAL(tsm_tag(t));
	h->waiting -= h->waiting > 0;
	return t;
}

static void results(struct mysql *h, struct tsm_txn t)
{
	const struct mysql_result *r = &h->r;

	if (r->sets || r->fields)
		tsm_u64(t, F_FIELDS, r->fields);
	if ((r->sets || r->command == COM_STMT_FETCH) && !r->lost) {
		tsm_u64(t, F_ROWS, r->rows);
		tsm_u64(t, F_RESULT_BYTES, r->bytes);
	}
	if (r->sets > 1)
		tsm_u64(t, F_RESULT_SETS, r->sets);
	if (r->sum)
		tsm_u64(t, F_AFFECTED, r->affected);
	if (r->insert_id)
		tsm_u64(t, F_INSERT_ID, r->insert_id);
	if (r->warnings)
		tsm_u64(t, F_WARNINGS, r->warnings);
	if (r->flags & SERVER_NO_INDEX)
		tsm_u64(t, F_NO_INDEX, 1);
	if (r->flags & SERVER_NO_GOOD_INDEX)
		tsm_u64(t, F_NO_GOOD_INDEX, 1);
	if (r->flags & SERVER_SLOW)
		tsm_u64(t, F_SLOW, 1);
	if (r->status & SERVER_IN_TRANS)
		tsm_u64(t, F_IN_TRANSACTION, 1);
	if (h->infile)
		tsm_u64(t, F_INFILE_BYTES, h->infile_bytes);
}

void mysql_response_end(struct session *s, struct mysql *h, const uint8_t *end)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);

	results(h, t);
	if (!h->r.error) {
		tsm_status(t, STATUS_OK);
		if (h->r.command == MYSQL_LOGIN)
			h->compressed = (h->caps & (CLIENT_COMPRESS | CLIENT_ZSTD)) != 0;
		if (tsm_tag(t) & TAG_SCHEMA) {
			memcpy(h->schema, h->next_schema, sizeof(h->schema));
			h->schema_len = h->next_schema_len;
		}
	}
	tsm_response_end(s, t, end);
	h->r.going = false;
	h->infile = false;
	h->side[SIDE_SERVER].phase = P_START;
}

/* What the session state's change says of the schema (protocol: "Session state information"). */
static void session_state(struct mysql *h, struct view v)
{
	struct view all;

	(void)mysql_lenenc_text(&v); /* info */
	all = mysql_lenenc_text(&v);
	while (!v.bad && !all.bad && view_len(&all)) {
		unsigned type = (unsigned)view_le(&all, 1);
		struct view one = mysql_lenenc_text(&all);

		if (type == 1 && !all.bad) {
			struct view name = mysql_lenenc_text(&one);

			if (!one.bad)
				mysql_keep(h->schema, &h->schema_len, name);
		}
	}
}

/* OK_Packet, or one in an EOF packet's place. */
void mysql_ok(struct mysql *h, struct view v, bool sum)
{
	uint64_t affected, id;

	(void)view_le(&v, 1);
	affected = mysql_lenenc(&v);
	id = mysql_lenenc(&v);
	h->r.status = (uint16_t)view_le(&v, 2);
	h->r.flags |= h->r.status;
	h->r.warnings = (uint16_t)view_le(&v, 2);
	if (v.bad)
		return;
	if (sum) {
		h->r.sum = true;
		h->r.affected += affected;
	}
	if (id)
		h->r.insert_id = id;
	if (h->r.status & SERVER_SESSION_CHANGE)
		session_state(h, v);
}

/* Length of an EOF_Packet: before protocol 4.1 it has nothing but its first byte. */
static bool is_eof(uint32_t len)
{
	return len == 5 || len == 1;
}

/* EOF_Packet. */
static void eof(struct mysql *h, struct view v)
{
	(void)view_le(&v, 1);
	h->r.warnings = (uint16_t)view_le(&v, 2);
	h->r.status = (uint16_t)view_le(&v, 2);
	h->r.flags |= h->r.status;
}

/* A result has come to its end; there may be more. */
static void result_end(struct mysql *h)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];

	if (h->r.status & SERVER_MORE_RESULTS && !h->r.error)
		x->phase = P_START;
	else
		x->after = AFTER_RESPONSE;
}

void mysql_failed(struct session *s, struct mysql *h, struct view v)
{
	mysql_error(s, tsm_current(s, SIDE_SERVER), v);
	h->r.error = true;
	h->side[SIDE_SERVER].after = AFTER_RESPONSE;
}

/* The number of columns: a result set begins. */
static bool result_set(struct session *s, struct mysql *h, struct view v)
{
	bool metadata = true;
	uint64_t n;

	if (h->caps_known && h->caps & CLIENT_OPTIONAL_METADATA)
		metadata = view_le(&v, 1) != 0;
	n = mysql_lenenc(&v);
	if (v.bad || !n || n > COLUMNS_MAX || view_len(&v) > 1)
		return false;
	if (view_len(&v)) /* MariaDB: are there definitions, or does the client have them? */
		metadata = view_le(&v, 1) != 0;
	if (!h->r.sets++)
		h->r.fields = n;
	h->r.left = metadata ? (uint32_t)n : 0;
	h->side[SIDE_SERVER].phase = metadata ? P_COLUMNS : P_AFTER_COLUMNS;
	tsm_lasting(tsm_current(s, SIDE_SERVER));
	return true;
}

/* The last definition of a prepared statement has come, or the EOF packet behind it. */
static void prepared_end(struct mysql *h, bool eof_seen)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];

	if (h->r.left)
		return;
	if (h->r.then) {
		h->r.left = h->r.then;
		h->r.then = 0;
		x->phase = P_PREPARED;
		return;
	}
	x->phase = P_PREPARED;
	if (eof_seen || !h->caps_known || h->caps & CLIENT_DEPRECATE_EOF)
		x->after = AFTER_RESPONSE;
}

/* COM_STMT_PREPARE_OK */
static bool prepared(struct session *s, struct mysql *h, struct view v)
{
	struct tsm_txn t = tsm_current(s, SIDE_SERVER);
	struct view text;
	uint32_t id, columns, parameters;

	(void)view_le(&v, 1);
	id = (uint32_t)view_le(&v, 4);
	columns = (uint32_t)view_le(&v, 2);
	parameters = (uint32_t)view_le(&v, 2);
	(void)view_le(&v, 1);
	h->r.warnings = (uint16_t)view_le(&v, 2);
	if (v.bad)
		return false;
	text = tsm_recall(s, MEMO_PENDING(h->r.serial));
	if (text.p)
		tsm_memo(s, MEMO_STATEMENT(id), text);
	else
		tsm_forget(s, MEMO_STATEMENT(id));
	tsm_forget(s, MEMO_PENDING(h->r.serial));
	tsm_u64(t, F_STATEMENT, id);
	if (parameters)
		tsm_u64(t, F_PARAMETERS, parameters);
	h->r.fields = columns;
	h->side[SIDE_SERVER].phase = P_PARAMETERS;
	if (!parameters && !columns) {
		h->side[SIDE_SERVER].after = AFTER_RESPONSE;
		return true;
	}
	tsm_lasting(t);
	h->r.left = parameters;
	h->r.then = columns;
	prepared_end(h, false);
	return true;
}

static bool definition(struct session *s, struct mysql *h, uint32_t len, struct view v)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];
	bool columns = x->phase == P_COLUMNS;

	if (!view_len(&v))
		return false;
	if (*v.p == 0xff) {
		mysql_failed(s, h, v);
		return true;
	}
	if (*v.p == 0xfe && is_eof(len) && !columns) { /* behind the definitions of one kind */
		if (x->phase == P_PREPARED && !h->r.left)
			prepared_end(h, true);
		return true;
	}
	if (!h->r.left)
		return false;
	h->r.left--;
	if (!columns)
		prepared_end(h, false);
	else if (!h->r.left)
		x->phase = P_AFTER_COLUMNS;
	return true;
}

static bool row(struct session *s, struct mysql *h, uint32_t len, struct view v)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];
	bool first = x->phase == P_AFTER_COLUMNS;

	if (!view_len(&v))
		return false;
	if (*v.p == 0xff) {
		mysql_failed(s, h, v);
	} else if (*v.p == 0xfe && is_eof(len)) {
		eof(h, v);
		if (first && !(h->r.status & SERVER_CURSOR_EXISTS))
			x->phase = P_ROWS;
		else
			result_end(h);
	} else if (*v.p == 0xfe && len != MYSQL_FULL) {
		mysql_ok(h, v, false);
		result_end(h);
	} else if (x->phase == P_FIELD_LIST) {
		h->r.fields++;
	} else {
		x->phase = P_ROWS;
		h->r.rows++;
		h->r.bytes += len;
	}
	return true;
}

/*
 * Who executes the last statement that was prepared has not waited for the answer to the PREPARE
 * (MariaDB's clients send both in one go). Where that was not captured its answer may be.
 */
static void prepared_before(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v)
{
	bool likely = *v.p == 0xff || (len == 12 && view_len(&v) == 12 && !v.p[0] && !v.p[9]);

	if (!h->prepare_before || h->r.going)
		return;
	h->prepare_before = false;
	if (!likely)
		return;
	memset(&h->r, 0, sizeof(h->r));
	(void)tsm_response(s, ++h->silent, p);
	h->r.going = true;
	h->r.command = COM_STMT_PREPARE;
}

static bool first_packet(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view v)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];
	uint8_t c = *v.p;
	struct tsm_txn t;

	if (c == 0xff && view_len(&v) > 2 && (v.p[1] | v.p[2] << 8) == ERROR_PROGRESS)
		return true;
	if (c == 0xff && p[3] == 0) { /* nobody asked: it closes the connection */
		t = tsm_event(s, p);
		mysql_error(s, t, v);
		x->after = AFTER_EVENT;
		return true;
	}
	/* Behind the definitions of a prepared statement, whatever else was asked meanwhile. */
	if (c == 0xfe && len == 5 && !h->r.going && (!h->waiting || (p[3] > 1 && p[3] == x->seq)))
		return true;
	if (c == 0xfe && len >= 9 && !h->waiting && !h->r.going) {
		/* Another method of authentication, for a CHANGE_USER that was not captured. */
		x->phase = h->side[SIDE_CLIENT].phase = P_AUTH;
		return true;
	}
	prepared_before(s, h, p, len, v);
	t = mysql_respond(s, h, p);
	if (c == 0xff) {
		mysql_failed(s, h, v);
		return true;
	}
	switch (h->r.command) {
	case COM_STATISTICS:
		x->after = AFTER_RESPONSE;
		return true;
	case COM_FIELD_LIST:
		x->phase = P_FIELD_LIST;
		tsm_lasting(t);
		return row(s, h, len, v);
	case COM_STMT_FETCH:
		x->phase = P_ROWS;
		tsm_lasting(t);
		return row(s, h, len, v);
	case COM_BINLOG_DUMP:
	case COM_BINLOG_DUMP_GTID:
		if (c != 0)
			break;
		mysql_response_end(s, h, p + MYSQL_HEAD + 1);
		x->phase = P_DUMP;
		return mysql_event(s, h, p, len, v);
	case COM_STMT_PREPARE:
		if (c == 0)
			return prepared(s, h, v);
		break;
	default:
		break;
	}
	if (c == 0) {
		if (!h->r.command && len == 12 && view_len(&v) == 12 && v.p[9] == 0 && !v.p[4])
			return prepared(s, h, v);
		mysql_ok(h, v, true);
		result_end(h);
		return true;
	}
	if (c == 0xfe && len < 9) {
		eof(h, v);
		result_end(h);
		return true;
	}
	if (c == 0xfb) { /* LOAD DATA LOCAL: the client sends the file, then comes the answer */
		h->infile = true;
		h->infile_bytes = 0;
		tsm_lasting(t);
		return true;
	}
	return result_set(s, h, v);
}

uint32_t mysql_server_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have)
{
	uint32_t max = MYSQL_SHORT;

	switch (h->side[SIDE_SERVER].phase) {
	case P_START: /* the first event is the answer, too */
		if (h->dump)
			max = mysql_event_wants(h, p, len, have);
		break;
	case P_DUMP:
		max = mysql_event_wants(h, p, len, have);
		break;
	case P_COLUMNS:
	case P_PARAMETERS:
	case P_PREPARED:
	case P_AFTER_COLUMNS:
	case P_ROWS:
	case P_FIELD_LIST:
		if (have <= MYSQL_HEAD || p[4] < 0xfe || (p[4] == 0xfe && len == MYSQL_FULL))
			max = 1;
		break;
	default:
		break;
	}
	return len < max ? len : max;
}

bool mysql_server_packet(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];
	/* Inside the compressed protocol some servers number packets otherwise. */
	bool in_order = p[3] == x->seq || h->compressed;

	if (!len)
		return false;
	switch (x->phase) {
	case P_GREETING:
		return mysql_greeting(s, h, p, body);
	case P_AUTH:
		return mysql_authentication(s, h, p, len, body);
	case P_PARAMETERS:
	case P_PREPARED:
	case P_COLUMNS:
		return in_order && definition(s, h, len, body);
	case P_AFTER_COLUMNS:
	case P_ROWS:
	case P_FIELD_LIST:
		return in_order && row(s, h, len, body);
	case P_DUMP:
		return mysql_event(s, h, p, len, body);
	default:
		return first_packet(s, h, p, len, body);
	}
}
