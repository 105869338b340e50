/* defrag.c - see defrag.h. */
#include "core/defrag.h"
#include "base/mem.h"
#include "core/layers.h"
#include <stdlib.h>
#include <string.h>

#define DATAGRAMS_MAX 4096u
#define BUCKETS       1024u
#define AGE           30000000000u /* ns: RFC 791 suggests 15 s, Linux waits 30 s */
#define DATAGRAM_MAX  65535u
#define RANGES_MAX    64u

struct range {
	uint32_t lo, hi;
};

struct datagram {
	struct datagram *next; /* in its bucket */
	struct datagram *older, *newer;
	struct addr src, dst;
	uint32_t id, tunnel;
	uint16_t vlan;
	uint8_t proto, version;
	bool spoilt; /* overlapping IPv6 fragments, or too many pieces */
	uint64_t time;
	uint32_t size; /* 0: the last fragment was not seen */
	uint32_t room, nranges;
	struct range ranges[RANGES_MAX];
	uint8_t *bytes;
};

struct defrag {
	struct datagram *bucket[BUCKETS];
	struct datagram *oldest, *newest;
	unsigned n;
	uint64_t bytes, budget;
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
	struct packet p = {.src = g->src, .dst = g->dst, .frag = {.id = g->id}};

	return bucket_of(&p);
}

static void give_up(struct defrag *d, struct datagram *g)
{
	unlink_bucket(d, g, bucket_of_datagram(g));
	drop(d, g);
}

void defrag_free(struct defrag *d)
{
	while (d->oldest)
		give_up(d, d->oldest);
	free(d);
}

static struct datagram *find(struct defrag *d, const struct packet *p)
{
	uint16_t vlan = p->nvlan ? p->vlan[0] : 0;

	for (struct datagram *g = d->bucket[bucket_of(p)]; g; g = g->next)
		if (g->id == p->frag.id && g->proto == p->frag.proto &&
			g->version == p->ip_version && g->vlan == vlan && g->tunnel == p->tunnel &&
			memcmp(&g->src, &p->src, 16) == 0 && memcmp(&g->dst, &p->dst, 16) == 0)
			return g;
	return NULL;
}

static struct datagram *begin(struct defrag *d, const struct packet *p)
{
	struct datagram *g = xcalloc(1, sizeof(*g));
	unsigned b = bucket_of(p);

	g->src = p->src;
	g->dst = p->dst;
	g->id = p->frag.id;
	g->tunnel = p->tunnel;
	g->vlan = p->nvlan ? p->vlan[0] : 0;
	g->proto = p->frag.proto;
	g->version = p->ip_version;
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
	if (!g)
		g = begin(d, p);
	if ((!p->frag.more && g->size && g->size != hi) || (g->size && hi > g->size))
		g->spoilt = true;
	if (!p->frag.more && !g->size)
		g->size = hi;
	if (g->nranges && g->size && g->ranges[g->nranges - 1].hi > g->size)
		g->spoilt = true;
	make_room(d, g, hi);
	if (!insert(g, p->payload, lo, hi)) {
		counters_add(c, "fragments: overlapping", 1);
		if (g->version == 6)
			g->spoilt = true;
	}
	if (g->spoilt || !g->size || g->nranges != 1 || g->ranges[0].lo ||
		g->ranges[0].hi != g->size)
		return false;
	p->owned = g->bytes;
	p->flags &= (uint16_t)~PACKET_FRAGMENT;
	g->bytes = NULL;
	layers_continue(p, view_of(p->owned, g->size, 0), proto, c);
	give_up(d, g);
	return true;
}
