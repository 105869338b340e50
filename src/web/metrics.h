/*
 * metrics.h - what is counted, for Prometheus and its kin: the text format 0.0.4, or
 * OpenMetrics 1.0 for who asks for it, which has examples (exemplars) of each bucket, by their
 * flow.id.
 *
 * Labels have bounded sets of values: the server's address, the protocol, the class of the
 * operation (its first word), the status, the cause, the finding. No port, client, path or name is
 * one. What has no place of its own is called "other".
 */
#ifndef TSUMARI_WEB_METRICS_H
#define TSUMARI_WEB_METRICS_H

#include "core/record.h"
#include "core/stats.h"
#include <stdio.h>

#define METRICS_SERVICES 200u /* address and protocol */
#define METRICS_SERIES   1500u
#define METRICS_CLASSES  40u /* of operations, of a protocol */

struct metrics;
struct model;
struct under_way;

struct metrics *metrics_new(void);
void metrics_record(struct metrics *m, const struct record *r);

/* What records are sent to. */
struct metrics_output {
	const char *kind; /* "tcp" */
	uint64_t sent, dropped, queued, connects;
};

/* What is not in the records. */
struct metrics_facts {
	const char *version, *run; /* run: of flow.id */
	const struct model *model;
	const struct capture_stats *capture;
	const struct under_way *under_way; /* NULL: it is over */
	const struct metrics_output *outputs;
	unsigned noutputs;
	uint64_t started;  /* when, ns since the epoch */
	uint64_t resident; /* bytes; 0: not known */
};

void metrics_write(
	const struct metrics *m, const struct metrics_facts *f, bool openmetrics, FILE *out);
void metrics_free(struct metrics *m);

#endif
