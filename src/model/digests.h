/*
 * digests.h - what each operation of each service cost.
 *
 * Bounded by space-saving (Metwally, Agrawal, El Abbadi, 2005), weighed by waiting: where there is
 * no room, the operation that was waited for least gives way to the new one, which takes over that
 * weight as the most it can have had before (`floor`). What was added up of operations that gave
 * way is in one "other", so that all of them together are still what was seen.
 */
#ifndef TSUMARI_MODEL_DIGESTS_H
#define TSUMARI_MODEL_DIGESTS_H

#include "model/services.h"

#define DIGESTS_MAX      2048u
#define DIGESTS_EXAMPLES 10u

struct example {
	uint64_t duration, frame; /* of t0, or the first stamp there is */
};

struct digest {
	const struct service *service; /* NULL: "other" */
	const char *text;              /* bytes from the wire */
	size_t len;
	uint32_t id; /* in the order they came; no two have the same */
	bool other;
	uint64_t floor; /* ns that it can have been waited for before it was kept, at most */
	uint64_t apart; /* ns and transactions that were taken out again */
	struct tally sum;
	struct example slowest[DIGESTS_EXAMPLES]; /* the slowest first */
	unsigned nslowest;
};

struct digests;

/* room: of their histograms, the caller's; NULL: no limit. */
struct digests *digests_new(unsigned max, struct hist_room *room);
void digests_free(struct digests *d);
/* Adds a transaction to its operation, and gives that: good until the next call. */
struct digest *digests_record(struct digests *d, const struct service *service, const char *text,
	size_t len, const struct txn_record *t);
/*
 * Takes a transaction out of the operation it was added to, whose number was `id`; `one` is the
 * tally of it alone.
 */
void digests_take_out(struct digests *d, struct digest *x, uint32_t id, const struct txn_record *t,
	const struct tally *one);
/* One that is kept, or NULL. */
struct digest *digests_find(
	struct digests *d, const struct service *service, const char *text, size_t len);
/* All of them, the one that was waited for longest first, "other" among them. */
unsigned digests_sorted(struct digests *d, const struct digest ***list);
/* Operations that gave way to others. */
uint64_t digests_given_up(const struct digests *d);

#endif
