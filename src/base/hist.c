/* hist.c - see hist.h. */
#include "base/hist.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define PARTS (HIST_COLUMNS / HIST_PART)
#define HEAD  16u /* bytes of the allocator for each piece */

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

static void give_back(struct hist *h, void *p, size_t size)
{
	if (p && h->room)
		h->room->left += size + HEAD;
	free(p);
}

void hist_release(struct hist *h)
{
	struct hist_room *room = h->room;

	for (uint64_t left = h->rows; left; left &= left - 1) {
		int i = __builtin_ctzll(left);

		for (unsigned k = 0; k < PARTS; k++)
			give_back(h, h->row[i]->part[k], HIST_PART * sizeof(uint64_t));
		give_back(h, h->row[i], sizeof(struct hist_row));
	}
	if (h->n || h->rows)
		hist_init(h);
	h->room = room;
}

/* Row 0 holds the values below 128 one by one; row r those from 2^(r+6) on in steps of 2^(r-1). */
static void place(uint64_t v, unsigned *row, unsigned *column)
{
	unsigned top;

	if (v < HIST_COLUMNS) {
		*row = 0;
		*column = (unsigned)v;
		return;
	}
	top = 63u - (unsigned)__builtin_clzll(v);
	*row = top - HIST_BITS + 1;
	*column = (unsigned)(v >> (top - HIST_BITS)) & (HIST_COLUMNS - 1);
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned row, unsigned column)
{
	uint64_t step;

	if (!row)
		return column;
	step = UINT64_C(1) << (row - 1);
	return (HIST_COLUMNS + column) * step + step / 2;
}

uint64_t hist_count(const struct hist *h, unsigned row, unsigned column)
{
	const uint64_t *part = h->row[row] ? h->row[row]->part[column / HIST_PART] : NULL;

	return part ? part[column % HIST_PART] : 0;
}

static void *take(struct hist *h, size_t size)
{
	if (h->room && h->room->left < size + HEAD)
		return NULL;
	if (h->room)
		h->room->left -= size + HEAD;
	return xcalloc(1, size);
}

/* NULL: there is no room for it. */
static uint64_t *bucket(struct hist *h, unsigned row, unsigned column)
{
	uint64_t **part;

	if (!h->row[row] && !(h->row[row] = take(h, sizeof(struct hist_row))))
		return NULL;
	h->rows |= UINT64_C(1) << row;
	part = &h->row[row]->part[column / HIST_PART];
	if (!*part && !(*part = take(h, HIST_PART * sizeof(uint64_t))))
		return NULL;
	return *part + column % HIST_PART;
}

static void put(struct hist *h, unsigned row, unsigned column, uint64_t n)
{
	uint64_t *b = bucket(h, row, column);

	if (b) {
		*b += n;
		return;
	}
	h->left_out += n;
	h->room->refused += n;
}

void hist_add(struct hist *h, uint64_t value)
{
	unsigned row, column;

	place(value, &row, &column);
	put(h, row, column, 1);
	if (!h->n || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->n++;
	h->sum += value;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	uint64_t n;

	if (!from->n)
		return;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; from->row[i] && j < HIST_COLUMNS; j++)
			if ((n = hist_count(from, i, j)))
				put(h, i, j, n);
	if (!h->n || from->min < h->min)
		h->min = from->min;
	if (from->max > h->max)
		h->max = from->max;
	h->n += from->n;
	h->sum += from->sum;
	h->left_out += from->left_out;
}

/* The least and the most of what is left, no farther out than they were. */
static void narrow(struct hist *h)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; h->row[i] && j < HIST_COLUMNS; j++)
			if (hist_count(h, i, j)) {
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
	uint64_t n, here;

	if (!what->n)
		return;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; what->row[i] && j < HIST_COLUMNS; j++) {
			n = hist_count(what, i, j);
			here = hist_count(h, i, j);
			if (n && here)
				*bucket(h, i, j) -= n < here ? n : here;
			/* It was left out when it came. */
			if (n > here)
				h->left_out -= n - here < h->left_out ? n - here : h->left_out;
		}
	h->n -= what->n;
	h->sum -= what->sum;
	if (what->min <= h->min || what->max >= h->max)
		narrow(h);
}

uint64_t hist_at(const struct hist *h, double part)
{
	uint64_t rank, seen = 0, n = h->n - h->left_out;

	if (!h->n)
		return 0;
	rank = (uint64_t)(part * (double)n + 0.999999);
	if (rank < 1)
		rank = 1;
	if (rank >= n)
		return h->max;
	for (unsigned i = 0; i < HIST_ROWS; i++)
		for (unsigned j = 0; h->row[i] && j < HIST_COLUMNS; j++) {
			seen += hist_count(h, i, j);
			if (seen >= rank) {
				uint64_t v = value_of(i, j);

				return v < h->min ? h->min : v > h->max ? h->max : v;
			}
		}
	return h->max;
}
