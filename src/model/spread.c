/* spread.c - see spread.h. */
#include "model/spread.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct spreads {
	unsigned n;
	struct spread all, one[SPREADS_MAX];
	struct spread *last; /* of the transaction before */
};

struct spreads *spreads_new(void)
{
	return xcalloc(1, sizeof(struct spreads));
}

static void release(struct spread *x)
{
	hist_release(&x->total);
	for (int i = 0; i < LEDGER_COUNT; i++)
		hist_release(&x->entry[i]);
}

void spreads_free(struct spreads *s)
{
	if (!s)
		return;
	release(&s->all);
	for (unsigned i = 0; i < s->n; i++)
		release(&s->one[i]);
	free(s);
}

static bool is(const struct spread *x, const struct addr *ip, uint16_t port, uint8_t transport,
	const char *protocol)
{
	return x->port == port && x->transport == transport && x->protocol == protocol &&
	       memcmp(&x->ip, ip, sizeof(*ip)) == 0;
}

const struct spread *spreads_find(const struct spreads *s, const struct addr *ip, uint16_t port,
	uint8_t transport, const char *protocol)
{
	for (unsigned i = 0; i < s->n; i++)
		if (is(&s->one[i], ip, port, transport, protocol))
			return &s->one[i];
	return NULL;
}

const struct spread *spreads_all(const struct spreads *s)
{
	return &s->all;
}

static struct spread *spread_of(struct spreads *s, const struct record *r)
{
	struct spread *x = s->last;

	if (x && is(x, &r->server.ip, r->server.port, r->transport, r->type))
		return x;
	x = (struct spread *)spreads_find(s, &r->server.ip, r->server.port, r->transport, r->type);
	if (!x && s->n < SPREADS_MAX) {
		x = &s->one[s->n++];
		x->ip = r->server.ip;
		x->port = r->server.port;
		x->transport = r->transport;
		x->protocol = r->type;
	}
	if (x)
		s->last = x;
	return x;
}

static void add(struct spread *x, const struct txn_record *t)
{
	hist_add(&x->total, t->total);
	for (int i = 0; i < LEDGER_COUNT; i++)
		if (t->ledger[i])
			hist_add(&x->entry[i], t->ledger[i]);
}

void spreads_record(struct spreads *s, const struct record *r)
{
	const struct txn_record *t = (const struct txn_record *)r;
	struct spread *x;

	if (r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT)
		return;
	add(&s->all, t);
	x = spread_of(s, r);
	if (x)
		add(x, t);
}

static void fill(struct spread *x)
{
	for (int i = 0; i < LEDGER_COUNT; i++)
		while (x->entry[i].n && x->entry[i].n < x->total.n)
			hist_add(&x->entry[i], 0);
}

void spreads_fill(struct spreads *s)
{
	fill(&s->all);
	for (unsigned i = 0; i < s->n; i++)
		fill(&s->one[i]);
}
