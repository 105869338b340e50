/*
 * ip6.c - IPv6 (RFC 8200) and its extension headers, with the authentication header (RFC 4302),
 * which IPv4 may carry too.
 *
 * A payload length of 0 is a jumbogram (RFC 2675) or what segmentation offload leaves: then the
 * packet is what the frame holds. Extension headers are a layer of their own, as they may also come
 * behind a fragment header of a datagram that was put together again; it reads as many as follow
 * one another, beginning with p->ip_proto. Each is at least 8 bytes, so a packet's length bounds
 * it.
 */
#include "dissector.h"
#include "layer.h"
#include "show.h"

#define IP6_HEADER 40u

enum {
	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_AUTH = 51,
	EXT_DESTINATION = 60,
	EXT_MOBILITY = 135,
	EXT_HIP = 139,
	EXT_SHIM6 = 140,
};

#define EXT_MIN              8u
#define FRAGMENT_HEADER      8u
#define FRAGMENT_OFFSET_MASK 0xfff8u /* in place: units of 8 bytes */
#define FRAGMENT_MORE        0x0001u

static void ip6_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	uint32_t length;

	if (view_len(v) < IP6_HEADER) {
		view_take(v, IP6_HEADER);
		return;
	}
	length = load16(h + 4);
	if (h[0] >> 4 != 6) {
		layer_malformed(v);
		return;
	}
	if (length != 0)
		layer_ip_length(p, v, h, IP6_HEADER + length);
	v->p = h + IP6_HEADER;
	p->flags = (uint16_t)((p->flags & ~PACKET_NETWORK) | PACKET_IP);
	p->ip_version = 6;
	p->ecn = h[1] >> 4 & 3;
	p->ip_id = 0;
	p->ip_proto = h[6];
	p->ttl = h[7];
	p->sport = p->dport = 0;
	memcpy(p->src.b, h + 8, 16);
	memcpy(p->dst.b, h + 24, 16);
	next->table = TABLE_IP_PROTO;
	next->key = h[6];
}

/* A fragment's header; false where the packet is whole all the same (RFC 6946). */
static bool read_fragment(struct packet *p, const uint8_t *h)
{
	unsigned offset = load16(h + 2);

	if (!(offset & (FRAGMENT_OFFSET_MASK | FRAGMENT_MORE)))
		return false;
	p->flags |= PACKET_FRAGMENT;
	p->frag.id = load32(h + 4);
	p->frag.offset = offset & FRAGMENT_OFFSET_MASK;
	p->frag.more = (offset & FRAGMENT_MORE) != 0;
	p->frag.proto = h[0];
	return true;
}

/* The length of the extension header at the front of the view; 0: another protocol begins. */
static size_t extension_length(const struct packet *p, uint8_t proto, const struct view *v)
{
	const uint8_t *h = view_peek(v, 2);

	if (proto == EXT_AUTH)
		return h ? (h[1] + 2u) * 4u : EXT_MIN;
	if (p->ip_version != 6)
		return 0; /* these numbers are IPv6's */
	switch (proto) {
	case EXT_HOP_BY_HOP:
	case EXT_ROUTING:
	case EXT_DESTINATION:
	case EXT_MOBILITY:
	case EXT_HIP:
	case EXT_SHIM6:
		return h ? (h[1] + 1u) * 8u : EXT_MIN;
	case EXT_FRAGMENT:
		return FRAGMENT_HEADER;
	default:
		return 0;
	}
}

static void ip6ext_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *start = v->p;
	uint8_t proto = p->ip_proto;
	size_t length;

	while ((length = extension_length(p, proto, v)) != 0) {
		const uint8_t *h = view_take(v, length);

		if (!h)
			return;
		if (proto == EXT_FRAGMENT && read_fragment(p, h)) {
			p->ip_proto = h[0];
			return;
		}
		proto = h[0];
	}
	if (v->p == start)
		return; /* not an extension header in IPv4: payload */
	p->ip_proto = proto;
	next->table = TABLE_IP_PROTO;
	next->key = proto;
}

enum { D_VERSION, D_DSCP, D_ECN, D_FLOW, D_LENGTH, D_NEXT, D_HOPS, D_SRC, D_DST };

static const struct field ip6_parts[] = {
	[D_VERSION] = FIELD_SHOWN("ipv6.version", "Version", "6.", FIELD_U64),
	[D_DSCP] = FIELD_SHOWN("ipv6.tclass.dscp", "DSCP", "Differentiated services.", FIELD_U64),
	[D_ECN] = FIELD_SHOWN(
		"ipv6.tclass.ecn", "ECN", "Explicit congestion notification.", FIELD_U64),
	[D_FLOW] = FIELD_SHOWN("ipv6.flow", "Flow label", "Chosen by the sender.", FIELD_ID),
	[D_LENGTH] = FIELD_SHOWN("ipv6.plen", "Length", "Bytes behind this header.", FIELD_BYTES),
	[D_NEXT] = FIELD_SHOWN("ipv6.nxt", "Next header", "What follows.", FIELD_U64),
	[D_HOPS] = FIELD_SHOWN("ipv6.hlim", "Hop limit", "Routers it may still pass.", FIELD_U64),
	[D_SRC] = FIELD_SHOWN("ipv6.src", "Source", "Address of the sender.", FIELD_IP),
	[D_DST] = FIELD_SHOWN("ipv6.dst", "Destination", "Address of the receiver.", FIELD_IP),
	FIELDS_END,
};

static void ip6_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	const uint8_t *h = view_peek(&v, IP6_HEADER);

	(void)p;
	(void)side;
	if (!h)
		return;
	tsm_show_u64(s, &ip6_parts[D_VERSION], h, 1, h[0] >> 4);
	tsm_show_u64(s, &ip6_parts[D_DSCP], h, 4, (load16(h) >> 4 & 0xffu) >> 2);
	tsm_show_u64(s, &ip6_parts[D_ECN], h, 4, load16(h) >> 4 & 3u);
	tsm_show_u64(s, &ip6_parts[D_FLOW], h + 1, 3, load32(h) & 0xfffffu);
	tsm_show_u64(s, &ip6_parts[D_LENGTH], h + 4, 2, load16(h + 4));
	tsm_show_code(s, &ip6_parts[D_NEXT], h + 6, 1, h[6], ip_proto_name(h[6]));
	tsm_show_u64(s, &ip6_parts[D_HOPS], h + 7, 1, h[7]);
	tsm_show_ip(s, &ip6_parts[D_SRC], h + 8, 16);
	tsm_show_ip(s, &ip6_parts[D_DST], h + 24, 16);
}

enum { D_EXT_NEXT, D_EXT_LENGTH, D_FRAG_OFFSET, D_FRAG_MORE, D_FRAG_ID };

static const struct field ext_parts[] = {
	[D_EXT_NEXT] = FIELD_SHOWN("ipv6.ext.nxt", "Next header", "What follows.", FIELD_U64),
	[D_EXT_LENGTH] =
		FIELD_SHOWN("ipv6.ext.len", "Length", "Bytes of this header.", FIELD_BYTES),
	[D_FRAG_OFFSET] = FIELD_SHOWN(
		"ipv6.fraghdr.offset", "Offset", "Place of this fragment, in bytes.", FIELD_BYTES),
	[D_FRAG_MORE] =
		FIELD_SHOWN("ipv6.fraghdr.more", "More", "More fragments follow.", FIELD_BOOL),
	[D_FRAG_ID] = FIELD_SHOWN(
		"ipv6.fraghdr.ident", "Identification", "Names a datagram's fragments.", FIELD_ID),
	FIELDS_END,
};

static void ext_describe(struct show *s, const struct packet *p, enum side side, struct view v)
{
	unsigned kind = p->ip_version == 6 ? EXT_HOP_BY_HOP : EXT_AUTH;
	const uint8_t *h;

	(void)side;
	/* Only the first one's kind is not said: in IPv4 there is but one that it can be, a
	   fragment header of 8 bytes is read like the others, and is the last. */
	while (view_len(&v) >= EXT_MIN) {
		size_t left = view_len(&v);
		size_t length = kind == EXT_AUTH ? (v.p[1] + 2u) * 4u : (v.p[1] + 1u) * 8u;
		bool fragment = p->flags & PACKET_FRAGMENT && left == FRAGMENT_HEADER;

		if (length > left)
			length = left;
		h = view_take(&v, fragment ? FRAGMENT_HEADER : length);
		tsm_show_group(
			s, fragment ? "Fragment header" : "Extension header", h, (size_t)(v.p - h));
		tsm_show_code(s, &ext_parts[D_EXT_NEXT], h, 1, h[0], ip_proto_name(h[0]));
		if (fragment) {
			tsm_show_u64(s, &ext_parts[D_FRAG_OFFSET], h + 2, 2,
				load16(h + 2) & FRAGMENT_OFFSET_MASK);
			tsm_show_u64(s, &ext_parts[D_FRAG_MORE], h + 2, 2,
				load16(h + 2) & FRAGMENT_MORE);
			tsm_show_u64(s, &ext_parts[D_FRAG_ID], h + 4, 4, load32(h + 4));
		} else {
			tsm_show_u64(s, &ext_parts[D_EXT_LENGTH], h + 1, 1, length);
		}
		tsm_show_end(s);
		kind = h[0];
	}
}

static const struct claim ip6_claims[] = {
	{TABLE_ETHERTYPE, ETHERTYPE_IPV6},
	{TABLE_LINKTYPE, 229},
	{TABLE_PPP, 0x0057},
	{TABLE_END, 0},
};

TSM_DISSECTOR(ip6) = {
	TSM_HEAD,
	.name = "ip6",
	.title = "Internet Protocol version 6",
	.claims = ip6_claims,
	.fields = ip6_parts,
	.layer = ip6_layer,
	.describe = ip6_describe,
};

static const struct claim ip6ext_claims[] = {
	{TABLE_IP_PROTO, EXT_HOP_BY_HOP},
	{TABLE_IP_PROTO, EXT_ROUTING},
	{TABLE_IP_PROTO, EXT_FRAGMENT},
	{TABLE_IP_PROTO, EXT_AUTH},
	{TABLE_IP_PROTO, EXT_DESTINATION},
	{TABLE_IP_PROTO, EXT_MOBILITY},
	{TABLE_IP_PROTO, EXT_HIP},
	{TABLE_IP_PROTO, EXT_SHIM6},
	{TABLE_END, 0},
};

TSM_DISSECTOR(ip6ext) = {
	TSM_HEAD,
	.name = "ip6ext",
	.title = "IPv6 extension headers",
	.claims = ip6ext_claims,
	.fields = ext_parts,
	.layer = ip6ext_layer,
	.describe = ext_describe,
};
