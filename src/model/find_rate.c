/*
 * find_rate.c - transfers that take as long as the path's link makes them: bytes were under way all
 * the time, in a queue that grew until the round trip was far above its least.
 */
#include "model/find_impl.h"

#define LEAST_BYTES 32768u /* that is more than a first window */
#define SEEN        50u    /* permille of the time in which the queue was seen, at least, */
#define MOST        500u   /* and from which on it is more than slow start's */
#define WINDOW      14600u /* bytes that are sent before the first ACK (RFC 6928) */

struct rate_state {
	struct proof p[2]; /* enum side: of requests, of responses */
	uint64_t bytes[2], fastest[2], rtt[2], quick[2];
	struct top top[2];
};

static uint64_t span(const struct txn_record *t, enum side side)
{
	return t->ledger[side == SIDE_CLIENT ? LEDGER_REQUEST : LEDGER_RESPONSE];
}

static uint64_t bytes(const struct txn_record *t, enum side side)
{
	uint64_t n = side == SIDE_CLIENT ? t->r.client.bytes : t->r.server.bytes;

	return n == FIELD_ABSENT ? 0 : n;
}

uint64_t slow_start(const struct txn_record *t, enum side side)
{
	uint64_t rounds = 1;

	for (uint64_t n = bytes(t, side); n > WINDOW; n /= 2)
		rounds++;
	return t->rtt == FIELD_ABSENT ? 0 : rounds * t->rtt;
}

/*
 * A sender that knows the path's rate may keep to it, and have no queue but while it finds out
 * (BBR). What it was kept waiting for otherwise is not in the span.
 */
bool rate_limited(const struct txn_record *t, enum side side)
{
	uint64_t phase = side == SIDE_CLIENT ? t->request : t->response, ns = span(t, side);
	uint64_t closed = t->ledger[side == SIDE_CLIENT ? LEDGER_STALL_ZERO_SERVER
							: LEDGER_STALL_ZERO_CLIENT];

	if (t->total == FIELD_ABSENT || phase == FIELD_ABSENT || bytes(t, side) < LEAST_BYTES ||
		ns + resent_time(t, side) < phase / 2 || closed > phase / 8)
		return false;
	return reaches(t->load[side].time, ns, MOST) ||
	       (reaches(t->load[side].time, ns, SEEN) && ns >= 2 * slow_start(t, side));
}

/* Bits in a second. */
static uint64_t rate(uint64_t bytes, uint64_t ns)
{
	return ns ? (uint64_t)((double)bytes * 8 * SECOND / (double)ns) : 0;
}

static void add(struct findings *f, struct svc *s, struct rate_state *c, const struct txn_record *t,
	enum side side)
{
	uint64_t drain =
		side == SIDE_SERVER && t->stamp[3] != FIELD_ABSENT ? t->load[side].behind : 0;
	uint64_t ns = span(t, side) + drain + resent_time(t, side), bits = rate(bytes(t, side), ns);
	int i = side == SIDE_CLIENT ? 0 : 2;

	/* The last bytes of a response had gone by, and were in the queue still. */
	if (drain)
		claim_later(f, s, &t->r, t->stamp[3], t->stamp[3] + drain, LEDGER_RESPONSE);
	if (bits >= f->limit.v[THRESHOLD_RATE] * 1000000)
		c->quick[side] += ns;
	proof_add(&c->p[side], t->r.start, ns, t->frame[i]);
	proof_frame(&c->p[side], ns, t->frame[i + 1]);
	proof_until(&c->p[side], t->r.end);
	proof_client(&c->p[side], &t->r.client.ip);
	c->bytes[side] += bytes(t, side);
	c->fastest[side] = bits > c->fastest[side] ? bits : c->fastest[side];
	if (t->load[side].rtt > c->rtt[side])
		c->rtt[side] = t->load[side].rtt;
	top_operation(&c->top[side], t, ns);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;

	if (!s || r->kind != RECORD_TXN || r->composite)
		return;
	for (int side = 0; side < 2; side++)
		if (t->load[side].time && rate_limited(t, (enum side)side) &&
			span(t, (enum side)side) >= f->limit.v[THRESHOLD_SLOW] / 2 &&
			!account_class((enum wait_class)f->claimed, CLASS_NONE,
				side ? LEDGER_RESPONSE : LEDGER_REQUEST))
			add(f, s, svc_state(s, DETECTOR_RATE), t, (enum side)side);
}

static void list_side(
	struct findings *f, const struct svc *s, const struct rate_state *c, enum side side)
{
	bool server = side == SIDE_SERVER;
	const struct proof *p = &c->p[side];
	struct finding *x = finding_new(f, "path-bandwidth", "The path's bandwidth is used up", s,
		p, server ? "tsumari.ledger.response > 100ms" : "tsumari.ledger.request > 100ms");

	finding_claims(x, s,
		server ? ENTRY(RESPONSE) | ENTRY(STALL_RTO_SERVER) | ENTRY(STALL_FAST_SERVER)
		       : ENTRY(REQUEST) | ENTRY(STALL_RTO_CLIENT) | ENTRY(STALL_FAST_CLIENT),
		CLASS(NONE));
	x->counted = "transactions";
	x->of = s->transactions;
	if (c->quick[side] * 2 >= p->cost)
		finding_at_most(x, SEVERITY_INFO);
	else if (path_loaded(f, s)) /* more people wait for what is small */
		finding_at_most(x, SEVERITY_WARNING);
	say(&x->saw,
		"%C %S%1 (%B) went at %C kbit/s on average, up to %C kbit/s, for %T. Bytes were "
		"under way all the time, the receiver's window was open, and the round trip rose "
		"to %T. ",
		p->count, server ? "response" : "request", p->count, c->bytes[side],
		rate(c->bytes[side], p->cost) / 1000, c->fastest[side] / 1000, p->cost,
		c->rtt[side]);
	say_top(&x->saw, "The costliest", &c->top[side]);
	say(&x->means,
		"The %S had more to send than a link on the way to the %S carries, and a queue "
		"before it is full: neither the server nor the client is slow.",
		server ? "server" : "client", server ? "client" : "server");
	say(&x->next, "The slowest link of the path and who else uses it (a shaper, a limit of a "
		      "virtual machine, an access line: tc -s qdisc, the provider's contract); "
		      "fewer bytes: compression, smaller images, caches nearer to the client.");
	say(&x->against, "Who moves much (a backup, an update) uses up any link, and nobody waits "
			 "for it.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct rate_state *c = svc_has(s, DETECTOR_RATE);

		for (int side = 0; c && side < 2; side++)
			if (c->p[side].count)
				list_side(f, s, c, (enum side)side);
	}
}

static void release(void *state)
{
	struct rate_state *c = state;

	top_release(&c->top[SIDE_CLIENT]);
	top_release(&c->top[SIDE_SERVER]);
}

const struct detector detect_rate = {.service_size = sizeof(struct rate_state),
	.kinds = OF_TXN,
	.record = record,
	.list = list,
	.release_service = release};
