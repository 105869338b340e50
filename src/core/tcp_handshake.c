/*
 * tcp_handshake.c - what segments with SYN say: who is the client, what was offered, what had to be
 * sent again, and which of several was answered (RFC 9293, 3.5).
 *
 * Of two SYNs a SYN/ACK answers the one whose timestamp it echoes (RFC 7323, 3) or, without
 * timestamps, the last one: until other segments show how long the path is, which then tells. Of
 * two SYN/ACKs the client's ACK tells it in the same way. Where they name different sequence
 * numbers, the ACK decides between them.
 */
#include "core/copies.h"
#include "core/handshake.h"
#include "core/shard.h"
#include "core/tcp.h"
#include <string.h>

#define CROSSING   (3000u * (uint64_t)MS) /* two SYNs that are sent without knowing of each other */
#define FIRST_SEQS 65536u /* bytes that may have followed a SYN whose answer was not captured */

static void set_client(struct flow *f, unsigned dir)
{
	f->who = (uint8_t)((f->who & ~1u) | dir);
	f->flags |= FLOW_CLIENT;
}

static unsigned sent_last(uint32_t n)
{
	return n < SYNS_KEPT ? n - 1 : SYNS_KEPT - 1;
}

const struct sent_syn *sent_latest(const struct handshake *h)
{
	return &h->syn[sent_last(h->nsyn)];
}

static void sent_add(struct sent_syn *list, uint32_t *n, const struct sent_syn *s)
{
	list[*n < SYNS_KEPT ? *n : SYNS_KEPT - 1] = *s;
	++*n;
}

static struct sent_syn sent_now(const struct packet *p)
{
	return (struct sent_syn){p->time, p->number, p->tcp_tsval};
}

struct handshake *handshake_need(struct shard *sh, struct flow *f)
{
	struct flow_ext *e = flow_need_ext(sh, f);
	const struct flow_side *c = &f->side[flow_client(f)], *s = &f->side[!flow_client(f)];
	struct handshake *h = e->handshake;

	if (h)
		return h;
	h = e->handshake = pool_get(&sh->handshakes);
	sh->nhandshakes++;
	memset(h, 0, sizeof(*h));
	h->flow = f;
	if (c->flags & FS_SYN)
		sent_add(h->syn, &h->nsyn, &(struct sent_syn){f->first, f->first_frame, c->tsval});
	if (f->syn_ack)
		sent_add(h->syn_ack, &h->nsyn_ack, &(struct sent_syn){f->syn_ack, 0, s->tsval});
	return h;
}

void handshake_drop(struct shard *sh, struct flow *f)
{
	if (!f->ext->handshake)
		return;
	tcp_fastopen_drop(sh, f->ext->handshake);
	pool_put(&sh->handshakes, f->ext->handshake);
	f->ext->handshake = NULL;
	sh->nhandshakes--;
}

/*
 * Of two SYNs without timestamps either may be answered, else any from the first one on whose
 * timestamp is echoed: where the answer to that was lost, the one to the next echoes it, too.
 */
static struct answer answer_to(const struct sent_syn *list, uint32_t n, const struct packet *p)
{
	uint8_t last = (uint8_t)sent_last(n);

	if (p->tcp_opts & TCP_OPT_TIMES)
		for (uint8_t i = 0; i <= last; i++)
			if (list[i].tsval && list[i].tsval == p->tcp_tsecr)
				return (struct answer){i, last, i};
	return (struct answer){0, last, last};
}

static uint64_t since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/*
 * Which one, where another segment has shown how long the path is: none that came too late to be
 * answered, and was sent again while the answer was on its way. Delayed ACKs make a path seem
 * longer, but not as long as that.
 */
static unsigned answered(const struct sent_syn *list, const struct answer *a, uint64_t at,
	const struct flow *f, unsigned dir)
{
	uint32_t rtt = f->rtt_min[dir];
	unsigned i = a->last;

	if (rtt == UINT32_MAX)
		return a->which;
	while (i > a->least && since(list[i].time, at) < rtt - rtt / 4 &&
		list[i].time - list[i - 1].time <= rtt + rtt / 4)
		i--;
	/* A bound tells that a path is short, not that it is long. */
	return i < a->last && flow_rtt(f, dir) == UINT32_MAX ? a->which : i;
}

/*
 * What the segment answered was sent so long ago; where that is not sure it is no sample, it may be
 * far from the path's. Nobody delays what ends a handshake, but to put data into it.
 */
static void sample(struct flow *f, struct handshake *h, const struct packet *p, unsigned dir,
	const struct answer *a, uint64_t rtt)
{
	if (a && a->least != a->last)
		h->rtt[!dir] = rtt < UINT32_MAX ? (uint32_t)rtt : UINT32_MAX - 1;
	else if (p->paylen + p->paycut && !(p->tcp_flags & TCP_SYN))
		tcp_rtt_seen(f, p, dir, rtt);
	else
		rtt_sample(f, !dir, rtt);
}

static void first_syn_ack(struct flow *f, const struct packet *p, unsigned dir)
{
	struct handshake *h = handshake_of(f);

	f->syn_ack = p->time;
	if (!(f->side[!dir].flags & FS_SYN))
		return;
	if (!h || !h->nsyn) {
		sample(f, NULL, p, dir, NULL, p->time - f->first);
		return;
	}
	h->answered = answer_to(h->syn, h->nsyn, p);
	if (h->fastopen.unheard) /* the one before it was lost */
		h->answered.least = h->answered.which = h->answered.last;
	sample(f, h, p, dir, &h->answered, p->time - h->syn[h->answered.which].time);
}

static void begin(struct flow_side *s, const struct packet *p)
{
	/* Unless what came before it stands behind it already. */
	if (!(s->flags & FS_MIDWAY) || s->nxt - (p->tcp_seq + 1) >= SEQ_REACH)
		s->nxt = p->tcp_seq + 1;
	s->flags = (uint8_t)((s->flags | FS_SYN | FS_SEQ) & ~FS_MIDWAY);
	s->isn = p->tcp_seq;
}

static void on_syn_ack(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	bool again = f->syn_ack && s->flags & FS_SYN;
	struct handshake *h = again ? handshake_need(sh, f) : handshake_of(f);
	struct sent_syn now = sent_now(p);

	if (!(f->flags & FLOW_CLIENT) && !(h && h->simultaneous))
		set_client(f, !dir);
	if (h && side_of(f, dir) == SIDE_SERVER)
		sent_add(h->syn_ack, &h->nsyn_ack, &now);
	if (!f->syn_ack)
		first_syn_ack(f, p, dir);
	if (h && h->fastopen.len && side_of(f, dir) == SIDE_SERVER)
		tcp_fastopen_answer(sh, f, p->tcp_ack);
	if (again && f->established)
		tcp_accept_late(f, p, dir);
	else if (again && p->tcp_seq != s->isn && !h->simultaneous) {
		h->old_isn = s->isn;
		h->has_old_isn = true;
		begin(s, p);
	}
	if (!(s->flags & FS_SYN))
		begin(s, p);
	if (f->state < FLOW_SYN_ACK)
		f->state = FLOW_SYN_ACK;
}

/* Both ends begin: which of them serves, their ports tell, or what they say later. */
static void on_crossing(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	bool src = registry_app_port(TABLE_TCP_PORT, p->sport);
	bool dst = registry_app_port(TABLE_TCP_PORT, p->dport);

	struct handshake *h = handshake_need(sh, f);
	struct sent_syn now = sent_now(p);

	h->simultaneous = true;
	h->crossed = (uint8_t)dir;
	sent_add(h->syn, &h->nsyn, &now);
	if (src != dst)
		set_client(f, src ? !dir : dir);
	f->flags &= (uint8_t)~FLOW_CLIENT;
}

/* The first SYN of a side; it may stand behind what followed it. */
static void first_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	if (f->side[!dir].flags & FS_SYN && !f->syn_ack)
		on_crossing(sh, f, p, dir);
	else
		set_client(f, dir);
	begin(&f->side[dir], p);
	f->flags &= (uint8_t)~FLOW_MIDWAY;
	f->established = 0; /* how long it took cannot be told then */
}

static void on_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	bool again = s->flags & FS_SYN, data = p->paylen + p->paycut && !f->payload[dir];
	struct handshake *h = again || data ? handshake_need(sh, f) : handshake_of(f);
	struct sent_syn now = sent_now(p);
	uint32_t nxt = s->nxt;

	if (h)
		sent_add(h->syn, &h->nsyn, &now);
	if (!again)
		first_syn(sh, f, p, dir);
	if (data && dir == flow_client(f)) {
		tcp_fastopen_syn(sh, f, p);
		if (f->syn_ack)
			tcp_fastopen_answer(sh, f, nxt);
	}
	if (f->state < FLOW_SYN)
		f->state = FLOW_SYN;
}

bool tcp_on_syn(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct flow_side *s = &f->side[dir];
	bool again = s->flags & FS_SYN && s->isn == p->tcp_seq;

	if (p->tcp_opts & TCP_OPT_MSS)
		s->mss = p->tcp_mss;
	s->wscale = p->tcp_opts & TCP_OPT_WSCALE ? p->tcp_wscale
		    : p->tcp_opts & TCP_OPT_CUT  ? WSCALE_CUT
						 : WSCALE_NONE;
	if (p->tcp_opts & TCP_OPT_SACK_OK)
		s->flags |= FS_SACK;
	if (!(p->tcp_flags & TCP_ACK)) {
		on_syn(sh, f, p, dir);
		return false;
	}
	on_syn_ack(sh, f, p, dir);
	return !again;
}

/* Both SYNs of a simultaneous open have to be acknowledged. */
static bool ends_crossing(struct handshake *h, struct flow *f, const struct packet *p, unsigned dir)
{
	uint8_t bit = (uint8_t)(1u << dir);

	if (h->acked & bit || !(f->side[!dir].flags & FS_SYN) ||
		seq_diff(p->tcp_ack, f->side[!dir].isn) <= 0)
		return h->acked == 3;
	if (h->nsyn == 2) /* none was sent again */
		sample(f, h, p, dir, NULL, p->time - h->syn[h->crossed == !dir].time);
	h->acked |= bit;
	return h->acked == 3;
}

/* The client's ACK names the SYN/ACK that it takes. */
static void choose_isn(struct handshake *h, struct flow_side *o, uint32_t ack)
{
	uint32_t other = h->old_isn;

	if (!h->has_old_isn || ack == o->isn + 1 || ack != other + 1)
		return;
	o->isn = other;
	o->nxt = other + 1;
}

static void client_acks(struct flow *f, const struct packet *p, unsigned dir)
{
	struct handshake *h = handshake_of(f);

	if (!f->syn_ack)
		return;
	if (!h || !h->nsyn_ack) {
		sample(f, NULL, p, dir, NULL, p->time - f->syn_ack);
		return;
	}
	choose_isn(h, &f->side[!dir], p->tcp_ack);
	h->ended = answer_to(h->syn_ack, h->nsyn_ack, p);
	sample(f, h, p, dir, &h->ended, p->time - h->syn_ack[h->ended.which].time);
}

/* Is it the ACK to a SYN/ACK that was not captured, or what came long after it? */
static bool may_end(const struct handshake *h, const struct packet *p)
{
	bool data = p->paylen + p->paycut, again = h && h->fastopen.len;

	return p->tcp_ack && !(p->tcp_flags & TCP_FIN) && (!data || again);
}

void tcp_on_handshake_ack(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	struct handshake *h = handshake_of(f);
	bool client = side_of(f, dir) == SIDE_CLIENT;

	if (h && h->simultaneous) {
		if (ends_crossing(h, f, p, dir)) {
			f->state = FLOW_ESTABLISHED;
			f->established = p->time;
		}
		return;
	}
	if (p->tcp_flags & TCP_SYN || (!client && f->state != FLOW_SYN))
		return;
	f->state = FLOW_ESTABLISHED;
	if (client && (f->syn_ack || may_end(h, p))) { /* else the ACK was not captured either */
		f->established = p->time;
		client_acks(f, p, dir);
	}
	if (h && h->fastopen.len)
		tcp_fastopen_established(sh, f, client ? p->tcp_seq : p->tcp_ack);
}

/* Does it acknowledge the SYN, and not much more (of what the capture lost)? */
static bool acknowledges(const struct flow_side *s, const struct packet *p)
{
	return p->tcp_flags & TCP_ACK && p->tcp_ack - (s->isn + 1) < FIRST_SEQS;
}

bool tcp_is_stray(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (f->state != FLOW_SYN || (s->flags & o->flags & FS_SYN) ||
		(p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return false;
	if (tcp_fastopen_unheard(sh, f, p, dir))
		return true;
	if (o->flags & FS_SYN ? acknowledges(o, p) : p->tcp_seq - (s->isn + 1) < FIRST_SEQS)
		return false;
	handshake_need(sh, f)->strays++;
	counters_add(&sh->engine->counters,
		"tcp: segment of another connection, the SYN is not answered by it", 1);
	return true;
}

bool tcp_is_duplicate_syn(const struct flow_side *s, const struct packet *p, uint64_t since)
{
	bool times = p->tcp_opts & TCP_OPT_TIMES && s->tsval;
	int32_t age = times ? seq_diff(p->tcp_tsval, s->tsval) : 0;

	if (!(s->flags & FS_SYN) || p->tcp_seq != s->isn)
		return false;
	if (p->tcp_flags & TCP_ACK && !(s->flags & FS_ACK))
		return false; /* a SYN before, and now a SYN/ACK */
	if (p->ip_id && (uint16_t)(s->ip_id - p->ip_id) >= TCP_IDS)
		return age < 0; /* a newer identification, or none of a row */
	return age < 0 || (age == 0 && (times || since < 100 * MS));
}

bool tcp_same_connection(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];

	if (s->flags & FS_SYN)
		return s->isn == p->tcp_seq && f->state != FLOW_RESET;
	if (f->state == FLOW_SYN) /* both begin */
		return o->flags & FS_SYN && p->time - f->last[!dir] <= CROSSING;
	/* It was seen before its SYN: a bare ACK, or ... */
	if (!(s->flags & FS_SEQ))
		return f->packets[dir] && p->time - f->first <= EARLY_GRACE && !tcp_is_newer(s, p);
	/* ... more; what the SYN carries is a part of what was acknowledged. */
	return s->flags & FS_MIDWAY && s->isn - p->tcp_seq <= p->paylen + p->paycut;
}

static unsigned answered_syn(const struct flow *f, const struct handshake *h)
{
	return answered(h->syn, &h->answered, f->syn_ack, f, flow_client(f));
}

static unsigned ending_syn_ack(const struct flow *f, const struct handshake *h)
{
	return answered(h->syn_ack, &h->ended, f->established, f, !flow_client(f));
}

/* What of the time up to the client's ACK is the path's. */
static uint64_t path_time(const struct flow *f, const struct handshake *h)
{
	if (h->simultaneous && h->nsyn == 2) /* one each */
		return since(h->syn[0].time, f->established);
	if (h->simultaneous || !f->syn_ack)
		return since(h->syn[sent_last(h->nsyn)].time, f->established);
	return since(h->syn[answered_syn(f, h)].time, f->syn_ack) +
	       since(h->syn_ack[ending_syn_ack(f, h)].time, f->established);
}

bool handshake_answer_late(const struct flow *f)
{
	const struct handshake *h = handshake_of(f);

	if (!h || h->simultaneous || !f->syn_ack || !f->established || !h->nsyn || !h->nsyn_ack)
		return false;
	return h->fastopen.unheard || answered_syn(f, h) > h->answered.which ||
	       ending_syn_ack(f, h) > 0;
}

bool handshake_cost(const struct flow *f, bool fast, struct connect_cost *c)
{
	const struct handshake *h = handshake_of(f);
	uint64_t total;

	memset(c, 0, sizeof(*c));
	if (fast) {
		c->until = h->syn[f->syn_ack ? answered_syn(f, h) : h->answered.which].time;
		c->retry = since(h->syn[0].time, c->until);
		return true;
	}
	if (!f->established || f->established < f->first ||
		!(f->side[flow_client(f)].flags & FS_SYN))
		return false;
	c->until = handshake_stands(f);
	total = c->network = c->until - f->first;
	if (h && h->nsyn && path_time(f, h) < total)
		c->network = path_time(f, h);
	c->retry = total - c->network;
	c->accept = c->until - f->established;
	return true;
}

/* Where more than one may have been answered, what else is known of the path may tell which. */
uint32_t handshake_rtt(const struct flow *f, unsigned dir)
{
	const struct handshake *h = handshake_of(f);
	uint64_t rtt;

	if (flow_rtt(f, dir) != UINT32_MAX || !h || !h->rtt[dir])
		return flow_rtt(f, dir);
	rtt = dir == flow_client(f) ? since(h->syn[answered_syn(f, h)].time, f->syn_ack)
				    : since(h->syn_ack[ending_syn_ack(f, h)].time, f->established);
	return rtt && rtt < UINT32_MAX ? (uint32_t)rtt : h->rtt[dir];
}
