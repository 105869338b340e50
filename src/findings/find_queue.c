/*
 * find_queue.c - answers that come one after the other: a limit of requests a second lets them go
 * at equal distances, a lock lets one of a client or session at a time. Both show among requests
 * that were there already when the answer before them went.
 *
 * A lock is no queue for all: requests that came later, of other clients or sessions, are answered
 * before. It is none of answers that all wait for the same either: the next one still takes its
 * time.
 *
 * Records leave when their response was acknowledged, so that some come behind others that were
 * answered later: these are passed over.
 */
#include "findings/find_impl.h"

#define LANES    1024u     /* clients and sessions of services, and what they ask; the latest */
#define LATELY   64u       /* answers of a service that are remembered */
#define LEAST    6u        /* waits in a row that are no chance */
#define MOST     900u      /* permille of the waits that fit */
#define TOGETHER (20 * MS) /* requests of a client that came in any order */
#define NOTHING  (20 * MS) /* a server's time that is not worth a look */

struct lane_key {
	struct addr server, client;
	uint64_t whose; /* of serial: its session (or HTTP/2 connection); 0: there is none */
	uint32_t kind;  /* of requests; 0: all of the client's */
	uint16_t port;
	bool serial;
};

/* A client's requests to a service, or those of one kind; or (serial) those of a session that are
   not answered at once. */
struct lane {
	uint64_t asked, last, done; /* when the one before was asked, its answer began, and ended */
	uint64_t free;  /* the least server time of those that found none before them; 0: none */
	uint64_t least; /* of all */
	uint64_t gap;   /* between answers of which the later one waited; smoothed */
	uint64_t equal, near, gaps; /* of these: such as the one before, or nearly; all */
	uint64_t unlike, slow;      /* a limit: overtaken; slow though free before, so far */
	uint64_t waited, whole;     /* that waited; that then took as long as a free one */
	uint64_t overtaken;         /* by others, who asked later and were answered before; */
	uint64_t nearby;            /* of the same client */
	struct proof spaced, after; /* what they waited, as the one and as the other */
};

struct queue_all {
	struct keyed *lanes;
};

/* An answer. */
struct late {
	uint64_t asked, begun;
	uint32_t client, whose, kind; /* hashes */
};

struct queue_state {
	struct late late[LATELY];
	unsigned next;        /* the oldest one's place */
	struct proof refused; /* 429 Too Many Requests */
	uint64_t turned_away; /* at once, with this or a 503 */
};

static uint32_t object_of(const struct txn_record *t)
{
	return kind_hash(KIND_HASH, (const char *)t + t->object.offset, t->object.len) | 1;
}

static struct lane *lane_of(
	struct findings *f, const struct txn_record *t, uint32_t kind, bool serial, uint64_t whose)
{
	struct queue_all *all = f->state[DETECTOR_QUEUE];
	struct lane_key key;

	memset(&key, 0, sizeof(key));
	key.server = t->r.server.ip;
	key.client = t->r.client.ip;
	key.port = t->r.server.port;
	key.kind = kind;
	key.serial = serial;
	key.whose = whose;
	if (!all->lanes)
		all->lanes = keyed_new(sizeof(key), sizeof(struct lane), findings_room(f, LANES));
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
	l->near += l->gap && off <= l->gap / 6 + 3 * MS;
	if (l->gap && off <= l->gap / 20 + 3 * MS) {
		l->equal++;
		l->gap = l->gap - l->gap / 8 + gap / 8;
	} else if (!l->gap || l->equal * 2 < l->gaps) {
		l->gap = gap;
	}
	add_wait(&l->spaced, t, t->ledger[LEDGER_SERVER]);
}

/* Who asked later for what takes its time, and was answered before: another session, one of the
   same client; the client itself, for anything or the same. */
enum { BY_OTHERS = 1, BY_NEIGHBOUR = 2, BY_CLIENT = 4, BY_KIND = 8 };

static void answered(struct lane *l, const struct txn_record *t)
{
	l->asked = t->stamp[1];
	l->last = t->stamp[2];
	l->done = t->r.end > l->last ? t->r.end : l->last;
}

/* at_once: of the same kind, the least server time of those that found none before them. */
static void add_to_client(
	struct lane *l, const struct txn_record *t, uint64_t at_once, bool overtaken)
{
	uint64_t own = t->ledger[LEDGER_SERVER];

	if (t->stamp[2] < l->last)
		return;
	l->least = l->least && l->least < own ? l->least : own + 1;
	if (l->last && t->stamp[1] < l->last) {
		l->unlike += overtaken;
		l->slow += !overtaken && at_once * 5 > t->stamp[2] - l->last;
		add_spaced(l, t, t->stamp[2] - l->last);
	}
	answered(l, t);
}

/* least: of what it asks for. */
static void add_to_session(
	struct lane *l, const struct txn_record *t, uint64_t least, unsigned overtaken)
{
	uint64_t asked = t->stamp[1], begun = t->stamp[2], own = t->ledger[LEDGER_SERVER];

	if (begun < l->last)
		return;
	l->least = l->least && l->least < own ? l->least : own + 1;
	least = least < l->least ? least : l->least;
	if (!l->last || asked >= l->done) {
		l->free = l->free && l->free < own ? l->free : own + 1;
	} else {
		l->waited++;
		l->whole += begun >= l->done + MS && begun - l->done >= least / 2 &&
			    own >= least + (l->done - asked) / 2;
		l->overtaken += (overtaken & BY_OTHERS) != 0;
		l->nearby += (overtaken & BY_NEIGHBOUR) != 0;
		if (begun >= l->done)
			add_wait(&l->after, t, l->done - asked);
	}
	answered(l, t);
}

static unsigned is_overtaken(const struct queue_state *c, const struct late *x)
{
	unsigned by = 0;

	for (unsigned i = 0; i < LATELY; i++) {
		const struct late *y = &c->late[i];
		bool client = y->client == x->client;

		if (y->asked <= x->asked || y->begun >= x->begun)
			continue;
		if (y->whose != x->whose)
			by |= client ? BY_OTHERS | BY_NEIGHBOUR : BY_OTHERS;
		if (client && y->asked - x->asked > TOGETHER)
			by |= y->kind == x->kind ? BY_CLIENT | BY_KIND : BY_CLIENT;
	}
	return by;
}

/* Of one that says none: where many requests share a connection, that is somebody's session. */
static uint64_t session_of(const struct txn_record *t)
{
	static struct value_name session = {"tsumari.http.session", NULL, -1},
				 stream = {"tsumari.http2.stream_id", NULL, -1};
	uint64_t n = number_named(t, &session);

	if (n == FIELD_ABSENT && number_named(t, &stream) != FIELD_ABSENT)
		return t->r.flow_id | UINT64_C(1) << 63;
	return n != FIELD_ABSENT ? n : 0;
}

static struct late late_of(const struct txn_record *t, uint64_t session)
{
	uint32_t client = (uint32_t)hash_same(0, &t->r.client.ip, sizeof(t->r.client.ip));
	struct late x = {t->stamp[1], t->stamp[2], client, 0, object_of(t)};

	x.whose = x.client ^ (uint32_t)session ^ (uint32_t)(session >> 32);
	return x;
}

static void add_answer(struct findings *f, struct queue_state *c, const struct txn_record *t)
{
	uint64_t own = t->ledger[LEDGER_SERVER], session = session_of(t);
	struct late x = late_of(t, session);
	struct lane *all = lane_of(f, t, 0, false, 0), *same = lane_of(f, t, x.kind, false, 0);
	unsigned by = own < NOTHING ? 0 : is_overtaken(c, &x);
	bool alike; /* what it was overtaken by */

	if (!all->last || t->stamp[1] >= all->done)
		same->free = same->free && same->free < own ? same->free : own + 1;
	alike = by & BY_KIND || same->asked > t->stamp[1];
	add_to_client(all, t, same->free, by & BY_CLIENT || alike);
	add_to_client(same, t, same->free, alike);
	if (own >= NOTHING) {
		add_to_session(lane_of(f, t, 0, true, session), t, same->least, by);
		add_to_session(lane_of(f, t, x.kind, true, session), t, same->least, by);
	}
	if (own < NOTHING / 2)
		return;
	c->late[c->next] = x;
	c->next = (c->next + 1) % LATELY;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	static struct value_name status = {"http.response.status_code", NULL, -1};
	const struct txn_record *t = (const void *)r;
	struct queue_state *c;
	uint64_t code;

	if (!s || r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT ||
		t->stamp[1] == FIELD_ABSENT || t->stamp[2] == FIELD_ABSENT ||
		r->end == FIELD_ABSENT || record_model(r)->kind != KIND_WEB)
		return;
	c = svc_state(s, DETECTOR_QUEUE);
	code = number_named(t, &status);
	c->turned_away += (code == 429 || code == 503) && t->ledger[LEDGER_SERVER] < 5 * NOTHING;
	if (code == 429)
		add_wait(&c->refused, t, own_waiting(t));
	else if (r->status != STATUS_SERVER_ERROR)
		add_answer(f, c, t);
}

/* A busy host's timers are less exact: then some that it turned away at once tell of a limit. */
static bool is_spaced(const struct lane *l, const struct queue_state *c)
{
	bool equal = l->equal >= LEAST && reaches(l->equal + 1, l->gaps, MOST);
	bool near = c->turned_away > 1 && l->near >= LEAST && (l->near + 1) * 5 >= l->gaps * 4;

	/* What was slow when it began may have been so for once. */
	uint64_t unlike = l->unlike + (l->free && l->free * 5 < l->gap ? 0 : l->slow);

	return (equal || near) && l->least * 5 < l->gap && unlike * 10 <= l->gaps;
}

/* Those of a service by whether they are of one kind of requests. */
struct lanes {
	const struct lane *l;
	uint32_t i;
	unsigned by;
};

static bool next_lane(const struct findings *f, const struct svc *s, bool serial, struct lanes *at)
{
	const struct queue_all *all = f->state[DETECTOR_QUEUE];

	while (all->lanes && at->i < keyed_count(all->lanes)) {
		const struct lane_key *k = keyed_key(all->lanes, at->i);

		at->l = keyed_value(all->lanes, at->i++);
		at->by = k->kind != 0;
		if (k->serial == serial && k->port == s->key.port &&
			memcmp(&k->server, &s->key.ip, sizeof(k->server)) == 0)
			return true;
	}
	return false;
}

/* What waits at equal distances, and these; of what a client asks by kinds and in all, that which
   is more. */
static uint64_t spaced_of(const struct findings *f, const struct svc *s, struct proof *sum)
{
	struct lanes at = {0};
	struct proof by[2];
	uint64_t gap = 0;

	memset(by, 0, sizeof(by));
	while (next_lane(f, s, false, &at)) {
		if (!is_spaced(at.l, svc_has(s, DETECTOR_QUEUE)))
			continue;
		proof_merge(&by[at.by], &at.l->spaced);
		gap = at.l->gap;
	}
	*sum = by[by[1].cost > by[0].cost];
	return gap;
}

/* What it would be chance of is known of all lanes together, or of one alone. */
static bool no_chance(uint64_t waited, uint64_t whole, uint64_t overtaken)
{
	return waited >= LEAST && reaches(whole, waited, MOST) && overtaken > 1 &&
	       overtaken * 8 >= waited;
}

/* What the lanes of sessions have waited for. */
struct serial {
	struct proof after;
	uint64_t lanes, waited, whole, overtaken, nearby;
};

/* Those of a service whose requests wait for another of their session; of one kind of requests, or
   of all. */
static struct serial find_serial(const struct findings *f, const struct svc *s)
{
	struct serial by[2], *x;
	struct lanes at = {0};

	memset(by, 0, sizeof(by));
	while (next_lane(f, s, true, &at)) {
		by[at.by].waited += at.l->waited;
		by[at.by].whole += at.l->whole;
		by[at.by].overtaken += at.l->overtaken;
		by[at.by].nearby += at.l->nearby;
	}
	at = (struct lanes){0};
	while (next_lane(f, s, true, &at)) {
		const struct lane *l = at.l;

		x = &by[at.by];
		if (!l->free || !reaches(l->whole, l->waited, MOST) ||
			!(no_chance(l->waited, l->whole, l->overtaken) ||
				no_chance(x->waited, x->whole, x->overtaken)))
			continue;
		proof_merge(&x->after, &l->after);
		x->lanes++;
	}
	return by[by[1].after.cost > by[0].after.cost];
}

/* Does a limit let its requests through, or a lock? A limit of its client would have held back
   those that overtook. */
static bool is_lock(const struct serial *x, const struct proof *spaced)
{
	return x->after.count && (!spaced->count || (x->nearby > 1 && x->nearby * 8 >= x->waited));
}

bool answers_in_turn(const struct findings *f, const struct svc *s)
{
	struct proof p;

	if (!svc_has(s, DETECTOR_QUEUE))
		return false;
	spaced_of(f, s, &p);
	return p.count || find_serial(f, s).after.count;
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

static void list_spaced(
	struct findings *f, const struct svc *s, const struct proof *p, uint64_t gap)
{
	struct finding *x = new_of(f, "rate-limit", "A limit of requests a second", s, p);

	say(&x->saw,
		"%C requests were answered one after the other, each %T behind the one before, "
		"although they were there already; one that found none before it was answered at "
		"once. They waited %T.",
		p->count, gap, p->cost);
	say(&x->means, "The server, or a proxy before it, lets so many requests a second through "
		       "and delays the others; it is not busy.");
	say(&x->next, "Its limit for this client%S, and why the client asks so often.",
		by_kind(s,
			" or site (nginx: limit_req with rate, burst, nodelay; haproxy: stick "
			"tables; an API gateway's quota)",
			" (its user's or the proxy's)", " (a quota, a shaper)"));
	say(&x->against, "A worker of whose jobs each takes exactly as long looks like this where "
			 "it has others that are quick.");
}

static void list_serial(struct findings *f, const struct svc *s, const struct serial *serial)
{
	struct finding *x = new_of(
		f, "serialised", "Requests of one client wait for each other", s, &serial->after);

	say(&x->saw,
		"%C requests of %C client%1 or session%1 began to be answered when the one before "
		"had ended only, and took their time again; others that came later were answered "
		"meanwhile. They waited %T for each other.",
		serial->after.count, serial->lanes, serial->lanes, serial->lanes,
		serial->after.cost);
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
		struct serial serial;
		struct proof spaced;
		uint64_t gap;

		if (!c)
			continue;
		gap = spaced_of(f, s, &spaced);
		serial = find_serial(f, s);
		if (is_lock(&serial, &spaced))
			list_serial(f, s, &serial);
		else if (spaced.count)
			list_spaced(f, s, &spaced, gap);
		list_refused(f, s, c);
	}
}

static void release(void *state)
{
	keyed_free(((struct queue_all *)state)->lanes);
}

const struct detector detect_queue = {.size = sizeof(struct queue_all),
	.service_size = sizeof(struct queue_state),
	.table = {{offsetof(struct queue_all, lanes),
		"findings: clients and sessions that queue forgotten, too many"}},
	.kinds = OF_TXN,
	.record = record,
	.list = list,
	.release = release};
