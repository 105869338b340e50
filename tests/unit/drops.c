/*
 * drops.c - when the kernel dropped frames: by the second, in bounded room, and none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "core/stats.h"

#define START (UINT64_C(1700000000) * SECOND)

static uint64_t sum(const struct drops *d)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		assert_true(d->list[i].start % SECOND == 0 && d->list[i].end % SECOND == 0);
		assert_true(d->list[i].end > d->list[i].start && d->list[i].frames);
		assert_true(i == 0 || d->list[i].start >= d->list[i - 1].end);
		n += d->list[i].frames;
	}
	return n;
}

static void a_pause_is_spread_over_its_seconds(void **state)
{
	struct drops d = {0};

	(void)state;
	drops_add(&d, START + SECOND / 2, START + 2 * SECOND + SECOND / 2, 400);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.list[0].frames, 100);
	assert_int_equal(d.list[1].frames, 200);
	assert_int_equal(d.list[2].frames, 100);
	drops_add(&d, START + 2 * SECOND + 1, START + 2 * SECOND + 2, 7);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.list[2].frames, 107);
	assert_int_equal(sum(&d), 407);
}

static void odd_times_lose_nothing(void **state)
{
	struct drops d = {0};

	(void)state;
	drops_add(&d, START + 5, START + 5, 3);      /* at once, */
	drops_add(&d, START + 9 * SECOND, START, 4); /* the clock was set back, */
	drops_add(&d, START - SECOND, START - 1, 5); /* before all others, */
	drops_add(&d, START, START + 3 * SECOND, 1); /* fewer than seconds, */
	drops_add(&d, START, START + 3 * SECOND, 0); /* and none */
	assert_int_equal(sum(&d), 13);
	drops_add(&d, START + 100 * SECOND, START + 90000 * SECOND, 1000); /* a day asleep */
	assert_int_equal(sum(&d), 1013);
	assert_int_equal(d.list[d.n - 1].frames, 1000);
	drops_add(&d, START + 200 * SECOND, START + 200 * SECOND + 1, 1);
	assert_int_equal(sum(&d), 1014);
}

static void many_seconds_become_wider(void **state)
{
	struct drops d = {0};

	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		drops_add(&d, START + i * 2 * SECOND, START + i * 2 * SECOND + 1, i + 1);
	assert_true(d.n <= DROPS_SHOWN);
	assert_int_equal(sum(&d), UINT64_C(5000) * 5001 / 2);
	assert_int_equal(d.list[0].start, START);
	assert_int_equal(d.list[d.n - 1].end, START + (2 * 4999 + 1) * SECOND);
	/* Between them, where there is no room of its own. */
	drops_add(&d, START + 1001 * SECOND, START + 1001 * SECOND + 1, 1);
	assert_int_equal(sum(&d), UINT64_C(5000) * 5001 / 2 + 1);
}

static void changes_are_said_by_name(void **state)
{
	struct capture_change c = {.state = IFACE_RENAMED, .name = "eth0", .now = "w\033n0"};
	char line[100];
	struct text t;

	(void)state;
	text_init(&t, line, sizeof(line));
	capture_change_text(&c, &t);
	assert_string_equal(line, "eth0 is called w\\x1bn0 now");
	c.state = IFACE_DOWN;
	text_clear(&t);
	capture_change_text(&c, &t);
	assert_string_equal(line, "eth0 (now w\\x1bn0) is down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_is_spread_over_its_seconds),
		cmocka_unit_test(odd_times_lose_nothing),
		cmocka_unit_test(many_seconds_become_wider),
		cmocka_unit_test(changes_are_said_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
