/*
 * mpls.c - MPLS label stacks (RFC 3032, 2.1) and what they carry.
 *
 * Nothing in the stack says what follows it. RFC 4928 keeps the first nibble apart: 4 and 6 are IP,
 * 0 is a pseudowire's control word (RFC 4385), 1 an associated channel. Ethernet pseudowires (RFC
 * 4448) also come without a control word; then the nibble is the first of a MAC address, and what
 * stands at the EtherType's place decides. Labels differ by direction, so they are no tunnel id.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define MPLS_ENTRY       4u
#define MPLS_BOTTOM      0x01u /* in the entry's third byte */
#define CONTROL_WORD     4u
#define ETH_TYPE         12u
#define NIBBLE_WORD      0u
#define NIBBLE_ACH       1u
#define MPLS_ENTRIES_MAX 32u

/* Do the bytes hold an Ethernet header from `from` on, by an EtherType that LANs carry? */
static bool looks_like_ethernet(const struct view *v, size_t from)
{
	const uint8_t *h = view_peek(v, from + ETH_TYPE + 2);

	if (!h)
		return false;
	switch (load16(h + from + ETH_TYPE)) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
	case ETHERTYPE_ARP:
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_OLD:
	case ETHERTYPE_MPLS:
		return true;
	default:
		return false;
	}
}

static bool take_labels(struct view *v)
{
	for (unsigned i = 0; i < MPLS_ENTRIES_MAX; i++) {
		const uint8_t *h = view_take(v, MPLS_ENTRY);

		if (!h)
			return false;
		if (h[2] & MPLS_BOTTOM)
			return true;
	}
	layer_malformed(v);
	return false;
}

static void mpls_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h;
	unsigned nibble;

	(void)p;
	if (!take_labels(v))
		return;
	h = view_peek(v, 1);
	if (!h) {
		view_take(v, 1);
		return;
	}
	nibble = h[0] >> 4;
	next->table = TABLE_ETHERTYPE;
	if (nibble == 4) {
		next->key = ETHERTYPE_IPV4;
	} else if (nibble == 6) {
		next->key = ETHERTYPE_IPV6;
	} else if (nibble != NIBBLE_ACH && looks_like_ethernet(v, 0)) {
		next->key = ETHERTYPE_BRIDGING;
	} else if (nibble == NIBBLE_WORD && view_len(v) >= CONTROL_WORD) {
		view_take(v, CONTROL_WORD);
		next->key = ETHERTYPE_BRIDGING;
	} else {
		next->table = TABLE_END;
	}
}

enum { D_LABEL, D_CLASS, D_BOTTOM, D_TTL };

static const struct field parts[] = {
	[D_LABEL] = FIELD_SHOWN("mpls.label", "Label", "Label.", FIELD_U64),
	[D_CLASS] = FIELD_SHOWN("mpls.exp", "Class", "Traffic class.", FIELD_U64),
	[D_BOTTOM] = FIELD_SHOWN("mpls.bottom", "Bottom", "The last of the stack.", FIELD_BOOL),
	[D_TTL] = FIELD_SHOWN("mpls.ttl", "TTL", "Routers it may still pass.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h;
	bool bottom = false;

	(void)p;
	(void)side;
	while (!bottom && (h = view_take(&v, MPLS_ENTRY))) {
		bottom = h[2] & MPLS_BOTTOM;
		tsm_show_group(s, "Label stack entry", h, MPLS_ENTRY);
		tsm_show_u64(s, &parts[D_LABEL], h, 4, load32(h) >> 12);
		tsm_show_u64(s, &parts[D_CLASS], h, 4, h[2] >> 1 & 7);
		tsm_show_u64(s, &parts[D_BOTTOM], h, 4, bottom);
		tsm_show_u64(s, &parts[D_TTL], h, 4, h[3]);
		tsm_show_end(s);
	}
}

static const struct claim mpls_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_MPLS},
	{TABLE_ETHERTYPE, ETHERTYPE_MPLS_MULTI},
	{TABLE_LINKTYPE, 219},
	{TABLE_PPP, 0x0281},
	{TABLE_PPP, 0x0283},
	{TABLE_IP_PROTO, 137},
	{TABLE_END, 0},
};

TSM_DISSECTOR(mpls) = {
	TSM_HEAD,
	.name = "mpls",
	.title = "Multiprotocol Label Switching",
	.claims = mpls_claims,
	.fields = parts,
	.layer = mpls_layer,
	.describe = describe,
};
