/*
 * http.c - HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112).
 *
 * Each side is a small machine that reads line by line and skips bodies by count (RFC 9112 section
 * 6.3). Requests are answered in their order (section 9.3.2), so the engine pairs first in, first
 * out. What is read never depends on where segments end; only behind a hole does it matter, since a
 * message can then be recognised at the start of a segment and nowhere else.
 *
 * Lines are given up one by one as they are read, with one exception: a request line stays in the
 * view until the Host field is known, because only both together make url.full.
 */
#include "dissector.h"
#include "http_parse.h"

#define LINE_BYTES   16384u /* of a line; what is longer is passed over */
#define HEAD_FIELDS  1024u  /* of a message; of the rest only the framing is read */
#define HEAD_BYTES   65536u
#define HOST_BYTES   8192u /* behind a request line in which its Host field is waited for */
#define EMPTY_BYTES  64u   /* of empty lines before a message that a probe passes over */

enum http_field {
	HTTP_VERSION,
	HTTP_METHOD,
	HTTP_REQUEST_BYTES,
	HTTP_REQUEST_BODY,
	HTTP_REQUEST_MIME,
	HTTP_REFERRER,
	HTTP_REQUEST_ID,
	HTTP_TRACE,
	HTTP_STATUS,
	HTTP_PHRASE,
	HTTP_RESPONSE_BYTES,
	HTTP_RESPONSE_BODY,
	HTTP_RESPONSE_MIME,
	HTTP_URL,
	HTTP_SCHEME,
	HTTP_DOMAIN,
	HTTP_PATH,
	HTTP_QUERY,
	HTTP_AGENT,
	HTTP_INTERIM,
	HTTP_CHUNKED,
	HTTP_ENCODING,
	HTTP_UPGRADE,
};

static const struct field http_fields[] = {
	[HTTP_VERSION] = {"http.version", "Version", "Version of HTTP, as the client speaks it.",
		FIELD_STR, 0, 7, 0, NULL},
	[HTTP_METHOD] = {"http.request.method", "Method", "Method of the request.", FIELD_STR, 0, 7,
		0, NULL},
	[HTTP_REQUEST_BYTES] = {"http.request.bytes", "Req bytes",
		"Size of the request on the wire, header and body.", FIELD_BYTES, 0, 9, 0, NULL},
	[HTTP_REQUEST_BODY] = {"http.request.body.bytes", "Req body",
		"Size of the request's body, without the framing of chunks.", FIELD_BYTES, 0, 9, 0,
		NULL},
	[HTTP_REQUEST_MIME] = {"http.request.mime_type", "Req type",
		"Media type of the request's body, as declared.", FIELD_STR, 0, 20, 0, NULL},
	[HTTP_REFERRER] = {"http.request.referrer", "Referrer",
		"The page the request came from.", FIELD_STR, 0, 30, 0, NULL},
	[HTTP_REQUEST_ID] = {"http.request.id", "Request id", "X-Request-ID of the request.",
		FIELD_STR, 0, 20, 0, NULL},
	[HTTP_TRACE] = {"trace.id", "Trace", "Trace id of a valid traceparent field.", FIELD_STR, 0,
		32, 0, NULL},
	[HTTP_STATUS] = {"http.response.status_code", "Status", "Status code of the response.",
		FIELD_U64, 0, 6, 0, NULL},
	[HTTP_PHRASE] = {"http.response.status_phrase", "Phrase",
		"Reason phrase of the response.", FIELD_STR, 0, 16, 0, NULL},
	[HTTP_RESPONSE_BYTES] = {"http.response.bytes", "Resp bytes",
		"Size of the response on the wire, header and body.", FIELD_BYTES, 0, 10, 0, NULL},
	[HTTP_RESPONSE_BODY] = {"http.response.body.bytes", "Resp body",
		"Size of the response's body, without the framing of chunks.", FIELD_BYTES, 0, 9, 0,
		NULL},
	[HTTP_RESPONSE_MIME] = {"http.response.mime_type", "Type",
		"Media type of the response's body, as declared.", FIELD_STR, 0, 20, 0, NULL},
	[HTTP_URL] = {"url.full", "URL", "The URL asked for; a password in it is masked.",
		FIELD_STR, 0, 40, 0, NULL},
	[HTTP_SCHEME] = {"url.scheme", "Scheme", "Scheme of the URL.", FIELD_STR, 0, 6, 0, NULL},
	[HTTP_DOMAIN] = {"url.domain", "Host", "Host asked for, without its port.", FIELD_STR, 0,
		20, 0, NULL},
	[HTTP_PATH] = {"url.path", "Path", "Path of the URL.", FIELD_STR, 0, 30, 0, NULL},
	[HTTP_QUERY] = {"url.query", "Query", "Query of the URL, without the question mark.",
		FIELD_STR, 0, 20, 0, NULL},
	[HTTP_AGENT] = {"user_agent.original", "User agent", "User-Agent of the request.",
		FIELD_STR, 0, 30, 0, NULL},
	[HTTP_INTERIM] = {"tsumari.http.interim_responses", "Interim",
		"Interim responses (1xx) before the response.", FIELD_U64, 0, 7, 0, NULL},
	[HTTP_CHUNKED] = {"tsumari.http.chunked", "Chunked", "The response came in chunks.",
		FIELD_BOOL, 0, 7, 0, NULL},
	[HTTP_ENCODING] = {"tsumari.http.content_encoding", "Encoding",
		"Content-Encoding of the response.", FIELD_STR, 0, 8, 0, NULL},
	[HTTP_UPGRADE] = {"tsumari.http.upgrade", "Upgrade",
		"Protocol the connection was switched to (101).", FIELD_STR, 0, 10, 0, NULL},
	{NULL, NULL, NULL, FIELD_END, 0, 0, 0, NULL},
};

static const struct claim http_claims[] = {
	{TABLE_TCP_PORT, 80},
	{TABLE_TCP_PORT, 591},
	{TABLE_TCP_PORT, 3000},
	{TABLE_TCP_PORT, 3128},
	{TABLE_TCP_PORT, 5000},
	{TABLE_TCP_PORT, 8000},
	{TABLE_TCP_PORT, 8008},
	{TABLE_TCP_PORT, 8080},
	{TABLE_TCP_PORT, 8081},
	{TABLE_TCP_PORT, 8088},
	{TABLE_TCP_PORT, 8888},
	{TABLE_END, 0},
};

enum http_state {
	STATE_NEW,        /* no byte seen yet */
	STATE_START,      /* before a start line */
	STATE_HEAD,       /* in the header section */
	STATE_EXPECT,     /* client: before a body that an answer may have made needless */
	STATE_PEEK,       /* server: before a body that a HEAD request would not get */
	STATE_BODY,       /* in a counted body */
	STATE_CHUNK,      /* before a chunk's size */
	STATE_CHUNK_DATA, /* in a chunk */
	STATE_CHUNK_END,  /* before the line end behind a chunk */
	STATE_TRAILER,    /* in the trailer section */
	STATE_TO_END,     /* server: in a body that the end of the connection ends */
	STATE_CONNECT,    /* client: until CONNECT is answered, what comes may be a tunnel's */
	STATE_RESYNC,     /* behind a hole: until a segment starts with a message */
};

/* What is known of the message in progress. */
#define MSG_TXN       0x0001u /* it belongs to a transaction */
#define MSG_OPEN      0x0002u /* its end is not known: the next start line, or the side's end */
#define MSG_INTERIM   0x0004u
#define MSG_CONNECT   0x0008u
#define MSG_V10       0x0010u
#define MSG_HOST      0x0020u /* its authority is known */
#define MSG_WANT_HOST 0x0040u /* it is needed for url.full */
#define MSG_EXPECT    0x0080u
#define MSG_ANSWERED  0x0100u /* client: its response has begun */
#define MSG_CL        0x0200u
#define MSG_CL_BAD    0x0400u
#define MSG_CL_EMPTY  0x0800u /* nothing yet; a folded line may bring it */
#define MSG_TE        0x1000u
#define MSG_CHUNKED   0x2000u /* chunked is the last transfer coding */
#define MSG_BODY      0x4000u /* it has a body, be it empty */
#define MSG_WEBSOCKET 0x8000u
#define MSG_LIMIT     0x10000u /* a limit was passed, and it was said */

/* What the tag of a transaction says of its request. */
#define TAG_SEEN     1u
#define TAG_HEAD     2u
#define TAG_CONNECT  4u
#define TAG_BROKEN   8u  /* a hole took its end */
#define TAG_ANSWERED 16u /* its response has ended */

struct http_side {
	uint8_t state;    /* enum http_state */
	uint8_t after;    /* STATE_EXPECT, STATE_PEEK: the state of the body */
	uint8_t last;     /* enum http_header a folded line goes on with */
	bool discard;     /* the rest of a long line is passed over */
	bool lost;        /* what is read is no message; it was said */
	bool held;        /* client: bytes are held in STATE_CONNECT */
	uint16_t status;  /* server */
	uint32_t flags;   /* MSG_ */
	uint32_t scanned; /* bytes at the front of the unfinished line that hold no LF */
	uint32_t kept;    /* bytes that were read and not given up: from the request line on */
	uint32_t target, target_len; /* the target, in what is kept */
	uint32_t fields;             /* lines of the header section */
	uint64_t size;               /* bytes of the message */
	uint64_t body;               /* bytes of its body; STATE_TO_END: where it starts */
	uint64_t length;             /* bytes of the body or chunk still to come */
};

struct http {
	struct http_side side[2];
	uint32_t interim; /* responses since the last final one */
};

/* One call of data(). */
struct call {
	struct session *s;
	struct http *http;
	struct http_side *h;
	struct txn *t; /* of the message in progress, or NULL */
	const uint8_t *keep;
	struct view v; /* what is left to read */
	struct take take;
	enum side side;
};

enum line { LINE_MORE, LINE_WHOLE, LINE_CUT };

/*
 * The next line. LINE_CUT: it is longer than LINE_BYTES; its beginning is given, the rest will be
 * passed over. MORE: it is not whole; nothing else can be read now.
 */
static enum line next_line(struct call *c, struct view *line)
{
	struct http_side *h = c->h;
	size_t have = view_len(&c->v), n;
	const uint8_t *lf;

	if (h->discard) {
		lf = http_find(c->v, '\n');
		n = lf ? (size_t)(lf + 1 - c->v.p) : have;
		h->discard = !lf;
		h->size += n;
		c->v.p += n;
		have -= n;
		if (!lf)
			return LINE_MORE;
	}
	n = have > LINE_BYTES ? LINE_BYTES + 1 : have;
	lf = n > h->scanned ? (const uint8_t *)memchr(
				      c->v.p + h->scanned, '\n', n - h->scanned)
			    : NULL;
	if (lf) {
		*line = http_view(c->v.p, lf);
		if (line->end > line->p && line->end[-1] == '\r')
			line->end--;
		n = (size_t)(lf + 1 - c->v.p);
	} else if (have > LINE_BYTES) {
		n = LINE_BYTES;
		*line = view_of(c->v.p, n, 0);
		h->discard = true;
	} else {
		h->scanned = (uint32_t)have;
		return LINE_MORE;
	}
	h->scanned = 0;
	h->size += n;
	c->v.p += n;
	return lf ? LINE_WHOLE : LINE_CUT;
}

static void limit(struct call *c, const char *what)
{
	if (c->h->flags & MSG_LIMIT)
		return;
	c->h->flags |= MSG_LIMIT;
	tsm_note(c->s, what);
	tsm_flag(c->t, QUALITY_TRUNCATED);
}

/*
 * Requests and responses end.
 */

static void request_done(struct call *c)
{
	struct http_side *h = c->h;

	if (c->t) {
		if (!(h->flags & MSG_OPEN)) {
			tsm_u64(c->t, HTTP_REQUEST_BYTES, h->size);
			if (h->flags & MSG_BODY)
				tsm_u64(c->t, HTTP_REQUEST_BODY, h->body);
		}
		tsm_request_end(c->s, c->t, c->v.p);
		c->t = NULL;
	}
	h->state = h->flags & MSG_CONNECT ? STATE_CONNECT : STATE_START;
	h->flags = 0;
}

/* `end` as of tsm_response_end(). */
static void response_close(struct session *s, struct http_side *h, struct txn *t, const uint8_t *end)
{
	uint64_t tag = tsm_tag(t);

	if (!t)
		return;
	tsm_u64(t, HTTP_RESPONSE_BYTES, h->size);
	if (h->flags & MSG_BODY)
		tsm_u64(t, HTTP_RESPONSE_BODY, h->body);
	tsm_set_tag(t, tag | TAG_ANSWERED);
	tsm_response_end(s, t, end);
	if (tag & TAG_BROKEN)
		tsm_abandon(s, t);
}

static void response_done(struct call *c)
{
	struct http_side *client = &c->http->side[SIDE_CLIENT];
	bool refused = tsm_tag(c->t) & TAG_CONNECT;

	response_close(c->s, c->h, c->t, c->v.p);
	c->t = NULL;
	c->h->state = STATE_START;
	c->h->flags = 0;
	if (!refused || client->state != STATE_CONNECT)
		return;
	/* No tunnel: what was held back are requests, and they come before their responses. */
	client->state = STATE_START;
	if (client->held && c->v.p < c->v.end)
		c->take.need = TAKE_HOLD;
	client->held = false;
}

static void message_done(struct call *c)
{
	if (c->side == SIDE_CLIENT)
		request_done(c);
	else
		response_done(c);
}

/* Where the message ends cannot be told: a response goes on until another one starts. */
static void framing_lost(struct call *c, const char *why)
{
	tsm_note(c->s, why);
	c->h->flags |= MSG_OPEN;
	if (c->side == SIDE_CLIENT)
		request_done(c);
	c->h->state = STATE_START;
	c->h->discard = false;
}

/*
 * What a request asks for.
 */

static void url_parts(struct call *c, const struct http_uri *u)
{
	if (view_len(&u->scheme))
		tsm_str(c->t, HTTP_SCHEME, u->scheme);
	if (view_len(&u->domain))
		tsm_str(c->t, HTTP_DOMAIN, u->domain);
	if (view_len(&u->path))
		tsm_str(c->t, HTTP_PATH, u->path);
	if (view_len(&u->query))
		tsm_str(c->t, HTTP_QUERY, u->query);
}

/* The four forms of a request target, RFC 9112 section 3.2. */
static void request_target(struct call *c, struct view method, struct view target)
{
	struct http_side *h = c->h;
	struct view none = http_view(target.end, target.end), authority;
	struct http_uri u = {none, none, none, none};
	uint8_t masked[HTTP_TEXT_MAX];
	struct view shown = target;

	if (h->flags & MSG_CONNECT) {
		u.domain = http_host(target);
		shown = http_mask(target, target, masked);
		h->flags |= MSG_HOST;
	} else if (*target.p == '/' || (*target.p == '*' && view_len(&target) == 1)) {
		if (*target.p == '/')
			http_split(target, &u);
		u.scheme = view_of("http", 4, 0);
		h->flags |= MSG_WANT_HOST;
		h->target_len = (uint32_t)(*target.p == '/' ? view_len(&target) : 0);
	} else if (http_authority(target, &u.scheme, &authority)) {
		u.domain = http_host(authority);
		http_split(http_view(authority.end, target.end), &u);
		shown = http_mask(target, authority, masked);
		tsm_str(c->t, HTTP_URL, shown);
		h->flags |= MSG_HOST;
	} else {
		http_split(target, &u);
		tsm_flag(c->t, QUALITY_MALFORMED);
	}
	url_parts(c, &u);
	tsm_op(c->t, method, shown);
}

/* Puts url.full together; the request line is not needed any more. */
static void url_full(struct call *c, struct view authority)
{
	struct http_side *h = c->h;
	struct view target = view_of(c->keep + h->target, h->target_len, 0);
	uint8_t text[HTTP_TEXT_MAX], masked[HTTP_TEXT_MAX];
	size_t n = 7, room = sizeof(text) - 7;

	authority = http_mask(authority, authority, masked);
	if (view_len(&authority) > room)
		authority.end = authority.p + room;
	memcpy(text, "http://", n);
	memcpy(text + n, authority.p, view_len(&authority));
	n += view_len(&authority);
	room -= view_len(&authority);
	if (view_len(&target) > room)
		target.end = target.p + room;
	memcpy(text + n, target.p, view_len(&target));
	tsm_str(c->t, HTTP_URL, view_of(text, n + view_len(&target), 0));
}

static void host_done(struct call *c)
{
	c->h->flags &= ~MSG_WANT_HOST;
	c->keep = NULL;
}

/*
 * Start lines.
 */

static void message_begin(struct call *c, size_t line)
{
	struct http_side *h = c->h;

	h->flags = 0;
	h->state = STATE_HEAD;
	h->last = HEADER_NONE;
	h->fields = 0;
	h->size = line;
	h->body = 0;
	h->length = 0;
	h->lost = false;
}

static bool request_begin(struct call *c, struct view line, bool cut)
{
	struct http_request_line r;
	uint64_t tag = TAG_SEEN;
	size_t n = view_len(&line);

	if (!http_request_line(line, cut, &r))
		return false;
	message_begin(c, (size_t)(c->v.p - line.p));
	c->t = tsm_request(c->s, 0, line.p);
	n = view_len(&r.method);
	if (n == 4 && memcmp(r.method.p, "HEAD", n) == 0)
		tag |= TAG_HEAD;
	if (n == 7 && memcmp(r.method.p, "CONNECT", n) == 0) {
		tag |= TAG_CONNECT;
		c->h->flags |= MSG_CONNECT;
	}
	if (view_len(&r.version) == 3 && r.version.p[2] == '0')
		c->h->flags |= MSG_V10;
	c->h->target = (uint32_t)(r.target.p - line.p);
	if (!c->t)
		return true;
	c->h->flags |= MSG_TXN;
	tsm_set_tag(c->t, tag);
	tsm_str(c->t, HTTP_METHOD, r.method);
	if (view_len(&r.version))
		tsm_str(c->t, HTTP_VERSION, r.version);
	request_target(c, r.method, r.target);
	if (r.odd)
		tsm_flag(c->t, QUALITY_MALFORMED);
	if (c->h->flags & MSG_WANT_HOST)
		c->keep = line.p;
	if (cut)
		limit(c, "http: line too long");
	return true;
}

/* The request whose body has not begun may do without it once it is answered. */
static void request_answered(struct call *c)
{
	struct http_side *client = &c->http->side[SIDE_CLIENT];

	if (c->t && client->state == STATE_EXPECT && tsm_current(c->s, SIDE_CLIENT) == c->t)
		client->flags |= MSG_ANSWERED;
}

static bool response_begin(struct call *c, struct view line, bool cut)
{
	struct http_status_line r;
	enum tsm_status_code status;

	if (!http_status_line(line, &r))
		return false;
	message_begin(c, (size_t)(c->v.p - line.p));
	c->h->status = (uint16_t)r.status;
	if (view_len(&r.version) == 3 && r.version.p[2] == '0')
		c->h->flags |= MSG_V10;
	if (r.status >= 100 && r.status < 200 && r.status != 101) {
		c->h->flags |= MSG_INTERIM;
		if (c->http->interim < UINT32_MAX)
			c->http->interim++;
		return true;
	}
	c->t = tsm_response(c->s, 0, line.p);
	request_answered(c);
	if (c->t) {
		c->h->flags |= MSG_TXN;
		if (!tsm_tag(c->t))
			tsm_str(c->t, HTTP_VERSION, r.version);
		tsm_u64(c->t, HTTP_STATUS, r.status);
		if (view_len(&r.phrase))
			tsm_str(c->t, HTTP_PHRASE, r.phrase);
		if (c->http->interim)
			tsm_u64(c->t, HTTP_INTERIM, c->http->interim);
		status = r.status < 400	  ? STATUS_OK
			 : r.status < 500 ? STATUS_CLIENT_ERROR
					  : STATUS_SERVER_ERROR;
		tsm_status(c->t, status);
		if (r.status < 100)
			tsm_flag(c->t, QUALITY_MALFORMED);
	}
	c->http->interim = 0;
	if (cut)
		limit(c, "http: line too long");
	return true;
}

/* A start line, or something else: empty lines are passed over, and all that is no message. */
static bool start(struct call *c)
{
	struct http_side *h = c->h;
	struct view line, rest = c->v;
	uint64_t size = h->size, body = h->body;
	enum line how = next_line(c, &line);
	bool begins;

	if (how == LINE_MORE) {
		/* Of a long line that is passed over. */
		h->body = body + (h->size - size);
		return false;
	}
	/* next_line() may first have passed over the rest of such a line. */
	rest.end = line.p;
	h->size = size + view_len(&rest);
	h->body = body + view_len(&rest);
	begins = view_len(&line) > 0 && (c->side == SIDE_CLIENT
							? http_digit(0) || true
							: true);
	(void)begins;
	return true;
}
