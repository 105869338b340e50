/*
 * pgsql.c - PostgreSQL's protocol: fields, the place in each stream, what it is.
 */
#include "pgsql.h"

const struct field pgsql_fields[] = {
	[F_USER] = FIELD("pgsql.user", "User",
		"User of the connection; absent where its login was not captured", FIELD_STR, 10),
	[F_DATABASE] = FIELD("pgsql.database", "Database",
		"Database of the connection; absent where its login was not captured", FIELD_STR,
		10),
	[F_APPLICATION] = FIELD("pgsql.application_name", "Application",
		"What the client calls itself (application_name)", FIELD_STR, 12),
	[F_TRACE_ID] = FIELD_TRACE_ID,
	[F_VERSION] = FIELD("pgsql.server_version", "Version",
		"Server's version, at the login's end", FIELD_STR, 10),
	[F_PROTOCOL] = FIELD("pgsql.protocol_version", "Protocol",
		"Version of the protocol that the client asked for", FIELD_NAME, 5),
	[F_STATEMENT] = FIELD("pgsql.statement", "Statement",
		"Name of the prepared statement; absent of the unnamed one", FIELD_STR, 12),
	[F_PORTAL] = FIELD("pgsql.portal", "Portal",
		"Name of the portal (cursor) that was executed; absent of the unnamed one",
		FIELD_STR, 12),
	[F_TAG] = FIELD("pgsql.tag", "Tag", "What the server says it did, of the last command",
		FIELD_STR, 14),
	[F_FIELDS] =
		FIELD("pgsql.num_fields", "Fields", "Columns of the last result", FIELD_U64, 6),
	[F_ROWS] = FIELD("pgsql.num_rows", "Rows", "Rows sent", FIELD_U64, 6),
	[F_AFFECTED] = FIELD("pgsql.affected_rows", "Affected",
		"Rows that the last command inserted, changed, removed or copied", FIELD_U64, 8),
	[F_ERROR_CODE] =
		FIELD("pgsql.error_code", "SQLSTATE", "SQLSTATE of the error", FIELD_STR, 8),
	[F_ERROR_SEVERITY] = FIELD("pgsql.error_severity", "Severity",
		"ERROR, FATAL (the connection ends) or PANIC (all do)", FIELD_STR, 8),
	[F_ERROR_MESSAGE] =
		FIELD("pgsql.error_message", "Error", "Message of the error", FIELD_STR, 30),
	[F_ABORTED] = FIELD("tsumari.pgsql.aborted", "Aborted",
		"Not executed: something before it, in the same pipeline, failed", FIELD_BOOL, 7),
	[F_IN_TRANSACTION] = FIELD("tsumari.pgsql.in_transaction", "In trx",
		"A transaction was open afterwards", FIELD_BOOL, 6),
	[F_FAILED] = FIELD("tsumari.pgsql.failed_transaction", "Failed trx",
		"A transaction that has failed was open afterwards", FIELD_BOOL, 6),
	[F_SUSPENDED] = FIELD("tsumari.pgsql.suspended", "Part",
		"The client wanted no more rows yet: a cursor's next part", FIELD_BOOL, 5),
	[F_RESULT_BYTES] =
		FIELD("tsumari.pgsql.result_bytes", "Bytes", "Bytes of the rows", FIELD_BYTES, 8),
	[F_COPY_BYTES] = FIELD("tsumari.pgsql.copy_bytes", "Copied",
		"Bytes that COPY sent to the client", FIELD_BYTES, 8),
	[F_NOTICES] = FIELD("tsumari.pgsql.notices", "Notices",
		"Notices and warnings that came with the answer", FIELD_U64, 7),
	[F_UNKNOWN_STATEMENT] = FIELD("tsumari.pgsql.unknown_statement", "Unknown",
		"The statement was prepared before the capture, or too many were since", FIELD_BOOL,
		7),
	[F_PROCESS] = FIELD("tsumari.pgsql.process", "Process",
		"Server process of the connection, or the one whose statement is to be cancelled",
		FIELD_U64, 8),
	[F_TLS] = FIELD("tsumari.pgsql.tls", "TLS",
		"The server agreed: the connection goes on encrypted", FIELD_BOOL, 3),
	[D_TYPE] = FIELD_SHOWN("pgsql.type", "Type", "What the message is.", FIELD_NAME),
	[D_LENGTH] = FIELD_SHOWN(
		"pgsql.length", "Length", "Bytes of the message, without its type.", FIELD_BYTES),
	[D_QUERY] = FIELD_SHOWN("pgsql.query", "Statement", "The statement.", FIELD_STR),
	[D_STATUS] = FIELD_SHOWN("pgsql.status", "Status", "What the connection is in.", FIELD_U64),
	[D_PARAMETER] =
		FIELD_SHOWN("pgsql.parameter_name", "Parameter", "Of the connection.", FIELD_STR),
	[D_VALUE] = FIELD_SHOWN("pgsql.parameter_value", "Value", "Its value.", FIELD_STR),
	[D_CODE] = FIELD_SHOWN("pgsql.version_or_code", "Code",
		"Version of the protocol, or what else is wanted.", FIELD_U64),
	[D_AUTH] = FIELD_SHOWN("pgsql.authtype", "Authentication",
		"0: the client is let in; else what is wanted of it.", FIELD_U64),
	[D_REST] = FIELD_SHOWN(
		"pgsql.payload", "Bytes", "Bytes in the middle of a message.", FIELD_BYTES),
	FIELDS_END,
};

static enum tsm_probe either(enum tsm_probe a, enum tsm_probe b)
{
	if (a == PROBE_YES || b == PROBE_YES)
		return PROBE_YES;
	return a == PROBE_MAYBE || b == PROBE_MAYBE ? PROBE_MAYBE : PROBE_NO;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	enum tsm_probe client, server;

	if (!view_len(&head))
		return PROBE_MAYBE;
	client = either(pgsql_startup_like(head), pgsql_like(head, SIDE_CLIENT));
	server = pgsql_like(head, SIDE_SERVER);
	if (side == SIDE_SERVER) {
		enum tsm_probe t = client;

		client = server;
		server = t;
	}
	if (client == PROBE_YES)
		return PROBE_YES;
	if (server == PROBE_YES)
		return PROBE_SWAPPED;
	return either(client, server);
}

/* ---- Messages ---- */

static void begin(struct session *s, struct pgsql *h)
{
	h->begun = true;
	h->startup = tsm_from_start(s, SIDE_CLIENT);
}

static void message_ends(
	struct session *s, struct pgsql *h, enum side side, uint8_t type, const uint8_t *end)
{
	if (side == SIDE_CLIENT)
		pgsql_client_ends(s, h, type, end);
	else
		pgsql_server_ends(s, h, type, end);
}

/* A client's first message. False: it is not all there, or is none. */
static bool first(struct session *s, struct pgsql *h, struct view *v, struct take *t)
{
	const uint8_t *at = v->p;
	enum tsm_probe like = pgsql_startup_like(*v);
	uint32_t len;

	if (like == PROBE_NO) {
		h->startup = false;
		return true;
	}
	if (like == PROBE_MAYBE)
		return false;
	len = pgsql_be32(at);
	if (view_len(v) < len) {
		*t = take_need(len);
		return false;
	}
	v->p += len;
	pgsql_first(s, h, at, view_of(at + 4, len - 4, 0));
	pgsql_client_ends(s, h, 0, v->p);
	return true;
}

/* Rows that are whole in the view: their header is all that is read of them. */
static void rows(struct pgsql *h, struct view *v)
{
	const uint8_t *p = v->p;

	while (v->end - p >= PGSQL_HEAD && *p == 'D') {
		uint32_t len = pgsql_be32(p + 1);

		if (len < 6 || len > (size_t)(v->end - p) - 1)
			break;
		h->r.rows++;
		h->r.bytes += len - 4;
		p += 1 + len;
	}
	v->p = p;
}

static struct take out_of_step(struct session *s, struct pgsql *h, enum side side)
{
	tsm_note(s, side == SIDE_CLIENT ? "pgsql: no message where a client's should begin"
					: "pgsql: no message where a server's should begin");
	if (side == SIDE_CLIENT) {
		tsm_abandon(s, h->q.building ? h->q.t : TSM_NONE);
		h->q.building = false;
	} else {
		tsm_abandon(s, h->r.going ? h->r.t : TSM_NONE);
		h->r.going = false;
	}
	return take_search();
}

/* The message at the front. False: go on as *t says. */
static bool message(
	struct session *s, struct pgsql *h, enum side side, struct view *v, struct take *t)
{
	const uint8_t *at = v->p;
	struct pgsql_message m;
	uint32_t wants;

	if (view_len(v) < PGSQL_HEAD) {
		*t = take_need(PGSQL_HEAD);
		return false;
	}
	m.type = *at;
	m.len = pgsql_be32(at + 1);
	if (m.len < 4 || !pgsql_plausible(side, m.type, m.len - 4)) {
		*t = out_of_step(s, h, side);
		return false;
	}
	m.len -= 4;
	wants = side == SIDE_CLIENT ? pgsql_client_wants(m.type, m.len)
				    : pgsql_server_wants(m.type, m.len);
	if (view_len(v) < PGSQL_HEAD + wants) {
		*t = take_need(PGSQL_HEAD + wants);
		return false;
	}
	m.body = view_of(at + PGSQL_HEAD, wants, 0);
	m.whole = wants == m.len;
	v->p += PGSQL_HEAD + wants;
	if (side == SIDE_CLIENT)
		pgsql_client_begins(s, h, at, &m);
	else
		pgsql_server_begins(s, h, at, &m);
	if (m.whole) {
		message_ends(s, h, side, m.type, v->p);
		return true;
	}
	h->side[side].skipped = true;
	h->side[side].type = m.type;
	*t = take_skip(m.len - wants);
	return false;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct pgsql *h = state;
	struct take t = take_more();

	if (!h->begun)
		begin(s, h);
	if (h->side[side].skipped) {
		h->side[side].skipped = false;
		message_ends(s, h, side, h->side[side].type, v->p);
	}
	while (view_len(v)) {
		if (side == SIDE_SERVER && h->one) {
			/* A server that knows none of it says so in a message. */
			bool encrypted = *v->p == (h->gss ? 'G' : 'S');

			if (*v->p == 'E') {
				h->one = false;
				continue;
			}
			pgsql_one(s, h, v->p++);
			if (encrypted)
				return take_more();
			continue;
		}
		if (side == SIDE_CLIENT && h->startup) {
			if (!first(s, h, v, &t))
				return t;
			continue;
		}
		if (side == SIDE_SERVER && h->r.going && h->r.rows)
			rows(h, v);
		if (view_len(v) && !message(s, h, side, v, &t))
			return t;
	}
	return t;
}

/* ---- Lost bytes ---- */

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct pgsql *h = state;

	(void)n;
	h->side[side].skipped = false;
	h->gap_serial = h->serial;
	if (side == SIDE_CLIENT) {
		h->startup = false;
		h->q.building = false;
		h->aborted = false;
	} else {
		h->one = false;
		if (h->r.going)
			tsm_abandon(s, h->r.t);
		h->r.going = false;
		h->notices = 0;
	}
}

/* Rows may hold anything: a message is believed where its side takes its turn. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	enum tsm_probe like;

	(void)state;
	if (!tsm_takes_turn(s, v->p))
		return PROBE_NO;
	like = pgsql_like(*v, side);
	if (side == SIDE_CLIENT)
		like = either(like, pgsql_startup_like(*v));
	/* A long one is all that there is to see of it. */
	return like == PROBE_MAYBE && view_len(v) >= 64 ? PROBE_YES : like;
}

/* ---- What it is ---- */

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 5432},
	{TABLE_TCP_PORT, 5433},
	{TABLE_TCP_PORT, 6432}, /* PgBouncer */
	{TABLE_END, 0},
};

/* A SELECT is one where it reads from no table. */
static const char *const checks[] = {
	"LOGIN", "AUTH", "SSL", "GSS", "SELECT", "SHOW", "SET", "EMPTY", "SYNC", NULL};
/* What the server has to tell when there is something. */
static const char *const waiting[] = {"START_REPLICATION", NULL};

static const struct tsm_model model = {
	.kind = KIND_DATABASE,
	.naming = NAMING_STATEMENT,
	.sql = SQL_POSTGRES,
	.check_methods = checks,
	.idle_methods = waiting,
};

TSM_DISSECTOR(pgsql) = {
	TSM_HEAD,
	.name = "pgsql",
	.title = "PostgreSQL",
	.claims = claims,
	.fields = pgsql_fields,
	.state_size = sizeof(struct pgsql),
	.traits = TRAIT_IN_ORDER | TRAIT_MIDWAY_BY_PORT,
	.probe = probe,
	.data = data,
	.gap = gap,
	.sync = sync,
	.describe = pgsql_describe,
	.model = &model,
};
