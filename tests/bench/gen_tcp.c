/*
 * A TCP conversation of bench-gen as one tap sees it: handshake, messages of a script cut into
 * segments under a growing congestion window (RFC 5681), an acknowledgement for every second
 * segment or after 40 ms (RFC 1122 4.2.3.2), SACK (RFC 2018), timestamps and window scale
 * (RFC 7323), fast retransmit and timeout, and a FIN from each side.
 *
 * All times are at the tap. What reaches the tap on its way to a side causes that side's reaction
 * to pass the tap loop[side] later; so no event happens anywhere else. Sequence numbers count from
 * the side's SYN, which is 0.
 *
 * Trouble comes one segment at a time and direction: a segment that was lost or overtaken is
 * acknowledged before the next may be. A retransmission always arrives.
 */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

enum {
	EV_SYN,
	EV_SYN_ACK,
	EV_HANDSHAKE_ACK,
	EV_TURN,     /* the side says what is in draft, or closes */
	EV_SEGMENT,  /* a segment passes the tap for the first time */
	EV_LATE,     /* the same, after it was overtaken */
	EV_RECEIVED, /* the side gets a segment of the other's stream */
	EV_ACKED,    /* the side gets an acknowledgement of its own stream */
	EV_DELAYED_ACK,
	EV_TIMEOUT,
	EV_FIN, /* four-way close: the side's own FIN */
};

enum { DUPLICATE_ACK = 1 }; /* event.len of EV_ACKED */
enum { INITIAL_WINDOW = 10, MAX_RANGES = 4, PLAIN_WINDOW = 64240 };

#define DELAYED_ACK (40 * MSEC)
#define TIMEOUT     (200 * MSEC)

struct range {
	uint32_t start, end;
};

struct side {
	struct endpoint ep;
	uint64_t loop;
	uint64_t tx_free; /* the link is busy until then */
	uint64_t ack_due; /* when a delayed acknowledgement goes out, or 0 */
	uint32_t isn;

	/* its own stream */
	uint32_t una, nxt, end; /* acknowledged, handed to the link, written by the application */
	uint32_t sent;          /* has been on the wire */
	uint32_t base;          /* where msg begins */
	uint32_t trouble;       /* the segment in trouble, while una <= trouble */
	uint16_t window, threshold, dup_acks;
	bool fin;
	struct message msg;

	/* the other's stream */
	struct range ahead[MAX_RANGES]; /* the newest first, as SACK wants them */
	uint32_t rcv_nxt, last_ack;
	uint8_t nahead, unacked;
	uint8_t wscale;
	uint32_t ts_base, ts_recent;
};

struct conv {
	struct actor actor; /* first */
	struct sim *sim;
	const struct script *script;
	void *state;
	struct side side[2];
	struct message draft;
	uint64_t spacing;
	uint32_t lost_before_tap, lost_after_tap, reordered;
	uint16_t mss, max_window;
	bool options, timestamps, four_way;
	bool speaking; /* a message is under way, from */
	uint8_t from;
};

static void push(struct conv *c, uint64_t time, int kind, int side, uint32_t seq, uint32_t len)
{
	sim_push(c->sim, &c->actor,
		(struct event){.time = time,
			.kind = (uint8_t)kind,
			.side = (uint8_t)side,
			.seq = seq,
			.len = (uint16_t)len});
}

static uint32_t timestamp(const struct side *s, uint64_t time)
{
	return s->ts_base + (uint32_t)(time / MSEC);
}

/* What reaches a side now passed the tap one loop ago. */
static void take_timestamp(struct conv *c, int side)
{
	struct side *s = &c->side[side];

	s->ts_recent = timestamp(&c->side[!side], c->sim->now - s->loop);
}

static void put_syn_options(const struct conv *c, const struct side *s, struct tcp_header *h)
{
	uint8_t *o = h->options;

	*o++ = 2;
	*o++ = 4;
	put_be16(o, c->mss + (c->timestamps ? 12U : 0U));
	o += 2;
	if (c->options && c->timestamps) {
		*o++ = 4; /* SACK permitted */
		*o++ = 2;
		*o++ = 8;
		*o++ = 10;
		put_be32(o, timestamp(s, c->sim->now));
		put_be32(o + 4, s->ts_recent);
		o += 8;
	}
	if (c->options) {
		*o++ = 1;
		*o++ = 3;
		*o++ = 3;
		*o++ = s->wscale;
	}
	if (c->options && !c->timestamps) {
		*o++ = 1;
		*o++ = 1;
		*o++ = 4;
		*o++ = 2;
	}
	h->options_len = (uint8_t)(o - h->options);
}

static void put_options(const struct conv *c, const struct side *s, struct tcp_header *h)
{
	uint8_t *o = h->options;

	if (c->timestamps) {
		*o++ = 1;
		*o++ = 1;
		*o++ = 8;
		*o++ = 10;
		put_be32(o, timestamp(s, c->sim->now));
		put_be32(o + 4, s->ts_recent);
		o += 8;
	}
	if (c->options && s->nahead) {
		const uint8_t n = s->nahead < 3 ? s->nahead : 3;

		*o++ = 1;
		*o++ = 1;
		*o++ = 5;
		*o++ = (uint8_t)(2 + 8 * n);
		for (uint8_t i = 0; i < n; i++, o += 8) {
			put_be32(o, c->side[s == c->side].isn + s->ahead[i].start);
			put_be32(o + 4, c->side[s == c->side].isn + s->ahead[i].end);
		}
	}
	h->options_len = (uint8_t)(o - h->options);
}

/* Puts one packet of a side on the wire, acknowledging all that the side has. */
static void write_packet(struct conv *c, int side, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct side *s = &c->side[side];
	struct tcp_header h = {.seq = s->isn + seq, .flags = flags};
	uint8_t frame[FRAME_MAX];

	h.window = PLAIN_WINDOW;
	if (c->options && !(flags & TCP_SYN))
		h.window = (uint16_t)(262144 >> s->wscale);
	if (flags & TCP_ACK)
		h.ack = c->side[!side].isn + s->rcv_nxt;
	if (flags & TCP_SYN)
		put_syn_options(c, s, &h);
	else
		put_options(c, s, &h);
	if (len)
		message_copy(c->sim, &s->msg, seq - s->base, len, frame_tcp_payload(frame, &h));
	sim_write(c->sim, frame, frame_tcp(frame, &s->ep, &c->side[!side].ep, &h, len));
	s->unacked = 0;
	s->ack_due = 0;
	s->last_ack = s->rcv_nxt;
}

static bool in_trouble(const struct side *s)
{
	return s->trouble && s->una <= s->trouble;
}

/* The other side learns of the acknowledgement in a packet that just passed. */
static void tell_ack(struct conv *c, int side, bool duplicate)
{
	struct side *peer = &c->side[!side];
	const uint32_t ack = c->side[side].rcv_nxt;

	if (!c->timestamps && peer->nxt == peer->end && !in_trouble(peer)) {
		if (ack > peer->una)
			peer->una = ack; /* nobody waits for it */
	} else if (ack > peer->una || duplicate) {
		push(c, c->sim->now + peer->loop, EV_ACKED, !side, ack,
			duplicate ? DUPLICATE_ACK : 0);
	}
}

static void send_ack(struct conv *c, int side, bool duplicate)
{
	write_packet(c, side, c->side[side].sent, 0, TCP_ACK);
	tell_ack(c, side, duplicate);
}

/* len 0 is the FIN. */
static void send_segment(struct conv *c, int side, uint32_t seq, uint32_t len)
{
	const struct side *s = &c->side[side];
	uint8_t flags = TCP_ACK;

	if (!len)
		flags |= TCP_FIN;
	else if (seq + len == s->base + s->msg.len)
		flags |= TCP_PSH;
	write_packet(c, side, seq, len, flags);
}

static void deliver(struct conv *c, int side, uint32_t seq, uint32_t len)
{
	send_segment(c, side, seq, len);
	tell_ack(c, side, false);
	push(c, c->sim->now + c->side[!side].loop, EV_RECEIVED, !side, seq, len);
}

static void retransmit(struct conv *c, int side, uint32_t seq)
{
	const struct side *s = &c->side[side];
	const uint32_t left = s->base + s->msg.len - seq;

	if (seq < s->base || seq >= s->base + s->msg.len)
		return; /* of an older message, so it has arrived */
	sim_count(c->sim, "tcp.retransmitted", 1);
	deliver(c, side, seq, left < c->mss ? left : c->mss);
}

/* True if something happens to this segment in place of its plain delivery. */
static bool befall(struct conv *c, int side, uint32_t seq, uint32_t len)
{
	struct side *s = &c->side[side];
	const uint32_t before = c->lost_before_tap, after = before + c->lost_after_tap;
	uint32_t dice;

	if (!len || !(after + c->reordered) || in_trouble(s))
		return false;
	dice = rnd_below(c->sim, 1000000);
	if (dice >= after + c->reordered)
		return false;
	s->trouble = seq;
	s->dup_acks = 0;
	if (dice >= after) {
		sim_count(c->sim, "tcp.delayed_to_reorder", 1);
		push(c, c->sim->now + c->spacing * rnd_between(c->sim, 15, 35) / 10, EV_LATE, side,
			seq, len);
		return true;
	}
	if (dice >= before) {
		sim_count(c->sim, "tcp.lost_after_tap", 1);
		send_segment(c, side, seq, len);
	} else {
		sim_count(c->sim, "tcp.lost_before_tap", 1);
	}
	push(c, c->sim->now + TIMEOUT + c->side[0].loop + c->side[1].loop, EV_TIMEOUT, side, seq,
		0);
	return true;
}

static void segment_passes(struct conv *c, int side, uint32_t seq, uint32_t len)
{
	struct side *s = &c->side[side];
	const uint32_t end = seq + (len ? len : 1);

	if (end > s->sent)
		s->sent = end;
	if (!befall(c, side, seq, len))
		deliver(c, side, seq, len);
}

/* Hands to the link what the window allows; the first segment may leave at once. */
static void pump(struct conv *c, int side)
{
	struct side *s = &c->side[side];
	const uint64_t now = c->sim->now;

	while (s->nxt < s->end + s->fin && s->nxt - s->una < (uint32_t)s->window * c->mss) {
		const uint32_t seq = s->nxt, left = s->end - seq;
		const uint32_t len = left < c->mss ? left : c->mss;
		const uint64_t at = s->tx_free > now ? s->tx_free : now;

		s->nxt += len ? len : 1;
		s->tx_free = at + c->spacing + rnd_below(c->sim, (uint32_t)c->spacing / 4 + 1);
		if (at == now)
			segment_passes(c, side, seq, len);
		else
			push(c, at, EV_SEGMENT, side, seq, len);
	}
}

static void start_fin(struct conv *c, int side)
{
	c->side[side].fin = true;
	pump(c, side);
}

/* Asks the script who goes on; knower is the side that has just learned all there is to know. */
static void next_turn(struct conv *c, int knower)
{
	struct turn turn = {.msg = &c->draft};
	uint64_t at = c->sim->now;

	message_reset(&c->draft);
	if (!c->script->next(c->sim, c->state, &turn))
		message_reset(&c->draft);
	else if (!c->draft.len)
		die("a script sent an empty message");
	at += turn.think;
	if (turn.from != knower)
		at += c->side[turn.from].loop;
	push(c, at, EV_TURN, turn.from, 0, 0);
}

static void on_turn(struct conv *c, int side)
{
	struct side *s = &c->side[side];
	struct message old = s->msg;

	if (s->una < s->end) { /* its last message may still be repeated */
		push(c, c->sim->now + MSEC, EV_TURN, side, 0, 0);
		return;
	}
	if (!c->draft.len) {
		start_fin(c, side);
		return;
	}
	s->msg = c->draft;
	c->draft = old;
	s->base = s->end;
	s->end += s->msg.len;
	c->speaking = true;
	c->from = (uint8_t)side;
	pump(c, side);
}

/* Out of order: keeps the range, joined with what it touches, in front. */
static void keep_ahead(struct side *s, struct range r)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < s->nahead; i++) {
		const struct range o = s->ahead[i];

		if (o.end < r.start || o.start > r.end) {
			s->ahead[n++] = o;
			continue;
		}
		r.start = o.start < r.start ? o.start : r.start;
		r.end = o.end > r.end ? o.end : r.end;
	}
	if (n == MAX_RANGES)
		die("more out of order than one segment in trouble explains");
	memmove(s->ahead + 1, s->ahead, n * sizeof(*s->ahead));
	s->ahead[0] = r;
	s->nahead = (uint8_t)(n + 1);
}

static void advance(struct side *s, uint32_t end)
{
	uint8_t n = 0;

	s->rcv_nxt = end;
	for (uint8_t i = 0; i < s->nahead; i++) {
		if (s->ahead[i].start <= s->rcv_nxt && s->ahead[i].end > s->rcv_nxt)
			s->rcv_nxt = s->ahead[i].end;
	}
	for (uint8_t i = 0; i < s->nahead; i++) {
		if (s->ahead[i].start > s->rcv_nxt)
			s->ahead[n++] = s->ahead[i];
	}
	s->nahead = n;
}

static void on_fin(struct conv *c, int side)
{
	struct side *s = &c->side[side];

	s->rcv_nxt++;
	if (s->fin) {
		send_ack(c, side, false);
	} else if (c->four_way) {
		send_ack(c, side, false);
		push(c, c->sim->now + rnd_octaves(c->sim, 50 * USEC, 5), EV_FIN, side, 0, 0);
	} else {
		start_fin(c, side);
	}
}

static void on_received(struct conv *c, int side, uint32_t seq, uint32_t len)
{
	struct side *s = &c->side[side];
	const struct side *peer = &c->side[!side];
	const bool holes = s->nahead > 0;

	if (seq <= s->last_ack)
		take_timestamp(c, side);
	if (!len) {
		on_fin(c, side);
		return;
	}
	if (seq != s->rcv_nxt) {
		if (seq > s->rcv_nxt)
			keep_ahead(s, (struct range){seq, seq + len});
		send_ack(c, side, seq > s->rcv_nxt);
		return;
	}
	advance(s, seq + len);
	if (holes || ++s->unacked >= 2) {
		send_ack(c, side, false);
	} else {
		s->ack_due = c->sim->now + DELAYED_ACK;
		push(c, s->ack_due, EV_DELAYED_ACK, side, 0, 0);
	}
	if (c->speaking && c->from != side && s->rcv_nxt == peer->end) {
		c->speaking = false;
		next_turn(c, side);
	}
}

static void on_acked(struct conv *c, int side, uint32_t ack, bool duplicate)
{
	struct side *s = &c->side[side];
	uint32_t segments;

	take_timestamp(c, side);
	if (ack > s->una) {
		segments = (ack - s->una + c->mss - 1) / c->mss;
		if (s->window >= s->threshold)
			segments = rnd_below(c->sim, s->window) < 2;
		segments += s->window;
		s->window = (uint16_t)(segments < c->max_window ? segments : c->max_window);
		s->una = ack;
		s->dup_acks = 0;
		pump(c, side);
	} else if (duplicate && ack == s->una && s->una < s->nxt && ++s->dup_acks == 3) {
		s->window = s->threshold = (uint16_t)(s->window / 2 > 4 ? s->window / 2 : 4);
		retransmit(c, side, s->una);
	}
}

static void on_timeout(struct conv *c, int side, uint32_t seq)
{
	struct side *s = &c->side[side];

	if (s->una != seq || c->side[!side].rcv_nxt > seq)
		return;
	s->threshold = 4;
	s->window = 2;
	retransmit(c, side, seq);
}

static void on_handshake(struct conv *c, int kind)
{
	struct side *client = &c->side[CLIENT], *server = &c->side[SERVER];
	const uint64_t now = c->sim->now;

	if (kind == EV_SYN) {
		write_packet(c, CLIENT, 0, 0, TCP_SYN);
		server->rcv_nxt = 1;
		push(c, now + server->loop, EV_SYN_ACK, SERVER, 0, 0);
	} else if (kind == EV_SYN_ACK) {
		take_timestamp(c, SERVER);
		write_packet(c, SERVER, 0, 0, TCP_SYN | TCP_ACK);
		client->rcv_nxt = 1;
		push(c, now + client->loop, EV_HANDSHAKE_ACK, CLIENT, 0, 0);
	} else {
		take_timestamp(c, CLIENT);
		for (int i = 0; i < 2; i++) {
			struct side *s = &c->side[i];

			s->una = s->nxt = s->end = s->sent = s->base = 1;
		}
		write_packet(c, CLIENT, 1, 0, TCP_ACK);
		next_turn(c, CLIENT);
	}
}

static void conv_handle(struct sim *sim, struct actor *actor, const struct event *ev)
{
	struct conv *c = (struct conv *)actor;
	const int side = ev->side;

	switch (ev->kind) {
	case EV_TURN:
		on_turn(c, side);
		break;
	case EV_SEGMENT:
		segment_passes(c, side, ev->seq, ev->len);
		break;
	case EV_LATE:
		deliver(c, side, ev->seq, ev->len);
		break;
	case EV_RECEIVED:
		on_received(c, side, ev->seq, ev->len);
		break;
	case EV_ACKED:
		on_acked(c, side, ev->seq, ev->len == DUPLICATE_ACK);
		break;
	case EV_DELAYED_ACK:
		if (c->side[side].ack_due == sim->now)
			send_ack(c, side, false);
		break;
	case EV_TIMEOUT:
		on_timeout(c, side, ev->seq);
		break;
	case EV_FIN:
		start_fin(c, side);
		break;
	default:
		on_handshake(c, ev->kind);
	}
}

static void conv_release(struct actor *actor)
{
	struct conv *c = (struct conv *)actor;

	flow_ended(c->sim);
	if (c->script->release)
		c->script->release(c->state);
	else
		free(c->state);
	for (int i = 0; i < 2; i++)
		message_release(&c->side[i].msg);
	message_release(&c->draft);
	free(c);
}

struct tcp_spec tcp_usual(const struct script *script, void *state)
{
	return (struct tcp_spec){.script = script,
		.state = state,
		.mss = 1448,
		.wscale = {7, 7},
		.options = true,
		.timestamps = true};
}

void tcp_open(struct sim *sim, const struct tcp_spec *spec)
{
	struct conv *c = xcalloc(1, sizeof(*c));

	c->actor.handle = conv_handle;
	c->actor.release = conv_release;
	c->sim = sim;
	c->script = spec->script;
	c->state = spec->state;
	c->spacing = spec->spacing;
	c->mss = spec->mss;
	c->max_window = spec->max_window;
	c->options = spec->options;
	c->timestamps = spec->timestamps;
	c->four_way = spec->four_way;
	c->lost_before_tap = spec->lost_before_tap;
	c->lost_after_tap = spec->lost_after_tap;
	c->reordered = spec->reordered;
	for (int i = 0; i < 2; i++) {
		c->side[i].ep = spec->side[i];
		c->side[i].loop = spec->loop[i];
		c->side[i].wscale = spec->wscale[i];
		c->side[i].isn = (uint32_t)rnd(sim);
		c->side[i].ts_base = (uint32_t)rnd(sim);
		c->side[i].window = INITIAL_WINDOW;
		c->side[i].threshold = UINT16_MAX;
	}
	flow_began(sim);
	push(c, sim->now, EV_SYN, CLIENT, 0, 0);
}
