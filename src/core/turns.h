/*
 * turns.h - TCP flows whose application is not followed (yet): how their payload changes
 * directions.
 */
#ifndef TSUMARI_CORE_TURNS_H
#define TSUMARI_CORE_TURNS_H

#include "core/flow.h"
#include "core/record.h"

struct shard;
struct spent;

#define TURNS_HELD 4u

struct message {           /* what a side sent without a pause */
	uint64_t from, to; /* its first byte and its last; */
	uint64_t answered; /* the first of the other side's, where that was its answer; 0: not */
	uint64_t frame, first_frame, last_frame, bytes;
	struct spent *spent; /* what kept it, and the answer; NULL: nothing */
	bool server;         /* it sent it */
	bool first;          /* the first that was answered */
};
struct flow_turns {
	struct flow_app app; /* of a flow that has no session; must come first */
	uint64_t last;       /* time of the last payload */
	uint64_t wait, wait_max, think;
	uint64_t request, response; /* sending questions, and answers */
	uint64_t first_asked, first_answered, closed;
	uint64_t from, first_frame, last_frame, bytes; /* of the message that is being sent */
	uint64_t stalled_to, resent_to; /* the end of the last stall; of one of its own bytes */
	uint64_t loaded_to;             /* it was seen in a queue of the path up to then */
	struct spent *spent;            /* of it; NULL: nothing */
	struct shard *shard;
	uint32_t turns;
	uint8_t of;      /* who sent it: 1 client, 2 server, 0 nobody */
	uint8_t first;   /* who sent the first */
	bool answers;    /* it is the first one behind a question */
	bool was_short;  /* its last segment was not full */
	uint8_t unasked; /* messages behind another of the same side, after a pause (turns.h) */
	uint8_t nheld;
	struct message *held; /* TURNS_HELD, not told of yet: the protocol may be found out */
};

/*
 * `len` bytes of payload of the end `dir` of a TCP flow that no dissector reads. *turns is
 * made where there are none. flow_turns(): those of a flow so far, NULL: none.
 */
void turns_payload(struct shard *sh, const struct flow *f, struct flow_turns **turns, unsigned dir,
	uint32_t len, uint64_t now);
struct flow_turns *flow_turns(const struct flow *f);
/* The same of a flow without a session, which keeps them. */
void turns_of_flow(struct shard *sh, struct flow *f, unsigned dir, uint32_t len, uint64_t now);
/* A flow without a session has none any more; the rest of what is known of it stays. */
void turns_drop(struct shard *sh, struct flow *f);
/* What ledger_load() and txn_stall() are for transactions, of what is being sent. */
RARELY void turns_load(const struct flow *f, enum side side, uint64_t from, uint64_t to,
	uint64_t rtt, uint64_t behind);
RARELY void turns_stall(const struct flow *f, enum ledger_entry entry, uint64_t from, uint64_t to);
/* The connection ends: so does what was being sent. */
void turns_end(struct shard *sh, const struct flow *f);
/* Sending what was asked, and what was answered, so far; there are turns. */
void turns_sums(
	const struct shard *sh, const struct flow *f, uint64_t *request, uint64_t *response);
/* They were none: a dissector reads them. */
void turns_forget(struct shard *sh, struct flow_turns *t);
/* The client will not be answered: it closed now, or (pending) the capture ends. */
void turns_left(struct shard *sh, const struct flow *f, uint64_t now, bool pending);
/* Records of those that were held back: no dissector has read them. */
void turns_tell(struct shard *sh, const struct flow *f, struct flow_turns *t);
/* Of a moment: those held back, and the one that is not answered by now. */
void turns_open(struct shard *sh, const struct flow *f, uint64_t now);

#endif
