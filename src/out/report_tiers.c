/* report_tiers.c - what the requests to web servers waited for behind them. */
#include "model/tiers.h"
#include "out/report_impl.h"

#define PAIRS   3u /* operations that are shown of those that a request calls */
#define COLUMNS 7
#define WIDTH   100u                                            /* columns that the table needs */
static const size_t at[COLUMNS] = {10, 20, 30, 40, 50, 60, 69}; /* where they end */

static uint64_t others(const struct tier *x)
{
	return x->time[TIER_MAIL] + x->time[TIER_NAMES] + x->time[TIER_OTHER];
}

static uint64_t calls_of(const struct tier *x)
{
	uint64_t n = 0;

	for (int c = 0; c < TIER_CLASSES; c++)
		n += x->calls[c];
	return n;
}

static void put_mean(struct text *t, uint64_t sum, uint64_t n)
{
	if (sum)
		text_duration(t, sum / n);
	else
		text_char(t, '-');
}

/* Calls, so many in a request. */
static void put_calls(struct text *t, uint64_t calls, uint64_t requests)
{
	uint64_t tenths = (calls / (TIERS_ONE / 10) + requests / 2) / requests;

	if (!tenths && calls)
		text_str(t, "<0.1");
	else
		text_printf(
			t, "%llu.%u", (unsigned long long)(tenths / 10), (unsigned)(tenths % 10));
}

static void row(struct report *r, const struct tier *x)
{
	uint64_t times[] = {x->server, x->time[TIER_OWN], x->time[TIER_DATABASE],
		x->time[TIER_FILES], x->time[TIER_WEB], others(x)};

	CELL(r, at[0], text_count(&cell, x->requests));
	for (int i = 1; i < COLUMNS; i++)
		CELL(r, at[i], put_mean(&cell, times[i - 1], x->requests));
	CELL(r, at[COLUMNS - 1] + 8, put_calls(&cell, calls_of(x), x->requests));
	text_str(&r->t, "  ");
}

/* The same in words. */
static void words(struct report *r, const struct tier *x)
{
	struct text *t = &r->t;

	report_text(r, 4);
	text_str(t, "    ");
	text_count(t, x->requests);
	text_str(t, x->requests == 1 ? " request" : " requests");
	text_str(t, ", server ");
	put_mean(t, x->server, x->requests);
	for (int c = 0; c < TIER_CLASSES; c++)
		if (x->time[c]) {
			text_printf(t, ", %s ", tier_names[c]);
			put_mean(t, x->time[c], x->requests);
		}
	text_str(t, ", calls ");
	put_calls(t, calls_of(x), x->requests);
	report_text(r, 4);
}

static void pair(struct report *r, const struct tier *x, const struct tier_pair *p)
{
	struct text *t = &r->t;

	text_str(t, "    ");
	put_calls(t, p->calls, x->requests);
	text_str(t, " of ");
	report_operation(t, p->service, p->text, p->len, 3 * r->o.width);
	text_str(t, ", ");
	put_mean(t, p->time, x->requests);
	if (p->repeats) {
		text_str(t, "; up to ");
		put_calls(t, p->most, 1);
		text_str(t, " in one request");
	}
	report_text(r, 6);
}

/* How sure it is. */
static void shares(struct report *r, uint64_t calls, uint64_t shared, uint64_t by_id)
{
	struct text *t = &r->t;
	struct tiers *m = model_tiers(r->o.model);

	text_str(t, "  ");
	text_percent(t, calls - shared, calls);
	text_str(t, " of the calls were made while only one request can have made them");
	if (by_id) {
		text_str(t, " or are settled by an id (");
		text_count(t, by_id);
		text_char(t, ')');
	}
	if (shared) {
		text_str(t, ", ");
		text_percent(t, shared, calls);
		text_str(t, " are shared out among those that can");
	}
	report_text(r, 4);
	if (!tiers_unsettled(m) && !tiers_late(m))
		return;
	text_str(t, "  ");
	report_count(r, tiers_unsettled(m), "calls could be too many requests'");
	report_count(r, tiers_late(m), "requests took too long to be looked at");
	report_text(r, 4);
}

static void head(struct report *r)
{
	const char *const heads[COLUMNS] = {"requests", "server", tier_names[TIER_OWN],
		tier_names[TIER_DATABASE], tier_names[TIER_FILES], tier_names[TIER_WEB],
		tier_names[TIER_OTHER]};

	for (int i = 0; i < COLUMNS; i++)
		CELL(r, at[i], text_str(&cell, heads[i]));
	CELL(r, at[COLUMNS - 1] + 8, text_str(&cell, "calls"));
	text_str(&r->t, "  operation");
	report_line(r);
}

static void one(struct report *r, const struct tier *x, bool table)
{
	const struct tier_pair **pairs;
	unsigned n = tiers_pairs(model_tiers(r->o.model), x, &pairs);

	if (table)
		row(r, x);
	else
		text_str(&r->t, "  ");
	if (table && r->wrap) {
		report_line(r);
		text_str(&r->t, "  ");
	}
	report_operation(&r->t, x->service, x->text, x->len,
		r->wrap ? table ? r->o.width - 4 : 3 * r->o.width : 110);
	if (table)
		report_line(r);
	else
		words(r, x);
	for (unsigned i = 0; i < n && i < PAIRS; i++)
		pair(r, x, pairs[i]);
}

void report_tiers(struct report *r)
{
	const struct tier **list;
	unsigned n = tiers_sorted(model_tiers(r->o.model), &list);
	bool table = !r->wrap || r->o.width >= WIDTH;
	uint64_t calls = 0, shared = 0, by_id = 0;

	if (!n)
		return;
	report_heading(r, "Requests and what is behind them");
	text_str(&r->t, "  means of a request: time in the server, its own and that of its calls");
	report_text(r, 4);
	if (table)
		head(r);
	for (unsigned i = 0; i < n; i++) {
		calls += calls_of(list[i]);
		shared += list[i]->shared;
		by_id += list[i]->by_id;
		if (i < REPORT_TOP)
			one(r, list[i], table);
	}
	report_more(r, n > REPORT_TOP ? n - REPORT_TOP : 0);
	shares(r, calls, shared, by_id);
}
