/*
 * xdr.h - reading XDR (RFC 4506) by a description of it, in pieces of any size.
 *
 * A description is a string of items, each of which stands for what is on the wire:
 *
 *   u       unsigned int, 4 bytes             h       hyper, 8 bytes
 *   12x     12 bytes, fixed                   12f     the same, kept for the mark behind it
 *   o       opaque or string, passed over     s       the same, kept for the mark behind it
 *   [...]   array: a count and as many        {...}   list: each behind a TRUE, then FALSE
 *   (...)   optional: TRUE and what, or FALSE
 *   <1,2:...|3:...|*:...>   union, by the last number read; none that fits is an error
 *   A       fattr4: a bitmap and what it names (RFC 7530, 3.3.7)
 *   !       what pick() says of the last number; NULL ends the reading
 *   @c      mark: tell the last number and the text kept, under the letter c
 *
 * Spaces mean nothing. Only what is asked for at once must be in the view (at most
 * TSM_BODY_NEED); what is passed over is skipped unseen, however long it says it is.
 */
#ifndef TSUMARI_XDR_H
#define TSUMARI_XDR_H

#include "dissector.h"

#define XDR_DEPTH 10u
#define XDR_TEXT  1024u /* bytes of an opaque that are kept at most; the rest is passed over */

struct xdr_reader {
	void (*mark)(void *arg, char letter, uint64_t number, struct view text);
	const char *(*pick)(void *arg, uint64_t number);
};

struct xdr_frame {
	const char *pc;
	uint32_t left;
	char kind;
};

/* Where a message's reading is; set by xdr_begin(). */
struct xdr {
	const char *pc; /* NULL: done */
	uint64_t number;
	uint64_t at;         /* bytes read and passed over */
	uint64_t skip;       /* still to be passed over */
	uint64_t attrs;      /* bits of a fattr4 still to be read, from `attr` on */
	uint64_t attrs_end;  /* where it ends; 0: not in one */
	uint8_t attr, depth; /* */
	bool bad;            /* not as described: nothing more is read */
	struct xdr_frame frame[XDR_DEPTH];
};

void xdr_begin(struct xdr *x, const char *description);
/* Goes on with what is in the view; `last` as in struct body. Done once x->pc is NULL. */
struct take xdr_read(
	struct xdr *x, const struct xdr_reader *r, void *arg, struct view *v, bool last);

#endif
