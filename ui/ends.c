/* ends.c - see ends.h. */
#include "ends.h"
#include <string.h>

struct ends ends_of_record(const struct record *r)
{
	return (struct ends){
		r->client.ip, r->server.ip, r->client.port, r->server.port, r->transport};
}

static bool same(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool ends_meet(const struct ends *e, const struct packet *k, enum side *side)
{
	bool ports = k->flags & PACKET_PORTS;

	if (!(k->flags & PACKET_IP) || k->ip_proto != e->proto)
		return false;
	*side = SIDE_CLIENT;
	if (same(&k->src, &e->client) && same(&k->dst, &e->server) &&
		(!ports || (k->sport == e->cport && k->dport == e->sport)))
		return true;
	*side = SIDE_SERVER;
	return same(&k->src, &e->server) && same(&k->dst, &e->client) &&
	       (!ports || (k->sport == e->sport && k->dport == e->cport));
}
