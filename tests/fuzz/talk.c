/*
 * talk.c - a connection by chunks: the input is a list of chunks of the two streams of one TCP
 * connection, which was set up with a handshake, and of datagrams between the same two, cut
 * wherever it hurts.
 *
 * One byte for the run: 1 to 8 packets a batch; 0x08 no handshake; 0x10 the server's port is the
 * other one of struct fuzz_service; 0x20 each chunk is put behind a record mark, where the service
 * has them. Then for each chunk:
 *   1  0x01 sent by the server; 0x02 the other side acknowledges; 0x04 FIN behind it; 0x08 RST
 *      behind it; 0x10 sent twice; 0x20 cut by the snap length; 0x40 a byte a segment; 0x80 a
 *      datagram, where the service has them
 *   1  time since the chunk before (fuzz_span)
 *   1  bytes that were lost in the capture before it, times 16
 *   2  length, at most 4095; then the bytes
 */
#include "fuzz.h"
#include "api/layer.h"
#include <string.h>

#define CHUNKS_MAX   256u
#define SEGMENTS_MAX 4096u

struct fuzz_service {
	uint16_t port, other; /* of the server; the other one is a second, or says nothing */
	uint16_t client;      /* port of the client */
	bool marks, datagrams;
};

struct connection {
	struct fuzz_engine f;
	const struct fuzz_service *service;
	bool marked;
	uint64_t time;
	uint16_t port;
	uint32_t next[2];
	bool closed[2];
	unsigned segments;
};

/* The ends of a packet of this side, and its payload. */
static void give(struct connection *c, struct packet *p, unsigned side, const uint8_t *payload,
	uint32_t n, uint32_t cut)
{
	static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 80};

	p->time = c->time;
	p->linktype = 1;
	p->flags |= PACKET_IP;
	p->ip_version = 4;
	p->ttl = 64;
	p->src = addr_v4(side ? server : client);
	p->dst = addr_v4(side ? client : server);
	p->sport = side ? c->port : c->service->client;
	p->dport = side ? c->service->client : c->port;
	p->payload = payload;
	p->paylen = n;
	p->paycut = cut;
	p->caplen = 54 + n;
	p->len = p->caplen + cut;
	c->segments++;
	fuzz_engine_packet(&c->f, p);
}

static void send_segment(struct connection *c, unsigned side, uint8_t flags, uint32_t seq,
	const uint8_t *payload, uint32_t n, uint32_t cut)
{
	struct packet p = {.flags = PACKET_TCP, .ip_proto = IP_PROTO_TCP};

	p.tcp_flags = flags;
	p.tcp_seq = seq;
	p.tcp_ack = flags & TCP_ACK ? c->next[!side] : 0;
	p.tcp_window = 0xffff;
	give(c, &p, side, payload, n, cut);
}

static void send_datagrams(struct connection *c, uint8_t what, const uint8_t *payload, uint32_t n)
{
	for (int i = 0; i < (what & 0x10 ? 2 : 1); i++) {
		struct packet p = {.flags = PACKET_UDP, .ip_proto = IP_PROTO_UDP};

		give(c, &p, what & 1, payload, n, what & 0x20 ? 1 + n / 2 : 0);
	}
}

static void handshake(struct connection *c)
{
	send_segment(c, 0, TCP_SYN, c->next[0]++, NULL, 0, 0);
	c->time += 1000000;
	send_segment(c, 1, TCP_SYN | TCP_ACK, c->next[1]++, NULL, 0, 0);
	c->time += 1000000;
	send_segment(c, 0, TCP_ACK, c->next[0], NULL, 0, 0);
}

static void send_bytes(struct connection *c, uint8_t what, const uint8_t *p, uint32_t n)
{
	unsigned side = what & 1;
	uint32_t step = what & 0x40 && n ? 1 : n;
	uint32_t cut = what & 0x20 ? 1 + n / 2 : 0;

	for (uint32_t at = 0; at < n && c->segments < SEGMENTS_MAX; at += step) {
		send_segment(c, side, TCP_ACK, c->next[side], p + at, step, cut);
		if (what & 0x10)
			send_segment(c, side, TCP_ACK, c->next[side], p + at, step, cut);
		c->next[side] += step + cut;
	}
}

static void chunk(struct connection *c, struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	unsigned side = what & 1;
	uint32_t n;
	const uint8_t *p;

	c->time += fuzz_span(fuzz_u8(in));
	if (!c->closed[side])
		c->next[side] += fuzz_u8(in) * 16u;
	else
		(void)fuzz_u8(in);
	n = fuzz_u16(in) & 0xfff;
	p = fuzz_bytes(in, &n);
	if (what & 0x80 && c->service->datagrams) {
		send_datagrams(c, what, p, n);
		return;
	}
	if (c->closed[side])
		return;
	if (c->marked) {
		uint8_t mark[4] = {0x80, 0, (uint8_t)(n >> 8), (uint8_t)n};

		send_bytes(c, what & 0x41, mark, sizeof(mark));
	}
	send_bytes(c, what, p, n);
	if (what & 0x02)
		send_segment(c, !side, TCP_ACK, c->next[!side], NULL, 0, 0);
	if (what & 0x08) {
		send_segment(c, side, TCP_RST | TCP_ACK, c->next[side], NULL, 0, 0);
		c->closed[0] = c->closed[1] = true;
	} else if (what & 0x04) {
		send_segment(c, side, TCP_FIN | TCP_ACK, c->next[side]++, NULL, 0, 0);
		c->closed[side] = true;
	}
}

static int talk(const struct fuzz_service *service, const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	uint8_t run = fuzz_u8(&in);
	struct connection c;

	memset(&c, 0, sizeof(c));
	c.time = FUZZ_START;
	c.service = service;
	c.port = run & 0x10 ? service->other : service->port;
	c.marked = service->marks && run & 0x20;
	c.next[0] = 1000;
	c.next[1] = 0xfffff800u; /* wraps soon */
	fuzz_engine_init(&c.f, 4 * 1024 * 1024, 0, 1 + (run & 7));
	if (!(run & 8))
		handshake(&c);
	for (unsigned i = 0; i < CHUNKS_MAX && c.segments < SEGMENTS_MAX && in.p < in.end; i++)
		chunk(&c, &in);
	fuzz_engine_finish(&c.f);
	return 0;
}

#define SERVICE(name, ...)                                                                         \
	int fuzz_##name(const uint8_t *data, size_t size)                                          \
	{                                                                                          \
		static const struct fuzz_service service = {__VA_ARGS__};                          \
                                                                                                   \
		return talk(&service, data, size);                                                 \
	}
FUZZ_SERVICES(SERVICE)
