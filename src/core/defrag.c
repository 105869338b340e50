/* defrag.c - see defrag.h. */
#include "core/defrag.h"
#include "api/layer.h"
#include "base/mem.h"
#include "core/layers.h"
#include "core/registry.h"
#include <stdlib.h>
#include <string.h>

#define DATAGRAMS_MAX 4096u
#define BUCKETS       1024u
#define AGE           30000000000u /* ns: RFC 791 suggests 15 s, Linux waits 30 s */
#define DATAGRAM_MAX  65535u
#define RANGES_MAX    64u
#define LATE          100000000u /* ns: a copy does not come later (datagrams.h) */
#define DONE          32u        /* datagrams that were whole lately, of which copies may come */

struct range {
	uint32_t lo, hi;
};

struct whose {
	struct addr src, dst;
	uint32_t id, tunnel;
	uint16_t vlan;
	uint8_t proto, version;
};

struct datagram {
	struct datagram *next; /* in its bucket */
	struct datagram *older, *newer;
	struct whose whose;
	uint32_t again; /* bytes that came again */
	bool spoilt;    /* overlapping IPv6 fragments, or too many pieces */
	uint64_t time;
	uint32_t size; /* 0: the last fragment was not seen */
	uint32_t room, nranges;
	struct range ranges[RANGES_MAX];
	uint8_t *bytes;
};

struct done {
	struct whose whose;
	uint64_t time; /* 0: none */
	uint32_t size, again;
	uint8_t *bytes;
};

struct defrag {
	struct datagram *bucket[BUCKETS];
	struct datagram *oldest, *newest;
	unsigned n;
	uint64_t bytes, budget;
	struct done done[DONE];
	unsigned next_done;
};

struct defrag *defrag_new(uint64_t budget)
{
	struct defrag *d = xcalloc(1, sizeof(*d));

	d->budget = budget;
	return d;
}

static unsigned bucket_of(const struct packet *p)
{
	uint32_t h = p->frag.id * 2654435761u;

	for (int i = 0; i < 16; i += 4) {
		uint32_t a, b;

		memcpy(&a, p->src.b + i, 4);
		memcpy(&b, p->dst.b + i, 4);
		h = (h ^ a) * 2654435761u;
		h = (h ^ b ^ h >> 15) * 2246822519u;
	}
	return (h ^ h >> 16) % BUCKETS;
}

static void drop(struct defrag *d, struct datagram *g)
{
	if (g->older)
		g->older->newer = g->newer;
	else
		d->oldest = g->newer;
	if (g->newer)
		g->newer->older = g->older;
	else
		d->newest = g->older;
	d->n--;
	d->bytes -= sizeof(*g) + g->room;
	free(g->bytes);
	free(g);
}

static void unlink_bucket(struct defrag *d, const struct datagram *g, unsigned b)
{
	for (struct datagram **p = &d->bucket[b]; *p; p = &(*p)->next)
		if (*p == g) {
			*p = g->next;
			return;
		}
}

static unsigned bucket_of_datagram(const struct datagram *g)
{
	struct packet p = {.src = g->whose.src, .dst = g->whose.dst, .frag = {.id = g->whose.id}};

	return bucket_of(&p);
}

static void give_up(struct defrag *d, struct datagram *g)
{
	unlink_bucket(d, g, bucket_of_datagram(g));
	drop(d, g);
}

static void done_free(struct defrag *d, struct done *o)
{
	if (o->time)
		d->bytes -= o->size;
	free(o->bytes);
	o->bytes = NULL;
	o->time = 0;
}

void defrag_free(struct defrag *d)
{
	while (d->oldest)
		give_up(d, d->oldest);
	for (unsigned i = 0; i < DONE; i++)
		done_free(d, &d->done[i]);
	free(d);
}

static struct whose whose(const struct packet *p)
{
	return (struct whose){p->src, p->dst, p->frag.id, p->tunnel,
		p->nvlan ? p->vlan[0] : (uint16_t)0, p->frag.proto, p->ip_version};
}

static bool is_its(const struct whose *w, const struct packet *p)
{
	return w->id == p->frag.id && w->proto == p->frag.proto && w->version == p->ip_version &&
	       w->vlan == (p->nvlan ? p->vlan[0] : 0) && w->tunnel == p->tunnel &&
	       memcmp(&w->src, &p->src, 16) == 0 && memcmp(&w->dst, &p->dst, 16) == 0;
}

static struct datagram *find(struct defrag *d, const struct packet *p)
{
	for (struct datagram *g = d->bucket[bucket_of(p)]; g; g = g->next)
		if (is_its(&g->whose, p))
			return g;
	return NULL;
}

/* The one that was whole lately and has these bytes at its [lo, hi). */
static struct done *find_done(struct defrag *d, const struct packet *p, uint32_t lo, uint32_t hi)
{
	for (unsigned i = 0; i < DONE; i++) {
		struct done *o = &d->done[i];

		if (o->time && p->time >= o->time && p->time - o->time <= LATE &&
			is_its(&o->whose, p) && hi <= o->size &&
			memcmp(o->bytes + lo, p->payload, hi - lo) == 0)
			return o;
	}
	return NULL;
}

static struct datagram *begin(struct defrag *d, const struct packet *p)
{
	struct datagram *g = xcalloc(1, sizeof(*g));
	unsigned b = bucket_of(p);

	g->whose = whose(p);
	g->time = p->time;
	g->next = d->bucket[b];
	d->bucket[b] = g;
	g->older = d->newest;
	if (d->newest)
		d->newest->newer = g;
	else
		d->oldest = g;
	d->newest = g;
	d->n++;
	d->bytes += sizeof(*g);
	return g;
}

/* Were just these bytes there before? */
static bool is_again(const struct datagram *g, const uint8_t *p, uint32_t lo, uint32_t hi)
{
	for (uint32_t i = 0; i < g->nranges; i++)
		if (g->ranges[i].lo <= lo && hi <= g->ranges[i].hi)
			return memcmp(g->bytes + lo, p, hi - lo) == 0;
	return false;
}

/*
 * A fragment of what is whole already. True: with it all of a datagram came again, which the packet
 * stands for now. Of a tunnel nobody knows what was in it.
 */
static bool on_again(struct done *o, struct packet *p)
{
	uint16_t sport, dport;

	o->again += p->paylen;
	if (o->again < o->size || o->whose.proto != IP_PROTO_UDP || o->size < 4)
		return false;
	o->again -= o->size;
	sport = load16(o->bytes);
	dport = load16(o->bytes + 2);
	if (registry_claimed(TABLE_UDP_PORT, sport) || registry_claimed(TABLE_UDP_PORT, dport))
		return false;
	p->flags = (uint16_t)((p->flags & ~PACKET_FRAGMENT) | PACKET_UDP | PACKET_COPY);
	p->ip_proto = o->whose.proto;
	p->sport = sport;
	p->dport = dport;
	return true;
}

static void note_done(struct defrag *d, const struct datagram *g, uint64_t time)
{
	struct done *o = &d->done[d->next_done++ % DONE];

	done_free(d, o);
	*o = (struct done){.whose = g->whose, .time = time, .size = g->size, .again = g->again};
	o->bytes = xmalloc(g->size);
	memcpy(o->bytes, g->bytes, g->size);
	d->bytes += g->size;
}

/* Puts [lo, hi) among the ranges, sorted and joined; copies what was not there. False: overlap. */
static bool insert(struct datagram *g, const uint8_t *p, uint32_t lo, uint32_t hi)
{
	bool overlap = false;
	uint32_t i = 0, j, at = lo;

	while (i < g->nranges && g->ranges[i].hi < lo)
		i++;
	for (j = i; j < g->nranges && g->ranges[j].lo <= hi; j++) {
		const struct range *r = &g->ranges[j];

		if (r->lo < hi && r->hi > lo)
			overlap = true;
		if (r->lo > at)
			memcpy(g->bytes + at, p + (at - lo), r->lo - at);
		if (r->hi > at)
			at = r->hi;
	}
	if (at < hi)
		memcpy(g->bytes + at, p + (at - lo), hi - at);
	if (j > i) {
		if (g->ranges[i].lo < lo)
			lo = g->ranges[i].lo;
		if (g->ranges[j - 1].hi > hi)
			hi = g->ranges[j - 1].hi;
		memmove(&g->ranges[i + 1], &g->ranges[j], (g->nranges - j) * sizeof(g->ranges[0]));
		g->nranges -= j - i - 1;
	} else {
		if (g->nranges == RANGES_MAX) {
			g->spoilt = true;
			return true;
		}
		memmove(&g->ranges[i + 1], &g->ranges[i], (g->nranges - i) * sizeof(g->ranges[0]));
		g->nranges++;
	}
	g->ranges[i] = (struct range){lo, hi};
	return !overlap;
}

static void make_room(struct defrag *d, struct datagram *g, uint32_t size)
{
	if (size <= g->room)
		return;
	if (size < 4096)
		size = 4096;
	else if (size < 2 * g->room)
		size = 2 * g->room;
	g->bytes = xrealloc(g->bytes, size);
	d->bytes += size - g->room;
	g->room = size;
}

static void make_way(struct defrag *d, uint64_t now, struct counters *c)
{
	while (d->oldest && now > d->oldest->time + AGE) {
		counters_add(c, "fragments: datagram never completed", 1);
		give_up(d, d->oldest);
	}
	while (d->oldest && (d->n >= DATAGRAMS_MAX || d->bytes > d->budget)) {
		counters_add(c, "fragments: limit reached, oldest datagram given up", 1);
		give_up(d, d->oldest);
	}
}

bool defrag_packet(struct defrag *d, struct packet *p, struct counters *c)
{
	uint32_t lo = p->frag.offset, hi = lo + p->paylen;
	uint8_t proto = p->frag.proto;
	struct datagram *g;
	struct done *done;

	make_way(d, p->time, c);
	if (p->paycut) {
		counters_add(c, "fragments: cut by the snap length", 1);
		return false;
	}
	if (hi > DATAGRAM_MAX || !p->paylen) {
		counters_add(c, "fragments: out of bounds", 1);
		return false;
	}
	g = find(d, p);
	if (!g && (done = find_done(d, p, lo, hi)) != NULL) {
		counters_add(c, "copies: fragments captured again", 1);
		return on_again(done, p);
	}
	if (!g)
		g = begin(d, p);
	if (is_again(g, p->payload, lo, hi)) {
		counters_add(c, "copies: fragments captured again", 1);
		g->again += p->paylen;
		return false;
	}
	if ((!p->frag.more && g->size && g->size != hi) || (g->size && hi > g->size))
		g->spoilt = true;
	if (!p->frag.more && !g->size)
		g->size = hi;
	if (g->nranges && g->size && g->ranges[g->nranges - 1].hi > g->size)
		g->spoilt = true;
	make_room(d, g, hi);
	if (!insert(g, p->payload, lo, hi)) {
		counters_add(c, "fragments: overlapping", 1);
		if (g->whose.version == 6)
			g->spoilt = true;
	}
	if (g->spoilt || !g->size || g->nranges != 1 || g->ranges[0].lo ||
		g->ranges[0].hi != g->size)
		return false;
	note_done(d, g, p->time);
	p->owned = g->bytes;
	p->flags &= (uint16_t)~PACKET_FRAGMENT;
	g->bytes = NULL;
	layers_continue(p, view_of(p->owned, g->size, 0), proto, c);
	give_up(d, g);
	return true;
}
