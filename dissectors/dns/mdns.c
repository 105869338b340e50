/*
 * mdns.c - Multicast DNS (RFC 6762) and LLMNR (RFC 4795), by their ports: named, and no more.
 *
 * What is asked goes to everybody, and may be answered by anybody, from another address, together
 * with other answers, or not at all: there is no server that anybody waits for. Their messages look
 * like those of DNS, whose reader would pair and time them.
 */
#include "dns.h"

static enum tsm_probe probe(struct view head, enum side side)
{
	struct dns_message m = {head.p, view_len(&head), 0, false};
	struct dns_head h;
	bool response;

	if (view_len(&head) < DNS_HEADER || !dns_read_head(&m, &h))
		return PROBE_NO;
	response = (h.flags & FLAG_QR) != 0;
	return response == (side == SIDE_SERVER) ? PROBE_YES : PROBE_SWAPPED;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	(void)s;
	(void)state;
	(void)side;
	v->p = v->end;
	return (struct take){.stop = true};
}

static const struct claim mdns_claims[] = {{TABLE_UDP_PORT, 5353}, {TABLE_END, 0}};
static const struct claim llmnr_claims[] = {{TABLE_UDP_PORT, 5355}, {TABLE_END, 0}};

TSM_DISSECTOR(mdns) = {
	TSM_HEAD,
	.name = "mdns",
	.title = "Multicast DNS",
	.traits = TRAIT_BY_PORT,
	.claims = mdns_claims,
	.probe = probe,
	.data = data,
	.describe = dns_describe,
};

TSM_DISSECTOR(llmnr) = {
	TSM_HEAD,
	.name = "llmnr",
	.title = "Link-Local Multicast Name Resolution",
	.traits = TRAIT_BY_PORT,
	.claims = llmnr_claims,
	.probe = probe,
	.data = data,
	.describe = dns_describe,
};
