/*
 * inflate.c - compressed bytes inside a stream (zlib, RFC 1950; Zstandard, RFC 8878), for a
 * dissector that reads what is in them.
 *
 * What comes out is handed on by pieces and kept only where the reader asks for more; a unit may
 * hold no more than it says and no more than RATIO_MAX times what came in. Memory counts in the
 * shard's budget. A unit alone may be found in what came out of another: each side has two places.
 */
#include "core/inflate.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/sync.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define PIECE      16384u /* bytes that come out at once */
#define RATIO_MAX  2048u
#define RATIO_FROM 1048576u /* bytes from which the ratio counts */
#define WINDOW_LOG 24       /* of Zstandard: 16 MiB */

struct inner {
	z_stream z;
	ZSTD_DStream *d;
	bool z_ready;
	uint64_t in, out, limit; /* of the unit */
	uint64_t skip;
	uint32_t need, len, cap;
	uint32_t turn; /* bytes of buf before the first of a turn; NOWHERE: none of it is */
	uint8_t *buf;
	uint64_t turn_seen; /* where the side took its turn, the last that was looked at */
	uint64_t charged;   /* bytes in the shard's account */
};

#define NOWHERE UINT32_MAX

static void charge(struct session *s, struct inner *x)
{
	uint64_t now = sizeof(*x) + x->cap + (x->z_ready ? 65536 : 0) +
		       (x->d ? ZSTD_sizeof_DStream(x->d) : 0);

	s->shard->app_bytes += now - x->charged;
	x->charged = now;
}

static void inner_free(struct session *s, unsigned place)
{
	struct inner *x = s->inner[place];

	if (!x)
		return;
	if (x->z_ready)
		inflateEnd(&x->z);
	ZSTD_freeDStream(x->d);
	s->shard->app_bytes -= x->charged;
	free(x->buf);
	free(x);
	s->inner[place] = NULL;
}

void inflate_free(struct session *s)
{
	for (unsigned i = 0; i < INNERS; i++)
		inner_free(s, i);
	s->side[SIDE_CLIENT].search_inner = s->side[SIDE_SERVER].search_inner = false;
}

static void forget(struct inner *x)
{
	if (x) {
		x->len = x->need = 0;
		x->skip = 0;
		x->turn = NOWHERE;
	}
}

void tsm_inflate_reset(struct session *s, enum side side)
{
	s->side[side].search_inner = true;
	forget(s->inner[side]);
}

/* Does the reader go on at the front of the view? Else what is left in it waits for more. */
static bool in_step(
	struct session *s, enum side side, struct inner *x, tsm_sync *sync, struct view *v)
{
	bool *search = &s->side[side].search_inner;

	if (x->skip) {
		size_t n = x->skip < view_len(v) ? (size_t)x->skip : view_len(v);

		v->p += n;
		x->skip -= n;
		if (x->skip)
			return false;
	}
	if (*search && x == s->inner[side]) {
		const uint8_t *turn = x->turn < x->len ? x->buf + x->turn : NULL;

		*search = !sync_find(s, side, sync, turn, v);
		if (*search)
			return false;
	}
	return view_len(v) >= x->need;
}

/* What is in the buffer goes to the reader, again and again while it makes progress. */
static void hand_on(
	struct session *s, enum side side, struct inner *x, tsm_reader *reader, tsm_sync *sync)
{
	struct view v = view_of(x->buf, x->len, 0);
	uint32_t read;

	while (in_step(s, side, x, sync, &v)) {
		const uint8_t *before = v.p;
		struct take t = reader(s, s->state, side, &v);

		if (v.p > v.end)
			v.p = v.end;
		if (t.need == TAKE_SEARCH && x == s->inner[side]) {
			s->side[side].search_inner = true;
			x->need = 0;
			if (v.p == before && v.p < v.end)
				v.p++;
			continue;
		}
		x->skip = t.skip;
		x->need = t.skip ? 0 : t.need;
		if (!t.skip && (!view_len(&v) || v.p == before))
			break;
	}
	read = (uint32_t)(v.p - x->buf);
	x->turn = x->turn < read || x->turn == NOWHERE ? NOWHERE : x->turn - read;
	x->len = (uint32_t)view_len(&v);
	memmove(x->buf, v.p, x->len);
}

/* The first bytes of a unit are those of a turn, where the unit is the first in it. */
static void see_turn(const struct session *s, enum side side, struct inner *x)
{
	uint64_t turn = s->side[side].turn;

	if (turn != x->turn_seen)
		x->turn = x->len;
	x->turn_seen = turn;
}

/* One piece more at the end of the buffer. False: it cannot be read. */
static bool piece(struct inner *x, enum tsm_coding coding, struct view *in, size_t *n, bool *more)
{
	uint8_t *to = x->buf + x->len;

	if (coding == CODING_NONE) {
		*n = view_len(in) < PIECE ? view_len(in) : PIECE;
		memcpy(to, in->p, *n);
		in->p += *n;
		*more = view_len(in) > 0;
		return true;
	}
	if (coding == CODING_ZLIB) {
		int r;

		x->z.next_in = (Bytef *)(uintptr_t)in->p;
		x->z.avail_in = (uInt)view_len(in);
		x->z.next_out = to;
		x->z.avail_out = PIECE;
		r = inflate(&x->z, Z_SYNC_FLUSH);
		*n = PIECE - x->z.avail_out;
		in->p = in->end - x->z.avail_in;
		*more = r == Z_OK && (view_len(in) > 0 || x->z.avail_out == 0);
		return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
	}
	ZSTD_inBuffer i = {in->p, view_len(in), 0};
	ZSTD_outBuffer o = {to, PIECE, 0};
	size_t r = ZSTD_decompressStream(x->d, &o, &i);

	*n = o.pos;
	in->p += i.pos;
	*more = r && !ZSTD_isError(r) && (view_len(in) > 0 || o.pos == PIECE);
	return !ZSTD_isError(r);
}

/* Ready for the first bytes of a unit. */
static bool begin(struct inner *x, enum tsm_coding coding, uint64_t limit)
{
	x->in = x->out = 0;
	x->limit = limit;
	if (coding == CODING_ZLIB) {
		if (x->z_ready)
			return inflateReset(&x->z) == Z_OK;
		x->z_ready = inflateInit(&x->z) == Z_OK;
		return x->z_ready;
	}
	if (coding == CODING_ZSTD) {
		if (!x->d)
			x->d = ZSTD_createDStream();
		return x->d && !ZSTD_isError(ZSTD_initDStream(x->d)) &&
		       !ZSTD_isError(ZSTD_DCtx_setParameter(x->d, ZSTD_d_windowLogMax, WINDOW_LOG));
	}
	return true;
}

static bool reserve(struct session *s, unsigned place)
{
	struct shard *sh = s->shard;
	struct inner *x = s->inner[place];

	if (sh->app_bytes + sh->held_bytes > sh->budget / 2) {
		counters_add(&sh->engine->counters, "inflate: memory budget used up", 1);
		return false;
	}
	if (!x) {
		x = s->inner[place] = xcalloc(1, sizeof(*x));
		x->turn = NOWHERE;
		x->turn_seen = UINT64_MAX;
	}
	if (x->cap < x->len + PIECE) {
		x->cap = x->len + 2 * PIECE;
		x->buf = xrealloc(x->buf, x->cap);
	}
	charge(s, x);
	return true;
}

static bool too_much(struct session *s, const struct inner *x)
{
	if (x->out > x->limit)
		tsm_note(s, "inflate: more came out than was said");
	else if (x->out > RATIO_FROM && x->out / RATIO_MAX > x->in)
		tsm_note(s, "inflate: more than 2,048 times of what came in");
	else if (x->len > UNREAD_MAX)
		tsm_note(s, "inflate: unread bytes over the limit");
	else
		return false;
	return true;
}

/* The next bytes of a unit, `first` with its first, whose output is kept in this place. */
static bool unit(struct session *s, enum side side, unsigned place, enum tsm_coding coding,
	struct view in, bool first, uint64_t limit, tsm_reader *reader, tsm_sync *sync)
{
	struct reading *now = reading_of(s);
	bool inside = now->inner_begin != NULL; /* another unit, whose stamps it has */
	struct inner *x;
	bool more = true, good;
	size_t n = 0;

	if (!reserve(s, place))
		return false;
	x = s->inner[place];
	good = !first || begin(x, coding, limit);
	if (first)
		see_turn(s, side, x);
	x->in += view_len(&in);
	if (!inside) {
		now->inner_begin = in.p;
		now->inner_end = in.end;
	}
	while (good && more) {
		good = reserve(s, place) && piece(x, coding, &in, &n, &more);
		if (!good)
			break;
		x->len += (uint32_t)n;
		x->out += n;
		if (x->out > x->limit) {
			good = !too_much(s, x);
			break;
		}
		hand_on(s, side, x, reader, sync);
		good = !too_much(s, x);
	}
	if (!inside)
		now->inner_begin = now->inner_end = NULL;
	charge(s, x);
	if (!good && place == (unsigned)side)
		tsm_inflate_reset(s, side);
	else if (!good)
		forget(x);
	return good;
}

bool tsm_inflate(struct session *s, enum side side, enum tsm_coding coding, struct view in,
	bool first, uint64_t limit, tsm_reader *reader, tsm_sync *sync)
{
	return unit(s, side, side, coding, in, first, limit, reader, sync);
}

bool tsm_inflate_alone(struct session *s, enum side side, enum tsm_coding coding, struct view in,
	uint64_t limit, tsm_reader *reader)
{
	forget(s->inner[2 + side]);
	return unit(s, side, 2 + side, coding, in, true, limit, reader, NULL);
}
