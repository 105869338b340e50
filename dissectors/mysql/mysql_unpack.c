/*
 * mysql_unpack.c - compressed events of the binary log: MariaDB's QUERY_COMPRESSED
 * (log_bin_compress, zlib) and MySQL's TRANSACTION_PAYLOAD (binlog_transaction_compression,
 * Zstandard), which holds the events of a whole transaction, without checksums.
 *
 * What comes out is read as it comes: of a payload the headers of its events and the first
 * statement. An event that is longer than what is read of it is not read to its end.
 */
#include "mysql.h"

/* Fields in front of a payload (MySQL: libbinlogevents, codecs/binary.h). */
enum { FIELD_END_MARK, FIELD_SIZE, FIELD_CODING, FIELD_RAW_SIZE };
enum { PAYLOAD_ZSTD = 0, PAYLOAD_NONE = 255 };

bool mysql_event_query(struct view *v, struct view *schema)
{
	size_t schema_len, vars;

	(void)view_take(v, 8); /* thread, seconds it took */
	schema_len = (size_t)view_le(v, 1);
	(void)view_take(v, 2);
	vars = (size_t)view_le(v, 2);
	(void)view_take(v, vars);
	*schema = view_of(v->p, 0, 0);
	if (schema_len <= view_len(v))
		schema->end += schema_len;
	(void)view_take(v, schema_len + 1);
	return !v->bad;
}

static void show(struct session *s, struct mysql *h, struct view sql, bool whole)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0);

	mysql_statement(s, tsm_current(s, SIDE_SERVER), sql, whole, &digest);
	h->unpack.statement = true;
}

static struct take read_statement(struct session *s, void *state, enum side side, struct view *v)
{
	struct mysql *h = state;
	uint64_t raw = h->unpack.raw;
	size_t n = raw < MYSQL_SQL_MAX ? (size_t)raw : MYSQL_SQL_MAX;
	struct take t = {0, 0, false};

	(void)side;
	if (h->unpack.statement) {
		v->p = v->end;
	} else if (view_len(v) < n) {
		t.need = (uint32_t)n;
	} else {
		show(s, h, view_of(v->p, n, 0), n == raw);
		v->p = v->end;
	}
	return t;
}

/* Behind one byte (of how many the length has, and by what it is compressed) and the length. */
void mysql_unpack_statement(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole)
{
	unsigned head = (unsigned)view_le(&v, 1), bytes = head & 7;
	uint64_t raw = view_be(&v, bytes);

	memset(&h->unpack, 0, sizeof(h->unpack));
	h->unpack.raw = raw;
	if (v.bad || !(head & 0x80) || head & 0x70 || !bytes || bytes > 4 || !raw) {
		tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
		return;
	}
	if (!tsm_inflate_alone(s, SIDE_SERVER, CODING_ZLIB, v, raw, read_statement))
		tsm_note(s, "mysql: compressed event that cannot be read");
	if (!h->unpack.statement)
		tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
}

static bool has_rows(unsigned type)
{
	return (type >= 20 && type <= 25) || (type >= 30 && type <= 32) || type == 39;
}

/* The text of a QUERY event, or the one that its rows were made by; empty: it says nothing. */
static struct view text_in(unsigned type, struct view v)
{
	struct view schema, none = view_of("", 0, 0);

	if (type == EVENT_ROWS_QUERY) {
		(void)view_take(&v, 1); /* its length, as far as a byte holds it */
		return v.bad ? none : v;
	}
	if (!mysql_event_query(&v, &schema) || view_is(&v, "BEGIN") || view_is(&v, "COMMIT"))
		return none;
	return v;
}

/* Events of a payload: their headers, and the first statement. */
static struct take read_events(struct session *s, void *state, enum side side, struct view *v)
{
	struct mysql_unpack *u = &((struct mysql *)state)->unpack;
	struct take t = {0, EVENT_HEAD, false};
	struct view head = *v;
	uint32_t size, want = EVENT_HEAD;
	unsigned type;

	(void)side;
	if (u->bad)
		v->p = v->end;
	if (u->bad || view_len(v) < EVENT_HEAD)
		return t;
	(void)view_take(&head, 4);
	type = (unsigned)view_le(&head, 1);
	(void)view_take(&head, 4);
	size = (uint32_t)view_le(&head, 4);
	if (size < EVENT_HEAD || size > u->raw) {
		u->bad = true;
		v->p = v->end;
		return t;
	}
	if (!u->statement && (type == EVENT_QUERY || type == EVENT_ROWS_QUERY))
		want = size < MYSQL_SQL_MAX ? size : MYSQL_SQL_MAX;
	if (view_len(v) < want) {
		t.need = want;
		return t;
	}
	if (want > EVENT_HEAD) {
		struct view text = text_in(type, view_of(v->p + EVENT_HEAD, want - EVENT_HEAD, 0));

		if (view_len(&text))
			show(s, state, text, want == size);
	}
	u->events++;
	u->rows += has_rows(type);
	v->p += want;
	t.need = size == want ? EVENT_HEAD : 0;
	t.skip = size - want;
	u->raw -= size;
	return t;
}

/* What is in front of the payload. False: it is not all there, or cannot be right. */
static bool payload(struct view *v, uint64_t *size, uint64_t *coding, uint64_t *raw)
{
	uint64_t type;

	*size = UINT64_MAX;
	*coding = UINT64_MAX;
	*raw = 0;
	while (!v->bad && (type = mysql_lenenc(v)) != FIELD_END_MARK) {
		struct view value = mysql_lenenc_text(v);

		if (type == FIELD_SIZE)
			*size = mysql_lenenc(&value);
		else if (type == FIELD_CODING)
			*coding = mysql_lenenc(&value);
		else if (type == FIELD_RAW_SIZE)
			*raw = mysql_lenenc(&value);
		v->bad |= value.bad;
	}
	return !v->bad && *size != UINT64_MAX;
}

void mysql_unpack_payload(
	struct session *s, struct mysql *h, struct tsm_txn t, struct view v, bool whole)
{
	struct mysql_unpack *u = &h->unpack;
	uint64_t size, coding, raw;
	bool good;

	memset(u, 0, sizeof(*u));
	if (!payload(&v, &size, &coding, &raw) || (whole && size > view_len(&v))) {
		tsm_flag(t, whole ? QUALITY_MALFORMED : QUALITY_TRUNCATED);
		return;
	}
	if (coding != PAYLOAD_ZSTD && coding != PAYLOAD_NONE) {
		tsm_note(s, "mysql: payload of a transaction in an unknown coding");
		return;
	}
	if (size < view_len(&v))
		v.end = v.p + size;
	u->raw = coding == PAYLOAD_NONE ? size : raw;
	good = tsm_inflate_alone(s, SIDE_SERVER, coding == PAYLOAD_ZSTD ? CODING_ZSTD : CODING_NONE,
		v, u->raw, read_events);
	if (!good)
		tsm_note(s, "mysql: compressed event that cannot be read");
	if (view_len(&v) < size) {
		tsm_flag(t, QUALITY_TRUNCATED);
	} else if (!good || u->bad || u->raw) {
		tsm_flag(t, QUALITY_MALFORMED);
	} else {
		tsm_u64(t, F_B_EVENTS, u->events);
		tsm_u64(t, F_B_ROW_EVENTS, u->rows);
	}
}
