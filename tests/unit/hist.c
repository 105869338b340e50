/*
 * hist.c - percentiles of the histogram against the exact ones of the sorted values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/hist.h"
#include "base/stat.h"

#define N 20000u

static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank: the smallest value that at least this part of all does not exceed. */
static uint64_t exact(const uint64_t *sorted, size_t n, unsigned per_mille)
{
	size_t rank = (n * per_mille + 999) / 1000;

	return sorted[rank ? rank - 1 : 0];
}

static void check(const struct hist *h, uint64_t *values, size_t n)
{
	static const unsigned parts[] = {1, 10, 100, 250, 500, 750, 900, 950, 990, 999, 1000};

	qsort(values, n, sizeof(*values), by_value);
	assert_int_equal(h->n, n);
	assert_int_equal(h->min, values[0]);
	assert_int_equal(h->max, values[n - 1]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double want = (double)exact(values, n, parts[i]);
		double got = (double)hist_at(h, parts[i] / 1000.0);

		assert_true(fabs(got - want) <= want * 0.01);
	}
}

/* How values are spread: the shift of 64 random bits, and what is added. */
static void percentiles_are_within_one_percent(void **state)
{
	uint64_t *values = malloc(N * sizeof(*values));

	(void)state;
	assert_non_null(values);
	for (unsigned spread = 0; spread < 64; spread++) {
		struct hist h;

		seed = 88172645463325252u + spread;
		hist_init(&h);
		for (unsigned i = 0; i < N; i++) {
			/* Latencies: spread evenly over their logarithm, up to 2^(64 - spread). */
			uint64_t v = draw() >> spread;

			values[i] = v >> draw() % (64 - spread);
			hist_add(&h, values[i]);
		}
		check(&h, values, N);
		hist_release(&h);
	}
	free(values);
}

static void small_numbers_are_exact(void **state)
{
	struct hist h;

	(void)state;
	hist_init(&h);
	assert_int_equal(hist_at(&h, 0.5), 0);
	for (uint64_t v = 1; v <= 100; v++)
		hist_add(&h, v);
	assert_int_equal(hist_at(&h, 0.5), 50);
	assert_int_equal(hist_at(&h, 0.99), 99);
	assert_int_equal(hist_at(&h, 1), 100);
	assert_int_equal(hist_at(&h, 0), 1);
	assert_int_equal(h.sum, 5050);
	hist_release(&h);
}

/* The ends of the range, and of each power of two. */
static void every_magnitude_has_its_place(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++)
		for (int off = -1; off <= 1; off++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
			struct hist h;

			hist_init(&h);
			hist_add(&h, 0);
			hist_add(&h, v);
			hist_add(&h, v);
			hist_add(&h, UINT64_MAX);
			/* In the middle of its bucket: less than 1 % away. */
			assert_true(fabs((double)hist_at(&h, 0.5) - (double)v) <= (double)v * 0.01);
			hist_release(&h);
		}
}

static void merged_is_the_same_as_together(void **state)
{
	uint64_t *values = malloc(N * sizeof(*values));
	struct hist all, part[3], sum;

	(void)state;
	assert_non_null(values);
	seed = 42;
	hist_init(&all);
	hist_init(&sum);
	for (unsigned i = 0; i < 3; i++)
		hist_init(&part[i]);
	for (unsigned i = 0; i < N; i++) {
		values[i] = draw() >> draw() % 64;
		hist_add(&all, values[i]);
		hist_add(&part[draw() % 3], values[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		hist_merge(&sum, &part[i]);
	check(&sum, values, N);
	assert_int_equal(sum.sum, all.sum);
	for (unsigned i = 0; i <= 1000; i++)
		assert_int_equal(hist_at(&sum, i / 1000.0), hist_at(&all, i / 1000.0));
	/* Nothing added changes nothing. */
	hist_release(&part[0]);
	hist_init(&part[0]);
	hist_merge(&sum, &part[0]);
	assert_int_equal(sum.n, N);
	assert_int_equal(sum.min, all.min);
	hist_release(&all);
	hist_release(&sum);
	for (unsigned i = 0; i < 3; i++)
		hist_release(&part[i]);
	free(values);
}

static void what_is_taken_out_leaves_the_rest(void **state)
{
	struct hist all, out, rest;

	(void)state;
	seed = 7;
	hist_init(&all);
	hist_init(&out);
	hist_init(&rest);
	for (unsigned i = 0; i < N; i++) {
		uint64_t v = draw() >> 20;

		hist_add(&all, v);
		/* The greatest are taken out, and some others. */
		hist_add(v >> 42 || v % 3 == 0 ? &out : &rest, v);
	}
	hist_subtract(&all, &out);
	assert_int_equal(all.n, rest.n);
	assert_int_equal(all.sum, rest.sum);
	for (unsigned i = 0; i <= 1000; i++) {
		double got = (double)hist_at(&all, i / 1000.0);
		double want = (double)hist_at(&rest, i / 1000.0);

		assert_true(got >= want * 0.992 - 1 && got <= want * 1.008 + 1);
	}
	hist_subtract(&all, &rest);
	assert_int_equal(all.n, 0);
	assert_int_equal(hist_at(&all, 0.5), 0);
	assert_int_equal(all.max, 0);
	hist_release(&all);
	hist_release(&out);
	hist_release(&rest);
}

/* Values from the literature and from counting by hand. */
/* What has no room is counted, and known by the least and the most only; what is taken out is room
 * again. */
static void room_is_shared_and_bounded(void **state)
{
	struct hist_room room = {.left = 1000};
	struct hist a = {.room = &room}, b = {.room = &room}, same = {0};

	(void)state;
	for (uint64_t v = 1; v <= 16; v++)
		hist_add(&a, v);
	assert_int_equal(room.refused, 0);
	for (unsigned i = 0; i < 40; i++)
		hist_add(&b, UINT64_C(1) << i);
	assert_true(room.refused > 20);
	assert_int_equal(b.left_out, room.refused);
	assert_int_equal(b.n, 40);
	assert_int_equal(b.sum, (UINT64_C(1) << 40) - 1);
	assert_int_equal(b.max, UINT64_C(1) << 39);
	assert_int_equal(hist_at(&a, 0.5), 8);
	/* The whole of b comes out again, whether it was in a bucket or not. */
	for (unsigned i = 0; i < 40; i++)
		hist_add(&same, UINT64_C(1) << i);
	hist_subtract(&b, &same);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.left_out, 0);
	hist_release(&same);
	hist_release(&a);
	hist_release(&b);
	assert_int_equal(room.left, 1000);
}

static void tests_of_significance(void **state)
{
	double p[4] = {0.01, 0.04, 0.03, 0.005}, greater;
	struct hist a, b;

	(void)state;
	/* Fisher's tea: 3 of 4 against 1 of 4; then 8 of 10 against 1 of 6. */
	assert_true(fabs(stat_shares(3, 4, 1, 4) - 0.485714) < 1e-5);
	assert_true(fabs(stat_shares(8, 10, 1, 6) - 0.034965) < 1e-5);
	assert_true(stat_shares(0, 10, 0, 20) >= 1 && stat_shares(5, 5, 0, 0) >= 1);
	/* 60 of 200 against 40 of 200: z = 2.1939 with continuity. */
	assert_true(fabs(stat_shares(60, 200, 40, 200) - 0.028243) < 1e-4);
	/* Holm: 4 x 0.005, 3 x 0.01, 2 x 0.03, and no less than that. */
	stat_holm(p, 4);
	assert_true(fabs(p[3] - 0.02) < 1e-9 && fabs(p[0] - 0.03) < 1e-9);
	assert_true(fabs(p[2] - 0.06) < 1e-9 && fabs(p[1] - 0.06) < 1e-9);
	hist_init(&a);
	hist_init(&b);
	assert_true(stat_rank_sum(&a, &b, &greater) >= 1);
	for (unsigned i = 1; i <= 10; i++) {
		hist_add(&a, i);
		hist_add(&b, i + 5);
	}
	/* U = 87.5 with 5 ties of two; z = 2.80 (37 / 13.204). */
	assert_true(stat_rank_sum(&a, &b, &greater) < 0.01);
	assert_true(fabs(greater - 0.875) < 1e-9);
	assert_int_equal(stat_above(&b, 10), 5);
	assert_int_equal(stat_above(&b, 0), 10);
	assert_int_equal(stat_above(&b, 1000), 0);
	hist_release(&a);
	hist_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_within_one_percent),
		cmocka_unit_test(small_numbers_are_exact),
		cmocka_unit_test(every_magnitude_has_its_place),
		cmocka_unit_test(merged_is_the_same_as_together),
		cmocka_unit_test(what_is_taken_out_leaves_the_rest),
		cmocka_unit_test(room_is_shared_and_bounded),
		cmocka_unit_test(tests_of_significance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
