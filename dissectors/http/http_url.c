/*
 * http_url.c - the parts of the URL that a request asks for.
 */
#include "http.h"

/* How much of v is kept behind the first `at` bytes: `most` at most. */
static uint16_t keep_at(struct session *s, struct http *h, unsigned at, struct view v, size_t most)
{
	size_t n = view_len(&v) < most ? view_len(&v) : most;

	if (at + n > h->url_room) {
		size_t size = (at + n + URL_PIECE - 1) / URL_PIECE * URL_PIECE;
		uint8_t *more = tsm_memory(s, h->url, size);

		if (!more)
			return 0;
		h->url = more;
		h->url_room = (uint16_t)size;
	}
	if (n)
		memcpy(h->url + at, v.p, n);
	return (uint16_t)n;
}

void http_keep_target(struct session *s, struct http *h, struct view v)
{
	h->host_len = 0;
	h->target_len = keep_at(s, h, 0, v, TARGET_MAX);
}

void http_keep_host(struct session *s, struct http *h, struct view v)
{
	if (!h->host_len)
		h->host_len = keep_at(s, h, h->target_len, v, HOST_MAX);
}

void http_url(const struct http *h, struct tsm_txn t)
{
	const uint8_t *kept = h->url ? h->url : (const uint8_t *)"";
	struct view target = view_of(kept, h->target_len, 0), path = target, query, fragmentless;
	struct view scheme = text("http"),
		    authority = view_of(kept + h->target_len, h->host_len, 0), host;
	uint8_t full[TARGET_MAX + HOST_MAX + 32];
	const uint8_t *at;
	size_t n = 0;

	at = view_len(&target) && *target.p == '/' ? target.end : target.p;
	for (; at + 2 < target.end && at < target.p + 32; at++)
		if (at[0] == ':' && at[1] == '/' && at[2] == '/') {
			scheme = view_of(target.p, (size_t)(at - target.p), 0);
			authority = view_of(at + 3, (size_t)(target.end - at - 3), 0);
			path = authority;
			while (path.p < path.end && *path.p != '/' && *path.p != '?')
				path.p++;
			authority.end = path.p;
			break;
		}
	if (tsm_tag(t) & TAG_CONNECT) {
		authority = target;
		path = view_of(target.end, 0, 0);
		scheme = path;
	}
	host = host_of(authority);
	fragmentless = path;
	query = path;
	path = before(&query, '?');
	if (view_len(&scheme)) {
		tsm_str(t, F_URL_SCHEME, scheme);
		n = put(full, n, sizeof(full), scheme);
		n = put(full, n, sizeof(full), text("://"));
	}
	for (at = authority.end; at > authority.p && at[-1] != '@'; at--)
		;
	if (at > authority.p) { /* user:password@ */
		struct view user = view_of(authority.p, (size_t)(at - authority.p) - 1, 0);

		user = before(&user, ':');
		n = put(full, n, sizeof(full), user);
		n = put(full, n, sizeof(full), text(":xxxxx@"));
		authority.p = at;
	}
	n = put(full, n, sizeof(full), authority);
	if (!(view_len(&path) == 1 && *path.p == '*'))
		n = put(full, n, sizeof(full), fragmentless);
	if (view_len(&host))
		tsm_str(t, F_URL_DOMAIN, host);
	if (view_len(&path))
		tsm_str(t, F_URL_PATH, path);
	if (view_len(&query))
		tsm_str(t, F_URL_QUERY, query);
	if (n)
		tsm_str(t, F_URL_FULL, view_of(full, n, 0));
}
