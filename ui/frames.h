/*
 * frames.h - the last frames, kept within a budget of memory.
 *
 * The reader's thread adds, another one looks: a block of frames is shared by counted references,
 * the only lock is taken when a block is full, and by who looks for no longer than to take
 * references. So looking never makes the reader wait.
 */
#ifndef TSUMARI_UI_FRAMES_H
#define TSUMARI_UI_FRAMES_H

#include <stdbool.h>
#include "api/packet.h"
#include "core/stats.h"

struct frames;

struct frames *frames_new(uint64_t budget);
void frames_free(struct frames *f);
/* On the reader's thread. */
void frames_add(struct frames *f, const struct packet *p);

/* What there was of all frames, kept or not: what the reader knows of struct capture_stats. From
   any thread. */
void frames_stats(const struct frames *f, struct capture_stats *st);

/* Places (core/order.h) of the oldest and the newest frame kept; 0 where there is none. */
void frames_range(struct frames *f, uint64_t *first, uint64_t *last);

/*
 * Each frame kept whose place is from .. to, in order: its frame part and its place are set, all
 * else zero; data is good until fn returns. False of fn: enough. Not on the reader's thread.
 */
void frames_each(struct frames *f, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, const struct packet *p), void *arg);

/* The frame of a number, if it is kept; what fn returns is not looked at. */
bool frames_find(struct frames *f, uint64_t number, bool (*fn)(void *arg, const struct packet *p),
	void *arg);
/* The last place that the frame of a number can have, by what was moved so far. */
uint64_t frames_last_place(const struct frames *f, uint64_t number);

#endif
