/*
 * bytes.c - a file, pipe or standard input as a row of bytes (bytes.h). RFC 1952 for gzip.
 */
#include "run/bytes.h"
#include "run/source_impl.h"
#include "base/mem.h"
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

/*
 * Between members: another one, or the end. Zero bytes are padding (tapes, block devices); anything
 * else is not part of the file.
 */
static ssize_t next_member(struct bytes *b)
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
	if (b->raw[b->raw_pos] != 0x1f) {
		snprintf(b->error, sizeof(b->error), "something else follows the compressed data");
		return BYTES_ERROR;
	}
	inflateReset(&b->z);
	b->member_end = false;
	return 1;
}

static ssize_t read_gzip(struct bytes *b, void *to, size_t n)
{
	b->z.next_out = to;
	b->z.avail_out = (uInt)(n > UINT32_MAX ? UINT32_MAX : n);
	for (;;) {
		size_t got = (size_t)(b->z.next_out - (uint8_t *)to);
		ssize_t r = 1;
		int state;

		if (got)
			return (ssize_t)got;
		if (b->member_end)
			r = next_member(b);
		else if (b->raw_pos == b->raw_end)
			r = fill_raw(b);
		if (r == 0 && !b->member_end) {
			snprintf(b->error, sizeof(b->error), "the compressed data is cut short");
			return BYTES_ERROR;
		}
		if (r <= 0)
			return r;
		b->z.next_in = b->raw + b->raw_pos;
		b->z.avail_in = (uInt)(b->raw_end - b->raw_pos);
		state = inflate(&b->z, Z_NO_FLUSH);
		b->raw_pos = b->raw_end - b->z.avail_in;
		if (state == Z_STREAM_END) {
			b->member_end = true;
		} else if (state != Z_OK && state != Z_BUF_ERROR) {
			/* The same fault comes again at the next call, when these are used. */
			if (b->z.next_out != (uint8_t *)to)
				continue;
			snprintf(b->error, sizeof(b->error), "the compressed data is damaged (%s)",
				b->z.msg ? b->z.msg : "out of step");
			return BYTES_ERROR;
		}
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
	return b->gzip ? read_gzip(b, to, n) : read_plain(b, to, n);
}

/* Enough to tell gzip; then the first bytes of what is inside. */
static bool read_head(struct bytes *b)
{
	ssize_t got;
	size_t raw = 0;

	while (raw < 2) {
		got = read_fd(b, b->raw + raw, RAW_SIZE - raw);
		if (got == BYTES_ERROR)
			return false;
		if (got == 0)
			break;
		raw += got > 0 ? (size_t)got : 0;
	}
	b->raw_end = raw;
	if (raw >= 2 && b->raw[0] == 0x1f && b->raw[1] == 0x8b) {
		if (inflateInit2(&b->z, 15 + 16) != Z_OK) {
			snprintf(b->error, sizeof(b->error), "zlib does not start");
			return false;
		}
		b->gzip = true;
	}
	while (b->head_len < sizeof(b->head)) {
		uint8_t *to = b->head + b->head_len;
		size_t room = sizeof(b->head) - b->head_len;

		got = b->gzip ? read_gzip(b, to, room) : read_plain(b, to, room);
		if (got == BYTES_ERROR && b->head_len == 0)
			return false;
		if (got == BYTES_ERROR || got == 0)
			break;
		b->head_len += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static bool open_path(struct bytes *b, const char *path, char *err, size_t errsize)
{
	bool input = path[0] == '-' && !path[1];
	const char *name = input ? "standard input" : path;
	struct stat st;

	snprintf(b->name, sizeof(b->name), "%s", name);
	b->fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0 || fstat(b->fd, &st) < 0) {
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
	/* On the heap from the start: zlib's state points back to where its z_stream lies. */
	struct bytes *b = xcalloc(1, sizeof(*b));

	b->stop_fd = -1;
	b->raw = table_alloc(RAW_SIZE);
	if (!open_path(b, path, err, errsize)) {
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
	if (b->gzip)
		inflateEnd(&b->z);
	if (b->fd > STDIN_FILENO)
		close(b->fd);
	table_free(b->raw, RAW_SIZE);
	free(b);
}
