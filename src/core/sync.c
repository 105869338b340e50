/*
 * sync.c - getting back in step: where does the next message of a side begin, after bytes were
 * lost, where a connection began before the capture, and where a dissector finds that it reads what
 * is no message?
 *
 * The dissector's sync() is asked of one byte after the other. "Maybe" keeps what there is from
 * that byte on until there is more, TSM_SYNC_MAX bytes at most, so that no byte is shown more often
 * than TSM_SYNC_MAX times as the first, nor more than TSM_SYNC_MAX of them at once: the work is
 * linear in what comes, however it is cut into segments, and so is the result.
 *
 * Messages look alike, and parts of one like another (values of Redis, zeros of MySQL). The one
 * thing that tells where one begins whatever the protocol is, is whose turn it is: who speaks for
 * the first time since the other has spoken rarely does so in the middle of something.
 */
#include "core/sync.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stream.h"
#include "core/txn.h"

/* The n bytes in front of `end` will not be read. */
static void passed_over(struct session *s, enum side side, size_t n, const uint8_t *end)
{
	const uint8_t *inner = reading_of(s)->inner_begin;
	struct stamp last;
	uint64_t offset;

	counters_add(&s->shard->engine->counters,
		"session: bytes passed over in search of a message", n);
	last = txn_stamp(s, side, inner ? inner : end - 1, &offset);
	txn_passed_over(s, side, end - n, n, &last);
}

const uint8_t *sync_turn_in(const struct session *s, enum side side)
{
	const struct reading *r = reading_of(s);
	const struct session_side *x = &s->side[side];

	if (!r->base || x->turn < r->base_offset || x->turn > x->pos)
		return NULL;
	return r->base + (x->turn - r->base_offset);
}

/* As much of a view as sync() is shown. */
static struct view first_of(struct view v)
{
	if (view_len(&v) > TSM_SYNC_MAX)
		v.end = v.p + TSM_SYNC_MAX;
	return v;
}

/* By sync(); its answer for the front of the view, which is left where it was asked last. */
static enum tsm_probe ask_on(struct session *s, enum side side, tsm_sync *ask, struct view *v)
{
	while (v->p < v->end) {
		struct view look = first_of(*v);
		bool all = look.end == v->end;
		const uint8_t *before = v->p;
		enum tsm_probe r = ask(s, s->state, side, &look);

		v->p = look.p < look.end ? look.p : look.end;
		if (r == PROBE_YES)
			return r;
		if (r == PROBE_MAYBE && all && view_len(v) < TSM_SYNC_MAX)
			return r;
		/* Of a place further on more may be shown. */
		if (r == PROBE_MAYBE && v->p > before)
			continue;
		if (v->p < look.end)
			v->p++;
	}
	return PROBE_NO;
}

bool sync_look(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v)
{
	enum tsm_probe r;

	if (!ask) {
		bool there = turn && turn >= v->p && turn < v->end;

		v->p = there ? turn : v->end;
		return there;
	}
	reading_of(s)->turn = turn;
	r = ask_on(s, side, ask, v);
	/* What may begin in front of a turn does not hide what surely begins with it. */
	if (r == PROBE_MAYBE && turn && turn > v->p && turn < v->end) {
		struct view look = first_of(view_of(turn, (size_t)(v->end - turn), 0));

		r = ask(s, s->state, side, &look);
		if (r == PROBE_YES && look.p == turn)
			v->p = turn;
		else
			r = PROBE_MAYBE;
	}
	reading_of(s)->turn = NULL;
	return r == PROBE_YES;
}

bool sync_find(
	struct session *s, enum side side, tsm_sync *ask, const uint8_t *turn, struct view *v)
{
	const uint8_t *from = v->p;
	bool found = sync_look(s, side, ask, turn, v);

	if (v->p > from)
		passed_over(s, side, (size_t)(v->p - from), v->p);
	return found;
}

/* Was all that the side sent captured, from its first byte on? */
static bool from_first(const struct session *s, enum side side)
{
	unsigned dir = side == SIDE_CLIENT ? flow_client(s->flow) : !flow_client(s->flow);

	return flow_said(s->flow, dir)->flags & FS_SYN && !s->side[side].missed;
}

void sync_turn(struct session *s, enum side side)
{
	struct session_side *x = &s->side[side];

	/* Where nobody was heard before, this may be the middle of something. */
	x->turn = s->spoke == 2 && !from_first(s, side) ? UINT64_MAX : x->pos;
	s->spoke = (uint8_t)side;
}

void sync_place(struct session *s)
{
	s->placed = true;
	for (int i = 0; i < 2; i++)
		s->side[i].search = !tsm_from_start(s, (enum side)i);
}

bool tsm_from_start(const struct session *s, enum side side)
{
	const struct session_side *x = &s->side[side];
	uint64_t unread = x->pos - x->len;

	if (side == reading_of(s)->side)
		unread = reading_of(s)->base_offset;
	return from_first(s, side) && unread == x->preamble;
}

bool tsm_takes_turn(const struct session *s, const uint8_t *at)
{
	return at == reading_of(s)->turn;
}

void tsm_go_on(struct session *s, enum side side)
{
	s->side[side].search = false;
}
