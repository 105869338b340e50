/*
 * eth.c - Ethernet II, IEEE 802.3 with LLC (802.2) and SNAP.
 *
 * The header is two addresses and a type (IEEE 802.3, 3.2). Below 0x0600 the type is a length and
 * LLC follows; with SNAP and OUI 0 (RFC 1042) that names an EtherType again, anything else on LLC
 * (spanning tree, IS-IS) is left as payload.
 */
#include "dissector.h"
#include "layer.h"

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
	.layer = eth_layer,
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
	.layer = llc_layer,
};
