/*
 * shard.c - see shard.h: packets to flows. Finds or makes the flow, keeps its counts and its age,
 * and hands TCP segments and datagrams on.
 */
#include "base/clock.h"
#include "core/shard.h"
#include "api/layer.h"
#include "core/answers.h"
#include "core/copies.h"
#include "core/early.h"
#include "core/event.h"
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/moment.h"
#include "core/record_of.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/sums.h"
#include "core/tcp.h"
#include "core/turns.h"
#include "core/txn.h"
#include <stdlib.h>
#include <string.h>

/* With its share of buckets and alarms, and what stays of its session. */
#define FLOW_COST (sizeof(struct flow) + 32 + sizeof(struct flow_app))
/* Of what bound_extensions() counts. */
#define LARGEST_EXTENSION                                                                          \
	LARGER(sizeof(struct flow_ext), LARGER(sizeof(struct handshake), sizeof(struct copies)))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define DUE          (FLOW_BLOCK + 64u) /* flows whose alarms go off at once */
#define FINISH_AHEAD 16u                /* slots that are looked at before their turn */
#define FINISH_STEP  512u               /* flows closed a call of engine_finish() */
/* What the program takes of the budget without any packet: libraries, packets and records on their
   way. */
#define PROGRAM (UINT64_C(14) << 20)
#define MODEL   (UINT64_C(16) << 20) /* at most, and an eighth: what sums them up */

#define INLINE static inline __attribute__((always_inline))

struct shard *shard_new(struct engine *e, unsigned index, const uint64_t hash_key[4])
{
	struct shard *sh = xcalloc(1, sizeof(*sh));
	uint64_t memory = e->config->memory;
	uint64_t others = PROGRAM + (memory / 8 < MODEL ? memory / 8 : MODEL);
	uint64_t budget = (memory - (memory / 8 * 5 < others ? memory / 8 * 5 : others)) / SHARDS;
	uint64_t limit = budget / 2 / FLOW_COST;

	sh->engine = e;
	sh->index = index;
	sh->budget = budget;
	sh->few = budget / 8 / LARGEST_EXTENSION;
	flow_table_init(&sh->flows, &e->arena, limit < 64 ? 64 : (uint32_t)limit, hash_key);
	pool_init(&sh->ext, &e->arena, sizeof(struct flow_ext));
	pool_init(&sh->apps, &e->arena, sizeof(struct flow_app));
	pool_init(&sh->copies, &e->arena, sizeof(struct copies));
	pool_init(&sh->handshakes, &e->arena, sizeof(struct handshake));
	pool_init(&sh->turns, &e->arena, sizeof(struct flow_turns));
	pool_init(&sh->messages, &e->arena, TURNS_HELD * sizeof(struct message));
	pool_init(&sh->sessions, &e->arena, sizeof(struct session));
	pool_init(&sh->txns, &e->arena, sizeof(struct txn));
	pool_init(&sh->spent, &e->arena, sizeof(struct spent));
	return sh;
}

void shard_free(struct shard *sh)
{
	flow_table_release(&sh->flows);
	event_release(sh);
	free(sh);
}

static uint64_t timeout(const struct engine_config *c, const struct flow *f)
{
	if (f->proto != IP_PROTO_TCP)
		return c->timeout_udp;
	switch (f->state) {
	case FLOW_SYN:
	case FLOW_SYN_ACK:
		return c->timeout_syn;
	case FLOW_CLOSED:
	case FLOW_RESET:
		return c->timeout_closed;
	default:
		return c->timeout_tcp;
	}
}

static void set_alarm(struct shard *sh, const struct flow *f, uint64_t now)
{
	const struct engine_config *c = sh->engine->config;
	uint64_t at = flow_last(f) + timeout(c, f);

	if (c->flow_interval && now >= f->first) {
		uint64_t next =
			f->first + ((now - f->first) / c->flow_interval + 1) * c->flow_interval;

		if (next < at)
			at = next;
	}
	flow_alarm(&sh->flows, f->slot, flow_second(at + SECOND));
}

struct flow_app *flow_app_new(struct shard *sh, const struct flow_app *a)
{
	struct flow_app *copy = pool_get(&sh->apps);

	sh->app_bytes += sizeof(*copy);
	*copy = *a;
	return copy;
}

/* That of a flow which has no session and no turns. */
static void flow_app_drop(struct shard *sh, struct flow *f)
{
	if (!f->app)
		return;
	sh->app_bytes -= sizeof(*f->app);
	pool_put(&sh->apps, f->app);
	f->app = NULL;
}

void flow_app_put(struct shard *sh, struct flow *f, struct flow_turns *t)
{
	if (f->app)
		t->app = *f->app;
	flow_app_drop(sh, f);
	t->app.turns = true;
	f->app = &t->app;
}

void flow_app_leave(struct session *s)
{
	struct flow *f = s->flow;

	if (s->turned) {
		s->turned->app = s->app;
		s->turned->app.turns = true;
		f->app = &s->turned->app;
	} else {
		f->app = flow_app_is_known(&s->app) ? flow_app_new(s->shard, &s->app) : NULL;
	}
}

void flow_app_take(struct session *s)
{
	struct flow *f = s->flow;

	s->turned = flow_turns(f);
	if (f->app)
		s->app = *f->app;
	if (!s->turned)
		flow_app_drop(s->shard, f);
	s->app.turns = false;
}

struct flow_ext *flow_need_ext(struct shard *sh, struct flow *f)
{
	if (!f->ext) {
		f->ext = pool_get(&sh->ext);
		sh->extensions++;
		memset(f->ext, 0, sizeof(*f->ext));
		f->ext->flow = f;
	}
	return f->ext;
}

void flow_close(
	struct shard *sh, struct flow *f, const char *reason, enum tsm_end why, uint64_t now)
{
	const struct flow_turns *turns;

	if (f->ext) {
		if (f->ext->waits) {
			tcp_drop_syn(sh, f);
			early_flush(sh, f);
			tcp_end_doubt(sh, f);
		}
		tcp_settle(f, why == END_CAPTURE ? now : 0);
		tcp_accept_never(f);
		stream_finish(sh, f, why == END_CAPTURE ? now : 0);
	}
	if (flow_session(f) && f->session->answers)
		answers_flush(f->session);
	if (flow_session(f))
		session_close(f->session, why, now);
	turns = flow_turns(f);
	if (turns && turns->of == 1 && (why == END_CAPTURE || f->state == FLOW_RESET))
		turns_left(sh, f, why == END_CAPTURE ? now : f->last[flow_client(f)],
			why == END_CAPTURE);
	turns_end(sh, f);
	record_of_flow(
		sh, f, flow_ended_by(f, reason), true, why == END_CAPTURE ? now : FIELD_ABSENT);
	if (f->ext) {
		stream_forget(sh, &f->ext->side[0]);
		stream_forget(sh, &f->ext->side[1]);
		handshake_drop(sh, f);
		copies_drop(sh, f);
		pool_put(&sh->ext, f->ext);
		sh->extensions--;
	}
	turns_drop(sh, f); /* its session is over */
	flow_app_drop(sh, f);
	flow_remove(&sh->flows, f);
}

static void ext_moved(void *object)
{
	struct flow_ext *x = object;

	x->flow->ext = x;
}

static void handshake_moved(void *object)
{
	struct handshake *h = object;

	h->flow->ext->handshake = h;
}

static void copies_moved(void *object)
{
	struct copies *c = object;

	c->flow->ext->copies = c;
}

/* What flows have that were given up lies between what others still have. */
static void draw_together(struct shard *sh)
{
	pool_shrink(&sh->ext, ext_moved);
	pool_shrink(&sh->handshakes, handshake_moved);
	pool_shrink(&sh->copies, copies_moved);
}

/*
 * Extensions have what the flows leave of half the budget, an eighth of it in any case. A packet
 * makes one at most.
 */
RARELY static void bound_extensions(struct shard *sh)
{
	uint64_t bytes = sh->extensions * sizeof(struct flow_ext) +
			 sh->nhandshakes * sizeof(struct handshake) +
			 sh->ncopies * sizeof(struct copies);
	uint64_t half = sh->budget / 2, least = sh->budget / 8;
	uint64_t flows = (uint64_t)sh->flows.carved * FLOW_COST;
	struct flow *f;

	draw_together(sh);
	if (bytes <= least || bytes + flows <= half || !(f = flow_victim(&sh->flows, true)))
		return;
	counters_add(&sh->engine->counters,
		"flows: no memory for more that is unusual, flow given up", 1);
	flow_close(sh, f, "evicted", END_TIMEOUT, flow_last(f));
}

/* INIT (chunk type 1) asks for an association, INIT ACK (2) answers; else the lower port serves. */
static bool sctp_from_server(const struct packet *p)
{
	unsigned type = p->paylen ? p->payload[0] : 0;

	return type == 2 || (type != 1 && p->sport < p->dport);
}

/* The end with the port of a service serves; where both or none have one, lower does. */
INLINE bool from_service(const struct packet *p, unsigned table, bool lower)
{
	bool src = p->taught & 1 || registry_app_port(table, p->sport);
	bool dst = p->taught & 2 || registry_app_port(table, p->dport);

	return src != dst ? src : lower;
}

/* The number of a tunnel's kind, 0: it has none. */
static unsigned tunnel_number(struct engine *e, const char *kind)
{
	if (!kind)
		return 0;
	for (unsigned i = 1; i <= e->ntunnels; i++)
		if (e->tunnels[i] == kind)
			return i;
	if (e->ntunnels >= 62)
		return 0;
	e->tunnels[++e->ntunnels] = kind;
	return e->ntunnels;
}

/* TCP needs the room of flows whose slots are too small for it. */
RARELY static void make_room(struct shard *sh)
{
	uint32_t chunk;

	if (!flow_cramped(&sh->flows, &chunk))
		return;
	for (uint32_t i = 0; i < FLOW_CHUNK; i++) {
		struct flow *f = flow_at(&sh->flows, chunk * FLOW_CHUNK + i);

		if (!flow_alive(f))
			continue;
		counters_add(&sh->engine->counters, "flow table full: flow given up", 1);
		flow_close(sh, f, "evicted", END_TIMEOUT, flow_last(f));
	}
}

INLINE struct flow *flow_new(struct shard *sh, const struct packet *p, const struct flow_key *k)
{
	struct flow_table *t = &sh->flows;
	struct flow *f;
	unsigned dir = p->reverse;

	if (t->used >= t->limit) {
		struct flow *v = flow_victim(t, false);

		if (!v)
			return NULL;
		counters_add(&sh->engine->counters,
			v->state == FLOW_SYN || v->state == FLOW_SYN_ACK
				? "flow table full: half-open flow given up"
				: "flow table full: flow given up",
			1);
		flow_close(sh, v, "evicted", END_TIMEOUT, flow_last(v));
	}
	if (t->carved >= t->limit && p->ip_proto == IP_PROTO_TCP)
		make_room(sh);
	f = flow_insert(t, k, p->hash);
	f->first = p->time;
	f->first_frame = p->number;
	f->inner_vlan = p->nvlan > 1 ? p->vlan[1] & 0xfffu : 0;
	f->iface = p->iface < FLOW_IFACE_OTHER ? p->iface & 0xfu : FLOW_IFACE_OTHER;
	f->who = (uint8_t)(tunnel_number(sh->engine, p->tunnel_kind) << 1 | dir);
	if (p->flags & PACKET_MAC) {
		memcpy(f->mac[dir], p->mac_src, 6);
		memcpy(f->mac[!dir], p->mac_dst, 6);
	}
	if (p->flags & PACKET_ICMP) {
		f->icmp_type = p->icmp_type;
		f->icmp_code = p->icmp_code;
	}
	if (p->flags & PACKET_SCTP) {
		if (sctp_from_server(p))
			f->who ^= 1;
	} else if (p->ip_proto == IP_PROTO_TCP &&
		   !(p->flags & PACKET_TCP && p->tcp_flags & TCP_SYN)) {
		/* No handshake. */
		if (from_service(p, TABLE_TCP_PORT, p->sport < p->dport))
			f->who ^= 1;
	} else if (p->flags & PACKET_UDP &&
		   from_service(p, TABLE_UDP_PORT, p->sport < 1024 && p->dport >= 1024)) {
		f->who ^= 1;
	}
	if (p->taught)
		session_expect(sh, f);
	return f;
}

static inline bool is_syn(const struct packet *p)
{
	return p->flags & PACKET_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

static void datagram(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	f->state = FLOW_ESTABLISHED;
	if (f->flags & FLOW_OPAQUE && !flow_may_try(f))
		f->payload[dir] += p->paylen + p->paycut;
	else if (p->paylen + p->paycut)
		stream_deliver(sh, f, p, dir, p->payload, p->paylen, p->paylen + p->paycut);
}

static void on_quote(struct shard *sh, const struct packet *p)
{
	struct flow_key k;
	struct flow_ext *e;
	struct flow *f;

	flow_key_of(sh->engine->config, p, true, &k);
	f = flow_find(&sh->flows, &k, p->hash);
	if (!f) {
		counters_add(
			&sh->engine->counters, "icmp: error about a flow that was not seen", 1);
		return;
	}
	e = flow_need_ext(sh, f);
	if (!e->icmp_errors++)
		e->icmp_time = p->time;
	e->icmp_type = p->icmp_type;
	e->icmp_code = p->icmp_code;
}

/* A datagram that was captured before, or that is damaged. */
RARELY static void on_left_out(struct shard *sh, const struct packet *p)
{
	struct flow_key k;
	struct flow *f;

	if (p->flags & PACKET_QUOTE)
		return;
	flow_key_of(sh->engine->config, p, false, &k);
	f = flow_find(&sh->flows, &k, p->hash);
	if (f && p->flags & PACKET_COPY)
		datagram_copied(sh, f, p);
	else if (p->flags & PACKET_BAD_SUM)
		datagram_damaged(sh, f, p);
}

static inline void count_frame(struct flow *f, const struct packet *p, unsigned dir)
{
	if (p->caplen < p->len)
		f->flags |= FLOW_SNAPLEN;
	f->bytes[dir] += p->len;
	f->packets[dir]++;
}

/* What has a longer time to live now finds out when the alarm goes off. */
static inline void segment_done(
	struct shard *sh, struct flow *f, const struct packet *p, unsigned dir, uint8_t state)
{
	f->last[dir] = p->time;
	if (state == FLOW_NEW || (state != f->state && f->state >= FLOW_CLOSED))
		set_alarm(sh, f, p->time);
}

void flow_segment(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	uint8_t state = f->state;

	tcp_segment_now(sh, f, p, dir);
	segment_done(sh, f, p, dir, state);
}

/*
 * The 4-tuple is used again: the connection ends, another one has begun with the SYN that waits for
 * this to be shown. NULL: none does, or there is no room.
 */
RARELY static struct flow *begin_anew(
	struct shard *sh, struct flow *f, uint64_t now, const struct flow_key *k)
{
	struct waiting *syn = tcp_take_syn(f);
	struct flow *next = NULL;

	flow_close(sh, f, "port_reuse", END_RST, syn ? syn->p.time : now);
	if (syn && (next = flow_new(sh, &syn->p, k)) != NULL) {
		flow_segment(sh, next, &syn->p, syn->dir);
		count_frame(next, &syn->p, syn->dir);
	}
	if (syn)
		waiting_free(sh, syn);
	return next;
}

/*
 * Nothing more comes of the flow. Where it ended with a SYN that nothing has refuted, this began a
 * connection.
 */
static void flow_end(
	struct shard *sh, struct flow *f, const char *reason, enum tsm_end why, uint64_t now)
{
	if (tcp_began_anew(f)) {
		struct flow_key k;

		flow_key_of(sh->engine->config, &f->ext->syn->p, false, &k);
		f = begin_anew(sh, f, now, &k);
		if (!f || why != END_CAPTURE) /* it has an alarm of its own */
			return;
	}
	flow_close(sh, f, reason, why, now);
}

/*
 * A SYN on a connection that is over, or that began otherwise: the 4-tuple is used again, or that
 * has to be seen, and the SYN waits.
 */
RARELY static enum tcp_syn on_syn(struct shard *sh, struct flow *f, const struct packet *p)
{
	unsigned dir = p->reverse;

	if (f->state == FLOW_NEW || tcp_same_connection(f, p, dir) ||
		tcp_is_duplicate_syn(&f->side[dir], p, p->time - flow_last(f)))
		return TCP_SYN_SAME;
	return tcp_on_other_syn(sh, f, p, dir);
}

RARELY static void on_anew(struct shard *sh, struct flow *f, const struct packet *p,
	const struct flow_key *k, enum tcp_next what)
{
	unsigned dir = p->reverse;

	if (what == TCP_COPY) /* it was counted, and is in no other number */
		return;
	if (what == TCP_ANEW_BEHIND) {
		count_frame(f, p, dir);
		f->last[dir] = p->time;
	}
	f = begin_anew(sh, f, p->time, k);
	if (f && what == TCP_ANEW) {
		flow_segment(sh, f, p, dir);
		count_frame(f, p, dir);
	}
}

void shard_packet(struct shard *sh, struct packet *p, struct flow *expected)
{
	struct flow_key k;
	struct flow *f;
	unsigned dir = p->reverse;
	enum tcp_next next = TCP_GOES_ON;
	uint8_t state;

	sh->key_order = p->order;
	sh->key_frame = p->number;
	if (event_only(p)) {
		event_packet(sh, NULL, p);
		return;
	}
	if ((uint64_t)sh->extensions + sh->nhandshakes + sh->ncopies > sh->few)
		bound_extensions(sh);
	if (p->flags & (PACKET_QUOTE | PACKET_COPY | PACKET_BAD_SUM)) {
		if (p->flags & (PACKET_COPY | PACKET_BAD_SUM))
			on_left_out(sh, p);
		else
			on_quote(sh, p);
		return;
	}
	flow_key_of(sh->engine->config, p, false, &k);
	f = expected && flow_is(expected, &k) ? expected : flow_find(&sh->flows, &k, p->hash);
	if (f && is_syn(p)) {
		enum tcp_syn what = on_syn(sh, f, p);

		if (what == TCP_SYN_WAITS)
			return;
		if (what == TCP_SYN_NEW)
			f = begin_anew(sh, f, p->time, &k);
	}
	if (!f) {
		f = flow_new(sh, p, &k);
		if (!f)
			return;
	}
	if (p->time < flow_last(f)) {
		p->time = flow_last(f);
		f->flags |= FLOW_TIMEBACK;
	}
	state = f->state;
	f->flags |= FLOW_INTERIM;
	if (p->flags & PACKET_TCP)
		next = tcp_segment(sh, f, p, dir);
	else if (p->flags & PACKET_UDP)
		datagram(sh, f, p, dir);
	else if (f->proto != IP_PROTO_TCP)
		f->state = FLOW_ESTABLISHED;
	if (next != TCP_GOES_ON) {
		on_anew(sh, f, p, &k, next);
		return;
	}
	if (p->flags & PACKET_EVENT)
		event_packet(sh, f, p);
	count_frame(f, p, dir);
	segment_done(sh, f, p, dir, state);
}

/* Not for what has fallen silent and ends before the next one would be due. */
static bool interim_due(const struct engine_config *c, const struct flow *f, uint64_t now)
{
	uint64_t silent = now - flow_last(f);

	return c->flow_interval && now - f->first >= c->flow_interval && f->flags & FLOW_INTERIM &&
	       (silent < c->flow_interval / 2 || timeout(c, f) - silent >= c->flow_interval);
}

static void on_alarm(struct shard *sh, struct flow *f, uint64_t now)
{
	const struct engine_config *c = sh->engine->config;
	uint64_t deadline = flow_last(f) + timeout(c, f);

	if (deadline <= now) {
		flow_end(sh, f, "timeout", END_TIMEOUT, flow_last(f));
		return;
	}
	if (interim_due(c, f, now)) {
		record_of_flow(sh, f, NULL, false, FIELD_ABSENT);
		f->flags &= (uint8_t)~FLOW_INTERIM;
	}
	if (c->flow_interval && flow_session(f))
		moment_requests(sh, f, now);
	set_alarm(sh, f, now);
}

/* The slots of a block whose alarm is due; the flows are on their way when this returns. */
static unsigned due_flows(struct flow_table *t, uint32_t block, uint32_t second, uint32_t *due)
{
	struct alarms *a = t->chunks[block * FLOW_BLOCK / FLOW_CHUNK].alarms;
	uint32_t first = block * FLOW_BLOCK, least = FLOW_NEVER;
	uint32_t *at = &a->at[first % FLOW_CHUNK];
	unsigned n = 0;

	for (uint32_t i = 0; i < FLOW_BLOCK; i++) {
		if (at[i] <= second) {
			at[i] = FLOW_NEVER;
			due[n++] = first + i;
			prefetch(flow_at(t, first + i), t->chunks[first / FLOW_CHUNK].size);
		} else if (at[i] < least) {
			least = at[i];
		}
	}
	a->least[first % FLOW_CHUNK / FLOW_BLOCK] = least;
	return n;
}

static bool block_due(const struct flow_table *t, uint32_t block, uint32_t second)
{
	uint32_t first = block * FLOW_BLOCK;

	return t->chunks[first / FLOW_CHUNK].alarms->least[first % FLOW_CHUNK / FLOW_BLOCK] <=
	       second;
}

void shard_tick(struct shard *sh, uint64_t now, uint64_t order)
{
	struct flow_table *t = &sh->flows;
	uint32_t second = flow_second(now), blocks = t->slots / FLOW_BLOCK, due[DUE];
	unsigned n = 0;

	sh->key_order = order;
	sh->key_tick = true;
	early_tick(sh, now);
	answers_tick(sh, now);
	for (uint32_t b = 0; b < blocks; b++) {
		if (block_due(t, b, second))
			n += due_flows(t, b, second, due + n);
		if (n > DUE - FLOW_BLOCK || b + 1 == blocks) {
			for (unsigned i = 0; i < n; i++)
				flow_prefetch_end(t, flow_at(t, due[i]));
			for (unsigned i = 0; i < n; i++)
				on_alarm(sh, flow_at(t, due[i]), now);
			n = 0;
		}
	}
	event_tick(sh, now);
	draw_together(sh);
	if (sh->engine->config->moments)
		moment_take(sh, now);
	sh->key_tick = false;
}

bool shard_finish(struct shard *sh, uint64_t order, uint32_t *slot, unsigned *closed)
{
	sh->key_order = order;
	sh->key_tick = true;
	for (; *slot < sh->flows.slots; (*slot)++) {
		struct flow *f = flow_at(&sh->flows, *slot);

		if (*slot + FINISH_AHEAD < sh->flows.slots)
			flow_prefetch_end(&sh->flows, flow_at(&sh->flows, *slot + FINISH_AHEAD));
		if (!flow_alive(f))
			continue;
		if ((*closed)++ == FINISH_STEP)
			return false;
		flow_end(sh, f, "capture_end", END_CAPTURE, sh->engine->last);
	}
	event_finish(sh);
	return true;
}
