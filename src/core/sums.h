/*
 * sums.h - checksums of TCP segments (RFC 1071, RFC 9293 3.1).
 *
 * Only of what is read or ends something, as adding all bytes costs more than all else that is done
 * with most segments. What a host sends may leave it to its network adapter to add them: then the
 * field holds the sum of the pseudo header, or those of all its segments are wrong. So a wrong one
 * is believed, unless the side has shown that its sums are right.
 */
#ifndef TSUMARI_CORE_SUMS_H
#define TSUMARI_CORE_SUMS_H

#include "core/shard.h"

/* Is the sum wrong, where its side's sums are right? Then the segment was counted. */
bool tcp_sum_is_wrong(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);

#define SUM_SHORT 256u /* bytes; what is longer costs too much */

/*
 * Is a segment that is next short, or an end, and will a dissector see it? Such a one is what
 * somebody else would put in between.
 */
static inline bool tcp_is_read(const struct flow *f, unsigned dir)
{
	const struct session *s = f->session;

	return !(f->flags & FLOW_OPAQUE) && s && s->d &&
	       !s->side[dir == flow_client(f) ? SIDE_CLIENT : SIDE_SERVER].skip &&
	       !(f->side[dir].more & FS_SUMS_WRONG);
}

#endif
