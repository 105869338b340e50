/*
 * mem.c - what an arena gives is zeroed, its own and aligned, also where it was given before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "base/mem.h"

static void zeroed(const uint8_t *p, size_t n)
{
	assert_int_equal((uintptr_t)p % 64, 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

static void arena_gives_again(void **state)
{
	struct arena a = {0};
	uint8_t *large = arena_take(&a, 4096), *other = arena_take(&a, 4096), *part[4];
	unsigned blocks = a.nblocks;

	(void)state;
	memset(large, 0xaa, 4096);
	memset(other, 0xbb, 4096);
	arena_give(&a, large, 4096);
	/* Too large for it: from elsewhere. */
	part[0] = arena_take(&a, 4097);
	zeroed(part[0], 4097);
	assert_true(part[0] + 4097 <= large || part[0] >= large + 4096);
	/* In pieces that do not overlap, until it is used up. */
	for (unsigned i = 0; i < 4; i++) {
		part[i] = arena_take(&a, 1000);
		zeroed(part[i], 1000);
		assert_true(part[i] >= large && part[i] + 1024 <= large + 4096);
		memset(part[i], (int)i + 1, 1024);
	}
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 1024; j++)
			assert_int_equal(part[i][j], i + 1);
	part[0] = arena_take(&a, 64);
	zeroed(part[0], 64);
	assert_true(part[0] < large || part[0] >= large + 4096);
	for (unsigned j = 0; j < 4096; j++)
		assert_int_equal(other[j], 0xbb);
	assert_int_equal(a.nblocks, blocks);
	arena_release(&a);
}

static void pool_recycles(void **state)
{
	struct arena a = {0};
	struct pool p;
	void *one, *two;

	(void)state;
	pool_init(&p, &a, 24);
	one = pool_get(&p);
	two = pool_get(&p);
	assert_ptr_not_equal(one, two);
	pool_put(&p, one);
	pool_put(&p, NULL);
	assert_ptr_equal(pool_get(&p), one);
	assert_ptr_not_equal(pool_get(&p), two);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_again),
		cmocka_unit_test(pool_recycles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
