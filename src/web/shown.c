/* shown.c - see shown.h. */
#include "web/shown.h"
#include "base/clock.h"
#include "base/mem.h"
#include "findings/findings.h"
#include "model/services.h"
#include "out/document.h"
#include "out/under_way.h"
#include <stdlib.h>
#include <string.h>

#define SHARE   20u /* a part of the time */
#define OUTPUTS 16u

struct shown {
	struct shown_options o;
	struct moments_seen moments;
	struct metrics *metrics;
	uint64_t started;     /* ns since the epoch */
	uint64_t begun, next; /* monotonic: when it began; when something may be made again */
	const struct capture_stats *capture; /* of the end; NULL: it goes on */
	const struct counters *counters;
	struct counters now;
	struct capture_stats so_far;
};

struct shown *shown_new(const struct shown_options *o)
{
	struct shown *v = xcalloc(1, sizeof(*v));

	v->o = *o;
	v->moments.literal = o->literal;
	v->metrics = metrics_new();
	v->begun = clock_monotonic();
	v->started = (uint64_t)time(NULL) * SECOND;
	return v;
}

static void shown_record(void *arg, const struct record *r)
{
	struct shown *v = arg;

	if (r->open == RECORD_OF_MOMENT)
		under_way_record(&v->moments, r);
	else if (!r->open)
		metrics_record(v->metrics, r);
	if (!r->open && v->o.history)
		history_record(v->o.history, r);
}

/* As far as it is known. */
static void look(struct shown *v)
{
	const struct tally *all = &services_total(model_services(v->o.model))->sum;
	struct capture_stats *st = &v->so_far;

	memset(&v->now, 0, sizeof(v->now));
	memset(st, 0, sizeof(*st));
	v->o.capture(v->o.arg, st);
	if (v->o.live)
		st->listened = clock_monotonic() - v->begun;
	/* Of requests that began before it was told what had been read. */
	if (all->transactions && (!st->first || all->first < st->first))
		st->first = all->first;
	if (all->transactions && all->last > st->last)
		st->last = all->last;
	model_counters(v->o.model, &v->now);
	counters_sort(&v->now);
}

static void make_document(struct shown *v, bool page, FILE *f)
{
	struct document_options o = {
		.source = v->o.source,
		.version = v->o.version,
		.model = v->o.model,
		.geo = v->o.geo,
		.html = page,
		.under_way = v->capture ? NULL : &v->moments.shown,
		.refresh = SHOWN_REFRESH,
		.history = v->o.history != NULL,
	};

	document_write(
		&o, v->capture ? v->capture : &v->so_far, v->counters ? v->counters : &v->now, f);
}

static void make_metrics(struct shown *v, bool openmetrics, FILE *f)
{
	struct metrics_output outputs[OUTPUTS];
	struct metrics_facts facts = {
		.version = v->o.version,
		.run = v->o.identity->run,
		.model = v->o.model,
		.capture = v->capture ? v->capture : &v->so_far,
		.under_way = v->capture ? NULL : &v->moments.shown,
		.outputs = outputs,
		.noutputs = v->o.outputs(v->o.arg, outputs, OUTPUTS),
		.started = v->started,
		.resident = v->o.resident(v->o.arg),
	};

	metrics_write(v->metrics, &facts, openmetrics, f);
}

static void make(struct shown *v, enum web_thing which)
{
	char *data = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&data, &n);

	if (!f)
		out_of_memory();
	if (which == WEB_PAGE || which == WEB_REPORT)
		make_document(v, which == WEB_PAGE, f);
	else
		make_metrics(v, which == WEB_OPENMETRICS, f);
	if (fclose(f) != 0)
		out_of_memory();
	web_give(v->o.web, which, data, n);
}

/* Of the processor, for this thread alone: that the machine is busy with others does not count. */
static uint64_t own_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void keep_history(struct shown *v)
{
	if (!history_due(v->o.history) || v->capture)
		return;
	look(v);
	history_minute(v->o.history, findings_of(v->o.model), &v->so_far);
}

static bool shown_poll(void *arg)
{
	struct shown *v = arg;
	unsigned asked = web_asked(v->o.web);
	uint64_t now = asked ? clock_monotonic() : 0, took;

	if (v->o.history)
		keep_history(v);
	for (unsigned i = WEB_HISTORY; i < WEB_THINGS; i++)
		if (asked >> i & 1)
			history_ask(v->o.history, (enum web_thing)i);
	asked &= (1u << WEB_HISTORY) - 1;
	if (!asked || now < v->next)
		return true;
	took = own_time();
	if (!v->capture)
		look(v);
	for (unsigned i = 0; i < WEB_HISTORY; i++)
		if (asked >> i & 1)
			make(v, (enum web_thing)i);
	took = own_time() - took;
	v->next = now + (took * SHARE > SECOND ? took * SHARE : SECOND / 2);
	return true;
}

struct sink shown_sink(struct shown *v)
{
	return (struct sink){.arg = v, .record = shown_record, .poll = shown_poll, .moments = true};
}

void shown_end(struct shown *v, const struct capture_stats *st, const struct counters *c)
{
	v->capture = st;
	v->counters = c;
	if (v->o.history)
		history_minute(v->o.history, findings_of(v->o.model), st);
	v->next = 0;
}

void shown_free(struct shown *v)
{
	if (v)
		metrics_free(v->metrics);
	free(v);
}
