/*
 * twins.c - connections captured under several keys; see twins.h.
 *
 * Translation of addresses, a router, a tag or a tunnel changes what a flow is found by, and leaves
 * sequence numbers, timestamps, window, payload and (mostly) the IP identification. Two connections
 * with the same addresses on two VLANs have other sequence numbers, and stay two.
 */
#include "core/shard.h"
#include "core/twins.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define MS        UINT64_C(1000000)
#define SYNS      2048u
#define SEGMENTS  2048u
#define PAIRS     1024u
#define SETS      256u /* of ALIAS_WAYS connections with another key */
#define WAYS      4u
#define WATCH     8192u               /* segments of connections with a SYN, and ... */
#define MIDWAY    262144u             /* ... of others, until the beginning is over */
#define ANSWERED  (10000 * MS)        /* a SYN/ACK comes within this */
#define SAME_SYN  (3000 * MS)         /* a SYN on another way, with the same addresses */
#define TRANSLATE (100 * MS)          /* a copy of a segment, under other addresses or tags */
#define NEAR      (UINT32_C(1) << 20) /* sequence numbers of one connection, at one time */

struct ends { /* as a packet has them */
	struct addr src, dst;
	uint16_t sport, dport;
	uint16_t vlan;
	uint32_t tunnel;
	const char *kind; /* of the tunnel */
};

struct syn {
	struct ends ends;
	uint64_t time; /* 0: none */
	uint32_t isn, tsval;
	uint16_t id, window;
	uint8_t ttl;
};

struct segment {
	struct ends ends;
	uint64_t time; /* 0: none */
	uint32_t seq, ack, len, tsval;
	uint8_t bytes[8]; /* the first of the payload */
	uint16_t id;
	uint8_t flags, ttl;
};

struct pair { /* one direction of a connection */
	struct ends ends;
	uint64_t time;
	uint32_t seq, ack;
	bool answered; /* the other one has the same key */
};

struct alias { /* packets between these ends, in the order of a flow's key ... */
	struct addr ip[2];
	uint16_t port[2];
	uint16_t vlan;
	uint32_t tunnel;
	uint32_t isn; /* of the SYN that it was made for; has_isn */
	bool has_isn;
	bool copy;      /* not the other direction, which is captured this way only */
	uint64_t used;  /* by twin_tables.clock; 0: none */
	struct ends to; /* ... belong to these, src instead of ip[0] */
};

struct twin_tables {
	const struct engine_config *config;
	uint64_t clock;  /* packets of such connections */
	uint32_t midway; /* segments of connections without a handshake that may still be looked at
			  */
	struct syn syn[SYNS];
	struct segment *segment; /* NULL: the beginning is over */
	struct pair *pair;
	struct alias (*alias)[WAYS];
};

void twins_init(struct twins *t, const struct engine_config *c)
{
	struct twin_tables *x = xcalloc(1, sizeof(*x));

	x->config = c;
	x->midway = MIDWAY;
	memset(t, 0, sizeof(*t));
	t->watching = WATCH;
	t->any = true;
	t->tables = x;
}

static void end_watch(struct twins *t)
{
	t->watching = 0;
	t->any = t->used != 0;
	free(t->tables->segment);
	free(t->tables->pair);
	t->tables->segment = NULL;
	t->tables->pair = NULL;
}

void twins_release(struct twins *t)
{
	if (!t->tables)
		return;
	end_watch(t);
	free(t->tables->alias);
	free(t->tables);
	t->tables = NULL;
}

static uint16_t vlan_of(const struct twins *t, const struct packet *k)
{
	return t->tables->config->ignore_vlan || !k->nvlan ? 0 : k->vlan[0];
}

static struct ends ends_of(const struct twins *t, const struct packet *k)
{
	return (struct ends){
		k->src, k->dst, k->sport, k->dport, vlan_of(t, k), k->tunnel, k->tunnel_kind};
}

static uint64_t mix(uint64_t x)
{
	return (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
}

/* The same for both directions, and for any tag or tunnel. */
static uint64_t hash_of(const struct packet *k)
{
	uint64_t a, b, ports = (uint64_t)k->sport * k->dport + (uint64_t)(k->sport ^ k->dport);

	memcpy(&a, k->src.b + 8, 8);
	memcpy(&b, k->dst.b + 8, 8);
	return mix((a ^ b) + ports * 0x100000001b3u) >> 16;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool same_way(const struct ends *a, const struct ends *b)
{
	return a->vlan == b->vlan && a->tunnel == b->tunnel;
}

static bool same_ends(const struct ends *a, const struct ends *b)
{
	return a->sport == b->sport && a->dport == b->dport && same_addr(&a->src, &b->src) &&
	       same_addr(&a->dst, &b->dst);
}

static struct ends turned(const struct ends *a)
{
	return (struct ends){a->dst, a->src, a->dport, a->sport, a->vlan, a->tunnel, a->kind};
}

static struct alias *alias_set(const struct twins *t, const struct packet *k)
{
	return t->tables->alias[hash_of(k) % SETS];
}

static bool alias_fits(const struct alias *a, const struct packet *k, uint16_t vlan)
{
	unsigned lo = k->reverse;

	return a->used && a->port[lo] == k->sport && a->port[!lo] == k->dport && a->vlan == vlan &&
	       a->tunnel == k->tunnel && same_addr(&a->ip[lo], &k->src) &&
	       same_addr(&a->ip[!lo], &k->dst);
}

static struct alias *alias_find(const struct twins *t, const struct packet *k)
{
	struct alias *a = alias_set(t, k);
	uint16_t vlan = vlan_of(t, k);

	for (unsigned i = 0; i < WAYS; i++)
		if (alias_fits(&a[i], k, vlan))
			return &a[i];
	return NULL;
}

/* The packet gets the key that its connection has. */
static void take(const struct twins *t, const struct ends *to, struct packet *k)
{
	k->src = to->src;
	k->dst = to->dst;
	k->sport = to->sport;
	k->dport = to->dport;
	k->tunnel = to->tunnel;
	k->tunnel_kind = to->kind;
	k->vlan[0] = to->vlan;
	k->nvlan = to->vlan != 0;
	(void)engine_route(t->tables->config, k);
}

static void alias_take(const struct twins *t, struct alias *a, struct packet *k)
{
	struct ends to = k->reverse ? turned(&a->to) : a->to;

	a->used = ++t->tables->clock;
	if (a->copy)
		k->flags |= PACKET_TWIN;
	take(t, &to, k);
}

/* The first packet of a copy says how it was captured. */
static void name(struct packet *k, const struct ends *from)
{
	k->flags |= PACKET_TWIN_NAMED;
	k->tcp_opts &= (uint8_t)~TCP_OPT_MPTCP; /* which would have the same place */
	k->twin = (struct packet_twin){from->src, from->dst, from->sport, from->dport, from->vlan,
		from->tunnel, from->kind};
}

static void count(struct counters *counts, const struct ends *from, const struct ends *to)
{
	if (!same_ends(from, to))
		counters_add(
			counts, "copies: connections captured under other addresses, too (NAT)", 1);
	else if (from->tunnel != to->tunnel)
		counters_add(counts, "copies: connections captured inside a tunnel and outside", 1);
	else
		counters_add(counts, "copies: connections captured on several VLANs", 1);
}

/*
 * From now on what comes between the packet's ends belongs to the connection `to`, given in the
 * packet's direction. copy: the packet was there already.
 */
static void join(struct twins *t, struct packet *k, const struct ends *to, const uint32_t *isn,
	bool copy, struct counters *counts)
{
	struct twin_tables *x = t->tables;
	struct ends from = ends_of(t, k);
	struct alias *set, *a;
	unsigned lo = k->reverse;

	if (!x->alias)
		x->alias = xcalloc(SETS, sizeof(*x->alias));
	set = a = alias_set(t, k);
	for (unsigned i = 1; i < WAYS; i++)
		if (set[i].used < a->used)
			a = &set[i];
	if (a->used)
		counters_add(counts, "copies: too many connections, one not known any more", 1);
	else
		t->used++;
	t->any = true;
	a->ip[lo] = k->src;
	a->ip[!lo] = k->dst;
	a->port[lo] = k->sport;
	a->port[!lo] = k->dport;
	a->vlan = from.vlan;
	a->tunnel = from.tunnel;
	a->copy = copy;
	a->has_isn = isn != NULL;
	a->isn = isn ? *isn : 0;
	a->to = lo ? turned(to) : *to;
	alias_take(t, a, k);
	if (copy) {
		name(k, &from);
		count(counts, &from, to);
	}
}

/* By what it is known that the SYN of a connection was seen; others may have the same. */
static inline unsigned bit_of(const struct packet *k)
{
	return (k->sport + k->dport + ((unsigned)(k->src.b[15] ^ k->dst.b[15]) << 8)) % TWINS_KNOWN;
}

static inline bool is_known(const struct twins *t, const struct packet *k)
{
	unsigned bit = bit_of(k);

	return t->known[bit / 8] >> bit % 8 & 1;
}

static struct syn *syn_at(const struct twins *t, uint32_t isn)
{
	return &t->tables->syn[mix(isn) >> 40 & (SYNS - 1)];
}

static bool within(uint64_t from, uint64_t to, uint64_t most)
{
	return to >= from && to - from <= most;
}

/* Is it the SYN that was seen, under other addresses? */
static bool is_translated(const struct syn *s, const struct packet *k)
{
	bool near = within(s->time, k->time, TRANSLATE) && s->window == k->tcp_window &&
		    (s->id == k->ip_id || !s->id || !k->ip_id);

	if (!near || s->tsval != k->tcp_tsval)
		return false;
	if (s->tsval)
		return true;
	/* Without timestamps: one end, the identification, and a router in between. */
	return s->id && s->id == k->ip_id && s->ttl != k->ttl &&
	       (same_addr(&s->ends.src, &k->src) || same_addr(&s->ends.dst, &k->dst));
}

RARELY static bool joins_syn(
	struct twins *t, struct packet *k, const struct syn *s, struct counters *counts)
{
	struct ends from = ends_of(t, k);
	bool same = same_ends(&s->ends, &from);

	if (same ? same_way(&s->ends, &from) || !within(s->time, k->time, SAME_SYN)
		 : !is_translated(s, k))
		return false;
	join(t, k, &s->ends, &k->tcp_seq, true, counts);
	return true;
}

/* A SYN on a connection with another key: of that one, unless it begins another. */
static bool on_alias(struct twins *t, struct packet *k, bool ack)
{
	struct alias *a = alias_find(t, k);

	if (!a)
		return false;
	if (ack || (a->has_isn && a->isn == k->tcp_seq)) {
		alias_take(t, a, k);
		return true;
	}
	a->used = 0;
	t->used--;
	t->any = t->used || t->watching;
	return false;
}

static void note_syn(const struct twins *t, struct syn *s, const struct packet *k)
{
	s->ends.src = k->src;
	s->ends.dst = k->dst;
	s->ends.sport = k->sport;
	s->ends.dport = k->dport;
	s->ends.vlan = vlan_of(t, k);
	s->ends.tunnel = k->tunnel;
	s->ends.kind = k->tunnel_kind;
	s->time = k->time;
	s->isn = k->tcp_seq;
	s->tsval = k->tcp_tsval;
	s->id = k->ip_id;
	s->window = k->tcp_window;
	s->ttl = k->ttl;
}

/* One of a connection whose SYN had another tag. */
RARELY static void joins_answer(
	struct twins *t, struct packet *k, const struct syn *s, struct counters *counts)
{
	struct ends from = ends_of(t, k), back = turned(&s->ends);

	if (same_ends(&back, &from) && within(s->time, k->time, ANSWERED))
		join(t, k, &back, &s->isn, false, counts);
}

/* Is it the segment that was seen, under another key? */
static bool is_again(const struct segment *s, const struct packet *k, const struct ends *from)
{
	uint32_t n = k->paylen < sizeof(s->bytes) ? k->paylen : (uint32_t)sizeof(s->bytes);

	if (!s->time || s->seq != k->tcp_seq || s->ack != k->tcp_ack ||
		s->len != k->paylen + k->paycut || s->flags != k->tcp_flags ||
		s->tsval != k->tcp_tsval || !within(s->time, k->time, TRANSLATE) ||
		(s->id != k->ip_id && s->id && k->ip_id) ||
		(n && memcmp(s->bytes, k->payload, n) != 0))
		return false;
	if (same_ends(&s->ends, from))
		return !same_way(&s->ends, from);
	return s->tsval || (s->id && s->id == k->ip_id && s->ttl != k->ttl);
}

static void remember(struct segment *s, const struct packet *k, const struct ends *from)
{
	uint32_t n = k->paylen < sizeof(s->bytes) ? k->paylen : (uint32_t)sizeof(s->bytes);

	*s = (struct segment){*from, k->time, k->tcp_seq, k->tcp_ack, k->paylen + k->paycut,
		k->tcp_tsval, {0}, k->ip_id, k->tcp_flags, k->ttl};
	if (n)
		memcpy(s->bytes, k->payload, n);
}

/* The other direction of what was seen with another tag, and never with this one. */
static bool answers(const struct pair *p, const struct packet *k, const struct ends *from)
{
	struct ends back = turned(&p->ends);

	return p->time && !p->answered && same_ends(&back, from) && !same_way(&back, from) &&
	       k->tcp_flags & TCP_ACK && p->ack - k->tcp_seq + NEAR < 2 * NEAR &&
	       k->tcp_ack - p->seq + NEAR < 2 * NEAR && within(p->time, k->time, ANSWERED);
}

static void note_pair(struct pair *p, const struct packet *k, const struct ends *from)
{
	struct ends back = turned(&p->ends);

	if (p->time && same_ends(&back, from)) {
		p->answered |= same_way(&back, from);
		return;
	}
	if (p->time && same_ends(&p->ends, from) && !same_way(&p->ends, from))
		return;
	if (!p->time || !same_ends(&p->ends, from))
		*p = (struct pair){.ends = *from};
	p->time = k->time;
	p->seq = k->tcp_seq + k->paylen + k->paycut;
	p->ack = k->tcp_ack;
}

/* A segment of a connection that may have begun before the capture. */
RARELY static void on_midway(struct twins *t, struct packet *k, struct counters *counts)
{
	struct twin_tables *x = t->tables;
	uint64_t h = hash_of(k);
	struct ends from;
	struct segment *s;
	struct pair *p;

	if (!x->segment) {
		x->segment = xcalloc(SEGMENTS, sizeof(*x->segment));
		x->pair = xcalloc(PAIRS, sizeof(*x->pair));
	}
	from = ends_of(t, k);
	s = &x->segment[mix((uint64_t)k->tcp_seq << 32 | k->tcp_ack) >> 40 & (SEGMENTS - 1)];
	p = &x->pair[h % PAIRS];
	if (is_again(s, k, &from)) {
		join(t, k, &s->ends, NULL, true, counts);
	} else if (answers(p, k, &from)) {
		struct ends back = turned(&p->ends);

		join(t, k, &back, NULL, false, counts);
	} else {
		remember(s, k, &from);
		note_pair(p, k, &from);
	}
	if (!--x->midway)
		end_watch(t);
}

/* Another one than a SYN. */
RARELY static void look(struct twins *t, struct packet *k, struct counters *counts)
{
	struct alias *a = t->used ? alias_find(t, k) : NULL;

	if (a)
		alias_take(t, a, k);
	else if (t->watching && !is_known(t, k))
		on_midway(t, k, counts);
}

__attribute__((noinline)) void twins_other(
	struct twins *t, struct packet *k, struct counters *counts)
{
	if (t->used || !is_known(t, k))
		look(t, k, counts);
	else if (!--t->watching)
		end_watch(t);
}

__attribute__((noinline)) void twins_syn(struct twins *t, struct packet *k, struct counters *counts)
{
	bool ack = k->tcp_flags & TCP_ACK;
	struct syn *s = syn_at(t, ack ? k->tcp_ack - 1 : k->tcp_seq);
	unsigned bit = bit_of(k);

	if (k->tcp_flags & TCP_RST)
		return;
	if (t->used && on_alias(t, k, ack))
		return;
	if (!ack) {
		t->known[bit / 8] |= (uint8_t)(1u << bit % 8);
		if (s->isn == k->tcp_seq && s->time && joins_syn(t, k, s, counts))
			return;
		note_syn(t, s, k);
	} else if (s->isn != k->tcp_ack - 1 || !s->time) {
		look(t, k, counts);
	} else if (s->ends.vlan != vlan_of(t, k) || s->ends.tunnel != k->tunnel) {
		joins_answer(t, k, s, counts);
	}
}
