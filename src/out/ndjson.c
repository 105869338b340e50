/*
 * ndjson.c - JSON lines to a file, a pipe or standard output.
 */
#include "out/ndjson.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/ending.h"
#include "base/mem.h"
#include "core/community.h"
#include "core/registry.h"
#include "out/jsonw.h"
#include "out/outfile.h"

#define BUFFER    (256u * 1024u)
#define PLANS_MAX (DISSECTORS_MAX + 2) /* of flows and findings, too */

struct type_plan {
	const struct dissector *dissector; /* NULL: flows */
	struct jsonw_plan *plan;           /* NULL: not wanted */
};

struct ndjson {
	struct outfile file;
	uint64_t time; /* of the latest record, where the file rotates */
	bool closed;   /* the reader has gone */
	bool flat, line_buffered;
	char *types; /* NULL: all */
	char *buffer;
	size_t len, size;
	struct whole whole; /* lines in it */
	unsigned nplans;
	struct type_plan plans[PLANS_MAX];
	struct type_plan *last; /* of the record before */
	struct time_cache times;
	struct schema_env env;
	char error[256];
};

static void fail(struct ndjson *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first error stays. */
static void fail(struct ndjson *n, const char *format, ...)
{
	va_list ap;

	if (n->error[0])
		return;
	va_start(ap, format);
	vsnprintf(n->error, sizeof(n->error), format, ap);
	va_end(ap);
}

static bool stopped(const struct ndjson *n)
{
	return n->closed || n->error[0];
}

/*
 * The disk is full in the middle of a line: takes a file back to the end of its last whole line.
 * `at` bytes of the buffer were written. What cannot be taken back (a pipe) stays.
 */
static void trim_file(struct ndjson *n, size_t at)
{
	struct stat st;
	const char *newline = at ? memrchr(n->buffer, '\n', at) : NULL;
	size_t part = at - (newline ? (size_t)(newline - n->buffer) + 1 : 0);
	int fd = n->file.fd, flags = fcntl(fd, F_GETFL);
	off_t end = lseek(fd, 0, SEEK_CUR);

	if (part == 0 || end < (off_t)part || flags < 0 || ((flags & O_APPEND) && !n->file.own) ||
		fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != end)
		return;
	if (ftruncate(fd, end - (off_t)part) == 0)
		lseek(fd, end - (off_t)part, SEEK_SET);
}

static void write_out(struct ndjson *n)
{
	size_t at = 0;

	while (at < n->len && !stopped(n)) {
		ssize_t done = write(n->file.fd, n->buffer + at, n->len - at);

		if (done > 0) {
			at += (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = n->file.fd, .events = POLLOUT};

			poll(&p, 1, -1);
		} else if (done < 0 && errno == EPIPE) {
			n->closed = true;
		} else if (done == 0 || errno != EINTR) {
			fail(n, "cannot write %s: %s", n->file.name,
				strerror(done < 0 ? errno : ENOSPC));
			trim_file(n, at);
		}
	}
	n->file.written += at;
	n->len = 0;
}

static void hold(struct ndjson *n)
{
	whole_hold(&n->whole);
}

static void let_go(struct ndjson *n)
{
	whole_let_go(&n->whole, stopped(n) ? -1 : n->file.fd, n->buffer, n->len);
}

static void flush(struct ndjson *n)
{
	hold(n);
	write_out(n);
	let_go(n);
}

/* The program ends at once. */
static void last_words(void *arg, bool in_signal)
{
	struct ndjson *n = arg;

	(void)in_signal;
	if (whole_take(&n->whole))
		ending_write(atomic_load(&n->whole.fd), n->whole.bytes, atomic_load(&n->whole.n));
}

/* A line behind the first `before` bytes of the buffer: does another file begin with it? */
static void rotate(struct ndjson *n, const struct record *r, size_t before)
{
	size_t line = n->len - before;
	uint64_t time = r->end != FIELD_ABSENT ? r->end : r->start;

	if (time != FIELD_ABSENT && time > n->time)
		n->time = time;
	if (!outfile_due(&n->file, before, line, n->time)) {
		whole_grown(&n->whole, n->len);
		return;
	}
	hold(n);
	n->len = before;
	if (n->file.fd >= 0)
		write_out(n);
	/* What an earlier run left may have no room for it either. */
	while (!stopped(n) && outfile_due(&n->file, 0, line, n->time))
		if (!outfile_next(&n->file, n->time))
			fail(n, "cannot write %s: %s", n->file.name, strerror(errno));
	memmove(n->buffer, n->buffer + before, line);
	n->len = line;
	let_go(n);
}

/* Is a name in the list of types? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static struct type_plan *plan_add(struct ndjson *n, const struct dissector *d)
{
	struct type_plan *t = &n->plans[n->nplans];
	struct schema *s;

	if (n->nplans == PLANS_MAX) {
		fail(n, "more than %u types of records", PLANS_MAX);
		return NULL;
	}
	t->dissector = d;
	t->plan = NULL;
	if (n->types ? listed(n->types, d ? d->name : "flow") : d != &finding_type) {
		s = schema_new(d, n->error, sizeof(n->error));
		if (!s)
			return NULL;
		if (!n->env.geo)
			schema_without_geo(s);
		t->plan = jsonw_plan_new(s, &n->env, n->flat);
	}
	n->nplans++;
	return t;
}

static struct type_plan *plan_of(struct ndjson *n, const struct dissector *d)
{
	if (n->last && n->last->dissector == d)
		return n->last;
	n->last = NULL;
	for (unsigned i = 0; i < n->nplans && !n->last; i++)
		if (n->plans[i].dissector == d)
			n->last = &n->plans[i];
	if (!n->last)
		n->last = plan_add(n, d);
	return n->last;
}

static void ndjson_record(void *arg, const struct record *r)
{
	struct ndjson *n = arg;
	struct type_plan *t;
	size_t bound, before;

	if (stopped(n))
		return;
	t = plan_of(n, r->kind == RECORD_FLOW ? NULL : r->dissector);
	if (!t || !t->plan)
		return;
	bound = jsonw_bound(t->plan, r);
	if (n->size - n->len < bound) {
		flush(n);
		if (n->size < bound) {
			char *more = xmalloc(bound);

			hold(n);
			n->size = bound;
			free(n->buffer);
			n->buffer = more;
			let_go(n);
		}
	}
	before = n->len;
	n->len = (size_t)(jsonw_record(t->plan, r, &n->env, &n->times, n->buffer + n->len) -
			  n->buffer);
	if (outfile_rotates(&n->file))
		rotate(n, r, before);
	else
		whole_grown(&n->whole, n->len);
	if (n->line_buffered)
		flush(n);
}

static bool ndjson_poll(void *arg)
{
	struct ndjson *n = arg;

	if (n->len)
		flush(n);
	return !stopped(n);
}

bool ndjson_lists(const char *types, const char *type)
{
	return types && listed(types, type);
}

struct sink ndjson_sink(struct ndjson *n)
{
	return (struct sink){
		.arg = n, .record = ndjson_record, .poll = ndjson_poll, .interim = true};
}

/* Every type asked for must be one that there is. */
static bool check_types(const char *types, char *err, size_t errsize)
{
	const char *p = types;

	do {
		size_t len = strcspn(p, ",");
		bool known = (len == 4 && strncmp(p, "flow", 4) == 0) ||
			     (len == 7 && strncmp(p, "finding", 7) == 0);

		for (unsigned i = 0; i < registry_count() && !known; i++) {
			const struct dissector *d = registry_get(i);

			known = schema_has_records(d) && strlen(d->name) == len &&
				strncmp(d->name, p, len) == 0;
		}
		if (!known) {
			char shown[64];
			struct text t;

			text_init(&t, shown, sizeof(shown));
			text_escape(&t, p, len, 40);
			snprintf(err, errsize,
				"no type of records named '%s'; --types help lists them", shown);
			return false;
		}
		p += len;
	} while (*p++ == ',');
	return true;
}

/* All plans are made before the first record, so that a field that does not fit is told at once. */
static bool make_plans(struct ndjson *n)
{
	if (!plan_add(n, NULL) || !plan_add(n, &finding_type))
		return false;
	for (unsigned i = 0; i < registry_count(); i++)
		if (schema_has_records(registry_get(i)) && !plan_add(n, registry_get(i)))
			return false;
	return true;
}

struct ndjson *ndjson_new_fd(const struct ndjson_options *o, int fd, char *err, size_t errsize)
{
	struct ndjson *n;

	if (o->types && !check_types(o->types, err, errsize))
		return NULL;
	n = xcalloc(1, sizeof(*n));
	outfile_use(&n->file, fd, o->file.path ? o->file.path : "standard output");
	n->flat = o->flat;
	n->line_buffered = o->line_buffered;
	n->types = o->types ? xstrdup(o->types) : NULL;
	n->env.version = o->version;
	n->env.iface = o->iface;
	n->env.iface_arg = o->iface_arg;
	n->env.geo = o->geo;
	n->env.identity = o->identity;
	n->env.community = community_cache_new();
	n->size = BUFFER;
	n->buffer = xmalloc(n->size);
	atomic_init(&n->whole.held, false);
	whole_let_go(&n->whole, fd, n->buffer, 0);
	ending_add(last_words, n);
	if (!make_plans(n)) {
		snprintf(err, errsize, "%s", n->error);
		ndjson_free(n);
		return NULL;
	}
	return n;
}

struct ndjson *ndjson_new(const struct ndjson_options *o, char *err, size_t errsize)
{
	struct outfile file;
	struct ndjson *n;

	if ((o->types && !check_types(o->types, err, errsize)) ||
		!outfile_open(&file, &o->file, err, errsize))
		return NULL;
	n = ndjson_new_fd(o, file.fd, err, errsize);
	if (!n) {
		outfile_release(&file);
		return NULL;
	}
	hold(n);
	outfile_release(&n->file);
	n->file = file;
	let_go(n);
	return n;
}

bool ndjson_reopen(struct ndjson *n, char *err, size_t errsize)
{
	bool good;

	flush(n);
	hold(n);
	good = outfile_reopen(&n->file);
	let_go(n);
	if (good)
		return true;
	snprintf(err, errsize, "cannot open %s again, and goes on with the old file: %s",
		n->file.name, strerror(errno));
	return false;
}

bool ndjson_finish(struct ndjson *n)
{
	/* A capture without records makes a file all the same. */
	if (n->file.fd < 0 && !stopped(n) && !outfile_next(&n->file, n->time))
		fail(n, "cannot write %s: %s", n->file.name, strerror(errno));
	hold(n);
	write_out(n);
	if (!outfile_close(&n->file))
		fail(n, "cannot write %s: %s", n->file.name, strerror(errno));
	let_go(n);
	return !n->error[0];
}

const char *ndjson_error(const struct ndjson *n)
{
	return n->error[0] ? n->error : NULL;
}

bool ndjson_closed(const struct ndjson *n)
{
	return n->closed;
}

void ndjson_free(struct ndjson *n)
{
	if (!n)
		return;
	ending_drop(n);
	outfile_release(&n->file);
	for (unsigned i = 0; i < n->nplans; i++)
		jsonw_plan_free(n->plans[i].plan);
	community_cache_free(n->env.community);
	free(n->buffer);
	free(n->types);
	free(n);
}
