/*
 * txn_close.c - transactions that are open when their connection ends, or the capture does: given
 * up by one of the ends, or waited for still.
 */
#include "core/handshake.h"
#include "api/layer.h"
#include "core/ledger.h"
#include "core/record_of.h"
#include "core/session.h"
#include "core/tcp.h"
#include "core/txn.h"

#define DATAGRAM_WAITS (30000u * (uint64_t)MS) /* that a client waits for a datagram at most */
#define PATIENCE       (50u * (uint64_t)MS) /* who closes sooner had no timeout: it did not wait */
/* An answer whose bytes were cut is taken to be over when the server has said nothing for so long.
 */
#define CUT_OVER (1000u * (uint64_t)MS)

enum { T0, T1, T2, T3 };

void txn_closed_at(struct txn *t, uint64_t time)
{
	for (int i = T0; i <= T3; i++)
		if (t->marks & 1u << i && time < t->stamp[i]) {
			time = t->stamp[i];
			t->quality |= 1u << QUALITY_TIME_BACK;
		}
	t->closed_at = time;
}

/* An answer may still come behind the end of the capture. */
static bool is_open(const struct session *s, const struct txn *t, uint64_t now)
{
	uint64_t asked = t->stamp[t->marks & 1u << T1 ? T1 : T0];

	if (t->unanswered || t->doubtful || t->marks & 1u << T3)
		return false;
	return s->flow->proto == IP_PROTO_TCP || now < asked + DATAGRAM_WAITS;
}

/*
 * Has it been waited for until the capture ended? Of a datagram nobody can tell: its client may
 * have given up long before.
 */
static bool is_waited_for(const struct session *s, const struct txn *t)
{
	return s->flow->proto == IP_PROTO_TCP && t->marks & 1u << T0;
}

/* Where the rest of the open ones is, another subflow of Multipath TCP may have seen. */
void txn_elsewhere(struct session *s)
{
	for (struct txn *t = s->first; t; t = t->next) {
		t->doubtful = 1;
		t->quality |= 1u << QUALITY_MPTCP;
	}
}

/* Has the client acknowledged any of the response? */
static bool was_taken(const struct session *s, const struct txn *t)
{
	const struct flow *f = s->flow;
	const struct flow_side *client = &f->side[flow_client(f)];
	const struct flow_side *server = &f->side[!flow_client(f)];
	uint64_t since = s->side[SIDE_SERVER].pos - t->offset[T2];
	uint32_t begin = server->nxt - (server->flags & FS_FIN ? 1 : 0) - (uint32_t)since;

	return !(client->flags & FS_ACK) || seq_diff(client->ack, begin) > 0;
}

/* How long its turn had come when the client closed its side. */
static uint64_t waited_in_vain(const struct session *s, const struct txn *t)
{
	uint64_t since = t->stamp[T1];

	if (t->spent)
		since += t->spent->by[PHASE_WAIT][LEDGER_QUEUED];
	return s->closer_at > since ? s->closer_at - since : 0;
}

void txn_too_late(struct session *s, struct txn *t)
{
	const struct flow *f = s->flow;

	if (s->closer != SIDE_CLIENT + 1 || !(t->marks & 1u << T2) || !(t->marks & 1u << T1) ||
		t->stamp[T2] <= s->closer_at || waited_in_vain(s, t) < PATIENCE ||
		f->state != FLOW_RESET || f->who >> 7 != flow_client(f) || was_taken(s, t))
		return;
	t->marks &= (uint8_t) ~(1u << T2 | 1u << T3);
	t->resent_at = 0;
	t->status = 0;
	t->quality |= 1u << QUALITY_NO_RESPONSE;
	t->quality &= ~(1u << QUALITY_UNFINISHED | 1u << QUALITY_RESENT_END);
	txn_closed_at(t, s->closer_at);
}

/*
 * A client that has closed its side waits no longer, whenever the server notices, unless the answer
 * came behind that; a server that has closed its side answers no more.
 */
static bool closed_before(const struct session *s, const struct txn *t, uint64_t now)
{
	if (!s->closer || s->closer_at > now)
		return false;
	for (int i = T0; i <= T3; i++)
		if (t->marks & 1u << i && t->stamp[i] > s->closer_at)
			return false;
	return true;
}

/* Or did it close its side at once, as one may that waits? */
static bool wants_no_more(const struct session *s, const struct txn *t)
{
	return s->closer == SIDE_SERVER + 1 || !(t->marks & 1u << T1) ||
	       waited_in_vain(s, t) >= PATIENCE;
}

bool txn_waits(const struct session *s, const struct txn *t, uint64_t now)
{
	return is_open(s, t, now) && !(closed_before(s, t, now) && wants_no_more(s, t));
}

/* An answer has begun, and its end may be among what the snap length has cut. */
static bool is_cut(const struct txn *t)
{
	return t->cut & CUT_ANSWER && (t->marks & (1u << T2 | 1u << T3)) == 1u << T2;
}

/* Of an answer that was cut nobody knows whether the server ended the connection within it. */
static void cut_short(const struct session *s, struct txn *t)
{
	bool reset = s->flow->state == FLOW_RESET;

	if (!reset && s->closer != SIDE_SERVER + 1)
		return;
	if (t->status == STATUS_OK)
		t->status = 0;
	if (reset)
		t->cut &= (uint8_t)~CUT_ANSWER;
}

/* Frames were cut, and none is missing: its answer is known to go on, by its body's length. */
static bool is_within(const struct session *s, const struct txn *t)
{
	const struct session_side *x = &s->side[SIDE_SERVER];
	const struct flow *f = s->flow;

	return x->current == t && x->skip && !s->interleaved &&
	       !(f->ext && f->ext->side[!flow_client(f)].gaps);
}

static void close_one(struct session *s, struct txn *t, uint64_t closed_at, bool pending)
{
	bool closed, waits, cut = is_cut(t),
			    unknown = cut && (pending || s->flow->state == FLOW_RESET);

	if (cut)
		cut_short(s, t);
	t->broken_off = !pending && is_within(s, t);
	if (t->cut && (!pending || closed_at > s->last_response + CUT_OVER))
		txn_end_cut(s, t, closed_at ? closed_at : UINT64_MAX);
	txn_too_late(s, t);
	closed = closed_before(s, t, closed_at);
	waits = pending && !(closed && wants_no_more(s, t));
	if (waits && is_open(s, t, closed_at)) {
		t->pending = true;
		t->quality |= 1u << QUALITY_PENDING;
	}
	/* The client waited until the connection was closed, where that was seen; for what was cut,
	   until the server's last byte at least. */
	if (closed_at && !(t->marks & 1u << T3) && !t->doubtful &&
		(waits ? t->pending && is_waited_for(s, t) : (t->marks & 1u << T1) != 0))
		txn_closed_at(t, unknown && s->last_response < closed_at ? s->last_response
				 : closed                                ? s->closer_at
									 : closed_at);
}

/* Whatever the server still sends of an answer it has begun, it is at work on that. */
static bool is_idle(const struct session *s)
{
	const struct txn *t = s->side[SIDE_SERVER].current;

	return !s->closer && !flow_unacked(s->flow, !flow_client(s->flow)) && !(t && is_cut(t));
}

/*
 * Both ends still speak: the answer has begun, the request has not ended. Then it is the turn of
 * the one that has not spoken last.
 */
static void wait_in_turn(const struct session *s, struct txn *t, uint64_t now)
{
	uint64_t asked = s->side[SIDE_CLIENT].last.seen, said = s->side[SIDE_SERVER].last.seen;

	if (s->interleaved) {
		asked = t->turned[SIDE_CLIENT];
		said = t->turned[SIDE_SERVER];
	}
	txn_stall_one(
		t, asked > said ? LEDGER_SERVER : LEDGER_REQUEST, asked > said ? asked : said, now);
}

/* What an open one waited for when the capture ended. */
static void wait_one(const struct session *s, struct txn *t, uint64_t now)
{
	const unsigned begun = 1u << T0 | 1u << T2;

	if (!is_idle(s) || t->window_since[SIDE_CLIENT])
		return;
	if ((t->marks & (begun | 1u << T1 | 1u << T3)) == begun)
		wait_in_turn(s, t, now);
	else
		txn_stall_one(t, LEDGER_SERVER, s->last_response, now);
}

void txn_close_all(struct session *s, uint64_t closed_at, bool pending)
{
	if (s->flow->ext && s->flow->ext->watch & WATCH_MPTCP)
		txn_elsewhere(s);
	for (struct txn *t = pending && closed_at ? s->first : NULL; t; t = t->next)
		wait_one(s, t, closed_at);
	while (s->first) {
		struct txn *t = s->first;

		close_one(s, t, closed_at, pending);
		txn_finish(s, t);
	}
}

void txn_tell_open(struct session *s, const struct txn *t, uint64_t now, enum record_open open)
{
	const struct flow_ext *e = s->flow->ext;
	struct txn as = *t;

	if (!t->marks || t->passed_on)
		return;
	as.spent = NULL;
	ledger_copy(&as, t);
	if (e && e->watch & WATCH_MPTCP) {
		as.doubtful = 1;
		as.quality |= 1u << QUALITY_MPTCP;
	}
	if (e && e->watch & WATCH_ACCEPT && e->handshake->queued && e->handshake->spoke)
		txn_wait_accept_one(s, &as, e->handshake->since, e->handshake->taken);
	wait_one(s, &as, now);
	close_one(s, &as, now, true);
	txn_settle(s, &as);
	record_of_open_txn(s->shard, &as, open);
	ledger_forget(s->shard, &as);
}
