/*
 * find_patience.c - how long clients waited for connections that were never made.
 *
 * No packet says when a client gave up: it was between its last SYN and the next one that was due,
 * and each connection alone is an estimate (core/tcp_attempt.c). What the client did next tells
 * more: one that does one thing after the other went on at once, or so many seconds later. Its
 * timeout is the same each time, so that one of several tells of the others, and of the last one,
 * behind which nothing came.
 */
#include "findings/find_connect.h"
#include <stdlib.h>

#define LEAST 2u /* that are alike */

void connect_unmade(struct findings *f, struct svc *s, struct source *x,
	const struct flow_record *r, uint64_t cost)
{
	struct connect_all *all = f->state[DETECTOR_CONNECT];

	if (!x || !r->attempt_most || r->r.composite)
		return;
	all->unmade[all->nunmade++ % UNMADE] = (struct unmade){.of = x,
		.at = s,
		.client = r->r.client.ip,
		.start = r->r.start,
		.least = r->attempt_least,
		.most = r->attempt_most,
		.cost = cost,
		.pending = (r->r.quality >> QUALITY_PENDING & 1) != 0};
}

static int by_client(const void *a, const void *b)
{
	const struct unmade *x = *(struct unmade *const *)a, *y = *(struct unmade *const *)b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Its timeout, by what its client did next; 0: that does not tell. */
static uint64_t by_next(const struct findings *f, const struct unmade *x)
{
	uint64_t next = attempt_next(f, &x->client, x->start + 1), ns, part;

	ns = next > x->start ? next - x->start : 0;
	if (ns < x->least || ns > x->most)
		return 0;
	part = ns % SECOND;
	return part <= ns / 33 || ns - part < x->least + 50 * MS ? ns : ns - part;
}

static bool alike(uint64_t a, uint64_t b)
{
	return a <= b + b / 33 + 50 * MS && b <= a + a / 33 + 50 * MS;
}

/* What is known of those of a client alone, and what of one by the others. */
static void judge(const struct findings *f, struct unmade **x, unsigned n)
{
	uint64_t known = 0;
	unsigned told = 0;

	for (unsigned i = 0; i < n; i++) {
		x[i]->waited = by_next(f, x[i]);
		if (!x[i]->waited)
			continue;
		if (!told++)
			known = x[i]->waited;
		else if (!alike(known, x[i]->waited))
			known = 0;
	}
	for (unsigned i = 0; i < n; i++) {
		struct unmade *u = x[i];

		if (!u->waited && told >= LEAST && known >= u->least &&
			(u->pending || known <= u->most))
			u->waited = known;
		if (!u->waited || (u->pending && u->waited < u->cost))
			u->waited = u->cost;
		if (u->waited > u->cost)
			u->of->more += u->waited - u->cost;
		else
			u->of->over += u->cost - u->waited;
	}
}

void connect_patience(struct findings *f)
{
	struct connect_all *all = f->state[DETECTOR_CONNECT];
	unsigned n = all->nunmade < UNMADE ? all->nunmade : UNMADE, from = 0;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		s->over = 0;
	for (uint32_t i = 0; all->sources && i < keyed_count(all->sources); i++) {
		struct source *x = keyed_value(all->sources, i);

		x->more = x->over = 0;
	}
	for (unsigned i = 0; i < n; i++)
		all->sorted[i] = &all->unmade[i];
	if (n)
		qsort(all->sorted, n, sizeof(all->sorted[0]), by_client);
	for (unsigned i = 1; i <= n; i++) {
		if (i < n && all->sorted[i]->of == all->sorted[from]->of)
			continue;
		judge(f, all->sorted + from, i - from);
		all->sorted[from]->at->over += all->sorted[from]->of->over;
		f->more += all->sorted[from]->of->more;
		from = i;
	}
}
