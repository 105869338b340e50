/*
 * event.h - records of packets that belong to no connection: VRRP advertisements, gratuitous ARP.
 *
 * All of them are handled by one shard, so that its state sees them in the order of the capture
 * for any number of workers. VRRP packets are a flow besides; gratuitous ARP is nothing else.
 */
#ifndef TSUMARI_CORE_EVENT_H
#define TSUMARI_CORE_EVENT_H

#include "core/shard.h"

#define EVENT_SHARD 0u

/* Only an event, of no flow: gratuitous ARP names its own sender as the target. */
static inline bool event_only(const struct packet *p)
{
	return p->flags & PACKET_ARP && memcmp(p->src.b, p->dst.b, sizeof(p->src.b)) == 0;
}

void event_arp(struct shard *sh, const struct packet *p);
void event_vrrp(struct shard *sh, const struct flow *f, const struct packet *p);
void event_tick(struct shard *sh, uint64_t now);
/* The capture has ended. */
void event_finish(struct shard *sh);
void event_release(struct shard *sh);

#endif
