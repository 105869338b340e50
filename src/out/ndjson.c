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
#include "out/outfile.h"

#define BUFFER (256u * 1024u)
struct ndjson {
	struct outfile file;
	uint64_t time; /* of the latest record, where the file rotates */
	bool closed;   /* the reader has gone */
	bool line_buffered;
	struct lines *lines;
	char *buffer;
	size_t len, size;
	struct whole whole; /* lines in it */
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

static void ndjson_record(void *arg, const struct record *r)
{
	struct ndjson *n = arg;
	size_t bound, before;

	if (stopped(n))
		return;
	bound = lines_bound(n->lines, r);
	if (!bound) {
		if (lines_error(n->lines))
			fail(n, "%s", lines_error(n->lines));
		return;
	}
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
	n->len = (size_t)(lines_put(n->lines, r, n->buffer + n->len) - n->buffer);
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

struct sink ndjson_sink(struct ndjson *n)
{
	return (struct sink){
		.arg = n, .record = ndjson_record, .poll = ndjson_poll, .interim = true};
}

struct ndjson *ndjson_new_fd(const struct ndjson_options *o, int fd, char *err, size_t errsize)
{
	struct lines *lines = lines_new(&o->lines, err, errsize);
	struct ndjson *n;

	if (!lines)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->lines = lines;
	outfile_use(&n->file, fd, o->file.path ? o->file.path : "standard output");
	n->line_buffered = o->line_buffered;
	n->size = BUFFER;
	n->buffer = xmalloc(n->size);
	atomic_init(&n->whole.held, false);
	whole_let_go(&n->whole, fd, n->buffer, 0);
	ending_add(last_words, n);
	return n;
}

struct ndjson *ndjson_new(const struct ndjson_options *o, char *err, size_t errsize)
{
	struct outfile file;
	struct ndjson *n = ndjson_new_fd(o, -1, err, errsize);

	if (!n)
		return NULL;
	if (!outfile_open(&file, &o->file, err, errsize)) {
		ndjson_free(n);
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
	lines_free(n->lines);
	free(n->buffer);
	free(n);
}
