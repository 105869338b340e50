/*
 * gave_up.h - clients that gave a dead connection up without a word on it.
 *
 * What a client sent is never acknowledged, and sent again until the capture ends: the client
 * itself has long closed its socket and opened another connection to the same service. The FIN does
 * not get out, as it stands behind the data. So the wait ended when that other connection began:
 * each new connection is the end of one dead one, where the client opened none meanwhile as it was.
 * Of what other connections told before the dead one's record nothing is missed: that comes last.
 */
#ifndef TSUMARI_MODEL_GAVE_UP_H
#define TSUMARI_MODEL_GAVE_UP_H

#include "core/record.h"
#include "core/stats.h"

#define GAVE_UP_CLIENTS 1024u /* pairs of client and service that are remembered */
#define GAVE_UP_STARTS  16u   /* connections of one */

struct gave_up;

/* memory: of all, or 0. */
struct gave_up *gave_up_new(uint64_t memory);
void gave_up_free(struct gave_up *g);
/* Learns from a record, and gives it back: the same, or a copy that lives until the next call. */
const struct record *gave_up_record(struct gave_up *g, const struct record *r);
/* What it had to forget, by name. */
void gave_up_counters(const struct gave_up *g, struct counters *c);

#endif
