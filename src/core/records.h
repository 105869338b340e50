/*
 * records.h - records in their order of coming out of an engine.
 */
#ifndef TSUMARI_CORE_RECORDS_H
#define TSUMARI_CORE_RECORDS_H

#include <stdint.h>

struct engine;
struct shard;

/* Records in their order of coming out; the block stays the list's. */
struct recblock {
	struct recblock *next;
	uint32_t len, cap;
	uint8_t data[];
};

struct records {
	struct recblock *first, *last;
	uint64_t bytes;
};
void records_free(struct records *r);
/* A block whose records were used goes back to its engine (or another): memory that is warm. */
void records_give_back(struct engine *e, struct recblock *b);
/* Where many records come at once (a tick): called when there are more than `bytes` of them. */
void records_when_full(struct engine *e, uint64_t bytes, void (*full)(void *arg), void *arg);

/* Place for one of so many bytes: zeroed, its key set. */
void *record_room(struct shard *sh, uint32_t size);

/* What orders records: the order of packets, then ticks by shard before packets. */
#define RECORD_KEY(order, sub) ((order)*32 + (sub))
#define RECORD_KEY_PACKET      31u

#endif
