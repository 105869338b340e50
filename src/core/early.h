/*
 * early.h - segments that acknowledge bytes which were not seen: they wait for them.
 */
#ifndef TSUMARI_CORE_EARLY_H
#define TSUMARI_CORE_EARLY_H

#include "core/flow.h"

struct shard;

/* True where the segment waits, or was done with before others that do. */
RARELY bool early_hold(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir);
/* Nothing of the flow waits any longer; nor what has waited long enough. */
RARELY void early_flush(struct shard *sh, struct flow *f);
void early_tick(struct shard *sh, uint64_t now);

#endif
