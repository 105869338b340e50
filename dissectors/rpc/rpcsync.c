/*
 * rpcsync.c - does this look like RPC? Recognising a connection, and getting back in step after the
 * framing was lost.
 *
 * A call says so by its type, the RPC version and a credential that fits; a reply has little that
 * is its own, so that behind a loss it counts only where its XID is that of an open call.
 */
#include "rpcmsg.h"

#define RECORD_MAX                                                                                 \
	(UINT32_C(1) << 24) /* bytes of a fragment that is believed in without framing             \
			     */
#define CALL_LEAST 40u      /* bytes of a call without arguments, without its mark */

static uint32_t word(const uint8_t *p, unsigned i)
{
	p += (size_t)4 * i;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool flavor_like(uint32_t flavor, uint32_t length)
{
	return length <= RPC_AUTH_MAX && length % 4 == 0 &&
	       (flavor == RPC_NONE         ? length == 0
		       : flavor == RPC_SYS ? length >= 20
		       : flavor == RPC_GSS ? length >= 20
					   : flavor == RPC_SHORT || flavor == RPC_DH);
}

/* A call without its mark: XID, 0, 2, program, version, procedure, flavor, length. */
static enum tsm_probe call_like(struct view v)
{
	size_t n = view_len(&v) / 4;
	const uint8_t *p = v.p;

	if ((n > 1 && word(p, 1) != 0) || (n > 2 && word(p, 2) != 2) ||
		(n > 3 && (word(p, 3) < 100000 || word(p, 3) >= 0x60000000)) ||
		(n > 4 && word(p, 4) > 100) || (n > 5 && word(p, 5) > 1000))
		return PROBE_NO;
	if (n > 7)
		return flavor_like(word(p, 6), word(p, 7)) ? PROBE_YES : PROBE_NO;
	return PROBE_MAYBE;
}

/* A reply without its mark: XID, 1, 0, flavor, length, verifier, status; or XID, 1, 1, status. */
static enum tsm_probe reply_like(struct view v)
{
	size_t n = view_len(&v) / 4;
	const uint8_t *p = v.p;
	uint32_t length;

	if ((n > 1 && word(p, 1) != 1) || (n > 2 && word(p, 2) > 1))
		return PROBE_NO;
	if (n > 2 && word(p, 2) == 1) {
		if (n > 4)
			return word(p, 3) == 0   ? (word(p, 4) <= 2 ? PROBE_YES : PROBE_NO)
			       : word(p, 3) == 1 ? (word(p, 4) <= 14 ? PROBE_YES : PROBE_NO)
						 : PROBE_NO;
		return PROBE_MAYBE;
	}
	if (n <= 4)
		return PROBE_MAYBE;
	length = word(p, 4);
	if (!flavor_like(word(p, 3), length) && !(word(p, 3) == RPC_GSS && length <= RPC_AUTH_MAX))
		return PROBE_NO;
	if (n > 5 + length / 4)
		return word(p, 5 + length / 4) <= 5 ? PROBE_YES : PROBE_NO;
	return length ? PROBE_YES : PROBE_MAYBE;
}

/* A fragment's length that the beginning of a message may have. */
static bool mark_like(uint32_t mark, bool call)
{
	uint32_t n = mark & 0x7fffffff;

	return n >= (call ? CALL_LEAST : RPC_HEADER_LEAST) && n <= RECORD_MAX && n % 4 == 0;
}

static enum tsm_probe message_like(struct view v, bool marked, bool call)
{
	if (marked) {
		if (view_len(&v) >= 4 && !mark_like(word(v.p, 0), call))
			return PROBE_NO;
		if (view_len(&v) < 4)
			return PROBE_MAYBE;
		v.p += 4;
	}
	if (call)
		return call_like(v);
	/* The reply to an accepted call may be nothing but zeros, as much else is without a mark.
	 */
	if (!marked && view_len(&v) >= 24 &&
		!(word(v.p, 2) | word(v.p, 3) | word(v.p, 4) | word(v.p, 5)))
		return word(v.p, 1) == 1 ? PROBE_MAYBE : PROBE_NO;
	return reply_like(v);
}

enum tsm_probe rpc_probe(struct view head, enum side side)
{
	bool maybe = false;

	if (view_len(&head) < 4)
		return PROBE_MAYBE;
	/* Without a mark, which any message has that may have one, so few bytes tell nothing. */
	if (view_len(&head) < 12 && !mark_like(word(head.p, 0), false))
		return PROBE_NO;
	/* Most of what is no message has no type of one, with or without a mark. */
	if (view_len(&head) >= 12 && word(head.p, 1) > 1 && word(head.p, 2) > 1)
		return PROBE_NO;
	for (unsigned i = 0; i < 4; i++) {
		bool call = i & 1, marked = i < 2;
		enum tsm_probe r = message_like(head, marked, call);

		if (r == PROBE_YES)
			return call == (side == SIDE_CLIENT) ? PROBE_YES : PROBE_SWAPPED;
		maybe |= r == PROBE_MAYBE && (view_len(&head) >= 12 || marked);
	}
	return maybe ? PROBE_MAYBE : PROBE_NO;
}

/* Is this the reply to an open call, or, where no calls are seen at all, the whole of one? */
static bool expected(struct session *s, const uint8_t *p, bool alone)
{
	if (tsm_is(tsm_find(s, (uint64_t)word(p, 1) | UINT64_C(1) << 32)))
		return true;
	return alone && word(p, 0) >> 31 && word(p, 4) == 0 && word(p, 5) == 0;
}

enum tsm_probe rpc_sync(struct session *s, enum side side, struct view *v, bool alone)
{
	bool call = side == SIDE_CLIENT;
	size_t least = 4 + (call ? CALL_LEAST : RPC_HEADER_LEAST);

	for (; view_len(v) >= least; v->p++) {
		const uint8_t *p = v->p;

		/* The type's first bytes are 0 in both; most places end here. */
		if (p[8] | p[9] | p[10])
			continue;
		if (message_like(*v, true, call) == PROBE_NO || (!call && !expected(s, p, alone)))
			continue;
		return PROBE_YES;
	}
	return PROBE_MAYBE;
}
