/* wanted.c - see wanted.h. */
#include "extract/wanted.h"
#include "base/ending.h"
#include "base/mem.h"
#include "core/flow.h"
#include "core/order.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_FIRST 1024u
#define MOVED_FIRST   1024u

struct moved { /* number 0: none */
	uint64_t number, place;
};

struct span { /* of places, both of them in it */
	uint64_t lo, hi;
};

struct conn {
	struct conn *next_id;  /* in its bucket by id */
	struct conn *next_key; /* in its bucket by key: another key */
	struct conn *later;    /* the next connection between the same ends */
	struct conn *now;      /* of the first between these ends: the one that frames are at */
	struct conn *last;     /* of the first: the latest of them */
	uint64_t hash, end;
	uint64_t id;    /* number of the first frame */
	uint64_t first; /* its place */
	struct frame_key key;
	bool whole, shaking;
	uint32_t n, room;
	struct span *spans; /* sorted, none touches another */
};

struct wanted {
	uint64_t hash_key[4];
	uint64_t memory, used, refused;
	uint32_t nconns, mask;
	struct conn **by_id, **by_key;
	uint64_t *frames; /* places, of events; sorted */
	size_t nframes, room;
	struct moved *moved; /* half of them at least are free */
	uint64_t nmoved, moved_room;
};

struct wanted *wanted_new(uint64_t memory)
{
	struct wanted *w = xcalloc(1, sizeof(*w));

	if (getrandom(w->hash_key, sizeof(w->hash_key), 0) != (ssize_t)sizeof(w->hash_key))
		ending_now("the system gives no random numbers");
	w->memory = memory;
	w->mask = BUCKETS_FIRST - 1;
	w->by_id = xcalloc(BUCKETS_FIRST, sizeof(*w->by_id));
	w->by_key = xcalloc(BUCKETS_FIRST, sizeof(*w->by_key));
	return w;
}

void wanted_free(struct wanted *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i <= w->mask; i++)
		for (struct conn *c = w->by_id[i], *next; c; c = next) {
			next = c->next_id;
			free(c->spans);
			free(c);
		}
	free(w->by_id);
	free(w->by_key);
	free(w->frames);
	free(w->moved);
	free(w);
}

uint64_t wanted_refused(const struct wanted *w)
{
	return w->refused;
}

static void set_ends(struct frame_key *k, const struct addr *src, const struct addr *dst,
	uint16_t sport, uint16_t dport)
{
	int c = memcmp(src, dst, sizeof(*src));
	unsigned reverse = c > 0 || (c == 0 && sport > dport);

	k->ip[reverse] = *src;
	k->ip[!reverse] = *dst;
	k->port[reverse] = sport;
	k->port[!reverse] = dport;
}

void frame_key_make(struct frame_key *k, const struct packet *p, bool ignore_vlan)
{
	memset(k, 0, sizeof(*k));
	if (!(p->flags & PACKET_IP) || p->flags & PACKET_FRAGMENT)
		return;
	k->known = true;
	k->v6 = p->ip_version == 6;
	k->vlan = ignore_vlan || !p->nvlan ? 0 : p->vlan[0];
	k->tunnel = p->tunnel;
	if (p->flags & PACKET_QUOTE) {
		k->proto = p->quote.proto;
		set_ends(k, &p->quote.src, &p->quote.dst, p->quote.sport, p->quote.dport);
		return;
	}
	k->proto = p->ip_proto;
	set_ends(k, &p->src, &p->dst, p->sport, p->dport);
	k->syn = p->flags & PACKET_TCP && p->tcp_flags & TCP_SYN;
	k->data = p->paylen + p->paycut > 0;
}

static uint64_t hash_of(const struct wanted *w, const struct frame_key *k)
{
	struct flow_key f = {
		.ip = {&k->ip[0], &k->ip[1]},
		.port = {k->port[0], k->port[1]},
		.vlan = k->vlan,
		.proto = k->proto,
		.v6 = k->v6,
		.tunnel = k->tunnel,
	};

	return flow_hash(w->hash_key, &f);
}

static bool same(const struct frame_key *a, const struct frame_key *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->port[0] == b->port[0] &&
	       a->port[1] == b->port[1] && a->vlan == b->vlan && a->proto == b->proto &&
	       a->v6 == b->v6 && a->tunnel == b->tunnel;
}

/* The first connection between these ends. */
static struct conn *by_key(const struct wanted *w, const struct frame_key *k, uint64_t hash)
{
	struct conn *c = w->by_key[hash & w->mask];

	while (c && (c->hash != hash || !same(&c->key, k)))
		c = c->next_key;
	return c;
}

static struct conn **id_bucket(const struct wanted *w, uint64_t id)
{
	return &w->by_id[(id * 0x9e3779b97f4a7c15u >> 32) & w->mask];
}

static struct conn *by_id(const struct wanted *w, uint64_t id)
{
	struct conn *c = *id_bucket(w, id);

	while (c && c->id != id)
		c = c->next_id;
	return c;
}

static void grow(struct wanted *w)
{
	uint32_t n = w->mask + 1;
	struct conn **ids = w->by_id, **keys = w->by_key;

	w->mask = 2 * n - 1;
	w->by_id = xcalloc(2 * n, sizeof(*w->by_id));
	w->by_key = xcalloc(2 * n, sizeof(*w->by_key));
	w->used += n * 2 * sizeof(*ids);
	for (uint32_t i = 0; i < n; i++) {
		for (struct conn *c = ids[i], *next; c; c = next) {
			struct conn **to = id_bucket(w, c->id);

			next = c->next_id;
			c->next_id = *to;
			*to = c;
		}
		for (struct conn *c = keys[i], *next; c; c = next) {
			struct conn **to = &w->by_key[c->hash & w->mask];

			next = c->next_key;
			c->next_key = *to;
			*to = c;
		}
	}
	free(ids);
	free(keys);
}

static bool room_for(struct wanted *w, size_t n)
{
	if (w->used + n > w->memory) {
		w->refused++;
		return false;
	}
	w->used += n;
	return true;
}

/* The slot of a number, or a free one. */
static struct moved *moved_slot(const struct wanted *w, uint64_t number)
{
	uint64_t i = number * 0x9e3779b97f4a7c15u >> 20;

	while (w->moved[i & (w->moved_room - 1)].number &&
		w->moved[i & (w->moved_room - 1)].number != number)
		i++;
	return &w->moved[i & (w->moved_room - 1)];
}

static bool grow_moved(struct wanted *w)
{
	uint64_t room = w->moved_room, more = room ? 2 * room : MOVED_FIRST;
	struct moved *old = w->moved;

	if (!room_for(w, (more - room) * sizeof(*old)))
		return false;
	w->moved = xcalloc(more, sizeof(*w->moved));
	w->moved_room = more;
	for (uint64_t i = 0; i < room; i++)
		if (old[i].number)
			*moved_slot(w, old[i].number) = old[i];
	free(old);
	return true;
}

void wanted_moved(struct wanted *w, uint64_t number, uint64_t place)
{
	struct moved *m;

	if (2 * (w->nmoved + 1) > w->moved_room && !grow_moved(w))
		return;
	m = moved_slot(w, number);
	w->nmoved += !m->number;
	*m = (struct moved){number, place};
}

static uint64_t place_of(const struct wanted *w, uint64_t number)
{
	const struct moved *m = w->nmoved ? moved_slot(w, number) : NULL;

	return m && m->number ? m->place : order_of(number);
}

static struct conn *conn_new(struct wanted *w, const struct record *r, uint64_t from)
{
	struct conn *c, *first;

	if (!room_for(w, sizeof(*c)))
		return NULL;
	if (w->nconns++ > w->mask)
		grow(w);
	c = xcalloc(1, sizeof(*c));
	c->id = r->flow_id;
	c->first = place_of(w, r->flow_id);
	c->end = UINT64_MAX;
	c->key.known = true;
	c->key.v6 = r->ip_version == 6;
	c->key.vlan = r->vlan;
	c->key.proto = r->transport;
	c->key.tunnel = r->tunnel_id;
	c->shaking = c->first >= from;
	set_ends(&c->key, &r->client.ip, &r->server.ip, r->client.port, r->server.port);
	c->hash = hash_of(w, &c->key);
	c->next_id = *id_bucket(w, c->id);
	*id_bucket(w, c->id) = c;
	first = by_key(w, &c->key, c->hash);
	if (first) {
		/* Records of one pair of ends come in the order of its connections. */
		first->last->later = c;
		first->last = c;
	} else {
		c->now = c->last = c;
		c->next_key = w->by_key[c->hash & w->mask];
		w->by_key[c->hash & w->mask] = c;
	}
	return c;
}

/* The first span that ends at or behind a place. */
static uint32_t span_at(const struct conn *c, uint64_t place)
{
	uint32_t lo = 0, hi = c->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->spans[mid].hi < place)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void add_span(struct wanted *w, struct conn *c, uint64_t lo, uint64_t hi)
{
	uint32_t i = span_at(c, lo ? lo - 1 : 0), j = i;

	for (; j < c->n && (hi == UINT64_MAX || c->spans[j].lo <= hi + 1); j++) {
		if (c->spans[j].lo < lo)
			lo = c->spans[j].lo;
		if (c->spans[j].hi > hi)
			hi = c->spans[j].hi;
	}
	if (i == j && c->n == c->room) {
		uint32_t room = c->room ? 2 * c->room : 2;

		if (!room_for(w, (room - c->room) * sizeof(*c->spans)))
			return;
		c->room = room;
		c->spans = xrealloc(c->spans, room * sizeof(*c->spans));
	}
	/* Spans come nearly in order: what is moved are those of transactions under way. */
	memmove(&c->spans[i + 1], &c->spans[j], (c->n - j) * sizeof(*c->spans));
	c->n = c->n - (j - i) + 1;
	c->spans[i] = (struct span){lo, hi};
}

static void places_of(
	const struct wanted *w, const struct txn_record *t, uint64_t *lo, uint64_t *hi)
{
	*lo = UINT64_MAX;
	*hi = 0;
	for (int i = 0; i < 4; i++) {
		uint64_t place;

		if (!t->frame[i])
			continue;
		place = place_of(w, t->frame[i]);
		if (place < *lo)
			*lo = place;
		if (place > *hi)
			*hi = place;
	}
	if (t->r.quality & (1u << QUALITY_NO_RESPONSE | 1u << QUALITY_UNFINISHED))
		*hi = UINT64_MAX;
}

/* Events come in the order of their frames but for ticks. */
static void add_frame(struct wanted *w, uint64_t place)
{
	size_t i = w->nframes;

	while (i && w->frames[i - 1] > place)
		i--;
	if (i && w->frames[i - 1] == place)
		return;
	if (w->nframes == w->room) {
		size_t room = w->room ? 2 * w->room : 64;

		if (!room_for(w, (room - w->room) * sizeof(*w->frames)))
			return;
		w->room = room;
		w->frames = xrealloc(w->frames, room * sizeof(*w->frames));
	}
	memmove(&w->frames[i + 1], &w->frames[i], (w->nframes - i) * sizeof(*w->frames));
	w->frames[i] = place;
	w->nframes++;
}

static bool add_event(struct wanted *w, const struct record *r, uint64_t from)
{
	uint64_t frame = ((const struct event_record *)r)->frame;

	if (frame)
		add_frame(w, place_of(w, frame));
	return !frame || place_of(w, frame) >= from;
}

bool wanted_add(struct wanted *w, const struct record *r, uint64_t from)
{
	uint64_t lo, hi;
	struct conn *c;

	if (r->kind == RECORD_EVENT)
		return add_event(w, r, from);
	if (r->kind != RECORD_FLOW && r->kind != RECORD_TXN)
		return true; /* has no frames of its own */
	c = by_id(w, r->flow_id);
	if (!c)
		c = conn_new(w, r, from);
	if (!c)
		return true; /* counted */
	if (r->kind == RECORD_FLOW) {
		c->whole = true;
		return c->first >= from;
	}
	places_of(w, (const struct txn_record *)r, &lo, &hi);
	if (lo == UINT64_MAX)
		return true;
	add_span(w, c, lo, hi);
	return lo >= from;
}

void wanted_end(struct wanted *w, const struct record *r)
{
	struct conn *c;

	if (r->kind != RECORD_FLOW || !((const struct flow_record *)r)->final)
		return;
	c = by_id(w, r->flow_id);
	if (c)
		c->end = r->end;
}

static bool is_event(const struct wanted *w, uint64_t place)
{
	size_t lo = 0, hi = w->nframes;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->frames[mid] < place)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->nframes && w->frames[lo] == place;
}

bool wanted_frame(struct wanted *w, uint64_t place, uint64_t time, const struct frame_key *k)
{
	struct conn *first, *c;
	uint32_t i;

	if (w->nframes && is_event(w, place))
		return true;
	first = k->known && w->nconns ? by_key(w, k, hash_of(w, k)) : NULL;
	if (!first)
		return false;
	while (first->now->later && first->now->later->first <= place)
		first->now = first->now->later;
	c = first->now;
	if (place < c->first || time > c->end)
		return false;
	if (place == c->first && !k->syn)
		c->shaking = false;
	if (k->data && !k->syn)
		c->shaking = false;
	if (c->whole || c->shaking)
		return true;
	i = span_at(c, place);
	return i < c->n && c->spans[i].lo <= place;
}
