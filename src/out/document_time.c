/*
 * document_time.c - what happened when (document.h): a column for each number of the buckets, which
 * takes a third of the room of an object a bucket.
 */
#include "model/series.h"
#include "api/layer.h"
#include "out/document_impl.h"

typedef uint64_t column_fn(const struct series_bucket *b);

static uint64_t started(const struct series_bucket *b)
{
	return b->started;
}

static uint64_t ended(const struct series_bucket *b)
{
	return b->ended;
}

static uint64_t errors(const struct series_bucket *b)
{
	return b->errors;
}

static uint64_t bytes(const struct series_bucket *b)
{
	return b->bytes;
}

static uint64_t at(const struct series_bucket *b)
{
	return b->at;
}

static uint64_t peak(const struct series_bucket *b)
{
	return b->peak;
}

static uint64_t busy(const struct series_bucket *b)
{
	return b->busy;
}

static uint64_t waited(const struct series_bucket *b)
{
	return b->waited;
}

static const struct {
	const char *name;
	column_fn *get;
} columns[] = {
	{"started", started},
	{"ended", ended},
	{"errors", errors},
	{"bytes", bytes},
	{"at", at},
	{"peak", peak},
	{"busy", busy},
	{"waited", waited},
};

static void ledger_columns(struct json_object *o, const struct series_view *v)
{
	struct json_object *ledger = jsontree_object(o, "ledger");

	for (int i = 0; i < LEDGER_COUNT; i++) {
		struct json_object *column;
		uint64_t any = 0;

		for (unsigned k = 0; k < v->n; k++)
			any |= v->bucket[k].ledger[i];
		if (!any)
			continue;
		column = jsontree_array(ledger, ledger_names[i]);
		for (unsigned k = 0; k < v->n; k++)
			jsontree_append(column, jsontree_u64(v->bucket[k].ledger[i]));
	}
}

/* Of each bucket: row, count, row, count ... */
static void heat(struct json_object *o, const struct series_view *v)
{
	struct json_object *map = jsontree_array(o, "heat"),
			   *least = jsontree_array(o, "heat_rows");

	for (unsigned i = 0; i < SERIES_HEAT; i++)
		jsontree_append(least, jsontree_u64(series_heat_least(i)));
	for (unsigned k = 0; k < v->n; k++) {
		struct json_object *bucket = jsontree_array(NULL, NULL);

		jsontree_append(map, bucket);
		for (unsigned i = 0; i < SERIES_HEAT; i++) {
			if (!v->bucket[k].heat[i])
				continue;
			jsontree_append(bucket, jsontree_u64(i));
			jsontree_append(bucket, jsontree_u64(v->bucket[k].heat[i]));
		}
	}
}

static void series(struct json_object *o, const struct series_view *v)
{
	jsontree_put(o, "start", jsontree_time(v->start));
	jsontree_put(o, "width", jsontree_u64(v->width));
	jsontree_put(o, "n", jsontree_u64(v->n));
	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
		struct json_object *column = jsontree_array(o, columns[c].name);

		for (unsigned k = 0; k < v->n; k++)
			jsontree_append(column, jsontree_u64(columns[c].get(&v->bucket[k])));
	}
	ledger_columns(o, v);
	heat(o, v);
}

static void most(struct json_object *all, const struct series_view *v)
{
	struct json_object *o = jsontree_object(all, "most");
	struct series_most m = series_most(v);

	jsontree_put(o, "width", jsontree_u64(m.width));
	jsontree_put(o, "ended", jsontree_u64(m.ended));
	jsontree_put(o, "errors", jsontree_u64(m.errors));
	jsontree_put(o, "slowest", jsontree_u64(m.slowest));
	jsontree_put(o, "under_way", jsontree_u64(m.peak));
}

void document_series(struct json_object *all, const struct model *m)
{
	const struct service **list;
	unsigned n = services_sorted(model_services(m), &list);
	struct series_view v = series_whole(model_series(m));
	struct json_object *array;

	if (v.n) {
		series(jsontree_object(all, "series"), &v);
		most(all, &v);
	}
	array = jsontree_array(all, "series_of_services");
	for (unsigned i = 0; i < n; i++) {
		struct json_object *o;
		uint64_t since;

		v = series_of(model_series(m), list[i], &since);
		if (!v.n)
			continue;
		o = jsontree_object(NULL, NULL);
		jsontree_append(array, o);
		jsontree_put(o, "server", jsontree_endpoint(&list[i]->ip, list[i]->port));
		jsontree_put(o, "transport",
			jsontree_text(list[i]->transport == IP_PROTO_UDP ? "udp" : "tcp"));
		if (list[i]->protocol)
			jsontree_put(o, "protocol", jsontree_text(list[i]->protocol));
		if (since)
			jsontree_put(o, "since", jsontree_time(since));
		series(o, &v);
	}
}
