/*
 * rusage.h - what this process takes of the machine itself (getrusage(2)).
 */
#ifndef TSUMARI_BASE_RUSAGE_H
#define TSUMARI_BASE_RUSAGE_H

#include <stdint.h>

struct cost {
	uint64_t processor; /* ns, user's and system's, of all threads since the start */
	uint64_t memory;    /* bytes, the most that was resident at a time */
};

struct cost cost_now(void);

#endif
