/*
 * mysql.c - MySQL and MariaDB (client/server protocol 4.1 and later): packets in order.
 *
 * A packet is three bytes of length, a sequence number that is 0 where a command begins, and the
 * rest. What is read of each is bounded; rows are passed over by their length. A response is read
 * by what it holds, not by what was agreed on at the beginning, so that a connection can be
 * followed from its middle. After a loss it goes on with the client's next command, a response to
 * it or the packet that ends a result set (mysql_probe.c).
 */
#include "mysql.h"

const struct field mysql_fields[] = {
	[F_COMMAND] = FIELD("mysql.command", "Command",
		"Command of the protocol (COM_QUERY ...), GREETING, LOGIN, BINLOG_EVENT or "
		"SEMISYNC_ACK",
		FIELD_NAME, 16),
	[F_STATEMENT] = FIELD("mysql.statement_id", "Stmt",
		"Number of the prepared statement on its connection", FIELD_U64, 5),
	[F_USER] = FIELD("mysql.user", "User",
		"User of the connection; absent where its login was not captured", FIELD_STR, 10),
	[F_SCHEMA] = FIELD("mysql.schema", "Schema", "Default schema when the command was sent",
		FIELD_STR, 10),
	[F_TRACE_ID] = FIELD_TRACE_ID,
	[F_VERSION] = FIELD(
		"mysql.server_version", "Version", "Server's version, as it greets", FIELD_STR, 16),
	[F_AFFECTED] = FIELD("mysql.affected_rows", "Affected",
		"Rows changed; of several results their sum", FIELD_U64, 8),
	[F_INSERT_ID] = FIELD("mysql.insert_id", "Insert id",
		"Last AUTO_INCREMENT value; left out where 0", FIELD_ID, 9),
	[F_FIELDS] = FIELD("mysql.num_fields", "Fields",
		"Columns of the first result set, or of the prepared statement", FIELD_U64, 6),
	[F_ROWS] = FIELD("mysql.num_rows", "Rows",
		"Rows of all result sets; absent where some were not captured", FIELD_U64, 7),
	[F_ERRNO] = FIELD("mysql.error_code", "Errno", "Server's error number", FIELD_U64, 5),
	[F_MESSAGE] = FIELD("mysql.error_message", "Error",
		"Error message; what it quotes of values is masked", FIELD_STR, 30),
	[F_ERROR_CODE] = FIELD("error.code", "Code", "Server's error number", FIELD_ID, 5),
	[F_ERROR_MESSAGE] = FIELD("error.message", "Error",
		"Error message; what it quotes of values is masked", FIELD_STR, 30),
	[F_SQLSTATE] =
		FIELD("tsumari.mysql.sqlstate", "SQLSTATE", "SQLSTATE of the error", FIELD_STR, 8),
	[F_WARNINGS] = FIELD("tsumari.mysql.warnings", "Warnings",
		"Warnings of the last result; left out where 0", FIELD_U64, 8),
	[F_NO_INDEX] = FIELD("tsumari.mysql.no_index_used", "No index",
		"The server says: no index was used", FIELD_BOOL, 8),
	[F_NO_GOOD_INDEX] = FIELD("tsumari.mysql.no_good_index_used", "Bad index",
		"The server says: no good index was used", FIELD_BOOL, 8),
	[F_SLOW] = FIELD("tsumari.mysql.slow", "Slow",
		"The server says: slower than its long_query_time", FIELD_BOOL, 5),
	[F_IN_TRANSACTION] = FIELD("tsumari.mysql.in_transaction", "In trx",
		"A transaction was open after the command", FIELD_BOOL, 6),
	[F_RESULT_SETS] = FIELD("tsumari.mysql.result_sets", "Sets",
		"Result sets, where there are several", FIELD_U64, 5),
	[F_RESULT_BYTES] = FIELD("tsumari.mysql.result_bytes", "Bytes",
		"Bytes of the rows; absent where some were not captured", FIELD_BYTES, 8),
	[F_INFILE_BYTES] = FIELD("tsumari.mysql.infile_bytes", "Infile",
		"Bytes of the file that LOAD DATA LOCAL sent", FIELD_BYTES, 8),
	[F_UNKNOWN_STATEMENT] = FIELD("tsumari.mysql.unknown_statement", "Unknown",
		"The statement was prepared before the capture, or too many were since", FIELD_BOOL,
		7),
	[F_ATTRIBUTES] = FIELD("tsumari.mysql.query_attributes", "Attributes",
		"Query attributes sent with the statement", FIELD_U64, 5),
	[F_PARAMETERS] = FIELD("tsumari.mysql.parameters", "Params",
		"Parameters of the prepared statement", FIELD_U64, 6),
	[F_COLLATION] = FIELD("tsumari.mysql.collation", "Collation",
		"Number of the character set and collation the client asked for", FIELD_U64, 5),
	[F_AUTH_PLUGIN] = FIELD("tsumari.mysql.auth_plugin", "Auth",
		"Authentication method that was used in the end", FIELD_STR, 20),
	[F_COMPRESSION] =
		FIELD("tsumari.mysql.compression", "Compr", "Compression agreed on", FIELD_NAME, 5),
	[F_TLS] = FIELD(
		"tsumari.mysql.tls", "TLS", "The connection goes on encrypted", FIELD_BOOL, 3),
	[F_BEFORE_GREETING] = FIELD("tsumari.mysql.before_greeting", "Early",
		"The client logged in before the server greeted, as health checks do", FIELD_BOOL,
		5),
	[F_B_TYPE] = FIELD("tsumari.mysql.binlog.type", "Event",
		"Type of the event of the binary log", FIELD_NAME, 14),
	[F_B_TIME] = FIELD("tsumari.mysql.binlog.timestamp", "Logged",
		"When the statement began on the master, in whole seconds", FIELD_TIME, 20),
	[F_B_SERVER] = FIELD("tsumari.mysql.binlog.server_id", "Server",
		"Server's number: of the event's origin, or of the replica", FIELD_U64, 6),
	[F_B_POSITION] = FIELD("tsumari.mysql.binlog.position", "Position",
		"Position in the binary log: of the end of the event, asked for, or acknowledged",
		FIELD_U64, 10),
	[F_B_FILE] =
		FIELD("tsumari.mysql.binlog.file", "File", "File of the binary log", FIELD_STR, 16),
	[F_B_GTID] = FIELD("tsumari.mysql.binlog.gtid", "GTID",
		"Global transaction identifier of the event, or those that the replica has "
		"already, as it asks for the others",
		FIELD_STR, 20),
	[F_B_SIZE] =
		FIELD("tsumari.mysql.binlog.size", "Size", "Bytes of the event", FIELD_BYTES, 8),
	[F_B_EVENTS] = FIELD("tsumari.mysql.binlog.events", "Events",
		"Events in a TRANSACTION_PAYLOAD; absent where it could not be read to its end",
		FIELD_U64, 6),
	[F_B_ROW_EVENTS] = FIELD("tsumari.mysql.binlog.row_events", "Row events",
		"Those of them that hold rows", FIELD_U64, 6),
	[F_B_AGE] = FIELD("tsumari.mysql.binlog.age", "Age",
		"Capture time less the event's timestamp, where it is not negative", FIELD_DURATION,
		8),
	[F_B_LAG] = FIELD("tsumari.mysql.binlog.lag", "Lag",
		"The age less the smallest age on this connection so far: clocks may differ, "
		"timestamps are whole seconds",
		FIELD_DURATION, 8),
	[F_B_ACK_WAIT] = FIELD("tsumari.mysql.binlog.ack_wait", "Ack wait",
		"From the event that asked for it to its semi-synchronous acknowledgment",
		FIELD_DURATION, 8),
	[D_LENGTH] =
		FIELD_SHOWN("mysql.packet_length", "Length", "Bytes of the packet.", FIELD_BYTES),
	[D_SEQUENCE] = FIELD_SHOWN(
		"mysql.packet_number", "Number", "Counts packets of a command.", FIELD_U64),
	[D_QUERY] = FIELD_SHOWN("mysql.query", "Statement", "The statement.", FIELD_STR),
	[D_KIND] = FIELD_SHOWN("mysql.response", "Response", "What the packet is.", FIELD_NAME),
	[D_REST] = FIELD_SHOWN(
		"mysql.payload", "Bytes", "Bytes in the middle of a packet.", FIELD_BYTES),
	FIELDS_END,
};

/* False of most that is no packet: neither one by which anything begins, with a small number or a
   zero behind it, nor short. What is longer than the packet is not asked here. */
static bool may_be(const struct view *v)
{
	size_t n = view_len(v);

	return n < 6 || n >= 65536 || !v->p[2] || v->p[3] <= 16 || !v->p[4];
}

static enum tsm_probe either(enum tsm_probe a, enum tsm_probe b)
{
	if (a == PROBE_YES || b == PROBE_YES)
		return PROBE_YES;
	return a == PROBE_MAYBE || b == PROBE_MAYBE ? PROBE_MAYBE : PROBE_NO;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	enum tsm_probe client, server;

	if (view_len(&head) <= MYSQL_HEAD)
		return PROBE_MAYBE;
	if (!may_be(&head))
		return PROBE_NO;
	client = either(mysql_login_like(head), mysql_client_probe(head));
	server = either(either(mysql_greeting_like(head), mysql_server_probe(head)),
		mysql_event_like(head));
	if (mysql_compressed_like(head, SIDE_CLIENT) == PROBE_YES)
		client = PROBE_YES;

	if (side == SIDE_SERVER) {
		enum tsm_probe t = client;

		client = server;
		server = t;
	}
	if (client == PROBE_YES)
		return PROBE_YES;
	if (server == PROBE_YES)
		return PROBE_SWAPPED;
	return client == PROBE_MAYBE || server == PROBE_MAYBE ? PROBE_MAYBE : PROBE_NO;
}

/* The place in the stream was found again: what is it? */
static void found(struct session *s, struct mysql *h, enum side side, const struct view *v)
{
	struct mysql_stream *x = &h->side[side];

	x->lost = false;
	if (side == SIDE_CLIENT) {
		x->phase = P_START;
		return;
	}
	x->seq = v->p[3];
	if (!h->r.going && mysql_event_like(*v) == PROBE_YES) {
		/* The first event also answers the command, where that was seen. */
		if (!h->dump || !h->waiting)
			x->phase = P_DUMP;
	} else if (x->phase == P_GREETING && mysql_greeting_like(*v) == PROBE_YES) {
		/* The capture lacks the TCP handshake only. */
		h->side[SIDE_CLIENT].lost = false;
		tsm_go_on(s, SIDE_CLIENT);
	} else if (x->phase == P_GREETING) {
		x->phase = P_START;
	}
}

/* The packet, with all that it goes on in, has been passed over. */
static void packet_end(struct session *s, struct mysql *h, enum side side, const uint8_t *end)
{
	struct mysql_stream *x = &h->side[side];
	struct tsm_txn t = tsm_current(s, side);
	uint8_t after = x->after;

	x->after = AFTER_NOTHING;
	switch (after) {
	case AFTER_REQUEST:
		tsm_request_end(s, t, end);
		break;
	case AFTER_SILENT:
	case AFTER_TLS:
		tsm_status(t, STATUS_OK);
		if (tsm_is(t)) {
			tsm_request_end(s, t, end);
			tsm_unanswered(s, t);
		}
		if (after == AFTER_TLS) {
			h->tls = true;
			tsm_switch(s, NULL);
		}
		break;
	case AFTER_RESPONSE:
		mysql_response_end(s, h, end);
		break;
	case AFTER_EVENT:
		tsm_response_end(s, t, end);
		break;
	default:
		break;
	}
}

static void out_of_step(struct session *s, struct mysql *h, enum side side)
{
	struct mysql_stream *x = &h->side[side];

	tsm_note(s, side == SIDE_CLIENT ? "mysql: no command where one should begin"
					: "mysql: no packet of a response where one should begin");
	tsm_flag(tsm_current(s, side), QUALITY_MALFORMED);
	if (side == SIDE_CLIENT)
		tsm_request_end(s, tsm_current(s, side), NULL);
	else
		mysql_give_up(s, h);
	x->after = AFTER_NOTHING;
	x->more = false;
	x->lost = true;
}

/* Rows that are whole in the view: their header is all that is read of them. */
static void rows(struct mysql *h, struct view *v)
{
	struct mysql_stream *x = &h->side[SIDE_SERVER];
	const uint8_t *p = v->p;

	while (v->end - p >= 5 && p[4] < 0xfe && (p[3] == x->seq || h->compressed)) {
		uint32_t len = mysql_length(p);

		if (!len || len > (size_t)(v->end - p) - MYSQL_HEAD)
			break;
		h->r.rows++;
		h->r.bytes += len;
		x->seq = (uint8_t)(p[3] + 1);
		p += MYSQL_HEAD + len;
	}
	v->p = p;
}

/* Bytes of a packet that are enough, where the rest was not captured, to know what it is. */
static uint32_t cut_least(const struct mysql *h, enum side side, const uint8_t *p, uint32_t len)
{
	uint32_t least = 1;

	if (side == SIDE_CLIENT)
		least = h->side[SIDE_CLIENT].phase == P_LOGIN ? 32 : 1;
	else if (h->dump || h->side[SIDE_SERVER].phase == P_DUMP)
		least = EVENT_HEAD + 3;
	else if (p[MYSQL_HEAD] == 0 || p[MYSQL_HEAD] >= 0xfe) /* its flags say what follows */
		least = 12;
	return len < least ? len : least;
}

/* The packet at the front of the view. False: go on as `t` says. */
static bool packet(
	struct session *s, struct mysql *h, enum side side, struct view *v, struct take *t)
{
	struct mysql_stream *x = &h->side[side];
	const uint8_t *p = v->p;
	size_t have = view_len(v);
	uint32_t len, wants, cut = 0;
	bool good = true;

	if (have < MYSQL_HEAD) {
		t->need = MYSQL_HEAD;
		return false;
	}
	len = mysql_length(p);
	wants = x->more               ? 0
		: side == SIDE_CLIENT ? mysql_client_wants(h, p, len, have)
				      : mysql_server_wants(h, p, len, have);
	if (have < MYSQL_HEAD + wants) {
		if (!v->cut || have <= MYSQL_HEAD ||
			have < MYSQL_HEAD + cut_least(h, side, p, len)) {
			t->need = MYSQL_HEAD + wants;
			return false;
		}
		cut = v->cut;
		wants = (uint32_t)(have - MYSQL_HEAD);
	}
	v->p += MYSQL_HEAD + wants;
	if (x->more) {
		good = p[3] == x->seq || h->compressed;
		if (side == SIDE_SERVER && x->phase == P_ROWS)
			h->r.bytes += len;
	} else if (side == SIDE_CLIENT) {
		good = mysql_client_packet(s, h, p, len, view_of(p + MYSQL_HEAD, wants, cut));
	} else {
		good = mysql_server_packet(s, h, p, len, view_of(p + MYSQL_HEAD, wants, cut));
	}
	if (!good) {
		out_of_step(s, h, side);
		v->p = p + 1;
		t->need = TAKE_SEARCH;
		return false;
	}
	x->seq = (uint8_t)(p[3] + 1);
	x->more = len == MYSQL_FULL;
	t->skip = len - wants;
	if (!t->skip && !x->more)
		packet_end(s, h, side, v->p);
	return true;
}

static void begin(struct session *s, struct mysql *h)
{
	h->begun = true;
	h->side[SIDE_CLIENT].lost = !tsm_from_start(s, SIDE_CLIENT);
	h->side[SIDE_SERVER].lost = !tsm_from_start(s, SIDE_SERVER);
	h->side[SIDE_CLIENT].phase = P_LOGIN;
	h->side[SIDE_SERVER].phase = P_GREETING;
	h->r.lost = true;
}

struct take mysql_packets(struct session *s, void *state, enum side side, struct view *v)
{
	struct mysql *h = state;
	struct mysql_stream *x = &h->side[side];
	struct take t = {0, 0, false};
	bool compressed = h->compressed;

	if (x->after && !x->more)
		packet_end(s, h, side, v->p);
	/* The connection may have gone over to something else. */
	while (view_len(v) && !h->tls && h->compressed == compressed) {
		if (x->lost)
			found(s, h, side, v);
		if (x->phase == P_ROWS && !x->more) {
			rows(h, v);
			if (!view_len(v))
				return t;
		}
		if (!packet(s, h, side, v, &t) || t.skip)
			return t;
	}
	return t;
}

/* Is a command, or a response, the next that comes? */
static bool begins_next(const struct mysql_stream *x)
{
	return x->phase == P_START && !x->more && !x->after;
}

/* Of a connection whose greeting is not in the capture: is it compressed? */
static void see_compression(
	struct session *s, struct mysql *h, enum side side, const struct view *v)
{
	if (!(h->side[side].lost || begins_next(&h->side[side])) || h->compressed ||
		h->caps_known || mysql_compressed_like(*v, side) != PROBE_YES ||
		(side == SIDE_SERVER && mysql_event_like(*v) != PROBE_NO))
		return;
	h->compressed = true;
	/* The other side goes on with the next message, if it is not in the middle of one. */
	h->frame[!side].lost = !h->side[!side].lost && !begins_next(&h->side[!side]);
	tsm_inflate_reset(s, SIDE_CLIENT);
	tsm_inflate_reset(s, SIDE_SERVER);
}

/* Of one that the capture's beginning cut behind the greeting: the login is the first to be seen.
 */
static void see_login(struct mysql *h, enum side side, const struct view *v)
{
	struct mysql_stream *x = &h->side[SIDE_CLIENT];

	if (side == SIDE_CLIENT && x->lost && x->phase == P_LOGIN && !h->client_caps &&
		mysql_login_like(*v) == PROBE_YES)
		x->lost = false;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct mysql *h = state;
	bool compressed;

	if (!h->begun)
		begin(s, h);
	see_compression(s, h, side, v);
	see_login(h, side, v);
	compressed = h->compressed;
	if (!compressed) {
		struct take t = mysql_packets(s, h, side, v);

		if (!h->compressed || t.skip || t.need)
			return t;
	}
	return mysql_compressed(s, h, side, v);
}

void mysql_lose(struct session *s, struct mysql *h, enum side side)
{
	struct mysql_stream *x = &h->side[side];

	x->lost = true;
	x->more = false;
	x->after = AFTER_NOTHING;
	if (!h->r.going || !h->side[SIDE_SERVER].lost)
		return;
	/* A response to a newer command may lie in the hole, or to one that is not seen. */
	if (h->waiting || h->side[SIDE_CLIENT].lost || !tsm_is(tsm_current(s, SIDE_SERVER))) {
		mysql_give_up(s, h);
		return;
	}
	tsm_status(tsm_current(s, SIDE_SERVER), 0);
	h->r.lost = true;
	if (x->phase != P_FIELD_LIST)
		x->phase = P_ROWS;
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct mysql *h = state;

	(void)n;
	tsm_inflate_reset(s, side);
	h->frame[side].left = 0;
	h->frame[side].lost = false;
	mysql_lose(s, h, side);
}

static void end(struct session *s, void *state, enum side side, enum tsm_end why)
{
	mysql_end(s, state, side, why);
}

static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	const struct mysql *h = state;
	bool turn = tsm_takes_turn(s, v->p);
	enum tsm_probe plain, compressed;

	if (h->compressed)
		return mysql_compressed_sync(*v, side, turn);
	plain = mysql_sync(s, state, side, v);
	if (plain == PROBE_YES || h->caps_known)
		return plain;
	compressed = turn ? mysql_compressed_like(*v, side) : mysql_compressed_whole(*v, side);
	return compressed == PROBE_NO ? plain : compressed;
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 3306},
	{TABLE_TCP_PORT, 3307},
	{TABLE_TCP_PORT, 6033},
	{TABLE_END, 0},
};

/* A SELECT is one where it reads from no table. */
static const char *const checks[] = {"GREETING", "LOGIN", "PING", "SELECT", "SET", "QUIT", NULL};

/* Who logs in before the greeting has come knows no password that the server would take. */
static const struct tsm_model model = {
	.kind = KIND_DATABASE,
	.naming = NAMING_STATEMENT,
	.check_methods = checks,
	.check_field = "tsumari.mysql.before_greeting",
};

TSM_DISSECTOR(mysql) = {
	TSM_HEAD,
	.name = "mysql",
	.title = "MySQL and MariaDB",
	.claims = claims,
	.fields = mysql_fields,
	.state_size = sizeof(struct mysql),
	.traits = TRAIT_READS_CUT | TRAIT_SERVER_FIRST,
	.probe = probe,
	.data = data,
	.gap = gap,
	.end = end,
	.describe = mysql_describe,
	.sync = sync,
	.model = &model,
};
