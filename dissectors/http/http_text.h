/*
 * http_text.h - what the lines and headers of a message look like (RFC 9110, RFC 9112): pure
 * functions over views, and the fields that HTTP/1 and HTTP/2 share.
 */
#ifndef TSUMARI_DISSECTORS_HTTP_TEXT_H
#define TSUMARI_DISSECTORS_HTTP_TEXT_H

#include "dissector.h"

#define HTTP_LENGTH_MAX (UINT64_C(1) << 60)

extern const struct tsm_model http_model; /* of both versions */

/* Fields that both versions have, the first of each. */
enum {
	F_VERSION,
	F_REQ_METHOD,
	F_REQ_BYTES,
	F_REQ_BODY,
	F_REQ_MIME,
	F_REQ_REFERRER,
	F_REQ_ID,
	F_RES_STATUS,
	F_RES_BYTES,
	F_RES_BODY,
	F_RES_MIME,
	F_URL_FULL,
	F_URL_PATH,
	F_URL_QUERY,
	F_URL_DOMAIN,
	F_URL_SCHEME,
	F_USER_AGENT,
	F_TRACE_ID,
	F_INTERIM,
	F_ENCODING,
	F_SESSION,
	F_HELD,
	F_UPGRADE,
	F_HTTP_FIELDS
};

#define HTTP_FIELDS                                                                                \
	[F_VERSION] = FIELD("http.version", "Version",                                             \
		"HTTP version of the request, or of the response where there is no request",       \
		FIELD_STR, 7),                                                                     \
	[F_REQ_BYTES] = FIELD("http.request.bytes", "Req size",                                    \
		"Bytes of the request on the wire: header and body, in HTTP/2 its frames",         \
		FIELD_BYTES, 9),                                                                   \
	[F_REQ_BODY] = FIELD("http.request.body.bytes", "Req body",                                \
		"Bytes of the request's body without chunk framing, frames and padding",           \
		FIELD_BYTES, 9),                                                                   \
	[F_RES_BYTES] = FIELD("http.response.bytes", "Resp size",                                  \
		"Bytes of the response on the wire: header and body, in HTTP/2 its frames",        \
		FIELD_BYTES, 9),                                                                   \
	[F_RES_BODY] = FIELD("http.response.body.bytes", "Resp body",                              \
		"Bytes of the response's body without chunk framing, frames and padding",          \
		FIELD_BYTES, 9),                                                                   \
	[F_URL_DOMAIN] = FIELD("url.domain", "Host",                                               \
		"Host asked for, from the target, the Host header or :authority", FIELD_STR, 20),  \
	[F_UPGRADE] = FIELD("tsumari.http.upgrade", "Upgrade",                                     \
		"Protocol that the connection, in HTTP/2 the stream (RFC 8441), went over to",     \
		FIELD_STR, 10),                                                                    \
	[F_REQ_METHOD] = FIELD("http.request.method", "Method", "Request method", FIELD_STR, 7),   \
	[F_REQ_MIME] = FIELD("http.request.mime_type", "Req type",                                 \
		"Content-Type of the request without parameters", FIELD_STR, 16),                  \
	[F_REQ_REFERRER] =                                                                         \
		FIELD("http.request.referrer", "Referrer", "Referer header", FIELD_STR, 24),       \
	[F_REQ_ID] = FIELD("http.request.id", "Request ID", "X-Request-ID header", FIELD_STR, 16), \
	[F_RES_STATUS] = FIELD("http.response.status_code", "Status",                              \
		"Status code of the final response", FIELD_U64, 6),                                \
	[F_RES_MIME] = FIELD("http.response.mime_type", "Type",                                    \
		"Content-Type of the response without parameters", FIELD_STR, 16),                 \
	[F_URL_FULL] = FIELD(                                                                      \
		"url.full", "URL", "The whole URL; a password in it is masked", FIELD_STR, 40),    \
	[F_URL_PATH] = FIELD("url.path", "Path", "Path of the URL", FIELD_STR, 30),                \
	[F_URL_QUERY] = FIELD("url.query", "Query", "Query of the URL without the question mark",  \
		FIELD_STR, 20),                                                                    \
	[F_URL_SCHEME] = FIELD("url.scheme", "Scheme", "Scheme of the URL", FIELD_STR, 6),         \
	[F_USER_AGENT] =                                                                           \
		FIELD("user_agent.original", "User agent", "User-Agent header", FIELD_STR, 20),    \
	[F_TRACE_ID] = FIELD_TRACE_ID,                                                             \
	[F_INTERIM] = FIELD("tsumari.http.interim_responses", "Interim",                           \
		"1xx answers before the final one", FIELD_U64, 7),                                 \
	[F_ENCODING] = FIELD("tsumari.http.content_encoding", "Encoding",                          \
		"Content-Encoding of the response", FIELD_STR, 8),                                 \
	[F_SESSION] = FIELD("tsumari.http.session", "Session",                                     \
		"Whose request it is: a hash of the cookie that names a session, else of all "     \
		"cookies, else of the Authorization header",                                       \
		FIELD_ID, 16),                                                                     \
	[F_HELD] = FIELD("tsumari.http.held_body", "Held",                                         \
		"How long the client that had said Expect: 100-continue held its body back and "   \
		"heard nothing",                                                                   \
		FIELD_DURATION, 8)

/* Whose a request is, as far as its headers tell. */
struct whose {
	uint64_t hash;
	uint8_t by; /* enum whose_by; nobody is 0 */
};
enum whose_by { BY_NOTHING, BY_AUTHORIZATION, BY_COOKIES, BY_SESSION };

static inline struct view text(const char *s)
{
	return view_of(s, strlen(s), 0);
}

static inline struct view trimmed(struct view v)
{
	while (v.p < v.end && (*v.p == ' ' || *v.p == '\t'))
		v.p++;
	while (v.p < v.end && (v.end[-1] == ' ' || v.end[-1] == '\t' || v.end[-1] == '\r'))
		v.end--;
	return v;
}

/* What is before the first byte c, which the view then is behind; all of it where there is none. */
static inline struct view before(struct view *v, uint8_t c)
{
	struct view part = *v;
	const uint8_t *at = view_len(v) ? memchr(v->p, c, view_len(v)) : NULL;

	if (at) {
		part.end = at;
		v->p = at + 1;
	} else {
		v->p = v->end;
	}
	return part;
}

/* Goes on with a hash (FNV-1a). */
static inline uint64_t whose_hash(uint64_t h, struct view v)
{
	h = h ? h : UINT64_C(14695981039346656037);
	for (; v.p < v.end; v.p++)
		h = (h ^ *v.p) * UINT64_C(1099511628211);
	return h | 1;
}

/* PHPSESSID, sessionid, _app_session, connect.sid ... */
static inline bool names_session(struct view name)
{
	static const char word[] = "sess";

	for (size_t i = 0; i + 4 <= view_len(&name); i++) {
		size_t k = 0;

		while (k < 4 && (name.p[i + k] | 32) == word[k])
			k++;
		if (k == 4)
			return true;
	}
	return view_len(&name) >= 3 && (name.end[-3] | 32) == 's' && (name.end[-2] | 32) == 'i' &&
	       (name.end[-1] | 32) == 'd';
}

/* A Cookie header, or a piece of it. */
static inline void whose_cookie(struct whose *w, struct view v)
{
	while (view_len(&v) && w->by < BY_SESSION) {
		struct view one = before(&v, ';'), value, name;

		one = trimmed(one);
		value = one;
		name = before(&value, '=');
		if (names_session(name)) {
			w->by = BY_SESSION;
			w->hash = whose_hash(0, one);
		} else if (view_len(&one)) {
			w->hash = whose_hash(w->by == BY_COOKIES ? w->hash : 0, one);
			w->by = BY_COOKIES;
		}
	}
}

static inline void whose_authorization(struct whose *w, struct view v)
{
	if (w->by || !view_len(&v))
		return;
	w->by = BY_AUTHORIZATION;
	w->hash = whose_hash(0, v);
}

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_capital(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

/* RFC 9110, 5.6.2 */
static inline bool is_token(uint8_t c)
{
	if (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	switch (c) {
	case '!':
	case '#':
	case '$':
	case '%':
	case '&':
	case '\'':
	case '*':
	case '+':
	case '-':
	case '.':
	case '^':
	case '_':
	case '`':
	case '|':
	case '~':
		return true;
	default:
		return false;
	}
}

/* "HTTP/1." and a digit; of any version the same form, where the method is one that is known. */
static inline bool is_version(struct view v, bool any)
{
	return view_len(&v) == 8 && memcmp(v.p, "HTTP/", 5) == 0 && is_digit(v.p[5]) &&
	       (any || v.p[5] == '1') && v.p[6] == '.' && is_digit(v.p[7]);
}

/* "HTTP/", as servers want it or as some type it. */
static inline bool names_version(struct view v)
{
	static const char form[] = "HTTP/";

	for (size_t i = 0; i < 5; i++)
		if (i >= view_len(&v) || (v.p[i] != form[i] && v.p[i] != (form[i] | 0x20)))
			return false;
	return true;
}

static inline enum tsm_probe status_like(struct view v)
{
	static const char form[] = "HTTP/1.d ddd";
	size_t n = view_len(&v) < 12 ? view_len(&v) : 12;

	for (size_t i = 0; i < n; i++)
		if (form[i] == 'd' ? v.p[i] < '0' || v.p[i] > '9' : v.p[i] != form[i])
			return PROBE_NO;
	return n == 12 ? PROBE_YES : PROBE_MAYBE;
}

static inline bool known_method(struct view m)
{
	static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS",
		"PATCH", "CONNECT", "TRACE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
		"LOCK", "UNLOCK", "REPORT", "SEARCH", "MERGE", "CHECKOUT", "MKACTIVITY", "PURGE",
		"SUBSCRIBE", "UNSUBSCRIBE", "NOTIFY", "ACL", "BIND", "LINK", "QUERY"};

	if (!view_len(&m) || *m.p < 'A' || *m.p > 'Z')
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i][0] == *m.p && view_len(&m) == strlen(methods[i]) &&
			memcmp(m.p, methods[i], view_len(&m)) == 0)
			return true;
	return false;
}

/* Does this look like the start of a request? */
static inline enum tsm_probe request_like(struct view v)
{
	struct view m = v, line, rest = v;
	size_t n = 0;
	int blank = 0;

	while (m.p < m.end && (*m.p == '\r' || *m.p == '\n') && blank++ < 8)
		m.p++;
	v.p = rest.p = m.p;
	while (n < view_len(&m) && is_token(m.p[n]) && n < 32)
		n++;
	if (n && !is_capital(m.p[0] & 0xdfu)) /* methods are words, of letters in either case */
		return PROBE_NO;
	if (n == view_len(&m))
		return n < 32 ? PROBE_MAYBE : PROBE_NO;
	if (m.p[n] != ' ' || n == 0)
		return PROBE_NO;
	m.end = m.p + n;
	/* However short the line is: what is decided here must not depend on where a segment ends.
	 */
	if (known_method(m) && m.end + 1 < v.end && m.end[1] == '/')
		return PROBE_YES;
	if (!view_line(&rest, &line))
		return view_len(&v) < 512 ? PROBE_MAYBE : PROBE_NO;
	line = trimmed(line);
	if (view_len(&line) < 12)
		return PROBE_NO;
	line.p = line.end - 8;
	if (line.p[-1] != ' ')
		return PROBE_NO;
	if (!is_version(line, true)) /* a client that does not care for case, or none */
		return names_version(line) && line.p[5] == '1' && line.p[6] == '.' ? PROBE_YES
										   : PROBE_NO;
	return is_version(line, known_method(m)) ? PROBE_YES : PROBE_NO;
}

/* The first place at which a request may begin by a method in known_method(): three capitals. */
static inline const uint8_t *request_near(struct view v)
{
	const uint8_t *p = v.p;

	for (; v.end - p >= 3; p++)
		if (is_capital(p[0]) && is_capital(p[1]) && is_capital(p[2]))
			return p;
	while (p < v.end && !is_capital(*p))
		p++;
	return p;
}

static inline const uint8_t *status_near(struct view v)
{
	const uint8_t *p = view_len(&v) ? memchr(v.p, 'H', view_len(&v)) : NULL;

	return p ? p : v.end;
}

/* A request of a known method begins at the front of the view, by the beginning of its target or by
 * its whole line. */
static inline enum tsm_probe known_request_like(struct view v)
{
	size_t n = 0;

	while (n < view_len(&v) && n < 12 && is_capital(v.p[n]))
		n++;
	if (n == view_len(&v))
		return n && n < 12 ? PROBE_MAYBE : PROBE_NO;
	return v.p[n] == ' ' && known_method(view_of(v.p, n, 0)) ? request_like(v) : PROBE_NO;
}

/* The line at the front of the view is the first of a message, whole, and behind it is a header. */
static inline enum tsm_probe head_like(struct view v, bool request)
{
	struct view line;
	size_t n = 0;

	if (!view_line(&v, &line))
		return PROBE_MAYBE;
	line = trimmed(line);
	if (request) {
		(void)before(&line, ' ');
		(void)before(&line, ' ');
		if (!is_version(line, true))
			return PROBE_NO;
	} else if (view_len(&line) > 12 && line.p[12] != ' ') {
		return PROBE_NO;
	}
	while (n < view_len(&v) && is_token(v.p[n]))
		n++;
	if (n == view_len(&v))
		return PROBE_MAYBE;
	if (v.p[n] == ':')
		return n ? PROBE_YES : PROBE_NO;
	return !n && (v.p[n] == '\r' || v.p[n] == '\n') ? PROBE_YES : PROBE_NO;
}

/* Authority without user information and port. */
static inline struct view host_of(struct view a)
{
	const uint8_t *p;

	for (p = a.end; p > a.p && p[-1] != '@'; p--)
		;
	a.p = p;
	if (a.p < a.end && *a.p == '[') {
		struct view in = view_of(a.p + 1, view_len(&a) - 1, 0);

		return before(&in, ']');
	}
	return before(&a, ':');
}

/* A copy of at most max bytes. */
static inline void keep(uint8_t *to, uint16_t *len, size_t max, struct view v)
{
	size_t n = view_len(&v) < max ? view_len(&v) : max;

	if (n)
		memcpy(to, v.p, n);
	*len = (uint16_t)n;
}

/* Appends what fits; gives the new length. */
static inline size_t put(uint8_t *to, size_t at, size_t max, struct view v)
{
	size_t n = view_len(&v) < max - at ? view_len(&v) : max - at;

	if (n)
		memcpy(to + at, v.p, n);
	return at + n;
}

/* The trace identifier of a traceparent header (W3C Trace Context); empty where it is none. */
static inline struct view trace_id(struct view v)
{
	if (view_len(&v) < 55 || v.p[2] != '-' || v.p[35] != '-')
		return text("");
	for (int i = 3; i < 35; i++)
		if (!(is_digit(v.p[i]) || (v.p[i] >= 'a' && v.p[i] <= 'f')))
			return text("");
	return view_of(v.p + 3, 32, 0);
}

/* The number at the front of a chunk's size line; false where there is none or it is beyond belief.
 */
static inline bool http_chunk_size(struct view line, uint64_t *size)
{
	uint64_t n = 0;
	const uint8_t *p;

	for (p = line.p; p < line.end; p++) {
		uint8_t c = *p | 32;

		if (n > HTTP_LENGTH_MAX / 16)
			return false;
		if (is_digit(*p))
			n = n * 16 + (*p - 48u);
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (c - 87u);
		else if (*p == ';' || *p == ' ' || *p == '\t')
			break;
		else
			return false;
	}
	*size = n;
	return p > line.p;
}

#endif
