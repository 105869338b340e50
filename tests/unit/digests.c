/*
 * digests.c - operations added up within bounds, against all of them added up plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/digests.h"

#define MAX 64u
#define OPS 3000u

static struct service web, db;

static struct txn_record txn(uint64_t duration, uint64_t frame)
{
	struct txn_record t = {.r = {.kind = RECORD_TXN,
				       .status = STATUS_OK,
				       .start = 1000 * frame,
				       .end = 1000 * frame + duration,
				       .duration = duration},
		.frame = {frame, frame, frame, frame},
		.wait = duration,
		.total = duration};

	t.ledger[LEDGER_SERVER] = duration;
	return t;
}

static void add(struct digests *d, const struct service *s, const char *op, uint64_t duration,
	uint64_t frame)
{
	struct txn_record t = txn(duration, frame);

	digests_record(d, s, op, strlen(op), &t);
}

static void operations_are_kept_apart(void **state)
{
	struct digests *d = digests_new(MAX, NULL);
	const struct digest **list;
	struct txn_record t;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++)
		add(d, &web, "GET /", i * 1000, i);
	add(d, &web, "GET /a", 500000, 21);
	add(d, &db, "GET /", 7, 22);
	t = txn(9, 23);
	t.r.duration = t.total = t.wait = FIELD_ABSENT;
	t.r.quality = 1u << QUALITY_NO_RESPONSE;
	t.r.status = STATUS_ERROR;
	digests_record(d, &db, "GET /", 5, &t);
	assert_int_equal(digests_sorted(d, &list), 3);
	assert_string_equal(list[0]->text, "GET /a");
	assert_int_equal(list[1]->sum.transactions, 20);
	assert_int_equal(list[1]->sum.total, 210000);
	assert_int_equal(list[1]->nslowest, DIGESTS_EXAMPLES);
	for (unsigned i = 0; i < DIGESTS_EXAMPLES; i++)
		assert_int_equal(list[1]->slowest[i].frame, 20 - i);
	assert_ptr_equal(list[2]->service, &db);
	assert_int_equal(list[2]->sum.transactions, 2);
	assert_int_equal(list[2]->sum.errors, 1);
	assert_int_equal(list[2]->nslowest, 1);
	assert_ptr_equal(digests_find(d, &db, "GET /", 5), list[2]);
	assert_null(digests_find(d, &db, "GET /a", 6));
	assert_int_equal(digests_given_up(d), 0);
	digests_free(d);
}

static uint64_t seed;

static uint64_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return seed >> 33;
}

/* Ten operations make half of the waiting, among 3,000 that are there a few times. */
static void the_heavy_ones_are_kept(void **state)
{
	struct digests *d = digests_new(MAX, NULL);
	static uint64_t total[OPS], count[OPS];
	const struct digest **list;
	uint64_t sum = 0, transactions = 0, all = 0;
	unsigned n, heavy = 0;
	char op[32];

	(void)state;
	seed = 1;
	memset(total, 0, sizeof(total));
	memset(count, 0, sizeof(count));
	for (uint64_t i = 1; i <= 50000; i++) {
		unsigned k = (unsigned)(draw() % 2 ? draw() % 10 : draw() % OPS);
		uint64_t duration = 1000 + draw() % 100000;

		snprintf(op, sizeof(op), "op %u", k);
		add(d, &web, op, duration, i);
		total[k] += duration;
		count[k]++;
		all += duration;
	}
	n = digests_sorted(d, &list);
	assert_int_equal(n, MAX + 1);
	assert_true(digests_given_up(d) > 1000);
	for (unsigned i = 0; i < n; i++) {
		unsigned k;

		sum += list[i]->sum.total;
		transactions += list[i]->sum.transactions;
		assert_int_equal(list[i]->sum.ledger[LEDGER_SERVER], list[i]->sum.total);
		if (list[i]->other)
			continue;
		k = (unsigned)strtoul(list[i]->text + 3, NULL, 10);
		assert_true(list[i]->sum.total <= total[k]);
		/* What it had before it was kept is within what it says. */
		assert_true(total[k] + count[k] <=
			    list[i]->sum.total + list[i]->sum.transactions + list[i]->floor);
		if (k < 10) {
			heavy++;
			assert_true(list[i]->sum.total > total[k] / 100 * 95);
		}
	}
	assert_int_equal(heavy, 10);
	assert_int_equal(sum, all);
	assert_int_equal(transactions, 50000);
	digests_free(d);
}

/* What is kept does not depend on the hash's key, which is drawn anew each time. */
static void the_same_every_time(void **state)
{
	char first[MAX + 1][32];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		struct digests *d = digests_new(MAX, NULL);
		const struct digest **list;
		char op[32];

		seed = 99;
		for (uint64_t i = 1; i <= 5000; i++) {
			snprintf(op, sizeof(op), "op %u", (unsigned)(draw() % 500));
			add(d, &web, op, draw() % 8, i);
		}
		assert_int_equal(digests_sorted(d, &list), MAX + 1);
		for (unsigned i = 0; i <= MAX; i++) {
			if (round == 0)
				snprintf(first[i], sizeof(first[i]), "%s", list[i]->text);
			assert_string_equal(first[i], list[i]->text);
		}
		digests_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_are_kept_apart),
		cmocka_unit_test(the_heavy_ones_are_kept),
		cmocka_unit_test(the_same_every_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
