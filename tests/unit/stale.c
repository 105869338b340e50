/*
 * stale.c - requests that come to a connection which the server had closed, told from those that it
 * cut off.
 */
#include "segments.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                 /* 27 bytes */
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" /* 43 bytes */
#define BEGIN                                                                                      \
	{0, C, SYN, 1000, 0, 0, 0, NULL}, {1, S, SYN_ACK, 5000, 1001, 0, 0, NULL},                 \
	{                                                                                          \
		1.1, C, ACK, 1001, 5001, 0, 0, NULL                                                \
	}
#define FIRST(q, a)                                                                                \
	{2, C, ACK, 1001, 5001, 0, 0, q}, {3, S, ACK, 5001, 1028, 0, 0, NULL},                     \
		{10, S, ACK, 5001, 1028, 0, 0, a},                                                 \
	{                                                                                          \
		10.1, C, ACK, 1028, 5044, 0, 0, NULL                                               \
	}

/* The last transaction is stale, or it is not; and so is the reset. */
static void stale(bool is, const char *phase)
{
	assert_true(seen.ntxns > 0);
	assert_int_equal(seen.txn[seen.ntxns - 1].r.quality >> QUALITY_STALE & 1, is);
	assert_int_equal(seen.nflows, 1);
	if (phase)
		assert_string_equal(seen.flow[0].reset_phase, phase);
	else
		assert_null(seen.flow[0].reset_phase);
}

static void behind_fin(void **state)
{
	static const struct segment reset[] = {BEGIN, FIRST(GET, OK),
		{5000, S, FIN, 5044, 1028, 0, 0, NULL}, {5000.1, C, ACK, 1028, 5045, 0, 0, NULL},
		{6000, C, ACK, 1028, 5045, 0, 0, GET}, {6001, S, RST, 5045, 0, 0, 0, NULL}};
	static const struct segment silent[] = {BEGIN, FIRST(GET, OK),
		{5000, S, FIN, 5044, 1028, 0, 0, NULL}, {5000.1, C, ACK, 1028, 5045, 0, 0, NULL},
		{6000, C, ACK, 1028, 5045, 0, 0, GET}};
	/* It had never been used. */
	static const struct segment unused[] = {BEGIN, {5000, S, FIN, 5001, 1001, 0, 0, NULL},
		{5000.1, C, ACK, 1001, 5002, 0, 0, NULL}, {6000, C, ACK, 1001, 5002, 0, 0, GET},
		{6001, S, RST, 5002, 0, 0, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(reset, way);
		assert_int_equal(seen.ntxns, 2);
		stale(true, "stale");
		assert_string_equal(seen.txn[1].ended_by, "server_rst");
		assert_int_equal(seen.txn[1].r.status, STATUS_ERROR);
		PLAY(silent, way);
		assert_int_equal(seen.ntxns, 2);
		stale(true, NULL);
		PLAY(unused, way);
		assert_int_equal(seen.ntxns, 1);
		stale(true, "stale");
	}
}

/* The server's FIN, or reset, was sent before the request arrived. */
static void crossing(void **state)
{
	static const struct segment fin[] = {BEGIN, FIRST(GET, OK),
		{5000, C, ACK, 1028, 5044, 0, 0, GET}, {5001, S, FIN, 5044, 1028, 0, 0, NULL},
		{5002, S, RST, 5045, 0, 0, 0, NULL}};
	static const struct segment rst[] = {BEGIN, FIRST(GET, OK),
		{5000, C, ACK, 1028, 5044, 0, 0, GET},
		{5001, S, RST | ACK, 5044, 1028, 0, 0, NULL}};
	/* These had arrived: the server gave them up. */
	static const struct segment taken_fin[] = {BEGIN, FIRST(GET, OK),
		{5000, C, ACK, 1028, 5044, 0, 0, GET}, {5001, S, FIN, 5044, 1055, 0, 0, NULL},
		{5001.1, C, FIN, 1055, 5045, 0, 0, NULL}, {5002, S, ACK, 5045, 1056, 0, 0, NULL}};
	static const struct segment taken_rst[] = {BEGIN, FIRST(GET, OK),
		{5000, C, ACK, 1028, 5044, 0, 0, GET},
		{5001, S, RST | ACK, 5044, 1055, 0, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(fin, way);
		stale(true, "stale");
		PLAY(rst, way);
		stale(true, "stale");
		PLAY(taken_fin, way);
		stale(false, NULL);
		PLAY(taken_rst, way);
		stale(false, "wait");
	}
}

/* After a long silence the host, or what is between, does not know the connection any more. */
static void forgotten(void **state)
{
	static const struct segment idle[] = {BEGIN, FIRST(GET, OK),
		{90000, C, ACK, 1028, 5044, 0, 0, GET}, {90001, S, RST, 5044, 0, 0, 0, NULL}};
	static const struct segment busy[] = {BEGIN, FIRST(GET, OK),
		{50, C, ACK, 1028, 5044, 0, 0, GET}, {51, S, RST, 5044, 0, 0, 0, NULL}};
	static const struct segment late[] = {BEGIN, FIRST(GET, OK),
		{90000, C, ACK, 1028, 5044, 0, 0, GET}, {91000, S, RST, 5044, 0, 0, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(idle, way);
		stale(true, "stale");
		PLAY(busy, way);
		stale(false, "wait");
		PLAY(late, way);
		stale(false, "wait");
	}
}

/* Of a protocol that is not read; but a farewell of TLS is no request. */
static void not_read(void **state)
{
	static const struct segment opaque[] = {BEGIN,
		{2, C, ACK, 1001, 5001, 0, 0, "what is said here nobody"},
		{3, S, ACK, 5001, 1025, 0, 0, "knows, and nobody has to"},
		{4, C, ACK, 1025, 5025, 0, 0, "what is said here nobody"},
		{5, S, ACK, 5025, 1049, 0, 0, "knows, and nobody has to"},
		{6, C, ACK, 1049, 5049, 0, 0, "what is said here nobody"},
		{7, S, ACK, 5049, 1073, 0, 0, "knows, and nobody has to"},
		{8, C, ACK, 1073, 5073, 0, 0, "what is said here nobody"},
		{9, S, ACK, 5073, 1097, 0, 0, "knows, and nobody has to"},
		{5000, S, FIN, 5097, 1097, 0, 0, NULL}, {5000.1, C, ACK, 1097, 5098, 0, 0, NULL},
		{6000, C, ACK, 1097, 5098, 0, 0, "once more something that nobody knows"},
		{6001, S, RST, 5098, 0, 0, 0, NULL}};
	struct segment alert[sizeof(opaque) / sizeof(opaque[0])];

	(void)state;
	memcpy(alert, opaque, sizeof(alert));
	alert[13].data = "\x15\x03\x03\x02\x15\x01";
	for (enum way way = 0; way < WAYS; way++) {
		play(opaque, sizeof(opaque) / sizeof(opaque[0]), way, 7777);
		assert_string_equal(seen.flow[0].reset_phase, "stale");
		play(alert, sizeof(opaque) / sizeof(opaque[0]), way, 7777);
		assert_string_equal(seen.flow[0].reset_phase, "close");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_fin),
		cmocka_unit_test(crossing),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
