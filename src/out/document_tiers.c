/* document_tiers.c - what the requests to web servers waited for behind them (document.h). */
#include "model/tiers.h"
#include "out/document_impl.h"
#include "model/services.h"

static void operation(struct json_object *o, const struct service *s, const char *text, size_t len)
{
	if (!s) {
		jsontree_put(o, "other", jsontree_bool(true));
		return;
	}
	jsontree_put(o, "server", jsontree_endpoint(&s->ip, s->port));
	if (s->protocol)
		jsontree_put(o, "protocol", jsontree_text(s->protocol));
	jsontree_put(o, "operation", jsontree_bytes(text, len));
}

static struct json_object *calls(uint64_t n)
{
	return jsontree_real((double)n / TIERS_ONE);
}

static void pairs(struct json_object *o, struct tiers *all, const struct tier *t)
{
	const struct tier_pair **list;
	unsigned n = tiers_pairs(all, t, &list);
	struct json_object *array = jsontree_array(o, "pairs");

	for (unsigned i = 0; i < n; i++) {
		struct json_object *x = jsontree_object(NULL, NULL);

		jsontree_append(array, x);
		operation(x, list[i]->service, list[i]->text, list[i]->len);
		jsontree_put(x, "requests", jsontree_u64(list[i]->requests));
		jsontree_put(x, "repeats", jsontree_u64(list[i]->repeats));
		jsontree_put(x, "calls", calls(list[i]->calls));
		jsontree_put(x, "most", calls(list[i]->most));
		jsontree_put(x, "time", jsontree_u64(list[i]->time));
	}
}

static struct json_object *tier(struct tiers *all, const struct tier *t)
{
	struct json_object *o = jsontree_object(NULL, NULL), *time, *called;

	operation(o, t->service, t->text, t->len);
	jsontree_put(o, "requests", jsontree_u64(t->requests));
	jsontree_put(o, "server_time", jsontree_u64(t->server));
	time = jsontree_object(o, "time");
	for (int i = 0; i < TIER_CLASSES; i++)
		if (t->time[i])
			jsontree_put(time, tier_names[i], jsontree_u64(t->time[i]));
	called = jsontree_object(o, "calls");
	for (int i = 0; i < TIER_CLASSES; i++)
		if (t->calls[i])
			jsontree_put(called, tier_names[i], calls(t->calls[i]));
	jsontree_put(o, "shared", calls(t->shared));
	jsontree_put(o, "by_id", jsontree_u64(t->by_id));
	pairs(o, all, t);
	return o;
}

void document_tiers(struct json_object *all, const struct model *m)
{
	const struct tier **list;
	unsigned n = tiers_sorted(model_tiers(m), &list);
	struct json_object *array = jsontree_array(all, "tiers");

	for (unsigned i = 0; i < n; i++)
		jsontree_append(array, tier(model_tiers(m), list[i]));
	jsontree_put(all, "tiers_unsettled", jsontree_u64(tiers_unsettled(model_tiers(m))));
	jsontree_put(all, "tiers_late", jsontree_u64(tiers_late(model_tiers(m))));
}
