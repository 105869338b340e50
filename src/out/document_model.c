/* document_model.c - the findings with their proof, and the slowest transactions (document.h). */
#include "findings/findings.h"
#include "model/slowest.h"
#include "model/tiers.h"
#include "out/document_impl.h"
#include <string.h>

static void text_part(struct json_object *o, const char *name, const struct text *t)
{
	if (t->len)
		jsontree_put(o, name, jsontree_bytes(t->p, t->len));
}

static void times(struct json_object *o, const struct finding *x)
{
	if (x->first)
		jsontree_put(o, "first", jsontree_time(x->first));
	if (x->last)
		jsontree_put(o, "last", jsontree_time(x->last));
	if (x->peak)
		jsontree_put(o, "peak", jsontree_time(x->peak));
}

static struct json_object *finding(const struct finding *x)
{
	struct json_object *o = jsontree_object(NULL, NULL), *frames;

	jsontree_put(o, "id", jsontree_text(x->id));
	jsontree_put(o, "title", jsontree_text(x->title));
	jsontree_put(o, "severity", jsontree_text(severity_names[x->severity]));
	jsontree_put(o, "of_capture", jsontree_bool(x->of_capture));
	if (!addr_is_zero(&x->server))
		jsontree_put(o, "server",
			x->port ? jsontree_endpoint(&x->server, x->port)
				: jsontree_addr(&x->server));
	if (!addr_is_zero(&x->client))
		jsontree_put(o, "client", jsontree_addr(&x->client));
	if (x->protocol)
		jsontree_put(o, "protocol", jsontree_text(x->protocol));
	if (x->cost) {
		jsontree_put(o, "cost", jsontree_u64(x->cost));
		if (x->at_least)
			jsontree_put(o, "at_least", jsontree_bool(true));
		jsontree_put(o, "share",
			jsontree_real(x->waiting ? (double)x->cost / (double)x->waiting : 0));
	}
	if (x->local && x->local != x->cost)
		jsontree_put(o, "local", jsontree_u64(x->local));
	if (x->part_of)
		jsontree_put(o, "part_of", jsontree_text(x->part_of));
	jsontree_put(o, "count", jsontree_u64(x->count));
	if (x->of && x->of != FIELD_ABSENT)
		jsontree_put(o, "of", jsontree_u64(x->of));
	if (x->counted)
		jsontree_put(o, "counted", jsontree_text(x->counted));
	times(o, x);
	frames = jsontree_array(o, "frames");
	for (unsigned i = 0; i < x->nframes; i++)
		jsontree_append(frames, jsontree_u64(x->frames[i]));
	text_part(o, "filter", &x->filter);
	text_part(o, "bpf", &x->bpf);
	text_part(o, "saw", &x->saw);
	text_part(o, "means", &x->means);
	text_part(o, "next", &x->next);
	text_part(o, "against", &x->against);
	return o;
}

static void account(struct json_object *all, const struct findings *f)
{
	const struct account_line *line;
	unsigned n = findings_account(f, &line);
	struct felt sum = findings_felt(f);
	struct json_object *o = jsontree_object(all, "account"), *array;

	jsontree_put(o, "felt", jsontree_u64(sum.felt));
	jsontree_put(o, "all", jsontree_u64(sum.all));
	jsontree_put(o, "idle", jsontree_u64(sum.idle));
	if (sum.at_least)
		jsontree_put(o, "at_least", jsontree_bool(true));
	array = jsontree_array(o, "lines");
	for (unsigned i = 0; i < n; i++) {
		const struct account_line *l = &line[i];
		struct json_object *x = jsontree_object(NULL, NULL);

		jsontree_append(array, x);
		if (l->finding)
			jsontree_put(x, "finding", jsontree_text(l->finding->id));
		else
			jsontree_put(x, "entry", jsontree_text(ledger_names[l->entry]));
		if (!addr_is_zero(&l->server))
			jsontree_put(x, "server",
				l->port ? jsontree_endpoint(&l->server, l->port)
					: jsontree_addr(&l->server));
		if (l->protocol)
			jsontree_put(x, "protocol", jsontree_text(l->protocol));
		jsontree_put(x, "title",
			jsontree_text(l->finding ? l->finding->title : entry_words[l->entry]));
		jsontree_put(x, "cost", jsontree_u64(l->cost));
		if (l->at_least)
			jsontree_put(x, "at_least", jsontree_bool(true));
		jsontree_put(x, "share", jsontree_real((double)l->cost / (double)sum.felt));
	}
}

void document_findings(struct json_object *all, const struct model *m,
	const struct capture_stats *st, struct text *verdict)
{
	struct findings *f = findings_of(m);
	const struct finding *list;
	unsigned n = f ? findings_list(f, st, &list) : 0;
	struct json_object *array;

	if (!f)
		return;
	findings_verdict(f, list, n, verdict);
	jsontree_put(all, "verdict", jsontree_bytes(verdict->p, verdict->len));
	array = jsontree_array(all, "findings");
	for (unsigned i = 0; i < n; i++)
		jsontree_append(array, finding(&list[i]));
	account(all, f);
}

static struct json_object *call(const struct slow_call *c, uint64_t from)
{
	static const char *const names[] = {"", "OK", "Error", "Client Error", "Server Error"};
	struct json_object *o = jsontree_object(NULL, NULL), *stamps;

	jsontree_put(o, "protocol", jsontree_text(c->protocol));
	jsontree_put(o, "operation", jsontree_bytes(c->text, c->len));
	jsontree_put(o, "client", jsontree_addr(&c->client));
	jsontree_put(o, "server", jsontree_endpoint(&c->server, c->port));
	if (c->status && c->status < sizeof(names) / sizeof(names[0]))
		jsontree_put(o, "status", jsontree_text(names[c->status]));
	jsontree_put(o, "frame", jsontree_u64(c->frame));
	jsontree_put(o, "depth", jsontree_u64(c->depth));
	if (c->depth)
		jsontree_put(o, "after", jsontree_u64(c->start - from));
	else
		jsontree_put(o, "start", jsontree_time(c->start));
	jsontree_put(o, "total", jsontree_u64(c->total));
	if (c->pending)
		jsontree_put(o, "pending", jsontree_bool(true));
	/* From its start, with the time to connect; null: not known. */
	stamps = jsontree_array(o, "stamps");
	for (int i = 0; i < 4; i++)
		jsontree_append(stamps,
			c->stamp[i] == FIELD_ABSENT ? NULL : jsontree_u64(c->stamp[i] - c->start));
	document_ledger(o, "ledger", c->ledger);
	return o;
}

void document_slowest(struct json_object *all, const struct model *m)
{
	struct slow_request *const *list;
	unsigned n = model_slowest(m) ? slowest_list(model_slowest(m), &list) : 0;
	struct json_object *array = jsontree_array(all, "slowest");

	for (unsigned i = 0; i < n; i++) {
		const struct slow_request *r = list[i];
		struct json_object *o = call(&r->own, 0), *calls = jsontree_array(o, "calls");

		jsontree_append(array, o);
		for (unsigned k = 0; k < r->ncalls; k++)
			if (tiers_can_call(model_tiers(m), &r->own.server, r->own.port,
				    &r->calls[k].server, r->calls[k].port))
				jsontree_append(calls, call(&r->calls[k], r->own.start));
		if (r->left_out)
			jsontree_put(o, "calls_left_out", jsontree_u64(r->left_out));
	}
}
