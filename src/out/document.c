/* document.c - see document.h: the capture, its services and operations. */
#include "out/document_impl.h"
#include "api/layer.h"
#include "base/mem.h"
#include "model/digests.h"
#include "model/probes.h"
#include "model/services.h"
#include "out/under_way.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct document *document_new(const struct document_options *o, char *err, size_t errsize)
{
	struct document *d = xcalloc(1, sizeof(*d));

	d->o = *o;
	d->to = stream_open(o->path, o->append, STREAM_MARKS);
	if (d->to) {
		d->out = stream_file(d->to);
		return d;
	}
	snprintf(err, errsize, "cannot write %s: %s", o->path, strerror(errno));
	free(d);
	return NULL;
}

void document_free(struct document *d)
{
	if (!d)
		return;
	stream_close(d->to);
	free(d);
}

const char *document_error(const struct document *d)
{
	return d->error;
}

static void files_part(struct json_object *capture, const struct capture_stats *st)
{
	struct json_object *list;

	if (!st->nfiles)
		return;
	list = jsontree_array(capture, "files");
	for (uint32_t i = 0; i < st->nfiles; i++) {
		const struct capture_file *f = &st->files[i];
		struct json_object *o = jsontree_object(NULL, NULL);

		jsontree_put(o, "name", jsontree_text(f->name));
		jsontree_put(o, "frames", jsontree_u64(f->frames));
		if (f->frames) {
			jsontree_put(o, "first", jsontree_time(f->first));
			jsontree_put(o, "last", jsontree_time(f->last));
		}
		if (f->fault)
			jsontree_put(o, "fault", jsontree_text(f->fault));
		jsontree_append(list, o);
	}
}

static void comments_part(struct json_object *capture, const struct capture_stats *st)
{
	struct json_object *list;

	if (!st->comments)
		return;
	jsontree_put(capture, "comments", jsontree_u64(st->comments));
	list = jsontree_array(capture, "comment");
	for (uint64_t i = 0; i < st->comments && i < COMMENTS_SHOWN; i++) {
		struct json_object *o = jsontree_object(NULL, NULL);

		if (st->comment[i].time)
			jsontree_put(o, "time", jsontree_time(st->comment[i].time));
		jsontree_put(o, "text", jsontree_text(st->comment[i].text));
		jsontree_append(list, o);
	}
}

/* What happened while listening: seconds in which the kernel dropped frames, and interfaces. */
static void listening_part(struct json_object *capture, const struct capture_stats *st)
{
	struct json_object *list = st->drops.n ? jsontree_array(capture, "drops") : NULL;

	for (uint32_t i = 0; i < st->drops.n; i++) {
		struct json_object *o = jsontree_object(NULL, NULL);

		jsontree_put(o, "from", jsontree_time(st->drops.list[i].start));
		jsontree_put(o, "to", jsontree_time(st->drops.list[i].end));
		jsontree_put(o, "frames", jsontree_u64(st->drops.list[i].frames));
		jsontree_append(list, o);
	}
	if (!st->changes)
		return;
	jsontree_put(capture, "interface_changes", jsontree_u64(st->changes));
	list = jsontree_array(capture, "interface_change");
	for (uint64_t i = 0; i < st->changes && i < CHANGES_SHOWN; i++) {
		const struct capture_change *c = &st->change[i];
		struct json_object *o = jsontree_object(NULL, NULL);

		jsontree_put(o, "time", jsontree_time(c->time));
		jsontree_put(o, "interface", jsontree_text(c->name));
		if (c->now[0])
			jsontree_put(o, "name", jsontree_text(c->now));
		jsontree_put(o, "state", jsontree_text(iface_state_names[c->state]));
		jsontree_append(list, o);
	}
}

static void capture_part(
	const struct document *d, struct json_object *all, const struct capture_stats *st)
{
	struct json_object *o = jsontree_object(all, "capture");

	jsontree_put(o, "source", jsontree_text(d->o.source));
	jsontree_put(o, "frames", jsontree_u64(st->frames));
	jsontree_put(o, "bytes", jsontree_u64(st->bytes));
	jsontree_put(o, "captured_bytes", jsontree_u64(st->captured_bytes));
	if (st->frames) {
		jsontree_put(o, "first", jsontree_time(st->first));
		jsontree_put(o, "last", jsontree_time(st->last));
		jsontree_put(o, "duration", jsontree_u64(st->last - st->first));
		jsontree_put(o, "listened", jsontree_u64(capture_time(st)));
	}
	jsontree_put(o, "cut_frames", jsontree_u64(st->cut_frames));
	jsontree_put(o, "reordered", jsontree_u64(st->reordered));
	jsontree_put(o, "time_back", jsontree_u64(st->time_back));
	jsontree_put(o, "kernel_dropped", jsontree_u64(st->kernel_dropped));
	jsontree_put(o, "interface_dropped", jsontree_u64(st->interface_dropped));
	listening_part(o, st);
	files_part(o, st);
	comments_part(o, st);
}

static void flows_part(struct json_object *all, const struct flow_totals *f)
{
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{"flows", f->flows},
		{"bytes", f->bytes},
		{"packets", f->packets},
		{"tcp", f->tcp},
		{"udp", f->udp},
		{"icmp", f->icmp},
		{"others", f->others},
		{"established", f->established},
		{"failed", f->failed},
		{"reset", f->reset},
		{"midstream", f->midstream},
		{"one_way", f->one_way},
		{"syn_retries", f->syn_retries},
		{"connect_retry", f->connect_retry},
		{"retransmits", f->retransmits},
		{"rtos", f->rtos},
		{"fast_retransmits", f->fast_retransmits},
		{"spurious_retransmits", f->spurious},
		{"out_of_order", f->out_of_order},
		{"duplicate_acks", f->duplicate_acks},
		{"zero_windows", f->zero_windows},
		{"zero_window_time", f->zero_window_time},
		{"lost_in_capture", f->lost},
		{"duplicates", f->duplicates},
		{"outside_window", f->outside},
		{"bad_checksums", f->bad_sums},
		{"icmp_errors", f->icmp_errors},
	};
	struct json_object *o = jsontree_object(all, "flows");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		jsontree_put(o, rows[i].name, jsontree_u64(rows[i].n));
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);

		if (registry_event(d))
			jsontree_put(
				o, registry_event(d)->total, jsontree_u64(services_events(f, d)));
	}
}

static void durations(struct json_object *o, const char *name, const struct hist *h)
{
	struct json_object *x;

	if (!h->n)
		return;
	x = jsontree_object(o, name);
	jsontree_put(x, "n", jsontree_u64(h->n));
	jsontree_put(x, "sum", jsontree_u64(h->sum));
	jsontree_put(x, "min", jsontree_u64(h->min));
	jsontree_put(x, "p50", jsontree_u64(hist_at(h, 0.5)));
	jsontree_put(x, "p90", jsontree_u64(hist_at(h, 0.9)));
	jsontree_put(x, "p99", jsontree_u64(hist_at(h, 0.99)));
	jsontree_put(x, "max", jsontree_u64(h->max));
}

void document_ledger(struct json_object *o, const char *name, const uint64_t *ledger)
{
	struct json_object *x = jsontree_object(o, name);

	for (int i = 0; i < LEDGER_COUNT; i++)
		if (ledger[i])
			jsontree_put(x, ledger_names[i], jsontree_u64(ledger[i]));
}

static void tally(struct json_object *o, const struct tally *t)
{
	jsontree_put(o, "transactions", jsontree_u64(t->transactions));
	jsontree_put(o, "errors", jsontree_u64(t->errors));
	jsontree_put(o, "unanswered", jsontree_u64(t->unanswered));
	if (t->unknown)
		jsontree_put(o, "unknown", jsontree_u64(t->unknown));
	if (t->pending)
		jsontree_put(o, "pending", jsontree_u64(t->pending));
	if (t->transactions) {
		jsontree_put(o, "first", jsontree_time(t->first));
		jsontree_put(o, "last", jsontree_time(t->last));
	}
	durations(o, "duration", &t->duration);
	durations(o, "wait", &t->wait);
	jsontree_put(o, "total", jsontree_u64(t->total));
	document_ledger(o, "ledger", t->ledger);
}

static void service_name(struct json_object *o, const struct service *x)
{
	if (!x || x->other) {
		jsontree_put(o, "other", jsontree_bool(true));
		return;
	}
	jsontree_put(o, "server", jsontree_endpoint(&x->ip, x->port));
	jsontree_put(o, "ip", jsontree_addr(&x->ip));
	jsontree_put(o, "port", jsontree_u64(x->port));
	jsontree_put(o, "transport", jsontree_text(x->transport == IP_PROTO_UDP ? "udp" : "tcp"));
	if (x->protocol)
		jsontree_put(o, "protocol", jsontree_text(x->protocol));
}

static void rate(struct json_object *o, const struct tally *t, const struct capture_stats *st)
{
	uint64_t r = tally_rate(t, capture_time(st));

	if (r != FIELD_ABSENT)
		jsontree_put(o, "answers_per_second", jsontree_real((double)r / 1000));
}

static void total_part(
	struct json_object *all, const struct model *m, const struct capture_stats *st)
{
	struct json_object *o = jsontree_object(all, "total");
	const struct tally *t = &services_total(model_services(m))->sum;

	tally(o, t);
	rate(o, t, st);
}

static void services_part(
	struct json_object *all, const struct model *m, const struct capture_stats *st)
{
	const struct service **list;
	unsigned n = services_sorted(model_services(m), &list);
	struct json_object *array = jsontree_array(all, "services");

	for (unsigned i = 0; i < n; i++) {
		struct json_object *o = jsontree_object(NULL, NULL);
		const struct service *x = list[i];

		jsontree_append(array, o);
		service_name(o, x);
		jsontree_put(o, "flows", jsontree_u64(x->flows));
		jsontree_put(o, "bytes", jsontree_u64(x->bytes));
		jsontree_put(o, "failed_connects", jsontree_u64(x->failed_connects));
		jsontree_put(o, "syn_retries", jsontree_u64(x->syn_retries));
		tally(o, &x->sum);
		rate(o, &x->sum, st);
	}
}

static void operations_part(struct json_object *all, const struct model *m)
{
	const struct digest **list;
	unsigned n = digests_sorted(model_digests(m), &list);
	struct json_object *array = jsontree_array(all, "operations");

	for (unsigned i = 0; i < n; i++) {
		struct json_object *o = jsontree_object(NULL, NULL), *slowest;
		const struct digest *x = list[i];

		jsontree_append(array, o);
		service_name(o, x->other ? NULL : x->service);
		if (!x->other)
			jsontree_put(o, "operation", jsontree_bytes(x->text, x->len));
		tally(o, &x->sum);
		if (x->floor)
			jsontree_put(o, "floor", jsontree_u64(x->floor));
		slowest = jsontree_array(o, "slowest");
		for (unsigned k = 0; k < x->nslowest; k++) {
			struct json_object *e = jsontree_object(NULL, NULL);

			jsontree_append(slowest, e);
			jsontree_put(e, "duration", jsontree_u64(x->slowest[k].duration));
			jsontree_put(e, "frame", jsontree_u64(x->slowest[k].frame));
		}
	}
	jsontree_put(all, "operations_given_up", jsontree_u64(digests_given_up(model_digests(m))));
}

/* Whom no other number holds. */
static void checks_part(struct json_object *all, const struct model *m)
{
	const struct probe **list;
	unsigned n = probes_list(model_probes(m), &list);
	struct json_object *array = jsontree_array(all, "health_checks");

	for (unsigned i = 0; i < n; i++) {
		struct json_object *o = jsontree_object(NULL, NULL);
		const struct probe *p = list[i];

		jsontree_append(array, o);
		jsontree_put(o, "client", jsontree_addr(&p->client));
		service_name(o, p->service);
		jsontree_put(o, "operation", jsontree_bytes(p->operation, p->len));
		jsontree_put(o, "connections", jsontree_u64(p->connections));
		jsontree_put(o, "bytes", jsontree_u64(p->bytes));
		if (p->period)
			jsontree_put(o, "period", jsontree_u64(p->period));
		tally(o, &p->sum);
	}
}

static void counters_part(struct json_object *all, const struct counters *c)
{
	struct json_object *array = jsontree_array(all, "counters");

	for (uint32_t i = 0; i < c->n; i++) {
		struct json_object *o = jsontree_object(NULL, NULL);

		jsontree_append(array, o);
		jsontree_put(o, "name", jsontree_text(c->c[i].name));
		jsontree_put(o, "n", jsontree_u64(c->c[i].n));
	}
}

struct json_object *document_tree(const struct document *d, const struct capture_stats *st,
	const struct counters *c, struct text *verdict)
{
	const struct model *m = d->o.model;
	struct json_object *all = jsontree_object(NULL, NULL), *program;

	program = jsontree_object(all, "tsumari");
	jsontree_put(program, "version", jsontree_text(d->o.version));
	jsontree_put(program, "format", jsontree_u64(DOCUMENT_FORMAT));
	if (d->o.refresh)
		jsontree_put(all, "live", jsontree_bool(d->o.under_way != NULL));
	capture_part(d, all, st);
	document_findings(all, m, st, verdict);
	under_way_put(all, d->o.under_way);
	flows_part(all, services_flows(model_services(m)));
	total_part(all, m, st);
	services_part(all, m, st);
	operations_part(all, m);
	checks_part(all, m);
	document_series(all, m);
	document_hosts(all, d);
	document_tiers(all, m);
	document_slowest(all, m);
	counters_part(all, c);
	return all;
}

static void put(const struct document *d, const struct capture_stats *st, const struct counters *c)
{
	struct json_object *all;
	struct text verdict;

	text_init_growing(&verdict);
	all = document_tree(d, st, c, &verdict);
	if (d->o.html) {
		document_page(d, verdict.p, all);
	} else {
		jsontree_write(all, d->out);
		fputc('\n', d->out);
	}
	text_release(&verdict);
	json_object_put(all);
}

void document_write(const struct document_options *o, const struct capture_stats *st,
	const struct counters *c, FILE *out)
{
	struct document d = {.o = *o, .out = out};

	put(&d, st, c);
}

bool document_finish(struct document *d, const struct capture_stats *st, const struct counters *c)
{
	int error;

	put(d, st, c);
	stream_mark(d->to, NULL);
	error = stream_close(d->to);
	d->to = NULL;
	if (!error || error == EPIPE)
		return true;
	snprintf(d->error, sizeof(d->error), "cannot write the report: %s", strerror(error));
	return false;
}
