/*
 * mysql_binlog.c - the stream of events that COM_BINLOG_DUMP asks for, and its semi-synchronous
 * acknowledgments.
 *
 * Each event is a record: type, timestamp, server, position (MySQL source documentation, "Binary
 * Log Event header"; MariaDB knowledge base, "Replication Protocol"). How old it is when it passes
 * says how far the transport is behind; whether the replica applies it is not seen.
 */
#include "mysql.h"

#define F_ARTIFICIAL 0x20u
#define CHECKSUM     4u
#define SIZE_MOST    (UINT32_C(1) << 30) /* max_allowed_packet at most, about */
#define ACK          0xefu               /* first byte of an acknowledgment */
#define ACK_HEAD     9u                  /* its bytes before the name of the file */

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

/* Does an event begin here, in a packet that has `len` bytes from here on? */
static bool event_here(const uint8_t *p, size_t have, uint32_t len, bool full)
{
	uint32_t size;

	if (have < EVENT_HEAD)
		return false;
	size = number(p + 9);
	if (!full)
		return size == len;
	return size > len && size <= SIZE_MOST + len && known(p[4]);
}

/*
 * Bytes in front of the event in its packet: 1, with semi-synchronous replication 3; 0: none. Where
 * the event goes on in the next packet its size proves less: all events of a connection are alike.
 */
static size_t event_at(uint32_t len, const uint8_t *p, size_t have, uint8_t usual)
{
	bool full = len == MYSQL_FULL;

	if (have < 3 || *p != 0)
		return 0;
	if ((usual != 1 || !full) && p[1] == ACK && p[2] <= 1 &&
		event_here(p + 3, have - 3, len - 3, full))
		return 3;
	return (usual != 3 || !full) && event_here(p + 1, have - 1, len - 1, full) ? 1 : 0;
}

/* CRC-32 (of IEEE 802.3), four bits at a time. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/*
 * Has the event, which is whole, a checksum at its end? What FORMAT_DESCRIPTION says is true of the
 * file, not of what is sent: a server may take checksums off, or leave them on though the client
 * asked for none, and the events that it makes itself have them or not. So each tells by itself.
 */
static bool checksummed(const uint8_t *p, size_t n)
{
	return n >= EVENT_HEAD + CHECKSUM && crc32(p, n - CHECKSUM) == number(p + n - CHECKSUM);
}

uint32_t mysql_event_wants(const struct mysql *h, const uint8_t *p, uint32_t len, size_t have)
{
	size_t front;
	unsigned type;

	if (have <= MYSQL_HEAD)
		return MYSQL_SHORT;
	front = event_at(len, p + MYSQL_HEAD, have - MYSQL_HEAD, h->event_front);
	type = front ? p[MYSQL_HEAD + front + 4] : 0;
	return type == EVENT_QUERY || type == EVENT_PAYLOAD || type == MARIADB_QUERY_COMPRESSED
		       ? MYSQL_SQL_MAX
		       : MYSQL_SHORT;
}

enum tsm_probe mysql_event_like(struct view v)
{
	size_t n = view_len(&v), front;
	uint32_t len;

	if (n <= MYSQL_HEAD)
		return PROBE_MAYBE;
	len = mysql_length(v.p);
	v.p += MYSQL_HEAD;
	front = event_at(len, v.p, n - MYSQL_HEAD, 0);
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

/*
 * A QUERY event, as far as it is there; `v` is what follows the header, `coded`: its statement is
 * compressed.
 */
static void statement(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole, bool coded)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0), schema;

	if (!mysql_event_query(&v, &schema))
		return;
	if (view_len(&schema))
		tsm_str(t, F_SCHEMA, schema);
	if (coded)
		mysql_unpack_statement(s, h, t, v, whole);
	else
		mysql_statement(s, t, v, whole, &digest);
}

/* How old is it? Clocks differ, timestamps are whole seconds: the smallest age seen is no lag. */
static void lag(
	struct session *s, struct mysql *h, struct tsm_txn t, const uint8_t *p, uint32_t time)
{
	int64_t age = (int64_t)tsm_time(s, p) - (int64_t)time * (int64_t)TSM_SECOND;

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

/* What follows the header of an event, less its checksum. */
static void event_body(struct session *s, struct mysql *h, struct tsm_txn t, unsigned type,
	uint32_t server, struct view v, bool whole)
{
	switch (type) {
	case EVENT_QUERY:
	case MARIADB_QUERY_COMPRESSED:
		statement(s, h, t, v, whole, type != EVENT_QUERY);
		break;
	case EVENT_PAYLOAD:
		mysql_unpack_payload(s, h, t, v, whole);
		break;
	case EVENT_GTID:
		mysql_gtid(t, v);
		break;
	case MARIADB_GTID:
		mysql_gtid_mariadb(t, server, v);
		break;
	case EVENT_ROTATE:
		if (whole && view_len(&v) > 8)
			tsm_str(t, F_B_FILE, view_of(v.p + 8, view_len(&v) - 8, 0));
		break;
	default:
		break;
	}
}

bool mysql_event(
	struct session *s, struct mysql *h, const uint8_t *p, uint32_t len, struct view body)
{
	size_t front = event_at(len, body.p, view_len(&body), h->event_front);
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
	if (len != MYSQL_FULL)
		h->event_front = (uint8_t)front;
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
		tsm_u64(t, F_B_TIME, time * TSM_SECOND);
	tsm_u64(t, F_B_SERVER, server);
	if (position)
		tsm_u64(t, F_B_POSITION, position);
	tsm_u64(t, F_B_SIZE, size);
	whole = size >= EVENT_HEAD && view_len(&v) == size - EVENT_HEAD;
	if (whole && checksummed(body.p + front, size))
		v.end -= CHECKSUM;
	event_body(s, h, t, type, server, v, whole);
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
		tsm_flag(t, v.cut ? QUALITY_TRUNCATED : QUALITY_MALFORMED);
		return;
	}
	tsm_u64(t, F_B_POSITION, position);
	if (view_len(&v) && !v.cut)
		tsm_str(t, F_B_FILE, v);
	if (h->ack_asked && (uint32_t)position == h->ack_position && now >= h->ack_asked) {
		tsm_u64(t, F_B_ACK_WAIT, now - h->ack_asked);
		h->ack_asked = 0;
	}
}
