/*
 * pppoe.c - PPP over Ethernet (RFC 2516), PPP (RFC 1661) with its HDLC-like framing (RFC 1662), and
 * Cisco HDLC, which serial captures mix with it.
 *
 * PPP is found in PPPoE sessions, in GRE of PPTP (EtherType 0x880b) and as a link type.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define PPPOE_HEADER  6u
#define PPPOE_VERSION 0x11u /* version 1, type 1 */

/* HDLC addresses (first byte of a frame). */
#define HDLC_PPP         0xffu /* all stations; control 0x03 follows (RFC 1662, 3.1) */
#define HDLC_CISCO       0x0fu /* unicast; control 0x00 and an EtherType follow */
#define HDLC_CISCO_MULTI 0x8fu

static void pppoe_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, PPPOE_HEADER);

	(void)p;
	if (!h)
		return;
	/* Sessions carry code 0; the length leaves Ethernet's padding out. */
	if (h[0] != PPPOE_VERSION || h[1] != 0 || !view_trim(v, load16(h + 4))) {
		v->p = h;
		layer_malformed(v);
		return;
	}
	next->table = TABLE_ETHERTYPE;
	next->key = ETHERTYPE_PPP;
}

/* Discovery (PADI to PADT) carries tags and no packets: its header is checked, the rest is payload.
 */
static void pppoed_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, PPPOE_HEADER);

	(void)p;
	(void)next;
	if (h && (h[0] != PPPOE_VERSION || !view_trim(v, load16(h + 4)))) {
		v->p = h;
		layer_malformed(v);
	}
}

static void ppp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 2);

	(void)p;
	if (h && h[0] == HDLC_PPP && h[1] == 0x03) {
		view_take(v, 2);
		h = view_peek(v, 2);
	} else if (h && (h[0] == HDLC_CISCO || h[0] == HDLC_CISCO_MULTI) && h[1] == 0) {
		h = view_take(v, 4);
		if (!h)
			return;
		next->table = TABLE_ETHERTYPE;
		next->key = load16(h + 2);
		return;
	}
	/* The protocol's last byte is odd; one byte alone where the field is compressed (RFC 1661,
	   6.5). */
	if (!h) {
		view_take(v, 2);
		return;
	}
	next->table = TABLE_PPP;
	next->key = h[0] & 1 ? h[0] : load16(h);
	view_take(v, h[0] & 1 ? 1 : 2);
}

enum { D_CODE, D_SESSION, D_LENGTH, D_PPP };

static const struct field parts[] = {
	[D_CODE] = FIELD_SHOWN("pppoe.code", "Code", "0: a session's packet.", FIELD_ID),
	[D_SESSION] = FIELD_SHOWN("pppoe.session_id", "Session", "Names the session.", FIELD_ID),
	[D_LENGTH] =
		FIELD_SHOWN("pppoe.payload_length", "Length", "Bytes that follow.", FIELD_BYTES),
	[D_PPP] =
		FIELD_SHOWN("ppp.protocol", "Protocol", "PPP's number of what follows.", FIELD_ID),
	FIELDS_END,
};

static void pppoe_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	(void)view_take(&v, 1);
	show_be(s, &parts[D_CODE], &v, 1);
	show_be(s, &parts[D_SESSION], &v, 2);
	show_be(s, &parts[D_LENGTH], &v, 2);
}

static void ppp_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, 2);

	(void)p;
	(void)side;
	if (h && (h[0] == HDLC_PPP || h[0] == HDLC_CISCO || h[0] == HDLC_CISCO_MULTI))
		(void)view_take(&v, 2);
	h = view_peek(&v, 1);
	if (h)
		show_be(s, &parts[D_PPP], &v, h[0] & 1 ? 1 : 2);
}

static const struct claim pppoe_claims[] = {
	{TABLE_ETHERTYPE, 0x8864},
	{TABLE_LINKTYPE, 51},
	{TABLE_END, 0},
};

TSM_DISSECTOR(pppoe) = {
	TSM_HEAD,
	.name = "pppoe",
	.title = "PPP over Ethernet session",
	.claims = pppoe_claims,
	.fields = parts,
	.layer = pppoe_layer,
	.describe = pppoe_describe,
};

static const struct claim pppoed_claims[] = {{TABLE_ETHERTYPE, 0x8863}, {TABLE_END, 0}};

TSM_DISSECTOR(pppoed) = {
	TSM_HEAD,
	.name = "pppoed",
	.title = "PPP over Ethernet discovery",
	.claims = pppoed_claims,
	.fields = parts,
	.layer = pppoed_layer,
	.describe = pppoe_describe,
};

static const struct claim ppp_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_PPP},
	{TABLE_LINKTYPE, 9},
	{TABLE_LINKTYPE, 50},
	{TABLE_LINKTYPE, 104},
	{TABLE_END, 0},
};

TSM_DISSECTOR(ppp) = {
	TSM_HEAD,
	.name = "ppp",
	.title = "Point-to-Point Protocol",
	.claims = ppp_claims,
	.fields = parts,
	.layer = ppp_layer,
	.describe = ppp_describe,
};
