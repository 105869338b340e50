/*
 * find_server.c - what the server itself took: slow answers and errors, by what was asked.
 */
#include "model/find_impl.h"
#include <stdio.h>

/* A sender's first timeout, of a path with a short round trip, with what comes before. */
#define RTO_MOST (320 * MS)

struct server_state {
	struct proof slow;
	struct top slow_top;
	struct proof errors;
	struct top error_top;
	struct proof turns; /* of connections whose protocol is not followed */
	uint64_t nturns;
	uint64_t long_ones; /* longer than one retransmission timeout explains */
};

/* Another family has the time of these. */
static bool others(const struct txn_record *t)
{
	const char *type = t->r.type;

	return t->ended_by || t->unacked ||
	       (t->r.transport != 6 && t->r.quality & 1u << QUALITY_NO_RESPONSE) ||
	       strcmp(type, "mysql") == 0 || strcmp(type, "smtp") == 0 ||
	       strcmp(type, "tls") == 0 || nfs_claims(t);
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	uint64_t server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	bool error = t->r.status == STATUS_SERVER_ERROR;
	struct server_state *c;

	if (!error && server < f->limit.v[THRESHOLD_SLOW])
		return;
	if (others(t))
		return;
	c = svc_state(s, DETECTOR_SERVER);
	claim(f, error ? CLASS_ERROR : CLASS_SLOW);
	if (error) {
		proof_add(&c->errors, t->r.start, own_waiting(t), t->frame[2]);
		proof_client(&c->errors, &t->r.client.ip);
		top_operation(&c->error_top, t, own_waiting(t));
		return;
	}
	proof_add(&c->slow, t->r.start, server, t->frame[1]);
	proof_frame(&c->slow, server, t->frame[2]);
	proof_until(&c->slow, t->r.end);
	proof_client(&c->slow, &t->r.client.ip);
	top_operation(&c->slow_top, t, server);
	c->long_ones += server > RTO_MOST;
}

static uint64_t turns_cost(const struct flow_record *r, uint64_t slow)
{
	uint64_t trip = turn_network(r) / r->turns, most = r->turn_wait_max;

	if (turn_server(r) / r->turns >= slow)
		return turn_server(r);
	return most > trip ? most - trip : 0;
}

static bool slow_turns(const struct flow_record *r, uint64_t slow)
{
	return r->turns && turns_count(r) && turns_cost(r, slow) >= slow;
}

static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct server_state *c;
	uint64_t slow = f->limit.v[THRESHOLD_SLOW];

	if (!slow_turns(r, slow))
		return;
	c = svc_state(s, DETECTOR_SERVER);
	c->nturns += r->turns;
	proof_add(&c->turns, r->r.start, turns_cost(r, slow), r->r.flow_id);
	proof_until(&c->turns, r->r.end);
	proof_client(&c->turns, &r->r.client.ip);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
	else if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
}

static void take_out_flow(struct server_state *c, const struct flow_record *r, uint64_t slow)
{
	if (!slow_turns(r, slow))
		return;
	c->nturns -= r->turns;
	proof_take_out(&c->turns, r->r.start, turns_cost(r, slow), r->r.flow_id);
}

static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct server_state *c = svc_has(s, DETECTOR_SERVER);
	uint64_t slow = f->limit.v[THRESHOLD_SLOW], server;

	if (!c)
		return;
	if (r->kind == RECORD_FLOW) {
		take_out_flow(c, (const void *)r, slow);
		return;
	}
	if (others(t))
		return;
	server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	if (r->status == STATUS_SERVER_ERROR) {
		proof_take_out(&c->errors, r->start, own_waiting(t), t->frame[2]);
	} else if (server >= slow) {
		proof_take_out(&c->slow, r->start, server, t->frame[1]);
		proof_drop_frame(&c->slow, t->frame[2]);
		c->long_ones -= server > RTO_MOST;
	}
}

static void condition(struct findings *f, char *room, size_t size)
{
	snprintf(room, size, "tsumari.ledger.server >= %lluns",
		(unsigned long long)f->limit.v[THRESHOLD_SLOW]);
}

static void list_slow(struct findings *f, const struct svc *s, const struct server_state *c)
{
	char filter[64];
	struct finding *x;

	condition(f, filter, sizeof(filter));
	x = finding_new(f, "slow-server", "Slow answers of the server", s, &c->slow, filter);
	finding_claims(x, s, ALL_ENTRIES, CLASS(SLOW));
	x->counted = "transactions";
	x->of = s->transactions;
	say(&x->saw, "%C of %C answers took the server more than %T, the slowest %T. ", x->count,
		x->of, f->limit.v[THRESHOLD_SLOW], proof_most(&c->slow));
	say_top(&x->saw, "The costliest", &c->slow_top);
	if (!c->long_ones && path_lossy(s)) {
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "Segments were lost on this path, and none took longer than one "
				 "retransmission timeout: answers whose first segment was lost "
				 "before the capture point look like this. ");
	}
	say(&x->means, "The path, TCP and the client are not in it: the request was there, and the "
		       "server (or what it asks itself) worked on it.");
	say(&x->next, "The server's own profile of these operations: its log with times "
		      "($upstream_response_time), its calls to other tiers, CPU, disk and locks "
		      "around the peak.");
	say(&x->against, "Long polls and event streams wait on purpose. What the server waited for "
			 "behind itself is in here, and again where that was captured, too.");
}

static void list_errors(struct findings *f, const struct svc *s, const struct server_state *c)
{
	struct finding *x = finding_new(f, "http-error", "Errors of the server", s, &c->errors,
		"status == \"Server Error\"");

	finding_claims(x, s, ALL_ENTRIES, CLASS(ERROR));
	x->counted = "transactions";
	x->of = svc_ended(s);
	if (reaches(x->count, x->of, f->limit.v[THRESHOLD_ERRORS]))
		finding_at_least(x, SEVERITY_WARNING);
	say(&x->saw, "%C of %C answers were errors of the server. ", x->count, x->of);
	say_top(&x->saw, "Most of them", &c->error_top);
	say(&x->means, "The server, or one behind it, failed on these requests; their time was "
		       "waited for nothing.");
	say(&x->next, "The server's error log for these operations; of 502, 503 and 504 the "
		      "upstream: is it up, does it refuse, is it slow?");
	say(&x->against, "A client that asks for what the server cannot do (501, 505) gets such "
			 "statuses from a healthy server.");
}

static void list_turns(struct findings *f, const struct svc *s, const struct server_state *c)
{
	char filter[64];
	struct finding *x;

	snprintf(filter, sizeof(filter), "tsumari.turns.wait_max >= %lluns",
		(unsigned long long)f->limit.v[THRESHOLD_SLOW]);
	x = finding_new(f, "slow-server", "Slow answers of the server", s, &c->turns, filter);
	finding_claims(x, s, ALL_ENTRIES, CLASS(SLOW));
	x->of = s->flows;
	finding_at_most(x, SEVERITY_WARNING); /* whether anybody waited is not known */
	say(&x->saw,
		"On %C connection%1 whose protocol is not followed the server was slow to "
		"answer: %T in %C turns.",
		x->count, x->count, x->local, c->nturns);
	say(&x->means, "After the client's last bytes nothing came for long: the server worked.");
	say(&x->next, "The server's log; for TLS its keys, or capture behind the point where it "
		      "ends.");
	say(&x->against, "Where the server speaks when it has news (a push, a long poll) nobody "
			 "waited for it.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct server_state *c = svc_has(s, DETECTOR_SERVER);

		if (c && c->slow.count)
			list_slow(f, s, c);
		if (c && c->errors.count)
			list_errors(f, s, c);
		if (c && c->turns.count)
			list_turns(f, s, c);
	}
}

static void release(void *state)
{
	struct server_state *c = state;

	top_release(&c->slow_top);
	top_release(&c->error_top);
}

const struct detector detect_server = {.service_size = sizeof(struct server_state),
	.record = record,
	.take_out = take_out,
	.list = list,
	.release_service = release};
