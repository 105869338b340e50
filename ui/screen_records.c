/*
 * screen_records.c - the screens that list records: transactions as they end, and flows, each as
 * its last record tells it. Columns are all fields that any record has.
 */
#include "view.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct rows {
	struct store_hold hold;
	const struct record **row;
	uint32_t n, cap;
	uint64_t next, first; /* record numbers: where to go on; oldest held */
	uint64_t until;
	/* Flows: place of a flow's row by its id. */
	uint32_t *slot;
	uint32_t slots;
};

struct gather {
	struct ui *u;
	struct screen *s;
	struct rows *rows;
	enum record_kind kind;
};

const struct record *records_row(const struct screen *s, uint32_t row)
{
	const struct rows *rows = s->state;

	return rows && row < rows->n ? rows->row[row] : NULL;
}

static void add(struct rows *x, const struct record *r)
{
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 256;
		x->row = xrealloc(x->row, x->cap * sizeof(struct record *));
	}
	x->row[x->n++] = r;
}

static uint32_t slot_of(const struct rows *x, uint64_t id)
{
	uint32_t at = (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (x->slots - 1);

	while (x->slot[at] && x->row[x->slot[at] - 1]->flow_id != id)
		at = (at + 1) & (x->slots - 1);
	return at;
}

static void grow_slots(struct rows *x)
{
	x->slots = x->slots ? x->slots * 2 : 1024;
	free(x->slot);
	x->slot = xcalloc(x->slots, sizeof(*x->slot));
	for (uint32_t i = 0; i < x->n; i++)
		x->slot[slot_of(x, x->row[i]->flow_id)] = i + 1;
}

/* A flow's newer record takes the place of the older one. */
static void add_flow(struct rows *x, const struct record *r)
{
	uint32_t at;

	if (2 * (x->n + 1) > x->slots)
		grow_slots(x);
	at = slot_of(x, r->flow_id);
	if (x->slot[at]) {
		x->row[x->slot[at] - 1] = r;
		return;
	}
	add(x, r);
	x->slot[at] = x->n;
}

static bool take(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct gather *g = arg;
	bool flow = g->kind == RECORD_FLOW;

	(void)number;
	(void)when;
	if ((r->kind == RECORD_FLOW) != flow || !ui_wanted(g->u, g->s, r))
		return true;
	if (flow)
		add_flow(g->rows, r);
	else
		add(g->rows, r);
	return true;
}

static void start_over(struct rows *x)
{
	store_release(&x->hold);
	x->n = 0;
	x->next = 0;
	if (x->slots)
		memset(x->slot, 0, x->slots * sizeof(*x->slot));
}

/* Goes on where it was, unless what it shows has changed or records have gone. */
static void collect(struct ui *u, struct screen *s, enum record_kind kind)
{
	struct rows *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct rows)));
	struct gather g = {u, s, x, kind};
	uint64_t to = ui_until(u);

	if (s->stale || x->first != store_first(u->store))
		start_over(x);
	x->first = store_first(u->store);
	store_hold(u->store, &x->hold, x->next);
	store_each(u->store, x->next, to, take, &g);
	x->next = to;
	s->table.n = x->n;
}

static void collect_txns(struct ui *u, struct screen *s)
{
	collect(u, s, RECORD_TXN);
}

static void collect_flows(struct ui *u, struct screen *s)
{
	collect(u, s, RECORD_FLOW);
}

static bool value(
	struct ui *u, struct screen *s, uint32_t row, const struct field *f, struct schema_value *v)
{
	const struct record *r = records_row(s, row);
	const struct schema_column *c = r ? schema_find(ui_schema(u, r), f->name) : NULL;

	return c && c->field->type == f->type && schema_get(c, r, &u->env, v);
}

/* A record's key is its own; of a flow its id, whichever of its records it is. */
static uint64_t id(struct screen *s, uint32_t row)
{
	const struct record *r = records_row(s, row);

	if (!r)
		return 0;
	return r->kind == RECORD_FLOW ? r->flow_id : r->key ^ r->flow_id << 1 ^ r->start;
}

static enum role role(struct screen *s, uint32_t row)
{
	const struct record *r = records_row(s, row);
	const struct flow_record *f = (const void *)r;

	if (r->kind == RECORD_FLOW) {
		if (f->tcp_state && (strncmp(f->tcp_state, "syn_", 4) == 0 ||
					    strcmp(f->tcp_state, "reset") == 0))
			return ROLE_BAD;
		return f->final ? ROLE_TEXT : ROLE_GOOD;
	}
	if (r->quality & (1u << QUALITY_NO_RESPONSE | 1u << QUALITY_UNFINISHED))
		return r->status ? ROLE_WARN : ROLE_TEXT;
	return r->status > STATUS_OK ? ROLE_BAD : ROLE_TEXT;
}

static void open_record(struct ui *u, struct screen *s, uint32_t row)
{
	const struct record *r = records_row(s, row);

	if (r)
		detail_open(u, r);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	const struct record *r = records_row(s, table_row(&s->table));
	char filter[64];

	if (!r)
		return false;
	switch (k) {
	case 'P':
		packets_open_flow(u, r);
		return true;
	case 'A':
		stream_open_record(u, r);
		return true;
	case 'T': /* the transactions of its connection */
	case 'F': /* its connection */
		snprintf(filter, sizeof(filter), "flow.id == %llu", (unsigned long long)r->flow_id);
		ui_push_scope(u, k == 'T' ? &transactions_class : &flows_class, filter,
			"of one connection");
		return true;
	default:
		return false;
	}
}

static void release(struct screen *s)
{
	struct rows *x = s->state;

	if (!x)
		return;
	store_release(&x->hold);
	free(x->row);
	free(x->slot);
	free(x);
}

static const struct key_help help[] = {
	{"Enter", "the whole record: its time, its ledger, all its fields"},
	{"P", "the packets of its connection"},
	{"A", "what both sides said, as text"},
	{"T", "the transactions of its connection"},
	{"F", "its connection"},
	{NULL, NULL},
};

const struct screen_class transactions_class = {
	.name = "transactions",
	.title = "Transactions",
	.columns = "event.start event.duration type query status server.ip server.port client.ip "
		   "tsumari.time.wait tsumari.ledger.server tsumari.ledger.network",
	.follow = true,
	.help = help,
	.collect = collect_txns,
	.value = value,
	.id = id,
	.role = role,
	.open = open_record,
	.key = key,
	.free = release,
};

const struct screen_class flows_class = {
	.name = "flows",
	.title = "Flows",
	.columns = "event.start event.duration client.ip client.port server.ip server.port "
		   "network.bytes tsumari.tcp.state network.protocol network.transport "
		   "tsumari.flow.transactions tsumari.tcp.rtt_min "
		   "tsumari.tcp.client.retransmits tsumari.tcp.server.retransmits",
	.sort = "-network.bytes",
	.help = help,
	.collect = collect_flows,
	.value = value,
	.id = id,
	.role = role,
	.open = open_record,
	.key = key,
	.free = release,
};
