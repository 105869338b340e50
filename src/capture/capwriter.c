/*
 * capwriter.c - capture files from frames (capwriter.h); draft-ietf-opsawg-pcap. The blocks of
 * pcapng are pcapng_write.c's.
 */
#include "base/clock.h"
#include "capture/capwriter.h"
#include "base/ending.h"
#include "base/mem.h"
#include "base/message.h"
#include "capture/pcapng_write.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)320 * 1024) /* a frame of 256 KiB has room with its head */
#define IFACES      65536u

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link_field;
};

/* Of a pcapng file: under which number a capture's interface was described in it. */
struct described {
	uint16_t number; /* one more; 0: not yet */
	uint16_t linktype;
};

struct capwriter {
	struct capwriter_options o;
	uint16_t linktype;
	int fd;
	char name[PATH_MAX]; /* of the open file */
	int digits;          /* of the number behind the name */
	unsigned count;      /* that number */
	unsigned windows;    /* files that -G has ended */
	uint64_t window;     /* when this -G window began, s */
	uint64_t written;    /* bytes of this file, buffered ones too */
	uint64_t frames;
	bool failed, full, pipe_closed;
	atomic_uint asked;
	bool headless;            /* the file has no header yet */
	bool ng;                  /* it is a pcapng file */
	struct described *ifaces; /* IFACES of them */
	uint32_t nifaces;
	char error[PATH_MAX + 128];
	size_t fill;
	uint64_t out;       /* bytes that were written to this file */
	uint64_t out_whole; /* up to the end of a frame */
	struct whole whole; /* frames in the buffer */
	uint8_t buffer[BUFFER_SIZE];
};

static bool fail(struct capwriter *w, int number)
{
	w->failed = true;
	w->pipe_closed = number == EPIPE;
	snprintf(w->error, sizeof(w->error), "cannot write %s: %s", w->name, strerror(number));
	return false;
}

static uint32_t number_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Of n bytes at the end of a frame, those up to the end of the last whole one. */
static size_t whole_frames(const struct capwriter *w, const uint8_t *p, size_t n)
{
	size_t at = !w->ng && w->out == 0 ? sizeof(struct file_header) : 0, more;

	if (at > n)
		return 0;
	for (;; at += more) {
		more = 0;
		if (w->ng && n - at >= 8)
			more = number_at(p + at + 4);
		else if (!w->ng && n - at >= 16)
			more = 16u + number_at(p + at + 8);
		if (!more || more > n - at)
			return at;
	}
}

/*
 * The disk is full: the file is taken back to the end of its last whole frame, unless somebody else
 * writes to it, too. What cannot be taken back (a pipe) stays.
 */
static void take_back(const struct capwriter *w)
{
	off_t end = lseek(w->fd, 0, SEEK_CUR), more = (off_t)(w->out - w->out_whole);
	struct stat st;

	if (!more || end < more || fstat(w->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		st.st_size != end)
		return;
	if (ftruncate(w->fd, end - more) == 0)
		lseek(w->fd, end - more, SEEK_SET);
}

static void wait_for_room(const struct capwriter *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLOUT};

	poll(&p, 1, -1);
}

/* frames: whole ones; else a part of one. */
static bool write_all(struct capwriter *w, const void *from, size_t n, bool frames)
{
	const uint8_t *p = from;
	size_t at = 0;
	int error = 0;

	while (at < n && !error) {
		ssize_t put = write(w->fd, p + at, n - at);

		if (put > 0)
			at += (size_t)put;
		else if (put < 0 && errno == EAGAIN)
			wait_for_room(w);
		else if (put == 0 || errno != EINTR)
			error = put == 0 ? ENOSPC : errno;
	}
	if (frames)
		w->out_whole = w->out + (error ? whole_frames(w, p, at) : n);
	w->out += at;
	if (!error)
		return true;
	take_back(w);
	return fail(w, error);
}

/* How much of it is whole now. */
static void let_go(struct capwriter *w)
{
	whole_let_go(&w->whole, w->failed ? -1 : w->fd, w->buffer, w->fill);
}

static bool flush(struct capwriter *w)
{
	size_t n = w->fill;
	bool good;

	whole_hold(&w->whole);
	w->fill = 0;
	good = !n || write_all(w, w->buffer, n, true);
	let_go(w);
	return good;
}

struct part {
	const void *p;
	size_t n;
};

/* A frame, or another block, stands in the buffer as a whole, or never does. */
static bool put(struct capwriter *w, const struct part *part, unsigned nparts)
{
	size_t n = 0;

	for (unsigned i = 0; i < nparts; i++)
		n += part[i].n;
	w->written += n;
	if (n > BUFFER_SIZE - w->fill && !flush(w))
		return false;
	for (unsigned i = 0; i < nparts; i++) {
		if (n > BUFFER_SIZE) {
			if (!write_all(w, part[i].p, part[i].n, false))
				return false;
			continue;
		}
		memcpy(w->buffer + w->fill, part[i].p, part[i].n);
		w->fill += part[i].n;
	}
	if (n > BUFFER_SIZE)
		w->out_whole = w->out;
	whole_grown(&w->whole, w->fill);
	return true;
}

static bool put_one(struct capwriter *w, const void *p, size_t n)
{
	return put(w, &(struct part){p, n}, 1);
}

/* The program ends at once. */
static void last_words(void *arg, bool in_signal)
{
	struct capwriter *w = arg;
	struct stat st;
	int fd;

	(void)in_signal;
	if (!whole_take(&w->whole))
		return;
	fd = atomic_load(&w->whole.fd);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		ending_write(fd, w->whole.bytes, atomic_load(&w->whole.n));
}

/* The path, with the time filled in (-G) and the number behind it (-C). */
static bool make_name(struct capwriter *w)
{
	char stem[PATH_MAX];
	time_t t = (time_t)w->window;
	struct tm tm;
	int n;

	snprintf(stem, sizeof(stem), "%s", w->o.path);
	if (strlen(w->o.path) >= sizeof(stem))
		n = INT_MAX;
	else if (w->o.seconds &&
		 (!localtime_r(&t, &tm) || !strftime(stem, sizeof(stem), w->o.path, &tm)))
		n = INT_MAX;
	else if (w->count == 0 && w->digits == 0)
		n = snprintf(w->name, sizeof(w->name), "%s", stem);
	else
		n = snprintf(w->name, sizeof(w->name), "%s%0*u", stem, w->digits, w->count);
	if (n > 0 && (size_t)n < sizeof(w->name))
		return true;
	w->failed = true;
	snprintf(w->error, sizeof(w->error), "-w: the file's name is too long or empty");
	return false;
}

/* Would writing destroy what is being read? */
static bool is_input(const struct capwriter *w, const struct stat *st)
{
	return w->o.inputs && S_ISREG(st->st_mode) && inputs_hold(w->o.inputs, st);
}

static void opened(struct capwriter *w)
{
	w->out = w->out_whole = 0;
	atomic_store(&w->whole.fd, w->fd);
}

static bool open_named(struct capwriter *w)
{
	struct stat st;

	w->fd = open(w->name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (w->fd < 0 || fstat(w->fd, &st) < 0)
		return fail(w, errno);
	if (is_input(w, &st)) {
		w->failed = true;
		snprintf(w->error, sizeof(w->error), "%s is the file that is being read", w->name);
		return false;
	}
	if (S_ISREG(st.st_mode) && ftruncate(w->fd, 0) < 0)
		return fail(w, errno);
	opened(w);
	return true;
}

/* pcapng: no more than that a section begins; interfaces are described when a frame is theirs. */
static bool write_section(struct capwriter *w)
{
	uint8_t block[NG_WRITE_MAX];

	w->headless = false;
	w->nifaces = 0;
	memset(w->ifaces, 0, IFACES * sizeof(*w->ifaces));
	return put_one(w, block, ng_write_section(block)) && (!w->o.unbuffered || flush(w));
}

static bool write_header(struct capwriter *w)
{
	struct file_header h = {
		.magic = w->o.nano ? 0xa1b23c4du : 0xa1b2c3d4u,
		.major = 2,
		.minor = 4,
		.snaplen = w->o.snaplen,
		.link_field = w->o.link_field,
	};

	if (w->ng)
		return write_section(w);
	w->headless = false;
	return put_one(w, &h, sizeof(h)) && (!w->o.unbuffered || flush(w));
}

/* Of a file that is read the first frame says of which link type the written one is. */
static bool open_file(struct capwriter *w)
{
	w->written = 0;
	w->headless = true;
	if (strcmp(w->o.path, "-") == 0) {
		snprintf(w->name, sizeof(w->name), "standard output");
		w->fd = STDOUT_FILENO;
		opened(w);
	} else if (w->o.fd > 0) {
		snprintf(w->name, sizeof(w->name), "%s", w->o.path);
		w->fd = w->o.fd;
		w->o.fd = 0;
		opened(w);
	} else if (!make_name(w) || !open_named(w)) {
		return false;
	}
	return w->o.now || w->o.unbuffered ? write_header(w) : true;
}

/* Late write errors (a full disk, NFS) may show at close only. */
static bool close_file(struct capwriter *w)
{
	bool good = w->fd < 0 || ((!w->headless || write_header(w)) && flush(w));
	int fd = w->fd;

	w->fd = -1;
	atomic_store(&w->whole.fd, -1);
	if (fd > STDERR_FILENO && close(fd) < 0 && good)
		return fail(w, errno);
	return good;
}

/* Digits of the largest number: 0..files-1. */
static int digits_of(unsigned files)
{
	int n = 0;

	for (unsigned max = files ? files - 1 : 0; max; max /= 10)
		n++;
	return n;
}

bool capwriter_mixes(const char *path)
{
	static const char end[] = ".pcapng";
	size_t n = strlen(path);

	return n >= sizeof(end) && strcasecmp(path + n - (sizeof(end) - 1), end) == 0;
}

struct capwriter *capwriter_open(const struct capwriter_options *o, char *err, size_t errsize)
{
	struct capwriter *w = xcalloc(1, sizeof(*w));

	w->o = *o;
	w->linktype = (uint16_t)(o->link_field & 0xffff);
	w->ng = capwriter_mixes(o->path);
	if (w->ng)
		w->ifaces = xcalloc(IFACES, sizeof(*w->ifaces));
	w->fd = -1;
	w->whole.bytes = w->buffer;
	atomic_init(&w->whole.fd, -1);
	ending_add(last_words, w);
	w->digits = o->size ? digits_of(o->files) : 0;
	w->window = o->now / SECOND;
	if (o->seconds && !o->now)
		return w;
	if (open_file(w))
		return w;
	snprintf(err, errsize, "%s", w->error);
	capwriter_free(w);
	return NULL;
}

/* Was the file moved away, or removed? */
static bool moved(const struct capwriter *w)
{
	struct stat ours, named;

	if (w->fd <= STDERR_FILENO || fstat(w->fd, &ours) < 0 || !S_ISREG(ours.st_mode))
		return false;
	return stat(w->name, &named) < 0 || named.st_dev != ours.st_dev ||
	       named.st_ino != ours.st_ino;
}

/* With the same name. Where that cannot be had the old file goes on. */
static bool reopen(struct capwriter *w)
{
	int old = w->fd;

	if (!moved(w))
		return true;
	if ((w->headless && !write_header(w)) || !flush(w))
		return false;
	if (open_named(w)) {
		close(old);
		w->written = 0;
		w->headless = true;
		return true;
	}
	w->failed = w->pipe_closed = false;
	w->fd = old;
	atomic_store(&w->whole.fd, old);
	message("%s; the capture goes on in the old file", w->error);
	w->error[0] = '\0';
	return true;
}

void capwriter_ask(struct capwriter *w, unsigned what)
{
	atomic_fetch_or_explicit(&w->asked, what, memory_order_relaxed);
}

static bool answer(struct capwriter *w)
{
	unsigned what = atomic_exchange_explicit(&w->asked, 0, memory_order_relaxed);

	if (what & CAPWRITER_REOPEN && !reopen(w))
		return false;
	return !(what & CAPWRITER_FLUSH) || flush(w);
}

static bool end_file(struct capwriter *w)
{
	if (!close_file(w))
		return false;
	if (w->o.closed)
		w->o.closed(w->o.closed_arg, w->name);
	return true;
}

/* -G: the window is over. */
static bool next_window(struct capwriter *w, uint64_t second)
{
	w->windows++;
	if (!end_file(w))
		return false;
	if (!w->o.size && w->o.files && w->windows >= w->o.files) {
		w->full = true;
		return false;
	}
	w->window = second;
	w->count = 0;
	return open_file(w);
}

/* -C: the file is large enough. */
static bool next_number(struct capwriter *w)
{
	if (!end_file(w))
		return false;
	w->count++;
	if (w->o.files && w->count >= w->o.files)
		w->count = 0;
	return open_file(w);
}

static bool rotate(struct capwriter *w, uint64_t time)
{
	uint64_t second = time / SECOND;

	if (w->fd < 0) {
		w->window = second;
		return open_file(w);
	}
	if (w->o.seconds && second >= w->window + w->o.seconds && !next_window(w, second))
		return false;
	return !w->o.size || w->written <= w->o.size || next_number(w);
}

/* The number of a frame's interface in the file, which gets a description where it has none; false:
   writing failed. */
static bool describe(struct capwriter *w, const struct packet *p, uint32_t *number)
{
	struct described *d = &w->ifaces[p->iface];
	uint8_t block[NG_WRITE_MAX];
	const char *name;

	if (d->number && d->linktype == p->linktype) {
		*number = d->number - 1u;
		return true;
	}
	if (w->nifaces == IFACES - 1) {
		w->failed = true;
		snprintf(w->error, sizeof(w->error), "%s: more than %u interfaces", w->name,
			IFACES - 1);
		return false;
	}
	name = w->o.iface ? w->o.iface(w->o.iface_arg, p->iface) : NULL;
	*number = w->nifaces++;
	d->number = (uint16_t)w->nifaces;
	d->linktype = p->linktype;
	return put_one(w, block, ng_write_interface(block, p->linktype, w->o.snaplen, name));
}

static bool ng_frame(struct capwriter *w, const struct packet *p)
{
	uint8_t head[NG_WRITE_MAX], end[NG_WRITE_MAX];
	struct part part[3];
	uint32_t number;

	if (!rotate(w, p->time) || (w->headless && !write_header(w)) || !describe(w, p, &number))
		return false;
	part[0] = (struct part){head, ng_write_packet(head, number, p->time, p->caplen, p->len)};
	part[1] = (struct part){p->data, p->caplen};
	part[2] = (struct part){end, ng_write_packet_end(end, p->caplen)};
	if (!put(w, part, 3))
		return false;
	w->frames++;
	return !w->o.unbuffered || flush(w);
}

bool capwriter_frame(struct capwriter *w, const struct packet *p)
{
	struct part part[2];
	uint32_t head[4];

	if (w->failed || w->full)
		return false;
	if (atomic_load_explicit(&w->asked, memory_order_relaxed) && !answer(w))
		return false;
	if (w->ng)
		return ng_frame(w, p);
	if (w->headless && !w->frames && p->linktype != w->linktype) {
		w->linktype = p->linktype;
		w->o.link_field = p->linktype;
	}
	if (p->linktype != w->linktype) {
		w->failed = true;
		snprintf(w->error, sizeof(w->error),
			"frame %llu has link type %u and the others have %u: a pcap file holds "
			"one link type, a pcapng file (-w NAME.pcapng) several",
			(unsigned long long)p->number, p->linktype, w->linktype);
		return false;
	}
	if (!rotate(w, p->time) || (w->headless && !write_header(w)))
		return false;
	head[0] = (uint32_t)(p->time / SECOND);
	head[1] = (uint32_t)(w->o.nano ? p->time % SECOND : p->time % SECOND / 1000);
	head[2] = p->caplen;
	head[3] = p->len;
	part[0] = (struct part){head, sizeof(head)};
	part[1] = (struct part){p->data, p->caplen};
	if (!put(w, part, 2))
		return false;
	w->frames++;
	return !w->o.unbuffered || flush(w);
}

const char *capwriter_error(const struct capwriter *w)
{
	return w->failed ? w->error : NULL;
}

bool capwriter_pipe_closed(const struct capwriter *w)
{
	return w->pipe_closed;
}

uint64_t capwriter_frames(const struct capwriter *w)
{
	return w->frames;
}

bool capwriter_finish(struct capwriter *w)
{
	/* A capture without frames makes a file all the same. */
	if (w->fd < 0 && !w->failed && !w->full) {
		w->window = (uint64_t)time(NULL);
		if (!open_file(w))
			return false;
	}
	return w->failed ? false : close_file(w);
}

void capwriter_free(struct capwriter *w)
{
	if (!w)
		return;
	ending_drop(w);
	if (w->fd > STDERR_FILENO)
		close(w->fd);
	free(w->ifaces);
	free(w);
}
