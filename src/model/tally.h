/*
 * tally.h - what is added up of a number of transactions: of a service, of an operation.
 */
#ifndef TSUMARI_MODEL_TALLY_H
#define TSUMARI_MODEL_TALLY_H

#include "base/hist.h"
#include "base/text.h"
#include "core/record.h"

struct tally {
	uint64_t transactions;
	uint64_t errors; /* answered with an error of client or server, or not answered in order */
	uint64_t unanswered;                  /* of those: no response, or one that did not end */
	uint64_t unknown;                     /* txn_unknown(): in no rate of errors */
	uint64_t pending;                     /* of those: open when the capture ended */
	uint64_t first, last;                 /* the first's beginning, the last's end */
	struct hist duration;                 /* t0 to t3 */
	struct hist wait;                     /* t1 to t2 */
	uint64_t ledger[LEDGER_COUNT], total; /* ns, sums */
};

/* Empty; its histograms share this room (NULL: no limit). */
void tally_init(struct tally *t, struct hist_room *room);
void tally_release(struct tally *t);
void tally_add(struct tally *t, const struct txn_record *r);
void tally_merge(struct tally *t, const struct tally *from);
/* Takes out what was added before; first and last stay. */
void tally_subtract(struct tally *t, const struct tally *what);

/* Its answer is, or may be, among what the capture lost, or behind its end: nobody can say how it
   ended. */
bool txn_unknown(const struct txn_record *t);
/* It ended with an error of client or server, or was not answered in order. */
bool txn_failed(const struct txn_record *t);
/* It was answered, wholly as far as can be told. */
bool txn_answered(const struct txn_record *t);
/* How many of them were. */
static inline uint64_t tally_answers(const struct tally *t)
{
	return t->transactions - t->unanswered - t->unknown;
}
/* Answers a second over the time listened (ns), in thousandths: the rate that all outputs show;
   FIELD_ABSENT: there is none. tally_put_rate(): as text, '-' where there is none. */
uint64_t tally_rate(const struct tally *t, uint64_t listened);
void tally_put_rate(struct text *out, const struct tally *t, uint64_t listened);
/* When the last of it was over: for one that was not answered, when it was given up. */
uint64_t txn_end(const struct txn_record *t);

/* The entry of the ledger that took most; NULL: there was no waiting. */
const char *tally_cause(const struct tally *t);

#endif
