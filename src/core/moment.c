/*
 * moment.c - what is under way at a moment: the records there would be if the capture ended now, of
 * connections and requests that go on. They change nothing of these.
 *
 * Bounded: of a shard's connections those with open requests come first, then those with the most
 * bytes; of its requests the oldest. What has no record is counted.
 */
#include "core/moment.h"
#include "api/layer.h"
#include "core/record_of.h"
#include "core/records.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/turns.h"
#include "core/txn.h"

#define FLOWS_MAX    256u    /* records of connections, of a shard */
#define REQUESTS_MAX 256u    /* of their requests */
#define SLOTS_MAX    131072u /* of a shard's table that are looked at */
#define AHEAD        16u     /* slots that are on their way before they are looked at */

/* The n greatest of what is offered: a heap whose first is the least. */
struct best {
	unsigned n;
	struct {
		uint64_t weight;
		uint32_t slot;
	} item[FLOWS_MAX];
};

static void swap(struct best *b, unsigned i, unsigned k)
{
	uint64_t weight = b->item[i].weight;
	uint32_t slot = b->item[i].slot;

	b->item[i] = b->item[k];
	b->item[k].weight = weight;
	b->item[k].slot = slot;
}

static void sink(struct best *b, unsigned i)
{
	for (unsigned k; (k = 2 * i + 1) < b->n; i = k) {
		if (k + 1 < b->n && b->item[k + 1].weight < b->item[k].weight)
			k++;
		if (b->item[i].weight <= b->item[k].weight)
			return;
		swap(b, i, k);
	}
}

static void offer(struct best *b, uint64_t weight, uint32_t slot)
{
	unsigned i;

	if (b->n == FLOWS_MAX) {
		if (weight <= b->item[0].weight)
			return;
		b->item[0].weight = weight;
		b->item[0].slot = slot;
		sink(b, 0);
		return;
	}
	i = b->n++;
	b->item[i].weight = weight;
	b->item[i].slot = slot;
	for (; i && b->item[i].weight < b->item[(i - 1) / 2].weight; i = (i - 1) / 2)
		swap(b, i, (i - 1) / 2);
}

static uint64_t bytes_of(const struct flow *f)
{
	return f->bytes[0] + f->bytes[1];
}

/* Has somebody asked, and not got all of the answer? */
static bool is_request(const struct session *s, const struct txn *t, uint64_t now)
{
	return t->marks & 1 && !t->passed_on && !t->composite && txn_waits(s, t, now);
}

static bool is_over(const struct flow *f)
{
	return f->proto == IP_PROTO_TCP && f->state >= FLOW_CLOSED;
}

/* Counts all there is, and chooses. */
static void choose(struct shard *sh, uint64_t now, struct moment_record *m, struct best *b)
{
	struct flow_table *t = &sh->flows;
	uint32_t n = t->slots < SLOTS_MAX ? t->slots : SLOTS_MAX;

	for (uint32_t slot = 0; slot < n; slot++) {
		const struct flow *f = flow_at(t, slot);
		const struct session *s;
		uint64_t oldest = 0;

		if (slot + AHEAD < n)
			prefetch(flow_at(t, slot + AHEAD), sizeof(*f));
		if (!flow_alive(f))
			continue;
		s = flow_session(f);
		if (!is_over(f)) {
			m->flows++;
			m->bytes += bytes_of(f);
		}
		for (const struct txn *x = s ? s->first : NULL; x; x = x->next)
			if (is_request(s, x, now)) {
				m->requests++;
				oldest = oldest ? oldest : x->stamp[0];
			}
		offer(b, oldest ? UINT64_MAX - oldest : bytes_of(f), slot);
	}
}

/* The greatest first. */
static void sort(struct best *b)
{
	unsigned n = b->n;

	while (b->n > 1) {
		swap(b, 0, --b->n);
		sink(b, 0);
	}
	b->n = n;
}

/* Gives how many were told of; *requests: of these, what somebody waits for. */
static unsigned tell_requests(struct session *s, uint64_t now, unsigned *room, uint64_t *requests)
{
	unsigned before = *room;

	/* Answered, which the client has not acknowledged yet. */
	for (const struct txn *t = s->resting; t && *room; t = t->next, --*room)
		record_of_open_txn(s->shard, t, RECORD_OF_MOMENT);
	for (const struct txn *t = s->first; t && *room; t = t->next) {
		if (!t->marks || t->passed_on)
			continue;
		txn_tell_open(s, t, now, RECORD_OF_MOMENT);
		*requests += is_request(s, t, now);
		--*room;
	}
	return before - *room;
}

void moment_take(struct shard *sh, uint64_t now)
{
	struct moment_record m = {0}, *r;
	uint64_t flows = 0, requests = 0;
	unsigned room = REQUESTS_MAX;
	struct best b;

	b.n = 0;
	choose(sh, now, &m, &b);
	sort(&b);
	for (unsigned i = 0; i < b.n; i++) {
		const struct flow *f = flow_at(&sh->flows, b.item[i].slot);
		struct session *s = flow_session(f);
		unsigned n = s ? tell_requests(s, now, &room, &requests) : 0;

		turns_open(sh, f, now);
		record_of_open_flow(sh, f, now, n);
		flows += !is_over(f);
	}
	r = record_room(sh, (uint32_t)sizeof(*r));
	r->r.kind = RECORD_MOMENT;
	r->r.type = "moment";
	r->r.open = RECORD_OF_MOMENT;
	r->r.start = r->r.end = now;
	r->shard = (uint8_t)sh->index;
	r->flows = m.flows;
	r->bytes = m.bytes;
	r->requests = m.requests;
	r->flows_left_out = m.flows - flows;
	r->requests_left_out = m.requests - requests;
}

void moment_requests(struct shard *sh, const struct flow *f, uint64_t now)
{
	struct session *s = flow_session(f);

	for (const struct txn *t = s ? s->first : NULL; t; t = t->next)
		if (is_request(s, t, now) && now - t->stamp[0] >= sh->engine->config->flow_interval)
			txn_tell_open(s, t, now, RECORD_INTERIM);
}
