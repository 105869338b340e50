/*
 * nest.c - waits within waits: each span of time is in the account once, where it was spent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "model/nest_impl.h"

static struct cell *cells; /* of all services: the port is the class */
static struct nest *nest;

static struct addr host(unsigned n)
{
	const uint8_t ip[4] = {10, 0, 0, (uint8_t)n};

	return addr_v4(ip);
}

static void on_parent(
	void *arg, const struct nest_wait *w, const struct nest_link *links, uint32_t first)
{
	(void)arg;
	(void)w;
	(void)links;
	(void)first;
}

static void begin(void)
{
	nest = nest_new(NEST_EVENTS, on_parent, NULL);
}

static void end(void)
{
	nest_free(nest);
	account_free(&cells);
}

/* From..till, of which the first `network` ms are the path and the rest the server. */
static uint32_t object, called; /* what is asked for, of whoever calls others, and of them */

static void add(unsigned client, unsigned server, unsigned class, uint64_t from, uint64_t till,
	uint64_t network, bool calls)
{
	struct nest_wait w = {.client = host(client),
		.server = host(server),
		.port = (uint16_t) class,
		.caller = calls ? NEST_SURE : NEST_LEAF,
		.start = (1000 + from) * MS,
		.begin = (1000 + from) * MS,
		.asked = (1000 + from) * MS,
		.end = (1000 + till) * MS,
		.own = (till - from - network) * MS,
		.object = calls ? object : called,
		.flow = 1};
	struct share shares[2];

	shares[0] = (struct share){account_cell(&cells, LEDGER_NETWORK, class), network * MS};
	shares[1] = (struct share){account_cell(&cells, LEDGER_SERVER, class), w.own};
	nest_add(nest, &w, shares, 2);
}

/* ms. */
static uint64_t felt(unsigned class, unsigned entry)
{
	return account_cell(&cells, entry, class)->felt / MS;
}

static uint64_t all_felt(void)
{
	uint64_t sum = 0;

	for (const struct cell *c = cells; c; c = c->next)
		sum += c->felt;
	return sum;
}

static void what_is_behind_has_its_time(void **state)
{
	(void)state;
	begin();
	add(3, 4, 3, 30, 60, 10, false); /* asked by 3, which 2 asks, which 1 asks */
	add(2, 3, 2, 20, 80, 0, true);
	add(1, 2, 1, 0, 100, 5, true);
	nest_finish(nest);
	assert_int_equal(felt(3, LEDGER_SERVER), 20);
	assert_int_equal(felt(3, LEDGER_NETWORK), 10);
	assert_int_equal(felt(2, LEDGER_SERVER), 30);
	assert_int_equal(felt(1, LEDGER_SERVER), 35);
	assert_int_equal(felt(1, LEDGER_NETWORK), 5);
	end();
}

static void side_by_side_shares(void **state)
{
	(void)state;
	begin();
	add(2, 3, 3, 10, 50, 0, false);
	add(2, 4, 4, 30, 70, 0, false);
	add(1, 2, 1, 0, 100, 0, true);
	nest_finish(nest);
	assert_int_equal(felt(3, LEDGER_SERVER), 30);
	assert_int_equal(felt(4, LEDGER_SERVER), 30);
	assert_int_equal(felt(1, LEDGER_SERVER), 40);
	end();
}

/* Nobody waits for it any more. */
/* One host answers two requests side by side, and makes a call for each. */
static void who_waits_for_a_call_does_not_make_another(void **state)
{
	(void)state;
	begin();
	add(2, 3, 3, 10, 90, 0, false); /* the longer one's */
	add(2, 3, 3, 30, 60, 0, false); /* nobody else can have made it than the shorter one */
	add(1, 2, 1, 20, 70, 0, true);
	add(1, 2, 1, 0, 100, 0, true);
	nest_finish(nest);
	assert_int_equal(felt(3, LEDGER_SERVER), 80 + 30);
	assert_int_equal(felt(1, LEDGER_SERVER), 20 + 20);
	end();
}

/* Of two hundred that wait for a connection each, every one began its own when it was asked. One
   that stood before it was needed is of whoever needs it. */
static void a_connection_is_begun_by_who_needs_it(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 200; i++) {
		struct nest_wait w = {.client = host(2),
			.server = host(3),
			.port = 3,
			.start = (1000 + 10 * i + (i == 199 ? 0 : 1)) * MS,
			.begin = (4000 + 10 * i) * MS,
			.asked = (4000 + 10 * i) * MS,
			.end = (4050 + 10 * i) * MS,
			.own = 50 * MS,
			.flow = 1};
		struct share shares[2];

		if (i == 199) /* before it was asked */
			w.start -= 5 * MS;
		shares[0] = (struct share){
			account_cell(&cells, LEDGER_CONNECT_RETRY, 3), w.begin - w.start};
		shares[1] = (struct share){account_cell(&cells, LEDGER_SERVER, 3), 50 * MS};
		nest_add(nest, &w, shares, 2);
		add(1, 2, 1, 10 * i, 3055 + 10 * i, 0, true);
	}
	nest_finish(nest);
	assert_in_range(felt(1, LEDGER_SERVER), 200 * 6 - 2, 200 * 6);
	assert_in_range(all_felt() / MS, 200 * 3055 - 1, 200 * 3055 + 1);
	end();
}

/* A cache makes one call for all that ask for the same; who asks for something else, or is not
   answered when it is over, waits for the cache itself. */
static void one_call_for_all(void **state)
{
	(void)state;
	begin();
	object = 7;
	add(2, 3, 3, 5, 1000, 0, false);
	for (unsigned i = 0; i < 5; i++)
		add(1, 2, 1, 100 * i, 1010 + i, 0, true);
	add(1, 2, 1, 500, 900, 0, true);
	object = 8;
	add(1, 2, 1, 500, 1010, 0, true);
	nest_finish(nest);
	object = 0;
	assert_int_equal(felt(3, LEDGER_SERVER), 995 + 900 + 800 + 700 + 600);
	assert_int_equal(felt(1, LEDGER_SERVER), 15 + 11 + 12 + 13 + 14 + 400 + 510);
	end();
}

/* The first two came before it was made. */
static void one_call_for_two_that_came_at_once(void **state)
{
	(void)state;
	begin();
	object = 7;
	add(2, 3, 3, 5, 1000, 0, false);
	add(1, 2, 1, 0, 1010, 0, true);
	add(1, 2, 1, 2, 1010, 0, true);
	nest_finish(nest);
	object = 0;
	assert_int_equal(felt(3, LEDGER_SERVER), 995 + 995);
	assert_int_equal(felt(1, LEDGER_SERVER), 15 + 13);
	end();
}

/* They wait for their turn, each for a call of its own. */
static void same_calls_one_after_another(void **state)
{
	(void)state;
	begin();
	object = 7;
	for (unsigned i = 0; i < 4; i++) {
		add(2, 3, 3, 5 + 100 * i, 100 + 100 * i, 0, false);
		add(1, 2, 1, i, 101 + 100 * i, 0, true);
	}
	nest_finish(nest);
	object = 0;
	assert_in_range(felt(3, LEDGER_SERVER), 4 * 95 - 2, 4 * 95);
	end();
}

/* Two at a time: whose each call is shows when it is answered. */
static void same_calls_two_at_a_time(void **state)
{
	(void)state;
	begin();
	object = 7;
	called = 7;
	for (unsigned i = 0; i < 8; i++) {
		add(2, 3, 3, 8 + 100 * (i / 2), 98 + 100 * (i / 2), 0, false);
		add(1, 2, 1, i, 99 + 100 * (i / 2), 0, true);
	}
	nest_finish(nest);
	object = called = 0;
	assert_in_range(felt(3, LEDGER_SERVER), 8 * 90 - 2, 8 * 90);
	end();
}

/* The cache gives what it has, and gets it anew; nobody waits for that. */
static void what_is_renewed_is_not_waited_for(void **state)
{
	(void)state;
	begin();
	object = called = 7;
	add(1, 2, 1, 0, 5, 0, true);
	add(2, 3, 3, 6, 900, 0, false);
	called = 8;
	add(2, 3, 3, 1006, 1100, 0, false);
	nest_finish(nest);
	object = called = 0;
	assert_int_equal(felt(3, LEDGER_SERVER), 94);
	assert_int_equal(felt(1, LEDGER_SERVER), 5);
	end();
}

/* Two connections are made at the same time: what is asked on each is asked by who waited for it.
 */
static void who_waited_for_a_connection_asks_on_it(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned k = 0; k < 2; k++) { /* the connection, the question on it */
			struct nest_wait w = {.client = host(2),
				.server = host(3),
				.port = 3,
				.start = (k ? 2000 : 1001 + 10 * i) * MS,
				.end = (k ? 2400 + 40 * i : 2000) * MS,
				.connects = !k,
				.flow = 10 + i};
			struct share share;

			w.begin = w.asked = w.start;
			share = (struct share){
				account_cell(&cells, LEDGER_SERVER, 3), w.end - w.start};
			nest_add(nest, &w, &share, 1);
		}
		add(1, 2, 1, 10 * i, 1401 + 40 * i, 0, true);
	}
	nest_finish(nest);
	assert_int_equal(felt(1, LEDGER_SERVER), 6 * 2);
	end();
}

static void behind_goes_on_alone(void **state)
{
	(void)state;
	begin();
	add(1, 2, 1, 0, 20, 0, true);
	add(3, 4, 3, 30, 60, 0, false);
	add(2, 3, 2, 5, 65, 0, true);
	nest_finish(nest);
	assert_int_equal(felt(2, LEDGER_SERVER), 15);
	assert_int_equal(felt(3, LEDGER_SERVER), 0);
	assert_int_equal(felt(1, LEDGER_SERVER), 5);
	end();
}

static void what_nobody_called_is_felt(void **state)
{
	(void)state;
	begin();
	add(2, 3, 3, 10, 50, 0, false);
	add(1, 2, 1, 60, 100, 0, true);
	add(2, 3, 3, 110, 150, 10, false);
	nest_finish(nest);
	assert_int_equal(felt(3, LEDGER_SERVER), 70);
	assert_int_equal(felt(3, LEDGER_NETWORK), 10);
	assert_int_equal(felt(1, LEDGER_SERVER), 40);
	end();
}

/* Many requests at once at each of three tiers: nothing is lost, nothing is twice. */
static void sums_are_exact(void **state)
{
	uint64_t seed = 7, outermost = 0;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		uint64_t now = 0;

		begin();
		outermost = 0;
		for (unsigned i = 0; i < 400; i++) {
			uint64_t n[6];

			for (unsigned k = 0; k < 6; k++) {
				seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
				n[k] = seed >> 33;
			}
			now += n[0] % 30;
			/* Within its parent's time or beyond; the parent is recorded last. */
			add(3, 4, 3, now + 20 + n[1] % 30, now + 50 + n[2] % 200, n[3] % 3, false);
			add(2, 3, 2, now + 10, now + 60 + n[4] % 100, 1, true);
			add(1, 2, 1, now, now + 20 + n[5] % 200, 2, true);
			outermost += 20 + n[5] % 200;
		}
		nest_finish(nest);
		/* Those of the second and third tier all began in another's time. */
		assert_int_equal(all_felt(), outermost * MS);
		end();
	}
}

/* A server that asks one after the other: whose a call is may not be known, but no wait has two
   calls at a time, and none of a call's time is left with whoever may have made it. */
static void one_call_at_a_time(void **state)
{
	(void)state;
	begin();
	/* The first two may be of any, the third of two, the last of one only. */
	add(2, 3, 3, 10, 90, 0, false);
	add(2, 3, 3, 11, 100, 0, false);
	add(1, 2, 1, 0, 105, 0, true);
	add(1, 2, 1, 1, 110, 0, true);
	add(2, 3, 3, 12, 120, 0, false);
	add(1, 2, 1, 2, 125, 0, true);
	add(2, 3, 3, 13, 130, 0, false);
	add(1, 2, 1, 3, 135, 0, true);
	nest_finish(nest);
	assert_int_equal(felt(3, LEDGER_SERVER), 80 + 89 + 108 + 117);
	assert_int_equal(felt(1, LEDGER_SERVER), 105 + 109 + 123 + 132 - 80 - 89 - 108 - 117);
	end();
}

/* The earliest of a list in no order, and its place. */
static unsigned first_of(const struct event *list, unsigned n)
{
	unsigned first = 0;

	for (unsigned i = 1; i < n; i++)
		if (list[i].time < list[first].time ||
			(list[i].time == list[first].time && list[i].order < list[first].order))
			first = i;
	return first;
}

/* spread: of times; where it is small many are the same. */
static void leave_in_order(uint64_t spread)
{
	struct agenda a, copy;
	struct event list[300], e;
	unsigned n = 0, at;
	uint64_t now = 0;

	agenda_init(&a);
	for (uint64_t number = 0; number < 20000; number++) {
		if (n < 300 && rand() % 2) {
			list[n].time = now + (uint64_t)rand() % spread;
			list[n].order = (uint64_t)rand() % 3 << 62 | number;
			agenda_put(&a, list[n].time, list[n].order);
			n++;
		}
		at = first_of(list, n);
		if (n && rand() % 3 == 0)
			assert_int_equal(agenda_is_older(&a, now + spread / 2),
				list[at].time < now + spread / 2);
		if (!n || rand() % 2)
			continue;
		e = agenda_take(&a);
		assert_int_equal(e.time, list[at].time);
		assert_int_equal(e.order, list[at].order);
		now = e.time;
		list[at] = list[--n];
		assert_int_equal(a.n, n);
	}
	agenda_copy(&copy, &a);
	agenda_release(&a);
	for (; n; list[at] = list[--n]) {
		at = first_of(list, n);
		e = agenda_take(&copy);
		assert_int_equal(e.order, list[at].order);
	}
	assert_false(agenda_is_older(&copy, UINT64_MAX));
	agenda_release(&copy);
}

static void the_earliest_leaves_first(void **state)
{
	(void)state;
	srand(1);
	for (unsigned bits = 1; bits < 31; bits += 3)
		leave_in_order(UINT64_C(1) << bits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_leaves_first),
		cmocka_unit_test(what_is_behind_has_its_time),
		cmocka_unit_test(side_by_side_shares),
		cmocka_unit_test(who_waits_for_a_call_does_not_make_another),
		cmocka_unit_test(a_connection_is_begun_by_who_needs_it),
		cmocka_unit_test(one_call_for_all),
		cmocka_unit_test(one_call_for_two_that_came_at_once),
		cmocka_unit_test(same_calls_one_after_another),
		cmocka_unit_test(same_calls_two_at_a_time),
		cmocka_unit_test(what_is_renewed_is_not_waited_for),
		cmocka_unit_test(who_waited_for_a_connection_asks_on_it),
		cmocka_unit_test(behind_goes_on_alone),
		cmocka_unit_test(what_nobody_called_is_felt),
		cmocka_unit_test(one_call_at_a_time),
		cmocka_unit_test(sums_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
