/*
 * gre.c - Generic Routing Encapsulation: version 0 (RFC 2784, RFC 2890), inside UDP too (RFC 8086),
 * version 1 of PPTP (RFC 2637), and Ethernet frames that switches mirror in it (ERSPAN type I,
 * draft-foschiano-erspan-03; erspan.c has the others).
 *
 * The key tells tunnels apart; PPTP's call id does not, as each direction has its own.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define GRE_HEADER 4u
#define GRE_PORT   4754u

/* Flags and version: the first two bytes. */
#define GRE_CHECKSUM 0x8000u
#define GRE_ROUTING  0x4000u /* RFC 1701; gone since RFC 2784 */
#define GRE_KEY      0x2000u
#define GRE_SEQUENCE 0x1000u
#define GRE_ACK      0x0080u /* version 1 */
#define GRE_VERSION  0x0007u

static void pptp(struct packet *p, struct view *v, struct next *next, const uint8_t *h)
{
	unsigned flags = load16(h);
	const uint8_t *key;

	if (load16(h + 2) != ETHERTYPE_PPP || !(flags & GRE_KEY)) {
		v->p = h;
		layer_malformed(v);
		return;
	}
	key = view_take(v, 4);
	view_take(v, (flags & GRE_SEQUENCE ? 4 : 0) + (flags & GRE_ACK ? 4 : 0));
	if (v->bad)
		return;
	if (!view_trim(v, load16(key))) {
		v->p = h;
		layer_malformed(v);
		return;
	}
	packet_tunnel(p, "pptp", 0);
	/* Without a sequence number there is no payload, only an acknowledgement. */
	if (flags & GRE_SEQUENCE) {
		next->table = TABLE_ETHERTYPE;
		next->key = ETHERTYPE_PPP;
	}
}

static void gre_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, GRE_HEADER);
	const uint8_t *key = NULL;
	unsigned flags, proto;

	if (!h)
		return;
	flags = load16(h);
	proto = load16(h + 2);
	if ((flags & GRE_VERSION) == 1 && !(p->flags & PACKET_UDP)) {
		pptp(p, v, next, h);
		return;
	}
	if ((flags & GRE_VERSION) != 0 || (flags & GRE_ROUTING))
		return; /* nobody's any more: payload */
	if (flags & GRE_CHECKSUM)
		view_take(v, 4);
	if (flags & GRE_KEY)
		key = view_take(v, 4);
	if (flags & GRE_SEQUENCE)
		view_take(v, 4);
	if (v->bad)
		return;
	next->table = TABLE_ETHERTYPE;
	next->key = proto;
	/* ERSPAN is a tunnel of its own; type I has no header but this one, without a number. */
	if (proto == ETHERTYPE_ERSPAN3 || (proto == ETHERTYPE_ERSPAN && (flags & GRE_SEQUENCE)))
		return;
	packet_tunnel(p, proto == ETHERTYPE_ERSPAN ? "erspan" : "gre", key ? load32(key) : 0);
	if (proto == ETHERTYPE_ERSPAN)
		next->key = ETHERTYPE_BRIDGING;
}

enum { D_FLAGS, D_PROTO, D_KEY, D_CALL, D_SEQUENCE, D_ACK };

static const struct field parts[] = {
	[D_FLAGS] = FIELD_SHOWN("gre.flags_and_version", "Flags", "Flags and version.", FIELD_ID),
	[D_PROTO] = FIELD_SHOWN("gre.proto", "Protocol", "EtherType of what follows.", FIELD_ID),
	[D_KEY] = FIELD_SHOWN("gre.key", "Key", "Names the tunnel.", FIELD_ID),
	[D_CALL] =
		FIELD_SHOWN("gre.key.call_id", "Call", "PPTP's call of the receiver.", FIELD_U64),
	[D_SEQUENCE] =
		FIELD_SHOWN("gre.sequence_number", "Sequence", "Number of the packet.", FIELD_U64),
	[D_ACK] = FIELD_SHOWN(
		"gre.ack_number", "Acknowledged", "Number of the last packet seen.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, GRE_HEADER);
	unsigned flags, version;

	(void)p;
	(void)side;
	if (!h)
		return;
	flags = load16(h);
	version = flags & GRE_VERSION;
	show_be(s, &parts[D_FLAGS], &v, 2);
	tsm_show_code(s, &parts[D_PROTO], h + 2, 2, load16(h + 2), ethertype_name(load16(h + 2)));
	(void)view_take(&v, version == 0 && flags & GRE_CHECKSUM ? 6 : 2);
	if (flags & GRE_KEY && version == 1) {
		(void)view_take(&v, 2);
		show_be(s, &parts[D_CALL], &v, 2);
	} else if (flags & GRE_KEY) {
		show_be(s, &parts[D_KEY], &v, 4);
	}
	if (flags & GRE_SEQUENCE)
		show_be(s, &parts[D_SEQUENCE], &v, 4);
	if (version == 1 && flags & GRE_ACK)
		show_be(s, &parts[D_ACK], &v, 4);
}

static const struct claim gre_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_GRE},
	{TABLE_UDP_PORT, GRE_PORT},
	{TABLE_END, 0},
};

TSM_DISSECTOR(gre) = {
	TSM_HEAD,
	.name = "gre",
	.title = "Generic Routing Encapsulation",
	.claims = gre_claims,
	.fields = parts,
	.layer = gre_layer,
	.describe = describe,
};
