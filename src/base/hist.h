/*
 * hist.h - a histogram of durations, log-linear: 128 buckets for each power of two.
 *
 * A percentile is off by less than 0.8 % of its value. Rows of buckets are made when first needed
 * (1 KiB each; a service whose times lie within a factor of 1,000 takes ten). Two histograms add up
 * exactly.
 */
#ifndef TSUMARI_BASE_HIST_H
#define TSUMARI_BASE_HIST_H

#include <stdint.h>

#define HIST_BITS 7u
#define HIST_ROWS (64u - HIST_BITS + 1u)

struct hist {
	uint64_t n, sum, min, max;
	uint64_t *row[HIST_ROWS]; /* 128 counts, or NULL */
};

void hist_init(struct hist *h);
void hist_release(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *h, const struct hist *from);
/* Takes out what was added before. Least and most become those of the buckets that are left. */
void hist_subtract(struct hist *h, const struct hist *what);
/* The value below which a part (0..1) of all lie, by nearest rank; 0 where there are none. */
uint64_t hist_at(const struct hist *h, double part);

#endif
