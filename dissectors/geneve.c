/*
 * geneve.c - Generic Network Virtualization Encapsulation (RFC 8926, 3.4). Options are passed over.
 *
 * A datagram to its port with another version or reserved bits set is left as payload.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define GENEVE_HEADER   8u
#define GENEVE_VERSION  0xc0u /* first byte; the rest of it is the options' length in words */
#define GENEVE_RESERVED 0x3fu /* second byte */

static void geneve_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, 2);

	if (!h || (h[0] & GENEVE_VERSION) || (h[1] & GENEVE_RESERVED))
		return;
	h = view_take(v, GENEVE_HEADER + (h[0] & ~GENEVE_VERSION) * 4);
	if (!h)
		return;
	packet_tunnel(p, "geneve", load32(h + 4) >> 8);
	next->table = TABLE_ETHERTYPE;
	next->key = load16(h + 2);
}

enum { D_OPTIONS, D_TYPE, D_VNI };

static const struct field parts[] = {
	[D_OPTIONS] =
		FIELD_SHOWN("geneve.option.length", "Options", "Bytes of options.", FIELD_BYTES),
	[D_TYPE] = FIELD_SHOWN(
		"geneve.proto_type", "Protocol", "EtherType of what follows.", FIELD_ID),
	[D_VNI] = FIELD_SHOWN("geneve.vni", "VNI", "Names the network inside.", FIELD_ID),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, GENEVE_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_OPTIONS], h, 1, (h[0] & ~GENEVE_VERSION) * 4u);
	tsm_show_code(s, &parts[D_TYPE], h + 2, 2, load16(h + 2), ethertype_name(load16(h + 2)));
	tsm_show_u64(s, &parts[D_VNI], h + 4, 3, load32(h + 4) >> 8);
}

static const struct claim geneve_claims[] = {
	{TABLE_UDP_PORT, 6081},
	{TABLE_END, 0},
};

TSM_DISSECTOR(geneve) = {
	TSM_HEAD,
	.name = "geneve",
	.title = "Generic Network Virtualization Encapsulation",
	.claims = geneve_claims,
	.fields = parts,
	.layer = geneve_layer,
	.describe = describe,
};
