/*
 * event.h - hands packets that belong to no connection to the dissectors whose events they are
 * (api/event.h), and makes their records.
 *
 * All of them are handled by one shard, so that a dissector's state sees them in the order of the
 * capture for any number of workers. An IP packet is of a flow besides; another one is nothing
 * else.
 */
#ifndef TSUMARI_CORE_EVENT_H
#define TSUMARI_CORE_EVENT_H

#include "core/flow.h"

struct shard;

#define EVENT_SHARD 0u

/* Only an event, of no flow. */
static inline bool event_only(const struct packet *p)
{
	return (p->flags & (PACKET_EVENT | PACKET_IP)) == PACKET_EVENT;
}

/* f: its flow; NULL: it has none. */
void event_packet(struct shard *sh, const struct flow *f, const struct packet *p);
void event_tick(struct shard *sh, uint64_t now);
/* The capture has ended. */
void event_finish(struct shard *sh);
void event_release(struct shard *sh);

#endif
