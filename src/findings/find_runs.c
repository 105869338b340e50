/*
 * find_runs.c - many small requests one after the other, in a protocol that is not read, while
 * somebody waited for all of them together: what a page asks a database row by row.
 *
 * A run is what a connection asks without a pause. It counts where its client had a request in hand
 * meanwhile (find_busy.c) and spent half of that time and more on it.
 */
#include "findings/find_impl.h"
#include "api/layer.h"

#define FLOWS 1024u                /* connections whose run is known */
#define RUNS  512u                 /* that are over */
#define PAUSE (100 * (uint64_t)MS) /* between two of a run at most */
#define MOST  500u                 /* permille of what its service was waited for */

struct run {
	struct svc *s;
	struct addr client;
	uint64_t from, to, count, cost, frame;
};

struct runs_all {
	struct keyed *open; /* runs, by flow */
	unsigned nover;
	struct run over[RUNS];
};

struct runs_state {
	struct proof p; /* while a list is made */
	uint64_t asked, longest;
};

static void add_turn(struct findings *f, struct svc *s, const struct turn_record *t)
{
	struct runs_all *all = f->state[DETECTOR_RUNS];
	struct run *r;

	if (t->app || t->r.transport != IP_PROTO_TCP)
		return;
	if (!all->open)
		all->open = keyed_new(
			sizeof(t->r.flow_id), sizeof(struct run), findings_room(f, FLOWS));
	r = keyed_renew(all->open, &t->r.flow_id);
	if (t->r.start > r->to + PAUSE) {
		if (r->count >= f->limit.v[THRESHOLD_REPEATS])
			all->over[all->nover++ % RUNS] = *r;
		memset(r, 0, sizeof(*r));
		r->from = t->r.start;
		r->frame = t->frame;
	}
	r->s = s;
	r->client = t->r.client.ip;
	r->to = t->r.end;
	if (t->r.duration >= f->limit.v[THRESHOLD_SLOW])
		return; /* it is slow on its own account */
	r->count++;
	r->cost += t->r.duration;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (s && r->kind == RECORD_TURN)
		add_turn(f, s, (const void *)r);
}

static void add_run(struct findings *f, const struct run *r)
{
	uint64_t least = f->limit.v[THRESHOLD_REPEATS], requests, busy;
	struct runs_state *c;

	if (r->count < least)
		return;
	busy = busy_with(f, &r->client, r->from, r->to, &requests);
	if (!requests || busy > 2 * r->cost || r->count < least * requests)
		return;
	c = svc_state(r->s, DETECTOR_RUNS);
	proof_add(&c->p, r->from, r->cost, r->frame);
	proof_until(&c->p, r->to);
	proof_client(&c->p, &r->client);
	c->asked += r->count;
	c->longest = r->count > c->longest ? r->count : c->longest;
}

static void prepare(struct findings *f)
{
	const struct runs_all *all = f->state[DETECTOR_RUNS];
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if (svc_has(s, DETECTOR_RUNS))
			memset(svc_state(s, DETECTOR_RUNS), 0, sizeof(struct runs_state));
	for (unsigned i = 0; i < RUNS && i < all->nover; i++)
		add_run(f, &all->over[i]);
	for (uint32_t i = 0; all->open && i < keyed_count(all->open); i++)
		add_run(f, keyed_value(all->open, i));
}

static void list_runs(struct findings *f, const struct svc *s, const struct runs_state *c)
{
	struct finding *x = finding_new(f, "n-plus-one", "Many small requests one after the other",
		s, &c->p, "tsumari.turns.count >= 20");

	finding_claims(x, s, ENTRY(SERVER) | ENTRY(NETWORK),
		CLASS(NONE) |
			(reaches(c->p.cost, svc_waiting(s), MOST) ? CLASS(LESSER) | CLASS(MEDIUM)
								  : 0));
	x->counted = "bursts";
	x->of = FIELD_ABSENT;
	x->if_felt = true;
	finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C time%1 a connection asked again and again without a pause while its client had "
		"a request in hand, which took half of its time and more: %C small requests, %C in "
		"the longest burst, %T each. What was asked is not known: the protocol is not "
		"read.",
		x->count, x->count, c->asked, c->longest, x->local / c->asked);
	say(&x->means, "For one page there are many round trips where few would do: row by row "
		       "(N+1), or key by key.");
	say(&x->next, "The statements of one request in the log of the server or the client; a "
		      "JOIN, lists of keys (WHERE id IN, MGET), a pipeline; a path that is "
		      "shorter.");
	say(&x->against, "A job that works through a list on purpose looks the same.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct runs_state *c = svc_has(s, DETECTOR_RUNS);

		if (c && c->p.count)
			list_runs(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct runs_all *)state)->open);
}

static void counters(const void *state, struct counters *c)
{
	const struct runs_all *all = state;

	count_forgotten(
		c, "findings: runs of small requests forgotten, too many", all->nover, RUNS);
}

const struct detector detect_runs = {.size = sizeof(struct runs_all),
	.service_size = sizeof(struct runs_state),
	.table = {{offsetof(struct runs_all, open),
		"findings: connections with questions in a row forgotten, too many"}},
	.kinds = OF_TURN,
	.record = record,
	.prepare = prepare,
	.list = list,
	.release = release,
	.counters = counters};
