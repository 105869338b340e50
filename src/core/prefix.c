/*
 * prefix.c - headers in front of a connection's first byte; see prefix.h.
 */
#include "core/prefix.h"
#include "core/show.h"

#define PREFIXES_MAX 8u

bool prefix_first[256];
static const struct dissector *by[PREFIXES_MAX];
static unsigned nprefixes;

bool prefix_add(const struct dissector *d)
{
	if (nprefixes == PREFIXES_MAX)
		return false;
	by[nprefixes++] = d;
	for (const char *first = d->prefix->first; *first; first++)
		prefix_first[(uint8_t)*first] = true;
	return true;
}

enum tsm_probe prefix_probe(const struct view *v, size_t *len, struct addr *source)
{
	enum tsm_probe r = PROBE_NO;

	memset(source, 0, sizeof(*source));
	if (!view_len(v))
		return PROBE_MAYBE;
	for (unsigned i = 0; i < nprefixes && r != PROBE_YES; i++) {
		enum tsm_probe one = by[i]->prefix->probe(v, len, source);

		if (one != PROBE_NO)
			r = one;
	}
	return r;
}

size_t prefix_show(struct show *s, const struct view *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < nprefixes && view_len(v) && !n; i++) {
		s->layer = by[i]->name;
		n = by[i]->prefix->show(s, v);
	}
	s->layer = NULL;
	return n;
}
