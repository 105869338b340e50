/*
 * ports.c - ports that port mappers named; see ports.h. Read are messages that lie in one packet:
 * GETPORT and DUMP of version 2, GETADDR and DUMP of rpcbind, versions 3 and 4 (RFC 1833).
 */
#include "core/ports.h"
#include <stdlib.h>
#include <string.h>
#include "api/view.h"
#include "base/mem.h"

#define MAPPER_PORT 111u
#define CALLS       256u
#define SETS        256u
#define WAYS        4u
#define PROTO_TCP   6u
#define PROTO_UDP   17u
#define AUTH_MAX    400u
#define DUMP_MAX    4096u /* entries of a dump that are read */

struct asked { /* a call that was not answered yet */
	struct addr client, server;
	uint16_t port; /* the client's */
	uint32_t xid;
	uint8_t version, procedure, proto;
};

struct taught {
	struct addr server;
	uint16_t port;
	uint8_t proto; /* 0: free */
};

struct ports {
	bool any;
	uint32_t next_call;
	uint8_t next_way[SETS];
	uint8_t known[65536 / 8]; /* bit by port: named of some server */
	struct asked asked[CALLS];
	struct taught taught[SETS][WAYS];
};

struct ports *ports_new(void)
{
	return xcalloc(1, sizeof(struct ports));
}

void ports_free(struct ports *p)
{
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
	const struct ports *p, const struct addr *server, uint16_t port, uint8_t proto)
{
	const struct taught *t;

	if (!(p->known[port / 8] >> port % 8 & 1))
		return false;
	t = p->taught[set_of(server, port)];
	for (unsigned i = 0; i < WAYS; i++)
		if (t[i].proto == proto && t[i].port == port &&
			memcmp(&t[i].server, server, sizeof(*server)) == 0)
			return true;
	return false;
}

static void teach(struct ports *p, const struct addr *server, uint64_t port, uint64_t proto)
{
	unsigned set;

	if (!port || port > 65535 || (proto != PROTO_TCP && proto != PROTO_UDP) ||
		is_taught(p, server, (uint16_t)port, (uint8_t)proto))
		return;
	set = set_of(server, (uint16_t)port);
	p->taught[set][p->next_way[set]++ % WAYS] =
		(struct taught){*server, (uint16_t)port, (uint8_t)proto};
	p->known[port / 8] |= (uint8_t)(1u << port % 8);
	p->any = true;
}

static struct view opaque(struct view *v)
{
	uint32_t n = (uint32_t)view_be(v, 4);
	struct view text = view_of(v->p, n <= view_len(v) ? n : 0, 0);

	(void)view_take(v, ((size_t)n + 3) / 4 * 4);
	return text;
}

/* tcp, udp, tcp6, udp6 (RFC 5665, 5) */
static uint8_t proto_of(struct view netid)
{
	if (view_len(&netid) != 3 && !(view_len(&netid) == 4 && netid.p[3] == '6'))
		return 0;
	return memcmp(netid.p, "tcp", 3) == 0   ? PROTO_TCP
	       : memcmp(netid.p, "udp", 3) == 0 ? PROTO_UDP
						: 0;
}

/* The last two numbers of a universal address (RFC 5665, 5.2.3.4); 0: there are none. */
static uint64_t port_of(struct view address)
{
	uint64_t port = 0, part = 0;
	unsigned dots = 0;

	for (; address.p < address.end; address.p++) {
		if (*address.p == '.') {
			dots++;
			port = part;
			part = 0;
		} else if (*address.p >= '0' && *address.p <= '9' && part < 100) {
			part = part * 10 + (*address.p - '0');
		} else {
			part = 0; /* of an address of IPv6 */
		}
	}
	return dots >= 2 && port < 256 && part < 256 ? port * 256 + part : 0;
}

/* Credential or verifier. */
static void auth(struct view *v)
{
	(void)view_be(v, 4);
	(void)opaque(v);
}

static void on_call(struct ports *p, const struct packet *k, uint32_t xid, struct view *v)
{
	struct asked a = {.client = k->src, .server = k->dst, .port = k->sport, .xid = xid};
	uint64_t rpc = view_be(v, 4), program = view_be(v, 4), version = view_be(v, 4);
	uint64_t procedure = view_be(v, 4);

	auth(v);
	auth(v);
	if (v->bad || rpc != 2 || program != 100000 || version < 2 || version > 4 ||
		procedure < 3 || procedure > 4)
		return;
	a.version = (uint8_t)version;
	a.procedure = (uint8_t)procedure;
	if (procedure == 3) {
		(void)view_be(v, 8);
		a.proto = version == 2 ? (uint8_t)view_be(v, 4) : proto_of(opaque(v));
	}
	if (!v->bad)
		p->asked[p->next_call++ % CALLS] = a;
}

static void on_dump(struct ports *p, const struct asked *a, struct view *v)
{
	for (unsigned i = 0; i < DUMP_MAX && view_be(v, 4) == 1; i++) {
		uint64_t port, proto;

		(void)view_be(v, 8);
		if (a->version == 2) {
			proto = view_be(v, 4);
			port = view_be(v, 4);
		} else {
			proto = proto_of(opaque(v));
			port = port_of(opaque(v));
			(void)opaque(v);
		}
		if (!v->bad)
			teach(p, &a->server, port, proto);
	}
}

static void on_reply(struct ports *p, const struct packet *k, uint32_t xid, struct view *v)
{
	struct asked *a = NULL;
	uint64_t denied = view_be(v, 4), status;

	for (unsigned i = 0; i < CALLS; i++)
		if (p->asked[i].xid == xid && p->asked[i].port == k->dport &&
			memcmp(&p->asked[i].client, &k->dst, sizeof(k->dst)) == 0 &&
			memcmp(&p->asked[i].server, &k->src, sizeof(k->src)) == 0)
			a = &p->asked[i];
	if (!a || !a->version)
		return;
	auth(v);
	status = view_be(v, 4);
	if (!denied && !status && !v->bad) {
		if (a->procedure == 4) {
			on_dump(p, a, v);
		} else {
			uint64_t port = a->version == 2 ? view_be(v, 4) : port_of(opaque(v));

			if (!v->bad)
				teach(p, &a->server, port, a->proto);
		}
	}
	memset(a, 0, sizeof(*a));
}

static void on_mapper(struct ports *p, const struct packet *k)
{
	struct view v = view_of(k->payload, k->paylen, 0);
	uint32_t xid;

	if (k->flags & PACKET_TCP)
		(void)view_be(&v, 4); /* the record mark */
	xid = (uint32_t)view_be(&v, 4);
	switch (view_be(&v, 4)) {
	case 0:
		if (k->dport == MAPPER_PORT && !v.bad)
			on_call(p, k, xid, &v);
		break;
	case 1:
		if (k->sport == MAPPER_PORT && !v.bad)
			on_reply(p, k, xid, &v);
		break;
	default:
		break;
	}
}

void ports_packet(struct ports *p, struct packet *k)
{
	k->taught = 0;
	if (!(k->flags & (PACKET_TCP | PACKET_UDP)) || k->flags & PACKET_QUOTE)
		return;
	if ((k->sport == MAPPER_PORT || k->dport == MAPPER_PORT) && k->paylen)
		on_mapper(p, k);
	if (!p->any)
		return;
	if (is_taught(p, &k->src, k->sport, k->ip_proto))
		k->taught |= 1;
	if (is_taught(p, &k->dst, k->dport, k->ip_proto))
		k->taught |= 2;
}
