/*
 * record_of.h - how flows and transactions become records.
 */
#ifndef TSUMARI_CORE_RECORD_OF_H
#define TSUMARI_CORE_RECORD_OF_H

#include "core/record.h"

struct flow;
struct message;
struct shard;
struct txn;

/* capture_end: absent if the flow ended before that, or goes on (not final). */
void record_of_flow(
	struct shard *sh, struct flow *f, const char *reason, bool final, uint64_t capture_end);
/* Of one that goes on, or may: `requests` of it have had a record that says so (r.open). */
void record_of_open_flow(struct shard *sh, const struct flow *f, uint64_t now, uint64_t requests);
void record_of_txn(struct shard *sh, struct txn *t);
/* The same, before it ends: nothing but the record comes of it. */
void record_of_open_txn(struct shard *sh, const struct txn *t, enum record_open open);
/* The server answered in m->frame what the client had sent; a message was long in being sent. */
void record_of_turn(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open);
void record_of_sent(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open);
/* It was asked and not answered by now. */
void record_of_open_turn(struct shard *sh, const struct flow *f, uint64_t asked, uint64_t now,
	bool pending, enum record_open open);
uint32_t flow_quality(const struct flow *f);
/* How a connection that is over ended. */
const char *flow_ended_by(const struct flow *f, const char *otherwise);
/* Times that its last segment of this direction was sent again without being acknowledged. */
#define UNACKED 2u /* from so many on it is a wait of its own */
uint64_t flow_unacked(const struct flow *f, unsigned dir);

#endif
