/*
 * geneve.c - Generic Network Virtualization Encapsulation (RFC 8926, 3.4). Options are passed over.
 *
 * A datagram to its port with another version or reserved bits set is left as payload.
 */
#include "dissector.h"
#include "layer.h"

#define GENEVE_HEADER   8u
#define GENEVE_VERSION  0xc0u /* first byte; the rest of it is the options' length in words */
#define GENEVE_RESERVED 0x3fu /* second byte */

static void geneve_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 2);

	if (!h || (h[0] & GENEVE_VERSION) || (h[1] & GENEVE_RESERVED))
		return;
	h = view_take(v, GENEVE_HEADER + (h[0] & ~GENEVE_VERSION) * 4);
	if (!h)
		return;
	packet_tunnel(p, "geneve", load32(h + 4) >> 8);
	next->table = TABLE_ETHERTYPE;
	next->key = load16(h + 2);
}

static const struct claim geneve_claims[] = {
	{TABLE_UDP_PORT, 6081},
	{TABLE_END, 0},
};

TSM_DISSECTOR(geneve) = {
	TSM_HEAD,
	.name = "geneve",
	.title = "Generic Network Virtualization Encapsulation",
	.claims = geneve_claims,
	.layer = geneve_layer,
};
