/*
 * event.c - see event.h. A record is made where something changes, not for every packet.
 *
 * VRRP (RFC 3768, RFC 5798): a virtual router's master sends an advertisement each interval; when
 * none has come for the master-down interval (6.1: three intervals and the skew time) the others
 * take it for dead. For each (virtual router, sender) there is a record of the first advertisement,
 * of each change in what it says, of resignation (priority 0), of silence for the master-down
 * interval of the priority it had sent, of its return, and of the end of the capture. One that
 * missed its turn while another sender spoke for the virtual router returns, too: the other had
 * taken over. The counts of advertisements in them add up to those captured.
 *
 * Gratuitous ARP (RFC 5227, 3): each is a record, at most ARP_RATE in a second of capture time;
 * what is more is counted in the next record.
 */
#include "core/event.h"
#include "api/layer.h"
#include <stdlib.h>

#define SECOND      1000000000u
#define ROUTERS_MAX 1024u
#define BUCKETS     1024u
#define SAMPLE      16u  /* routers looked at for one that may go, where there are too many */
#define ARP_RATE    100u /* records in a second */

enum {
	CHANGED_VERSION = 1,
	CHANGED_PRIORITY = 2,
	CHANGED_INTERVAL = 4,
	CHANGED_ADDRESSES = 8,
	CHANGED_AUTH = 16
};

struct router { /* a sender of advertisements for one virtual router */
	struct addr src, dst;
	uint8_t mac[2][6];
	uint32_t tunnel, bucket;
	uint16_t vlan, inner_vlan, iface;
	uint16_t next; /* in its bucket, from 1; 0: the last */
	uint8_t ip_version, version, vrid, priority, auth, naddrs;
	bool silent;
	const char *tunnel_kind;
	uint64_t flow_id, interval, last;
	uint64_t adverts;   /* since the last event */
	uint64_t all_addrs; /* a digest of every address */
	struct field_addrs addrs;
};

struct events {
	const struct dissector *vrrp, *arp;
	uint32_t n, hand;
	uint16_t bucket[BUCKETS];
	struct router *routers;
	uint64_t arp_second, arp_left_out;
	uint32_t arp_records;
};

static struct events *events_of(struct shard *sh)
{
	if (!sh->events) {
		sh->events = xcalloc(1, sizeof(*sh->events));
		sh->events->vrrp = registry_find("vrrp");
		sh->events->arp = registry_find("arp");
	}
	return sh->events;
}

void event_release(struct shard *sh)
{
	if (sh->events)
		free(sh->events->routers);
	free(sh->events);
	sh->events = NULL;
}

static void *record_new(struct shard *sh, uint32_t size, const struct dissector *d, uint64_t time)
{
	struct record *r = record_room(sh, size);

	r->kind = RECORD_EVENT;
	r->type = d->name;
	r->dissector = d;
	r->start = time;
	r->end = r->duration = FIELD_ABSENT;
	r->client.bytes = r->client.packets = r->server.bytes = r->server.packets = FIELD_ABSENT;
	r->flow_id = FIELD_ABSENT;
	return r;
}

/* Time without an advertisement after which the master is taken for dead (RFC 5798, 6.1). */
static uint64_t down_interval(const struct router *r)
{
	uint64_t per = r->version == 2 ? SECOND : r->interval;

	return 3 * r->interval + per * (256u - r->priority) / 256;
}

static bool same_group(const struct router *a, const struct router *b)
{
	return a->vrid == b->vrid && a->vlan == b->vlan && a->tunnel == b->tunnel &&
	       a->ip_version == b->ip_version;
}

/* The other sender that was heard last for the same virtual router. */
static const struct router *previous(const struct events *e, const struct router *r)
{
	const struct router *best = NULL;

	for (uint32_t i = 0; i < e->n; i++) {
		const struct router *o = &e->routers[i];

		if (o != r && same_group(o, r) && memcmp(&o->src, &r->src, sizeof(r->src)) != 0 &&
			(!best || o->last > best->last))
			best = o;
	}
	return best;
}

/* Did another speak for the virtual router when it was this one's turn? */
static bool stood_in(const struct events *e, const struct router *r, uint64_t gap)
{
	const struct router *other;

	if (r->silent || gap * 2 <= r->interval * 3)
		return false;
	other = previous(e, r);
	return other && other->last > r->last;
}

static const char *auth_name(const struct router *r)
{
	static const char *const names[] = {"none", "simple", "ip_ah"};

	if (r->version != 2)
		return NULL;
	return r->auth < sizeof(names) / sizeof(names[0]) ? names[r->auth] : "other";
}

static struct vrrp_record *emit(
	struct shard *sh, struct router *r, const char *action, uint64_t time, uint64_t frame)
{
	struct vrrp_record *o = record_new(sh, sizeof(*o), sh->events->vrrp, time);
	struct endpoint *end[2] = {&o->r.client, &o->r.server};

	for (int i = 0; i < 2; i++) {
		end[i]->ip = i ? r->dst : r->src;
		memcpy(end[i]->mac, r->mac[i], 6);
	}
	o->r.transport = IP_PROTO_VRRP;
	o->r.ip_version = r->ip_version;
	o->r.flow_id = r->flow_id;
	o->r.tunnel = r->tunnel_kind;
	o->r.vlan = r->vlan;
	o->r.inner_vlan = r->inner_vlan;
	o->r.iface = r->iface;
	o->action = action;
	o->frame = frame;
	o->version = r->version;
	o->vrid = r->vrid;
	o->priority = r->priority;
	o->interval = r->interval;
	o->auth = auth_name(r);
	o->naddrs = r->naddrs;
	o->addrs = r->addrs;
	o->adverts = r->adverts;
	o->silent = FIELD_ABSENT;
	r->adverts = 0;
	return o;
}

static void unlink_router(struct events *e, const struct router *r)
{
	uint16_t *p = &e->bucket[r->bucket], at = (uint16_t)(r - e->routers + 1);

	while (*p && *p != at)
		p = &e->routers[*p - 1].next;
	*p = r->next;
}

/* A place for one more; the longest silent of a sample goes where there are too many. */
static struct router *router_place(struct shard *sh, struct events *e)
{
	struct router *r;

	if (!e->routers)
		e->routers = xcalloc(ROUTERS_MAX, sizeof(*e->routers));
	if (e->n < ROUTERS_MAX)
		return &e->routers[e->n++];
	r = &e->routers[e->hand];
	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct router *o = &e->routers[(e->hand + i) % ROUTERS_MAX];

		if (o->last < r->last)
			r = o;
	}
	e->hand = (e->hand + SAMPLE) % ROUTERS_MAX;
	counters_add(&sh->engine->counters, "vrrp: too many routers, one given up", 1);
	if (r->adverts)
		emit(sh, r, "end", r->last, 0);
	unlink_router(e, r);
	return r;
}

static struct router *router_find(struct shard *sh, struct events *e, const struct flow *f,
	const struct packet *p, bool *fresh)
{
	uint32_t bucket = (uint32_t)((p->hash >> 20) + p->vrrp.vrid) % BUCKETS;
	uint16_t i;
	struct router *r;

	*fresh = false;
	for (i = e->bucket[bucket]; i; i = r->next) {
		r = &e->routers[i - 1];
		if (r->vrid == p->vrrp.vrid && r->vlan == f->vlan && r->tunnel == p->tunnel &&
			memcmp(&r->src, &p->src, sizeof(r->src)) == 0 &&
			memcmp(&r->dst, &p->dst, sizeof(r->dst)) == 0) {
			r->flow_id = f->first_frame; /* its flow was closed, and is a new one now */
			return r;
		}
	}
	r = router_place(sh, e);
	memset(r, 0, sizeof(*r));
	r->bucket = bucket;
	r->next = e->bucket[bucket];
	e->bucket[bucket] = (uint16_t)(r - e->routers + 1);
	r->src = p->src;
	r->dst = p->dst;
	if (p->flags & PACKET_MAC) {
		memcpy(r->mac[0], p->mac_src, 6);
		memcpy(r->mac[1], p->mac_dst, 6);
	}
	r->tunnel = p->tunnel;
	r->tunnel_kind = p->tunnel_kind;
	r->vlan = (uint16_t)f->vlan;
	r->inner_vlan = (uint16_t)f->inner_vlan;
	r->iface = p->iface;
	r->ip_version = p->ip_version;
	r->vrid = p->vrrp.vrid;
	r->flow_id = f->first_frame;
	*fresh = true;
	return r;
}

static uint64_t digest(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

/* Takes what the advertisement says; tells what of it is new. */
static uint32_t take(struct router *r, const struct packet *p)
{
	const struct packet_vrrp *v = &p->vrrp;
	size_t width = p->ip_version == 6 ? 16 : 4;
	uint64_t interval = v->interval * (v->version == 2 ? (uint64_t)SECOND : SECOND / 100);
	uint64_t addrs = digest(v->addrs, v->naddrs * width);
	uint32_t changed = 0;

	changed |= r->version != v->version ? CHANGED_VERSION : 0;
	changed |= r->priority != v->priority ? CHANGED_PRIORITY : 0;
	changed |= r->interval != interval ? CHANGED_INTERVAL : 0;
	changed |= r->naddrs != v->naddrs || r->all_addrs != addrs ? CHANGED_ADDRESSES : 0;
	changed |= r->auth != v->auth ? CHANGED_AUTH : 0;
	r->version = v->version;
	r->priority = v->priority;
	r->interval = interval;
	r->auth = v->auth;
	r->naddrs = v->naddrs;
	r->all_addrs = addrs;
	r->addrs.n = v->naddrs < FIELD_ADDRS_MAX ? v->naddrs : FIELD_ADDRS_MAX;
	for (uint32_t i = 0; i < r->addrs.n; i++)
		r->addrs.a[i] =
			width == 16 ? addr_v6(v->addrs + i * 16) : addr_v4(v->addrs + i * 4);
	return changed;
}

static void silence(struct shard *sh, struct router *r)
{
	emit(sh, r, "silence", r->last + down_interval(r), 0)->silent = down_interval(r);
	r->silent = true;
}

void event_vrrp(struct shard *sh, const struct flow *f, const struct packet *p)
{
	struct events *e = events_of(sh);
	bool fresh, was_silent;
	struct router *r = router_find(sh, e, f, p, &fresh);
	const struct router *other;
	uint64_t now = p->time > r->last ? p->time : r->last, gap = now - r->last;
	uint32_t changed;
	struct vrrp_record *o;

	if (!fresh && !r->silent && gap > down_interval(r))
		silence(sh, r);
	was_silent = p->vrrp.priority && (r->silent || (!fresh && stood_in(e, r, gap)));
	changed = take(r, p);
	r->adverts++;
	r->last = now;
	if (!fresh && !was_silent && !changed)
		return;
	if (fresh || was_silent)
		event_tick(sh, now); /* whose place it takes is told first */
	o = emit(sh, r,
		fresh          ? "first"
		: !r->priority ? "resign"
		: was_silent   ? "return"
			       : "change",
		now, p->number);
	if (p->ttl != 255) /* it came from elsewhere, or was made up (RFC 5798, 5.1.1.3) */
		o->r.quality |= 1u << QUALITY_MALFORMED;
	if (!fresh)
		o->changed = changed;
	if (was_silent)
		o->silent = gap;
	if (fresh || was_silent) {
		other = previous(e, r);
		if (other)
			o->previous = other->src;
	}
	r->silent = !r->priority;
}

void event_tick(struct shard *sh, uint64_t now)
{
	struct events *e = sh->events;

	for (uint32_t i = 0; e && i < e->n; i++) {
		struct router *r = &e->routers[i];

		if (!r->silent && r->last + down_interval(r) < now)
			silence(sh, r);
	}
}

void event_finish(struct shard *sh)
{
	struct events *e = sh->events;

	for (uint32_t i = 0; e && i < e->n; i++)
		if (e->routers[i].adverts)
			emit(sh, &e->routers[i], "end", e->routers[i].last, 0);
	if (e)
		e->n = 0;
}

void event_arp(struct shard *sh, const struct packet *p)
{
	struct events *e = events_of(sh);
	struct arp_record *o;

	if (p->time / SECOND > e->arp_second) {
		e->arp_second = p->time / SECOND;
		e->arp_records = 0;
	}
	if (e->arp_records == ARP_RATE) {
		e->arp_left_out++;
		counters_add(
			&sh->engine->counters, "arp: gratuitous, over the rate, not recorded", 1);
		return;
	}
	e->arp_records++;
	o = record_new(sh, sizeof(*o), e->arp, p->time);
	o->r.client.ip = o->r.server.ip = p->src;
	memcpy(o->r.client.mac, p->arp.sender_mac, 6);
	o->r.vlan = p->nvlan ? p->vlan[0] : 0;
	o->r.inner_vlan = p->nvlan > 1 ? p->vlan[1] : 0;
	o->r.tunnel = p->tunnel_kind;
	o->r.iface = p->iface;
	o->frame = p->number;
	o->op = p->arp.op;
	o->gratuitous = true;
	o->announcement = p->arp.op == 1;
	o->left_out = e->arp_left_out;
	e->arp_left_out = 0;
}
