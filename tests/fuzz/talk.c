/*
 * talk.c - a TCP connection by chunks: the input is a list of chunks of the two streams of one
 * connection to a port, which was set up with a handshake, cut wherever it hurts.
 *
 * One byte for the run: 1 to 8 packets a batch; 0x08 no handshake; 0x10 the server's port is not
 * the service's, so that only the bytes say what it is. Then for each chunk:
 *   1  0x01 sent by the server; 0x02 the other side acknowledges; 0x04 FIN behind it; 0x08 RST
 *      behind it; 0x10 sent twice; 0x20 cut by the snap length; 0x40 a byte a segment
 *   1  time since the chunk before (fuzz_span)
 *   1  bytes that were lost in the capture before it, times 16
 *   2  length, at most 4095; then the bytes
 */
#include "fuzz.h"
#include <string.h>

#define CHUNKS_MAX   256u
#define SEGMENTS_MAX 4096u

struct connection {
	struct fuzz_engine f;
	uint64_t time;
	uint16_t port;
	uint32_t next[2];
	bool closed[2];
	unsigned segments;
};

static void send_segment(struct connection *c, unsigned side, uint8_t flags, uint32_t seq,
	const uint8_t *payload, uint32_t n, uint32_t cut)
{
	static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 80};
	struct packet p = {.time = c->time, .linktype = 1};

	p.flags = PACKET_IP | PACKET_TCP;
	p.ip_version = 4;
	p.ip_proto = 6;
	p.ttl = 64;
	p.src = addr_v4(side ? server : client);
	p.dst = addr_v4(side ? client : server);
	p.sport = side ? c->port : 40000;
	p.dport = side ? 40000 : c->port;
	p.tcp_flags = flags;
	p.tcp_seq = seq;
	p.tcp_ack = flags & TCP_ACK ? c->next[!side] : 0;
	p.tcp_window = 0xffff;
	p.payload = payload;
	p.paylen = n;
	p.paycut = cut;
	p.caplen = 54 + n;
	p.len = p.caplen + cut;
	c->segments++;
	fuzz_engine_packet(&c->f, &p);
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
	if (c->closed[side])
		return;
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

int fuzz_talk(uint16_t port, const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	uint8_t run = fuzz_u8(&in);
	struct connection c;

	memset(&c, 0, sizeof(c));
	c.time = FUZZ_START;
	c.port = run & 16 ? 50000 : port;
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
