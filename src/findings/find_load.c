/*
 * find_load.c - services under load: throughput that does not grow any more, moments in which
 * nothing is answered, work that is not shared evenly.
 */
#include "findings/find_impl.h"
#include <stdlib.h>

#define BUCKETS  64u
#define WARM     20u  /* answers before a pause can be told from the usual */
#define SERVERS  16u  /* of one client's service */
#define BALANCED 256u /* clients with several servers */
#define KINDS    64u  /* of requests, a service: how long they take at the least */
#define ENOUGH   24u  /* answers behind the knee, or the level is no level */
#define ALIKE    3u   /* answers that tell how long one takes */

struct load_state {
	/* Time in buckets that double in width. */
	uint64_t origin, width; /* ns */
	struct {
		uint64_t done, busy; /* answers; ns in flight, all together */
		uint64_t fastest;    /* answer of them; 0: none */
		float stretch; /* the least of: how often as long as the quickest of its kind */
	} bucket[BUCKETS];
	struct {
		uint32_t hash;  /* 0: none */
		uint32_t least; /* us */
	} kind[KINDS];
	uint64_t answers;
	/* Pauses. */
	uint64_t last, usual; /* the last answer; ns between answers, smoothed */
	uint64_t from, to;    /* the newest pause */
	uint64_t victims, held;
	struct proof pauses;
	uint64_t on_purpose; /* ns of what was held up by pauses: that may have waited on purpose */
	uint64_t longest;
	struct proof slowest; /* its frames only */
};

struct balance_key {
	struct addr client;
	uint64_t port, name; /* of the site */
	const char *protocol;
};
struct balance {
	unsigned n;
	struct {
		struct addr ip;
		uint64_t requests, server, frame, time;
	} to[SERVERS];
};
struct load_all {
	struct keyed *balance;
};

static void join(struct load_state *c, unsigned to, unsigned a, unsigned b)
{
	uint64_t x = c->bucket[a].fastest, y = c->bucket[b].fastest;
	float one = c->bucket[a].stretch, two = c->bucket[b].stretch;

	c->bucket[to].stretch = one <= 0 || (two > 0 && two < one) ? two : one;
	c->bucket[to].done = c->bucket[a].done + c->bucket[b].done;
	c->bucket[to].busy = c->bucket[a].busy + c->bucket[b].busy;
	c->bucket[to].fastest = !x || (y && y < x) ? y : x;
}

static void widen(struct load_state *c)
{
	for (unsigned i = 0; i < BUCKETS / 2; i++)
		join(c, i, 2 * i, 2 * i + 1);
	memset(&c->bucket[BUCKETS / 2], 0, sizeof(c->bucket) / 2);
	c->width *= 2;
}

/* by: 1 adds, -1 takes out. */
static void spread(struct load_state *c, uint64_t from, uint64_t to, uint64_t by)
{
	c->bucket[(to - c->origin) / c->width].done += by;
	while (from < to) {
		uint64_t i = (from - c->origin) / c->width;
		uint64_t end = c->origin + (i + 1) * c->width;

		end = end < to ? end : to;
		c->bucket[i].busy += (end - from) * by;
		from = end;
	}
}

/* How often as long as the quickest of its kind it took; of a kind too many, once. */
static float stretch_of(struct load_state *c, uint32_t kind, uint64_t took)
{
	uint32_t hash = kind | 1,
		 us = took / 1000 < UINT32_MAX ? (uint32_t)(took / 1000) + 1 : UINT32_MAX;
	unsigned i = hash / 2 % KINDS;

	for (unsigned n = 0; n < KINDS; n++, i = (i + 1) % KINDS) {
		if (!c->kind[i].hash)
			c->kind[i].hash = hash;
		if (c->kind[i].hash != hash)
			continue;
		if (!c->kind[i].least || us < c->kind[i].least)
			c->kind[i].least = us;
		return (float)us / (float)c->kind[i].least;
	}
	return 1;
}

static void add_busy(struct load_state *c, uint32_t kind, uint64_t from, uint64_t to)
{
	uint64_t took = to - from, *fastest;
	float stretch, *least;

	if (!c->width) {
		c->width = 20 * MS;
		c->origin = from - from % c->width;
	}
	if (from < c->origin)
		from = c->origin;
	if (to < from)
		return;
	while ((to - c->origin) / c->width >= BUCKETS)
		widen(c);
	fastest = &c->bucket[(to - c->origin) / c->width].fastest;
	if (!*fastest || took < *fastest)
		*fastest = took;
	stretch = stretch_of(c, kind, took);
	least = &c->bucket[(to - c->origin) / c->width].stretch;
	if (*least <= 0 || stretch < *least)
		*least = stretch;
	spread(c, from, to, 1);
}

static bool is_pause(const struct findings *f, const struct load_state *c, uint64_t gap)
{
	return gap >= f->limit.v[THRESHOLD_PAUSE] && gap >= 10 * c->usual;
}

/*
 * Nothing was answered for far longer than usual: who was waiting all along? Records leave when
 * their response was acknowledged, so that one may come behind others that ended after it: then the
 * pause ended with that one.
 */
static void add_pause(struct findings *f, struct load_state *c, const struct txn_record *t)
{
	uint64_t end = t->r.end, gap = end > c->last ? end - c->last : 0, held;

	if (c->to && end > c->from && end < c->to)
		c->to = is_pause(f, c, end - c->from) ? end : 0;
	if (c->last && c->answers > WARM && is_pause(f, c, gap)) {
		c->from = c->last;
		c->to = end;
		c->victims = c->held = 0;
	} else if (gap) {
		c->usual = c->usual ? c->usual - c->usual / 8 + gap / 8 : gap;
	}
	if (end > c->last)
		c->last = end;
	if (!c->to || end < c->to || t->stamp[1] >= c->to || end > c->to + (c->to - c->from))
		return;
	held = c->to - (t->stamp[1] > c->from ? t->stamp[1] : c->from);
	if (held * 2 < c->to - c->from)
		return;
	c->held += held;
	c->victims++;
	c->on_purpose += f->claimed >= CLASS_MAYBE ? held : 0;
	if (c->victims == 3) {
		proof_add(&c->pauses, c->from, c->held, t->frame[2]);
		proof_until(&c->pauses, c->to);
		if (c->to - c->from > c->longest)
			c->longest = c->to - c->from;
	} else if (c->victims > 3) {
		proof_cost(&c->pauses, c->from, held, t->frame[2]);
	}
}

uint64_t findings_name(const struct txn_record *t)
{
	static struct value_name domain = {"url.domain", NULL, -1};
	const struct value *v = value_named(t, &domain);

	return v && v->len ? hash_same(0, value_text(v), v->len) | 1 : 0;
}

/* Servers that are asked for the same site share its work. */
static struct balance_key balance_key(const struct txn_record *t, uint64_t name)
{
	struct balance_key key;

	memset(&key, 0, sizeof(key)); /* its padding is compared, too */
	key.client = t->r.client.ip;
	key.port = t->r.server.port;
	key.name = name;
	key.protocol = t->r.type;
	return key;
}

/* The number of its server among those of b, b->n where it is none of them. */
static unsigned balanced(const struct balance *b, const struct txn_record *t)
{
	unsigned i = 0;

	while (i < b->n && memcmp(&b->to[i].ip, &t->r.server.ip, 16) != 0)
		i++;
	return i;
}

static void add_balance(struct load_all *all, const struct txn_record *t)
{
	struct balance_key key = balance_key(t, findings_name(t));
	struct balance *b;
	unsigned i;

	if (!all->balance)
		all->balance = keyed_new(sizeof(key), sizeof(struct balance), BALANCED);
	b = keyed_get(all->balance, &key);
	i = b ? balanced(b, t) : SERVERS;
	if (i == SERVERS)
		return;
	if (i == b->n) {
		b->n++;
		b->to[i].ip = t->r.server.ip;
		b->to[i].frame = t->frame[0];
		b->to[i].time = t->r.start;
	}
	b->to[i].requests++;
	b->to[i].server += t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
}

static void take_out_balance(struct load_all *all, const struct txn_record *t, uint64_t name)
{
	struct balance_key key = balance_key(t, name);
	struct balance *b = all->balance ? keyed_find(all->balance, &key) : NULL;
	unsigned i = b ? balanced(b, t) : 0;

	if (!b || i == b->n)
		return;
	b->to[i].requests--;
	b->to[i].server -= t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	if (!b->to[i].requests)
		b->to[i] = b->to[--b->n];
}

/* Whose answers take three times as long as those of another that does the same work. */
bool slower_than_others(const struct findings *f, const struct svc *s)
{
	const struct load_all *all = f->state[DETECTOR_LOAD];

	for (uint32_t i = 0; all->balance && i < keyed_count(all->balance); i++) {
		const struct balance_key *key = keyed_key(all->balance, i);
		const struct balance *b = keyed_value(all->balance, i);
		uint64_t own = 0, least = UINT64_MAX;

		for (unsigned k = 0; key->port == s->key.port && k < b->n; k++) {
			uint64_t n = b->to[k].requests, each = n ? b->to[k].server / n : 0;

			if (memcmp(&b->to[k].ip, &s->key.ip, sizeof(s->key.ip)) == 0)
				own = each;
			else if (n >= ALIKE && each < least)
				least = each;
		}
		if (least < UINT64_MAX && own > 3 * least)
			return true;
	}
	return false;
}

static bool is_answer(const struct record *r)
{
	const struct txn_record *t = (const void *)r;

	return r->kind == RECORD_TXN && !r->composite && t->stamp[1] != FIELD_ABSENT &&
	       r->end != FIELD_ABSENT && t->stamp[2] != FIELD_ABSENT;
}

static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct load_state *c = svc_has(s, DETECTOR_LOAD);
	uint64_t from;

	if (!c || !is_answer(r))
		return;
	c->answers--;
	from = t->stamp[1] < c->origin ? c->origin : t->stamp[1];
	if (r->end >= from)
		spread(c, from, r->end, UINT64_MAX);
	proof_drop_frame(&c->slowest, t->frame[1]);
	if (record_model(r)->kind == KIND_WEB)
		take_out_balance(f->state[DETECTOR_LOAD], t, f->name);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct load_state *c;

	if (!s || !is_answer(r))
		return;
	c = svc_state(s, DETECTOR_LOAD);
	c->answers++;
	add_busy(c, kind_of(f, t), t->stamp[1], r->end);
	add_pause(f, c, t);
	proof_frame(&c->slowest, r->end - t->stamp[1], t->frame[1]);
	if (record_model(r)->kind == KIND_WEB)
		add_balance(f->state[DETECTOR_LOAD], t);
}

/* Answers a second against requests in flight, in the buckets of a service. */
struct curve {
	unsigned n;
	struct point {
		double in_flight, rate, busy, fastest, done, stretch;
		uint64_t time;
	} p[BUCKETS];
	double knee, most, base; /* requests in flight; answers a second; seconds an answer below */
};

static int by_flight(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->in_flight > y->in_flight) - (x->in_flight < y->in_flight);
}

static void curve_of(const struct load_state *c, struct curve *k)
{
	double width = (double)c->width / SECOND;

	k->n = 0;
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct point *p = &k->p[k->n];

		if (!c->bucket[i].busy || !c->bucket[i].done)
			continue;
		p->busy = (double)c->bucket[i].busy;
		p->in_flight = p->busy / (double)c->width;
		p->rate = (double)c->bucket[i].done / width;
		p->fastest = (double)c->bucket[i].fastest / SECOND;
		p->done = (double)c->bucket[i].done;
		p->stretch = c->bucket[i].stretch;
		p->time = c->origin + i * c->width;
		k->n++;
	}
	if (k->n)
		qsort(k->p, k->n, sizeof(k->p[0]), by_flight);
}

/*
 * Fits a line through the origin up to a knee and a level behind it, at the knee that leaves the
 * least squares. True where the level is real: half of the points lie behind it, up to twice the
 * knee and more.
 */
static bool fit(struct curve *k)
{
	double best = -1;

	for (unsigned cut = 2; cut + 3 <= k->n; cut++) {
		double xy = 0, xx = 0, level = 0, error = 0, slope;

		for (unsigned i = 0; i < k->n; i++) {
			if (i < cut) {
				xy += k->p[i].in_flight * k->p[i].rate;
				xx += k->p[i].in_flight * k->p[i].in_flight;
			} else {
				level += k->p[i].rate / (k->n - cut);
			}
		}
		slope = xy / xx;
		for (unsigned i = 0; i < k->n; i++) {
			double off = k->p[i].rate - (i < cut ? slope * k->p[i].in_flight : level);

			error += off * off;
		}
		if (best < 0 || error < best) {
			best = error;
			k->most = level;
			k->knee = level / slope;
			k->base = 1 / slope;
		}
	}
	return best >= 0 && k->p[k->n - 1].in_flight >= 2 * k->knee &&
	       k->p[k->n - 1].in_flight >= 4;
}

/*
 * The buckets behind the knee must hold the level, and the queue must cost: all that stands in it,
 * the fastest answers, too, and longer than such requests take elsewhere. A few slow requests among
 * fast ones also make many in flight, but no queue.
 */
static bool saturated(const struct findings *f, const struct curve *k, struct proof *p)
{
	double rates = 0, answers = 0;
	unsigned n = 0, queued = 0;

	for (unsigned i = 0; i < k->n; i++) {
		const struct point *x = &k->p[i];

		if (x->in_flight < 1.5 * k->knee)
			continue;
		n++;
		queued += x->fastest >= 1.4 * k->base && x->stretch >= 1.4;
		answers += x->done;
		rates += x->rate;
		proof_add(p, x->time, (uint64_t)(x->busy * (x->in_flight - k->knee) / x->in_flight),
			0);
	}
	return n >= 4 && answers >= ENOUGH && queued * 3 >= n * 2 && rates / n >= 0.8 * k->most &&
	       rates / n <= 1.2 * k->most && p->cost >= f->limit.v[THRESHOLD_LEAST];
}

static void part_of_slow(const struct svc *s, struct finding *x)
{
	if (svc_has(s, DETECTOR_SERVER))
		x->part_of = "slow-server";
}

static void list_saturation(struct findings *f, const struct svc *s, const struct load_state *c)
{
	struct proof p;
	struct curve k;
	struct finding *x;

	if (answers_in_turn(f, s))
		return;
	curve_of(c, &k);
	memset(&p, 0, sizeof(p));
	for (unsigned i = 0; i < c->slowest.nbest; i++)
		proof_frame(&p, c->slowest.best[i].cost, c->slowest.best[i].frame);
	if (k.n < 8 || !fit(&k) || !saturated(f, &k, &p))
		return;
	x = finding_new(f, "saturation", "The server is saturated", s, &p, NULL);
	finding_claims(x, s, ENTRY(SERVER), ~CLASS(IDLE));
	x->own = true; /* an answer takes its usual time behind this server, too, but no queue's */
	x->counted = "intervals";
	x->of = k.n;
	part_of_slow(s, x);
	text_str(&x->saw, "From ");
	text_printf(
		&x->saw, "%.1f requests in flight on there are no more answers a second: ", k.knee);
	text_printf(&x->saw, "%.0f a second, with up to %.0f requests in flight; an answer takes ",
		k.most, k.p[k.n - 1].in_flight);
	say(&x->saw, "%T below, and up to %T above.", (uint64_t)(k.base * SECOND),
		(uint64_t)(k.p[k.n - 1].in_flight / k.most * SECOND));
	say(&x->means, "All of its workers (threads, processes, connections to a database, cores) "
		       "are taken: what is more waits in a queue, and each new client makes all "
		       "slower.");
	text_printf(&x->next,
		"What there are about %.0f of: worker processes or threads, a connection pool, "
		"cores. Add some where the machine has room, make each request cheaper, or let in "
		"fewer at a time.",
		k.knee < 1 ? 1 : k.knee + 0.5);
	say(&x->against, "Where requests became more expensive while there were more of them the "
			 "curve looks the same: compare the operations.");
}

static void list_pauses(struct findings *f, const struct svc *s, const struct load_state *c)
{
	struct finding *x =
		finding_new(f, "micro-stall", "Moments without any answer", s, &c->pauses, NULL);

	finding_claims(x, s, ENTRY(SERVER), ~CLASS(IDLE));
	x->counted = "pauses";
	x->of = FIELD_ABSENT;
	part_of_slow(s, x);
	say(&x->saw,
		"%C time%1, for up to %T, nothing was answered although three requests and "
		"more were waiting; usual are %T between answers.",
		x->count, x->count, c->longest, c->usual);
	say(&x->means, "All requests stand still together: something that they share stops, not "
		       "what each of them does.");
	say(&x->next, "Garbage collection (its log), a lock, fsync and write-back "
		      "(vm.dirty_ratio), a full log disk, CPU quota (cpu.stat: nr_throttled), "
		      "live migration.");
	say(&x->against,
		"If the capture point stood still too (drops, a gap in all traffic) it was "
		"not the server.");
}

static void list_balance(struct findings *f, const struct balance_key *key, const struct balance *b)
{
	uint64_t all = 0;
	unsigned most = 0;
	struct proof p;
	struct finding *x;

	for (unsigned i = 0; i < b->n; i++) {
		all += b->to[i].requests;
		most = b->to[i].requests > b->to[most].requests ? i : most;
	}
	if (b->n < 2 || all < f->limit.v[THRESHOLD_BALANCE] ||
		b->to[most].requests * b->n * 2 <= all * 3)
		return;
	memset(&p, 0, sizeof(p));
	for (unsigned i = 0; i < b->n; i++)
		proof_add(&p, b->to[i].time, 0, b->to[i].frame);
	p.client = key->client;
	x = finding_new(f, "lb-imbalance", "Work not shared evenly", NULL, &p, NULL);
	finding_at_least(x, SEVERITY_WARNING);
	x->protocol = key->protocol;
	x->counted = "requests";
	x->count = b->to[most].requests;
	x->of = all;
	say(&x->filter, "client.ip == %I and ", &key->client);
	text_printf(
		&x->filter, "server.port == %u and type == %s", (unsigned)key->port, key->protocol);
	say(&x->bpf, "host %I", &key->client);
	text_printf(&x->bpf, " and port %u", (unsigned)key->port);
	for (unsigned i = 0; i < b->n; i++)
		say(&x->saw, "%S%I: %C requests, %T of the server each", i ? "; " : "",
			&b->to[i].ip, b->to[i].requests, b->to[i].server / b->to[i].requests);
	text_char(&x->saw, '.');
	say(&x->means, "One of the servers behind %I gets far more than its share.", &key->client);
	say(&x->next, "The balancer's method and weights (ipvsadm -Ln --stats, upstream of nginx): "
		      "least connections instead of round robin, no persistence by source.");
	say(&x->against, "Weights may be meant like this; a client that talks to several services "
			 "on the same port is no balancer.");
	for (unsigned i = 0; i < b->n; i++)
		if (checks_fail(f, &b->to[i].ip, (uint16_t)key->port))
			x->part_of = "check-failing";
}

static void list(struct findings *f)
{
	struct load_all *all = f->state[DETECTOR_LOAD];
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct load_state *c = svc_has(s, DETECTOR_LOAD);

		if (!c)
			continue;
		list_saturation(f, s, c);
		/* Long polls end together when there is news. */
		if (c->pauses.count && !(s->idle && c->on_purpose * 2 >= c->pauses.cost))
			list_pauses(f, s, c);
	}
	for (uint32_t i = 0; all->balance && i < keyed_count(all->balance); i++)
		list_balance(f, keyed_key(all->balance, i), keyed_value(all->balance, i));
}

static void release(void *state)
{
	keyed_free(((struct load_all *)state)->balance);
}

const struct detector detect_load = {.size = sizeof(struct load_all),
	.service_size = sizeof(struct load_state),
	.table = {{offsetof(struct load_all, balance),
		"findings: clients of several servers forgotten, too many"}},
	.kinds = OF_TXN,
	.record = record,
	.take_out = take_out,
	.list = list,
	.release = release};
