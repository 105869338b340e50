/* stream.c - see stream.h. */
#include "out/stream.h"
#include "base/ending.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct stream {
	FILE *file;
	int fd;
	bool own, ending;
	enum stream_keeps keeps;
	int error;            /* the first one */
	uint64_t done, whole; /* bytes that were written, and the whole ones of them */
	const char *closing;
};

static void wait_for_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	poll(&p, 1, -1);
}

/* Behind what is whole, over what is not; the next bytes begin where it does. */
static void put_closing(const struct stream *s, off_t at)
{
	size_t n = s->closing ? strlen(s->closing) : 0;

	while (n && pwrite(s->fd, s->closing, n, at) < 0 && errno == EINTR)
		;
}

/* A file is taken back to the end of what is whole, unless somebody else writes to it, too. What
   cannot be taken back (a pipe) stays. */
static void take_back(const struct stream *s)
{
	off_t end = lseek(s->fd, 0, SEEK_CUR), more = (off_t)(s->done - s->whole), most;
	struct stat st;

	if (end < more || fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	most = end - more + (off_t)(s->closing ? strlen(s->closing) : 0);
	if (!more || st.st_size > (most > end ? most : end) || ftruncate(s->fd, end - more) != 0)
		return;
	(void)lseek(s->fd, end - more, SEEK_SET);
	put_closing(s, end - more);
}

static void count(struct stream *s, const char *p, size_t n)
{
	const char *newline = s->keeps == STREAM_LINES && n ? memrchr(p, '\n', n) : NULL;

	if (newline)
		s->whole = s->done + (uint64_t)(newline - p) + 1;
	s->done += n;
}

static ssize_t put(void *cookie, const char *p, size_t n)
{
	struct stream *s = cookie;
	size_t at = 0;

	if (s->ending) {
		const char *newline = memrchr(p, '\n', n);

		if (newline && s->keeps == STREAM_LINES)
			ending_write(s->fd, p, (size_t)(newline - p) + 1);
		return (ssize_t)n;
	}
	if (s->error) {
		errno = s->error;
		return 0;
	}
	while (at < n && !s->error) {
		ssize_t done = write(s->fd, p + at, n - at);

		if (done > 0)
			at += (size_t)done;
		else if (done < 0 && errno == EAGAIN)
			wait_for_room(s->fd);
		else if (done == 0 || errno != EINTR)
			s->error = done == 0 ? ENOSPC : errno;
	}
	if (at)
		count(s, p, at);
	if (!s->error)
		return (ssize_t)n;
	take_back(s);
	errno = s->error;
	return 0;
}

/* Of lines the last whole one gets out. What has marks ends at its last one. */
static void last_words(void *arg, bool in_signal)
{
	struct stream *s = arg;

	if (s->error)
		return;
	s->ending = true;
	if (s->keeps == STREAM_MARKS)
		take_back(s);
	else if (!in_signal && ftrylockfile(s->file) == 0)
		fflush(s->file);
}

struct stream *stream_open(const char *path, bool append, enum stream_keeps keeps)
{
	cookie_io_functions_t calls = {.write = put};
	struct stream *s = xcalloc(1, sizeof(*s));

	s->keeps = keeps;
	s->own = path && strcmp(path, "-") != 0;
	s->fd = STDOUT_FILENO;
	if (s->own)
		s->fd = open(path,
			O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC),
			0666);
	s->file = s->fd < 0 ? NULL : fopencookie(s, "w", calls);
	if (!s->file) {
		if (s->own && s->fd >= 0)
			close(s->fd);
		free(s);
		return NULL;
	}
	setvbuf(s->file, NULL, isatty(s->fd) ? _IOLBF : _IOFBF, (size_t)64 * 1024);
	ending_add(last_words, s);
	return s;
}

FILE *stream_file(struct stream *s)
{
	return s->file;
}

void stream_mark(struct stream *s, const char *closing)
{
	off_t at;

	fflush(s->file);
	if (s->error)
		return;
	s->whole = s->done;
	s->closing = closing;
	/* It stands there at any time: on a full disk there may be no room for it later. */
	if (s->own && closing && (at = lseek(s->fd, 0, SEEK_CUR)) >= 0)
		put_closing(s, at);
}

int stream_flush(struct stream *s)
{
	fflush(s->file);
	return s->error;
}

int stream_close(struct stream *s)
{
	int error;

	if (!s)
		return 0;
	fflush(s->file);
	ending_drop(s);
	fclose(s->file);
	error = s->error;
	/* Some file systems tell only now that they had no room. */
	if (s->own && close(s->fd) != 0 && errno != EINTR && !error)
		error = errno;
	free(s);
	return error;
}
