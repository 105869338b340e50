/*
 * erspan.c - Ethernet frames that a switch mirrors in GRE: ERSPAN types II and III
 * (draft-foschiano-erspan-03, 4.2 and 4.3). Type I has no header of its own: see gre.c.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define HEADER2   8u
#define HEADER3   12u
#define PLATFORM  8u /* bytes behind type III's header, where it says so */
#define VERSION2  1u
#define VERSION3  2u
#define TRUNCATED 0x0400u /* with the session id: the mirrored frame was cut */
#define SESSION   0x03ffu
#define OPTIONAL  0x01u /* last byte of type III: the platform's bytes follow */
#define CUT       65535u

/* Type III: what was mirrored. */
#define FRAME_TYPE(byte) ((byte) >> 2 & 0x1fu)
#define FRAME_ETHERNET   0u
#define FRAME_IP         2u

/* Which EtherType would say the same of an IP packet by its version; 0: it is none. */
static uint32_t ip_type(const struct view *v)
{
	const uint8_t *h = view_peek(v, 1);
	unsigned version = h ? h[0] >> 4 : 4;

	return version == 4 ? ETHERTYPE_IPV4 : version == 6 ? ETHERTYPE_IPV6 : 0;
}

static void erspan_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);
	unsigned version = h ? h[0] >> 4 : 0, type = FRAME_ETHERNET;

	if (h && version != VERSION2 && version != VERSION3)
		return; /* not known: payload */
	h = view_take(v, version == VERSION3 ? HEADER3 : HEADER2);
	if (!h)
		return;
	if (version == VERSION3) {
		type = FRAME_TYPE(h[10]);
		if (h[11] & OPTIONAL)
			view_take(v, PLATFORM);
		if (v->bad)
			return;
	}
	/* How much the mirror cut off is not said; the lengths inside will tell. */
	if (load16(h + 2) & TRUNCATED)
		v->cut = v->cut < CUT ? CUT : v->cut;
	packet_tunnel(p, "erspan", load16(h + 2) & SESSION);
	if (type != FRAME_ETHERNET && type != FRAME_IP)
		return;
	next->table = TABLE_ETHERTYPE;
	next->key = type == FRAME_IP ? ip_type(v) : ETHERTYPE_BRIDGING;
}

enum { D_VERSION, D_VLAN, D_COS, D_TRUNCATED, D_SESSION, D_INDEX, D_TIME, D_TYPE, D_HARDWARE };

static const struct field parts[] = {
	[D_VERSION] =
		FIELD_SHOWN("erspan.version", "Version", "1: type II, 2: type III.", FIELD_U64),
	[D_VLAN] = FIELD_SHOWN("erspan.vlan", "VLAN", "VLAN of the mirrored frame.", FIELD_U64),
	[D_COS] = FIELD_SHOWN("erspan.cos", "Priority", "Its class of service.", FIELD_U64),
	[D_TRUNCATED] = FIELD_SHOWN(
		"erspan.truncated", "Truncated", "Whether the mirrored frame was cut.", FIELD_BOOL),
	[D_SESSION] = FIELD_SHOWN("erspan.spanid", "Session", "Names the mirror.", FIELD_U64),
	[D_INDEX] = FIELD_SHOWN(
		"erspan.index", "Index", "Port that was mirrored, and its direction.", FIELD_ID),
	[D_TIME] = FIELD_SHOWN("erspan.timestamp", "Time", "The mirror's clock.", FIELD_U64),
	[D_TYPE] = FIELD_SHOWN("erspan.ft", "Frame type", "0: Ethernet, 2: IP.", FIELD_U64),
	[D_HARDWARE] = FIELD_SHOWN("erspan.hw", "Hardware", "Which part of the mirror.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, HEADER2);
	unsigned words;

	(void)p;
	(void)side;
	if (!h)
		return;
	words = load16(h + 2);
	tsm_show_u64(s, &parts[D_VERSION], h, 2, h[0] >> 4);
	tsm_show_u64(s, &parts[D_VLAN], h, 2, load16(h) & 0xfffu);
	tsm_show_u64(s, &parts[D_COS], h + 2, 2, words >> 13);
	tsm_show_u64(s, &parts[D_TRUNCATED], h + 2, 2, (words & TRUNCATED) != 0);
	tsm_show_u64(s, &parts[D_SESSION], h + 2, 2, words & SESSION);
	if (h[0] >> 4 == VERSION2) {
		tsm_show_u64(s, &parts[D_INDEX], h + 4, 4, load32(h + 4) & 0xfffffu);
		return;
	}
	h = view_peek(&v, HEADER3);
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_TIME], h + 4, 4, load32(h + 4));
	tsm_show_u64(s, &parts[D_TYPE], h + 10, 2, FRAME_TYPE(h[10]));
	tsm_show_u64(s, &parts[D_HARDWARE], h + 10, 2, load16(h + 10) >> 4 & 0x3fu);
}

static const struct claim erspan_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_ERSPAN},
	{TABLE_ETHERTYPE, ETHERTYPE_ERSPAN3},
	{TABLE_END, 0},
};

TSM_DISSECTOR(erspan) = {
	TSM_HEAD,
	.name = "erspan",
	.title = "Encapsulated Remote Switched Port Analyzer",
	.claims = erspan_claims,
	.fields = parts,
	.layer = erspan_layer,
	.describe = describe,
};
