/*
 * txn_connect.c - what a connection itself cost goes with its first transaction.
 *
 * It comes before the request's first byte. What of it lies behind that (a request that was sent
 * with the SYN, or to a server that had not taken the connection) is a part of the request's own
 * phases, counted there as a stall is.
 */
#include "core/handshake.h"
#include "core/shard.h"

/* From `from` on for `ns`: what came before the request's first byte; the rest is counted. */
static uint64_t before(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t ns)
{
	uint64_t first = t->stamp[0], to = from + ns;

	if (to <= first)
		return ns;
	txn_stall_one(t, entry, from, to);
	return first > from ? first - from : 0;
}

void txn_take_connect(struct session *s, struct txn *t)
{
	struct flow *f = s->flow;
	struct connect_cost c;

	if (f->flags & FLOW_HAD_TXN)
		return;
	f->flags |= FLOW_HAD_TXN;
	if (!handshake_cost(f, &c))
		return;
	t->connect_retry = before(t, LEDGER_CONNECT_RETRY, f->first, c.retry);
	t->connect_network = before(t, LEDGER_CONNECT_NETWORK, f->first + c.retry, c.network);
	t->carries_connect = 1;
	t->quality |= 1u << QUALITY_CONNECT;
}

void txn_settle_connect(struct session *s, struct txn *t)
{
	struct connect_cost c;
	uint64_t both = t->connect_retry + t->connect_network;

	/* The path may be known better now. */
	if (!t->carries_connect || !handshake_cost(s->flow, &c) || c.retry + c.network != both)
		return;
	t->connect_retry = c.retry;
	t->connect_network = c.network;
}

void txn_wait_accept(struct session *s, uint64_t from, uint64_t to)
{
	for (struct txn *t = s->first; t; t = t->next) {
		if (!(t->marks & 1) || t->stamp[0] >= to)
			continue;
		/* What was sent again until then was dropped for this. */
		ledger_forget(s->shard, t);
		t->counted_to = t->stamp[0];
		txn_stall_one(t, LEDGER_CONNECT_RETRY, from, to);
	}
}
