/*
 * find_dns.c - lookups that waited for a name server that was silent, or for a query that was lost.
 *
 * A lookup is what a client asks for one name: its attempts, at whichever server, of whichever
 * type, until one is answered. Of two attempts one after the other the first was waited for until
 * the second was sent (or until it was answered after all); the last one to its own last repetition
 * and, where the capture ends before the client's timer can, to that end. What goes on side by side
 * (A and AAAA, several servers) is waited for once.
 *
 * Records of queries without an answer come late, when their flow has been silent for long: what
 * was asked is remembered by client and name, and told when the list is made.
 */
#include "model/find_impl.h"
#include "base/mem.h"
#include "model/tally.h"
#include <stdlib.h>

#define LOOKUPS  4096u /* pairs of a client and a name; one more takes the place of another */
#define ATTEMPTS 24u   /* of such a pair; where there are more the oldest half is settled */
#define FLOWS    4096u /* whose end may tell when an unanswered query was sent last */
#define TIMER    (6 * (uint64_t)SECOND) /* resolvers try again after 5 s, or sooner */
#define YOUNG    (200 * (uint64_t)MS)   /* at the end of the capture: its answer may come yet */
#define TYPE_MAX 8u                     /* bytes of "AAAA" */

struct attempt {
	uint64_t start;
	uint64_t until;    /* the last time that it was sent, as far as is known */
	uint64_t answered; /* 0: not */
	uint64_t id, frame, flow;
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

/* a was sent before b. */
static bool same_lookup(const struct attempt *a, const struct attempt *b)
{
	return a->id == b->id || b->start <= a->until + TIMER;
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
	uint64_t until = 0, busy;

	if (a->answered)
		return a->until; /* what follows the last repetition is the server's */
	for (unsigned k = 0; k < l->n; k++) {
		const struct attempt *b = &l->a[k];
		uint64_t then = k > i ? b->start : b->answered;

		if (k != i && strcmp(a->type, b->type) == 0 && then >= a->start &&
			(k > i ? same_lookup(a, b) : same_lookup(b, a)) && (!until || then < until))
			until = then;
	}
	busy = busy_until(f, &l->client, a->until); /* whoever it was for had their answer then */
	if (until)
		return busy && busy < until ? busy : until;
	end = busy && busy < end ? busy : end;
	return end > a->until && end - a->until <= TIMER ? end : a->until;
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
	ns = a->answered ? to - from : busy_explain(f, &l->client, from, to, settle);
	proof_cost(&s->p, from, ns, a->frame);
	proof_until(&s->p, to);
	s->beyond += a->answered ? 0 : ns;
}

/* What a lookup was waited for, to its servers. end: of the capture; 0: it goes on. */
static void add_up(struct findings *f, struct lookup *l, uint64_t end, bool settle)
{
	uint64_t done = 0; /* waiting up to here is in */

	for (unsigned i = 0; i < l->n; i++) {
		struct attempt *a = &l->a[i], *latest = a;
		uint64_t until = waited_until(f, l, i, end);
		struct silence *s;

		if ((a->answered && !repeated(a)) || (until == end && end - a->start < YOUNG))
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
		if (latest->until > done)
			add_waiting(f, l, latest, settle, done, latest->until);
		done = latest->until > done ? latest->until : done;
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
		if (number_named(t, &retries_of) != FIELD_ABSENT) {
			all->flows[a->flow % FLOWS].flow = a->flow;
			all->flows[a->flow % FLOWS].lookup = place;
		}
		return;
	}
	a->answered = t->r.end != FIELD_ABSENT ? t->r.end : t->r.start;
	if (t->total != FIELD_ABSENT && t->ledger[LEDGER_RETRY]) {
		l->troubled = true;
		a->until += t->ledger[LEDGER_RETRY];
	}
}

/* The end of a flow with queries that were never answered: they were sent until then. */
static void add_flow(struct dns_all *all, const struct flow_record *r)
{
	uint64_t flow = r->r.flow_id;
	struct lookup *l = all->lookups[all->flows[flow % FLOWS].lookup];

	if (all->flows[flow % FLOWS].flow != flow || !l || r->r.server.packets)
		return;
	for (unsigned i = 0; i < l->n; i++)
		if (l->a[i].flow == flow && !l->a[i].answered && r->r.end > l->a[i].until)
			l->a[i].until = r->r.end;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct dns_all *all = f->state[DETECTOR_DNS];

	if (!s)
		return;
	if (r->kind == RECORD_FLOW && r->transport == 17)
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
	.kinds = OF_FLOW | OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list,
	.release = release,
	.counters = counters};
