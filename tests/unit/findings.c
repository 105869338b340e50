/*
 * findings.c - findings may be asked for at any time, keep to their bounds, and no time is in two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "findings/findings.h"
#include "model/keyed.h"
#include "model/model.h"

static uint64_t seed = 1;

static uint64_t draw(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (seed >> 33) % n;
}

static void base(struct record *r, unsigned server, uint64_t start)
{
	const uint8_t client[4] = {192, 0, 2, (uint8_t)draw(4)};
	const uint8_t ip[4] = {
		10, (uint8_t)(server >> 16), (uint8_t)(server >> 8), (uint8_t)server};

	r->transport = 6;
	r->ip_version = 4;
	r->has_ports = 1;
	r->status = STATUS_OK;
	r->client.ip = addr_v4(client);
	r->client.port = 40000;
	r->server.ip = addr_v4(ip);
	r->server.port = 80;
	r->start = start;
	r->flow_id = 1 + draw(1000);
}

static struct flow_record flow(unsigned server, uint64_t start)
{
	static const char *const phases[] = {NULL, NULL, "syn", "ack", "wait", "idle", "close"};
	struct flow_record f;

	memset(&f, 0, sizeof(f));
	base(&f.r, server, start);
	f.r.kind = RECORD_FLOW;
	f.r.type = "flow";
	f.r.size = sizeof(f);
	f.r.duration = draw(9000000000);
	f.r.end = start + f.r.duration;
	f.r.client.packets = f.r.server.packets = 3;
	f.final = true;
	f.tcp_state = draw(3) ? "closed" : "syn_sent";
	f.close_reason = "fin";
	f.handshake = draw(3) ? draw(2000000) : FIELD_ABSENT;
	f.connect_retry = FIELD_ABSENT;
	f.syn_retries = draw(4) ? 0 : 1;
	f.syn_gaps.n = (uint32_t)f.syn_retries;
	f.syn_gaps.v[0] = 1000000000;
	f.reset_phase = phases[draw(7)];
	f.reset_frame = f.reset_phase ? 1 + draw(1000) : 0;
	f.icmp_type = f.icmp_code = FIELD_ABSENT;
	for (int i = 0; i < 2; i++) {
		f.side[i].mss = 1460;
		f.trouble[i].retransmits = draw(3);
		f.trouble[i].resent_frame = 1 + draw(1000);
		f.trouble[i].zero_windows = draw(2);
		f.trouble[i].zero_window_frame = 1 + draw(1000);
	}
	return f;
}

static struct txn_record txn(unsigned server, uint64_t start)
{
	static const char *const types[] = {"http", "mysql", "smtp", "nfs"};
	struct txn_record t;

	memset(&t, 0, sizeof(t));
	base(&t.r, server, start);
	t.r.kind = RECORD_TXN;
	t.r.type = types[draw(4)];
	t.r.size = sizeof(t);
	t.r.status = draw(9) ? STATUS_OK : STATUS_SERVER_ERROR;
	t.values = sizeof(t);
	for (int i = 0; i < LEDGER_COUNT; i++) {
		t.ledger[i] = draw(3) ? 0 : draw(900000000);
		t.total += t.ledger[i];
	}
	t.ended_by = draw(9) ? NULL : "client_rst";
	t.r.duration = t.total;
	t.r.end = start + t.total;
	t.response = t.total / 2;
	for (unsigned i = 0; i < 4; i++) {
		t.stamp[i] = start + t.total * i / 3;
		t.frame[i] = 1 + draw(1000);
	}
	return t;
}

static void feed(struct findings *f, unsigned server, uint64_t start)
{
	struct flow_record flow_record = flow(server, start);
	struct txn_record txn_record = txn(server, start);

	findings_record(f, &flow_record.r);
	findings_record(f, &txn_record.r);
}

static void does_not_matter_when_it_is_asked(void **state)
{
	struct findings *often = findings_new(NULL, 0), *once = findings_new(NULL, 0);
	struct capture_stats capture = {.frames = 5000, .bytes = 100000};
	const struct finding *a, *b;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		uint64_t before = seed;

		feed(often, i % 7, 1000000000 + i * UINT64_C(20000000));
		seed = before;
		feed(once, i % 7, 1000000000 + i * UINT64_C(20000000));
		findings_list(often, &capture, &a);
	}
	n = findings_list(often, &capture, &a);
	assert_int_equal(findings_list(once, &capture, &b), n);
	assert_true(n > 20);
	for (unsigned i = 0; i < n; i++) {
		const struct record *x = findings_as_record(often, &a[i]);
		const struct record *y = findings_as_record(once, &b[i]);

		assert_int_equal(x->size, y->size);
		assert_memory_equal(x, y, x->size);
	}
	findings_free(often);
	findings_free(once);
}

static void no_time_is_in_two(void **state)
{
	struct findings *f = findings_new(NULL, 0);
	struct capture_stats capture = {.frames = 5000, .bytes = 100000};
	const struct finding *list;
	uint64_t cost = 0;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		feed(f, i % 5, 1000000000 + i * UINT64_C(20000000));
	n = findings_list(f, &capture, &list);
	for (unsigned i = 0; i < n; i++)
		if (!list[i].part_of)
			cost += list[i].cost;
	assert_true(n > 20);
	assert_true(cost > list[0].waiting / 4);
	assert_true(cost <= list[0].waiting);
	findings_free(f);
}

static uint64_t counted(const struct counters *c, const char *name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->c[i].name, name) == 0)
			return c->c[i].n;
	return 0;
}

static void has_bounds(void **state)
{
	struct findings *f = findings_new(NULL, 0);
	struct capture_stats capture = {.frames = 5000, .bytes = 100000};
	struct counters *counters = calloc(1, sizeof(*counters));
	const struct finding *list;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 6000; i++)
		feed(f, i, 1000000000 + i * UINT64_C(2000000));
	n = findings_list(f, &capture, &list);
	assert_true(n > 1000);
	for (unsigned i = 0; i < n; i++)
		assert_true(list[i].filter.len && list[i].saw.len && list[i].means.len &&
			    list[i].next.len && list[i].against.len);
	findings_counters(f, counters);
	assert_true(
		counted(counters, "findings: records of too many services, not looked at") > 1000);
	assert_true(counted(counters, "findings: clients of a service forgotten, too many") > 0);
	free(counters);
	findings_free(f);
}

static void answer(struct findings *f, uint64_t end, uint64_t took)
{
	struct txn_record t = txn(1, end - took);

	memset(t.ledger, 0, sizeof(t.ledger));
	t.r.type = "http";
	t.r.dissector = registry_find("http");
	t.r.status = STATUS_OK;
	t.ended_by = NULL;
	t.total = t.ledger[LEDGER_SERVER] = t.r.duration = took;
	t.stamp[0] = t.stamp[1] = t.r.start;
	t.stamp[2] = t.stamp[3] = t.r.end = end;
	findings_record(f, &t.r);
}

static bool has(struct findings *f, const char *id)
{
	struct capture_stats capture = {.frames = 5000, .bytes = 100000};
	const struct finding *list;
	unsigned n = findings_list(f, &capture, &list);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i].id, id) == 0)
			return true;
	return false;
}

static void ask(struct model *m, unsigned from, unsigned to, uint64_t start, uint64_t took)
{
	struct txn_record t = txn(to, start);
	const uint8_t client[4] = {10, 0, 0, (uint8_t)from};

	memset(t.ledger, 0, sizeof(t.ledger));
	t.r.client.ip = addr_v4(client);
	t.r.type = "http";
	t.r.dissector = registry_find("http");
	t.r.status = STATUS_OK;
	t.ended_by = NULL;
	t.total = t.ledger[LEDGER_SERVER] = t.r.duration = took;
	t.stamp[0] = t.stamp[1] = start;
	t.stamp[2] = t.stamp[3] = t.r.end = start + took;
	model_record(m, &t.r);
}

/* What a server waited for behind itself counts once, while more may come as when all is there. */
static void nested_waits_count_once(void **state)
{
	const uint64_t ms = 1000000, begin = UINT64_C(1000000000000);
	struct capture_stats capture = {.frames = 5000, .bytes = 100000};
	struct model *m = model_new(&(struct model_config){.memory = 0});
	const struct account_line *line;
	const struct finding *list;
	uint64_t now[2][3];

	(void)state;
	findings_look(m, NULL);
	for (unsigned i = 0; i < 50; i++) {
		ask(m, 1, 2, begin + i * 500 * ms + 10 * ms, 300 * ms);
		ask(m, 9, 1, begin + i * 500 * ms, 320 * ms);
	}
	for (unsigned end = 0; end < 2; end++) {
		for (unsigned again = 0; again < 2; again++) {
			findings_list(findings_of(m), &capture, &list);
			now[end][0] = findings_felt(findings_of(m)).felt;
			now[end][1] = findings_account(findings_of(m), &line);
			now[end][2] = line[0].cost;
			assert_int_equal(now[end][0], 50 * 320 * ms);
			assert_int_equal(findings_felt(findings_of(m)).all, 50 * 620 * ms);
			assert_int_equal(line[0].cost, 50 * 300 * ms);
		}
		model_finish(m);
	}
	assert_memory_equal(now[0], now[1], sizeof(now[0]));
	model_free(m);
}

/* A few slow requests make many in flight, but no queue: the others are as fast as ever. */
static void slow_ones_are_no_saturation(void **state)
{
	struct findings *f = findings_new(NULL, 0);
	uint64_t ms = 1000000, now = 1000000000;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		now += 2 * ms + draw(16 * ms);
		answer(f, now, i % 25 ? ms + draw(8 * ms) : 200 * ms + draw(400 * ms));
	}
	assert_true(has(f, "slow-server"));
	assert_false(has(f, "saturation"));
	findings_free(f);
}

/* Two workers of 40 ms, and from 1 to 12 clients that ask again at once. */
static void queue_is_saturation(void **state)
{
	struct findings *f = findings_new(NULL, 0);
	uint64_t ms = 1000000, now = 1000000000;

	(void)state;
	for (uint64_t clients = 1; clients <= 12; clients++)
		for (unsigned i = 0; i < 25; i++) {
			now += clients == 1 ? 40 * ms : 20 * ms;
			answer(f, now, clients < 3 ? 40 * ms : clients * 20 * ms);
		}
	assert_true(has(f, "saturation"));
	findings_free(f);
}

/* A request that came to a closed connection was not cut off by the server. */
static void stale_is_not_cut(void **state)
{
	struct findings *f = findings_new(NULL, 0);
	struct txn_record t = txn(1, 1000000000);

	(void)state;
	t.ended_by = "server_rst";
	t.r.status = STATUS_ERROR;
	t.r.quality |= 1u << QUALITY_STALE;
	findings_record(f, &t.r);
	assert_true(has(f, "stale-connection"));
	assert_false(has(f, "reset-storm"));
	findings_free(f);
}

static void handshake(struct findings *f, uint64_t start, uint64_t trip, uint64_t tls)
{
	struct txn_record t = txn(1, start);

	memset(t.ledger, 0, sizeof(t.ledger));
	t.r.type = "tls";
	t.r.dissector = registry_find("tls");
	t.r.status = STATUS_OK;
	t.ended_by = NULL;
	t.ledger[LEDGER_CONNECT_NETWORK] = trip;
	t.ledger[LEDGER_CONNECT_TLS] = tls;
	t.total = t.r.duration = trip + tls;
	t.r.end = start + t.total;
	findings_record(f, &t.r);
}

/* Round trips are the path's. */
static void handshakes_that_are_slow(void **state)
{
	uint64_t ms = 1000000;

	(void)state;
	for (int slow = 0; slow < 2; slow++) {
		struct findings *f = findings_new(NULL, 0);

		for (unsigned i = 0; i < 20; i++)
			handshake(f, i * 1000 * ms, 90 * ms, slow ? 900 * ms : 185 * ms);
		assert_int_equal(has(f, "slow-tls"), slow);
		findings_free(f);
	}
}

static void keyed_gives_up_the_oldest(void **state)
{
	struct keyed *k = keyed_new(sizeof(uint64_t), sizeof(uint64_t), 100);

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		*(uint64_t *)keyed_get(k, &i) = i * i;
	assert_null(keyed_get(k, &(uint64_t){100}));
	assert_int_equal(keyed_refused(k), 1);
	for (uint64_t i = 1000; i < 1040; i++)
		*(uint64_t *)keyed_renew(k, &i) = i;
	assert_int_equal(keyed_count(k), 100);
	assert_null(keyed_find(k, &(uint64_t){39}));
	for (uint64_t i = 40; i < 100; i++)
		assert_int_equal(*(uint64_t *)keyed_find(k, &i), i * i);
	for (uint64_t i = 1000; i < 1040; i++)
		assert_int_equal(*(uint64_t *)keyed_find(k, &i), i);
	keyed_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_not_matter_when_it_is_asked),
		cmocka_unit_test(no_time_is_in_two),
		cmocka_unit_test(has_bounds),
		cmocka_unit_test(nested_waits_count_once),
		cmocka_unit_test(slow_ones_are_no_saturation),
		cmocka_unit_test(queue_is_saturation),
		cmocka_unit_test(stale_is_not_cut),
		cmocka_unit_test(handshakes_that_are_slow),
		cmocka_unit_test(keyed_gives_up_the_oldest),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
