/*
 * ip.c - IPv4 (RFC 791, 3.1).
 *
 * The total length takes link-layer padding off. 0 is what segmentation offload leaves in packets
 * that this host sends: then the packet is what the frame holds. A packet that claims more than
 * was on the wire is malformed, as no host would accept it. Options are passed over.
 */
#include "dissector.h"
#include "layer.h"

#define IP_HEADER      20u
#define IP_PLAIN       0x45u /* version 4, header of five words */
#define IP_MORE        0x2000u
#define IP_OFFSET_MASK 0x1fffu

/* ::ffff:a.b.c.d in two stores. */
static inline void put_addr(struct addr *to, const uint8_t *v4)
{
	static const uint8_t zero[8];
	uint8_t mapped[8] = {0, 0, 0xff, 0xff};

	memcpy(mapped + 4, v4, 4);
	memcpy(to->b, zero, 8);
	memcpy(to->b + 8, mapped, 8);
}

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
	} else if (total != 0 && !view_trim(v, total)) {
		layer_malformed(v);
	} else {
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
	put_addr(&p->src, h + 12);
	put_addr(&p->dst, h + 16);

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
	.layer = ip_layer,
};
