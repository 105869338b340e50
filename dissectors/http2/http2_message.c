/*
 * http2_message.c - what the headers of a message say (RFC 9113, 8), gRPC among them.
 *
 * Pseudo-headers stand first, so the first header tells whether a block begins a message, is an
 * interim answer (1xx) or holds trailers. Of a header that comes more than once the first counts.
 */
#include "http2.h"
#include "http/http_text.h"

#define METHOD_MAX    32u
#define AUTHORITY_MAX 256u
#define PATH_MAX_H    2048u

static const char *const flag_names[] = {
	"END_STREAM", "0x02", "END_HEADERS", "PADDED", "0x10", "PRIORITY", "0x40", "0x80", NULL};
static const char *const ack_names[] = {
	"ACK", "0x02", "0x04", "0x08", "0x10", "0x20", "0x40", "0x80", NULL};

const struct field http2_fields[] = {
	HTTP_FIELDS,
	[F_STREAM] = FIELD("tsumari.http2.stream_id", "Stream", "Stream identifier", FIELD_U64, 7),
	[F_UPGRADED] = FIELD("tsumari.http2.upgraded", "Upgraded",
		"The request came as HTTP/1.1 and upgraded the connection", FIELD_BOOL, 5),
	[F_PUSHED] = FIELD("tsumari.http2.pushed", "Pushed",
		"The server answers unasked (PUSH_PROMISE); there is no time of a request",
		FIELD_BOOL, 5),
	[F_UNKNOWN] = FIELD_WITH("tsumari.http2.unknown_headers", "Unknown",
		"Headers that refer to others which were not captured, and so are not known",
		FIELD_U64, 7, FIELD_F_NONZERO),
	[F_STALL_CLIENT] = FIELD_WITH("tsumari.http2.window_stall.client", "Win cl",
		"How long the response could not go on because the client's flow-control window, "
		"of the stream or of the connection, was used up",
		FIELD_DURATION, 8, FIELD_F_NONZERO),
	[F_STALL_SERVER] = FIELD_WITH("tsumari.http2.window_stall.server", "Win srv",
		"How long the request could not go on because the server's flow-control window was "
		"used up",
		FIELD_DURATION, 8, FIELD_F_NONZERO),
	[F_RESET_BY] = FIELD("tsumari.http2.reset.by", "Reset by",
		"Who called it off (RST_STREAM, GOAWAY): client or server", FIELD_NAME, 6),
	[F_RESET_CODE] = FIELD("tsumari.http2.reset.code", "Reset code",
		"Error code it was called off with, by its name in RFC 9113", FIELD_NAME, 12),
	[F_GRPC_SERVICE] = FIELD("tsumari.grpc.service", "Service", "gRPC service", FIELD_STR, 20),
	[F_GRPC_METHOD] = FIELD("tsumari.grpc.method", "gRPC method", "gRPC method", FIELD_STR, 16),
	[F_GRPC_STATUS] = FIELD("tsumari.grpc.status", "gRPC status",
		"gRPC status code of the trailers; 0: OK", FIELD_U64, 4),
	[F_GRPC_MESSAGE] = FIELD("tsumari.grpc.message", "gRPC message",
		"gRPC status message, percent-encoded as sent", FIELD_STR, 20),
	[F_GRPC_STREAMING] = FIELD("tsumari.grpc.streaming", "Streaming",
		"A side sent more than one gRPC message: a stream, which pauses between them on "
		"purpose",
		FIELD_BOOL, 5),
	[D_MAGIC] = FIELD_SHOWN("http2.magic", "Preface", "How a client begins.", FIELD_STR),
	[D_LENGTH] = FIELD_SHOWN("http2.length", "Length", "Bytes of the payload.", FIELD_U64),
	[D_TYPE] = FIELD_SHOWN("http2.type", "Type", "Type of the frame.", FIELD_U64),
	[D_FLAGS] = FIELD_SHOWN_NAMES("http2.flags", "Flags", "Flags of the frame.", flag_names),
	[D_ACK] = FIELD_SHOWN_NAMES("http2.flags", "Flags", "Flags of the frame.", ack_names),
	[D_STREAM] = FIELD_SHOWN("http2.streamid", "Stream", "0: the connection.", FIELD_U64),
	[D_PAD] = FIELD_SHOWN("http2.padding", "Pad length", "Bytes of padding.", FIELD_U64),
	[D_EXCLUSIVE] = FIELD_SHOWN(
		"http2.exclusive", "Exclusive", "The only one that depends on it.", FIELD_BOOL),
	[D_DEPENDENCY] =
		FIELD_SHOWN("http2.stream_dependency", "Depends on", "A stream.", FIELD_U64),
	[D_WEIGHT] = FIELD_SHOWN("http2.headers.weight", "Weight", "Less 1.", FIELD_U64),
	[D_PROMISED] = FIELD_SHOWN("http2.push_promise.promised_stream_id", "Promised stream",
		"Where the answer will be.", FIELD_U64),
	[D_HEADER] = FIELD_SHOWN("http2.header", "Header", "Name and value.", FIELD_STR),
	[D_INDEX] =
		FIELD_SHOWN("http2.header.index", "Header", "Its place in the table.", FIELD_U64),
	[D_BLOCK] = FIELD_SHOWN("http2.header_block", "Header block",
		"What cannot be read by itself.", FIELD_BYTES),
	[D_DATA] = FIELD_SHOWN("http2.data.data", "Data", "Bytes of the body here.", FIELD_BYTES),
	[D_PADDING] = FIELD_SHOWN("http2.pad", "Padding", "Bytes without meaning.", FIELD_BYTES),
	[D_SETTING] = FIELD_SHOWN("http2.settings.id", "Setting", "What is set.", FIELD_U64),
	[D_VALUE] = FIELD_SHOWN("http2.settings.value", "Value", "To what.", FIELD_U64),
	[D_ERROR] = FIELD_SHOWN("http2.error", "Error", "Why.", FIELD_U64),
	[D_PING] = FIELD_SHOWN("http2.ping", "Ping", "Comes back in the answer.", FIELD_ID),
	[D_LAST] = FIELD_SHOWN("http2.goaway.last_stream_id", "Last stream",
		"The last one that was taken.", FIELD_U64),
	[D_DEBUG] = FIELD_SHOWN("http2.goaway.addata", "Debug", "For people.", FIELD_STR),
	[D_INCREMENT] = FIELD_SHOWN("http2.window_update.window_size_increment", "Increment",
		"Bytes that the window grows by.", FIELD_U64),
	[D_REST] = FIELD_SHOWN(
		"http2.rest", "Continued", "Bytes of a frame that began before.", FIELD_BYTES),
	FIELDS_END,
};

enum header {
	H_METHOD,
	H_PATH,
	H_SCHEME,
	H_AUTHORITY,
	H_HOST,
	H_PROTOCOL,
	H_STATUS,
	H_CONTENT_TYPE,
	H_CONTENT_ENCODING,
	H_USER_AGENT,
	H_REFERER,
	H_REQUEST_ID,
	H_TRACEPARENT,
	H_COOKIE,
	H_AUTHORIZATION,
	H_GRPC_STATUS,
	H_GRPC_MESSAGE,
	H_COUNT
};

static const char *const header_names[H_COUNT] = {":method", ":path", ":scheme", ":authority",
	"host", ":protocol", ":status", "content-type", "content-encoding", "user-agent", "referer",
	"x-request-id", "traceparent", "cookie", "authorization", "grpc-status", "grpc-message"};

/* One block being read. */
struct message {
	struct session *s;
	struct http2 *h;
	struct stream *st;
	enum side side;
	uint32_t id;
	const uint8_t *at;     /* the first byte of its frame */
	bool pseudo, trailers; /* a pseudo-header was there; the message had begun before */
	unsigned status;
	struct whose whose;
	uint16_t method_len, scheme_len, authority_len, path_len;
	uint8_t method[METHOD_MAX], scheme[METHOD_MAX];
	uint8_t authority[AUTHORITY_MAX], path[PATH_MAX_H];
};

static enum header header_of(const struct view *name)
{
	for (unsigned i = 0; i < H_COUNT; i++)
		if (view_len(name) == strlen(header_names[i]) &&
			memcmp(name->p, header_names[i], view_len(name)) == 0)
			return (enum header)i;
	return H_COUNT;
}

static bool digits(const struct view *v, size_t most, unsigned *n)
{
	*n = 0;
	if (!view_len(v) || view_len(v) > most)
		return false;
	for (const uint8_t *p = v->p; p < v->end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		*n = *n * 10 + (*p - 48u);
	}
	return true;
}

static void content_type(struct stream *st, enum side side, struct view v)
{
	static const char grpc[] = "application/grpc";
	struct view type = before(&v, ';');

	while (type.p < type.end && type.end[-1] == ' ')
		type.end--;
	if (view_len(&type))
		tsm_str(st->t, side == SIDE_CLIENT ? F_REQ_MIME : F_RES_MIME, type);
	if (view_len(&type) >= sizeof(grpc) - 1 && memcmp(type.p, grpc, sizeof(grpc) - 1) == 0)
		st->flags |= S_GRPC;
}

static void set_trace(struct tsm_txn t, struct view v)
{
	v = trace_id(v);
	if (view_len(&v))
		tsm_str(t, F_TRACE_ID, v);
}

/* What a caller did wrong is told from what went wrong at the server. */
static void grpc_status(struct stream *st, struct view v)
{
	static const uint32_t callers =
		1u << 1 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 11 | 1u << 16;
	unsigned n;

	if (!digits(&v, 3, &n))
		return;
	tsm_u64(st->t, F_GRPC_STATUS, n);
	tsm_status(st->t, !n                           ? STATUS_OK
			  : n < 32 && callers >> n & 1 ? STATUS_CLIENT_ERROR
						       : STATUS_SERVER_ERROR);
}

/* The stream that a request's first block opens: their numbers only go up (5.1.1). */
static void request_begin(struct message *m)
{
	struct half *x = &m->h->half[SIDE_CLIENT];

	if (m->st || !(m->id & 1) || m->id <= x->max_id)
		return;
	x->max_id = m->id;
	m->st = stream_new(m->s, m->h, m->id);
	if (m->st)
		stream_begin(m->s, m->h, m->st, SIDE_CLIENT, m->at);
}

static void request_header(struct message *m, enum header which, struct view v)
{
	struct tsm_txn t;

	if (!m->pseudo && !m->h->half[SIDE_CLIENT].hpack.whole && !m->st)
		return; /* the request's own, or trailers of one that was not seen */
	request_begin(m);
	if (!m->st)
		return;
	t = m->st->t;
	switch (which) {
	case H_METHOD:
		keep(m->method, &m->method_len, METHOD_MAX, v);
		break;
	case H_PATH:
		keep(m->path, &m->path_len, PATH_MAX_H, v);
		if (view_len(&v) > PATH_MAX_H)
			tsm_flag(t, QUALITY_TRUNCATED);
		break;
	case H_SCHEME:
		keep(m->scheme, &m->scheme_len, METHOD_MAX, v);
		break;
	case H_AUTHORITY:
	case H_HOST:
		if (!m->authority_len)
			keep(m->authority, &m->authority_len, AUTHORITY_MAX, v);
		break;
	case H_PROTOCOL:
		tsm_str(t, F_UPGRADE, v);
		break;
	case H_CONTENT_TYPE:
		content_type(m->st, SIDE_CLIENT, v);
		break;
	case H_USER_AGENT:
		tsm_str(t, F_USER_AGENT, v);
		break;
	case H_REFERER:
		tsm_str(t, F_REQ_REFERRER, v);
		break;
	case H_REQUEST_ID:
		tsm_str(t, F_REQ_ID, v);
		break;
	case H_TRACEPARENT:
		set_trace(t, v);
		break;
	case H_COOKIE:
		whose_cookie(&m->whose, v);
		break;
	case H_AUTHORIZATION:
		whose_authorization(&m->whose, v);
		break;
	default:
		break;
	}
}

static void response_status(struct message *m, struct view v)
{
	unsigned status;

	if (!digits(&v, 3, &status) || status < 100)
		return;
	m->status = status;
	if (m->trailers)
		return;
	if (status < 200) {
		if (m->st)
			m->st->interim++;
		return;
	}
	if (!m->st && stream_unseen(m->h, m->id)) { /* its request was not captured */
		struct half *x = &m->h->half[m->id & 1 ? SIDE_CLIENT : SIDE_SERVER];

		m->st = stream_new(m->s, m->h, m->id);
		if (x->max_id < m->id)
			x->max_id = m->id;
	}
	if (!m->st)
		return;
	stream_begin(m->s, m->h, m->st, SIDE_SERVER, m->at);
	/* What was lost before a response began is no part of it. */
	m->st->flags &= (uint16_t) ~(S_DOUBT << SIDE_SERVER);
	tsm_u64(m->st->t, F_RES_STATUS, status);
	tsm_status(m->st->t, status >= 500   ? STATUS_SERVER_ERROR
			     : status >= 400 ? STATUS_CLIENT_ERROR
					     : STATUS_OK);
}

static void response_header(struct message *m, enum header which, struct view v)
{
	if (which == H_STATUS) {
		response_status(m, v);
		return;
	}
	if (!m->st || (m->status && m->status < 200))
		return;
	if (which == H_GRPC_STATUS)
		grpc_status(m->st, v);
	else if (which == H_GRPC_MESSAGE && view_len(&v))
		tsm_str(m->st->t, F_GRPC_MESSAGE, v);
	else if (which == H_CONTENT_TYPE && !m->trailers)
		content_type(m->st, SIDE_SERVER, v);
	else if (which == H_CONTENT_ENCODING && !m->trailers)
		tsm_str(m->st->t, F_ENCODING, v);
}

static void on_header(void *arg, struct view name, struct view value)
{
	struct message *m = arg;
	enum header which = header_of(&name);
	uint32_t *seen;

	if (view_len(&name) && *name.p == ':')
		m->pseudo = true;
	if (m->st && which != H_COUNT) {
		seen = &m->st->seen[m->side];
		if (*seen >> which & 1 && which != H_COOKIE) /* it comes in pieces (8.2.3) */
			return;
		if (m->side == SIDE_CLIENT || m->status >= 200 || m->trailers)
			*seen |= 1u << which;
	}
	if (m->side == SIDE_CLIENT && !m->trailers)
		request_header(m, which, value);
	else if (m->side == SIDE_SERVER)
		response_header(m, which, value);
}

/* scheme://authority/path where all three are known; user information has no place in it (8.3.1).
 */
static void url_full(struct tsm_txn t, struct view scheme, struct view authority, struct view path)
{
	uint8_t full[METHOD_MAX + AUTHORITY_MAX + PATH_MAX_H + 3];
	size_t n = 0;

	if (!view_len(&scheme) || !view_len(&authority))
		return;
	n = put(full, n, sizeof(full), scheme);
	n = put(full, n, sizeof(full), view_of("://", 3, 0));
	n = put(full, n, sizeof(full), authority);
	if (view_len(&path) && *path.p == '/')
		n = put(full, n, sizeof(full), path);
	tsm_str(t, F_URL_FULL, view_of(full, n, 0));
}

static void grpc_name(struct tsm_txn t, struct view path)
{
	struct view service;

	if (!view_len(&path) || *path.p != '/')
		return;
	path.p++;
	service = before(&path, '/');
	if (!view_len(&service) || !view_len(&path))
		return;
	tsm_str(t, F_GRPC_SERVICE, service);
	tsm_str(t, F_GRPC_METHOD, path);
}

/* The request's names, as far as they are known. */
static void request_names(struct message *m)
{
	struct tsm_txn t = m->st->t;
	struct view method = view_of(m->method, m->method_len, 0);
	struct view path = view_of(m->path, m->path_len, 0), query = path, host, a;
	struct view scheme = view_of(m->scheme, m->scheme_len, 0);

	a = view_of(m->authority, m->authority_len, 0);
	for (const uint8_t *p = a.end; p > a.p; p--)
		if (p[-1] == '@') {
			a.p = p;
			break;
		}
	if (view_is(&method, "connect"))
		m->st->flags |= S_CONNECT;
	if (view_is(&method, "connect") && !m->path_len)
		tsm_op(t, method, a); /* it names an authority only */
	else if (m->method_len || m->path_len)
		tsm_op(t, method, path);
	if (m->method_len)
		tsm_str(t, F_REQ_METHOD, method);
	host = host_of(a);
	if (view_len(&host))
		tsm_str(t, F_URL_DOMAIN, host);
	if (m->scheme_len)
		tsm_str(t, F_URL_SCHEME, scheme);
	if (m->whose.by)
		tsm_u64(t, F_SESSION, m->whose.hash);
	if (!m->path_len)
		return;
	url_full(t, scheme, a, path);
	path = before(&query, '?');
	if (view_len(&path))
		tsm_str(t, F_URL_PATH, path);
	if (view_len(&query))
		tsm_str(t, F_URL_QUERY, query);
	if (m->st->flags & S_GRPC)
		grpc_name(t, path);
}

/* A block none of whose pseudo-headers was known: what may it have been? */
static void unseen(struct message *m, uint32_t unknown, bool ends)
{
	if (m->side == SIDE_CLIENT || !m->st || stream_is(m->st, S_BEGUN, SIDE_SERVER))
		return;
	/* Its status may be among what is not known; after a loss this may be the trailers, too. */
	if (unknown && !m->pseudo && !(ends && stream_is(m->st, S_DOUBT, SIDE_SERVER)))
		stream_begin(m->s, m->h, m->st, SIDE_SERVER, m->at);
}

/* A CONNECT is answered by the head of its answer: what follows both is the tunnel's. */
static void connected(struct message *m, const uint8_t *end)
{
	struct tsm_txn t = m->st->t;

	if (m->side == SIDE_CLIENT) {
		tsm_request_end(m->s, t, end);
	} else if (m->status >= 200 && m->status < 300) {
		tsm_u64(t, F_REQ_BYTES, m->st->bytes[SIDE_CLIENT]);
		tsm_u64(t, F_RES_BYTES, m->st->bytes[SIDE_SERVER]);
		tsm_bytes(t, SIDE_CLIENT, m->st->bytes[SIDE_CLIENT]);
		tsm_bytes(t, SIDE_SERVER, m->st->bytes[SIDE_SERVER]);
		tsm_response_end(m->s, t, end);
	}
}

void message_block(struct session *s, struct http2 *h, enum side side, uint32_t id,
	struct view block, uint64_t wire, const uint8_t *begin, const uint8_t *end)
{
	struct message m;
	bool ends = h->half[side].end_stream, good;
	uint32_t unknown;

	memset(&m, 0, offsetof(struct message, method));
	m.s = s;
	m.h = h;
	m.side = side;
	m.id = id;
	m.at = begin;
	m.st = stream_find(h, id);
	if (m.st && side == SIDE_CLIENT && !stream_is(m.st, S_BEGUN, SIDE_CLIENT))
		m.st = NULL; /* trailers of a request that was not seen */
	m.trailers = m.st && stream_is(m.st, S_BEGUN, side) && !h->half[side].begins;
	good = hpack_block(s, h, side, block, on_header, &m, &unknown);
	if (!good)
		tsm_note(s, "http2: bad header block");
	unseen(&m, unknown, ends);
	if (!m.st)
		return;
	if (!good)
		tsm_flag(m.st->t, QUALITY_MALFORMED);
	m.st->unknown += unknown;
	m.st->bytes[side] += wire;
	if (side == SIDE_CLIENT && !m.trailers)
		request_names(&m);
	if (ends)
		stream_end(s, h, m.st, side, end);
	else if (m.st->flags & S_CONNECT && !m.trailers)
		connected(&m, end);
}

void message_promised(struct session *s, struct http2 *h, uint32_t id, struct view block)
{
	struct half *x = &h->half[SIDE_SERVER];
	struct message m;
	uint32_t unknown;

	memset(&m, 0, offsetof(struct message, method));
	m.s = s;
	m.h = h;
	m.side = SIDE_CLIENT; /* its headers are a request's, in the server's table */
	m.trailers = true;
	if (id && !(id & 1) && id > x->max_id) {
		x->max_id = id;
		m.st = stream_new(s, h, id);
		m.trailers = !m.st;
	} else {
		tsm_note(s, "http2: promise of a stream that cannot be");
	}
	if (m.st) {
		m.pseudo = true;
		m.st->t = tsm_open(s, id);
		m.st->flags |= S_PUSHED;
		stream_set(m.st, S_BEGUN | S_ENDED, SIDE_CLIENT);
		tsm_u64(m.st->t, F_STREAM, id);
		tsm_str(m.st->t, F_VERSION, text("2"));
		tsm_u64(m.st->t, F_PUSHED, 1);
	}
	if (!hpack_block(s, h, SIDE_SERVER, block, on_header, &m, &unknown))
		tsm_note(s, "http2: bad header block");
	if (!m.st)
		return;
	m.st->unknown += unknown;
	request_names(&m);
}

void message_upgraded(struct session *s, struct http2 *h)
{
	struct message m;
	struct view method, object;
	struct tsm_txn t = tsm_upgraded(s, 1, &method, &object);

	if (!tsm_is(t))
		return;
	memset(&m, 0, offsetof(struct message, method));
	m.st = stream_new(s, h, 1);
	if (!m.st) {
		tsm_abandon(s, t);
		return;
	}
	h->half[SIDE_CLIENT].max_id = 1;
	m.st->t = t;
	stream_set(m.st, S_BEGUN | S_ENDED, SIDE_CLIENT);
	keep(m.method, &m.method_len, METHOD_MAX, method);
	keep(m.path, &m.path_len, PATH_MAX_H, object);
	request_names(&m);
	tsm_u64(t, F_STREAM, 1);
	tsm_str(t, F_VERSION, text("2"));
	tsm_u64(t, F_UPGRADED, 1);
	m.st->interim = 1; /* the 101 */
}
