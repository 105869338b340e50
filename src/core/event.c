/* event.c - see event.h and api/event.h. */
#include "core/event.h"
#include "core/records.h"
#include "core/shard.h"
#include <stdlib.h>

struct events {
	struct events *next;
	struct shard *shard;
	const struct dissector *dissector;
	const struct tsm_event_kind *kind;
	const struct flow *flow;   /* of the packet that is being read; NULL: it has none */
	struct event_record *made; /* the last record that was made since it was called */
	_Alignas(max_align_t) uint8_t state[];
};

/* Made with the first packet. */
static struct events *events_of(struct shard *sh, const struct dissector *d)
{
	const struct tsm_event_kind *kind = registry_event(d);
	struct events **at = &sh->events;

	while (*at && (*at)->dissector != d)
		at = &(*at)->next;
	if (!*at && kind) {
		*at = xcalloc(1, sizeof(**at) + kind->state_size);
		(*at)->shard = sh;
		(*at)->dissector = d;
		(*at)->kind = kind;
	}
	return *at;
}

void event_packet(struct shard *sh, const struct flow *f, const struct packet *p)
{
	struct events *e = events_of(sh, p->event.dissector);

	if (!e)
		return;
	e->flow = f;
	e->kind->packet(e, e->state, p);
	e->flow = NULL;
	e->made = NULL;
}

void event_tick(struct shard *sh, uint64_t now)
{
	for (struct events *e = sh->events; e; e = e->next) {
		if (e->kind->tick)
			e->kind->tick(e, e->state, now);
		e->made = NULL;
	}
}

void event_finish(struct shard *sh)
{
	for (struct events *e = sh->events; e; e = e->next) {
		if (e->kind->end)
			e->kind->end(e, e->state);
		e->made = NULL;
	}
}

void event_release(struct shard *sh)
{
	for (struct events *e = sh->events, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	sh->events = NULL;
}

void tsm_origin(const struct events *e, const struct packet *p, struct tsm_origin *o)
{
	const struct flow *f = e->flow;

	memset(o, 0, sizeof(*o));
	o->src = p->src;
	o->dst = p->dst;
	if (p->flags & PACKET_MAC) {
		memcpy(o->mac_src, p->mac_src, sizeof(o->mac_src));
		memcpy(o->mac_dst, p->mac_dst, sizeof(o->mac_dst));
	}
	o->tunnel = p->tunnel;
	o->tunnel_kind = p->tunnel_kind;
	o->vlan = f ? (uint16_t)f->vlan : p->nvlan ? p->vlan[0] : 0;
	o->inner_vlan = f ? (uint16_t)f->inner_vlan : p->nvlan > 1 ? p->vlan[1] : 0;
	o->iface = p->iface;
	o->ip_version = p->ip_version;
	o->ip_proto = p->flags & PACKET_IP ? p->ip_proto : 0;
	o->flow_id = f ? f->first_frame : FIELD_ABSENT;
}

void *tsm_event_new(struct events *e, const struct tsm_origin *o, uint64_t time, uint64_t frame)
{
	struct event_record *x =
		record_room(e->shard, (uint32_t)sizeof(*x) + (e->kind->record_size + 7u) / 8u * 8u);
	struct record *r = &x->r;

	r->kind = RECORD_EVENT;
	r->type = e->dissector->name;
	r->dissector = e->dissector;
	r->start = time;
	r->end = r->duration = FIELD_ABSENT;
	r->client.bytes = r->client.packets = r->server.bytes = r->server.packets = FIELD_ABSENT;
	r->client.ip = o->src;
	r->server.ip = o->dst;
	memcpy(r->client.mac, o->mac_src, sizeof(r->client.mac));
	memcpy(r->server.mac, o->mac_dst, sizeof(r->server.mac));
	r->transport = o->ip_proto;
	r->ip_version = o->ip_version;
	r->flow_id = o->flow_id;
	r->tunnel = o->tunnel_kind;
	r->vlan = o->vlan;
	r->inner_vlan = o->inner_vlan;
	r->iface = o->iface;
	x->frame = frame;
	e->made = x;
	return x + 1;
}

void tsm_event_flag(struct events *e, enum tsm_quality quality)
{
	if (e->made)
		e->made->r.quality |= 1u << quality;
}

void tsm_event_note(struct events *e, const char *what)
{
	counters_add(&e->shard->engine->counters, what, 1);
}
