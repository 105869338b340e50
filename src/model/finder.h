/*
 * finder.h - what a model tells whoever looks for findings in its records (src/findings): the model
 * knows the functions, not who is behind them.
 *
 * All are called on the thread that adds the records. arg is the finder's own.
 */
#ifndef TSUMARI_MODEL_FINDER_H
#define TSUMARI_MODEL_FINDER_H

#include "core/record.h"
#include "core/stats.h"

struct share; /* account.h */

/* What became of a health check that did not pass. */
enum check_fate { CHECK_ERROR, CHECK_SILENT, CHECK_REFUSED, CHECK_FATES };

struct finder {
	/* Each record, before the model has added it. */
	void (*record)(void *arg, const struct record *r);
	/* What the last record adds to the account: for tiers_record(). */
	const struct share *(*shares)(const void *arg, unsigned *n);
	/* What a transaction asked for by name, as a number; 0: nothing. */
	uint64_t (*name)(const struct txn_record *t);
	/*
	 * Takes a health check's record (probes.h) out of what was counted, without its values: of
	 * numbers of connections and transactions, of costs and examples. What was said of its
	 * operation by name stays. name: that of the transaction when it was whole.
	 */
	void (*take_out)(void *arg, const struct record *r, uint64_t name);
	/* A check failed; the operation, of len bytes, is what it asked for. */
	void (*check_failed)(void *arg, const struct record *flow, enum check_fate fate,
		const char *operation, size_t len, uint64_t frame);
	/* What its limits cost, by name. */
	void (*counters)(const void *arg, struct counters *c);
	void (*free)(void *arg);
};

#endif
