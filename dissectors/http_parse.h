/*
 * http_parse.h - the grammar of HTTP/1 without any state: start lines, the field names that matter,
 * Content-Length and Transfer-Encoding, and the parts of a URI.
 *
 * RFC 9112 sections 2 to 6, RFC 9110 sections 4, 5 and 8, RFC 3986 section 3. Views go in and come
 * out; nothing is copied but a URI whose password has to be masked.
 */
#ifndef TSUMARI_HTTP_PARSE_H
#define TSUMARI_HTTP_PARSE_H

#include "dissector.h"

#define HTTP_METHOD_MAX  32u   /* bytes of a method; longer is not HTTP */
#define HTTP_SNIFF_KNOWN 128u  /* bytes without a second space that a known method may have */
#define HTTP_SNIFF_OTHER 512u  /* and any other one */
#define HTTP_TEXT_MAX    2304u /* text put together here; more than the API keeps of a value */

enum http_header {
	HEADER_NONE,
	HEADER_HOST,
	HEADER_EXPECT,
	HEADER_REFERER,
	HEADER_UPGRADE,
	HEADER_USER_AGENT,
	HEADER_TRACEPARENT,
	HEADER_REQUEST_ID,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_LENGTH,
	HEADER_CONTENT_ENCODING,
	HEADER_TRANSFER_ENCODING,
};

struct http_request_line {
	struct view method, target, version; /* version: "1.1"; empty: not seen (line cut) */
	bool odd;                            /* spaces where the grammar has none */
};

struct http_status_line {
	struct view version, phrase;
	unsigned status;
};

/* A request target or URI in its parts; what it does not have is empty. */
struct http_uri {
	struct view scheme, domain, path, query;
};

static inline bool http_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool http_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* tchar of RFC 9110 section 5.6.2. */
static inline bool http_tchar(uint8_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || http_digit(c))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static inline struct view http_view(const uint8_t *p, const uint8_t *end)
{
	return view_of(p, (size_t)(end - p), 0);
}

/* Without white space at both ends. */
static inline struct view http_trim(struct view v)
{
	while (v.p < v.end && http_space(*v.p))
		v.p++;
	while (v.end > v.p && http_space(v.end[-1]))
		v.end--;
	return v;
}

static inline const uint8_t *http_find(struct view v, uint8_t c)
{
	return v.p < v.end ? (const uint8_t *)memchr(v.p, c, view_len(&v)) : NULL;
}

/* The next element of a comma-separated list (RFC 9110 section 5.6.1); empty ones are passed by. */
static inline bool http_list(struct view *list, struct view *element)
{
	while (list->p < list->end) {
		const uint8_t *comma = http_find(*list, ',');

		*element = http_trim(http_view(list->p, comma ? comma : list->end));
		list->p = comma ? comma + 1 : list->end;
		if (element->p < element->end)
			return true;
	}
	return false;
}

/* A field's name; `lower` has the same length. Only '-' has a second spelling under the mask. */
static inline bool http_same(const uint8_t *name, const char *lower, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)lower[i];

		if ((name[i] | 0x20) != c || (c == '-' && name[i] != '-'))
			return false;
	}
	return true;
}

static inline enum http_header http_header_id(const uint8_t *p, size_t n)
{
	enum http_header id = HEADER_NONE;
	const char *name = NULL;

	switch (n) {
	case 4:
		id = HEADER_HOST, name = "host";
		break;
	case 6:
		id = HEADER_EXPECT, name = "expect";
		break;
	case 7:
		if ((p[0] | 0x20) == 'r')
			id = HEADER_REFERER, name = "referer";
		else
			id = HEADER_UPGRADE, name = "upgrade";
		break;
	case 10:
		id = HEADER_USER_AGENT, name = "user-agent";
		break;
	case 11:
		id = HEADER_TRACEPARENT, name = "traceparent";
		break;
	case 12:
		if ((p[0] | 0x20) == 'c')
			id = HEADER_CONTENT_TYPE, name = "content-type";
		else
			id = HEADER_REQUEST_ID, name = "x-request-id";
		break;
	case 14:
		id = HEADER_CONTENT_LENGTH, name = "content-length";
		break;
	case 16:
		id = HEADER_CONTENT_ENCODING, name = "content-encoding";
		break;
	case 17:
		id = HEADER_TRANSFER_ENCODING, name = "transfer-encoding";
		break;
	default:
		break;
	}
	return name && http_same(p, name, n) ? id : HEADER_NONE;
}

/*
 * Does "HTTP/1." and a digit stand at the front? A part of it that runs into the end is a MAYBE.
 */
static inline enum tsm_probe http_sniff_version(struct view v)
{
	static const char version[] = "HTTP/1.";
	size_t n = view_len(&v), want = sizeof(version) - 1;

	if (memcmp(v.p, version, n < want ? n : want) != 0)
		return PROBE_NO;
	if (n <= want)
		return PROBE_MAYBE;
	return http_digit(v.p[want]) ? PROBE_YES : PROBE_NO;
}

/* Methods of the IANA registry, and those of UPnP, caches and WebDAV extensions met in the field.
 */
static inline bool http_method_known(struct view method)
{
	static const char *const known[] = {"ACL", "BASELINE-CONTROL", "BCOPY", "BDELETE", "BIND",
		"BMOVE", "BPROPFIND", "BPROPPATCH", "CHECKIN", "CHECKOUT", "CONNECT", "COPY",
		"DELETE", "GET", "HEAD", "LABEL", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY",
		"MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "NOTIFY", "OPTIONS",
		"ORDERPATCH", "PATCH", "POLL", "POST", "PROPFIND", "PROPPATCH", "PURGE", "PUT",
		"QUERY", "REBIND", "REPORT", "SEARCH", "SUBSCRIBE", "TRACE", "UNBIND", "UNCHECKOUT",
		"UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
		NULL};

	for (unsigned i = 0; known[i]; i++) {
		size_t n = strlen(known[i]);

		if (n == view_len(&method) && memcmp(known[i], method.p, n) == 0)
			return true;
	}
	return false;
}

/*
 * Does a request line begin here? What a longer view would say is never contradicted: MAYBE until
 * the version or a bound is reached, so that it does not matter how the bytes come.
 */
static inline enum tsm_probe http_sniff_request(struct view v)
{
	struct view method = v, rest;
	const uint8_t *sp;

	while (v.p < v.end && ((*v.p >= 'A' && *v.p <= 'Z') || *v.p == '-' || *v.p == '_'))
		v.p++;
	method.end = v.p;
	if (view_len(&method) > HTTP_METHOD_MAX)
		return PROBE_NO;
	if (v.p == v.end)
		return PROBE_MAYBE;
	if (*v.p != ' ' || v.p == method.p)
		return PROBE_NO;
	v.p++;
	rest = v;
	if (view_len(&rest) > HTTP_SNIFF_OTHER)
		rest.end = rest.p + HTTP_SNIFF_OTHER;
	for (sp = rest.p; sp<rest.end && * sp> ' ' && *sp != 0x7f; sp++)
		if (sp == rest.p + HTTP_SNIFF_KNOWN && http_method_known(method) &&
			(*rest.p == '/' || memcmp(rest.p, "http", 4) == 0))
			return PROBE_YES;
	if (sp == rest.end)
		return view_len(&rest) == HTTP_SNIFF_OTHER ? PROBE_NO : PROBE_MAYBE;
	if (*sp != ' ' || sp == rest.p)
		return PROBE_NO;
	return http_sniff_version(http_view(sp + 1, v.end));
}

/* Does a status line begin here: HTTP/1.1 200? */
static inline enum tsm_probe http_sniff_status(struct view v)
{
	enum tsm_probe version = http_sniff_version(v);
	unsigned digits = 0;

	if (version != PROBE_YES)
		return version;
	for (v.p += 7; v.p < v.end && digits < 3 && http_digit(*v.p); v.p++)
		digits++;
	if (v.p == v.end)
		return PROBE_MAYBE;
	if (*v.p++ != ' ')
		return PROBE_NO;
	for (digits = 0; v.p < v.end && digits < 3; v.p++, digits++)
		if (!http_digit(*v.p))
			return PROBE_NO;
	return digits == 3 ? PROBE_YES : PROBE_MAYBE;
}

/*
 * method SP request-target SP HTTP-version (RFC 9112 section 3). Of a line that was `cut` because
 * of its length the version is not there; only a known method with a path or a URI is believed
 * then.
 */
static inline bool http_request_line(struct view line, bool cut, struct http_request_line *r)
{
	const uint8_t *p = line.p, *e = line.end, *v;

	while (p < e && http_tchar(*p))
		p++;
	if (p == line.p || p == e || *p != ' ' || (size_t)(p - line.p) > HTTP_METHOD_MAX)
		return false;
	r->method = http_view(line.p, p);
	r->version = http_view(e, e);
	r->odd = false;
	if (cut) {
		r->target = http_view(p + 1, e);
		return !http_find(r->target, ' ') && http_method_known(r->method) &&
		       (*r->target.p == '/' || memcmp(r->target.p, "http", 4) == 0);
	}
	while (e > p && http_space(e[-1]))
		e--;
	v = e;
	while (v > p && e - v < 4 && http_digit(v[-1]))
		v--;
	if (v == e || e - v > 3 || v - p < 9 || memcmp(v - 8, " HTTP/1.", 8) != 0)
		return false;
	r->version = http_view(v - 2, e);
	r->target = http_view(p + 1, v - 8);
	/* White space inside a target is against the grammar, and yet it is sent. */
	if (e != line.end || http_find(r->target, ' ') || http_find(r->target, '\t')) {
		r->odd = true;
		r->target = http_trim(r->target);
	}
	return r->target.p < r->target.end;
}

/* HTTP-version SP status-code [SP reason-phrase] (RFC 9112 section 4). */
static inline bool http_status_line(struct view line, struct http_status_line *r)
{
	const uint8_t *p;

	if (http_sniff_status(line) != PROBE_YES)
		return false;
	p = (const uint8_t *)memchr(line.p, ' ', view_len(&line));
	r->version = http_view(line.p + 5, p);
	p++;
	r->status =
		(unsigned)(p[0] - '0') * 100 + (unsigned)(p[1] - '0') * 10 + (unsigned)(p[2] - '0');
	p += 3;
	if (p < line.end && !http_space(*p))
		return false;
	r->phrase = http_trim(http_view(p, line.end));
	return true;
}

/*
 * Content-Length (RFC 9110 section 8.6): a number, or the same number several times in a list.
 * False where there is none, it is not a number, it does not fit 63 bits or they differ.
 */
static inline bool http_content_length(struct view value, uint64_t *length)
{
	struct view e;
	bool any = false;

	while (http_list(&value, &e)) {
		uint64_t n = 0;

		for (; e.p < e.end; e.p++) {
			unsigned digit = (unsigned)*e.p - '0';

			if (!http_digit(*e.p) || n > ((uint64_t)INT64_MAX - digit) / 10)
				return false;
			n = n * 10 + digit;
		}
		if (any && n != *length)
			return false;
		*length = n;
		any = true;
	}
	return any;
}

/* chunk-size [chunk-ext] (RFC 9112 section 7.1). False: no number, or it does not fit 63 bits. */
static inline bool http_chunk_size(struct view line, uint64_t *size)
{
	const uint8_t *p = line.p;
	uint64_t n = 0;

	for (; p < line.end; p++) {
		unsigned digit;

		if (http_digit(*p))
			digit = (unsigned)*p - '0';
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			digit = ((unsigned)*p | 0x20) - 'a' + 10;
		else
			break;
		if (n > (uint64_t)INT64_MAX >> 4)
			return false;
		n = n << 4 | digit;
	}
	*size = n;
	return p > line.p && (p == line.end || *p == ';' || http_space(*p));
}

/* The first word of a value with parameters: "text/html" of "text/html; charset=utf-8". */
static inline struct view http_word(struct view value)
{
	const uint8_t *p = value.p;

	while (p < value.end && *p != ';' && *p != ',' && !http_space(*p))
		p++;
	return http_view(value.p, p);
}

/*
 * The trace-id of a valid traceparent (W3C Trace Context, section 3.2):
 * version "-" trace-id "-" parent-id "-" flags, in lower-case hexadecimal, no id all zero.
 */
static inline bool http_trace_id(struct view value, struct view *id)
{
	static const uint8_t dash[] = {2, 35, 52};
	const uint8_t *p = value.p;
	size_t n = view_len(&value);
	unsigned d = 0;
	bool trace = false, parent = false;

	if (n < 55 || (p[0] == 'f' && p[1] == 'f'))
		return false;
	if (n > 55 && ((p[0] == '0' && p[1] == '0') || p[55] != '-'))
		return false;
	for (unsigned i = 0; i < 55; i++) {
		if (d < 3 && i == dash[d]) {
			if (p[i] != '-')
				return false;
			d++;
			continue;
		}
		if (!http_digit(p[i]) && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
		trace |= d == 1 && p[i] != '0';
		parent |= d == 2 && p[i] != '0';
	}
	*id = http_view(p + 3, p + 35);
	return trace && parent;
}

/* The authority of "scheme://authority/..." and, before it, "scheme"; false: there is none. */
static inline bool http_authority(struct view uri, struct view *scheme, struct view *authority)
{
	const uint8_t *colon = http_find(uri, ':'), *p;

	if (!colon || colon == uri.p || uri.end - colon < 3 || colon[1] != '/' || colon[2] != '/')
		return false;
	for (p = uri.p; p < colon; p++)
		if (!http_tchar(*p))
			return false;
	*scheme = http_view(uri.p, colon);
	for (p = colon + 3; p < uri.end && *p != '/' && *p != '?' && *p != '#'; p++)
		;
	*authority = http_view(colon + 3, p);
	return true;
}

/* The last '@' of an authority, or NULL: what stands before it is userinfo. */
static inline const uint8_t *http_at(struct view authority)
{
	const uint8_t *p = authority.end;

	while (p > authority.p)
		if (*--p == '@')
			return p;
	return NULL;
}

/* host of [userinfo "@"] host [":" port]; without the brackets of an IPv6 address. */
static inline struct view http_host(struct view authority)
{
	const uint8_t *at = http_at(authority), *end;

	if (at)
		authority.p = at + 1;
	if (authority.p < authority.end && *authority.p == '[') {
		end = http_find(authority, ']');
		if (end)
			return http_view(authority.p + 1, end);
	}
	end = http_find(authority, ':');
	return http_view(authority.p, end ? end : authority.end);
}

/*
 * A URI whose authority (a part of it) holds a password, with "xxxxx" for the password; any other
 * is given back as it is. buf takes HTTP_TEXT_MAX bytes.
 */
static inline struct view http_mask(struct view uri, struct view authority, uint8_t *buf)
{
	const uint8_t *at = http_at(authority), *colon = NULL;
	size_t head, tail;

	if (at)
		colon = http_find(http_view(authority.p, at), ':');
	if (!colon)
		return uri;
	head = (size_t)(colon + 1 - uri.p);
	if (head > HTTP_TEXT_MAX - 5)
		return http_view(uri.p, uri.p + head);
	memcpy(buf, uri.p, head);
	memcpy(buf + head, "xxxxx", 5);
	head += 5;
	tail = (size_t)(uri.end - at);
	if (tail > HTTP_TEXT_MAX - head)
		tail = HTTP_TEXT_MAX - head;
	memcpy(buf + head, at, tail);
	return view_of(buf, head + tail, 0);
}

/* Path and query of what follows an authority. */
static inline void http_split(struct view rest, struct http_uri *u)
{
	const uint8_t *q = http_find(rest, '?');

	u->path = http_view(rest.p, q ? q : rest.end);
	u->query = q ? http_view(q + 1, rest.end) : http_view(rest.end, rest.end);
}

#endif
