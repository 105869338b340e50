/*
 * sums.h - checksums of TCP segments and UDP datagrams (RFC 1071, RFC 9293 3.1, RFC 768).
 *
 * Only of what is read, begins or ends something, as adding all bytes costs more than all else that
 * is done with most segments. What a host sends may leave it to its network adapter to add them:
 * then the field holds the sum of the pseudo header, or those of all its segments are wrong. So a
 * wrong one is believed, unless the side has shown that its sums are right.
 */
#ifndef TSUMARI_CORE_SUMS_H
#define TSUMARI_CORE_SUMS_H

#include "core/session.h"

struct shard;

/* LEFT_OUT: to be added up behind the capture. NONE: it has none, or it is not known. */
enum sum { SUM_RIGHT, SUM_WRONG, SUM_LEFT_OUT, SUM_NONE };

/* Of a datagram that has the ends that it was captured with. */
enum sum datagram_sum(const struct packet *p);

/* It is left out, and counted; f: its flow, or NULL. */
RARELY void datagram_damaged(struct shard *sh, struct flow *f, const struct packet *p);

/* Is the sum wrong, where its side's sums are right? Then the segment was counted. */
bool tcp_sum_is_wrong(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

/*
 * Will a dissector, or who asks whose protocol it is, see the last one of the next n bytes of a
 * side, or its end? What a dissector passes over changes no record.
 */
static inline bool tcp_is_read(const struct flow *f, unsigned dir, uint32_t n, bool end)
{
	const struct session *s = f->session;

	if (f->flags & FLOW_OPAQUE || f->side[dir].more & FS_SUMS_WRONG)
		return false;
	return s && s->d ? s->side[dir == flow_client(f) ? SIDE_CLIENT : SIDE_SERVER].skip < n + end
			 : n != 0;
}

#endif
