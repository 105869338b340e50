/* ladder.c - see ladder.h. */
#include "ladder.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define PART                                                                                       \
	20u      /* a message that takes less of the whole than one part in so many has one arrow  \
		  */
#define WAIT 10u /* a wait that is less of the whole than that has no line of its own */

static unsigned end_of(struct ladder *l, const struct addr *ip, uint16_t port, const char *protocol)
{
	for (unsigned i = 0; i < l->nends; i++)
		if (l->end[i].port == port && memcmp(&l->end[i].ip, ip, sizeof(*ip)) == 0)
			return i;
	if (l->nends == LADDER_ENDS)
		return LADDER_ENDS;
	l->end[l->nends] = (struct ladder_end){*ip, port, protocol, 0};
	return l->nends++;
}

static void add(struct ladder *l, uint32_t hop, enum rung_kind kind, uint64_t time, unsigned from,
	unsigned to)
{
	l->rung[l->n++] = (struct rung){.time = time,
		.hop = hop,
		.kind = (uint8_t)kind,
		.from = (uint8_t)from,
		.to = (uint8_t)to};
}

/* More than a little of the whole. */
static bool long_enough(const struct ladder *l, uint64_t from, uint64_t to)
{
	return to > from && to - from > (l->stop - l->start) / PART;
}

bool ladder_waits(const struct record *r)
{
	const struct txn_record *t = (const void *)r;

	return r->kind != RECORD_TXN || t->stamp[2] != FIELD_ABSENT || r->status != STATUS_OK;
}

static void add_turn(struct ladder *l, uint32_t i, unsigned from, unsigned to)
{
	const struct turn_record *t = (const void *)l->hops->hop[i].r;

	add(l, i, RUNG_REQUEST, t->r.start, from, to);
	add(l, i, t->open ? RUNG_NONE : RUNG_ANSWER, t->r.end, to, from);
}

static void add_transaction(struct ladder *l, uint32_t i, unsigned from, unsigned to)
{
	const struct hop *h = &l->hops->hop[i];
	const struct txn_record *t = (const void *)h->r;
	const uint64_t *at = t->stamp;

	if (t->connect && h->start < at[0])
		add(l, i, RUNG_CONNECT, h->start, from, to);
	add(l, i, RUNG_REQUEST, at[0], from, to);
	if (at[1] != FIELD_ABSENT && long_enough(l, at[0], at[1]))
		add(l, i, RUNG_SENT, at[1], from, to);
	if (at[2] == FIELD_ABSENT) {
		if (ladder_waits(h->r))
			add(l, i, RUNG_NONE, h->end, to, from);
		return;
	}
	add(l, i, RUNG_ANSWER, at[2], to, from);
	if (at[3] != FIELD_ABSENT && long_enough(l, at[2], at[3]))
		add(l, i, RUNG_END, at[3], to, from);
}

static const struct ladder *sorted; /* for by_time() */

/* Of two at one time: what is asked before what it asks, what is answered behind that. */
static int by_time(const void *a, const void *b)
{
	const struct rung *x = a, *y = b;
	unsigned p = sorted->hops->hop[x->hop].depth, q = sorted->hops->hop[y->hop].depth;
	bool back = x->kind >= RUNG_ANSWER;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->hop == y->hop)
		return (int)x->kind - (int)y->kind;
	if (back != (y->kind >= RUNG_ANSWER))
		return back ? -1 : 1;
	if (p != q)
		return (p < q) != back ? -1 : 1;
	return x->hop < y->hop ? -1 : 1;
}

/* Who is waited for until an arrow is sent: who sends it; a client that connects waits for the
   other end. */
static uint8_t holder_of(const struct ladder *l, uint32_t i)
{
	const struct rung *r = &l->rung[i];

	return i && r->kind == RUNG_REQUEST && l->rung[i - 1].hop == r->hop ? r->to : r->from;
}

/* A line for each wait that is a good part of the whole, and for the longest. */
static void add_waits(struct ladder *l)
{
	struct rung *all = xcalloc(2 * (size_t)l->n + 1, sizeof(*all));
	uint32_t longest = 0, n = 0;

	for (uint32_t i = 1; i < l->n; i++) {
		l->rung[i].gap = l->rung[i].time - l->rung[i - 1].time;
		l->end[holder_of(l, i)].held += l->rung[i].gap;
		if (l->rung[i].gap > l->rung[longest].gap)
			longest = i;
	}
	for (unsigned i = 1; i < l->nends; i++)
		l->holder = l->end[i].held > l->end[l->holder].held ? i : l->holder;
	l->longest = UINT32_MAX;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct rung *r = &l->rung[i];

		if (r->gap && (i == longest || r->gap > (l->stop - l->start) / WAIT)) {
			l->longest = i == longest ? n : l->longest;
			all[n] = *r;
			all[n].from = holder_of(l, i);
			all[n++].wait = true;
		}
		all[n++] = *r;
	}
	free(l->rung);
	l->rung = all;
	l->n = n;
	if (l->longest == UINT32_MAX)
		l->longest = n;
}

struct ladder *ladder_new(struct hops *hops)
{
	struct ladder *l = xcalloc(1, sizeof(*l));
	unsigned server[HOPS_MAX];

	l->hops = hops;
	l->rung = xcalloc(5 * (size_t)hops->n + 1, sizeof(*l->rung));
	l->start = l->stop = hops->hop[0].start;
	for (uint32_t i = 0; i < hops->n; i++)
		l->stop = hops->hop[i].end > l->stop ? hops->hop[i].end : l->stop;
	end_of(l, &hops->hop[0].r->client.ip, 0, NULL);
	for (uint32_t i = 0; i < hops->n; i++) {
		const struct record *r = hops->hop[i].r;
		unsigned from = hops->hop[i].parent == HOP_NONE ? 0 : server[hops->hop[i].parent];
		unsigned to = end_of(
			l, &r->server.ip, r->server.port, r->kind == RECORD_TURN ? NULL : r->type);

		server[i] = to;
		if (from == LADDER_ENDS || to == LADDER_ENDS)
			l->left_out++;
		else if (r->kind == RECORD_TURN)
			add_turn(l, i, from, to);
		else
			add_transaction(l, i, from, to);
	}
	sorted = l;
	qsort(l->rung, l->n, sizeof(*l->rung), by_time);
	add_waits(l);
	return l;
}

void ladder_free(struct ladder *l)
{
	if (!l)
		return;
	hops_free(l->hops);
	free(l->rung);
	free(l);
}

static void put_request(const struct record *r, struct text *out)
{
	const struct txn_record *t = (const void *)r;
	const struct record_text *what;

	if (r->kind == RECORD_TURN) {
		text_str(out, "request");
		return;
	}
	what = t->query.len ? &t->query : &t->method;
	if (what->len)
		text_put(out, (const char *)r + what->offset, what->len);
	else
		text_str(out, r->type);
}

static void put_answer(const struct record *r, struct text *out)
{
	static const char *const names[] = {[STATUS_OK] = "OK",
		[STATUS_ERROR] = "error",
		[STATUS_CLIENT_ERROR] = "client error",
		[STATUS_SERVER_ERROR] = "server error"};
	bool known = r->kind == RECORD_TXN && r->status < sizeof(names) / sizeof(names[0]) &&
		     names[r->status];

	text_str(out, known ? names[r->status] : "answer");
}

void ladder_label(const struct ladder *l, const struct rung *r, struct text *out)
{
	const struct record *record = l->hops->hop[r->hop].r;
	const struct txn_record *t = (const void *)record;

	switch ((enum rung_kind)r->kind) {
	case RUNG_CONNECT:
		text_str(out, "connect");
		break;
	case RUNG_REQUEST:
		put_request(record, out);
		break;
	case RUNG_SENT:
		text_str(out, "all of it sent");
		break;
	case RUNG_ANSWER:
		put_answer(record, out);
		break;
	case RUNG_END:
		text_str(out, "the last of it");
		if (record->server.bytes != FIELD_ABSENT) {
			text_str(out, ", ");
			text_bytes(out, record->server.bytes);
		}
		break;
	case RUNG_NONE:
		text_str(out, record->open ? "no answer so far" : "no answer");
		if (record->kind == RECORD_TXN && t->ended_by)
			text_printf(out, " (%s)", t->ended_by);
		break;
	}
	if (r->kind == RUNG_REQUEST && l->hops->hop[r->hop].unsure)
		text_str(out, " ?");
}

const char *ladder_cause(const struct ladder *l, const struct rung *wait)
{
	const struct record *r = l->hops->hop[wait->hop].r;
	const struct txn_record *t = (const void *)r;
	const struct turn_record *turn = (const void *)r;
	const uint64_t *ledger = r->kind == RECORD_TURN ? turn->ledger : t->ledger;
	bool connects = wait->kind == RUNG_REQUEST && wait->from == wait->to;
	int most = connects ? LEDGER_CONNECT_RETRY : LEDGER_SERVER;

	if ((!connects && wait->kind < RUNG_SENT) ||
		(r->kind == RECORD_TURN ? turn->open : t->total == FIELD_ABSENT))
		return NULL;
	for (int i = 0; i < (connects ? LEDGER_CONNECT_TLS + 1 : LEDGER_COUNT); i++)
		most = ledger[i] > ledger[most] ? i : most;
	return most == LEDGER_SERVER ? NULL : ledger_names[most];
}
