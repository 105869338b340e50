/*
 * main.c - from the command line to the exit status.
 *
 * 0: done. 1: it went wrong on the way (a damaged file, an interface that went away, a full disk);
 * output up to that point is written. 2: it could not begin (options, input, permission).
 */
#include "run/run.h"
#include "base/rusage.h"
#include "base/ending.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/registry.h"
#include "out/schema.h"
#include "run/confine.h"
#include "run/decode.h"
#include "run/info.h"
#include "capture/keeper.h"
#include "capture/linktypes.h"
#include "base/message.h"
#include "run/plugin.h"
#include "run/privileges.h"
#include "run/signals.h"
#include "run/threshold.h"
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATUS_FAILED  1
#define STATUS_USAGE   2
#define EXTRACT_MEMORY ((uint64_t)64 << 20) /* of frames that are kept */

static bool load_plugins(struct run *r)
{
	for (unsigned i = 0; i < r->o.nplugins; i++)
		if (!plugin_load(r->o.plugins[i], r->err, sizeof(r->err)))
			return false;
	return true;
}

static bool open_live(struct run *r)
{
	unsigned n = r->o.nifaces ? r->o.nifaces : 1, got = 0;
	char **names = xcalloc(n, sizeof(*names));

	while (got < n) {
		const char *which = r->o.nifaces ? r->o.ifaces[got] : NULL;

		names[got] = info_interface(which, r->err, sizeof(r->err));
		if (!names[got])
			break;
		got++;
	}
	if (got == n)
		r->source = source_open_live(
			(const char *const *)names, n, &r->o.source, r->err, sizeof(r->err));
	while (got)
		free(names[--got]);
	free(names);
	return r->source != NULL;
}

static bool open_source(struct run *r)
{
	if (!r->o.nreads) {
		if (open_live(r))
			return true;
		hints_source(r);
		return false;
	}
	if (!inputs_find(&r->inputs, r->o.reads, r->o.nreads, r->err, sizeof(r->err)))
		return false;
	if (r->inputs.left_out)
		message("%u file%s left out: no capture%s", r->inputs.left_out,
			r->inputs.left_out == 1 ? "" : "s", r->inputs.left_out == 1 ? "" : "s");
	r->source = inputs_open(&r->inputs, &r->o.source, r->err, sizeof(r->err));
	if (!r->source)
		hints_source(r);
	return r->source != NULL;
}

/* --geoip */
static bool open_geo(struct run *r)
{
	return geo_open(&r->geo, r->o.geoip, r->o.ngeoip, r->err, sizeof(r->err));
}

/* --sensor */
static void name_sensor(struct run *r)
{
	if (source_live(r->source))
		identity_live(&r->identity, r->o.sensor);
	else
		identity_of_file(&r->identity, r->o.sensor, r->o.filter);
}

/* -Y */
static bool open_filter(struct run *r)
{
	struct schema_env env = outputs_env(r);

	if (r->o.display)
		r->filter = filter_new(r->o.display, &env, r->err, sizeof(r->err));
	if (r->o.display && !r->filter)
		hints_display(r);
	return !r->o.display || r->filter;
}

/* --extract */
static bool open_extraction(struct run *r)
{
	struct schema_env env = outputs_env(r);

	return !r->o.extract || extraction_open(&r->extraction, r->o.extract, &r->inputs,
					&r->o.source, &env, r->err, sizeof(r->err));
}

/* The writer is open. */
static void start_extraction(struct run *r)
{
	uint64_t memory = r->o.extract_memory ? r->o.extract_memory : EXTRACT_MEMORY;

	if (!r->o.extract)
		return;
	extraction_start(&r->extraction, r->writer, &r->o.engine, memory);
	r->sinks[r->pipeline.nsinks++] = extract_sink(r->extraction.extract);
	if (!r->extraction.finding)
		return;
	if (!r->model)
		outputs_model(r);
	if (!findings_of(r->model))
		outputs_find(r);
}

static bool wanted(void *arg, const struct record *r)
{
	return filter_match(arg, r);
}

static bool take_frame(void *arg, const struct packet *p)
{
	struct run *r = arg;

	if (r->ui)
		ui_frame(r->ui, p);
	if (r->printer && !printer_frame(r->printer, p))
		return false;
	return !r->writer || capwriter_frame(r->writer, p);
}

static bool keep_frame(void *arg, const struct packet *p)
{
	return extract_frame(arg, p);
}

static bool keep_place(void *arg, const struct packet *p)
{
	return extract_place(arg, p);
}

/* SIGUSR1: what the end says, as far as it is. */
static void tell_statistics(const struct run *r)
{
	uint64_t frames, bytes, dropped = source_dropped(r->pipeline.source);

	source_position(r->pipeline.source, &frames, &bytes);
	fprintf(stderr,
		"%" PRIu64 " packet%s captured, %" PRIu64 " packet%s received by filter, %" PRIu64
		" packet%s dropped by kernel\n",
		frames, frames == 1 ? "" : "s", frames + dropped, frames + dropped == 1 ? "" : "s",
		dropped, dropped == 1 ? "" : "s");
}

/* What signals asked for; on the thread of the sinks. */
static void answer_signals(struct run *r)
{
	struct signals_asked asked;

	if (!signals_asked(&asked))
		return;
	if (asked.statistics && !r->ui) {
		progress_erase(&r->progress);
		tell_statistics(r);
	}
	if (asked.reopen)
		outputs_reopen(r);
	if (asked.flush && r->writer)
		capwriter_ask(r->writer, CAPWRITER_FLUSH);
}

/* What became of interfaces, as it is heard. */
static void say_changes(struct run *r)
{
	for (uint64_t n = source_changes(r->pipeline.source); r->changes_said < n;
		r->changes_said++) {
		char line[160];
		struct text t;

		if (r->changes_said >= CHANGES_SHOWN)
			continue;
		text_init(&t, line, sizeof(line));
		text_time(&t, source_change(r->pipeline.source, r->changes_said)->time);
		text_str(&t, ": ");
		capture_change_text(source_change(r->pipeline.source, r->changes_said), &t);
		message("%s", line);
		if (r->changes_said + 1 == CHANGES_SHOWN)
			message("what else becomes of interfaces is only counted");
	}
}

static bool show_progress(void *arg)
{
	struct run *r = arg;
	uint64_t frames, bytes;

	if (!r->ui)
		say_changes(r);

	answer_signals(r);
	source_position(r->pipeline.source, &frames, &bytes);
	progress_show(&r->progress, source_progress(r->pipeline.source), frames, bytes);
	return true;
}

/* Whose rights are kept: in a live view that sudo began those of the user, whose files it saves. */
static const char *live_user(const struct run *r)
{
	const char *sudo = getenv("SUDO_USER");

	if (r->o.user || !options_output(&r->o, OUTPUT_LIVE) || !source_live(r->source) ||
		geteuid() != 0)
		return r->o.user;
	return sudo && *sudo && strcmp(sudo, "root") != 0 ? sudo : NULL;
}

/* Files that are begun again, as they have grown or were moved away: of a pipe that is read nobody
   knows how long it goes on. */
static bool opens_more(const struct run *r)
{
	const struct options *o = &r->o;
	bool pipe = o->nreads && !inputs_regular(&r->inputs);

	return o->write_size || o->write_seconds || o->rotate_size || o->rotate_time ||
	       (pipe && outputs_have_files(o));
}

static bool give_up(struct run *r, const struct privileges *rights)
{
	if (!privileges_drop(rights, r->err, sizeof(r->err)))
		return false;
	if (*r->err)
		message("%s", r->err);
	return true;
}

/* Of the keeper: all rights but those to make and open files. */
static bool keeper_gives_up(const void *arg)
{
	char err[256];

	if (!privileges_drop(arg, err, sizeof(err)))
		return false;
	confine_keeper();
	return true;
}

/* Of a file it keeps the rights to read it again, and to save beside it. */
static void start_keeper(struct run *r, const struct privileges *rights)
{
	struct privileges own = *rights;

	if (!own.user && !source_live(r->source))
		own.user = "root";
	/* Without one nothing can be saved, and all else is as it was. */
	if (!keeper_start(ui_settings(r->ui), &r->inputs, keeper_gives_up, &own))
		message("nothing can be saved: %s", strerror(errno));
}

/* Files that -C and -G open later need rights which must not be given up; -Z says whose. */
static bool open_all(struct run *r)
{
	const struct options *o = &r->o;
	struct privileges rights = {
		.user = live_user(r),
		.more_files = opens_more(r),
	};
	bool early = rights.user && rights.more_files;

	tzset(); /* read while it may be */
	if (o->command && (o->write_size || o->write_seconds)) {
		r->postrotate = postrotate_start(o->command, &rights, r->err, sizeof(r->err));
		if (!r->postrotate)
			return false;
	}
	if (early && !give_up(r, &rights))
		return false;
	if (!outputs_writer(r) || !outputs_har(r) || !outputs_open(r))
		return false;
	start_extraction(r);
	if (r->ui)
		start_keeper(r, &rights);
	if (!early && !give_up(r, &rights))
		return false;
	if (r->ui && !ui_open(r->ui, r->err, sizeof(r->err)))
		return false;
	if (!outputs_deliver(r, false))
		return false;
	run_confine(r, o->extract != NULL);
	return outputs_deliver(r, true);
}

/* Or are frames only copied? */
static bool analyses(const struct options *o)
{
	return !options_packets_only(o) || o->extract;
}

/* Findings among records are of all records; a report is of those that -Y lets pass. */
static bool records_alone(const struct options *o)
{
	if (o->web)
		return false;
	for (unsigned i = 0; i < o->noutputs; i++)
		if (options_is_report(o->outputs[i].kind))
			return false;
	return o->noutputs > 0;
}

static bool lines_on_terminal(const struct options *o)
{
	for (unsigned i = 0; i < o->noutputs; i++)
		if (!options_is_report(o->outputs[i].kind) && options_to_stdout(&o->outputs[i]))
			return isatty(STDOUT_FILENO);
	return false;
}

static void set_up_pipeline(struct run *r)
{
	const struct options *o = &r->o;
	struct pipeline *p = &r->pipeline;

	p->source = r->source;
	p->config = &o->engine;
	p->identity = &r->identity;
	p->poll_interval_ms = r->ui ? 20 : 0;
	p->max_frames = o->max_frames;
	p->duration = o->duration;
	p->analyse = analyses(o);
	if (r->ui || r->printer || (r->writer && !o->extract)) {
		p->on_frame = take_frame;
		p->on_frame_arg = r;
	} else if (o->extract) {
		p->on_frame = r->extraction.again ? keep_place : keep_frame;
		p->on_frame_arg = r->extraction.extract;
	}
	p->model = r->model;
	p->model_all = (!o->compare && records_alone(o)) || r->extraction.finding;
	p->sinks = r->sinks;
	/* The live view filters what it shows, and keeps all. */
	p->wanted = r->filter && (!r->ui || r->har || r->web || o->noutputs > 1) ? wanted : NULL;
	p->wanted_arg = r->filter;
	progress_init(&r->progress);
	/* A line that is redrawn among lines of output helps nobody. */
	if (r->ui || source_live(r->source) || lines_on_terminal(o))
		r->progress.on = false;
	r->sinks[p->nsinks++] = (struct sink){.arg = r, .poll = show_progress};
}

static void announce(const struct run *r)
{
	page_announce(r);
	if (!source_live(r->source) || r->ui)
		return;
	for (unsigned i = 0; source_iface(r->source, i); i++)
		message("listening on %s, link type %s, snapshot length %d bytes",
			source_iface(r->source, i),
			info_linktype(source_iface_linktype(r->source, i)),
			source_snaplen(r->source));
	for (unsigned i = 0; i < r->o.noutputs; i++)
		if (options_is_report(r->o.outputs[i].kind) &&
			options_to_stdout(&r->o.outputs[i]) && isatty(STDOUT_FILENO) &&
			isatty(STDIN_FILENO))
			message("the report comes at the end: press ^C, or give -c N or --duration "
				"TIME");
}

static void plural(uint64_t n, const char *what)
{
	fprintf(stderr, "%llu packet%s %s\n", (unsigned long long)n, n == 1 ? "" : "s", what);
}

/* What listening took of the machine that is listened on. */
static void own_cost(uint64_t frames)
{
	struct cost c = cost_now();
	char line[160];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_duration(&t, c.processor);
	text_str(&t, " of processor time");
	if (frames) {
		text_str(&t, ", ");
		text_duration(&t, c.processor / frames);
		text_str(&t, " a packet");
	}
	text_str(&t, ", at most ");
	text_bytes(&t, c.memory);
	text_str(&t, " of memory");
	fprintf(stderr, "%s\n", t.p);
}

static void count_up(const struct run *r, bool written)
{
	const struct capture_stats *st = &r->pipeline.capture;

	if (st->reordered && (source_live(r->source) || written))
		plural(st->reordered, "put in order of time");
	if (st->time_back && (source_live(r->source) || written))
		plural(st->time_back, "with a time before their predecessor's");
	if (source_live(r->source)) {
		plural(st->frames, "captured");
		plural(st->kernel_received, "received by filter");
		plural(st->kernel_dropped, "dropped by kernel");
		if (st->interface_dropped)
			plural(st->interface_dropped, "dropped by interface");
		own_cost(st->frames);
	}
	if (written)
		plural(capwriter_frames(r->writer), "written");
}

/* --count */
static bool print_count(struct run *r)
{
	uint64_t n = r->pipeline.capture.frames;

	if (!r->o.count || !r->o.nreads)
		return true;
	errno = 0;
	printf("%llu packet%s\n", (unsigned long long)n, n == 1 ? "" : "s");
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return true;
	message("cannot write standard output: %s", strerror(errno));
	return false;
}

/* The frames of --extract, now that all records are there. */
static bool write_extract(struct run *r)
{
	struct schema_env env = outputs_env(r);
	struct sink progress = {.arg = r, .poll = show_progress};
	bool good = extraction_finish(
		&r->extraction, &r->pipeline, &env, &progress, r->err, sizeof(r->err));

	progress_erase(&r->progress);
	if (!good)
		message("%s", r->err);
	return good;
}

/* False: not a frame could be read. */
static bool say_unread(struct run *r, const char *name)
{
	enum linktypes what = linktypes_unread(
		r->pipeline.capture.frames, &r->pipeline.counters, name, r->err, sizeof(r->err));

	if (what != LINKTYPES_READ)
		message("%s", r->err);
	return what != LINKTYPES_ALL;
}

static int finish(struct run *r, int failed)
{
	int status = failed ? STATUS_FAILED : 0;
	bool written = r->writer;

	/* The terminal shows "^C". */
	if (signals_interrupted() && !r->progress.drawn && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	progress_erase(&r->progress);
	say_changes(r);
	source_counters(r->source, &r->pipeline.counters);
	geo_counters(r->geo, &r->pipeline.counters);
	counters_sort(&r->pipeline.counters);
	for (unsigned i = 0; failed && source_fault(r->source, i); i++)
		message("%s", source_fault(r->source, i));
	if (!say_unread(r, r->name))
		status = STATUS_FAILED;
	if (!write_extract(r))
		status = STATUS_FAILED;
	if (!outputs_finish(r, &written))
		status = STATUS_FAILED;
	if (!print_count(r))
		status = STATUS_FAILED;
	if (!page_end(r))
		status = STATUS_FAILED;
	count_up(r, written);
	page_stay(r);
	return status;
}

static int refuse(const struct run *r, int status)
{
	message("%s", r->err);
	return status;
}

static int capture(struct run *r)
{
	int failed;

	if (!load_plugins(r) || !decode_resolve(&r->o, &r->decode, r->err, sizeof(r->err)) ||
		!open_source(r))
		return refuse(r, STATUS_USAGE);
	outputs_name(r, r->name, sizeof(r->name));
	name_sensor(r);
	if (analyses(&r->o) && !linktypes_check(r->source, r->name, r->err, sizeof(r->err)))
		return refuse(r, STATUS_FAILED);
	if (!open_geo(r) || !open_filter(r) || !open_extraction(r) || !open_all(r))
		return refuse(r, STATUS_USAGE);
	set_up_pipeline(r);
	signals_catch(&r->pipeline, outputs_have_files(&r->o));
	announce(r);
	failed = pipeline_run(&r->pipeline);
	if (r->ui)
		ui_stay(r->ui, failed ? source_error(r->source) : NULL);
	ui_free(r->ui);
	r->ui = NULL;
	confine_last();
	confine_tell();
	return finish(r, failed);
}

static bool open_compare(struct run *r)
{
	const struct options *o = &r->o;
	const char *const both[2] = {o->compare, o->reads[0]};
	const char *file = o->noutputs ? o->outputs[0].file : NULL;
	struct privileges rights = {.user = o->user};
	struct stat st;

	/* One and the same file may be compared with itself. */
	if (!inputs_find(&r->inputs, both, 1, r->err, sizeof(r->err)) ||
		(!(stat(both[1], &st) == 0 && inputs_hold(&r->inputs, &st)) &&
			!inputs_find(&r->inputs, both + 1, 1, r->err, sizeof(r->err))))
		return false;
	r->source = source_open_file(both[1], &o->source, r->err, sizeof(r->err));
	if (r->source)
		r->before = source_open_file(both[0], &o->source, r->err, sizeof(r->err));
	if (!r->before || !open_filter(r))
		return false;
	if (outputs_is_input(r, file)) {
		snprintf(r->err, sizeof(r->err), "-o: %s is a file that is being read", file);
		return false;
	}
	if (!comparison_open(&r->comparison, file, r->err, sizeof(r->err)) || !give_up(r, &rights))
		return false;
	run_confine(r, true);
	return true;
}

/* --compare */
static int compare(struct run *r)
{
	struct source *sources[2];
	const char *names[2] = {r->o.compare, r->o.reads[0]};
	struct model_config config = {.literal = r->o.engine.literal, .memory = r->o.engine.memory};
	int status = 0;

	if (!load_plugins(r) || !decode_resolve(&r->o, &r->decode, r->err, sizeof(r->err)) ||
		!open_compare(r))
		return refuse(r, STATUS_USAGE);
	sources[0] = r->before;
	sources[1] = r->source;
	r->comparison.json = options_output(&r->o, OUTPUT_JSON) != NULL;
	set_up_pipeline(r);
	signals_catch(&r->pipeline, false);
	for (int i = 0; i < 2; i++) {
		const char *name = strcmp(names[i], "-") ? names[i] : "standard input";

		r->comparison.side[i].name = name;
		if (comparison_read(&r->comparison, i, &r->pipeline, sources[i], &config) != 0) {
			progress_erase(&r->progress);
			message("%s", source_error(sources[i]));
			status = STATUS_FAILED;
		}
		progress_erase(&r->progress);
		if (!say_unread(r, name))
			status = STATUS_FAILED;
		if (signals_stopped())
			return STATUS_FAILED;
	}
	progress_erase(&r->progress);
	if (!comparison_write(&r->comparison, r->err, sizeof(r->err))) {
		message("%s", r->err);
		return STATUS_FAILED;
	}
	return status;
}

static bool of_interface(struct run *r, bool (*list)(FILE *, const char *, char *, size_t))
{
	char *name = info_interface(r->o.nifaces ? r->o.ifaces[0] : NULL, r->err, sizeof(r->err));
	bool good = name && list(stdout, name, r->err, sizeof(r->err));

	free(name);
	return good;
}

/* What is printed without capturing. */
static bool inform(struct run *r)
{
	switch (r->o.action) {
	case ACTION_HELP:
		options_usage(stdout);
		return true;
	case ACTION_OPTIONS:
		options_list(stdout);
		return true;
	case ACTION_VERSION:
		info_version(stdout);
		return true;
	case ACTION_INTERFACES:
		return info_interfaces(stdout, r->err, sizeof(r->err));
	case ACTION_DATALINKS:
		return of_interface(r, info_datalinks);
	case ACTION_STAMPS:
		return of_interface(r, info_stamps);
	case ACTION_PROTOCOLS:
		if (!load_plugins(r))
			return false;
		info_protocols(stdout);
		return true;
	case ACTION_TYPES:
		if (!load_plugins(r))
			return false;
		info_types(stdout);
		return true;
	case ACTION_THRESHOLDS:
		threshold_list(stdout);
		return true;
	case ACTION_FIELDS:
		if (!load_plugins(r))
			return false;
		if (schema_print_docs(stdout) == 0 || ferror(stdout))
			return true;
		snprintf(r->err, sizeof(r->err), "--fields: %s", strerror(errno));
		return false;
	case ACTION_RUN:
		break;
	}
	return true;
}

static int answer(struct run *r)
{
	errno = 0;
	if (!inform(r)) {
		message("%s", r->err);
		return STATUS_USAGE;
	}
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return 0;
	message("cannot write standard output%s%s", errno ? ": " : "",
		errno ? strerror(errno) : "");
	return STATUS_FAILED;
}

static void release(struct run *r)
{
	page_release(r);
	filter_free(r->filter);
	outputs_release(r);
	har_free(r->har);
	ui_free(r->ui);
	model_free(r->model);
	extraction_release(&r->extraction);
	geo_free(r->geo);
	comparison_release(&r->comparison);
	capwriter_free(r->writer);
	postrotate_free(r->postrotate);
	signals_ignore();
	source_close(r->before);
	source_close(r->source);
	inputs_release(&r->inputs);
	free(r->decode);
	options_release(&r->o);
}

/* Else a file that is opened would be given the number of one that is closed, and records would go
   to it. Reading from it and writing to it fail as before. */
static void hold_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			exit(STATUS_FAILED);
}

/* Of options that are accepted and change nothing. */
static void say_notes(const char *notes)
{
	while (notes && *notes) {
		size_t n = strcspn(notes, "\n");

		message("%.*s", (int)n, notes);
		notes += n + 1;
	}
}

int main(int argc, char **argv)
{
	static struct run r;
	int status;

	ending_init();
	hold_standard_files();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its own */
	options_init(&r.o);
	engine_config_defaults(&r.o.engine);
	thresholds_defaults(&r.o.thresholds);
	if (!options_parse(&r.o, argc, argv, r.err, sizeof(r.err))) {
		message("%s", r.err);
		options_release(&r.o);
		return STATUS_USAGE;
	}
	outputs_choose(&r.o);
	say_notes(r.o.notes);
	registry_init();
	if (r.o.action != ACTION_RUN)
		status = answer(&r);
	else
		status = r.o.compare ? compare(&r) : capture(&r);
	release(&r);
	return status;
}
