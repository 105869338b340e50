/*
 * twins.h - connections that are captured more than once under different keys: on two VLANs or
 * without a tag, inside a tunnel and outside, before and behind address translation.
 *
 * For the thread that reads the capture, so that what was learned up to a frame counts for the
 * frames behind it, the same for any number of workers. A packet of such a copy gets the key of the
 * connection that was seen first (PACKET_TWIN), whose flow then counts it as a copy or, where it
 * brings what was not captured there, reads it. The same holds for a connection of which each
 * direction has its own tag.
 *
 * A connection is known again by the initial sequence number of its SYN; one that began before the
 * capture by its segments, near the capture's beginning. Bounded: 2,048 SYNs, 2,048 segments, 1,024
 * connections with another key; what was not used for the longest gives way.
 */
#ifndef TSUMARI_CORE_TWINS_H
#define TSUMARI_CORE_TWINS_H

#include "api/packet.h"
#include "core/engine.h"
#include "core/stats.h"

#define TWINS_KNOWN 65536u

struct twin_tables;

struct twins {
	uint32_t used;     /* connections with another key */
	uint32_t watching; /* segments of connections with a handshake, until the beginning is over
			    */
	bool any;          /* more than SYNs are looked at: one of the two */
	struct twin_tables *tables;
	uint8_t known[TWINS_KNOWN / 8]; /* bits of connections whose SYN was seen */
};

void twins_init(struct twins *t, const struct engine_config *c);
void twins_release(struct twins *t);

/*
 * A segment that has its key: gives it another one where that is its connection's. Most are none of
 * what is looked at: a SYN, or near the beginning of the capture a segment of a connection without.
 */
void twins_syn(struct twins *t, struct packet *k, struct counters *counts);
void twins_other(struct twins *t, struct packet *k, struct counters *counts);
static inline void twins_packet(struct twins *t, struct packet *k, struct counters *counts)
{
	if (k->tcp_flags & TCP_SYN)
		twins_syn(t, k, counts);
	else if (t->any)
		twins_other(t, k, counts);
}

#endif
