/*
 * aliases.h - keys under which a connection, or datagrams between two ends, are captured again: on
 * another VLAN, in a tunnel, before or behind address translation.
 *
 * For the thread that reads the capture. Bounded: ALIASES_MAX of a table; what was not used for the
 * longest gives way.
 */
#ifndef TSUMARI_CORE_ALIASES_H
#define TSUMARI_CORE_ALIASES_H

#include "api/packet.h"
#include "core/engine.h"
#include "core/stats.h"

#define ALIAS_SETS  256u
#define ALIAS_WAYS  4u
#define ALIASES_MAX (ALIAS_SETS * ALIAS_WAYS)

struct ends { /* as a packet has them */
	struct addr src, dst;
	uint16_t sport, dport;
	uint16_t vlan;
	uint32_t tunnel;
	const char *kind; /* of the tunnel */
};

struct alias { /* packets between these ends, in the order of a flow's key ... */
	struct addr ip[2];
	uint16_t port[2];
	uint16_t vlan;
	uint32_t tunnel;
	uint32_t isn; /* of the SYN that it was made for; has_isn */
	uint8_t proto;
	bool has_isn;
	bool copy;      /* not the other direction, which is captured this way only */
	uint64_t used;  /* by aliases.clock; 0: none */
	uint64_t time;  /* of the packet that used it last */
	struct ends to; /* ... belong to these, src instead of ip[0] */
};

struct aliases {
	const struct engine_config *config;
	uint64_t clock; /* packets of such connections */
	uint32_t used;  /* aliases */
	struct alias (*set)[ALIAS_WAYS];
};

void aliases_release(struct aliases *t);

struct ends ends_of(const struct engine_config *c, const struct packet *k);
struct ends ends_turned(const struct ends *a);
/* The same addresses and ports; the same VLAN and tunnel. */
bool ends_same(const struct ends *a, const struct ends *b);
bool ends_same_way(const struct ends *a, const struct ends *b);
/* The same for both directions, and for any tag or tunnel. */
uint64_t ends_hash(const struct packet *k);

/* The one between the packet's ends, or NULL. */
struct alias *alias_find(const struct aliases *t, const struct packet *k);
/* The packet gets the key that its connection has; ends_take(): these ends. */
void alias_take(struct aliases *t, struct alias *a, struct packet *k);
void ends_take(const struct engine_config *c, const struct ends *to, struct packet *k);
void alias_drop(struct aliases *t, struct alias *a);
/*
 * From now on what comes between the packet's ends belongs to `to`, given in the packet's
 * direction. isn: of the SYN that it is known by, or NULL. copy: the packet was there already, and
 * says so.
 */
void alias_join(struct aliases *t, struct packet *k, const struct ends *to, const uint32_t *isn,
	bool copy, struct counters *counts);

static inline uint16_t ends_vlan(const struct engine_config *c, const struct packet *k)
{
	return c->ignore_vlan || !k->nvlan ? 0 : k->vlan[0];
}

static inline bool addr_same(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline uint64_t ends_mix(uint64_t x)
{
	return (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
}

#endif
