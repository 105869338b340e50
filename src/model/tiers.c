/* tiers.c - see tiers.h: what waits tell of web servers, and the ids that requests carry. */
#include "model/tiers.h"
#include "base/mem.h"
#include "core/registry.h"
#include "model/tiers_impl.h"
#include "model/values.h"
#include <stdlib.h>
#include <string.h>

const char *const tier_names[TIER_CLASSES] = {
	"own", "database", "files", "mail", "web", "DNS", "other"};

struct id_fields {
	const struct dissector *of;
	int trace, request; /* places in its table; -1: none */
};

struct tiers {
	struct nest *nest;
	struct tier_sums *sums;
	struct id_fields fields[DISSECTORS_MAX];
	unsigned nfields;
};

static void on_parent(
	void *arg, const struct nest_wait *w, const struct nest_link *links, uint32_t first)
{
	struct tiers *t = arg;

	if (w->class == TIER_WEB)
		tier_sums_request(t->sums, w, links, first);
}

struct tiers *tiers_new(uint32_t events)
{
	struct tiers *t = xcalloc(1, sizeof(*t));

	t->nest = nest_new(events, on_parent, t);
	t->sums = tier_sums_new();
	return t;
}

void tiers_free(struct tiers *t)
{
	if (!t)
		return;
	nest_free(t->nest);
	tier_sums_free(t->sums);
	free(t);
}

void tiers_take_out(struct tiers *t, uint64_t flow_id)
{
	nest_take_out(t->nest, flow_id);
}

void tiers_look_ahead(const struct tiers *t)
{
	nest_look_ahead(t->nest);
}

void tiers_finish(struct tiers *t)
{
	nest_finish(t->nest);
}

/* Where a dissector keeps ids: looked up once. */
static const struct id_fields *id_fields(struct tiers *t, const struct dissector *d)
{
	struct id_fields *f;

	for (unsigned i = 0; i < t->nfields; i++)
		if (t->fields[i].of == d)
			return &t->fields[i];
	if (t->nfields == DISSECTORS_MAX)
		return NULL;
	f = &t->fields[t->nfields++];
	*f = (struct id_fields){
		d, field_place(d->fields, "trace.id"), field_place(d->fields, "http.request.id")};
	return f;
}

static uint64_t id_at(const struct tiers *t, const struct txn_record *r, int place)
{
	const struct value *v = value_at(r, place);

	return v ? nest_hash(t->nest, value_text(v), v->len) : 0;
}

static struct nest_ids ids_of(struct tiers *t, const struct txn_record *r)
{
	const struct id_fields *f = id_fields(t, r->r.dissector);
	struct nest_ids ids = {0, 0};

	if (f) {
		ids.trace = id_at(t, r, f->trace);
		ids.request = id_at(t, r, f->request);
	}
	return ids;
}

static enum tier_class class_of(const struct record *r)
{
	static const enum tier_class classes[KIND_COUNT] = {[KIND_OTHER] = TIER_OTHER,
		[KIND_WEB] = TIER_WEB,
		[KIND_DATABASE] = TIER_DATABASE,
		[KIND_FILES] = TIER_FILES,
		[KIND_MAIL] = TIER_MAIL,
		[KIND_NAMES] = TIER_NAMES};
	uint8_t kind = record_model(r)->kind;

	return kind < KIND_COUNT ? classes[kind] : TIER_OTHER;
}

/* Servers of the web, of mail and of names ask others before they answer. */
static enum nest_caller caller_of(enum tier_class class)
{
	if (class == TIER_WEB)
		return NEST_SURE;
	return class == TIER_MAIL || class == TIER_NAMES ? NEST_CALLER : NEST_LEAF;
}

bool tiers_wait(struct tiers *t, const struct txn_record *r, struct nest_wait *w)
{
	enum tier_class class = class_of(&r->r);

	if (r->stamp[0] == FIELD_ABSENT)
		return false;
	*w = (struct nest_wait){.client = r->r.client.ip,
		.server = r->r.server.ip,
		.port = r->r.server.port,
		.class = (uint8_t) class,
		.begin = r->stamp[0],
		.flow = r->r.flow_id,
		.own = r->ledger[LEDGER_SERVER]};
	if (class == TIER_WEB || class == TIER_DATABASE)
		w->ids = ids_of(t, r);
	if (r->total != FIELD_ABSENT && r->stamp[1] != FIELD_ABSENT)
		w->caller = caller_of(class);
	if (class == TIER_WEB && r->object.len)
		w->object = (uint32_t)nest_hash(
			t->nest, (const char *)r + r->object.offset, r->object.len);
	w->open = r->r.end == FIELD_ABSENT;
	w->start = r->connect < w->begin ? w->begin - r->connect : 0;
	w->asked = r->stamp[1] != FIELD_ABSENT ? r->stamp[1] : w->begin;
	w->end = txn_end(r);
	return true;
}

void tiers_record(struct tiers *t, const struct digest *d, const struct txn_record *r,
	const struct share *shares, unsigned nshares)
{
	struct nest_wait w;

	if (!tiers_wait(t, r, &w))
		return;
	w.service = d->service;
	w.digest = d;
	w.digest_id = d->id;
	nest_add(t->nest, &w, shares, nshares);
}

void tiers_turn_wait(const struct turn_record *r, struct nest_wait *w)
{
	*w = (struct nest_wait){.client = r->r.client.ip,
		.server = r->r.server.ip,
		.port = r->r.server.port,
		.class = TIER_OTHER,
		.if_nested = r->open,
		.open = r->open,
		.caller = r->open                 ? NEST_LEAF
			  : app_encrypted(r->app) ? NEST_CALLER
						  : NEST_MAY_CALL,
		.start = r->r.start,
		.begin = r->r.start,
		.asked = r->r.start,
		.end = r->r.end,
		.own = r->open ? r->r.duration : r->ledger[LEDGER_SERVER],
		.flow = r->r.flow_id};
}

void tiers_turn(
	struct tiers *t, const struct turn_record *r, const struct share *shares, unsigned nshares)
{
	struct nest_wait w;

	tiers_turn_wait(r, &w);
	nest_add(t->nest, &w, shares, nshares);
}

void tiers_flow(struct tiers *t, const struct record *r, uint64_t from, uint64_t to,
	const struct share *shares, unsigned nshares)
{
	nest_add(t->nest,
		&(struct nest_wait){.client = r->client.ip,
			.server = r->server.ip,
			.port = r->server.port,
			.class = TIER_OTHER,
			.start = from,
			.begin = from,
			.asked = from,
			.end = to,
			.connects = true,
			.guessed =
				r->kind == RECORD_FLOW && ((const struct flow_record *)r)->attempt,
			.flow = r->flow_id},
		shares, nshares);
}

bool tiers_can_call(const struct tiers *t, const struct addr *from, uint16_t from_port,
	const struct addr *to, uint16_t to_port)
{
	return nest_can_call(t->nest, from, from_port, to, to_port);
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

const struct addr *tiers_host(const struct tiers *t, const struct addr *a)
{
	return nest_host(t->nest, a);
}

bool tiers_gone_by(const struct tiers *t, uint64_t time)
{
	return nest_gone_by(t->nest, time);
}

uint64_t tiers_unsettled(const struct tiers *t)
{
	return nest_unsettled(t->nest);
}

uint64_t tiers_late(const struct tiers *t)
{
	return nest_late(t->nest);
}
