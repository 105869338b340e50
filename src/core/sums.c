/*
 * sums.c - checksums of segments and datagrams; see sums.h.
 */
#include "core/sums.h"
#include "core/tcp_impl.h"
#include "api/layer.h"
#include <string.h>

#define IP_HEADER 20u /* of IPv4 without options: five words */
#define TCP_SUM   16u /* where the checksum lies in a header */
#define UDP_SUM   6u
#define UDP       8u /* bytes of its header */

static inline uint64_t word(const uint8_t *p, unsigned n)
{
	uint64_t x = 0;

	memcpy(&x, p, n);
	return x;
}

static inline uint16_t folded(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Adds eight bytes; what is carried out comes in at the other end (RFC 1071, 2). */
static inline uint64_t add(uint64_t sum, uint64_t x)
{
	sum += x;
	return sum + (sum < x);
}

/* The sum of 16-bit numbers, in the machine's order. */
static inline uint16_t sum_of(uint64_t sum, const uint8_t *p, uint32_t n)
{
	for (; n >= 32; p += 32, n -= 32) {
		sum = add(sum, word(p, 8));
		sum = add(sum, word(p + 8, 8));
		sum = add(sum, word(p + 16, 8));
		sum = add(sum, word(p + 24, 8));
	}
	for (; n >= 8; p += 8, n -= 8)
		sum = add(sum, word(p, 8));
	return folded(add(sum, word(p, n)));
}

/* A receiving adapter puts segments together and leaves the first one's sum. */
static bool is_joined(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *o = &f->side[!dir];

	return p->paylen > (o->flags & FS_SYN && o->mss ? o->mss : 1460u);
}

/* Of less than eight bytes each, so that nothing is carried out of it. */
static uint64_t pseudo_header(const struct packet *p, uint32_t length)
{
	const uint8_t rest[4] = {(uint8_t)(length >> 8), (uint8_t)length, 0, p->ip_proto};
	uint64_t sum = word(rest, 4) + word(p->src.b + 12, 4) + word(p->dst.b + 12, 4);

	for (unsigned i = 0; p->ip_version != 4 && i < 12; i += 4)
		sum += word(p->src.b + i, 4) + word(p->dst.b + i, 4);
	return sum;
}

/* Of n bytes at h; field: what the sum's says. *pseudo: of the pseudo header alone. */
static bool is_right(const struct packet *p, const uint8_t *h, uint32_t n, uint32_t at,
	uint16_t *field, bool *partial)
{
	uint64_t pseudo = pseudo_header(p, n);

	if (sum_of(pseudo, h, n) == 0xffff)
		return true;
	memcpy(field, h + at, 2);
	*partial = *field == folded(pseudo);
	return false;
}

static enum sum look(const struct flow *f, const struct packet *p, unsigned dir)
{
	const uint8_t *h = p->payload - p->tcp_header;
	uint16_t field;
	bool partial;

	if (is_right(p, h, p->tcp_header + p->paylen, TCP_SUM, &field, &partial))
		return SUM_RIGHT;
	return partial || !field || is_joined(f, p, dir) ? SUM_LEFT_OUT : SUM_WRONG;
}

/* Nor must that of the IP header be wrong, where it lies before h and has no options. */
static bool ip_is_wrong(const struct packet *p, const uint8_t *transport)
{
	const uint8_t *h = transport - IP_HEADER;

	return p->ip_version == 4 && h >= p->data && h[0] == IP_PLAIN && (h[10] || h[11]) &&
	       word(h + 12, 4) == word(p->src.b + 12, 4) &&
	       word(h + 16, 4) == word(p->dst.b + 12, 4) &&
	       folded(word(h, 4) + word(h + 4, 4) + word(h + 8, 4) + word(h + 12, 4) +
		       word(h + 16, 4)) != 0xffff;
}

enum sum datagram_sum(const struct packet *p)
{
	const uint8_t *h = p->payload - UDP;
	enum sum sum = SUM_RIGHT;
	uint16_t field;
	bool partial;

	if (p->paycut || load16(h + 4) != p->paylen + UDP)
		return SUM_NONE;
	memcpy(&field, h + UDP_SUM, 2);
	if (!field)
		return SUM_NONE;
	if (!is_right(p, h, UDP + p->paylen, UDP_SUM, &field, &partial))
		sum = partial ? SUM_LEFT_OUT : SUM_WRONG;
	return sum == SUM_RIGHT && !p->owned && ip_is_wrong(p, h) ? SUM_WRONG : sum;
}

bool tcp_sum_is_wrong(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	struct ext_side *e;
	enum sum sum;
	bool wrong;

	if (!p->tcp_header || p->paycut || p->flags & PACKET_TWIN || s->more & FS_SUMS_WRONG)
		return false;
	sum = look(f, p, dir);
	wrong = sum == SUM_WRONG || ip_is_wrong(p, p->payload - p->tcp_header);
	if (sum == SUM_LEFT_OUT || (wrong && !(s->more & FS_SUMS_RIGHT))) {
		s->more |= FS_SUMS_WRONG;
		return false;
	}
	s->more |= FS_SUMS_RIGHT;
	if (!wrong)
		return false;
	e = &flow_need_ext(sh, f)->side[dir];
	if (!e->bad_sums++)
		e->bad_sum_frame = p->number;
	return true;
}

void datagram_damaged(struct shard *sh, struct flow *f, const struct packet *p)
{
	struct ext_side *e;

	counters_add(&sh->engine->counters, "udp: datagrams with a wrong checksum left out", 1);
	if (!f)
		return;
	e = &flow_need_ext(sh, f)->side[p->reverse];
	if (!e->bad_sums++)
		e->bad_sum_frame = p->number;
}
