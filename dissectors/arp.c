/*
 * arp.c - the Address Resolution Protocol (RFC 826) for IPv4 on Ethernet.
 *
 * Other pairs of hardware and protocol are passed over: only these name an address that the
 * analysis knows.
 */
#include "dissector.h"
#include "layer.h"

#define ARP_FIXED  8u
#define ARP_HEADER 28u /* with two addresses each of 6 and 4 bytes */

#define ARP_ETHERNET 1u

static void arp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, ARP_FIXED);

	(void)next;
	if (!h) {
		view_take(v, ARP_FIXED);
		return;
	}
	if (load16(h) != ARP_ETHERNET || load16(h + 2) != ETHERTYPE_IPV4)
		return;
	if (h[4] != 6 || h[5] != 4) {
		layer_malformed(v);
		return;
	}
	h = view_take(v, ARP_HEADER);
	if (!h)
		return;
	p->flags = (uint16_t)((p->flags & ~PACKET_NETWORK) | PACKET_ARP);
	p->ip_version = 0;
	p->ip_proto = 0;
	p->sport = p->dport = 0;
	p->arp.op = load16(h + 6);
	memcpy(p->arp.sender_mac, h + 8, sizeof(p->arp.sender_mac));
	p->src = addr_v4(h + 14);
	p->dst = addr_v4(h + 24);
	/* What follows is Ethernet's padding. */
	(void)view_trim(v, 0);
}

static const struct claim arp_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_ARP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(arp) = {
	TSM_HEAD,
	.name = "arp",
	.title = "Address Resolution Protocol",
	.claims = arp_claims,
	.layer = arp_layer,
};
