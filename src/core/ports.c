/*
 * ports.c - ports that other packets named; see ports.h and api/facts.h.
 */
#include "core/ports.h"
#include <stdlib.h>
#include <string.h>
#include "api/facts.h"
#include "api/layer.h"
#include "base/mem.h"
#include "core/registry.h"

#define SETS    256u
#define WAYS    4u
#define SOURCES 16u /* ports whose packets teach */

struct taught {
	struct addr server;
	uint16_t port;
	uint8_t proto; /* 0: free */
};

struct facts {
	bool any;
	uint8_t next_way[SETS];
	uint8_t known[65536 / 8]; /* bit by port: named of some server */
	struct taught taught[SETS][WAYS];
};

struct source { /* a port whose packets teach */
	uint16_t port;
	const struct tsm_facts *kind;
	void *state;
};

struct ports {
	struct facts facts;
	unsigned n;
	struct source sources[SOURCES];
};

struct ports *ports_new(void)
{
	struct ports *p = xcalloc(1, sizeof(*p));

	for (unsigned i = 0; i < registry_count(); i++) {
		const struct tsm_facts *kind = registry_facts(registry_get(i));
		void *state = kind && *kind->ports && p->n < SOURCES
				      ? xcalloc(1, kind->state_size + 1)
				      : NULL;

		for (const uint16_t *port = kind ? kind->ports : NULL; state && *port; port++)
			if (p->n < SOURCES)
				p->sources[p->n++] = (struct source){*port, kind, state};
	}
	return p;
}

void ports_free(struct ports *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (i + 1 == p->n || p->sources[i].state != p->sources[i + 1].state)
			free(p->sources[i].state);
	free(p);
}

static unsigned set_of(const struct addr *server, uint16_t port)
{
	uint32_t h = port;

	for (unsigned i = 0; i < sizeof(server->b); i++)
		h = (h ^ server->b[i]) * 16777619u;
	return (h ^ h >> 16) % SETS;
}

static bool is_taught(
	const struct facts *f, const struct addr *server, uint16_t port, uint8_t proto)
{
	const struct taught *t;

	if (!(f->known[port / 8] >> port % 8 & 1))
		return false;
	t = f->taught[set_of(server, port)];
	for (unsigned i = 0; i < WAYS; i++)
		if (t[i].proto == proto && t[i].port == port &&
			memcmp(&t[i].server, server, sizeof(*server)) == 0)
			return true;
	return false;
}

void tsm_fact_server(struct facts *f, const struct addr *server, uint64_t port, uint64_t ip_proto)
{
	unsigned set;

	if (!port || port > 65535 || (ip_proto != IP_PROTO_TCP && ip_proto != IP_PROTO_UDP) ||
		is_taught(f, server, (uint16_t)port, (uint8_t)ip_proto))
		return;
	set = set_of(server, (uint16_t)port);
	f->taught[set][f->next_way[set]++ % WAYS] =
		(struct taught){*server, (uint16_t)port, (uint8_t)ip_proto};
	f->known[port / 8] |= (uint8_t)(1u << port % 8);
	f->any = true;
}

void ports_packet(struct ports *p, struct packet *k)
{
	k->taught = 0;
	if (!(k->flags & (PACKET_TCP | PACKET_UDP)) || k->flags & PACKET_QUOTE)
		return;
	for (unsigned i = 0; i < p->n; i++)
		if ((k->sport == p->sources[i].port || k->dport == p->sources[i].port) && k->paylen)
			p->sources[i].kind->packet(&p->facts, p->sources[i].state, k);
	if (!p->facts.any)
		return;
	if (is_taught(&p->facts, &k->src, k->sport, k->ip_proto))
		k->taught |= 1;
	if (is_taught(&p->facts, &k->dst, k->dport, k->ip_proto))
		k->taught |= 2;
}
