/*
 * mysql_compressed.c - the compressed protocol: a header of seven bytes (length, sequence number,
 * length before compression; 0: it is not compressed) and a part of the stream of packets. Whether
 * it is zlib or Zstandard is told from its first bytes.
 */
#include "mysql.h"

#define HEAD  7u
#define BLOCK 4096u /* bytes that are inflated at once, counted from the header */

static bool is_zlib(const uint8_t *p)
{
	return (p[0] & 0x0f) == 8 && p[0] >> 4 <= 7 && (p[0] * 256u + p[1]) % 31 == 0;
}

static bool is_zstd(const uint8_t *p)
{
	return memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0;
}

/* Does a packet of the compressed protocol begin here? */
enum tsm_probe mysql_compressed_like(struct view v, enum side side)
{
	const uint8_t *p = v.p;
	struct view inner;
	uint32_t raw, len;
	enum tsm_probe r;

	if (view_len(&v) < HEAD + 5)
		return PROBE_MAYBE;
	len = mysql_length(p);
	raw = mysql_length(p + 4);
	if (len < 5 || (side == SIDE_CLIENT && p[3] != 0))
		return PROBE_NO;
	if (raw)
		return raw >= 50 && (is_zlib(p + HEAD) || is_zstd(p + HEAD)) ? PROBE_YES : PROBE_NO;
	inner = view_of(p + HEAD, view_len(&v) - HEAD, 0);
	if (mysql_length(inner.p) > len - MYSQL_HEAD)
		return PROBE_NO;
	r = side == SIDE_CLIENT ? mysql_command_like(inner) : mysql_response_like(inner);
	return r == PROBE_YES ? PROBE_YES : PROBE_NO;
}

/* One that is too short to be compressed, and fills the view? */
enum tsm_probe mysql_compressed_whole(struct view v, enum side side)
{
	size_t n = view_len(&v);

	if (n < HEAD + 5 || n != HEAD + mysql_length(v.p) || mysql_length(v.p + 4))
		return PROBE_NO;
	return mysql_compressed_like(v, side);
}

enum tsm_probe mysql_compressed_sync(struct view v, enum side side, bool turn)
{
	/* A length and two bytes of a checksum are little, but for where a turn begins. */
	return turn ? mysql_compressed_like(v, side) : PROBE_NO;
}

/* The header at the front of the view. False: go on as `t` says. */
static bool header(struct mysql_frame *f, struct view *v, struct take *t)
{
	if (f->lost) {
		f->lost = false;
		t->need = TAKE_SEARCH;
		return false;
	}
	if (view_len(v) < HEAD) {
		t->need = HEAD;
		return false;
	}
	f->left = mysql_length(v->p);
	f->raw = mysql_length(v->p + 4);
	f->first = true;
	v->p += HEAD;
	return true;
}

/* The next bytes of a packet. */
static bool block(struct session *s, struct mysql_frame *f, enum side side, struct view part)
{
	bool first = f->first;

	f->first = false;
	if (first) {
		f->coding = CODING_NONE;
		if (f->raw && view_len(&part) >= 4 && is_zstd(part.p))
			f->coding = CODING_ZSTD;
		else if (f->raw)
			f->coding = CODING_ZLIB;
	}
	return tsm_inflate(s, side, (enum tsm_coding)f->coding, part, first,
		f->raw ? f->raw : f->left + view_len(&part), mysql_packets, mysql_sync);
}

struct take mysql_compressed(struct session *s, struct mysql *h, enum side side, struct view *v)
{
	struct mysql_frame *f = &h->frame[side];
	struct take t = {0, 0, false};

	while (view_len(v) && !h->tls) {
		uint32_t n;
		struct view part;

		if (!f->left) {
			if (!header(f, v, &t))
				return t;
			continue;
		}
		n = f->left < BLOCK ? f->left : BLOCK;
		if (view_len(v) < n) {
			t.need = n;
			return t;
		}
		part = view_of(v->p, n, 0);
		v->p += n;
		f->left -= n;
		if (block(s, f, side, part))
			continue;
		tsm_note(s, "mysql: compressed packet that cannot be read");
		mysql_lose(s, h, side);
		t.skip = f->left;
		f->left = 0;
		if (t.skip)
			return t;
	}
	return t;
}
