/*
 * paths.h - the paths of what a protocol knows by handles, learned from its transactions.
 *
 * For the thread that has the records in their order: what is learned from one connection serves
 * all others with the same server, the same for any number of workers. Bounded: the entry that was
 * used longest ago gives way.
 */
#ifndef TSUMARI_MODEL_PATHS_H
#define TSUMARI_MODEL_PATHS_H

#include "core/record.h"
#include "core/stats.h"

#define PATHS_ENTRIES 65536u /* handles that are known at once; 16 MiB at most */

struct paths;

struct paths *paths_new(unsigned entries);
void paths_free(struct paths *p);

/*
 * Learns from a record and gives it back with its path, where that is known: the same record, or a
 * copy that lives until the next call.
 */
const struct record *paths_record(struct paths *p, const struct record *r);

/* Adds what was given up. */
void paths_counters(const struct paths *p, struct counters *c);

#endif
