/* tiers.c - see tiers.h: from records to events in the order of time, and parents for calls. */
#include "model/tiers.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/directions.h"
#include "model/tiers_impl.h"
#include <stdlib.h>
#include <string.h>

#define PARENTS (TIERS_EVENTS / 2)
#define LINKS   TIERS_EVENTS
#define FEW     2048u /* held back before there is any request to a web server */
#define HOSTS   4096u /* buckets */
#define APART   4096u /* connections that were taken out last; a power of two */
#define LOOK    64u   /* requests under way at a host that are looked at for one call */
#define HOLD    UINT64_C(60000000000) /* ns that a record is held back at most */
#define NONE    UINT32_MAX

const char *const tier_names[TIER_CLASSES] = {
	"own", "MySQL", "NFS", "SMTP", "HTTP", "DNS", "other"};

struct ids {
	uint64_t trace, request; /* hashes; 0: none */
};

enum event_kind { PARENT_START, CALL_START, PARENT_END };

struct event { /* the least time first, then kind, then as they came */
	uint64_t time;
	uint64_t order; /* kind, then number */
	uint32_t index; /* of the parent, or the call */
};

struct call {
	struct addr host; /* that started it */
	uint64_t end, flow;
	struct ids ids;
	const struct digest *digest;
	const struct service *service;
	uint64_t to; /* directions_name(); 0: it cannot be in front of anything */
	uint32_t id; /* the digest's; it may have given way to another since */
	uint8_t class;
	uint32_t next; /* of those that are not in use */
};

struct parent {
	struct addr host; /* that handles it */
	uint64_t flow;
	uint64_t name; /* directions_name() */
	struct request q;
	struct ids ids;
	uint32_t links;      /* the first */
	uint32_t next, prev; /* under way in the same bucket, or not in use */
	bool active;
};

#define ID_FIELDS 4u /* dissectors that have them */

struct id_fields {
	const struct dissector *of;
	uint16_t trace, request; /* places in its table; VALUE_DEAD: none */
};

struct tiers {
	struct id_fields fields[ID_FIELDS];
	unsigned nfields;
	struct event *heap;
	uint32_t nevents, most; /* most: held back */
	uint64_t numbers;
	uint64_t newest, swept; /* the latest end of a record; the time gone through */
	struct call *calls;
	struct parent *parents;
	struct link *links;
	uint32_t free_call, free_parent, free_link; /* the first that came back */
	uint32_t ncalls, nparents, nlinks;          /* that were ever used */
	uint32_t host[HOSTS];                       /* requests under way, the latest first */
	struct hash_key key;
	struct directions *directions;
	struct tier_sums *sums;
	uint64_t unsettled, late;
	uint64_t apart[APART]; /* flows by their number */
};

struct tiers *tiers_new(uint32_t events)
{
	struct tiers *t = xcalloc(1, sizeof(*t));

	t->most = events;
	hash_key_draw(&t->key);
	memset(t->host, 0xff, sizeof(t->host));
	t->free_call = t->free_parent = t->free_link = NONE;
	t->directions = directions_new();
	t->sums = tier_sums_new();
	return t;
}

/* Only where there is something to hold back. What is not used yet is not touched. */
static void set_up(struct tiers *t)
{
	t->heap = xmalloc(TIERS_EVENTS * sizeof(*t->heap));
	t->calls = xmalloc(TIERS_EVENTS * sizeof(*t->calls));
	t->parents = xmalloc(PARENTS * sizeof(*t->parents));
	t->links = xmalloc(LINKS * sizeof(*t->links));
}

void tiers_free(struct tiers *t)
{
	if (!t)
		return;
	tier_sums_free(t->sums);
	directions_free(t->directions);
	free(t->heap);
	free(t->calls);
	free(t->parents);
	free(t->links);
	free(t);
}

static bool before(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void push(struct tiers *t, uint64_t time, enum event_kind kind, uint32_t index)
{
	struct event e = {time, (uint64_t)kind << 62 | t->numbers++, index};
	uint32_t at = t->nevents++;

	while (at && before(&e, &t->heap[(at - 1) / 2])) {
		t->heap[at] = t->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	t->heap[at] = e;
}

static struct event pop(struct tiers *t)
{
	struct event top = t->heap[0], e = t->heap[--t->nevents];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < t->nevents) {
		if (child + 1 < t->nevents && before(&t->heap[child + 1], &t->heap[child]))
			child++;
		if (!before(&t->heap[child], &e))
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = e;
	return top;
}

static uint32_t *bucket(struct tiers *t, const struct addr *host)
{
	return &t->host[hash_bytes(&t->key, 0, host, sizeof(*host)) % HOSTS];
}

void tiers_take_out(struct tiers *t, uint64_t flow_id)
{
	t->apart[flow_id % APART] = flow_id;
}

static bool apart(const struct tiers *t, uint64_t flow_id)
{
	return flow_id && t->apart[flow_id % APART] == flow_id;
}

static void begin(struct tiers *t, uint32_t i)
{
	struct parent *p = &t->parents[i];
	uint32_t *first = bucket(t, &p->host);

	p->active = true;
	p->prev = NONE;
	p->next = *first;
	if (*first != NONE)
		t->parents[*first].prev = i;
	*first = i;
}

static void finish(struct tiers *t, uint32_t i)
{
	struct parent *p = &t->parents[i];
	uint32_t *last = &p->links;

	if (p->prev != NONE)
		t->parents[p->prev].next = p->next;
	else
		*bucket(t, &p->host) = p->next;
	if (p->next != NONE)
		t->parents[p->next].prev = p->prev;
	if (!apart(t, p->flow))
		tier_sums_request(t->sums, &p->q, t->links, p->links);
	while (*last != NONE)
		last = &t->links[*last].next;
	*last = t->free_link;
	t->free_link = p->links;
	p->next = t->free_parent;
	t->free_parent = i;
}

static bool same_id(const struct ids *a, const struct ids *b)
{
	return (a->trace && a->trace == b->trace) || (a->request && a->request == b->request);
}

struct candidates {
	uint32_t parent[LOOK];
	uint64_t weight[LOOK], sum;
	bool inner[LOOK];
	unsigned n;
	bool whole; /* all of them hold the call whole: they have equal weights */
	bool by_id;
	bool more; /* there are too many to look at */
};

static void consider(struct candidates *c, uint32_t i, const struct parent *p,
	const struct call *call, uint64_t start)
{
	bool whole = p->q.end >= call->end;

	if (whole && !c->whole) {
		c->whole = true;
		c->n = 0;
		c->sum = 0;
	}
	if (!whole && c->whole)
		return;
	c->parent[c->n] = i;
	c->weight[c->n] = whole ? 1 : p->q.end - start;
	c->sum += c->weight[c->n];
	c->n++;
}

/* Does b do its part of a's work? */
static bool inside(const struct tiers *t, const struct parent *a, const struct parent *b)
{
	return a->name != b->name && b->q.start >= a->q.start && b->q.end <= a->q.end &&
	       directions_does(t->directions, a->name, b->name);
}

/* Of several tiers at one host the last one made the call. */
static void innermost(const struct tiers *t, struct candidates *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned k = 0;

		while (k < c->n && !inside(t, &t->parents[c->parent[i]], &t->parents[c->parent[k]]))
			k++;
		c->inner[i] = k == c->n;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (c->inner[i])
			c->parent[n++] = c->parent[i];
	c->sum = c->n = n;
}

/* Who of those under way can have made the call. */
static void find_parents(
	struct tiers *t, const struct call *call, uint64_t start, struct candidates *c)
{
	unsigned looked = 0;

	c->n = 0;
	c->sum = 0;
	c->whole = c->by_id = c->more = false;
	for (uint32_t i = *bucket(t, &call->host); i != NONE; i = t->parents[i].next) {
		const struct parent *p = &t->parents[i];

		if (looked++ == LOOK) {
			c->more = true;
			return;
		}
		if (p->q.service == call->service || apart(t, p->flow) ||
			memcmp(&p->host, &call->host, sizeof(p->host)) != 0)
			continue;
		if (call->to)
			directions_seen(t->directions, p->name, call->to);
		if (same_id(&p->ids, &call->ids)) {
			c->parent[0] = i;
			c->weight[0] = c->sum = c->n = 1;
			c->by_id = true;
			c->more = false;
			return;
		}
		if (!call->to || directions_can(t->directions, p->name, call->to))
			consider(c, i, p, call, start);
	}
	if (c->n > 1 && c->whole)
		innermost(t, c);
}

static bool link_to(struct tiers *t, uint32_t i, const struct call *call, uint64_t start,
	uint32_t weight, bool by_id)
{
	uint32_t at = t->free_link;

	if (at == NONE && t->nlinks == t->most)
		return false;
	if (at == NONE)
		at = t->nlinks++;
	else
		t->free_link = t->links[at].next;
	t->links[at] = (struct link){start, call->end, call->service, call->digest, call->id,
		weight, t->parents[i].links, call->class, by_id};
	t->parents[i].links = at;
	return true;
}

static uint64_t part(uint64_t a, uint64_t b, uint64_t whole)
{
	return (uint64_t)((hash_product)a * b / whole);
}

static void settle(struct tiers *t, uint32_t number, uint64_t start)
{
	struct call *call = &t->calls[number];
	struct candidates c;

	c.n = 0;
	c.more = false;
	if (!apart(t, call->flow))
		find_parents(t, call, start, &c);
	if (c.n > TIERS_PARENTS || c.more) {
		t->unsettled++;
	} else if (c.n) {
		uint64_t given = 0;

		for (unsigned i = c.n; i-- > 0;) {
			/* What does not divide is the latest one's. */
			uint64_t w = i && c.sum ? part(TIERS_ONE, c.weight[i], c.sum)
						: TIERS_ONE - given;

			given += w;
			if (!link_to(t, c.parent[i], call, start, (uint32_t)w, c.by_id)) {
				t->unsettled++;
				break;
			}
		}
	}
	call->next = t->free_call;
	t->free_call = number;
}

static void step(struct tiers *t)
{
	struct event e = pop(t);

	t->swept = e.time;
	switch ((enum event_kind)(e.order >> 62)) {
	case PARENT_START:
		begin(t, e.index);
		break;
	case CALL_START:
		settle(t, e.index, e.time);
		break;
	case PARENT_END:
		finish(t, e.index);
		break;
	}
}

void tiers_finish(struct tiers *t)
{
	while (t->nevents)
		step(t);
}

/* Where a dissector keeps ids: looked up once. */
static const struct id_fields *id_fields(struct tiers *t, const struct dissector *d)
{
	struct id_fields *f;

	for (unsigned i = 0; i < t->nfields; i++)
		if (t->fields[i].of == d)
			return &t->fields[i];
	if (t->nfields == ID_FIELDS)
		return NULL;
	f = &t->fields[t->nfields++];
	*f = (struct id_fields){d, VALUE_DEAD, VALUE_DEAD};
	for (uint16_t i = 0; d->fields && d->fields[i].type != FIELD_END; i++)
		if (strcmp(d->fields[i].name, "trace.id") == 0)
			f->trace = i;
		else if (strcmp(d->fields[i].name, "http.request.id") == 0)
			f->request = i;
	return f;
}

static struct ids ids_of(struct tiers *t, const struct txn_record *r)
{
	const struct value *v = (const void *)((const char *)r + r->values);
	const struct id_fields *f = id_fields(t, r->r.dissector);
	struct ids ids = {0, 0};

	for (uint32_t i = 0; f && i < r->nvalues; i++, v = value_next(v))
		if (v->field < VALUE_FACT && (v->field == f->trace || v->field == f->request))
			*(v->field == f->trace ? &ids.trace : &ids.request) =
				hash_bytes(&t->key, 1, value_text(v), v->len) | 1;
	return ids;
}

static enum tier_class class_of(const char *type)
{
	static const struct {
		const char *type;
		enum tier_class class;
	} classes[] = {{"mysql", TIER_MYSQL}, {"nfs", TIER_NFS}, {"smtp", TIER_SMTP},
		{"http", TIER_HTTP}, {"http2", TIER_HTTP}, {"dns", TIER_DNS}};

	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(type, classes[i].type) == 0)
			return classes[i].class;
	return TIER_OTHER;
}

static void add_parent(struct tiers *t, const struct digest *d, const struct txn_record *r,
	const struct ids *ids, uint64_t end)
{
	uint32_t i = t->free_parent;
	struct parent *p;

	if (r->stamp[1] == FIELD_ABSENT || r->total == FIELD_ABSENT)
		return;
	if (r->stamp[0] < t->swept) {
		t->late++;
		return;
	}
	if (i == NONE)
		i = t->nparents++;
	else
		t->free_parent = t->parents[i].next;
	p = &t->parents[i];
	*p = (struct parent){.host = r->r.server.ip,
		.flow = r->r.flow_id,
		.name = directions_name(t->directions, &r->r.server.ip, r->r.server.port),
		.ids = *ids,
		.links = NONE};
	p->q = (struct request){.start = r->stamp[0],
		.asked = r->stamp[1],
		.end = end,
		.server = r->ledger[LEDGER_SERVER],
		.service = d->service,
		.digest = d,
		.id = d->id};
	push(t, r->stamp[0], PARENT_START, i);
	push(t, end, PARENT_END, i);
}

static void add_call(struct tiers *t, const struct digest *d, const struct txn_record *r,
	const struct ids *ids, enum tier_class class, uint64_t end)
{
	uint32_t i = t->free_call;
	struct call *c;

	if (r->stamp[0] < t->swept)
		return;
	if (i == NONE)
		i = t->ncalls++;
	else
		t->free_call = t->calls[i].next;
	c = &t->calls[i];
	*c = (struct call){.host = r->r.client.ip,
		.end = end,
		.flow = r->r.flow_id,
		.ids = *ids,
		.digest = d,
		.service = d->service,
		.id = d->id,
		.class = (uint8_t) class};
	if (class == TIER_HTTP)
		c->to = directions_name(t->directions, &r->r.server.ip, r->r.server.port);
	push(t, r->stamp[0], CALL_START, i);
}

void tiers_record(struct tiers *t, const struct digest *d, const struct txn_record *r)
{
	enum tier_class class = class_of(r->r.type);
	struct ids ids = {0, 0};
	uint32_t most;
	uint64_t end;

	if (r->stamp[0] == FIELD_ABSENT)
		return;
	if (!t->heap)
		set_up(t);
	if (class == TIER_HTTP || class == TIER_MYSQL)
		ids = ids_of(t, r);
	end = txn_end(r);
	if (end > t->newest)
		t->newest = end;
	add_call(t, d, r, &ids, class, end);
	if (class == TIER_HTTP)
		add_parent(t, d, r, &ids, end);
	most = t->nparents || t->most < FEW ? t->most - 4 : FEW;
	while (t->nevents > most || (t->nevents && t->newest - t->heap[0].time > HOLD))
		step(t);
}

bool tiers_can_call(const struct tiers *t, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port)
{
	return directions_can(t->directions, directions_name(t->directions, from, from_port),
		directions_name(t->directions, to, to_port));
}

/* What was settled before it was known who calls whom. */
static bool can_call(const struct tiers *t, const struct tier_pair *p)
{
	const struct service *a = p->parent->service, *b = p->service;

	return !a || !b || tiers_can_call(t, &a->ip, a->port, &b->ip, b->port);
}

unsigned tiers_pairs(struct tiers *t, const struct tier *parent, const struct tier_pair ***list)
{
	unsigned all = tier_sums_pairs(t->sums, parent, list), n = 0;

	for (unsigned i = 0; i < all; i++)
		if (can_call(t, (*list)[i]))
			(*list)[n++] = (*list)[i];
	return n;
}

unsigned tiers_sorted(struct tiers *t, const struct tier ***list)
{
	const struct tier_pair **pairs;
	unsigned all = tier_sums_sorted(t->sums, list), n = 0;

	/* One that has no pairs at all may have lost them to others: it stays. */
	for (unsigned i = 0; i < all; i++)
		if (!tier_sums_pairs(t->sums, (*list)[i], &pairs) ||
			tiers_pairs(t, (*list)[i], &pairs))
			(*list)[n++] = (*list)[i];
	return n;
}

uint64_t tiers_unsettled(const struct tiers *t)
{
	return t->unsettled;
}

uint64_t tiers_late(const struct tiers *t)
{
	return t->late;
}
