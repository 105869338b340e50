/*
 * ending.h - an end that cannot wait: no memory is left, or the user insists.
 *
 * Whoever has something that is whole and not written yet says so beforehand, as does who has to
 * give something back; then that is done, one line is said, and the process ends with status 1.
 */
#ifndef TSUMARI_BASE_ENDING_H
#define TSUMARI_BASE_ENDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* in_signal: no more than what is safe in a signal's handler. Any thread may be the one. */
typedef void ending_call(void *arg, bool in_signal);

/* The last one to be added is called first. Where there are too many it is left out. */
void ending_add(ending_call *call, void *arg);
void ending_drop(void *arg);

/*
 * why: a line without its end, which stays; NULL: nothing is said. A thread that may not write
 * leaves it to the main one, which calls ending_check() now and then.
 */
void ending_now(const char *why) __attribute__((noreturn, cold));
void ending_check(void);
/* The caller is the main thread. */
void ending_init(void);
/* The same in a signal's handler; once more, and nothing is waited for at all. */
void ending_signal(const char *why) __attribute__((noreturn, cold));

/*
 * The front of a buffer that may be written at any moment, up to the end of what is whole there.
 * Its owner holds it while it writes the buffer or moves what is in it.
 */
struct whole {
	const void *bytes;
	atomic_size_t n;
	atomic_int fd; /* -1: none */
	atomic_bool held;
};

/* Another thread ends the program. */
void ending_wait(void) __attribute__((noreturn, cold));

/* Where the program is ending it does not come back. */
static inline void whole_hold(struct whole *w)
{
	if (atomic_exchange_explicit(&w->held, true, memory_order_acquire))
		ending_wait();
}

static inline void whole_let_go(struct whole *w, int fd, const void *bytes, size_t n)
{
	w->bytes = bytes;
	atomic_store_explicit(&w->fd, fd, memory_order_relaxed);
	atomic_store_explicit(&w->n, n, memory_order_relaxed);
	atomic_store_explicit(&w->held, false, memory_order_release);
}

/* More of it is whole now. */
static inline void whole_grown(struct whole *w, size_t n)
{
	atomic_store_explicit(&w->n, n, memory_order_release);
}

/* Where nobody else is at it: its bytes; held from then on. False: there are none. */
bool whole_take(struct whole *w);
/* Of n bytes as many as there is room for without waiting, up to the end of a line where not all
   have room. */
void ending_write(int fd, const void *bytes, size_t n);

#endif
