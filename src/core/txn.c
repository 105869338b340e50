/*
 * txn.c - transactions: the four stamps and pairing.
 *
 * Pairing after bytes were lost is conservative: a response is given to a request only where no
 * other request could be meant. See docs/transactions.md, "Stamps, pairing, ledger".
 */
#include "core/txn.h"
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/pairing.h"
#include "core/record_of.h"
#include "core/resting.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stale.h"
#include "core/stream.h"
#include <stdlib.h>
#include <string.h>

enum { T0, T1, T2, T3 };

struct stamp txn_stamp(const struct session *s, enum side side, const uint8_t *at, uint64_t *offset)
{
	const struct session_side *x = &s->side[side];
	const struct reading *now = reading_of(s);

	if (!at || !now->base || side != now->side) {
		*offset = x->pos;
		return x->last;
	}
	*offset = now->base_offset + (uint64_t)(at - now->base);
	if (*offset < now->now_offset)
		for (uint32_t i = x->nspans; i > 0; i--)
			if (x->spans[i - 1].offset <= *offset)
				return x->spans[i - 1].at;
	return now->now;
}

/* What came out of compressed bytes came with all of them. */
static const uint8_t *first_of(const struct session *s, const uint8_t *at)
{
	const struct reading *now = reading_of(s);

	return at && now->inner_begin ? now->inner_begin : at;
}

static const uint8_t *end_of(const struct session *s, const uint8_t *end)
{
	const struct reading *now = reading_of(s);

	return end && now->inner_end ? now->inner_end : end;
}

static void set_stamp(struct txn *t, int i, uint64_t time, uint64_t frame, uint64_t offset)
{
	/* Capture times that run backwards must not make a span negative. */
	for (int k = i - 1; k >= 0; k--)
		if (t->marks & 1u << k && !(i == T2 && k == T1) && time < t->stamp[k]) {
			time = t->stamp[k];
			t->quality |= 1u << QUALITY_TIME_BACK;
		}
	t->stamp[i] = time;
	t->frame[i] = frame;
	t->offset[i] = offset;
	t->marks |= (uint8_t)(1u << i);
	if ((i == T1 || i == T2) && t->session->stalled_to > time)
		ledger_stamped(t->session, t, i);
}

bool tsm_is(struct tsm_txn which)
{
	return txn_of(which) != NULL;
}

bool tsm_same(struct tsm_txn a, struct tsm_txn b)
{
	return txn_of(a) && a.place == b.place && a.number == b.number;
}

struct txn *txn_new(struct session *s, uint64_t key)
{
	struct shard *sh = s->shard;
	struct txn *t;
	uint8_t *buf;
	uint32_t cap;

	if (sh->app_bytes + sh->held_bytes > sh->budget / 2) {
		counters_add(&sh->engine->counters, "transaction: memory budget used up", 1);
		return NULL;
	}
	t = pool_get(&sh->txns);
	cap = 1024;
	buf = xmalloc(cap);
	memset(t, 0, sizeof(*t));
	t->buf = buf;
	t->cap = cap;
	t->number = ++sh->ntxns;
	t->ordinal = (uint32_t)t->number;
	t->session = s;
	t->by = s->d;
	t->d = s->d;
	t->key = key;
	t->quality = flow_quality(s->flow);
	sh->app_bytes += sizeof(*t) + cap;
	return t;
}

static void unlink_txn(struct session *s, struct txn *t)
{
	struct txn **p = &s->first, *before = NULL;

	while (*p && *p != t) {
		before = *p;
		p = &(*p)->next;
	}
	if (!*p)
		return;
	*p = t->next;
	if (s->last == t)
		s->last = before;
	s->open--;
}

void txn_append(struct session *s, struct txn *t)
{
	t->next = NULL;
	if (s->last)
		s->last->next = t;
	else
		s->first = t;
	s->last = t;
	s->open++;
}

/*
 * The oldest that waits for its answer, which will be passed over when it comes. Not one that the
 * dissector still has in hand, and not one that holds others together.
 */
static bool give_up_oldest(struct session *s)
{
	struct txn *t = s->interleaved ? NULL : s->first;

	while (t && (t->composite || t->marks & 1u << T2 || t == s->side[SIDE_CLIENT].current))
		t = t->next;
	if (!t)
		return false;
	tsm_note(s, "transaction: too many open, oldest closed unanswered");
	pairing_given_up(s, t);
	t->doubtful = 1;
	txn_finish(s, t);
	return true;
}

struct tsm_txn tsm_request(struct session *s, uint64_t key, const uint8_t *at)
{
	struct stamp now;
	uint64_t offset;
	struct txn *t;

	if (s->open >= TXN_OPEN_MAX && !give_up_oldest(s)) {
		tsm_note(s, "transaction: too many open, a new one not followed");
		return TSM_NONE;
	}
	t = txn_new(s, key);
	if (!t)
		return TSM_NONE;
	now = txn_stamp(s, SIDE_CLIENT, first_of(s, at), &offset);
	if (!key)
		pairing_request(s, t, &now);
	set_stamp(t, T0, now.seen, now.seen_frame, offset);
	t->counted_to = now.seen;
	if (s->stalled_to > now.seen)
		ledger_stamped(s, t, T0);
	txn_append(s, t);
	txn_take_connect(s, t);
	t->stale = stale_request(s, now.seen);
	if (!s->interleaved)
		s->side[SIDE_CLIENT].current = t;
	return txn_name(t);
}

/* Is it answered after those before it? */
static bool in_turn(const struct session *s, const struct txn *t)
{
	return !s->interleaved && !t->composite && !t->unanswered && t->by == s->d &&
	       (!t->key || t->by->traits & TRAIT_IN_ORDER);
}

/* Of two at one time, the one in the frame with the lower number. */
static bool earlier(const struct txn *t, unsigned a, unsigned b)
{
	return t->stamp[a] != t->stamp[b] ? t->stamp[a] < t->stamp[b] : t->frame[a] < t->frame[b];
}

void tsm_request_end(struct session *s, struct tsm_txn which, const uint8_t *end)
{
	struct txn *t = txn_of(which);
	struct stamp now;
	uint64_t offset;

	if (s->side[SIDE_CLIENT].current == t)
		s->side[SIDE_CLIENT].current = NULL;
	if (!t)
		return;
	end = end_of(s, end);
	now = txn_stamp(s, SIDE_CLIENT, end ? end - 1 : NULL, &offset);
	set_stamp(t, T1, now.whole, now.whole_frame, end ? offset + 1 : offset);
	pairing_request_end(s, t);
	if (t->marks & 1u << T2 && earlier(t, T2, T1))
		t->quality |= 1u << QUALITY_EARLY_RESPONSE;
	/* It was held back until then: the dissector did not know before whether it is one. */
	if (now.whole < s->answered && in_turn(s, t))
		ledger_waited(t, LEDGER_QUEUED, s->answered);
	if (t->marks & 1u << T3)
		txn_finish(s, t);
}

void tsm_awaits(struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (t)
		t->awaits = 1;
}

void tsm_doubt(struct session *s)
{
	for (struct txn *t = s->first; t; t = t->next)
		t->doubtful |= !(t->marks & 1u << T2);
}

void tsm_doubt_of(struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (t)
		t->doubtful |= !(t->marks & 1u << T2);
}

/*
 * A request whose bytes the snap length has cut, and behind which none began, ended with the last
 * packet that the client sent before its answer. How many bytes belong to it is not known. Of a
 * client that does not wait another one may hide in it.
 */
static void end_cut_request(const struct session *s, struct txn *t, uint64_t now)
{
	const struct session_side *x = &s->side[SIDE_CLIENT];

	if (t->cut & CUT_REQUEST && t->marks & 1u << T0 && !(t->marks & 1u << T1) && !t->next &&
		!t->composite && !s->pairing.pipelined && x->last.whole <= now)
		set_stamp(t, T1, x->last.whole, x->last.whole_frame, x->pos);
}

/* May what the server sent last be the answer to another one? */
static bool others_wait(const struct session *s, const struct txn *t, uint64_t last)
{
	for (const struct txn *o = s->first; o; o = o->next)
		if (o != t && !o->composite && o->marks & 1u << T0 && o->stamp[T0] <= last &&
			!(o->marks & 1u << T2))
			return true;
	return s->pairing.pipelined;
}

/* An answer ended with the last packet of the server. */
void txn_end_cut(const struct session *s, struct txn *t, uint64_t now)
{
	const struct session_side *x = &s->side[SIDE_SERVER];

	/* Of one direction alone nobody knows what is an answer to what. */
	if (flow_quality(s->flow) & 1u << QUALITY_ONE_WAY)
		return;
	/* Else what the server has said may be its answer. */
	if (!(t->marks & 1u << T2) && (!x->pos || x->last.whole <= t->stamp[T0]))
		end_cut_request(s, t, now);
	if (t->cut & CUT_ANSWER && (t->marks & (1u << T2 | 1u << T3)) == 1u << T2 &&
		!t->composite && x->last.whole <= now && x->last.whole >= t->stamp[T2] &&
		!others_wait(s, t, x->last.whole))
		set_stamp(t, T3, x->last.whole, x->last.whole_frame, x->pos);
}

/* Of an answer that was cut, who ends where the client goes on? */
static bool ends_with_turn(const struct txn *t)
{
	return t->cut & CUT_ANSWER && (!t->key || t->by->traits & TRAIT_IN_ORDER) && !t->lasting &&
	       !t->composite;
}

void txn_answer_over(struct session *s, enum side side, uint32_t len)
{
	struct txn *t = s->side[SIDE_SERVER].current;

	if (side == SIDE_CLIENT && len && t && ends_with_turn(t))
		txn_finish(s, t);
}

/* Was an answer from there captured before the request was sent? Then it is another's. One whose
   frame was out of order has its time from what it waited for (early.c). */
static bool stands_before(const struct stamp *answer, const struct txn *t)
{
	return answer->seen_frame < t->frame[T0] && answer->seen < t->stamp[T0];
}

struct tsm_txn tsm_response(struct session *s, uint64_t key, const uint8_t *at)
{
	struct stamp now;
	uint64_t offset;
	struct txn *t = NULL;

	if (key) {
		t = txn_of(tsm_find(s, key));
		if (!t && reading_of(s)->may_wait) {
			reading_of(s)->waits = true;
			return TSM_NONE;
		}
		s->pairing.behind &= t != NULL; /* it is to what was not seen */
	} else if (!pairing_response(
			   s, txn_stamp(s, SIDE_SERVER, first_of(s, at), &offset).seen, &t)) {
		return TSM_NONE;
	}
	now = txn_stamp(s, SIDE_SERVER, first_of(s, at), &offset);
	if (t && stands_before(&now, t))
		t = NULL;
	if (!t) {
		t = txn_new(s, key);
		if (!t)
			return TSM_NONE;
		t->quality |= 1u << QUALITY_NO_REQUEST;
		t->counted_to = now.seen;
		txn_append(s, t);
	}
	if (t->cut)
		end_cut_request(s, t, now.seen);
	set_stamp(t, T2, now.seen, now.seen_frame, offset);
	if (!s->interleaved && !t->composite) {
		/* Where the one before ended was cut. */
		if (s->side[SIDE_SERVER].current)
			s->side[SIDE_SERVER].current->cut &= (uint8_t)~CUT_ANSWER;
		s->side[SIDE_SERVER].current = t;
	}
	return txn_name(t);
}

/* The server has answered t: what the next one waited for so far was that. */
static void next_in_turn(const struct session *s, const struct txn *t, uint64_t now)
{
	struct txn *next = s->first;

	while (next && (next == t || next->marks & 1u << T2 || !in_turn(s, next)))
		next = next->next;
	if (next)
		ledger_waited(next, LEDGER_QUEUED, now);
}

void tsm_response_end(struct session *s, struct tsm_txn which, const uint8_t *end)
{
	struct txn *t = txn_of(which);
	struct stamp now;
	uint64_t offset;

	if (s->side[SIDE_SERVER].current == t)
		s->side[SIDE_SERVER].current = NULL;
	if (!t)
		return;
	end = end_of(s, end);
	now = txn_stamp(s, SIDE_SERVER, end ? end - 1 : NULL, &offset);
	set_stamp(t, T3, now.whole, now.whole_frame, end ? offset + 1 : offset);
	if (in_turn(s, t)) {
		s->answered = now.whole;
		if (s->open > 1)
			next_in_turn(s, t, now.whole);
	}
	if (t->marks & 1u << T1 || (!s->interleaved && s->side[SIDE_CLIENT].current != t))
		txn_finish(s, t);
}

struct tsm_txn tsm_greeting(struct session *s, const uint8_t *at)
{
	const struct flow *f = s->flow;
	uint64_t offset, stands = handshake_stands(f);
	struct stamp now = txn_stamp(s, SIDE_SERVER, at, &offset);
	struct txn *t;

	if (s->open >= TXN_OPEN_MAX && !give_up_oldest(s))
		return TSM_NONE;
	t = txn_new(s, 0);
	if (!t)
		return TSM_NONE;
	if (stands && stands <= now.seen) {
		set_stamp(t, T0, stands, 0, 0);
		set_stamp(t, T1, stands, 0, 0);
		txn_take_connect(s, t);
	} else {
		t->quality |= 1u << QUALITY_NO_REQUEST;
	}
	t->counted_to = now.seen;
	txn_append(s, t);
	set_stamp(t, T2, now.seen, now.seen_frame, offset);
	s->side[SIDE_SERVER].current = t;
	return txn_name(t);
}

struct tsm_txn tsm_open(struct session *s, uint64_t key)
{
	struct txn *t;

	if (s->open >= TXN_OPEN_MAX && !give_up_oldest(s))
		return TSM_NONE;
	t = txn_new(s, key);
	if (!t)
		return TSM_NONE;
	t->quality |= 1u << QUALITY_NO_REQUEST;
	t->counted_to = reading_of(s)->now.seen;
	txn_append(s, t);
	return txn_name(t);
}

uint64_t tsm_established(const struct session *s)
{
	return s->flow->established;
}

/* Was it the server that closed the connection, and not after the client? */
static bool closed_by_server(const struct session *s)
{
	const struct flow *f = s->flow;

	if (f->state == FLOW_RESET && f->who >> 7 == flow_client(f))
		return false;
	return f->state == FLOW_RESET || !s->side[SIDE_CLIENT].ended;
}

struct tsm_txn tsm_unsent(struct session *s)
{
	const struct flow *f = s->flow;
	const struct session_side *x = &s->side[SIDE_SERVER];
	uint64_t since = x->pos ? x->last.whole : f->established, now = reading_of(s)->ended;
	struct txn *t;

	if (!since || now < since || !closed_by_server(s))
		return TSM_NONE;
	t = txn_new(s, 0);
	if (!t)
		return TSM_NONE;
	set_stamp(t, T0, since, 0, 0);
	txn_take_connect(s, t);
	t->counted_to = since;
	t->unsent = 1;
	txn_closed_at(t, now);
	txn_append(s, t);
	return txn_name(t);
}

void tsm_handshake(struct tsm_txn which, uint64_t ns)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	t->handshake = 1;
	t->handshake_ns = ns;
}

void tsm_composite(struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	t->composite = 1;
	for (int i = 0; i < 2; i++)
		if (t->session->side[i].current == t)
			t->session->side[i].current = NULL;
}

struct tsm_txn tsm_current(struct session *s, enum side side)
{
	struct txn *t = s->side[side].current;

	return t && t->by == s->d ? txn_name(t) : TSM_NONE;
}

struct tsm_txn tsm_find(struct session *s, uint64_t key)
{
	for (struct txn *t = s->first; t; t = t->next)
		if (t->key == key && t->by == s->d && (t->composite || !(t->marks & 1u << T2)))
			return txn_name(t);
	return TSM_NONE;
}

void tsm_abandon(struct session *s, struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	t->lasting = 0;
	/* What follows an answer that was cut may be the rest of it, until the client goes on. */
	if (reading_of(s)->side == SIDE_CLIENT || t != s->side[SIDE_SERVER].current ||
		!ends_with_turn(t))
		txn_finish(s, t);
}

void tsm_withdraw(struct session *s, struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	if (t->carries_connect)
		s->flow->flags &= (uint8_t)~FLOW_HAD_TXN;
	t->passed_on = 1;
	pairing_not_asked(s, t);
	txn_finish(s, t);
}

void tsm_unanswered(struct session *s, struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	pairing_not_asked(s, t);
	if (t->marks & 1u << T1) {
		t->unanswered = 1;
		t->closed_at = t->stamp[T1];
	}
	txn_finish(s, t);
}

struct tsm_txn tsm_event(struct session *s, const uint8_t *at)
{
	uint64_t offset;
	struct stamp now = txn_stamp(s, SIDE_SERVER, first_of(s, at), &offset);
	struct txn *t = txn_new(s, 0);

	if (!t)
		return TSM_NONE;
	t->unanswered = 1;
	t->counted_to = now.seen;
	txn_append(s, t);
	set_stamp(t, T2, now.seen, now.seen_frame, offset);
	s->side[SIDE_SERVER].current = t;
	return txn_name(t);
}

void tsm_lasting(struct tsm_txn which)
{
	struct txn *t = txn_of(which);

	if (t)
		t->lasting = 1;
}

void tsm_repeated(struct session *s, struct tsm_txn which, const uint8_t *at)
{
	struct txn *t = txn_of(which);
	uint64_t offset;

	if (t && tsm_datagram(s))
		ledger_waited(
			t, LEDGER_RETRY, txn_stamp(s, SIDE_CLIENT, first_of(s, at), &offset).whole);
}

uint64_t tsm_time(const struct session *s, const uint8_t *at)
{
	uint64_t offset;

	return txn_stamp(s, reading_of(s)->side, first_of(s, at), &offset).whole;
}

void txn_settle(struct session *s, struct txn *t)
{
	/* The request did not end at all; of one that was cut nobody knows. */
	if ((t->marks & 7) == (1u << T0 | 1u << T2) && !(s->interleaved && t->doubtful) &&
		!(t->cut & CUT_REQUEST))
		t->quality |= 1u << QUALITY_EARLY_RESPONSE;
	if (!(t->marks & (1u << T2 | 1u << T3))) {
		if (!t->unanswered && !t->unsent)
			t->quality |= 1u << QUALITY_NO_RESPONSE;
		if (t->doubtful)
			t->quality |= 1u << QUALITY_GAP;
	} else if (!(t->marks & 1u << T3)) {
		t->quality |= 1u << QUALITY_UNFINISHED;
	}
	if (handshake_rtt(s->flow, flow_client(s->flow)) == UINT32_MAX)
		t->quality |= 1u << QUALITY_NO_RTT;
	t->quality |= flow_quality(s->flow);
	if (t->stale && !t->unanswered && !(t->marks & (1u << T2 | 1u << T3)))
		t->quality |= 1u << QUALITY_STALE;
	txn_settle_connect(s, t);
}

void txn_finish(struct session *s, struct txn *t)
{
	struct shard *sh = s->shard;

	if (t->cut && !t->pending)
		txn_end_cut(s, t, UINT64_MAX);
	for (int i = 0; i < 2; i++)
		if (s->side[i].current == t)
			s->side[i].current = NULL;
	unlink_txn(s, t);
	txn_settle(s, t);
	if (t->marks && !t->passed_on) { /* of one that was only opened nothing is known */
		if (txn_rest(s, t))
			return;
		record_of_txn(sh, t);
	}
	txn_discard(sh, t);
}

void txn_discard(struct shard *sh, struct txn *t)
{
	ledger_forget(sh, t);
	sh->app_bytes -= sizeof(*t) + t->cap;
	free(t->buf);
	t->number = 0; /* whoever still names it names none */
	pool_put(&sh->txns, t);
}

/* Was the request there before this was sent? */
static bool asked_before(const struct txn *t, const struct stamp *at)
{
	return t->stamp[T0] != at->seen ? t->stamp[T0] < at->seen : t->frame[T0] < at->seen_frame;
}

void txn_passed_over(
	struct session *s, enum side side, const uint8_t *p, size_t n, const struct stamp *last)
{
	pairing_passed_over(s, side, p, n, last->seen);
	if (side == SIDE_CLIENT)
		return;
	for (struct txn *t = s->first; t; t = t->next)
		if (!(t->marks & 1u << T2) && asked_before(t, last)) {
			t->doubtful = 1;
			if (!t->key) /* else it is known again, if it was not passed over */
				t->quality |= 1u << QUALITY_GAP;
		}
}

void txn_after_gap(struct session *s, enum side side)
{
	struct txn *current = s->side[side].current;

	if (s->interleaved) {
		for (struct txn *t = s->first; t; t = t->next) {
			t->doubtful = 1;
			t->window_since[0] = t->window_since[1] = 0;
		}
		s->side[side].current = NULL;
		return;
	}
	if (current)
		current->quality |= 1u << QUALITY_GAP;
	if (side == SIDE_CLIENT) {
		pairing_gap(s, side);
		if (!current || !current->key)
			s->side[SIDE_CLIENT].current = NULL;
		return;
	}
	pairing_gap(s, side);
	/* One with a key is its dissector's to go on with. */
	if (current && !current->key && !current->lasting && !(current->cut & CUT_ANSWER))
		txn_finish(s, current);
}

void txn_resent(struct session *s, enum side side, uint64_t bytes)
{
	for (struct txn *t = s->first; t; t = t->next)
		t->resent[side] += bytes;
}

void txn_lost(struct session *s, enum side side, uint64_t bytes)
{
	struct txn *t = s->side[side].current;

	if (!t && s->interleaved) { /* it may have been of any */
		for (t = s->first; t; t = t->next) {
			t->lost[side] += bytes;
			t->quality |= 1u << QUALITY_GAP;
		}
		return;
	}
	if (!t && s->first && side == SIDE_SERVER)
		t = s->first;
	if (t) {
		t->lost[side] += bytes;
		t->quality |= 1u << QUALITY_GAP;
	}
}

void tsm_set_tag(struct tsm_txn which, uint64_t tag)
{
	struct txn *t = txn_of(which);

	if (t)
		t->tag = tag;
}

uint64_t tsm_tag(struct tsm_txn which)
{
	const struct txn *t = txn_of(which);
	return t ? t->tag : 0;
}

void tsm_status(struct tsm_txn which, enum tsm_status_code status)
{
	struct txn *t = txn_of(which);

	if (t)
		t->status = (uint8_t)status;
}

void tsm_flag(struct tsm_txn which, enum tsm_quality quality)
{
	struct txn *t = txn_of(which);

	if (t)
		t->quality |= 1u << quality;
}
