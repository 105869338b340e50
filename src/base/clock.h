/*
 * clock.h - units of time, in ns, and the clock that nobody sets.
 */
#ifndef TSUMARI_BASE_CLOCK_H
#define TSUMARI_BASE_CLOCK_H

#include "packet.h"

#include <stdint.h>
#include <time.h>

#define MS     UINT64_C(1000000)
#define SECOND TSM_SECOND

/* ns; async-signal-safe. */
static inline uint64_t clock_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

#endif
