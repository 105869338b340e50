/*
 * find_greeting.c - servers that have the first word and are long in coming to it, or never do.
 *
 * A greeting that came late is a transaction (SMTP's have a finding of their own). Of one that did
 * not come no byte speaks for a protocol: the port decides, and the connection was waited for until
 * it was closed, or until the end of the capture.
 */
#include "findings/find_impl.h"
#include "core/registry.h"

struct greeting_state {
	struct proof late, silent;
	uint64_t longest;
	/* Connections that were open when the capture ended: silent from its end less these on. */
	struct proof open;
	uint64_t beyond;        /* ns of that, in no record */
	uint64_t nopen, opened; /* the sum of when they were established */
	struct proof now;       /* all of them, as of the list that is made */
};

#define ASKING 256u /* questions that nobody answered; the latest */

struct greeting_all {
	unsigned n;
	struct {
		struct addr client;
		uint64_t time;
	} asking[ASKING];
};

static struct value_name command = {"mysql.command", NULL, -1};

bool is_greeting(const struct txn_record *t)
{
	const struct value *v = value_named(t, &command);

	return v && v->name && strcmp(v->name, "GREETING") == 0;
}

/* Nothing came, and it should have. */
static bool is_silent(const struct flow_record *r)
{
	return r->handshake != FIELD_ABSENT && !r->side[SIDE_SERVER].payload && !r->accept_wait &&
	       !r->transactions && registry_server_first(r->r.server.port) &&
	       !(r->r.quality & (1u << QUALITY_ONE_WAY | 1u << QUALITY_MIDSTREAM));
}

uint64_t greeting_waited(const struct flow_record *r)
{
	return is_silent(r) && r->r.duration > r->handshake ? r->r.duration - r->handshake : 0;
}

static bool at_the_end(const struct flow_record *r)
{
	return r->close_reason && strcmp(r->close_reason, "capture_end") == 0;
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	uint64_t waited = greeting_waited(r);
	struct greeting_state *c;

	if (!is_silent(r))
		return;
	if (at_the_end(r)) {
		c = svc_state(s, DETECTOR_GREETING);
		c->nopen++;
		c->opened += r->r.start + r->handshake + waited; /* that is in all waiting */
		proof_add(&c->open, r->r.start, waited, r->r.flow_id);
		proof_client(&c->open, &r->r.client.ip);
	} else if (waited >= f->limit.v[THRESHOLD_SLOW]) {
		c = svc_state(s, DETECTOR_GREETING);
		proof_add(&c->silent, r->r.start, waited, r->r.flow_id);
		proof_until(&c->silent, r->r.end);
		proof_client(&c->silent, &r->r.client.ip);
		c->longest = waited > c->longest ? waited : c->longest;
	}
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	uint64_t server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	struct greeting_state *c;

	if (server < f->limit.v[THRESHOLD_SLOW] || !is_greeting(t))
		return;
	claim(f, CLASS_GREETING);
	c = svc_state(s, DETECTOR_GREETING);
	proof_add(&c->late, t->r.start, server, t->frame[2]);
	proof_until(&c->late, t->r.end);
	proof_client(&c->late, &t->r.client.ip);
	c->longest = server > c->longest ? server : c->longest;
}

/* A connection that was not made, a name that was not told. */
static bool is_unanswered(const struct record *r)
{
	const struct flow_record *flow = (const void *)r;

	if (r->kind == RECORD_FLOW)
		return flow->tcp_state && flow->handshake == FIELD_ABSENT &&
		       strncmp(flow->tcp_state, "syn_sent", 8) == 0;
	return r->kind == RECORD_TXN && !r->composite && r->end == FIELD_ABSENT &&
	       record_model(r)->kind == KIND_NAMES;
}

static void add_asking(struct greeting_all *all, const struct record *r)
{
	unsigned i = all->n++ % ASKING;

	all->asking[i].client = r->client.ip;
	all->asking[i].time = r->start;
}

/* Has the server, since these connections were made, asked somebody who did not answer? */
static bool is_asking(const struct greeting_all *all, const struct svc *s, uint64_t since)
{
	for (unsigned i = 0; i < ASKING && i < all->n; i++)
		if (all->asking[i].time >= since &&
			memcmp(&all->asking[i].client, &s->key.ip, sizeof(s->key.ip)) == 0)
			return true;
	return false;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (is_unanswered(r))
		add_asking(f->state[DETECTOR_GREETING], r);
	if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
}

static void prepare(struct findings *f)
{
	uint64_t end = f->capture ? f->capture->last : 0;
	struct greeting_state *c;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		uint64_t waited;

		if (!(c = svc_has(s, DETECTOR_GREETING)))
			continue;
		memset(&c->now, 0, sizeof(c->now));
		c->beyond = 0;
		proof_merge(&c->now, &c->late);
		proof_merge(&c->now, &c->silent);
		waited = c->nopen && end > c->opened / c->nopen ? end * c->nopen - c->opened : 0;
		/* What it waits for itself is told there. */
		if (waited < f->limit.v[THRESHOLD_SLOW] * c->nopen || !c->nopen ||
			is_asking(f->state[DETECTOR_GREETING], s, c->open.first))
			continue;
		proof_merge(&c->now, &c->open);
		proof_cost(&c->now, c->open.first, waited, 0);
		proof_until(&c->now, end);
		c->beyond = waited;
		f->more += waited;
	}
}

static void list_late(struct findings *f, const struct svc *s, const struct greeting_state *c)
{
	struct finding *x = finding_new(f, "slow-greeting", "The server is slow to greet", s,
		&c->now,
		c->late.count ? "mysql.command == GREETING"
			      : "tsumari.flow.server.payload == 0 and tsumari.tcp.handshake > 0");
	uint64_t silent = c->now.count - c->late.count;

	finding_claims(x, s, ALL_ENTRIES, CLASS(GREETING));
	x->beyond = c->beyond;
	x->at_least = c->open.count > 0;
	x->of = s->flows;
	if (c->late.count)
		say(&x->saw, "On %C of %C connections the server's greeting took more than %T. ",
			c->late.count, x->of, f->limit.v[THRESHOLD_SLOW]);
	if (silent)
		say(&x->saw,
			"On %C of %C connections to this port, where the server speaks first, it "
			"said nothing at all. ",
			silent, x->of);
	if (c->longest)
		say(&x->saw, "The longest took %T.", c->longest);
	say(&x->means, "The connection stands, but the program does not talk yet: it looks up the "
		       "client's name, has no thread free, or hangs. A proxy in front of it "
		       "accepts before there is anybody behind.");
	say(&x->next, "DNS from the server (MySQL: skip_name_resolve, host_cache); the number of "
		      "threads and connections (SHOW PROCESSLIST, Threads_connected); what the "
		      "proxy's port leads to.");
	say(&x->against, "%S",
		silent ? "A client that only looks whether the port is open, and stays, waits for "
			 "nothing."
		       : "A server that was just started is slow once.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct greeting_state *c = svc_has(s, DETECTOR_GREETING);

		if (c && c->now.count)
			list_late(f, s, c);
	}
}

const struct detector detect_greeting = {.size = sizeof(struct greeting_all),
	.service_size = sizeof(struct greeting_state),
	.kinds = OF_TCP | OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list};
