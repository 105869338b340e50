/*
 * keyed.c - tables by key: what is in them is found, whatever was found before, and what was made
 * first is given up where there is no room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/keyed.h"
#include <stdlib.h>
#include <string.h>

#define MOST  100u
#define NAMES 140u /* more than fit */
#define LONG  40u

/* Keys of this length that differ in their last byte, or the one in front of it, only. */
static const uint8_t *name(size_t len, unsigned n)
{
	static uint8_t key[LONG];

	memset(key, 7, sizeof(key));
	key[len - 1] = (uint8_t)(n / 10);
	key[len - 2] = (uint8_t)(n % 10);
	return key;
}

/* Against a list of who has which place, in the order of their making. */
static void renewed(size_t len)
{
	struct keyed *k = keyed_new(len, sizeof(unsigned), MOST);
	unsigned held[MOST], n = 0, oldest = 0;
	uint64_t given_up = 0;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned who = (unsigned)rand() % NAMES, at = 0, *value;

		while (at < n && held[at] != who)
			at++;
		value = rand() % 2 ? keyed_find(k, name(len, who)) : NULL;
		assert_true(!value || (at < n && *value == who + 1));
		if (rand() % 3)
			continue; /* it is asked for only */
		value = keyed_renew(k, name(len, who));
		assert_non_null(value);
		assert_int_equal(*value, at < n ? who + 1 : 0);
		*value = who + 1;
		if (at < n)
			continue;
		if (n < MOST) {
			held[n++] = who;
		} else {
			held[oldest++ % MOST] = who;
			given_up++;
		}
		assert_int_equal(keyed_count(k), n);
	}
	assert_int_equal(keyed_refused(k), given_up);
	for (unsigned i = 0; i < MOST; i++) {
		assert_memory_equal(keyed_key(k, i), name(len, held[i]), len);
		assert_int_equal(*(unsigned *)keyed_value(k, i), held[i] + 1);
		assert_ptr_equal(keyed_find(k, name(len, held[i])), keyed_value(k, i));
	}
	keyed_free(k);
}

static void what_was_made_first_is_given_up(void **state)
{
	static const size_t lengths[] = {2, 8, 12, 16, 24, 32, 37, 40};

	(void)state;
	srand(1);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		renewed(lengths[i]);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct keyed *k = keyed_new(8, sizeof(unsigned), 2);
	unsigned *one = keyed_get(k, name(8, 1)), *two;

	(void)state;
	*one = 11;
	two = keyed_get(k, name(8, 2));
	*two = 22;
	assert_null(keyed_get(k, name(8, 3)));
	assert_null(keyed_find(k, name(8, 3)));
	assert_int_equal(keyed_refused(k), 1);
	assert_int_equal(*(unsigned *)keyed_get(k, name(8, 1)), 11);
	assert_int_equal(*(unsigned *)keyed_find(k, name(8, 2)), 22);
	assert_int_equal(keyed_count(k), 2);
	keyed_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_first_is_given_up),
		cmocka_unit_test(what_does_not_fit_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
