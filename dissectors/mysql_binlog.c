/*
 * mysql_binlog.c - the stream of events that COM_BINLOG_DUMP asks for, and its semi-synchronous
 * acknowledgments.
 *
 * Each event is a record: type, timestamp, server, position (MySQL source documentation, "Binary
 * Log Event header"; MariaDB knowledge base, "Replication Protocol"). How old it is when it passes
 * says how far the transport is behind; whether the replica applies it is not seen.
 */
#include "mysql.h"

#define EVENT_HEAD   19u
#define EVENT_QUERY  2u
#define EVENT_ROTATE 4u
#define EVENT_FORMAT 15u
#define EVENT_GTID   33u
#define MARIADB_GTID 162u
#define F_ARTIFICIAL 0x20u
#define SECOND       INT64_C(1000000000)
#define CHECKSUM     4u
#define ACK          0xefu /* first byte of an acknowledgment */
#define ACK_HEAD     9u    /* its bytes before the name of the file */

static const char *const types[] = {"UNKNOWN", "START_V3", "QUERY", "STOP", "ROTATE", "INTVAR",
	"LOAD", "SLAVE", "CREATE_FILE", "APPEND_BLOCK", "EXEC_LOAD", "DELETE_FILE", "NEW_LOAD",
	"RAND", "USER_VAR", "FORMAT_DESCRIPTION", "XID", "BEGIN_LOAD_QUERY", "EXECUTE_LOAD_QUERY",
	"TABLE_MAP", "WRITE_ROWS_V0", "UPDATE_ROWS_V0", "DELETE_ROWS_V0", "WRITE_ROWS_V1",
	"UPDATE_ROWS_V1", "DELETE_ROWS_V1", "INCIDENT", "HEARTBEAT", "IGNORABLE", "ROWS_QUERY",
	"WRITE_ROWS", "UPDATE_ROWS", "DELETE_ROWS", "GTID", "ANONYMOUS_GTID", "PREVIOUS_GTIDS",
	"TRANSACTION_CONTEXT", "VIEW_CHANGE", "XA_PREPARE", "PARTIAL_UPDATE_ROWS",
	"TRANSACTION_PAYLOAD", "HEARTBEAT_V2", "GTID_TAGGED"};
#define TYPES (sizeof(types) / sizeof(types[0]))
static const char *const mariadb_types[] = {"ANNOTATE_ROWS", "BINLOG_CHECKPOINT", "GTID",
	"GTID_LIST", "START_ENCRYPTION", "QUERY_COMPRESSED", "WRITE_ROWS_COMPRESSED_V1",
	"UPDATE_ROWS_COMPRESSED_V1", "DELETE_ROWS_COMPRESSED_V1", "WRITE_ROWS_COMPRESSED",
	"UPDATE_ROWS_COMPRESSED", "DELETE_ROWS_COMPRESSED"};
#define MARIADB_FIRST 160u
#define MARIADB_TYPES (sizeof(mariadb_types) / sizeof(mariadb_types[0]))

static const char *type_name(unsigned type)
{
	if (type < TYPES)
		return types[type];
	if (type >= MARIADB_FIRST && type - MARIADB_FIRST < MARIADB_TYPES)
		return mariadb_types[type - MARIADB_FIRST];
	return types[0];
}

static bool known(unsigned type)
{
	return type_name(type) != types[0];
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bytes in front of the event in its packet: 1, with semi-synchronous replication 3; 0: none. */
static size_t event_at(uint32_t len, const uint8_t *p, size_t have)
{
	static const size_t fronts[] = {1, 3};

	if (!have || *p != 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		size_t front = fronts[i];
		uint32_t size;

		if (have < front + EVENT_HEAD || (front == 3 && p[1] != 0xef))
			continue;
		size = number(p + front + 9);
		if (len == MYSQL_FULL ? size > len - front : size == len - front)
			return front;
	}
	return 0;
}

/* Has the event, which is whole, a checksum (CRC-32) at its end? */
static bool checksummed(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	if (n < EVENT_HEAD + CHECKSUM)
		return false;
	for (size_t i = 0; i < n - CHECKSUM; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc == number(p + n - CHECKSUM);
}

enum tsm_probe mysql_event_like(struct view v)
{
	size_t n = view_len(&v), front;
	uint32_t len;

	if (n <= MYSQL_HEAD)
		return PROBE_MAYBE;
	len = mysql_length(v.p);
	v.p += MYSQL_HEAD;
	front = event_at(len, v.p, n - MYSQL_HEAD);
	if (front)
		return known(v.p[front + 4]) ? PROBE_YES : PROBE_NO;
	return *v.p == 0 && len > EVENT_HEAD && n < MYSQL_HEAD + len &&
			       n < MYSQL_HEAD + 3 + EVENT_HEAD
		       ? PROBE_MAYBE
		       : PROBE_NO;
}

bool mysql_ack_like(const struct view *v)
{
	uint32_t len;

	if (view_len(v) <= MYSQL_HEAD)
		return false;
	len = mysql_length(v->p);
	return v->p[3] == 0 && v->p[MYSQL_HEAD] == ACK && len > ACK_HEAD && len < MYSQL_SHORT;
}

/* The statement of a QUERY event; `v` is what follows the header. */
static void statement(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0), schema;
	size_t schema_len, vars;

	(void)view_take(&v, 8); /* thread, seconds it took */
	schema_len = (size_t)view_le(&v, 1);
	(void)view_take(&v, 2);
	vars = (size_t)view_le(&v, 2);
	(void)view_take(&v, vars);
	schema = view_of(v.p, 0, 0);
	if (schema_len <= view_len(&v))
		schema.end += schema_len;
	(void)view_take(&v, schema_len + 1);
	if (v.bad)
		return;
	if (view_len(&schema))
		tsm_str(t, F_SCHEMA, schema);
	if (!h->checksum_known || (whole && h->checksum && view_len(&v) < CHECKSUM))
		return;
	if (whole && h->checksum)
		v.end -= CHECKSUM;
	mysql_statement(s, t, v, whole, &digest);
}

/* How old is it? Clocks differ, timestamps are whole seconds: the smallest age seen is no lag. */
static void lag(
	struct session *s, struct mysql *h, struct tsm_txn t, const uint8_t *p, uint32_t time)
{
	int64_t age = (int64_t)tsm_time(s, p) - (int64_t)time * SECOND;

	if (!h->age_known || age < h->least_age)
		h->least_age = age;
	h->age_known = true;
	if (age >= 0)
		tsm_u64(t, F_B_AGE, (uint64_t)age);
	tsm_u64(t, F_B_LAG, (uint64_t)(age - h->least_age));
}

static bool stream_end(struct session *s, struct mysql *h, const uint8_t *p, struct view body)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];

	if (*body.p == 0xff) {
		mysql_error(s, tsm_event(s, p), body);
		x->after = AFTER_EVENT;
	}
	x->phase = P_START;
	return true;
}

bool mysql_event(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body)
{
	size_t front = event_at(len, body.p, view_len(&body));
	struct view v, method = view_of("BINLOG_EVENT", 12, 0);
	uint32_t time, server, size, position;
	unsigned type, flags;
	const char *name;
	struct tsm_txn t;
	bool whole;

	if (view_len(&body) && (*body.p == 0xff || (*body.p == 0xfe && len < 9)))
		return stream_end(s, h, p, body);
	if (!front)
		return false;
	v = view_of(body.p + front, view_len(&body) - front, 0);
	time = (uint32_t)view_le(&v, 4);
	type = (unsigned)view_le(&v, 1);
	server = (uint32_t)view_le(&v, 4);
	size = (uint32_t)view_le(&v, 4);
	position = (uint32_t)view_le(&v, 4);
	flags = (unsigned)view_le(&v, 2);
	name = type_name(type);
	t = tsm_event(s, p);
	mysql_whose(h, t);
	tsm_name(t, F_COMMAND, "BINLOG_EVENT");
	tsm_op(t, method, view_of(name, strlen(name), 0));
	tsm_status(t, STATUS_OK);
	tsm_name(t, F_B_TYPE, name);
	if (time)
		tsm_u64(t, F_B_TIME, time * (uint64_t)SECOND);
	tsm_u64(t, F_B_SERVER, server);
	if (position)
		tsm_u64(t, F_B_POSITION, position);
	tsm_u64(t, F_B_SIZE, size);
	whole = view_len(&v) == size - EVENT_HEAD;
	/* Both ends have agreed on checksums before; an event's own tells. */
	if (!h->checksum_known && whole && (type == EVENT_QUERY || type == EVENT_ROTATE)) {
		h->checksum = checksummed(body.p + front, size);
		h->checksum_known = true;
	}
	if (type == EVENT_QUERY) {
		statement(s, h, t, v, whole);
	} else if (type == EVENT_GTID) {
		mysql_gtid(t, v);
	} else if (type == MARIADB_GTID) {
		mysql_gtid_mariadb(t, server, v);
	} else if (type == EVENT_ROTATE && view_len(&v) > 8) {
		struct view file = view_of(v.p + 8, view_len(&v) - 8, 0);

		if (h->checksum && view_len(&file) > CHECKSUM)
			file.end -= CHECKSUM;
		tsm_str(t, F_B_FILE, file);
	}
	if (time && type != EVENT_FORMAT && type != EVENT_ROTATE && !(flags & F_ARTIFICIAL))
		lag(s, h, t, p, time);
	if (front == 3 && body.p[2] & 1) {
		h->ack_asked = tsm_time(s, p);
		h->ack_position = position;
	}
	h->side[SIDE_SERVER].after = AFTER_EVENT;
	return true;
}

void mysql_semisync_ack(struct session *s, struct mysql *h, const uint8_t *p, struct view body)
{
	struct view v = body;
	uint64_t position, now = tsm_time(s, p);
	struct tsm_txn t = tsm_request(s, ++h->silent, p);

	h->side[SIDE_CLIENT].after = AFTER_SILENT;
	mysql_whose(h, t);
	tsm_name(t, F_COMMAND, "SEMISYNC_ACK");
	tsm_op(t, view_of("SEMISYNC_ACK", 12, 0), view_of("", 0, 0));
	tsm_query(t, view_of("SEMISYNC_ACK", 12, 0));
	(void)view_le(&v, 1);
	position = view_le(&v, 8);
	if (v.bad) {
		tsm_flag(t, QUALITY_MALFORMED);
		return;
	}
	tsm_u64(t, F_B_POSITION, position);
	if (view_len(&v))
		tsm_str(t, F_B_FILE, v);
	if (h->ack_asked && (uint32_t)position == h->ack_position && now >= h->ack_asked) {
		tsm_u64(t, F_B_ACK_WAIT, now - h->ack_asked);
		h->ack_asked = 0;
	}
}
