/*
 * screen_detail.c - one record whole: of a transaction when its parts were (a waterfall) and where
 * its time went (the ledger), then every field that it has.
 */
#include "screens.h"
#include "bars.h"
#include "columns.h"
#include "lines.h"
#include "screen.h"
#include "view.h"
#include "base/mem.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>

/* Columns of a name. */
static int label(void)
{
	return term_columns() < 60 ? 20 : 30;
}

struct state {
	struct record *r; /* a copy */
	struct lines lines;
};

/* A name, a duration, its share, and a bar from one part of the whole to another. */
static void bar_line(
	struct lines *p, const char *name, uint64_t ns, double from, double part, enum role role)
{
	int y = lines_next(p), columns = term_columns(), at = label(), width = columns - at - 22;
	char buffer[64];
	struct text t;

	if (y < 0)
		return;
	term_put(y, 2, at - 2, name, ROLE_TEXT);
	text_init(&t, buffer, sizeof(buffer));
	text_duration(&t, ns);
	term_right(y, at, 10, buffer, ROLE_TEXT);
	snprintf(buffer, sizeof(buffer), "%5.1f %%", part * 100);
	term_right(y, at + 11, 8, buffer, ROLE_DIM);
	if (width > 4) {
		int left = (int)(from * width);

		term_bar(y, at + 21 + left, width - left, part * width, role);
	}
}

enum role ledger_role(int entry)
{
	switch (entry) {
	case LEDGER_SERVER:
		return ROLE_SERVER;
	case LEDGER_CONNECT_NETWORK:
	case LEDGER_CONNECT_TLS:
	case LEDGER_NETWORK:
	case LEDGER_REQUEST:
	case LEDGER_RESPONSE:
		return ROLE_NETWORK;
	case LEDGER_UNKNOWN:
		return ROLE_DIM;
	default:
		return ROLE_STALL;
	}
}

/* Of one that is under way: what goes on since a stamp. */
static uint64_t so_far(const struct txn_record *t, int since)
{
	if (!t->r.open || !moment_waits(&t->r) || t->stamp[since] == FIELD_ABSENT ||
		t->stamp[since + 1] != FIELD_ABSENT)
		return FIELD_ABSENT;
	return t->r.start + t->r.duration - t->stamp[since];
}

static void waterfall(struct lines *p, const struct txn_record *t)
{
	uint64_t connect = t->ledger[LEDGER_CONNECT_RETRY] + t->ledger[LEDGER_CONNECT_NETWORK] +
			   t->ledger[LEDGER_CONNECT_TLS];
	const struct {
		const char *name;
		uint64_t ns;
		enum role role;
	} parts[] = {
		{"connection", connect, ROLE_NETWORK},
		{"request (t0 to t1)", t->request, ROLE_NETWORK},
		{"wait (t1 to t2)", t->wait, ROLE_SERVER},
		{"response (t2 to t3)", t->response, ROLE_GOOD},
		{"request, so far", so_far(t, 0), ROLE_NETWORK},
		{"wait, so far", so_far(t, 1), ROLE_SERVER},
		{"response, so far", so_far(t, 2), ROLE_GOOD},
	};
	uint64_t all = 0, at = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		all += parts[i].ns == FIELD_ABSENT ? 0 : parts[i].ns;
	lines_heading(p, "Waterfall");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].ns == FIELD_ABSENT || (i == 0 && !connect))
			continue;
		bar_line(p, parts[i].name, parts[i].ns, all ? (double)at / (double)all : 0,
			all ? (double)parts[i].ns / (double)all : 0, parts[i].role);
		at += parts[i].ns;
	}
}

static void ledger(struct lines *p, const struct txn_record *t)
{
	char title[64];
	struct text x;
	int y, columns = term_columns();

	if (t->total == FIELD_ABSENT)
		return;
	text_init(&x, title, sizeof(title));
	text_str(&x, "Where the time went: ");
	text_duration(&x, t->total);
	lines_next(p);
	y = lines_next(p);
	term_put(y, 0, columns, title, ROLE_ACCENT);
	bars_key(y, label() + 21, columns - label() - 22);
	for (int i = 0; i < LEDGER_COUNT; i++)
		if (t->ledger[i])
			bar_line(p, ledger_names[i], t->ledger[i], 0,
				(double)t->ledger[i] / (double)t->total, ledger_role(i));
}

/* Long values go on in lines of their own. */
static void field_line(struct lines *p, const struct field *f, const struct schema_value *v)
{
	char buffer[4096];
	struct text t;
	int columns = term_columns(), at = label(), width = columns - at - 4;
	bool first = true;
	size_t from = 0;

	if (width < 8)
		width = 8;
	text_init(&t, buffer, sizeof(buffer));
	cell_put(&t, f, v);
	while (first || from < t.len) {
		size_t n = t.len - from < (size_t)width ? t.len - from : (size_t)width;
		int y = lines_next(p);

		while (from + n < t.len && n > 1 && ((uint8_t)t.p[from + n] & 0xc0) == 0x80)
			n--;
		if (first)
			term_put(y, 2, at, f->name, ROLE_DIM);
		term_text(y, at + 3, columns - at - 3, t.p + from, n, ROLE_TEXT);
		from += n;
		first = false;
	}
}

static void all_fields(struct ui *u, struct lines *p, const struct record *r)
{
	const struct schema *s = ui_schema(u, r);

	lines_heading(p, "Fields");
	for (unsigned i = 0; i < s->n; i++) {
		struct schema_value v;

		memset(&v, 0, sizeof(v));
		if (schema_get(&s->columns[i], r, &u->env, &v))
			field_line(p, s->columns[i].field, &v);
	}
}

static void title(struct lines *p, const struct record *r)
{
	char line[512];
	struct text t;
	const struct txn_record *x = (const void *)r;
	int y = lines_next(p);

	text_init(&t, line, sizeof(line));
	text_printf(&t, "%s  ", r->type);
	text_endpoint(&t, &r->client.ip, r->client.port);
	text_str(&t, term_utf8() ? " \u2192 " : " -> ");
	text_endpoint(&t, &r->server.ip, r->server.port);
	if (r->start != FIELD_ABSENT) {
		text_str(&t, "  ");
		cell_time(&t, r->start);
	}
	term_text(y, 0, term_columns(), t.p, t.len, ROLE_ACCENT);
	if (r->kind != RECORD_TXN || !x->query.len)
		return;
	y = lines_next(p);
	term_text(y, 2, term_columns() - 2, (const char *)r + x->query.offset, x->query.len,
		ROLE_TEXT);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	struct lines *p = &x->lines;

	lines_begin(p, row, rows);
	title(p, x->r);
	if (x->r->kind == RECORD_TXN) {
		waterfall(p, (const void *)x->r);
		ledger(p, (const void *)x->r);
	}
	all_fields(u, p, x->r);
}

static bool go(struct ui *u, struct screen *s, const struct screen_class *c)
{
	struct state *x = s->state;
	char filter[64];

	snprintf(filter, sizeof(filter), "flow.id == %llu", (unsigned long long)x->r->flow_id);
	ui_push_scope(u, c, filter, "of one connection");
	return true;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	struct state *x = s->state;

	if (lines_key(&x->lines, k))
		return true;
	switch (k) {
	case '\r':
	case '\n':
	case KEY_ENTER:
	case 'P':
		packets_open_flow(u, x->r);
		return true;
	case 'H':
		if (x->r->kind == RECORD_FLOW)
			ladder_open_flow(u, x->r->flow_id);
		else
			ladder_open(u, x->r);
		return true;
	case 'A':
		stream_open_record(u, x->r);
		return true;
	case 'T':
		return go(u, s, &transactions_class);
	case 'F':
		return go(u, s, &flows_class);
	default:
		return false;
	}
}

static void release(struct screen *s)
{
	struct state *x = s->state;

	if (x)
		free(x->r);
	free(x);
}

static const struct key_help help[] = {
	{"Enter P", "the packets of the connection, those of this transaction marked"},
	{"H", "it, or the slowest request of the connection, with its tiers: hop by hop"},
	{"A", "what both sides of the connection said, as text"},
	{"T", "the transactions of the connection"},
	{"F", "the connection"},
	{"j k Space ^F ^B g G", "scroll"},
	{NULL, NULL},
};

const struct screen_class detail_class = {
	.name = "detail",
	.title = "Detail",
	.help = help,
	.draw = draw,
	.key = key,
	.free = release,
};

void detail_open(struct ui *u, const struct record *r)
{
	struct record *copy = xmalloc(r->size);
	struct screen *s;
	struct state *x;

	/* The row that r is in may go when another screen comes. */
	memcpy(copy, r, r->size);
	s = ui_push(u, &detail_class);
	if (!s) {
		free(copy);
		return;
	}
	x = s->state = xcalloc(1, sizeof(*x));
	x->r = copy;
}
