/*
 * find_workers.c - servers whose workers are held by connections on which nothing happens.
 *
 * A server with so many processes or threads gives each to one connection until that closes (Apache
 * prefork with keep-alive, thread pools). Whoever connects meanwhile is connected at once, by the
 * kernel, and waits for the first answer until another connection closes. That is known by the
 * order of things: while it waits nobody who came later is answered; the connections that are being
 * served are idle for most of that time; its answer begins when one of these closes (or up to two
 * seconds later: so long a server lingers for the client's FIN).
 */
#include "findings/find_impl.h"
#include "api/layer.h"
#include "base/mem.h"
#include <stdlib.h>

#define CONNS   4096u                 /* connections that are remembered, the latest */
#define LINGER  (2300 * (uint64_t)MS) /* from a server's FIN to its next answer, at most */
#define CLOSELY (50 * (uint64_t)MS)   /* without lingering */
#define LEAST   3u                    /* that waited */
#define RESTED  (500 * (uint64_t)MS)  /* idle before it closed, at least */

struct conn {
	struct svc *at;
	uint64_t begun;           /* its handshake ended */
	uint64_t asked, answered; /* its first request; 0: not, or not yet */
	uint64_t rested;          /* its last answer */
	uint64_t closed;          /* by whoever did so first; UINT64_MAX: not */
	/* Of one whose first answer was slow: */
	uint64_t waited, until, frame;
	uint8_t class; /* enum wait_class of that */
	struct addr client;
	/* While a list is made: another's answer began with its end; its own with another's. */
	bool used, followed;
	struct conn *next; /* of the same service */
};

struct workers_all {
	struct keyed *conns; /* by flow */
};

/* While a list is made. */
struct workers_state {
	struct conn *first; /* in the order in which they were remembered */
	unsigned n;
	struct proof starved;
	uint64_t by_class[CLASS_COUNT]; /* ns of these */
	uint64_t most;                  /* that were served at a time */
	uint64_t matched;               /* answers that began when another connection had closed */
	uint64_t idle, held;            /* ns of those that were served meanwhile */
};

static struct conn *conn_of(struct findings *f, struct svc *s, const struct record *r)
{
	struct workers_all *all = f->state[DETECTOR_WORKERS];
	struct conn *x;

	if (!all->conns)
		all->conns =
			keyed_new(sizeof(r->flow_id), sizeof(struct conn), findings_room(f, CONNS));
	x = keyed_renew(all->conns, &r->flow_id);
	if (x->at != s)
		memset(x, 0, sizeof(*x));
	x->at = s;
	return x;
}

static bool is_long(uint8_t class)
{
	return class == CLASS_SLOW || class == CLASS_GAVE_UP || class >= CLASS_MAYBE;
}

/* tls: it is in the connection's own entry. */
static void first_was_slow(struct findings *f, struct svc *s, const struct record *r,
	uint64_t waited, uint64_t until, uint64_t frame, bool tls)
{
	struct conn *x;

	if (waited < f->limit.v[THRESHOLD_SLOW] || !(tls || is_long(f->claimed)))
		return;
	x = conn_of(f, s, r);
	x->waited = waited;
	x->until = until;
	x->frame = frame;
	x->class = tls ? CLASS_NONE : f->claimed;
	x->client = r->client.ip;
	svc_state(s, DETECTOR_WORKERS);
}

static bool is_over(const struct flow_record *r)
{
	return r->tcp_state && strcmp(r->tcp_state, "established") != 0;
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct conn *x;

	if (r->handshake == FIELD_ABSENT)
		return;
	x = conn_of(f, s, &r->r);
	x->begun = r->r.start + r->handshake;
	x->asked = r->first_asked;
	x->answered = r->first_answered;
	x->rested = r->last_answered ? r->last_answered : x->begun;
	x->closed = r->closed ? r->closed : is_over(r) ? r->r.end : UINT64_MAX;
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	uint64_t tls = t->ledger[LEDGER_CONNECT_TLS], server = t->ledger[LEDGER_SERVER];
	bool answered = t->stamp[2] != FIELD_ABSENT;

	if (t->total == FIELD_ABSENT || !(t->r.quality >> QUALITY_CONNECT & 1) ||
		t->stamp[1] == FIELD_ABSENT)
		return;
	tls = t->wait != FIELD_ABSENT && t->wait < tls ? t->wait : tls;
	first_was_slow(f, s, &t->r, tls ? tls : server,
		answered ? t->stamp[2] : t->r.start + t->total - t->connect, t->frame[1], tls != 0);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	const struct turn_record *turn = (const void *)r;

	if (!s || r->transport != IP_PROTO_TCP)
		return;
	if (is_flow_end(r))
		add_flow(f, s, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, t);
	else if (r->kind == RECORD_TURN && turn->first)
		first_was_slow(f, s, r, turn_own(turn), r->end, turn->frame, false);
}

static uint64_t within(uint64_t from, uint64_t to, const struct conn *x)
{
	from = from > x->asked ? from : x->asked;
	to = to < x->until ? to : x->until;
	return to > from ? to - from : 0;
}

/* It has a worker from then on. One that says nothing has it, too, as soon as there is one. */
static uint64_t served_from(const struct conn *c)
{
	if (c->answered)
		return c->answered;
	return c->asked ? UINT64_MAX : c->begun;
}

static int by_close(const void *a, const void *b)
{
	const struct conn *x = *(struct conn *const *)a, *y = *(struct conn *const *)b;

	if (x->closed != y->closed)
		return x->closed < y->closed ? -1 : 1;
	return x->begun < y->begun ? -1 : x->begun > y->begun;
}

/* Of the ends the first that is not before this time. */
static unsigned first_end(struct conn **ends, unsigned n, uint64_t time)
{
	unsigned from = 0;

	while (from < n) {
		unsigned mid = from + (n - from) / 2;

		if (ends[mid]->closed < time)
			from = mid + 1;
		else
			n = mid;
	}
	return from;
}

static bool rested(const struct conn *c)
{
	return c->closed - c->rested >= RESTED;
}

static bool had_to_wait(const struct conn *c)
{
	return c->waited && c->begun;
}

/* The connection whose end let this one be answered, and nobody else: idle until then, or one that
   had waited itself. */
static bool made_way(struct conn **ends, unsigned n, struct conn *x)
{
	uint64_t since = x->until > LINGER ? x->until - LINGER : 0;

	for (unsigned i = first_end(ends, n, since > x->asked ? since : x->asked);
		i < n && ends[i]->closed <= x->until + MS; i++) {
		struct conn *h = ends[i];

		if (h == x || h->used || served_from(h) >= x->until || (!rested(h) && !h->followed))
			continue;
		h->used = x->followed = true;
		return true;
	}
	return false;
}

/* Answers that began when another connection had closed; answered: all of those that waited. */
static uint64_t matched_ends(
	struct conn **c, unsigned n, struct conn **slow, unsigned nslow, uint64_t *answered)
{
	struct conn **ends = xmalloc(n * sizeof(struct conn *));
	unsigned nends = 0;
	uint64_t matched = 0;

	for (unsigned i = 0; i < n; i++)
		if (c[i]->closed != UINT64_MAX && (rested(c[i]) || had_to_wait(c[i])))
			ends[nends++] = c[i];
	qsort(ends, nends, sizeof(struct conn *), by_close);
	for (unsigned i = 0; i < nslow; i++) {
		if (!slow[i]->answered)
			continue;
		++*answered;
		matched += made_way(ends, nends, slow[i]);
	}
	free(ends);
	return matched;
}

/* When connections began to be served and when they no longer were, each in order. */
struct spans {
	uint64_t *from, *to;
	unsigned nfrom, nto;
};

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static struct spans spans_of(struct conn **c, unsigned n, uint64_t linger)
{
	struct spans s = {xmalloc(n * sizeof(uint64_t)), xmalloc(n * sizeof(uint64_t)), 0, 0};

	for (unsigned i = 0; i < n; i++) {
		uint64_t from = served_from(c[i]);

		if (from == UINT64_MAX)
			continue;
		s.from[s.nfrom++] = from;
		if (c[i]->closed != UINT64_MAX)
			s.to[s.nto++] = c[i]->closed + linger > from ? c[i]->closed + linger : from;
	}
	qsort(s.from, s.nfrom, sizeof(uint64_t), by_time);
	qsort(s.to, s.nto, sizeof(uint64_t), by_time);
	return s;
}

static void spans_free(struct spans *s)
{
	free(s->from);
	free(s->to);
}

/* How many of the times, which are in order, are not behind this one. */
static uint64_t not_behind(const uint64_t *times, unsigned n, uint64_t at)
{
	unsigned from = 0;

	while (from < n) {
		unsigned mid = from + (n - from) / 2;

		if (times[mid] <= at)
			from = mid + 1;
		else
			n = mid;
	}
	return from;
}

/* How many were being served then. */
static uint64_t served_at(const struct spans *s, uint64_t at)
{
	return not_behind(s->from, s->nfrom, at) - not_behind(s->to, s->nto, at);
}

static uint64_t most_served(struct conn **c, unsigned n)
{
	struct spans s = spans_of(c, n, 0);
	uint64_t most = 0;

	for (unsigned i = 0; i < s.nfrom; i++) {
		uint64_t now = served_at(&s, s.from[i]);

		most = now > most ? now : most;
	}
	spans_free(&s);
	return most;
}

/* Of those that waited: how many came when all workers were held. */
static uint64_t full_for(
	struct conn **c, unsigned n, struct conn **slow, unsigned nslow, uint64_t most)
{
	struct spans s = spans_of(c, n, LINGER);
	uint64_t full = 0;

	for (unsigned i = 0; i < nslow; i++)
		full += served_at(&s, slow[i]->asked) >= most;
	spans_free(&s);
	return full;
}

struct queue {
	uint64_t overtaken, later;
};

/* One that waited: what went on meanwhile. */
static void look_at(
	struct workers_state *w, struct conn **c, unsigned n, const struct conn *x, struct queue *q)
{
	for (unsigned i = 0; i < n; i++) {
		const struct conn *h = c[i];
		uint64_t from = served_from(h);

		if (h == x)
			continue;
		if (from < x->until) {
			w->held += within(from, h->closed, x);
			w->idle += within(h->rested > from ? h->rested : from, h->closed, x);
		}
		if (h->begun <= x->begun || h->begun >= x->until || !h->asked)
			continue;
		q->later++;
		q->overtaken += h->answered && h->answered + MS < x->until;
	}
}

/* Were these kept waiting by idle connections? What takes least to tell comes first. */
static bool starved(
	struct workers_state *w, struct conn **c, unsigned n, struct conn **slow, unsigned nslow)
{
	struct queue q = {0};
	uint64_t answered = 0;

	if (nslow < LEAST)
		return false;
	w->matched = matched_ends(c, n, slow, nslow, &answered);
	if (w->matched < LEAST - 1 || w->matched * 10 < answered * 7)
		return false;
	for (unsigned i = 0; i < nslow; i++)
		look_at(w, c, n, slow[i], &q);
	if (q.overtaken * 5 > q.later || w->idle * 2 < w->held || !w->held)
		return false;
	w->most = most_served(c, n);
	return full_for(c, n, slow, nslow, w->most) * 10 >= nslow * 7;
}

static int by_end(const void *a, const void *b)
{
	const struct conn *x = *(struct conn *const *)a, *y = *(struct conn *const *)b;

	if (x->until != y->until)
		return x->until < y->until ? -1 : 1;
	return x->begun < y->begun ? -1 : x->begun > y->begun;
}

static void add_starved(struct workers_state *w, const struct conn *x)
{
	proof_add(&w->starved, x->asked, x->waited, x->frame);
	proof_until(&w->starved, x->until);
	proof_client(&w->starved, &x->client);
	w->by_class[x->class] += x->waited;
}

static void judge(struct workers_state *w)
{
	struct conn **c = xmalloc(w->n * sizeof(struct conn *));
	struct conn **slow = xmalloc(w->n * sizeof(struct conn *));
	unsigned n = 0, nslow = 0;

	for (struct conn *x = w->first; x; x = x->next) {
		x->used = x->followed = false;
		c[n++] = x;
		if (had_to_wait(x))
			slow[nslow++] = x;
	}
	qsort(slow, nslow, sizeof(struct conn *), by_end);
	if (starved(w, c, n, slow, nslow))
		for (unsigned i = 0; i < nslow; i++)
			add_starved(w, slow[i]);
	free(slow);
	free(c);
}

static void prepare(struct findings *f)
{
	struct workers_all *all = f->state[DETECTOR_WORKERS];
	unsigned n = all->conns ? keyed_count(all->conns) : 0;
	struct workers_state *w;
	struct svc *s;

	for (uint32_t i = 0; n && (s = svc_at(f, i)); i++)
		if ((w = svc_has(s, DETECTOR_WORKERS)))
			memset(w, 0, sizeof(*w));
	while (n--) {
		struct conn *c = keyed_value(all->conns, n);

		if (!(w = c->at ? svc_has(c->at, DETECTOR_WORKERS) : NULL))
			continue;
		c->next = w->first;
		w->first = c;
		w->n++;
	}
	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((w = svc_has(s, DETECTOR_WORKERS)) && w->n)
			judge(w);
}

uint64_t workers_starve(const struct svc *s, uint32_t classes)
{
	const struct workers_state *w = svc_has(s, DETECTOR_WORKERS);
	uint64_t sum = 0;

	for (unsigned i = 0; w && w->starved.count && i < CLASS_COUNT; i++)
		sum += classes >> i & 1 ? w->by_class[i] : 0;
	return sum;
}

uint32_t workers_classes(const struct svc *s)
{
	const struct workers_state *w = svc_has(s, DETECTOR_WORKERS);
	uint32_t classes = 0;

	for (unsigned i = 0; w && w->starved.count && i < CLASS_COUNT; i++)
		classes |= w->by_class[i] ? 1u << i : 0;
	return classes;
}

static bool is_one_of(const struct finding *x, const char *const *ids)
{
	while (*ids && strcmp(x->id, *ids) != 0)
		ids++;
	return *ids != NULL;
}

/* What else is told of the server for these waits, and those to connect that come of them. */
static void explain(struct findings *f, const struct svc *s, struct finding *x)
{
	static const char *const backlog[] = {"accept-queue", "syn-drop", NULL};
	static const char *const slow_tls[] = {"slow-tls", NULL};
	const struct workers_state *w = svc_has(s, DETECTOR_WORKERS);
	static const char *const slow[] = {
		"slow-server", "client-gave-up", "saturation", "micro-stall", NULL};

	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *y = &f->list[i];
		uint64_t its = workers_starve(s, y->classes);

		if (y == x || y->part_of || y->cells != s->cells)
			continue;
		if (is_one_of(y, backlog)) {
			y->part_of = x->id;
			x->local += y->local;
			finding_claims_more(
				x, y->entries | y->more_entries, y->classes | y->more_classes);
		} else if (is_one_of(y, slow_tls) && w->by_class[CLASS_NONE] * 5 >= y->local * 4) {
			y->part_of = x->id;
		} else if (is_one_of(y, slow) && its * 5 >= y->local * 4) {
			y->part_of = x->id;
		} else if (is_one_of(y, slow)) {
			y->local -= its < y->local ? its : y->local;
		}
	}
}

/* Which setting ends an idle connection, and which makes more workers. */
static const char *next_steps(const struct svc *s)
{
	switch (s->kind) {
	case KIND_WEB:
		return "Fewer seconds of keep-alive (Apache: KeepAliveTimeout 1 to 2, or the event "
		       "MPM, whose idle connections hold no worker), more workers "
		       "(MaxRequestWorkers, threads, pm.max_children), a proxy in front that keeps "
		       "idle connections for the server (and few towards it).";
	case KIND_DATABASE:
		return "Who keeps connections that say nothing (the processlist: Sleep, idle), and "
		       "for how long they may (wait_timeout; a pool's own idle timeout); smaller "
		       "pools in the applications, or a pooler between them and the server that "
		       "lends a connection for a transaction only; a larger pool of threads "
		       "(MariaDB: thread_pool_size, thread_pool_max_threads).";
	default:
		return "How long a connection that says nothing may stay (the server's idle "
		       "timeout), who keeps such (a client's pool), and how many workers there "
		       "are: threads, processes.";
	}
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct workers_state *w = svc_has(s, DETECTOR_WORKERS);
		struct finding *x;

		if (!w || !w->starved.count)
			continue;
		x = finding_new(f, "worker-starvation", "Workers held by idle connections", s,
			&w->starved,
			"tsumari.quality == connect and tsumari.ledger.server >= 200ms");
		finding_claims(x, s, ALL_ENTRIES, workers_classes(s) & ~(uint32_t)CLASS(NONE));
		if (w->by_class[CLASS_NONE])
			finding_claims_more(x, ENTRY(CONNECT_TLS), CLASS(NONE));
		finding_at_least(x, SEVERITY_WARNING);
		x->of = s->flows;
		say(&x->saw,
			"%C of %C connections were made at once, but waited for their first "
			"answer, "
			"%T in all. %C of these answers began when another connection was closed, "
			"idle until then or the next in the queue; nobody who connected later was "
			"answered before. Of the "
			"connections that were being served meanwhile (%C at a time, at most) %P "
			"of "
			"the time went by idle.",
			x->count, x->of, x->local, w->matched, w->most, w->idle, w->held);
		say(&x->means,
			"All workers of the server are held by connections that are kept alive and "
			"say nothing. The kernel connects whoever comes, and they wait for a "
			"worker: "
			"the server itself is not slow.");
		text_str(&x->next, next_steps(s));
		say(&x->against,
			"Connections in front of it that are kept by a pool hold workers in "
			"the same way: then the pool is larger than the workers are many.");
		explain(f, s, x);
	}
}

static void release(void *state)
{
	keyed_free(((struct workers_all *)state)->conns);
}

const struct detector detect_workers = {.size = sizeof(struct workers_all),
	.release = release,
	.service_size = sizeof(struct workers_state),
	.table = {{offsetof(struct workers_all, conns),
		"findings: connections that hold workers forgotten, too many"}},
	.kinds = OF_TCP | OF_TXN | OF_TURN,
	.record = record,
	.prepare = prepare,
	.list = list};
