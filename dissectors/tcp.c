/*
 * tcp.c - the header of the Transmission Control Protocol (RFC 9293, 3.1) with the options that
 * tell of timing and loss: maximum segment size, window scale and timestamps (RFC 7323), selective
 * acknowledgements (RFC 2018). The stream behind it is the engine's.
 *
 * A data offset that points before the fixed header or past the segment is malformed. An odd option
 * only ends the options: hosts take such segments. Where the snap length cut the options off, the
 * fixed header still counts, and so do the options that are there.
 */
#include "dissector.h"
#include "layer.h"

#define TCP_HEADER 20u

enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TIMES = 8 };

#define WSCALE_MAX 14u /* RFC 7323, 2.3 */
#define SACK_BLOCK 8u
#define SACK_MAX   4u

/* NOP NOP Timestamps(10): RFC 7323, appendix A; nearly every segment of a modern connection. */
#define TIMES_ALIGNED 0x0101080au

static void set_times(struct packet *p, const uint8_t *value)
{
	p->tcp_tsval = load32(value);
	p->tcp_tsecr = load32(value + 4);
	p->tcp_opts |= TCP_OPT_TIMES;
}

/* One option: kind, its whole length, what is behind kind and length. */
static void read_option(struct packet *p, unsigned kind, size_t len, const uint8_t *value)
{
	switch (kind) {
	case OPT_MSS:
		if (len == 4) {
			p->tcp_mss = load16(value);
			p->tcp_opts |= TCP_OPT_MSS;
		}
		break;
	case OPT_WSCALE:
		if (len == 3) {
			p->tcp_wscale = value[0] > WSCALE_MAX ? WSCALE_MAX : value[0];
			p->tcp_opts |= TCP_OPT_WSCALE;
		}
		break;
	case OPT_SACK_OK:
		if (len == 2)
			p->tcp_opts |= TCP_OPT_SACK_OK;
		break;
	case OPT_SACK:
		if (len > 2 && (len - 2) % SACK_BLOCK == 0 && (len - 2) / SACK_BLOCK <= SACK_MAX) {
			p->tcp_nsack = (uint8_t)((len - 2) / SACK_BLOCK);
			p->tcp_sack = value;
			p->tcp_opts |= TCP_OPT_SACK;
		}
		break;
	case OPT_TIMES:
		if (len == 10)
			set_times(p, value);
		break;
	default:
		break;
	}
}

static __attribute__((noinline)) void read_options(
	struct packet *p, const uint8_t *o, const uint8_t *end)
{
	while (o < end && *o != OPT_END) {
		if (*o == OPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		read_option(p, o[0], o[1], o + 2);
		o += o[1];
	}
}

/* The header's end lies behind the captured bytes: read what is there of the options. */
static __attribute__((noinline)) void read_cut_options(
	struct packet *p, struct view *v, const uint8_t *options, size_t header)
{
	read_options(p, options, v->end);
	v->cut -= (uint32_t)(header - view_len(v));
	v->p = v->end;
}

static void tcp_layer(struct packet *p, struct view *v, struct next *next)
{
	const uint8_t *h = v->p;
	size_t have = view_len(v);
	uint32_t header;

	(void)next;
	if (have < TCP_HEADER) {
		view_take(v, TCP_HEADER);
		return;
	}
	header = (uint32_t)h[12] >> 4 << 2;
	if (header < TCP_HEADER || header > have + v->cut) {
		layer_malformed(v);
		return;
	}
	p->flags |= PACKET_TCP;
	p->sport = load16(h);
	p->dport = load16(h + 2);
	p->tcp_seq = load32(h + 4);
	p->tcp_ack = load32(h + 8);
	p->tcp_flags = h[13];
	p->tcp_window = load16(h + 14);
	p->tcp_opts = 0;
	p->tcp_nsack = 0;
	if (header > have) {
		read_cut_options(p, v, h + TCP_HEADER, header);
		return;
	}
	v->p = h + header;
	if (header == TCP_HEADER + 12 && load32(h + TCP_HEADER) == TIMES_ALIGNED)
		set_times(p, h + TCP_HEADER + 4);
	else if (header > TCP_HEADER)
		read_options(p, h + TCP_HEADER, h + header);
}

static const struct claim tcp_claims[] = {
	{TABLE_IP_PROTO, IP_PROTO_TCP},
	{TABLE_END, 0},
};

TSM_DISSECTOR(tcp) = {
	TSM_HEAD,
	.name = "tcp",
	.title = "Transmission Control Protocol",
	.claims = tcp_claims,
	.layer = tcp_layer,
};
