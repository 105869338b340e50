/* under_way.c - see under_way.h. */
#include "out/under_way.h"
#include "core/engine.h"
#include "findings/findings.h"
#include "model/operation.h"
#include "out/jsontree.h"
#include <string.h>

/* Has somebody asked, and not got all of the answer? */
static bool waits(const struct record *r)
{
	return r->kind == RECORD_TXN && r->quality >> QUALITY_PENDING & 1 && !r->composite;
}

static const char *cause(const struct txn_record *t)
{
	int most = 0;

	if (t->total == FIELD_ABSENT || !t->total)
		return NULL;
	for (int i = 1; i < LEDGER_COUNT; i++)
		if (t->ledger[i] > t->ledger[most])
			most = i;
	return entry_words[most];
}

static void fill(struct under_way_request *x, const struct txn_record *t, bool literal)
{
	char name[OPERATION_MAX];
	struct text operation;

	text_init(&operation, name, sizeof(name));
	operation_of(t, literal, &operation);
	x->protocol = t->r.type;
	x->cause = cause(t);
	x->client = t->r.client.ip;
	x->server = t->r.server.ip;
	x->port = t->r.server.port;
	x->start = t->r.start;
	x->frame = t->frame[0] ? t->frame[0] : t->r.flow_id;
	x->len = operation.len < sizeof(x->operation) ? operation.len : sizeof(x->operation);
	memcpy(x->operation, operation.p, x->len);
}

static void add(struct under_way *u, const struct txn_record *t, bool literal)
{
	unsigned at = u->n;

	while (at && u->list[at - 1].start > t->r.start)
		at--;
	if (at == UNDER_WAY_SHOWN)
		return;
	if (u->n < UNDER_WAY_SHOWN)
		u->n++;
	memmove(&u->list[at + 1], &u->list[at], (u->n - at - 1) * sizeof(u->list[0]));
	fill(&u->list[at], t, literal);
}

void under_way_record(struct moments_seen *m, const struct record *r)
{
	const struct moment_record *mark = (const void *)r;
	struct under_way *u = &m->making;

	if (r->kind != RECORD_MOMENT) {
		if (waits(r))
			add(u, (const void *)r, m->literal);
		return;
	}
	u->flows += mark->flows;
	u->bytes += mark->bytes;
	u->requests += mark->requests;
	if (mark->shard != SHARDS - 1)
		return;
	u->time = r->start;
	m->shown = *u;
	memset(u, 0, sizeof(*u));
}

static struct json_object *request(const struct under_way_request *x, uint64_t now)
{
	struct json_object *o = jsontree_object(NULL, NULL);

	jsontree_put(o, "protocol", jsontree_text(x->protocol));
	jsontree_put(o, "operation", jsontree_bytes(x->operation, x->len));
	jsontree_put(o, "client", jsontree_addr(&x->client));
	jsontree_put(o, "server", jsontree_endpoint(&x->server, x->port));
	jsontree_put(o, "start", jsontree_time(x->start));
	jsontree_put(o, "waited", jsontree_u64(now > x->start ? now - x->start : 0));
	if (x->cause)
		jsontree_put(o, "cause", jsontree_text(x->cause));
	jsontree_put(o, "frame", jsontree_u64(x->frame));
	return o;
}

void under_way_put(struct json_object *all, const struct under_way *u)
{
	struct json_object *o, *list;

	if (!u || !u->time)
		return;
	o = jsontree_object(all, "under_way");
	jsontree_put(o, "time", jsontree_time(u->time));
	jsontree_put(o, "requests", jsontree_u64(u->requests));
	jsontree_put(o, "connections", jsontree_u64(u->flows));
	jsontree_put(o, "bytes", jsontree_u64(u->bytes));
	list = jsontree_array(o, "oldest");
	for (unsigned i = 0; i < u->n; i++)
		jsontree_append(list, request(&u->list[i], u->time));
}
