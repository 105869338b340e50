/*
 * moment.h - what is under way, told without a change of it.
 */
#ifndef TSUMARI_CORE_MOMENT_H
#define TSUMARI_CORE_MOMENT_H

#include <stdint.h>

struct flow;
struct shard;

/* All of a shard, at a tick. */
void moment_take(struct shard *sh, uint64_t now);
/* The requests of one flow, for interim records. */
void moment_requests(struct shard *sh, const struct flow *f, uint64_t now);

#endif
