/*
 * fastpath.h - the frame that nearly every one is, read in one step: Ethernet, at most one VLAN
 * tag, IPv4 without options or fragments, TCP with no option but timestamps, or UDP.
 *
 * It says what the dissectors of these layers say one after the other, and is only a shorter way
 * there: whatever is cut, wrong, or anything else is left to them. For layers.c and the reader.
 */
#ifndef TSUMARI_CORE_FASTPATH_H
#define TSUMARI_CORE_FASTPATH_H

#include "api/layer.h"
#include "core/registry.h"

#define PLAIN_ETH   14u
#define PLAIN_VLAN  4u
#define PLAIN_IP    20u
#define PLAIN_TCP   20u
#define PLAIN_TIMES 12u /* TCP_TIMES_ALIGNED and the times */
#define PLAIN_UDP   8u

/* h: the segment, of which n bytes are there, not less than a header. */
static inline bool plain_tcp(struct packet *p, const uint8_t *h, uint32_t n)
{
	uint32_t header = (uint32_t)h[12] >> 4 << 2;

	p->tcp_tsval = 0;
	p->tcp_opts = 0;
	if (header == PLAIN_TCP + PLAIN_TIMES && header <= n &&
		load32(h + PLAIN_TCP) == TCP_TIMES_ALIGNED) {
		p->tcp_opts = TCP_OPT_TIMES;
		p->tcp_tsval = load32(h + PLAIN_TCP + 4);
		p->tcp_tsecr = load32(h + PLAIN_TCP + 8);
	} else if (header != PLAIN_TCP) {
		return false;
	}
	p->flags = PACKET_MAC | PACKET_IP | PACKET_TCP;
	p->tcp_seq = load32(h + 4);
	p->tcp_ack = load32(h + 8);
	p->tcp_flags = h[13];
	p->tcp_window = load16(h + 14);
	p->tcp_nsack = 0;
	p->tcp_header = (uint8_t)header;
	p->payload = h + header;
	p->paylen = n - header;
	return true;
}

static inline bool plain_udp(struct packet *p, const uint8_t *h, uint32_t n)
{
	uint32_t length = load16(h + 4);

	if (length == 0)
		length = n;
	if (length < PLAIN_UDP || length > n || registry_maybe_tunnel(load16(h), load16(h + 2)))
		return false;
	p->flags = PACKET_MAC | PACKET_IP | PACKET_UDP;
	p->payload = h + PLAIN_UDP;
	p->paylen = length - PLAIN_UDP;
	return true;
}

/* n bytes at h, not less than a header, follow an EtherType of IPv4. */
static inline bool plain_ip(struct packet *p, const uint8_t *h, uint32_t n)
{
	uint32_t total = load16(h + 2);

	if (h[0] != IP_PLAIN || load16(h + 6) & (IP_MORE | IP_OFFSET_MASK) || total > n)
		return false;
	if (h[9] == IP_PROTO_TCP) {
		if (total < PLAIN_IP + PLAIN_TCP || !plain_tcp(p, h + PLAIN_IP, total - PLAIN_IP))
			return false;
	} else if (h[9] == IP_PROTO_UDP) {
		if (total < PLAIN_IP + PLAIN_UDP || !plain_udp(p, h + PLAIN_IP, total - PLAIN_IP))
			return false;
	} else {
		return false;
	}
	p->ip_version = 4;
	p->ip_proto = h[9];
	p->ecn = h[1] & 3;
	p->ip_id = load16(h + 4);
	p->ttl = h[8];
	layer_addr_v4(&p->src, h + 12);
	layer_addr_v4(&p->dst, h + 16);
	p->sport = load16(h + PLAIN_IP);
	p->dport = load16(h + PLAIN_IP + 2);
	p->paycut = 0;
	return true;
}

/* False: the frame is left to the layers, each of which sets all that it says. */
static inline bool plain_frame(struct packet *p)
{
	const uint8_t *h = p->data;
	uint32_t header = PLAIN_ETH;
	unsigned type;

	if (!registry_chain.plain || p->linktype != 1 ||
		p->caplen < PLAIN_ETH + PLAIN_VLAN + PLAIN_IP)
		return false;
	type = load16(h + 12);
	p->nvlan = 0;
	if (type == ETHERTYPE_VLAN) {
		p->vlan[0] = load16(h + PLAIN_ETH) & 0xfffu;
		p->nvlan = p->vlan[0] != 0;
		type = load16(h + PLAIN_ETH + 2);
		header += PLAIN_VLAN;
	}
	if (type != ETHERTYPE_IPV4 || !plain_ip(p, h + header, p->caplen - header))
		return false;
	p->depth = (uint8_t)(header == PLAIN_ETH ? 3 : 4);
	p->tunnel = 0;
	p->tunnel_kind = NULL;
	p->mac_dst = h;
	p->mac_src = h + 6;
	return true;
}

#endif
