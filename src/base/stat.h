/*
 * stat.h - is a difference between two samples more than chance?
 *
 * Probabilities are two-sided: how often samples of one and the same distribution differ at least
 * as much. Samples are taken for independent.
 */
#ifndef TSUMARI_BASE_STAT_H
#define TSUMARI_BASE_STAT_H

#include <stddef.h>
#include "base/hist.h"

/*
 * Mann and Whitney's rank-sum test by the normal distribution, corrected for ties (values in one
 * bucket are a tie) and continuity; good from some eight values a sample on. *greater: the
 * probability that a value of b is greater than one of a, ties counted half. Where a sample is
 * empty: 1 and 0.5.
 */
double stat_rank_sum(const struct hist *a, const struct hist *b, double *greater);

/* Do k of n and l of m differ as shares? Fisher's exact test; the normal distribution where at
   least 20 are expected in every cell. */
double stat_shares(uint64_t k, uint64_t n, uint64_t l, uint64_t m);

/*
 * Holm's correction for n tests that are made together: each probability becomes the least level at
 * which it would be called a difference, if all of them together are to err that often.
 */
void stat_holm(double *p, size_t n);

/* How many values lie in buckets above that of `value`. */
uint64_t stat_above(const struct hist *h, uint64_t value);

#endif
