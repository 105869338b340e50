/*
 * source_merge.c - several capture files as one capture, in the order of time.
 *
 * Every file is looked at first for the time of its first frame, and opened again when that has
 * come: of files that were written one after the other (a rotated set) one or two are open at a
 * time. Of the open ones the earliest frame is next; within a file nothing is put in order here.
 * Frames stay where they were read to while they come from one file for a while, and are copied
 * where files take turns.
 *
 * A file that is damaged or cut short ends there, with a fault of its own, and the others go on.
 */
#include "capture/ifaces.h"
#include "capture/source_impl.h"
#include "base/mem.h"
#include "capture/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH     64u
#define RUN       16u /* frames of one file in a row that are worth a batch of their own */
#define FDS_OTHER 64u /* file descriptors for everything else */
#define OPEN_MAX  SOURCE_FILES_OPEN

/* Of an open file. */
struct opened {
	struct source *s;
	struct frame frames[BATCH]; /* at .. n are not handed out yet */
	unsigned at, n;
	struct chunk *chunk;
	uint64_t met, dropped; /* so far, of its source's counts */
	uint16_t *numbers;     /* of its interfaces, one more; 0: not known yet */
	unsigned nnumbers;
};

struct part {
	char *name;
	int fd; /* -1: open, or done */
	bool regular;
	uint64_t size, read;
	uint64_t first; /* time of its first frame; UINT64_MAX: it has none */
	unsigned place; /* among those that were given */
	uint32_t link_field;
	int snaplen;
	bool done;
	struct opened *open; /* NULL: not now */
};

struct merge_source {
	struct source s;
	struct source_options o;
	struct part *parts; /* by the time of their first frames */
	unsigned n, nopen;
	unsigned next;              /* of parts: the first that was not opened yet */
	struct capture_file *files; /* for the report: as parts */
	struct ifaces ifaces;
	uint64_t number, met, size;
	_Atomic uint64_t read; /* of size */
	struct chunk *chunk;   /* for copies */
	size_t fill;
	struct capture_stats stats; /* of files that are done */
	struct counters counters;
	bool faults;
};

/* ---- Opening and closing one file ---- */

static void fault(struct merge_source *m, struct part *p, const char *why)
{
	struct capture_file *f = &m->files[p - m->parts];

	if (!f->fault)
		f->fault = xstrdup(why);
	if (!m->faults)
		snprintf(m->s.error, sizeof(m->s.error), "%s", why);
	m->faults = true;
}

/* So much of a file has been read. */
static void note_progress(struct merge_source *m, struct part *p, uint64_t read)
{
	if (read <= p->read)
		return;
	atomic_store_explicit(&m->read,
		atomic_load_explicit(&m->read, memory_order_relaxed) + read - p->read,
		memory_order_relaxed);
	p->read = read;
}

/* What of a file that was read to its end is to be told. */
static void take_stats(struct merge_source *m, struct source *s)
{
	uint64_t before = m->stats.comments;

	source_stats(s, &m->stats);
	for (uint64_t i = before; i < m->stats.comments; i++) {
		const struct capture_comment *c = i < COMMENTS_SHOWN ? &m->stats.comment[i] : NULL;

		source_said(&m->s, c ? c->time : 0, c ? c->text : "", c ? strlen(c->text) : 0);
	}
}

static void end_part(struct merge_source *m, struct part *p)
{
	struct opened *x = p->open;

	p->done = true;
	note_progress(m, p, p->size);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (!x)
		return;
	take_stats(m, x->s);
	source_counters(x->s, &m->counters);
	source_close(x->s);
	free(x->numbers);
	free(x);
	p->open = NULL;
	m->nopen--;
}

static struct source *open_again(
	const struct part *p, const struct source_options *o, char *err, size_t errsize)
{
	int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		snprintf(err, errsize, "%s: %s", p->name, strerror(errno));
		return NULL;
	}
	return source_open_fd(fd, p->name, o, err, errsize);
}

/* Its turn has come. */
static void begin_part(struct merge_source *m, struct part *p)
{
	char err[512];
	struct source *s;

	if (m->nopen == OPEN_MAX) {
		snprintf(err, sizeof(err), "%s: not read: more than %u files overlap in time",
			p->name, OPEN_MAX);
		fault(m, p, err);
		end_part(m, p);
		return;
	}
	s = open_again(p, &m->o, err, sizeof(err));
	if (!s) {
		fault(m, p, err);
		end_part(m, p);
		return;
	}
	close(p->fd);
	p->fd = -1;
	p->open = xcalloc(1, sizeof(*p->open));
	p->open->s = s;
	m->nopen++;
}

/* ---- Frames ---- */

/* The number here of an interface of a file. */
static uint16_t number_of(struct merge_source *m, struct opened *x, const struct frame *f)
{
	const char *name;

	if (f->iface >= x->nnumbers) {
		unsigned n = f->iface + 8u;

		x->numbers = xrealloc(x->numbers, n * sizeof(*x->numbers));
		memset(x->numbers + x->nnumbers, 0, (n - x->nnumbers) * sizeof(*x->numbers));
		x->nnumbers = n;
	}
	if (!x->numbers[f->iface]) {
		name = source_iface(x->s, f->iface);
		name = name ? name : "";
		x->numbers[f->iface] =
			(uint16_t)(ifaces_number(&m->ifaces, f->linktype, name, strlen(name)) + 1);
	}
	return (uint16_t)(x->numbers[f->iface] - 1);
}

/* Reads on in one file. False: nothing has come, and it goes on. */
static bool refill(struct merge_source *m, struct part *p)
{
	struct opened *x = p->open;
	uint64_t met, bytes, dropped;
	enum source_state state;

	x->at = 0;
	state = source_take(x->s, x->frames, BATCH, &x->n, &x->chunk);
	source_position(x->s, &met, &bytes);
	m->met += met - x->met;
	x->met = met;
	dropped = source_dropped(x->s);
	atomic_store_explicit(&m->s.dropped,
		atomic_load_explicit(&m->s.dropped, memory_order_relaxed) + dropped - x->dropped,
		memory_order_relaxed);
	x->dropped = dropped;
	if (p->size)
		note_progress(m, p, (uint64_t)(source_progress(x->s) * (double)p->size));
	if (x->n)
		return true;
	if (state == SOURCE_MORE || state == SOURCE_IDLE)
		return false;
	if (state == SOURCE_ERROR)
		fault(m, p, source_error(x->s));
	end_part(m, p);
	return true;
}

/* Every open file has a frame to show; false: one of them has none yet. */
static bool refill_all(struct merge_source *m)
{
	for (unsigned i = 0; i < m->next; i++) {
		struct part *p = &m->parts[i];

		while (p->open && p->open->at == p->open->n)
			if (!refill(m, p))
				return false;
	}
	return true;
}

static uint64_t head_time(const struct part *p)
{
	return p->open->frames[p->open->at].time;
}

/* The file with the earliest frame, or NULL; *until, *by: before which frame of which other file it
   may go on. */
static struct part *earliest(struct merge_source *m, uint64_t *until, unsigned *by)
{
	struct part *best = NULL, *other = NULL;

	for (unsigned i = 0; i < m->next; i++) {
		struct part *p = &m->parts[i];

		if (!p->open)
			continue;
		if (!best || head_time(p) < head_time(best)) {
			other = best;
			best = p;
		} else if (!other || head_time(p) < head_time(other)) {
			other = p;
		}
	}
	*until = other ? head_time(other) : UINT64_MAX;
	*by = other ? (unsigned)(other - m->parts) : m->n;
	/* One that is not open yet. */
	if (m->next < m->n && m->parts[m->next].first < *until) {
		*until = m->parts[m->next].first;
		*by = m->next;
	}
	return best;
}

/* Opens the files whose first frame is next. False: it cannot be told yet. */
static bool next_part(struct merge_source *m, struct part **p, uint64_t *until, unsigned *by)
{
	for (;;) {
		if (!refill_all(m))
			return false;
		*p = earliest(m, until, by);
		if (m->next == m->n || (*p && head_time(*p) < m->parts[m->next].first))
			return true;
		if (m->parts[m->next].done)
			m->next++;
		else
			begin_part(m, &m->parts[m->next++]);
	}
}

/* How many of a file's frames are next in a row. */
static unsigned in_a_row(
	const struct merge_source *m, const struct part *p, uint64_t until, unsigned by)
{
	const struct opened *x = p->open;
	unsigned i = x->at;

	while (i < x->n && (x->frames[i].time < until ||
				   (x->frames[i].time == until && (unsigned)(p - m->parts) < by)))
		i++;
	return i > x->at ? i - x->at : 1;
}

static void give(struct merge_source *m, struct part *p, struct frame *out)
{
	struct opened *x = p->open;
	struct capture_file *f = &m->files[p - m->parts];

	*out = x->frames[x->at++];
	out->iface = number_of(m, x, out);
	out->number = ++m->number;
	if (!f->frames++)
		f->first = f->last = out->time;
	if (out->time < f->first)
		f->first = out->time;
	if (out->time > f->last)
		f->last = out->time;
}

static bool copy(struct merge_source *m, struct frame *f)
{
	uint8_t *to = m->chunk->data + m->fill;

	if (m->chunk->size - m->fill < f->caplen)
		return false;
	if (f->caplen)
		memcpy(to, f->data, f->caplen);
	f->data = to;
	m->fill += f->caplen;
	return true;
}

/* Frames by turns, until a file has to be read on. */
static unsigned take_turns(struct merge_source *m, struct part *p, struct frame *out, unsigned max,
	struct chunk **chunk)
{
	uint64_t until;
	unsigned n = 0, by;
	size_t size = p->open->frames[p->open->at].caplen;

	m->chunk = chunk_pool_room(
		&m->s.pool, m->chunk, &m->fill, size > CHUNK_SIZE / 8 ? size : CHUNK_SIZE / 8);
	*chunk = m->chunk;
	while (n < max && p) {
		const struct opened *x = p->open;
		struct frame f = x->frames[x->at];

		if (!copy(m, &f))
			break;
		give(m, p, &out[n]);
		out[n++].data = f.data;
		if (x->at == x->n)
			break;
		p = earliest(m, &until, &by);
		if (m->next < m->n && m->parts[m->next].first <= head_time(p))
			break; /* a file is to be opened */
	}
	return n;
}

static enum source_state merge_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct merge_source *m = (struct merge_source *)s;
	uint64_t until = 0, bytes = 0;
	unsigned row, by = 0;
	struct part *p;

	*n = 0;
	*chunk = m->chunk;
	if (source_stopped(s))
		return SOURCE_END;
	if (!next_part(m, &p, &until, &by))
		return SOURCE_MORE;
	if (!p)
		return m->faults ? SOURCE_ERROR : SOURCE_END;
	if (max > BATCH)
		max = BATCH;
	row = in_a_row(m, p, until, by);
	if (row >= RUN || row == p->open->n - p->open->at) {
		*chunk = p->open->chunk;
		while (*n < row && *n < max)
			give(m, p, &out[(*n)++]);
	} else {
		*n = take_turns(m, p, out, max, chunk);
	}
	for (unsigned i = 0; i < *n; i++)
		bytes += out[i].caplen;
	source_count(s, m->met, bytes);
	return SOURCE_MORE;
}

/* ---- What is asked of it ---- */

static const char *merge_iface(const struct source *s, unsigned i)
{
	return ifaces_name(&((const struct merge_source *)s)->ifaces, i);
}

static int merge_iface_linktype(const struct source *s, unsigned i)
{
	return ifaces_linktype(&((const struct merge_source *)s)->ifaces, i);
}

/* Of bytes. */
static double merge_progress(const struct source *s)
{
	const struct merge_source *m = (const struct merge_source *)s;

	return m->size ? (double)atomic_load_explicit(&m->read, memory_order_relaxed) /
				 (double)m->size
		       : -1;
}

static void merge_stats(struct source *s, struct capture_stats *st)
{
	struct merge_source *m = (struct merge_source *)s;

	st->kernel_dropped += m->stats.kernel_dropped;
	st->interface_dropped += m->stats.interface_dropped;
	for (unsigned i = 0; i < m->n; i++)
		if (m->parts[i].open)
			source_stats(m->parts[i].open->s, st);
	st->files = m->files;
	st->nfiles = m->n;
}

static void merge_counters(const struct source *s, struct counters *c)
{
	const struct merge_source *m = (const struct merge_source *)s;

	counters_merge(c, &m->counters);
	for (unsigned i = 0; i < m->n; i++)
		if (m->parts[i].open)
			source_counters(m->parts[i].open->s, c);
}

static const char *merge_fault(const struct source *s, unsigned i)
{
	const struct merge_source *m = (const struct merge_source *)s;

	for (unsigned k = 0; k < m->n; k++)
		if (m->files[k].fault && i-- == 0)
			return m->files[k].fault;
	return NULL;
}

static void merge_close(struct source *s)
{
	struct merge_source *m = (struct merge_source *)s;

	for (unsigned i = 0; i < m->n; i++) {
		end_part(m, &m->parts[i]);
		free(m->parts[i].name);
		free((char *)(uintptr_t)m->files[i].fault);
	}
	ifaces_release(&m->ifaces);
	free(m->parts);
	free(m->files);
	source_release(s);
	free(m);
}

static const struct source_ops merge_ops = {
	.read = merge_read,
	.iface = merge_iface,
	.iface_linktype = merge_iface_linktype,
	.progress = merge_progress,
	.stats = merge_stats,
	.counters = merge_counters,
	.fault = merge_fault,
	.close = merge_close,
};

/* ---- Opening ---- */

/* Every file stays open, or could not be opened again without the rights that are given up. */
static void allow_files(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= n + FDS_OTHER)
		return;
	limit.rlim_cur = limit.rlim_max < n + FDS_OTHER ? limit.rlim_max : n + FDS_OTHER;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_part(struct part *p, const char *path, char *err, size_t errsize)
{
	bool input = strcmp(path, "-") == 0;
	struct stat st;

	p->name = xstrdup(input ? "standard input" : path);
	p->fd = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : keeper_capture(path);
	if (p->fd < 0 || fstat(p->fd, &st) < 0) {
		snprintf(err, errsize, "%s: %s", p->name, strerror(errno));
		return false;
	}
	p->regular = S_ISREG(st.st_mode);
	p->size = p->regular ? (uint64_t)st.st_size : 0;
	return true;
}

/* The filter is none, which one file shows as well as another. */
static bool is_bad_filter(const char *why)
{
	return strncmp(why, "bad filter: ", sizeof("bad filter: ") - 1) == 0;
}

/* The time of the file's first frame, and what is in it; false with a line in err: it is no use to
   begin. */
static bool look_into(struct merge_source *m, struct part *p, char *err, size_t errsize)
{
	struct source_options none = {0};
	enum source_state state = SOURCE_MORE;
	struct packet first;
	struct chunk *chunk;
	struct source *s;
	char why[512];
	unsigned n = 0;

	s = open_again(p, &m->o, why, sizeof(why));
	if (!s && is_bad_filter(why)) {
		snprintf(err, errsize, "%.400s: %s", p->name, why);
		return false;
	}
	if (s && m->o.filter) {
		source_close(s);
		s = open_again(p, &none, why, sizeof(why));
	}
	if (!s) {
		fault(m, p, why);
		end_part(m, p);
		return true;
	}
	while (state == SOURCE_MORE && !n)
		state = source_read(s, &first, 1, &n, &chunk);
	if (state == SOURCE_ERROR)
		fault(m, p, source_error(s));
	if (n) {
		p->first = first.time;
		p->link_field = source_link_bits(s);
		p->snaplen = source_snaplen(s);
		m->s.nano |= source_nano(s);
	} else {
		take_stats(m, s);
		end_part(m, p);
	}
	source_close(s);
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static bool look_into_all(struct merge_source *m, char *err, size_t errsize)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct part *p = &m->parts[i];

		p->first = UINT64_MAX;
		if (!p->regular) {
			p->first = 0; /* it is read once, from the beginning */
			m->s.paced = true;
		}
		if (p->regular && !look_into(m, p, err, errsize))
			return false;
	}
	return true;
}

/* What was found of a file before goes with it. */
static void put_in_order(struct merge_source *m)
{
	struct capture_file *files = xcalloc(m->n, sizeof(*files));

	qsort(m->parts, m->n, sizeof(*m->parts), by_first);
	for (unsigned i = 0; i < m->n; i++) {
		files[i] = m->files[m->parts[i].place];
		files[i].name = m->parts[i].name;
		m->size += m->parts[i].size;
		if (m->parts[i].snaplen > m->s.snaplen)
			m->s.snaplen = m->parts[i].snaplen;
	}
	free(m->files);
	m->files = files;
	m->s.link_field = m->parts[0].link_field ? m->parts[0].link_field : 1;
}

struct source *source_open_files(const char *const *paths, unsigned n,
	const struct source_options *o, char *err, size_t errsize)
{
	struct merge_source *m;
	bool good;

	if (n == 1)
		return source_open_file(paths[0], o, err, errsize);
	m = xcalloc(1, sizeof(*m));
	m->o = *o;
	m->o.window = 0; /* the merged frames are put in order, not those of each file */
	m->n = n;
	m->parts = xcalloc(n, sizeof(*m->parts));
	m->files = xcalloc(n, sizeof(*m->files));
	for (unsigned i = 0; i < n; i++) {
		m->parts[i].fd = -1;
		m->parts[i].place = i;
	}
	ifaces_init(&m->ifaces);
	allow_files(n);
	good = source_init(&m->s, &merge_ops, o, err, errsize);
	for (unsigned i = 0; good && i < n; i++)
		good = open_part(&m->parts[i], paths[i], err, errsize);
	if (good && look_into_all(m, err, errsize)) {
		put_in_order(m);
		return &m->s;
	}
	merge_close(&m->s);
	return NULL;
}
