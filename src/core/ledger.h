/*
 * ledger.h - the ledger of a transaction: which cause its time went to, as far as it is known.
 */
#ifndef TSUMARI_CORE_LEDGER_H
#define TSUMARI_CORE_LEDGER_H

#include "core/record.h"

struct session;
struct shard;
struct txn;

enum phase { PHASE_REQUEST, PHASE_WAIT, PHASE_RESPONSE, PHASE_COUNT };

/* What entries of the ledger have taken of a transaction's phases so far, ns. Most have none. */
struct spent {
	uint64_t by[PHASE_COUNT][LEDGER_COUNT];
	struct path_load load[2]; /* enum side: of the request, of the response */
};

/*
 * A stretch of time is found to have been an entry's. It counts in the phases it fell into, and
 * once: what was given away before is not given again. Of one transaction, or of each open one.
 */
void txn_stall_one(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to);
void txn_stall(struct session *s, enum ledger_entry entry, uint64_t from, uint64_t to);
/* The server was idle: of transactions that are being answered and whose request it has. */
void txn_idle(struct session *s, uint64_t from, uint64_t to);
/* It was an entry's whatever has been given away before: of one that ends. */
void ledger_take(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t to);
/*
 * Stamp i, which is set now, lies before the end of a stall (stalled_to): what was stalled behind
 * it is in the phase that begins there. Of T0, in the transaction.
 */
void ledger_stamped(struct session *s, struct txn *t, int i);
/* All of the waiting up to now that is no entry's yet was this one's. */
void ledger_waited(struct txn *t, enum ledger_entry entry, uint64_t now);
/* From..to a side's bytes were under way, and the round trip was this long, well above the least;
   of it `behind` was waiting behind the capture. */
void ledger_load(
	struct txn *t, enum side side, uint64_t from, uint64_t to, uint64_t rtt, uint64_t behind);
/* The same of any message: its first and last byte, as far as there were any. */
void ledger_load_of(struct path_load *x, uint64_t first, uint64_t last, uint64_t from, uint64_t to,
	uint64_t rtt, uint64_t behind);
struct spent *ledger_need(struct shard *sh, struct spent **s);
void ledger_drop(struct shard *sh, struct spent **s);
/* Shares the phases among the entries; what kept them first (NULL: nothing). */
void ledger_share(uint64_t *ledger, const struct spent *s, uint64_t rtt, uint64_t *span);
void ledger_copy(struct txn *to, const struct txn *from);
void ledger_forget(struct shard *sh, struct txn *t);
/* The spans between the stamps, and the ledger. rtt: to the server, ns; FIELD_ABSENT: not known. */
void ledger_account(struct txn_record *r, const struct txn *t, uint64_t rtt);

#endif
