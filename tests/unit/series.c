/*
 * series.c - transactions over time in buckets that double, against the same worked out plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "model/series.h"

#define BASE UINT64_C(1700000000000000000)
#define N    2000u

static uint64_t seed;

static uint64_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return seed >> 20;
}

static struct txn_record txn(uint64_t start, uint64_t duration)
{
	struct txn_record t = {.r = {.kind = RECORD_TXN,
				       .status = STATUS_OK,
				       .start = start,
				       .end = start + duration,
				       .duration = duration,
				       .client = {.bytes = 100},
				       .server = {.bytes = FIELD_ABSENT}},
		.total = duration + 5};

	t.ledger[LEDGER_SERVER] = duration;
	t.ledger[LEDGER_CONNECT_NETWORK] = 5;
	return t;
}

static uint64_t overlap(uint64_t a, uint64_t b, uint64_t from, uint64_t to)
{
	a = a > from ? a : from;
	b = b < to ? b : to;
	return b > a ? b - a : 0;
}

static uint64_t from[N], till[N];

/* How many were under way at a time. */
static uint64_t under_way(unsigned n, uint64_t at)
{
	uint64_t k = 0;

	for (unsigned i = 0; i < n; i++)
		k += from[i] < at && till[i] >= at;
	return k;
}

static uint64_t most(unsigned n, uint64_t start, uint64_t end)
{
	uint64_t k = under_way(n, start);

	for (unsigned i = 0; i < n; i++)
		if (from[i] >= start && from[i] < end) {
			uint64_t here = under_way(n, from[i] + 1);

			k = here > k ? here : k;
		}
	return k;
}

static void check(struct series *s, unsigned n, unsigned buckets, bool all)
{
	struct series_view v = series_read(s);
	uint64_t started = 0;

	assert_in_range(v.n, 1, buckets);
	for (unsigned k = 0; k < v.n; k++) {
		const struct series_bucket *b = &v.bucket[k];
		uint64_t a = v.start + k * v.width, z = a + v.width, starts = 0, ends = 0, busy = 0;
		uint64_t waited = 0, slowest = 0, heat[SERIES_HEAT] = {0};

		for (unsigned i = 0; i < n; i++) {
			bool here = till[i] >= a && till[i] < z;

			starts += from[i] >= a && from[i] < z;
			busy += overlap(from[i], till[i], a, z);
			ends += here;
			waited += here ? till[i] - from[i] + 5 : 0;
			if (here && till[i] - from[i] > slowest)
				slowest = till[i] - from[i];
			heat[series_heat_row(till[i] - from[i])] += here;
		}
		assert_int_equal(b->started, starts);
		assert_int_equal(b->ended, ends);
		assert_int_equal(b->bytes, ends * 100);
		assert_int_equal(b->busy, busy);
		assert_int_equal(b->at, under_way(n, a));
		assert_int_equal(b->waited, waited);
		assert_int_equal(b->slowest, slowest);
		assert_int_equal(b->ledger[LEDGER_SERVER], waited - 5 * ends);
		for (unsigned i = 0; i < SERIES_HEAT; i++)
			assert_int_equal(b->heat[i], heat[i]);
		if (n <= 300)
			assert_in_range(b->peak, b->at, most(n, a, z));
		assert_true(b->peak * v.width >= b->busy);
		started += starts;
	}
	if (all)
		assert_int_equal(started, n);
}

/* Records come in the order of their ends, more or less; reading in between changes nothing. */
static void fill(
	struct series *s, unsigned n, uint64_t step, uint64_t longest, bool peek, bool recent)
{
	uint64_t now = BASE;

	for (unsigned i = 0; i < n; i++) {
		uint64_t duration = draw() % longest;
		struct txn_record t;

		if (draw() % 50 == 0)
			duration = longest * 40;
		now += draw() % step;
		from[i] = now - duration + (draw() % 10 == 0 ? 3 * step : 0);
		till[i] = from[i] + duration;
		t = txn(from[i], duration);
		series_add(s, &t);
		if (peek && i % 37 == 0)
			(void)series_read(s);
	}
	check(s, n, 64, !recent);
	check(s, n, 64, !recent);
	series_free(s);
}

static void run(unsigned n, uint64_t step, uint64_t longest, bool peek)
{
	fill(series_new(64), n, step, longest, peek, false);
}

static void the_newest_are_kept(void **state)
{
	struct series *s = series_new_recent(64, 1000000);
	struct txn_record t = txn(BASE, UINT64_C(1000000000));
	struct series_view v;

	(void)state;
	seed = 9;
	fill(series_new_recent(64, 1000000), 300, 100, 1000, false, true);
	fill(series_new_recent(64, 1000000), N, 1000000, 10000000, true, true);
	fill(series_new_recent(64, 1000000), N, 10000000, 1000000000, false, true);
	fill(series_new_recent(64, 1000000), N, UINT64_C(1000000000), 1000000, true, true);
	/* One that began before what is kept, and one that ended before it. */
	series_add(s, &t);
	v = series_read(s);
	assert_int_equal(v.n, 63);
	assert_int_equal(v.bucket[0].at, 1);
	assert_int_equal(v.bucket[0].busy, v.width);
	assert_int_equal(v.bucket[0].started, 0);
	t = txn(BASE, 1000);
	series_add(s, &t);
	assert_int_equal(series_read(s).n, 63);
	series_free(s);
}

static void buckets_hold_what_happened(void **state)
{
	(void)state;
	seed = 5;
	run(1, 1, 1, false);
	run(300, 100000, 1000000, false);
	run(300, 30000000, 2000000000, true);
	run(N, 1000, 50, false);
	run(N, 1000000, 100000000, true);
	run(N, UINT64_C(10000000000), 1000000, false);
}

static void any_span_fits(void **state)
{
	struct series *s = series_new(SERIES_BUCKETS);
	struct txn_record t = txn(0, 10);
	struct series_view v;
	uint64_t started = 0;

	(void)state;
	assert_int_equal(series_read(s).n, 0);
	series_add(s, &t);
	t = txn(UINT64_MAX - 1000, 10);
	series_add(s, &t);
	t = txn(0, UINT64_MAX - 100);
	series_add(s, &t);
	v = series_read(s);
	assert_in_range(v.n, 2, SERIES_BUCKETS);
	for (unsigned i = 0; i < v.n; i++) {
		started += v.bucket[i].started;
		assert_int_equal(v.bucket[i].at, i > 0);
	}
	assert_int_equal(started, 3);
	series_free(s);
}

static void unanswered_ones_end_when_given_up(void **state)
{
	struct series *s = series_new(64);
	struct txn_record t = txn(BASE, 3500000);
	struct series_view v;

	(void)state;
	t.r.end = t.r.duration = FIELD_ABSENT;
	t.r.quality = 1u << QUALITY_NO_RESPONSE;
	t.r.status = STATUS_ERROR;
	series_add(s, &t);
	v = series_read(s);
	assert_int_equal(v.n, 4);
	assert_int_equal(v.bucket[0].started, 1);
	assert_int_equal(v.bucket[3].ended, 1);
	assert_int_equal(v.bucket[3].errors, 1);
	assert_int_equal(v.bucket[2].busy, v.width);
	series_free(s);
}

static void rows_of_the_heat_map(void **state)
{
	(void)state;
	for (unsigned i = 1; i < SERIES_HEAT; i++) {
		assert_int_equal(series_heat_row(series_heat_least(i)), i);
		assert_int_equal(series_heat_row(series_heat_least(i) - 1), i - 1);
	}
	assert_int_equal(series_heat_row(0), 0);
	assert_int_equal(series_heat_row(UINT64_MAX), SERIES_HEAT - 1);
}

static void services_have_their_own(void **state)
{
	static struct service services[SERIES_SERVICES + 2];
	struct series_set *set = series_set_new(SERIES_SERVICES);
	struct txn_record t = txn(BASE, 1000);
	uint64_t since;

	(void)state;
	for (unsigned i = 0; i < SERIES_SERVICES + 2; i++) {
		services[i].sum.transactions = 1;
		services[i].sum.total = 100 + i;
		series_set_record(set, &services[i], &t);
	}
	assert_int_equal(series_whole(set).bucket[0].started, SERIES_SERVICES + 2);
	assert_int_equal(series_of(set, &services[0], &since).bucket[0].started, 1);
	assert_int_equal(series_of(set, &services[SERIES_SERVICES], &since).n, 0);
	/* One that was waited for far longer takes the place of the least. */
	services[SERIES_SERVICES].sum.transactions = 2;
	services[SERIES_SERVICES].sum.total = 1000;
	series_set_record(set, &services[SERIES_SERVICES], &t);
	assert_int_equal(series_of(set, &services[SERIES_SERVICES], &since).bucket[0].started, 1);
	assert_int_equal(since, BASE);
	assert_int_equal(series_of(set, &services[0], &since).n, 0);
	series_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_hold_what_happened),
		cmocka_unit_test(the_newest_are_kept),
		cmocka_unit_test(any_span_fits),
		cmocka_unit_test(unanswered_ones_end_when_given_up),
		cmocka_unit_test(rows_of_the_heat_map),
		cmocka_unit_test(services_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
