/*
 * nsh.c - Network Service Header (RFC 8300, 2): the path of a packet through service functions.
 * What it carries along is passed over.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define NSH_LEAST 8u    /* base header and service path header */
#define NSH_OAM   0x20u /* first byte: about the path itself */
#define NSH_WORDS 0x3fu /* second byte: length in words */

static void nsh_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = view_peek(v, NSH_LEAST);
	unsigned length;

	(void)p;
	if (!h) {
		view_take(v, NSH_LEAST);
		return;
	}
	length = (h[1] & NSH_WORDS) * 4u;
	if (h[0] >> 6 != 0 || length < NSH_LEAST) {
		layer_malformed(v);
		return;
	}
	if (!view_take(v, length) || h[0] & NSH_OAM)
		return;
	next->table = TABLE_ETHERTYPE;
	next->key = layer_next_protocol(h[3]);
}

enum { D_LENGTH, D_TTL, D_METADATA, D_NEXT, D_PATH, D_INDEX };

static const struct field parts[] = {
	[D_LENGTH] = FIELD_SHOWN("nsh.length", "Length", "Bytes of the header.", FIELD_BYTES),
	[D_TTL] = FIELD_SHOWN("nsh.ttl", "TTL", "Forwarders it may still pass.", FIELD_U64),
	[D_METADATA] = FIELD_SHOWN("nsh.mdtype", "Metadata", "Kind of what is behind.", FIELD_U64),
	[D_NEXT] = FIELD_SHOWN("nsh.nextproto", "Next", "What it carries.", FIELD_U64),
	[D_PATH] = FIELD_SHOWN("nsh.spi", "Path", "Names the service path.", FIELD_U64),
	[D_INDEX] = FIELD_SHOWN("nsh.si", "Index", "Place on the path.", FIELD_U64),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, NSH_LEAST);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &parts[D_TTL], h, 2, load16(h) >> 6 & 0x3fu);
	tsm_show_u64(s, &parts[D_LENGTH], h + 1, 1, (h[1] & NSH_WORDS) * 4u);
	tsm_show_u64(s, &parts[D_METADATA], h + 2, 1, h[2] & 0x0fu);
	tsm_show_code(s, &parts[D_NEXT], h + 3, 1, h[3], ethertype_name(layer_next_protocol(h[3])));
	tsm_show_u64(s, &parts[D_PATH], h + 4, 3, load32(h + 4) >> 8);
	tsm_show_u64(s, &parts[D_INDEX], h + 7, 1, h[7]);
}

static const struct claim nsh_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_NSH},
	{TABLE_END, 0},
};

TSM_DISSECTOR(nsh) = {
	TSM_HEAD,
	.name = "nsh",
	.title = "Network Service Header",
	.claims = nsh_claims,
	.fields = parts,
	.layer = nsh_layer,
	.describe = describe,
};
