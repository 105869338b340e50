/* ending.c - see ending.h. */
#include "base/ending.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENDINGS 16u
#define STATUS  1
#define PATIENT 200 /* ms, for who writes just now */

static struct {
	_Atomic(ending_call *) call;
	void *_Atomic arg;
} endings[ENDINGS];
static atomic_bool begun;
static const char *_Atomic wanted; /* by another thread */
static pthread_t main_thread;
static bool known; /* main_thread is */

void ending_add(ending_call *call, void *arg)
{
	for (unsigned i = 0; i < ENDINGS; i++) {
		if (atomic_load(&endings[i].call))
			continue;
		atomic_store(&endings[i].arg, arg);
		atomic_store(&endings[i].call, call);
		return;
	}
}

void ending_drop(void *arg)
{
	for (unsigned i = 0; i < ENDINGS; i++)
		if (atomic_load(&endings[i].arg) == arg) {
			atomic_store(&endings[i].call, NULL);
			atomic_store(&endings[i].arg, NULL);
		}
}

void ending_init(void)
{
	main_thread = pthread_self();
	known = true;
}

void ending_wait(void)
{
	const struct timespec moment = {.tv_sec = 1};

	for (;;)
		nanosleep(&moment, NULL);
}

static bool room_at(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && !(p.revents & (POLLERR | POLLNVAL));
}

/* A pipe that is said to be writable takes this much at once. */
static size_t piece(const char *p, size_t n)
{
	const char *newline;

	if (n <= PIPE_BUF)
		return n;
	newline = memrchr(p, '\n', PIPE_BUF);
	return newline ? (size_t)(newline - p) + 1 : 0;
}

void ending_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	bool regular;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	regular = S_ISREG(st.st_mode);
	while (n && (regular || room_at(fd))) {
		size_t most = regular ? n : piece(p, n);
		ssize_t put = most ? write(fd, p, most) : 0;

		if (put <= 0 && !(put < 0 && errno == EINTR))
			return;
		p += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
}

bool whole_take(struct whole *w)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; atomic_exchange_explicit(&w->held, true, memory_order_acquire); i++) {
		if (i == PATIENT)
			return false;
		nanosleep(&moment, NULL);
	}
	return atomic_load(&w->fd) >= 0 && atomic_load(&w->n);
}

static void end(const char *why, bool in_signal) __attribute__((noreturn));

static void end(const char *why, bool in_signal)
{
	char line[256] = "tsumari: ";
	size_t n = strlen(line), more = why ? strlen(why) : 0;

	for (unsigned i = ENDINGS; i-- > 0;) {
		ending_call *call = atomic_load(&endings[i].call);

		if (call)
			call(atomic_load(&endings[i].arg), in_signal);
	}
	more = more < sizeof(line) - n - 1 ? more : sizeof(line) - n - 1;
	if (why) {
		memcpy(line + n, why, more);
		line[n + more] = '\n';
		ending_write(STDERR_FILENO, line, n + more + 1);
	}
	_exit(STATUS);
}

void ending_now(const char *why)
{
	if (known && !pthread_equal(pthread_self(), main_thread)) {
		atomic_store(&wanted, why ? why : "");
		ending_wait();
	}
	if (atomic_exchange(&begun, true))
		ending_wait();
	end(why, false);
}

void ending_check(void)
{
	const char *why = atomic_load_explicit(&wanted, memory_order_relaxed);

	if (why)
		ending_now(*why ? why : NULL);
}

void ending_signal(const char *why)
{
	if (atomic_exchange(&begun, true))
		_exit(STATUS);
	end(why, true);
}
