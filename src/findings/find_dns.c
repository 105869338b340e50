/*
 * find_dns.c - lookups that waited for a name server that was silent, or for a query that was lost.
 *
 * A lookup is what a client asks for one name: its attempts, at whichever server, of whichever
 * type, until one is answered. Of two attempts one after the other the first was waited for until
 * the second was sent (or until it was answered after all). No packet says when the client gave the
 * last one up: its timer does, which is known by how long it waited for an earlier one, of this
 * lookup or of another, or by what it did next, where that was whole seconds later. Where nothing
 * tells, the last one was waited for to its own last repetition and, where the capture ends before
 * a timer can, to that end. What goes on side by side (A and AAAA, several servers) is waited for
 * once.
 *
 * Records of queries without an answer come late, when their flow has been silent for long: what
 * was asked is remembered by client and name, and told when the list is made.
 */
#include "findings/find_impl.h"
#include "api/layer.h"
#include "base/mem.h"
#include "model/tally.h"
#include <stdlib.h>

#define LOOKUPS  4096u /* pairs of a client and a name; one more takes the place of another */
#define ATTEMPTS 24u   /* of such a pair; where there are more the oldest half is settled */
#define FLOWS    4096u /* whose end may tell when an unanswered query was sent last */
#define TIMER    (6 * (uint64_t)SECOND)  /* resolvers try again after 5 s, or sooner */
#define YOUNG    (200 * (uint64_t)MS)    /* at the end of the capture: its answer may come yet */
#define TYPE_MAX 8u                      /* bytes of "AAAA" */
#define PATIENT  256u                    /* clients whose timer is known */
#define SOONEST  (300 * (uint64_t)MS)    /* no client gives up before, */
#define CALM     (50 * (uint64_t)MS)     /* what it does later comes of that, or of chance */
#define LATEST   (30 * (uint64_t)SECOND) /* or waits longer */

struct attempt {
	uint64_t start;
	uint64_t until;    /* the last time that it was sent, as far as is known */
	uint64_t answered; /* 0: not */
	uint64_t id, frame, flow;
	uint64_t retries; /* so often it was sent again, at the least */
	bool refused;     /* by an ICMP error: its client did not wait */
	struct svc *server;
	char type[TYPE_MAX];
};

struct lookup {
	struct addr client;
	uint64_t name; /* a hash */
	unsigned n, room;
	bool troubled;     /* an attempt was sent again, or not answered */
	bool asked;        /* for the list that is made: by a client that got no answer either */
	struct attempt *a; /* by their beginnings */
};

struct dns_all {
	struct lookup *lookups[LOOKUPS]; /* by hash */
	struct {
		uint64_t flow;
		uint32_t lookup; /* its place */
	} flows[FLOWS];          /* by their number */
	struct keyed *patience;  /* ns of a client's timer, by its address */
	uint64_t early, settled; /* lookups that made place for others; attempts for their next */
};

struct silence {
	struct proof p; /* attempts that were sent again or not answered, and what that cost */
	uint64_t unanswered, repeated;
	uint64_t beyond; /* ns of the cost that are in no ledger */
};

struct dns_state {
	struct silence settled, now; /* now: with those that are still remembered */
};

static struct value_name name_of = {"dns.question.name", NULL, -1},
			 type_of = {"dns.question.type", NULL, -1}, id_of = {"dns.id", NULL, -1},
			 retries_of = {"tsumari.dns.retries", NULL, -1};

static bool repeated(const struct attempt *a)
{
	return a->until > a->start;
}

/* Timers are of whole seconds, mostly. */
static bool by_timer(uint64_t ns)
{
	return ns >= SECOND * 9 / 10 && ns <= LATEST && ns % SECOND <= ns / 50 + 20 * MS;
}

/* a was sent before b. */
static bool same_lookup(const struct attempt *a, const struct attempt *b)
{
	uint64_t gap = b->start > a->until ? b->start - a->until : 0;

	return a->id == b->id || gap <= TIMER || by_timer(gap);
}

/* What its client sent next for the lookup, behind the first of an attempt; 0: nothing. */
static uint64_t sent_next(const struct lookup *l, const struct attempt *a)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < l->n; i++) {
		const uint64_t at[2] = {l->a[i].start, l->a[i].answered ? 0 : l->a[i].until};

		for (unsigned k = 0; k < 2; k++)
			if (at[k] > a->start + SOONEST && (!next || at[k] < next))
				next = at[k];
	}
	return next;
}

/* What it had sent last before an attempt, without an answer; 0: nothing. */
static uint64_t sent_before(const struct lookup *l, const struct attempt *a)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < l->n; i++) {
		const uint64_t at[2] = {l->a[i].start, l->a[i].until};

		for (unsigned k = 0; k < 2 && !l->a[i].answered && !l->a[i].refused; k++)
			if (at[k] + SOONEST < a->start && at[k] > last)
				last = at[k];
	}
	return last;
}

static uint64_t sane(uint64_t ns)
{
	return ns >= SOONEST && ns <= LATEST ? ns : 0;
}

/* How long its client waits for an attempt, by what it did in this lookup; 0: that is not known. */
static uint64_t own_patience(const struct lookup *l, const struct attempt *a)
{
	const struct attempt *same = NULL;
	uint64_t next, each, before;

	for (const struct attempt *b = l->a; b < a; b++)
		if (b->server == a->server && !b->answered)
			same = b;
	if (repeated(a)) {
		next = sent_next(l, a);
		each = a->retries ? (a->until - a->start) / a->retries : a->until - a->start;
		return sane(next && next - a->start < each ? next - a->start : each);
	}
	next = same ? sent_next(l, same) : 0;
	if (next && sane(next - same->start))
		return next - same->start;
	before = sent_before(l, a);
	return before && a->start - before <= LATEST ? sane(a->start - before) : 0;
}

static uint64_t *patience_of(struct dns_all *all, const struct addr *client)
{
	if (!all->patience)
		all->patience = keyed_new(sizeof(*client), sizeof(uint64_t), PATIENT);
	return keyed_renew(all->patience, client);
}

static void learn_patience(struct dns_all *all, const struct lookup *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		uint64_t ns = l->a[i].answered || l->a[i].refused ? 0 : own_patience(l, &l->a[i]);

		if (ns)
			*patience_of(all, &l->client) = ns;
	}
}

/* When its client stopped waiting for an attempt that nothing followed, as far as can be told. */
static uint64_t given_up(
	const struct findings *f, const struct lookup *l, const struct attempt *a, uint64_t end)
{
	struct dns_all *all = f->state[DETECTOR_DNS];
	uint64_t wait = a->refused ? 0 : own_patience(l, a), next, until;
	const uint64_t *known = all->patience ? keyed_find(all->patience, &l->client) : NULL;
	uint64_t busy = busy_until(f, &l->client, a->until);

	if (a->refused)
		return a->until;
	if (!wait) {
		next = attempt_next(f, &l->client, a->until + CALM);
		wait = next && by_timer(next - a->until) ? next - a->until : 0;
	}
	if (!wait && known)
		wait = *known;
	until = wait ? a->until + wait : end > a->until && end - a->until <= TIMER ? end : a->until;
	if (end && until > end)
		until = end > a->until ? end : a->until;
	if (!busy)
		return until;
	/* Whoever it was for had their answer then. */
	return busy < until || !wait ? (!end || busy < end ? busy : end) : until;
}

static uint32_t place_of(const struct addr *client, uint64_t name)
{
	uint64_t h = name;

	for (unsigned i = 0; i < sizeof(client->b); i++)
		h = (h ^ client->b[i]) * UINT64_C(1099511628211);
	return (uint32_t)((h ^ h >> 32) % LOOKUPS);
}

/* What the server of an attempt asked others, for the same name; NULL: nothing. */
static struct lookup *behind(const struct dns_all *all, uint64_t name, const struct attempt *a)
{
	struct lookup *l = all->lookups[place_of(&a->server->key.ip, name)];

	return l && l->troubled && l->name == name &&
			       memcmp(&l->client, &a->server->key.ip, sizeof(l->client)) == 0
		       ? l
		       : NULL;
}

/* The first of its attempts within that time, where none was answered before its end. */
static struct attempt *in_vain(struct lookup *l, uint64_t from, uint64_t to)
{
	struct attempt *first = NULL;

	for (unsigned i = 0; l && i < l->n; i++) {
		struct attempt *a = &l->a[i];

		if (a->answered > from && a->answered < to)
			return NULL;
		if (!first && !a->answered && a->start >= from && a->start < to)
			first = a;
	}
	return first;
}

/* When nobody waited for it any more. */
static uint64_t waited_until(
	const struct findings *f, const struct lookup *l, unsigned i, uint64_t end)
{
	const struct attempt *a = &l->a[i];
	uint64_t until = 0, busy, wait;

	if (a->answered || a->refused)
		return a->until; /* what follows the last repetition is the server's */
	for (unsigned k = 0; k < l->n; k++) {
		const struct attempt *b = &l->a[k];
		uint64_t then = k > i ? b->start : b->answered;

		if (k != i && strcmp(a->type, b->type) == 0 && then >= a->start &&
			(k > i ? same_lookup(a, b) : same_lookup(b, a)) && (!until || then < until))
			until = then;
	}
	if (!until)
		return given_up(f, l, a, end);
	busy = busy_until(f, &l->client, a->until);
	wait = own_patience(l, a);
	if (wait && until > a->until + wait + wait / 20 + 50 * MS)
		until = a->until + wait; /* it asked again later than it had to */
	return busy && busy < until ? busy : until;
}

static struct silence *silence_of(struct attempt *a, bool settle)
{
	struct dns_state *c = svc_state(a->server, DETECTOR_DNS);

	return settle ? &c->settled : &c->now;
}

static void add_waiting(struct findings *f, const struct lookup *l, struct attempt *a, bool settle,
	uint64_t from, uint64_t to)
{
	struct silence *s;
	struct attempt *b;
	uint64_t ns;

	if (l->asked && !settle)
		return; /* it is told of who asked for it */
	b = settle || a->answered ? NULL
				  : in_vain(behind(f->state[DETECTOR_DNS], l->name, a), from, to);
	if (b) {
		s = silence_of(b, false);
		proof_cost(&s->p, b->start, to - b->start, b->frame);
		s->beyond += to - b->start;
		to = b->start;
	}
	s = silence_of(a, settle);
	ns = a->answered                            ? to - from
	     : busy_nobody(f, &l->client, from, to) ? 0
						    : busy_explain(f, &l->client, from, to, settle);
	proof_cost(&s->p, from, ns, a->frame);
	proof_until(&s->p, to);
	s->beyond += a->answered ? 0 : ns;
}

/* Its answer may come behind the end of the capture, whatever its client has done since. */
static bool is_young(const struct lookup *l, unsigned i, uint64_t end)
{
	const struct attempt *a = &l->a[i];

	return !a->answered && !a->refused && end >= a->start && end - a->start < YOUNG &&
	       !(i + 1 < l->n && same_lookup(a, a + 1));
}

/* What a lookup was waited for, to its servers. end: of the capture; 0: it goes on. */
static void add_up(struct findings *f, struct lookup *l, uint64_t end, bool settle)
{
	uint64_t done = 0; /* waiting up to here is in */

	for (unsigned i = 0; i < l->n; i++) {
		struct attempt *a = &l->a[i], *latest = a;
		uint64_t until = waited_until(f, l, i, end);
		struct silence *s;

		if ((a->answered && !repeated(a)) || (until == end && end - a->start < YOUNG) ||
			is_young(l, i, end))
			continue;
		s = silence_of(a, settle);
		proof_add(&s->p, a->start, 0, a->frame);
		proof_client(&s->p, &l->client);
		*(a->answered ? &s->repeated : &s->unanswered) += 1;
		if (until > done && until > a->start)
			add_waiting(f, l, a, settle, a->start > done ? a->start : done, until);
		done = until > done ? until : done;
		if (a->answered || (i + 1 < l->n && same_lookup(a, &l->a[i + 1])))
			continue;
		/* An earlier server may have been asked again when the last one was silent. */
		for (unsigned k = 0; k < i; k++)
			if (!l->a[k].answered && l->a[k].until > latest->until)
				latest = &l->a[k];
		until = latest == a ? until : given_up(f, l, latest, end);
		if (until > done)
			add_waiting(f, l, latest, settle, done, until);
		done = until > done ? until : done;
	}
}

static void forget(struct lookup *l, unsigned n)
{
	l->n -= n;
	if (n && l->n)
		memmove(l->a, l->a + n, l->n * sizeof(l->a[0]));
}

/* Takes the first n attempts out; what they cost stays. */
static void settle(struct findings *f, struct lookup *l, unsigned n)
{
	unsigned all = l->n;

	if (l->troubled) {
		learn_patience(f->state[DETECTOR_DNS], l);
		l->n = n;
		add_up(f, l, 0, true);
		l->n = all;
	}
	forget(l, n);
	if (!l->n)
		l->troubled = false;
}

static uint64_t hash_name(const struct value *v)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (uint32_t i = 0; v && i < v->len; i++) {
		uint8_t c = (uint8_t)value_text(v)[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c | 32u : c)) * UINT64_C(1099511628211);
	}
	return h;
}

static struct lookup *lookup_of(struct findings *f, const struct txn_record *t, uint32_t *place)
{
	struct dns_all *all = f->state[DETECTOR_DNS];
	uint64_t name = hash_name(value_named(t, &name_of));
	struct lookup **at;

	*place = place_of(&t->r.client.ip, name);
	at = &all->lookups[*place];
	if (!*at)
		*at = xcalloc(1, sizeof(**at));
	if ((*at)->name != name ||
		memcmp(&(*at)->client, &t->r.client.ip, sizeof(t->r.client.ip)) != 0) {
		all->early += (*at)->troubled;
		settle(f, *at, (*at)->n);
		(*at)->name = name;
		(*at)->client = t->r.client.ip;
	}
	return *at;
}

static void add_query(struct findings *f, struct svc *s, const struct txn_record *t)
{
	struct dns_all *all = f->state[DETECTOR_DNS];
	uint32_t place;
	struct lookup *l = lookup_of(f, t, &place);
	const struct value *id = value_named(t, &id_of), *type = value_named(t, &type_of);
	struct attempt *a;
	unsigned at;

	if (l->n == ATTEMPTS) {
		all->settled += l->troubled ? ATTEMPTS / 2 : 0;
		settle(f, l, ATTEMPTS / 2);
	}
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 3;
		l->a = xrealloc(l->a, l->room * sizeof(*l->a));
	}
	for (at = l->n; at && l->a[at - 1].start > t->r.start; at--)
		l->a[at] = l->a[at - 1];
	a = &l->a[at];
	l->n++;
	memset(a, 0, sizeof(*a));
	a->start = a->until = t->r.start;
	a->server = s;
	a->frame = t->frame[0];
	a->flow = t->r.flow_id;
	a->id = id ? id->u64 : 0;
	if (type)
		memcpy(a->type, value_text(type),
			type->len < TYPE_MAX - 1 ? type->len : TYPE_MAX - 1);
	if (t->r.quality & 1u << QUALITY_NO_RESPONSE) {
		l->troubled = true;
		if (t->total != FIELD_ABSENT)
			a->until += t->total;
		if (number_named(t, &retries_of) != FIELD_ABSENT)
			a->retries = number_named(t, &retries_of);
		all->flows[a->flow % FLOWS].flow = a->flow;
		all->flows[a->flow % FLOWS].lookup = place;
		return;
	}
	a->answered = t->r.end != FIELD_ABSENT ? t->r.end : t->r.start;
	if (t->total != FIELD_ABSENT && t->ledger[LEDGER_RETRY]) {
		l->troubled = true;
		a->until += t->ledger[LEDGER_RETRY];
	}
}

/* A resolver whose socket is connected to no server does not hear that one refuses. */
static bool asked_another(const struct lookup *l, unsigned i)
{
	const struct attempt *a = &l->a[i];

	for (unsigned k = i + 1; k < l->n; k++)
		if (l->a[k].id == a->id && l->a[k].server != a->server &&
			strcmp(l->a[k].type, a->type) == 0)
			return l->a[k].start > a->start + SOONEST;
	return false;
}

/* The end of a flow with queries that were never answered: they were sent until then. */
static void add_flow(struct dns_all *all, const struct flow_record *r)
{
	uint64_t flow = r->r.flow_id;
	struct lookup *l = all->lookups[all->flows[flow % FLOWS].lookup];

	if (all->flows[flow % FLOWS].flow != flow || !l || r->r.server.packets)
		return;
	for (unsigned i = 0; i < l->n; i++) {
		struct attempt *a = &l->a[i];

		if (a->flow != flow || a->answered)
			continue;
		/* Who sent it again, or asked another server the same much later, had not heard of
		   it. */
		a->refused = r->icmp_errors != 0 && !a->retries && r->r.end <= a->until &&
			     !asked_another(l, i);
		if (a->retries && r->r.end > a->until)
			a->until = r->r.end;
	}
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct dns_all *all = f->state[DETECTOR_DNS];

	if (!s)
		return;
	if (r->kind == RECORD_FLOW && r->transport == IP_PROTO_UDP)
		add_flow(all, (const void *)r);
	else if (r->kind == RECORD_TXN && strcmp(r->type, "dns") == 0 &&
		 (!txn_unknown((const void *)r) || r->quality & 1u << QUALITY_PENDING) &&
		 !(r->quality & 1u << QUALITY_NO_REQUEST))
		add_query(f, s, (const void *)r);
}

static void ask_behind(const struct dns_all *all)
{
	for (uint32_t i = 0; i < LOOKUPS; i++)
		if (all->lookups[i])
			all->lookups[i]->asked = false;
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		const struct lookup *l = all->lookups[i];

		for (unsigned k = 0; l && l->troubled && k < l->n; k++) {
			struct lookup *b = l->a[k].answered ? NULL : behind(all, l->name, &l->a[k]);

			if (b && b != l)
				b->asked = true;
		}
	}
}

static void prepare(struct findings *f)
{
	const struct dns_all *all = f->state[DETECTOR_DNS];
	struct dns_state *c;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((c = svc_has(s, DETECTOR_DNS)))
			c->now = c->settled;
	ask_behind(all);
	for (uint32_t i = 0; i < LOOKUPS; i++)
		if (all->lookups[i] && all->lookups[i]->troubled)
			learn_patience(f->state[DETECTOR_DNS], all->lookups[i]);
	for (uint32_t i = 0; i < LOOKUPS; i++)
		if (all->lookups[i] && all->lookups[i]->troubled)
			add_up(f, all->lookups[i], f->capture ? f->capture->last : 0, false);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((c = svc_has(s, DETECTOR_DNS)))
			f->more += c->now.beyond;
}

static void list_silence(struct findings *f, const struct svc *s, const struct silence *c)
{
	struct finding *x = finding_new(f, "dns-timeout",
		c->unanswered ? "DNS queries not answered" : "DNS queries lost", s, &c->p,
		"type == dns and (tsumari.quality == no_response or tsumari.dns.retries > 0)");

	finding_claims(x, s, ENTRY(RETRY), CLASS(NONE));
	x->beyond = c->beyond;
	x->counted = "queries";
	x->of = s->transactions;
	if (x->local >= SECOND)
		finding_at_least(x, SEVERITY_WARNING);
	if (c->unanswered)
		say(&x->saw, "%C of %C queries got no answer. ", c->unanswered, x->of);
	if (c->repeated)
		say(&x->saw, "%C of %C queries were answered only after they were sent again. ",
			c->repeated, x->of);
	say(&x->saw, "Lookups waited %T for that.", x->local);
	say(&x->means,
		"The resolver waits for its timer (5 s by default) before it asks again or asks "
		"another server, and whatever needs the name waits as long.");
	say(&x->next,
		"%SLoss and packet filters between client and server; in resolv.conf the order of "
		"the servers, options timeout:1 attempts:3 rotate; a cache on the client.",
		c->unanswered ? "Is the server up, and does it answer this client (dig @server)? "
			      : "");
	if (c->unanswered)
		say(&x->against,
			"When a client gave its last attempt up is in no packet: it is taken from "
			"how long it waited for the others, or from what it did next. ");
	say(&x->against, "What a client does that asks several servers at once, or that gave up "
			 "before, cannot be seen: it waited less.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct dns_state *c = svc_has(s, DETECTOR_DNS);

		if (c && c->now.p.count)
			list_silence(f, s, &c->now);
	}
}

static void release(void *state)
{
	struct dns_all *all = state;

	keyed_free(all->patience);
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		if (all->lookups[i])
			free(all->lookups[i]->a);
		free(all->lookups[i]);
	}
}

static void counters(const void *state, struct counters *c)
{
	const struct dns_all *all = state;

	count_forgotten(c, "findings: lookups in trouble settled early, too many", all->early, 0);
	count_forgotten(
		c, "findings: attempts of a lookup settled early, too many", all->settled, 0);
}

const struct detector detect_dns = {.size = sizeof(struct dns_all),
	.service_size = sizeof(struct dns_state),
	.table = {{offsetof(struct dns_all, patience),
		"findings: clients of name servers forgotten, too many"}},
	.kinds = OF_FLOW | OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list,
	.release = release,
	.counters = counters};
