/*
 * share.h - how much of a scale a part of a whole takes: columns of a bar, percent, thousandths.
 *
 * Never more than the scale, whatever the numbers are: nothing is drawn or allocated by a share
 * that was not bounded.
 */
#ifndef TSUMARI_BASE_SHARE_H
#define TSUMARI_BASE_SHARE_H

#include <stdint.h>

/* part / whole * scale, rounded; 0 of nothing. scale: less than 2^31. */
static inline unsigned share_of(uint64_t part, uint64_t whole, unsigned scale)
{
	double n;

	if (!whole || part >= whole)
		return part && whole ? scale : 0;
	n = (double)part / (double)whole * scale + 0.5;
	return n < scale ? (unsigned)n : scale;
}

#endif
