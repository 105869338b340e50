/*
 * arp.c - the Address Resolution Protocol (RFC 826) for IPv4 on Ethernet.
 *
 * Other pairs of hardware and protocol are passed over: only these name an address that the
 * analysis knows.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

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

enum { D_HARDWARE, D_PROTO, D_HSIZE, D_PSIZE, D_OP, D_SMAC, D_SIP, D_TMAC, D_TIP };

static const struct field parts[] = {
	[D_HARDWARE] = SHOW_FIELD("arp.hw.type", "Hardware", "1: Ethernet.", FIELD_U64),
	[D_PROTO] =
		SHOW_FIELD("arp.proto.type", "Protocol", "EtherType of the addresses.", FIELD_ID),
	[D_HSIZE] =
		SHOW_FIELD("arp.hw.size", "Hardware size", "Bytes of a MAC address.", FIELD_U64),
	[D_PSIZE] =
		SHOW_FIELD("arp.proto.size", "Protocol size", "Bytes of an address.", FIELD_U64),
	[D_OP] = SHOW_FIELD("arp.opcode", "Operation", "1: request, 2: reply.", FIELD_U64),
	[D_SMAC] = SHOW_FIELD(
		"arp.sender.mac", "Sender MAC", "Hardware address of the sender.", FIELD_MAC),
	[D_SIP] =
		SHOW_FIELD("arp.sender.ip", "Sender", "Protocol address of the sender.", FIELD_IP),
	[D_TMAC] = SHOW_FIELD(
		"arp.target.mac", "Target MAC", "Hardware address of the target.", FIELD_MAC),
	[D_TIP] =
		SHOW_FIELD("arp.target.ip", "Target", "Protocol address of the target.", FIELD_IP),
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, ARP_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_HARDWARE], h, 2, load16(h));
	tsm_show_code(s, &parts[D_PROTO], h + 2, 2, load16(h + 2), ethertype_name(load16(h + 2)));
	tsm_show_u64(s, &parts[D_HSIZE], h + 4, 1, h[4]);
	tsm_show_u64(s, &parts[D_PSIZE], h + 5, 1, h[5]);
	tsm_show_code(s, &parts[D_OP], h + 6, 2, load16(h + 6),
		load16(h + 6) == 1   ? "request"
		: load16(h + 6) == 2 ? "reply"
				     : NULL);
	tsm_show_mac(s, &parts[D_SMAC], h + 8);
	tsm_show_ip(s, &parts[D_SIP], h + 14, 4);
	tsm_show_mac(s, &parts[D_TMAC], h + 18);
	tsm_show_ip(s, &parts[D_TIP], h + 24, 4);
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
	.describe = describe,
};
