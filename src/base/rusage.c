/* rusage.c - see rusage.h. */
#include "base/rusage.h"
#include <sys/resource.h>

static uint64_t ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

struct cost cost_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u); /* which cannot fail */
	return (struct cost){ns(u.ru_utime) + ns(u.ru_stime), (uint64_t)u.ru_maxrss * 1024u};
}
