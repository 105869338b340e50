/*
 * http.c - HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112), and the "simple" request and response of
 * HTTP/0.9 (RFC 1945, 4.1).
 *
 * Messages are read line by line, so that nothing is looked at twice however it was segmented;
 * bodies are passed over by their framing (RFC 9112, 6.3) and never touched. An interim answer
 * (1xx) is not the answer.
 */
#include "http.h"
#include "http_show.h"

#define LINE_MAX_BYTES   16384u
#define HEADERS_MAX      1024u
#define HEADER_BYTES_MAX 65536u

const struct field http_fields[] = {
	HTTP_FIELDS,
	[F_RES_PHRASE] = FIELD("http.response.status_phrase", "Phrase",
		"Reason phrase of the response", FIELD_STR, 16),
	[D_TARGET] =
		FIELD_SHOWN("http.request.uri", "Target", "As the client wrote it.", FIELD_STR),
	[D_HEADER] = FIELD_SHOWN("http.header", "Header", "A line of the head.", FIELD_STR),
	[D_BODY] = FIELD_SHOWN("http.body", "Body", "Bytes of the body here.", FIELD_BYTES),
	FIELDS_END,
};

enum { H_NONE, H_LENGTH, H_CODING, H_OTHER };

static enum tsm_probe probe(struct view head, enum side side)
{
	enum tsm_probe request = request_like(head), status = status_like(head);

	if (!view_len(&head))
		return PROBE_MAYBE;
	if (side == SIDE_SERVER) {
		enum tsm_probe t = request;

		request = status;
		status = t;
	}
	if (request == PROBE_YES)
		return PROBE_YES;
	if (status == PROBE_YES)
		return PROBE_SWAPPED;
	return request == PROBE_MAYBE || status == PROBE_MAYBE ? PROBE_MAYBE : PROBE_NO;
}

static void message_reset(struct message *m)
{
	memset(m, 0, sizeof(*m));
}

static void message_begin(struct message *m, uint64_t bytes)
{
	uint8_t phase = HEADERS;

	message_reset(m);
	m->phase = phase;
	m->bytes = m->header_bytes = (uint32_t)bytes;
}

/* The request line; false where it is none. */
static bool request_line(struct session *s, struct http *h, struct view line, bool cut)
{
	struct message *m = &h->m[SIDE_CLIENT];
	struct view rest = line, method = before(&rest, ' '), target, version;
	uint64_t tag = TAG_ASKED;

	rest = trimmed(rest);
	target = rest;
	version = view_of(rest.end, 0, 0);
	while (version.p > rest.p && version.p[-1] != ' ')
		version.p--;
	if (cut || version.p == rest.p || !names_version(version))
		version.p = version.end;
	else
		target.end = version.p - 1;
	if (!view_len(&method) || view_len(&method) > 32 || !view_len(&target))
		return false;
	for (const uint8_t *p = method.p; p < method.end; p++)
		if (!is_token(*p))
			return false;
	if (!cut && !view_len(&version) && !known_method(method))
		return false;
	h->simple = !cut && !view_len(&version) && !h->asked && view_is(&method, "get") &&
		    tsm_from_start(s, SIDE_CLIENT);
	h->asked = true;
	message_begin(m, (uint64_t)(line.end - line.p) + 2);
	target = trimmed(target);
	m->txn = tsm_request(s, 0, line.p);
	if (view_is(&method, "head"))
		tag |= TAG_HEAD;
	else if (view_is(&method, "connect"))
		tag |= TAG_CONNECT;
	tsm_set_tag(m->txn, tag);
	tsm_op(m->txn, method, target);
	tsm_str(m->txn, F_REQ_METHOD, method);
	if (is_version(version, true))
		tsm_str(m->txn, F_VERSION, view_of(version.p + 5, 3, 0));
	else if (!h->simple)
		tsm_flag(m->txn, QUALITY_MALFORMED);
	if (cut)
		tsm_flag(m->txn, QUALITY_TRUNCATED);
	http_keep_target(s, h, target);
	return true;
}

/* The answer came instead of a 100: the head is all of the request. The body may follow, or not. */
static void refuse_body(struct session *s, struct http *h)
{
	struct message *m = &h->m[SIDE_CLIENT];

	if (m->phase != EXPECTING || m->refused || !tsm_same(m->txn, h->m[SIDE_SERVER].txn))
		return;
	m->refused = true;
	tsm_u64(m->txn, F_REQ_BYTES, m->bytes);
	tsm_request_end(s, m->txn, NULL);
	m->txn = TSM_NONE;
}

/* The status line; false where it is none. */
static bool status_line(struct session *s, struct http *h, struct view line)
{
	struct message *m = &h->m[SIDE_SERVER];
	struct view phrase = line;
	unsigned status;

	if (status_like(line) != PROBE_YES)
		return false;
	status = (line.p[9] - 48u) * 100 + (line.p[10] - 48u) * 10 + (line.p[11] - 48u);
	message_begin(m, (uint64_t)(line.end - line.p) + 2);
	m->status = (uint16_t)status;
	if (status >= 100 && status < 200 && status != 101) {
		m->interim = true;
		h->interim++;
		return true;
	}
	m->txn = tsm_response(s, 0, line.p);
	refuse_body(s, h);
	if (h->sloppy)
		tsm_flag(m->txn, QUALITY_MALFORMED);
	h->sloppy = false;
	phrase.p += 12;
	phrase = trimmed(phrase);
	tsm_u64(m->txn, F_RES_STATUS, status);
	if (view_len(&phrase))
		tsm_str(m->txn, F_RES_PHRASE, phrase);
	if (h->interim)
		tsm_u64(m->txn, F_INTERIM, h->interim);
	h->interim = 0;
	tsm_status(m->txn, status >= 500   ? STATUS_SERVER_ERROR
			   : status >= 400 ? STATUS_CLIENT_ERROR
					   : STATUS_OK);
	return true;
}

/* One member of a Content-Length; several must agree (RFC 9112, 6.3). */
static void length_value(struct message *m, struct view v)
{
	v = trimmed(v);
	if (!view_len(&v)) {
		m->length_seen_empty = true;
		return;
	}
	while (view_len(&v)) {
		struct view one = before(&v, ',');
		uint64_t n = 0;

		one = trimmed(one);
		if (!view_len(&one))
			m->bad_length = true;
		for (const uint8_t *p = one.p; p < one.end; p++) {
			if (*p < '0' || *p > '9' || n > HTTP_LENGTH_MAX / 16) {
				m->bad_length = true;
				return;
			}
			n = n * 10 + (*p - 48u);
		}
		if (m->has_length)
			tsm_flag(m->txn, QUALITY_AMBIGUOUS);
		if (m->has_length && n != m->length)
			m->bad_length = true;
		m->has_length = true;
		m->length = n;
	}
}

static void coding_value(struct message *m, struct view v)
{
	while (view_len(&v)) {
		struct view one = before(&v, ',');

		one = before(&one, ';');
		one = trimmed(one);
		if (!view_len(&one) || view_is(&one, "identity"))
			continue;
		/* Only a final "chunked" frames the message. */
		m->chunked = view_is(&one, "chunked");
		m->other_coding = !m->chunked;
	}
}

static void mime(struct tsm_txn t, unsigned field, struct view v)
{
	v = before(&v, ';');
	v = trimmed(v);
	if (view_len(&v))
		tsm_str(t, field, v);
}

static void set_trace(struct tsm_txn t, struct view v)
{
	v = trace_id(v);
	if (view_len(&v))
		tsm_str(t, F_TRACE_ID, v);
}

static void request_header(
	struct session *s, struct http *h, struct message *m, struct view name, struct view v)
{
	switch (view_len(&name)) {
	case 4:
		if (view_is(&name, "host"))
			http_keep_host(s, h, v);
		break;
	case 6:
		m->expects |= view_is(&name, "expect") && view_is(&v, "100-continue");
		if (view_is(&name, "cookie"))
			whose_cookie(&m->whose, v);
		break;
	case 7:
		if (view_is(&name, "referer") && view_len(&v))
			tsm_str(m->txn, F_REQ_REFERRER, v);
		else if (view_is(&name, "upgrade"))
			tsm_set_tag(m->txn, tsm_tag(m->txn) | TAG_UPGRADE);
		break;
	case 10:
		if (view_is(&name, "user-agent") && view_len(&v))
			tsm_str(m->txn, F_USER_AGENT, v);
		break;
	case 11:
		if (view_is(&name, "traceparent"))
			set_trace(m->txn, v);
		break;
	case 12:
		if (view_is(&name, "content-type"))
			mime(m->txn, F_REQ_MIME, v);
		else if (view_is(&name, "x-request-id") && view_len(&v))
			tsm_str(m->txn, F_REQ_ID, v);
		break;
	case 13:
		if (view_is(&name, "authorization"))
			whose_authorization(&m->whose, v);
		break;
	default:
		break;
	}
}

static void response_header(struct http *h, struct message *m, struct view name, struct view v)
{
	switch (view_len(&name)) {
	case 7:
		if (view_is(&name, "upgrade") && m->status == 101) {
			m->upgrade = true;
			h->upgrade_to = view_is(&v, "websocket") ? ""
					: view_is(&v, "h2c")     ? "http2"
								 : NULL;
			tsm_str(m->txn, F_UPGRADE, v);
		}
		break;
	case 12:
		if (view_is(&name, "content-type")) {
			m->typed = true;
			mime(m->txn, F_RES_MIME, v);
		}
		break;
	case 16:
		if (view_is(&name, "content-encoding") && view_len(&v))
			tsm_str(m->txn, F_ENCODING, v);
		break;
	default:
		break;
	}
}

static void header_line(
	struct session *s, struct http *h, struct message *m, enum side side, struct view line)
{
	struct view name, v = line;

	if (*line.p == ' ' || *line.p == '\t') { /* obs-fold: the last header goes on */
		v = trimmed(line);
		if (m->last == H_LENGTH)
			length_value(m, v);
		else if (m->last == H_CODING)
			coding_value(m, v);
		return;
	}
	name = before(&v, ':');
	v = trimmed(v);
	m->last = H_OTHER;
	if (view_len(&name) == 14 && view_is(&name, "content-length")) {
		m->last = H_LENGTH;
		length_value(m, v);
	} else if (view_len(&name) == 17 && view_is(&name, "transfer-encoding")) {
		m->last = H_CODING;
		coding_value(m, v);
	} else if (side == SIDE_CLIENT) {
		request_header(s, h, m, name, v);
	} else {
		response_header(h, m, name, v);
	}
}

static void message_end(struct session *s, struct http *h, enum side side, const uint8_t *end)
{
	struct message *m = &h->m[side];
	struct tsm_txn t = m->txn;

	if (side == SIDE_CLIENT) {
		tsm_u64(t, F_REQ_BYTES, m->bytes);
		if (m->body || m->has_length || m->chunked)
			tsm_u64(t, F_REQ_BODY, m->body);
		m->phase = START;
		if (tsm_tag(t) & TAG_CONNECT)
			m->phase = WAIT;
		m->txn = TSM_NONE;
		tsm_request_end(s, t, end);
		return;
	}
	if (!m->interim) {
		uint64_t tag = tsm_tag(t);
		bool go_over = m->status == 101 || m->tunnel ||
			       (tag & TAG_CONNECT && m->status / 100 == 2);

		if (!m->close_delimited) {
			tsm_u64(t, F_RES_BYTES, m->bytes);
			tsm_u64(t, F_RES_BODY, m->body);
		}
		m->txn = TSM_NONE;
		if (m->status == 101 && h->upgrade_to && *h->upgrade_to)
			tsm_pass_on(s, t);
		if (go_over)
			tsm_switch(s, m->status == 101 ? h->upgrade_to : NULL);
		else if (h->m[SIDE_CLIENT].phase == WAIT && tag & TAG_CONNECT)
			h->m[SIDE_CLIENT].phase = START;
		tsm_response_end(s, t, end);
	}
	m->phase = START;
}

static void body_begins(struct message *m, uint8_t phase)
{
	m->phase = phase;
	if (phase == BODY) {
		m->body = m->length;
		m->bytes += m->length;
	}
}

static void expect_body(struct session *s, struct message *m, uint8_t phase, const uint8_t *end)
{
	if (m->expects) {
		tsm_awaits(m->txn);
		m->phase = EXPECTING;
		m->after = phase;
		m->body = tsm_time(s, end - 1);
	} else {
		body_begins(m, phase);
	}
}

/* The blank line was read: how is the body framed (RFC 9112, 6.3)? */
static void headers_end(struct session *s, struct http *h, enum side side, const uint8_t *end)
{
	struct message *m = &h->m[side];
	uint64_t tag = tsm_tag(m->txn);

	if (side == SIDE_CLIENT)
		http_url(h, m->txn);
	if (m->whose.by)
		tsm_u64(m->txn, F_SESSION, m->whose.hash);
	if (m->length_seen_empty && !m->has_length)
		m->bad_length = true;
	if ((m->chunked || m->other_coding) && m->has_length)
		tsm_flag(m->txn, QUALITY_AMBIGUOUS);
	/* Nobody is known to have asked, and it has no body: a CONNECT that was not captured? */
	m->tunnel = side == SIDE_SERVER && m->status / 100 == 2 && !(tag & TAG_ASKED) &&
		    !m->chunked && !m->other_coding && !m->has_length && !m->bad_length &&
		    !m->typed && m->status != 204;
	if (side == SIDE_SERVER && (m->interim || m->tunnel || m->status == 101 ||
					   m->status == 204 || m->status == 304 || tag & TAG_HEAD ||
					   (tag & TAG_CONNECT && m->status / 100 == 2))) {
		message_end(s, h, side, end);
	} else if (m->chunked) {
		expect_body(s, m, CHUNK, end);
	} else if (m->other_coding || m->bad_length) {
		tsm_flag(m->txn, QUALITY_MALFORMED);
		m->has_length = false;
		m->phase = side == SIDE_SERVER ? TO_CLOSE : LOST;
		if (side == SIDE_CLIENT) {
			tsm_note(s, "http: request without usable framing");
			tsm_request_end(s, m->txn, end);
			m->txn = TSM_NONE;
		}
	} else if (m->has_length && m->length) {
		m->headed = side == SIDE_SERVER && !(tag & TAG_ASKED);
		expect_body(s, m, BODY, end);
	} else if (m->has_length || side == SIDE_CLIENT) {
		message_end(s, h, side, end);
	} else {
		m->phase = TO_CLOSE;
	}
}

/* A chunk's size line (RFC 9112, 7.1); false where it is none. */
static bool chunk_line(struct message *m, struct view line)
{
	if (!http_chunk_size(line, &m->length))
		return false;
	m->phase = m->length ? CHUNK_END : TRAILERS;
	return true;
}

static void lost_step(struct session *s, struct http *h, enum side side, const char *why)
{
	struct message *m = &h->m[side];

	tsm_note(s, why);
	tsm_flag(m->txn, QUALITY_MALFORMED);
	if (side == SIDE_CLIENT)
		tsm_request_end(s, m->txn, NULL);
	else
		tsm_abandon(s, m->txn);
	message_reset(m);
	m->phase = LOST;
}

/* One line is all of it, and the connection serves no other. */
static void simple_request(struct session *s, struct http *h, const uint8_t *end)
{
	struct message *m = &h->m[SIDE_CLIENT];

	http_url(h, m->txn);
	message_end(s, h, SIDE_CLIENT, end);
	m->phase = TO_CLOSE;
}

/* A body without a head, unless the server knows better. False where more bytes are needed. */
static bool simple_response(struct session *s, struct http *h, const struct view *v, struct take *t)
{
	enum tsm_probe r = status_like(*v);

	if (r == PROBE_MAYBE) {
		t->need = (uint32_t)view_len(v) + 1;
		return false;
	}
	h->simple = false;
	h->sloppy = r == PROBE_YES;
	if (r == PROBE_NO) {
		h->m[SIDE_SERVER].txn = tsm_response(s, 0, v->p);
		tsm_str(h->m[SIDE_SERVER].txn, F_VERSION, text("0.9"));
		h->m[SIDE_SERVER].phase = TO_CLOSE;
	}
	return true;
}

static void on_line(struct session *s, struct http *h, enum side side, struct view line, bool cut,
	const uint8_t *end)
{
	struct message *m = &h->m[side];

	switch (m->phase) {
	case START:
		if (!view_len(&line))
			return;
		if (side == SIDE_CLIENT ? !request_line(s, h, line, cut) : !status_line(s, h, line))
			lost_step(s, h, side, "http: no message where one should begin");
		else if (side == SIDE_CLIENT && h->simple)
			simple_request(s, h, end);
		return;
	case HEADERS:
	case TRAILERS:
		if (!view_len(&line)) {
			m->bytes += (uint64_t)(end - line.p);
			if (m->phase == HEADERS)
				headers_end(s, h, side, end);
			else
				message_end(s, h, side, end);
			return;
		}
		m->bytes += (uint64_t)(end - line.p);
		m->header_bytes += (uint32_t)(end - line.p);
		if (m->phase == TRAILERS)
			return;
		if (++m->headers > HEADERS_MAX || m->header_bytes > HEADER_BYTES_MAX) {
			if (m->headers == HEADERS_MAX + 1 ||
				m->header_bytes - (end - line.p) <= HEADER_BYTES_MAX) {
				tsm_note(s, "http: header over the limit, the rest left unread");
				tsm_flag(m->txn, QUALITY_TRUNCATED);
			}
			return;
		}
		header_line(s, h, m, side, line);
		return;
	case CHUNK:
		m->bytes += (uint64_t)(end - line.p);
		if (!chunk_line(m, line))
			lost_step(s, h, side, "http: bad chunk size");
		return;
	default: /* CHUNK_END: the line break after a chunk */
		m->bytes += (uint64_t)(end - line.p);
		if (view_len(&line))
			lost_step(s, h, side, "http: chunk longer than it said");
		else
			m->phase = CHUNK;
		return;
	}
}

/* The body comes: without a 100 its client waited for nothing. */
static void expected_body(struct session *s, struct http *h, const uint8_t *at)
{
	struct message *m = &h->m[SIDE_CLIENT];
	uint64_t now = tsm_time(s, at);

	if (!m->refused && !h->interim && now > m->body)
		tsm_u64(m->txn, F_HELD, now - m->body);
	m->body = 0;
	body_begins(m, m->after);
}

/* Does the client begin anew instead of sending a body that the server does not want? False where
   more bytes are needed to tell. */
static bool begins_anew(struct session *s, struct http *h, const struct view *v, struct take *t)
{
	struct message *m = &h->m[SIDE_CLIENT];
	enum tsm_probe r = m->refused ? known_request_like(*v) : PROBE_NO;

	if (r == PROBE_YES)
		r = head_like(*v, true);
	if (r == PROBE_MAYBE && view_len(v) < TSM_SYNC_MAX) {
		t->need = (uint32_t)view_len(v) + 1;
		return false;
	}
	if (r == PROBE_YES)
		m->phase = START;
	else
		expected_body(s, h, v->p);
	return true;
}

/*
 * A message begins here. Elsewhere than where its side takes its turn a body may quote the first
 * line of one: it must be whole then, and a header follow.
 */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	bool request = side == SIDE_CLIENT;
	enum tsm_probe r;

	(void)state;
	v->p = request ? request_near(*v) : status_near(*v);
	r = request ? known_request_like(*v) : status_like(*v);
	if (r != PROBE_YES || tsm_takes_turn(s, v->p))
		return r;
	return head_like(*v, request);
}

/*
 * Of an answer whose request was not captured: it has no body, though it names a length, where
 * another one stands in its place. False: more bytes must tell.
 */
static bool no_body(struct session *s, struct http *h, const struct view *v)
{
	struct message *m = &h->m[SIDE_SERVER];
	enum tsm_probe r = view_len(v) ? status_like(*v) : PROBE_MAYBE;

	if (r == PROBE_MAYBE)
		return false;
	m->headed = false;
	if (r == PROBE_YES) {
		m->bytes -= m->length;
		m->body = m->length = 0;
		message_end(s, h, SIDE_SERVER, v->p);
	}
	return true;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct http *h = state;
	struct message *m = &h->m[side];
	struct take t = {0, 0, false};
	struct view line;

	for (;;) {
		size_t before_line = view_len(v);
		const uint8_t *start = v->p;

		switch (m->phase) {
		case WAIT:
			t.need = TAKE_HOLD;
			return t;
		case TO_CLOSE:
			t.skip = TAKE_TO_END;
			m->close_delimited = true;
			return t;
		case START:
			if (side == SIDE_CLIENT || !h->simple)
				break;
			if (!before_line || !simple_response(s, h, v, &t))
				return t;
			continue;
		case EXPECTING:
			if (!before_line || !begins_anew(s, h, v, &t))
				return t;
			continue;
		case BODY:
			if (m->length && m->headed) {
				if (!no_body(s, h, v))
					return t;
				continue;
			}
			if (m->length) {
				t.skip = m->length;
				m->length = 0;
				return t;
			}
			message_end(s, h, side, v->p);
			continue;
		case CHUNK_END:
			if (m->length) {
				t.skip = m->length;
				m->body += m->length;
				m->bytes += m->length;
				m->length = 0;
				return t;
			}
			break;
		case LOST:
			m->phase = START;
			t.need = TAKE_SEARCH;
			return t;
		case REST_OF_LINE: {
			const uint8_t *lf = before_line ? memchr(v->p, '\n', before_line) : NULL;

			m->bytes += lf ? (uint64_t)(lf + 1 - v->p) : before_line;
			v->p = lf ? lf + 1 : v->end;
			if (!lf)
				return t;
			m->phase = m->after;
			continue;
		}
		default:
			break;
		}
		if (!view_len(v))
			return t;
		if (!view_line_from(v, &line, m->scanned)) {
			if (before_line < LINE_MAX_BYTES) {
				m->scanned = (uint32_t)before_line;
				t.need = (uint32_t)before_line + 1;
				return t;
			}
			line = view_of(v->p, LINE_MAX_BYTES, 0);
			v->p = line.end;
			m->scanned = 0;
			tsm_note(s, "http: line over the limit, the rest left unread");
			on_line(s, h, side, line, true, v->p);
			if (m->phase != LOST) {
				m->after = m->phase;
				m->phase = REST_OF_LINE;
			}
			continue;
		}
		m->scanned = 0;
		if (view_len(&line) > LINE_MAX_BYTES)
			line.end = line.p + LINE_MAX_BYTES;
		on_line(s, h, side, line, v->p - start > (ptrdiff_t)LINE_MAX_BYTES + 2, v->p);
		if (m->phase == START && side == SIDE_SERVER && m->status) {
			m->status = 0;
			return t; /* the protocol may have changed; what follows is read next */
		}
	}
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct http *h = state;
	struct message *m = &h->m[side];

	(void)s;
	(void)n;
	if (side == SIDE_CLIENT && tsm_is(m->txn) && m->phase == HEADERS)
		http_url(h, m->txn);
	message_reset(m);
}

static void end(struct session *s, void *state, enum side side, enum tsm_end why)
{
	struct http *h = state;
	struct message *m = &h->m[side];

	if (side == SIDE_CLIENT) {
		h->client_closed = why == END_FIN;
		return;
	}
	/* It answered a HEAD, as who asked for more would have waited for it. */
	if (m->phase == BODY && m->headed && m->length && (why == END_FIN || h->client_closed)) {
		m->bytes -= m->length;
		m->body = 0;
		message_end(s, h, side, NULL);
	} else if (m->phase == TO_CLOSE && why == END_FIN) {
		message_end(s, h, side, NULL);
	}
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 80},
	{TABLE_TCP_PORT, 591},
	{TABLE_TCP_PORT, 3128},
	{TABLE_TCP_PORT, 8000},
	{TABLE_TCP_PORT, 8008},
	{TABLE_TCP_PORT, 8080},
	{TABLE_TCP_PORT, 8081},
	{TABLE_TCP_PORT, 8088},
	{TABLE_TCP_PORT, 8888},
	{TABLE_END, 0},
};

static const char *const checks[] = {"GET", "HEAD", "OPTIONS", NULL};
/* Programs that do nothing but check or measure, as they call themselves. */
static const char *const checkers[] = {"KeepAliveClient", "kube-probe/", "ELB-HealthChecker/",
	"GoogleHC/", "check_http/", "Consul Health Check", "Prometheus/", "Blackbox Exporter/",
	"Zabbix", "UptimeRobot/", NULL};

static const char *const check_only[] = {"HEAD", "OPTIONS", NULL};
static const char *const check_objects[] = {"health", "healthz", "healthcheck", "health-check",
	"health_check", "livez", "liveness", "alive", "readyz", "readiness", "heartbeat", "ping",
	NULL};

static const char *const streams[] = {"text/event-stream", NULL};

static const char *const polls[] = {
	"poll", "polling", "longpoll", "longpolling", "subscribe", "updates", "comet", NULL};

const struct tsm_model http_model = {
	.kind = KIND_WEB,
	.naming = NAMING_URI,
	.check_methods = checks,
	.check_field = "user_agent.original",
	.check_values = checkers,
	.check_only = check_only,
	.check_objects = check_objects,
	.idle_field = "http.response.mime_type",
	.idle_values = streams,
	.idle_mark = "tsumari.grpc.streaming",
	.poll_words = polls,
};

TSM_DISSECTOR(http) = {
	TSM_HEAD,
	.name = "http",
	.title = "Hypertext Transfer Protocol 1.0 and 1.1",
	.claims = claims,
	.fields = http_fields,
	.state_size = sizeof(struct http),
	.probe = probe,
	.data = data,
	.gap = gap,
	.end = end,
	.describe = http_describe,
	.sync = sync,
	.model = &http_model,
};
