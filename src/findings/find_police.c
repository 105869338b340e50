/*
 * find_police.c - a limit of the rate that drops what is above it, without a queue (a policer).
 *
 * Its queue is short or there is none, so that half of it looks like loss. But loss by chance lets
 * one transfer be quick and the next slow, the more so the more is lost; here much is lost, and all
 * take the same rate; of some a full link may show all the same (find_rate.c).
 */
#include "findings/find_impl.h"

#define KEPT   32u    /* transfers of a service that had losses, the latest */
#define LARGE  65536u /* bytes of one that says something of a rate */
#define LEAST  3u     /* of them */
#define LOST   80u    /* permille of their bytes that were sent again, where a full link shows, */
#define HEAVY  150u   /* and where it does not */
#define NEARLY 10u    /* percent by which a rate may differ */

struct policed_one {
	struct proof p; /* of it alone */
	uint64_t rate, ns, resent_ns, bytes, resent;
	uint8_t side;
	bool limited; /* told by find_rate.c */
};

struct police_state {
	unsigned n;
	struct policed_one one[KEPT];
	struct policed now[2]; /* enum side; while a list is made */
};

static void add(struct findings *f, struct svc *s, const struct sending *m)
{
	const struct txn_record *t = (const void *)m->r;
	uint64_t resent_ns = resent_time(m->ledger, m->side), ns = sending_time(m) + resent_ns;
	struct police_state *c;
	struct policed_one *x;

	if (m->bytes < LARGE || !t->resent[m->side] || !ns || t->unacked ||
		account_class((enum wait_class)f->claimed, CLASS_NONE,
			m->side ? LEDGER_RESPONSE : LEDGER_REQUEST))
		return;
	c = svc_state(s, DETECTOR_POLICE);
	x = &c->one[c->n++ % KEPT];
	memset(x, 0, sizeof(*x));
	x->rate = (uint64_t)((double)m->bytes * 8 * SECOND / (double)ns);
	x->ns = ns;
	x->resent_ns = resent_ns;
	x->bytes = m->bytes;
	x->resent = t->resent[m->side];
	x->side = (uint8_t)m->side;
	x->limited = m->load->time && rate_limited(m) &&
		     sending_time(m) >= f->limit.v[THRESHOLD_SLOW] / 2;
	proof_add(&x->p, m->r->start, ns, m->frame[0]);
	proof_frame(&x->p, ns, m->frame[1]);
	proof_until(&x->p, m->r->end);
	proof_client(&x->p, &m->r->client.ip);
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	struct sending m;

	for (int side = 0; s && side < 2; side++)
		if (sending_of(r, (enum side)side, &m))
			add(f, s, &m);
}

static bool is_near(uint64_t rate, uint64_t mean)
{
	return rate * 100 >= mean * (100 - NEARLY) && rate * 100 <= mean * (100 + NEARLY);
}

static void judge(struct police_state *c, unsigned side)
{
	unsigned kept = c->n < KEPT ? c->n : KEPT, n = 0, near = 0, limited = 0;
	uint64_t bytes = 0, resent = 0, ns = 0, mean;
	struct policed *now = &c->now[side];

	for (unsigned i = 0; i < kept; i++) {
		const struct policed_one *x = &c->one[i];

		if (x->side != side)
			continue;
		n++;
		limited += x->limited;
		bytes += x->bytes;
		resent += x->resent;
		ns += x->ns;
	}
	if (n < LEAST || !reaches(resent, bytes, limited ? LOST : HEAVY))
		return;
	mean = (uint64_t)((double)bytes * 8 * SECOND / (double)ns);
	for (unsigned i = 0; i < kept; i++)
		near += c->one[i].side == side && is_near(c->one[i].rate, mean);
	if (near * 10 < n * 9)
		return;
	now->rate = mean;
	now->resent = resent;
	now->of = bytes;
	for (unsigned i = 0; i < kept; i++) {
		const struct policed_one *x = &c->one[i];

		if (x->side != side || x->limited || !is_near(x->rate, mean))
			continue;
		proof_merge(&now->p, &x->p);
		now->resent_ns += x->resent_ns;
		now->bytes += x->bytes;
	}
}

static void prepare(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		struct police_state *c = svc_has(s, DETECTOR_POLICE);

		if (!c)
			continue;
		memset(c->now, 0, sizeof(c->now));
		judge(c, SIDE_CLIENT);
		judge(c, SIDE_SERVER);
	}
}

const struct policed *policed_of(const struct svc *s, enum side side)
{
	const struct police_state *c = svc_has(s, DETECTOR_POLICE);

	return c && c->now[side].rate ? &c->now[side] : NULL;
}

static void list(struct findings *f)
{
	(void)f; /* find_rate.c tells it with what else the path's rate limits */
}

const struct detector detect_police = {.service_size = sizeof(struct police_state),
	.kinds = OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list};
