/*
 * eth.c - Ethernet II, IEEE 802.3 with LLC (802.2) and SNAP.
 *
 * The header is two addresses and a type (IEEE 802.3, 3.2). Below 0x0600 the type is a length and
 * LLC follows; with SNAP and OUI 0 (RFC 1042) that names an EtherType again, anything else on LLC
 * (spanning tree, IS-IS) is left as payload.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define ETH_HEADER  14u
#define SNAP_HEADER 8u

static void eth_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, ETH_HEADER);

	if (!h)
		return;
	p->mac_dst = h;
	p->mac_src = h + 6;
	p->flags |= PACKET_MAC;
	next->table = TABLE_ETHERTYPE;
	next->key = layer_ethertype(v, load16(h + 12));
}

static void llc_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 3);

	(void)p;
	/* DSAP and SSAP 0xaa, unnumbered information: SNAP. */
	if (!h || h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03)
		return;
	h = view_peek(v, SNAP_HEADER);
	if (!h) {
		view_take(v, SNAP_HEADER);
		return;
	}
	/* RFC 1042, and 802.1H bridge tunnelling. */
	if (h[3] != 0 || h[4] != 0 || (h[5] != 0 && h[5] != 0xf8))
		return;
	view_take(v, SNAP_HEADER);
	next->table = TABLE_ETHERTYPE;
	next->key = load16(h + 6);
	if (next->key < ETHERTYPE_MIN)
		next->table = TABLE_END;
}

enum { D_DST, D_SRC, D_TYPE, D_LEN };

static const struct field eth_parts[] = {
	[D_DST] = FIELD_SHOWN("eth.dst", "Destination", "MAC address of the receiver.", FIELD_MAC),
	[D_SRC] = FIELD_SHOWN("eth.src", "Source", "MAC address of the sender.", FIELD_MAC),
	[D_TYPE] = FIELD_SHOWN("eth.type", "Type", "EtherType of what follows.", FIELD_ID),
	[D_LEN] = FIELD_SHOWN("eth.len", "Length", "Bytes of the LLC frame.", FIELD_U64),
	FIELDS_END,
};

static void eth_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, ETH_HEADER);
	unsigned type;

	(void)p;
	(void)side;
	if (!h)
		return;
	type = load16(h + 12);
	tsm_show_mac(s, &eth_parts[D_DST], h);
	tsm_show_mac(s, &eth_parts[D_SRC], h + 6);
	tsm_show_code(s, &eth_parts[type < ETHERTYPE_MIN ? D_LEN : D_TYPE], h + 12, 2, type,
		type < ETHERTYPE_MIN ? NULL : ethertype_name(type));
}

enum { D_DSAP, D_SSAP, D_CONTROL, D_OUI, D_PID };

static const struct field llc_parts[] = {
	[D_DSAP] = FIELD_SHOWN("llc.dsap", "DSAP", "Destination service access point.", FIELD_ID),
	[D_SSAP] = FIELD_SHOWN("llc.ssap", "SSAP", "Source service access point.", FIELD_ID),
	[D_CONTROL] = FIELD_SHOWN("llc.control", "Control", "Control field.", FIELD_ID),
	[D_OUI] = FIELD_SHOWN(
		"llc.oui", "OUI", "Organization that gives the protocol its meaning.", FIELD_ID),
	[D_PID] = FIELD_SHOWN("llc.type", "Type", "EtherType of what follows.", FIELD_ID),
	FIELDS_END,
};

static void llc_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &llc_parts[D_DSAP], &v, 1);
	show_be(s, &llc_parts[D_SSAP], &v, 1);
	show_be(s, &llc_parts[D_CONTROL], &v, 1);
	show_be(s, &llc_parts[D_OUI], &v, 3);
	show_be(s, &llc_parts[D_PID], &v, 2);
}

static const struct claim eth_claims[] = {
	{TABLE_LINKTYPE, 1},
	{TABLE_ETHERTYPE, ETHERTYPE_BRIDGING},
	{TABLE_END, 0},
};

TSM_DISSECTOR(eth) = {
	TSM_HEAD,
	.name = "eth",
	.title = "Ethernet",
	.claims = eth_claims,
	.fields = eth_parts,
	.layer = eth_layer,
	.describe = eth_describe,
};

static const struct claim llc_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_LLC},
	{TABLE_END, 0},
};

TSM_DISSECTOR(llc) = {
	TSM_HEAD,
	.name = "llc",
	.title = "Logical Link Control",
	.claims = llc_claims,
	.fields = llc_parts,
	.layer = llc_layer,
	.describe = llc_describe,
};
