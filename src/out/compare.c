/* compare.c - see compare.h. */
#include "out/compare.h"
#include "api/layer.h"
#include "base/text.h"
#include "out/jsontree.h"
#include <math.h>
#include <string.h>

#define NAME_SHOWN 100u /* columns of an operation */

static const char *const measures[] = {"time", "slow", "errors", "connects", "ledger"};
#define SHOWN 20u /* rows of a list */
static const char *const verdicts[] = {"same", "changed", "too few", "new", "gone"};

static void name_of(struct text *t, const struct change *x)
{
	const struct service *s = x->service;

	text_endpoint(t, &s->ip, s->port);
	text_char(t, ' ');
	if (s->protocol)
		text_escape(t, s->protocol, strlen(s->protocol), 16);
	else
		text_str(t, s->transport == IP_PROTO_UDP ? "udp" : "tcp");
	if (!x->digest)
		return;
	text_str(t, "  ");
	text_escape(t, x->digest->text, x->digest->len, NAME_SHOWN);
}

static void percent(struct text *t, double part)
{
	text_percent(t, (uint64_t)(part * 1e9 + 0.5), 1000000000);
}

static void signed_duration(struct text *t, double ns)
{
	text_char(t, ns < 0 ? '-' : '+');
	text_duration(t, (uint64_t)(fabs(ns) + 0.5));
}

static void pair(struct text *t, const char *name, uint64_t a, uint64_t b)
{
	text_str(t, name);
	text_duration(t, a);
	text_str(t, " -> ");
	text_duration(t, b);
}

static void line(FILE *f, struct text *t)
{
	fwrite(t->p, 1, t->len, f);
	fputc('\n', f);
	text_clear(t);
}

static void difference_text(struct text *t, const struct change *x, const struct difference *d)
{
	text_str(t, "    ");
	switch (d->measure) {
	case MEASURE_TIME:
		text_str(t, d->greater > 0.5 ? "slower: " : "faster: ");
		pair(t, "p50 ", hist_at(x->time[0], 0.5), hist_at(x->time[1], 0.5));
		pair(t, ", p90 ", hist_at(x->time[0], 0.9), hist_at(x->time[1], 0.9));
		pair(t, ", p99 ", hist_at(x->time[0], 0.99), hist_at(x->time[1], 0.99));
		break;
	case MEASURE_SLOW:
		text_str(t, "among the slowest of both: ");
		percent(t, d->before);
		text_str(t, " -> ");
		percent(t, d->after);
		pair(t, ", p99 ", hist_at(x->time[0], 0.99), hist_at(x->time[1], 0.99));
		break;
	case MEASURE_ERRORS:
		text_str(t, "errors: ");
		percent(t, d->before);
		text_str(t, " -> ");
		percent(t, d->after);
		break;
	case MEASURE_CONNECTS:
		text_str(t, "connections that never opened: ");
		percent(t, d->before);
		text_str(t, " -> ");
		percent(t, d->after);
		break;
	case MEASURE_LEDGER:
		text_str(t, ledger_names[d->entry]);
		text_str(t, ": ");
		pair(t, "", (uint64_t)d->before, (uint64_t)d->after);
		text_str(t, " a transaction (");
		signed_duration(t, d->after - d->before);
		text_char(t, ')');
		break;
	}
}

static void head_text(FILE *f, struct text *t, const char *what, const struct compare_side *s)
{
	const struct service *all = services_total(model_services(s->of.model));

	text_str(t, what);
	text_escape(t, s->name, strlen(s->name), NAME_SHOWN);
	text_str(t, ": ");
	text_count(t, s->capture.frames);
	text_str(t, " frames in ");
	text_duration(t, s->capture.last - s->capture.first);
	text_str(t, ", ");
	text_count(t, all->sum.transactions);
	text_str(t, " transactions, ");
	text_duration(t, all->sum.total);
	text_str(t, " of waiting");
	line(f, t);
}

static void change_text(FILE *f, struct text *t, const struct change *x)
{
	text_str(t, "  ");
	name_of(t, x);
	line(f, t);
	text_str(t, "    ");
	text_count(t, x->side[0]->transactions);
	text_str(t, " -> ");
	text_count(t, x->side[1]->transactions);
	text_str(t, " transactions");
	if (x->flows[1]) {
		text_str(t, ", ");
		text_count(t, x->flows[0]);
		text_str(t, " -> ");
		text_count(t, x->flows[1]);
		text_str(t, " connections");
	}
	if (fabs(x->cost) >= 0.5) {
		text_str(t, ", ");
		signed_duration(t, x->cost);
		text_str(t, " over all of them");
	}
	line(f, t);
	for (unsigned i = 0; i < x->n; i++)
		if (x->d[i].changed) {
			difference_text(t, x, &x->d[i]);
			line(f, t);
		}
}

static void one_sided(
	FILE *f, struct text *t, const struct changes *c, enum verdict v, const char *heading)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct change *x = &c->list[i];
		const struct tally *sum = x->side[v == VERDICT_NEW];

		if (x->verdict != v)
			continue;
		if (!n++)
			fprintf(f, "\n%s\n", heading);
		if (n > SHOWN)
			continue;
		text_str(t, "  ");
		name_of(t, x);
		text_str(t, ": ");
		text_count(t, sum->transactions);
		text_str(t, ", ");
		text_duration(t, sum->total);
		line(f, t);
	}
	if (n > SHOWN)
		fprintf(f, "  and %u more\n", n - SHOWN);
}

void compare_text(FILE *f, const struct compare_side side[2], const struct changes *c)
{
	unsigned count[5] = {0};
	struct text t;

	text_init_growing(&t);
	head_text(f, &t, "before  ", &side[0]);
	head_text(f, &t, "after   ", &side[1]);
	for (unsigned i = 0; i < c->n; i++)
		count[c->list[i].verdict]++;
	if (count[VERDICT_CHANGED])
		fprintf(f, "\nChanged, what cost or saved most first\n");
	else
		fprintf(f, "\nNothing changed that is more than noise\n");
	for (unsigned i = 0; i < c->n; i++)
		if (c->list[i].verdict == VERDICT_CHANGED)
			change_text(f, &t, &c->list[i]);
	one_sided(f, &t, c, VERDICT_NEW, "Only after");
	one_sided(f, &t, c, VERDICT_GONE, "Only before");
	fprintf(f,
		"\n%u services and operations without a change, %u with too few transactions to "
		"say (less than %u a side);\n%u comparisons, which all together err in 1 %% of "
		"cases\n",
		count[VERDICT_SAME], count[VERDICT_FEW], CHANGE_FEW, c->comparisons);
	text_release(&t);
}

static void tally_json(struct json_object *o, const char *name, const struct change *x, int i)
{
	const struct tally *t = x->side[i];
	struct json_object *side, *ledger;

	if (!t)
		return;
	side = jsontree_object(o, name);
	if (x->flows[i])
		jsontree_put(side, "flows", jsontree_u64(x->flows[i]));
	jsontree_put(side, "transactions", jsontree_u64(t->transactions));
	jsontree_put(side, "errors", jsontree_u64(t->errors));
	jsontree_put(side, "total", jsontree_u64(t->total));
	if (x->time[i]->n) {
		jsontree_put(side, "mean", jsontree_u64(x->time[i]->sum / x->time[i]->n));
		jsontree_put(side, "p50", jsontree_u64(hist_at(x->time[i], 0.5)));
		jsontree_put(side, "p90", jsontree_u64(hist_at(x->time[i], 0.9)));
		jsontree_put(side, "p99", jsontree_u64(hist_at(x->time[i], 0.99)));
	}
	ledger = jsontree_object(side, "ledger");
	for (int k = 0; k < LEDGER_COUNT; k++)
		if (t->ledger[k])
			jsontree_put(ledger, ledger_names[k], jsontree_u64(t->ledger[k]));
}

static void difference_json(struct json_object *list, const struct difference *d)
{
	struct json_object *o = jsontree_object(NULL, NULL);

	jsontree_append(list, o);
	jsontree_put(o, "measure", jsontree_text(measures[d->measure]));
	if (d->measure == MEASURE_LEDGER)
		jsontree_put(o, "entry", jsontree_text(ledger_names[d->entry]));
	jsontree_put(o, "before", jsontree_real(d->before));
	jsontree_put(o, "after", jsontree_real(d->after));
	if (d->measure == MEASURE_TIME || d->measure == MEASURE_LEDGER)
		jsontree_put(o, "greater", jsontree_real(d->greater));
	jsontree_put(o, "p", jsontree_real(d->p));
	jsontree_put(o, "changed", jsontree_bool(d->changed));
}

static void capture_json(struct json_object *o, const char *name, const struct compare_side *s)
{
	struct json_object *side = jsontree_object(o, name);
	const struct service *all = services_total(model_services(s->of.model));

	jsontree_put(side, "capture", jsontree_text(s->name));
	jsontree_put(side, "frames", jsontree_u64(s->capture.frames));
	jsontree_put(side, "duration", jsontree_u64(s->capture.last - s->capture.first));
	jsontree_put(side, "transactions", jsontree_u64(all->sum.transactions));
	jsontree_put(side, "total", jsontree_u64(all->sum.total));
}

void compare_json(FILE *f, const struct compare_side side[2], const struct changes *c)
{
	struct json_object *all = jsontree_object(NULL, NULL), *list;

	capture_json(all, "before", &side[0]);
	capture_json(all, "after", &side[1]);
	jsontree_put(all, "comparisons", jsontree_u64(c->comparisons));
	jsontree_put(all, "level", jsontree_real(CHANGE_LEVEL));
	list = jsontree_array(all, "changes");
	for (unsigned i = 0; i < c->n; i++) {
		const struct change *x = &c->list[i];
		struct json_object *o = jsontree_object(NULL, NULL), *d;

		jsontree_append(list, o);
		jsontree_put(o, "service", jsontree_endpoint(&x->service->ip, x->service->port));
		if (x->service->protocol)
			jsontree_put(o, "protocol", jsontree_text(x->service->protocol));
		if (x->digest)
			jsontree_put(
				o, "operation", jsontree_bytes(x->digest->text, x->digest->len));
		jsontree_put(o, "verdict", jsontree_text(verdicts[x->verdict]));
		jsontree_put(o, "cost", jsontree_real(x->cost));
		tally_json(o, "before", x, 0);
		tally_json(o, "after", x, 1);
		d = jsontree_array(o, "differences");
		for (unsigned k = 0; k < x->n; k++)
			difference_json(d, &x->d[k]);
	}
	jsontree_write(all, f);
	fputc('\n', f);
	json_object_put(all);
}
