/*
 * engine.c - from batches of packets to their shards. Packets are handled in batches so that a
 * flow's memory is on its way before it is needed.
 */
#include "base/clock.h"
#include "api/layer.h"
#include "base/ending.h"
#include "core/event.h"
#include "core/records.h"
#include "core/shard.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BURST  64u /* packets for which is fetched at once */
#define STAGES 5u
/* A budget from which on flows have huge pages, of which the last of an engine's is half empty. */
#define HUGE_FROM (UINT64_C(48) << 20)
/* Blocks of records that all engines keep for their next ones. */
#define SPARE      (UINT64_C(1) << 20) /* of the budget, for one */
#define SPARE_MOST 64u

static uint64_t hash_key[4];

void engine_config_defaults(struct engine_config *c)
{
	memset(c, 0, sizeof(*c));
	c->memory = 512ull << 20;
	c->flow_interval = 60ull * SECOND;
	c->timeout_syn = 75ull * SECOND;
	c->timeout_tcp = 3600ull * SECOND;
	c->timeout_closed = 10ull * SECOND;
	c->timeout_udp = 60ull * SECOND;
}

static void seed(void)
{
	if (hash_key[0])
		return;
	if (getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key))
		ending_now("the system gives no random numbers");
	hash_key[0] |= 1;
}

/* Applications by the transport whose ports they claim. */
static void add_app(struct engine *e, const struct dissector *d)
{
	bool there[2] = {false, false};

	if (!d->probe || !d->data || d->traits & TRAIT_BY_PORT)
		return;
	for (const struct claim *c = d->claims; c && c->table != TABLE_END; c++)
		if (c->table == TABLE_TCP_PORT || c->table == TABLE_UDP_PORT)
			there[c->table == TABLE_UDP_PORT] = true;
	for (int i = 0; i < 2; i++)
		if (there[i])
			e->apps[i][e->napps[i]++] = d;
}

struct engine *engine_new(const struct engine_config *c, uint32_t shards)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	seed();
	e->config = c;
	e->arena.small = c->memory < HUGE_FROM;
	e->arena.keep = c->memory / 32 / SHARDS * (unsigned)__builtin_popcount(shards);
	for (unsigned i = 0; i < SHARDS; i++)
		if (shards & 1u << i)
			e->shards[i] = shard_new(e, i, hash_key);
	e->spare_most =
		(unsigned)(c->memory / SPARE * (unsigned)__builtin_popcount(shards) / SHARDS);
	e->spare_most = e->spare_most < 2            ? 2
			: e->spare_most > SPARE_MOST ? SPARE_MOST
						     : e->spare_most;
	for (unsigned i = 0; i < registry_count(); i++)
		add_app(e, registry_get(i));
	return e;
}

void engine_free(struct engine *e)
{
	for (unsigned i = 0; i < SHARDS; i++)
		if (e->shards[i])
			shard_free(e->shards[i]);
	arena_release(&e->arena);
	records_free(&e->out);
	records_free(&(struct records){.first = e->spare});
	free(e);
}

struct records *engine_records(struct engine *e)
{
	return &e->out;
}

const struct counters *engine_counters(const struct engine *e)
{
	return &e->counters;
}

/* Puts the ends in order; the key in that order. */
static inline __attribute__((always_inline)) void order(
	const struct engine_config *c, struct packet *p, bool quote, struct flow_key *k)
{
	p->reverse =
		quote ? flow_reversed(&p->quote.src, &p->quote.dst, p->quote.sport, p->quote.dport)
		      : flow_reversed(&p->src, &p->dst, p->sport, p->dport);
	flow_key_of(c, p, quote, k);
}

static inline bool route(const struct engine_config *c, struct packet *p)
{
	struct flow_key k;

	if (event_only(p)) {
		p->reverse = 0;
		p->shard = EVENT_SHARD;
		p->hash = 0;
		return true;
	}
	if (!(p->flags & PACKET_IP) || p->flags & PACKET_FRAGMENT)
		return false;
	if (p->ip_version == 4 && !(p->flags & PACKET_QUOTE)) {
		flow_route_v4(hash_key, p, flow_vlan_of(c, p));
		k.proto = p->ip_proto;
	} else {
		order(c, p, (p->flags & PACKET_QUOTE) != 0, &k);
		p->hash = flow_route(hash_key, &k, &p->shard);
	}
	if (registry_chain.events[k.proto]) /* all packets of a flow, events or not */
		p->shard = EVENT_SHARD;
	return true;
}

bool engine_route(const struct engine_config *c, struct packet *p)
{
	return route(c, p);
}

/* Apart, so that the other one is where all packets pass. */
RARELY void engine_route_again(const struct engine_config *c, struct packet *p)
{
	(void)route(c, p);
}

static struct flow_table *table_of(const struct engine *e, const struct packet *p)
{
	return &e->shards[p->shard]->flows;
}

/*
 * What packets need is fetched a burst ahead: first they themselves, which another thread may have
 * written, then the buckets, the flows, and what these point to. Bursts, since misses of the
 * translation of addresses wait one after the other when there is other work between them, and side
 * by side when there is none.
 */
static void burst(struct engine *e, struct packet *const *p, unsigned n, unsigned stage,
	struct flow **expected)
{
	switch (stage) {
	case 0:
		for (unsigned i = 0; i < n; i++)
			prefetch(p[i], sizeof(*p[i]));
		break;
	case 1:
		for (unsigned i = 0; i < n; i++)
			flow_prefetch_bucket(table_of(e, p[i]), p[i]->hash);
		break;
	case 2:
		for (unsigned i = 0; i < n; i++)
			expected[i] = flow_prefetch_entry(
				table_of(e, p[i]), p[i]->hash, (p[i]->flags & PACKET_TCP) != 0);
		break;
	case 3:
		for (unsigned i = 0; i < n; i++)
			if (expected[i])
				flow_prefetch_more(table_of(e, p[i]), expected[i], p[i]);
		break;
	default:
		for (unsigned i = 0; i < n; i++)
			shard_packet(e->shards[p[i]->shard], p[i], expected[i]);
	}
}

void engine_packets(struct engine *e, struct packet *const *p, unsigned n)
{
	struct flow *expected[STAGES][BURST];

	for (unsigned i = 0; i < SHARDS; i++)
		if (e->shards[i] && e->shards[i]->flows.nempty)
			flow_give_back(&e->shards[i]->flows);
	for (unsigned at = 0; at < n + (STAGES - 1) * BURST; at += BURST)
		for (unsigned stage = 0; stage < STAGES && stage * BURST <= at; stage++) {
			unsigned from = at - stage * BURST;

			if (from < n)
				burst(e, p + from, n - from < BURST ? n - from : BURST, stage,
					expected[from / BURST % STAGES]);
		}
}

void engine_tick(struct engine *e, uint64_t now, uint64_t order)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		if (!e->shards[i])
			continue;
		shard_tick(e->shards[i], now, order);
		if (e->full && e->out.bytes > e->full_bytes)
			e->full(e->full_arg);
	}
}

void engine_last(struct engine *e, uint64_t now)
{
	e->last = now;
}

bool engine_finish(struct engine *e, uint64_t order)
{
	unsigned closed = 0;

	for (; e->finish_shard < SHARDS; e->finish_shard++, e->finish_slot = 0) {
		struct shard *sh = e->shards[e->finish_shard];

		if (sh && !shard_finish(sh, order, &e->finish_slot, &closed))
			return true;
	}
	return false;
}
