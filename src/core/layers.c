/*
 * layers.c - the chain: header after header off the front of a frame.
 *
 * A layer names what follows it as (table, key); the loop looks that up and goes on, without
 * recursion and at most LAYERS_MAX headers deep. A bad header ends the chain, and the packet keeps
 * what the headers before it said; its payload is then what that header should have been.
 */
#include "core/layers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "api/layer.h"
#include "core/fastpath.h"
#include "core/registry.h"

#define UNKNOWN_LINKTYPES_MAX 16
#define UNKNOWN_LINKTYPE      "unknown link type"

/* "unknown link type N": counters keep names by pointer, so each text is made once and stays. */
static const char *unknown_linktype(uint16_t linktype)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct {
		uint16_t linktype;
		char name[32];
	} known[UNKNOWN_LINKTYPES_MAX];
	static unsigned n;
	const char *name = UNKNOWN_LINKTYPE;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < UNKNOWN_LINKTYPES_MAX; i++) {
		if (i == n) {
			known[i].linktype = linktype;
			snprintf(known[i].name, sizeof(known[i].name), UNKNOWN_LINKTYPE " %u",
				linktype);
			n++;
		}
		if (known[i].linktype == linktype) {
			name = known[i].name;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return name;
}

bool layers_fou(struct packet *p, struct next *next)
{
	for (unsigned i = 0; next->table == TABLE_UDP_PORT && i < registry_fou.n; i++) {
		uint8_t proto = registry_fou.port[i].proto;
		uint32_t ip = layer_ip_ethertype(proto);

		if (registry_fou.port[i].port != p->dport && registry_fou.port[i].port != p->sport)
			continue;
		packet_in_udp(p, "fou", proto);
		next->table = ip ? TABLE_ETHERTYPE : TABLE_IP_PROTO;
		next->key = ip ? ip : proto;
		return true;
	}
	return false;
}

/* A UDP tunnel may be known by either port; nearly every port is no tunnel's. */
static inline unsigned look_up_udp(struct packet *p, struct next *next)
{
	unsigned number;

	if (!registry_maybe_tunnel(p->sport, (uint16_t)next->key))
		return 0;
	if (registry_fou.n && layers_fou(p, next))
		return registry_claimed(next->table, next->key);
	number = registry_claimed(TABLE_UDP_PORT, next->key);
	return number ? number : registry_claimed(TABLE_UDP_PORT, p->sport);
}

/* Which layer reads what follows; 0: none. */
static inline unsigned look_up(struct packet *p, struct next *next)
{
	if (next->table == TABLE_END)
		return 0;
	if (next->table == TABLE_UDP_PORT)
		return look_up_udp(p, next);
	return registry_claimed(next->table, next->key);
}

/*
 * A layer that runs out of bytes leaves the view at its end (view_take does); if the snap length
 * left bytes out there, that is why. A header that is wrong leaves the view somewhere before.
 */
static const char *complaint(unsigned number, const struct view *v)
{
	return v->cut > 0 && v->p == v->end ? registry_chain.cut[number]
					    : registry_chain.malformed[number];
}

static inline void chain(struct packet *p, struct view *v, struct next next, struct counters *c)
{
	unsigned depth = p->depth, number;
	const uint8_t *start;

	while ((number = look_up(p, &next)) != 0) {
		if (depth == LAYERS_MAX) {
			counters_add(c, "too many layers", 1);
			break;
		}
		start = v->p;
		next.table = TABLE_END; /* where the key means nothing */
		registry_chain.layer[number](p, v, &next);
		if (v->bad) {
			counters_add(c, complaint(number, v), 1);
			v->p = start;
			break;
		}
		depth++;
	}
	p->depth = (uint8_t)depth;
	p->payload = v->p;
	p->paylen = (uint32_t)view_len(v);
	p->paycut = v->cut;
}

void layers_dissect(struct packet *p, struct counters *c)
{
	if (!plain_frame(p))
		layers_one_by_one(p, c);
}

/* Apart, as plain frames need none of its room. */
__attribute__((noinline)) void layers_one_by_one(struct packet *p, struct counters *c)
{
	struct view v = view_of(p->data, p->caplen, p->len > p->caplen ? p->len - p->caplen : 0);
	struct next next = {TABLE_LINKTYPE, p->linktype};

	p->flags = 0;
	p->depth = 0;
	p->nvlan = 0;
	p->tunnel = 0;
	p->tunnel_kind = NULL;
	p->ip_version = 0;
	p->ip_proto = 0;
	p->sport = p->dport = 0;
	chain(p, &v, next, c);
	if (p->depth == 0 && !registry_claimed(TABLE_LINKTYPE, p->linktype))
		counters_add(c, unknown_linktype(p->linktype), 1);
}

bool layers_reads(uint16_t linktype)
{
	return registry_claimed(TABLE_LINKTYPE, linktype) != 0;
}

bool layers_unread(const struct counters *c, uint32_t *at, int *linktype, uint64_t *n)
{
	for (; *at < c->n; ++*at) {
		const struct counter *k = &c->c[*at];
		unsigned type;

		if (strncmp(k->name, UNKNOWN_LINKTYPE, sizeof(UNKNOWN_LINKTYPE) - 1) != 0)
			continue;
		/* NOLINTNEXTLINE(cert-err34-c): the number is our own */
		*linktype = sscanf(k->name, UNKNOWN_LINKTYPE " %u", &type) == 1 ? (int)type : -1;
		*n = k->n;
		++*at;
		return true;
	}
	return false;
}

void layers_continue(struct packet *p, struct view v, uint32_t ip_proto, struct counters *c)
{
	struct next next = {TABLE_IP_PROTO, ip_proto};

	p->flags &= (uint16_t)~PACKET_FRAGMENT;
	p->ip_proto = (uint8_t)ip_proto;
	chain(p, &v, next, c);
}
