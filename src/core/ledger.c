/*
 * ledger.c - where the waiting of a transaction went: stretches of time are given to entries as
 * they are found, and what is left of a phase is its own entry. See docs/transactions.md, "Stamps,
 * pairing, ledger".
 *
 * A phase has what lies between two stamps to give, never more: entries take from it one after the
 * other, so that no entry can be larger than its phase and their sum is the total.
 */
#include "core/ledger.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/txn.h"
#include <assert.h>
#include <string.h>

enum { T0, T1, T2, T3 };

static bool marked(const struct txn *t, int stamp)
{
	return (t->marks >> stamp & 1) != 0;
}

struct spent *ledger_need(struct shard *sh, struct spent **s)
{
	if (!*s) {
		*s = pool_get(&sh->spent);
		memset(*s, 0, sizeof(**s));
		sh->app_bytes += sizeof(**s);
	}
	return *s;
}

void ledger_drop(struct shard *sh, struct spent **s)
{
	if (!*s)
		return;
	sh->app_bytes -= sizeof(**s);
	pool_put(&sh->spent, *s);
	*s = NULL;
}

static struct spent *need_spent(struct txn *t)
{
	return ledger_need(t->session->shard, &t->spent);
}

static void spend(struct txn *t, enum phase ph, enum ledger_entry entry, uint64_t ns)
{
	need_spent(t)->by[ph][entry] += ns;
}

void ledger_load(
	struct txn *t, enum side side, uint64_t from, uint64_t to, uint64_t rtt, uint64_t behind)
{
	int first = side == SIDE_CLIENT ? T0 : T2;

	if (!marked(t, first) || (side == SIDE_SERVER && !marked(t, T1)))
		return;
	ledger_load_of(&need_spent(t)->load[side], t->stamp[first],
		marked(t, first + 1) ? t->stamp[first + 1] : UINT64_MAX, from, to, rtt, behind);
}

void ledger_load_of(struct path_load *x, uint64_t first, uint64_t last, uint64_t from, uint64_t to,
	uint64_t rtt, uint64_t behind)
{
	from = from > first ? from : first;
	to = to < last ? to : last;
	if (from >= to)
		return;
	x->rtt = (uint64_t)(((double)x->rtt * (double)x->time + (double)rtt * (double)(to - from)) /
			    (double)(x->time + (to - from)));
	x->time += to - from;
	x->behind = behind;
}

void ledger_forget(struct shard *sh, struct txn *t)
{
	ledger_drop(sh, &t->spent);
}

void ledger_copy(struct txn *to, const struct txn *from)
{
	to->counted_to = from->counted_to;
	for (int ph = 0; from->spent && ph < PHASE_COUNT; ph++)
		for (int i = 0; i < LEDGER_COUNT; i++)
			if (from->spent->by[ph][i])
				spend(to, (enum phase)ph, (enum ledger_entry)i,
					from->spent->by[ph][i]);
	if (from->spent)
		memcpy(need_spent(to)->load, from->spent->load, sizeof(to->spent->load));
}

/* Is it the entry's in this phase? Within the waiting for an answer only loss and windows are
   stalls, and only a response is kept waiting by its server. */
static bool takes(enum ledger_entry entry, enum phase ph)
{
	if (entry == LEDGER_STALL_DELAYED_ACK)
		return ph != PHASE_WAIT;
	return entry != LEDGER_SERVER || ph == PHASE_RESPONSE;
}

/* The phase that a time is in, as far as the stamps are known, and where that ends, not behind
   `to`. */
static enum phase phase_at(const struct txn *t, uint64_t time, uint64_t to, uint64_t *until)
{
	enum phase ph = PHASE_WAIT;

	*until = to;
	if (marked(t, T2) && time >= t->stamp[T2])
		return PHASE_RESPONSE;
	if (marked(t, T2) && t->stamp[T2] < to)
		*until = t->stamp[T2];
	if (!marked(t, T1) || time < t->stamp[T1]) {
		ph = PHASE_REQUEST;
		if (marked(t, T1) && t->stamp[T1] < *until)
			*until = t->stamp[T1];
	}
	return ph;
}

void txn_stall_one(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	uint64_t at = from > t->counted_to ? from : t->counted_to;

	if (at >= to)
		return;
	t->counted_to = to;
	while (at < to) {
		uint64_t until;
		enum phase ph = phase_at(t, at, to, &until);

		if (takes(entry, ph))
			spend(t, ph, entry, until - at);
		at = until;
	}
}

void ledger_take(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	uint64_t at = from > t->stamp[T0] ? from : t->stamp[T0];

	while (at < to) {
		uint64_t until;
		enum phase ph = phase_at(t, at, to, &until);

		spend(t, ph, entry, until - at);
		at = until;
	}
}

void ledger_waited(struct txn *t, enum ledger_entry entry, uint64_t now)
{
	uint64_t left;

	if (marked(t, T2) && t->stamp[T2] < now)
		now = t->stamp[T2];
	if (!marked(t, T1) || now <= t->stamp[T1])
		return;
	left = now - t->stamp[T1];
	for (int i = 0; t->spent && i < LEDGER_COUNT; i++)
		left -= t->spent->by[PHASE_WAIT][i] < left ? t->spent->by[PHASE_WAIT][i] : left;
	if (left)
		spend(t, PHASE_WAIT, entry, left);
	if (t->counted_to < now)
		t->counted_to = now;
}

/* What of the transaction's beginning is not read yet, and may turn out to have been stalled. */
static void remember_stall(struct session *s, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	struct stall *x = &s->stalls[s->nstalls++ % STALLS_MAX];

	x->from = from;
	x->to = to;
	x->entry = (uint8_t)entry;
	if (to > s->stalled_to)
		s->stalled_to = to;
}

/* Takes back what was spent in one phase from this time on, where it belongs to the next one. */
static void move_spent(struct txn *t, const struct stall *x, enum phase ph, uint64_t stamp)
{
	uint64_t begin = x->from > stamp ? x->from : stamp, n = x->to - begin;
	uint64_t *had = t->spent ? &t->spent->by[ph][x->entry] : NULL;

	if (had)
		*had -= n < *had ? n : *had;
	if (takes((enum ledger_entry)x->entry, ph + 1))
		spend(t, ph + 1, (enum ledger_entry)x->entry, n);
}

void ledger_stamped(struct session *s, struct txn *t, int i)
{
	uint64_t stamp = t->stamp[i];

	for (unsigned k = s->nstalls > STALLS_MAX ? s->nstalls - STALLS_MAX : 0; k < s->nstalls;
		k++) {
		const struct stall *x = &s->stalls[k % STALLS_MAX];

		if (x->to <= stamp)
			continue;
		if (i == T0)
			txn_stall_one(t, (enum ledger_entry)x->entry, x->from, x->to);
		else if (i == T1 && (!marked(t, T2) || t->stamp[T2] >= x->to))
			move_spent(t, x, PHASE_REQUEST, stamp);
		else if (i == T2 && marked(t, T1))
			move_spent(t, x, PHASE_WAIT, stamp);
	}
}

void txn_stall(struct session *s, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	remember_stall(s, entry, from, to);
	for (struct txn *t = s->first; t; t = t->next)
		/* A server that may not send is not at work. */
		if (entry != LEDGER_SERVER || !t->window_since[SIDE_CLIENT])
			txn_stall_one(t, entry, from, to);
	if (entry != LEDGER_STALL_RTO_SERVER && entry != LEDGER_STALL_FAST_SERVER)
		return;
	for (struct txn *t = s->resting; t; t = t->next)
		txn_stall_one(t, entry, from, to);
}

void txn_idle(struct session *s, uint64_t from, uint64_t to)
{
	for (struct txn *t = s->first; t; t = t->next)
		if (marked(t, T1) && marked(t, T2) && !t->window_since[SIDE_CLIENT])
			txn_stall_one(t, LEDGER_SERVER, from, to);
}

/* Gives what it can of `left` ns to an entry. */
static void give(uint64_t *ledger, int entry, uint64_t want, uint64_t *left)
{
	uint64_t n = want < *left ? want : *left;

	ledger[entry] += n;
	*left -= n;
}

/* The phases' lengths; false: there is no end to count to. */
static bool phases(struct txn_record *r, const struct txn *t, uint64_t end, uint64_t *span)
{
	uint64_t s0 = t->stamp[T0], s1 = t->stamp[T1], s2 = t->stamp[T2];
	bool t1 = marked(t, T1), t2 = marked(t, T2);

	memset(span, 0, PHASE_COUNT * sizeof(*span));
	if (t2 && (!t1 || s2 < s1)) {
		if (s2 < s0 || end < s2)
			return false;
		span[PHASE_REQUEST] = s2 - s0; /* the answer came first: nobody waited after it */
		r->request = span[PHASE_REQUEST];
		r->wait = 0;
	} else if (t1 && s1 >= s0 && end >= s1 && (!t2 || end >= s2)) {
		span[PHASE_REQUEST] = s1 - s0;
		span[PHASE_WAIT] = (t2 ? s2 : end) - s1;
	} else if ((t->unsent || (!t1 && t->pending)) && end >= s0) {
		span[PHASE_REQUEST] = end - s0; /* it is still being sent, or never was */
	} else {
		return false;
	}
	if (t2)
		span[PHASE_RESPONSE] = end - s2;
	return true;
}

/*
 * The phases, shared among the entries. A request travels while it waits for its turn, and so does
 * the answer before it: the path is in what was queued, as far as there is any.
 */
void ledger_share(uint64_t *ledger, const struct spent *s, uint64_t rtt, uint64_t *span)
{
	uint64_t *wait = &span[PHASE_WAIT];
	uint64_t queued = s ? s->by[PHASE_WAIT][LEDGER_QUEUED] : 0;

	for (int ph = 0; s && ph < PHASE_COUNT; ph++)
		for (int i = 0; i < LEDGER_COUNT; i++)
			if (i != LEDGER_QUEUED)
				give(ledger, i, s->by[ph][i], &span[ph]);
	if (s) /* what the request still waited for when it had gone by */
		give(ledger, LEDGER_REQUEST, s->load[SIDE_CLIENT].behind, wait);
	if (rtt != FIELD_ABSENT)
		give(ledger, LEDGER_NETWORK, rtt, wait);
	if (queued > ledger[LEDGER_NETWORK])
		give(ledger, LEDGER_QUEUED, queued - ledger[LEDGER_NETWORK], wait);
	ledger[LEDGER_REQUEST] += span[PHASE_REQUEST];
	ledger[LEDGER_SERVER] += *wait;
	ledger[LEDGER_RESPONSE] += span[PHASE_RESPONSE];
}

/* Whoever sent again and again was waiting for its timer, whatever the other side was doing. */
static void never_arrived(uint64_t *ledger, bool response)
{
	int from = response ? LEDGER_RESPONSE : LEDGER_SERVER;

	ledger[response ? LEDGER_STALL_RTO_SERVER : LEDGER_STALL_RTO_CLIENT] += ledger[from];
	ledger[from] = 0;
}

/* All of it goes to one entry: it is the connection's own, stalls taken out. */
static uint64_t all_to_tls(struct txn_record *r, const struct txn *t, uint64_t whole)
{
	uint64_t after = t->handshake_ns > whole ? t->handshake_ns - whole : 0;

	for (int i = LEDGER_REQUEST; i <= LEDGER_RESPONSE; i++) {
		r->ledger[LEDGER_CONNECT_TLS] += r->ledger[i];
		r->ledger[i] = 0;
	}
	r->ledger[LEDGER_CONNECT_TLS] += after;
	return after;
}

static uint64_t between(const struct txn *t, int from, int to)
{
	if (!marked(t, from) || !marked(t, to))
		return FIELD_ABSENT;
	return t->stamp[to] > t->stamp[from] ? t->stamp[to] - t->stamp[from] : 0;
}

void ledger_account(struct txn_record *r, const struct txn *t, uint64_t rtt)
{
	uint64_t end = !marked(t, T3)                ? t->closed_at
		       : t->resent_at > t->stamp[T3] ? t->resent_at
						     : t->stamp[T3];
	uint64_t span[PHASE_COUNT], after = 0, sum = 0;

	r->request = between(t, T0, T1);
	r->wait = between(t, T1, T2);
	r->response = between(t, T2, T3);
	r->total = FIELD_ABSENT;
	if (t->spent)
		memcpy(r->load, t->spent->load, sizeof(r->load));
	if (!marked(t, T0) || !end)
		return;
	if (!marked(t, T1) && t->doubtful && t->session->interleaved)
		return; /* its end was lost, or it goes on: nobody can tell */
	if (marked(t, T2) && !marked(t, T1) && t->cut & CUT_REQUEST)
		return; /* it ended somewhere behind what was captured of it */
	if (!phases(r, t, end, span))
		return;
	ledger_share(r->ledger, t->spent, r->unacked ? FIELD_ABSENT : rtt, span);
	if (r->unacked)
		never_arrived(r->ledger, marked(t, T2));
	if (t->handshake)
		after = all_to_tls(r, t, end - t->stamp[T0]);
	r->ledger[LEDGER_CONNECT_RETRY] += t->connect_retry;
	r->ledger[LEDGER_CONNECT_NETWORK] += t->connect_network;
	r->connect = t->connect_retry + t->connect_network;
	r->total = end - t->stamp[T0] + after + r->connect;
	for (int i = 0; i < LEDGER_COUNT; i++)
		sum += r->ledger[i];
	assert(sum == r->total);
}
