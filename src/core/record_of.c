/*
 * record_of.c - flows and transactions become records.
 */
#include "core/record_of.h"
#include "api/layer.h"
#include "core/copies.h"
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/records.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"
#include <stdlib.h>
#include <string.h>

const char *flow_ended_by(const struct flow *f, const char *otherwise)
{
	if (f->proto != IP_PROTO_TCP)
		return otherwise;
	if (f->state == FLOW_RESET)
		return (f->who >> 7) == flow_client(f) ? "rst_client" : "rst_server";
	return f->state == FLOW_CLOSED ? "fin" : otherwise;
}

uint32_t flow_quality(const struct flow *f)
{
	uint32_t q = 0;

	if (f->flags & FLOW_MIDWAY)
		q |= 1u << QUALITY_MIDSTREAM;
	if (f->flags & FLOW_SNAPLEN)
		q |= 1u << QUALITY_SNAPLEN;
	if (f->flags & FLOW_TIMEBACK)
		q |= 1u << QUALITY_TIME_BACK;
	if (f->ext && f->ext->watch & WATCH_SPLIT)
		q |= 1u << QUALITY_MPTCP;
	if ((f->ext && f->ext->duplicates) || flow_datagrams_copied(f))
		q |= 1u << QUALITY_DUPLICATE;
	if (f->proto == IP_PROTO_TCP && (!f->packets[0] || !f->packets[1]) &&
		f->packets[0] + f->packets[1] > 1 && f->state != FLOW_SYN)
		q |= 1u << QUALITY_ONE_WAY;
	return q;
}

static void common(struct shard *sh, struct record *r, const struct flow *f)
{
	unsigned c = flow_client(f);
	struct endpoint *e[2] = {&r->client, &r->server};

	for (unsigned i = 0; i < 2; i++) {
		unsigned dir = i ? !c : c;

		e[i]->ip = f->ip[dir];
		e[i]->port = f->port[dir];
		memcpy(e[i]->mac, f->mac[dir], 6);
		e[i]->bytes = f->bytes[dir];
		e[i]->packets = f->packets[dir];
	}
	r->transport = f->proto;
	r->ip_version = f->flags & FLOW_V6 ? 6 : 4;
	r->tunnel = sh->engine->tunnels[(f->who >> 1) & 63];
	r->flow_id = f->first_frame;
	r->quality = flow_quality(f);
	r->vlan = (uint16_t)f->vlan;
	r->inner_vlan = (uint16_t)f->inner_vlan;
	r->has_ports =
		f->proto == IP_PROTO_TCP || f->proto == IP_PROTO_UDP || f->proto == IP_PROTO_SCTP;
	if (f->proto == IP_PROTO_ICMP || f->proto == IP_PROTO_ICMP6) {
		r->icmp_type = f->icmp_type;
		r->icmp_code = f->icmp_code;
	}
	r->iface = f->iface == FLOW_IFACE_OTHER ? UINT16_MAX : f->iface;
	r->tunnel_id = f->tunnel;
}

/* Or were the segments cut so short that nothing but their ports is known? */
static bool tcp_was_read(const struct flow *f)
{
	return f->proto == IP_PROTO_TCP && f->state != FLOW_NEW;
}

static const char *state_name(const struct flow *f)
{
	static const char *const names[] = {
		"none", "syn_sent", "syn_received", "established", "closing", "closed", "reset"};

	return tcp_was_read(f) ? names[f->state] : NULL;
}

static const char *phase_name(const struct flow_ext *e)
{
	static const char *const names[] = {[RESET_SYN] = "syn",
		[RESET_SYN_ACK] = "syn_ack",
		[RESET_ACK] = "ack",
		[RESET_REQUEST] = "request",
		[RESET_WAIT] = "wait",
		[RESET_RESPONSE] = "response",
		[RESET_IDLE] = "idle",
		[RESET_OPEN] = "open",
		[RESET_CLOSE] = "close",
		[RESET_STALE] = "stale",
		[RESET_UNKNOWN] = "unknown"};

	return names[e->reset_phase];
}

static const char *ended_by(const struct session *s, const struct flow *f, const struct txn *t)
{
	if (t->called_off)
		return "client_cancel";
	if (s->closer == SIDE_CLIENT + 1 && t->closed_at == s->closer_at)
		return "client_fin";
	if (f->state == FLOW_RESET)
		return f->who >> 7 == flow_client(f) ? "client_rst" : "server_rst";
	return !s->closer ? NULL : s->closer == SIDE_CLIENT + 1 ? "client_fin" : "server_fin";
}

static uint64_t known(uint32_t rtt)
{
	return rtt == UINT32_MAX ? FIELD_ABSENT : rtt;
}

static void flow_sides(struct flow_record *r, const struct flow *f)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned dir = i ? !flow_client(f) : flow_client(f);
		const struct flow_side *s = flow_said(f, dir);
		struct flow_side_record *o = &r->side[i];

		o->payload = f->proto != IP_PROTO_TCP || tcp_was_read(f) ? f->payload[dir]
									 : FIELD_ABSENT;
		o->mss = s->flags & FS_SYN && s->mss ? s->mss : FIELD_ABSENT;
		o->wscale = s->flags & FS_SYN && s->wscale < WSCALE_CUT ? s->wscale : FIELD_ABSENT;
		o->sack = s->flags & FS_SYN && (s->flags & FS_SACK || s->wscale != WSCALE_CUT)
				  ? (s->flags & FS_SACK) != 0
				  : FIELD_ABSENT;
	}
}

uint64_t flow_unacked(const struct flow *f, unsigned dir)
{
	const struct ext_side *e = f->ext ? &f->ext->side[dir] : NULL;

	return e && (int32_t)(flow_said(f, !dir)->ack - e->again_seq) <= 0 ? e->again : 0;
}

static void trouble(struct flow_trouble_record *o, const struct flow *f, unsigned dir)
{
	const struct ext_side *e = &f->ext->side[dir];

	o->retransmits = e->retransmits;
	o->fast_retransmits = e->fast;
	o->rtos = e->rtos;
	o->spurious_retransmits = e->spurious;
	o->out_of_order = e->out_of_order;
	o->duplicate_acks = e->dup_acks;
	o->zero_windows = e->zero_windows;
	o->zero_window_time = e->zero_time + (e->zero_since ? flow_last(f) - e->zero_since : 0);
	o->window_full = e->window_full;
	o->window_full_time = e->full_time + (e->full_since ? flow_last(f) - e->full_since : 0);
	o->lost_in_capture = e->lost;
	o->gaps = e->gaps;
	o->resent_frame = e->resent_frame;
	o->zero_window_frame = e->zero_frame;
	o->lost_frame = e->lost_frame;
	o->oversized = e->oversized;
	o->oversized_frame = e->oversized_frame;
	o->bad_sums = e->bad_sums;
	o->bad_sum_frame = e->bad_sum_frame;
	o->outside = e->outside;
	o->outside_frame = e->outside_frame;
	if (flow_unacked(f, dir)) {
		o->stuck = e->again;
		o->stuck_bytes = e->again_len;
		o->stuck_time = e->again_last - e->again_since;
		o->stuck_frame = e->again_frame;
	}
}

static void handshake_facts(struct flow_record *r, const struct handshake *h)
{
	static const char *const fates[] = {[FASTOPEN_TAKEN] = "taken",
		[FASTOPEN_PARTLY] = "partly",
		[FASTOPEN_REFUSED] = "refused"};
	uint32_t first = h->simultaneous ? 2 : 1; /* that were not sent again */

	r->syn_retries = h->nsyn > first ? h->nsyn - first : 0;
	r->syn_ack_retries = h->nsyn_ack > 1 ? h->nsyn_ack - 1 : 0;
	while (r->syn_gaps.n < r->syn_retries && r->syn_gaps.n < SYN_GAPS) {
		const struct sent_syn *syn = &h->syn[first + r->syn_gaps.n];

		if (syn == &h->syn[SYNS_KEPT])
			break;
		r->syn_gaps.v[r->syn_gaps.n++] = syn->time - syn[-1].time;
		r->syn_frames.v[r->syn_frames.n++] = syn->frame;
	}
	r->strays = h->strays;
	r->fast_open = fates[h->fastopen.fate];
	if (h->queued) {
		r->accept_wait = h->taken - h->since;
		r->accept_frame = h->late_frame;
	}
}

static void copied(struct flow_record *r, const struct flow *f, const struct copies *c)
{
	r->copy_kinds = c->kinds;
	if (!f->ext->duplicates) /* each direction has its own tag */
		r->copy_kinds &= ~(uint32_t)COPY_VLAN;
	r->copy_tunnel = c->tunnel;
	r->copy_tunnel_id = c->tunnel_id;
	r->copy_vlan = c->vlan;
	for (unsigned i = 0; c->kinds & COPY_NAT && i < 2; i++) {
		unsigned dir = i ? !flow_client(f) : flow_client(f);

		r->copy_ip[i] = c->ip[dir];
		r->copy_port[i] = c->port[dir];
	}
}

static void unusual(struct flow_record *r, const struct flow *f)
{
	const struct flow_ext *e = f->ext;

	if (e->handshake) {
		handshake_facts(r, e->handshake);
		r->syn_ack_late = handshake_answer_late(f);
		for (unsigned i = 0; i < 2; i++)
			r->multipath[i].token =
				e->handshake->multipath.token[i ? !flow_client(f) : flow_client(f)];
	}
	r->reset_phase = phase_name(e);
	r->reset_frame = e->reset_frame;
	r->duplicate_frame = e->duplicate_frame;
	r->duplicates = e->duplicates;
	if (e->copies)
		copied(r, f, e->copies);
	r->first_late = e->first_late;
	if (e->closed)
		r->closed = e->closed;
	r->icmp_errors = e->icmp_errors;
	r->icmp_type = e->icmp_errors ? e->icmp_type : FIELD_ABSENT;
	r->icmp_code = e->icmp_errors ? e->icmp_code : FIELD_ABSENT;
	r->forwarded = e->forwarded;
	r->connect_untold = e->untold;
	for (unsigned i = 0; i < 2 && f->proto != IP_PROTO_TCP; i++) {
		r->bad_datagrams += e->side[i].bad_sums;
		if (!r->bad_datagram_frame)
			r->bad_datagram_frame = e->side[i].bad_sum_frame;
	}
	for (unsigned i = 0; i < 2; i++)
		trouble(&r->trouble[i], f, i ? !flow_client(f) : flow_client(f));
}

static void served(struct flow_record *r, const struct flow_app *a)
{
	r->transactions = a->transactions;
	r->first_asked = a->first_asked;
	r->first_answered = a->first_answered;
	r->last_answered = a->last_answered;
	r->closed = a->closed;
	r->app = a->by;
	r->protocol = a->by ? a->by->name : NULL;
}

static bool is_served(const struct flow *f)
{
	return flow_app(f) && flow_app_is_known(flow_app(f));
}

static void copied_datagrams(struct flow_record *r, const struct flow *f)
{
	if (!f->ext)
		r->icmp_type = r->icmp_code = FIELD_ABSENT;
	r->duplicates = f->ncopies;
	r->duplicate_frame = f->copy_frame;
	r->copy_kinds |= f->copy_kinds;
	r->copy_vlan = f->copy_vlan;
}

const struct record *record_whole(const struct record *r, struct flow_record *room)
{
	if (r->kind != RECORD_FLOW || r->size >= sizeof(*room))
		return r;
	memcpy(room, r, FLOW_RECORD_USUAL);
	memset((char *)room + FLOW_RECORD_USUAL, 0, sizeof(*room) - FLOW_RECORD_USUAL);
	room->icmp_type = room->icmp_code = FIELD_ABSENT;
	room->usual = true;
	room->r.size = sizeof(*room);
	return &room->r;
}

/* Of a connection that may yet be taken, behind the end of the capture, nobody knows how it ends.
 */
static uint8_t flow_status(const struct flow *f, bool open)
{
	if (f->state == FLOW_RESET)
		return STATUS_ERROR;
	if (f->state == FLOW_SYN || f->state == FLOW_SYN_ACK)
		return open ? 0 : STATUS_ERROR;
	return STATUS_OK;
}

/* What a connection cost that was never made. */
static void attempted(struct flow_record *r, const struct flow *f, uint64_t capture_end)
{
	struct attempt a = tcp_attempt(f, capture_end);

	if (a.retry)
		r->connect_retry = a.retry;
	r->attempt = a.total;
	r->attempt_least = a.least;
	r->attempt_most = a.most;
	if (a.pending)
		r->r.quality |= 1u << QUALITY_PENDING;
	else if (a.least != a.most)
		r->r.quality |= 1u << QUALITY_GAVE_UP;
}

/* app: where only a session knows it; NULL else. ends: nothing else will be told of it. */
static struct flow_record *flow_told(struct shard *sh, const struct flow *f,
	const struct dissector *app, bool ends, uint64_t capture_end)
{
	const struct flow_turns *turns = flow_turns(f);
	bool whole = f->ext || app || turns || is_served(f) || flow_datagrams_copied(f);
	struct flow_record *r = record_room(sh, whole ? sizeof(*r) : (uint32_t)FLOW_RECORD_USUAL);
	unsigned c = flow_client(f);
	struct connect_cost cost;

	r->r.kind = RECORD_FLOW;
	r->r.type = "flow";
	common(sh, &r->r, f);
	r->r.start = f->first;
	r->r.end = flow_last(f);
	r->r.duration = r->r.end - r->r.start;
	r->r.status = flow_status(f, !ends || capture_end != FIELD_ABSENT);
	r->tcp_state = state_name(f);
	r->handshake = r->connect_retry = r->rtt_min = FIELD_ABSENT;
	if (f->proto == IP_PROTO_TCP) {
		if (handshake_cost(f, false, &cost)) {
			if (f->established)
				r->handshake = f->established - f->first;
			if (cost.retry > cost.accept)
				r->connect_retry = cost.retry - cost.accept;
		} else if (ends && (f->ext || is_served(f))) {
			attempted(r, f, capture_end);
		}
		r->rtt_server = known(handshake_rtt(f, c));
		r->rtt_client = known(handshake_rtt(f, !c));
		if (r->rtt_server != FIELD_ABSENT && r->rtt_client != FIELD_ABSENT)
			r->rtt_min = r->rtt_server + r->rtt_client;
	} else {
		r->rtt_server = r->rtt_client = FIELD_ABSENT;
	}
	if (turns) {
		r->turns = turns->turns;
		r->unasked = turns->unasked;
		r->turn_wait = turns->wait;
		r->turn_wait_max = turns->wait_max;
		r->turn_think = turns->think;
		turns_sums(sh, f, &r->turn_request, &r->turn_response);
	}
	flow_sides(r, f);
	if (whole)
		r->icmp_type = r->icmp_code = FIELD_ABSENT;
	if (whole && flow_app(f))
		served(r, flow_app(f));
	if (f->ext)
		unusual(r, f);
	if (flow_datagrams_copied(f))
		copied_datagrams(r, f);
	if (turns && turns->last > r->last_answered)
		r->last_answered = turns->last;
	if (turns && !r->first_asked) {
		r->first_asked = turns->first_asked;
		r->first_answered = turns->first_answered;
		r->closed = turns->closed;
	}
	if (app) {
		r->app = app;
		r->protocol = app->name;
	}
	return r;
}

static void flow_ledger(struct flow_record *r, const struct flow *f)
{
	if ((f->ext || is_served(f)) && (!r->transactions || r->connect_untold))
		r->ledger_retry = (r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0) +
				  (r->turns ? 0 : r->accept_wait);
}

void record_of_flow(
	struct shard *sh, struct flow *f, const char *reason, bool final, uint64_t capture_end)
{
	struct flow_record *r = flow_told(sh, f, NULL, final, capture_end);

	r->final = final;
	r->close_reason = final ? reason : NULL;
	flow_ledger(r, f);
}

/* What these will say of their connection when they end, as answered() does. */
static void will_tell(struct flow_record *r, const struct txn *t)
{
	for (; t; t = t->next) {
		if (t->carries_connect && t->marks & 2)
			r->first_asked = t->stamp[1];
		if (t->carries_connect && t->marks & 4)
			r->first_answered = t->stamp[2];
		if (t->marks & 8 && t->stamp[3] > r->last_answered)
			r->last_answered = t->stamp[3];
	}
}

void record_of_open_flow(struct shard *sh, const struct flow *f, uint64_t now, uint64_t requests)
{
	const struct session *s = flow_session(f);
	const struct dissector *app = flow_app_by(f) ? NULL : s ? s->d : NULL;
	struct flow_record *r = flow_told(sh, f, app, true, now);

	r->r.open = RECORD_OF_MOMENT;
	r->close_reason = flow_ended_by(f, NULL);
	if (s && requests) { /* the record has these members then */
		r->transactions += requests;
		will_tell(r, s->resting);
		will_tell(r, s->first);
	}
	flow_ledger(r, f);
}

static struct record_text moved(struct record_text x, uint32_t by)
{
	if (x.len)
		x.offset += by;
	return x;
}

static uint64_t first_late(const struct flow_ext *e, uint64_t asked, uint64_t now)
{
	uint64_t from = e->first_from > asked ? e->first_from : asked;
	uint64_t to = e->first_from + e->first_late < now ? e->first_from + e->first_late : now;

	return to > from ? to - from : 0;
}

static uint64_t whole_trip(const struct flow *f)
{
	uint32_t there = flow_rtt(f, flow_client(f)), back = flow_rtt(f, !flow_client(f));

	return there == UINT32_MAX || back == UINT32_MAX ? FIELD_ABSENT : (uint64_t)there + back;
}

void record_of_turn(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open)
{
	struct turn_record *r = record_room(sh, (uint32_t)sizeof(*r));
	uint64_t span[PHASE_COUNT] = {0};

	common(sh, &r->r, f);
	r->r.kind = RECORD_TURN;
	r->r.type = "turn";
	r->r.open = (uint8_t)open;
	r->r.status = STATUS_OK;
	r->r.start = m->to;
	r->r.end = m->answered;
	r->r.duration = m->answered - m->to;
	r->rtt = whole_trip(f);
	r->rtt_client = known(flow_rtt(f, !flow_client(f)));
	r->began = m->first && !(f->flags & FLOW_MIDWAY) ? f->first : 0;
	r->fresh = f->ext && f->ext->first_late && first_late(f->ext, m->to, m->answered);
	span[PHASE_WAIT] = r->r.duration;
	ledger_share(r->ledger, m->spent, known(f->rtt_min[flow_client(f)]), span);
	r->first = m->first;
	r->frame = m->frame;
	r->asked = m->bytes;
	r->unasked = flow_turns(f) ? flow_turns(f)->unasked : 0;
	r->app = flow_app_by(f);
}

void record_of_sent(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open)
{
	struct sent_record *r = record_room(sh, (uint32_t)sizeof(*r));
	uint64_t span[PHASE_COUNT] = {0};

	common(sh, &r->r, f);
	r->r.kind = RECORD_SENT;
	r->r.type = "sent";
	r->r.open = (uint8_t)open;
	r->r.status = STATUS_OK;
	r->r.start = m->from;
	r->r.end = m->to;
	r->r.duration = m->to - m->from;
	r->side = m->server ? SIDE_SERVER : SIDE_CLIENT;
	r->bytes = m->bytes;
	r->rtt = whole_trip(f);
	if (m->spent)
		r->load = m->spent->load[r->side];
	span[m->server ? PHASE_RESPONSE : PHASE_REQUEST] = r->r.duration;
	ledger_share(r->ledger, m->spent, FIELD_ABSENT, span);
	r->frame[0] = m->first_frame;
	r->frame[1] = m->last_frame;
	r->app = flow_app_by(f);
}

void record_of_open_turn(struct shard *sh, const struct flow *f, uint64_t asked, uint64_t now,
	bool pending, enum record_open open)
{
	struct turn_record *r = record_room(sh, (uint32_t)sizeof(*r));

	common(sh, &r->r, f);
	r->r.kind = RECORD_TURN;
	r->r.type = "turn";
	r->r.open = (uint8_t)open;
	r->r.status = STATUS_OK;
	r->r.start = asked;
	r->r.end = now;
	r->r.duration = now - asked;
	r->r.quality |= pending ? 1u << QUALITY_PENDING : 0;
	r->open = true;
	r->frame = f->first_frame;
}

/* The response or its end was, or may have been, among bytes that the capture does not have. */
static bool answer_lost(const struct txn *t, const struct flow *f)
{
	if (t->marks & 8 || t->unanswered || (t->broken_off && !t->doubtful))
		return false;
	return t->doubtful || t->lost[SIDE_SERVER] ||
	       (t->quality & 1u << QUALITY_ONE_WAY && !f->packets[!flow_client(f)]);
}

/* Of what the capture lost, or did not wait for, nothing is known but what was seen of it. */
static uint8_t status_of(const struct txn *t, bool lost)
{
	if (t->pending && t->status == STATUS_OK)
		return 0; /* what comes behind the end of the capture may be an end that is none */
	if (t->marks & 8 || t->unanswered || t->pending || lost)
		return t->status;
	return t->marks & 4 && t->status && t->status != STATUS_OK ? t->status : STATUS_ERROR;
}

static void answered(struct flow_app *a, const struct txn *t)
{
	if (t->carries_connect && t->marks & 2)
		a->first_asked = t->stamp[1];
	if (t->carries_connect && t->marks & 4)
		a->first_answered = t->stamp[2];
	if (t->marks & 8 && t->stamp[3] > a->last_answered)
		a->last_answered = t->stamp[3];
}

/* Bytes of a message that has begun and not ended. Of streams that are interleaved nobody knows. */
static uint64_t so_far(const struct session *s, const struct txn *t, enum side side)
{
	int first = side == SIDE_CLIENT ? 0 : 2;
	uint64_t pos = s->side[side].pos;

	if (!(t->marks & 1u << first) || t->marks & 2u << first || s->interleaved ||
		s->flow->proto != IP_PROTO_TCP || pos < t->offset[first])
		return 0;
	return pos - t->offset[first];
}

static struct txn_record *txn_told(struct shard *sh, const struct txn *t)
{
	const struct session *s = t->session;
	const struct flow *f = s->flow;
	struct txn_record *r = record_room(sh, (uint32_t)sizeof(*r) + t->len);
	uint32_t rtt = handshake_rtt(f, flow_client(f));
	uint32_t back = handshake_rtt(f, !flow_client(f));
	bool lost = answer_lost(t, f);

	r->r.kind = RECORD_TXN;
	r->r.dissector = t->d;
	r->r.type = t->d->name;
	r->r.number = t->ordinal;
	common(sh, &r->r, f);
	r->r.quality = t->quality;
	for (int i = 0; i < 4; i++) {
		bool there = t->marks & 1u << i;

		r->stamp[i] = there ? t->stamp[i] : FIELD_ABSENT;
		r->frame[i] = there ? t->frame[i] : 0;
	}
	r->r.composite = t->composite;
	r->r.start = t->stamp[t->marks & 1 ? 0 : t->marks & 2 ? 1 : 2];
	r->r.end = t->marks & 8 ? t->stamp[3] : FIELD_ABSENT;
	r->r.duration = t->marks & 1 && t->marks & 8 ? t->stamp[3] - t->stamp[0] : FIELD_ABSENT;
	if (t->unanswered && t->marks & 1 && t->marks & 2) {
		r->r.end = t->stamp[1];
		r->r.duration = t->stamp[1] - t->stamp[0];
	} else if (t->unanswered && t->marks & 8) {
		r->r.duration = t->stamp[3] - t->stamp[2];
	} else if (t->unsent) {
		r->r.end = t->closed_at;
		r->r.duration = t->closed_at - t->stamp[0];
	}
	r->r.status = status_of(t, lost);
	r->r.client.packets = r->r.server.packets = FIELD_ABSENT;
	r->r.client.bytes =
		t->marks & 1 && t->marks & 2 ? t->offset[1] - t->offset[0] : FIELD_ABSENT;
	r->r.server.bytes =
		t->marks & 4 && t->marks & 8 ? t->offset[3] - t->offset[2] : FIELD_ABSENT;
	if (t->has_bytes & 1u << SIDE_CLIENT)
		r->r.client.bytes = t->bytes[SIDE_CLIENT];
	if (t->has_bytes & 1u << SIDE_SERVER)
		r->r.server.bytes = t->bytes[SIDE_SERVER];
	r->so_far[SIDE_CLIENT] = so_far(s, t, SIDE_CLIENT);
	r->so_far[SIDE_SERVER] = so_far(s, t, SIDE_SERVER);
	memcpy(r->resent, t->resent, sizeof(r->resent));
	memcpy(r->lost, t->lost, sizeof(r->lost));
	r->unacked = t->closed_at &&
		     flow_unacked(f, t->marks & 4 ? !flow_client(f) : flow_client(f)) >= UNACKED;
	r->fresh = t->carries_connect && f->ext && f->ext->first_late;
	ledger_account(r, t, known(rtt));
	r->rtt_client = known(back);
	r->rtt = rtt == UINT32_MAX || back == UINT32_MAX ? FIELD_ABSENT : (uint64_t)rtt + back;
	if (!(t->marks & 8) && !t->unanswered && !t->unsent && !lost && t->closed_at && !t->pending)
		r->ended_by = ended_by(s, f, t);
	r->values = (uint32_t)sizeof(*r);
	r->nvalues = t->nvalues;
	r->method = moved(t->method, r->values);
	r->object = moved(t->object, r->values);
	r->query = moved(t->query, r->values);
	if (t->len)
		memcpy(r + 1, t->buf, t->len);
	if (f->ext)
		r->forwarded = f->ext->forwarded;
	return r;
}

void record_of_txn(struct shard *sh, struct txn *t)
{
	struct flow *f = t->session->flow;
	struct flow_app *a = &t->session->app;
	bool told = txn_told(sh, t)->total != FIELD_ABSENT;

	if (f->proto == IP_PROTO_TCP && t->carries_connect && !told)
		flow_need_ext(sh, f)->untold = true;
	a->transactions++;
	answered(a, t);
	a->by = t->d;
}

void record_of_open_txn(struct shard *sh, const struct txn *t, enum record_open open)
{
	struct txn_record *r = txn_told(sh, t);

	r->r.open = (uint8_t)open;
	if (open == RECORD_INTERIM)
		r->r.status = STATUS_PENDING;
}
