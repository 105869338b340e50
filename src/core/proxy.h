/*
 * proxy.h - the PROXY protocol's header in front of a connection (haproxy, doc/proxy-protocol.txt).
 */
#ifndef TSUMARI_CORE_PROXY_H
#define TSUMARI_CORE_PROXY_H

#include "api/dissector.h"

struct show;

/*
 * Does v, a client's first bytes, begin with a header? PROBE_YES: of *len bytes, *source being the
 * address on whose behalf the sender connects, all zero where it names none (LOCAL, UNKNOWN).
 * PROBE_MAYBE: more bytes are needed to tell.
 */
enum tsm_probe proxy_header(const struct view *v, size_t *len, struct addr *source);

/* Explains a header at the front of v, as far as it is there (show.h); gives its bytes, 0: there is
 * none. */
size_t proxy_show(struct show *s, const struct view *v);

/* By its first byte, which hardly any other protocol has, or by there being none. */
static inline bool proxy_may_begin(const struct view *v)
{
	return v->p == v->end || *v->p == 'P' || *v->p == '\r';
}

#endif
