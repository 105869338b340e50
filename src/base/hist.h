/*
 * hist.h - a histogram of durations, log-linear: 128 buckets for each power of two.
 *
 * A percentile is off by less than 0.8 % of its value. Buckets are made when first needed, sixteen
 * at a time. Two histograms add up exactly.
 *
 * Several may share a room for their buckets: a value that needs new ones where it is used up is
 * counted, in n and sum and as least or most, but percentiles do not know of it.
 */
#ifndef TSUMARI_BASE_HIST_H
#define TSUMARI_BASE_HIST_H

#include <stdint.h>

#define HIST_BITS 7u
#define HIST_ROWS (64u - HIST_BITS + 1u)

#define HIST_COLUMNS (1u << HIST_BITS)
#define HIST_PART    16u /* columns */

struct hist_room {
	uint64_t left;    /* bytes */
	uint64_t refused; /* values */
};

struct hist_row {
	uint64_t *part[HIST_COLUMNS / HIST_PART]; /* HIST_PART counts, or NULL */
};

struct hist {
	uint64_t n, sum, min, max;
	uint64_t left_out; /* of n: in no bucket */
	uint64_t rows;     /* those that there are (bits) */
	struct hist_row *row[HIST_ROWS];
	struct hist_room *room; /* the owner's; NULL: there is no limit */
};

void hist_init(struct hist *h);
/* Empties it; it keeps its room. */
void hist_release(struct hist *h);
/* What a bucket holds. */
uint64_t hist_count(const struct hist *h, unsigned row, unsigned column);
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *h, const struct hist *from);
/* Takes out what was added before. Least and most become those of the buckets that are left. */
void hist_subtract(struct hist *h, const struct hist *what);
/* The value below which a part (0..1) of all lie, by nearest rank; 0 where there are none. */
uint64_t hist_at(const struct hist *h, double part);

#endif
