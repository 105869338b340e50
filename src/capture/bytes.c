/* bytes.c - see bytes.h. */
#include "capture/bytes.h"
#include "capture/source_impl.h"
#include "base/mem.h"
#include "capture/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW_SIZE ((size_t)128 * 1024)

/* 1: something to read, 0: stop, BYTES_WAIT. */
static int wait_readable(struct bytes *b)
{
	struct pollfd fd[2] = {
		{.fd = b->fd, .events = POLLIN}, {.fd = b->stop_fd, .events = POLLIN}};
	int r = poll(fd, 2, POLL_TIMEOUT);

	if (r > 0 && fd[1].revents)
		return 0;
	if (r > 0 && fd[0].revents)
		return 1;
	return BYTES_WAIT;
}

static bool stop_asked(const struct bytes *b)
{
	struct pollfd fd = {.fd = b->stop_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static ssize_t read_fd(struct bytes *b, void *to, size_t n)
{
	for (;;) {
		ssize_t got;

		if (!b->regular) {
			int r = wait_readable(b);

			if (r <= 0)
				return r;
		}
		got = read(b->fd, to, n);
		if (got >= 0) {
			atomic_fetch_add_explicit(&b->pos, (uint64_t)got, memory_order_relaxed);
			return got;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return BYTES_WAIT;
		snprintf(b->error, sizeof(b->error), "%s", strerror(errno));
		return BYTES_ERROR;
	}
}

static ssize_t fill_raw(struct bytes *b)
{
	ssize_t got = read_fd(b, b->raw, RAW_SIZE);

	b->raw_pos = 0;
	b->raw_end = got > 0 ? (size_t)got : 0;
	return got;
}

/* What was sniffed first, then the file itself. */
static ssize_t read_plain(struct bytes *b, void *to, size_t n)
{
	size_t have = b->raw_end - b->raw_pos;

	if (!have)
		return read_fd(b, to, n);
	if (n > have)
		n = have;
	memcpy(to, b->raw + b->raw_pos, n);
	b->raw_pos += n;
	return (ssize_t)n;
}

static ssize_t fault(struct bytes *b, const char *why)
{
	snprintf(b->error, sizeof(b->error), "%s: %s", unpack_name(b->unpack), why);
	return BYTES_ERROR;
}

/*
 * Between streams: another one, or the end. Zero bytes are padding (tapes, block devices); anything
 * else is not part of the file.
 */
static ssize_t next_stream(struct bytes *b)
{
	ssize_t got;

	for (;;) {
		while (b->raw_pos < b->raw_end && b->raw[b->raw_pos] == 0)
			b->raw_pos++;
		if (b->raw_pos < b->raw_end)
			break;
		got = fill_raw(b);
		if (got <= 0)
			return got;
	}
	if (!unpack_again(b->unpack, b->raw[b->raw_pos]))
		return fault(b, "something else follows the compressed data");
	b->stream_end = false;
	return 1;
}

/* More to unpack: 1, or what bytes_read() is to say. */
static ssize_t next_raw(struct bytes *b)
{
	ssize_t got = fill_raw(b);

	if (got == 0 && !stop_asked(b))
		return fault(b, "the compressed data is cut short");
	return got;
}

/* No capture grows so much: a small file that would keep its reader busy for days. */
static bool is_bomb(const struct bytes *b)
{
	return b->unpacked > UNPACK_FREE &&
	       b->unpacked / UNPACK_TIMES > atomic_load_explicit(&b->pos, memory_order_relaxed);
}

static ssize_t read_packed(struct bytes *b, void *to, size_t n)
{
	for (;;) {
		struct unpack_piece p = {b->raw + b->raw_pos, b->raw_end - b->raw_pos, to, n};
		size_t had = p.n, got;
		enum unpack_state state;
		ssize_t r;

		if (b->stream_end) {
			r = next_stream(b);
			if (r <= 0)
				return r;
			continue;
		}
		state = unpack_step(b->unpack, &p);
		got = n - p.room;
		b->raw_pos = b->raw_end - p.n;
		b->unpacked += got;
		b->stream_end = state == UNPACK_END;
		if (is_bomb(b))
			return fault(b, "the compressed data grows without end");
		/* A fault comes again at the next call, when these are used. */
		if (got)
			return (ssize_t)got;
		if (state == UNPACK_FAILED)
			return fault(b, unpack_error(b->unpack));
		if (state == UNPACK_END)
			continue;
		if (p.n && p.n == had)
			return fault(b, "the compressed data is damaged (out of step)");
		r = p.n ? 1 : next_raw(b);
		if (r <= 0)
			return r;
	}
}

ssize_t bytes_read(struct bytes *b, void *to, size_t n)
{
	if (b->head_pos < b->head_len) {
		if (n > b->head_len - b->head_pos)
			n = b->head_len - b->head_pos;
		memcpy(to, b->head + b->head_pos, n);
		b->head_pos += n;
		return (ssize_t)n;
	}
	return b->unpack ? read_packed(b, to, n) : read_plain(b, to, n);
}

/* Enough to tell how it is compressed; then the first bytes of what is inside. */
static bool read_head(struct bytes *b)
{
	ssize_t got;
	size_t raw = 0;

	while (raw < UNPACK_HEAD) {
		got = read_fd(b, b->raw + raw, RAW_SIZE - raw);
		if (got == BYTES_ERROR)
			return false;
		if (got == 0)
			break;
		raw += got > 0 ? (size_t)got : 0;
	}
	b->raw_end = raw;
	b->unpack = unpack_new(b->raw, raw);
	while (b->head_len < sizeof(b->head)) {
		uint8_t *to = b->head + b->head_len;
		size_t room = sizeof(b->head) - b->head_len;

		got = b->unpack ? read_packed(b, to, room) : read_plain(b, to, room);
		if (got == BYTES_ERROR && b->head_len == 0)
			return false;
		if (got == BYTES_ERROR || got == 0)
			break;
		b->head_len += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static bool look_at(struct bytes *b, char *err, size_t errsize)
{
	struct stat st;

	if (fstat(b->fd, &st) < 0) {
		snprintf(err, errsize, "%s: %s", b->name, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(err, errsize, "%s: is a directory, not a capture file", b->name);
		return false;
	}
	b->regular = S_ISREG(st.st_mode);
	if (b->regular) {
		b->size = (uint64_t)st.st_size;
		(void)posix_fadvise(b->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return true;
}

struct bytes *bytes_open(const char *path, char *err, size_t errsize)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return bytes_open_fd(STDIN_FILENO, "standard input", err, errsize);
	fd = keeper_capture(path);
	if (fd >= 0)
		return bytes_open_fd(fd, path, err, errsize);
	snprintf(err, errsize, "%s: %s", path, strerror(errno));
	return NULL;
}

struct bytes *bytes_open_fd(int fd, const char *name, char *err, size_t errsize)
{
	struct bytes *b = xcalloc(1, sizeof(*b));

	b->fd = fd;
	b->stop_fd = -1;
	b->raw = table_alloc(RAW_SIZE);
	snprintf(b->name, sizeof(b->name), "%s", name);
	if (!look_at(b, err, errsize)) {
		bytes_close(b);
		return NULL;
	}
	if (!read_head(b)) {
		snprintf(err, errsize, "%s: %s", b->name, b->error);
		bytes_close(b);
		return NULL;
	}
	return b;
}

void bytes_no_capture(const struct bytes *b, char *err, size_t errsize)
{
	if (b->unpack)
		snprintf(err, errsize, "%s: %s: what comes out is not a capture file", b->name,
			unpack_name(b->unpack));
	else
		snprintf(err, errsize, "%s: is not a capture file", b->name);
}

size_t bytes_shift(const struct bytes *b, const void *to)
{
	uint64_t pos = atomic_load_explicit(&b->pos, memory_order_relaxed);

	return (pos - (uintptr_t)to) % BYTES_LINE;
}

double bytes_progress(const struct bytes *b)
{
	if (!b->size)
		return -1;
	return (double)atomic_load_explicit(&b->pos, memory_order_relaxed) / (double)b->size;
}

void bytes_close(struct bytes *b)
{
	if (!b)
		return;
	unpack_free(b->unpack);
	if (b->fd > STDIN_FILENO)
		close(b->fd);
	table_free(b->raw, RAW_SIZE);
	free(b);
}
