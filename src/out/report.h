/*
 * report.h - the plain text summary of a capture: what was captured, the flows, the services with
 * their answers, and where the waiting went.
 */
#ifndef TSUMARI_OUT_REPORT_H
#define TSUMARI_OUT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include "core/stats.h"
#include "model/model.h"

struct report_options {
	const char *path;          /* file to write; NULL or "-": standard output */
	const char *source;        /* what was read, as the user named it */
	const struct model *model; /* what it is about; stays the caller's */
	struct geo *geo;           /* stays the caller's; NULL: nothing is known of places */
	unsigned width;            /* columns; 0: 100 */
	bool colour;
	bool numeric; /* ports as numbers */
	bool append;  /* behind what the file has */
};

struct report;

/* NULL, with one line in err, where the file is not to be had. */
struct report *report_new(const struct report_options *o, char *err, size_t errsize);
/* Writes it. False where that failed (not: a closed pipe); see report_error(). */
bool report_finish(struct report *r, const struct capture_stats *st, const struct counters *c);
const char *report_error(const struct report *r);
void report_free(struct report *r);

#endif
