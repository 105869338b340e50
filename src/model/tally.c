/* tally.c - see tally.h. */
#include "model/tally.h"
#include "base/hash.h"
#include <string.h>

/* One a second, in thousandths, of ns. */
#define RATE_ONE UINT64_C(1000000000000)

void tally_init(struct tally *t, struct hist_room *room)
{
	memset(t, 0, sizeof(*t));
	t->duration.room = t->wait.room = room;
}

void tally_release(struct tally *t)
{
	hist_release(&t->duration);
	hist_release(&t->wait);
}

static bool not_whole(const struct record *r)
{
	return r->quality & (1u << QUALITY_NO_RESPONSE | 1u << QUALITY_UNFINISHED);
}

bool txn_unknown(const struct txn_record *t)
{
	return !t->r.status && not_whole(&t->r);
}

bool txn_failed(const struct txn_record *t)
{
	return t->r.status && t->r.status != STATUS_OK;
}

bool txn_answered(const struct txn_record *t)
{
	return !not_whole(&t->r) || t->r.status == STATUS_OK;
}

uint64_t tally_rate(const struct tally *t, uint64_t listened)
{
	if (!t->transactions || !listened)
		return FIELD_ABSENT;
	return (uint64_t)((hash_product)tally_answers(t) * RATE_ONE / listened);
}

void tally_put_rate(struct text *out, const struct tally *t, uint64_t listened)
{
	uint64_t rate = tally_rate(t, listened);

	if (rate == FIELD_ABSENT)
		text_char(out, '-');
	else
		text_rate(out, rate, RATE_ONE);
}

void tally_add(struct tally *t, const struct txn_record *x)
{
	const struct record *r = &x->r;
	uint64_t last = r->end != FIELD_ABSENT ? r->end : r->start;

	if (!t->transactions || r->start < t->first)
		t->first = r->start;
	if (last > t->last)
		t->last = last;
	t->transactions++;
	t->errors += txn_failed(x);
	t->unanswered += txn_failed(x) && not_whole(r);
	t->unknown += txn_unknown(x);
	t->pending += txn_unknown(x) && r->quality & 1u << QUALITY_PENDING;
	if (r->duration != FIELD_ABSENT)
		hist_add(&t->duration, r->duration);
	if (x->wait != FIELD_ABSENT)
		hist_add(&t->wait, x->wait);
	if (x->total == FIELD_ABSENT)
		return;
	t->total += x->total;
	for (int i = 0; i < LEDGER_COUNT; i++)
		t->ledger[i] += x->ledger[i];
}

void tally_merge(struct tally *t, const struct tally *from)
{
	if (!from->transactions)
		return;
	if (!t->transactions || from->first < t->first)
		t->first = from->first;
	if (from->last > t->last)
		t->last = from->last;
	t->transactions += from->transactions;
	t->errors += from->errors;
	t->unanswered += from->unanswered;
	t->unknown += from->unknown;
	t->pending += from->pending;
	hist_merge(&t->duration, &from->duration);
	hist_merge(&t->wait, &from->wait);
	t->total += from->total;
	for (int i = 0; i < LEDGER_COUNT; i++)
		t->ledger[i] += from->ledger[i];
}

void tally_subtract(struct tally *t, const struct tally *what)
{
	t->transactions -= what->transactions;
	t->errors -= what->errors;
	t->unanswered -= what->unanswered;
	t->unknown -= what->unknown;
	t->pending -= what->pending;
	hist_subtract(&t->duration, &what->duration);
	hist_subtract(&t->wait, &what->wait);
	t->total -= what->total;
	for (int i = 0; i < LEDGER_COUNT; i++)
		t->ledger[i] -= what->ledger[i];
}

uint64_t txn_end(const struct txn_record *t)
{
	uint64_t end = t->r.start;

	if (t->r.end != FIELD_ABSENT)
		end = t->r.end;
	else if (t->total != FIELD_ABSENT)
		end += t->total - t->connect;
	return end > t->r.start ? end : t->r.start;
}

const char *tally_cause(const struct tally *t)
{
	int best = -1;

	for (int i = 0; i < LEDGER_COUNT; i++)
		if (t->ledger[i] && (best < 0 || t->ledger[i] > t->ledger[best]))
			best = i;
	return best < 0 ? NULL : ledger_names[best];
}
