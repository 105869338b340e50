/* report_hosts.c - the hosts that sent most, and where they are. */
#include "model/geo.h"
#include "model/hosts.h"
#include "out/report_impl.h"

#define COLUMNS 6
static const size_t at[COLUMNS] = {11, 22, 31, 40, 49, 57}; /* where they end, behind the name */

/* "AT Vienna, AS 64500 Example": what is known of it. */
static void place(struct report *r, const struct host *x)
{
	const struct geo_place *p = r->o.geo && !x->other ? geo_find(r->o.geo, &x->ip) : NULL;
	struct text *t = &r->t;

	if (!p)
		return;
	text_str(t, "  ");
	text_escape(t, p->country, strlen(p->country), 8);
	if (p->city[0]) {
		text_char(t, ' ');
		text_escape(t, p->city, strlen(p->city), 24);
	}
	if (!p->as_number && !p->organization[0])
		return;
	text_str(t, p->country[0] ? ", AS" : "AS");
	if (p->as_number)
		text_printf(t, " %llu", (unsigned long long)p->as_number);
	text_char(t, ' ');
	text_escape(t, p->organization, strlen(p->organization), 32);
}

static void name(struct report *r, const struct host *x)
{
	text_str(&r->t, "  ");
	if (x->other)
		text_str(&r->t, "other");
	else
		text_addr(&r->t, &x->ip);
}

static void row(struct report *r, const struct host *x, size_t c)
{
	name(r, x);
	CELL(r, c + at[0], text_bytes(&cell, x->sent));
	CELL(r, c + at[1], text_bytes(&cell, x->received));
	CELL(r, c + at[2], text_count(&cell, x->asked + x->served));
	CELL(r, c + at[3], text_count(&cell, x->requests));
	CELL(r, c + at[4], text_count(&cell, x->answers));
	CELL(r, c + at[5], text_count(&cell, x->retransmits));
	place(r, x);
	report_text(r, 6);
}

/* The same where the terminal has no room for the table. */
static void lines(struct report *r, const struct host *x)
{
	name(r, x);
	place(r, x);
	report_text(r, 4);
	text_str(&r->t, "    sent ");
	text_bytes(&r->t, x->sent);
	text_str(&r->t, ", received ");
	text_bytes(&r->t, x->received);
	report_count(r, x->asked + x->served, "flows");
	report_count(r, x->requests, "asked");
	report_count(r, x->answers, "answered");
	report_count(r, x->retransmits, "sent again");
	report_text(r, 4);
}

static void head(struct report *r, size_t c)
{
	static const char *const heads[COLUMNS] = {
		"sent", "received", "flows", "asked", "answered", "resent"};

	text_str(&r->t, "  host");
	for (int i = 0; i < COLUMNS; i++)
		CELL(r, c + at[i], text_str(&cell, heads[i]));
	report_line(r);
}

void report_hosts(struct report *r)
{
	const struct host **list;
	unsigned n = hosts_sorted(model_hosts(r->o.model), &list);
	size_t c = 17;
	bool table;

	for (unsigned i = 0; i < n && i < REPORT_TOP; i++) {
		size_t len;

		name(r, list[i]);
		len = text_columns(r->t.p, r->t.len);
		c = len > c ? len : c;
		text_clear(&r->t);
	}
	table = !r->wrap || c + at[COLUMNS - 1] <= r->o.width;
	if (!n)
		return;
	report_heading(r, "Hosts, those with most bytes first");
	if (table)
		head(r, c);
	for (unsigned i = 0; i < n && i < REPORT_TOP; i++)
		if (table)
			row(r, list[i], c);
		else
			lines(r, list[i]);
	report_more(r, n > REPORT_TOP ? n - REPORT_TOP : 0);
}
