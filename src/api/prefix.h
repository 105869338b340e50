/*
 * prefix.h - what may stand in front of a connection's first byte, whatever protocol follows: the
 * header by which a proxy says on whose behalf it connects.
 *
 * The engine asks for it at the client's first bytes and behind each header that was found. What is
 * found is passed over: the protocol that follows begins behind it.
 */
#ifndef TSUMARI_PREFIX_H
#define TSUMARI_PREFIX_H

#include "dissector.h"

struct tsm_prefix {
	const char *first; /* the bytes that it can begin with, as a string */
	/*
	 * Does v, which has one byte at least, begin with a header? PROBE_YES: of *len bytes;
	 * *source is the address on whose behalf the sender connects, all zero (as it is given)
	 * where the header names none. PROBE_MAYBE: more bytes are needed to tell.
	 */
	enum tsm_probe (*probe)(const struct view *v, size_t *len, struct addr *source);
	/* Shows (show.h) a header at the front of v, as far as it is there, under a heading of its
	   own; gives its bytes, 0: there is none. */
	size_t (*show)(struct show *s, const struct view *v);
};

#endif
