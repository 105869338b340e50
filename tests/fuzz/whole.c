/* whole.c - see whole.h. */
#include "whole.h"
#include "json.h"
#include "base/mem.h"
#include "core/registry.h"
#include "findings/findings.h"
#include "out/document.h"
#include "out/har.h"
#include "out/ndjson.h"
#include "out/report.h"
#include "out/schema.h"
#include "run/pipeline.h"
#include "out/print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES 100000u /* a small compressed file may hold a lot of empty ones */
#define FLOWS  4096u   /* of a capture; a power of two */

/* What must be true of the records together. */

struct watched {
	uint64_t flow_id, transactions;
	bool used, over;
};

struct watch {
	struct fuzz_lines lines[2];
	uint64_t last_key, flows, transactions;
	unsigned nflows;
	struct watched flow[FLOWS]; /* by flow_id */
};

static struct watched *watched(struct watch *w, uint64_t flow_id)
{
	unsigned i = (unsigned)(flow_id * UINT64_C(0x9e3779b97f4a7c15) >> 52);

	while (w->flow[i].used && w->flow[i].flow_id != flow_id)
		i = (i + 1) % FLOWS;
	fuzz_check(w->flow[i].used || ++w->nflows < FLOWS, "flows can be watched");
	w->flow[i].used = true;
	w->flow[i].flow_id = flow_id;
	return &w->flow[i];
}

static void take(void *arg, const struct record *r)
{
	struct watch *w = arg;

	if (r->kind != RECORD_FINDING)
		fuzz_record(r, &w->last_key);
	if (r->open == RECORD_OF_MOMENT || record_of_turns(r))
		return;
	fuzz_put_line(&w->lines[0], r, false);
	fuzz_put_line(&w->lines[1], r, true);
	if (r->open)
		return;
	if (r->kind == RECORD_TXN) {
		struct watched *f = watched(w, r->flow_id);

		fuzz_check(!f->over, "no transaction is held when its flow has left");
		f->transactions++;
		w->transactions++;
	} else if (r->kind == RECORD_FLOW && ((const struct flow_record *)r)->final) {
		struct watched *f = watched(w, r->flow_id);

		fuzz_check(((const struct flow_record *)r)->transactions == f->transactions,
			"a flow counts the transactions that came out");
		f->over = true;
		w->flows++;
	}
}

/* Files in memory. */

static int file_new(char *path, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_check(fd >= 0, "a file in memory");
	snprintf(path, size, "/proc/self/fd/%d", fd);
	return fd;
}

static char *file_text(int fd, size_t *n)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char *text = xmalloc((size_t)end + 1);

	fuzz_check(pread(fd, text, (size_t)end, 0) == (ssize_t)end, "a file in memory is read");
	text[end] = '\0';
	*n = (size_t)end;
	close(fd);
	return text;
}

/* All types of records. */
static const char *types(void)
{
	static char list[1024];
	size_t n = 0;

	if (list[0])
		return list;
	n = (size_t)snprintf(list, sizeof(list), "flow,finding");
	for (unsigned i = 0; i < registry_count() && n < sizeof(list); i++)
		if (schema_has_records(registry_get(i)))
			n += (size_t)snprintf(
				list + n, sizeof(list) - n, ",%s", registry_get(i)->name);
	fuzz_check(n < sizeof(list), "the types of records fit");
	return list;
}

struct outputs {
	int fd[FUZZ_OUTPUTS];
	char path[FUZZ_OUTPUTS][64];
	struct ndjson *ndjson;
	struct document *document;
	struct report *report;
	struct har *har;
	struct printer *printer;
	struct model *model;
	struct watch watch;
	struct sink sinks[4];
	unsigned nsinks;
};

static bool print_frame(void *arg, const struct packet *p)
{
	return printer_frame(arg, p);
}

static void open_all(struct outputs *o, char *err, size_t errsize)
{
	const struct ndjson_options json = {.lines = {.types = types(), .env = fuzz_env}};
	const struct print_style style = {.verbose = 2, .link = true, .hex_ascii = 2};
	const struct report_options report = {
		.path = o->path[FUZZ_REPORT], .source = "fuzz", .model = o->model};
	const struct document_options document = {.path = o->path[FUZZ_DOCUMENT],
		.source = "fuzz",
		.version = "1",
		.model = o->model};

	for (int i = FUZZ_SINK; i < FUZZ_OUTPUTS; i++)
		o->fd[i] = file_new(o->path[i], sizeof(o->path[i]));
	model_keep_slowest(o->model);
	o->ndjson = ndjson_new_fd(&json, o->fd[FUZZ_SINK], err, errsize);
	o->document = document_new(&document, err, errsize);
	o->report = report_new(&report, err, errsize);
	o->har = har_new(o->path[FUZZ_HAR], "1", err, errsize);
	o->printer = printer_new(&style, o->path[FUZZ_PRINT], err, errsize);
	fuzz_check(o->ndjson && o->document && o->report && o->har && o->printer, err);
	o->sinks[o->nsinks++] = ndjson_sink(o->ndjson);
	o->sinks[o->nsinks++] = har_sink(o->har);
}

static void open_outputs(struct outputs *o, const struct fuzz_whole *w)
{
	const struct model_config config = {.memory = w->memory};
	struct thresholds thresholds;
	char err[512] = "";

	thresholds_defaults(&thresholds);
	o->model = model_new(&config);
	findings_look(o->model, &thresholds);
	if (w->all)
		open_all(o, err, sizeof(err));
	o->sinks[o->nsinks++] = (struct sink){.arg = &o->watch,
		.record = take,
		.turns = true,
		.interim = true,
		.moments = w->moments};
}

static void finish_all(struct outputs *o, struct fuzz_whole *w, const struct pipeline *p)
{
	fuzz_check(ndjson_finish(o->ndjson), "records are written");
	fuzz_check(document_finish(o->document, &p->capture, &p->counters), "so is the report");
	fuzz_check(report_finish(o->report, &p->capture, &p->counters), "as text");
	fuzz_check(har_finish(o->har), "so is the archive");
	fuzz_check(printer_finish(o->printer), "so are the packets");
	ndjson_free(o->ndjson);
	document_free(o->document);
	report_free(o->report);
	har_free(o->har);
	printer_free(o->printer);
	for (int i = FUZZ_SINK; i < FUZZ_OUTPUTS; i++)
		w->text[i] = file_text(o->fd[i], &w->len[i]);
}

static void finish_outputs(struct outputs *o, struct fuzz_whole *w, const struct pipeline *p)
{
	w->flows = o->watch.flows;
	w->transactions = o->watch.transactions;
	for (int i = FUZZ_JSON; i <= FUZZ_FLAT; i++) {
		w->text[i] = o->watch.lines[i].p;
		w->len[i] = o->watch.lines[i].n;
	}
	if (w->all)
		finish_all(o, w, p);
	model_free(o->model);
}

static void run(struct fuzz_whole *w, struct source *s)
{
	struct outputs *o = xcalloc(1, sizeof(*o));
	struct engine_config config;
	struct pipeline p = {.source = s,
		.config = &config,
		.jobs = w->jobs,
		.max_frames = FRAMES,
		.analyse = true,
		.sinks = o->sinks};
	int failed;

	engine_config_defaults(&config);
	config.memory = w->memory;
	if (w->interval)
		config.flow_interval = w->interval;
	config.turns = true;
	config.moments = w->moments;
	open_outputs(o, w);
	p.nsinks = o->nsinks;
	p.model = o->model;
	if (o->printer) {
		p.on_frame = print_frame;
		p.on_frame_arg = o->printer;
	}
	failed = pipeline_run(&p);
	source_counters(s, &p.counters);
	fuzz_check(!failed || *source_error(s), "a failure has a message");
	fuzz_check(p.capture.frames == 0 || p.capture.first <= p.capture.last,
		"the first frame's time is not behind the last one's");
	w->frames = p.capture.frames;
	finish_outputs(o, w, &p);
	free(o);
}

bool fuzz_whole(struct fuzz_whole *w, const uint8_t *capture, size_t n)
{
	const struct source_options options = {
		.filter = w->filter, .window = FUZZ_SECOND, .memory = 1 << 20};
	char path[64], err[512] = "";
	int fd = file_new(path, sizeof(path));
	struct source *s;

	fuzz_init();
	fuzz_check(write(fd, capture, n) == (ssize_t)n, "a file in memory is written");
	s = source_open_file(path, &options, err, sizeof(err));
	fuzz_check(s || *err, "a file that cannot be opened has a message");
	if (s) {
		run(w, s);
		source_close(s);
	}
	close(fd);
	return s != NULL;
}

void fuzz_whole_free(struct fuzz_whole *w)
{
	for (int i = 0; i < FUZZ_OUTPUTS; i++)
		free(w->text[i]);
}

static void same_lines(const struct fuzz_whole *w)
{
	const char *a = w->text[FUZZ_JSON], *b = w->text[FUZZ_FLAT];

	if (!a)
		return;
	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

		fuzz_check(a[n] == '\n' && b[m] == '\n', "a line has an end");
		fuzz_same_line(a, n, b, m);
		a += n + 1;
		b += m + 1;
	}
	fuzz_check(a == w->text[FUZZ_JSON] + w->len[FUZZ_JSON], "no zero is put out");
	fuzz_check(b == w->text[FUZZ_FLAT] + w->len[FUZZ_FLAT], "flat JSON has as many lines");
}

/* A document of its own, with a line's end behind it or not. */
static void whole_json(const char *text, size_t n)
{
	while (n && text[n - 1] == '\n')
		n--;
	json_object_put(fuzz_parse(text, n));
}

void fuzz_whole_json(const struct fuzz_whole *w)
{
	same_lines(w);
	for (int i = 0; i < FUZZ_OUTPUTS; i++)
		if (w->text[i])
			fuzz_no_control_bytes(
				w->text[i], w->len[i], i == FUZZ_PRINT ? "\n\t" : "\n");
	if (!w->all)
		return;
	whole_json(w->text[FUZZ_DOCUMENT], w->len[FUZZ_DOCUMENT]);
	whole_json(w->text[FUZZ_HAR], w->len[FUZZ_HAR]);
	fuzz_check(w->len[FUZZ_SINK] == w->len[FUZZ_JSON] &&
			   (!w->len[FUZZ_JSON] || memcmp(w->text[FUZZ_SINK], w->text[FUZZ_JSON],
							  w->len[FUZZ_JSON]) == 0),
		"the sink writes what the plans write");
}
