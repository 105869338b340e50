/*
 * nest_calls.c - whose a call is that may be of several (nest.h): a server that waits for one call
 * seldom makes another meanwhile.
 */
#include "model/nest_impl.h"
#include <string.h>

#define DEPTH 3u /* calls that are passed on for the sake of one */

/* What a wait has of calls that are under way at this time; of the latest ones, so many are looked
   at. */
static uint64_t calls_at(const struct nest *n, const struct item *p, uint64_t time)
{
	uint64_t all = 0;
	unsigned looked = 0;

	for (uint32_t k = p->links; k != NONE && looked < CALLS; k = n->links[k].next, looked++)
		if (n->links[k].start <= time && n->links[k].end > time)
			all += n->links[k].weight;
	return all;
}

/* What of a call that begins now it can have beside them. */
static uint64_t unoccupied(const struct nest *n, const struct item *p, uint64_t time)
{
	uint64_t all = calls_at(n, p, time);

	return all < NEST_ONE ? NEST_ONE - all : 0;
}

/*
 * A server that waits for one call seldom makes another meanwhile: of those that hold a call whole
 * it is theirs that wait for nothing yet, as far as there are any.
 */
void nest_prefer_unoccupied(const struct nest *n, struct candidates *c, uint64_t time)
{
	uint64_t room[LOOK], all = 0;
	unsigned left = 0;

	for (unsigned i = 0; i < c->n; i++) {
		room[i] = unoccupied(n, &n->items[c->parent[i]], time);
		all += room[i];
	}
	if (all < NEST_ONE / 2)
		return;
	for (unsigned i = 0; i < c->n; i++) {
		if (room[i] < NEST_ONE / 64)
			continue;
		c->parent[left] = c->parent[i];
		c->weight[left++] = room[i];
	}
	c->n = left;
	c->sum = 0;
	for (unsigned i = 0; i < left; i++)
		c->sum += c->weight[i];
}

#define SOON UINT64_C(2000000) /* ns from a call's answer to that of whoever hands it on */

void nest_prefer_answered(const struct nest *n, const struct item *x, struct candidates *c)
{
	uint64_t least = UINT64_MAX, gap[LOOK];
	unsigned left = 0;

	c->sum = 0;
	for (unsigned i = 0; i < c->n; i++) {
		uint64_t end = n->items[c->parent[i]].w.end;

		gap[i] = end > x->w.end ? end - x->w.end : 0;
		least = gap[i] < least ? gap[i] : least;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (gap[i] <= SOON || gap[i] / 4 <= least) {
			c->parent[left] = c->parent[i];
			c->weight[left] = c->weight[i];
			c->sum += c->weight[left++];
		} else if (c->nrest < NEST_PARENTS) {
			c->rest[c->nrest++] = c->parent[i];
		}
	c->n = left;
}

/* What a wait has too much of calls at this time, as it can be in one only. */
static uint64_t too_much(const struct nest *n, const struct item *p, uint64_t time)
{
	uint64_t all = calls_at(n, p, time);

	return all > NEST_ONE ? all - NEST_ONE : 0;
}

/* The link of a wait to this child; NONE: there is none. */
static uint32_t link_of(const struct nest *n, const struct item *p, uint32_t child)
{
	uint32_t k = p->links;

	for (unsigned steps = 0; k != NONE && steps < CALLS; steps++, k = n->links[k].next)
		if (n->links[k].item == child)
			return k;
	return NONE;
}

/* Of the calls that were under way at this time, and may be others', the one with the latest end
   before `end`; NONE: there is none. Fewest others can have it. */
static uint32_t latest_shared(
	const struct nest *n, const struct item *p, uint64_t time, uint64_t end, uint32_t but)
{
	uint32_t latest = NONE, k = p->links;

	for (unsigned looked = 0; k != NONE && looked < CALLS; looked++, k = n->links[k].next) {
		const struct nest_link *l = &n->links[k];

		if (l->start <= time && l->end > time && l->end < end && l->weight &&
			l->weight < NEST_ONE && l->item != NONE && l->item != but &&
			(latest == NONE || l->end > n->links[latest].end))
			latest = k;
	}
	return latest;
}

/*
 * What a wait has too much of calls is of such as may be others': first to those with room for it,
 * then to those that can pass on one of their own. but: the call that stays; steps: those left.
 */
static void occupy(struct nest *n, struct item *p, uint64_t time, uint32_t but, unsigned depth,
	unsigned *steps)
{
	for (int pass = 0; pass < 2; pass++) {
		uint64_t end = UINT64_MAX, more;
		uint32_t k;

		while ((more = too_much(n, p, time)) != 0 &&
			(k = latest_shared(n, p, time, end, but)) != NONE) {
			struct nest_link *l = &n->links[k];
			unsigned looked = 0;

			end = l->end;
			for (uint32_t i = *bucket(n, &p->w.server);
				i != NONE && looked++ < LOOK && l->weight && more && *steps;
				i = n->items[i].next) {
				struct item *q = &n->items[i];
				uint32_t its = q == p ? NONE : link_of(n, q, l->item);
				uint64_t give = l->weight < more ? l->weight : more;

				(*steps)--;
				if (its == NONE || (pass && !depth))
					continue;
				if (!pass && give > unoccupied(n, q, time))
					give = unoccupied(n, q, time);
				n->links[its].weight += (uint32_t)give;
				l->weight -= (uint32_t)give;
				if (pass)
					occupy(n, q, time, l->item, depth - 1, steps);
				more = too_much(n, p, time);
			}
		}
	}
}

void nest_occupy(struct nest *n, uint32_t parent, uint32_t child, unsigned *steps)
{
	struct item *p = &n->items[parent];

	occupy(n, p, n->links[p->links].start, child, DEPTH, steps);
}

#define MOSTLY (NEST_ONE / 4 * 3)
/* ns until who waits for another's call is answered: at once, or when it looks whether it is over.
 */
#define AT_ONCE UINT64_C(20000000)
#define POLLS   UINT64_C(600000000)

uint32_t nest_same_call(struct nest *n, uint32_t wait)
{
	const struct item *x = &n->items[wait];
	unsigned looked = 0;

	for (uint32_t i = *bucket(n, &x->w.server); x->w.object && i != NONE && looked++ < LOOK;
		i = n->items[i].next) {
		const struct item *p = &n->items[i];
		unsigned links = 0;

		if (p->w.object != x->w.object || p->name != x->name)
			continue;
		for (uint32_t k = p->links; k != NONE && links++ < CALLS; k = n->links[k].next)
			if (n->links[k].item != NONE && n->links[k].start <= x->w.begin &&
				n->links[k].end > x->w.begin && n->links[k].alike)
				return n->links[k].item;
	}
	return NONE;
}

/* Others that could have made the call, too, are answered with this wait when it is over. */
static bool answered_together(struct nest *n, const struct item *x, const struct nest_link *l)
{
	unsigned looked = 0;
	bool any = false;

	for (uint32_t i = *bucket(n, &x->w.server); i != NONE && looked++ < LOOK;
		i = n->items[i].next) {
		const struct item *y = &n->items[i];
		uint32_t its = y->w.object != x->w.object || y->name != x->name ||
					       y->w.end > l->end + AT_ONCE
				       ? NONE
				       : link_of(n, y, l->item);

		if (y == x || its == NONE)
			continue;
		n->links[its].more = NEST_ONE - n->links[its].weight;
		any = true;
	}
	return any;
}

void nest_share_call(struct nest *n, uint32_t wait)
{
	const struct item *x = &n->items[wait];
	struct nest_link *best = NULL;
	uint64_t all = 0;

	for (uint32_t k = x->links; k != NONE; k = n->links[k].next) {
		struct nest_link *l = &n->links[k];

		all += l->weight;
		if (l->item != NONE && l->alike && l->end <= x->w.end &&
			l->end + (l->weight ? AT_ONCE : POLLS) >= x->w.end &&
			(!best || l->start > best->start))
			best = l;
	}
	if (best && !best->more && all < MOSTLY &&
		(best->weight ? answered_together(n, x, best) : !all))
		best->more = NEST_ONE - best->weight;
}

void nest_over(struct nest *n, const struct item *x)
{
	if (x->w.object)
		n->over[x->w.object % OVER] = (struct over){x->w.server, x->w.object, x->w.end};
}

bool nest_renews(const struct nest *n, const struct item *call, uint64_t time)
{
	const struct over *o = &n->over[call->w.object % OVER];

	return call->w.object && o->object == call->w.object && time >= o->end &&
	       time - o->end <= AT_ONCE &&
	       memcmp(&o->server, &call->w.client, sizeof(o->server)) == 0;
}

void nest_made(struct nest *n, const struct item *x, uint32_t parent)
{
	n->made[x->w.flow % MADE] =
		(struct made){x->w.flow, x->w.end, n->items[parent].w.begin, parent};
}

uint32_t nest_maker(const struct nest *n, const struct item *x)
{
	const struct made *m = &n->made[x->w.flow % MADE];
	const struct item *p = &n->items[m->parent];

	return x->w.flow && m->flow == x->w.flow && x->w.begin >= m->end &&
			       x->w.begin - m->end <= SOON && p->active && p->w.begin == m->begin &&
			       p->w.end >= x->w.end &&
			       memcmp(&p->w.server, &x->w.client, sizeof(p->w.server)) == 0
		       ? m->parent
		       : NONE;
}
