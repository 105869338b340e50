/*
 * http2.c - HTTP/2 in the clear (RFC 9113): with prior knowledge, or upgraded from HTTP/1.1.
 *
 * This file reads frames. DATA is passed over unseen; header blocks are read whole. Where the
 * place is not known a frame is one that cannot well be anything else: of a stream that is open, a
 * header block that begins as one must, or a frame of the connection of fixed form.
 */
#include "http2.h"
#include "http/http_text.h"

#define FRAME_HEADER  9u
#define HEADERS_FRAME 32768u /* of more bytes the header block is not read */
#define FRAME_DEFAULT 16384u /* RFC 9113, 4.2 */
#define FRAME_MOST    16777215u
#define WINDOW        65535u
#define CONTROL_MAX   4096u     /* SETTINGS of more bytes are not read */
#define AHEAD         2000u     /* streams that may have been opened unseen */
#define IDS_MOST      0xffffffu /* a number that a stream has where none is known */
#define BLOCK_MOST    4096u     /* bytes of its header block */
#define LOOK          26u       /* bytes of a frame that tell whether it is one */

enum { P_START, P_FRAME, P_DATA, P_PASS, P_LOST };

const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; /* 3.4 */
#define PREFACE 24u

struct frame {
	uint32_t len, id;
	uint8_t type, flags;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct frame frame_at(const uint8_t *p)
{
	struct frame f = {(uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
		be32(p + 5) & 0x7fffffffu, p[3], p[4]};

	return f;
}

static enum side other(enum side side)
{
	return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

/* ---- Is this a frame? ---- */

/* A literal whose name is spelt out, as some encoders do: a pseudo-header of this side (8.3)? */
static bool opens_by_name(const uint8_t *p, size_t n, enum side side)
{
	static const char *const names[] = {
		"\7:status", "\7:method", "\7:scheme", "\5:path", "\12:authority"};
	unsigned first = side == SIDE_CLIENT, end = side == SIDE_CLIENT ? 5 : 1;

	if (!n || (p[0] != 0x00 && p[0] != 0x10 && p[0] != 0x40))
		return false;
	for (unsigned i = first; i < end; i++)
		if (n > strlen(names[i]) && memcmp(p + 1, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Does a header block that begins so begin a request (or a response)? */
static bool opens(const uint8_t *p, size_t n, enum side side)
{
	uint8_t b = n ? p[0] : 0;

	if (opens_by_name(p, n, side))
		return true;
	if (side == SIDE_SERVER) /* :status, or a change of the table before it */
		return (b >= 0x88 && b <= 0x8e) || b == 0x48 || b == 0x08 || b == 0x18 ||
		       (b >= 0x20 && b < 0x40);
	return (b >= 0x82 && b <= 0x87) || b == 0x41 || b == 0x42 || b == 0x44 || b == 0x04 ||
	       (b >= 0x20 && b < 0x40);
}

/* The same, and little else can: what is too common in other bytes must go on as it should. */
static bool surely_opens(const uint8_t *p, size_t n, enum side side)
{
	if (n && p[0] >= 0x40)
		return opens(p, n, side);
	if (side == SIDE_SERVER && n >= 5 && (p[0] == 0x08 || p[0] == 0x18) && p[1] == 3)
		return p[2] >= '1' && p[2] <= '5' && is_digit(p[3]) && is_digit(p[4]);
	return opens_by_name(p, n, side);
}

/* Of HEADERS of a stream that is not known. At p are LOOK bytes. */
static bool plausible_open(
	const struct http2 *h, enum side side, const struct frame *f, const uint8_t *p)
{
	uint32_t max = h->half[SIDE_CLIENT].max_id;
	unsigned at = FRAME_HEADER + (f->flags & FLAG_PADDED ? 1 : 0) +
		      (f->flags & FLAG_PRIORITY ? 5 : 0);

	if (!(f->id & 1) || at >= LOOK || f->len <= at - FRAME_HEADER)
		return false;
	if (side == SIDE_CLIENT && (f->id <= max || (max && f->id > max + AHEAD)))
		return false;
	if (side == SIDE_SERVER && max && f->id > max + AHEAD)
		return false;
	/* Near the streams that are known the numbers alone leave little to chance. */
	return (max && f->flags & FLAG_END_HEADERS) || opens(p + at, LOOK - at, side);
}

static bool plausible_stream(
	struct http2 *h, enum side side, const struct frame *f, const uint8_t *p)
{
	const struct stream *st = stream_find(h, f->id);
	bool open = st && !stream_is(st, S_ENDED, side);

	switch (f->type) {
	case FRAME_DATA:
		return open && !(f->flags & ~(FLAG_END_STREAM | FLAG_PADDED));
	case FRAME_HEADERS:
		if (f->flags & ~(FLAG_END_STREAM | FLAG_END_HEADERS | FLAG_PADDED | FLAG_PRIORITY))
			return false;
		return f->len && (st ? open : plausible_open(h, side, f, p));
	case FRAME_RST_STREAM:
		return st && f->len == 4 && !f->flags;
	case FRAME_WINDOW_UPDATE:
		return st && f->len == 4 && !f->flags;
	default:
		return false;
	}
}

/* Can a frame of this side begin here, and little else? At p are LOOK bytes, or zeros behind it. */
static bool plausible(struct http2 *h, enum side side, const uint8_t *p)
{
	struct frame f = frame_at(p);

	if (f.id)
		return plausible_stream(h, side, &f, p);
	switch (f.type) {
	case FRAME_SETTINGS:
		return f.flags ? f.flags == FLAG_ACK && !f.len
			       : f.len && f.len % 6 == 0 && f.len <= 120 && !p[9];
	case FRAME_PING:
		return f.len == 8 && !(f.flags & ~FLAG_ACK);
	case FRAME_GOAWAY:
		return f.len >= 8 && f.len <= 1024 && !f.flags;
	case FRAME_WINDOW_UPDATE:
		return f.len == 4 && !f.flags && !(p[9] & 0x80) && be32(p + 9);
	default:
		return false;
	}
}

static bool is_settings(const uint8_t *p)
{
	struct frame f = frame_at(p);

	return f.type == FRAME_SETTINGS && !f.flags && !f.id && f.len % 6 == 0 && f.len <= 600;
}

/*
 * Does a request begin where the client takes its turn? Then it may begin with headers that the
 * table has had since before the capture (gRPC's do), which its number alone would not tell.
 */
static bool asks(const struct http2 *h, const uint8_t *p)
{
	struct frame f = frame_at(p);
	uint32_t max = h->half[SIDE_CLIENT].max_id;

	return f.type == FRAME_HEADERS && f.flags & FLAG_END_HEADERS &&
	       !(f.flags & ~(FLAG_END_STREAM | FLAG_END_HEADERS | FLAG_PADDED | FLAG_PRIORITY)) &&
	       f.id & 1 && f.id > max && f.id <= max + (max ? AHEAD : IDS_MOST) && f.len &&
	       f.len <= BLOCK_MOST;
}

/* Does a frame of this side begin here, or the connection itself? */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	struct http2 *h = state;
	uint32_t most = h->begun ? h->half[side].max_frame : FRAME_MOST;
	size_t n = view_len(v) < PREFACE ? view_len(v) : PREFACE;

	if (h->half[side].phase == P_START && tsm_takes_turn(s, v->p)) {
		if (side == SIDE_CLIENT && memcmp(v->p, http2_preface, n) == 0)
			return n < PREFACE ? PROBE_MAYBE : PROBE_YES;
		if (side == SIDE_SERVER && n >= FRAME_HEADER && is_settings(v->p))
			return PROBE_YES;
	}
	if (side == SIDE_CLIENT && n >= FRAME_HEADER && tsm_takes_turn(s, v->p) && asks(h, v->p))
		return PROBE_YES;
	for (; view_len(v) >= FRAME_HEADER; v->p++) {
		uint8_t look[LOOK] = {0};
		struct frame f = frame_at(v->p);
		size_t all = f.len < LOOK - FRAME_HEADER ? FRAME_HEADER + f.len : LOOK;

		if (f.type > FRAME_CONTINUATION || v->p[5] & 0x80 || f.len > most)
			continue;
		n = view_len(v) < LOOK ? view_len(v) : LOOK;
		if (n < all)
			return PROBE_MAYBE;
		memcpy(look, v->p, n);
		if (plausible(h, side, look))
			return PROBE_YES;
	}
	return PROBE_MAYBE;
}

/* ---- Losses ---- */

static void lost(struct session *s, struct http2 *h, enum side side)
{
	struct half *x = &h->half[side];

	hpack_forget(&x->hpack);
	x->block = tsm_memory(s, x->block, 0);
	x->block_len = x->block_cap = 0;
	x->block_type = 0;
	x->phase = P_FRAME;
	/* The other side's settings may be among what was lost. */
	h->half[other(side)].max_frame = FRAME_MOST;
	window_unknown(h);
	for (uint32_t i = 0; i < h->n; i++)
		if (!stream_is(&h->streams[i], S_ENDED, side))
			stream_set(&h->streams[i], S_DOUBT, side);
}

static void lost_step(struct session *s, struct http2 *h, enum side side, const char *why)
{
	tsm_note(s, why);
	tsm_withdraw(s, h->preface);
	lost(s, h, side);
	h->half[side].phase = P_LOST;
}

/* ---- Frames ---- */

static void settings(struct session *s, struct http2 *h, enum side side, const uint8_t *p,
	uint32_t n, const uint8_t *end)
{
	for (; n >= 6; p += 6, n -= 6) {
		uint32_t value = be32(p + 2);

		if (p[0])
			continue;
		if (p[1] == 4)
			window_initial(s, h, side, value, end);
		else if (p[1] == 5 && value >= FRAME_DEFAULT && value <= FRAME_MOST)
			h->half[other(side)].max_frame = value;
	}
}

/* Streams above the last that the server will look at. */
static void goaway(struct session *s, struct http2 *h, const uint8_t *p, const uint8_t *end)
{
	uint32_t last = be32(p) & 0x7fffffffu, i = 0;

	while (i < h->n)
		if (h->streams[i].id & 1 && h->streams[i].id > last &&
			!stream_is(&h->streams[i], S_BEGUN, SIDE_SERVER))
			stream_reset(s, h, &h->streams[i], SIDE_SERVER, be32(p + 4), end);
		else
			i++;
}

/* Frames other than DATA and header blocks, whole in the view. False: of a wrong form. */
static bool control(
	struct session *s, struct http2 *h, enum side side, const struct frame *f, const uint8_t *p)
{
	const uint8_t *end = p + f->len;
	struct stream *st;

	switch (f->type) {
	case FRAME_PRIORITY:
		return f->id && f->len == 5;
	case FRAME_RST_STREAM:
		if (!f->id || f->len != 4)
			return false;
		st = stream_find(h, f->id);
		if (st)
			stream_reset(s, h, st, side, be32(p), end);
		return true;
	case FRAME_SETTINGS:
		if (f->id || f->len % 6 || (f->flags & FLAG_ACK && f->len))
			return false;
		settings(s, h, side, p, f->len, end);
		return true;
	case FRAME_PING:
		return !f->id && f->len == 8;
	case FRAME_GOAWAY:
		if (f->id || f->len < 8)
			return false;
		if (side == SIDE_SERVER)
			goaway(s, h, p, end);
		return true;
	case FRAME_WINDOW_UPDATE:
		if (f->len != 4)
			return false;
		window_update(s, h, side, f->id, be32(p) & 0x7fffffffu, end);
		return true;
	default:
		return true;
	}
}

static void block_done(struct session *s, struct http2 *h, enum side side, struct view block,
	uint64_t wire, const uint8_t *begin, const uint8_t *end)
{
	struct half *x = &h->half[side];

	if (x->block_type == FRAME_PUSH_PROMISE)
		message_promised(s, h, x->promised, block);
	else
		message_block(s, h, side, x->block_id, block, wire, begin, end);
	x->block_type = 0;
}

/* A part of a block goes behind what there is of it. */
static bool block_add(struct session *s, struct half *x, struct view part)
{
	uint32_t n = (uint32_t)view_len(&part), cap = x->block_cap ? x->block_cap : 1024;
	uint8_t *more;

	if (x->block_len + n > BLOCK_MAX)
		return false;
	while (cap < x->block_len + n)
		cap *= 2;
	if (cap > x->block_cap) {
		more = tsm_memory(s, x->block, cap);
		if (!more)
			return false;
		x->block = more;
		x->block_cap = cap;
	}
	if (n)
		memcpy(x->block + x->block_len, part.p, n);
	x->block_len += n;
	return true;
}

/* Takes padding, priority and a promised stream off; false where they do not fit. */
static bool block_part(struct half *x, const struct frame *f, struct view *part)
{
	uint32_t pad = f->flags & FLAG_PADDED && f->type != FRAME_CONTINUATION
			       ? (uint32_t)view_be(part, 1)
			       : 0;

	if (f->type == FRAME_HEADERS && f->flags & FLAG_PRIORITY)
		(void)view_take(part, 5);
	if (f->type == FRAME_PUSH_PROMISE)
		x->promised = (uint32_t)view_be(part, 4) & 0x7fffffffu;
	if (part->bad || view_len(part) < pad)
		return false;
	part->end -= pad;
	return true;
}

/* HEADERS, PUSH_PROMISE and CONTINUATION, the whole frame in the view. */
static bool headers(struct session *s, struct http2 *h, enum side side, const struct frame *f,
	const uint8_t *begin)
{
	struct half *x = &h->half[side];
	struct view part = view_of(begin + FRAME_HEADER, f->len, 0);
	const uint8_t *end = part.end;
	struct stream *st;

	if (!f->id || !block_part(x, f, &part))
		return false;
	if (f->type != FRAME_CONTINUATION) {
		x->block_type = f->type;
		x->block_id = f->id;
		x->begins = false;
		x->end_stream = f->type == FRAME_HEADERS && f->flags & FLAG_END_STREAM;
		if (f->flags & FLAG_END_HEADERS) {
			block_done(s, h, side, part, FRAME_HEADER + f->len, begin, end);
			return true;
		}
		/* A head of several frames is no interim answer. */
		st = f->type == FRAME_HEADERS ? stream_find(h, f->id) : NULL;
		if (st && side == SIDE_SERVER && !stream_is(st, S_DOUBT, SIDE_SERVER) &&
			!stream_is(st, S_BEGUN, SIDE_SERVER)) {
			stream_begin(s, h, st, side, begin);
			x->begins = true;
		}
	}
	if (!block_add(s, x, part)) {
		lost_step(s, h, side, "http2: header block over the limit, left unread");
		return true;
	}
	st = stream_find(h, f->id);
	if (f->flags & FLAG_END_HEADERS) {
		part = view_of(x->block, x->block_len, 0);
		x->block_len = 0;
		block_done(s, h, side, part, FRAME_HEADER + f->len, begin, end);
		if (x->phase != P_LOST) {
			x->block = tsm_memory(s, x->block, 0);
			x->block_cap = 0;
		}
	} else if (st) {
		st->bytes[side] += FRAME_HEADER + f->len;
	}
	return true;
}

static void data_end(struct session *s, struct http2 *h, enum side side, const uint8_t *at)
{
	struct half *x = &h->half[side];
	struct stream *st = stream_find(h, x->id);

	tsm_turn(s, side, TSM_NONE);
	x->phase = P_FRAME;
	if (st && !stream_is(st, S_BEGUN, SIDE_CLIENT) && side == SIDE_CLIENT)
		return;
	if (st && x->flags & FLAG_END_STREAM)
		stream_end(s, h, st, side, at);
}

/* The header of DATA, and the length of its padding; false where they do not fit. */
static bool data_begin(struct session *s, struct http2 *h, enum side side, const struct frame *f,
	struct view *v, struct take *t)
{
	struct half *x = &h->half[side];
	struct stream *st = stream_find(h, f->id);
	uint32_t pad = 0, rest = f->len;

	if (!f->id)
		return false;
	v->p += FRAME_HEADER;
	if (f->flags & FLAG_PADDED) {
		pad = (uint32_t)view_be(v, 1) + 1;
		rest--;
		if (pad > f->len)
			return false;
	}
	x->id = f->id;
	x->flags = f->flags;
	x->phase = P_DATA;
	if (st) {
		st->body[side] += f->len - pad;
		st->bytes[side] += FRAME_HEADER + f->len;
		if (st->flags & S_GRPC && !stream_is(st, S_DOUBT, side))
			stream_grpc(st, side, v->p, f->len - pad);
		tsm_turn(s, side, st->t);
	}
	x->data_len = f->len;
	t->skip = rest;
	return true;
}

/* DATA has gone by: windows first, then the end of the message. */
static void data_done(struct session *s, struct http2 *h, enum side side, const uint8_t *at)
{
	struct half *x = &h->half[side];
	struct stream *st = stream_find(h, x->id);
	bool ends = x->flags & FLAG_END_STREAM;

	/* A message that is over waits for no window. */
	if (ends)
		data_end(s, h, side, at);
	if (x->data_len)
		window_used(s, h, ends ? NULL : st, other(side), x->data_len, at);
	if (!ends)
		data_end(s, h, side, at);
}

/* What a frame needs to be read: its header, or all of it. */
static uint32_t frame_need(struct frame f)
{
	uint32_t pad;

	switch (f.type) {
	case FRAME_DATA:
		pad = f.flags & FLAG_PADDED ? 1 : 0;
		return FRAME_HEADER + pad +
		       (f.len < pad + GRPC_PREFIX ? f.len - (f.len ? pad : 0) : GRPC_PREFIX);
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		return f.len <= HEADERS_FRAME ? FRAME_HEADER + f.len : FRAME_HEADER;
	case FRAME_SETTINGS:
	case FRAME_RST_STREAM:
	case FRAME_PRIORITY:
	case FRAME_PING:
	case FRAME_WINDOW_UPDATE:
		return f.len <= CONTROL_MAX ? FRAME_HEADER + f.len : FRAME_HEADER;
	case FRAME_GOAWAY:
		return FRAME_HEADER + (f.len < 8 ? f.len : 8);
	default:
		return FRAME_HEADER;
	}
}

static bool is_block(uint8_t type)
{
	return type == FRAME_HEADERS || type == FRAME_PUSH_PROMISE || type == FRAME_CONTINUATION;
}

/* A frame that is no DATA, as much of it in the view as it needs. False: of a wrong form. */
static bool other_frame(struct session *s, struct http2 *h, enum side side, const struct frame *f,
	struct view *v, struct take *t)
{
	struct half *x = &h->half[side];

	if (is_block(f->type) && f->len > HEADERS_FRAME) {
		lost_step(s, h, side, "http2: header block over the limit, left unread");
	} else if (is_block(f->type)) {
		if (!headers(s, h, side, f, v->p))
			return false;
		v->p += FRAME_HEADER + f->len;
		return true;
	}
	if (f->len <= CONTROL_MAX || f->type == FRAME_GOAWAY) {
		if (!control(s, h, side, f, v->p + FRAME_HEADER))
			return false;
	} else if (f->type < FRAME_CONTINUATION && f->type != FRAME_SETTINGS) {
		return false;
	}
	v->p += FRAME_HEADER;
	t->skip = f->len;
	if (x->phase == P_FRAME && f->len)
		x->phase = P_PASS;
	return true;
}

static void frame(
	struct session *s, struct http2 *h, enum side side, struct view *v, struct take *t)
{
	struct half *x = &h->half[side];
	const uint8_t *begin = v->p;
	struct frame f = frame_at(begin);
	bool good;

	if (f.len > x->max_frame || (f.type == FRAME_CONTINUATION) != (x->block_type != 0) ||
		(x->block_type && f.id != x->block_id)) {
		lost_step(s, h, side, "http2: no frame where one should begin");
		v->p++;
		return;
	}
	if (f.type == FRAME_DATA)
		good = data_begin(s, h, side, &f, v, t);
	else
		good = other_frame(s, h, side, &f, v, t);
	if (good)
		return;
	lost_step(s, h, side, "http2: frame of a wrong form");
	v->p = begin + 1;
	t->skip = 0;
}

/* ---- The beginning ---- */

static void start(struct session *s, struct http2 *h)
{
	h->begun = true;
	h->windows = tsm_from_start(s, SIDE_CLIENT) || tsm_from_start(s, SIDE_SERVER);
	for (int i = 0; i < 2; i++) {
		h->half[i].max_frame = FRAME_DEFAULT;
		h->half[i].initial = WINDOW;
		h->half[i].window = WINDOW;
	}
	message_upgraded(s, h);
	tsm_turn(s, SIDE_CLIENT, TSM_NONE);
	tsm_turn(s, SIDE_SERVER, TSM_NONE);
}

/* The oldest request that is open, or else the client's preface: which the server answers. */
static struct tsm_txn refused(struct session *s, struct http2 *h, const uint8_t *at)
{
	struct tsm_txn t;

	for (uint32_t i = 0; i < h->n; i++)
		if (!stream_is(&h->streams[i], S_BEGUN, SIDE_SERVER))
			return tsm_response(s, h->streams[i].id, at);
	t = tsm_response(s, PREFACE_KEY, at);
	tsm_op(t, view_of("PRI", 3, 0), view_of("*", 1, 0));
	tsm_str(t, F_REQ_METHOD, view_of("PRI", 3, 0));
	return t;
}

/*
 * A server that knows no HTTP/2 answers the client's preface, which it takes for a request
 * "PRI *" (RFC 9113, 3.4), or the first request behind it in HTTP/1, and closes the connection.
 */
static void answered_by_http1(struct session *s, struct http2 *h, const struct view *v)
{
	unsigned status = (v->p[9] - 48u) * 100 + (v->p[10] - 48u) * 10 + (v->p[11] - 48u);
	h->preface = refused(s, h, v->p);
	tsm_u64(h->preface, F_RES_STATUS, status);
	tsm_status(h->preface, status >= 500   ? STATUS_SERVER_ERROR
			       : status >= 400 ? STATUS_CLIENT_ERROR
					       : STATUS_OK);
	h->refused = true;
}

/* A side's first bytes; false where more are needed. */
static bool first(
	struct session *s, struct http2 *h, enum side side, struct view *v, struct take *t)
{
	struct half *x = &h->half[side];
	size_t n = view_len(v) < PREFACE ? view_len(v) : PREFACE;

	if (side == SIDE_CLIENT && memcmp(v->p, http2_preface, n) == 0) {
		if (n < PREFACE) {
			t->need = PREFACE;
			return false;
		}
		if (!h->half[SIDE_SERVER].phase && tsm_from_start(s, side)) {
			h->preface = tsm_request(s, PREFACE_KEY, v->p);
			tsm_request_end(s, h->preface, v->p + PREFACE);
		}
		v->p += PREFACE;
		x->hpack.whole = true;
		x->phase = P_FRAME;
		return true;
	}
	if (side == SIDE_SERVER && n < FRAME_HEADER) {
		t->need = FRAME_HEADER;
		return false;
	}
	if (side == SIDE_SERVER && h->half[SIDE_CLIENT].hpack.whole) {
		enum tsm_probe r = status_like(*v);

		if (r == PROBE_MAYBE)
			t->need = (uint32_t)view_len(v) + 1;
		else if (r == PROBE_YES)
			answered_by_http1(s, h, v);
		if (r != PROBE_NO)
			return r == PROBE_YES;
	}
	if (side == SIDE_SERVER)
		tsm_withdraw(s, h->preface);
	if (side == SIDE_SERVER && is_settings(v->p)) {
		x->hpack.whole = true;
		x->phase = P_FRAME;
		return true;
	}
	/* It began before: this is a frame in the middle, if it is one. */
	x->phase = tsm_from_start(s, side) ? P_LOST : P_FRAME;
	x->max_frame = h->half[other(side)].max_frame = FRAME_MOST;
	window_unknown(h);
	return true;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct http2 *h = state;
	struct half *x = &h->half[side];
	struct take t = {0, 0, false};

	if (!h->begun)
		start(s, h);
	for (;;) {
		if (h->refused) {
			t.skip = TAKE_TO_END;
			return t;
		}
		switch (x->phase) {
		case P_DATA:
			data_done(s, h, side, v->p);
			continue;
		case P_PASS:
			x->phase = P_FRAME;
			continue;
		case P_START:
			if (!view_len(v) || !first(s, h, side, v, &t))
				return t;
			continue;
		case P_LOST:
			x->phase = P_FRAME;
			t.need = TAKE_SEARCH;
			return t;
		default:
			break;
		}
		if (view_len(v) < FRAME_HEADER) {
			t.need = FRAME_HEADER;
			return t;
		}
		t.need = frame_need(frame_at(v->p));
		if (view_len(v) < t.need)
			return t;
		t.need = 0;
		frame(s, h, side, v, &t);
		if (t.skip)
			return t;
	}
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	struct http2 *h = state;

	(void)n;
	if (!h->begun)
		start(s, h);
	lost(s, h, side);
}

static void end(struct session *s, void *state, enum side side, enum tsm_end why)
{
	struct http2 *h = state;

	if (h->refused && side == SIDE_SERVER && why == END_FIN)
		tsm_response_end(s, h->preface, NULL);
	h->ended |= (uint8_t)(1u << side);
	if (h->ended == 3 && !h->refused)
		tsm_withdraw(s, h->preface);
	if (h->ended == 3)
		for (uint32_t i = 0; i < h->n; i++)
			stream_values(&h->streams[i]);
}

/* ---- Recognition ---- */

/* Could a frame of an unknown connection begin so? */
bool http2_frame_like(const uint8_t *p)
{
	struct frame f = frame_at(p);

	if (f.type > FRAME_CONTINUATION || p[5] & 0x80 || f.len > FRAME_DEFAULT)
		return false;
	if (!f.id)
		return f.type == FRAME_SETTINGS || f.type == FRAME_PING || f.type == FRAME_GOAWAY ||
		       f.type == FRAME_WINDOW_UPDATE;
	return f.type != FRAME_SETTINGS && f.type != FRAME_PING && f.type != FRAME_GOAWAY;
}

/* Frames one behind the other, among them a whole header block whose direction shows. */
static enum tsm_probe frames_like(struct view v, enum side side)
{
	enum tsm_probe found = PROBE_MAYBE;

	for (unsigned i = 0; i < 8 && view_len(&v) >= FRAME_HEADER; i++) {
		struct frame f = frame_at(v.p);
		unsigned at = FRAME_HEADER + (f.flags & FLAG_PADDED ? 1 : 0) +
			      (f.flags & FLAG_PRIORITY ? 5 : 0);

		if (!http2_frame_like(v.p))
			return PROBE_NO;
		if (view_len(&v) < FRAME_HEADER + f.len)
			break;
		if (f.type == FRAME_HEADERS && f.flags & FLAG_END_HEADERS && f.id & 1 &&
			f.len > at - FRAME_HEADER && !(f.flags & 0xd2u)) {
			size_t n = FRAME_HEADER + f.len - at;

			if (surely_opens(v.p + at, n, side))
				found = PROBE_YES;
			else if (surely_opens(v.p + at, n, other(side)))
				found = PROBE_SWAPPED;
		}
		v.p += FRAME_HEADER + f.len;
	}
	return found;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	size_t n = view_len(&head) < PREFACE ? view_len(&head) : PREFACE;
	enum tsm_probe r;

	if (!n)
		return PROBE_MAYBE;
	if (memcmp(head.p, http2_preface, n) == 0) {
		if (n < PREFACE)
			return PROBE_MAYBE;
		return side == SIDE_CLIENT ? PROBE_YES : PROBE_SWAPPED;
	}
	if (n < FRAME_HEADER)
		return head.p[0] ? PROBE_NO : PROBE_MAYBE;
	r = frames_like(head, side);
	/* The server may be the first to speak: its settings, which name small numbers. */
	if (r == PROBE_MAYBE && side == SIDE_SERVER && is_settings(head.p) &&
		frame_at(head.p).len && view_len(&head) >= FRAME_HEADER + 6)
		return !head.p[9] && head.p[10] >= 1 && head.p[10] <= 9 ? PROBE_YES : PROBE_NO;
	return r;
}

static const struct claim claims[] = {
	{TABLE_TCP_PORT, 50051}, /* what gRPC's examples use */
	{TABLE_END, 0},
};

TSM_DISSECTOR(http2) = {
	TSM_HEAD,
	.name = "http2",
	.title = "Hypertext Transfer Protocol 2, without TLS",
	.claims = claims,
	.fields = http2_fields,
	.state_size = sizeof(struct http2),
	.probe = probe,
	.data = data,
	.gap = gap,
	.end = end,
	.describe = http2_describe,
	.sync = sync,
	.model = &http_model,
};
