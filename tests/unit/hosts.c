/*
 * hosts.c - what hosts sent and asked, within bounds: nothing is lost where there are too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/hosts.h"

static struct addr host(unsigned n)
{
	const uint8_t ip[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return addr_v4(ip);
}

static void flow(struct hosts *h, unsigned client, unsigned server, uint64_t bytes)
{
	struct flow_record f = {.r = {.kind = RECORD_FLOW}, .final = true};

	f.r.client.ip = host(client);
	f.r.server.ip = host(server);
	f.r.client.bytes = bytes;
	f.r.server.bytes = 2 * bytes;
	f.trouble[SIDE_SERVER].retransmits = 1;
	hosts_record(h, &f.r);
	f.final = false; /* what it says comes again */
	hosts_record(h, &f.r);
}

static void both_sides_are_counted(void **state)
{
	struct hosts *h = hosts_new(HOSTS_MAX);
	struct txn_record t = {
		.r = {.kind = RECORD_TXN, .status = STATUS_SERVER_ERROR}, .total = 7};
	const struct host **list;

	(void)state;
	flow(h, 1, 2, 100);
	flow(h, 3, 2, 10);
	t.r.client.ip = host(1);
	t.r.server.ip = host(2);
	hosts_record(h, &t.r);
	t.total = FIELD_ABSENT;
	t.r.status = STATUS_OK;
	hosts_record(h, &t.r);
	t.r.composite = 1; /* made of others */
	hosts_record(h, &t.r);
	assert_int_equal(hosts_sorted(h, &list), 3);
	assert_int_equal(list[0]->ip.b[15], 2);
	assert_int_equal(list[0]->sent, 220);
	assert_int_equal(list[0]->received, 110);
	assert_int_equal(list[0]->served, 2);
	assert_int_equal(list[0]->retransmits, 2);
	assert_int_equal(list[0]->answers, 2);
	assert_int_equal(list[0]->errors, 1);
	assert_int_equal(list[0]->kept_waiting, 7);
	assert_int_equal(list[1]->ip.b[15], 1);
	assert_int_equal(list[1]->requests, 2);
	assert_int_equal(list[1]->waited, 7);
	assert_int_equal(list[1]->asked, 1);
	hosts_free(h);
}

static void the_great_ones_are_kept(void **state)
{
	struct hosts *h = hosts_new(HOSTS_MAX);
	uint64_t sent = 0, received = 0, flows = 0;
	const struct host **list;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		flow(h, 100 + i, i % 10, 10);
		if (i % 100 == 0)
			flow(h, i / 100 % 10, 11, 1000000);
	}
	n = hosts_sorted(h, &list);
	assert_int_equal(n, HOSTS_MAX + 1);
	assert_true(list[n - 1]->other);
	assert_true(hosts_given_up(h) >= 50000 - HOSTS_MAX);
	assert_int_equal(list[0]->ip.b[15], 11);
	assert_int_equal(list[0]->served, 500);
	for (unsigned i = 0; i < n; i++) {
		sent += list[i]->sent;
		received += list[i]->received;
		flows += list[i]->asked;
		if (i && i <= 10 && list[i]->ip.b[15] < 10)
			assert_true(list[i]->served + list[i]->asked >= 5000);
	}
	assert_int_equal(sent, received);
	assert_int_equal(sent, 3 * (50000 * 10 + 500 * UINT64_C(1000000)));
	assert_int_equal(flows, 50500);
	hosts_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_are_counted),
		cmocka_unit_test(the_great_ones_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
