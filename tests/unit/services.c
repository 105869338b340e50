/*
 * services.c - what is added up for each service, against the same sums done plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "model/services.h"
#include "api/layer.h"

static struct record base(unsigned server, uint16_t port)
{
	const uint8_t client[4] = {192, 0, 2, 1};
	const uint8_t ip[4] = {
		10, (uint8_t)(server >> 16), (uint8_t)(server >> 8), (uint8_t)server};
	struct record r = {.transport = IP_PROTO_TCP,
		.ip_version = 4,
		.has_ports = 1,
		.status = STATUS_OK,
		.start = 1000,
		.end = 2000,
		.duration = 1000};

	r.client.ip = addr_v4(client);
	r.client.port = 40000;
	r.server.ip = addr_v4(ip);
	r.server.port = port;
	return r;
}

static struct txn_record txn(unsigned server, uint16_t port, uint64_t duration)
{
	struct txn_record t = {.r = base(server, port)};

	t.r.kind = RECORD_TXN;
	t.r.type = "http";
	t.r.duration = duration;
	t.r.end = duration == FIELD_ABSENT ? FIELD_ABSENT : t.r.start + duration;
	t.wait = duration;
	t.total = duration;
	if (duration != FIELD_ABSENT)
		t.ledger[LEDGER_SERVER] = duration;
	return t;
}

static struct flow_record flow(unsigned server, uint16_t port)
{
	struct flow_record f = {.r = base(server, port)};

	f.r.kind = RECORD_FLOW;
	f.r.type = "flow";
	f.r.client.bytes = 100;
	f.r.server.bytes = 900;
	f.r.client.packets = 3;
	f.r.server.packets = 4;
	f.final = true;
	f.tcp_state = "closed";
	f.protocol = "http";
	f.handshake = 500;
	return f;
}

static void transactions_are_added_up(void **state)
{
	struct services *s = services_new(SERVICES_MAX, NULL);
	const struct service **list;
	struct txn_record t;
	const struct service *x;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++) {
		t = txn(1, 80, i * 1000000);
		if (i > 90)
			t.r.status = STATUS_SERVER_ERROR;
		services_record(s, &t.r);
	}
	/* No response: an error, and no time to speak of. */
	t = txn(1, 80, FIELD_ABSENT);
	t.r.status = STATUS_ERROR;
	t.r.quality = 1u << QUALITY_NO_RESPONSE;
	services_record(s, &t.r);
	/* Nobody knows of this one's. */
	t.r.status = 0;
	services_record(s, &t.r);
	t = txn(1, 81, 7);
	services_record(s, &t.r);
	assert_int_equal(services_sorted(s, &list), 2);
	x = list[0];
	assert_int_equal(x->port, 80);
	assert_int_equal(x->sum.transactions, 102);
	assert_int_equal(x->sum.unknown, 1);
	assert_int_equal(x->sum.errors, 11);
	assert_int_equal(x->sum.unanswered, 1);
	assert_int_equal(x->sum.total, 5050 * UINT64_C(1000000));
	assert_int_equal(x->sum.ledger[LEDGER_SERVER], x->sum.total);
	assert_int_equal(x->sum.duration.n, 100);
	assert_int_equal(x->sum.duration.max, 100000000);
	assert_in_range(hist_at(&x->sum.duration, 0.5), 49500000, 50500000);
	assert_in_range(hist_at(&x->sum.wait, 0.99), 98010000, 99990000);
	assert_int_equal(services_total(s)->sum.transactions, 103);
	assert_int_equal(services_total(s)->sum.total, x->sum.total + 7);
	services_free(s);
}

/* Whatever the key of their hash is. */
static void those_alike_but_for_the_transport_have_an_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct services *s = services_new(SERVICES_MAX, NULL);
		const struct service **list;
		struct flow_record f = flow(1, 53);

		f.protocol = NULL;
		for (uint8_t transport = 17; transport > 5; transport--) {
			f.r.transport = transport;
			services_record(s, &f.r);
		}
		assert_int_equal(services_sorted(s, &list), 12);
		for (unsigned k = 0; k < 12; k++)
			assert_int_equal(list[k]->transport, 6 + k);
		services_free(s);
	}
}

static void flows_are_added_up(void **state)
{
	struct services *s = services_new(SERVICES_MAX, NULL);
	const struct flow_totals *t = services_flows(s);
	const struct service **list;
	struct flow_record f = flow(1, 80);

	(void)state;
	f.syn_retries = 2;
	f.trouble[0].retransmits = 1;
	f.trouble[1].retransmits = 4;
	f.trouble[1].rtos = 3;
	f.trouble[0].zero_windows = 5;
	services_record(s, &f.r);
	/* What an interim record says is said again by the last one. */
	f.final = false;
	services_record(s, &f.r);
	f = flow(2, 80);
	f.tcp_state = "syn_sent";
	f.handshake = FIELD_ABSENT;
	f.protocol = NULL;
	services_record(s, &f.r);
	f = flow(3, 53);
	f.r.transport = IP_PROTO_UDP;
	f.tcp_state = NULL;
	services_record(s, &f.r);
	f.r.transport = IP_PROTO_ICMP;
	f.r.has_ports = 0;
	services_record(s, &f.r);
	assert_int_equal(t->flows, 4);
	assert_int_equal(t->tcp, 2);
	assert_int_equal(t->udp, 1);
	assert_int_equal(t->icmp, 1);
	assert_int_equal(t->established, 1);
	assert_int_equal(t->failed, 1);
	assert_int_equal(t->bytes, 4000);
	assert_int_equal(t->packets, 28);
	assert_int_equal(t->syn_retries, 2);
	assert_int_equal(t->retransmits, 5);
	assert_int_equal(t->rtos, 3);
	assert_int_equal(t->zero_windows, 5);
	/* ICMP is no service. */
	assert_int_equal(services_sorted(s, &list), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(list[i]->flows, 1);
		assert_int_equal(list[i]->bytes, 1000);
	}
	services_free(s);
}

/* The same name from two places (a plugin's text and ours) is one service; another name is not. */
static void names_are_compared_by_text(void **state)
{
	char name[] = "http";
	struct services *s = services_new(SERVICES_MAX, NULL);
	const struct service **list;
	struct txn_record t = txn(1, 80, 5);

	(void)state;
	services_record(s, &t.r);
	t.r.type = name;
	services_record(s, &t.r);
	assert_int_equal(services_sorted(s, &list), 1);
	assert_int_equal(list[0]->sum.transactions, 2);
	t.r.type = "smtp";
	services_record(s, &t.r);
	assert_int_equal(services_sorted(s, &list), 2);
	services_free(s);
}

static void what_is_too_much_is_counted_as_other(void **state)
{
	struct services *s = services_new(SERVICES_MAX, NULL);
	const struct service **list;
	uint64_t transactions = 0;
	unsigned n, others = 0;

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < SERVICES_MAX + 100; i++) {
			struct txn_record t = txn(i, (uint16_t)(1 + i % 7), 1 + i);

			services_record(s, &t.r);
		}
	n = services_sorted(s, &list);
	assert_int_equal(n, SERVICES_MAX + 1);
	for (unsigned i = 0; i < n; i++) {
		transactions += list[i]->sum.transactions;
		if (!list[i]->other) {
			assert_int_equal(list[i]->sum.transactions, 2);
			continue;
		}
		others++;
		assert_int_equal(list[i]->sum.transactions, 200);
	}
	assert_int_equal(others, 1);
	assert_int_equal(transactions, 2 * (SERVICES_MAX + 100));
	assert_int_equal(services_total(s)->sum.transactions, transactions);
	services_free(s);
}

/* The order depends on what was counted, not on when or where it was put. */
static void order_is_the_same_every_time(void **state)
{
	unsigned order[50];
	const struct service **list;

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		struct services *s = services_new(SERVICES_MAX, NULL);

		for (unsigned i = 0; i < 50; i++) {
			unsigned k = (i * 7 + round * 13) % 50;
			struct txn_record t = txn(k, 80, k % 5);

			services_record(s, &t.r);
		}
		assert_int_equal(services_sorted(s, &list), 50);
		for (unsigned i = 0; i < 50; i++) {
			if (round == 0)
				order[i] = list[i]->ip.b[15];
			assert_int_equal(list[i]->ip.b[15], order[i]);
			if (i > 0)
				assert_true(list[i - 1]->sum.total >= list[i]->sum.total);
		}
		services_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions_are_added_up),
		cmocka_unit_test(flows_are_added_up),
		cmocka_unit_test(those_alike_but_for_the_transport_have_an_order),
		cmocka_unit_test(names_are_compared_by_text),
		cmocka_unit_test(what_is_too_much_is_counted_as_other),
		cmocka_unit_test(order_is_the_same_every_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
