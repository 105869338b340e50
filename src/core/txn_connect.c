/*
 * txn_connect.c - what a connection itself cost goes with its first transaction.
 *
 * It comes before the request's first byte. What of it lies behind that (a request that was sent
 * with the SYN, or to a server that had not taken the connection) is a part of the request's own
 * phases, counted there as a stall is.
 */
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/txn.h"

void txn_take_connect(struct session *s, struct txn *t)
{
	t->carries_connect = !(s->flow->flags & FLOW_HAD_TXN);
	s->flow->flags |= FLOW_HAD_TXN;
}

/* For `ns` from `from` on: gives what came before the request's first byte. */
static uint64_t before(struct txn *t, enum ledger_entry entry, uint64_t from, uint64_t ns)
{
	uint64_t first = t->stamp[0], to = from + ns;

	if (to <= first)
		return ns;
	ledger_take(t, entry, from, to);
	return first > from ? first - from : 0;
}

void txn_settle_connect(struct session *s, struct txn *t)
{
	const struct flow *f = s->flow;
	const struct handshake *h = handshake_of(f);
	/* A request that was whole in a SYN that was taken did not wait for the rest. */
	bool fast = h && h->fastopen.fate == FASTOPEN_TAKEN && t->marks & 2 &&
		    t->offset[1] <= h->fastopen.len;
	struct connect_cost c;

	if (!t->carries_connect || !(t->marks & 1) || !handshake_cost(f, fast, &c))
		return;
	t->connect_retry = before(t, LEDGER_CONNECT_RETRY, f->first, c.retry);
	t->connect_network = before(t, LEDGER_CONNECT_NETWORK, f->first + c.retry, c.network);
	t->quality |= 1u << QUALITY_CONNECT;
}

void txn_wait_accept_one(struct session *s, struct txn *t, uint64_t from, uint64_t to)
{
	if (!(t->marks & 1) || t->stamp[0] >= to)
		return;
	/* What was sent again until then was dropped for this. */
	ledger_forget(s->shard, t);
	t->counted_to = t->stamp[0];
	txn_stall_one(t, LEDGER_CONNECT_RETRY, from, to);
}

void txn_wait_accept(struct session *s, uint64_t from, uint64_t to)
{
	for (struct txn *t = s->first; t; t = t->next)
		txn_wait_accept_one(s, t, from, to);
}
