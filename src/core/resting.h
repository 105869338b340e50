/*
 * resting.h - a transaction whose response was captured whole rests until the client acknowledges
 * it.
 */
#ifndef TSUMARI_CORE_RESTING_H
#define TSUMARI_CORE_RESTING_H

#include "core/session.h"

/* It rests; false: the client has acknowledged it. */
bool txn_rest(struct session *s, struct txn *t);
/* Lets the records of those leave that are acknowledged, up to `ack`; of all. */
void resting_acked(struct session *s, uint32_t ack);
void resting_wake(struct session *s);
/* What the server had sent from `lo` on was lost, and came at this time. */
void resting_resent(struct session *s, uint32_t lo, uint64_t at);

#endif
