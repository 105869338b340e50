/*
 * tiers_impl.h - between the two halves of tiers.h: tiers.c finds what a request called,
 * tier_sums.c adds up what that means.
 */
#ifndef TSUMARI_MODEL_TIERS_IMPL_H
#define TSUMARI_MODEL_TIERS_IMPL_H

#include "model/tiers.h"

struct request {
	uint64_t start, asked, end; /* t0, t1, t3 */
	uint64_t server;            /* ns, of its ledger */
	const struct service *service;
	const struct digest *digest;
	uint32_t id; /* the digest's when it was recorded: it may have given way since */
};

struct link { /* a call, or a share of one, to the request that made it */
	uint64_t start, end;
	const struct service *service;
	const struct digest *digest;
	uint32_t id;
	uint32_t weight; /* in TIERS_ONE */
	uint32_t next;
	uint8_t class;
	bool by_id;
};

struct tier_sums;

struct tier_sums *tier_sums_new(void);
void tier_sums_free(struct tier_sums *s);
/* A request with its links, from the first on, UINT32_MAX behind the last. */
void tier_sums_request(
	struct tier_sums *s, const struct request *q, const struct link *links, uint32_t first);
unsigned tier_sums_sorted(struct tier_sums *s, const struct tier ***list);
unsigned tier_sums_pairs(
	struct tier_sums *s, const struct tier *parent, const struct tier_pair ***list);

#endif
