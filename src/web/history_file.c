/* history_file.c - the file of a history, written and asked on its thread (history.h). */
#include "web/history_impl.h"
#include "base/mem.h"
#include "model/services.h"
#include "out/jsontree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION 1
#define BUCKETS 240u  /* of an answer's series, at most */
#define ROWS    "200" /* of its tables */

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS minute(minute INTEGER PRIMARY KEY, frames INTEGER, bytes "
	"INTEGER, "
	"dropped INTEGER, transactions INTEGER, errors INTEGER, waited INTEGER);"
	"CREATE TABLE IF NOT EXISTS service(minute INTEGER, server TEXT, protocol TEXT, "
	"transactions "
	"INTEGER, errors INTEGER, waited INTEGER, p50 INTEGER, p90 INTEGER, p99 INTEGER, PRIMARY "
	"KEY(minute, server, protocol)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS operation(minute INTEGER, server TEXT, protocol TEXT, "
	"operation TEXT, "
	"transactions INTEGER, errors INTEGER, waited INTEGER, p99 INTEGER, PRIMARY KEY(minute, "
	"server, "
	"protocol, operation)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS ledger(minute INTEGER, server TEXT, protocol TEXT, cause TEXT, "
	"ns "
	"INTEGER, PRIMARY KEY(minute, server, protocol, cause)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS finding(minute INTEGER, finding TEXT, severity TEXT, title "
	"TEXT, server "
	"TEXT, protocol TEXT, cost INTEGER, cases INTEGER, PRIMARY KEY(minute, finding, server, "
	"protocol)) "
	"WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

static bool run(struct history *h, const char *sql)
{
	return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The one number that a statement gives. */
static uint64_t number(struct history *h, const char *sql)
{
	sqlite3_stmt *s = NULL;
	uint64_t v = 0;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		v = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return v;
}

bool history_open(struct history *h, const char *path, char *err, size_t errsize)
{
	const char *why = NULL;
	uint64_t version;

	if (sqlite3_open_v2(path, &h->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK)
		why = h->db ? sqlite3_errmsg(h->db) : "out of memory";
	version = why ? 0 : number(h, "PRAGMA user_version");
	if (!why && version > VERSION)
		why = "a later version has written it";
	if (!why) {
		sqlite3_busy_timeout(h->db, 2000);
		/* No file is opened later: the log is, with the first that is written. */
		if (!run(h, "PRAGMA temp_store = MEMORY; PRAGMA journal_mode = WAL; PRAGMA "
			    "synchronous = NORMAL") ||
			!run(h, schema))
			why = sqlite3_errmsg(h->db);
	}
	if (why)
		snprintf(err, errsize, "--history %.200s: %s", path, why);
	return !why;
}

/* ---- Writing ---- */

struct statement {
	sqlite3_stmt *s;
	int n;
};

static void put_number(struct statement *s, uint64_t v)
{
	sqlite3_bind_int64(s->s, ++s->n, (sqlite3_int64)v);
}

static void put_text(struct statement *s, const char *p, size_t n)
{
	sqlite3_bind_text(s->s, ++s->n, p, (int)n, SQLITE_TRANSIENT);
}

static bool step(struct statement *s)
{
	bool good = sqlite3_step(s->s) == SQLITE_DONE;

	sqlite3_reset(s->s);
	s->n = 0;
	return good;
}

static bool prepare(struct history *h, struct statement *s, const char *sql)
{
	s->n = 0;
	s->s = NULL;
	return sqlite3_prepare_v2(h->db, sql, -1, &s->s, NULL) == SQLITE_OK;
}

static void put_service(struct statement *s, const struct minute *m, const struct service *x)
{
	char server[64] = "other";
	struct text t;

	text_init(&t, server, sizeof(server));
	if (!x || x->other)
		text_str(&t, "other");
	else
		text_endpoint(&t, &x->ip, x->port);
	put_number(s, m->number);
	put_text(s, t.p, t.len);
	put_text(
		s, x && x->protocol ? x->protocol : "", x && x->protocol ? strlen(x->protocol) : 0);
}

/* What an earlier run has of the same minute is added to. */
static bool write_services(struct history *h, const struct minute *m)
{
	const struct service **list;
	unsigned n = services_sorted(m->services, &list);
	struct statement s, ledger;
	bool good =
		prepare(h, &s,
			"INSERT INTO service VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
			"transactions = transactions + excluded.transactions, errors = errors + "
			"excluded.errors, waited = waited + excluded.waited, p50 = max(p50, "
			"excluded.p50), p90 = max(p90, excluded.p90), p99 = max(p99, "
			"excluded.p99)") &&
		prepare(h, &ledger,
			"INSERT INTO ledger VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET ns = ns + "
			"excluded.ns");

	for (unsigned i = 0; good && i < n; i++) {
		const struct tally *t = &list[i]->sum;

		if (!t->transactions)
			continue;
		put_service(&s, m, list[i]);
		put_number(&s, t->transactions);
		put_number(&s, t->errors);
		put_number(&s, t->total);
		put_number(&s, hist_at(&t->duration, 0.5));
		put_number(&s, hist_at(&t->duration, 0.9));
		put_number(&s, hist_at(&t->duration, 0.99));
		good = step(&s);
		for (int k = 0; good && k < LEDGER_COUNT; k++) {
			if (!t->ledger[k])
				continue;
			put_service(&ledger, m, list[i]);
			put_text(&ledger, ledger_names[k], strlen(ledger_names[k]));
			put_number(&ledger, t->ledger[k]);
			good = step(&ledger);
		}
	}
	sqlite3_finalize(s.s);
	sqlite3_finalize(ledger.s);
	return good;
}

static bool write_operations(struct history *h, const struct minute *m)
{
	const struct digest **list;
	unsigned n = digests_sorted(m->digests, &list);
	struct statement s;
	bool good = prepare(h, &s,
		"INSERT INTO operation VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
		"transactions = "
		"transactions + excluded.transactions, errors = errors + excluded.errors, waited = "
		"waited + "
		"excluded.waited, p99 = max(p99, excluded.p99)");

	for (unsigned i = 0; good && i < n && i < HISTORY_OPERATIONS; i++) {
		const struct digest *x = list[i];
		struct text t;

		if (!x->sum.transactions)
			continue;
		/* Bytes from the wire: as they are shown, so that they are UTF-8. */
		text_init(&t, h->operation, sizeof(h->operation));
		text_escape(&t, x->other ? "other" : x->text, x->other ? 5 : x->len, 400);
		put_service(&s, m, x->other ? NULL : x->service);
		put_text(&s, t.p, t.len);
		put_number(&s, x->sum.transactions);
		put_number(&s, x->sum.errors);
		put_number(&s, x->sum.total);
		put_number(&s, hist_at(&x->sum.duration, 0.99));
		good = step(&s);
	}
	sqlite3_finalize(s.s);
	return good;
}

static bool write_findings(struct history *h, const struct minute *m)
{
	struct statement s;
	bool good = prepare(h, &s,
		"INSERT INTO finding VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET severity = "
		"excluded.severity, cost = cost + excluded.cost, cases = cases + excluded.cases");

	for (unsigned i = 0; good && i < m->nfindings; i++) {
		const struct minute_finding *x = &m->findings[i];

		put_number(&s, m->number);
		put_text(&s, x->id, strlen(x->id));
		put_text(&s, x->severity, strlen(x->severity));
		put_text(&s, x->title, strlen(x->title));
		put_text(&s, x->server, strlen(x->server));
		put_text(&s, x->protocol ? x->protocol : "", x->protocol ? strlen(x->protocol) : 0);
		put_number(&s, x->cost);
		put_number(&s, x->cases);
		good = step(&s);
	}
	sqlite3_finalize(s.s);
	return good;
}

static bool write_minute(struct history *h, const struct minute *m)
{
	const struct tally *t = &services_total(m->services)->sum;
	struct statement s;
	bool good = prepare(h, &s,
		"INSERT INTO minute VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET frames = "
		"frames + "
		"excluded.frames, bytes = bytes + excluded.bytes, dropped = dropped + "
		"excluded.dropped, "
		"transactions = transactions + excluded.transactions, errors = errors + "
		"excluded.errors, "
		"waited = waited + excluded.waited");

	if (good) {
		put_number(&s, m->number);
		put_number(&s, m->frames);
		put_number(&s, m->bytes);
		put_number(&s, m->dropped);
		put_number(&s, t->transactions);
		put_number(&s, t->errors);
		put_number(&s, t->total);
		good = step(&s);
	}
	sqlite3_finalize(s.s);
	return good;
}

/* The oldest go until a twentieth of the size is free. */
static bool make_room(struct history *h)
{
	static const char *const tables[] = {"minute", "service", "operation", "ledger", "finding"};
	uint64_t page = number(h, "PRAGMA page_size");

	for (;;) {
		uint64_t used =
			(number(h, "PRAGMA page_count") - number(h, "PRAGMA freelist_count")) *
			page;
		uint64_t n = number(h, "SELECT count(*) FROM minute"), to;
		char sql[160];

		if (used <= h->size - h->size / 20 || n < 2)
			return true;
		snprintf(sql, sizeof(sql),
			"SELECT minute FROM minute ORDER BY minute LIMIT 1 OFFSET %llu",
			(unsigned long long)(n / 20 ? n / 20 : 1));
		to = number(h, sql);
		for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
			snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE minute < %llu", tables[i],
				(unsigned long long)to);
			if (!run(h, sql))
				return false;
		}
	}
}

void history_write(struct history *h, const struct minute *m)
{
	bool good = run(h, "BEGIN IMMEDIATE") && make_room(h) && write_minute(h, m) &&
		    write_services(h, m) && write_operations(h, m) && write_findings(h, m) &&
		    run(h, "COMMIT");

	if (good)
		return;
	if (!h->failed++)
		snprintf(h->error, sizeof(h->error), "%s", sqlite3_errmsg(h->db));
	(void)run(h, "ROLLBACK");
}

/* ---- Answers ---- */

static struct json_object *column(sqlite3_stmt *s, int i)
{
	if (sqlite3_column_type(s, i) == SQLITE_INTEGER)
		return jsontree_u64((uint64_t)sqlite3_column_int64(s, i));
	return jsontree_bytes(
		(const char *)sqlite3_column_text(s, i), (size_t)sqlite3_column_bytes(s, i));
}

/* An object a row, its members called as the columns are; times are minutes. */
static void table(struct history *h, struct json_object *all, const char *name, const char *sql,
	const char *const *members, uint64_t from)
{
	struct json_object *array = jsontree_array(all, name);
	struct statement s;

	if (prepare(h, &s, sql)) {
		put_number(&s, from);
		while (sqlite3_step(s.s) == SQLITE_ROW) {
			struct json_object *o = jsontree_object(NULL, NULL);

			for (int i = 0; members[i]; i++)
				jsontree_put(o, members[i], column(s.s, i));
			jsontree_append(array, o);
		}
	}
	sqlite3_finalize(s.s);
}

static void series(
	struct history *h, struct json_object *all, uint64_t from, uint64_t step_of, unsigned n)
{
	static const char *const names[] = {"transactions", "errors", "waited", "dropped"};
	uint64_t(*sum)[4] = xcalloc(n, sizeof(*sum));
	struct statement s;

	if (prepare(h, &s,
		    "SELECT minute, transactions, errors, waited, dropped FROM minute WHERE minute "
		    ">= ?")) {
		put_number(&s, from);
		while (sqlite3_step(s.s) == SQLITE_ROW) {
			uint64_t at = ((uint64_t)sqlite3_column_int64(s.s, 0) - from) / step_of;

			for (int k = 0; k < 4 && at < n; k++)
				sum[at][k] += (uint64_t)sqlite3_column_int64(s.s, k + 1);
		}
	}
	sqlite3_finalize(s.s);
	for (int k = 0; k < 4; k++) {
		struct json_object *array = jsontree_array(all, names[k]);

		for (unsigned i = 0; i < n; i++)
			jsontree_append(array, jsontree_u64(sum[i][k]));
	}
	free(sum);
}

void history_answer(struct history *h, enum web_thing which)
{
	static const char *const services[] = {
		"server", "protocol", "transactions", "errors", "waited", "p99", NULL};
	static const char *const operations[] = {
		"server", "protocol", "operation", "transactions", "errors", "waited", "p99", NULL};
	static const char *const causes[] = {"cause", "ns", NULL};
	static const char *const findings[] = {"finding", "severity", "title", "server", "protocol",
		"cost", "cases", "first", "last", NULL};
	uint64_t minutes = web_history_minutes[which - WEB_HISTORY],
		 now = (uint64_t)time(NULL) / 60;
	uint64_t from = now + 1 - minutes, step_of = (minutes + BUCKETS - 1) / BUCKETS;
	struct json_object *all = jsontree_object(NULL, NULL);
	char *data = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&data, &n);

	if (!f)
		out_of_memory();
	jsontree_put(all, "from", jsontree_time(from * 60 * UINT64_C(1000000000)));
	jsontree_put(all, "start", jsontree_u64(from));
	jsontree_put(all, "width", jsontree_u64(step_of * 60 * UINT64_C(1000000000)));
	series(h, all, from, step_of, (unsigned)((minutes + step_of - 1) / step_of));
	table(h, all, "causes",
		"SELECT cause, sum(ns) FROM ledger WHERE minute >= ? GROUP BY 1 ORDER BY 2 DESC",
		causes, from);
	table(h, all, "services",
		"SELECT server, protocol, sum(transactions), sum(errors), sum(waited), max(p99) "
		"FROM service WHERE minute >= ? "
		"GROUP BY 1, 2 ORDER BY 5 DESC LIMIT " ROWS,
		services, from);
	table(h, all, "operations",
		"SELECT server, protocol, operation, sum(transactions), sum(errors), sum(waited), "
		"max(p99) FROM operation WHERE "
		"minute >= ? GROUP BY 1, 2, 3 ORDER BY 6 DESC LIMIT " ROWS,
		operations, from);
	table(h, all, "findings",
		"SELECT finding, severity, title, server, protocol, sum(cost), sum(cases), "
		"min(minute), max(minute) FROM finding "
		"WHERE minute >= ? GROUP BY 1, 2, 4, 5 ORDER BY 6 DESC LIMIT " ROWS,
		findings, from);
	jsontree_write(all, f);
	fputc('\n', f);
	json_object_put(all);
	if (fclose(f) != 0)
		out_of_memory();
	if (h->web)
		web_give(h->web, which, data, n);
	else
		free(data);
}
