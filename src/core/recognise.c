/*
 * recognise.c - whose protocol is it? A port is a hint, what the bytes look like decides.
 *
 * Of a connection seen from its start a side's first bytes tell, or few turns of it. Of one that
 * began before the capture the first bytes may be the end of something: a protocol may begin with
 * whatever segment, and within one where the port's own finds a message (sync.c).
 */
#include "core/recognise.h"
#include "api/layer.h"
#include "core/prefix.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/sync.h"
#include "core/turns.h"
#include "core/unread.h"

#define BEHIND_MAX 2048u  /* bytes of one payload in which a protocol is looked for further on */
#define BEHIND_ALL 65536u /* bytes that a session is looked for in within turns */

static const struct dissector *hinted(const struct flow *f)
{
	unsigned table = f->proto != IP_PROTO_TCP ? TABLE_UDP_PORT : TABLE_TCP_PORT;
	const struct dissector *d = registry_app_port(table, f->port[!flow_client(f)]);

	return d ? d : registry_app_port(table, f->port[flow_client(f)]);
}

/* The handshake knows better. */
static inline bool is_denied(const struct flow *f, enum tsm_probe r)
{
	return r == PROBE_SWAPPED && f->flags & FLOW_CLIENT;
}

/* What d takes these bytes for. */
static inline enum tsm_probe ask(
	const struct dissector *d, const struct flow *f, enum side side, struct view head)
{
	enum tsm_probe r = d->probe(head, side);

	return is_denied(f, r) ? PROBE_NO : r;
}

/*
 * The client spoke first, all of that is there, and nobody knew it: then what the server answers,
 * like what it may (uwsgi's answer begins as HTTP's), is not of a protocol whose client speaks
 * first.
 */
static bool client_was_refused(const struct flow *f, enum side side)
{
	const struct session *s = flow_session(f);
	const struct flow_turns *t = flow_turns(f);

	return side == SIDE_SERVER && t && t->first == 1 && !(f->flags & FLOW_MIDWAY) &&
	       !(f->ext && f->ext->side[flow_client(f)].gaps) &&
	       !(s && s->side[SIDE_CLIENT].missed);
}

/* Then d may still know them: it speaks first, or takes the client's bytes for its own. */
static bool not_refused(const struct dissector *d, const struct flow *f)
{
	const struct session *s = flow_session(f);
	const struct session_side *x = s ? &s->side[SIDE_CLIENT] : NULL;

	return d->traits & TRAIT_SERVER_FIRST ||
	       (x && x->len && d->probe(view_of(x->buf, x->len, 0), SIDE_CLIENT) != PROBE_NO);
}

/* It is the hinted protocol's: is the server where its port is? The first datagram captured may be
 * an answer. */
static enum tsm_probe by_port(const struct flow *f)
{
	return f->flags & FLOW_CLIENT || registry_app_port(TABLE_UDP_PORT, f->port[!flow_client(f)])
		       ? PROBE_YES
		       : PROBE_SWAPPED;
}

/* Whose protocol are these bytes? The dissector the port hints at (or NULL) is asked first. */
static struct verdict recognise(const struct engine *e, const struct flow *f,
	const struct dissector *hint, enum side side, struct view head)
{
	bool udp = f->proto != IP_PROTO_TCP, maybe = false;
	const struct dissector *likely = NULL;
	bool refused = !udp && client_was_refused(f, side);

	if (hint && hint->probe) {
		enum tsm_probe r = ask(hint, f, side, head);

		if (is_sure(r))
			return (struct verdict){hint, r, true};
		maybe = r == PROBE_MAYBE;
		if (maybe && udp)
			likely = hint;
	}
	for (unsigned i = 0; i < e->napps[udp]; i++) {
		const struct dissector *d = e->apps[udp][i];
		enum tsm_probe r;

		/* Nearly all of them do not know it. */
		if (d == hint || (r = d->probe(head, side)) == PROBE_NO)
			continue;
		if (is_denied(f, r) || (refused && !not_refused(d, f)))
			continue;
		if (d->traits & TRAIT_MIDWAY_BY_PORT && f->flags & FLOW_MIDWAY)
			continue;
		if (is_sure(r))
			return (struct verdict){d, r, true};
		maybe = true;
	}
	/* A datagram grows no longer: where nobody is sure, its port decides. */
	if (likely)
		return (struct verdict){likely, by_port(f), true};
	return (struct verdict){NULL, maybe ? PROBE_MAYBE : PROBE_NO, true};
}

/* Is this, or may it be, a proxy's header in front of the client's first byte? */
static bool has_preamble(const struct flow *f, enum side side, const struct view *head)
{
	struct addr who;
	size_t len;

	return f->proto == IP_PROTO_TCP && side == SIDE_CLIENT && prefix_may_begin(head) &&
	       f->payload[flow_client(f)] == view_wire(head) &&
	       prefix_probe(head, &len, &who) != PROBE_NO;
}

bool recognise_worth(
	struct shard *sh, struct flow *f, enum side side, struct view head, struct verdict *v)
{
	bool udp = f->proto != IP_PROTO_TCP;
	unsigned tries = f->flow_tries;

	if (!sh->engine->napps[udp] && !sh->engine->config->ndecode_as) {
		f->flags |= FLOW_OPAQUE;
		f->flow_tries = FLOW_TRIES_MAX;
		return false;
	}
	if (hinted(f) || sh->engine->config->ndecode_as || has_preamble(f, side, &head))
		return true;
	*v = recognise(sh->engine, f, NULL, side, head);
	if (v->r != PROBE_NO && !(udp && v->r == PROBE_MAYBE)) /* a datagram grows no longer */
		return true;
	f->flow_tries = tries + 1 < FLOW_TRIES_MAX ? (tries + 1) & 0xfu : FLOW_TRIES_MAX;
	f->flags |= FLOW_OPAQUE;
	return false;
}

static void known(struct session *s, const struct dissector *d)
{
	turns_forget(s->shard, s->turned);
	s->turned = NULL;
	session_set(s, d);
}

/* The session is of this protocol, if it is one. */
static enum tsm_probe settle_on(struct session *s, const struct verdict *v)
{
	if (!v->d)
		return v->r;
	if (v->r == PROBE_SWAPPED) {
		s->flow->who ^= 1;
		unread_swap(s);
	}
	s->flow->flags |= FLOW_CLIENT;
	known(s, v->d);
	return v->r;
}

enum tsm_probe recognise_at(struct session *s, enum side side, struct view head)
{
	struct verdict v = s->head;

	if (!v.there)
		v = recognise(s->shard->engine, s->flow, hinted(s->flow), side, head);
	s->head.there = false;
	return settle_on(s, &v);
}

/*
 * Nobody knows the front of a side whose beginning was not captured: it may be the end of something
 * that the protocol of the port begins anew behind, to where the view's front is moved.
 */
static enum tsm_probe detect_behind(struct session *s, enum side side, struct view *v)
{
	const struct dissector *d = hinted(s->flow);
	const uint8_t *turn = sync_turn_in(s, side);
	enum tsm_probe r = PROBE_NO;
	struct view look = *v;

	if (!d || !d->probe || !registry_sync(d))
		return PROBE_NO;
	if (view_len(&look) > BEHIND_MAX)
		look.end = look.p + BEHIND_MAX;
	session_set(s, d);
	/* A place is not enough, of what may be another protocol. */
	while (r == PROBE_NO && sync_look(s, side, registry_sync(d), turn, &look)) {
		r = ask(d, s->flow, side, look);
		if (r == PROBE_SWAPPED)
			r = PROBE_NO;
		if (r == PROBE_NO)
			look.p++;
	}
	v->p = look.p;
	session_unset(s);
	if (r == PROBE_YES) {
		s->flow->flags |= FLOW_CLIENT;
		known(s, d);
		return r;
	}
	return v->p < v->end && look.end == v->end ? PROBE_MAYBE : PROBE_NO;
}

/* Would d find a message of its own at the front of v wherever that is? */
static enum tsm_probe sure_of(
	struct session *s, const struct dissector *d, enum side side, struct view v)
{
	tsm_sync *sync = registry_sync(d);
	struct view look =
		view_of(v.p, view_len(&v) < TSM_SYNC_MAX ? view_len(&v) : TSM_SYNC_MAX, 0);
	enum tsm_probe r;

	if (!sync)
		return PROBE_NO;
	session_set(s, d);
	r = sync(s, s->state, side, &look);
	session_unset(s);
	return look.p == v.p ? r : PROBE_NO;
}

/* Does a protocol begin at `at`? That of the port may, another must leave no doubt. */
static enum tsm_probe detect_from(
	struct session *s, enum side side, struct view *v, const uint8_t *at)
{
	const struct dissector *hint = hinted(s->flow);
	struct view part = {at, v->end, v->cut, false};
	struct verdict found;

	if (at <= v->p || at >= v->end)
		return PROBE_NO;
	found = recognise(s->shard->engine, s->flow, hint, side, part);
	if (found.d && found.d != hint) {
		enum side sender = found.r == PROBE_SWAPPED ? !side : side;
		enum tsm_probe r = sure_of(s, found.d, sender, part);

		if (r != PROBE_YES)
			found = (struct verdict){NULL, r, true};
	}
	if (found.r != PROBE_NO)
		*v = part;
	return settle_on(s, &found);
}

/*
 * Of a side whose beginning was not captured nobody is sure of the front of v: what came now may be
 * the beginning, and what was kept the end of something.
 */
static enum tsm_probe detect_midway(
	struct session *s, enum side side, struct view *v, enum tsm_probe whole)
{
	const struct reading *r = reading_of(s);
	const uint8_t *now = r->base + (r->now_offset - r->base_offset),
		      *turn = sync_turn_in(s, side);
	struct view by_turn = *v, by_now = *v, behind = *v;
	enum tsm_probe p;

	p = turn ? detect_from(s, side, &by_turn, turn) : PROBE_NO;
	if (whole == PROBE_NO || is_sure(p)) {
		*v = by_turn;
		whole = p;
	}
	if (is_sure(whole))
		return whole;
	p = now != turn ? detect_from(s, side, &by_now, now) : PROBE_NO;
	if (is_sure(p)) {
		*v = by_now;
		return p;
	}
	p = detect_behind(s, side, &behind);
	if (is_sure(p) || whole == PROBE_NO) {
		*v = behind;
		whole = p;
	}
	return whole;
}

/* Was all captured that the side has sent so far? Then what nobody knew from its front is not
 * theirs further on. */
static bool seen_whole(const struct session *s, enum side side)
{
	const struct flow *f = s->flow;
	unsigned dir = side == SIDE_CLIENT ? flow_client(f) : !flow_client(f);

	return !(f->flags & FLOW_MIDWAY) && flow_said(f, dir)->flags & FS_SYN &&
	       !(f->ext && f->ext->side[dir].gaps);
}

enum tsm_probe recognise_in(struct session *s, enum side side, struct view *v, bool *pass)
{
	const struct reading *r = reading_of(s);
	bool midway = !tsm_from_start(s, side) && !seen_whole(s, side);
	enum tsm_probe p;

	*pass = true;
	if (s->turn_of == side) {
		if (!midway || s->tried > BEHIND_ALL)
			return PROBE_NO;
		s->tried += (uint32_t)(r->base_offset + view_len(v) - r->now_offset);
	}
	p = recognise_at(s, side, *v);
	*pass = p == PROBE_NO;
	if (!midway)
		return p;
	if (!is_sure(p))
		p = detect_midway(s, side, v, p);
	if (is_sure(p)) /* it speaks for itself */
		s->side[p == PROBE_SWAPPED ? !side : side].turn =
			r->base_offset + (uint64_t)(v->p - r->base);
	return p;
}

static unsigned most_turns(const struct flow *f)
{
	if (hinted(f))
		return TURNS_MAX;
	return f->flags & FLOW_MIDWAY ? FLOW_TRIES_MAX : FLOW_TRIES_START;
}

bool recognise_failed(struct session *s, enum side side)
{
	if (s->turn_of == side)
		return true;
	s->turn_of = (uint8_t)side;
	return ++s->turns < most_turns(s->flow);
}

void recognise_after_gap(struct session *s)
{
	/* Where every segment has one (a snap length) they must not use up what turns are for. */
	if (s->turns < most_turns(s->flow) / 2)
		s->turn_of = 2;
}

/*
 * Nothing more comes, and what came could be the hinted dissector's, though nobody is sure: the
 * port decides, as of a datagram.
 */
bool recognise_by_port(struct session *s, enum side side)
{
	const struct dissector *hint = hinted(s->flow);
	const struct session_side *x = &s->side[side];

	if (s->d || !x->len || s->flow->proto != IP_PROTO_TCP || !hint || !hint->probe ||
		!hint->data || ask(hint, s->flow, side, view_of(x->buf, x->len, 0)) != PROBE_MAYBE)
		return false;
	session_set(s, hint);
	return true;
}
