/*
 * prefix.h - the headers that may stand in front of a connection's first byte (api/prefix.h), of
 * all dissectors. Filled by registry_add(), read-only afterwards.
 */
#ifndef TSUMARI_CORE_PREFIX_H
#define TSUMARI_CORE_PREFIX_H

#include "api/prefix.h"

/* By a header's first byte: can one begin with it? */
extern bool prefix_first[256];

/* That of d. False: there are too many. */
bool prefix_add(const struct dissector *d);

/* As tsm_prefix.probe() says; PROBE_MAYBE where v is empty. *source is zeroed first. */
enum tsm_probe prefix_probe(const struct view *v, size_t *len, struct addr *source);
/* As tsm_prefix.show() says; what is shown belongs to the layer of its dissector. */
size_t prefix_show(struct show *s, const struct view *v);

/* By its first byte, which hardly any protocol shares with a header, or by there being none. */
static inline bool prefix_may_begin(const struct view *v)
{
	return v->p == v->end || prefix_first[*v->p];
}

#endif
