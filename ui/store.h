/*
 * store.h - the last records, kept within a budget of memory.
 *
 * Records are copied into blocks; the oldest block goes when the budget is used up, unless somebody
 * holds it: what a table shows stays where it is until the table lets go. Records have numbers,
 * from 0, in the order in which they came. One thread only.
 */
#ifndef TSUMARI_UI_STORE_H
#define TSUMARI_UI_STORE_H

#include <stdbool.h>
#include "core/record.h"

struct store;
struct store_block;

struct store *store_new(uint64_t budget);
void store_free(struct store *s);
/* `when`: the capture's time, ns; made not to run backwards. */
void store_add(struct store *s, const struct record *r, uint64_t when);
uint64_t store_next(const struct store *s);  /* the number that the next record gets */
uint64_t store_first(const struct store *s); /* that of the oldest one kept */
/* Times of the oldest and the newest one kept; 0 where there is none. */
uint64_t store_from(const struct store *s);
uint64_t store_to(const struct store *s);
uint64_t store_bytes(const struct store *s);
/* The number of the first record that is later than a time. */
uint64_t store_after(const struct store *s, uint64_t when);

/* What is kept now stays while it is held. */
struct store_hold {
	struct store_block **blocks;
	unsigned n, cap;
};
/* Holds what is kept of the records from number `from` on; what it held already stays. */
void store_hold(struct store *s, struct store_hold *h, uint64_t from);
void store_release(struct store_hold *h);

/* Each record kept of number `from` and below `to`, in order. False of fn: enough. */
void store_each(struct store *s, uint64_t from, uint64_t to,
	bool (*fn)(void *arg, uint64_t number, uint64_t when, const struct record *r), void *arg);

#endif
