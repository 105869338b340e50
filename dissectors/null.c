/*
 * null.c - BSD loopback (tcpdump.org: LINKTYPE_NULL, LINKTYPE_LOOP): an address family in four
 * bytes, of the capturing host's byte order or of the network's.
 *
 * All families are small, so a number above 0xffff is one in the other byte order.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define NULL_HEADER 4u

static void null_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_take(v, NULL_HEADER);
	uint32_t family;

	(void)p;
	if (!h)
		return;
	family = load32(h);
	if (family > 0xffff)
		family = (uint32_t)h[3] << 24 | (uint32_t)h[2] << 16 | (uint32_t)h[1] << 8 | h[0];
	next->table = TABLE_ETHERTYPE;
	switch (family) {
	case 2: /* AF_INET everywhere */
		next->key = ETHERTYPE_IPV4;
		break;
	case 10: /* AF_INET6: Linux, */
	case 23: /* Windows, */
	case 24: /* NetBSD and OpenBSD, */
	case 28: /* FreeBSD, */
	case 30: /* macOS */
		next->key = ETHERTYPE_IPV6;
		break;
	default:
		next->table = TABLE_END;
		break;
	}
}

static const struct field parts[] = {
	FIELD_SHOWN("null.family", "Family", "Address family of the capturing system.", FIELD_ID),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	(void)p;
	(void)side;
	show_be(s, &parts[0], &v, NULL_HEADER);
}

static const struct claim null_claims[] = {
	{TABLE_LINKTYPE, 0},
	{TABLE_LINKTYPE, 108},
	{TABLE_END, 0},
};

TSM_DISSECTOR(null) = {
	TSM_HEAD,
	.name = "null",
	.title = "BSD loopback",
	.claims = null_claims,
	.fields = parts,
	.layer = null_layer,
	.describe = describe,
};
