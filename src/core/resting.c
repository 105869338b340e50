/*
 * resting.c - transactions whose response was captured whole, and not acknowledged yet.
 *
 * Captured on the server's side a response looks complete although some of it is lost behind the
 * capture: the client has it when the last copy of that has come. So the record leaves with the
 * client's ACK. Until then it takes what loss costs, and ends with the last copy that was needed.
 */
#include "core/resting.h"
#include "api/layer.h"
#include "core/record_of.h"
#include "core/session.h"
#include "core/txn.h"

#define RESTING_MAX 32u /* of a connection; the oldest does not wait any longer */

static void wake_first(struct session *s)
{
	struct txn *t = s->resting;

	s->resting = t->next;
	if (!s->resting)
		s->resting_last = NULL;
	s->nresting--;
	if (!s->resting)
		s->flow->side[!flow_client(s->flow)].more &= (uint8_t)~FS_RESTS;
	txn_too_late(s, t);
	record_of_txn(s->shard, t);
	txn_discard(s->shard, t);
}

bool txn_rest(struct session *s, struct txn *t)
{
	struct flow *f = s->flow;
	const struct flow_side *client = &f->side[flow_client(f)];
	struct flow_side *server = &f->side[!flow_client(f)];
	const unsigned whole = 1u << 0 | 1u << 3;

	if (f->proto != IP_PROTO_TCP || (t->marks & whole) != whole || !(client->flags & FS_ACK) ||
		seq_diff(client->ack, server->nxt) >= 0)
		return false;
	if (s->nresting == RESTING_MAX)
		wake_first(s);
	t->number = 0; /* to its dissector it is finished */
	t->acked_by = server->nxt - (server->flags & FS_FIN ? 1 : 0);
	t->next = NULL;
	if (s->resting_last)
		s->resting_last->next = t;
	else
		s->resting = t;
	s->resting_last = t;
	s->nresting++;
	server->more |= FS_RESTS;
	return true;
}

void resting_acked(struct session *s, uint32_t ack)
{
	while (s->resting && seq_diff(ack, s->resting->acked_by) >= 0)
		wake_first(s);
}

void resting_wake(struct session *s)
{
	while (s->resting)
		wake_first(s);
}

void resting_resent(struct session *s, uint32_t lo, uint64_t at)
{
	for (struct txn *t = s->resting; t; t = t->next)
		if (seq_diff(t->acked_by, lo) > 0 && at > t->stamp[3] && at > t->resent_at) {
			t->resent_at = at;
			t->quality |= 1u << QUALITY_RESENT_END;
		}
}
