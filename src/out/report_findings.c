/* report_findings.c - the top of the report: the verdict, and the findings with their proof. */
#include "findings/findings.h"
#include "out/report_impl.h"

#define SHOWN 40u

static const char *const colours[] = {[SEVERITY_INFO] = "\033[1m",
	[SEVERITY_WARNING] = "\033[1;33m",
	[SEVERITY_CRITICAL] = "\033[1;31m"};

/* A finding's head: "critical syn-drop at 192.0.2.1:80 http: 12.3 s, 40.1 %, 3 of 5 connections".
 */
static void head(struct report *r, const struct finding *x)
{
	struct text *t = &r->t;

	text_printf(t, "%s %s", severity_names[x->severity], x->id);
	if (!addr_is_zero(&x->server)) {
		text_str(t, " at ");
		if (x->port)
			text_endpoint(t, &x->server, x->port);
		else
			text_addr(t, &x->server);
		if (x->protocol)
			text_printf(t, " %s", x->protocol);
	}
	text_str(t, ": ");
	if (x->cost) {
		text_str(t, x->at_least ? "at least " : "");
		text_duration(t, x->cost);
		text_str(t, ", ");
		text_percent(t, x->cost, x->waiting);
		text_str(t, " of all waiting");
		if (x->part_of)
			text_printf(t, " (in %s, too)", x->part_of);
		text_str(t, ", ");
	}
	text_counts(t, x->count, x->of, x->counted);
	fputs("\n", r->out);
	if (r->o.colour)
		fputs(colours[x->severity], r->out);
	report_text(r, 2);
	if (r->o.colour)
		fputs("\033[0m", r->out);
}

/* Columns before what stands behind a label. */
static size_t indent(const struct report *r)
{
	return r->o.width < 60 ? 4 : 15;
}

static void label(struct report *r, const char *name)
{
	if (r->o.width < 60)
		text_printf(&r->t, "  %s: ", name);
	else
		text_printf(&r->t, "    %-11s", name);
}

static void part(struct report *r, const char *name, const struct text *what)
{
	if (!what->len)
		return;
	label(r, name);
	text_put(&r->t, what->p, what->len);
	report_text(r, indent(r));
}

static void when(struct report *r, const struct finding *x)
{
	if (!x->first)
		return;
	label(r, "When");
	text_time(&r->t, x->first);
	if (x->last > x->first) {
		text_str(&r->t, ", for ");
		text_duration(&r->t, x->last - x->first);
		if (x->peak > x->first) {
			text_str(&r->t, ", worst after ");
			text_duration(&r->t, x->peak - x->first);
		}
	}
	if (!addr_is_zero(&x->client)) {
		text_str(&r->t, ", all of client ");
		text_addr(&r->t, &x->client);
	}
	report_text(r, indent(r));
}

static void frames(struct report *r, const struct finding *x)
{
	if (!x->nframes)
		return;
	label(r, "Frames");
	for (unsigned i = 0; i < x->nframes; i++) {
		if (i)
			text_str(&r->t, ", ");
		text_printf(&r->t, "%llu", (unsigned long long)x->frames[i]);
	}
	report_text(r, indent(r));
}

static void one(struct report *r, const struct finding *x)
{
	head(r, x);
	part(r, "Evidence", &x->saw);
	part(r, "Meaning", &x->means);
	part(r, "Next steps", &x->next);
	part(r, "Caveats", &x->against);
	when(r, x);
	frames(r, x);
	part(r, "-Y", &x->filter);
	part(r, "Filter", &x->bpf);
}

/* Whose line it is: "syn-drop at 192.0.2.1:80 http". */
static void line_name(struct text *t, const struct account_line *l)
{
	bool named = !addr_is_zero(&l->server);

	text_str(t, l->finding ? l->finding->id : entry_words[l->entry]);
	text_str(t, named ? " at " : "");
	if (named && l->port)
		text_endpoint(t, &l->server, l->port);
	else if (named)
		text_addr(t, &l->server);
	if (named && l->protocol)
		text_printf(t, " %s", l->protocol);
	text_str(t, l->at_least ? ", so far" : "");
}

#define LINES 12u

/* All waiting, cause by cause. */
static void account(struct report *r, const struct findings *f)
{
	const struct account_line *line;
	unsigned n = findings_account(f, &line);
	struct felt sum = findings_felt(f);
	uint64_t rest = 0;

	if (!sum.felt)
		return;
	fputc('\n', r->out);
	for (unsigned i = 0; i < n; i++) {
		if (i >= LINES) {
			rest += line[i].cost;
			continue;
		}
		CELL(r, 11, text_duration(&cell, line[i].cost));
		CELL(r, 19, text_percent(&cell, line[i].cost, sum.felt));
		text_str(&r->t, "  ");
		line_name(&r->t, &line[i]);
		report_text(r, 21);
	}
	if (rest) {
		CELL(r, 11, text_duration(&cell, rest));
		CELL(r, 19, text_percent(&cell, rest, sum.felt));
		text_printf(&r->t, "  %u more", n - LINES);
		report_text(r, 21);
	}
	CELL(r, 11, text_duration(&cell, sum.felt));
	text_str(&r->t, "          of waiting that users felt");
	text_str(&r->t, sum.at_least ? " so far" : "");
	if (sum.all > sum.felt) {
		text_str(&r->t, "; all tiers together ");
		text_duration(&r->t, sum.all);
	}
	if (sum.idle) {
		text_str(&r->t, "; idle on purpose, and not in it, ");
		text_duration(&r->t, sum.idle);
	}
	report_text(r, 21);
}

void report_findings(struct report *r, const struct capture_stats *st)
{
	struct findings *f = findings_of(r->o.model);
	const struct finding *list;
	unsigned n = f ? findings_list(f, st, &list) : 0;
	bool wrap = r->wrap;

	if (!f)
		return;
	r->wrap = true; /* these are sentences */
	findings_verdict(f, list, n, &r->t);
	if (r->o.colour)
		fputs("\033[1m", r->out);
	report_text(r, 0);
	if (r->o.colour)
		fputs("\033[0m", r->out);
	account(r, f);
	for (unsigned i = 0; i < n && i < SHOWN; i++)
		one(r, &list[i]);
	report_more(r, n > SHOWN ? n - SHOWN : 0);
	fputc('\n', r->out);
	r->wrap = wrap;
}
