/*
 * find_server.c - what the server itself took: slow answers and errors, by what was asked.
 */
#include "findings/find_impl.h"
#include "api/layer.h"
#include "base/duration.h"
#include <stdio.h>

/* A sender's first timeout, of a path with a short round trip, with what comes before; a longer
   round trip is in it twice. */
#define RTO_MOST (320 * MS)

#define RTO_TWO   (720 * MS) /* two of them, the second twice as long */
#define RTO_LEAST (180 * MS) /* and what is left of it beside the capture */

#define STEPS      16u
#define NEARLY_ALL 900u /* permille */
#define OTHERS     20u
#define OWN_LEAST  80u /* the same, of a server's time: less is what could not be told apart */

struct server_state {
	struct proof slow;
	struct top slow_top;
	struct proof errors;
	struct top error_top;
	uint64_t slow_turns; /* of the slow ones: of connections whose protocol is not followed */
	uint64_t turns;      /* all of those */
	bool names;          /* it answers for names: nobody takes long for these */
	uint64_t long_ones;  /* longer than one retransmission timeout explains, */
	uint64_t longer;     /* or than two */
	uint64_t slowest, least; /* of the slow ones */
	uint64_t given;          /* of them: large, and begun at once */
	/* Good answers by the server's time, each step twice as long as the one before. */
	struct {
		uint64_t n, all, slow; /* ns; slow: of those that count as slow or medium */
	} took[STEPS];
	/* Not slow, but not quick either, of half the limit and of a quarter: slow where they are
	   most of it, or where others are slow beside quick ones. */
	struct proof medium[2];
};

/* Another family has the time of these. */
static bool others(struct findings *f, const struct txn_record *t)
{
	return t->ended_by || t->unacked ||
	       (t->r.transport != IP_PROTO_TCP && t->r.quality & 1u << QUALITY_NO_RESPONSE) ||
	       has_detector(f, t->r.type) || app_encrypted(t->r.dissector) || nfs_claims(t) ||
	       pgsql_claims(t);
}

static uint64_t step_from(unsigned i)
{
	return i ? UINT64_C(1) << (20 + i) : 0; /* 2 ms, 4 ms ... */
}

static unsigned step_of(uint64_t ns)
{
	unsigned i = 0;

	while (i + 1 < STEPS && ns >= step_from(i + 1))
		i++;
	return i;
}

static uint64_t answers(const struct server_state *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STEPS; i++)
		n += c->took[i].n;
	return n;
}

static unsigned usual_step(const struct server_state *c)
{
	uint64_t n = answers(c), seen = 0;
	unsigned i = 0;

	while (i + 1 < STEPS && (seen + c->took[i].n) * 2 < n)
		seen += c->took[i++].n;
	return i;
}

/*
 * Are the slow answers others than the usual ones? Where nearly all answers of a service take as
 * long that is what it does, unless it is very long; so it is where the slow ones are as long as
 * each other.
 */
static bool unusual(const struct server_state *c)
{
	uint64_t n = answers(c), slow = 0, far = 0, quick = 0;
	unsigned median = usual_step(c);

	for (unsigned i = 0; i < STEPS; i++) {
		slow += c->took[i].slow;
		quick += i + 1 < median ? c->took[i].n : 0;
		if (i > median + 1 || step_from(i) >= SECOND / 2)
			far += c->took[i].slow;
	}
	if (quick * 10 >= n && c->slowest > c->least + c->least / 4)
		return true;
	return n < 3 || far * 2 >= slow;
}

bool answers_others_at_once(const struct findings *f, const struct svc *s)
{
	const struct server_state *c = svc_has(s, DETECTOR_SERVER);
	unsigned slow = step_of(f->limit.v[THRESHOLD_SLOW] / 4);
	uint64_t quick = 0;

	for (unsigned i = 0; c && i < slow; i++)
		quick += c->took[i].n;
	return c && answers(c) >= 3 && quick * 10 >= answers(c) && unusual(c);
}

bool fails_nobody(const struct findings *f, const struct addr *host)
{
	struct svc *s;
	uint64_t n = 0;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct server_state *c = svc_has(s, DETECTOR_SERVER);

		if (s->kind != KIND_WEB || memcmp(&s->key.ip, host, sizeof(s->key.ip)) != 0)
			continue;
		if ((c && c->errors.count) || cuts_off(s))
			return false;
		n += c ? answers(c) : 0;
	}
	return n >= 10;
}

static void count(struct server_state *c, uint64_t ns, uint64_t least)
{
	c->took[step_of(ns)].n++;
	c->took[step_of(ns)].all += ns;
	c->took[step_of(ns)].slow += ns >= least ? ns : 0;
}

static bool is_longer(const struct record *r, uint64_t ns, uint64_t most)
{
	uint64_t trip = r->kind == RECORD_TURN
				? ((const struct turn_record *)r)->ledger[LEDGER_NETWORK]
				: ((const struct txn_record *)r)->ledger[LEDGER_NETWORK];

	return ns > most + 2 * trip;
}

static bool is_long(const struct record *r, uint64_t ns)
{
	return is_longer(r, ns, RTO_MOST);
}

/* A large answer that began at once: what took time is how it was sent. */
static bool given_slowly(const struct findings *f, const struct txn_record *t)
{
	return t->wait != FIELD_ABSENT && t->wait < f->limit.v[THRESHOLD_SLOW] / 4 &&
	       t->r.server.bytes != FIELD_ABSENT &&
	       t->r.server.bytes >= f->limit.v[THRESHOLD_LARGE];
}

static void add_slow(struct findings *f, struct svc *s, struct server_state *c,
	const struct record *r, const struct txn_record *t, uint64_t ns, uint64_t frame)
{
	enum wait_class class = idle_or_slow(&s->idler, r, t, ns, frame);

	c->slowest = ns > c->slowest ? ns : c->slowest;
	if (r->end != FIELD_ABSENT)
		c->least = c->least && c->least < ns ? c->least : ns;
	c->long_ones += is_long(r, ns);
	c->longer += is_longer(r, ns, RTO_TWO);
	claim(f, class);
	c->given += t && given_slowly(f, t);
	if (class != CLASS_SLOW)
		return;
	proof_add(&c->slow, r->start, ns, frame);
	proof_until(&c->slow, r->end);
	proof_client(&c->slow, &r->client.ip);
	if (t)
		top_operation(&c->slow_top, t, ns);
}

static struct proof *medium_of(const struct findings *f, struct server_state *c, uint64_t ns)
{
	return &c->medium[ns < f->limit.v[THRESHOLD_SLOW] / 2];
}

static void add_medium(
	struct findings *f, struct svc *s, const struct record *r, uint64_t ns, uint64_t frame)
{
	struct server_state *c = svc_state(s, DETECTOR_SERVER);
	struct proof *p = medium_of(f, c, ns);

	claim(f, p == c->medium ? CLASS_MEDIUM : CLASS_LESSER);
	proof_add(p, r->start, ns, frame);
	proof_until(p, r->end);
	proof_client(p, &r->client.ip);
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	uint64_t server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	bool error = t->r.status == STATUS_SERVER_ERROR;
	struct server_state *c;

	if (others(f, t))
		return;
	/* How long one takes that is still waited for is not known. */
	if (!error && t->total != FIELD_ABSENT && !(t->r.quality & 1u << QUALITY_PENDING)) {
		c = svc_state(s, DETECTOR_SERVER);
		c->names = record_model(&t->r)->kind == KIND_NAMES;
		count(c, server, f->limit.v[THRESHOLD_SLOW] / 2);
	}
	if (!error && server < f->limit.v[THRESHOLD_SLOW] / 4)
		return;
	if (!error && waits_on_purpose(t)) {
		claim(f, CLASS_IDLE);
	} else if (!error && server < f->limit.v[THRESHOLD_SLOW]) {
		add_medium(f, s, &t->r, server, t->frame[1]);
	} else if (!error) {
		add_slow(f, s, svc_state(s, DETECTOR_SERVER), &t->r, t, server, t->frame[1]);
		c = svc_state(s, DETECTOR_SERVER);
		proof_frame(&c->slow, server, t->frame[2]);
	} else {
		c = svc_state(s, DETECTOR_SERVER);
		claim(f, CLASS_ERROR);
		proof_add(&c->errors, t->r.start, own_waiting(t), t->frame[2]);
		proof_client(&c->errors, &t->r.client.ip);
		top_operation(&c->error_top, t, own_waiting(t));
	}
}

static void add_turn(struct findings *f, struct svc *s, const struct turn_record *r)
{
	uint64_t server = turn_own(r);
	struct server_state *c;

	if (r->open || app_read(r->app))
		return;
	c = svc_state(s, DETECTOR_SERVER);
	c->turns++;
	count(c, server, f->limit.v[THRESHOLD_SLOW] / 2);
	if (server >= f->limit.v[THRESHOLD_SLOW]) {
		c->slow_turns++;
		add_slow(f, s, c, &r->r, NULL, server, r->frame);
	} else if (server >= f->limit.v[THRESHOLD_SLOW] / 4) {
		add_medium(f, s, &r->r, server, r->frame);
	}
}

/* Where there are no records of turns (-Y) their connections tell of them. */
static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	uint64_t slow = f->limit.v[THRESHOLD_SLOW], trip, most = r->turn_wait_max;
	struct server_state *c;

	if (!r->turns || !turns_count(r) || f->turns_seen)
		return;
	trip = turn_network(r) / r->turns;
	most = most > trip ? most - trip : 0;
	if (most < slow)
		return;
	if (turn_server(r) / r->turns >= slow)
		most = turn_server(r);
	c = svc_state(s, DETECTOR_SERVER);
	c->turns += r->turns;
	c->slow_turns++;
	claim(f, CLASS_SLOW);
	proof_add(&c->slow, r->r.start, most, r->r.flow_id);
	proof_until(&c->slow, r->r.end);
	proof_client(&c->slow, &r->r.client.ip);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
	else if (r->kind == RECORD_TURN)
		add_turn(f, s, (const void *)r);
	else if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
	if (r->kind == RECORD_TURN)
		idle_loose(s->idler, r->flow_id, ((const struct turn_record *)r)->unasked);
	else if (r->kind == RECORD_FLOW)
		idle_loose(s->idler, r->flow_id, ((const struct flow_record *)r)->unasked);
	if (r->kind == RECORD_TXN || r->kind == RECORD_TURN)
		idle_asked(s->idler, r);
}

static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct server_state *c = svc_has(s, DETECTOR_SERVER);
	uint64_t slow = f->limit.v[THRESHOLD_SLOW], server;

	if (!c || r->kind != RECORD_TXN || others(f, t))
		return;
	server = t->total == FIELD_ABSENT ? 0 : t->ledger[LEDGER_SERVER];
	if (r->status == STATUS_SERVER_ERROR) {
		proof_take_out(&c->errors, r->start, own_waiting(t), t->frame[2]);
	} else if (server >= slow) {
		if (!idle_take_out(s->idler, r, server, t->frame[1], false) &&
			(c->slow.count || !idle_take_out(s->idler, r, server, t->frame[1], true)))
			proof_take_out(&c->slow, r->start, server, t->frame[1]);
		c->given -= c->given && given_slowly(f, t);
		proof_drop_frame(&c->slow, t->frame[2]);
		c->long_ones -= is_long(r, server);
		c->longer -= is_longer(r, server, RTO_TWO);
	} else if (server >= slow / 4) {
		proof_take_out(medium_of(f, c, server), r->start, server, t->frame[1]);
	}
}

/* What is felt of a service's waits of this class. */
static uint64_t felt_of(const struct svc *s, enum wait_class class)
{
	uint64_t sum = 0;

	for (const struct cell *c = s->cells; c; c = c->next)
		sum += c->class == class && !c->idle ? c->now : 0;
	return sum;
}

/* What is left of them when what lies behind has its part. */
static uint64_t own_of(const struct svc *s, uint32_t classes)
{
	uint64_t sum = 0;

	for (const struct cell *c = s->cells; c; c = c->next)
		sum += classes >> c->class & 1 && c->entry == LEDGER_SERVER ? c->all - c->moved : 0;
	return sum;
}

/*
 * Are answers from this time on, and those nearly as slow, nearly all that was waited for? Then
 * the rest is no other cause.
 */
static bool nearly_all(const struct server_state *c, uint64_t slow)
{
	uint64_t sum = 0, most = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		sum += c->took[i].all;
		most += i >= step_of(slow) ? c->took[i].all : 0;
	}
	return reaches(most, sum, NEARLY_ALL);
}

/* What was waited for the server itself. */
static uint64_t server_time(const struct svc *s, uint32_t classes)
{
	uint64_t sum = 0;

	for (const struct cell *c = s->cells; c; c = c->next)
		sum += c->entry == LEDGER_SERVER && classes >> c->class & 1 && !c->idle ? c->all
											: 0;
	return sum;
}

#define MEDIUMS 10u

/* Is whoever waited for these a server itself, and nobody else? */
static bool asked_by_server(const struct findings *f, const struct svc *s, const struct proof *p)
{
	const struct svc *front;

	for (uint32_t i = 0; p->count && !p->many && (front = svc_at(f, i)); i++)
		if (front != s && front->transactions &&
			memcmp(&front->key.ip, &p->client, sizeof(p->client)) == 0)
			return true;
	return false;
}

/* Do requests to others wait for its answers, of which those that are no more than not quick are
   what most of all waiting is made of, though it answers others at once? */
static bool holds_up(
	const struct findings *f, const struct svc *s, const struct server_state *c, uint64_t most)
{
	uint64_t n = c->medium[0].count + c->medium[1].count;

	return n >= MEDIUMS && c->medium[0].count * 4 >= n &&
	       asked_by_server(f, s, &c->medium[1]) &&
	       step_from(usual_step(c) + 2) <= f->limit.v[THRESHOLD_SLOW] / 4 &&
	       reaches(felt_of(s, CLASS_MEDIUM) + felt_of(s, CLASS_LESSER), f->felt,
		       most + most / 2);
}

/* From how long on answers are slow: what is quick enough for others is slow where it is what most
   of all waiting is made of, and where slower ones are; as far as it is not usual here. */
static uint64_t slow_from(
	const struct findings *f, const struct svc *s, const struct server_state *c, bool rare)
{
	uint64_t slow = f->limit.v[THRESHOLD_SLOW], usual = step_from(usual_step(c) + 2);
	uint64_t most = f->limit.v[THRESHOLD_CRITICAL];

	if (rare && holds_up(f, s, c, most))
		return slow / 4;
	if (!rare || answers(c) < 3 ||
		(!reaches(felt_of(s, CLASS_SLOW), f->felt, most) &&
			(c->medium[0].count < MEDIUMS ||
				!reaches(felt_of(s, CLASS_MEDIUM), f->felt, most))))
		return slow;
	return usual <= slow / 4 ? slow / 4 : slow / 2;
}

static void say_slow(struct finding *x, const struct svc *s, const struct server_state *c,
	uint64_t slow, const struct text *polls)
{
	uint64_t of = s->transactions + c->turns;

	say(&x->saw, "%C of %C answers took the server more than %T, the slowest %T. ", x->count,
		of, slow,
		proof_most(&c->medium[0]) > c->slowest ? proof_most(&c->medium[0]) : c->slowest);
	if (c->slow_turns)
		say(&x->saw,
			"What was asked is not known of %C of them: the protocol is not read. ",
			c->slow_turns);
	say_top(&x->saw, "The costliest", &c->slow_top);
	if (polls->len)
		say(&x->saw, "%SFor long: %E.", c->slow_top.n ? " " : "", polls->p, polls->len);
}

/* Each as long as a timeout, few as long as two, no more than were seen, and the usual answer comes
   at once. */
const struct proof *slow_by_loss(const struct svc *s, uint32_t *classes)
{
	const struct server_state *c = svc_has(s, DETECTOR_SERVER);
	static struct proof all;
	uint32_t maybe;

	if (!c || c->longer || c->least < RTO_LEAST || !path_resent(s))
		return NULL;
	all = c->slow;
	maybe = idle_slow(s->idler, &all, NULL);
	*classes = CLASS(SLOW) | maybe;
	return all.count && c->long_ones <= (all.count + 3) / 4 && all.count <= path_resent(s) &&
			       all.count * 4 <= answers(c) &&
			       step_from(usual_step(c)) < c->least / 4
		       ? &all
		       : NULL;
}

static void list_slow(struct findings *f, const struct svc *s, const struct server_state *c)
{
	bool rare = c->names || unusual(c) || slower_than_others(f, s) || front_is_quicker(f, s);
	uint64_t slow = slow_from(f, s, c, rare), most = f->limit.v[THRESHOLD_SLOW];
	struct proof all = c->slow;
	char filter[64];
	struct finding *x;
	struct text polls, t;
	uint32_t classes = CLASS(SLOW), entries = ALL_ENTRIES, others;

	text_init_growing(&polls);
	classes |= idle_slow(s->idler, &all, &polls);
	for (unsigned i = 0; i < 2; i++)
		if (slow <= most / 2 >> i) {
			proof_merge(&all, &c->medium[i]);
			classes |= i ? CLASS(LESSER) : CLASS(MEDIUM);
		}
	if (!all.count) {
		text_release(&polls);
		return;
	}
	if (rare && nearly_all(c, slow)) {
		classes |= CLASS(MEDIUM) | CLASS(LESSER) | CLASS(NONE);
		entries = ENTRY(SERVER);
		all.cost = server_time(s, classes);
	}
	text_init(&t, filter, sizeof(filter));
	text_printf(&t, "%s >= ",
		c->slow_turns && c->slow_turns == all.count ? "tsumari.turns.wait_max"
							    : "tsumari.ledger.server");
	duration_put(&t, slow);
	x = finding_new(f, "slow-server", "Slow answers of the server", s, &all, filter);
	finding_claims(x, s, entries, classes);
	x->may_be_slight = true;
	if (slow_by_loss(s, &others)) {
		x->part_of = "loss";
		finding_at_most(x, SEVERITY_INFO);
	}
	x->counted = c->turns ? "answers" : "transactions";
	x->of = s->transactions + c->turns;
	say_slow(x, s, c, slow, &polls);
	text_release(&polls);
	/* One transfer of many requests keeps nobody else. */
	if (c->given && all.count == 1 && s->kind == KIND_WEB && s->transactions >= OTHERS) {
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "It is one large answer, which began at once: a server that "
				 "limits the rate of its transfers sends as slowly. ");
	}
	if (!rare) {
		x->usual = x->most == SEVERITY_CRITICAL;
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "Nearly all answers of this server take as long. ");
	}
	if (own_of(s, classes) < slow / 2 * x->count + s->explained ||
		!reaches(own_of(s, classes), server_time(s, classes), OWN_LEAST)) {
		x->usual = false;
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "Most of it was waited for behind this server. ");
	}
	if (!c->long_ones && path_lossy(s)) {
		x->usual = false;
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "Segments were lost on this path, and none took longer than one "
				 "retransmission timeout: answers whose first segment was lost "
				 "before the capture point look like this. ");
	}
	say(&x->means, "The path, TCP and the client are not in it: the request was there, and the "
		       "server worked on it, or waited for something that was not captured.");
	if (c->turns && !s->transactions)
		say(&x->next, "The server's own log of slow requests; for TLS its keys, or capture "
			      "behind the point where it ends.");
	else
		say(&x->next, "The server's own profile of these operations: its log with times, "
			      "its calls to other tiers, CPU, disk and locks around the peak.");
	say(&x->against, "Long polls and event streams wait on purpose; what is known of them is "
			 "not in it.");
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
	say(&x->next, "The server's error log for these operations%S",
		by_kind(s,
			"; of 502, 503 and 504 the upstream: is it up, does it refuse, is it slow?",
			".", "; where it asks another server, that one's."));
	say(&x->against,
		"A client that asks for what the server cannot do%S gets such answers from "
		"a healthy server.",
		by_kind(s, " (501, 505)", "", ""));
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct server_state *c = svc_has(s, DETECTOR_SERVER);

		if (c)
			list_slow(f, s, c);
		if (c && c->errors.count)
			list_errors(f, s, c);
	}
}

static void release(void *state)
{
	struct server_state *c = state;

	top_release(&c->slow_top);
	top_release(&c->error_top);
}

const struct detector detect_server = {.service_size = sizeof(struct server_state),
	.kinds = OF_TCP | OF_TXN | OF_TURN,
	.record = record,
	.take_out = take_out,
	.list = list,
	.release_service = release};
