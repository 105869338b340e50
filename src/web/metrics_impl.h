/* metrics_impl.h - between metrics.c and metrics_write.c only. */
#ifndef TSUMARI_WEB_METRICS_IMPL_H
#define TSUMARI_WEB_METRICS_IMPL_H

#include "model/keyed.h"
#include "web/metrics.h"

#define METRICS_BOUNDS 15u
#define METRICS_STATES 7u
#define METRICS_OTHERS 40u /* protocols that may have an "other" */
#define METRICS_WORD   24u /* bytes of an operation's class */
#define METRICS_OTHER  "other"

extern const uint64_t metrics_bounds[METRICS_BOUNDS];
extern const char *const metrics_status[METRICS_STATES];

struct metrics_service {
	struct addr server;
	const char *protocol; /* NULL: not known */
	uint64_t other;       /* all that have no place of their own */
};

struct metrics_key {
	struct metrics_service service;
	char operation[METRICS_WORD];
	uint64_t status;
};

struct metrics_class {
	const char *protocol;
	char name[METRICS_WORD];
};

struct metrics_ledger {
	uint64_t ns[LEDGER_COUNT];
};

struct metrics_series {
	uint64_t transactions;
	uint64_t n, sum; /* of those with a duration */
	struct {
		uint64_t n;
		uint64_t flow, duration, end; /* the last of them */
	} bucket[METRICS_BOUNDS + 1];
};

struct metrics {
	struct keyed *services, *series, *classes, *protocols;
	uint64_t refused; /* records that are in no series */
};

#endif
