/*
 * world.c - see world.h. An operation is a byte and what it needs:
 *   0x0f  which of the operations below
 *   0x30  of which of four connections
 *   0x40  the server's side
 *   0x80  the operation's variant
 *
 *   0 time         1: fuzz_span; variant: back
 *   1 protocol     1: of the connection (and which ports); variant: IPv6
 *   2 open         1: options of both SYNs; 1: half a round trip. Where it is open, the same ports
 *                  are used again; variant: with numbers far away
 *   3 SYN          1: options; the server's: a SYN/ACK; variant: with a message in it
 *   4 message      1: which; 1: bytes a segment, times 16 (0: all); variant: and 2: one byte of it
 *                  changed: where, how
 *   5 bytes        1: so many; the bytes
 *   6 ACK          1: window, in 16ths of 64 KiB; 1: bytes not acknowledged, times 8; variant: SACK
 *   7 FIN          variant: without ACK
 *   8 reset        variant: out of window, without ACK
 *   9 fate         1: of the next segments: 0x01 lost, 0x02 twice, 0x04 behind the one after it,
 *                  0x08 cut by the snap length, 0x10 bad checksum, 0x20 other way (TTL, VLAN),
 *                  0x40 fragments; 1: how many of them
 *   10 again       1: bytes back, times 8; 1: length, times 8; variant: with other bytes
 *   11 elsewhere   2: distance, signed, times 32; 1: length; variant: the ACK is elsewhere, too
 *   12 probe       variant: of a closed window, one new byte; else keepalive
 *   13 ICMP error  1: type and code; quotes the connection's last frame
 *   14 datagram    1: message
 *   15 other       1: ARP, VRRP, SCTP, an echo, nothing known
 */
#include "world.h"
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 4u
#define FRAMES_MAX  600u
#define BYTES_MAX   (256u * 1024)
#define STREAM      4096u /* bytes of a side that can be sent again */
#define FRAME       2048u
#define MSS         1400u

enum fate {
	FATE_LOST = 0x01,
	FATE_TWICE = 0x02,
	FATE_LATE = 0x04,
	FATE_CUT = 0x08,
	FATE_BAD_SUM = 0x10,
	FATE_OTHER_WAY = 0x20,
	FATE_FRAGMENTS = 0x40
};

struct half {
	uint32_t first, next; /* sequence numbers */
	uint32_t acked;       /* of the other side's */
	uint16_t window;
	uint8_t options;
	uint8_t stream[STREAM]; /* its last bytes, by their number */
};

struct line {
	const struct fuzz_protocol *protocol;
	uint16_t port;
	bool ip6, open;
	struct half half[2];
	uint8_t last[96]; /* the IP packet sent last */
	unsigned nlast;
};

struct world {
	fuzz_frame_fn *fn;
	void *arg;
	uint64_t time;
	unsigned frames;
	uint32_t bytes;
	uint16_t ident;
	uint8_t fate;
	unsigned fated; /* segments to come that it is the fate of */
	struct line line[CONNECTIONS];
	uint8_t late[FRAME]; /* a frame that waits for the one after it */
	uint32_t nlate, late_len;
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void out(struct world *w, const uint8_t *frame, uint32_t caplen, uint32_t len)
{
	if (w->frames >= FRAMES_MAX || w->bytes + caplen > BYTES_MAX)
		return;
	w->frames++;
	w->bytes += caplen;
	w->fn(w->arg, w->time, frame, caplen, len);
	w->time += 1000;
}

static void out_late(struct world *w)
{
	uint32_t n = w->nlate;

	w->nlate = 0;
	if (n)
		out(w, w->late, n, w->late_len);
}

/* What the network does to a frame. */
static void suffer(struct world *w, uint8_t *frame, uint32_t n, uint8_t fate)
{
	uint32_t cut = fate & FATE_CUT && n > 60 ? 54 + (n - 54) / 2 : n;

	if (fate & FATE_LATE && !w->nlate) {
		memcpy(w->late, frame, cut);
		w->nlate = cut;
		w->late_len = n;
		return;
	}
	if (!(fate & FATE_LOST))
		out(w, frame, cut, n);
	if (fate & FATE_TWICE)
		out(w, frame, cut, n);
	out_late(w);
}

/* Two fragments of an IPv4 datagram, the second first. */
static void fragments(struct world *w, const uint8_t *frame, uint32_t head, uint32_t n)
{
	uint32_t body = n - head, first = body / 2 & ~7u;
	uint8_t part[FRAME];

	for (unsigned i = 0; i < 2; i++) {
		uint32_t from = i ? 0 : first, len = i ? first : body - first;
		uint8_t *ip = part + head - 20;

		memcpy(part, frame, head);
		memcpy(part + head, frame + head + from, len);
		put16(ip + 2, 20 + len);
		put16(ip + 6, from / 8 | (i ? 0x2000 : 0));
		put16(ip + 10, 0);
		put16(ip + 10, folded(add(0, ip, 20)));
		out(w, part, head + len, head + len);
	}
}

static uint8_t fate_of_next(struct world *w)
{
	uint8_t fate = w->fated ? w->fate : 0;

	w->fated -= w->fated > 0;
	return fate;
}

/* Ethernet and IP around a payload that is at `frame + 58` for IPv6, `+ 38` for IPv4 (a VLAN tag
   may stand before it); its checksum is at `sum` of it, 0: none. */
static void send_ip(struct world *w, struct line *l, unsigned side, uint8_t proto,
	const uint8_t *payload, uint32_t n, unsigned sum)
{
	uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, *p = frame + 12, *ends;
	uint8_t fate = fate_of_next(w);
	uint32_t total = proto + n;
	unsigned who = (unsigned)(l - w->line);

	if (side) {
		frame[5] = 1;
		frame[11] = 2;
	}
	if (fate & FATE_OTHER_WAY) {
		put32(p, 0x81000007);
		p += 4;
	}
	put16(p, l->ip6 ? 0x86dd : 0x0800);
	p += 2;
	if (l->ip6) {
		put32(p, 6u << 28);
		put16(p + 4, n);
		p[6] = proto;
		p[7] = fate & FATE_OTHER_WAY ? 63 : 64;
		for (unsigned i = 0; i < 2; i++) {
			memset(p + 8 + 16 * i, 0, 16);
			put32(p + 8 + 16 * i, 0x20010db8);
			p[23 + 16 * i] = (uint8_t)(side == i ? 1 + who : 80);
		}
		ends = p + 8;
		p += 40;
		total = add(total, ends, 32);
	} else {
		memset(p, 0, 20);
		p[0] = 0x45;
		put16(p + 2, 20 + n);
		put16(p + 4, w->ident++);
		put16(p + 6, fate & FATE_FRAGMENTS ? 0 : 0x4000);
		p[8] = fate & FATE_OTHER_WAY ? 63 : 64;
		p[9] = proto;
		put32(p + 12, 0xc0000201u + who);
		put32(p + 16, 0xc0000250u);
		if (side) {
			put32(p + 12, 0xc0000250u);
			put32(p + 16, 0xc0000201u + who);
		}
		put16(p + 10, folded(add(0, p, 20)));
		total = add(total, p + 12, 8);
		p += 20;
	}
	memcpy(p, payload, n);
	if (sum) {
		put16(p + sum, 0);
		put16(p + sum, folded(add(total, p, n)) ^ (fate & FATE_BAD_SUM ? 0x5555u : 0));
	}
	l->nlast = (l->ip6 ? 40 : 20) + (n < 40 ? n : 40);
	memcpy(l->last, p - (l->ip6 ? 40 : 20), l->nlast);
	n += (uint32_t)(p - frame);
	if (fate & FATE_FRAGMENTS && !l->ip6)
		fragments(w, frame, (uint32_t)(p - frame), n);
	else
		suffer(w, frame, n, fate);
}

/* TCP. */

static unsigned put_options(
	const struct world *w, const struct line *l, unsigned side, uint8_t flags, uint8_t *p)
{
	uint8_t have = l->half[side].options;
	unsigned n = 0;

	if (flags & TCP_SYN && have & 1) {
		put32(p + n, 0x02040000 | MSS);
		n += 4;
	}
	if (flags & TCP_SYN && have & 2) {
		put32(p + n, 0x01030300 | (have >> 5));
		n += 4;
	}
	if (flags & TCP_SYN && have & 4) {
		put32(p + n, 0x01010402);
		n += 4;
	}
	if (have & 8) {
		put32(p + n, 0x0101080a);
		put32(p + n + 4, (uint32_t)(w->time / 1000000) + side);
		put32(p + n + 8, flags & TCP_ACK ? (uint32_t)(w->time / 1000000) - 20 : 0);
		n += 12;
	}
	if (flags & TCP_SYN && have & 16) {
		put32(p + n, 0x2204aabb); /* Fast Open: a cookie too short */
		n += 4;
	}
	return n;
}

static void send_tcp(struct world *w, struct line *l, unsigned side, uint8_t flags, uint32_t seq,
	const uint8_t *payload, uint32_t n, uint32_t behind, bool sack)
{
	struct half *h = &l->half[side], *peer = &l->half[!side];
	uint8_t segment[20 + 40 + MSS];
	unsigned options = put_options(w, l, side, flags, segment + 20);
	uint32_t ack = peer->next - behind;

	if (sack) {
		put32(segment + 20 + options, 0x0101050a);
		put32(segment + 24 + options, peer->next - behind / 2);
		put32(segment + 28 + options, peer->next);
		options += 12;
	}
	put16(segment, side ? l->protocol->port : l->port);
	put16(segment + 2, side ? l->port : l->protocol->port);
	put32(segment + 4, seq);
	put32(segment + 8, flags & TCP_ACK ? ack : 0);
	segment[12] = (uint8_t)((5 + options / 4) << 4);
	segment[13] = flags;
	put16(segment + 14, h->window);
	put16(segment + 16, 0);
	put16(segment + 18, 0);
	if (n)
		memcpy(segment + 20 + options, payload, n);
	send_ip(w, l, side, 6, segment, 20 + options + n, 16);
}

static void send_next(struct world *w, struct line *l, unsigned side, uint8_t flags,
	const uint8_t *payload, uint32_t n)
{
	struct half *h = &l->half[side];

	send_tcp(w, l, side, flags, h->next, payload, n, 0, false);
	for (uint32_t i = 0; i < n; i++)
		h->stream[(h->next + i) % STREAM] = payload[i];
	h->next += n + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
}

static void send_message(
	struct world *w, struct line *l, unsigned side, const uint8_t *p, uint32_t n, uint32_t step)
{
	static const uint8_t nothing[1];

	if (!step || step > MSS)
		step = MSS;
	if (!n)
		send_next(w, l, side, TCP_ACK, nothing, 0);
	for (uint32_t at = 0; at < n && w->frames < FRAMES_MAX; at += step)
		send_next(w, l, side, TCP_ACK | TCP_PSH, p + at, n - at < step ? n - at : step);
}

static uint32_t message_of(const struct line *l, struct fuzz_input *in, uint8_t *to, unsigned *side)
{
	const struct fuzz_message *m = &l->protocol->message[fuzz_u8(in) % l->protocol->n];

	memcpy(to, m->bytes, m->len);
	*side ^= m->side; /* the side that sends it, unless the operation says otherwise */
	return m->len;
}

static void op_open(struct world *w, struct line *l, struct fuzz_input *in, bool far)
{
	uint8_t options = fuzz_u8(in);
	uint64_t half_trip = fuzz_span(fuzz_u8(in) & 0x3f);

	for (unsigned i = 0; i < 2; i++) {
		struct half *h = &l->half[i];

		h->options = options;
		h->window = 0xffff;
		h->next += l->open ? (far ? 0x70000000u : 5000) : 0xfffff000u + 64 * i;
		h->first = h->next;
	}
	l->open = true;
	send_next(w, l, 0, TCP_SYN, NULL, 0);
	w->time += half_trip;
	send_next(w, l, 1, TCP_SYN | TCP_ACK, NULL, 0);
	w->time += half_trip;
	send_next(w, l, 0, TCP_ACK, NULL, 0);
}

static void op_syn(
	struct world *w, struct line *l, unsigned side, struct fuzz_input *in, bool message)
{
	uint8_t bytes[MSS];
	unsigned sender = 0;
	uint32_t n = 0;

	l->half[side].options = fuzz_u8(in);
	l->half[side].window = 0xffff;
	if (message)
		n = message_of(l, in, bytes, &sender);
	l->half[side].next = l->half[side].first;
	send_next(w, l, side, side ? TCP_SYN | TCP_ACK : TCP_SYN, bytes, n);
}

static void op_message(
	struct world *w, struct line *l, unsigned side, struct fuzz_input *in, bool changed)
{
	uint8_t bytes[MSS];
	uint32_t n = message_of(l, in, bytes, &side), step = fuzz_u8(in) * 16u;

	if (changed) {
		unsigned at = fuzz_u8(in);

		bytes[at % n] ^= fuzz_u8(in);
	}
	send_message(w, l, side, bytes, n, step);
}

static void op_again(
	struct world *w, struct line *l, unsigned side, struct fuzz_input *in, bool other)
{
	struct half *h = &l->half[side];
	uint32_t back = fuzz_u8(in) * 8u, n = fuzz_u8(in) * 8u;
	uint8_t bytes[MSS];

	if (n > MSS)
		n = MSS;
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(h->stream[(h->next - back + i) % STREAM] ^ (other ? 0x20 : 0));
	send_tcp(w, l, side, TCP_ACK, h->next - back, bytes, n, 0, false);
	if (n > back)
		h->next += n - back;
}

static void op_elsewhere(
	struct world *w, struct line *l, unsigned side, struct fuzz_input *in, bool ack)
{
	uint32_t distance = (uint32_t)((int16_t)fuzz_u16(in) * 32), n = fuzz_u8(in);
	uint8_t bytes[256];

	memset(bytes, 'e', sizeof(bytes));
	send_tcp(w, l, side, TCP_ACK, l->half[side].next + distance, bytes, n, ack ? distance : 0,
		false);
}

static void op_icmp(struct world *w, struct line *l, unsigned side, struct fuzz_input *in)
{
	uint8_t bytes[8 + sizeof(l->last)] = {0}, what = fuzz_u8(in);

	bytes[0] = l->ip6 ? (uint8_t)(1 + (what >> 4) % 4) : what & 0x40 ? 11 : 3;
	bytes[1] = what & 15;
	memcpy(bytes + 8, l->last, l->nlast);
	send_ip(w, l, side, l->ip6 ? 58 : 1, bytes, 8 + l->nlast, 2);
}

static void op_datagram(struct world *w, struct line *l, unsigned side, struct fuzz_input *in)
{
	uint8_t bytes[8 + MSS];
	uint32_t n = message_of(l, in, bytes + 8, &side);

	put16(bytes, side ? l->protocol->port : l->port);
	put16(bytes + 2, side ? l->port : l->protocol->port);
	put16(bytes + 4, 8 + n);
	send_ip(w, l, side, 17, bytes, 8 + n, 6);
}

static void op_other(struct world *w, struct line *l, unsigned side, struct fuzz_input *in)
{
	static const uint8_t arp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0,
		1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2,
		80};
	static const uint8_t vrrp[] = {
		0x21, 7, 0x96, 1, 1, 1, 0, 0, 192, 0, 2, 99, 's', 'e', 'c', 'r', 'e', 't', '1', 0};
	static const uint8_t sctp[] = {0, 80, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0,
		0, 1, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1};
	static const uint8_t echo[] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
	uint8_t what = fuzz_u8(in), bytes[64], *p = bytes;

	switch (what % 5) {
	case 0:
		memcpy(bytes, arp, sizeof(arp));
		bytes[21] = (uint8_t)(1 + (what >> 7));
		bytes[41] = (uint8_t)(what >> 3);
		out(w, bytes, sizeof(arp), sizeof(arp));
		return;
	case 1:
		memcpy(p, vrrp, sizeof(vrrp));
		p[1] = (uint8_t)(what >> 5);
		p[2] = (uint8_t)(what & 0x10 ? 0 : what);
		send_ip(w, l, side, 112, p, sizeof(vrrp), 0);
		return;
	case 2:
		send_ip(w, l, side, 132, sctp, sizeof(sctp), 0);
		return;
	case 3:
		memcpy(p, echo, sizeof(echo));
		p[0] = what & 0x80 ? 0 : 8;
		send_ip(w, l, side, 1, p, sizeof(echo), 2);
		return;
	default:
		send_ip(w, l, side, what, echo, sizeof(echo), 0);
	}
}

static void op_time(struct world *w, uint64_t span, bool back)
{
	w->time = back ? w->time - span : w->time + span;
}

static void op_protocol(struct line *l, uint8_t which, bool ip6)
{
	l->protocol = &fuzz_protocols[which % FUZZ_PROTOCOLS];
	l->port = (uint16_t)(40000 + (which >> 3));
	l->ip6 = ip6;
}

static void one(struct world *w, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	struct line *l = &w->line[op >> 4 & 3];
	unsigned side = op >> 6 & 1;
	bool variant = op & 0x80;
	struct half *h = &l->half[side];
	uint32_t n;

	switch (op & 15) {
	case 0:
		op_time(w, fuzz_span(fuzz_u8(in)), variant);
		break;
	case 1:
		op_protocol(l, fuzz_u8(in), variant);
		break;
	case 2:
		op_open(w, l, in, variant);
		break;
	case 3:
		op_syn(w, l, side, in, variant);
		break;
	case 4:
		op_message(w, l, side, in, variant);
		break;
	case 5:
		n = fuzz_u8(in);
		send_message(w, l, side, fuzz_bytes(in, &n), n, 0);
		break;
	case 6:
		h->window = (uint16_t)((fuzz_u8(in) & 15) << 12);
		send_tcp(w, l, side, TCP_ACK, h->next, NULL, 0, fuzz_u8(in) * 8u, variant);
		break;
	case 7:
		send_next(w, l, side, variant ? TCP_FIN : TCP_FIN | TCP_ACK, NULL, 0);
		break;
	case 8:
		send_tcp(w, l, side, variant ? TCP_RST : TCP_RST | TCP_ACK,
			variant ? h->next + 0x100000 : h->next, NULL, 0, 0, false);
		break;
	case 9:
		w->fate = fuzz_u8(in);
		w->fated = fuzz_u8(in) % 32;
		break;
	case 10:
		op_again(w, l, side, in, variant);
		break;
	case 11:
		op_elsewhere(w, l, side, in, variant);
		break;
	case 12:
		send_tcp(w, l, side, TCP_ACK, variant ? h->next : h->next - 1, (const uint8_t *)"p",
			variant ? 1 : 0, 0, false);
		break;
	case 13:
		op_icmp(w, l, side, in);
		break;
	case 14:
		op_datagram(w, l, side, in);
		break;
	default:
		op_other(w, l, side, in);
	}
}

void fuzz_world(struct fuzz_input *in, fuzz_frame_fn *fn, void *arg)
{
	struct world *w = calloc(1, sizeof(*w));

	fuzz_check(w, "memory");
	w->fn = fn;
	w->arg = arg;
	w->time = FUZZ_START;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		op_protocol(&w->line[i], (uint8_t)(i + 8 * i), false);
	while (in->p < in->end && w->frames < FRAMES_MAX)
		one(w, in);
	out_late(w);
	free(w);
}

/* As a file. */

struct capture {
	uint8_t *p;
	size_t n, room;
};

static void append(struct capture *c, const void *p, size_t n)
{
	if (c->n + n > c->room) {
		c->room = (c->n + n) * 2;
		c->p = realloc(c->p, c->room);
		fuzz_check(c->p, "memory");
	}
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

static void append_frame(
	void *arg, uint64_t time, const uint8_t *frame, uint32_t caplen, uint32_t len)
{
	uint32_t head[4] = {
		(uint32_t)(time / FUZZ_SECOND), (uint32_t)(time % FUZZ_SECOND), caplen, len};

	append(arg, head, sizeof(head));
	append(arg, frame, caplen);
}

uint8_t *fuzz_world_capture(struct fuzz_input *in, size_t *n)
{
	static const uint32_t head[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 1};
	struct capture c = {NULL, 0, 0};

	append(&c, head, sizeof(head));
	fuzz_world(in, append_frame, &c);
	*n = c.n;
	return c.p;
}
