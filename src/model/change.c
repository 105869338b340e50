/*
 * change.c - see change.h.
 *
 * With many transactions a shift of a per cent is beyond doubt, and of no interest: a change must
 * also be large. Of times: one of after is greater (or less) than one of before with a probability
 * of GREATER_LEAST, and the means or medians differ by a twentieth. Of the slowest twentieth: its
 * share differs by half. Of a ledger entry: its mean differs by a fiftieth of all waiting.
 */
#include "model/change.h"
#include "api/layer.h"
#include "base/mem.h"
#include "base/stat.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GREATER_LEAST 0.55
#define TIME_LEAST    0.05
#define SLOW_PART     0.95
#define SLOW_FACTOR   1.5
#define ENTRY_LEAST   0.02

static double mean(const struct hist *h)
{
	return h->n ? (double)h->sum / (double)h->n : 0;
}

static bool differs(double a, double b, double part)
{
	return fabs(a - b) > part * (a < b ? a : b);
}

static struct difference *add(struct change *c, enum measure m, double before, double after)
{
	struct difference *d = &c->d[c->n++];

	d->measure = m;
	d->before = before;
	d->after = after;
	d->greater = 0.5;
	return d;
}

static void time_difference(struct change *c)
{
	const struct hist *a = c->time[0], *b = c->time[1];
	struct difference *d = add(c, MEASURE_TIME, mean(a), mean(b));

	d->p = stat_rank_sum(a, b, &d->greater);
	d->changed = fabs(d->greater - 0.5) >= GREATER_LEAST - 0.5 &&
		     (differs(d->before, d->after, TIME_LEAST) ||
			     differs((double)hist_at(a, 0.5), (double)hist_at(b, 0.5), TIME_LEAST));
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void slow_difference(struct change *c)
{
	const struct hist *a = c->time[0], *b = c->time[1];
	struct hist both;
	uint64_t k, l, limit;
	struct difference *d;

	hist_init(&both);
	hist_merge(&both, a);
	hist_merge(&both, b);
	limit = hist_at(&both, SLOW_PART);
	hist_release(&both);
	k = stat_above(a, limit);
	l = stat_above(b, limit);
	d = add(c, MEASURE_SLOW, share(k, a->n), share(l, b->n));
	d->p = stat_shares(k, a->n, l, b->n);
	d->changed = differs(d->before, d->after, SLOW_FACTOR - 1);
}

static void error_difference(struct change *c)
{
	const struct tally *a = c->side[0], *b = c->side[1];
	uint64_t of[2] = {a->transactions - a->unknown, b->transactions - b->unknown};
	struct difference *d =
		add(c, MEASURE_ERRORS, share(a->errors, of[0]), share(b->errors, of[1]));

	d->p = stat_shares(a->errors, of[0], b->errors, of[1]);
	d->changed = true;
}

static void ledger_differences(struct change *c, const struct spread *a, const struct spread *b)
{
	double all = mean(&a->total) > mean(&b->total) ? mean(&a->total) : mean(&b->total);

	for (int i = 0; i < LEDGER_COUNT; i++) {
		const struct hist *x = &a->entry[i], *y = &b->entry[i];
		struct hist none;
		struct difference *d;

		if (!x->n && !y->n)
			continue;
		/* One side has none of it at all. */
		hist_init(&none);
		for (uint64_t n = x->n ? b->total.n : a->total.n; (!x->n || !y->n) && n; n--)
			hist_add(&none, 0);
		x = x->n ? x : &none;
		y = y->n ? y : &none;
		d = add(c, MEASURE_LEDGER, mean(x), mean(y));
		d->entry = i;
		d->p = stat_rank_sum(x, y, &d->greater);
		d->changed = fabs(d->before - d->after) > ENTRY_LEAST * all;
		hist_release(&none);
	}
}

/* Connections that never opened have no protocol: those of a port are counted together. */
static void connect_difference(struct change *c, const uint64_t failed[2])
{
	struct difference *d;

	if (c->flows[0] < CHANGE_FEW || c->flows[1] < CHANGE_FEW ||
		c->service->transport != IP_PROTO_TCP)
		return;
	d = add(c, MEASURE_CONNECTS, share(failed[0], c->flows[0]), share(failed[1], c->flows[1]));
	d->p = stat_shares(failed[0], c->flows[0], failed[1], c->flows[1]);
	d->changed = true;
}

static bool enough(const struct change *c)
{
	return c->time[0]->n >= CHANGE_FEW && c->time[1]->n >= CHANGE_FEW;
}

static void compare(struct change *c, const struct spread *a, const struct spread *b)
{
	if (!c->side[0] || !c->side[1]) {
		c->verdict = c->side[0] ? VERDICT_GONE : VERDICT_NEW;
		c->cost = c->side[0] ? -(double)c->side[0]->total : (double)c->side[1]->total;
		return;
	}
	c->cost = (mean(c->time[1]) - mean(c->time[0])) * (double)c->time[1]->n;
	if (!enough(c))
		return;
	time_difference(c);
	slow_difference(c);
	error_difference(c);
	if (a && b)
		ledger_differences(c, a, b);
}

/* Services and operations in one order on both sides, so that equal ones meet. */
static int service_order(const struct service *a, const struct service *b)
{
	int c = memcmp(&a->ip, &b->ip, sizeof(a->ip));

	if (c)
		return c;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->transport != b->transport)
		return a->transport < b->transport ? -1 : 1;
	if (!a->protocol || !b->protocol)
		return (a->protocol != NULL) - (b->protocol != NULL);
	return strcmp(a->protocol, b->protocol);
}

static int by_service(const void *a, const void *b)
{
	return service_order(*(const struct service *const *)a, *(const struct service *const *)b);
}

static int digest_order(const struct digest *a, const struct digest *b)
{
	int c = service_order(a->service, b->service);
	size_t n = a->len < b->len ? a->len : b->len;

	if (c)
		return c;
	c = memcmp(a->text, b->text, n);
	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int by_digest(const void *a, const void *b)
{
	return digest_order(*(const struct digest *const *)a, *(const struct digest *const *)b);
}

static struct change *change_new(struct changes *c)
{
	if (c->n % 64 == 0)
		c->list = xrealloc(c->list, (c->n + 64) * sizeof(*c->list));
	memset(&c->list[c->n], 0, sizeof(*c->list));
	return &c->list[c->n++];
}

static const struct spread *spread_of(const struct change_side *s, const struct service *x)
{
	return spreads_find(s->spreads, &x->ip, x->port, x->transport, x->protocol);
}

/* The services of one side, in order. */
struct listed {
	const struct service **list;
	unsigned n;
};

static bool same_port(const struct service *a, const struct service *b)
{
	return a->port == b->port && a->transport == b->transport &&
	       memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0;
}

static bool has_protocol(const struct listed *of, const struct service *x)
{
	for (unsigned i = 0; i < of->n; i++)
		if (of->list[i]->protocol && same_port(of->list[i], x))
			return true;
	return false;
}

static void port_connects(struct change *c, const struct listed of[2])
{
	uint64_t failed[2] = {0, 0};

	for (int s = 0; s < 2; s++)
		for (unsigned i = 0; i < of[s].n; i++)
			if (same_port(of[s].list[i], c->service)) {
				c->flows[s] += of[s].list[i]->flows;
				failed[s] += of[s].list[i]->failed_connects;
			}
	connect_difference(c, failed);
}

static void one_service(struct changes *c, const struct change_side side[2],
	const struct listed of[2], const struct service *a, const struct service *b)
{
	const struct spread *spread[2] = {
		a ? spread_of(&side[0], a) : NULL, b ? spread_of(&side[1], b) : NULL};
	const struct service *before = c->n ? c->list[c->n - 1].service : NULL;
	struct change *x;

	/* What never opened counts for the port's protocol. */
	if (!(b ? b : a)->protocol &&
		(has_protocol(&of[0], b ? b : a) || has_protocol(&of[1], b ? b : a)))
		return;
	x = change_new(c);
	x->service = b ? b : a;
	x->side[0] = a ? &a->sum : NULL;
	x->side[1] = b ? &b->sum : NULL;
	for (int i = 0; i < 2; i++) {
		bool both = spread[0] && spread[1];

		if (both)
			x->time[i] = &spread[i]->total;
		else if (x->side[i])
			x->time[i] = &x->side[i]->duration;
	}
	compare(x, spread[0], spread[1]);
	if (a && b && !(before && same_port(before, a)))
		port_connects(x, of);
}

static void one_digest(struct changes *c, const struct digest *a, const struct digest *b)
{
	struct change *x = change_new(c);

	x->digest = b ? b : a;
	x->service = x->digest->service;
	for (int i = 0; i < 2; i++) {
		const struct digest *d = i ? b : a;

		x->side[i] = d ? &d->sum : NULL;
		x->time[i] = d ? &d->sum.duration : NULL;
	}
	compare(x, NULL, NULL);
}

static void services_part(struct changes *c, const struct change_side side[2])
{
	const struct service **list;
	struct listed of[2];
	unsigned i = 0, j = 0;

	for (int s = 0; s < 2; s++) {
		unsigned all = services_sorted(model_services(side[s].model), &list);

		of[s].list = xcalloc(all + 1, sizeof(*list));
		of[s].n = 0;
		for (unsigned k = 0; k < all; k++)
			if (!list[k]->other)
				of[s].list[of[s].n++] = list[k];
		qsort(of[s].list, of[s].n, sizeof(*list), by_service);
	}
	while (i < of[0].n || j < of[1].n) {
		int order = i == of[0].n   ? 1
			    : j == of[1].n ? -1
					   : service_order(of[0].list[i], of[1].list[j]);

		one_service(c, side, of, order <= 0 ? of[0].list[i] : NULL,
			order >= 0 ? of[1].list[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	free(of[0].list);
	free(of[1].list);
}

static void digests_part(struct changes *c, const struct change_side side[2])
{
	const struct digest **list, **of[2];
	unsigned n[2], i = 0, j = 0;

	for (int s = 0; s < 2; s++) {
		unsigned all = digests_sorted(model_digests(side[s].model), &list);

		of[s] = xcalloc(all + 1, sizeof(*of[s]));
		n[s] = 0;
		for (unsigned k = 0; k < all; k++)
			if (list[k]->service && !list[k]->other)
				of[s][n[s]++] = list[k];
		qsort(of[s], n[s], sizeof(*of[s]), by_digest);
	}
	while (i < n[0] || j < n[1]) {
		int order = i == n[0] ? 1 : j == n[1] ? -1 : digest_order(of[0][i], of[1][j]);

		one_digest(c, order <= 0 ? of[0][i] : NULL, order >= 0 ? of[1][j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	free(of[0]);
	free(of[1]);
}

static void correct(struct changes *c)
{
	double *p;
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++)
		c->comparisons += c->list[i].n;
	for (unsigned i = 0; i < c->n; i++)
		if (!c->list[i].n && c->list[i].verdict == VERDICT_SAME)
			c->list[i].verdict = VERDICT_FEW;
	p = xcalloc(c->comparisons + 1, sizeof(*p));
	for (unsigned i = 0; i < c->n; i++)
		for (unsigned k = 0; k < c->list[i].n; k++)
			p[n++] = c->list[i].d[k].p;
	stat_holm(p, n);
	n = 0;
	for (unsigned i = 0; i < c->n; i++)
		for (unsigned k = 0; k < c->list[i].n; k++) {
			struct difference *d = &c->list[i].d[k];

			d->p = p[n++];
			d->changed = d->changed && d->p < CHANGE_LEVEL;
			if (d->changed)
				c->list[i].verdict = VERDICT_CHANGED;
		}
	free(p);
}

/* The largest cost first, be it more or less; a service before its operations. */
static int by_cost(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	double p = fabs(x->cost), q = fabs(y->cost);
	int c;

	if (p > q || p < q)
		return p > q ? -1 : 1;
	if (!x->digest != !y->digest)
		return x->digest ? 1 : -1;
	c = service_order(x->service, y->service);
	return c || !x->digest ? c : digest_order(x->digest, y->digest);
}

void changes_make(struct changes *c, const struct change_side side[2])
{
	memset(c, 0, sizeof(*c));
	spreads_fill(side[0].spreads);
	spreads_fill(side[1].spreads);
	services_part(c, side);
	digests_part(c, side);
	correct(c);
	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), by_cost);
}

void changes_release(struct changes *c)
{
	free(c->list);
}
