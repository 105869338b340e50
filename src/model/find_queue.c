/*
 * find_queue.c - answers that come one after the other: a limit of requests a second lets them go
 * at equal distances, a lock lets one of a client at a time. Both show among requests that were
 * there already when the answer before them went.
 *
 * Records leave when their response was acknowledged, so that some come behind others that were
 * answered later: these are passed over.
 */
#include "model/find_impl.h"

#define LANES   1024u     /* clients of services, and what they ask; those seen last */
#define LEAST   6u        /* waits in a row that are no chance */
#define MOST    900u      /* permille of the waits that fit */
#define NOTHING (20 * MS) /* a server's time that is not worth a look */

struct lane_key {
	struct addr server, client;
	uint64_t kind; /* of requests; 0: all of the client's */
	uint16_t port;
};

/* A client's requests to a service, or those of one kind. */
struct lane {
	uint64_t last, done; /* when the answer before began, and ended */
	uint64_t free;  /* the least server time of those that found none before them; 0: none */
	uint64_t least; /* of all */
	uint64_t gap;   /* between answers of which the later one waited; smoothed */
	uint64_t equal, gaps;       /* of these: such as the one before; all */
	uint64_t waited, whole;     /* that waited; that then took as long as a free one */
	uint64_t others;            /* others' requests that were answered meanwhile */
	struct proof spaced, after; /* what they waited, as the one and as the other */
};

struct queue_all {
	struct keyed *lanes;
};

struct queue_state {
	struct addr client; /* of the answer before */
	uint64_t asked, begun;
	struct proof refused; /* 429 Too Many Requests */
};

static uint32_t kind_of(const struct txn_record *t)
{
	return kind_hash(KIND_HASH, (const char *)t + t->object.offset, t->object.len) | 1;
}

static struct lane *lane_of(struct findings *f, const struct txn_record *t, uint64_t kind)
{
	struct queue_all *all = f->state[DETECTOR_QUEUE];
	struct lane_key key;

	memset(&key, 0, sizeof(key));
	key.server = t->r.server.ip;
	key.client = t->r.client.ip;
	key.port = t->r.server.port;
	key.kind = kind;
	if (!all->lanes)
		all->lanes = keyed_new(sizeof(key), sizeof(struct lane), LANES);
	return keyed_renew(all->lanes, &key);
}

static void add_wait(struct proof *p, const struct txn_record *t, uint64_t ns)
{
	proof_add(p, t->r.start, ns, t->frame[1]);
	proof_frame(p, ns, t->frame[2]);
	proof_until(p, t->r.end);
	proof_client(p, &t->r.client.ip);
}

/* It was there before the last answer began, which is so long ago. */
static void add_spaced(struct lane *l, const struct txn_record *t, uint64_t gap)
{
	uint64_t off = gap > l->gap ? gap - l->gap : l->gap - gap;

	if (gap < NOTHING)
		return;
	l->gaps++;
	if (l->gap && off <= l->gap / 20 + 3 * MS) {
		l->equal++;
		l->gap = l->gap - l->gap / 8 + gap / 8;
	} else if (!l->gap || l->equal * 2 < l->gaps) {
		l->gap = gap;
	}
	add_wait(&l->spaced, t, t->ledger[LEDGER_SERVER]);
}

static void add_answer(struct lane *l, const struct txn_record *t, bool other)
{
	uint64_t asked = t->stamp[1], begun = t->stamp[2], own;

	if (begun < l->last)
		return;
	own = t->ledger[LEDGER_SERVER];
	l->least = l->least && l->least < own ? l->least : own + 1;
	if (!l->last || asked >= l->done) {
		l->free = l->free && l->free < own ? l->free : own + 1;
	} else {
		if (asked < l->last)
			add_spaced(l, t, begun - l->last);
		l->waited++;
		l->whole += begun >= l->done && begun - l->done >= l->least / 2;
		l->others += other;
		if (begun >= l->done)
			add_wait(&l->after, t, l->done - asked);
	}
	l->last = begun;
	l->done = t->r.end > begun ? t->r.end : begun;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	static struct value_name status = {"http.response.status_code", NULL, -1};
	const struct txn_record *t = (const void *)r;
	struct queue_state *c;
	bool other;

	if (!s || r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT ||
		t->stamp[1] == FIELD_ABSENT || t->stamp[2] == FIELD_ABSENT ||
		r->end == FIELD_ABSENT || record_model(r)->kind != KIND_WEB)
		return;
	c = svc_state(s, DETECTOR_QUEUE);
	if (number_named(t, &status) == 429) {
		add_wait(&c->refused, t, own_waiting(t));
		return;
	}
	if (r->status == STATUS_SERVER_ERROR)
		return;
	/* Somebody else asked and was answered while this one waited. */
	other = memcmp(&c->client, &r->client.ip, sizeof(c->client)) != 0 &&
		c->asked > t->stamp[1] && c->begun < t->stamp[2];
	add_answer(lane_of(f, t, 0), t, other);
	add_answer(lane_of(f, t, kind_of(t)), t, other);
	c->client = r->client.ip;
	c->asked = t->stamp[1];
	c->begun = t->stamp[2];
}

static bool is_spaced(const struct lane *l)
{
	return l->equal >= LEAST && reaches(l->equal + 1, l->gaps, MOST) && l->least * 5 < l->gap;
}

static bool is_serial(const struct lane *l)
{
	return l->waited >= LEAST && reaches(l->whole, l->waited, MOST) && l->free > NOTHING &&
	       l->others && !is_spaced(l);
}

typedef bool lane_test(const struct lane *l);

/* What the lanes of a service that are like this have waited, and their distance; of what a client
   asks by kinds and in all, that which is more. */
static uint64_t sum_up(const struct findings *f, const struct svc *s, lane_test *test, bool spaced,
	struct proof *sum)
{
	const struct queue_all *all = f->state[DETECTOR_QUEUE];
	struct proof by[2];
	uint64_t gap = 0;

	memset(by, 0, sizeof(by));
	for (uint32_t i = 0; all->lanes && i < keyed_count(all->lanes); i++) {
		const struct lane_key *k = keyed_key(all->lanes, i);
		const struct lane *l = keyed_value(all->lanes, i);

		if (k->port != s->key.port ||
			memcmp(&k->server, &s->key.ip, sizeof(k->server)) != 0 || !test(l))
			continue;
		proof_merge(&by[k->kind != 0], spaced ? &l->spaced : &l->after);
		gap = l->gap;
	}
	*sum = by[by[1].cost > by[0].cost];
	return gap;
}

bool answers_in_turn(const struct findings *f, const struct svc *s)
{
	struct proof p;

	if (!svc_has(s, DETECTOR_QUEUE))
		return false;
	sum_up(f, s, is_spaced, true, &p);
	if (!p.count)
		sum_up(f, s, is_serial, false, &p);
	return p.count != 0;
}

/* Of the server's own time, whatever class it has. */
static struct finding *new_of(struct findings *f, const char *id, const char *title,
	const struct svc *s, const struct proof *p)
{
	struct finding *x = finding_new(f, id, title, s, p, "tsumari.ledger.server > 20ms");

	finding_claims(x, s, ENTRY(SERVER), ~CLASS(IDLE));
	x->counted = "transactions";
	x->of = s->transactions;
	x->part_of = "slow-server";
	x->stands = true;
	return x;
}

static void list_spaced(struct findings *f, const struct svc *s)
{
	struct finding *x;
	struct proof p;
	uint64_t gap = sum_up(f, s, is_spaced, true, &p);

	if (!p.count)
		return;
	x = new_of(f, "rate-limit", "A limit of requests a second", s, &p);
	say(&x->saw,
		"%C requests were answered one after the other, each %T behind the one before, "
		"although they were there already; one that found none before it was answered at "
		"once. They waited %T.",
		p.count, gap, p.cost);
	say(&x->means, "The server, or a proxy before it, lets so many requests a second through "
		       "and delays the others; it is not busy.");
	say(&x->next,
		"Its limit for this client or site (nginx: limit_req with rate, burst, nodelay; "
		"haproxy: stick tables; an API gateway's quota), and why the client asks so "
		"often.");
	say(&x->against, "A worker of whose jobs each takes exactly as long looks like this where "
			 "it has others that are quick.");
}

static void list_serial(struct findings *f, const struct svc *s)
{
	struct finding *x;
	struct proof p;

	sum_up(f, s, is_serial, false, &p);
	if (!p.count)
		return;
	x = new_of(f, "serialised", "Requests of one client wait for each other", s, &p);
	say(&x->saw,
		"%C requests of a client began to be answered when the one before had ended only, "
		"and took as long again; others' were answered meanwhile. They waited %T for each "
		"other.",
		p.count, p.cost);
	say(&x->means, "Something lets one request of a client or session run at a time, a lock on "
		       "its session most likely: the server has room for more.");
	say(&x->next, "Where the session is opened and how long it is kept (PHP: "
		      "session_write_close() as soon as it is written, read_and_close), locks by "
		      "user or account in the application or its database.");
	say(&x->against, "A client behind a proxy with one worker of its own looks like this.");
}

static void list_refused(struct findings *f, const struct svc *s, const struct queue_state *c)
{
	struct finding *x;

	if (!c->refused.count)
		return;
	x = finding_new(f, "rate-limit", "Requests refused by a limit", s, &c->refused,
		"http.response.status_code == 429");
	finding_claims(x, s, 0, 0);
	x->counted = "transactions";
	x->of = svc_ended(s);
	if (reaches(x->count, x->of, f->limit.v[THRESHOLD_ERRORS]) && x->count >= LEAST)
		finding_at_least(x, reaches(x->count, x->of, f->limit.v[THRESHOLD_CRITICAL])
					    ? SEVERITY_CRITICAL
					    : SEVERITY_WARNING);
	say(&x->saw, "%C of %C answers were 429 Too Many Requests.", x->count, x->of);
	say(&x->means, "The server counts the client's requests and refuses those above its limit: "
		       "what the client wants comes later, or not at all.");
	say(&x->next, "The limit (nginx: limit_req, limit_conn; a quota of the API), Retry-After "
		      "in the answers, and whether the client heeds it or asks again at once.");
	say(&x->against, "A client that probes for the limit on purpose sees it.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct queue_state *c = svc_has(s, DETECTOR_QUEUE);

		if (!c)
			continue;
		list_spaced(f, s);
		list_serial(f, s);
		list_refused(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct queue_all *)state)->lanes);
}

const struct detector detect_queue = {.size = sizeof(struct queue_all),
	.service_size = sizeof(struct queue_state),
	.record = record,
	.list = list,
	.release = release};
