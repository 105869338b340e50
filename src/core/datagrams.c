/*
 * datagrams.c - datagrams that were captured more than once; see datagrams.h.
 *
 * A datagram says nothing of its place in a row. Where its sender gives each an IP identification
 * of its own, one with the same identification and payload within 100 ms is a copy: what is sent
 * again has a new one. Without (IPv6; Linux sends 0 with DF on sockets that are not connected) a
 * datagram that went another way is a copy: another VLAN, tunnel, interface or direction of the
 * host's, or another time to live. On each way all that were sent pass once: so of several equal
 * ones as many were sent as the way has that most were seen on. One that went the same way was sent
 * again, but for one within 100 us, where the capture is known to have copies on one way or an
 * application has the port: no client asks again so soon.
 *
 * Under other addresses (NAT) it must have met a router, too, as its time to live or its interface
 * shows. Without an identification one end must be the same, and the time to live one less: who
 * asks several servers the same sends from one place.
 */
#include "base/clock.h"
#include "core/datagrams.h"
#include "api/layer.h"
#include "base/mem.h"
#include "core/registry.h"
#include "core/sums.h"
#include <stdlib.h>
#include <string.h>

#define SETS    2048u
#define PLACES  2u
#define ROUTES  4u
#define BEGIN   4096u  /* datagrams that are all looked at: at first, and behind a copy */
#define LOOK    512u   /* in between, ... */
#define PAUSE   32256u /* ... after so many that are not */
#define LATE    (100 * MS)
#define NEAR    (5 * MS)     /* of one on the same way, or without identification behind NAT */
#define SOON    (MS / 10)    /* of such a one, on the same way */
#define KEPT    (30000 * MS) /* translation of addresses forgets ends that are silent for so long */
#define HEAD    16u          /* bytes by which it is found */
#define ALL     128u         /* of longer ones the ends are compared only */
#define SENDERS 1024u
#define HOPS    32u /* a time to live below that says nothing: it may be a probe's (traceroute) */

struct route {
	uint32_t tag; /* of all that tells ways apart */
	uint32_t n;   /* 0: none */
};

struct mark { /* of what its sender says: the same in a copy */
	uint64_t head, whole;
	uint32_t len, have; /* bytes on the wire, captured */
	uint16_t id;
	uint8_t proto;
};

struct seen {
	uint64_t time; /* of the last one; 0: none */
	struct mark mark;
	/* The key that it has, and what the last one had: */
	struct ends key, from;
	uint16_t iface, outgoing;
	uint8_t ttl;
	struct route route[ROUTES];
};

struct sender {       /* what is known of its checksums */
	uint32_t tag; /* of its address; 0: none */
	bool right;
	bool left_out; /* some are, or were wrong from the beginning */
};

static inline uint64_t word(const uint8_t *p, uint32_t n)
{
	uint64_t x = 0;

	memcpy(&x, p, n < 8 ? n : 8);
	return x;
}

static uint64_t hash_bytes(uint64_t h, const uint8_t *p, uint32_t n)
{
	for (; n >= 8; p += 8, n -= 8)
		h = (h ^ word(p, 8)) * 0x9e3779b97f4a7c15u ^ h >> 29;
	if (n)
		h = (h ^ word(p, n)) * 0x9e3779b97f4a7c15u ^ h >> 29;
	return h;
}

static void note_port(struct datagrams *d, unsigned port)
{
	d->ports[port % DATAGRAMS_PORTS] = true;
}

static bool is_application(const struct datagrams *d, const struct packet *k)
{
	return k->taught || datagrams_port(d, k->sport) || datagrams_port(d, k->dport);
}

static void note_claims(struct datagrams *d, const struct dissector *x)
{
	for (const struct claim *c = x->data ? x->claims : NULL; c && c->table != TABLE_END; c++)
		if (c->table == TABLE_UDP_PORT)
			note_port(d, c->key);
}

void datagrams_init(struct datagrams *d, const struct engine_config *c)
{
	memset(d, 0, sizeof(*d));
	d->aliases.config = c;
	d->all = true;
	d->left = BEGIN;
	for (unsigned i = 0; i < registry_count(); i++)
		note_claims(d, registry_get(i));
	for (unsigned i = 0; i < c->ndecode_as; i++)
		if (c->decode_as[i].transport == IP_PROTO_UDP)
			note_port(d, c->decode_as[i].port);
}

void datagrams_release(struct datagrams *d)
{
	aliases_release(&d->aliases);
	free(d->seen);
	free(d->sender);
	d->seen = NULL;
	d->sender = NULL;
}

void datagrams_turn(struct datagrams *d)
{
	d->all = !d->all;
	d->left = d->all ? LOOK : PAUSE;
	if (!d->all)
		aliases_release(&d->aliases);
}

static void mark(struct mark *m, const struct packet *k)
{
	uint32_t n = k->paylen;

	m->len = n + k->paycut;
	m->have = n;
	m->id = k->ip_version == 4 ? k->ip_id : 0;
	m->proto = k->ip_proto;
	m->head = hash_bytes(m->len, k->payload, n < HEAD ? n : HEAD);
	if (n <= HEAD)
		m->whole = m->head;
	else if (n <= ALL)
		m->whole = hash_bytes(m->head, k->payload + HEAD, n - HEAD);
	else
		m->whole = hash_bytes(hash_bytes(m->head, k->payload + HEAD, ALL / 2),
			k->payload + n - ALL / 2, ALL / 2);
}

static bool same_bytes(const struct mark *a, const struct mark *b)
{
	if (a->head != b->head || a->len != b->len || a->id != b->id || a->proto != b->proto)
		return false;
	return a->whole == b->whole || (a->have != b->have && a->have >= HEAD && b->have >= HEAD);
}

static uint64_t last8(const struct addr *a)
{
	return word(a->b + 8, 8);
}

/* What tells a packet's way, which was captured between these ends. */
static uint32_t tag_of(const struct packet *k, const struct ends *from)
{
	uint64_t h = ends_mix(last8(&from->src)) + last8(&from->dst);

	h = ends_mix(h) +
	    ((uint64_t)from->sport << 48 | (uint64_t)from->dport << 32 | from->tunnel);
	h = ends_mix(h) + ((uint64_t)from->vlan << 48 | (uint64_t)k->iface << 32 |
				  (k->flags & PACKET_OUTGOING) << 8 |
				  (k->ttl < HOPS ? 0u : k->ttl));
	if (k->flags & PACKET_MAC)
		h = ends_mix(h) + word(k->mac_src, 6);
	return (uint32_t)(ends_mix(h) >> 32);
}

/* Does k, which came behind o, differ from it by translation of addresses only? */
static bool is_translated(const struct seen *o, const struct packet *k, const struct ends *from)
{
	const struct ends *a = &o->from;

	if (o->mark.id)
		return o->ttl != k->ttl || o->iface != k->iface ||
		       o->outgoing != (k->flags & PACKET_OUTGOING);
	return k->time - o->time <= NEAR && o->mark.len >= HEAD && k->ttl + 1 == o->ttl &&
	       ((a->sport == from->sport && addr_same(&a->src, &from->src)) ||
		       (a->dport == from->dport && addr_same(&a->dst, &from->dst)));
}

static struct seen *find(
	struct seen *set, const struct mark *m, const struct packet *k, const struct ends *from)
{
	for (unsigned i = 0; i < PLACES; i++) {
		struct seen *o = &set[i];

		if (!same_bytes(&o->mark, m) || !o->time || k->time < o->time ||
			k->time - o->time > LATE)
			continue;
		if ((o->key.sport == k->sport && o->key.dport == k->dport &&
			    addr_same(&o->key.src, &k->src) && addr_same(&o->key.dst, &k->dst)) ||
			is_translated(o, k, from))
			return o;
	}
	return NULL;
}

static struct route *route_of(struct seen *o, uint32_t tag)
{
	struct route *least = &o->route[0];

	for (unsigned i = 0; i < ROUTES; i++) {
		if (o->route[i].n && o->route[i].tag == tag)
			return &o->route[i];
		if (o->route[i].n < least->n)
			least = &o->route[i];
	}
	*least = (struct route){tag, 0};
	return least;
}

static uint32_t most(const struct seen *o)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < ROUTES; i++)
		n = o->route[i].n > n ? o->route[i].n : n;
	return n;
}

/* Of two with the same bytes: is it the same datagram? */
static bool is_copy(
	struct datagrams *d, struct seen *o, const struct packet *k, const struct ends *from)
{
	uint64_t since = k->time - o->time;
	uint32_t before = most(o);
	struct route *r = route_of(o, tag_of(k, from));

	if (++r->n <= before)
		return true;
	if (o->mark.id) {
		d->certain |= since <= NEAR;
		return since <= NEAR;
	}
	return since <= SOON && (d->certain || is_application(d, k));
}

/* k, which was captured between these ends, is there already. */
static void on_copy(struct datagrams *d, struct seen *o, struct packet *k, const struct ends *from,
	struct counters *counts)
{
	struct ends now = ends_of(d->aliases.config, k);

	if (!(k->flags & PACKET_QUOTE) &&
		(!ends_same(&now, &o->key) || !ends_same_way(&now, &o->key))) {
		ends_take(d->aliases.config, from, k);
		alias_join(&d->aliases, k, &o->key, NULL, true, counts);
	}
	k->flags |= PACKET_COPY;
	d->all = true;
	d->left = BEGIN;
}

static void note_way(struct seen *o, const struct packet *k, const struct ends *from)
{
	o->time = k->time;
	o->from = *from;
	o->ttl = k->ttl;
	o->iface = k->iface;
	o->outgoing = k->flags & PACKET_OUTGOING;
}

/* The key that its ends have had before, if there is one. */
static void take_alias(struct datagrams *d, struct packet *k)
{
	struct alias *a = k->flags & PACKET_QUOTE ? NULL : alias_find(&d->aliases, k);

	if (a && k->time - a->time > KEPT)
		alias_drop(&d->aliases, a);
	else if (a)
		alias_take(&d->aliases, a, k);
}

/* Does its receiver drop it? Its checksum is wrong, and those its sender sent before were not. */
static bool is_damaged(struct datagrams *d, const struct packet *k)
{
	uint64_t h = ends_mix(ends_mix(word(k->src.b, 8)) + last8(&k->src));
	struct sender *x = &d->sender[h >> 32 & (SENDERS - 1)];
	uint32_t tag = (uint32_t)h | 1;
	enum sum sum;

	if (x->tag == tag && x->left_out)
		return false;
	sum = datagram_sum(k);
	if (sum == SUM_NONE)
		return false;
	if (x->tag != tag)
		*x = (struct sender){.tag = tag};
	if (sum == SUM_LEFT_OUT || (sum == SUM_WRONG && !x->right)) {
		x->left_out = true;
		return false;
	}
	x->right = true;
	return sum == SUM_WRONG;
}

__attribute__((noinline)) void datagrams_look(
	struct datagrams *d, struct packet *k, struct counters *counts)
{
	struct ends from = ends_of(d->aliases.config, k);
	struct seen *set, *o;
	struct mark m;

	if (!d->seen) {
		d->seen = xcalloc(SETS * PLACES, sizeof(*d->seen));
		d->sender = xcalloc(SENDERS, sizeof(*d->sender));
	}
	if (k->flags & PACKET_UDP && is_application(d, k) && is_damaged(d, k))
		k->flags |= PACKET_BAD_SUM;
	if (d->aliases.used)
		take_alias(d, k);
	if (k->flags & PACKET_BAD_SUM)
		return;
	mark(&m, k);
	set = &d->seen[(ends_mix(m.head + m.id) >> 40) % SETS * PLACES];
	o = find(set, &m, k, &from);
	if (o) {
		if (is_copy(d, o, k, &from))
			on_copy(d, o, k, &from, counts);
		note_way(o, k, &from);
		return;
	}
	o = set[0].time <= set[1].time ? &set[0] : &set[1];
	o->mark = m;
	o->key = d->aliases.used ? ends_of(d->aliases.config, k) : from;
	memset(o->route, 0, sizeof(o->route));
	o->route[0] = (struct route){tag_of(k, &from), 1};
	note_way(o, k, &from);
}
