/* frame_select.c - see frame_select.h. */
#include "extract/frame_select.h"
#include "base/ending.h"
#include "base/arena.h"
#include "base/mem.h"
#include "core/flow.h"
#include "core/order.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_FIRST 1024u
#define MOVED_FIRST 1024u
/* Of --memory, from which on huge pages do not matter. */
#define HUGE_FROM (UINT64_C(48) << 20)

struct moved { /* number 0: none */
	uint64_t number, place;
};

struct span { /* of places, both of them in it */
	uint64_t lo, hi;
};

struct conn {
	struct conn *later; /* the next connection between the same ends */
	struct conn *now;   /* of the first between these ends: the one that frames are at */
	struct conn *last;  /* of the first: the latest of them */
	uint64_t end;
	uint64_t first; /* the place of its first frame */
	struct frame_key key;
	bool whole, shaking;
	uint32_t n, room;
	struct span *spans; /* sorted, none touches another */
};

/*
 * A table of open addressing: what is looked for is told from others without a look at them, which
 * lie anywhere in memory.
 */
struct slot {
	uint64_t key; /* an id, or a hash */
	struct conn *c;
};

struct table {
	struct slot *slots;
	uint64_t n, mask;
};

struct frame_select {
	uint64_t hash_key[4];
	uint64_t memory, used, refused;
	struct arena arena;
	struct pool conns;
	struct table by_id;  /* by the number of its first frame */
	struct table by_key; /* the first connection between its ends */
	uint64_t *frames;    /* places, of events; sorted */
	size_t nframes, room;
	struct moved *moved; /* half of them at least are free */
	uint64_t nmoved, moved_room;
};

static struct slot *slot_at(const struct table *t, uint64_t i)
{
	return &t->slots[i & t->mask];
}

static uint64_t slot_of(uint64_t key)
{
	return key * 0x9e3779b97f4a7c15u >> 20;
}

static void table_init(struct table *t, uint64_t slots)
{
	*t = (struct table){table_alloc(slots * sizeof(struct slot)), 0, slots - 1};
}

static void table_release(struct table *t)
{
	table_free(t->slots, (t->mask + 1) * sizeof(struct slot));
}

static void table_put(struct table *t, uint64_t key, struct conn *c)
{
	uint64_t i = slot_of(key);

	while (slot_at(t, i)->c)
		i++;
	*slot_at(t, i) = (struct slot){key, c};
	t->n++;
}

/* Three quarters of it are used, at most. */
static void table_add(struct frame_select *w, struct table *t, uint64_t key, struct conn *c)
{
	uint64_t had = t->mask + 1;

	if (4 * (t->n + 1) > 3 * had) {
		struct table old = *t;

		table_init(t, 2 * had);
		w->used += had * sizeof(struct slot);
		for (uint64_t i = 0; i < had; i++)
			if (old.slots[i].c)
				table_put(t, old.slots[i].key, old.slots[i].c);
		table_release(&old);
	}
	table_put(t, key, c);
}

struct frame_select *frame_select_new(uint64_t memory)
{
	struct frame_select *w = xcalloc(1, sizeof(*w));

	if (getrandom(w->hash_key, sizeof(w->hash_key), 0) != (ssize_t)sizeof(w->hash_key))
		ending_now("the system gives no random numbers");
	w->memory = memory;
	w->arena.small = memory < HUGE_FROM;
	pool_init(&w->conns, &w->arena, sizeof(struct conn));
	table_init(&w->by_id, SLOTS_FIRST);
	table_init(&w->by_key, SLOTS_FIRST);
	return w;
}

void frame_select_free(struct frame_select *w)
{
	if (!w)
		return;
	for (uint64_t i = 0; i <= w->by_id.mask; i++)
		if (w->by_id.slots[i].c)
			free(w->by_id.slots[i].c->spans);
	table_release(&w->by_id);
	table_release(&w->by_key);
	arena_release(&w->arena);
	free(w->frames);
	free(w->moved);
	free(w);
}

uint64_t frame_select_refused(const struct frame_select *w)
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

static uint64_t hash_of(const struct frame_select *w, const struct frame_key *k)
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
static struct conn *by_key(const struct frame_select *w, const struct frame_key *k, uint64_t hash)
{
	for (uint64_t i = slot_of(hash); slot_at(&w->by_key, i)->c; i++) {
		const struct slot *s = slot_at(&w->by_key, i);

		if (s->key == hash && same(&s->c->key, k))
			return s->c;
	}
	return NULL;
}

static struct conn *by_id(const struct frame_select *w, uint64_t id)
{
	for (uint64_t i = slot_of(id); slot_at(&w->by_id, i)->c; i++)
		if (slot_at(&w->by_id, i)->key == id)
			return slot_at(&w->by_id, i)->c;
	return NULL;
}

static bool room_for(struct frame_select *w, size_t n)
{
	if (w->used + n > w->memory) {
		w->refused++;
		return false;
	}
	w->used += n;
	return true;
}

/* The slot of a number, or a free one. */
static struct moved *moved_slot(const struct frame_select *w, uint64_t number)
{
	uint64_t i = number * 0x9e3779b97f4a7c15u >> 20;

	while (w->moved[i & (w->moved_room - 1)].number &&
		w->moved[i & (w->moved_room - 1)].number != number)
		i++;
	return &w->moved[i & (w->moved_room - 1)];
}

static bool grow_moved(struct frame_select *w)
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

void frame_select_moved(struct frame_select *w, uint64_t number, uint64_t place)
{
	struct moved *m;

	if (2 * (w->nmoved + 1) > w->moved_room && !grow_moved(w))
		return;
	m = moved_slot(w, number);
	w->nmoved += !m->number;
	*m = (struct moved){number, place};
}

static uint64_t place_of(const struct frame_select *w, uint64_t number)
{
	const struct moved *m = w->nmoved ? moved_slot(w, number) : NULL;

	return m && m->number ? m->place : order_of(number);
}

static struct conn *conn_new(struct frame_select *w, const struct record *r, uint64_t from)
{
	struct conn *c, *first;
	uint64_t hash;

	if (!room_for(w, sizeof(*c)))
		return NULL;
	c = pool_get(&w->conns);
	memset(c, 0, sizeof(*c));
	c->first = place_of(w, r->flow_id);
	c->end = UINT64_MAX;
	c->key.known = true;
	c->key.v6 = r->ip_version == 6;
	c->key.vlan = r->vlan;
	c->key.proto = r->transport;
	c->key.tunnel = r->tunnel_id;
	c->shaking = c->first >= from;
	set_ends(&c->key, &r->client.ip, &r->server.ip, r->client.port, r->server.port);
	hash = hash_of(w, &c->key);
	table_add(w, &w->by_id, r->flow_id, c);
	first = by_key(w, &c->key, hash);
	if (first) {
		/* Records of one pair of ends come in the order of its connections. */
		first->last->later = c;
		first->last = c;
	} else {
		c->now = c->last = c;
		table_add(w, &w->by_key, hash, c);
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

static void add_span(struct frame_select *w, struct conn *c, uint64_t lo, uint64_t hi)
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
	const struct frame_select *w, const struct txn_record *t, uint64_t *lo, uint64_t *hi)
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
static void add_frame(struct frame_select *w, uint64_t place)
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

static bool add_event(struct frame_select *w, const struct record *r, uint64_t from)
{
	uint64_t frame = ((const struct event_record *)r)->frame;

	if (frame)
		add_frame(w, place_of(w, frame));
	return !frame || place_of(w, frame) >= from;
}

bool frame_select_add(struct frame_select *w, const struct record *r, uint64_t from)
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

void frame_select_end(struct frame_select *w, const struct record *r)
{
	struct conn *c;

	if (r->kind != RECORD_FLOW || !((const struct flow_record *)r)->final)
		return;
	c = by_id(w, r->flow_id);
	if (c)
		c->end = r->end;
}

void wanted_fetch(const struct frame_select *w, struct frame_key *k)
{
	if (!k->known || !w->by_key.n)
		return;
	k->hash = hash_of(w, k);
	__builtin_prefetch(slot_at(&w->by_key, slot_of(k->hash)));
}

void wanted_fetch_connection(const struct frame_select *w, const struct frame_key *k)
{
	const struct conn *c = k->hash ? slot_at(&w->by_key, slot_of(k->hash))->c : NULL;

	if (!c)
		return;
	__builtin_prefetch(c);
	__builtin_prefetch((const char *)c + 64);
}

static bool is_event(const struct frame_select *w, uint64_t place)
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

bool frame_select_frame(
	struct frame_select *w, uint64_t place, uint64_t time, const struct frame_key *k)
{
	struct conn *first, *c;
	uint32_t i;

	if (w->nframes && is_event(w, place))
		return true;
	first = k->known && w->by_key.n ? by_key(w, k, k->hash ? k->hash : hash_of(w, k)) : NULL;
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
