/* nest.c - see nest.h: from waits to events in the order of time, parents for them, and accounts.
 */
#include "model/nest_impl.h"
#include "base/mem.h"
#include "model/directions.h"
#include <stdlib.h>
#include <string.h>

#define LONG   UINT64_C(500000000) /* ns */
#define CLOSES UINT64_C(20000000)  /* until a caller that gave up has closed, at most */

enum event_kind { PARENT_START, CHILD_START, PARENT_END };

struct edge {
	uint64_t time;
	uint32_t link; /* its place in the parent's */
	bool ends;
};

struct spell { /* a link while its parent is closed */
	uint32_t link;
	uint64_t time; /* ns of the parent's that are its child's */
};

struct nest *nest_new(uint32_t events, nest_parent *parent, void *arg)
{
	struct nest *n = xcalloc(1, sizeof(*n));

	n->most = events;
	n->parent = parent;
	n->arg = arg;
	hash_key_draw(&n->key);
	memset(n->host, 0xff, sizeof(n->host));
	n->free_item = n->free_link = n->free_node = NONE;
	n->directions = directions_new();
	return n;
}

/* Only where there is something to hold back. What is not used yet is not touched. */
static void set_up(struct nest *n)
{
	agenda_init(&n->agenda);
	n->items = xmalloc(ITEMS * sizeof(*n->items));
	n->links = xmalloc(LINKS * sizeof(*n->links));
	n->nodes = xmalloc(NODES * sizeof(*n->nodes));
	n->same = same_host_new();
}

void nest_free(struct nest *n)
{
	if (!n)
		return;
	directions_free(n->directions);
	same_host_free(n->same);
	agenda_release(&n->agenda);
	free(n->items);
	free(n->links);
	free(n->nodes);
	free(n->edges);
	free(n->spells);
	free(n);
}

uint64_t nest_hash(const struct nest *n, const void *p, size_t len)
{
	return hash_bytes(&n->key, 1, p, len) | 1;
}

_Static_assert(ITEMS <= 1u << EVENT_ITEM, "an item's place fits an event");

static void push(struct nest *n, uint64_t time, enum event_kind kind, uint32_t index)
{
	agenda_put(&n->agenda, time, (uint64_t)kind << 62 | n->numbers++ << EVENT_ITEM | index);
}

void nest_take_out(struct nest *n, uint64_t flow)
{
	n->apart[flow % APART] = flow;
}

static bool apart(const struct nest *n, uint64_t flow)
{
	return flow && n->apart[flow % APART] == flow;
}

/* Nodes. */

static void nodes_free(struct nest *n, struct item *x)
{
	uint32_t *last = &x->nodes;

	while (*last != NONE)
		last = &n->nodes[*last].next;
	*last = n->free_node;
	n->free_node = x->nodes;
	x->nodes = NONE;
}

/* More ns of a cell. Where there is no room for a node the wait's first one has them. */
static void nodes_add(struct nest *n, struct item *x, struct cell *cell, uint64_t ns)
{
	uint32_t i = x->nodes, at;

	if (!ns)
		return;
	for (; i != NONE; i = n->nodes[i].next)
		if (n->nodes[i].cell == cell) {
			n->nodes[i].ns += ns;
			return;
		}
	at = n->free_node;
	if (at == NONE && n->nnodes == NODES) {
		if (x->nodes != NONE)
			n->nodes[x->nodes].ns += ns;
		return;
	}
	if (at == NONE)
		at = n->nnodes++;
	else
		n->free_node = n->nodes[at].next;
	n->nodes[at] = (struct node){cell, ns, x->nodes};
	x->nodes = at;
}

/* What it was part of is known. */
static void settled(const struct nest *n, const struct item *x)
{
	for (uint32_t i = x->nodes; i != NONE; i = n->nodes[i].next)
		account_settle(&(struct share){n->nodes[i].cell, n->nodes[i].ns}, false);
}

/* It does not count. */
static void withdraw(const struct nest *n, const struct item *x)
{
	for (uint32_t i = x->nodes; i != NONE; i = n->nodes[i].next)
		account_withdraw(&(struct share){n->nodes[i].cell, n->nodes[i].ns});
}

/* Nothing in front has any of it. */
static void felt(struct nest *n, const struct item *x)
{
	for (uint32_t i = x->nodes; i != NONE; i = n->nodes[i].next)
		n->nodes[i].cell->felt += n->nodes[i].ns;
}

/* Items. */

static void item_free(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];

	nodes_free(n, x);
	x->next = n->free_item;
	n->free_item = i;
}

/* One that is over, and that no parent waits for. */
static void let_go(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];

	if (x->closed && !x->active && !x->refs)
		item_free(n, i);
}

static bool link_to(struct nest *n, uint32_t parent, uint32_t child, uint32_t weight,
	const struct candidates *c)
{
	uint32_t at = n->free_link;
	struct item *p = &n->items[parent], *x = &n->items[child];

	if (at == NONE && n->nlinks == n->most)
		return false;
	if (at == NONE)
		at = n->nlinks++;
	else
		n->free_link = n->links[at].next;
	n->links[at] = (struct nest_link){.start = x->w.start,
		.alike = c->alike,
		.end = x->w.end,
		.service = x->w.service,
		.digest = x->w.digest,
		.digest_id = x->w.digest_id,
		.weight = weight,
		.item = p->closed ? NONE : child,
		.next = p->links,
		.class = x->w.class,
		.by_id = c->by_id,
		.sure = c->n <= NEST_PARENTS && !c->more};
	p->links = at;
	x->refs += !p->closed;
	return true;
}

static void begin(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];
	uint32_t *first = bucket(n, &x->w.server), same = nest_same_call(n, i);

	x->active = true;
	x->prev = NONE;
	x->next = *first;
	if (*first != NONE)
		n->items[*first].prev = i;
	*first = i;
	if (same != NONE)
		link_to(n, i, same, 0, &(struct candidates){.n = 1, .alike = true});
}

static uint64_t part(uint64_t a, uint64_t b, uint64_t whole)
{
	return (uint64_t)((hash_product)a * b / whole);
}

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static void make_room(struct nest *n, size_t links)
{
	if (links <= n->room)
		return;
	n->room = links * 2;
	n->edges = xrealloc(n->edges, n->room * 2 * sizeof(*n->edges));
	n->spells = xrealloc(n->spells, n->room * sizeof(*n->spells));
}

static uint64_t span_of(const struct nest_link *l)
{
	return (uint64_t)l->weight + l->more;
}

/* Each span of time is shared among those that are open in it; what is left is nobody's. */
static void share_time(struct nest *n, size_t nedges)
{
	uint32_t open[LOOK];
	unsigned nopen = 0;
	uint64_t all = 0;

	qsort(n->edges, nedges, sizeof(*n->edges), by_time);
	for (size_t i = 0; i < nedges; i++) {
		const struct edge *e = &n->edges[i];
		uint64_t span = i ? e->time - n->edges[i - 1].time : 0;
		unsigned k = 0;

		for (unsigned o = 0; o < nopen && span; o++)
			n->spells[open[o]].time +=
				part(span, span_of(&n->links[n->spells[open[o]].link]),
					all < NEST_ONE ? NEST_ONE : all);
		while (k < nopen && open[k] != e->link)
			k++;
		if (!e->ends && nopen < LOOK) {
			open[nopen++] = e->link;
			all += span_of(&n->links[n->spells[e->link].link]);
		} else if (e->ends && k < nopen) {
			all -= span_of(&n->links[n->spells[e->link].link]);
			open[k] = open[--nopen];
		}
	}
}

static void close_item(struct nest *n, uint32_t i);

/* The time of a parent that is a child's, as that spent it. */
static void take_over(struct nest *n, struct item *x, const struct item *child, uint64_t ns)
{
	struct cell *first = NULL;
	uint64_t given = 0;

	for (uint32_t i = child->nodes; i != NONE; i = n->nodes[i].next) {
		uint64_t its = part(n->nodes[i].ns, ns, child->total);

		first = first ? first : n->nodes[i].cell;
		nodes_add(n, x, n->nodes[i].cell, its);
		given += its;
	}
	nodes_add(n, x, first, ns - given);
}

/* A child that waits on purpose has nothing of a parent that does not. */
static bool on_purpose(const struct nest *n, uint32_t child, const struct cell *of)
{
	uint32_t i = n->items[child].nodes;

	while (i != NONE && n->nodes[i].cell->class != CLASS_IDLE)
		i = n->nodes[i].next;
	return i != NONE && of->class < CLASS_IDLE;
}

/* Nobody waits in one that waits on purpose for a question that is open: it may be as idle. */
static bool may_be_idle(const struct nest *n, uint32_t child, const struct cell *of)
{
	return n->items[child].w.if_nested && of->class == CLASS_IDLE;
}

/* What the server of a wait waited for goes to those it asked. */
static void close_item(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];
	uint32_t own = x->nodes;
	uint64_t sum = 0, server;
	size_t links = 0, nedges = 0;

	x->closed = true;
	if (!apart(n, x->w.flow))
		settled(n, x);
	while (own != NONE && n->nodes[own].cell->entry != LEDGER_SERVER)
		own = n->nodes[own].next;
	server = own == NONE ? 0 : n->nodes[own].ns;
	for (uint32_t k = x->links; k != NONE; k = n->links[k].next)
		if (n->links[k].item != NONE && !n->items[n->links[k].item].closed)
			close_item(n, n->links[k].item);
	if (server)
		nest_share_call(n, i);
	for (uint32_t k = x->links; k != NONE; k = n->links[k].next) {
		const struct nest_link *l = &n->links[k];
		uint64_t from = l->start > x->w.asked ? l->start : x->w.asked;
		uint64_t till = l->end < x->w.end ? l->end : x->w.end;

		if (l->item == NONE || !n->items[l->item].total || from >= till || !span_of(l) ||
			(server && (on_purpose(n, l->item, n->nodes[own].cell) ||
					   may_be_idle(n, l->item, n->nodes[own].cell))))
			continue;
		make_room(n, links + 1);
		n->spells[links] = (struct spell){k, 0};
		n->edges[nedges++] = (struct edge){from, (uint32_t)links, false};
		n->edges[nedges++] = (struct edge){till, (uint32_t)links, true};
		links++;
	}
	if (links && server)
		share_time(n, nedges);
	for (size_t k = 0; k < links; k++)
		sum += n->spells[k].time;
	for (size_t k = 0; k < links && sum; k++) {
		uint64_t its = n->spells[k].time;

		its = sum > server ? part(its, server, sum) : its;
		if (!its)
			continue;
		n->nodes[own].ns -= its;
		n->nodes[own].cell->moved += its;
		take_over(n, x, &n->items[n->links[n->spells[k].link].item], its);
	}
	for (uint32_t k = x->links; k != NONE; k = n->links[k].next) {
		uint32_t child = n->links[k].item;

		n->links[k].item = NONE;
		if (child == NONE)
			continue;
		n->items[child].refs--;
		let_go(n, child);
	}
	if (!x->nested && !apart(n, x->w.flow))
		felt(n, x);
}

static void finish(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];
	uint32_t *last = &x->links;

	if (x->prev != NONE)
		n->items[x->prev].next = x->next;
	else
		*bucket(n, &x->w.server) = x->next;
	if (x->next != NONE)
		n->items[x->next].prev = x->prev;
	x->active = false;
	if (!x->closed)
		close_item(n, i);
	nest_over(n, x);
	if (x->w.digest && n->parent && !apart(n, x->w.flow))
		n->parent(n->arg, &x->w, n->links, x->links);
	while (*last != NONE)
		last = &n->links[*last].next;
	*last = n->free_link;
	n->free_link = x->links;
	x->links = NONE;
	let_go(n, i);
}

/* Parents. */

static bool same_id(const struct nest_ids *a, const struct nest_ids *b)
{
	return (a->trace && a->trace == b->trace) || (a->request && a->request == b->request);
}

/* Is the child most of it, as with a proxy's? */
static bool fills(const struct item *p, const struct item *x)
{
	return x->w.end - x->w.start >= (p->w.end - p->w.begin) / 4 * 3;
}

/* Is it over when its parent is? Who gives up a call may tell so first, and close it then. */
static bool holds(const struct item *p, const struct item *x)
{
	return p->w.end + (x->w.open ? CLOSES : 0) >= x->w.end;
}

/*
 * Those that hold the child whole come first, of these those that ask for the same as a proxy hands
 * on, and those that it fills. Of a child that
 * lasts longer the parent cannot have had an answer by it.
 */
static void consider(struct candidates *c, uint32_t i, const struct item *p, const struct item *x)
{
	bool whole = holds(p, x), sure = p->w.caller != NEST_MAY_CALL;
	bool open = !whole && !x->w.guessed && p->w.open;
	bool same = x->w.object && x->w.object == p->w.object;

	if (sure != c->sure)
		c->n = sure ? 0 : c->n;
	else if (whole != c->whole)
		c->n = whole ? 0 : c->n;
	else if (same != c->same)
		c->n = same ? 0 : c->n;
	else if (open != c->open)
		c->n = open ? 0 : c->n;
	if (c->n == 0) {
		c->sure = sure;
		c->whole = whole;
		c->same = same;
		c->open = open;
		c->sum = 0;
	} else if (sure != c->sure || whole != c->whole || same != c->same || open != c->open) {
		return;
	}
	c->parent[c->n] = i;
	c->weight[c->n] = whole ? 1 : p->w.end - x->w.begin;
	c->sum += c->weight[c->n];
	c->n++;
}

/* Does b do its part of a's work? */
static bool inside(const struct nest *n, const struct item *a, const struct item *b)
{
	return a->name != b->name && b->w.begin >= a->w.begin && b->w.end <= a->w.end &&
	       directions_does(n->directions, a->name, b->name);
}

/* Of several tiers at one host the last one began it. */
static void innermost(const struct nest *n, struct candidates *c)
{
	unsigned left = 0, same = 1;

	while (same < c->n && n->items[c->parent[same]].name == n->items[c->parent[0]].name)
		same++;
	if (same == c->n)
		return;
	for (unsigned i = 0; i < c->n; i++) {
		unsigned k = 0;

		while (k < c->n && !inside(n, &n->items[c->parent[i]], &n->items[c->parent[k]]))
			k++;
		c->fit[i] = k == c->n;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (c->fit[i])
			c->parent[left++] = c->parent[i];
	c->sum = c->n = left;
}

/* A parent's time without the child that fills it: begun at once, and answered at once. */
static uint64_t slack(const struct item *p, const struct item *x)
{
	uint64_t start = x->w.start > p->w.begin ? x->w.start : p->w.begin;

	return start - p->w.begin + (p->w.end > x->w.end ? p->w.end - x->w.end : 0);
}

#define AS_CLOSE 4u /* as many times the least is as near */

/* Of several that the child fills those that it fills best, of those that have room for it. */
static void tightest(const struct nest *n, const struct item *x, struct candidates *c)
{
	uint64_t least = UINT64_MAX, room = 0;
	unsigned left = 0;

	for (unsigned i = 0; i < c->n; i++)
		room = c->weight[i] > room ? c->weight[i] : room;
	for (unsigned i = 0; i < c->n; i++) {
		const struct item *p = &n->items[c->parent[i]];

		c->fit[i] = c->weight[i] >= room / 2 && fills(p, x);
		if (c->fit[i] && slack(p, x) < least)
			least = slack(p, x);
	}
	if (least == UINT64_MAX)
		return;
	c->sum = 0;
	for (unsigned i = 0; i < c->n; i++) {
		if (!c->fit[i] || slack(&n->items[c->parent[i]], x) / AS_CLOSE > least)
			continue;
		c->parent[left] = c->parent[i];
		c->weight[left] = c->weight[i];
		c->sum += c->weight[left++];
	}
	c->n = left;
}

static bool alike(const struct item *a, const struct item *b)
{
	return a->w.object && a->w.object == b->w.object && a->name == b->name;
}

/* Whose of those under way at this time it can be. */
static void find_parents(struct nest *n, const struct item *x, uint64_t time, struct candidates *c)
{
	unsigned looked = 0;
	uint32_t maker = nest_maker(n, x);

	c->n = c->nrest = 0;
	c->sum = 0;
	c->sure = c->whole = c->same = c->open = c->by_id = c->more = false;
	if (maker != NONE) {
		c->parent[0] = maker;
		c->weight[0] = c->sum = c->n = 1;
		c->whole = true;
		return;
	}
	for (uint32_t i = *bucket(n, &x->w.client); i != NONE; i = n->items[i].next) {
		const struct item *p = &n->items[i];

		if (looked++ == LOOK) {
			c->more = true;
			break;
		}
		if (p->name == x->name || apart(n, p->w.flow) ||
			memcmp(&p->w.server, &x->w.client, sizeof(p->w.server)) != 0)
			continue;
		if (x->w.caller)
			directions_seen(n->directions, p->name, x->name);
		if (same_id(&p->w.ids, &x->w.ids)) {
			c->parent[0] = i;
			c->weight[0] = c->sum = c->n = 1;
			c->by_id = true;
			c->more = false;
			return;
		}
		if (!x->w.caller || directions_can(n->directions, p->name, x->name))
			consider(c, i, p, x);
	}
	if (c->n > 1 && c->whole) {
		innermost(n, c);
		if (c->n > 1)
			nest_prefer_unoccupied(n, c, time);
		if (c->n > 1 && c->same)
			nest_prefer_answered(n, x, c);
		if (c->n > 1)
			tightest(n, x, c);
	}
	c->alike = c->n > 0;
	for (unsigned i = 0; i < c->n; i++)
		c->alike = c->alike && alike(&n->items[c->parent[0]], &n->items[c->parent[i]]);
}

/* It is theirs who may have begun it, by their weights. */
static void adopt(struct nest *n, uint32_t child, const struct candidates *c)
{
	struct item *x = &n->items[child];
	uint64_t given = 0;
	unsigned linked, steps = STEPS;

	if (x->w.connects && c->n == 1 && c->whole)
		nest_made(n, x, c->parent[0]);
	for (linked = c->n; linked > 0; linked--) {
		unsigned i = linked - 1;
		/* What does not divide is the latest one's. */
		uint64_t w = i && c->sum ? part(NEST_ONE, c->weight[i], c->sum) : NEST_ONE - given;

		given += w;
		if (!link_to(n, c->parent[i], child, (uint32_t)w, c)) {
			n->unsettled++;
			break;
		}
	}
	for (unsigned i = linked; i < c->n && c->whole && !c->by_id; i++)
		nest_occupy(n, c->parent[i], child, &steps);
	for (unsigned i = 0; i < c->nrest && c->alike; i++)
		if (alike(&n->items[c->parent[0]], &n->items[c->rest[i]]))
			link_to(n, c->rest[i], child, 0, c);
}

/*
 * What it is a part of. Its connection is looked at first, when that is begun: whoever began it has
 * no other call then, and may be one of very many when the connection is made at last. One that was
 * made before it was needed is nobody's yet.
 */
static void settle(struct nest *n, uint32_t child, uint64_t time)
{
	struct item *x = &n->items[child];
	struct candidates c;

	c.n = 0;
	c.more = c.whole = c.by_id = false;
	if (!apart(n, x->w.flow))
		find_parents(n, x, time, &c);
	if (time < x->w.begin && !c.whole && !c.by_id) {
		push(n, x->w.begin, CHILD_START, child);
		return;
	}
	x->nested = c.n > 0 || nest_renews(n, x, time);
	n->unsettled += c.n > NEST_PARENTS || c.more;
	if (c.n)
		adopt(n, child, &c);
	if (x->w.caller)
		return;
	x->closed = true;
	if (!x->nested && x->w.if_nested)
		withdraw(n, x);
	else if (!apart(n, x->w.flow)) {
		settled(n, x);
		if (!x->nested)
			felt(n, x);
	}
	let_go(n, child);
}

static void step(struct nest *n, struct event e)
{
	uint32_t index = e.order & ((1u << EVENT_ITEM) - 1);

	n->swept = e.time;
	switch ((enum event_kind)(e.order >> 62)) {
	case PARENT_START:
		begin(n, index);
		break;
	case CHILD_START:
		settle(n, index, e.time);
		break;
	case PARENT_END:
		finish(n, index);
		break;
	}
}

/* A server's, which asks others, as is known now. */
static void can_call(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];

	if (x->w.caller || !x->could || x->w.begin < n->swept || n->agenda.n + 8 > n->most)
		return;
	x->w.caller = x->could;
	n->ncallers++;
	push(n, x->w.begin, PARENT_START, i);
	push(n, x->w.end, PARENT_END, i);
}

/* What is held back is looked at under the addresses that are known to be of one host now. */
static void learn(struct nest *n, bool finally)
{
	const struct addr *of;

	if (!n->same || !same_host_due(n->same, finally) || !same_host_look(n->same))
		return;
	for (unsigned k = 0; k < same_host_known(n->same); k++) {
		same_host_at(n->same, k, &of);
		n->asks[bucket(n, of) - n->host] = true;
	}
	for (uint32_t i = 0; i < n->nitems; i++) {
		struct item *x = &n->items[i];

		if (x->closed || x->active)
			continue;
		x->w.client = *same_host(n->same, &x->w.client);
		if (n->asks[bucket(n, &x->w.server) - n->host])
			can_call(n, i);
	}
}

void nest_finish(struct nest *n)
{
	learn(n, true);
	while (n->agenda.n)
		step(n, agenda_take(&n->agenda));
}

static uint32_t item_new(struct nest *n)
{
	uint32_t i = n->free_item;

	if (i == NONE)
		return n->nitems < ITEMS ? n->nitems++ : NONE;
	n->free_item = n->items[i].next;
	return i;
}

/* A wait that began before what was gone through already: whatever it called is settled. */
static void add_late(struct nest *n, uint32_t i)
{
	struct item *x = &n->items[i];

	n->late += x->w.caller != NEST_LEAF;
	x->w.caller = NEST_LEAF;
	settle(n, i, x->w.begin);
}

void nest_add(
	struct nest *n, const struct nest_wait *w, const struct share *shares, unsigned nshares)
{
	uint32_t i, most;
	struct item *x;

	if (!n->items)
		set_up(n);
	if (w->end > n->newest)
		n->newest = w->end;
	i = item_new(n);
	while (i == NONE && n->agenda.n) { /* parents that last hold many */
		step(n, agenda_take(&n->agenda));
		i = item_new(n);
	}
	if (i == NONE)
		return;
	x = &n->items[i];
	*x = (struct item){.w = *w, .nodes = NONE, .links = NONE, .could = (uint8_t)w->caller};
	x->name = directions_name(n->directions, &w->server, w->port);
	x->w.client = *same_host(n->same, &w->client);
	n->asks[bucket(n, &x->w.client) - n->host] = true;
	/* Its children have come before it, but for such as went on without it, and such as nobody
	   answered, which are told of late: a server waits long for these. */
	if (w->caller != NEST_SURE && (w->caller != NEST_CALLER || w->own < LONG) &&
		!n->asks[bucket(n, &w->server) - n->host])
		x->w.caller = NEST_LEAF;
	for (unsigned k = 0; k < nshares; k++)
		nodes_add(n, x, shares[k].cell, shares[k].ns);
	for (uint32_t k = x->nodes; k != NONE; k = n->nodes[k].next)
		x->total += n->nodes[k].ns;
	if (w->begin < n->swept) {
		add_late(n, i);
		return;
	}
	if (same_host_wants(n->same))
		same_host_add(n->same, w, w->caller != NEST_LEAF);
	else
		same_host_pass(n->same);
	n->ncallers += x->w.caller != NEST_LEAF;
	if (x->w.caller)
		push(n, w->begin, PARENT_START, i);
	push(n, w->start > n->swept ? w->start : w->begin, CHILD_START, i);
	if (x->w.caller)
		push(n, w->end, PARENT_END, i);
	learn(n, false);
	most = n->ncallers || n->most < FEW ? n->most - 4 : FEW;
	while (n->agenda.n > most ||
		(n->newest > HOLD && agenda_is_older(&n->agenda, n->newest - HOLD)))
		step(n, agenda_take(&n->agenda));
}

bool nest_can_call(const struct nest *n, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port)
{
	return directions_can(n->directions, directions_name(n->directions, from, from_port),
		directions_name(n->directions, to, to_port));
}

const struct addr *nest_host(const struct nest *n, const struct addr *a)
{
	return n->same ? same_host(n->same, a) : a;
}

bool nest_gone_by(const struct nest *n, uint64_t time)
{
	return time < n->swept;
}

uint64_t nest_unsettled(const struct nest *n)
{
	return n->unsettled;
}

uint64_t nest_late(const struct nest *n)
{
	return n->late;
}
