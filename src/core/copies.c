/*
 * copies.c - segments that were captured more than once: by a mirror port that sees them come and
 * go, by two ports of a bridge, before and behind a router, a tunnel or address translation
 * (twins.h).
 *
 * A copy brings nothing new, and is no retransmission: it has an IP identification or a timestamp
 * that its side had used before. Both are newer in what is sent again. Where neither tells, a
 * segment is a copy only of a connection that others were seen of, and if nobody would send it
 * again so soon.
 */
#include "core/copies.h"
#include "core/handshake.h"
#include "core/shard.h"
#include "core/tcp.h"
#include <string.h>

#define LATE     (100 * MS)   /* a copy does not come later */
#define LATE_WAY (1000 * MS)  /* nor one that went another way */
#define SOON     (3 * MS / 2) /* nothing is sent again so soon but after duplicate ACKs */

const char *const copy_names[] = {"same", "vlan", "tunnel", "nat", NULL};

static uint32_t length(const struct packet *p)
{
	return p->paylen + p->paycut;
}

static struct copies *copies_need(struct shard *sh, struct flow *f)
{
	struct flow_ext *x = flow_need_ext(sh, f);

	if (!x->copies) {
		x->copies = pool_get(&sh->copies);
		sh->ncopies++;
		memset(x->copies, 0, sizeof(*x->copies));
		x->copies->flow = f;
		x->copies->each = 1;
		x->watch |= WATCH_COPIES;
	}
	return x->copies;
}

void copies_drop(struct shard *sh, struct flow *f)
{
	if (!f->ext->copies)
		return;
	pool_put(&sh->copies, f->ext->copies);
	f->ext->copies = NULL;
	sh->ncopies--;
}

static struct copied segment_of(const struct packet *p, unsigned dir)
{
	return (struct copied){p->time, p->tcp_seq, p->tcp_ack, length(p), p->tcp_tsval, p->ip_id,
		p->tcp_window, p->tcp_flags, (uint8_t)dir, 0, (p->flags & PACKET_TWIN) != 0};
}

void copies_remember(struct flow *f, const struct packet *p, unsigned dir)
{
	struct copies *c = f->ext->copies;

	c->ring[c->next] = segment_of(p, dir);
	c->next = (uint8_t)((c->next + 1) % COPIES_RING);
}

/* The one remembered that is the same in all that its sender says; identifications may be 0. */
static struct copied *copied_find(struct copies *c, const struct packet *p, unsigned dir)
{
	struct copied s = segment_of(p, dir);

	for (unsigned i = 1; i <= COPIES_RING; i++) {
		struct copied *o = &c->ring[(c->next + COPIES_RING - i) % COPIES_RING];

		if (!o->time || p->time - o->time > LATE)
			break;
		if (o->dir == s.dir && o->seq == s.seq && o->ack == s.ack && o->len == s.len &&
			o->tsval == s.tsval && o->id == s.id && o->window == s.window &&
			o->flags == s.flags)
			return o;
	}
	return NULL;
}

enum answer_known { YES, NO, UNKNOWN };

static enum answer_known by_memory(struct copies *c, const struct packet *p, unsigned dir)
{
	struct copied *o = c ? copied_find(c, p, dir) : NULL;

	if (!o)
		return UNKNOWN;
	if (!p->ip_id && (p->time - o->time > SOON || (!length(p) && o->times >= c->each)))
		return NO;
	if (o->times < UINT8_MAX)
		o->times++;
	if ((length(p) || p->ip_id) && o->times > c->each)
		c->each = o->times;
	return YES;
}

/* What identification and timestamp say, where its side's last segment has them. */
static enum answer_known by_age_than(uint32_t tsval, uint16_t id, const struct packet *p)
{
	int32_t age = p->tcp_opts & TCP_OPT_TIMES && tsval ? seq_diff(p->tcp_tsval, tsval) : 0;
	int16_t ids = (int16_t)(uint16_t)(p->ip_id - id);

	if (age > 0)
		return NO;
	if (p->ip_id && id) {
		if (ids <= 0 && ids > -TCP_IDS)
			return YES;
		if (ids > 0 && ids < TCP_IDS)
			return NO;
	}
	return age < 0 ? YES : UNKNOWN;
}

static enum answer_known by_age(const struct flow_side *s, const struct packet *p)
{
	return by_age_than(s->tsval, s->ip_id, p);
}

bool tcp_is_later(const struct packet *before, const struct packet *p)
{
	uint32_t tsval = before->tcp_opts & TCP_OPT_TIMES ? before->tcp_tsval : 0;
	enum answer_known older = by_age_than(tsval, before->ip_id, p);

	return older == NO || (older == UNKNOWN && !tsval);
}

bool tcp_is_older(const struct flow_side *s, const struct packet *p)
{
	return by_age(s, p) == YES;
}

bool tcp_is_newer(const struct flow_side *s, const struct packet *p)
{
	return by_age(s, p) == NO;
}

/* The missing range, if there is one, is not what it brings. */
static bool is_held(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct ext_side *e = f->ext ? &f->ext->side[dir] : NULL;
	uint32_t at = p->tcp_seq, end = at + length(p);

	if (!e || !e->hole_since || seq_diff(end, e->expect) <= 0)
		return true;
	if (seq_diff(at, e->expect) < 0)
		return false;
	for (const struct held *h = e->held; h && seq_diff(end, at) > 0; h = h->next)
		if (seq_diff(h->lo, at) <= 0 && seq_diff(h->hi, at) > 0)
			at = h->hi;
	return seq_diff(end, at) <= 0;
}

static bool is_reset_again(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];
	uint64_t since = p->time - f->last[dir];

	if (f->state != FLOW_RESET || f->who >> 7 != dir)
		return false;
	if (p->ip_id)
		return p->ip_id == s->ip_id && since <= LATE;
	/* Each segment that comes is answered by one. */
	return since <= SOON && (f->ext->copies || f->last[!dir] <= f->last[dir]);
}

/* One that went another way: it was here before, unless it is newer than what was. */
static bool is_copy_elsewhere(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir];
	bool times = p->tcp_opts & TCP_OPT_TIMES && s->tsval;

	if (p->time - f->last[dir] > LATE_WAY)
		return false;
	if (times ? seq_diff(p->tcp_tsval, s->tsval) > 0 : by_age(s, p) == NO)
		return false;
	if (p->tcp_flags & TCP_SYN)
		return p->tcp_seq == s->isn;
	return p->tcp_flags & TCP_RST ? f->state == FLOW_RESET : is_held(f, p, dir);
}

static bool is_copy(const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	struct copies *c = f->ext ? f->ext->copies : NULL;
	uint64_t since = p->time - f->last[dir];
	bool data = length(p) || p->tcp_flags & TCP_FIN;
	enum answer_known known;

	if (p->flags & PACKET_TWIN && is_copy_elsewhere(f, p, dir))
		return true;
	if (p->tcp_flags & TCP_SYN)
		return tcp_is_duplicate_syn(s, p, since);
	if (p->tcp_flags & TCP_RST)
		return is_reset_again(f, p, dir);
	if (since > LATE || !is_held(f, p, dir))
		return false;
	known = by_memory(c, p, dir);
	if (known != UNKNOWN)
		return known == YES;
	known = by_age(s, p);
	if (data) {
		if (known != UNKNOWN)
			return known == YES;
		return since <= SOON && !o->dup_run && f->packets[!dir] &&
		       (c || p->tcp_opts & TCP_OPT_TIMES);
	}
	/* An ACK may have been overtaken by others, or be a duplicate one. */
	if (p->ip_id && p->ip_id == s->ip_id && p->tcp_ack == s->ack)
		return true;
	return c && (p->tcp_ack != s->ack || p->tcp_seq != s->nxt) &&
	       (known == YES || (known == UNKNOWN && since <= SOON));
}

static bool has_other_ends(const struct packet_twin *t, const struct packet *p)
{
	return memcmp(&t->src, &p->src, sizeof(t->src)) != 0 ||
	       memcmp(&t->dst, &p->dst, sizeof(t->dst)) != 0 || t->sport != p->sport ||
	       t->dport != p->dport;
}

/* How p differs, whose twin is set: COPY_. */
static uint8_t kinds_of(const struct flow *f, const struct packet *p)
{
	const struct packet_twin *t = &p->twin;

	return (uint8_t)((has_other_ends(t, p) ? COPY_NAT : 0) |
			 (t->tunnel != f->tunnel ? COPY_TUNNEL : 0) |
			 (t->vlan != f->vlan ? COPY_VLAN : 0));
}

static void note_kinds(struct copies *c, const struct packet *p, unsigned dir, uint8_t kinds)
{
	const struct packet_twin *t = &p->twin;
	uint8_t fresh = kinds & (uint8_t)~c->kinds;

	if (fresh & COPY_NAT) {
		c->ip[dir] = t->src;
		c->ip[!dir] = t->dst;
		c->port[dir] = t->sport;
		c->port[!dir] = t->dport;
	}
	if (fresh & COPY_TUNNEL) {
		c->tunnel = t->tunnel_kind;
		c->tunnel_id = t->tunnel;
	}
	if (fresh & COPY_VLAN)
		c->vlan = t->vlan;
	c->kinds |= kinds;
}

/* How it was captured again: in the same way, if the first one had the flow's key, too. */
static void note_kind(struct copies *c, const struct flow *f, const struct packet *p, unsigned dir)
{
	const struct copied *o = p->flags & PACKET_TWIN ? NULL : copied_find(c, p, dir);

	if (o && o->twin && o->times < 2)
		return;
	if (!(p->flags & PACKET_TWIN))
		c->kinds |= COPY_SAME;
	else if (p->flags & PACKET_TWIN_NAMED)
		note_kinds(c, p, dir, kinds_of(f, p));
}

void datagram_copied(struct shard *sh, struct flow *f, const struct packet *p)
{
	unsigned dir = p->reverse;
	uint8_t kinds = COPY_SAME;

	if (!f->ncopies++)
		f->copy_frame = p->number;
	if (p->flags & PACKET_TWIN_NAMED) {
		kinds = kinds_of(f, p);
		if (kinds & (COPY_NAT | COPY_TUNNEL))
			note_kinds(copies_need(sh, f), p, dir, kinds);
		else if (!(f->copy_kinds & COPY_VLAN))
			f->copy_vlan = p->twin.vlan;
	} else if (f->copy_kinds) {
		return;
	}
	f->copy_kinds |= kinds;
}

void copies_name(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	note_kinds(copies_need(sh, f), p, dir, kinds_of(f, p));
}

bool tcp_is_copy(struct shard *sh, struct flow *f, const struct packet *p, unsigned dir)
{
	if (!is_copy(f, p, dir))
		return false;
	note_kind(copies_need(sh, f), f, p, dir);
	if (!f->ext->duplicates++)
		f->ext->duplicate_frame = p->number;
	return true;
}
