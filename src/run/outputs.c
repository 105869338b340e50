/*
 * outputs.c - what a run puts out: opened, and finished (run.h).
 */
#include "run/run.h"
#include "run/confine.h"
#include "run/info.h"
#include "base/message.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEEP ((uint64_t)256 << 20) /* --keep */

/* Of what is listened to; of a file it is seen when a frame is to be written. */
static bool one_linktype(struct run *r)
{
	int first = source_linktype(r->source), link;

	if (!source_live(r->source) || capwriter_mixes(r->o.write))
		return true;

	for (unsigned i = 1; (link = source_iface_linktype(r->source, i)) >= 0; i++) {
		if (link == first)
			continue;
		snprintf(r->err, sizeof(r->err),
			"-w: %s and %s have different link types, and a pcap file holds one; a "
			"pcapng file (-w NAME.pcapng) holds both",
			source_iface(r->source, 0), source_iface(r->source, i));
		return false;
	}
	return true;
}

/* When the first file begins: with the first frame of a file, else now. */
static uint64_t now(const struct run *r)
{
	return source_live(r->source) ? (uint64_t)time(NULL) * UINT64_C(1000000000) : 0;
}

bool outputs_writer(struct run *r)
{
	const struct options *o = &r->o;
	struct capwriter_options w = {
		.path = o->write,
		.inputs = &r->inputs,
		.size = o->write_size,
		.seconds = o->write_seconds,
		.files = o->write_files,
		.unbuffered = o->unbuffered,
		.nano = o->precision ? o->precision == PRECISION_NANO : source_nano(r->source),
		.link_field = source_link_bits(r->source),
		.snaplen = (uint32_t)source_snaplen(r->source),
		.iface = outputs_iface,
		.iface_arg = r->source,
		.closed = r->postrotate ? postrotate_file : NULL,
		.closed_arg = r->postrotate,
		.now = now(r),
	};

	if (!o->write)
		return true;
	if (!one_linktype(r))
		return false;
	r->writer = capwriter_open(&w, r->err, sizeof(r->err));
	return r->writer != NULL;
}

const char *outputs_iface(void *arg, unsigned i)
{
	return source_iface(arg, i);
}

struct schema_env outputs_env(const struct run *r)
{
	return (struct schema_env){
		.version = info_version_number(),
		.iface = outputs_iface,
		.iface_arg = r->source,
		.geo = r->geo,
		.identity = &r->identity,
	};
}

void outputs_name(const struct run *r, char *name, size_t size)
{
	size_t n = 0;

	if (r->o.nreads) {
		const char *first = r->o.reads[0];

		first = strcmp(first, "-") ? first : "standard input";
		if (r->inputs.n == 1 || r->o.nreads == 1)
			snprintf(name, size, "%s", first);
		else
			snprintf(name, size, "%s and %u other%s", first, r->o.nreads - 1,
				r->o.nreads == 2 ? "" : "s");
		return;
	}
	name[0] = '\0';
	for (unsigned i = 0; source_iface(r->source, i) && n < size; i++) {
		int put = snprintf(
			name + n, size - n, "%s%s", i ? ", " : "", source_iface(r->source, i));

		n += put > 0 ? (size_t)put : 0;
	}
}

static bool open_report(struct run *r, const struct output_option *of, struct run_output *to)
{
	bool terminal = options_to_stdout(of) && isatty(STDOUT_FILENO);
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	struct winsize window;
	struct report_options o = {
		.path = of->file,
		.source = r->name,
		.model = r->model,
		.geo = r->geo,
		.colour =
			terminal && term && strcmp(term, "dumb") != 0 && !(no_colour && *no_colour),
		.numeric = r->o.numeric,
		.append = r->o.append,
	};

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0)
		o.width = window.ws_col;
	to->report = report_new(&o, r->err, sizeof(r->err));
	return to->report != NULL;
}

static bool open_document(struct run *r, const struct output_option *of, struct run_output *to)
{
	struct document_options o = {
		.path = of->file,
		.source = r->name,
		.version = info_version_number(),
		.model = r->model,
		.geo = r->geo,
		.html = of->kind == OUTPUT_REPORT_HTML,
		.append = r->o.append,
	};

	model_keep_slowest(r->model);
	to->document = document_new(&o, r->err, sizeof(r->err));
	return to->document != NULL;
}

void outputs_model(struct run *r)
{
	struct model_config config = {.literal = r->o.engine.literal, .memory = r->o.engine.memory};

	r->model = model_new(&config);
	r->o.engine.memory -= r->o.engine.memory / 8; /* the model has some in any case */
}

void outputs_find(struct run *r)
{
	findings_look(r->model, &r->o.thresholds);
	r->o.engine.turns = true;
}

bool outputs_is_input(const struct run *r, const char *path)
{
	struct stat out;

	return path && stat(path, &out) == 0 && S_ISREG(out.st_mode) &&
	       inputs_hold(&r->inputs, &out);
}

bool outputs_har(struct run *r)
{
	if (!r->o.har)
		return true;
	if (outputs_is_input(r, r->o.har)) {
		snprintf(r->err, sizeof(r->err), "--har: %s is the file that is being read",
			r->o.har);
		return false;
	}
	r->har = har_new(r->o.har, info_version_number(), r->err, sizeof(r->err));
	if (r->har)
		r->sinks[r->pipeline.nsinks++] = har_sink(r->har);
	return r->har != NULL;
}

void outputs_choose(struct options *o)
{
	if (o->noutputs || o->nto || o->web || o->write || o->har || o->compare ||
		options_packets_only(o))
		return;
	if (!isatty(STDOUT_FILENO))
		options_add_output(o, OUTPUT_JSON);
	else
		options_add_output(o, ui_possible() ? OUTPUT_LIVE : OUTPUT_REPORT);
}

static bool open_live_view(struct run *r)
{
	struct ui_options o = {
		.source_name = r->name,
		.filter = r->o.filter,
		.display = r->har || r->o.noutputs > 1 ? NULL : r->o.display,
		.version = info_version_number(),
		.source = r->source,
		.inputs = r->o.nreads ? &r->inputs : NULL,
		.file_options = &r->o.source,
		.iface = outputs_iface,
		.iface_arg = r->source,
		.literal = r->o.engine.literal,
		.geo = r->geo,
		.identity = &r->identity,
		.thresholds = &r->o.thresholds,
		.keep = r->o.keep ? r->o.keep : KEEP,
	};

	r->o.engine.turns = r->o.engine.moments = true;
	r->ui = ui_new(&o, r->err, sizeof(r->err));
	if (r->ui)
		r->sinks[r->pipeline.nsinks++] = ui_sink(r->ui);
	return r->ui != NULL;
}

static bool open_records(struct run *r, const struct output_option *of, struct run_output *to)
{
	const struct options *o = &r->o;
	struct ndjson_options json = {
		.file = {.path = of->file,
			.append = o->append,
			.size = o->rotate_size,
			.seconds = o->rotate_time / UINT64_C(1000000000),
			.files = o->rotate_files,
			.now = now(r)},
		.lines = {.types = o->types,
			.flat = of->kind == OUTPUT_JSON_FLAT,
			.env = outputs_env(r)},
		.line_buffered = o->line_buffered || o->unbuffered,
	};

	to->ndjson = ndjson_new(&json, r->err, sizeof(r->err));
	if (to->ndjson)
		r->sinks[r->pipeline.nsinks++] = ndjson_sink(to->ndjson);
	return to->ndjson != NULL;
}

static bool open_print(struct run *r, const struct output_option *of, struct run_output *to)
{
	struct print_style style = r->o.print;

	style.flush = r->o.line_buffered || r->o.unbuffered;
	style.append = r->o.append;
	to->print = r->printer = printer_new(&style, of->file, r->err, sizeof(r->err));
	return to->print != NULL;
}

static bool open_output(struct run *r, const struct output_option *of, struct run_output *to)
{
	if (of->kind == OUTPUT_LIVE)
		return open_live_view(r);
	if (outputs_is_input(r, of->file)) {
		snprintf(r->err, sizeof(r->err), "-o: %s is the file that is being read", of->file);
		return false;
	}
	if (of->kind == OUTPUT_PRINT)
		return open_print(r, of, to);
	if (of->kind == OUTPUT_REPORT)
		return open_report(r, of, to);
	return options_is_report(of->kind) ? open_document(r, of, to) : open_records(r, of, to);
}

/* A display filter that is none is told of as of -Y. */
static void name_filter(struct run *r, const char *url)
{
	char said[sizeof(r->err)];

	if (strncmp(r->err, "-Y: ", 4) != 0)
		return;
	snprintf(said, sizeof(said), "--to %.160s: filter: %.1800s", url, r->err + 4);
	memcpy(r->err, said, sizeof(said));
}

static bool open_delivery(struct run *r, unsigned i)
{
	const struct options *o = &r->o;
	struct deliver_options d = {
		.url = o->to[i],
		.lines = {.types = o->to[i].types ? o->to[i].types : o->types,
			.filter = o->to[i].filter,
			.env = outputs_env(r)},
		.file = {.append = o->append,
			.size = o->rotate_size,
			.seconds = o->rotate_time / UINT64_C(1000000000),
			.files = o->rotate_files,
			.now = now(r)},
		.wait = o->nreads > 0,
	};

	if (d.url.kind == DELIVER_FILE && outputs_is_input(r, d.url.at)) {
		snprintf(r->err, sizeof(r->err), "--to: %s is the file that is being read",
			d.url.at);
		return false;
	}
	r->to[i] = deliver_new(&d, r->err, sizeof(r->err));
	if (r->to[i])
		r->sinks[r->pipeline.nsinks++] = deliver_sink(r->to[i]);
	else
		name_filter(r, d.url.said);
	return r->to[i] != NULL;
}

bool outputs_deliver(struct run *r, bool files)
{
	if (!files && !page_start(r))
		return false;
	if (files && r->web)
		web_go(r->web);
	if (files && !page_keep(r))
		return false;
	for (unsigned i = 0; i < r->o.nto; i++) {
		bool is = deliver_is_file(r->to[i]);

		if (files && !is)
			deliver_go(r->to[i]);
		if (is == files &&
			!deliver_start(r->to[i], is ? confine_writing : confine_sending)) {
			snprintf(r->err, sizeof(r->err), "--to %.160s: no thread can be started",
				deliver_name(r->to[i]));
			return false;
		}
	}
	return true;
}

static void finish_delivery(struct deliver *d, bool *good)
{
	struct deliver_counts c;
	char dropped[96] = "";
	const char *error;
	uint64_t all;

	*good &= deliver_finish(d);
	deliver_counts(d, &c);
	all = c.dropped + c.lines;
	error = deliver_error(d);
	if (c.dropped)
		snprintf(dropped, sizeof(dropped), "%llu of %llu records dropped",
			(unsigned long long)c.dropped, (unsigned long long)all);
	if (error)
		message("%s%s%s", error, c.dropped ? "; " : "", dropped);
	else if (c.dropped)
		message("%.160s: %s: %s", deliver_name(d), dropped, deliver_why(d));
}

bool outputs_open(struct run *r)
{
	const struct options *o = &r->o;
	bool model = o->web || (o->noutputs && lines_list(o->types, finding_type.name));

	for (unsigned i = 0; i < o->nto; i++)
		model |= lines_list(o->to[i].types ? o->to[i].types : o->types, finding_type.name);

	for (unsigned i = 0; i < o->noutputs; i++)
		model |= options_is_report(o->outputs[i].kind);
	if (model) {
		outputs_model(r);
		outputs_find(r);
	}
	for (unsigned i = 0; i < o->noutputs; i++)
		if (!open_output(r, &o->outputs[i], &r->outputs[i]))
			return false;
	for (unsigned i = 0; i < o->nto; i++)
		if (!open_delivery(r, i))
			return false;
	return !o->web || page_open(r);
}

void outputs_reopen(struct run *r)
{
	char err[PATH_MAX + 128];

	for (unsigned i = 0; i < r->o.noutputs; i++)
		if (r->outputs[i].ndjson && !ndjson_reopen(r->outputs[i].ndjson, err, sizeof(err)))
			message("%s", err);
	for (unsigned i = 0; i < r->o.nto; i++)
		deliver_reopen(r->to[i]);
	if (r->writer)
		capwriter_ask(r->writer, CAPWRITER_REOPEN);
}

bool outputs_have_files(const struct options *o)
{
	for (unsigned i = 0; i < o->noutputs; i++)
		if (!options_to_stdout(&o->outputs[i]) && !options_is_report(o->outputs[i].kind))
			return true;
	for (unsigned i = 0; i < o->nto; i++)
		if (o->to[i].kind == DELIVER_FILE)
			return true;
	return o->write && strcmp(o->write, "-") != 0;
}

static bool finish_output(struct run *r, struct run_output *of)
{
	const struct capture_stats *st = &r->pipeline.capture;
	const struct counters *c = &r->pipeline.counters;
	const char *error = NULL;

	if (of->ndjson && !ndjson_finish(of->ndjson))
		error = ndjson_error(of->ndjson);
	else if (of->print && !printer_finish(of->print))
		error = printer_error(of->print);
	else if (of->report && !report_finish(of->report, st, c))
		error = report_error(of->report);
	else if (of->document && !document_finish(of->document, st, c))
		error = document_error(of->document);
	if (error)
		message("%s", error);
	return !error;
}

void outputs_release(struct run *r)
{
	for (unsigned i = 0; i < r->o.noutputs; i++) {
		ndjson_free(r->outputs[i].ndjson);
		report_free(r->outputs[i].report);
		document_free(r->outputs[i].document);
		printer_free(r->outputs[i].print);
	}
	for (unsigned i = 0; i < r->o.nto; i++)
		deliver_free(r->to[i]);
}

/* Every sink is finished, whatever happened to another. */
bool outputs_finish(struct run *r, bool *written)
{
	bool good = true;

	/* A closed output pipe is not an error, and not worth a message. */
	if (r->writer && !capwriter_finish(r->writer)) {
		*written = false;
		if (!capwriter_pipe_closed(r->writer)) {
			message("%s", capwriter_error(r->writer));
			good = false;
		}
	}
	for (unsigned i = 0; i < r->o.noutputs; i++)
		good &= finish_output(r, &r->outputs[i]);
	for (unsigned i = 0; i < r->o.nto; i++)
		finish_delivery(r->to[i], &good);
	if (r->har && !har_finish(r->har)) {
		message("%s", har_error(r->har));
		good = false;
	}
	return good;
}
