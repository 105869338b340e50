/*
 * find_rate.c - transfers that take as long as the path's link makes them: bytes were under way all
 * the time, in a queue that grew until the round trip was far above its least.
 */
#include "findings/find_impl.h"

#define LEAST_BYTES 32768u /* that is more than a first window */
#define SEEN        50u    /* permille of the time in which the queue was seen, at least, */
#define MOST        500u   /* and from which on it is more than slow start's */
#define WINDOW      14600u /* bytes that are sent before the first ACK (RFC 6928) */

struct rate_state {
	struct proof p[2]; /* enum side: of requests, of responses */
	uint64_t bytes[2], fastest[2], rtt[2], quick[2];
	uint64_t messages[2]; /* of connections that are not read */
	struct top top[2];
	uint64_t away[2];    /* the least round trip to those that were so slow; 0: not known */
	struct addr fine[2]; /* clients that got, or sent, as much and more at once */
	unsigned nfine;
};

/* One that goes on when the capture ends: as far as it has come. */
static void sending_so_far(const struct txn_record *t, struct sending *s)
{
	uint64_t begun = t->stamp[s->side == SIDE_CLIENT ? 0 : 2];
	uint64_t end = t->stamp[0] + t->total - t->connect;

	if (!(t->r.quality >> QUALITY_PENDING & 1) || !t->so_far[s->side] ||
		begun == FIELD_ABSENT || t->stamp[0] == FIELD_ABSENT || end <= begun)
		return;
	s->bytes = t->so_far[s->side];
	s->phase = end - begun;
}

bool sending_of(const struct record *r, enum side side, struct sending *s)
{
	const struct txn_record *t = (const void *)r;
	const struct sent_record *m = (const void *)r;
	int i = side == SIDE_CLIENT ? 0 : 2;
	uint64_t bytes = side == SIDE_CLIENT ? r->client.bytes : r->server.bytes;

	if (r->kind == RECORD_SENT && m->side == side && !app_read(m->app)) {
		*s = (struct sending){r, m->ledger, &m->load, side, m->bytes, r->duration, m->rtt,
			{m->frame[0], m->frame[1]}};
		return true;
	}
	if (r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT)
		return false;
	*s = (struct sending){r, t->ledger, &t->load[side], side, bytes == FIELD_ABSENT ? 0 : bytes,
		side == SIDE_CLIENT ? t->request : t->response, t->rtt,
		{t->frame[i], t->frame[i + 1]}};
	sending_so_far(t, s);
	return true;
}

uint64_t slow_start(const struct sending *s)
{
	uint64_t rounds = 1;

	for (uint64_t n = s->bytes; n > WINDOW; n /= 2)
		rounds++;
	return s->rtt == FIELD_ABSENT ? 0 : rounds * s->rtt;
}

/*
 * A sender that knows the path's rate may keep to it, and have no queue but while it finds out
 * (BBR). What it was kept waiting for otherwise is not in its time.
 */
bool rate_limited(const struct sending *s)
{
	uint64_t ns = sending_time(s), most = slow_start(s);
	uint64_t closed = s->ledger[s->side == SIDE_CLIENT ? LEDGER_STALL_ZERO_SERVER
							   : LEDGER_STALL_ZERO_CLIENT];

	if (s->phase == FIELD_ABSENT || s->bytes < LEAST_BYTES ||
		ns + resent_time(s->ledger, s->side) < s->phase / 2 || closed > s->phase / 8)
		return false;
	return reaches(s->load->time, ns, MOST) ||
	       (reaches(s->load->time, ns, SEEN) && ns >= 2 * most);
}

/* Bits in a second. */
static uint64_t rate(uint64_t bytes, uint64_t ns)
{
	return ns ? (uint64_t)((double)bytes * 8 * SECOND / (double)ns) : 0;
}

static void add(struct findings *f, struct svc *s, struct rate_state *c, const struct sending *m)
{
	enum side side = m->side;
	bool server = side == SIDE_SERVER;
	uint64_t end =
		m->r->kind == RECORD_TXN ? ((const struct txn_record *)m->r)->stamp[3] : m->r->end;
	uint64_t drain = server && end != FIELD_ABSENT ? m->load->behind : 0;
	uint64_t ns = sending_time(m) + drain + resent_time(m->ledger, side), bits, away;

	if (!server && m->r->kind == RECORD_SENT)
		ns += m->load->behind; /* which is in what the answer was waited for */
	/* The last bytes of a response had gone by, and were in the queue still. */
	if (drain)
		claim_later(f, s, m->r, end, end + drain, LEDGER_RESPONSE);
	bits = rate(m->bytes, ns);
	if (bits >= f->limit.v[THRESHOLD_RATE] * 1000000)
		c->quick[side] += ns;
	proof_add(&c->p[side], m->r->start, ns, m->frame[0]);
	proof_frame(&c->p[side], ns, m->frame[1]);
	proof_until(&c->p[side], m->r->end);
	proof_client(&c->p[side], &m->r->client.ip);
	away = pair_rtt(f, m->r, m->rtt);
	if (away != FIELD_ABSENT && (!c->away[side] || away < c->away[side]))
		c->away[side] = away;
	c->bytes[side] += m->bytes;
	c->messages[side] += m->r->kind == RECORD_SENT;
	c->fastest[side] = bits > c->fastest[side] ? bits : c->fastest[side];
	if (m->load->rtt > c->rtt[side])
		c->rtt[side] = m->load->rtt;
	if (m->r->kind == RECORD_TXN)
		top_operation(&c->top[side], (const struct txn_record *)m->r, ns);
}

static void add_fine(struct rate_state *c, const struct addr *client)
{
	unsigned i = 0;

	while (i < c->nfine && memcmp(&c->fine[i], client, sizeof(*client)) != 0)
		i++;
	if (i == c->nfine && i < 2)
		c->fine[c->nfine++] = *client;
}

/* Is it one client's own line, far away from a server that others get as much from? */
static bool is_its_own(const struct findings *f, const struct rate_state *c, enum side side)
{
	const struct proof *p = &c->p[side];

	for (unsigned i = 0; !p->many && i < c->nfine; i++)
		if (memcmp(&c->fine[i], &p->client, sizeof(p->client)) != 0)
			return c->away[side] >= f->limit.v[THRESHOLD_FAR] / 2;
	return false;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct sending m;

	for (int side = 0; s && side < 2; side++)
		if (sending_of(r, (enum side)side, &m) &&
			m.bytes >= f->limit.v[THRESHOLD_LARGE] / 16 && !rate_limited(&m))
			add_fine(svc_state(s, DETECTOR_RATE), &r->client.ip);
	for (int side = 0; s && side < 2; side++)
		if (sending_of(r, (enum side)side, &m) && m.load->time && rate_limited(&m) &&
			sending_time(&m) >= f->limit.v[THRESHOLD_SLOW] / 2 &&
			!account_class((enum wait_class)f->claimed, CLASS_NONE,
				side ? LEDGER_RESPONSE : LEDGER_REQUEST))
			add(f, s, svc_state(s, DETECTOR_RATE), &m);
}

static void list_side(
	struct findings *f, const struct svc *s, const struct rate_state *c, enum side side)
{
	bool server = side == SIDE_SERVER;
	const struct proof *p = &c->p[side];
	struct finding *x =
		finding_new(f, "path-bandwidth", "The path's bandwidth is used up", s, p,
			c->messages[side] < p->count ? server ? "tsumari.ledger.response > 100ms"
							      : "tsumari.ledger.request > 100ms"
			: server                     ? "tsumari.turns.response > 100ms"
						     : "tsumari.turns.request > 100ms");

	finding_claims(x, s,
		server ? ENTRY(RESPONSE) | ENTRY(STALL_RTO_SERVER) | ENTRY(STALL_FAST_SERVER)
		       : ENTRY(REQUEST) | ENTRY(STALL_RTO_CLIENT) | ENTRY(STALL_FAST_CLIENT),
		CLASS(NONE));
	x->counted = c->messages[side] ? "messages" : "transactions";
	x->of = c->messages[side] ? FIELD_ABSENT : s->transactions;
	if (c->quick[side] * 2 >= p->cost)
		finding_at_most(x, SEVERITY_INFO);
	else if (path_loaded(f, s)) /* more people wait for what is small */
		finding_at_most(x, SEVERITY_WARNING);
	if (is_its_own(f, c, side)) {
		finding_at_most(x, SEVERITY_INFO);
		say(&x->against, "It is one client's own line, far away: others got as much at "
				 "once. ");
	}
	say(&x->saw,
		"%C %S%1 (%B) went at %C kbit/s on average, up to %C kbit/s, for %T. Bytes were "
		"under way all the time, the receiver's window was open, and the round trip rose "
		"to %T. ",
		p->count,
		c->messages[side] == p->count ? "message"
		: server                      ? "response"
					      : "request",
		p->count, c->bytes[side], rate(c->bytes[side], p->cost) / 1000,
		c->fastest[side] / 1000, p->cost, c->rtt[side]);
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

/* The same where what is above the rate is dropped. */
static void list_policed(struct findings *f, const struct svc *s, const struct rate_state *c,
	enum side side, const struct policed *limit)
{
	bool server = side == SIDE_SERVER;
	struct proof all = c->p[side];
	struct finding *x;

	proof_merge(&all, &limit->p);
	x = finding_new(f, "path-bandwidth", "A limit of the rate drops what is above it", s, &all,
		server ? "tsumari.tcp.server.retransmits > 0"
		       : "tsumari.tcp.client.retransmits > 0");
	finding_claims(x, s,
		server ? ENTRY(RESPONSE) | ENTRY(STALL_RTO_SERVER) | ENTRY(STALL_FAST_SERVER)
		       : ENTRY(REQUEST) | ENTRY(STALL_RTO_CLIENT) | ENTRY(STALL_FAST_CLIENT),
		CLASS(NONE));
	x->counted = c->messages[side] ? "messages" : "transactions";
	x->of = c->messages[side] ? FIELD_ABSENT : s->transactions;
	say(&x->saw,
		"%C large %S%1 (%B) went at %C kbit/s, each about as fast as the other, for %T. %P "
		"of the bytes had to be sent again.",
		x->count, server ? "response" : "request", x->count, c->bytes[side] + limit->bytes,
		limit->rate / 1000, x->local, limit->resent, limit->of);
	say(&x->means,
		"Something on the way lets so much through and drops bursts above it (a policer): "
		"what is dropped is sent again, and the sender slows down to the rate. Loss by "
		"chance would let some go faster than others.");
	say(&x->next,
		"Limits of the rate on the way: tc -s filter (police), a contract with the "
		"provider, a security appliance, a limit of a virtual machine or of a cloud's "
		"load balancer; a shaper before it at the %S that keeps below the rate, or a "
		"larger burst; fewer bytes.",
		server ? "server" : "client");
	say(&x->against, "A link with next to no queue before it drops in the same way.");
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		for (int side = 0; side < 2; side++) {
			const struct policed *limit = policed_of(s, (enum side)side);
			const struct rate_state *c =
				limit ? svc_state(s, DETECTOR_RATE) : svc_has(s, DETECTOR_RATE);

			if (limit)
				list_policed(f, s, c, (enum side)side, limit);
			else if (c && c->p[side].count)
				list_side(f, s, c, (enum side)side);
		}
	}
}

static void release(void *state)
{
	struct rate_state *c = state;

	top_release(&c->top[SIDE_CLIENT]);
	top_release(&c->top[SIDE_SERVER]);
}

const struct detector detect_rate = {.service_size = sizeof(struct rate_state),
	.kinds = OF_TXN | OF_SENT,
	.record = record,
	.list = list,
	.release_service = release};
