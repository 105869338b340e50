/*
 * engine.c - packets to flows: finds or makes the flow, keeps its counts and its age, and hands TCP
 * segments and datagrams on. Packets are handled in batches so that a flow's memory is on its way
 * before it is needed.
 */
#include "core/tcp_impl.h"
#include "api/layer.h"
#include "base/ending.h"
#include "core/answers.h"
#include "core/copies.h"
#include "core/event.h"
#include "core/handshake.h"
#include "core/sums.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SECOND       1000000000u
#define BURST        64u /* packets for which is fetched at once */
#define STAGES       5u
#define FLOW_COST    (sizeof(struct flow) + 32) /* with its share of buckets and alarms */
#define DUE          (FLOW_BLOCK + 64u)         /* flows whose alarms go off at once */
#define FINISH_AHEAD 16u                        /* slots that are looked at before their turn */
#define FINISH_STEP  512u                       /* flows closed a call of engine_finish() */
/* What the program takes of the budget without any packet: libraries, packets and records on their
   way. */
#define PROGRAM (UINT64_C(14) << 20)
/* A budget from which on flows have huge pages, of which the last of an engine's is half empty. */
#define HUGE_FROM (UINT64_C(48) << 20)
/* Blocks of records that all engines keep for their next ones. */
#define SPARE      (UINT64_C(1) << 20) /* of the budget, for one */
#define SPARE_MOST 64u

static uint64_t hash_key[4];

void engine_config_defaults(struct engine_config *c)
{
	memset(c, 0, sizeof(*c));
	c->memory = 512ull << 20;
	c->flow_interval = 60ull * SECOND;
	c->timeout_syn = 75ull * SECOND;
	c->timeout_tcp = 3600ull * SECOND;
	c->timeout_closed = 10ull * SECOND;
	c->timeout_udp = 60ull * SECOND;
}

static void seed(void)
{
	if (hash_key[0])
		return;
	if (getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key))
		ending_now("the system gives no random numbers");
	hash_key[0] |= 1;
}

static struct shard *shard_new(struct engine *e, unsigned index)
{
	struct shard *sh = xcalloc(1, sizeof(*sh));
	uint64_t memory = e->config->memory;
	uint64_t budget =
		(memory - (memory / 16 * 7 < PROGRAM ? memory / 16 * 7 : PROGRAM)) / SHARDS;
	uint64_t limit = budget / 2 / FLOW_COST;

	sh->engine = e;
	sh->index = index;
	sh->budget = budget;
	flow_table_init(&sh->flows, &e->arena, limit < 64 ? 64 : (uint32_t)limit, hash_key);
	pool_init(&sh->ext, &e->arena, sizeof(struct flow_ext));
	pool_init(&sh->copies, &e->arena, sizeof(struct copies));
	pool_init(&sh->handshakes, &e->arena, sizeof(struct handshake));
	pool_init(&sh->turns, &e->arena, sizeof(struct flow_turns));
	pool_init(&sh->messages, &e->arena, TURNS_HELD * sizeof(struct message));
	pool_init(&sh->sessions, &e->arena, sizeof(struct session));
	pool_init(&sh->txns, &e->arena, sizeof(struct txn));
	pool_init(&sh->spent, &e->arena, sizeof(struct spent));
	return sh;
}

/* Applications by the transport whose ports they claim. */
static void add_app(struct engine *e, const struct dissector *d)
{
	bool there[2] = {false, false};

	if (!d->probe || !d->data || d->traits & TRAIT_BY_PORT)
		return;
	for (const struct claim *c = d->claims; c && c->table != TABLE_END; c++)
		if (c->table == TABLE_TCP_PORT || c->table == TABLE_UDP_PORT)
			there[c->table == TABLE_UDP_PORT] = true;
	for (int i = 0; i < 2; i++)
		if (there[i])
			e->apps[i][e->napps[i]++] = d;
}

struct engine *engine_new(const struct engine_config *c, uint32_t shards)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	seed();
	e->config = c;
	e->arena.small = c->memory < HUGE_FROM;
	for (unsigned i = 0; i < SHARDS; i++)
		if (shards & 1u << i)
			e->shards[i] = shard_new(e, i);
	e->spare_most =
		(unsigned)(c->memory / SPARE * (unsigned)__builtin_popcount(shards) / SHARDS);
	e->spare_most = e->spare_most < 2            ? 2
			: e->spare_most > SPARE_MOST ? SPARE_MOST
						     : e->spare_most;
	for (unsigned i = 0; i < registry_count(); i++)
		add_app(e, registry_get(i));
	return e;
}

void engine_free(struct engine *e)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *sh = e->shards[i];

		if (!sh)
			continue;
		flow_table_release(&sh->flows);
		event_release(sh);
		free(sh);
	}
	arena_release(&e->arena);
	records_free(&e->out);
	records_free(&(struct records){.first = e->spare});
	free(e);
}

struct records *engine_records(struct engine *e)
{
	return &e->out;
}

const struct counters *engine_counters(const struct engine *e)
{
	return &e->counters;
}

#define INLINE static inline __attribute__((always_inline))

/*
 * By what its flow is found, once the order of its ends is known. quote: PACKET_QUOTE is set, which
 * it hardly ever is.
 */
INLINE void key_of(
	const struct engine_config *c, const struct packet *p, bool quote, struct flow_key *k)
{
	const struct addr *src = quote ? &p->quote.src : &p->src;
	const struct addr *dst = quote ? &p->quote.dst : &p->dst;
	uint16_t sport = quote ? p->quote.sport : p->sport;
	uint16_t dport = quote ? p->quote.dport : p->dport;

	k->ip[0] = p->reverse ? dst : src;
	k->ip[1] = p->reverse ? src : dst;
	k->port[0] = p->reverse ? dport : sport;
	k->port[1] = p->reverse ? sport : dport;
	k->vlan = c->ignore_vlan || !p->nvlan ? 0 : p->vlan[0];
	k->proto = quote ? p->quote.proto : p->ip_proto;
	k->v6 = p->ip_version == 6;
	k->tunnel = p->tunnel;
}

/* Puts the ends in order; the key in that order. */
INLINE void order(const struct engine_config *c, struct packet *p, bool quote, struct flow_key *k)
{
	p->reverse =
		quote ? flow_reversed(&p->quote.src, &p->quote.dst, p->quote.sport, p->quote.dport)
		      : flow_reversed(&p->src, &p->dst, p->sport, p->dport);
	key_of(c, p, quote, k);
}

static inline bool route(const struct engine_config *c, struct packet *p)
{
	struct flow_key k;

	if (event_only(p)) {
		p->reverse = 0;
		p->shard = EVENT_SHARD;
		p->hash = 0;
		return true;
	}
	if (!(p->flags & PACKET_IP) || p->flags & PACKET_FRAGMENT)
		return false;
	if (p->flags & PACKET_QUOTE)
		order(c, p, true, &k);
	else
		order(c, p, false, &k);
	p->hash = flow_route(hash_key, &k, &p->shard);
	if (registry_chain.events[k.proto]) /* all packets of a flow, events or not */
		p->shard = EVENT_SHARD;
	return true;
}

bool engine_route(const struct engine_config *c, struct packet *p)
{
	return route(c, p);
}

/* Apart, so that the other one is where all packets pass. */
RARELY void engine_route_again(const struct engine_config *c, struct packet *p)
{
	(void)route(c, p);
}

static uint64_t timeout(const struct engine_config *c, const struct flow *f)
{
	if (f->proto != 6)
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

const char *flow_ended_by(const struct flow *f, const char *otherwise)
{
	if (f->proto != 6)
		return otherwise;
	if (f->state == FLOW_RESET)
		return (f->who >> 7) == flow_client(f) ? "rst_client" : "rst_server";
	return f->state == FLOW_CLOSED ? "fin" : otherwise;
}

void flow_close(
	struct shard *sh, struct flow *f, const char *reason, enum tsm_end why, uint64_t now)
{
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
	if (f->turns && f->turns->of == 1 && (why == END_CAPTURE || f->state == FLOW_RESET))
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
	turns_forget(sh, f->turns); /* its session is over */
	flow_remove(&sh->flows, f);
}

/*
 * Extensions have what the flows leave of half the budget, an eighth of it in any case. A packet
 * makes one at most.
 */
static void bound_extensions(struct shard *sh)
{
	uint64_t bytes = sh->extensions * sizeof(struct flow_ext) +
			 sh->nhandshakes * sizeof(struct handshake) +
			 sh->ncopies * sizeof(struct copies);
	uint64_t half = sh->budget / 2, least = sh->budget / 8;
	uint64_t flows = (uint64_t)sh->flows.slots * FLOW_COST;
	struct flow *f;

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
	f = flow_insert(t, k, p->hash);
	f->first = p->time;
	f->first_frame = p->number;
	f->inner_vlan = p->nvlan > 1 ? p->vlan[1] & 0xfffu : 0;
	f->iface = p->iface < FLOW_IFACE_OTHER ? p->iface & 0xfu : FLOW_IFACE_OTHER;
	f->who = (uint8_t)(engine_tunnel(sh->engine, p->tunnel_kind) << 1 | dir);
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
	if (p->paylen + p->paycut)
		stream_deliver(sh, f, p, dir, p->payload, p->paylen, p->paylen + p->paycut);
}

static void on_quote(struct shard *sh, const struct packet *p)
{
	struct flow_key k;
	struct flow_ext *e;
	struct flow *f;

	key_of(sh->engine->config, p, true, &k);
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
	key_of(sh->engine->config, p, false, &k);
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

		key_of(sh->engine->config, &f->ext->syn->p, false, &k);
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

/* expected: the flow it was for when it was fetched ahead, or NULL. */
static void on_packet(struct engine *e, struct packet *p, struct flow *expected)
{
	struct shard *sh = e->shards[p->shard];
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
	bound_extensions(sh);
	if (p->flags & (PACKET_QUOTE | PACKET_COPY | PACKET_BAD_SUM)) {
		if (p->flags & (PACKET_COPY | PACKET_BAD_SUM))
			on_left_out(sh, p);
		else
			on_quote(sh, p);
		return;
	}
	key_of(e->config, p, false, &k);
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

static struct flow_table *table_of(const struct engine *e, const struct packet *p)
{
	return &e->shards[p->shard]->flows;
}

/*
 * What packets need is fetched a burst ahead: first they themselves, which another thread may have
 * written, then the buckets, the flows, and what these point to. Bursts, since misses of the
 * translation of addresses wait one after the other when there is other work between them, and side
 * by side when there is none.
 */
static void burst(struct engine *e, struct packet *const *p, unsigned n, unsigned stage,
	struct flow **expected)
{
	switch (stage) {
	case 0:
		for (unsigned i = 0; i < n; i++)
			prefetch(p[i], sizeof(*p[i]));
		break;
	case 1:
		for (unsigned i = 0; i < n; i++)
			flow_prefetch_bucket(table_of(e, p[i]), p[i]->hash);
		break;
	case 2:
		for (unsigned i = 0; i < n; i++)
			expected[i] = flow_prefetch_entry(
				table_of(e, p[i]), p[i]->hash, (p[i]->flags & PACKET_TCP) != 0);
		break;
	case 3:
		for (unsigned i = 0; i < n; i++)
			if (expected[i])
				flow_prefetch_more(table_of(e, p[i]), expected[i], p[i]);
		break;
	default:
		for (unsigned i = 0; i < n; i++)
			on_packet(e, p[i], expected[i]);
	}
}

void engine_packets(struct engine *e, struct packet *const *p, unsigned n)
{
	struct flow *expected[STAGES][BURST];

	for (unsigned at = 0; at < n + (STAGES - 1) * BURST; at += BURST)
		for (unsigned stage = 0; stage < STAGES && stage * BURST <= at; stage++) {
			unsigned from = at - stage * BURST;

			if (from < n)
				burst(e, p + from, n - from < BURST ? n - from : BURST, stage,
					expected[from / BURST % STAGES]);
		}
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

static void shard_tick(struct shard *sh, uint64_t now, uint64_t order)
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
	if (sh->engine->config->moments)
		moment_take(sh, now);
	sh->key_tick = false;
}

void engine_tick(struct engine *e, uint64_t now, uint64_t order)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		if (!e->shards[i])
			continue;
		shard_tick(e->shards[i], now, order);
		if (e->full && e->out.bytes > e->full_bytes)
			e->full(e->full_arg);
	}
}

void engine_last(struct engine *e, uint64_t now)
{
	e->last = now;
}

bool engine_finish(struct engine *e, uint64_t order)
{
	unsigned closed = 0;

	for (; e->finish_shard < SHARDS; e->finish_shard++, e->finish_slot = 0) {
		struct shard *sh = e->shards[e->finish_shard];

		if (!sh)
			continue;
		sh->key_order = order;
		sh->key_tick = true;
		for (; e->finish_slot < sh->flows.slots; e->finish_slot++) {
			struct flow *f = flow_at(&sh->flows, e->finish_slot);

			if (e->finish_slot + FINISH_AHEAD < sh->flows.slots)
				flow_prefetch_end(&sh->flows,
					flow_at(&sh->flows, e->finish_slot + FINISH_AHEAD));
			if (!flow_alive(f))
				continue;
			if (closed++ == FINISH_STEP)
				return true;
			flow_end(sh, f, "capture_end", END_CAPTURE, e->last);
		}
		event_finish(sh);
	}
	return false;
}
