/*
 * find_bloat.c - small requests that wait in the queue which a large transfer keeps full: the round
 * trip of the same two hosts is far above its least while that goes on.
 *
 * What the transfer did is known when it ends, behind the requests that waited for it: these are
 * kept until a list is made.
 */
#include "findings/find_impl.h"

#define PAIRS  2048u     /* hosts with their least round trip; those seen first give way */
#define WAITS  1024u     /* requests that are kept, the latest */
#define LOADS  64u       /* transfers, the latest */
#define SMALL  65536u    /* bytes of a request and its answer that fill no link */
#define LEAST  (20 * MS) /* of waiting beyond the usual that counts */
#define ENOUGH 5u        /* requests that are no chance */

struct pair_key {
	struct addr client, server;
};

struct loaded { /* a large transfer */
	struct addr client, server;
	uint16_t port;
	uint64_t from, to, rtt, bytes;
};

struct bloat_wait {
	const struct svc *s;
	struct addr client;
	uint64_t from, to, connect, network, back, server, frame;
	bool turn; /* of a connection that is not read */
};

struct bloat_all {
	struct keyed *pairs; /* ns */
	struct loaded load[LOADS];
	struct bloat_wait wait[WAITS];
	uint64_t nloads, nwaits;
};

static uint64_t *pair_of(
	const struct findings *f, const struct addr *client, const struct addr *server)
{
	struct bloat_all *all = f->state[DETECTOR_BLOAT];
	struct pair_key key = {*client, *server};

	if (!all->pairs)
		all->pairs = keyed_new(sizeof(key), sizeof(uint64_t), findings_room(f, PAIRS));
	return keyed_renew(all->pairs, &key);
}

static uint64_t size_of(const struct txn_record *t)
{
	return (t->r.client.bytes == FIELD_ABSENT ? 0 : t->r.client.bytes) +
	       (t->r.server.bytes == FIELD_ABSENT ? 0 : t->r.server.bytes);
}

static void add_load(struct bloat_all *all, const struct sending *m)
{
	struct loaded *l = &all->load[all->nloads++ % LOADS];
	const struct record *r = m->r;

	*l = (struct loaded){.client = r->client.ip,
		.server = r->server.ip,
		.port = r->server.port,
		.from = r->start,
		.to = r->end != FIELD_ABSENT ? r->end
					     : r->start + ((const struct txn_record *)r)->total,
		.rtt = m->load->rtt,
		.bytes = m->bytes};
}

static void add_loads(struct findings *f, const struct record *r)
{
	struct sending m;

	for (int side = 0; side < 2; side++)
		if (sending_of(r, (enum side)side, &m) && m.load->time >= SECOND / 5 &&
			m.bytes >= f->limit.v[THRESHOLD_LARGE])
			add_load(f->state[DETECTOR_BLOAT], &m);
}

static void learn_least(struct findings *f, const struct record *r, uint64_t rtt)
{
	uint64_t *least = pair_of(f, &r->client.ip, &r->server.ip);

	if (!*least || rtt < *least)
		*least = rtt ? rtt : 1;
}

uint64_t pair_rtt(const struct findings *f, const struct record *r, uint64_t rtt)
{
	struct bloat_all *all = f->state[DETECTOR_BLOAT];
	struct pair_key key = {r->client.ip, r->server.ip};
	const uint64_t *least = all->pairs ? keyed_find(all->pairs, &key) : NULL;

	return least && *least && *least < rtt ? *least : rtt;
}

static void add_turn(struct findings *f, struct svc *s, const struct turn_record *t)
{
	struct bloat_all *all = f->state[DETECTOR_BLOAT];
	uint64_t network = t->ledger[LEDGER_NETWORK], server = t->ledger[LEDGER_SERVER];

	if (t->open || app_read(t->app) || t->rtt == FIELD_ABSENT)
		return;
	learn_least(f, &t->r, t->rtt);
	if (network < LEAST && server < LEAST)
		return;
	all->wait[all->nwaits++ % WAITS] = (struct bloat_wait){.s = s,
		.client = t->r.client.ip,
		.from = t->r.start,
		.to = t->r.end,
		.network = network,
		.back = t->rtt_client != FIELD_ABSENT ? t->rtt_client : 0,
		.server = server,
		.turn = true,
		.frame = t->frame};
}

/* Of a protocol that is not read, its connection's own time. */
static void add_flow(struct findings *f, struct svc *s, const struct flow_record *r)
{
	struct bloat_all *all = f->state[DETECTOR_BLOAT];
	uint64_t retry = r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0;

	if (r->handshake == FIELD_ABSENT || r->transactions || r->rtt_min == FIELD_ABSENT)
		return;
	learn_least(f, &r->r, r->rtt_min);
	if (r->handshake - retry < LEAST)
		return;
	all->wait[all->nwaits++ % WAITS] = (struct bloat_wait){.s = s,
		.client = r->r.client.ip,
		.from = r->r.start + retry,
		.to = r->r.start + r->handshake,
		.connect = r->handshake - retry,
		.turn = true,
		.frame = r->r.flow_id};
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct bloat_all *all = f->state[DETECTOR_BLOAT];
	uint64_t connect, network;

	if (!s)
		return;
	add_loads(f, r);
	if (r->kind == RECORD_TURN)
		add_turn(f, s, (const void *)r);
	else if (is_flow_end(r) && ((const struct flow_record *)r)->tcp_state)
		add_flow(f, s, (const void *)r);
	if (r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT ||
		t->rtt == FIELD_ABSENT)
		return;
	connect = t->ledger[LEDGER_CONNECT_NETWORK];
	network = t->ledger[LEDGER_NETWORK];
	learn_least(f, r, t->rtt);
	if (size_of(t) >= SMALL ||
		(connect < LEAST && network < LEAST && t->ledger[LEDGER_SERVER] < LEAST))
		return;
	all->wait[all->nwaits++ % WAITS] = (struct bloat_wait){.s = s,
		.client = r->client.ip,
		.from = r->start,
		.to = r->start + t->total,
		.connect = connect,
		.network = network,
		.back = t->rtt_client != FIELD_ABSENT ? t->rtt_client : 0,
		.server = t->ledger[LEDGER_SERVER],
		.frame = t->frame[1] ? t->frame[1] : t->frame[0]};
}

/* The transfer to or from one of the two hosts that went on all the while; NULL: none. */
static const struct loaded *load_of(const struct bloat_all *all, const struct bloat_wait *w)
{
	for (uint64_t i = 0; i < all->nloads && i < LOADS; i++) {
		const struct loaded *l = &all->load[i];

		if (w->from >= l->from && w->to <= l->to + (w->to - w->from) / 2 &&
			(memcmp(&l->client, &w->client, sizeof(l->client)) == 0 ||
				memcmp(&l->server, &w->s->key.ip, sizeof(l->server)) == 0))
			return l;
	}
	return NULL;
}

struct bloat {
	struct proof p;
	uint64_t least, rtt;
	uint64_t server; /* of the cost: told as the server's, */
	uint64_t beyond; /* or not to be seen beside it: on the way between capture and client */
	uint64_t turns;  /* of connections that are not read */
	const struct loaded *load;
};

/* What is above the least round trip by more than chance. */
static uint64_t above(uint64_t ns, uint64_t least)
{
	return ns > 2 * least + LEAST / 2 ? ns - least : 0;
}

static void sum_up(const struct findings *f, const struct svc *s, struct bloat *b)
{
	struct bloat_all *all = f->state[DETECTOR_BLOAT];

	memset(b, 0, sizeof(*b));
	for (uint64_t i = 0; all->nloads && i < all->nwaits && i < WAITS; i++) {
		const struct bloat_wait *w = &all->wait[i];
		const struct loaded *l = w->s == s ? load_of(all, w) : NULL;
		uint64_t least, cost, queue, server;

		if (!l)
			continue;
		least = *pair_of(f, &w->client, &s->key.ip);
		queue = l->rtt > least ? l->rtt - least : 0;
		cost = above(w->connect, least) + above(w->network, least);
		/* On a connection that stood before, its least round trip is the quiet one. */
		server = !w->connect && !(w->turn && above(w->network, least)) &&
					 w->server >= queue / 3
				 ? (w->server < queue ? w->server : queue)
				 : 0;
		cost += server + above(w->back, least);
		if (cost < LEAST)
			continue;
		b->server += server;
		b->turns += w->turn;
		b->beyond += above(w->back, least);
		b->least = least;
		b->rtt = l->rtt > b->rtt ? l->rtt : b->rtt;
		if (!b->load || l->bytes > b->load->bytes)
			b->load = l;
		proof_add(&b->p, w->from, cost, w->frame);
		proof_until(&b->p, w->to);
		proof_client(&b->p, &w->client);
	}
}

bool path_loaded(const struct findings *f, const struct svc *s)
{
	struct bloat b;

	if (!((const struct bloat_all *)f->state[DETECTOR_BLOAT])->nloads)
		return false;
	sum_up(f, s, &b);
	return b.p.count >= ENOUGH;
}

static void list_bloat(struct findings *f, const struct svc *s, const struct bloat *b)
{
	struct finding *x = finding_new(f, "latency-under-load",
		"Small requests wait behind a large transfer", s, &b->p,
		"tsumari.ledger.connect.network > 20ms or tsumari.ledger.network > 20ms or "
		"tsumari.ledger.server > 20ms");

	finding_claims(x, s,
		ENTRY(CONNECT_NETWORK) | ENTRY(NETWORK) | (b->server ? ENTRY(SERVER) : 0),
		~CLASS(IDLE));
	x->beyond = b->beyond;
	finding_at_least(x, SEVERITY_CRITICAL);
	x->if_felt = true;
	if (b->server * 2 >= b->p.cost)
		x->part_of = "slow-server";
	x->counted = b->turns ? "waits" : "transactions";
	x->of = b->turns ? FIELD_ABSENT : s->transactions;
	say(&x->saw,
		"%C small requests were asked while a transfer of %B went on between %I and %I, "
		"and waited %T more than usual: the round trip was up to %T, and is %T at the "
		"least.",
		b->p.count, b->load->bytes, &b->load->client, &b->load->server, b->p.cost, b->rtt,
		b->least);
	say(&x->means,
		"A large transfer keeps the queue before the slowest link full, and all that "
		"shares it waits there (bufferbloat): no server is slow.");
	say(&x->next, "What the transfer is, and whether it can go slower or later (a limit, a "
		      "lower class); a queue that is fair and short (tc: fq_codel, cake) where the "
		      "link is the slowest; more bandwidth.");
	say(&x->against, "A server that is busy with the transfer itself answers others slowly, "
			 "too; it would not acknowledge late.");
}

static void prepare(struct findings *f)
{
	struct bloat b;
	struct svc *s;

	if (!((const struct bloat_all *)f->state[DETECTOR_BLOAT])->nloads)
		return;
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		sum_up(f, s, &b);
		if (b.p.count >= ENOUGH)
			f->more += b.beyond;
	}
}

static void list(struct findings *f)
{
	struct bloat b;
	struct svc *s;

	if (!((const struct bloat_all *)f->state[DETECTOR_BLOAT])->nloads)
		return;
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		sum_up(f, s, &b);
		if (b.p.count >= ENOUGH)
			list_bloat(f, s, &b);
	}
}

static void release(void *state)
{
	keyed_free(((struct bloat_all *)state)->pairs);
}

static void counters(const void *state, struct counters *c)
{
	const struct bloat_all *all = state;

	count_forgotten(c, "findings: large transfers forgotten, too many", all->nloads, LOADS);
	if (all->nloads)
		count_forgotten(c, "findings: waits beside large transfers forgotten, too many",
			all->nwaits, WAITS);
}

const struct detector detect_bloat = {.size = sizeof(struct bloat_all),
	.table = {{offsetof(struct bloat_all, pairs),
		"findings: pairs of hosts forgotten, too many"}},
	.kinds = OF_TCP | OF_TXN | OF_TURN | OF_SENT,
	.record = record,
	.prepare = prepare,
	.list = list,
	.release = release,
	.counters = counters};
