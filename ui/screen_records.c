/*
 * screen_records.c - the screens that list records: transactions and flows that have ended, and
 * behind them those that are under way, each as the last moment tells it. Columns are all fields
 * that any record has.
 */
#include "screens.h"
#include "columns.h"
#include "screen.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct rows {
	struct store_hold hold;
	struct instant *moment; /* whose records the last rows are; NULL: of none */
	const struct record **row;
	uint32_t n, cap;
	uint32_t ended;       /* rows of records that will not change */
	uint64_t next, first; /* record numbers: where to go on; oldest held */
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

static bool take(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct gather *g = arg;

	(void)number;
	(void)when;
	if (!record_of_turns(r) && (r->kind == RECORD_FLOW) == (g->kind == RECORD_FLOW) &&
		ui_wanted(g->u, g->s, r))
		add(g->rows, r);
	return true;
}

static void take_open(void *arg, const struct record *r)
{
	struct gather *g = arg;

	if (ui_wanted(g->u, g->s, r))
		add(g->rows, r);
}

/* The oldest last, where a table that follows what comes has its end. */
static int by_age(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a;
	const struct record *y = *(const struct record *const *)b;

	if (x->start != y->start)
		return x->start > y->start ? -1 : 1;
	return x->key < y->key ? 1 : x->key > y->key ? -1 : 0;
}

static void add_open(struct gather *g)
{
	struct rows *x = g->rows;

	moment_release(x->moment);
	x->moment = moment_hold(g->u->moment);
	x->ended = x->n;
	moment_each(x->moment, g->kind, take_open, g);
	if (x->n > x->ended)
		qsort(x->row + x->ended, x->n - x->ended, sizeof(struct record *), by_age);
}

static void start_over(struct rows *x)
{
	store_release(&x->hold);
	x->n = x->ended = 0;
	x->next = 0;
}

/* Goes on where it was, unless what it shows has changed or records have gone. */
static void collect(struct ui *u, struct screen *s, enum record_kind kind)
{
	struct rows *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct rows)));
	struct gather g = {u, s, x, kind};
	uint64_t to = ui_until(u);

	if (s->stale || x->first != store_first(u->store) || x->next > to)
		start_over(x);
	x->n = x->ended;
	x->first = store_first(u->store);
	store_hold(u->store, &x->hold, x->next);
	store_each(u->store, x->next, to, take, &g);
	x->next = to;
	add_open(&g);
	s->table.n = x->n;
	s->remark[0] = '\0';
	if (u->moment && kind == RECORD_FLOW && u->moment->flows_left_out)
		snprintf(s->remark, sizeof(s->remark), "%" PRIu64 " more are open",
			u->moment->flows_left_out);
	else if (u->moment && kind == RECORD_TXN && u->moment->requests_left_out)
		snprintf(s->remark, sizeof(s->remark), "%" PRIu64 " more are under way",
			u->moment->requests_left_out);
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
	if (r->kind == RECORD_FLOW)
		return r->flow_id;
	/* Each moment tells anew of what is open. */
	return (r->open ? 1 : r->key) ^ r->flow_id << 1 ^ r->start;
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
	if (moment_waits(r) && r->open)
		return ROLE_GOOD;
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
	case 'H':
		if (r->kind == RECORD_FLOW)
			ladder_open_flow(u, r->flow_id);
		else
			ladder_open(u, r);
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
	moment_release(x->moment);
	free(x->row);
	free(x);
}

static const struct key_help help[] = {
	{"Enter", "the whole record: its time, its ledger, all its fields"},
	{"P", "the packets of its connection"},
	{"H", "it, or the slowest request of the connection, with its tiers: hop by hop"},
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
