/*
 * turns.c - payload that no dissector reads: whose turn it is, and how long the other's lasted.
 */
#include "core/handshake.h"
#include "core/shard.h"
#include <string.h>

void turns_tell(struct shard *sh, const struct flow *f, struct flow_turns *t)
{
	for (unsigned i = 0; t && i < t->nheld; i++)
		record_of_turn(sh, f, t->held[i].asked, t->held[i].answered, t->held[i].frame,
			t->turns - t->nheld + i == 0, RECORD_ENDED);
	if (t)
		t->nheld = 0;
}

/* The server answered. Records of it wait as long as a dissector may still be found. */
static void answered(struct shard *sh, const struct flow *f, struct flow_turns *t, uint64_t now)
{
	const struct session *s = flow_session(f);

	if (!sh->engine->config->turns)
		return;
	if (t->nheld == TURNS_HELD)
		turns_tell(sh, f, t);
	t->held[t->nheld].asked = t->last < now ? t->last : now;
	t->held[t->nheld].answered = now;
	t->held[t->nheld++].frame = sh->key_frame;
	if (!s || s->d)
		turns_tell(sh, f, t);
}

void turns_payload(struct shard *sh, const struct flow *f, struct flow_turns **turns, unsigned dir,
	uint64_t now)
{
	uint8_t who = dir == flow_client(f) ? 1 : 2;
	struct flow_turns *t = *turns;

	if (!t) {
		if (f->ext && f->ext->watch & WATCH_SPLIT)
			return; /* only half of them are here */
		t = *turns = pool_get(&sh->turns);
		memset(t, 0, sizeof(*t));
		t->first = who;
	}
	if (t->of && t->of != who) {
		uint64_t spent = now > t->last ? now - t->last : 0;

		if (who == 2) {
			if (!t->turns++) {
				t->first_asked = t->last < now ? t->last : now;
				t->first_answered = now;
			}
			t->wait += spent;
			if (spent > t->wait_max)
				t->wait_max = spent;
			answered(sh, f, t, now);
		} else {
			t->think += spent;
		}
	}
	t->of = who;
	t->last = now;
}

#define PATIENCE 50000000u /* ns; who closes sooner wanted no answer */

/* Has the client asked, and not been answered by now? */
static bool is_left(const struct shard *sh, const struct flow *f, uint64_t now)
{
	const struct flow_turns *t = flow_turns(f);
	const struct session *s = flow_session(f);

	return t && t->of == 1 && sh->engine->config->turns && now > t->last &&
	       now - t->last >= PATIENCE && !(s && s->d) && !(f->ext && f->ext->app) &&
	       f->packets[!flow_client(f)] && flow_unacked(f, flow_client(f)) < UNACKED;
}

void turns_left(struct shard *sh, const struct flow *f, uint64_t now, bool pending)
{
	struct flow_turns *t = (struct flow_turns *)flow_turns(f);

	if (!is_left(sh, f, now))
		return;
	turns_tell(sh, f, t);
	record_of_open_turn(sh, f, t->last, now, pending, RECORD_ENDED);
	t->of = 0;
}

void turns_open(struct shard *sh, const struct flow *f, uint64_t now)
{
	const struct flow_turns *t = flow_turns(f);

	for (unsigned i = 0; t && sh->engine->config->turns && i < t->nheld; i++)
		record_of_turn(sh, f, t->held[i].asked, t->held[i].answered, t->held[i].frame,
			t->turns - t->nheld + i == 0, RECORD_OF_MOMENT);
	if (is_left(sh, f, now))
		record_of_open_turn(sh, f, t->last, now, true, RECORD_OF_MOMENT);
}

const struct flow_turns *flow_turns(const struct flow *f)
{
	const struct session *s = flow_session(f);

	return s ? s->turned : f->turns;
}

void tsm_opaque(struct session *s, enum side side, const uint8_t *end)
{
	const struct flow *f = s->flow;
	uint64_t offset;

	if (f->proto != 6)
		return;
	turns_payload(s->shard, f, &s->turned,
		side == SIDE_CLIENT ? flow_client(f) : !flow_client(f),
		txn_stamp(s, side, end ? end - 1 : NULL, &offset).whole);
}
