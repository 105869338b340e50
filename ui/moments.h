/*
 * moments.h - what was under way at each second, kept within a budget of memory: the records of a
 * moment (core/moment.c) as they are shown, with how many there were in all.
 *
 * A request that is open has its age as its duration, and the status Pending where nothing of its
 * answer says another. moment_feed() gives the records as a model wants them: as if the capture had
 * ended then.
 */
#ifndef TSUMARI_UI_MOMENTS_H
#define TSUMARI_UI_MOMENTS_H

#include <stdbool.h>
#include "core/record.h"

struct moments;

struct instant {
	struct instant *next;
	unsigned refs;
	uint64_t number;         /* of this process's moments, from 1 */
	uint64_t time;           /* ns */
	uint64_t until;          /* number of the first record of the store behind it */
	uint64_t flows, bytes;   /* connections, bytes of their frames */
	uint64_t requests;       /* that somebody waits for */
	uint64_t flows_left_out; /* of these, those without a record */
	uint64_t requests_left_out;
	uint64_t oldest; /* start of the request that waits longest, ns; 0: none */
	uint8_t *data;
	size_t used, size;
};

struct moments *moments_new(uint64_t budget);
void moments_free(struct moments *m);
/* A record of a moment. `until`: the number that the store's next record gets. True: it is whole.
 */
bool moments_add(struct moments *m, const struct record *r, uint64_t until);
/* The last whole one, or the last that is not later than a time; NULL: none is kept. */
struct instant *moments_last(const struct moments *m);
struct instant *moments_at(const struct moments *m, uint64_t time);

/* It stays while it is held. */
struct instant *moment_hold(struct instant *m);
void moment_release(struct instant *m); /* may be NULL */

/* Each record of a kind, in order. */
void moment_each(const struct instant *m, enum record_kind kind,
	void (*fn)(void *arg, const struct record *r), void *arg);
/* Is it a request that somebody waits for? */
bool moment_waits(const struct record *r);
/* All records, as ended. */
void moment_feed(const struct instant *m, void (*fn)(void *arg, const struct record *r), void *arg);

#endif
