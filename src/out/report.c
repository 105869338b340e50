/* report.c - see report.h. */
#include "out/report.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/services.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP         20u /* services shown */
#define WIDTH_LEAST 20u

struct report {
	struct report_options o;
	struct services *services; /* of the model */
	FILE *out;
	struct text t; /* the line being made */
	bool wrap;     /* lines longer than the width go on in the next */
	char *err;
	char message[256];
};

struct report *report_new(const struct report_options *o, char *err, size_t errsize)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->wrap = r->o.width != 0;
	if (!r->o.width)
		r->o.width = 100;
	if (r->o.width < WIDTH_LEAST)
		r->o.width = WIDTH_LEAST;
	r->out = !o->path || strcmp(o->path, "-") == 0 ? stdout : fopen(o->path, "w");
	if (!r->out) {
		snprintf(err, errsize, "cannot write %s: %s", o->path, strerror(errno));
		free(r);
		return NULL;
	}
	r->services = model_services(o->model);
	text_init_growing(&r->t);
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	text_release(&r->t);
	if (r->out && r->out != stdout)
		fclose(r->out);
	free(r);
}

const char *report_error(const struct report *r)
{
	return r->err;
}

static void line_end(struct report *r)
{
	fwrite(r->t.p, 1, r->t.len, r->out);
	fputc('\n', r->out);
	text_clear(&r->t);
}

/* Where a line has to be broken to fit: behind the last blank that leaves room, past its indent. */
static size_t break_at(const char *p, size_t n, size_t width)
{
	size_t at = 0, from = 0;

	if (text_columns(p, n) <= width)
		return n;
	while (from < n && p[from] == ' ')
		from++;
	for (size_t i = from; i < n && (!at || text_columns(p, i) <= width); i++)
		if (p[i] == ' ')
			at = i;
	return at ? at : n;
}

/* As line_end(), for text: on a narrow terminal it goes on in indented lines. */
static void text_end(struct report *r, size_t indent)
{
	const char *p = r->t.p;
	size_t left = r->t.len, width = r->o.width;

	while (r->wrap) {
		size_t n = break_at(p, left, width);

		if (n == left)
			break;
		fwrite(p, 1, n, r->out);
		fprintf(r->out, "\n%*s", (int)indent, "");
		p += n + 1;
		left -= n + 1;
		width = r->o.width - indent;
	}
	fwrite(p, 1, left, r->out);
	fputc('\n', r->out);
	text_clear(&r->t);
}

static void heading(struct report *r, const char *s)
{
	fputc('\n', r->out);
	fprintf(r->out, r->o.colour ? "\033[1m%s\033[0m\n" : "%s\n", s);
}

/* Pads the line to a column. */
static void to(struct report *r, size_t column)
{
	size_t now = text_columns(r->t.p, r->t.len);

	text_fill(&r->t, ' ', now < column ? column - now : 1);
}

/* Text right-aligned so that it ends at a column. */
static void right(struct report *r, const struct text *what, size_t column)
{
	size_t now = text_columns(r->t.p, r->t.len), n = text_columns(what->p, what->len);

	text_fill(&r->t, ' ', now + n < column ? column - now - n : 1);
	text_put(&r->t, what->p, what->len);
}

#define CELL(r, column, call)                                                                      \
	do {                                                                                       \
		char buffer_[64];                                                                  \
		struct text cell;                                                                  \
		text_init(&cell, buffer_, sizeof(buffer_));                                        \
		call;                                                                              \
		right(r, &cell, column);                                                           \
	} while (0)

static void count_of(struct report *r, uint64_t n, const char *what)
{
	if (!n)
		return;
	if (r->t.len > 2)
		text_str(&r->t, ", ");
	text_count(&r->t, n);
	text_char(&r->t, ' ');
	text_str(&r->t, what);
}

static void capture_part(struct report *r, const struct capture_stats *st)
{
	struct text *t = &r->t;
	uint64_t span = st->last - st->first;

	if (r->o.source) {
		text_escape(t, r->o.source, strlen(r->o.source), r->o.width / 2);
		text_str(t, ": ");
	}
	text_count(t, st->frames);
	text_str(t, st->frames == 1 ? " frame, " : " frames, ");
	text_bytes(t, st->bytes);
	if (st->frames) {
		text_str(t, " in ");
		text_duration(t, span);
		if (span) {
			text_str(t, " (");
			text_rate(t, st->frames, span);
			text_str(t, ", ");
			text_bit_rate(t, st->bytes, span);
			text_char(t, ')');
		}
		text_str(t, ", from ");
		text_time(t, st->first);
	}
	text_end(r, 4);
	text_str(t, "  ");
	count_of(r, st->kernel_dropped, "dropped by the kernel");
	count_of(r, st->interface_dropped, "dropped by the interface");
	count_of(r, st->cut_frames, "cut by the snap length");
	count_of(r, st->time_back, "with a time before their predecessor's");
	if (t->len > 2)
		text_end(r, 4);
	text_clear(t);
}

static void flow_part(struct report *r)
{
	const struct flow_totals *f = services_flows(r->services);
	struct text *t = &r->t;

	heading(r, "Flows");
	text_str(t, "  ");
	count_of(r, f->tcp, "TCP");
	count_of(r, f->udp, "UDP");
	count_of(r, f->icmp, "ICMP");
	count_of(r, f->others, "other");
	if (!f->flows)
		text_str(t, "none");
	text_end(r, 4);
	text_str(t, "  ");
	count_of(r, f->established, "with a handshake");
	count_of(r, f->midstream, "begun before the capture");
	count_of(r, f->failed, "never connected");
	count_of(r, f->reset, "reset");
	count_of(r, f->one_way, "seen one way only");
	if (t->len > 2)
		text_end(r, 4);
	text_clear(t);
	text_str(t, "  ");
	count_of(r, f->syn_retries, "SYN retries");
	count_of(r, f->retransmits, "retransmissions");
	count_of(r, f->rtos, "of them after a timeout");
	count_of(r, f->fast_retransmits, "fast");
	count_of(r, f->spurious, "spurious");
	count_of(r, f->out_of_order, "out of order");
	count_of(r, f->zero_windows, "zero windows");
	count_of(r, f->lost, "bytes lost by the capture");
	count_of(r, f->duplicates, "frames captured twice");
	count_of(r, f->icmp_errors, "ICMP errors");
	count_of(r, f->vrrp_events, "VRRP events");
	count_of(r, f->arp_events, "gratuitous ARPs");
	if (t->len > 2)
		text_end(r, 4);
	text_clear(t);
}

static void service_name(struct report *r, const struct service *x)
{
	const struct servent *e = NULL;
	const char *transport = x->transport == 17 ? "udp" : "tcp";

	text_str(&r->t, "  ");
	if (x->other) {
		text_str(&r->t, "other");
		return;
	}
	text_endpoint(&r->t, &x->ip, x->port);
	text_char(&r->t, ' ');
	if (!x->protocol && !r->o.numeric)
		e = getservbyport(htons(x->port), transport);
	if (x->protocol)
		text_escape(&r->t, x->protocol, strlen(x->protocol), 16);
	else if (e)
		text_printf(&r->t, "(%s)", e->s_name);
	else
		text_str(&r->t, transport);
}

/* Columns that the names of the services shown need. */
static size_t name_columns(struct report *r, const struct service **list, unsigned n)
{
	size_t most = r->o.width < 100 ? 10 : 34;

	for (unsigned i = 0; i < n && i < TOP; i++) {
		size_t len;

		service_name(r, list[i]);
		len = text_columns(r->t.p, r->t.len);
		most = len > most ? len : most;
		text_clear(&r->t);
	}
	return most;
}

/* Where the columns of the services end, behind the name: flows, answers, rate, errors, p50 ... */
#define SERVICE_COLUMNS 7
static const size_t wide[SERVICE_COLUMNS] = {8, 18, 28, 36, 46, 55, 64};
static const size_t tight[SERVICE_COLUMNS] = {7, 15, 25, 32, 40, 48, 56};

static void service_row(struct report *r, const struct service *x, size_t c, const size_t *at)
{
	service_name(r, x);
	CELL(r, c + at[0], text_count(&cell, x->flows));
	CELL(r, c + at[1], text_count(&cell, x->sum.transactions));
	if (x->sum.transactions) {
		uint64_t span = x->sum.last - x->sum.first;

		CELL(r, c + at[2], if (span) text_rate(&cell, x->sum.transactions, span);
			else text_char(&cell, '-'));
		CELL(r, c + at[3], text_count(&cell, x->sum.errors));
	} else {
		CELL(r, c + at[2], text_char(&cell, '-'));
		CELL(r, c + at[3], text_char(&cell, '-'));
	}
	for (int i = 0; i < 3; i++) {
		static const double parts[] = {0.5, 0.9, 0.99};

		CELL(r, c + at[4 + i],
			if (x->sum.duration.n)
				text_duration(&cell, hist_at(&x->sum.duration, parts[i]));
			else text_char(&cell, '-'));
	}
	line_end(r);
}

/* The same where the terminal has no room for the table. */
static void service_text(struct report *r, const struct service *x)
{
	static const char *const names[] = {", p50 ", ", p90 ", ", p99 "};
	static const double parts[] = {0.5, 0.9, 0.99};
	struct text *t = &r->t;

	service_name(r, x);
	line_end(r);
	text_str(t, "    ");
	text_count(t, x->flows);
	text_str(t, x->flows == 1 ? " flow, " : " flows, ");
	text_count(t, x->sum.transactions);
	text_str(t, x->sum.transactions == 1 ? " answer" : " answers");
	if (x->sum.last > x->sum.first && x->sum.transactions) {
		text_str(t, ", ");
		text_rate(t, x->sum.transactions, x->sum.last - x->sum.first);
	}
	if (x->sum.errors) {
		text_str(t, ", ");
		text_count(t, x->sum.errors);
		text_str(t, x->sum.errors == 1 ? " error" : " errors");
	}
	for (int i = 0; i < 3 && x->sum.duration.n; i++) {
		text_str(t, names[i]);
		text_duration(t, hist_at(&x->sum.duration, parts[i]));
	}
	text_end(r, 4);
}

static void service_head(struct report *r, size_t c, const size_t *at)
{
	static const char *const heads[SERVICE_COLUMNS] = {
		"flows", "answers", "rate", "errors", "p50", "p90", "p99"};

	text_str(&r->t, "  server");
	for (size_t i = 0; i < SERVICE_COLUMNS; i++)
		CELL(r, c + at[i], text_str(&cell, heads[i]));
	line_end(r);
}

static void service_part(struct report *r)
{
	const struct service **list;
	unsigned n = services_sorted(r->services, &list), more = 0;
	size_t c = name_columns(r, list, n);
	const size_t *at = r->o.width < 100 ? tight : wide;
	bool table = !r->wrap || c + at[SERVICE_COLUMNS - 1] <= r->o.width;

	if (!n)
		return;
	heading(r, "Services, the longest waited for first");
	if (table)
		service_head(r, c, at);
	for (unsigned i = 0; i < n; i++)
		if (i >= TOP)
			more++;
		else if (table)
			service_row(r, list[i], c, at);
		else
			service_text(r, list[i]);
	if (more) {
		text_str(&r->t, "  and ");
		text_count(&r->t, more);
		text_str(&r->t, " more");
		line_end(r);
	}
}

static void ledger_part(struct report *r)
{
	const struct service *x = services_total(r->services);
	bool narrow = r->wrap && r->o.width < 52;
	size_t bar = r->o.width > 56 ? r->o.width - 56 : 0;

	if (!x->sum.total)
		return;
	heading(r, "Where the time went");
	text_str(&r->t, "  ");
	text_duration(&r->t, x->sum.total);
	text_str(&r->t, " of waiting in ");
	text_count(&r->t, x->sum.transactions);
	text_str(&r->t, x->sum.transactions == 1 ? " transaction" : " transactions");
	if (x->sum.unanswered) {
		text_str(&r->t, ", ");
		text_count(&r->t, x->sum.unanswered);
		text_str(&r->t, " of them not answered in full");
	}
	text_end(r, 4);
	for (int i = 0; i < LEDGER_COUNT; i++) {
		size_t n;

		if (!x->sum.ledger[i])
			continue;
		text_str(&r->t, "  ");
		text_str(&r->t, ledger_names[i]);
		if (narrow) {
			text_char(&r->t, ' ');
			text_duration(&r->t, x->sum.ledger[i]);
			text_str(&r->t, ", ");
			text_percent(&r->t, x->sum.ledger[i], x->sum.total);
			text_end(r, 4);
			continue;
		}
		to(r, 34);
		CELL(r, 44, text_duration(&cell, x->sum.ledger[i]));
		CELL(r, 52, text_percent(&cell, x->sum.ledger[i], x->sum.total));
		n = (size_t)((double)x->sum.ledger[i] / (double)x->sum.total * (double)bar + 0.5);
		if (n) {
			text_str(&r->t, "  ");
			text_fill(&r->t, '#', n);
		}
		line_end(r);
	}
}

/* The three entries that took most of a service's waiting: "server 91.6 %, network 3.0 %". */
static void ledger_row(struct report *r, const struct service *x, size_t c)
{
	uint64_t done = 0; /* by bit: entries that were named */

	service_name(r, x);
	if (r->wrap && c + 50 > r->o.width) {
		line_end(r);
		text_str(&r->t, "    ");
		text_duration(&r->t, x->sum.total);
		text_str(&r->t, ": ");
	} else {
		CELL(r, c + 10, text_duration(&cell, x->sum.total));
		text_str(&r->t, "  ");
	}
	for (int place = 0; place < 3; place++) {
		int most = -1;

		for (int i = 0; i < LEDGER_COUNT; i++)
			if (x->sum.ledger[i] && !(done >> i & 1) &&
				(most < 0 || x->sum.ledger[i] > x->sum.ledger[most]))
				most = i;
		if (most < 0)
			break;
		done |= UINT64_C(1) << most;
		if (place)
			text_str(&r->t, ", ");
		text_printf(&r->t, "%s ", ledger_names[most]);
		text_percent(&r->t, x->sum.ledger[most], x->sum.total);
	}
	text_end(r, 4);
}

/* Only where there is more than one: else the whole says it. */
static void ledgers_part(struct report *r)
{
	const struct service **list;
	unsigned n = services_sorted(r->services, &list), waited = 0;
	size_t c = name_columns(r, list, n);

	for (unsigned i = 0; i < n; i++)
		waited += list[i]->sum.total > 0;
	if (waited < 2)
		return;
	heading(r, "Where the time went, by service");
	/* Sorted by it: those with any come first. */
	for (unsigned i = 0; i < waited && i < TOP; i++)
		ledger_row(r, list[i], c);
}

static void counter_part(struct report *r, const struct counters *c)
{
	if (!c->n)
		return;
	heading(r, "Counted");
	for (uint32_t i = 0; i < c->n; i++) {
		CELL(r, 14, text_count(&cell, c->c[i].n));
		text_str(&r->t, "  ");
		text_escape(&r->t, c->c[i].name, strlen(c->c[i].name), r->o.width - 18);
		line_end(r);
	}
}

bool report_finish(struct report *r, const struct capture_stats *st, const struct counters *c)
{
	capture_part(r, st);
	flow_part(r);
	service_part(r);
	ledger_part(r);
	ledgers_part(r);
	counter_part(r, c);
	errno = 0;
	if (fflush(r->out) == 0 && !ferror(r->out))
		return true;
	if (errno == EPIPE)
		return true;
	snprintf(r->message, sizeof(r->message), "cannot write the report: %s", strerror(errno));
	r->err = r->message;
	return false;
}
