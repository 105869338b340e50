/*
 * ip.c - IPv4 (RFC 791, 3.1).
 *
 * The total length takes link-layer padding off. 0 is what segmentation offload leaves in packets
 * that this host sends: then the packet is what the frame holds. A packet that claims more than
 * the frame had was cut on its way into the capture. Options are passed over.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define IP_HEADER 20u

static inline void ip_header(
	struct packet *p, struct view *v, struct next *next, const uint8_t *h, size_t header);

/* Any header that is not the usual one: options, no length, cut short, or wrong. */
static __attribute__((noinline)) void ip_unusual(
	struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	size_t header, total;

	if (view_len(v) < IP_HEADER) {
		view_take(v, IP_HEADER);
		return;
	}
	header = (h[0] & 0x0fu) * 4u;
	total = load16(h + 2);
	if (h[0] >> 4 != 4 || header < IP_HEADER || (total < header && total != 0)) {
		layer_malformed(v);
	} else if (header > view_len(v)) {
		view_take(v, header);
	} else {
		if (total != 0)
			layer_ip_length(p, v, h, (uint32_t)total);
		ip_header(p, v, next, h, header);
	}
}

static void ip_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	size_t have = view_len(v), total;

	if (have < IP_HEADER || h[0] != IP_PLAIN) {
		ip_unusual(p, v, next);
		return;
	}
	total = load16(h + 2);
	if (total < IP_HEADER || total > have) {
		ip_unusual(p, v, next);
		return;
	}
	v->end = h + total;
	v->cut = 0;
	ip_header(p, v, next, h, IP_HEADER);
}

static inline void ip_header(
	struct packet *p, struct view *v, struct next *next, const uint8_t *h, size_t header)
{
	uint32_t fragment;

	v->p = h + header;

	p->flags = (uint16_t)((p->flags & ~PACKET_NETWORK) | PACKET_IP);
	p->ip_version = 4;
	p->ecn = h[1] & 3;
	p->ip_id = load16(h + 4);
	p->ttl = h[8];
	p->ip_proto = h[9];
	p->sport = p->dport = 0;
	layer_addr_v4(&p->src, h + 12);
	layer_addr_v4(&p->dst, h + 16);

	fragment = load16(h + 6);
	if (fragment & (IP_MORE | IP_OFFSET_MASK)) {
		p->flags |= PACKET_FRAGMENT;
		p->frag.id = p->ip_id;
		p->frag.offset = (fragment & IP_OFFSET_MASK) * 8;
		p->frag.more = (fragment & IP_MORE) != 0;
		p->frag.proto = p->ip_proto;
		return;
	}
	next->table = TABLE_IP_PROTO;
	next->key = h[9];
}

enum {
	D_VERSION,
	D_HEADER,
	D_DSCP,
	D_ECN,
	D_LENGTH,
	D_ID,
	D_FLAGS,
	D_OFFSET,
	D_TTL,
	D_PROTO,
	D_CHECKSUM,
	D_SRC,
	D_DST,
	D_OPTIONS,
};

static const char *const flag_names[] = {"more_fragments", "dont_fragment", "reserved", NULL};

static const struct field parts[] = {
	[D_VERSION] = FIELD_SHOWN("ip.version", "Version", "4.", FIELD_U64),
	[D_HEADER] = FIELD_SHOWN("ip.hdr_len", "Header", "Bytes of the header.", FIELD_BYTES),
	[D_DSCP] = FIELD_SHOWN("ip.dsfield.dscp", "DSCP", "Differentiated services.", FIELD_U64),
	[D_ECN] = FIELD_SHOWN(
		"ip.dsfield.ecn", "ECN", "Explicit congestion notification.", FIELD_U64),
	[D_LENGTH] = FIELD_SHOWN("ip.len", "Length", "Bytes of the packet.", FIELD_BYTES),
	[D_ID] = FIELD_SHOWN("ip.id", "Identification", "Names a datagram's fragments.", FIELD_ID),
	[D_FLAGS] = FIELD_SHOWN_NAMES(
		"ip.flags", "Flags", "Whether it may be, or is, fragmented.", flag_names),
	[D_OFFSET] = FIELD_SHOWN(
		"ip.frag_offset", "Offset", "Place of this fragment, in bytes.", FIELD_BYTES),
	[D_TTL] = FIELD_SHOWN("ip.ttl", "TTL", "Routers it may still pass.", FIELD_U64),
	[D_PROTO] = FIELD_SHOWN("ip.proto", "Protocol", "What it carries.", FIELD_U64),
	[D_CHECKSUM] = FIELD_SHOWN("ip.checksum", "Checksum", "Checksum of the header.", FIELD_ID),
	[D_SRC] = FIELD_SHOWN("ip.src", "Source", "Address of the sender.", FIELD_IP),
	[D_DST] = FIELD_SHOWN("ip.dst", "Destination", "Address of the receiver.", FIELD_IP),
	[D_OPTIONS] = FIELD_SHOWN("ip.options", "Options", "Bytes of options.", FIELD_BYTES),
	FIELDS_END,
};

static void describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, IP_HEADER);
	unsigned header;

	(void)p;
	(void)side;
	if (!h)
		return;
	header = (h[0] & 0x0fu) * 4u;
	tsm_show_u64(s, &parts[D_VERSION], h, 1, h[0] >> 4);
	tsm_show_u64(s, &parts[D_HEADER], h, 1, header);
	tsm_show_u64(s, &parts[D_DSCP], h + 1, 1, h[1] >> 2);
	tsm_show_code(s, &parts[D_ECN], h + 1, 1, h[1] & 3, (h[1] & 3) == 3 ? "congestion" : NULL);
	tsm_show_u64(s, &parts[D_LENGTH], h + 2, 2, load16(h + 2));
	tsm_show_u64(s, &parts[D_ID], h + 4, 2, load16(h + 4));
	tsm_show_u64(s, &parts[D_FLAGS], h + 6, 1, h[6] >> 5);
	tsm_show_u64(s, &parts[D_OFFSET], h + 6, 2, (load16(h + 6) & IP_OFFSET_MASK) * 8u);
	tsm_show_u64(s, &parts[D_TTL], h + 8, 1, h[8]);
	tsm_show_code(s, &parts[D_PROTO], h + 9, 1, h[9], ip_proto_name(h[9]));
	tsm_show_u64(s, &parts[D_CHECKSUM], h + 10, 2, load16(h + 10));
	tsm_show_ip(s, &parts[D_SRC], h + 12, 4);
	tsm_show_ip(s, &parts[D_DST], h + 16, 4);
	if (header > IP_HEADER && view_len(&v) >= header)
		tsm_show_u64(s, &parts[D_OPTIONS], h + IP_HEADER, header - IP_HEADER,
			header - IP_HEADER);
}

static const struct claim ip_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_IPV4},
	{TABLE_LINKTYPE, 228},
	{TABLE_PPP, 0x0021},
	{TABLE_END, 0},
};

TSM_DISSECTOR(ip) = {
	TSM_HEAD,
	.name = "ip",
	.title = "Internet Protocol version 4",
	.claims = ip_claims,
	.fields = parts,
	.layer = ip_layer,
	.describe = describe,
};
