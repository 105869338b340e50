/*
 * twins.c - connections captured under several keys; see twins.h.
 *
 * Translation of addresses, a router, a tag or a tunnel changes what a flow is found by, and leaves
 * sequence numbers, timestamps, window, payload and (mostly) the IP identification. Two connections
 * with the same addresses on two VLANs have other sequence numbers, and stay two.
 */
#include "base/clock.h"
#include "core/twins.h"
#include "base/mem.h"
#include "core/aliases.h"
#include "core/flow.h"
#include <stdlib.h>
#include <string.h>

#define SYNS      2048u
#define SEGMENTS  2048u
#define PAIRS     1024u
#define WATCH     8192u               /* segments of connections with a SYN, and ... */
#define MIDWAY    262144u             /* ... of others, until the beginning is over */
#define ANSWERED  (10000 * MS)        /* a SYN/ACK comes within this */
#define SAME_SYN  (3000 * MS)         /* a SYN on another way, with the same addresses */
#define TRANSLATE (100 * MS)          /* a copy of a segment, under other addresses or tags */
#define NEAR      (UINT32_C(1) << 20) /* sequence numbers of one connection, at one time */
#define HOP       (5 * MS)            /* one that nothing but its numbers and payload tells */
#define CLOSER    512u                /* segments that are looked at behind a SYN that may be one */
#define SHOWN     64u                 /* ... that are compared, of longer ones */

struct way { /* by which it was captured */
	uint16_t iface;
	uint8_t ttl;
	bool outgoing;
};

struct segment {
	struct ends ends;
	uint64_t time; /* 0: none */
	uint32_t seq, ack, len, tsval, tsecr;
	uint64_t text; /* of the first bytes of the payload */
	uint16_t id, window;
	uint8_t flags;
	struct way way;
	bool bare; /* of an answer that has the ends of its SYN: they and the text are not set */
};

struct syn {
	struct ends ends;
	uint64_t time; /* 0: none */
	uint64_t hash;
	uint32_t isn, tsval;
	uint16_t id, window;
	uint8_t opts, wscale;
	struct way way;
	struct segment answer; /* the last SYN/ACK to one with this number */
};

struct pair { /* one direction of a connection */
	struct ends ends;
	uint64_t time;
	uint32_t seq, ack;
	bool answered; /* the other one has the same key */
};

struct twin_tables {
	struct aliases aliases;
	uint32_t midway; /* segments of connections without a handshake that may still be looked at
			  */
	struct syn syn[SYNS];
	struct segment *segment; /* NULL: the beginning is over */
	struct pair *pair;
};

void twins_init(struct twins *t, const struct engine_config *c)
{
	struct twin_tables *x = xcalloc(1, sizeof(*x));

	x->aliases.config = c;
	x->midway = MIDWAY;
	memset(t, 0, sizeof(*t));
	t->watching = WATCH;
	t->any = true;
	t->tables = x;
}

static void end_watch(struct twins *t)
{
	t->watching = 0;
	t->any = t->used != 0;
	free(t->tables->segment);
	free(t->tables->pair);
	t->tables->segment = NULL;
	t->tables->pair = NULL;
}

void twins_release(struct twins *t)
{
	if (!t->tables)
		return;
	end_watch(t);
	aliases_release(&t->tables->aliases);
	free(t->tables);
	t->tables = NULL;
}

static struct ends from_of(const struct twins *t, const struct packet *k)
{
	return ends_of(t->tables->aliases.config, k);
}

/* The packet gets the key that its connection has. */
static void take(struct twins *t, struct alias *a, struct packet *k)
{
	if (a->copy)
		k->flags |= PACKET_TWIN;
	alias_take(&t->tables->aliases, a, k);
}

/* And what comes from now on between its ends, see alias_join(). */
static void join(struct twins *t, struct packet *k, const struct ends *to, const uint32_t *isn,
	bool copy, struct counters *counts)
{
	if (copy)
		k->flags |= PACKET_TWIN;
	alias_join(&t->tables->aliases, k, to, isn, copy, counts);
	t->used = t->tables->aliases.used;
	t->any = true;
}

/* By what it is known that the SYN of a connection was seen; others may have the same. */
static inline unsigned bit_between(
	unsigned sport, unsigned dport, const struct addr *src, const struct addr *dst)
{
	return (sport + dport + ((unsigned)(src->b[15] ^ dst->b[15]) << 8)) % TWINS_KNOWN;
}

static inline unsigned bit_of(const struct packet *k)
{
	return bit_between(k->sport, k->dport, &k->src, &k->dst);
}

static inline bool is_known(const struct twins *t, const struct packet *k)
{
	unsigned bit = bit_of(k);

	return t->known[bit / 8] >> bit % 8 & 1;
}

static struct syn *syn_at(const struct twins *t, uint32_t isn)
{
	return &t->tables->syn[ends_mix(isn) >> 40 & (SYNS - 1)];
}

static bool within(uint64_t from, uint64_t to, uint64_t most)
{
	return to >= from && to - from <= most;
}

static struct way way_of(const struct packet *k)
{
	return (struct way){k->iface, k->ttl, (k->flags & PACKET_OUTGOING) != 0};
}

/* Did it meet a router, or come by another interface? */
static bool is_other_way(const struct way *w, const struct packet *k)
{
	return w->ttl != k->ttl || w->iface != k->iface ||
	       w->outgoing != ((k->flags & PACKET_OUTGOING) != 0);
}

/* Is it one step further, and kept one of its ends? */
static bool is_one_hop(
	const struct ends *ends, uint64_t time, const struct way *w, const struct packet *k)
{
	int hops = w->ttl - k->ttl;

	return within(time, k->time, HOP) && hops >= -1 && hops <= 1 && is_other_way(w, k) &&
	       ((ends->sport == k->sport && addr_same(&ends->src, &k->src)) ||
		       (ends->dport == k->dport && addr_same(&ends->dst, &k->dst)));
}

/* Does it offer all that a whole TCP does, the same as the one that was seen? */
static bool same_offer(const struct syn *s, const struct packet *k)
{
	return s->opts & TCP_OPT_WSCALE && s->opts == k->tcp_opts && s->wscale == k->tcp_wscale;
}

/*
 * Is it the SYN that was seen, under other addresses? Without timestamps and identification (IPv6)
 * it is known by its number, which a whole TCP makes at random for each connection (RFC 6528).
 * Scanners use one number for many; they offer no scale of windows, and have a time to live of
 * their own.
 */
static bool is_translated(const struct syn *s, const struct packet *k)
{
	bool near = within(s->time, k->time, TRANSLATE) && s->window == k->tcp_window &&
		    (s->id == k->ip_id || !s->id || !k->ip_id);

	if (!near || s->tsval != k->tcp_tsval)
		return false;
	if (s->tsval)
		return true;
	if (!s->id || !k->ip_id)
		return same_offer(s, k) && is_one_hop(&s->ends, s->time, &s->way, k);
	return is_other_way(&s->way, k) && (same_offer(s, k) || addr_same(&s->ends.src, &k->src) ||
						   addr_same(&s->ends.dst, &k->dst));
}

RARELY static bool joins_syn(
	struct twins *t, struct packet *k, const struct syn *s, struct counters *counts)
{
	struct ends from = from_of(t, k);
	bool same = ends_same(&s->ends, &from);

	if (same ? ends_same_way(&s->ends, &from) || !within(s->time, k->time, SAME_SYN)
		 : !is_translated(s, k))
		return false;
	join(t, k, &s->ends, &k->tcp_seq, true, counts);
	return true;
}

/* A SYN on a connection with another key: of that one, unless it begins another. */
static bool on_alias(struct twins *t, struct packet *k, bool ack)
{
	struct alias *a = alias_find(&t->tables->aliases, k);

	if (!a)
		return false;
	if (ack || (a->has_isn && a->isn == k->tcp_seq)) {
		take(t, a, k);
		return true;
	}
	alias_drop(&t->tables->aliases, a);
	t->used = t->tables->aliases.used;
	t->any = t->used || t->watching;
	return false;
}

/*
 * The SYN may be the one that was seen, behind NAT, and its number is not enough: what both
 * connections say tells. They are looked at as if they had begun before the capture.
 */
RARELY static void look_closer(struct twins *t, const struct syn *s, const struct packet *k)
{
	const struct ends *o = &s->ends;
	unsigned bits[2] = {bit_of(k), bit_between(o->sport, o->dport, &o->src, &o->dst)};

	if (s->tsval || k->tcp_tsval || (s->id && k->ip_id) || s->window != k->tcp_window ||
		!is_one_hop(o, s->time, &s->way, k))
		return;
	for (unsigned i = 0; i < 2; i++)
		t->known[bits[i] / 8] &= (uint8_t) ~(1u << bits[i] % 8);
	if (t->watching < CLOSER)
		t->watching = CLOSER;
	if (t->tables->midway < CLOSER)
		t->tables->midway = CLOSER;
	t->any = true;
}

/* A SYN behind its answer, which had another key. */
RARELY static bool joins_answered(
	struct twins *t, struct packet *k, const struct syn *s, struct counters *counts)
{
	const struct segment *a = &s->answer;
	struct ends from = from_of(t, k), to = ends_turned(&a->ends);

	if (!a->time || a->bare || !within(a->time, k->time, TRANSLATE))
		return false;
	if (ends_same(&to, &from) ? ends_same_way(&to, &from)
				  : !a->tsecr || a->tsecr != k->tcp_tsval)
		return false;
	join(t, k, &to, &k->tcp_seq, true, counts);
	return true;
}

static void note_syn(const struct twins *t, struct syn *s, const struct packet *k)
{
	s->ends.src = k->src;
	s->ends.dst = k->dst;
	s->ends.sport = k->sport;
	s->ends.dport = k->dport;
	s->ends.vlan = ends_vlan(t->tables->aliases.config, k);
	s->ends.tunnel = k->tunnel;
	s->ends.kind = k->tunnel_kind;
	s->time = k->time;
	s->hash = k->hash;
	s->isn = k->tcp_seq;
	s->tsval = k->tcp_tsval;
	s->id = k->ip_id;
	s->window = k->tcp_window;
	s->way = way_of(k);
	s->opts = k->tcp_opts;
	s->wscale = k->tcp_wscale;
}

static uint64_t text_of(const struct packet *k)
{
	uint32_t n = k->paylen < SHOWN ? k->paylen : SHOWN;
	uint64_t h = 0;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ k->payload[i]) * UINT64_C(0x100000001b3);
	return ends_mix(h);
}

/*
 * Is it the segment that was seen, under another key? Both numbers and the window are 80 bits that
 * its ends chose, so that a bare ACK is known as well as one that says something.
 */
static bool is_again(const struct segment *s, const struct packet *k, const struct ends *from)
{
	if (!s->time || s->seq != k->tcp_seq || s->ack != k->tcp_ack ||
		s->len != k->paylen + k->paycut || s->flags != k->tcp_flags ||
		s->window != k->tcp_window || s->tsval != k->tcp_tsval ||
		!within(s->time, k->time, TRANSLATE) || (s->id != k->ip_id && s->id && k->ip_id) ||
		s->text != text_of(k))
		return false;
	if (ends_same(&s->ends, from))
		return !ends_same_way(&s->ends, from);
	if (s->tsval || (s->id && s->id == k->ip_id))
		return s->tsval || is_other_way(&s->way, k);
	/* A port scan's answers have the same numbers, whose they are. */
	return (k->tcp_flags & (TCP_ACK | TCP_RST)) == TCP_ACK &&
	       is_one_hop(&s->ends, s->time, &s->way, k);
}

static void remember(struct segment *s, const struct packet *k, const struct ends *from)
{
	*s = (struct segment){*from, k->time, k->tcp_seq, k->tcp_ack, k->paylen + k->paycut,
		k->tcp_tsval, k->tcp_tsecr, text_of(k), k->ip_id, k->tcp_window, k->tcp_flags,
		way_of(k), false};
}

/* The other direction of what was seen with another tag, and never with this one. */
static bool answers(const struct pair *p, const struct packet *k, const struct ends *from)
{
	struct ends back = ends_turned(&p->ends);

	return p->time && !p->answered && ends_same(&back, from) && !ends_same_way(&back, from) &&
	       k->tcp_flags & TCP_ACK && p->ack - k->tcp_seq + NEAR < 2 * NEAR &&
	       k->tcp_ack - p->seq + NEAR < 2 * NEAR && within(p->time, k->time, ANSWERED);
}

static void note_pair(struct pair *p, const struct packet *k, const struct ends *from)
{
	struct ends back = ends_turned(&p->ends);

	if (p->time && ends_same(&back, from)) {
		p->answered |= ends_same_way(&back, from);
		return;
	}
	if (p->time && ends_same(&p->ends, from) && !ends_same_way(&p->ends, from))
		return;
	if (!p->time || !ends_same(&p->ends, from))
		*p = (struct pair){.ends = *from};
	p->time = k->time;
	p->seq = k->tcp_seq + k->paylen + k->paycut;
	p->ack = k->tcp_ack;
}

/* A segment of a connection that may have begun before the capture. */
RARELY static void on_midway(struct twins *t, struct packet *k, struct counters *counts)
{
	struct twin_tables *x = t->tables;
	uint64_t h = ends_hash(k);
	struct ends from;
	struct segment *s;
	struct pair *p;

	if (!x->segment) {
		x->segment = xcalloc(SEGMENTS, sizeof(*x->segment));
		x->pair = xcalloc(PAIRS, sizeof(*x->pair));
	}
	from = from_of(t, k);
	s = &x->segment[ends_mix((uint64_t)k->tcp_seq << 32 | k->tcp_ack) >> 40 & (SEGMENTS - 1)];
	p = &x->pair[h % PAIRS];
	if (is_again(s, k, &from)) {
		join(t, k, &s->ends, NULL, true, counts);
	} else if (answers(p, k, &from)) {
		struct ends back = ends_turned(&p->ends);

		join(t, k, &back, NULL, false, counts);
	} else {
		remember(s, k, &from);
		note_pair(p, k, &from);
	}
	if (!--x->midway)
		end_watch(t);
}

/* Another one than a SYN. */
RARELY static void look(struct twins *t, struct packet *k, struct counters *counts)
{
	struct alias *a = t->used ? alias_find(&t->tables->aliases, k) : NULL;

	if (a)
		take(t, a, k);
	else if (t->watching && !is_known(t, k))
		on_midway(t, k, counts);
}

/* Is it the answer to this SYN, with its ends and by its way? Both are in the hash. */
static bool is_expected(const struct syn *s, const struct packet *k)
{
	return s->isn == k->tcp_ack - 1 && s->hash == k->hash && s->time;
}

/* Its ends are the SYN's; what it carries says nothing. */
static void note_expected(struct segment *a, const struct packet *k)
{
	a->bare = true;
	a->time = k->time;
	a->seq = k->tcp_seq;
	a->ack = k->tcp_ack;
	a->len = k->paylen + k->paycut;
	a->tsval = k->tcp_tsval;
	a->tsecr = k->tcp_tsecr;
	a->id = k->ip_id;
	a->window = k->tcp_window;
	a->flags = k->tcp_flags;
	a->way = way_of(k);
}

/*
 * A SYN/ACK whose SYN had another key, or is still to come. It is of that one's connection if it
 * has the same addresses on another way, is the answer that was seen under other addresses, or
 * echoes the SYN's timestamp. What nothing tells is kept until the SYN comes.
 */
static void on_answer(struct twins *t, struct packet *k, struct syn *s, struct counters *counts)
{
	uint32_t isn = k->tcp_ack - 1;
	bool known = s->isn == isn && s->time && within(s->time, k->time, ANSWERED);
	struct ends from = from_of(t, k), back = ends_turned(&s->ends);

	if (s->answer.bare && s->answer.ack == s->isn + 1) {
		s->answer.ends = back;
		s->answer.text = text_of(k);
		s->answer.bare = false;
	}
	if (s->answer.ack == k->tcp_ack && !s->answer.bare && is_again(&s->answer, k, &from)) {
		join(t, k, &s->answer.ends, &isn, true, counts);
		return;
	}
	if (known && ends_same(&back, &from)) {
		join(t, k, &back, &isn, false, counts);
		return;
	}
	if (known && s->tsval && k->tcp_tsecr == s->tsval) {
		join(t, k, &back, &isn, true, counts);
		return;
	}
	remember(&s->answer, k, &from);
	if (!known)
		look(t, k, counts);
}

__attribute__((noinline)) void twins_other(
	struct twins *t, struct packet *k, struct counters *counts)
{
	if (t->used || !is_known(t, k))
		look(t, k, counts);
	else if (!--t->watching)
		end_watch(t);
}

__attribute__((noinline)) void twins_syn(struct twins *t, struct packet *k, struct counters *counts)
{
	bool ack = k->tcp_flags & TCP_ACK;
	struct syn *s = syn_at(t, ack ? k->tcp_ack - 1 : k->tcp_seq);
	unsigned bit = bit_of(k);

	if (k->tcp_flags & TCP_RST)
		return;
	if (t->used && on_alias(t, k, ack))
		return;
	if (!ack) {
		t->known[bit / 8] |= (uint8_t)(1u << bit % 8);
		if (s->isn == k->tcp_seq && s->time) {
			if (joins_syn(t, k, s, counts))
				return;
			look_closer(t, s, k);
		} else if (s->answer.ack == k->tcp_seq + 1 && joins_answered(t, k, s, counts)) {
			return;
		}
		note_syn(t, s, k);
	} else if (is_expected(s, k)) {
		note_expected(&s->answer, k);
	} else {
		on_answer(t, k, s, counts);
	}
}
