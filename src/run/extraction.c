/* extraction.c - see extraction.h. */
#include "run/extraction.h"
#include "base/text.h"
#include "findings/findings.h"
#include <stdio.h>
#include <string.h>

/* Could it be the id of a finding? */
static bool is_word(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

bool extraction_open(struct extraction *x, const char *what, const struct inputs *in,
	const struct source_options *o, const struct schema_env *env, char *err, size_t errsize)
{
	size_t at = (size_t)snprintf(err, errsize, "--extract: ");

	x->what = what;
	x->filter = filter_new(what, env, err + at, errsize - at);
	x->finding = !x->filter && is_word(what);
	if (!x->filter && !x->finding)
		return false;
	if (inputs_regular(in)) {
		x->again = inputs_open(in, o, err, errsize);
		if (x->again && x->finding)
			x->third = inputs_open(in, o, err, errsize);
		return x->again && (x->third || !x->finding);
	}
	if (!x->finding)
		return true;
	snprintf(err, errsize,
		"--extract %s: a finding is known when everything was read, which must be a file; "
		"of an interface or a pipe name records by a display filter",
		what);
	return false;
}

void extraction_start(
	struct extraction *x, struct capwriter *w, const struct engine_config *c, uint64_t memory)
{
	struct extract_options o = {
		.writer = w,
		.config = c,
		.filter = x->filter,
		.hold = x->again ? 0 : memory,
	};

	x->extract = extract_new(&o);
}

/* Which findings there are, for who asked for one that is not there. */
static void say_others(
	const char *what, const struct finding *list, unsigned n, char *err, size_t errsize)
{
	struct text t;

	text_init(&t, err, errsize);
	text_str(&t, "--extract: ");
	text_escape(&t, what, strlen(what), 64);
	text_str(&t, n ? " was not found; what was: " : " was not found, nor anything else");
	for (unsigned i = 0; i < n; i++) {
		bool before = false;

		for (unsigned k = 0; k < i; k++)
			before = before || strcmp(list[k].id, list[i].id) == 0;
		if (!before)
			text_printf(&t, "%s%s", i ? ", " : "", list[i].id);
	}
}

/* What isolates the findings of that id. */
static bool find_filter(struct extraction *x, const struct pipeline *p,
	const struct schema_env *env, char *err, size_t errsize)
{
	const struct finding *list;
	unsigned n = findings_list(findings_of(p->model), &p->capture, &list);
	struct text t;

	text_init_growing(&t);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i].id, x->what) == 0)
			text_printf(&t, "%s(%s)", t.len ? " or " : "", list[i].filter.p);
	if (t.len)
		x->filter = filter_new(t.p, env, err, errsize);
	else
		say_others(x->what, list, n, err, errsize);
	text_release(&t);
	return x->filter != NULL;
}

/* The second reading, for the records of a finding. */
static void read_records(struct extraction *x, struct pipeline *p, const struct sink *progress)
{
	struct sink sinks[2] = {extract_sink(x->extract), *progress};
	struct pipeline second = {
		.source = x->again,
		.config = p->config,
		.jobs = p->jobs,
		.max_frames = source_taken(p->source),
		.given = p->capture.frames,
		.analyse = true,
		.sinks = sinks,
		.nsinks = 2,
	};

	extract_filter(x->extract, x->filter);
	p->source = x->again;  /* which a signal stops */
	pipeline_run(&second); /* what was wrong with the file the first reading has said */
}

static void show(void *arg)
{
	const struct sink *progress = arg;

	progress->poll(progress->arg);
}

bool extraction_finish(struct extraction *x, struct pipeline *p, const struct schema_env *env,
	const struct sink *progress, char *err, size_t errsize)
{
	struct source *last = x->third ? x->third : x->again;
	uint64_t frames = p->capture.frames, taken = source_taken(p->source), n;

	if (!x->extract)
		return true;
	if (!last) {
		extract_flush(x->extract);
	} else if (x->finding && !find_filter(x, p, env, err, errsize)) {
		return false;
	} else {
		if (x->finding)
			read_records(x, p, progress);
		p->source = last;
		source_limit(last, taken);
		if (!extract_file(x->extract, last, frames, show, (void *)progress)) {
			snprintf(err, errsize, "--extract: the file is shorter than it was");
			return false;
		}
	}
	n = extract_missed(x->extract);
	if (n) {
		snprintf(err, errsize,
			"--extract: of %llu record%s frames had left the memory before; "
			"--extract-memory SIZE keeps more",
			(unsigned long long)n, n == 1 ? "" : "s");
		return false;
	}
	n = extract_refused(x->extract);
	if (n)
		snprintf(err, errsize,
			"--extract: %llu record%s too many to be remembered; --memory SIZE allows "
			"for more",
			(unsigned long long)n, n == 1 ? " was" : "s were");
	return n == 0;
}

void extraction_release(struct extraction *x)
{
	filter_free(x->filter);
	extract_free(x->extract);
	source_close(x->again);
	source_close(x->third);
}
