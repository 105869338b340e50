/*
 * find_attempt.c - connection requests that a server sent to one behind it, once, and that nobody
 * answered: a proxy whose timeout ends before the first repetition is due.
 *
 * No packet tells when it gave up. It had a request in hand meanwhile (find_busy.c), and waited
 * until it tried another server, or until that request was answered.
 */
#include "findings/find_impl.h"
#include "api/layer.h"

#define SINGLES 512u  /* requests that nobody answered */
#define STARTS  2048u /* of connections and transactions, by their clients */
#define TIMEOUT (50 * (uint64_t)MS)
#define SOME    16u /* of a client's to a server, of which its timeout is known; at least */
#define LEAST   3u
#define TRIES   32u /* starts behind one that may be what it did next */

struct start {
	struct addr client;
	uint64_t time;
	uint16_t port; /* of the server */
};

struct single {
	struct svc *s;
	struct addr client;
	uint64_t time, frame;
	uint64_t until; /* while a list is made: its client was waited for; 0: not */
};

struct attempt_all {
	unsigned nsingles, nstarts;
	struct single single[SINGLES];
	struct start start[STARTS];
};

struct attempt_state {
	struct proof p; /* while a list is made */
};

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct attempt_all *all = f->state[DETECTOR_ATTEMPT];
	const struct flow_record *t = (const void *)r;
	unsigned i;

	if (!s || r->composite || (r->kind != RECORD_FLOW && r->kind != RECORD_TXN))
		return;
	all->start[all->nstarts++ % STARTS] =
		(struct start){r->client.ip, r->start, r->server.port};
	if (r->transport != IP_PROTO_TCP || r->kind != RECORD_FLOW ||
		t->handshake != FIELD_ABSENT || r->server.packets || t->syn_retries ||
		t->icmp_errors || !t->tcp_state || strcmp(t->tcp_state, "syn_sent") != 0)
		return;
	i = all->nsingles++ % SINGLES;
	all->single[i].s = s;
	all->single[i].client = r->client.ip;
	all->single[i].time = r->start;
	all->single[i].frame = r->flow_id;
}

uint64_t attempt_next(const struct findings *f, const struct addr *host, uint64_t after)
{
	const struct attempt_all *all = f->state[DETECTOR_ATTEMPT];
	uint64_t next = 0;

	for (unsigned i = 0; i < STARTS && i < all->nstarts; i++) {
		const struct start *y = &all->start[i];

		if (y->time >= after && (!next || y->time < next) &&
			memcmp(&y->client, host, sizeof(*host)) == 0)
			next = y->time;
	}
	return next;
}

/* When the client, that waited for a server, tried another one: the first time behind `after`, or
   `until`. */
static uint64_t tried(
	const struct attempt_all *all, const struct single *x, uint64_t after, uint64_t until)
{
	for (unsigned i = 0; i < STARTS && i < all->nstarts; i++) {
		const struct start *y = &all->start[i];

		if (y->port == x->s->key.port && y->time > after && y->time < until &&
			memcmp(&y->client, &x->client, sizeof(y->client)) == 0)
			until = y->time;
	}
	return until;
}

/* Behind so many of these a start of their client lies at this distance, within a hundredth. */
static unsigned fits(
	const struct attempt_all *all, const struct single *some, unsigned n, uint64_t ns)
{
	uint64_t slack = ns / 100 + 2 * MS;
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t end = some[i].time + ns + slack;

		if (some[i].time + ns > some[i].until)
			continue;

		count += tried(all, &some[i], some[i].time + ns - slack, end) < end;
	}
	return count;
}

/*
 * A client's timeout: other connections that it makes meanwhile lie anywhere, but those by which it
 * goes on are always as far behind. 0: none such.
 */
static uint64_t timeout_of(const struct attempt_all *all, const struct single *x)
{
	struct single some[SOME];
	uint64_t best = 0;
	unsigned n = 0, most = 0;

	for (unsigned i = 0; i < SINGLES && i < all->nsingles && n < SOME; i++)
		if (all->single[i].s == x->s && all->single[i].until &&
			memcmp(&all->single[i].client, &x->client, sizeof(x->client)) == 0)
			some[n++] = all->single[i];
	for (unsigned i = 0; i < n && i < 2 && n >= LEAST; i++) {
		uint64_t at = some[i].time + TIMEOUT;

		for (unsigned k = 0; k < TRIES; k++) {
			uint64_t next = tried(all, &some[i], at, UINT64_MAX);
			unsigned fit;

			if (next == UINT64_MAX || next > some[i].until)
				break;
			at = next;
			fit = fits(all, some, n, at - some[i].time);
			if (fit >= most) { /* what went on then was the last thing to do */
				most = fit;
				best = at - some[i].time;
			}
		}
	}
	return most * 4 >= n * 3 ? best : 0;
}

static void prepare(struct findings *f)
{
	struct attempt_all *all = f->state[DETECTOR_ATTEMPT];
	struct attempt_state *c;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((c = svc_has(s, DETECTOR_ATTEMPT)))
			memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < SINGLES && i < all->nsingles; i++)
		all->single[i].until = busy_until(f, &all->single[i].client, all->single[i].time);
	for (unsigned i = 0; i < SINGLES && i < all->nsingles; i++) {
		const struct single *x = &all->single[i];
		const struct addr *client = &x->client;
		uint64_t time = x->time, until = x->until, ns, timeout;

		if (until <= time + TIMEOUT)
			continue;
		s = x->s;
		timeout = timeout_of(all, x);
		if (!timeout || time + timeout > until)
			until = tried(all, x, time + TIMEOUT, until);
		else
			until = time + timeout;
		ns = busy_explain(f, client, time, until, false);
		c = svc_state(s, DETECTOR_ATTEMPT);
		proof_add(&c->p, time, ns, all->single[i].frame);
		proof_until(&c->p, until);
		proof_client(&c->p, client);
		f->more += ns;
	}
}

static void list_attempts(struct findings *f, const struct svc *s, const struct attempt_state *c)
{
	struct finding *x = finding_new(f, "connect-timeout", "No answer to connection requests", s,
		&c->p, "tsumari.tcp.state == syn_sent");

	x->beyond = x->local;
	finding_at_least(x, SEVERITY_WARNING);
	x->of = s->flows;
	say(&x->saw,
		"%C of %C connection requests got no answer and were not sent again: whoever sent "
		"them had a request in hand, waited %T for them and gave up.",
		x->count, s->flows, x->local);
	say(&x->means, "The server behind is not there, or something on the way drops the requests "
		       "without a word; the one in front waits for its timeout each time.");
	say(&x->next, "Whether the host is up and listens (ss -lnt there); rules that DROP (nft "
		      "list ruleset, security groups). In front: health checks that take such a "
		      "server out (haproxy: check; nginx: max_fails), and a short timeout to "
		      "connect.");
	say(&x->against, "When it gave up is not in the packets: it is taken from what it did "
			 "next.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct attempt_state *c = svc_has(s, DETECTOR_ATTEMPT);

		if (c && c->p.count)
			list_attempts(f, s, c);
	}
}

static void counters(const void *state, struct counters *c)
{
	const struct attempt_all *all = state;

	count_forgotten(c, "findings: connection requests sent once forgotten, too many",
		all->nsingles, SINGLES);
}

const struct detector detect_attempt = {.size = sizeof(struct attempt_all),
	.service_size = sizeof(struct attempt_state),
	.kinds = OF_TCP | OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list,
	.counters = counters};
