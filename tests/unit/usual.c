/*
 * usual.c - a connection to which nothing unusual happens has no extension, whatever its
 * transactions; what is known of them outlives the session and is in the connection's record.
 */
#include "segments.h"
#include "core/shard.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                 /* 27 bytes */
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" /* 43 bytes */

static unsigned extensions(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		n += seen.engine->shards[i]->extensions;
	return n;
}

static const struct segment usual[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
	{1, S, SYN_ACK, 5000, 1001, 0, 0, NULL}, {1.1, C, ACK, 1001, 5001, 0, 0, NULL},
	{2, C, ACK, 1001, 5001, 0, 0, GET}, {3, S, ACK, 5001, 1028, 0, 0, NULL},
	{10, S, ACK, 5001, 1028, 0, 0, OK}, {10.1, C, ACK, 1028, 5044, 0, 0, NULL},
	{20, C, ACK, 1028, 5044, 0, 0, GET}, {21, S, ACK, 5044, 1055, 0, 0, NULL},
	{30, S, ACK, 5044, 1055, 0, 0, OK}, {30.1, C, ACK, 1055, 5087, 0, 0, NULL},
	{40, C, FIN, 1055, 5087, 0, 0, NULL}, {41, S, FIN, 5087, 1056, 0, 0, NULL},
	{41.1, C, ACK, 1056, 5088, 0, 0, NULL}};
#define SEGMENTS (sizeof(usual) / sizeof(usual[0]))

static void test_usual(void **state)
{
	const uint64_t begin = UINT64_C(1600000000) * 1000000000u;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		seen_begin();
		for (size_t i = 0; i < SEGMENTS; i++) {
			send_segment(&usual[i], way, 80);
			assert_int_equal(extensions(), 0);
		}
		assert_int_equal(seen.ntxns, 2);
		seen_end();
		assert_int_equal(seen.nflows, 1);
		assert_int_equal(seen.flow[0].transactions, 2);
		assert_string_equal(seen.flow[0].protocol, "http");
		assert_int_equal(seen.flow[0].first_asked, begin + 2 * 1000000);
		assert_int_equal(seen.flow[0].first_answered, begin + 10 * 1000000);
		assert_int_equal(seen.flow[0].last_answered, begin + 30 * 1000000);
		assert_int_equal(seen.flow[0].closed, begin + 40 * 1000000);
	}
}

/* What is sent again is unusual. */
static void test_unusual(void **state)
{
	static const struct segment again = {300, C, ACK, 1001, 5001, 0, 0, GET};

	(void)state;
	seen_begin();
	for (size_t i = 0; i < 4; i++)
		send_segment(&usual[i], OVER_IPV4, 80);
	assert_int_equal(extensions(), 0);
	send_segment(&again, OVER_IPV4, 80);
	assert_int_equal(extensions(), 1);
	seen_end();
	assert_int_equal(seen.nflows, 1);
	assert_int_equal(seen.flow[0].transactions, 1);
}

/* Bytes that nobody knows come behind the session, and take over what it left. */
static void test_no_session(void **state)
{
	static const struct segment more[] = {{50, C, ACK, 1055, 5087, 0, 0, "\1\2\3\4"},
		{51, S, ACK, 5087, 1059, 0, 0, "\5\6\7\10"}};

	(void)state;
	seen_begin();
	for (size_t i = 0; i < 11; i++)
		send_segment(&usual[i], OVER_IPV4, 80);
	for (size_t i = 0; i < 2; i++)
		send_segment(&more[i], OVER_IPV4, 80);
	seen_end();
	assert_int_equal(seen.nflows, 1);
	assert_string_equal(seen.flow[0].protocol, "http");
	assert_int_equal(seen.flow[0].transactions, seen.ntxns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_unusual),
		cmocka_unit_test(test_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
