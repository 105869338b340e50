/*
 * fastopen.c - data in the SYN (TCP Fast Open): taken, refused, taken in part, lost; each byte
 * once, each second of waiting once.
 */
#include "segments.h"

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                 /* 27 bytes */
#define HALF "GET / HTTP/1.1\r\n"                                /* 16 of them */
#define REST "Host: a\r\n\r\n"                                   /* the other 11 */
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" /* 43 bytes */

static void once(const char *fate)
{
	assert_int_equal(seen.nflows, 1);
	assert_int_equal(seen.ntxns, 1);
	assert_int_equal(seen.flow[0].side[SIDE_CLIENT].payload, 27);
	assert_int_equal(seen.flow[0].side[SIDE_SERVER].payload, 43);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen.flow[0].trouble[i].lost_in_capture, 0);
		assert_int_equal(seen.flow[0].trouble[i].retransmits, 0);
	}
	assert_int_equal(seen.txn[0].r.status, STATUS_OK);
	assert_int_equal(entry_of(LEDGER_STALL_RTO_CLIENT), 0);
	assert_int_equal(entry_of(LEDGER_STALL_FAST_CLIENT), 0);
	if (fate)
		assert_string_equal(seen.flow[0].fast_open, fate);
	else
		assert_null(seen.flow[0].fast_open);
}

/* Nobody waited for the SYN/ACK: the path and the server are the request's own. */
static void taken(void **state)
{
	static const struct segment at_once[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20, S, SYN_ACK, 5000, 1028, 900, 100, NULL},
		{20.1, C, ACK, 1028, 5001, 120, 900, NULL}, {70, S, ACK, 5001, 1028, 950, 120, OK},
		{70.1, C, ACK, 1028, 5044, 170, 950, NULL}};
	/* The answer comes before the ACK that ends the handshake. */
	static const struct segment before_ack[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20, S, SYN_ACK, 5000, 1028, 900, 100, NULL},
		{70, S, ACK, 5001, 1028, 950, 100, OK}, {70.1, C, ACK, 1028, 5044, 170, 950, NULL}};
	/* And with the SYN/ACK. */
	static const struct segment in_syn_ack[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{70, S, SYN_ACK, 5000, 1028, 900, 100, OK},
		{70.1, C, ACK, 1028, 5044, 170, 900, NULL}};
	static const struct segment no_syn_ack[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20.1, C, ACK, 1028, 5001, 120, 900, NULL}, {70, S, ACK, 5001, 1028, 950, 120, OK},
		{70.1, C, ACK, 1028, 5044, 170, 950, NULL}};
	static const struct segment syn_ack_first[] = {{0, S, SYN_ACK, 5000, 1028, 900, 100, NULL},
		{.01, C, SYN, 1000, 0, 100, 0, GET}, {.1, C, ACK, 1028, 5001, 120, 900, NULL},
		{70, S, ACK, 5001, 1028, 950, 120, OK}, {70.1, C, ACK, 1028, 5044, 170, 950, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(at_once, way);
		once("taken");
		assert_int_equal(seen.txn[0].total, 70 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 0);
		assert_int_equal(entry_of(LEDGER_NETWORK), 20 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
		assert_int_equal(seen.flow[0].handshake, 20100 * US);
		PLAY(before_ack, way);
		once("taken");
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
		PLAY(in_syn_ack, way);
		once("taken");
		assert_int_equal(seen.txn[0].total, 70 * 1000 * US);
		PLAY(no_syn_ack, way);
		once("taken");
		assert_int_equal(seen.txn[0].total, 70 * 1000 * US);
		PLAY(syn_ack_first, way);
		once("taken");
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 0);
		assert_int_equal(seen.txn[0].total, 70 * 1000 * US - 10 * US);
	}
}

/* It was sent for nothing, and waited for the connection. */
static void refused(void **state)
{
	static const struct segment whole[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{20.1, C, ACK, 1001, 5001, 120, 900, GET},
		{40.1, S, ACK, 5001, 1028, 920, 120, NULL},
		{90.1, S, ACK, 5001, 1028, 970, 120, OK},
		{90.2, C, ACK, 1028, 5044, 190, 970, NULL}};
	static const struct segment with_more[] = {{0, C, SYN, 1000, 0, 100, 0, HALF},
		{20, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{20.1, C, ACK, 1001, 5001, 120, 900, GET},
		{40.1, S, ACK, 5001, 1028, 920, 120, NULL},
		{90.1, S, ACK, 5001, 1028, 970, 120, OK},
		{90.2, C, ACK, 1028, 5044, 190, 970, NULL}};
	static const struct segment no_syn_ack[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20.1, C, ACK, 1001, 5001, 120, 900, GET},
		{40.1, S, ACK, 5001, 1028, 920, 120, NULL},
		{90.1, S, ACK, 5001, 1028, 970, 120, OK},
		{90.2, C, ACK, 1028, 5044, 190, 970, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(whole, way);
		once("refused");
		assert_int_equal(seen.txn[0].stamp[0], seen.flow[0].r.start);
		assert_int_equal(seen.txn[0].total, 90100 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		assert_int_equal(entry_of(LEDGER_REQUEST), 0);
		assert_int_equal(entry_of(LEDGER_NETWORK), 20 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
		PLAY(with_more, way);
		once("refused");
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		assert_int_equal(seen.txn[0].total, 90100 * US);
		PLAY(no_syn_ack, way);
		once("refused");
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
	}
}

static void taken_in_part(void **state)
{
	static const struct segment part[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{20, S, SYN_ACK, 5000, 1017, 900, 100, NULL},
		{20.1, C, ACK, 1017, 5001, 120, 900, REST},
		{40.1, S, ACK, 5001, 1028, 920, 120, NULL},
		{90.1, S, ACK, 5001, 1028, 970, 120, OK},
		{90.2, C, ACK, 1028, 5044, 190, 970, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(part, way);
		once("partly");
		assert_int_equal(seen.txn[0].total, 90100 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
	}
}

/* The SYN was lost, and its data with it. */
static void lost(void **state)
{
	/* As Linux does: the next SYN carries none. */
	static const struct segment without[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1020, S, SYN_ACK, 5000, 1001, 900, 1100, NULL},
		{1020.1, C, ACK, 1001, 5001, 1120, 900, GET},
		{1040.1, S, ACK, 5001, 1028, 920, 1120, NULL},
		{1090.1, S, ACK, 5001, 1028, 970, 1120, OK},
		{1090.2, C, ACK, 1028, 5044, 1190, 970, NULL}};
	static const struct segment with[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{1000, C, SYN, 1000, 0, 1100, 0, GET},
		{1020, S, SYN_ACK, 5000, 1028, 900, 1100, NULL},
		{1020.1, C, ACK, 1028, 5001, 1120, 900, NULL},
		{1070, S, ACK, 5001, 1028, 950, 1120, OK},
		{1070.1, C, ACK, 1028, 5044, 1170, 950, NULL}};
	static const struct segment refused_then[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{1000, C, SYN, 1000, 0, 1100, 0, GET},
		{1020, S, SYN_ACK, 5000, 1001, 900, 1100, NULL},
		{1020.1, C, ACK, 1001, 5001, 1120, 900, GET},
		{1040.1, S, ACK, 5001, 1028, 920, 1120, NULL},
		{1090.1, S, ACK, 5001, 1028, 970, 1120, OK},
		{1090.2, C, ACK, 1028, 5044, 1190, 970, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(without, way);
		once("refused");
		assert_int_equal(seen.flow[0].syn_retries, 1);
		assert_int_equal(seen.flow[0].connect_retry, 1000 * 1000 * US);
		assert_int_equal(seen.txn[0].total, 1090100 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
		PLAY(with, way);
		once("taken");
		assert_int_equal(seen.flow[0].connect_retry, 1000 * 1000 * US);
		assert_int_equal(seen.txn[0].total, 1070 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 0);
		assert_int_equal(entry_of(LEDGER_SERVER), 50 * 1000 * US);
		PLAY(refused_then, way);
		once("refused");
		assert_int_equal(seen.txn[0].total, 1090100 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
	}
}

/*
 * The SYN was taken and its SYN/ACK lost: the client cannot take the answer, sends the SYN again,
 * and gets the answer once more.
 */
static void unheard(void **state)
{
	static const struct segment lost[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{70, S, ACK, 5001, 1028, 950, 100, OK}, {1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1020, S, SYN_ACK, 5000, 1028, 1900, 100, NULL},
		{1020.1, C, ACK, 1028, 5001, 1120, 1900, NULL},
		{1260, S, ACK, 5001, 1028, 2150, 1120, OK},
		{1260.1, C, ACK, 1028, 5044, 1360, 2150, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(lost, way);
		assert_int_equal(seen.ntxns, 1);
		assert_int_equal(seen.flow[0].side[SIDE_SERVER].payload, 43);
		assert_int_equal(seen.txn[0].total, 1260 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_STALL_RTO_SERVER), 239900 * US);
		assert_int_equal(entry_of(LEDGER_SERVER) + entry_of(LEDGER_NETWORK), 20100 * US);
	}
}

/* A cookie is asked for, no data sent; and a copy of the SYN with data. */
static void as_usual(void **state)
{
	static const struct segment cookie[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{20, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{20.1, C, ACK, 1001, 5001, 120, 900, GET},
		{40.1, S, ACK, 5001, 1028, 920, 120, NULL},
		{90.1, S, ACK, 5001, 1028, 970, 120, OK},
		{90.2, C, ACK, 1028, 5044, 190, 970, NULL}};
	static const struct segment never[] = {{0, C, SYN, 1000, 0, 100, 0, GET},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL}, {3000, C, SYN, 1000, 0, 3100, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(cookie, way);
		once(NULL);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		PLAY(never, way);
		assert_int_equal(seen.nflows, 1);
		assert_int_equal(seen.ntxns, 0);
		assert_int_equal(seen.flow[0].syn_retries, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(taken_in_part),
		cmocka_unit_test(lost),
		cmocka_unit_test(unheard),
		cmocka_unit_test(as_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
