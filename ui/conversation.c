/* conversation.c - see conversation.h. */
#include "conversation.h"
#include "api/layer.h"
#include "base/mem.h"
#include "core/layers.h"
#include <stdlib.h>
#include <string.h>

#define PIECES 65536u

struct early { /* a segment behind a hole */
	uint64_t time, frame;
	uint32_t seq, len, cut;
	uint8_t *bytes;
};

struct piece { /* what a frame brought */
	uint64_t frame;
	uint32_t at, len;
};

struct way { /* one side's bytes */
	bool begun;
	uint32_t next;
	struct early early[CONVERSATION_AHEAD];
	unsigned n;
	uint64_t missing; /* before what comes next */
};

struct conversation {
	struct ends ends;
	struct way way[2];
	struct turn *turn;
	uint32_t nturns, turns;
	uint8_t *bytes;
	uint32_t n, room;
	struct piece *piece;
	uint32_t npieces, pieces;
	uint64_t last; /* time of the last packet with bytes */
	uint64_t left_out;
	bool over, syn;
	uint32_t isn; /* of the client's SYN */
	struct counters counters;
};

struct conversation *conversation_new(const struct ends *e)
{
	struct conversation *c = xcalloc(1, sizeof(*c));

	c->ends = *e;
	return c;
}

static void drop(struct way *w, unsigned i)
{
	free(w->early[i].bytes);
	w->early[i] = w->early[--w->n];
}

void conversation_free(struct conversation *c)
{
	if (!c)
		return;
	for (int side = 0; side < 2; side++)
		while (c->way[side].n)
			drop(&c->way[side], 0);
	free(c->turn);
	free(c->bytes);
	free(c->piece);
	free(c);
}

static void keep_piece(struct conversation *c, uint64_t frame, uint32_t len)
{
	if (c->npieces == PIECES)
		return;
	if (c->npieces == c->pieces) {
		c->pieces = c->pieces ? c->pieces * 2 : 64;
		c->piece = xrealloc(c->piece, c->pieces * sizeof(*c->piece));
	}
	c->piece[c->npieces++] = (struct piece){frame, c->n, len};
}

/* The turn that bytes of a side go to; NULL: there is no room for another. */
static struct turn *turn_of(struct conversation *c, int side, uint64_t time, uint64_t frame)
{
	struct turn *t = c->nturns ? &c->turn[c->nturns - 1] : NULL;
	uint64_t missing = c->way[side].missing;

	if (t && t->side == side && !missing && c->ends.proto == IP_PROTO_TCP)
		return t;
	if (c->nturns == CONVERSATION_TURNS)
		return NULL;
	if (c->nturns == c->turns) {
		c->turns = c->turns ? c->turns * 2 : 64;
		c->turn = xrealloc(c->turn, c->turns * sizeof(*c->turn));
	}
	c->way[side].missing = 0;
	t = &c->turn[c->nturns++];
	*t = (struct turn){time, frame, c->last && time > c->last ? time - c->last : 0, c->n, 0,
		missing, (uint8_t)side};
	return t;
}

static void put(struct conversation *c, int side, uint64_t time, uint64_t frame, const uint8_t *p,
	uint32_t len)
{
	struct turn *t;

	if (!len)
		return;
	t = len <= CONVERSATION_BYTES - c->n ? turn_of(c, side, time, frame) : NULL;
	if (!t) {
		c->left_out += len;
		return;
	}
	if (c->room - c->n < len) {
		c->room = c->room ? c->room : 4096;
		while (c->room - c->n < len)
			c->room *= 2;
		c->bytes = xrealloc(c->bytes, c->room);
	}
	memcpy(c->bytes + c->n, p, len);
	keep_piece(c, frame, len);
	c->n += len;
	t->len += len;
	c->last = time;
}

/* A segment that begins at the side's next byte or before it. */
static void go_on(struct conversation *c, int side, const struct early *s)
{
	struct way *w = &c->way[side];
	uint32_t old = w->next - s->seq;

	if (old < s->len)
		put(c, side, s->time, s->frame, s->bytes + old, s->len - old);
	if (old < s->len + s->cut) {
		w->missing += s->len + s->cut - (old > s->len ? old : s->len);
		w->next = s->seq + s->len + s->cut;
	}
}

static void fill_in(struct conversation *c, int side)
{
	struct way *w = &c->way[side];

	for (unsigned i = 0; i < w->n;) {
		if ((int32_t)(w->early[i].seq - w->next) > 0) {
			i++;
			continue;
		}
		go_on(c, side, &w->early[i]);
		drop(w, i);
		i = 0;
	}
}

/* The capture has not got what is before the first of those that came early. */
static void skip_hole(struct conversation *c, int side)
{
	struct way *w = &c->way[side];
	unsigned first = 0;

	if (!w->n)
		return;
	for (unsigned i = 1; i < w->n; i++)
		if ((int32_t)(w->early[i].seq - w->early[first].seq) < 0)
			first = i;
	w->missing += w->early[first].seq - w->next;
	w->next = w->early[first].seq;
	fill_in(c, side);
}

static void keep_early(struct conversation *c, int side, const struct early *s)
{
	struct way *w = &c->way[side];

	if (w->n == CONVERSATION_AHEAD)
		skip_hole(c, side);
	if ((int32_t)(s->seq - w->next) <= 0) {
		go_on(c, side, s);
		fill_in(c, side);
		return;
	}
	w->early[w->n] = *s;
	w->early[w->n].bytes = xmalloc(s->len ? s->len : 1);
	memcpy(w->early[w->n++].bytes, s->bytes, s->len);
}

/* What the other side has acknowledged and is not here will not come any more. */
static void acknowledged(struct conversation *c, int side, uint32_t ack)
{
	struct way *w = &c->way[side];

	while (w->n && w->begun) {
		uint32_t before = w->next;

		for (unsigned i = 0; i < w->n; i++)
			if ((int32_t)(ack - w->early[i].seq) >= 0) {
				skip_hole(c, side);
				break;
			}
		if (w->next == before)
			return;
	}
}

static void add_tcp(struct conversation *c, int side, const struct packet *k)
{
	struct way *w = &c->way[side];
	struct early s = {k->time, k->number, k->tcp_seq, k->paylen, k->paycut,
		(uint8_t *)(uintptr_t)k->payload};

	if (k->tcp_flags & TCP_SYN) {
		if (side == SIDE_CLIENT && !(k->tcp_flags & TCP_ACK)) {
			/* Another connection between the same ports. */
			c->over = c->n && (!c->syn || c->isn != k->tcp_seq);
			c->syn = true;
			c->isn = k->tcp_seq;
		}
		if (c->over)
			return;
		s.seq++;
		if (!w->begun || !c->n)
			w->next = s.seq;
		w->begun = true;
	}
	if (k->tcp_flags & TCP_ACK)
		acknowledged(c, !side, k->tcp_ack);
	if (!s.len && !s.cut)
		return;
	if (!w->begun) {
		w->begun = true;
		w->next = s.seq;
	}
	keep_early(c, side, &s);
}

bool conversation_add(struct conversation *c, const struct packet *frame)
{
	struct packet k = *frame;
	enum side side;

	if (c->over)
		return false;
	layers_dissect(&k, &c->counters);
	if (!ends_meet(&c->ends, &k, &side) || k.flags & PACKET_FRAGMENT)
		return true;
	if (k.flags & PACKET_TCP) {
		add_tcp(c, (int)side, &k);
	} else {
		put(c, (int)side, k.time, k.number, k.payload, k.paylen);
		c->way[side].missing = k.paycut;
	}
	return !c->over;
}

void conversation_flush(struct conversation *c)
{
	for (int side = 0; side < 2; side++)
		while (c->way[side].n)
			skip_hole(c, side);
}

uint32_t conversation_turns(const struct conversation *c, const struct turn **list)
{
	*list = c->turn;
	return c->nturns;
}

const uint8_t *conversation_bytes(const struct conversation *c, uint32_t *n)
{
	*n = c->n;
	return c->bytes;
}

uint64_t conversation_left_out(const struct conversation *c)
{
	return c->left_out;
}

bool conversation_find(const struct conversation *c, uint64_t frame, uint32_t *from, uint32_t *to)
{
	for (uint32_t i = 0; i < c->npieces; i++)
		if (c->piece[i].frame == frame) {
			*from = c->piece[i].at;
			*to = c->piece[i].at + c->piece[i].len;
			return true;
		}
	return false;
}
