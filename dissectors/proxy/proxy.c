/*
 * proxy.c - the PROXY protocol, versions 1 and 2 (haproxy, doc/proxy-protocol.txt): the header by
 * which a proxy says, before the first byte of whatever protocol, on whose behalf it connects.
 */
#include "proxy.h"
#include <arpa/inet.h>
#include <string.h>

#define V1_MAX 107u /* bytes of a header of version 1, with its end of line */
#define V2_FIX 16u

static const uint8_t v2_mark[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* The next word of a line; empty: there is none. */
static struct view word(struct view *line)
{
	struct view w = *line;
	const uint8_t *space = memchr(line->p, ' ', view_len(line));

	w.end = space ? space : line->end;
	line->p = space ? space + 1 : line->end;
	return w;
}

static bool is_word(const struct view *w, const char *text)
{
	return view_len(w) == strlen(text) && memcmp(w->p, text, view_len(w)) == 0;
}

static bool address(const struct view *w, bool v6, struct addr *to)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t bytes[16];

	if (view_len(w) >= sizeof(text))
		return false;
	memcpy(text, w->p, view_len(w));
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) != 1)
		return false;
	*to = v6 ? addr_v6(bytes) : addr_v4(bytes);
	return true;
}

/* 2.1: "PROXY TCP4 source destination port port", or "PROXY UNKNOWN" and anything. */
static enum tsm_probe version_1(const struct view *v, size_t *len, struct addr *source)
{
	size_t n = view_len(v) < V1_MAX ? view_len(v) : V1_MAX;
	const uint8_t *end = memchr(v->p, '\n', n);
	struct view line, family, from, to;

	if (!end)
		return n < V1_MAX ? PROBE_MAYBE : PROBE_NO;
	if (end == v->p || end[-1] != '\r')
		return PROBE_NO;
	*len = (size_t)(end + 1 - v->p);
	line = view_of(v->p + 6, (size_t)(end - 1 - v->p) - 6, 0);
	family = word(&line);
	if (is_word(&family, "UNKNOWN"))
		return PROBE_YES;
	from = word(&line);
	to = word(&line);
	if (is_word(&family, "TCP4") || is_word(&family, "TCP6")) {
		bool v6 = family.p[3] == '6';
		struct addr unused;

		if (address(&from, v6, source) && address(&to, v6, &unused))
			return PROBE_YES;
	}
	return PROBE_NO;
}

/* 2.2 */
static enum tsm_probe version_2(const struct view *v, size_t *len, struct addr *source)
{
	const uint8_t *p = v->p;
	size_t rest;

	if (view_len(v) < V2_FIX)
		return PROBE_MAYBE;
	rest = (size_t)p[14] << 8 | p[15];
	if (p[12] >> 4 != 2 || (p[12] & 15) > 1)
		return PROBE_NO;
	if (view_len(v) < V2_FIX + rest)
		return PROBE_MAYBE;
	*len = V2_FIX + rest;
	if (!(p[12] & 15)) /* LOCAL: the proxy itself, a health check */
		return PROBE_YES;
	if (p[13] >> 4 == 1 && rest >= 12)
		*source = addr_v4(p + V2_FIX);
	else if (p[13] >> 4 == 2 && rest >= 36)
		*source = addr_v6(p + V2_FIX);
	return PROBE_YES;
}

enum tsm_probe proxy_header(const struct view *v, size_t *len, struct addr *source)
{
	size_t n = view_len(v);

	if (memcmp(v->p, "PROXY ", n < 6 ? n : 6) == 0)
		return n < 6 ? PROBE_MAYBE : version_1(v, len, source);
	if (memcmp(v->p, v2_mark, n < 12 ? n : 12) == 0)
		return n < 12 ? PROBE_MAYBE : version_2(v, len, source);
	return PROBE_NO;
}

static const struct tsm_prefix prefix = {"P\r", proxy_header, proxy_show};

TSM_DISSECTOR(proxy) = {
	TSM_HEAD,
	.name = "proxy",
	.title = "PROXY protocol",
	.prefix = &prefix,
};
