/*
 * gue.c - Generic UDP Encapsulation (draft-ietf-intarea-gue-09): an IP protocol behind UDP with a
 * header of its own (variant 0), or IPv4 and IPv6 without any (variant 1).
 *
 * What follows a control message's header is left as payload, as is a variant that is not known.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define GUE_PORT    6080u
#define GUE_HEADER  4u
#define GUE_CONTROL 0x20u /* first byte */
#define GUE_WORDS   0x1fu /* of optional fields behind the header */
#define NO_NEXT     59u   /* an IP protocol that stands for none */

static void carries(struct packet *p, struct next *next, uint8_t proto)
{
	uint32_t ip = layer_ip_ethertype(proto);

	packet_in_udp(p, "gue", proto);
	next->table = ip ? TABLE_ETHERTYPE : TABLE_IP_PROTO;
	next->key = ip ? ip : proto;
}

static void gue_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 1);
	unsigned first = h ? h[0] : 0;

	/* Variant 1: its two bits are the first ones of IPv4's and IPv6's version. */
	if (first >> 4 == 4 || first >> 4 == 6) {
		carries(p, next, first >> 4 == 4 ? IP_PROTO_IPV4 : IP_PROTO_IPV6);
		return;
	}
	if (first >> 6 != 0)
		return;
	h = view_take(v, GUE_HEADER + (first & GUE_WORDS) * 4u);
	if (h && !(first & GUE_CONTROL) && h[1] != NO_NEXT)
		carries(p, next, h[1]);
}

enum { D_VARIANT, D_CONTROL, D_OPTIONAL, D_NEXT, D_FLAGS };

static const struct field parts[] = {
	[D_VARIANT] = FIELD_SHOWN("gue.version", "Variant", "0: with a header.", FIELD_U64),
	[D_CONTROL] = FIELD_SHOWN("gue.control_flag", "Control", "A control message.", FIELD_BOOL),
	[D_OPTIONAL] =
		FIELD_SHOWN("gue.hlen", "Optional", "Bytes of optional fields.", FIELD_BYTES),
	[D_NEXT] = FIELD_SHOWN("gue.proto", "Protocol", "What it carries.", FIELD_U64),
	[D_FLAGS] = FIELD_SHOWN("gue.flags", "Flags", "Which optional fields there are.", FIELD_ID),
	FIELDS_END,
};

/* Variant 1 has no byte of its own, and is not shown. */
static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, GUE_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_VARIANT], h, 1, h[0] >> 6);
	tsm_show_u64(s, &parts[D_CONTROL], h, 1, (h[0] & GUE_CONTROL) != 0);
	tsm_show_u64(s, &parts[D_OPTIONAL], h, 1, (h[0] & GUE_WORDS) * 4u);
	tsm_show_code(
		s, &parts[D_NEXT], h + 1, 1, h[1], h[0] & GUE_CONTROL ? NULL : ip_proto_name(h[1]));
	tsm_show_u64(s, &parts[D_FLAGS], h + 2, 2, load16(h + 2));
}

static const struct claim gue_claims[] = {
	{TABLE_UDP_PORT, GUE_PORT},
	{TABLE_END, 0},
};

TSM_DISSECTOR(gue) = {
	TSM_HEAD,
	.name = "gue",
	.title = "Generic UDP Encapsulation",
	.claims = gue_claims,
	.fields = parts,
	.layer = gue_layer,
	.describe = describe,
};
