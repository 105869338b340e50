/*
 * ipip.c - IP inside IP without a header between them: IPv4 (RFC 2003), IPv6 (RFC 4213, 6in4).
 */
#include "dissector.h"
#include "layer.h"

static void ipip_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);

	if (!h) {
		view_take(v, 1);
		return;
	}
	next->table = TABLE_ETHERTYPE;
	if (h[0] >> 4 == 4) {
		next->key = ETHERTYPE_IPV4;
	} else if (h[0] >> 4 == 6) {
		next->key = ETHERTYPE_IPV6;
	} else {
		layer_malformed(v);
		return;
	}
	packet_tunnel(p, "ipip", 0);
}

static const struct claim ipip_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_IPV4},
	{TABLE_IP_PROTO, IP_PROTO_IPV6},
	{TABLE_END, 0},
};

TSM_DISSECTOR(ipip) = {
	TSM_HEAD,
	.name = "ipip",
	.title = "IP in IP",
	.claims = ipip_claims,
	.layer = ipip_layer,
};
