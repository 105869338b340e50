/*
 * flow.c - the table of flows: buckets of eight tags in a cache line, entries in a slab.
 *
 * The hash is keyed at random a process, so that collisions cannot be crafted; which shard a flow
 * belongs to is by a fixed hash, so that limits hit the same flows every time. Alarms lie in dense
 * arrays beside the slab with the least of every 64: a tick looks at those only.
 */
#include "core/session.h"
#include "api/layer.h"
#include "core/turns.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define GUARDED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARDED 1
#endif
#endif

/* In builds that look for such faults the TCP part of what is no TCP is there, and none may touch
 * it. */
#ifdef GUARDED
#include <sanitizer/asan_interface.h>
#define ROOM_OTHER FLOW_SIZE_TCP
static void guard(struct flow *f, bool on)
{
	if (on)
		ASAN_POISON_MEMORY_REGION(f->side, sizeof(f->side));
	else
		ASAN_UNPOISON_MEMORY_REGION(f->side, sizeof(f->side));
}
#else
#define ROOM_OTHER FLOW_SIZE_OTHER
static void guard(const struct flow *f, bool on)
{
	(void)f;
	(void)on;
}
#endif

#define BUCKETS_FIRST 64u
#define GROW_BURST    8u /* buckets whose flows are fetched at once when the table grows */

static inline uint64_t mum(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t load64(const void *p)
{
	uint64_t x;

	memcpy(&x, p, 8);
	return x;
}

/* Addresses as memcmp() orders them. */
bool flow_reversed(const struct addr *src, const struct addr *dst, uint16_t sport, uint16_t dport)
{
	uint64_t x = be64toh(load64(src->b)), y = be64toh(load64(dst->b));

	if (x == y) {
		x = be64toh(load64(src->b + 8));
		y = be64toh(load64(dst->b + 8));
	}
	return x > y || (x == y && sport > dport);
}

/* A key as the numbers that are mixed. */
struct key_words {
	uint64_t ip[2][2], ends, tunnel;
};

static inline struct key_words words_of(const struct flow_key *k)
{
	return (struct key_words){
		{{load64(k->ip[0]->b), load64(k->ip[0]->b + 8)},
			{load64(k->ip[1]->b), load64(k->ip[1]->b + 8)}},
		(uint64_t)((uint32_t)k->port[0] << 16 | k->port[1]) << 32 |
			((uint32_t)k->vlan << 16 | (uint32_t)k->proto << 8 | k->v6),
		k->tunnel,
	};
}

/* The first word of an address of IPv4 is the same in all. */
static inline uint64_t hash_v4(const uint64_t key[4], const struct key_words *w)
{
	uint64_t a = mum(w->ip[0][1] ^ key[0], w->ip[1][1] ^ key[1]);

	return mum(a ^ w->ends ^ key[2], w->tunnel ^ key[3]);
}

static inline uint64_t hash_v6(const uint64_t key[4], const struct key_words *w)
{
	uint64_t a = mum(w->ip[0][0] ^ key[0], w->ip[0][1] ^ key[1]);
	uint64_t b = mum(w->ip[1][0] ^ key[2], w->ip[1][1] ^ key[3]);

	return mum(a ^ w->ends ^ key[1], b ^ w->tunnel ^ key[0]);
}

static inline uint64_t hash_words(const uint64_t key[4], const struct key_words *w)
{
	return w->ends & 0xff ? hash_v6(key, w) : hash_v4(key, w);
}

static inline unsigned shard_words(const struct key_words *w)
{
	uint64_t x = w->ip[0][0] ^ w->ip[1][0] ^ (w->ip[0][1] + w->ip[1][1]) ^ w->ends ^ w->tunnel;

	return (unsigned)(mum(x, 0x9e3779b97f4a7c15u) >> 60) % SHARDS;
}

uint64_t flow_hash(const uint64_t key[4], const struct flow_key *k)
{
	struct key_words w = words_of(k);

	return hash_words(key, &w);
}

uint64_t flow_route(const uint64_t key[4], const struct flow_key *k, uint8_t *shard)
{
	struct key_words w = words_of(k);

	*shard = (uint8_t)shard_words(&w);
	return hash_words(key, &w);
}

void flow_route_v4(const uint64_t key[4], struct packet *p, uint16_t vlan)
{
	uint64_t src = load64(p->src.b + 8), dst = load64(p->dst.b + 8);
	uint64_t x = be64toh(src), y = be64toh(dst);
	bool r = x > y || (x == y && p->sport > p->dport);
	uint32_t ports =
		r ? (uint32_t)p->dport << 16 | p->sport : (uint32_t)p->sport << 16 | p->dport;
	struct key_words w = {{{0, r ? dst : src}, {0, r ? src : dst}},
		(uint64_t)ports << 32 | ((uint32_t)vlan << 16 | (uint32_t)p->ip_proto << 8),
		p->tunnel};

	p->reverse = r;
	p->shard = (uint8_t)shard_words(&w);
	p->hash = hash_v4(key, &w);
}

static uint16_t tag_of(uint64_t hash)
{
	return (uint16_t)(hash >> 48 | 1);
}

static uint64_t hash_of(const struct flow_table *t, const struct flow *f)
{
	struct flow_key k = {{&f->ip[0], &f->ip[1]}, {f->port[0], f->port[1]}, (uint16_t)f->vlan,
		f->proto, f->flags & FLOW_V6, f->tunnel};

	return flow_hash(t->key, &k);
}

/* What is not large enough for huge pages of its own shares those of the arena. */
static struct bucket *buckets_new(struct flow_table *t, size_t n)
{
	size_t bytes = n * sizeof(struct bucket);

	return bytes <= ARENA_MAX ? arena_take(t->arena, bytes) : table_alloc(bytes);
}

static void buckets_free(struct flow_table *t, struct bucket *b, size_t n)
{
	size_t bytes = n * sizeof(struct bucket);

	if (bytes <= ARENA_MAX)
		arena_give(t->arena, b, bytes);
	else
		table_free(b, bytes);
}

void flow_table_init(struct flow_table *t, struct arena *a, uint32_t limit, const uint64_t key[4])
{
	memset(t, 0, sizeof(*t));
	t->arena = a;
	t->mask = BUCKETS_FIRST - 1;
	t->buckets = buckets_new(t, BUCKETS_FIRST);
	t->limit = limit;
	t->tcp.chunk = t->other.chunk = t->gone = FLOW_NONE;
	pool_init(&t->alarms, a, sizeof(struct alarms));
	memcpy(t->key, key, sizeof(t->key));
}

void flow_table_release(struct flow_table *t)
{
	buckets_free(t, t->buckets, t->mask + 1);
#ifdef GUARDED
	for (uint32_t i = 0; i < t->slots; i++)
		guard(flow_at(t, i), false);
#endif
	free(t->chunks);
}

void flow_prefetch_bucket(const struct flow_table *t, uint64_t hash)
{
	__builtin_prefetch(&t->buckets[hash & t->mask]);
}

struct flow *flow_prefetch_entry(const struct flow_table *t, uint64_t hash, bool tcp)
{
	const struct bucket *b = &t->buckets[hash & t->mask];
	uint16_t tag = tag_of(hash);

	for (unsigned i = 0; i < 8; i++)
		if (b->tag[i] == tag) {
			struct flow *f = flow_at(t, b->slot[i]);

			prefetch(f, FLOW_DATAGRAM);
			if (tcp)
				prefetch((const char *)f + FLOW_DATAGRAM,
					FLOW_SIZE_TCP - FLOW_DATAGRAM);
			return f;
		}
	return NULL;
}

void flow_prefetch_more(const struct flow_table *t, const struct flow *f, const struct packet *p)
{
	bool tcp = p->flags & PACKET_TCP, end = tcp && p->tcp_flags & (TCP_FIN | TCP_RST);

	if (p->paylen) { /* another thread may have put it there */
		__builtin_prefetch(p->payload);
		__builtin_prefetch(p->payload + (p->paylen > 64 ? 64 : p->paylen - 1));
	}
	if ((p->paylen || end) && f->session) {
		if (f->flags & FLOW_OPAQUE)
			prefetch(f->app, sizeof(struct flow_turns));
		else
			prefetch(f->session, sizeof(struct session));
	}
	if (tcp && f->ext)
		prefetch(f->ext, sizeof(struct flow_ext));
	if (end && f->slot != FLOW_NONE)
		__builtin_prefetch(
			&t->chunks[f->slot / FLOW_CHUNK].alarms->at[f->slot % FLOW_CHUNK]);
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return !((load64(a->b) ^ load64(b->b)) | (load64(a->b + 8) ^ load64(b->b + 8)));
}

static bool same(const struct flow *f, const struct flow_key *k)
{
	return same_addr(&f->ip[0], k->ip[0]) && same_addr(&f->ip[1], k->ip[1]) &&
	       f->port[0] == k->port[0] && f->port[1] == k->port[1] && f->proto == k->proto &&
	       f->vlan == k->vlan && f->tunnel == k->tunnel && (f->flags & FLOW_V6) == k->v6;
}

bool flow_is(const struct flow *f, const struct flow_key *k)
{
	return f->slot != FLOW_NONE && same(f, k);
}

void flow_prefetch_end(const struct flow_table *t, const struct flow *f)
{
	flow_prefetch_bucket(t, hash_of(t, f));
	__builtin_prefetch(f->session);
	if (f->ext)
		__builtin_prefetch(f->ext);
}

struct flow *flow_find(struct flow_table *t, const struct flow_key *k, uint64_t hash)
{
	uint16_t tag = tag_of(hash);

	for (uint32_t i = (uint32_t)hash & t->mask;; i = (i + 1) & t->mask) {
		const struct bucket *b = &t->buckets[i];

		for (unsigned j = 0; j < 8; j++)
			if (b->tag[j] == tag) {
				struct flow *f = flow_at(t, b->slot[j]);

				if (same(f, k))
					return f;
			}
		if (!b->passed)
			return NULL;
	}
}

static void place(struct flow_table *t, uint64_t hash, uint32_t slot)
{
	for (uint32_t i = (uint32_t)hash & t->mask;; i = (i + 1) & t->mask) {
		struct bucket *b = &t->buckets[i];

		for (unsigned j = 0; j < 8; j++)
			if (!b->tag[j]) {
				b->tag[j] = tag_of(hash);
				b->slot[j] = slot;
				return;
			}
		b->passed++;
	}
}

/* The flows of a bucket that will soon be hashed again. */
static void prefetch_flows(const struct flow_table *t, const struct bucket *b)
{
	for (unsigned j = 0; j < 8; j++)
		if (b->tag[j])
			prefetch(flow_at(t, b->slot[j]), 64);
}

static void grow_buckets(struct flow_table *t)
{
	struct bucket *old = t->buckets;
	uint32_t n = t->mask + 1;

	t->mask = n * 2 - 1;
	t->buckets = buckets_new(t, n * 2);
	for (uint32_t i = 0; i < n; i++) {
		if (i % GROW_BURST == 0)
			for (uint32_t k = i; k < i + GROW_BURST && k < n; k++)
				prefetch_flows(t, &old[k]);
		for (unsigned j = 0; j < 8; j++)
			if (old[i].tag[j])
				place(t, hash_of(t, flow_at(t, old[i].slot[j])), old[i].slot[j]);
	}
	buckets_free(t, old, n);
}

/* Where a slot that is none leads to: no flow, no alarm. */
static struct flow nobody;
static struct alarms never = {.least = {FLOW_NEVER, FLOW_NEVER, FLOW_NEVER, FLOW_NEVER}};
_Static_assert(FLOW_CHUNK / FLOW_BLOCK == 4, "each block has none");

static void link_chunk(struct flow_table *t, struct flow_slots *s, uint32_t n)
{
	t->chunks[n].prev = FLOW_NONE;
	t->chunks[n].next = s->chunk;
	if (s->chunk != FLOW_NONE)
		t->chunks[s->chunk].prev = n;
	s->chunk = n;
}

static void unlink_chunk(struct flow_table *t, struct flow_slots *s, uint32_t n)
{
	const struct flow_chunk *c = &t->chunks[n];

	if (c->next != FLOW_NONE)
		t->chunks[c->next].prev = c->prev;
	if (c->prev != FLOW_NONE)
		t->chunks[c->prev].next = c->next;
	else
		s->chunk = c->next;
}

static struct flow_slots *slots_of(struct flow_table *t, const struct flow_chunk *c)
{
	return c->tcp ? &t->tcp : &t->other;
}

static void grow_slots(struct flow_table *t, struct flow_slots *s, size_t size)
{
	uint32_t n = t->gone;
	struct flow_chunk c = {.at = arena_take(t->arena, FLOW_CHUNK * size),
		.alarms = pool_get(&t->alarms),
		.size = (uint16_t)size,
		.tcp = s == &t->tcp,
		.free = FLOW_NONE};

	memset(c.alarms, 0xff, sizeof(struct alarms));
	if (n != FLOW_NONE) {
		t->gone = t->chunks[n].next;
	} else {
		n = t->slots / FLOW_CHUNK;
		t->chunks = xrealloc(t->chunks, (n + 1) * sizeof(*t->chunks));
		t->slots += FLOW_CHUNK;
	}
	t->chunks[n] = c;
	t->carved += FLOW_CHUNK;
	s->fresh = n * FLOW_CHUNK;
	s->end = s->fresh + FLOW_CHUNK;
}

bool flow_cramped(const struct flow_table *t, uint32_t *chunk)
{
	uint32_t least = UINT32_MAX;

	if (t->tcp.chunk != FLOW_NONE || t->tcp.fresh < t->tcp.end || t->carved < t->limit)
		return false;
	for (uint32_t i = 0; i < t->slots / FLOW_CHUNK; i++) {
		const struct flow_chunk *c = &t->chunks[i];

		if (c->size && !c->tcp && c->used && c->used < least) {
			least = c->used;
			*chunk = i;
		}
	}
	return least != UINT32_MAX;
}

void flow_give_back(struct flow_table *t)
{
	for (uint32_t i = 0; i < t->slots / FLOW_CHUNK && t->nempty; i++) {
		struct flow_chunk *c = &t->chunks[i];
		struct flow_slots *s = slots_of(t, c);

		if (t->carved - t->used <= t->used / 2 + 2 * FLOW_CHUNK && t->carved <= t->limit)
			return;
		if (!c->size || c->used || c->free == FLOW_NONE)
			continue;
		t->nempty--;
		if (i == (s->end - 1) / FLOW_CHUNK)
			s->fresh = s->end = 0;
		unlink_chunk(t, s, i);
#ifdef GUARDED
		for (uint32_t k = 0; k < FLOW_CHUNK; k++)
			guard((struct flow *)(void *)(c->at + (size_t)k * c->size), false);
#endif
		arena_give(t->arena, c->at, (size_t)FLOW_CHUNK * c->size);
		pool_put(&t->alarms, c->alarms);
		*c = (struct flow_chunk){.at = (uint8_t *)&nobody,
			.alarms = &never,
			.free = FLOW_NONE,
			.next = t->gone};
		t->gone = i;
		t->carved -= FLOW_CHUNK;
	}
}

static uint32_t slot_of(struct flow_table *t, struct flow_slots *s, size_t size)
{
	struct flow_chunk *c;
	uint32_t slot;

	if (s->chunk == FLOW_NONE) {
		if (s->fresh == s->end)
			grow_slots(t, s, size);
		t->chunks[s->fresh / FLOW_CHUNK].used++;
		return s->fresh++;
	}
	c = &t->chunks[s->chunk];
	slot = c->free;
	c->free = (uint32_t)flow_at(t, slot)->first;
	if (!c->used++)
		t->nempty--;
	if (c->free == FLOW_NONE)
		unlink_chunk(t, s, s->chunk);
	return slot;
}

static struct flow *take_slot(struct flow_table *t, bool tcp)
{
	struct flow_slots *s = tcp ? &t->tcp : &t->other;
	size_t size = tcp ? FLOW_SIZE_TCP : FLOW_SIZE_OTHER;
	uint32_t slot;
	struct flow *f;

	/* Any has room in what TCP has. */
	if (!tcp && s->chunk == FLOW_NONE && s->fresh == s->end && t->carved >= t->limit)
		s = &t->tcp;
	slot = slot_of(t, s, s == &t->tcp ? FLOW_SIZE_TCP : ROOM_OTHER);
	f = flow_at(t, slot);
	if (!tcp)
		guard(f, true);
	memset(f, 0, size);
	f->slot = slot;
	if (s->chunk != FLOW_NONE)
		prefetch(flow_at(t, t->chunks[s->chunk].free), size);
	else if (s->fresh < s->end)
		prefetch(flow_at(t, s->fresh), size);
	return f;
}

struct flow *flow_insert(struct flow_table *t, const struct flow_key *k, uint64_t hash)
{
	struct flow *f;

	if (t->used > (t->mask + 1) * 5)
		grow_buckets(t);
	f = take_slot(t, k->proto == IP_PROTO_TCP);
	f->ip[0] = *k->ip[0];
	f->ip[1] = *k->ip[1];
	f->port[0] = k->port[0];
	f->port[1] = k->port[1];
	f->vlan = k->vlan & 0xfffu;
	f->proto = k->proto;
	f->tunnel = k->tunnel;
	f->flags = k->v6 ? FLOW_V6 : 0;
	f->rtt_min[0] = f->rtt_min[1] = UINT32_MAX;
	if (k->proto == IP_PROTO_TCP)
		f->side[0].wscale = f->side[1].wscale = WSCALE_NONE;
	place(t, hash, f->slot);
	t->used++;
	return f;
}

void flow_remove(struct flow_table *t, struct flow *f)
{
	uint64_t hash = hash_of(t, f);
	uint16_t tag = tag_of(hash);
	uint32_t slot = f->slot, n = slot / FLOW_CHUNK;
	struct flow_chunk *c = &t->chunks[n];

	for (uint32_t i = (uint32_t)hash & t->mask;; i = (i + 1) & t->mask) {
		struct bucket *b = &t->buckets[i];

		for (unsigned j = 0; j < 8; j++)
			if (b->tag[j] == tag && b->slot[j] == slot) {
				b->tag[j] = 0;
				c->alarms->at[slot % FLOW_CHUNK] = FLOW_NEVER;
				guard(f, false);
				f->proto = 0;
				f->slot = FLOW_NONE;
				f->first = c->free;
				if (c->free == FLOW_NONE)
					link_chunk(t, slots_of(t, c), n);
				c->free = slot;
				t->used--;
				if (!--c->used)
					t->nempty++;
				return;
			}
		b->passed--;
	}
}

struct flow *flow_victim(struct flow_table *t, bool unusual)
{
	struct flow *best = NULL;
	unsigned looked = 0;

	for (uint32_t n = 0; n < t->slots && looked < 16; n++) {
		struct flow *f = flow_at(t, t->hand);

		t->hand = (t->hand + 1) % t->slots;
		if (!flow_alive(f) || (unusual && !f->ext))
			continue;
		looked++;
		if (!best) {
			best = f;
			continue;
		}
		bool half = f->state == FLOW_SYN || f->state == FLOW_SYN_ACK;
		bool best_half = best->state == FLOW_SYN || best->state == FLOW_SYN_ACK;

		if (half != best_half ? half : flow_last(f) < flow_last(best))
			best = f;
	}
	return best;
}

void flow_alarm(struct flow_table *t, uint32_t slot, uint32_t second)
{
	struct alarms *a = t->chunks[slot / FLOW_CHUNK].alarms;
	uint32_t i = slot % FLOW_CHUNK;

	if (second >= a->at[i])
		return;
	a->at[i] = second;
	if (second < a->least[i / FLOW_BLOCK])
		a->least[i / FLOW_BLOCK] = second;
}
