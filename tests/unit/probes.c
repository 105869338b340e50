/*
 * probes.c - health checks are told from clients, and taken out of what is counted of these.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "api/layer.h"
#include "base/mem.h"
#include "model/probes.h"

static const struct field fields[] = {
	FIELD("user_agent.original", "", "", FIELD_STR, 0), FIELDS_END};
static struct dissector http = {TSM_HEAD, .name = "http", .fields = fields};
static const struct field login[] = {
	FIELD("tsumari.mysql.before_greeting", "", "", FIELD_BOOL, 0), FIELDS_END};
static struct dissector mysql = {TSM_HEAD, .name = "mysql", .fields = login};
static struct dissector smtp = {TSM_HEAD, .name = "smtp", .fields = fields};

/* They mean what the real ones do. */
static void learn_models(void)
{
	registry_init();
	http.model = registry_find("http")->model;
	mysql.model = registry_find("mysql")->model;
	smtp.model = registry_find("smtp")->model;
}

struct bench {
	struct counted *of;
	struct services *services;
	struct digests *digests;
	struct probes *probes;
	uint64_t flow, frame;
};

static struct bench begin(void)
{
	struct bench b = {.of = xcalloc(1, sizeof(*b.of))};

	b.services = b.of->services = services_new(SERVICES_MAX, NULL);
	b.digests = b.of->digests = digests_new(DIGESTS_MAX, NULL);
	b.probes = probes_new(b.of, PROBES_WAITING);
	return b;
}

static void end(struct bench *b)
{
	probes_free(b->probes);
	digests_free(b->digests);
	services_free(b->services);
	free(b->of);
}

static unsigned listed(struct bench *b, const struct probe ***list)
{
	probes_finish(b->probes);
	return probes_list(b->probes, list);
}

static struct record base(unsigned client, uint64_t start, uint64_t duration, uint64_t flow)
{
	const uint8_t from[4] = {10, 0, (uint8_t)(client >> 8), (uint8_t)client};
	const uint8_t to[4] = {10, 1, 0, 1};
	struct record r = {.transport = IP_PROTO_TCP,
		.ip_version = 4,
		.has_ports = 1,
		.status = STATUS_OK,
		.start = start,
		.end = start + duration,
		.duration = duration,
		.flow_id = flow};

	r.client.ip = addr_v4(from);
	r.server.ip = addr_v4(to);
	r.server.port = 80;
	return r;
}

struct made {
	struct txn_record t;
	struct value v;
	char agent[32], method[16];
};

static void ask(struct bench *b, const struct dissector *d, unsigned client, uint64_t start,
	uint64_t duration, const char *method, const char *op, const char *agent)
{
	struct made m = {.t = {.r = base(client, start, duration, b->flow)}};
	struct service *s;

	m.t.r.kind = RECORD_TXN;
	m.t.r.dissector = d;
	m.t.r.type = d->name;
	m.t.total = m.t.wait = m.t.ledger[LEDGER_SERVER] = duration;
	m.t.frame[0] = ++b->frame;
	m.t.values = (uint32_t)offsetof(struct made, v);
	m.t.method.offset = (uint32_t)offsetof(struct made, method);
	m.t.method.len = (uint32_t)strlen(method);
	memcpy(m.method, method, strlen(method));
	if (agent) {
		m.t.nvalues = 1;
		m.v.len = (uint16_t)strlen(agent);
		m.v.room = sizeof(m.agent);
		memcpy(m.agent, agent, strlen(agent));
	}
	s = services_record(b->services, &m.t.r);
	probes_txn(b->probes, s, digests_record(b->digests, s, op, strlen(op), &m.t), &m.t);
}

static void closed(struct bench *b, const char *protocol, unsigned client, uint64_t start,
	uint64_t duration, unsigned transactions)
{
	struct flow_record f = {.r = base(client, start, duration, b->flow), .final = true};

	f.r.kind = RECORD_FLOW;
	f.r.type = "flow";
	f.r.client.bytes = f.r.server.bytes = 500;
	f.side[0].payload = f.side[1].payload = transactions ? 200 : 0;
	f.protocol = protocol;
	f.handshake = 1000;
	f.tcp_state = "closed";
	f.transactions = transactions;
	probes_flow(b->probes, services_record(b->services, &f.r), &f);
}

static void get(struct bench *b, unsigned client, uint64_t start, uint64_t duration, const char *op,
	const char *agent)
{
	b->flow++;
	ask(b, &http, client, start, duration, "GET", op, agent);
	closed(b, "http", client, start, duration, 1);
}

static uint64_t seed;

static uint64_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return seed >> 33;
}

static const struct service *only_service(struct bench *b)
{
	const struct service **list;

	assert_int_equal(services_sorted(b->services, &list), 1);
	return list[0];
}

/* Clients come when they like, one of them to the checked page; the check comes every two seconds.
 */
static void traffic(struct bench *b, bool checks)
{
	uint64_t now = SECOND, next = SECOND;

	seed = 11;
	for (unsigned i = 0; i < 400; i++) {
		now += draw() % (400 * MS);
		for (; now > next; next += 2 * SECOND)
			if (checks)
				get(b, 9, next + draw() % (20 * MS), MS / 2, "GET /health", NULL);
			else
				(void)draw();
		get(b, (unsigned)(draw() % 50), now, (5 + draw() % 50) * MS,
			i % 10 ? "GET /page" : "GET /health", NULL);
	}
}

static void checks_dilute_nothing(void **state)
{
	struct bench with = begin(), without = begin();
	const struct service *a, *b;
	const struct probe **list;
	const struct digest **x, **y;

	(void)state;
	traffic(&with, true);
	traffic(&without, false);
	assert_int_equal(listed(&without, &list), 0);
	assert_int_equal(listed(&with, &list), 1);
	a = only_service(&with);
	b = only_service(&without);
	assert_int_equal(list[0]->client.b[15], 9);
	assert_string_equal(list[0]->operation, "GET /health");
	assert_in_range(list[0]->period, 1970 * MS, 2030 * MS);
	assert_int_equal(a->checks, list[0]->connections);
	assert_int_equal(list[0]->sum.transactions, list[0]->connections);
	assert_in_range(list[0]->connections, 35, 45);
	assert_int_equal(a->flows, b->flows);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->sum.transactions, b->sum.transactions);
	assert_int_equal(a->sum.total, b->sum.total);
	assert_int_equal(a->sum.ledger[LEDGER_SERVER], b->sum.ledger[LEDGER_SERVER]);
	for (unsigned i = 0; i <= 100; i++) {
		double got = (double)hist_at(&a->sum.duration, i / 100.0);
		double want = (double)hist_at(&b->sum.duration, i / 100.0);

		assert_true(got >= want * 0.992 && got <= want * 1.008);
	}
	assert_int_equal(services_total(with.services)->sum.total, a->sum.total);
	assert_int_equal(digests_sorted(with.digests, &x), 2);
	assert_int_equal(digests_sorted(without.digests, &y), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(x[i]->text, y[i]->text);
		assert_int_equal(x[i]->sum.transactions, y[i]->sum.transactions);
		assert_int_equal(x[i]->sum.total, y[i]->sum.total);
		assert_int_equal(x[i]->slowest[0].duration, y[i]->slowest[0].duration);
	}
	end(&with);
	end(&without);
}

static void clients_are_no_checks(void **state)
{
	struct bench b = begin();
	const struct probe **list;

	(void)state;
	/* Of a service that nobody else asks, a client may be regular. */
	for (unsigned i = 0; i < 50; i++)
		get(&b, 1, SECOND + i * SECOND, MS, "GET /", NULL);
	assert_int_equal(listed(&b, &list), 0);
	/* Others, so that it does not depend on that any more. */
	for (unsigned i = 0; i < 500; i++)
		get(&b, 100 + i, SECOND + i * 7 * MS, MS, "GET /", NULL);
	/* At any time; too often; slow ones; several requests; many at once. */
	seed = 2;
	for (unsigned i = 0; i < 50; i++) {
		uint64_t at = (100 + i) * SECOND;

		get(&b, 2, at + draw() % (900 * MS), MS, "GET /", NULL);
		get(&b, 3, 100 * SECOND + i * 100 * MS, MS, "GET /", NULL);
		get(&b, 4, at, 600 * MS, "GET /report", NULL);
		b.flow++;
		for (unsigned k = 0; k < 6; k++)
			ask(&b, &http, 5, at + k * MS, MS, "GET", "GET /", NULL);
		closed(&b, "http", 5, at, 10 * MS, 6);
		b.flow++;
		ask(&b, &http, 6, at, MS, "POST", "POST /", NULL);
		closed(&b, "http", 6, at, MS, 1);
	}
	assert_int_equal(listed(&b, &list), 0);
	end(&b);
}

static void mail(struct bench *b, unsigned client, uint64_t at, bool sends)
{
	b->flow++;
	ask(b, &smtp, client, at, MS, "greeting", "greeting", NULL);
	ask(b, &smtp, client, at + MS, MS, "HELO", "HELO", NULL);
	if (sends)
		ask(b, &smtp, client, at + 2 * MS, MS, "MAIL", "MAIL", NULL);
	ask(b, &smtp, client, at + 3 * MS, MS, "QUIT", "QUIT", NULL);
	closed(b, "smtp", client, at, 4 * MS, sends ? 4 : 3);
}

static void mail_is_no_check_and_a_greeting_is(void **state)
{
	struct bench b = begin();
	const struct probe **list;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		mail(&b, 1, (1 + 3 * i) * SECOND, true);
		mail(&b, 2, (2 + 3 * i) * SECOND, false);
	}
	assert_int_equal(listed(&b, &list), 1);
	assert_int_equal(list[0]->client.b[15], 2);
	assert_int_equal(list[0]->connections, 20);
	assert_int_equal(list[0]->sum.transactions, 60);
	assert_int_equal(only_service(&b)->sum.transactions, 80);
	end(&b);
}

static void a_bare_connection_is_a_check(void **state)
{
	struct bench b = begin();
	const struct probe **list;
	const struct service **services;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		b.flow++;
		closed(&b, NULL, 1, (1 + 5 * i) * SECOND, MS, 0);
	}
	assert_int_equal(listed(&b, &list), 1);
	assert_int_equal(list[0]->connections, 20);
	assert_string_equal(list[0]->operation, "");
	assert_int_equal(services_sorted(b.services, &services), 0);
	end(&b);
}

static void a_user_agent_may_say_so(void **state)
{
	struct bench b = begin();
	const struct probe **list;

	(void)state;
	get(&b, 1, SECOND, MS, "GET /", "KeepAliveClient");
	get(&b, 1, 90 * SECOND, MS, "GET /", "KeepAliveClient");
	get(&b, 2, SECOND, MS, "GET /", "Mozilla/5.0");
	assert_int_equal(listed(&b, &list), 1);
	assert_int_equal(list[0]->connections, 2);
	assert_int_equal(only_service(&b)->flows, 1);
	end(&b);
}

/* Nobody whose password is checked logs in before the greeting. */
static void a_login_may_say_so(void **state)
{
	struct bench b = begin();
	const struct probe **list;

	(void)state;
	b.flow++;
	ask(&b, &mysql, 1, SECOND, MS, "LOGIN", "LOGIN", "");
	ask(&b, &mysql, 1, SECOND, MS, "QUIT", "QUIT", NULL);
	closed(&b, "mysql", 1, SECOND, 2 * MS, 2);
	b.flow++;
	ask(&b, &mysql, 2, SECOND, MS, "LOGIN", "LOGIN", NULL);
	ask(&b, &mysql, 2, SECOND, MS, "QUIT", "QUIT", NULL);
	closed(&b, "mysql", 2, SECOND, 2 * MS, 2);
	assert_int_equal(listed(&b, &list), 1);
	assert_int_equal(list[0]->connections, 1);
	end(&b);
}

/* At the end of a capture connections come in any order. */
static void order_does_not_matter(void **state)
{
	struct bench b = begin();
	const struct probe **list;

	(void)state;
	for (unsigned i = 20; i-- > 0;) {
		mail(&b, 1, SECOND + i * 950 * MS, true);
		mail(&b, 2, SECOND + i * 940 * MS, false);
	}
	assert_int_equal(listed(&b, &list), 1);
	assert_int_equal(list[0]->client.b[15], 2);
	assert_int_equal(list[0]->connections, 20);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_dilute_nothing),
		cmocka_unit_test(clients_are_no_checks),
		cmocka_unit_test(mail_is_no_check_and_a_greeting_is),
		cmocka_unit_test(a_bare_connection_is_a_check),
		cmocka_unit_test(a_user_agent_may_say_so),
		cmocka_unit_test(a_login_may_say_so),
		cmocka_unit_test(order_does_not_matter),
	};

	learn_models();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
