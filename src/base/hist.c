/* hist.c - see hist.h. */
#include "base/hist.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define COLUMNS (1u << HIST_BITS)

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_release(struct hist *h)
{
	for (unsigned i = 0; i < HIST_ROWS; i++)
		free(h->row[i]);
	hist_init(h);
}

/* Row 0 holds the values below 128 one by one; row r those from 2^(r+6) on in steps of 2^(r-1). */
static void place(uint64_t v, unsigned *row, unsigned *column)
{
	unsigned top;

	if (v < COLUMNS) {
		*row = 0;
		*column = (unsigned)v;
		return;
	}
	top = 63u - (unsigned)__builtin_clzll(v);
	*row = top - HIST_BITS + 1;
	*column = (unsigned)(v >> (top - HIST_BITS)) & (COLUMNS - 1);
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned row, unsigned column)
{
	uint64_t step;

	if (!row)
		return column;
	step = UINT64_C(1) << (row - 1);
	return (COLUMNS + column) * step + step / 2;
}

static uint64_t *row_of(struct hist *h, unsigned row)
{
	if (!h->row[row])
		h->row[row] = xcalloc(COLUMNS, sizeof(uint64_t));
	return h->row[row];
}

void hist_add(struct hist *h, uint64_t value)
{
	unsigned row, column;

	place(value, &row, &column);
	row_of(h, row)[column]++;
	if (!h->n || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->n++;
	h->sum += value;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	if (!from->n)
		return;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; from->row[i] && j < COLUMNS; j++)
			row_of(h, i)[j] += from->row[i][j];
	if (!h->n || from->min < h->min)
		h->min = from->min;
	if (from->max > h->max)
		h->max = from->max;
	h->n += from->n;
	h->sum += from->sum;
}

/* The least and the most of what is left, no farther out than they were. */
static void narrow(struct hist *h)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; h->row[i] && j < COLUMNS; j++)
			if (h->row[i][j]) {
				most = value_of(i, j);
				least = least < most ? least : most;
			}
	if (h->min < least)
		h->min = h->n ? least : 0;
	if (h->max > most)
		h->max = most;
}

void hist_subtract(struct hist *h, const struct hist *what)
{
	if (!what->n)
		return;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; what->row[i] && j < COLUMNS; j++)
			row_of(h, i)[j] -= what->row[i][j];
	h->n -= what->n;
	h->sum -= what->sum;
	if (what->min <= h->min || what->max >= h->max)
		narrow(h);
}

uint64_t hist_at(const struct hist *h, double part)
{
	uint64_t rank, seen = 0;

	if (!h->n)
		return 0;
	rank = (uint64_t)(part * (double)h->n + 0.999999);
	if (rank < 1)
		rank = 1;
	if (rank >= h->n)
		return h->max;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; h->row[i] && j < COLUMNS; j++) {
			seen += h->row[i][j];
			if (seen >= rank) {
				uint64_t v = value_of(i, j);

				return v < h->min ? h->min : v > h->max ? h->max : v;
			}
		}
	return h->max;
}
