/* deliver_write.c - see deliver.h: how lines leave, on the destination's thread. */
#include "out/deliver_impl.h"
#include "base/mem.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MIN 100u  /* ms before another attempt to connect */
#define PAUSE_MAX 5000u /* and at last */
#define MOMENT    100u  /* ms: an end is seen within */

static bool find_host(struct deliver *d, char *err, size_t errsize)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char *host = xstrdup(d->o.url.at), *port = strrchr(host, ':'), *name = host;
	size_t n;
	int error;

	*port++ = '\0';
	n = strlen(name);
	if (name[0] == '[' && n > 2 && name[n - 1] == ']') {
		name[n - 1] = '\0';
		name++;
	}
	error = getaddrinfo(name, port, &hints, &d->hosts);
	if (error)
		snprintf(err, errsize, "--to %.160s: %s", d->o.url.said, gai_strerror(error));
	free(host);
	return !error;
}

void deliver_close(struct deliver *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	if (d->o.url.kind != DELIVER_FILE)
		return;
	/* A capture without records makes a file all the same. */
	if (d->file.fd < 0 && d->file.name && !outfile_next(&d->file, d->time))
		deliver_fail(d, "cannot write it", errno);
	if (!outfile_close(&d->file))
		deliver_fail(d, "cannot write it", errno);
}

void deliver_release(struct deliver *d)
{
	outfile_release(&d->file);
	if (d->hosts)
		freeaddrinfo(d->hosts);
}

static bool given_up(struct deliver *d)
{
	bool is;

	pthread_mutex_lock(&d->lock);
	is = d->give_up;
	pthread_mutex_unlock(&d->lock);
	return is;
}

/* ---- Sockets ---- */

static int connected(int fd, const struct sockaddr *to, socklen_t len)
{
	if (fd >= 0 && connect(fd, to, len) == 0)
		return fd;
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -1;
}

static int connect_once(const struct deliver *d)
{
	const struct timeval moment = {.tv_usec = MOMENT * 1000};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int type = (d->o.url.kind == DELIVER_SYSLOG ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	int fd = -1;

	for (const struct addrinfo *a = d->hosts; a && fd < 0; a = a->ai_next)
		fd = connected(socket(a->ai_family, type, 0), a->ai_addr, a->ai_addrlen);
	if (!d->hosts) {
		memcpy(un.sun_path, d->o.url.at, strlen(d->o.url.at) + 1);
		fd = connected(socket(AF_UNIX, type, 0), (const struct sockaddr *)&un, sizeof(un));
	}
	/* A reader that sleeps is asked again and again, so that an end is seen. */
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	return fd;
}

bool deliver_prepare(struct deliver *d, char *err, size_t errsize)
{
	d->o.file.path = d->o.url.at;
	d->pause = PAUSE_MIN;
	snprintf(d->tag, sizeof(d->tag), "tsumari[%ld]: @cee: ", (long)getpid());
	tzset();
	switch (d->o.url.kind) {
	case DELIVER_FILE:
		return outfile_open(&d->file, &d->o.file, err, errsize);
	case DELIVER_TCP:
		return find_host(d, err, errsize);
	default: /* while it may: the rights to reach it may be given up later */
		d->fd = connect_once(d);
		d->counts.connects = d->fd >= 0;
		return true;
	}
}

static void wait_ms(uint64_t ms)
{
	struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

/* Why nobody is there; 0: somebody is. */
static void away(struct deliver *d, int error)
{
	pthread_mutex_lock(&d->lock);
	d->away = error;
	pthread_mutex_unlock(&d->lock);
}

/* False: nobody is there, and the program ends. */
static bool connect_again(struct deliver *d)
{
	while (d->fd < 0 && !given_up(d)) {
		d->fd = connect_once(d);
		away(d, d->fd < 0 ? errno : 0);
		for (uint64_t ms = 0; d->fd < 0 && ms < d->pause && !given_up(d); ms += MOMENT)
			wait_ms(MOMENT);
		d->pause = d->fd < 0 && d->pause < PAUSE_MAX ? d->pause * 2 : d->pause;
	}
	if (d->fd < 0)
		return false;
	pthread_mutex_lock(&d->lock);
	d->counts.connects++;
	pthread_mutex_unlock(&d->lock);
	return true;
}

static void went_out(struct deliver *d)
{
	d->pause = PAUSE_MIN;
	pthread_mutex_lock(&d->lock);
	d->progress++;
	pthread_mutex_unlock(&d->lock);
}

/* Bytes that left: fewer where the connection ended, or the program does. */
static size_t send_bytes(struct deliver *d, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t done = send(d->fd, p + at, n - at, MSG_NOSIGNAL);

		if (done > 0) {
			at += (size_t)done;
			went_out(d);
		} else if (done < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
			if (given_up(d))
				break;
			if (errno == ENOBUFS)
				wait_ms(MOMENT);
		} else {
			close(d->fd);
			d->fd = -1;
			break;
		}
	}
	return at;
}

static uint64_t lines_in(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* Where a connection ended within a line, the next one begins with it. */
static uint64_t write_stream(struct deliver *d, const struct delivery *b)
{
	size_t at = 0;

	while (at < b->len && (d->fd >= 0 || connect_again(d))) {
		const char *newline;

		at += send_bytes(d, b->data + at, b->len - at);
		if (at == b->len || given_up(d))
			break;
		newline = at ? memrchr(b->data, '\n', at) : NULL;
		at = newline ? (size_t)(newline - b->data) + 1 : 0;
	}
	return lines_in(b->data, at);
}

/* As syslog(3) writes them (RFC 3164): facility daemon, severity info. */
static size_t put_head(const struct deliver *d, char *to, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32] = "";
	int n;

	if (localtime_r(&now, &tm))
		(void)strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	n = snprintf(to, size, "<30>%s %s", when, d->tag);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static bool send_message(struct deliver *d, const char *p, size_t n)
{
	char *message = xmalloc(n + 128);
	size_t len = put_head(d, message, 128);
	bool sent = false;

	memcpy(message + len, p, n);
	len += n;
	while (!sent && (d->fd >= 0 || connect_again(d))) {
		ssize_t done = send(d->fd, message, len, MSG_NOSIGNAL);

		if (done >= 0) {
			sent = true;
			went_out(d);
		} else if (errno == EMSGSIZE) {
			break;
		} else if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
			if (given_up(d))
				break;
			if (errno == ENOBUFS)
				wait_ms(MOMENT);
		} else {
			close(d->fd);
			d->fd = -1;
		}
	}
	free(message);
	return sent;
}

static uint64_t write_messages(struct deliver *d, const struct delivery *b)
{
	const char *p = b->data, *end = p + b->len;
	uint64_t sent = 0;

	while (p < end && !given_up(d)) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		sent += send_message(d, p, (size_t)(newline - p));
		p = newline + 1;
	}
	return sent;
}

/* ---- Files ---- */

/* Up to the end of what was written whole; a line that was cut is taken back. */
static size_t write_part(struct deliver *d, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t done = write(d->file.fd, p + at, n - at);

		if (done > 0) {
			at += (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd f = {.fd = d->file.fd, .events = POLLOUT};

			if (given_up(d))
				break;
			poll(&f, 1, MOMENT);
		} else if (done == 0 || errno != EINTR) {
			deliver_fail(d, "cannot write it", done < 0 ? errno : ENOSPC);
			break;
		}
	}
	d->file.written += at;
	if (at < n) {
		const char *newline = at ? memrchr(p, '\n', at) : NULL;
		size_t whole = newline ? (size_t)(newline - p) + 1 : 0;
		off_t end = lseek(d->file.fd, 0, SEEK_END);

		if (end >= (off_t)(at - whole) &&
			ftruncate(d->file.fd, end - (off_t)(at - whole)) == 0)
			lseek(d->file.fd, 0, SEEK_END);
		at = whole;
	}
	return at;
}

/* Lines from p on that the open file has room for; at least one. */
static size_t fitting(const struct deliver *d, const char *p, const char *end)
{
	const char *to = p;

	if (!outfile_rotates(&d->file))
		return (size_t)(end - p);
	while (to < end) {
		const char *next = (const char *)memchr(to, '\n', (size_t)(end - to)) + 1;

		if (to > p && outfile_due(&d->file, (uint64_t)(to - p), (uint64_t)(next - to), 0))
			break;
		to = next;
	}
	return (size_t)(to - p);
}

static uint64_t write_file(struct deliver *d, const struct delivery *b)
{
	const char *p = b->data, *end = p + b->len;
	uint64_t time = b->time;

	while (p < end && !given_up(d)) {
		size_t line = (size_t)((const char *)memchr(p, '\n', (size_t)(end - p)) + 1 - p), n,
		       done;

		/* What an earlier run left may have no room for it either. */
		while (outfile_rotates(&d->file) && outfile_due(&d->file, 0, line, time))
			if (!outfile_next(&d->file, time)) {
				deliver_fail(d, "cannot write it", errno);
				return lines_in(b->data, (size_t)(p - b->data));
			}
		time = 0;
		n = fitting(d, p, end);
		done = write_part(d, p, n);
		p += done;
		if (done < n)
			break;
	}
	return lines_in(b->data, (size_t)(p - b->data));
}

uint64_t deliver_write(struct deliver *d, const struct delivery *b)
{
	switch (d->o.url.kind) {
	case DELIVER_FILE:
		return write_file(d, b);
	case DELIVER_SYSLOG:
		return write_messages(d, b);
	default:
		return write_stream(d, b);
	}
}
