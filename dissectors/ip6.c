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
	if (h[0] >> 4 != 6 || (length != 0 && !view_trim(v, IP6_HEADER + length))) {
		layer_malformed(v);
		return;
	}
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
	.layer = ip6_layer,
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
	.layer = ip6ext_layer,
};
