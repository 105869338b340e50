/*
 * accept.c - SYN/ACKs that come again behind the ACK of the handshake: a full accept queue, for
 * which somebody waits, or a server that waits for the client's first bytes.
 */
#include "segments.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                 /* 27 bytes */
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" /* 43 bytes */
#define HANDSHAKE                                                                                  \
	{0, C, SYN, 1000, 0, 100, 0, NULL}, {1, S, SYN_ACK, 5000, 1001, 900, 100, NULL},           \
	{                                                                                          \
		2, C, ACK, 1001, 5001, 102, 900, NULL                                              \
	}
#define AGAIN(at)                                                                                  \
	{at, S, SYN_ACK, 5000, 1001, 900 + at, 100, NULL},                                         \
	{                                                                                          \
		(at) + 1, C, ACK, 1001, 5001, 101 + at, 900, NULL                                  \
	}

/* TCP_DEFER_ACCEPT: the client has nothing to say yet, and does not wait. */
static void deferred(void **state)
{
	static const struct segment asks_later[] = {HANDSHAKE, AGAIN(1000),
		{5000, C, ACK, 1001, 5001, 5100, 900, GET},
		{5001, S, ACK, 5001, 1028, 5900, 5100, NULL},
		{5050, S, ACK, 5001, 1028, 5950, 5100, OK},
		{5051, C, ACK, 1028, 5044, 5151, 5950, NULL}};
	static const struct segment never_asks[] = {HANDSHAKE, AGAIN(31000),
		{60000, C, FIN, 1001, 5001, 60100, 900, NULL},
		{60001, S, FIN, 5001, 1002, 60900, 60100, NULL},
		{60002, C, ACK, 1002, 5002, 60102, 60900, NULL}};
	/* A timeout of the server speaks, long after. */
	static const struct segment timed_out[] = {HANDSHAKE, AGAIN(1000),
		{20000, S, ACK, 5001, 1001, 20900, 900, OK},
		{20001, C, ACK, 1001, 5044, 20101, 20900, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(asks_later, way);
		assert_int_equal(seen.ntxns, 1);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 0);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 2000 * US);
		assert_int_equal(seen.flow[0].accept_wait, 0);
		assert_int_equal(seen.flow[0].handshake, 2000 * US);
		assert_int_equal(seen.flow[0].syn_ack_retries, 1);
		PLAY(never_asks, way);
		assert_int_equal(seen.flow[0].accept_wait, 0);
		assert_int_equal(seen.flow[0].handshake, 2000 * US);
		PLAY(timed_out, way);
		assert_int_equal(seen.flow[0].accept_wait, 0);
	}
}

/* The queue is full, and the client's request is dropped with its ACK. */
static void full_queue(void **state)
{
	static const struct segment at_once[] = {HANDSHAKE, {3, C, ACK, 1001, 5001, 103, 900, GET},
		{203, C, ACK, 1001, 5001, 303, 900, GET}, {603, C, ACK, 1001, 5001, 703, 900, GET},
		{1001, S, SYN_ACK, 5000, 1001, 1900, 100, NULL},
		{1002, C, ACK, 1028, 5001, 1102, 900, NULL},
		{1403, C, ACK, 1001, 5001, 1503, 900, GET},
		{1404, S, ACK, 5001, 1028, 2300, 1503, NULL},
		{1453, S, ACK, 5001, 1028, 2350, 1503, OK},
		{1454, C, ACK, 1028, 5044, 1554, 2350, NULL}};
	/* Nothing to say at first, then a request that is not taken. */
	static const struct segment later[] = {HANDSHAKE, AGAIN(1000),
		{5000, C, ACK, 1001, 5001, 5100, 900, GET},
		{5400, C, ACK, 1001, 5001, 5500, 900, GET},
		{7000, S, SYN_ACK, 5000, 1001, 7900, 100, NULL},
		{7001, C, ACK, 1028, 5001, 7101, 900, NULL},
		{7200, C, ACK, 1001, 5001, 7300, 900, GET},
		{7201, S, ACK, 5001, 1028, 8100, 7300, NULL},
		{7250, S, ACK, 5001, 1028, 8150, 7300, OK},
		{7251, C, ACK, 1028, 5044, 7351, 8150, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(at_once, way);
		assert_int_equal(seen.ntxns, 1);
		assert_int_equal(seen.flow[0].accept_wait, 1401 * 1000 * US);
		assert_int_equal(seen.flow[0].accept_frame, 7);
		assert_int_equal(seen.flow[0].handshake, 2000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1400 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 2000 * US);
		assert_int_equal(entry_of(LEDGER_STALL_RTO_CLIENT), 0);
		assert_int_equal(seen.txn[0].total, 1452 * 1000 * US);
		PLAY(later, way);
		assert_int_equal(seen.flow[0].accept_wait, 2200 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 2200 * 1000 * US);
		assert_int_equal(seen.txn[0].total, 2252 * 1000 * US);
	}
}

/* The server speaks first: the client waits for its greeting. */
static void greeting(void **state)
{
	static const struct segment mail[] = {HANDSHAKE, AGAIN(1001),
		{1010, S, ACK, 5001, 1001, 1910, 900, "220 mx ESMTP\r\n"},
		{1011, C, ACK, 1001, 5015, 1111, 1910, "QUIT\r\n"},
		{1012, S, ACK, 5015, 1007, 1912, 1111, "221 bye\r\n"}};
	static const struct segment silent[] = {HANDSHAKE, AGAIN(1001)};
	static const struct segment twice[] = {HANDSHAKE, AGAIN(1001), AGAIN(3001)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		play(mail, sizeof(mail) / sizeof(mail[0]), way, 25);
		assert_true(seen.ntxns > 0);
		assert_int_equal(seen.flow[0].accept_wait, 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 2000 * US);
		/* Its port says so, where it never does. */
		play(silent, sizeof(silent) / sizeof(silent[0]), way, 25);
		assert_int_equal(seen.flow[0].accept_wait, 1000 * 1000 * US);
		PLAY(silent, way);
		assert_int_equal(seen.flow[0].accept_wait, 0);
		PLAY(twice, way);
		assert_int_equal(seen.flow[0].accept_wait, 3000 * 1000 * US);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deferred),
		cmocka_unit_test(full_queue),
		cmocka_unit_test(greeting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
