/* account.c - see account.h. */
#include "model/account.h"
#include "base/mem.h"
#include <stdlib.h>

struct cell *account_cell(struct cell **list, unsigned entry, unsigned class)
{
	struct cell **at = list, *c;

	for (; *at; at = &(*at)->next)
		if ((*at)->entry == entry && (*at)->class == class)
			return *at;
	c = *at = xcalloc(1, sizeof(*c));
	c->entry = (uint8_t)entry;
	c->class = (uint8_t) class;
	return c;
}

void account_free(struct cell **list)
{
	while (*list) {
		struct cell *c = *list;

		*list = c->next;
		free(c);
	}
}

static bool with_stalls(enum wait_class c)
{
	return c == CLASS_UNACKED || c == CLASS_NOT_TAKEN || c == CLASS_NOT_TAKEN_OPEN;
}

enum wait_class account_class(enum wait_class c, enum wait_class stalls, unsigned entry)
{
	switch (entry) {
	case LEDGER_SERVER:
		return c;
	case LEDGER_REQUEST:
	case LEDGER_QUEUED:
	case LEDGER_RETRY:
	case LEDGER_NETWORK:
	case LEDGER_RESPONSE:
		return c > CLASS_SERVER_ONLY && c < CLASS_MAYBE ? c : CLASS_NONE;
	case LEDGER_STALL_RTO_CLIENT:
	case LEDGER_STALL_RTO_SERVER:
	case LEDGER_STALL_FAST_CLIENT:
	case LEDGER_STALL_FAST_SERVER:
		return with_stalls(c) ? c : stalls;
	default:
		return CLASS_NONE;
	}
}

unsigned account_shares(struct cell **list, const uint64_t *ledger, enum wait_class c,
	enum wait_class stalls, struct share *out)
{
	unsigned n = 0;

	/* Few are not 0. */
	for (unsigned from = 0; from < LEDGER_COUNT; from += 4) {
		unsigned to = from + 4 < LEDGER_COUNT ? from + 4 : LEDGER_COUNT;

		if (to == from + 4 &&
			!(ledger[from] | ledger[from + 1] | ledger[from + 2] | ledger[from + 3]))
			continue;
		for (unsigned i = from; i < to; i++) {
			if (!ledger[i])
				continue;
			out[n].cell = account_cell(list, i, account_class(c, stalls, i));
			out[n].cell->all += ledger[i];
			out[n++].ns = ledger[i];
		}
	}
	return n;
}

void account_withdraw(const struct share *s)
{
	s->cell->all -= s->ns;
}

void account_settle(const struct share *s, bool felt)
{
	s->cell->settled += s->ns;
	s->cell->felt += felt ? s->ns : 0;
}

static uint64_t less(uint64_t *n, uint64_t by)
{
	by = by < *n ? by : *n;
	*n -= by;
	return by;
}

void account_take_out(struct cell **list, const uint64_t *ledger, bool pending, bool open)
{
	for (unsigned i = 0; i < LEDGER_COUNT; i++) {
		uint64_t left = ledger[i];

		for (struct cell *c = *list; c && left; c = c->next) {
			uint64_t its;

			if (c->entry != i)
				continue;
			its = less(&c->all, left);
			left -= its;
			if (open)
				less(&c->open, its);
			if (pending)
				continue;
			less(&c->settled, its);
			less(&c->felt, its);
		}
	}
}
