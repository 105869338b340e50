/*
 * vxlan.c - Virtual eXtensible LAN (RFC 7348, 5): an Ethernet frame behind UDP.
 *
 * 4789 is its port; 8472 what Linux used before there was one, and still does by default. A
 * datagram to these ports without the bit that says its network identifier is valid is something
 * else, and left as payload.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define VXLAN_HEADER 8u
#define VXLAN_VALID  0x08u

static void vxlan_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);

	if (!h || !(h[0] & VXLAN_VALID))
		return;
	h = view_take(v, VXLAN_HEADER);
	if (!h)
		return;
	packet_tunnel(p, "vxlan", load32(h + 4) >> 8);
	next->table = TABLE_ETHERTYPE;
	next->key = ETHERTYPE_BRIDGING;
}

enum { D_FLAGS, D_VNI };

static const struct field parts[] = {
	[D_FLAGS] = SHOW_FIELD("vxlan.flags", "Flags", "Flags.", FIELD_ID),
	[D_VNI] = SHOW_FIELD("vxlan.vni", "VNI", "Names the network inside.", FIELD_U64),
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &parts[D_FLAGS], &v, 2);
	(void)view_take(&v, 2);
	show_be(s, &parts[D_VNI], &v, 3);
}

static const struct claim vxlan_claims[] = {
	{TABLE_UDP_PORT, 4789},
	{TABLE_UDP_PORT, 8472},
	{TABLE_END, 0},
};

TSM_DISSECTOR(vxlan) = {
	TSM_HEAD,
	.name = "vxlan",
	.title = "Virtual eXtensible LAN",
	.claims = vxlan_claims,
	.layer = vxlan_layer,
	.describe = describe,
};
