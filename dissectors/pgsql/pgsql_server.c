/*
 * pgsql_server.c - what a server sends: its answers, and what it says unasked. Values of rows are
 * passed over unread.
 */
#include "pgsql.h"

static struct view nothing(void)
{
	return view_of(NULL, 0, 0);
}

uint32_t pgsql_server_wants(uint8_t type, uint32_t len)
{
	uint32_t max = 0;

	switch (type) {
	case 'E':
	case 'C':
	case 'S':
	case 'A':
	case 'v':
		max = PGSQL_SHORT;
		break;
	case 'T':
		max = 2;
		break;
	case 'Z':
		max = 1;
		break;
	case 'K':
	case 'R':
		max = 4;
		break;
	default:
		break;
	}
	return len < max ? len : max;
}

/* ---- The response ---- */

static void respond(struct session *s, struct pgsql *h, const uint8_t *at)
{
	uint64_t tag;

	if (h->r.going)
		return;
	memset(&h->r, 0, sizeof(h->r));
	h->r.t = tsm_response(s, 0, at);
	h->r.going = true;
	tag = tsm_tag(h->r.t);
	/* Of one that nobody saw the end is where the server is ready for another. */
	h->r.tag = TAG_SERIAL(tag) ? tag : TAG_SYNC;
	if (TAG_SERIAL(tag))
		h->answered = TAG_SERIAL(tag);
	if (tsm_same(tsm_current(s, SIDE_CLIENT), h->r.t)) {
		/* The server does not wait for the rest: it has refused, or has too much to say. */
		tsm_request_end(s, h->r.t, NULL);
		if (!h->q.executed)
			h->q.building = false;
	}
}

/* What is asked of it may have grown since. */
static uint64_t tag_now(const struct pgsql *h)
{
	return tsm_is(h->r.t) && TAG_SERIAL(h->r.tag) ? tsm_tag(h->r.t) : h->r.tag;
}

static void response_end(struct session *s, struct pgsql *h, const uint8_t *end)
{
	struct tsm_txn t = h->r.t;

	if (!h->r.going)
		return;
	if (h->r.rows) {
		tsm_u64(t, F_ROWS, h->r.rows);
		tsm_u64(t, F_RESULT_BYTES, h->r.bytes);
	}
	if (h->r.copied)
		tsm_u64(t, F_COPY_BYTES, h->r.copied);
	if (h->notices)
		tsm_u64(t, F_NOTICES, h->notices);
	h->notices = 0;
	if (!h->r.error)
		tsm_status(t, STATUS_OK);
	h->r.going = false;
	if (tsm_same(h->q.t, t))
		h->q.building = false;
	tsm_response_end(s, t, end);
}

/* One more step of what was asked is answered. */
static void step(struct session *s, struct pgsql *h, const uint8_t *end)
{
	uint64_t tag = tag_now(h);

	h->r.steps++;
	if (!(tag & TAG_SYNC) && h->r.steps >= (tag & TAG_STEPS))
		response_end(s, h, end);
}

/* ---- Errors ---- */

/*
 * What is behind a request that failed, up to the Sync, the server passes over: all of it is
 * answered by this error.
 */
static void abort_others(struct session *s, struct pgsql *h, const uint8_t *end)
{
	uint64_t serial = TAG_SERIAL(h->r.tag);

	if (!serial)
		return;
	if (serial <= h->gap_serial && h->serial > h->gap_serial) {
		tsm_doubt(s);
		return;
	}
	h->aborted = true;
	while (serial++ < h->serial) {
		bool same;

		respond(s, h, end - 1);
		h->r.error = true;
		tsm_status(h->r.t, STATUS_ERROR);
		tsm_u64(h->r.t, F_ABORTED, 1);
		if (!TAG_SERIAL(h->r.tag))
			break; /* whose answers these are cannot be told */
		same = tsm_same(h->r.t, h->q.t);
		if (tag_now(h) & TAG_SYNC) {
			h->aborted = false;
			return;
		}
		response_end(s, h, end);
		if (same)
			break;
	}
}

static void on_error(struct session *s, struct pgsql *h, const uint8_t *at, struct view v)
{
	struct view severity = nothing(), code = nothing(), message = nothing();
	bool unasked = !h->r.going && h->answered >= h->serial && h->serial > h->gap_serial;

	if (unasked) { /* the server shuts down, or closes what is idle for too long */
		memset(&h->r, 0, sizeof(h->r));
		h->r.t = tsm_event(s, at);
		h->r.going = true;
		tsm_op(h->r.t, pgsql_text("TERMINATED"), nothing());
		pgsql_whose(h, h->r.t);
	}
	respond(s, h, at);
	while (view_len(&v) > 1) {
		uint8_t what = (uint8_t)view_be(&v, 1);
		struct view text = view_text(&v);

		if (what == 'V' || (what == 'S' && !view_len(&severity)))
			severity = text;
		else if (what == 'C')
			code = text;
		else if (what == 'M')
			message = text;
	}
	h->r.error = true;
	tsm_status(h->r.t, STATUS_ERROR);
	if (view_len(&severity))
		tsm_str(h->r.t, F_ERROR_SEVERITY, severity);
	if (view_len(&code))
		tsm_str(h->r.t, F_ERROR_CODE, code);
	if (view_len(&message))
		tsm_str(h->r.t, F_ERROR_MESSAGE, message);
	/* Behind one that is fatal comes nothing. */
	if (view_is(&severity, "FATAL") || view_is(&severity, "PANIC"))
		h->r.tag |= TAG_LOGIN;
}

/* ---- Messages ---- */

/* "SELECT 5", "INSERT 0 1", "UPDATE 3" */
static void on_complete(struct pgsql *h, struct view v)
{
	struct view text = view_text(&v), word, last = nothing(), rest = text;
	uint64_t n;

	tsm_str(h->r.t, F_TAG, text);
	while (word = view_word(&rest), view_len(&word))
		last = word;
	if (view_decimal(&last, UINT64_MAX, &n) && !view_literal(&text, "SELECT") &&
		!view_literal(&text, "FETCH"))
		tsm_u64(h->r.t, F_AFFECTED, n);
}

static void on_parameter(struct pgsql *h, struct view v)
{
	struct view name = view_text(&v), value = view_text(&v);

	if (view_is(&name, "application_name")) {
		size_t n = view_len(&value) < PGSQL_NAME ? view_len(&value) : PGSQL_NAME;

		if (n)
			memcpy(h->application, value.p, n);
		h->application_len = (uint8_t)n;
	} else if (view_is(&name, "server_version") && h->r.going) {
		tsm_str(h->r.t, F_VERSION, value);
	}
}

static void on_notification(struct session *s, struct pgsql *h, const uint8_t *at, struct view v)
{
	if (h->r.going || h->answered < h->serial)
		return; /* it comes with an answer */
	memset(&h->r, 0, sizeof(h->r));
	h->r.t = tsm_event(s, at);
	h->r.going = h->r.event = true;
	(void)view_be(&v, 4);
	tsm_op(h->r.t, pgsql_text("NOTIFICATION"), view_text(&v));
	pgsql_whose(h, h->r.t);
}

static void on_ready(struct session *s, struct pgsql *h, const uint8_t *at, struct view v)
{
	uint8_t status = (uint8_t)view_be(&v, 1);

	respond(s, h, at);
	if (status == 'T')
		tsm_u64(h->r.t, F_IN_TRANSACTION, 1);
	else if (status == 'E')
		tsm_u64(h->r.t, F_FAILED, 1);
}

/* May the client send its rows now, with the request that is open? */
static bool is_awaited(const struct pgsql *h)
{
	return h->q.building && tsm_is(h->q.t) && tsm_tag(h->q.t) & TAG_COPY &&
	       TAG_SERIAL(tsm_tag(h->q.t)) == h->answered + 1;
}

void pgsql_server_begins(
	struct session *s, struct pgsql *h, const uint8_t *at, const struct pgsql_message *m)
{
	struct view v = m->body;

	switch (m->type) {
	case 'N':
		h->notices++;
		return;
	case 'A':
		on_notification(s, h, at, v);
		return;
	case 'S':
		on_parameter(h, v);
		return;
	case 'G':
		if (is_awaited(h) && !h->r.going)
			return;
		respond(s, h, at);
		tsm_lasting(h->r.t);
		return;
	case 'd':
	case 'c':
		if (h->streaming)
			return;
		respond(s, h, at);
		h->r.copied += m->len;
		return;
	case 'E':
		on_error(s, h, at, v);
		return;
	default:
		break;
	}
	if (h->streaming && (m->type == 'C' || m->type == 'Z')) {
		h->streaming = m->type != 'Z'; /* the stream's end */
		return;
	}
	if (m->type == 'Z') {
		on_ready(s, h, at, v);
		return;
	}
	respond(s, h, at);
	switch (m->type) {
	case 'D':
		h->r.rows++;
		h->r.bytes += m->len;
		break;
	case 'T':
		tsm_u64(h->r.t, F_FIELDS, view_be(&v, 2));
		break;
	case 'C':
		on_complete(h, v);
		break;
	case 's':
		tsm_u64(h->r.t, F_SUSPENDED, 1);
		break;
	case 'K':
		tsm_u64(h->r.t, F_PROCESS, view_be(&v, 4));
		break;
	case 'R': /* the next word is the client's, but for OK and the last of SASL */
		v.bad = false;
		h->r.steps = view_be(&v, 4);
		break;
	default:
		break;
	}
}

void pgsql_server_ends(struct session *s, struct pgsql *h, uint8_t type, const uint8_t *end)
{
	if (!h->r.going)
		return;
	switch (type) {
	case 'Z':
		response_end(s, h, end);
		break;
	case 'A':
		if (h->r.event)
			response_end(s, h, end);
		break;
	case 'R':
		if (h->r.steps != 0 && h->r.steps != 12)
			response_end(s, h, end);
		break;
	case '1':
	case '2':
	case '3':
	case 'n':
	case 'T':
	case 'C':
	case 's':
	case 'I':
		if (!(h->r.tag & (TAG_SIMPLE | TAG_LOGIN)))
			step(s, h, end);
		break;
	case 'E':
		if (h->r.event || h->r.tag & (TAG_LOGIN | TAG_ANY)) {
			response_end(s, h, end);
		} else if (!(tag_now(h) & TAG_SYNC)) {
			response_end(s, h, end);
			abort_others(s, h, end);
		}
		break;
	case 'W':
		if (h->r.tag & TAG_STREAM) {
			response_end(s, h, end);
			h->streaming = true;
		}
		break;
	default:
		break;
	}
}

/* The byte that answers an SSLRequest or GSSENCRequest. */
void pgsql_one(struct session *s, struct pgsql *h, const uint8_t *at)
{
	bool gss = h->gss, yes = *at == (gss ? 'G' : 'S');

	h->one = false;
	h->startup = true;
	respond(s, h, at);
	if (yes)
		tsm_u64(h->r.t, F_TLS, 1);
	response_end(s, h, at + 1);
	if (yes)
		tsm_switch(s, gss ? "" : NULL);
}
