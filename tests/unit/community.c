/*
 * community.c - Community ID version 1 against the specification's own baseline.
 *
 * The rows are those of the specification's baseline for the default seed; for ICMP its "ports" are
 * the type and the type that answers it, or the code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include "core/community.h"
#include "api/layer.h"

static const struct row {
	uint8_t proto;
	const char *src, *dst;
	int sport, dport; /* -1: none */
	const char *id;
} rows[] = {
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136,
		"1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135,
		"1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 136,
		"1:zavyT/cezQr1fmImYCwYnMXbgck="},
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 135,
		"1:zavyT/cezQr1fmImYCwYnMXbgck="},
	{58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
		"1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
	{58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
		"1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129,
		"1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128,
		"1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
	{58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="},
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="},
	{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
		"1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
		"1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{46, "10.1.12.1", "10.1.12.2", -1, -1, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
	{46, "10.1.12.2", "10.1.12.1", -1, -1, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
};

static struct addr addr_of(const char *text)
{
	uint8_t raw[16];

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, raw), 1);
		return addr_v6(raw);
	}
	assert_int_equal(inet_pton(AF_INET, text, raw), 1);
	return addr_v4(raw);
}

#define NROWS (sizeof(rows) / sizeof(rows[0]))

static void baseline(void **state)
{
	(void)state;
	assert_int_equal(NROWS, 23);
	for (size_t i = 0; i < NROWS; i++) {
		const struct row *r = &rows[i];
		struct addr src = addr_of(r->src), dst = addr_of(r->dst);
		char id[COMMUNITY_LEN + 1] = "";
		int other = community_icmp_counterpart(r->proto, (uint8_t)r->sport);

		if (other >= 0)
			assert_int_equal(other, r->dport);
		community_id(id, &src, &dst, r->proto, r->sport >= 0,
			(uint16_t)(r->sport < 0 ? 0 : r->sport),
			(uint16_t)(r->dport < 0 ? 0 : r->dport), 0);
		assert_string_equal(id, r->id);
	}
}

/* For protocols with two-way meaning both directions have one identifier. */
static void both_directions_are_one(void **state)
{
	struct addr a = addr_of("192.0.2.1"), b = addr_of("198.51.100.7");
	char x[COMMUNITY_LEN + 1] = "", y[COMMUNITY_LEN + 1] = "";

	(void)state;
	community_id(x, &a, &b, 17, true, 53, 4000, 0);
	community_id(y, &b, &a, 17, true, 4000, 53, 0);
	assert_string_equal(x, y);
	/* The same address on both ends: ports decide. */
	community_id(x, &a, &a, 6, true, 80, 4000, 0);
	community_id(y, &a, &a, 6, true, 4000, 80, 0);
	assert_string_equal(x, y);
	community_id(y, &a, &a, 6, true, 4000, 80, 1);
	assert_string_not_equal(x, y);
	/* A one-way ICMP message (destination unreachable) keeps its direction. */
	community_id(x, &a, &b, 1, true, 3, 1, 0);
	community_id(y, &b, &a, 1, true, 3, 1, 0);
	assert_string_not_equal(x, y);
}

/* Records give the same with and without the cache, also where flows share a place in it. */
static void cache_never_mixes_connections(void **state)
{
	struct community_cache *cache = community_cache_new();

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 5000; i++) {
			struct record r = {
				.transport = IP_PROTO_TCP, .ip_version = 4, .has_ports = 1};
			char x[COMMUNITY_LEN], y[COMMUNITY_LEN];

			r.client.ip = addr_of("10.0.0.1");
			r.server.ip = addr_of("10.0.0.2");
			r.client.port = (uint16_t)(1024 + i);
			r.server.port = 80;
			r.flow_id = i % 3 ? i : i * 1024;
			assert_true(community_record(x, &r, cache));
			assert_true(community_record(y, &r, NULL));
			assert_memory_equal(x, y, COMMUNITY_LEN);
		}
	community_cache_free(cache);
}

static void record_of_icmp_uses_type_and_code(void **state)
{
	struct record r = {
		.transport = IP_PROTO_ICMP, .ip_version = 4, .icmp_type = 8, .icmp_code = 0};
	char id[COMMUNITY_LEN + 1] = "";

	(void)state;
	r.client.ip = addr_of("192.168.0.89");
	r.server.ip = addr_of("192.168.0.1");
	r.client.port = r.server.port = 4711; /* the echo identifier is no part of it */
	assert_true(community_record(id, &r, NULL));
	assert_string_equal(id, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
	r.ip_version = 0;
	assert_false(community_record(id, &r, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(baseline),
		cmocka_unit_test(both_directions_are_one),
		cmocka_unit_test(cache_never_mixes_connections),
		cmocka_unit_test(record_of_icmp_uses_type_and_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
