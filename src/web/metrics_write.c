/* metrics_write.c - the counts as text (metrics.h). */
#include "web/metrics_impl.h"
#include "base/mem.h"
#include "base/rusage.h"
#include "base/text.h"
#include "findings/findings.h"
#include "model/model.h"
#include "model/services.h"
#include "out/under_way.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECOND    UINT64_C(1000000000)
#define LABELS    256u
#define EXEMPLARS 128u /* characters of an exemplar's labels, at most (OpenMetrics 1.0) */

struct page {
	FILE *out;
	bool open; /* OpenMetrics */
	const char *run;
};

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* A counter's family has no _total in OpenMetrics. */
static void family(
	const struct page *p, const char *name, enum kind kind, const char *unit, const char *help)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	const char *total = kind == COUNTER && !p->open ? "_total" : "";

	fprintf(p->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total,
		kinds[kind]);
	if (p->open && *unit)
		fprintf(p->out, "# UNIT %s %s\n", name, unit);
}

static void put_seconds(FILE *out, uint64_t ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu64, ns / SECOND, ns % SECOND);
}

static void put_labels(FILE *out, const char *labels)
{
	if (*labels)
		fprintf(out, "{%s}", labels);
}

static void whole(const struct page *p, const char *name, const char *labels, uint64_t value)
{
	fputs(name, p->out);
	put_labels(p->out, labels);
	fprintf(p->out, " %" PRIu64 "\n", value);
}

static void seconds(const struct page *p, const char *name, const char *labels, uint64_t ns)
{
	fputs(name, p->out);
	put_labels(p->out, labels);
	fputc(' ', p->out);
	put_seconds(p->out, ns);
	fputc('\n', p->out);
}

/* A family of one value. */
static void counter(
	const struct page *p, const char *name, const char *unit, const char *help, uint64_t value)
{
	family(p, name, COUNTER, unit, help);
	fprintf(p->out, "%s_total %" PRIu64 "\n", name, value);
}

static void gauge(
	const struct page *p, const char *name, const char *unit, const char *help, uint64_t value)
{
	family(p, name, GAUGE, unit, help);
	whole(p, name, "", value);
}

/* What is ours has nothing to be escaped; a name of a plugin's protocol might. */
static void label(struct text *t, const char *name, const char *value)
{
	text_printf(t, "%s%s=\"", t->len ? "," : "", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			text_char(t, '\\');
		text_char(t, *value >= ' ' && *value <= '~' ? *value : '?');
	}
	text_char(t, '"');
}

static void service_labels(struct text *t, const struct metrics_service *s)
{
	char address[64];
	struct text a;

	text_init(&a, address, sizeof(address));
	if (s->other)
		text_str(&a, METRICS_OTHER);
	else if (!addr_is_zero(&s->server))
		text_addr(&a, &s->server);
	label(t, "service", a.p);
	label(t, "protocol", s->protocol ? s->protocol : "");
}

static void series_labels(struct text *t, const struct metrics_key *key)
{
	service_labels(t, &key->service);
	label(t, "operation", key->operation);
	label(t, "status", metrics_status[key->status]);
}

static void exemplar(const struct page *p, uint64_t flow, uint64_t duration, uint64_t end, bool any)
{
	if (p->open && any && flow && strlen(p->run) + 40 < EXEMPLARS) {
		fprintf(p->out, " # {flow_id=\"%s-%" PRIu64 "\"} ", p->run, flow);
		put_seconds(p->out, duration);
		fputc(' ', p->out);
		put_seconds(p->out, end);
	}
	fputc('\n', p->out);
}

static void histogram(const struct page *p, const struct metrics_series *s, const char *labels)
{
	static const char name[] = "tsumari_transaction_duration_seconds";
	uint64_t n = 0;

	for (unsigned i = 0; i <= METRICS_BOUNDS; i++) {
		n += s->bucket[i].n;
		fprintf(p->out, "%s_bucket{%s,le=\"", name, labels);
		if (i < METRICS_BOUNDS)
			fprintf(p->out, "%.10g", (double)metrics_bounds[i] / 1e9);
		else
			fputs("+Inf", p->out);
		/* OpenMetrics has a point in each number of these. */
		if (i < METRICS_BOUNDS && p->open && metrics_bounds[i] % SECOND == 0)
			fputs(".0", p->out);
		fprintf(p->out, "\"} %" PRIu64, n);
		exemplar(p, s->bucket[i].flow, s->bucket[i].duration, s->bucket[i].end,
			s->bucket[i].n != 0);
	}
	fprintf(p->out, "%s_sum{%s} ", name, labels);
	put_seconds(p->out, s->sum);
	fprintf(p->out, "\n%s_count{%s} %" PRIu64 "\n", name, labels, s->n);
}

static void transactions(const struct page *p, const struct metrics *m)
{
	char labels[LABELS];
	struct text t;

	family(p, "tsumari_transactions", COUNTER, "", "Requests, with what became of them.");
	for (uint32_t i = 0; i < keyed_count(m->series); i++) {
		const struct metrics_series *s = keyed_value(m->series, i);

		text_init(&t, labels, sizeof(labels));
		series_labels(&t, keyed_key(m->series, i));
		whole(p, "tsumari_transactions_total", labels, s->transactions);
	}
	family(p, "tsumari_transaction_duration_seconds", HISTOGRAM, "seconds",
		"From the first byte of a request to the last byte of its response.");
	for (uint32_t i = 0; i < keyed_count(m->series); i++) {
		const struct metrics_series *s = keyed_value(m->series, i);

		text_init(&t, labels, sizeof(labels));
		series_labels(&t, keyed_key(m->series, i));
		if (s->n)
			histogram(p, s, labels);
	}
	counter(p, "tsumari_records_without_series", "",
		"Records that are in no series, as there are too many of them.", m->refused);
}

static void ledgers(const struct page *p, const struct metrics *m)
{
	char labels[LABELS];
	struct text t;

	family(p, "tsumari_ledger_seconds", COUNTER, "seconds",
		"What requests waited for, by its cause.");
	for (uint32_t i = 0; i < keyed_count(m->services); i++) {
		const struct metrics_ledger *l = keyed_value(m->services, i);

		for (int k = 0; k < LEDGER_COUNT; k++) {
			if (!l->ns[k])
				continue;
			text_init(&t, labels, sizeof(labels));
			service_labels(&t, keyed_key(m->services, i));
			label(&t, "cause", ledger_names[k]);
			seconds(p, "tsumari_ledger_seconds_total", labels, l->ns[k]);
		}
	}
}

/* ---- Findings ---- */

/* Several of a kind, at several ports of a server, are one series. */
struct found {
	const char *id, *severity;
	struct metrics_service service;
	uint64_t cost, n;
};

static bool same(const struct found *a, const struct found *b)
{
	return strcmp(a->id, b->id) == 0 && a->severity == b->severity &&
	       a->service.protocol == b->service.protocol &&
	       memcmp(&a->service.server, &b->service.server, sizeof(a->service.server)) == 0;
}

static unsigned collect(const struct finding *list, unsigned n, struct found *to)
{
	unsigned count = 0, k;

	for (unsigned i = 0; i < n; i++) {
		struct found x = {.id = list[i].id,
			.severity = severity_names[list[i].severity],
			.service = {.server = list[i].server, .protocol = list[i].protocol},
			.cost = list[i].cost,
			.n = list[i].count};

		for (k = 0; k < count && !same(&to[k], &x); k++)
			;
		if (k == count) {
			if (count == METRICS_SERVICES)
				continue;
			to[count++] = x;
			continue;
		}
		to[k].cost += x.cost;
		to[k].n += x.n;
	}
	return count;
}

static void found_labels(struct text *t, const struct found *x)
{
	label(t, "finding", x->id);
	label(t, "severity", x->severity);
	service_labels(t, &x->service);
}

static void findings(const struct page *p, const struct metrics_facts *f)
{
	struct findings *all = findings_of(f->model);
	const struct finding *list;
	unsigned n = findings_list(all, f->capture, &list), count;
	struct found *found = xcalloc(METRICS_SERVICES, sizeof(*found));
	char labels[LABELS];
	struct text t;

	count = collect(list, n, found);
	family(p, "tsumari_finding_cost_seconds", GAUGE, "seconds",
		"What a finding has cost those who waited, since the start.");
	for (unsigned i = 0; i < count; i++) {
		text_init(&t, labels, sizeof(labels));
		found_labels(&t, &found[i]);
		seconds(p, "tsumari_finding_cost_seconds", labels, found[i].cost);
	}
	family(p, "tsumari_finding_cases", GAUGE, "",
		"How many connections, requests or others a finding is about.");
	for (unsigned i = 0; i < count; i++) {
		text_init(&t, labels, sizeof(labels));
		found_labels(&t, &found[i]);
		whole(p, "tsumari_finding_cases", labels, found[i].n);
	}
	family(p, "tsumari_waiting_seconds", GAUGE, "seconds",
		"What users felt of all waiting since the start, each second once.");
	seconds(p, "tsumari_waiting_seconds", "", findings_felt(all).felt);
	free(found);
}

/* ---- Itself ---- */

static void capture(const struct page *p, const struct capture_stats *st)
{
	counter(p, "tsumari_frames", "", "Frames read.", st->frames);
	counter(p, "tsumari_frame_bytes", "bytes", "Their bytes on the wire.", st->bytes);
	family(p, "tsumari_frames_dropped", COUNTER, "", "Frames that were not captured, by whom.");
	whole(p, "tsumari_frames_dropped_total", "by=\"kernel\"", st->kernel_dropped);
	whole(p, "tsumari_frames_dropped_total", "by=\"interface\"", st->interface_dropped);
	counter(p, "tsumari_frames_cut", "", "Frames of which the end is missing.", st->cut_frames);
	counter(p, "tsumari_interface_changes", "",
		"Times that interfaces came, went or were renamed.", st->changes);
}

static void connections(const struct page *p, const struct metrics_facts *f)
{
	const struct flow_totals *t = services_flows(model_services(f->model));

	family(p, "tsumari_connections", COUNTER, "", "Connections and other flows that ended.");
	whole(p, "tsumari_connections_total", "transport=\"tcp\"", t->tcp);
	whole(p, "tsumari_connections_total", "transport=\"udp\"", t->udp);
	whole(p, "tsumari_connections_total", "transport=\"icmp\"", t->icmp);
	whole(p, "tsumari_connections_total", "transport=\"other\"", t->others);
	counter(p, "tsumari_connections_failed", "", "TCP connections that never stood.",
		t->failed);
	counter(p, "tsumari_connections_reset", "", "TCP connections that were reset.", t->reset);
	counter(p, "tsumari_tcp_retransmissions", "", "Segments that were sent again.",
		t->retransmits);
	counter(p, "tsumari_tcp_retransmission_timeouts", "", "Those after a timeout.", t->rtos);
	counter(p, "tsumari_lost_in_capture_bytes", "bytes",
		"Bytes that were acknowledged and not captured.", t->lost);
	if (!f->under_way || !f->under_way->time)
		return;
	gauge(p, "tsumari_requests_under_way", "", "Requests without their whole answer.",
		f->under_way->requests);
	gauge(p, "tsumari_connections_under_way", "", "Connections that are not over.",
		f->under_way->flows);
}

static void output(const struct page *p, const struct metrics_facts *f, const char *name,
	const char *unit, const char *help, enum kind kind, size_t at)
{
	char labels[LABELS], sample[96], number[16];
	struct text t;

	family(p, name, kind, unit, help);
	snprintf(sample, sizeof(sample), "%s%s", name, kind == COUNTER ? "_total" : "");
	for (unsigned i = 0; i < f->noutputs; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&f->outputs[i] + at, sizeof(value));
		snprintf(number, sizeof(number), "%u", i + 1);
		text_init(&t, labels, sizeof(labels));
		label(&t, "output", number);
		label(&t, "kind", f->outputs[i].kind);
		whole(p, sample, labels, value);
	}
}

#define OUTPUT(member) offsetof(struct metrics_output, member)

static void outputs(const struct page *p, const struct metrics_facts *f)
{
	if (!f->noutputs)
		return;
	output(p, f, "tsumari_output_records", "", "Records that left for an output of --to.",
		COUNTER, OUTPUT(sent));
	output(p, f, "tsumari_output_dropped_records", "", "Records that an output never gets.",
		COUNTER, OUTPUT(dropped));
	output(p, f, "tsumari_output_queue_bytes", "bytes", "What waits for an output.", GAUGE,
		OUTPUT(queued));
	output(p, f, "tsumari_output_connects", "", "Connections made to an output.", COUNTER,
		OUTPUT(connects));
}

static void itself(const struct page *p, const struct metrics_facts *f)
{
	struct cost c = cost_now();
	char labels[LABELS];
	struct text t;

	text_init(&t, labels, sizeof(labels));
	label(&t, "version", f->version);
	family(p, "tsumari_build_info", GAUGE, "", "The program.");
	whole(p, "tsumari_build_info", labels, 1);
	family(p, "process_cpu_seconds", COUNTER, "seconds", "What it took of processors itself.");
	seconds(p, "process_cpu_seconds_total", "", c.processor);
	family(p, "process_start_time_seconds", GAUGE, "seconds",
		"When it was started, since the epoch.");
	seconds(p, "process_start_time_seconds", "", f->started);
	if (f->resident)
		gauge(p, "process_resident_memory_bytes", "bytes", "Its memory.", f->resident);
	gauge(p, "tsumari_memory_peak_bytes", "bytes", "The most that its memory was.", c.memory);
}

void metrics_write(
	const struct metrics *m, const struct metrics_facts *f, bool openmetrics, FILE *out)
{
	struct page p = {out, openmetrics, f->run};

	transactions(&p, m);
	ledgers(&p, m);
	findings(&p, f);
	connections(&p, f);
	capture(&p, f->capture);
	outputs(&p, f);
	itself(&p, f);
	if (openmetrics)
		fputs("# EOF\n", out);
}
