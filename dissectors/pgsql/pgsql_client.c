/*
 * pgsql_client.c - what a client sends: its login, queries, the messages of the extended query, the
 * rows of COPY. Passwords, parameters and rows are never read.
 */
#include "pgsql.h"

static struct view nothing(void)
{
	return view_of(NULL, 0, 0);
}

static void keep(uint8_t *to, uint8_t *len, struct view text)
{
	size_t n = view_len(&text) < PGSQL_NAME ? view_len(&text) : PGSQL_NAME;

	if (n)
		memcpy(to, text.p, n);
	*len = (uint8_t)n;
}

void pgsql_whose(struct pgsql *h, struct tsm_txn t)
{
	if (h->user_len)
		tsm_str(t, F_USER, view_of(h->user, h->user_len, 0));
	if (h->database_len)
		tsm_str(t, F_DATABASE, view_of(h->database, h->database_len, 0));
	if (h->application_len)
		tsm_str(t, F_APPLICATION, view_of(h->application, h->application_len, 0));
}

/* FNV-1a; the last bits say what kind of text it is the key of. */
static uint64_t hash(struct view v)
{
	uint64_t x = UINT64_C(14695981039346656037);

	for (; v.p < v.end; v.p++)
		x = (x ^ *v.p) * UINT64_C(1099511628211);
	return x;
}

uint64_t pgsql_named(struct view name)
{
	return (hash(name) & ~UINT64_C(3)) | 1;
}

static uint64_t portal_named(struct view name)
{
	return (hash(name) & ~UINT64_C(3)) | 2;
}

static void bare(struct tsm_txn t, const char *method)
{
	tsm_op(t, pgsql_text(method), nothing());
}

static void add_steps(struct pgsql *h, uint64_t n, uint64_t flags)
{
	uint64_t tag = tsm_tag(h->q.t);

	if ((tag & TAG_STEPS) + n <= TAG_STEPS)
		tag += n;
	tsm_set_tag(h->q.t, tag | flags);
}

static void begin(struct session *s, struct pgsql *h, const uint8_t *at, uint64_t flags)
{
	memset(&h->q, 0, sizeof(h->q));
	h->q.t = tsm_request(s, 0, at);
	h->q.building = true;
	tsm_set_tag(h->q.t, ++h->serial << 24 | flags);
	if (!(flags & TAG_LOGIN))
		pgsql_whose(h, h->q.t);
}

/* ---- Statements ---- */

/* What is shown of a statement; `digest` is written to its bytes. */
static struct view shown(
	struct session *s, struct tsm_txn t, struct view sql, bool whole, struct view *digest)
{
	struct view trace = tsm_sql_trace(sql);
	bool cut;
	size_t n =
		tsm_sql_digest_of(SQL_POSTGRES, sql, (uint8_t *)digest->p, view_len(digest), &cut);

	*digest = view_of(digest->p, n, 0);
	if (view_len(&trace))
		tsm_str(t, F_TRACE_ID, trace);
	if (cut || !whole)
		tsm_flag(t, QUALITY_TRUNCATED);
	return tsm_literal(s) && !tsm_sql_secret(*digest) ? sql : *digest;
}

static void name_it(struct tsm_txn t, struct view digest, struct view query)
{
	uint8_t word[24];
	struct view verb = tsm_sql_verb(digest, word, sizeof(word));

	tsm_op(t, view_len(&verb) ? verb : pgsql_text("EMPTY"), nothing());
	if (view_len(&query))
		tsm_query(t, query);
}

static bool begins(struct view v, const char *text)
{
	return view_literal(&v, text);
}

/* COPY ... FROM STDIN: the client goes on when the server has said so. */
static bool copies_in(struct view digest)
{
	return begins(digest, "copy ") && memmem(digest.p, view_len(&digest), " from stdin", 11);
}

static void execute(struct tsm_txn t, struct pgsql *h, struct view digest, struct view query)
{
	name_it(t, digest, query);
	if (!copies_in(digest))
		return;
	tsm_set_tag(t, tsm_tag(t) | TAG_COPY);
	tsm_awaits(t);
	h->q.copied = false;
}

static void on_query(
	struct session *s, struct pgsql *h, const uint8_t *at, const struct pgsql_message *m)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0), v = m->body, query;

	begin(s, h, at, TAG_SIMPLE | TAG_SYNC);
	query = shown(s, h->q.t, view_text(&v), m->whole, &digest);
	execute(h->q.t, h, digest, query);
	if (begins(digest, "start_replication"))
		tsm_set_tag(h->q.t, tsm_tag(h->q.t) | TAG_STREAM);
}

static void on_parse(struct session *s, struct pgsql *h, const struct pgsql_message *m)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view digest = view_of(out, sizeof(out), 0), v = m->body, query;
	struct view name = view_text(&v);

	h->q.statement = pgsql_named(name);
	query = shown(s, h->q.t, view_text(&v), m->whole, &digest);
	bare(h->q.t, "PREPARE");
	if (view_len(&query))
		tsm_query(h->q.t, query);
	if (view_len(&name))
		tsm_str(h->q.t, F_STATEMENT, name);
	tsm_memo(s, h->q.statement, query);
}

static void on_bind(struct session *s, struct pgsql *h, const struct pgsql_message *m)
{
	struct view v = m->body, portal = view_text(&v), name = view_text(&v);

	h->q.statement = pgsql_named(name);
	h->q.bound = true;
	if (!h->q.executed && (tsm_tag(h->q.t) & TAG_STEPS) <= 1)
		bare(h->q.t, "BIND");
	if (view_len(&name))
		tsm_str(h->q.t, F_STATEMENT, name);
	if (view_len(&portal))
		tsm_memo(s, portal_named(portal), view_of(&h->q.statement, 8, 0));
	else
		h->portal = h->q.statement;
}

static void on_execute(struct session *s, struct pgsql *h, const struct pgsql_message *m)
{
	uint8_t out[TSM_SQL_DIGEST_MAX];
	struct view v = m->body, portal = view_text(&v), text;
	uint64_t key = h->portal;
	bool cut;

	if (view_len(&portal)) {
		tsm_str(h->q.t, F_PORTAL, portal);
		text = tsm_recall(s, portal_named(portal));
		key = 0;
		if (view_len(&text) == 8)
			memcpy(&key, text.p, 8);
	}
	text = tsm_recall(s, key);
	if (!text.p) {
		bare(h->q.t, "EXECUTE");
		tsm_u64(h->q.t, F_UNKNOWN_STATEMENT, 1);
		return;
	}
	execute(h->q.t, h,
		view_of(out, tsm_sql_digest_of(SQL_POSTGRES, text, out, sizeof(out), &cut), 0),
		text);
}

static void on_close(struct session *s, struct pgsql *h, const struct pgsql_message *m)
{
	struct view v = m->body;
	uint8_t what = (uint8_t)view_be(&v, 1);
	struct view name = view_text(&v);

	if (!(tsm_tag(h->q.t) & TAG_STEPS))
		bare(h->q.t, "CLOSE");
	if (what == 'S')
		tsm_forget(s, pgsql_named(name));
}

/* ---- Messages ---- */

/* The first of a connection, which has no type. */
void pgsql_first(struct session *s, struct pgsql *h, const uint8_t *at, struct view v)
{
	uint32_t code = (uint32_t)view_be(&v, 4);
	struct view name, value;

	if (code == CODE_SSL || code == CODE_GSS) {
		begin(s, h, at, TAG_ANY);
		bare(h->q.t, code == CODE_SSL ? "SSL" : "GSS");
		h->one = true;
		h->gss = code == CODE_GSS;
		return;
	}
	h->startup = false;
	if (code == CODE_CANCEL) {
		begin(s, h, at, 0);
		bare(h->q.t, "CANCEL");
		tsm_u64(h->q.t, F_PROCESS, view_be(&v, 4));
		return;
	}
	begin(s, h, at, TAG_LOGIN);
	bare(h->q.t, "LOGIN");
	tsm_name(h->q.t, F_PROTOCOL,
		code == CODE_VERSION       ? "3.0"
		: code == CODE_VERSION + 2 ? "3.2"
					   : "3");
	while (view_len(&v) > 1) {
		name = view_text(&v);
		value = view_text(&v);
		if (view_is(&name, "user"))
			keep(h->user, &h->user_len, value);
		else if (view_is(&name, "database"))
			keep(h->database, &h->database_len, value);
		else if (view_is(&name, "application_name"))
			keep(h->application, &h->application_len, value);
		else if (view_is(&name, "replication") && !view_is(&value, "false"))
			tsm_op(h->q.t, pgsql_text("LOGIN"), pgsql_text("replication"));
	}
	if (!h->database_len) { /* the user's own */
		memcpy(h->database, h->user, sizeof(h->user));
		h->database_len = h->user_len;
	}
	pgsql_whose(h, h->q.t);
}

uint32_t pgsql_client_wants(uint8_t type, uint32_t len)
{
	uint32_t max = PGSQL_SHORT;

	if (type == 'Q' || type == 'P')
		max = PGSQL_SQL_MAX;
	else if (strchr("dpfF", type))
		max = 0;
	return len < max ? len : max;
}

/* Of the extended query: does it begin a request of its own? */
static void go_on(struct session *s, struct pgsql *h, const uint8_t *at, uint8_t type)
{
	bool more = h->q.building && tsm_is(h->q.t);

	if (more && h->q.executed && type != 'C' && type != 'S' && type != 'H')
		more = false;
	if (!more)
		begin(s, h, at, 0);
}

static void on_sync(struct session *s, struct pgsql *h, const uint8_t *at)
{
	bool copying = h->q.building && tsm_tag(h->q.t) & TAG_COPY && !h->q.copied;

	h->aborted = false;
	go_on(s, h, at, 'S');
	if (!(tsm_tag(h->q.t) & TAG_STEPS) && !h->q.executed)
		bare(h->q.t, "SYNC");
	add_steps(h, 0, TAG_SYNC);
	h->q.building = copying;
}

void pgsql_client_begins(
	struct session *s, struct pgsql *h, const uint8_t *at, const struct pgsql_message *m)
{
	uint8_t type = m->type;

	if (h->aborted && strchr("PBEDCHdcf", type))
		return; /* the server passes over it */
	switch (type) {
	case 'Q':
		on_query(s, h, at, m);
		break;
	case 'F':
		begin(s, h, at, TAG_SIMPLE | TAG_SYNC);
		bare(h->q.t, "FUNCTION");
		break;
	case 'p':
		begin(s, h, at, TAG_LOGIN);
		pgsql_whose(h, h->q.t);
		bare(h->q.t, "AUTH");
		break;
	case 'P':
		go_on(s, h, at, type);
		on_parse(s, h, m);
		add_steps(h, 1, 0);
		break;
	case 'B':
		go_on(s, h, at, type);
		on_bind(s, h, m);
		add_steps(h, 1, 0);
		break;
	case 'E':
		go_on(s, h, at, type);
		on_execute(s, h, m);
		add_steps(h, 1, 0);
		h->q.executed = true;
		break;
	case 'D':
		go_on(s, h, at, type);
		if (!(tsm_tag(h->q.t) & TAG_STEPS))
			bare(h->q.t, "DESCRIBE");
		add_steps(h, 1, 0);
		break;
	case 'C':
		go_on(s, h, at, type);
		on_close(s, h, m);
		add_steps(h, 1, 0);
		break;
	case 'S':
		on_sync(s, h, at);
		break;
	default:
		break;
	}
}

/* A message has ended: so may the request have, as far as is known. */
void pgsql_client_ends(struct session *s, struct pgsql *h, uint8_t type, const uint8_t *end)
{
	uint64_t tag = tsm_tag(h->q.t);
	bool data = type == 'c' || type == 'f';

	if (!tsm_is(h->q.t) || type == 'd' || type == 'X')
		return;
	if (data && !(h->q.building && tag & TAG_COPY))
		return;
	if (data)
		h->q.copied = true;
	else if (tag & TAG_COPY && !h->q.copied)
		return; /* its rows are still to come */
	if (type == 'Q' || type == 'F' || type == 'p' || type == 0 || (data && tag & TAG_SIMPLE))
		h->q.building = false;
	if (type == 'H' && !h->q.executed)
		h->q.building = false;
	if (h->r.going && tsm_same(h->r.t, h->q.t)) {
		/* It was answered before it had ended: what it says is of no more use. */
		if (!tsm_same(tsm_current(s, SIDE_CLIENT), h->q.t))
			return;
	}
	if (h->q.building && !h->q.executed && type != 'H' && !data)
		return;
	tsm_request_end(s, h->q.t, end);
	if (type == 0 && !(tag & (TAG_LOGIN | TAG_ANY))) {
		tsm_status(h->q.t, STATUS_OK); /* a cancel request has no answer */
		tsm_unanswered(s, h->q.t);
	}
}
