/*
 * vlan.c - VLAN tags (IEEE 802.1Q, 9.6), also stacked (802.1ad, and 0x9100 of older switches).
 *
 * Each tag is one header: priority and identifier, then the next EtherType. Identifier 0 only marks
 * a priority: such a frame belongs to no VLAN, and often one direction of a connection alone
 * carries it, so it is passed over.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define VLAN_TAG     4u
#define VLAN_ID_MASK 0x0fffu

static void vlan_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, VLAN_TAG);
	uint16_t id;

	if (!h)
		return;
	id = load16(h) & VLAN_ID_MASK;
	if (id != 0) {
		if (p->nvlan < sizeof(p->vlan) / sizeof(p->vlan[0]))
			p->vlan[p->nvlan] = id;
		if (p->nvlan < UINT8_MAX)
			p->nvlan++;
	}
	next->table = TABLE_ETHERTYPE;
	next->key = layer_ethertype(v, load16(h + 2));
}

enum { D_PRIORITY, D_DEI, D_ID, D_TYPE };

static const struct field parts[] = {
	[D_PRIORITY] = FIELD_SHOWN("vlan.priority", "Priority", "Priority code point.", FIELD_U64),
	[D_DEI] = FIELD_SHOWN("vlan.dei", "DEI", "Drop eligible.", FIELD_BOOL),
	[D_ID] = FIELD_SHOWN("vlan.id", "VLAN", "VLAN identifier; 0: a priority only.", FIELD_U64),
	[D_TYPE] = FIELD_SHOWN("vlan.etype", "Type", "EtherType of what follows.", FIELD_ID),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, VLAN_TAG);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_PRIORITY], h, 2, h[0] >> 5);
	tsm_show_u64(s, &parts[D_DEI], h, 2, h[0] >> 4 & 1);
	tsm_show_u64(s, &parts[D_ID], h, 2, load16(h) & VLAN_ID_MASK);
	tsm_show_code(s, &parts[D_TYPE], h + 2, 2, load16(h + 2), ethertype_name(load16(h + 2)));
}

static const struct claim vlan_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_VLAN},
	{TABLE_ETHERTYPE, ETHERTYPE_QINQ},
	{TABLE_ETHERTYPE, ETHERTYPE_QINQ_OLD},
	{TABLE_END, 0},
};

TSM_DISSECTOR(vlan) = {
	TSM_HEAD,
	.name = "vlan",
	.title = "IEEE 802.1Q VLAN tag",
	.claims = vlan_claims,
	.fields = parts,
	.layer = vlan_layer,
	.describe = describe,
};
