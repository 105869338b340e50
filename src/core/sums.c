/*
 * sums.c - checksums of segments and datagrams; see sums.h.
 */
#include "core/sums.h"
#include "api/layer.h"
#include "core/shard.h"
#include "core/stream.h"
#include <arpa/inet.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define IP_HEADER 20u /* of IPv4 without options: five words */
#define TCP_PLAIN 20u /* without options, which its MSS does not count */
#define TCP_SUM   16u /* where the checksum lies in a header */
#define UDP_SUM   6u
#define UDP       8u  /* bytes of its header */
#define BLOCK     64u /* that are added at once */

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

#ifdef __x86_64__
static inline uint64_t add_carry(unsigned char *carry, uint64_t sum, uint64_t x)
{
	unsigned long long out;

	*carry = _addcarry_u64(*carry, sum, x, &out);
	return out;
}
#endif

/* Adds 64 bytes; on x86-64 the carry goes from one addition to the next. */
static inline uint64_t add_block(uint64_t sum, const uint8_t *restrict p)
{
#ifdef __x86_64__
	unsigned char carry = 0;

	for (unsigned i = 0; i < BLOCK; i += 8)
		sum = add_carry(&carry, sum, word(p + i, 8));
	return sum + carry;
#else
	for (unsigned i = 0; i < BLOCK; i += 8)
		sum = add(sum, word(p + i, 8));
	return sum;
#endif
}

/* What is left over of n bytes that end here, less than eight; there are as many before them. */
static inline uint64_t rest(const uint8_t *end, uint32_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return n ? word(end - 8, 8) >> (64 - 8 * n) : 0;
#else
	return word(end - n, n);
#endif
}

/* Of eight bytes and more. */
static inline uint64_t sum_of(uint64_t sum, const uint8_t *restrict p, uint32_t n)
{
	for (; n >= BLOCK; p += BLOCK, n -= BLOCK)
		sum = add_block(sum, p);
	for (; n >= 8; p += 8, n -= 8)
		sum = add(sum, word(p, 8));
	return add(sum, rest(p + n, n));
}

/* All ones, as 16-bit numbers, with the checksum among them; some are not 0. */
static inline bool is_whole(uint64_t sum)
{
	return sum % 0xffff == 0;
}

/* A receiving adapter puts segments together and leaves the first one's sum. */
static bool is_joined(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *o = &f->side[!dir];

	return p->paylen + p->tcp_header >
	       (o->flags & FS_SYN && o->mss ? o->mss : 1460u) + TCP_PLAIN;
}

static inline uint64_t length_and_protocol(const struct packet *p, uint32_t length)
{
	return htonl(length << 16 | p->ip_proto);
}

/* Of less than eight bytes each, so that nothing is carried out of it. */
static uint64_t pseudo_header(const struct packet *p, uint32_t length)
{
	uint64_t sum =
		length_and_protocol(p, length) + word(p->src.b + 12, 4) + word(p->dst.b + 12, 4);

	for (unsigned i = 0; p->ip_version != 4 && i < 12; i += 4)
		sum += word(p->src.b + i, 4) + word(p->dst.b + i, 4);
	return sum;
}

/* Of n bytes at h; field: what the sum's says. *pseudo: of the pseudo header alone. */
static bool is_right(const struct packet *p, const uint8_t *h, uint32_t n, uint32_t at,
	uint16_t *field, bool *partial)
{
	uint64_t pseudo = pseudo_header(p, n);

	if (is_whole(sum_of(pseudo, h, n)))
		return true;
	memcpy(field, h + at, 2);
	*partial = *field == folded(pseudo);
	return false;
}

/* Nor must that of the IP header be wrong, where it lies before h and has no options. */
static bool ip_is_wrong(const struct packet *p, const uint8_t *transport)
{
	const uint8_t *h = transport - IP_HEADER;

	return p->ip_version == 4 && h >= p->data && h[0] == IP_PLAIN && (h[10] || h[11]) &&
	       word(h + 12, 4) == word(p->src.b + 12, 4) &&
	       word(h + 16, 4) == word(p->dst.b + 12, 4) &&
	       !is_whole(word(h, 4) + word(h + 4, 4) + word(h + 8, 4) + word(h + 12, 4) +
			 word(h + 16, 4));
}

static enum sum look(const struct flow *f, const struct packet *p, unsigned dir)
{
	const uint8_t *h = p->payload - p->tcp_header;
	uint32_t n = p->tcp_header + p->paylen;
	uint16_t field;
	bool partial;

	if (is_right(p, h, n, TCP_SUM, &field, &partial))
		return ip_is_wrong(p, h) ? SUM_WRONG : SUM_RIGHT;
	return partial || is_joined(f, p, dir) ? SUM_LEFT_OUT : SUM_WRONG;
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

static __attribute__((noinline)) bool is_wrong(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	struct ext_side *e;
	enum sum sum;

	if (s->more & FS_SUMS_WRONG)
		return false;
	sum = look(f, p, dir);
	if (sum == SUM_RIGHT) {
		s->more |= FS_SUMS_RIGHT;
		return false;
	}
	if (sum == SUM_LEFT_OUT || !(s->more & FS_SUMS_RIGHT)) {
		/* A SYN alone does not tell whether it was damaged. */
		if (sum == SUM_LEFT_OUT || !(p->tcp_flags & TCP_SYN))
			s->more |= FS_SUMS_WRONG;
		return false;
	}
	e = &flow_need_ext(sh, f)->side[dir];
	if (!e->bad_sums++)
		e->bad_sum_frame = p->number;
	stream_doubt(sh, e, p);
	return true;
}

/*
 * Of what nearly every one is: are both sums right, that of the IP header and that of n bytes
 * behind it? Both at once, as a header whose sum is right changes no other.
 */
static inline bool both_are_right(const struct packet *p)
{
	const uint8_t *h = p->payload - p->tcp_header - IP_HEADER;
	uint32_t n = p->tcp_header + p->paylen;

	return p->ip_version == 4 && !p->owned && h >= p->data && h[0] == IP_PLAIN &&
	       is_whole(sum_of(add(word(h + 12, 8), length_and_protocol(p, n)), h, IP_HEADER + n));
}

bool tcp_sum_is_wrong(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	if (!p->tcp_header || p->paycut || p->flags & PACKET_TWIN)
		return false;
	if (!both_are_right(p))
		return is_wrong(sh, f, p, dir);
	f->side[dir].more |= FS_SUMS_RIGHT;
	return false;
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
