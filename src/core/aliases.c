/*
 * aliases.c - other keys of what was captured before; see aliases.h.
 */
#include "core/aliases.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

void aliases_release(struct aliases *t)
{
	free(t->set);
	t->set = NULL;
	t->used = 0;
}

struct ends ends_of(const struct engine_config *c, const struct packet *k)
{
	return (struct ends){
		k->src, k->dst, k->sport, k->dport, ends_vlan(c, k), k->tunnel, k->tunnel_kind};
}

uint64_t ends_hash(const struct packet *k)
{
	uint64_t a, b, ports = (uint64_t)k->sport * k->dport + (uint64_t)(k->sport ^ k->dport);

	memcpy(&a, k->src.b + 8, 8);
	memcpy(&b, k->dst.b + 8, 8);
	return ends_mix((a ^ b) + ports * 0x100000001b3u) >> 16;
}

bool ends_same_way(const struct ends *a, const struct ends *b)
{
	return a->vlan == b->vlan && a->tunnel == b->tunnel;
}

bool ends_same(const struct ends *a, const struct ends *b)
{
	return a->sport == b->sport && a->dport == b->dport && addr_same(&a->src, &b->src) &&
	       addr_same(&a->dst, &b->dst);
}

struct ends ends_turned(const struct ends *a)
{
	return (struct ends){a->dst, a->src, a->dport, a->sport, a->vlan, a->tunnel, a->kind};
}

static struct alias *set_of(const struct aliases *t, const struct packet *k)
{
	return t->set[ends_hash(k) % ALIAS_SETS];
}

static bool fits(const struct alias *a, const struct packet *k, uint16_t vlan)
{
	unsigned lo = k->reverse;

	return a->used && a->port[lo] == k->sport && a->port[!lo] == k->dport && a->vlan == vlan &&
	       a->tunnel == k->tunnel && a->proto == k->ip_proto &&
	       addr_same(&a->ip[lo], &k->src) && addr_same(&a->ip[!lo], &k->dst);
}

struct alias *alias_find(const struct aliases *t, const struct packet *k)
{
	struct alias *a = t->used ? set_of(t, k) : NULL;
	uint16_t vlan = ends_vlan(t->config, k);

	for (unsigned i = 0; a && i < ALIAS_WAYS; i++)
		if (fits(&a[i], k, vlan))
			return &a[i];
	return NULL;
}

void ends_take(const struct engine_config *c, const struct ends *to, struct packet *k)
{
	k->src = to->src;
	k->dst = to->dst;
	k->sport = to->sport;
	k->dport = to->dport;
	k->tunnel = to->tunnel;
	k->tunnel_kind = to->kind;
	k->vlan[0] = to->vlan;
	k->nvlan = to->vlan != 0;
	engine_route_again(c, k);
}

void alias_take(struct aliases *t, struct alias *a, struct packet *k)
{
	struct ends to = k->reverse ? ends_turned(&a->to) : a->to;

	a->used = ++t->clock;
	a->time = k->time;
	ends_take(t->config, &to, k);
}

void alias_drop(struct aliases *t, struct alias *a)
{
	a->used = 0;
	t->used--;
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
	if (!ends_same(from, to))
		counters_add(
			counts, "copies: connections captured under other addresses, too (NAT)", 1);
	else if (from->tunnel != to->tunnel)
		counters_add(counts, "copies: connections captured inside a tunnel and outside", 1);
	else
		counters_add(counts, "copies: connections captured on several VLANs", 1);
}

/* Where one between the packet's ends may be put. */
static struct alias *room(struct aliases *t, const struct packet *k, struct counters *counts)
{
	struct alias *set = set_of(t, k), *a = alias_find(t, k);

	if (a)
		return a;
	a = set;
	for (unsigned i = 1; i < ALIAS_WAYS; i++)
		if (set[i].used < a->used)
			a = &set[i];
	if (a->used)
		counters_add(counts, "copies: too many connections, one not known any more", 1);
	else
		t->used++;
	return a;
}

void alias_join(struct aliases *t, struct packet *k, const struct ends *to, const uint32_t *isn,
	bool copy, struct counters *counts)
{
	struct ends from = ends_of(t->config, k);
	unsigned lo = k->reverse;
	struct alias *a;

	if (!t->set)
		t->set = xcalloc(ALIAS_SETS, sizeof(*t->set));
	a = room(t, k, counts);
	a->ip[lo] = k->src;
	a->ip[!lo] = k->dst;
	a->port[lo] = k->sport;
	a->port[!lo] = k->dport;
	a->vlan = from.vlan;
	a->tunnel = from.tunnel;
	a->proto = k->ip_proto;
	a->copy = copy;
	a->has_isn = isn != NULL;
	a->isn = isn ? *isn : 0;
	a->to = lo ? ends_turned(to) : *to;
	alias_take(t, a, k);
	if (copy) {
		name(k, &from);
		count(counts, &from, to);
	}
}
