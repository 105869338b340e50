/* report_digests.c - the operations of all services, by total wait time. */
#include "model/digests.h"
#include "out/report_impl.h"

#define COLUMNS 7
static const size_t at[COLUMNS] = {10, 18, 27, 35, 44, 53, 64}; /* where they end */
#define NAME_AT    66u
#define NAME_LEAST 30u /* columns for the operation, else there is no table */
#define NAME_MOST  110u
#define BELOW      12u

static void head(struct report *r)
{
	static const char *const heads[COLUMNS] = {
		"waited", "share", "calls", "errors", "p50", "p99", "slowest #"};

	for (int i = 0; i < COLUMNS; i++)
		CELL(r, at[i], text_str(&cell, heads[i]));
	text_str(&r->t, "  operation");
	report_line(r);
}

void report_operation(
	struct text *t, const struct service *service, const char *text, size_t len, size_t columns)
{
	size_t used = text_columns(t->p, t->len);

	if (!service) {
		text_str(t, "other");
		return;
	}
	if (service->other)
		text_str(t, "other");
	else
		text_endpoint(t, &service->ip, service->port);
	text_char(t, ' ');
	used = text_columns(t->p, t->len) - used;
	text_escape(t, text, len, columns > used + 12 ? columns - used : 12);
}

/* Beside the numbers where it fits, else below them. */
static void name(struct report *r, const struct digest *x)
{
	size_t room = r->wrap ? r->o.width - NAME_AT : NAME_MOST;
	struct text t;

	text_init_growing(&t);
	report_operation(&t, x->service, x->text, x->len, r->wrap ? r->o.width - BELOW : NAME_MOST);
	if (text_columns(t.p, t.len) > room) {
		report_line(r);
		text_fill(&r->t, ' ', BELOW);
	} else {
		text_str(&r->t, "  ");
	}
	text_put(&r->t, t.p, t.len);
	report_line(r);
	text_release(&t);
}

static void row(struct report *r, const struct digest *x, uint64_t whole)
{
	static const double parts[] = {0.5, 0.99};

	CELL(r, at[0], text_duration(&cell, x->sum.total));
	CELL(r, at[1], text_percent(&cell, x->sum.total, whole));
	CELL(r, at[2], text_count(&cell, x->sum.transactions));
	CELL(r, at[3], text_count(&cell, x->sum.errors));
	for (int i = 0; i < 2; i++)
		CELL(r, at[4 + i],
			if (x->sum.duration.n)
				text_duration(&cell, hist_at(&x->sum.duration, parts[i]));
			else text_char(&cell, '-'));
	CELL(r, at[6],
		if (x->nslowest)
			text_printf(&cell, "#%llu", (unsigned long long)x->slowest[0].frame);
		else text_char(&cell, '-'));
	name(r, x);
}

/* The same where the terminal has no room for the table. */
static void lines(struct report *r, const struct digest *x, uint64_t whole)
{
	struct text *t = &r->t;

	text_str(t, "  ");
	report_operation(t, x->service, x->text, x->len, 3 * r->o.width);
	report_text(r, 4);
	text_str(t, "    ");
	text_duration(t, x->sum.total);
	text_str(t, ", ");
	text_percent(t, x->sum.total, whole);
	report_count(r, x->sum.transactions, x->sum.transactions == 1 ? "call" : "calls");
	report_count(r, x->sum.errors, x->sum.errors == 1 ? "error" : "errors");
	if (x->sum.duration.n) {
		text_str(t, ", p50 ");
		text_duration(t, hist_at(&x->sum.duration, 0.5));
		text_str(t, ", p99 ");
		text_duration(t, hist_at(&x->sum.duration, 0.99));
	}
	report_text(r, 4);
}

void report_digests(struct report *r)
{
	struct digests *d = model_digests(r->o.model);
	uint64_t whole = services_total(r->services)->sum.total;
	const struct digest **list;
	unsigned n = digests_sorted(d, &list);
	bool table = !r->wrap || r->o.width >= NAME_AT + NAME_LEAST;

	if (!n)
		return;
	report_heading(r, "Operations by total wait time");
	if (table)
		head(r);
	for (unsigned i = 0; i < n && i < REPORT_TOP; i++)
		if (table)
			row(r, list[i], whole);
		else
			lines(r, list[i], whole);
	report_more(r, n > REPORT_TOP ? n - REPORT_TOP : 0);
	if (!digests_given_up(d))
		return;
	text_str(&r->t, "  ");
	text_count(&r->t, digests_given_up(d));
	text_str(&r->t, " that were waited for less gave way to others and are in \"other\"");
	report_text(r, 4);
}
