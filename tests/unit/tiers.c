/*
 * tiers.c - which request made a call, and what it spent there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "model/tiers.h"

static const struct field fields[] = {
	FIELD("trace.id", "", "", FIELD_STR, 0),
	FIELD("http.request.id", "", "", FIELD_STR, 0),
	FIELDS_END,
};
static struct dissector http = {TSM_HEAD, .name = "http", .fields = fields};
static struct dissector mysql = {TSM_HEAD, .name = "mysql", .fields = fields};

/* They mean what the real ones do. */
static void learn_models(void)
{
	registry_init();
	http.model = registry_find("http")->model;
	mysql.model = registry_find("mysql")->model;
}

static struct service web = {.port = 80}, db = {.port = 3306};
/* Three tiers at one host, and its clients. */
static struct service proxy = {.port = 81}, cache = {.port = 82}, origin = {.port = 83};

struct made {
	struct txn_record t;
	struct value v;
	char text[32];
};

static struct addr host(unsigned n)
{
	const uint8_t ip[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};

	return addr_v4(ip);
}

/* From..till ms; the request is there within its first ms, which is all request. */
static struct made make(const struct dissector *d, unsigned client, unsigned server, unsigned from,
	unsigned till, const char *trace)
{
	struct made m = {.t = {.r = {.kind = RECORD_TXN,
				       .type = d->name,
				       .dissector = d,
				       .status = STATUS_OK}}};
	struct txn_record *t = &m.t;
	uint64_t start = (uint64_t)(from + 1000) * MS, end = (uint64_t)(till + 1000) * MS;

	t->r.client.ip = host(client);
	t->r.server.ip = host(server);
	t->r.start = t->stamp[0] = start;
	t->stamp[1] = start + MS / 2;
	t->r.end = t->stamp[3] = end;
	t->stamp[2] = end;
	t->r.duration = t->total = end - start;
	t->ledger[LEDGER_REQUEST] = MS / 2;
	t->ledger[LEDGER_SERVER] = end - start - MS / 2;
	t->values = (uint32_t)offsetof(struct made, v);
	if (trace) {
		t->nvalues = 1;
		m.v.len = (uint16_t)strlen(trace);
		m.v.room = sizeof(m.text);
		memcpy(m.text, trace, strlen(trace));
	}
	return m;
}

struct bench {
	struct digests *digests;
	struct tiers *tiers;
};

static void add(struct bench *b, struct service *s, const char *op, const struct made *m)
{
	tiers_record(
		b->tiers, digests_record(b->digests, s, op, strlen(op), &m->t), &m->t, NULL, 0);
}

static void page(struct bench *b, unsigned from, unsigned till, const char *op, const char *trace)
{
	struct made m = make(&http, 1, 2, from, till, trace);

	add(b, &web, op, &m);
}

static void query(struct bench *b, unsigned from, unsigned till, const char *op, const char *trace)
{
	struct made m = make(&mysql, 2, 3, from, till, trace);

	add(b, &db, op, &m);
}

static void local(struct bench *b, struct service *s, unsigned from, unsigned till, const char *op)
{
	struct made m = make(&http, 2, 2, from, till, NULL);

	m.t.r.server.port = s->port;
	add(b, s, op, &m);
}

static struct bench begin(void)
{
	return (struct bench){digests_new(DIGESTS_MAX, NULL), tiers_new(TIERS_EVENTS)};
}

static void end(struct bench *b)
{
	tiers_free(b->tiers);
	digests_free(b->digests);
}

static const struct tier *tier(struct bench *b, const char *op)
{
	const struct tier **list;
	unsigned n = tiers_sorted(b->tiers, &list);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i]->text, op) == 0)
			return list[i];
	fail_msg("no %s", op);
	return NULL;
}

static void calls_belong_to_the_request_under_way(void **state)
{
	struct bench b = begin();
	const struct tier_pair **pairs;
	const struct tier *t;

	(void)state;
	query(&b, 2, 12, "q", NULL);
	query(&b, 22, 32, "q", NULL);
	query(&b, 27, 37, "r", NULL); /* beside the one before */
	page(&b, 0, 50, "GET /a", NULL);
	query(&b, 60, 70, "q", NULL); /* nobody's */
	query(&b, 101, 103, "r", NULL);
	page(&b, 100, 110, "GET /b", NULL);
	page(&b, 200, 210, "GET /c", NULL); /* calls nothing */
	tiers_finish(b.tiers);
	t = tier(&b, "GET /a");
	assert_int_equal(t->requests, 1);
	assert_int_equal(t->calls[TIER_DATABASE], 3 * TIERS_ONE);
	assert_int_equal(t->time[TIER_DATABASE], 25 * MS);
	assert_int_equal(t->time[TIER_OWN], 50 * MS - MS / 2 - 25 * MS);
	assert_int_equal(t->shared, 0);
	assert_int_equal(tiers_pairs(b.tiers, t, &pairs), 2);
	assert_string_equal(pairs[0]->text, "q");
	assert_int_equal(pairs[0]->calls, 2 * TIERS_ONE);
	assert_int_equal(pairs[0]->time, 20 * MS);
	assert_int_equal(pairs[0]->repeats, 0);
	t = tier(&b, "GET /b");
	assert_int_equal(t->time[TIER_DATABASE], 2 * MS);
	assert_int_equal(tiers_pairs(b.tiers, NULL, &pairs), 3);
	end(&b);
}

static const struct tier *tier_at(struct bench *b, const struct service *s)
{
	const struct tier **list;
	unsigned n = tiers_sorted(b->tiers, &list);

	for (unsigned i = 0; i < n; i++)
		if (list[i]->service == s)
			return list[i];
	return NULL;
}

/* Not those of the others that are under way there, and never of one that is in front. */
static void tiers_of_one_host(void **state)
{
	struct bench b = begin();
	const struct tier_pair **pairs;

	(void)state;
	proxy.ip = cache.ip = origin.ip = host(2);
	for (unsigned i = 0; i < 3; i++) {
		unsigned at = 100 * i;

		local(&b, &origin, at + 10, at + 20, "GET /o");
		local(&b, &cache, at + 5, at + 25, "GET /c");
		local(&b, &proxy, at, at + 30, "GET /p");
	}
	/* What the cache fetches when it has answered; other clients ask meanwhile. */
	local(&b, &cache, 300, 304, "GET /c");
	local(&b, &cache, 400, 410, "GET /c");
	local(&b, &proxy, 420, 430, "GET /p");
	local(&b, &origin, 302, 500, "GET /o");
	tiers_finish(b.tiers);
	assert_null(tier_at(&b, &origin));
	assert_int_equal(tiers_pairs(b.tiers, tier_at(&b, &cache), &pairs), 1);
	assert_ptr_equal(pairs[0]->service, &origin);
	assert_int_equal(pairs[0]->calls, 4 * TIERS_ONE);
	assert_int_equal(tiers_pairs(b.tiers, tier_at(&b, &proxy), &pairs), 1);
	assert_ptr_equal(pairs[0]->service, &cache);
	assert_int_equal(pairs[0]->calls, 3 * TIERS_ONE);
	assert_false(tiers_can_call(b.tiers, &origin.ip, 83, &proxy.ip, 81));
	assert_true(tiers_can_call(b.tiers, &proxy.ip, 81, &origin.ip, 83));
	end(&b);
}

/* What lay in the other's time first was chance: it is not told once that is seen. */
static void direction_is_the_usual_one(void **state)
{
	struct bench b = begin();

	(void)state;
	proxy.ip = cache.ip = host(2);
	local(&b, &proxy, 20, 40, "GET /p");
	local(&b, &cache, 10, 50, "GET /c");
	for (unsigned i = 1; i < 4; i++) {
		local(&b, &cache, 100 * i + 10, 100 * i + 20, "GET /c");
		local(&b, &proxy, 100 * i, 100 * i + 30, "GET /p");
	}
	tiers_finish(b.tiers);
	assert_null(tier_at(&b, &cache));
	assert_non_null(tier_at(&b, &proxy));
	end(&b);
}

static void requests_side_by_side_share(void **state)
{
	struct bench b = begin();

	(void)state;
	query(&b, 10, 20, "q", NULL);
	query(&b, 40, 50, "q", NULL); /* only the second one's: the first has ended */
	page(&b, 0, 30, "GET /a", NULL);
	page(&b, 5, 60, "GET /b", NULL);
	/* None holds it whole: by how far it reaches into each. */
	page(&b, 100, 112, "GET /c", NULL);
	page(&b, 100, 116, "GET /d", NULL);
	query(&b, 110, 120, "q", NULL);
	tiers_finish(b.tiers);
	assert_int_equal(tier(&b, "GET /a")->calls[TIER_DATABASE], TIERS_ONE / 2);
	assert_int_equal(tier(&b, "GET /a")->time[TIER_DATABASE], 5 * MS);
	assert_int_equal(tier(&b, "GET /a")->shared, TIERS_ONE / 2);
	assert_int_equal(tier(&b, "GET /b")->calls[TIER_DATABASE], TIERS_ONE / 2 * 3);
	assert_int_equal(tier(&b, "GET /b")->time[TIER_DATABASE], 15 * MS);
	assert_int_equal(tier(&b, "GET /b")->shared, TIERS_ONE / 2);
	assert_int_equal(tier(&b, "GET /c")->calls[TIER_DATABASE], TIERS_ONE / 4);
	assert_int_equal(tier(&b, "GET /d")->calls[TIER_DATABASE], TIERS_ONE / 4 * 3);
	end(&b);
}

static void an_id_settles_it(void **state)
{
	struct bench b = begin();

	(void)state;
	query(&b, 10, 20, "q", "id-of-b");
	query(&b, 21, 22, "q", "of nobody here"); /* shared, by time */
	page(&b, 0, 30, "GET /a", "id-of-a");
	page(&b, 5, 60, "GET /b", "id-of-b");
	tiers_finish(b.tiers);
	assert_int_equal(tier(&b, "GET /a")->calls[TIER_DATABASE], TIERS_ONE / 2);
	assert_int_equal(tier(&b, "GET /b")->calls[TIER_DATABASE], TIERS_ONE / 2 * 3);
	assert_int_equal(tier(&b, "GET /b")->by_id, 1);
	end(&b);
}

static void repeated_calls_are_counted(void **state)
{
	struct bench b = begin();
	const struct tier_pair **pairs;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 20 + i; k++)
			query(&b, i * 1000 + 10 + 10 * k, i * 1000 + 12 + 10 * k, "q", NULL);
		query(&b, i * 1000 + 500, i * 1000 + 600, "list", NULL);
		page(&b, i * 1000, i * 1000 + 700, "GET /list", NULL);
	}
	tiers_finish(b.tiers);
	assert_int_equal(tiers_pairs(b.tiers, tier(&b, "GET /list"), &pairs), 2);
	assert_string_equal(pairs[0]->text, "list");
	assert_int_equal(pairs[0]->repeats, 0);
	assert_int_equal(pairs[1]->calls, (20 + 21 + 22) * TIERS_ONE);
	assert_int_equal(pairs[1]->most, 22 * TIERS_ONE);
	assert_int_equal(pairs[1]->repeats, 3);
	assert_int_equal(pairs[1]->requests, 3);
	end(&b);
}

static void too_many_are_not_guessed_at(void **state)
{
	struct bench b = begin();
	const struct tier **list;

	(void)state;
	query(&b, 10, 20, "q", NULL);
	for (unsigned i = 0; i <= NEST_PARENTS; i++)
		page(&b, 0, 30, "GET /a", NULL);
	tiers_finish(b.tiers);
	assert_int_equal(tiers_sorted(b.tiers, &list), 0);
	assert_int_equal(tiers_unsettled(b.tiers), 1);
	end(&b);
}

static uint64_t seed = 3;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

/* Of many, more than are held back at once: no time is lost or invented, no call counts twice. */
static void the_sums_agree(void **state)
{
	struct bench b = begin();
	uint64_t server = 0, requests = 0, time = 0, calls = 0, queries = 0, had = 0, pages = 0;
	const struct tier **list;
	unsigned n, now = 0;
	char op[32];

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		unsigned span = 1 + draw(40);

		now += draw(3);
		if (draw(4)) {
			snprintf(op, sizeof(op), "q%u", draw(20));
			query(&b, now + 100 - span, now + 100, op, NULL);
			queries++;
		} else {
			snprintf(op, sizeof(op), "GET /%u", draw(20));
			span *= draw(3);
			page(&b, now + 99 - span, now + 100, op, NULL);
			pages++;
		}
	}
	tiers_finish(b.tiers);
	n = tiers_sorted(b.tiers, &list);
	assert_int_equal(n, 20);
	for (unsigned i = 0; i < n; i++) {
		server += list[i]->server;
		requests += list[i]->requests;
		for (int c = 0; c < TIER_CLASSES; c++) {
			time += list[i]->time[c];
			calls += list[i]->calls[c];
		}
		had += list[i]->time[TIER_DATABASE];
	}
	assert_int_equal(server, time);
	assert_int_equal(requests + tiers_late(b.tiers), pages);
	assert_int_equal(tiers_late(b.tiers), 0);
	assert_int_equal(calls % TIERS_ONE, 0);
	assert_in_range(calls / TIERS_ONE, queries / 2, queries);
	assert_in_range(had, server / 4, server);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_belong_to_the_request_under_way),
		cmocka_unit_test(tiers_of_one_host),
		cmocka_unit_test(direction_is_the_usual_one),
		cmocka_unit_test(requests_side_by_side_share),
		cmocka_unit_test(an_id_settles_it),
		cmocka_unit_test(repeated_calls_are_counted),
		cmocka_unit_test(too_many_are_not_guessed_at),
		cmocka_unit_test(the_sums_agree),
	};

	learn_models();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
