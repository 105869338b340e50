/*
 * copies.h - frames of one flow that are in the capture more than once.
 */
#ifndef TSUMARI_CORE_COPIES_H
#define TSUMARI_CORE_COPIES_H

#include "core/flow.h"

struct shard;

#define COPIES_RING 32u /* segments of a connection that are remembered */

struct copied { /* a segment */
	uint64_t time;
	uint32_t seq, ack, len, tsval;
	uint16_t id, window;
	uint8_t flags, dir;
	uint8_t times; /* that it was seen again */
	bool twin;     /* it had another key */
};

/* Of a connection of which copies were seen. */
struct copies {
	struct flow *flow;
	struct copied ring[COPIES_RING];
	uint8_t next;
	uint8_t each;  /* copies of a segment, as far as that is certain */
	uint8_t kinds; /* COPY_ */
	/* What the copies have instead, where they do; the ends in the flow's order. */
	struct addr ip[2];
	uint16_t port[2];
	uint16_t vlan;
	uint32_t tunnel_id;
	const char *tunnel;
};

/* Is the segment, which brings nothing that was not seen, a copy? Then it was counted. */
RARELY bool tcp_is_copy(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Was it sent before its side's last one, as identification or timestamp show? */
bool tcp_is_older(const struct flow_side *s, const struct packet *p);
/* Was it sent after that, as they show? */
bool tcp_is_newer(const struct flow_side *s, const struct packet *p);
/* Of two segments of a side: was p sent after the other one, or does nothing tell the order? */
bool tcp_is_later(const struct packet *before, const struct packet *p);
/* The first one with another key (PACKET_TWIN_NAMED), which is no copy: the flow's own come later.
 */
RARELY void copies_name(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* A segment of a connection of which copies were seen. */
void copies_remember(struct flow *f, const struct packet *p, unsigned dir);
/* A datagram of a flow that was captured before (datagrams.h): counts it. */
RARELY void datagram_copied(struct shard *sh, struct flow *f, const struct packet *p);
void copies_drop(struct shard *sh, struct flow *f);

#endif
