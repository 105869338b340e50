/*
 * spread.h - how the waiting of each service, and each entry of its ledger, is spread over its
 * transactions.
 *
 * The first SPREADS_MAX services, and all together. An entry's histogram lacks the transactions
 * that had none of it until spread_fill() puts these in as 0.
 */
#ifndef TSUMARI_MODEL_SPREAD_H
#define TSUMARI_MODEL_SPREAD_H

#include "base/hist.h"
#include "core/record.h"

#define SPREADS_MAX 256u

struct spread {
	struct addr ip;
	uint16_t port;
	uint8_t transport;
	const char *protocol;
	struct hist total; /* of transactions with a ledger */
	struct hist entry[LEDGER_COUNT];
};

struct spreads;

struct spreads *spreads_new(void);
void spreads_free(struct spreads *s);
void spreads_record(struct spreads *s, const struct record *r);
/* When all records are there. */
void spreads_fill(struct spreads *s);
/* Of a service; NULL where there is none. */
const struct spread *spreads_find(const struct spreads *s, const struct addr *ip, uint16_t port,
	uint8_t transport, const char *protocol);
const struct spread *spreads_all(const struct spreads *s);

#endif
