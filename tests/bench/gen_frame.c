/*
 * Frames for bench-gen: Ethernet II, IPv4 without options (RFC 791), TCP (RFC 9293) and UDP
 * (RFC 768), with correct checksums, padded to the Ethernet minimum.
 */
#include "gen.h"

#include <string.h>

enum { ETH_LEN = 14, IP_LEN = 20, UDP_LEN = 8, TCP_LEN = 20, PROTO_TCP = 6, PROTO_UDP = 17 };

struct endpoint endpoint_at(struct sim *sim, uint32_t addr, uint32_t port, uint8_t ttl)
{
	return (struct endpoint){
		.addr = addr, .port = (uint16_t)port, .ttl = ttl, .ip_id = (uint16_t)rnd(sim)};
}

void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

/* Ones' complement sums do not mind the byte order (RFC 1071), so native loads do. */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *p, size_t len)
{
	uint32_t tail = 0;

	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		sum += word;
	}
	memcpy(&tail, p, len);
	return sum + tail;
}

static void put_checksum(uint8_t *p, uint64_t sum)
{
	uint16_t folded;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	folded = (uint16_t)~sum;
	memcpy(p, &folded, 2);
}

/* The sum over the pseudo header (both addresses, protocol, length) and the segment. */
static uint64_t sum_segment(const uint8_t *ip, uint8_t proto, const uint8_t *p, size_t len)
{
	const uint8_t tail[4] = {0, proto, (uint8_t)(len >> 8), (uint8_t)len};

	return sum_bytes(sum_bytes(sum_bytes(0, ip + 12, 8), tail, 4), p, len);
}

/* A locally administered address that ends in the IP address. */
static void put_mac(uint8_t *p, uint32_t addr)
{
	put_be16(p, 0x0200);
	put_be32(p + 2, addr);
}

static void put_lower_layers(
	uint8_t *frame, struct endpoint *src, const struct endpoint *dst, uint8_t proto, size_t len)
{
	uint8_t *ip = frame + ETH_LEN;

	put_mac(frame, dst->addr);
	put_mac(frame + 6, src->addr);
	put_be16(frame + 12, 0x0800);
	put_be16(ip, 0x4500);
	put_be16(ip + 2, (uint32_t)(IP_LEN + len));
	put_be16(ip + 4, src->ip_id++);
	put_be16(ip + 6, 0x4000); /* don't fragment */
	ip[8] = src->ttl;
	ip[9] = proto;
	put_be16(ip + 10, 0);
	put_be32(ip + 12, src->addr);
	put_be32(ip + 16, dst->addr);
	put_checksum(ip + 10, sum_bytes(0, ip, IP_LEN));
}

static size_t pad(uint8_t *frame, size_t len)
{
	if (len >= FRAME_MIN)
		return len;
	memset(frame + len, 0, FRAME_MIN - len);
	return FRAME_MIN;
}

uint8_t *frame_tcp_payload(uint8_t *frame, const struct tcp_header *tcp)
{
	return frame + ETH_LEN + IP_LEN + TCP_LEN + tcp->options_len;
}

uint8_t *frame_udp_payload(uint8_t *frame)
{
	return frame + ETH_LEN + IP_LEN + UDP_LEN;
}

size_t frame_tcp(uint8_t *frame, struct endpoint *src, const struct endpoint *dst,
	const struct tcp_header *tcp, size_t payload_len)
{
	const size_t header = TCP_LEN + (size_t)tcp->options_len, len = header + payload_len;
	uint8_t *p = frame + ETH_LEN + IP_LEN;

	put_lower_layers(frame, src, dst, PROTO_TCP, len);
	put_be16(p, src->port);
	put_be16(p + 2, dst->port);
	put_be32(p + 4, tcp->seq);
	put_be32(p + 8, tcp->ack);
	p[12] = (uint8_t)(header / 4 << 4);
	p[13] = tcp->flags;
	put_be16(p + 14, tcp->window);
	put_be32(p + 16, 0); /* checksum, urgent pointer */
	memcpy(p + TCP_LEN, tcp->options, tcp->options_len);
	put_checksum(p + 16, sum_segment(frame + ETH_LEN, PROTO_TCP, p, len));
	return pad(frame, ETH_LEN + IP_LEN + len);
}

size_t frame_udp(
	uint8_t *frame, struct endpoint *src, const struct endpoint *dst, size_t payload_len)
{
	const size_t len = UDP_LEN + payload_len;
	uint8_t *p = frame + ETH_LEN + IP_LEN;

	put_lower_layers(frame, src, dst, PROTO_UDP, len);
	put_be16(p, src->port);
	put_be16(p + 2, dst->port);
	put_be16(p + 4, (uint32_t)len);
	put_be16(p + 6, 0);
	put_checksum(p + 6, sum_segment(frame + ETH_LEN, PROTO_UDP, p, len));
	if (!p[6] && !p[7])
		put_be16(p + 6, 0xffff); /* zero would say: no checksum */
	return pad(frame, ETH_LEN + IP_LEN + len);
}
