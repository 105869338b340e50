/*
 * find_attempt.c - connection requests that a server sent to one behind it, once, and that nobody
 * answered: a proxy whose timeout ends before the first repetition is due.
 *
 * No packet tells when it gave up. It had a request in hand meanwhile (find_busy.c), and waited
 * until it tried another server, or until that request was answered.
 */
#include "model/find_impl.h"

#define SINGLES 512u  /* requests that nobody answered */
#define STARTS  2048u /* of connections and transactions, by their clients */
#define TIMEOUT (50 * (uint64_t)MS)

struct start {
	struct addr client;
	uint64_t time;
	uint16_t port; /* of the server */
};

struct attempt_all {
	unsigned nsingles, nstarts;
	struct {
		struct svc *s;
		struct addr client;
		uint64_t time, frame;
	} single[SINGLES];
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

	if (!s || r->transport != 6 || r->composite ||
		(r->kind != RECORD_FLOW && r->kind != RECORD_TXN))
		return;
	all->start[all->nstarts++ % STARTS] =
		(struct start){r->client.ip, r->start, r->server.port};
	if (r->kind != RECORD_FLOW || t->handshake != FIELD_ABSENT || r->server.packets ||
		t->syn_retries || t->icmp_errors || !t->tcp_state ||
		strcmp(t->tcp_state, "syn_sent") != 0)
		return;
	i = all->nsingles++ % SINGLES;
	all->single[i].s = s;
	all->single[i].client = r->client.ip;
	all->single[i].time = r->start;
	all->single[i].frame = r->flow_id;
}

/* When somebody that waited for the server, to `until` at most, tried another one. */
static uint64_t given_up(const struct attempt_all *all, const struct addr *client, uint16_t port,
	uint64_t time, uint64_t until)
{
	for (unsigned i = 0; i < STARTS && i < all->nstarts; i++) {
		const struct start *x = &all->start[i];

		if (x->port == port && x->time > time + TIMEOUT && x->time < until &&
			memcmp(&x->client, client, sizeof(*client)) == 0)
			until = x->time;
	}
	return until;
}

static void prepare(struct findings *f)
{
	const struct attempt_all *all = f->state[DETECTOR_ATTEMPT];
	struct attempt_state *c;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((c = svc_has(s, DETECTOR_ATTEMPT)))
			memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < SINGLES && i < all->nsingles; i++) {
		const struct addr *client = &all->single[i].client;
		uint64_t time = all->single[i].time, until = busy_until(f, client, time), ns;

		if (until <= time + TIMEOUT)
			continue;
		s = all->single[i].s;
		until = given_up(all, client, s->key.port, time, until);
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

const struct detector detect_attempt = {.size = sizeof(struct attempt_all),
	.service_size = sizeof(struct attempt_state),
	.kinds = OF_FLOW | OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list};
