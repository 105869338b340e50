/*
 * arena.c - what an arena gives is zeroed, its own and aligned, also where it was given before;
 * what one pool has no use for is the next one's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

#define PIECES 400u

static void check_all(const uint8_t *p, size_t n, uint8_t is)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], is);
}

/* Taken and given in no order, of any size. */
static void gives_again(void **state)
{
	struct arena a = {.small = true, .keep = 4 * SLAB};
	static uint8_t *piece[PIECES];
	static size_t size[PIECES];
	unsigned random = 1, most = 0;

	(void)state;
	for (unsigned round = 0; round < 6000; round++) {
		unsigned i;

		random = random * 1103515245 + 12345;
		i = random / 65536 % PIECES;
		if (piece[i]) {
			check_all(piece[i], size[i], (uint8_t)(i + 1));
			arena_give(&a, piece[i], size[i]);
			piece[i] = NULL;
			continue;
		}
		size[i] = (random >> 8) % (random % 7 ? 70000u : 400000u) + 1;
		piece[i] = arena_take(&a, size[i]);
		assert_int_equal((uintptr_t)piece[i] % 64, 0);
		check_all(piece[i], size[i], 0);
		memset(piece[i], (int)(uint8_t)(i + 1), size[i]);
		if (round == 3000)
			most = a.nblocks;
	}
	assert_true(a.nblocks <= most + most / 4);
	for (unsigned i = 0; i < PIECES; i++)
		if (piece[i])
			arena_give(&a, piece[i], size[i]);
	assert_int_equal(a.taken, 0);
	assert_true(a.unclean <= 4);
	arena_release(&a);
}

static void pool_recycles(void **state)
{
	struct arena a = {.small = true};
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

/* Three kinds one after another need the memory of one. */
static void pools_share(void **state)
{
	static void *object[3000];
	struct arena a = {.small = true};
	unsigned blocks = 0;

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct pool p;

		pool_init(&p, &a, 700 + kind * 16);
		for (unsigned i = 0; i < 3000; i++) {
			object[i] = pool_get(&p);
			memset(object[i], 0xaa, p.size);
		}
		if (!kind)
			blocks = a.nblocks;
		assert_int_equal(p.live, 3000);
		for (unsigned i = 0; i < 3000; i++)
			pool_put(&p, object[(i * 7) % 3000]);
		assert_int_equal(p.live, 0);
		assert_true(p.slabs <= 2);
	}
	assert_true(a.nblocks <= blocks + 1);
	arena_release(&a);
}

struct movable {
	unsigned n;
	uint8_t rest[996];
};

static struct movable *where[3000];

static void moved(void *object)
{
	struct movable *m = object;

	where[m->n] = m;
}

/* One of five is left in each slab. */
static void draws_together(void **state)
{
	struct arena a = {.small = true};
	struct pool p;
	uint32_t had;

	(void)state;
	pool_init(&p, &a, sizeof(struct movable));
	for (unsigned i = 0; i < 3000; i++) {
		where[i] = pool_get(&p);
		where[i]->n = i;
		memset(where[i]->rest, (int)(uint8_t)i, sizeof(where[i]->rest));
	}
	had = p.slabs;
	for (unsigned i = 0; i < 3000; i++)
		if (i % 5)
			pool_put(&p, where[i]);
	assert_int_equal(p.slabs, had);
	for (unsigned i = 0; i < had; i++)
		pool_shrink(&p, moved);
	assert_true(p.slabs <= had / 3);
	assert_int_equal(p.live, 600);
	assert_int_equal(a.taken, p.slabs);
	for (unsigned i = 0; i < 3000; i += 5) {
		assert_int_equal(where[i]->n, i);
		check_all(where[i]->rest, sizeof(where[i]->rest), (uint8_t)i);
		pool_put(&p, where[i]);
	}
	assert_int_equal(p.live, 0);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_again),
		cmocka_unit_test(pool_recycles),
		cmocka_unit_test(pools_share),
		cmocka_unit_test(draws_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
