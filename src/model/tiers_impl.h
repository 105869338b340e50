/*
 * tiers_impl.h - between the two halves of tiers.h: tiers.c finds what a request called,
 * tier_sums.c adds up what that means.
 */
#ifndef TSUMARI_MODEL_TIERS_IMPL_H
#define TSUMARI_MODEL_TIERS_IMPL_H

#include "model/tiers.h"

struct tier_sums;

struct tier_sums *tier_sums_new(void);
void tier_sums_free(struct tier_sums *s);
/* A request with its links, from the first on, UINT32_MAX behind the last. */
void tier_sums_request(struct tier_sums *s, const struct nest_wait *q,
	const struct nest_link *links, uint32_t first);
unsigned tier_sums_sorted(struct tier_sums *s, const struct tier ***list);
unsigned tier_sums_pairs(
	struct tier_sums *s, const struct tier *parent, const struct tier_pair ***list);

#endif
