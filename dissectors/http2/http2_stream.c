/*
 * http2_stream.c - streams and their flow control (RFC 9113, 5).
 *
 * A stream's transaction is keyed by its number. A receiver's window is used up when nothing of it
 * is left for a message that has begun and not ended; the time until it opens again is a stall.
 */
#include "http2.h"

static const char *code_name(uint32_t code)
{
	static const char *const names[] = {"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR",
		"FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
		"ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "UNKNOWN";
}

struct stream *stream_find(struct http2 *h, uint32_t id)
{
	if (h->last < h->n && h->streams[h->last].id == id)
		return &h->streams[h->last];
	for (uint32_t i = 0; i < h->n; i++)
		if (h->streams[i].id == id) {
			h->last = i;
			return &h->streams[i];
		}
	return NULL;
}

void stream_remove(struct http2 *h, struct stream *st)
{
	*st = h->streams[--h->n];
}

/* Room for one more; the oldest is given up where there are too many. */
static bool stream_room(struct session *s, struct http2 *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : 8, oldest = 0;
	struct stream *more;

	if (h->n < h->cap && h->n < STREAMS_MAX)
		return true;
	if (h->n < STREAMS_MAX) {
		more = tsm_memory(s, h->streams, cap * sizeof(*more));
		if (more) {
			h->streams = more;
			h->cap = cap;
			return true;
		}
	}
	if (!h->n)
		return false;
	for (uint32_t i = 1; i < h->n; i++)
		if (h->streams[i].id < h->streams[oldest].id)
			oldest = i;
	tsm_note(s, "http2: too many streams open, oldest given up");
	stream_values(&h->streams[oldest]);
	tsm_abandon(s, h->streams[oldest].t);
	stream_remove(h, &h->streams[oldest]);
	return true;
}

struct stream *stream_new(struct session *s, struct http2 *h, uint32_t id)
{
	struct stream *st;

	if (!stream_room(s, h))
		return NULL;
	h->last = h->n;
	st = &h->streams[h->n++];
	memset(st, 0, sizeof(*st));
	st->id = id;
	for (int i = 0; i < 2; i++)
		st->window[i] = h->half[i].initial;
	return st;
}

void stream_values(struct stream *st)
{
	static const unsigned sizes[2][2] = {{F_REQ_BYTES, F_REQ_BODY}, {F_RES_BYTES, F_RES_BODY}};

	for (int i = 0; i < 2; i++) {
		enum side side = (enum side)i;

		if (stream_is(st, S_DOUBT, side) || !stream_is(st, S_ENDED, side) || !st->bytes[i])
			continue;
		tsm_u64(st->t, sizes[i][0], st->bytes[i]);
		if (side == SIDE_SERVER || st->body[i])
			tsm_u64(st->t, sizes[i][1], st->body[i]);
		tsm_bytes(st->t, side, st->bytes[i]);
	}
	tsm_u64(st->t, F_STALL_CLIENT, st->stall[SIDE_CLIENT]);
	tsm_u64(st->t, F_STALL_SERVER, st->stall[SIDE_SERVER]);
	tsm_u64(st->t, F_UNKNOWN, st->unknown);
	if (st->interim)
		tsm_u64(st->t, F_INTERIM, st->interim);
}

/* Is the message to this side held up by its windows? */
static void look_at_window(
	struct session *s, struct http2 *h, struct stream *st, enum side side, const uint8_t *at)
{
	enum side from = side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	bool blocked = h->windows && stream_is(st, S_BEGUN, from) &&
		       !stream_is(st, S_ENDED, from) &&
		       (st->window[side] <= 0 || h->half[side].window <= 0);

	if (blocked == stream_is(st, S_BLOCKED, side))
		return;
	st->flags ^= (uint16_t)(S_BLOCKED << side);
	st->stall[side] += tsm_window(s, st->t, side, blocked, at);
}

void stream_begin(
	struct session *s, struct http2 *h, struct stream *st, enum side side, const uint8_t *at)
{
	bool asked = stream_is(st, S_BEGUN, SIDE_CLIENT);

	if (stream_is(st, S_BEGUN, side))
		return;
	stream_set(st, S_BEGUN, side);
	if (side == SIDE_CLIENT) {
		tsm_withdraw(s, h->preface);
		st->t = tsm_request(s, st->id, at);
	} else if (tsm_is(st->t) || !asked) {
		st->t = tsm_response(s, st->id, at);
	}
	if (side == SIDE_CLIENT || !asked) {
		tsm_u64(st->t, F_STREAM, st->id);
		tsm_str(st->t, F_VERSION, text("2"));
	}
	/* The connection's window may be used up already. */
	look_at_window(s, h, st, side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT, at + 1);
}

void stream_end(
	struct session *s, struct http2 *h, struct stream *st, enum side side, const uint8_t *at)
{
	enum side other = side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	bool over;

	if (stream_is(st, S_ENDED, side))
		return;
	stream_set(st, S_ENDED, side);
	if (!stream_is(st, S_BEGUN, side) && !stream_is(st, S_DOUBT, side))
		tsm_flag(st->t, QUALITY_MALFORMED); /* no head, or one that says nothing */
	over = stream_is(st, S_ENDED, other);
	/* The end of a request that was not seen to end will not be seen after the answer. */
	if (side == SIDE_SERVER &&
		(!stream_is(st, S_BEGUN, SIDE_CLIENT) || stream_is(st, S_DOUBT, SIDE_CLIENT)))
		over = true;
	if (over)
		stream_values(st);
	if (side == SIDE_CLIENT) {
		tsm_request_end(s, st->t, at);
	} else {
		bool waits = !stream_is(st, S_ENDED, SIDE_CLIENT) || st->flags & S_PUSHED;

		tsm_response_end(s, st->t, at);
		if (over && waits)
			tsm_abandon(s, st->t);
	}
	if (over)
		stream_remove(h, st);
}

/*
 * DATA of `n` bytes, without padding: does another gRPC message begin in it? Each has five bytes in
 * front, of which four are its length.
 */
void stream_grpc(struct stream *st, enum side side, const uint8_t *p, uint32_t n)
{
	if (!n || st->messages[side] > 1)
		return;
	if (n <= st->left[side]) {
		st->left[side] -= n;
		return;
	}
	if (!st->left[side] && !st->messages[side]++) {
		/* What begins in parts is not followed. */
		st->left[side] = n < GRPC_PREFIX
					 ? UINT64_MAX
					 : (uint64_t)GRPC_PREFIX +
						   ((uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
							   (uint32_t)p[3] << 8 | p[4]);
		if (n <= st->left[side]) {
			st->left[side] -= n;
			return;
		}
	}
	st->messages[side] = 2;
	tsm_u64(st->t, F_GRPC_STREAMING, 1);
}

void stream_reset(struct session *s, struct http2 *h, struct stream *st, enum side side,
	uint32_t code, const uint8_t *at)
{
	h->reset[h->resets++ % RESETS] = st->id;
	if (st->flags & S_PUSHED && !stream_is(st, S_BEGUN, SIDE_SERVER))
		tsm_note(s, "http2: promised stream called off before its answer, no record");
	stream_values(st);
	if (stream_is(st, S_ENDED, SIDE_SERVER)) {
		/* Answered: the rest of the request is not wanted. */
		tsm_abandon(s, st->t);
	} else {
		tsm_name(st->t, F_RESET_BY, side == SIDE_CLIENT ? "client" : "server");
		tsm_name(st->t, F_RESET_CODE, code_name(code));
		if (side == SIDE_SERVER && code)
			tsm_status(st->t, STATUS_SERVER_ERROR);
		tsm_reset(s, st->t, side, at);
	}
	stream_remove(h, st);
}

bool stream_unseen(const struct http2 *h, uint32_t id)
{
	const struct half *opener = &h->half[id & 1 ? SIDE_CLIENT : SIDE_SERVER];

	if (opener->hpack.whole && id <= opener->max_id)
		return false;
	for (uint32_t i = 0; i < RESETS; i++)
		if (h->reset[i] == id)
			return false;
	return id & 1 || !opener->hpack.whole;
}

static void look_at_all(struct session *s, struct http2 *h, enum side side, const uint8_t *at)
{
	for (uint32_t i = 0; i < h->n; i++)
		look_at_window(s, h, &h->streams[i], side, at);
}

void window_used(struct session *s, struct http2 *h, struct stream *st, enum side side, uint32_t n,
	const uint8_t *at)
{
	int64_t *w = &h->half[side].window;
	bool was = *w > 0;

	*w -= n;
	if (st)
		st->window[side] -= n;
	if (was && *w <= 0)
		look_at_all(s, h, side, at);
	else if (st)
		look_at_window(s, h, st, side, at);
}

static bool more(int64_t *w, uint32_t n)
{
	*w += n;
	if (*w <= WINDOW_MAX)
		return true;
	*w = WINDOW_MAX;
	return false;
}

void window_update(struct session *s, struct http2 *h, enum side side, uint32_t id, uint32_t n,
	const uint8_t *at)
{
	struct stream *st = id ? stream_find(h, id) : NULL;
	int64_t *w = id ? st ? &st->window[side] : NULL : &h->half[side].window;
	bool was;

	if (!w)
		return;
	was = *w > 0;
	if (!more(w, n))
		tsm_note(s, "http2: window over 2^31-1");
	if (was || *w <= 0)
		return;
	if (st)
		look_at_window(s, h, st, side, at);
	else
		look_at_all(s, h, side, at);
}

void window_initial(
	struct session *s, struct http2 *h, enum side side, uint32_t n, const uint8_t *at)
{
	int64_t by = (int64_t)n - h->half[side].initial;

	if (n > WINDOW_MAX || !by)
		return;
	h->half[side].initial = n;
	for (uint32_t i = 0; i < h->n; i++) {
		int64_t *w = &h->streams[i].window[side];

		*w += by;
		if (*w > WINDOW_MAX)
			*w = WINDOW_MAX;
		look_at_window(s, h, &h->streams[i], side, at);
	}
}

void window_unknown(struct http2 *h)
{
	h->windows = false;
	for (uint32_t i = 0; i < h->n; i++)
		h->streams[i].flags &= (uint16_t) ~(S_BLOCKED | S_BLOCKED << 1);
}
