/*
 * stream.c - the input is a list of TCP segments, given to the engine as packets: what no
 * well-meant sender does with sequence numbers, flags, windows and time.
 *
 * Two bytes for the run (memory and batch size; interim records and where sequence numbers begin),
 * then for each segment:
 *   1  0x01 sent by the server; 0x02 second connection; 0x04 UDP; 0x08 a window scale and MSS;
 *      0x10 timestamps; 0x20 a SACK block; 0x40 cut by the snap length; 0x80 time goes back
 *   1  TCP flags
 *   1  time since the segment before (fuzz_span)
 *   2  sequence number, from the side's next one, signed; 0x7fff: 2 GiB away
 *   1  acknowledgement, from the other side's next one, signed; -128: its first
 *   1  window / 256
 *   2  length of the payload, at most 4095; then the payload
 */
#include "fuzz.h"
#include <string.h>

#define SEGMENTS_MAX 512u

static const uint64_t memories[4] = {64u << 20, 1u << 20, 256u << 10, 8u << 20};

struct side_state {
	uint32_t first, next;
};

static uint32_t beginning(uint8_t how, unsigned side)
{
	static const uint32_t where[4] = {1000, 0xffffff00u, 0x7fffff00u, 0};

	return where[how & 3] + side * 7;
}

static void set_ends(struct packet *p, unsigned side, unsigned connection)
{
	static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
	uint16_t port = (uint16_t)(40000 + connection);

	p->src = addr_v4(side ? server : client);
	p->dst = addr_v4(side ? client : server);
	p->sport = side ? 80 : port;
	p->dport = side ? port : 80;
	p->ip_version = 4;
	p->ttl = 64;
}

static void set_options(struct packet *p, uint8_t what, const struct side_state *peer)
{
	static uint8_t block[8];
	uint32_t left = peer->next + 100, right = peer->next + 1500;

	if (what & 0x08) {
		p->tcp_opts |= TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK;
		p->tcp_mss = 1460;
		p->tcp_wscale = 7;
	}
	if (what & 0x10) {
		p->tcp_opts |= TCP_OPT_TIMES;
		p->tcp_tsval = (uint32_t)(p->time >> 20);
		p->tcp_tsecr = p->tcp_tsval - 1;
	}
	if (what & 0x20) {
		for (int i = 0; i < 4; i++) {
			block[i] = (uint8_t)(left >> (24 - 8 * i));
			block[i + 4] = (uint8_t)(right >> (24 - 8 * i));
		}
		p->tcp_opts |= TCP_OPT_SACK;
		p->tcp_nsack = 1;
		p->tcp_sack = block;
	}
}

static void set_tcp(struct packet *p, struct fuzz_input *in, struct side_state *me,
	const struct side_state *peer)
{
	int32_t seq = (int16_t)fuzz_u16(in);
	int32_t ack = (int8_t)fuzz_u8(in);

	p->tcp_seq = me->next + (uint32_t)seq;
	if (seq == INT16_MAX)
		p->tcp_seq = me->next + 0x80000000u;
	p->tcp_ack = peer->next + (uint32_t)ack;
	if (ack == INT8_MIN)
		p->tcp_ack = peer->first;
	p->tcp_window = (uint16_t)(fuzz_u8(in) << 8);
}

static void advance(struct side_state *me, const struct packet *p)
{
	uint32_t end = p->tcp_seq + p->paylen + p->paycut;

	end += (p->tcp_flags & TCP_SYN) != 0;
	end += (p->tcp_flags & TCP_FIN) != 0;
	if ((int32_t)(end - me->next) > 0)
		me->next = end;
}

static void segment(struct fuzz_engine *f, struct fuzz_input *in, struct side_state state[2][2])
{
	uint8_t what = fuzz_u8(in);
	unsigned side = what & 1, connection = what >> 1 & 1;
	struct side_state *me = &state[connection][side], *peer = &state[connection][!side];
	struct packet p = {.linktype = 1};
	uint64_t span;

	p.tcp_flags = fuzz_u8(in);
	span = fuzz_span(fuzz_u8(in));
	p.time = f->now ? f->now : FUZZ_START;
	p.time = what & 0x80 ? p.time - span : p.time + span;
	p.flags = PACKET_IP | (what & 0x04 ? PACKET_UDP : PACKET_TCP);
	p.ip_proto = what & 0x04 ? 17 : 6;
	set_ends(&p, side, connection);
	set_tcp(&p, in, me, peer);
	set_options(&p, what, peer);
	p.paylen = fuzz_u16(in) & 0xfff;
	p.payload = fuzz_bytes(in, &p.paylen);
	if (what & 0x40)
		p.paycut = 1 + p.paylen / 2;
	p.caplen = 54 + p.paylen;
	p.len = p.caplen + p.paycut;
	if (!(what & 0x04))
		advance(me, &p);
	fuzz_engine_packet(f, &p);
}

int fuzz_stream(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.p = data, .end = data + size};
	uint8_t run = fuzz_u8(&in), begin = fuzz_u8(&in);
	struct side_state state[2][2];
	struct fuzz_engine f;

	for (unsigned i = 0; i < 4; i++) {
		struct side_state *s = &state[i / 2][i % 2];

		s->first = s->next = beginning(begin, i);
	}
	fuzz_engine_init(
		&f, memories[run & 3], begin & 4 ? 2 * FUZZ_SECOND : 0, 1 + (run >> 2 & 7));
	for (unsigned i = 0; i < SEGMENTS_MAX && in.p < in.end; i++)
		segment(&f, &in, state);
	fuzz_engine_finish(&f);
	return 0;
}
