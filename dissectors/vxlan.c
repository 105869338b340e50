/*
 * vxlan.c - Virtual eXtensible LAN (RFC 7348, 5): an Ethernet frame behind UDP; and its generic
 * protocol extension (draft-ietf-nvo3-vxlan-gpe-13, 3), which may carry anything.
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
#define GPE_VERSION  0x30u
#define GPE_NEXT     0x04u
#define GPE_OAM      0x01u /* about the tunnel itself */

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

enum { D_FLAGS, D_VNI, D_NEXT };

static const struct field parts[] = {
	[D_FLAGS] = FIELD_SHOWN("vxlan.flags", "Flags", "Flags.", FIELD_ID),
	[D_VNI] = FIELD_SHOWN("vxlan.vni", "VNI", "Names the network inside.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &parts[D_FLAGS], &v, 2);
	(void)view_take(&v, 2);
	show_be(s, &parts[D_VNI], &v, 3);
}

/* P: the header's last byte before the VNI says what follows; without it, Ethernet as ever. */
static void gpe_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);
	uint32_t type = ETHERTYPE_BRIDGING;

	if (h && (h[0] & GPE_VERSION || !(h[0] & VXLAN_VALID)))
		return;
	h = view_take(v, VXLAN_HEADER);
	if (!h)
		return;
	if (h[0] & GPE_NEXT)
		type = layer_next_protocol(h[3]);
	packet_tunnel(p, "vxlan-gpe", load32(h + 4) >> 8);
	if (h[0] & GPE_OAM || !type)
		return;
	next->table = TABLE_ETHERTYPE;
	next->key = type;
}

static const struct field gpe_parts[] = {
	[D_FLAGS] = FIELD_SHOWN("vxlan.flags", "Flags", "Flags.", FIELD_ID),
	[D_VNI] = FIELD_SHOWN("vxlan.vni", "VNI", "Names the network inside.", FIELD_U64),
	[D_NEXT] = FIELD_SHOWN("vxlan.next_proto", "Next", "What follows.", FIELD_U64),
	FIELDS_END,
};

static void gpe_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, VXLAN_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &gpe_parts[D_FLAGS], h, 1, h[0]);
	tsm_show_code(
		s, &gpe_parts[D_NEXT], h + 3, 1, h[3], ethertype_name(layer_next_protocol(h[3])));
	tsm_show_u64(s, &gpe_parts[D_VNI], h + 4, 3, load32(h + 4) >> 8);
}

static const struct claim gpe_claims[] = {
	{TABLE_UDP_PORT, 4790},
	{TABLE_END, 0},
};

TSM_DISSECTOR(vxlan_gpe) = {
	TSM_HEAD,
	.name = "vxlan-gpe",
	.title = "Virtual eXtensible LAN, Generic Protocol Extension",
	.claims = gpe_claims,
	.fields = gpe_parts,
	.layer = gpe_layer,
	.describe = gpe_describe,
};

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
	.fields = parts,
	.layer = vxlan_layer,
	.describe = describe,
};
