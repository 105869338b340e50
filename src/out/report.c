/* report.c - see report.h. */
#include "out/report_impl.h"
#include "base/mem.h"
#include "base/share.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_LEAST 20u
#define FILES_SHOWN 20u

struct report *report_new(const struct report_options *o, char *err, size_t errsize)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->wrap = r->o.width != 0;
	if (!r->o.width)
		r->o.width = 100;
	if (r->o.width < WIDTH_LEAST)
		r->o.width = WIDTH_LEAST;
	r->to = stream_open(o->path, o->append, STREAM_LINES);
	if (!r->to) {
		snprintf(err, errsize, "cannot write %s: %s", o->path, strerror(errno));
		free(r);
		return NULL;
	}
	r->out = stream_file(r->to);
	r->services = model_services(o->model);
	text_init_growing(&r->t);
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	text_release(&r->t);
	stream_close(r->to);
	free(r);
}

const char *report_error(const struct report *r)
{
	return r->err;
}

/* Several files that were read as one. */
static void files_part(struct report *r, const struct capture_stats *st)
{
	struct text *t = &r->t;

	if (!st->nfiles)
		return;
	text_str(t, "  ");
	text_count(t, st->nfiles);
	text_str(t, " files in the order of time, by which frames are numbered:");
	report_text(r, 4);
	for (uint32_t i = 0; i < st->nfiles && i < FILES_SHOWN; i++) {
		const struct capture_file *f = &st->files[i];

		text_str(t, "    ");
		text_escape(t, f->name, strlen(f->name), SIZE_MAX);
		text_str(t, ": ");
		text_count(t, f->frames);
		text_str(t, f->frames == 1 ? " frame" : " frames");
		if (f->frames) {
			text_str(t, " in ");
			text_duration(t, f->last - f->first);
			text_str(t, ", from ");
			text_time(t, f->first);
		}
		text_str(t, f->fault ? "; not read to its end" : "");
		report_text(r, 6);
	}
	if (st->nfiles > FILES_SHOWN) {
		text_str(t, "    and ");
		text_count(t, st->nfiles - FILES_SHOWN);
		text_str(t, " more");
		report_text(r, 6);
	}
}

/* What somebody wrote into the file. */
static void comments_part(struct report *r, const struct capture_stats *st)
{
	struct text *t = &r->t;
	uint64_t shown = st->comments < COMMENTS_SHOWN ? st->comments : COMMENTS_SHOWN;

	for (uint64_t i = 0; i < shown; i++) {
		const struct capture_comment *c = &st->comment[i];

		text_str(t, "  comment");
		if (c->time) {
			text_str(t, " on a frame of ");
			text_time(t, c->time);
		}
		text_str(t, ": ");
		text_escape(t, c->text, strlen(c->text), SIZE_MAX);
		report_text(r, 4);
	}
	if (st->comments > shown) {
		text_str(t, "  and ");
		text_count(t, st->comments - shown);
		text_str(t, " more comments");
		report_text(r, 4);
	}
}

#define SECONDS_SHOWN 6u
#define CHANGES_HERE  20u

/* Seconds in which the kernel dropped frames, the first of them. */
static void drops_part(struct report *r, const struct drops *d)
{
	struct text *t = &r->t;

	if (!d->n)
		return;
	text_str(t, "  dropped: ");
	for (uint32_t i = 0; i < d->n && i < SECONDS_SHOWN; i++) {
		text_str(t, i ? ", " : "");
		text_count(t, d->list[i].frames);
		text_str(t, i ? " " : " in the second from ");
		text_time(t, d->list[i].start);
		if (d->list[i].end - d->list[i].start > UINT64_C(1000000000)) {
			text_str(t, " to ");
			text_time(t, d->list[i].end);
		}
	}
	if (d->n > SECONDS_SHOWN) {
		text_str(t, ", and in ");
		text_count(t, d->n - SECONDS_SHOWN);
		text_str(t, " more until ");
		text_time(t, d->list[d->n - 1].end);
	}
	report_text(r, 4);
}

static void changes_part(struct report *r, const struct capture_stats *st)
{
	struct text *t = &r->t;
	uint64_t shown = st->changes < CHANGES_HERE ? st->changes : CHANGES_HERE;

	for (uint64_t i = 0; i < shown; i++) {
		text_str(t, "  ");
		text_time(t, st->change[i].time);
		text_str(t, ": ");
		capture_change_text(&st->change[i], t);
		report_text(r, 4);
	}
	if (st->changes > shown) {
		text_str(t, "  and ");
		text_count(t, st->changes - shown);
		text_str(t, " more changes of interfaces");
		report_text(r, 4);
	}
}

static void capture_part(struct report *r, const struct capture_stats *st)
{
	struct text *t = &r->t;
	uint64_t span = capture_time(st);

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
	report_text(r, 4);
	text_str(t, "  ");
	report_count(r, st->kernel_dropped, "dropped by the kernel");
	report_count(r, st->interface_dropped, "dropped by the interface");
	report_count(r, st->cut_frames, "cut by the snap length");
	report_count(r, st->reordered, "put in order of time");
	report_count(r, st->time_back, "with a time before their predecessor's");
	if (t->len > 2)
		report_text(r, 4);
	text_clear(t);
	drops_part(r, &st->drops);
	changes_part(r, st);
	files_part(r, st);
	comments_part(r, st);
}

static void flow_part(struct report *r)
{
	const struct flow_totals *f = services_flows(r->services);
	struct text *t = &r->t;

	report_heading(r, "Flows");
	text_str(t, "  ");
	report_count(r, f->tcp, "TCP");
	report_count(r, f->udp, "UDP");
	report_count(r, f->icmp, "ICMP");
	report_count(r, f->others, "other");
	if (!f->flows)
		text_str(t, "none");
	report_text(r, 4);
	text_str(t, "  ");
	report_count(r, f->established, "with a handshake");
	report_count(r, f->midstream, "begun before the capture");
	report_count(r, f->failed, "never connected");
	report_count(r, f->reset, "reset");
	report_count(r, f->one_way, "seen one way only");
	if (t->len > 2)
		report_text(r, 4);
	text_clear(t);
	text_str(t, "  ");
	report_count(r, f->syn_retries, "SYN retries");
	report_count(r, f->retransmits, "retransmissions");
	report_count(r, f->rtos, "of them after a timeout");
	report_count(r, f->fast_retransmits, "fast");
	report_count(r, f->spurious, "spurious");
	report_count(r, f->out_of_order, "out of order");
	report_count(r, f->zero_windows, "zero windows");
	report_count(r, f->lost, "bytes lost by the capture");
	report_count(r, f->duplicates, "frames captured twice");
	report_count(r, f->outside, "segments outside the window");
	report_count(r, f->bad_sums, "segments and datagrams with a wrong checksum");
	report_count(r, f->icmp_errors, "ICMP errors");
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct tsm_event_kind *kind = registry_event(registry_get(i));

		if (kind)
			report_count(r, services_events(f, registry_get(i)), kind->counted);
	}
	if (t->len > 2)
		report_text(r, 4);
	text_clear(t);
}

/* Where the columns of the services end, behind the name: flows, answers, rate, errors, p50 ... */
#define SERVICE_COLUMNS 7
static const size_t wide[SERVICE_COLUMNS] = {8, 18, 28, 36, 46, 55, 64};
static const size_t tight[SERVICE_COLUMNS] = {7, 15, 25, 32, 40, 48, 56};

static void service_row(struct report *r, const struct service *x, size_t c, const size_t *at)
{
	report_service(r, x);
	CELL(r, c + at[0], text_count(&cell, x->flows));
	CELL(r, c + at[1], text_count(&cell, tally_answers(&x->sum)));
	if (x->sum.transactions) {
		CELL(r, c + at[2], tally_put_rate(&cell, &x->sum, r->listened));
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
	report_line(r);
}

/* The same where the terminal has no room for the table. */
static void service_text(struct report *r, const struct service *x)
{
	static const char *const names[] = {", p50 ", ", p90 ", ", p99 "};
	static const double parts[] = {0.5, 0.9, 0.99};
	struct text *t = &r->t;

	report_service(r, x);
	report_line(r);
	text_str(t, "    ");
	text_count(t, x->flows);
	text_str(t, x->flows == 1 ? " flow, " : " flows, ");
	text_counts(t, tally_answers(&x->sum), 0, "answers");
	if (tally_rate(&x->sum, r->listened) != FIELD_ABSENT) {
		text_str(t, ", ");
		tally_put_rate(t, &x->sum, r->listened);
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
	report_text(r, 4);
}

static void service_head(struct report *r, size_t c, const size_t *at)
{
	static const char *const heads[SERVICE_COLUMNS] = {
		"flows", "answers", "rate", "errors", "p50", "p90", "p99"};

	text_str(&r->t, "  server");
	for (size_t i = 0; i < SERVICE_COLUMNS; i++)
		CELL(r, c + at[i], text_str(&cell, heads[i]));
	report_line(r);
}

static void service_part(struct report *r, const struct service **list, unsigned n)
{
	unsigned more = 0;
	size_t c = report_service_columns(r, list, n);
	const size_t *at = r->o.width < 100 ? tight : wide;
	bool table = !r->wrap || c + at[SERVICE_COLUMNS - 1] <= r->o.width;

	if (!n)
		return;
	report_heading(r, "Services by total wait time");
	if (table)
		service_head(r, c, at);
	for (unsigned i = 0; i < n; i++)
		if (i >= REPORT_TOP)
			more++;
		else if (table)
			service_row(r, list[i], c, at);
		else
			service_text(r, list[i]);
	report_more(r, more);
}

static void ledger_part(struct report *r)
{
	const struct service *x = services_total(r->services);
	uint64_t connects = services_flows(r->services)->connect_retry;
	bool narrow = r->wrap && r->o.width < 52;
	unsigned bar = r->o.width > 56 ? r->o.width - 56 : 0;

	if (!x->sum.total && !connects)
		return;
	report_heading(r, "Where the time went");
	if (connects) {
		text_str(&r->t, "  ");
		text_duration(&r->t, connects);
		text_str(&r->t, " of waiting for connections, without a transaction");
		report_text(r, 4);
	}
	if (!x->sum.total)
		return;
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
	if (x->sum.unknown > x->sum.pending) {
		uint64_t n = x->sum.unknown - x->sum.pending;

		text_str(&r->t, ", ");
		text_count(&r->t, n);
		text_str(&r->t, n == 1 ? " whose answer" : " whose answers");
		text_str(&r->t, " the capture lost");
	}
	if (x->sum.pending) {
		text_str(&r->t, ", ");
		text_count(&r->t, x->sum.pending);
		text_str(&r->t, " still open when the capture ended");
	}
	report_text(r, 4);
	for (int i = 0; i < LEDGER_COUNT; i++) {
		unsigned n;

		if (!x->sum.ledger[i])
			continue;
		text_str(&r->t, "  ");
		text_str(&r->t, ledger_names[i]);
		if (narrow) {
			text_char(&r->t, ' ');
			text_duration(&r->t, x->sum.ledger[i]);
			text_str(&r->t, ", ");
			text_percent(&r->t, x->sum.ledger[i], x->sum.total);
			report_text(r, 4);
			continue;
		}
		report_to(r, 34);
		CELL(r, 44, text_duration(&cell, x->sum.ledger[i]));
		CELL(r, 52, text_percent(&cell, x->sum.ledger[i], x->sum.total));
		n = share_of(x->sum.ledger[i], x->sum.total, bar);
		if (n) {
			text_str(&r->t, "  ");
			text_fill(&r->t, '#', n);
		}
		report_line(r);
	}
}

/* The three entries that took most of a service's waiting: "server 91.6 %, network 3.0 %". */
static void ledger_row(struct report *r, const struct service *x, size_t c)
{
	uint64_t done = 0; /* by bit: entries that were named */

	report_service(r, x);
	if (r->wrap && c + 50 > r->o.width) {
		report_line(r);
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
	report_text(r, 4);
}

/* Only where there is more than one: else the whole says it. */
static void ledgers_part(struct report *r, const struct service **list, unsigned n)
{
	unsigned waited = 0;
	size_t c;

	for (unsigned i = 0; i < n; i++)
		waited += list[i]->sum.total > 0;
	if (waited < 2)
		return;
	report_heading(r, "Where the time went, by service");
	c = report_service_columns(r, list, n);
	/* Sorted by it: those with any come first. */
	for (unsigned i = 0; i < waited && i < REPORT_TOP; i++)
		ledger_row(r, list[i], c);
}

static void counter_part(struct report *r, const struct counters *c)
{
	if (!c->n)
		return;
	report_heading(r, "Counted");
	for (uint32_t i = 0; i < c->n; i++) {
		CELL(r, 14, text_count(&cell, c->c[i].n));
		text_str(&r->t, "  ");
		text_escape(&r->t, c->c[i].name, strlen(c->c[i].name), r->o.width - 18);
		report_line(r);
	}
}

bool report_finish(struct report *r, const struct capture_stats *st, const struct counters *c)
{
	const struct service **list;
	unsigned n = services_sorted(r->services, &list);
	int error;

	report_findings(r, st);
	r->listened = capture_time(st);
	capture_part(r, st);
	flow_part(r);
	service_part(r, list, n);
	ledger_part(r);
	ledgers_part(r, list, n);
	report_digests(r);
	report_tiers(r);
	report_hosts(r);
	report_probes(r);
	counter_part(r, c);
	error = stream_close(r->to);
	r->to = NULL;
	if (!error || error == EPIPE)
		return true;
	snprintf(r->message, sizeof(r->message), "cannot write the report: %s", strerror(error));
	r->err = r->message;
	return false;
}
