/*
 * session_life.c - how a session begins and ends, and who makes way where there are too many.
 */
#include "core/session.h"
#include "api/layer.h"
#include "base/clock.h"
#include "core/answers.h"
#include "core/inflate.h"
#include "core/interleave.h"
#include "core/memo.h"
#include "core/pairing.h"
#include "core/recognise.h"
#include "core/resting.h"
#include "core/shard.h"
#include "core/turns.h"
#include "core/txn.h"
#include "core/unread.h"
#include <stdlib.h>
#include <string.h>

#define LOOKED_AT    16u    /* sessions looked at for one to give up */
#define SESSION_IDLE SECOND /* a connection is, that may be given up for another */

void session_count(struct session *s, const char *what)
{
	counters_add(&s->shard->engine->counters, what, 1);
}

static const struct decode_as *decode_as(const struct session *s)
{
	const struct engine_config *c = s->shard->engine->config;
	const struct flow *f = s->flow;

	for (unsigned i = 0; i < c->ndecode_as; i++)
		if (c->decode_as[i].transport == f->proto &&
			(c->decode_as[i].port == f->port[0] || c->decode_as[i].port == f->port[1]))
			return &c->decode_as[i];
	return NULL;
}

void session_set(struct session *s, const struct dissector *d)
{
	s->d = d;
	s->state = NULL;
	if (d && d->state_size) {
		s->state = xcalloc(1, d->state_size);
		s->shard->app_bytes += d->state_size;
	}
}

void session_unset(struct session *s)
{
	session_memory_release(s);
	memo_free(s);
	inflate_free(s);
	if (s->state)
		s->shard->app_bytes -= s->d->state_size;
	free(s->state);
	s->state = NULL;
	s->d = NULL;
}

static void join(struct shard *sh, struct session *s)
{
	s->older = sh->newest;
	s->newer = NULL;
	if (sh->newest)
		sh->newest->newer = s;
	else
		sh->oldest = s;
	sh->newest = s;
}

static void leave(struct shard *sh, struct session *s)
{
	if (s->older)
		s->older->newer = s->newer;
	else
		sh->oldest = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		sh->newest = s->older;
}

/*
 * May it be given up for another, `now`? One that has had no transaction yet; datagrams whose
 * requests are all answered; a connection that nothing was asked on for a while.
 */
static const char *gives_way(const struct session *s, uint64_t now)
{
	const struct flow *f = s->flow;
	uint64_t last = flow_last(f);

	if (!(f->flags & FLOW_HAD_TXN))
		return "session: memory budget used up, one without transactions given up";
	if (s->open || s->nresting || s->answers || s->upgraded)
		return NULL;
	if (f->proto == IP_PROTO_TCP && (now < last || now - last < SESSION_IDLE))
		return NULL;
	return "session: memory budget used up, one that was idle given up";
}

/* Is there room for one more session? What was looked at is looked at last the next time. */
static bool make_way(struct shard *sh, uint64_t now)
{
	for (unsigned i = 0; i < LOOKED_AT && shard_is_full(sh, sizeof(struct session)); i++) {
		struct session *s = sh->oldest;
		const char *why;

		if (!s)
			break;
		why = gives_way(s, now);
		if (why) {
			session_count(s, why);
			session_close(s, END_TIMEOUT, 0);
		} else {
			leave(sh, s);
			join(sh, s);
		}
	}
	return !shard_is_full(sh, sizeof(struct session));
}

static struct session *session_new(struct shard *sh, struct flow *f)
{
	struct session *s;
	const struct decode_as *as;

	if (!make_way(sh, flow_last(f))) {
		counters_add(&sh->engine->counters, "session: memory budget used up", 1);
		f->flags |= FLOW_OPAQUE;
		f->flow_tries = FLOW_TRIES_MAX;
		return NULL;
	}
	s = pool_get(&sh->sessions);
	memset(s, 0, sizeof(*s));
	s->shard = sh;
	s->flow = f;
	if (f->flags & FLOW_OPAQUE) { /* it was tried before */
		flow_app_take(s);
		f->flags &= (uint8_t)~FLOW_OPAQUE;
	}
	sh->app_bytes += sizeof(*s);
	join(sh, s);
	s->turn_of = s->spoke = 2;
	unread_init(&s->side[0]);
	unread_init(&s->side[1]);
	s->side[SIDE_CLIENT].missed = f->payload[flow_client(f)] != 0;
	s->side[SIDE_SERVER].missed = f->payload[!flow_client(f)] != 0;
	f->session = s;
	as = decode_as(s);
	if (as && !as->dissector) {
		session_close(s, END_SWITCH, 0);
		return NULL;
	}
	if (as)
		session_set(s, as->dissector);
	return s;
}

/* What the client sent before, but for the n bytes that come now, was lost? */
static void begun_lost(struct session *s, uint64_t n)
{
	const struct flow *f = s->flow;
	unsigned client = flow_client(f);

	if (f->ext && f->ext->side[client].gaps && f->payload[client] > n)
		pairing_lost(s, SIDE_CLIENT, f->payload[client] - n, false, true);
}

struct session *session_open(struct shard *sh, struct flow *f, enum side side, struct view head)
{
	struct verdict v = {NULL, PROBE_NO, false};
	struct session *s = recognise_worth(sh, f, side, head, &v) ? session_new(sh, f) : NULL;
	unsigned dir = side == SIDE_CLIENT ? flow_client(f) : !flow_client(f);

	if (s) {
		begun_lost(s, side == SIDE_CLIENT ? view_wire(&head) : 0);
		s->side[side].missed = f->payload[dir] != view_wire(&head);
		s->head = v;
	}
	return s;
}

void session_expect(struct shard *sh, struct flow *f)
{
	if (!flow_session(f) && (!(f->flags & FLOW_OPAQUE) || flow_may_try(f)) &&
		session_new(sh, f))
		begun_lost(f->session, 0);
}

void session_close(struct session *s, enum tsm_end why, uint64_t now)
{
	struct shard *sh = s->shard;

	answers_drop(s);
	for (int i = 0; i < 2; i++)
		session_end(s, (enum side)i, why, why == END_CAPTURE ? 0 : now);
	txn_close_all(s, now, why == END_CAPTURE);
	resting_wake(s);
	if (s->d && !s->app.by)
		s->app.by = s->d;
	if (s->upgraded) { /* nothing of the new protocol was seen */
		if (now)
			txn_closed_at(s->upgraded, now);
		txn_finish(s, s->upgraded);
	}
	session_unset(s);
	for (int i = 0; i < 2; i++)
		unread_drop(s, &s->side[i]);
	sh->app_bytes -= sizeof(*s);
	leave(sh, s);
	flow_app_leave(s);
	s->flow->flags |= FLOW_OPAQUE;
	s->flow->flow_tries = FLOW_TRIES_MAX;
	pool_put(&sh->sessions, s);
}
