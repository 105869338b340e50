/* slowest.c - see slowest.h. */
#include "model/slowest.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct slowest {
	struct slow_call recent[SLOWEST_RECENT]; /* a ring */
	uint64_t n;                              /* that were put in */
	struct slow_request *list[SLOWEST_KEPT]; /* the slowest first */
	unsigned nlist;
};

struct slowest *slowest_new(void)
{
	return xcalloc(1, sizeof(struct slowest));
}

void slowest_free(struct slowest *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->nlist; i++)
		free(s->list[i]);
	free(s);
}

static void fill(struct slow_call *c, const struct txn_record *t, const char *text, size_t len)
{
	memset(c, 0, offsetof(struct slow_call, text));
	c->total = t->total;
	memcpy(c->ledger, t->ledger, sizeof(c->ledger));
	memcpy(c->stamp, t->stamp, sizeof(c->stamp));
	c->start = t->r.start - t->connect;
	c->end = c->start + t->total;
	for (int i = 3; i >= 0; i--)
		if (t->frame[i])
			c->frame = t->frame[i];
	c->client = t->r.client.ip;
	c->server = t->r.server.ip;
	c->port = t->r.server.port;
	c->status = t->r.status;
	c->pending = t->r.quality >> QUALITY_PENDING & 1;
	c->protocol = t->r.type;
	c->len = (uint16_t)(len < SLOWEST_TEXT ? len : SLOWEST_TEXT);
	memcpy(c->text, text, c->len);
}

static bool within(const struct slow_call *call, const struct slow_call *of)
{
	return memcmp(&call->client, &of->server, sizeof(call->client)) == 0 &&
	       call->start >= of->start && call->end <= of->end;
}

static void take(struct slow_request *r, const struct slow_call *c, unsigned depth)
{
	if (r->ncalls == SLOWEST_CALLS) {
		r->left_out++;
		return;
	}
	r->calls[r->ncalls] = *c;
	r->calls[r->ncalls++].depth = (uint8_t)depth;
}

static int by_start(const void *a, const void *b)
{
	const struct slow_call *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->depth > y->depth) - (x->depth < y->depth);
}

/* What its server asked, and what those asked. */
static void find_calls(const struct slowest *s, struct slow_request *r)
{
	uint64_t n = s->n < SLOWEST_RECENT ? s->n : SLOWEST_RECENT;
	unsigned first;

	for (uint64_t i = s->n - n; i < s->n; i++)
		if (within(&s->recent[i % SLOWEST_RECENT], &r->own))
			take(r, &s->recent[i % SLOWEST_RECENT], 1);
	first = r->ncalls;
	for (unsigned k = 0; k < first && r->ncalls < SLOWEST_CALLS; k++) {
		/* A host that talks to itself would be its own child. */
		if (memcmp(&r->calls[k].client, &r->calls[k].server, sizeof(struct addr)) == 0)
			continue;
		for (uint64_t i = s->n - n; i < s->n; i++)
			if (within(&s->recent[i % SLOWEST_RECENT], &r->calls[k]))
				take(r, &s->recent[i % SLOWEST_RECENT], 2);
	}
	qsort(r->calls, r->ncalls, sizeof(r->calls[0]), by_start);
}

void slowest_record(struct slowest *s, const struct txn_record *t, const char *text, size_t len)
{
	struct slow_call c;
	unsigned at = s->nlist;
	struct slow_request *r;

	if (t->total == FIELD_ABSENT)
		return;
	fill(&c, t, text, len);
	while (at && s->list[at - 1]->own.total < c.total)
		at--;
	if (at < SLOWEST_KEPT) {
		if (s->nlist < SLOWEST_KEPT)
			s->list[s->nlist++] = xmalloc(sizeof(*r));
		r = s->list[s->nlist - 1];
		memmove(&s->list[at + 1], &s->list[at], (s->nlist - 1 - at) * sizeof(s->list[0]));
		s->list[at] = r;
		r->own = c;
		r->ncalls = r->left_out = 0;
		find_calls(s, r);
	}
	s->recent[s->n++ % SLOWEST_RECENT] = c;
}

void slowest_take_out(struct slowest *s, const struct txn_record *t)
{
	unsigned i = 0;

	while (i < s->nlist && (memcmp(s->list[i]->own.stamp, t->stamp, sizeof(t->stamp)) != 0 ||
				       s->list[i]->own.total != t->total ||
				       s->list[i]->own.port != t->r.server.port))
		i++;
	if (i == s->nlist)
		return;
	free(s->list[i]);
	s->nlist--;
	memmove(&s->list[i], &s->list[i + 1], (s->nlist - i) * sizeof(s->list[0]));
}

unsigned slowest_list(struct slowest *s, struct slow_request *const **list)
{
	*list = s->list;
	return s->nlist < SLOWEST_MAX ? s->nlist : SLOWEST_MAX;
}
