/*
 * find_far.c - paths so long that the waiting is made up of round trips.
 *
 * A round trip is the connection's own (connect.network, and those of a TLS handshake) and, for
 * each request, the way to the server and back; beyond those, of a large message, as many as its
 * sender needs to find out how much the path carries. Beside the server a capture does not see the
 * client's half of a request's way, and takes it from the acknowledgments.
 */
#include "findings/find_impl.h"
#include "base/duration.h"

#define MOST 300u /* permille of a service's waiting: there the path is what takes the time */
#define ALL  850u /* the same of a path that is not so long */
#define HALF 2u   /* of the threshold: that long it must be at least */

#define SPREAD 16u /* of a round trip: what takes less is sent at once */

struct far_sums {
	struct proof p;
	uint64_t trips, trip, longest; /* round trips; ns, of all; of one */
	uint64_t bodies;               /* of messages longer than a window; ns */
};

enum { PATHS, LONG_PATHS, KINDS }; /* long ones, and those that are half as long, too */

struct far_state {
	struct far_sums of[KINDS];
};

/* Round trips within a TLS handshake: two, or one (RFC 8446). */
static uint64_t tls_trips(const struct txn_record *t)
{
	uint64_t trip = t->ledger[LEDGER_CONNECT_NETWORK];
	uint64_t n = trip ? t->ledger[LEDGER_CONNECT_TLS] / trip : 0;

	return n < 2 ? n : 2;
}

static void add_trips(struct far_sums *c, uint64_t n, uint64_t trip)
{
	c->trips += n;
	c->trip += n * trip;
	c->longest = trip > c->longest ? trip : c->longest;
}

/* The round trips that a message takes as its sender finds out how much the path carries; a sender
   may spread what it sends over a part of the first one (BBR). */
static uint64_t body_trips(uint64_t far, const struct record *r, enum side side)
{
	struct sending m;
	uint64_t ns, most;

	if (!sending_of(r, side, &m) || m.rtt == FIELD_ABSENT || m.rtt < far)
		return 0;
	ns = sending_time(&m);
	most = slow_start(&m);
	return ns >= m.rtt / SPREAD && ns <= most + most / 4 && !rate_limited(&m) ? ns : 0;
}

/* A message of a connection that is not read. */
static void add_sent(struct findings *f, struct svc *s, const struct sent_record *r)
{
	uint64_t far = f->limit.v[THRESHOLD_FAR];
	uint64_t body = body_trips(far / HALF, &r->r, (enum side)r->side);
	struct far_state *c;

	if (!body || account_class((enum wait_class)f->claimed, CLASS_NONE, LEDGER_RESPONSE))
		return;
	c = svc_state(s, DETECTOR_FAR);
	for (int k = 0; k < (r->rtt >= far ? KINDS : LONG_PATHS); k++) {
		add_trips(&c->of[k], (body + r->rtt / 2) / r->rtt, r->rtt);
		c->of[k].bodies += body;
		proof_add(&c->of[k].p, r->r.start, body, r->frame[0]);
		proof_until(&c->of[k].p, r->r.end);
		proof_client(&c->of[k].p, &r->r.client.ip);
	}
}

/* What is of paths that are at least that long. */
static void add_txn_of(struct svc *s, const struct txn_record *t, uint64_t far, uint64_t connect,
	uint64_t back, int kind)
{
	uint64_t network = t->ledger[LEDGER_NETWORK], tls = 0, body = 0;
	struct far_sums *c;

	connect = connect >= far ? connect : 0;
	network = (network >= far ? network : 0) + (back >= far ? back : 0);
	for (int side = 0; side < 2; side++)
		body += body_trips(far, &t->r, (enum side)side);
	if (!connect && !network && !body)
		return;
	c = &((struct far_state *)svc_state(s, DETECTOR_FAR))->of[kind];
	if (body)
		add_trips(c, (body + t->rtt / 2) / t->rtt, t->rtt);
	c->bodies += body;
	if (connect) {
		tls = tls_trips(t) * connect;
		add_trips(c, 1 + tls_trips(t), connect);
	}
	if (network)
		add_trips(c, 1, network);
	proof_add(&c->p, t->r.start, connect + tls + network + body,
		t->frame[1] ? t->frame[1] : t->frame[0]);
	proof_until(&c->p, t->r.end);
	proof_client(&c->p, &t->r.client.ip);
}

static void add_txn(struct findings *f, struct svc *s, const struct txn_record *t)
{
	uint64_t far = f->limit.v[THRESHOLD_FAR], back = 0, connect;

	/* Where another has all of its own time this is in it. */
	if (t->total == FIELD_ABSENT ||
		account_class((enum wait_class)f->claimed, CLASS_NONE, LEDGER_NETWORK))
		return;
	connect = t->ledger[LEDGER_CONNECT_NETWORK];
	if (connect >= far / HALF && connect_late(connect, pair_rtt(f, &t->r, t->rtt)))
		connect = 0;
	/* What answers go to a client that is far from the capture, and what requests came. */
	if (t->rtt_client != FIELD_ABSENT && t->rtt_client >= far / HALF &&
		t->stamp[3] != FIELD_ABSENT) {
		back = t->rtt_client;
		claim_later(f, s, &t->r, t->stamp[3], t->stamp[3] + back, LEDGER_NETWORK);
	}
	add_txn_of(s, t, far, connect, back, LONG_PATHS);
	add_txn_of(s, t, far / HALF, connect, back, PATHS);
}

/* Of a protocol that is not read, where its connection is in no transaction. */
static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	uint64_t far = f->limit.v[THRESHOLD_FAR], least = far / HALF, turns = turn_network(r),
		 connect;
	struct far_state *c;

	connect = r->handshake != FIELD_ABSENT && !r->transactions
			  ? r->handshake - (r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0)
			  : 0;
	if (connect < least || connect_late(connect, pair_rtt(f, &r->r, r->rtt_min)))
		connect = 0;
	turns = r->rtt_server != FIELD_ABSENT && r->rtt_server >= least ? turns : 0;
	if (!connect && !turns)
		return;
	c = svc_state(s, DETECTOR_FAR);
	for (int k = 0; k < KINDS; k++) {
		least = k == LONG_PATHS ? far : 0;
		connect = connect >= least ? connect : 0;
		turns = turns && r->rtt_server >= least ? turns : 0;
		if (!connect && !turns)
			continue;
		if (connect)
			add_trips(&c->of[k], 1, connect);
		if (turns)
			add_trips(&c->of[k], r->turns, turns / r->turns);
		proof_add(&c->of[k].p, r->r.start, connect + turns, r->r.flow_id);
		proof_until(&c->of[k].p, r->r.end);
		proof_client(&c->of[k].p, &r->r.client.ip);
	}
}

/* Paths that are long, where they take the time; or not so long, where connections that are made
   anew for each request double all that is waited for. NULL: none. */
static const struct far_sums *what_is_far(const struct findings *f, const struct svc *s)
{
	const struct far_state *c = svc_has(s, DETECTOR_FAR);
	const struct far_sums *x;

	if (!c)
		return NULL;
	x = &c->of[LONG_PATHS];
	if (reaches(x->trip + x->bodies, svc_waiting(s), MOST))
		return x;
	x = &c->of[PATHS];
	if (reaches(x->trip + x->bodies, svc_waiting(s), ALL) && connects_each_time(f, s))
		return x;
	return c->of[LONG_PATHS].p.count ? &c->of[LONG_PATHS] : NULL;
}

bool path_far(const struct findings *f, const struct svc *s)
{
	const struct far_sums *x = what_is_far(f, s);

	return x && reaches(x->trip + x->bodies, svc_waiting(s), MOST);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	if (!s)
		return;
	if (r->kind == RECORD_TXN && !r->composite)
		add_txn(f, s, (const void *)r);
	else if (r->kind == RECORD_SENT)
		add_sent(f, s, (const void *)r);
	else if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
}

static void list_far(struct findings *f, const struct svc *s, const struct far_sums *c)
{
	static const char *const fields[] = {"tsumari.ledger.network",
		"tsumari.ledger.connect.network", "tsumari.tcp.rtt_server"};
	const struct far_state *all = svc_has(s, DETECTOR_FAR);
	uint64_t least = f->limit.v[THRESHOLD_FAR] / (c == &all->of[PATHS] ? HALF : 1);
	char room[200];
	struct text filter;
	struct finding *x;

	text_init(&filter, room, sizeof(room));
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		text_printf(&filter, "%s%s >= ", i ? " or " : "", fields[i]);
		duration_put(&filter, least);
	}
	x = finding_new(f, "far-path", "The path is long", s, &c->p, room);
	finding_claims(x, s,
		ENTRY(CONNECT_NETWORK) | ENTRY(CONNECT_TLS) | ENTRY(NETWORK) |
			(c->bodies ? ENTRY(RESPONSE) | ENTRY(REQUEST) : 0),
		CLASS(NONE));
	x->counted = "round trips";
	if (path_loaded(f, s))
		x->part_of = "latency-under-load";
	x->count = c->trips;
	x->of = FIELD_ABSENT;
	if (!reaches(x->local, svc_waiting(s), MOST))
		finding_at_most(x, SEVERITY_INFO);
	say(&x->saw,
		"%C round trip%1 of %T on average, up to %T, were waited for: %T, which is %P of "
		"all waiting for this service.",
		c->trips, c->trips, c->trip / c->trips, c->longest, x->local, x->local,
		svc_waiting(s));
	say(&x->means, "Client and server are far from each other, or the path is slow: what is "
		       "waited for is the way there and back, whatever the server does.");
	say(&x->next,
		"Fewer round trips: connections that stay open, %S; a look at the route (mtr) "
		"where "
		"it should be short.",
		by_kind(s,
			"TLS 1.3 and its resumption, requests together instead of one after "
			"another; a server or a cache nearer to the client",
			"statements together (joins, batches, procedures) instead of one after "
			"another; a replica or a cache nearer to the client",
			"requests together instead of one after another; a server nearer to the "
			"client"));
	say(&x->against, "Where the path is long only while it is loaded a queue on it is full, "
			 "which is no distance.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct far_sums *c = what_is_far(f, s);

		if (c)
			list_far(f, s, c);
	}
}

const struct detector detect_far = {.service_size = sizeof(struct far_state),
	.kinds = OF_TCP | OF_TXN | OF_SENT,
	.record = record,
	.list = list};
