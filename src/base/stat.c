/* stat.c - see stat.h. */
#include "base/stat.h"
#include "base/mem.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXPECTED 20.0

static double two_sided(double z)
{
	return erfc(fabs(z) / sqrt(2.0));
}

double stat_rank_sum(const struct hist *a, const struct hist *b, double *greater)
{
	double n = (double)a->n, m = (double)b->n, below = 0, u = 0, ties = 0, all = n + m;
	double mean = n * m / 2, variance, off;

	*greater = 0.5;
	if (!a->n || !b->n)
		return 1;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; (a->row[i] || b->row[i]) && j < HIST_COLUMNS; j++) {
			double x = (double)hist_count(a, i, j);
			double y = (double)hist_count(b, i, j);
			double t = x + y;

			u += y * (below + x / 2);
			below += x;
			ties += t * (t * t - 1);
		}
	*greater = u / (n * m);
	variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
	if (!(variance > 0))
		return 1;
	off = fabs(u - mean) - 0.5;
	return off > 0 ? two_sided(off / sqrt(variance)) : 1;
}

static double log_choose(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* The sum over the tables that are no more likely than the one that was seen. */
static double fisher(double k, double n, double l, double m)
{
	double of = k + l, all = n + m, least = of > m ? of - m : 0, most = of < n ? of : n;
	double total = log_choose(all, of), sum = 0;
	double seen = log_choose(n, k) + log_choose(m, l) - total;

	/* NOLINTNEXTLINE(cert-flp30-c): whole numbers, which a double counts up to 2^53 */
	for (double x = least; x <= most; x++) {
		double p = log_choose(n, x) + log_choose(m, of - x) - total;

		if (p <= seen + 1e-9)
			sum += exp(p);
	}
	return sum < 1 ? sum : 1;
}

double stat_shares(uint64_t k, uint64_t n, uint64_t l, uint64_t m)
{
	double a = (double)k, b = (double)l, x = (double)n, y = (double)m;
	double part = (a + b) / (x + y), smaller = x < y ? x : y, off;

	if (!n || !m || k + l == 0 || k + l == n + m)
		return 1;
	if (smaller * part < EXPECTED || smaller * (1 - part) < EXPECTED)
		return fisher(a, x, b, y);
	off = fabs(a / x - b / y) - (1 / x + 1 / y) / 2;
	return off > 0 ? two_sided(off / sqrt(part * (1 - part) * (1 / x + 1 / y))) : 1;
}

static int by_probability(const void *a, const void *b)
{
	const double *x = *(double *const *)a, *y = *(double *const *)b;

	return *x < *y ? -1 : *x > *y;
}

void stat_holm(double *p, size_t n)
{
	double **sorted, most = 0;

	if (!n)
		return;
	sorted = xcalloc(n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &p[i];
	qsort(sorted, n, sizeof(*sorted), by_probability);
	for (size_t i = 0; i < n; i++) {
		double x = *sorted[i] * (double)(n - i);

		if (x > most)
			most = x < 1 ? x : 1;
		*sorted[i] = most;
	}
	free(sorted);
}

uint64_t stat_above(const struct hist *h, uint64_t value)
{
	struct hist one;
	uint64_t n = 0;
	bool past = false;

	hist_init(&one);
	hist_add(&one, value);
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; (past ? h->row[i] : one.row[i]) && j < HIST_COLUMNS; j++) {
			if (past)
				n += hist_count(h, i, j);
			past = past || hist_count(&one, i, j);
		}
	hist_release(&one);
	return n;
}
