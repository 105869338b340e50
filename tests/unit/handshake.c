/*
 * handshake.c - TCP handshakes that do not go as usual: out of order, sent again, answered twice,
 * met by another connection, begun by both ends, or not taken by the server.
 */
#include "segments.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"                 /* 27 bytes */
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" /* 43 bytes */
#define ENDS(at, c, s)                                                                             \
	{at, C, FIN, c, s, 0, 0, NULL}, {at + 1, S, FIN, s, (c) + 1, 0, 0, NULL},                  \
	{                                                                                          \
		at + 1.1, C, ACK, (c) + 1, (s) + 1, 0, 0, NULL                                     \
	}

static void one_connection(uint64_t payload)
{
	assert_int_equal(seen.nflows, 1);
	assert_int_equal(seen.ntxns, 1);
	assert_int_equal(seen.flow[0].side[SIDE_CLIENT].payload, 27);
	assert_int_equal(seen.flow[0].side[SIDE_SERVER].payload, payload);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen.flow[0].trouble[i].lost_in_capture, 0);
		assert_int_equal(seen.flow[0].trouble[i].retransmits, 0);
	}
	assert_int_equal(seen.txn[0].r.status, STATUS_OK);
	assert_int_equal(seen.flow[0].r.server.port, 80);
}

/* Frames of nearly the same time stand in another order. */
static void syn_ack_first(void **state)
{
	static const struct segment before_syn[] = {{0, S, SYN_ACK, 5000, 1001, 0, 0, NULL},
		{.02, C, SYN, 1000, 0, 0, 0, NULL}, {.05, C, ACK, 1001, 5001, 0, 0, NULL},
		{10, C, ACK, 1001, 5001, 0, 0, GET}, {11, S, ACK, 5001, 1028, 0, 0, NULL},
		{30, S, ACK, 5001, 1028, 0, 0, OK}, {31, C, ACK, 1028, 5044, 0, 0, NULL},
		ENDS(40, 1028, 5044)};
	static const struct segment behind_ack[] = {{0, S, SYN_ACK, 5000, 1001, 0, 0, NULL},
		{.02, C, ACK, 1001, 5001, 0, 0, NULL}, {.05, C, SYN, 1000, 0, 0, 0, NULL},
		{10, C, ACK, 1001, 5001, 0, 0, GET}, {11, S, ACK, 5001, 1028, 0, 0, NULL},
		{30, S, ACK, 5001, 1028, 0, 0, OK}, {31, C, ACK, 1028, 5044, 0, 0, NULL},
		ENDS(40, 1028, 5044)};
	static const struct segment behind_request[] = {{0, S, SYN_ACK, 5000, 1001, 0, 0, NULL},
		{.02, C, ACK, 1001, 5001, 0, 0, NULL}, {.03, C, ACK, 1001, 5001, 0, 0, GET},
		{.04, C, SYN, 1000, 0, 0, 0, NULL}, {1.03, S, ACK, 5001, 1028, 0, 0, NULL},
		{30, S, ACK, 5001, 1028, 0, 0, OK}, {31, C, ACK, 1028, 5044, 0, 0, NULL},
		ENDS(40, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(before_syn, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].handshake, 50 * US);
		assert_string_equal(seen.flow[0].close_reason, "fin");
		assert_false(seen.flow[0].r.quality & 1u << QUALITY_MIDSTREAM);
		PLAY(behind_ack, way);
		one_connection(43);
		assert_true(seen.flow[0].handshake == FIELD_ABSENT);
		PLAY(behind_request, way);
		one_connection(43);
		assert_true(seen.flow[0].handshake == FIELD_ABSENT);
	}
}

/* The answer takes longer than the client waits for it before it sends its SYN again. */
static void long_path(void **state)
{
	static const struct segment path[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{1020, C, SYN, 1000, 0, 1120, 0, NULL},
		{1200, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{1200.1, C, ACK, 1001, 5001, 1300, 900, NULL},
		{1201, C, ACK, 1001, 5001, 1301, 900, GET},
		{2222, S, SYN_ACK, 5000, 1001, 1922, 100, NULL},
		{2222.1, C, ACK, 1028, 5001, 2322, 900, NULL},
		{2401, S, ACK, 5001, 1028, 2101, 1301, NULL},
		{2411, S, ACK, 5001, 1028, 2111, 1301, OK},
		{2411.1, C, ACK, 1028, 5044, 2511, 2111, NULL}, ENDS(2500, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(path, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].rtt_server, 1200 * 1000 * US);
		assert_int_equal(seen.flow[0].syn_retries, 1);
		assert_true(seen.flow[0].connect_retry == FIELD_ABSENT);
		assert_int_equal(seen.flow[0].accept_wait, 0);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 0);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 1200100 * US);
		assert_int_equal(entry_of(LEDGER_NETWORK), 1200 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 10 * 1000 * US);
	}
}

/* The same where the capture is at the server: it sends its SYN/ACK again for no need. */
static void long_path_to_client(void **state)
{
	static const struct segment path[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{.1, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{1000, S, SYN_ACK, 5000, 1001, 1900, 100, NULL},
		{1200, C, ACK, 1001, 5001, 1300, 900, NULL},
		{1201, C, ACK, 1001, 5001, 1301, 900, GET},
		{1201.1, S, ACK, 5001, 1028, 2101, 1301, NULL},
		{1211, S, ACK, 5001, 1028, 2111, 1301, OK},
		{2200, C, ACK, 1028, 5001, 2300, 900, NULL},
		{2411, C, ACK, 1028, 5044, 2511, 2111, NULL}, ENDS(2500, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(path, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].syn_ack_retries, 1);
		assert_true(seen.flow[0].connect_retry == FIELD_ABSENT);
		assert_int_equal(seen.flow[0].accept_wait, 0);
	}
}

/*
 * The SYN/ACK to the first SYN was lost before it was captured: the next one echoes the first SYN's
 * timestamp, and comes as fast as the path is.
 */
static void lost_syn_ack(void **state)
{
	static const struct segment lost[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1020, S, SYN_ACK, 5000, 1001, 900, 100, NULL},
		{1020.1, C, ACK, 1001, 5001, 1120, 900, NULL},
		{1021, C, ACK, 1001, 5001, 1121, 900, GET},
		{1041, S, ACK, 5001, 1028, 921, 1121, NULL},
		{1051, S, ACK, 5001, 1028, 931, 1121, OK},
		{1051.1, C, ACK, 1028, 5044, 1151, 931, NULL}, ENDS(1060, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(lost, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].connect_retry, 1000 * 1000 * US);
		assert_int_equal(seen.flow[0].rtt_server, 20 * 1000 * US);
		/* Without timestamps it may have been the SYN. */
		assert_int_equal(seen.flow[0].syn_ack_late, way != NO_TIMES);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 20100 * US);
		assert_int_equal(entry_of(LEDGER_SERVER), 10 * 1000 * US);
	}
}

/* Two SYNs, each with its SYN/ACK; the client takes the second one, or the first one late. */
static void two_syn_acks(void **state)
{
	static const struct segment same_isn[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{1, S, SYN_ACK, 5000, 1001, 900, 100, NULL}, {1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1001, S, SYN_ACK, 5000, 1001, 1900, 100, NULL},
		{1002, C, ACK, 1001, 5001, 1102, 1900, NULL},
		{1003, C, ACK, 1001, 5001, 1103, 1900, GET},
		{1004, S, ACK, 5001, 1028, 1902, 1103, NULL},
		{1053, S, ACK, 5001, 1028, 1953, 1103, OK},
		{1054, C, ACK, 1028, 5044, 1154, 1953, NULL}, ENDS(1060, 1028, 5044)};
	static const struct segment other_isn[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{1, S, SYN_ACK, 3212050950, 1001, 900, 100, NULL},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1001, S, SYN_ACK, 5000, 1001, 1900, 1100, NULL},
		{1002, C, ACK, 1001, 5001, 1102, 1900, NULL},
		{1003, C, ACK, 1001, 5001, 1103, 1900, GET},
		{1004, S, ACK, 5001, 1028, 1902, 1103, NULL},
		{1053, S, ACK, 5001, 1028, 1953, 1103, OK},
		{1054, C, ACK, 1028, 5044, 1154, 1953, NULL}, ENDS(1060, 1028, 5044)};
	static const struct segment takes_first[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{1, S, SYN_ACK, 5000, 1001, 900, 100, NULL}, {1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1001, S, SYN_ACK, 3212050950, 1001, 1900, 1100, NULL},
		{1002, C, ACK, 1001, 5001, 1102, 900, NULL},
		{1003, C, ACK, 1001, 5001, 1103, 900, GET},
		{1004, S, ACK, 5001, 1028, 1902, 1103, NULL},
		{1053, S, ACK, 5001, 1028, 1953, 1103, OK},
		{1054, C, ACK, 1028, 5044, 1154, 1953, NULL}, ENDS(1060, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(same_isn, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].syn_retries, 1);
		assert_int_equal(seen.flow[0].connect_retry, 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 2 * 1000 * US);
		assert_true(seen.flow[0].syn_ack_late);
		PLAY(other_isn, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].syn_retries, 1);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		PLAY(takes_first, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].syn_retries, 1);
	}
}

/* The SYN/ACK was not captured, or only one direction was. */
static void no_syn_ack(void **state)
{
	static const struct segment lost[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
		{20, C, ACK, 1001, 5001, 0, 0, NULL}, {21, C, ACK, 1001, 5001, 0, 0, GET},
		{41, S, ACK, 5001, 1028, 0, 0, NULL}, {51, S, ACK, 5001, 1028, 0, 0, OK},
		{51.1, C, ACK, 1028, 5044, 0, 0, NULL}, ENDS(60, 1028, 5044)};
	/* Nor was the ACK: when the handshake ended cannot be told. */
	static const struct segment no_ack[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
		{5000, C, ACK, 1001, 5001, 0, 0, GET}, {5020, S, ACK, 5001, 1028, 0, 0, NULL},
		{5051, S, ACK, 5001, 1028, 0, 0, OK}, {5051.1, C, ACK, 1028, 5044, 0, 0, NULL},
		ENDS(5060, 1028, 5044)};
	static const struct segment only_fin[] = {
		{0, C, SYN, 1000, 0, 0, 0, NULL}, {10000, C, FIN, 1001, 0, 0, 0, NULL}};
	static const struct segment one_way[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
		{20, C, ACK, 1001, 5001, 0, 0, NULL}, {21, C, ACK, 1001, 5001, 0, 0, GET}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(lost, way);
		one_connection(43);
		assert_string_equal(seen.flow[0].tcp_state, "closed");
		assert_int_equal(seen.flow[0].handshake, 20 * 1000 * US);
		PLAY(no_ack, way);
		one_connection(43);
		assert_true(seen.flow[0].handshake == FIELD_ABSENT);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 0);
		PLAY(only_fin, way);
		assert_true(seen.flow[0].handshake == FIELD_ABSENT);
		PLAY(one_way, way);
		assert_string_equal(seen.flow[0].tcp_state, "established");
		assert_true(seen.flow[0].r.quality & 1u << QUALITY_ONE_WAY);
	}
}

/* The server still has a connection between these ports, which the client knows nothing of. */
static void challenge_ack(void **state)
{
	static const struct segment met[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{.2, S, ACK, 777777, 555555, 900, 50, NULL}, {.3, C, RST, 555555, 0, 0, 0, NULL},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1000.2, S, SYN_ACK, 5000, 1001, 1900, 1100, NULL},
		{1000.3, C, ACK, 1001, 5001, 1100, 1900, NULL},
		{1001, C, ACK, 1001, 5001, 1101, 1900, GET},
		{1001.2, S, ACK, 5001, 1028, 1901, 1101, NULL},
		{1010, S, ACK, 5001, 1028, 1910, 1101, OK},
		{1010.1, C, ACK, 1028, 5044, 1110, 1910, NULL}, ENDS(1020, 1028, 5044)};
	/* The same with an RST to it that names nothing the client has sent. */
	static const struct segment stray_rst[] = {{0, C, SYN, 1000, 0, 100, 0, NULL},
		{.2, S, RST, 777777, 0, 0, 0, NULL}, {.3, S, RST | ACK, 0, 555555, 0, 0, NULL},
		{1000, C, SYN, 1000, 0, 1100, 0, NULL},
		{1000.2, S, SYN_ACK, 5000, 1001, 1900, 1100, NULL},
		{1000.3, C, ACK, 1001, 5001, 1100, 1900, NULL},
		{1001, C, ACK, 1001, 5001, 1101, 1900, GET},
		{1001.2, S, ACK, 5001, 1028, 1901, 1101, NULL},
		{1010, S, ACK, 5001, 1028, 1910, 1101, OK},
		{1010.1, C, ACK, 1028, 5044, 1110, 1910, NULL}, ENDS(1020, 1028, 5044)};
	static const struct segment refused[] = {
		{0, C, SYN, 1000, 0, 100, 0, NULL}, {.2, S, RST | ACK, 0, 1001, 0, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(met, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].syn_retries, 1);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		assert_int_equal(entry_of(LEDGER_CONNECT_NETWORK), 300 * US);
		assert_null(seen.flow[0].reset_phase);
		assert_false(seen.flow[0].syn_ack_late);
		assert_int_equal(seen.flow[0].strays, 2);
		PLAY(stray_rst, way);
		one_connection(43);
		assert_int_equal(entry_of(LEDGER_CONNECT_RETRY), 1000 * 1000 * US);
		PLAY(refused, way);
		assert_int_equal(seen.nflows, 1);
		assert_string_equal(seen.flow[0].reset_phase, "syn");
	}
}

/* The same where the capture holds what the server still has: its client has begun anew. */
static void challenge_in_old(void **state)
{
	static const struct segment old[] = {{0, C, SYN, 700, 0, 10, 0, NULL},
		{1, S, SYN_ACK, 300, 701, 20, 10, NULL}, {1.1, C, ACK, 701, 301, 11, 20, NULL},
		{2, C, ACK, 701, 301, 12, 20, GET}, {3, S, ACK, 301, 728, 22, 12, NULL},
		{10, S, ACK, 301, 728, 30, 12, OK}, {10.1, C, ACK, 728, 344, 20, 30, NULL},
		{60000, C, SYN, 1000, 0, 100, 0, NULL}, {60000.2, S, ACK, 344, 728, 900, 20, NULL},
		{60000.3, C, RST, 728, 0, 0, 0, NULL}, {61000, C, SYN, 1000, 0, 1100, 0, NULL},
		{61000.2, S, SYN_ACK, 5000, 1001, 1900, 1100, NULL},
		{61000.3, C, ACK, 1001, 5001, 1100, 1900, NULL},
		{61001, C, ACK, 1001, 5001, 1101, 1900, GET},
		{61001.2, S, ACK, 5001, 1028, 1901, 1101, NULL},
		{61010, S, ACK, 5001, 1028, 1910, 1101, OK},
		{61010.1, C, ACK, 1028, 5044, 1110, 1910, NULL}, ENDS(61020, 1028, 5044)};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(old, way);
		assert_int_equal(seen.nflows, 2);
		assert_int_equal(seen.ntxns, 2);
		assert_int_equal(seen.flow[1].syn_retries, 1);
		assert_int_equal(seen.flow[1].connect_retry, 1000 * 1000 * US);
		assert_int_equal(seen.txn[1].ledger[LEDGER_CONNECT_RETRY], 1000 * 1000 * US);
		assert_int_equal(seen.txn[1].ledger[LEDGER_CONNECT_NETWORK], 300 * US);
		assert_int_equal(seen.txn[1].r.status, STATUS_OK);
	}
}

/* Both ends send a SYN before they see the other's: the server is who has the port of one. */
static void simultaneous_open(void **state)
{
	static const struct segment both[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
		{5, S, SYN, 5000, 0, 0, 0, NULL}, {20, S, SYN_ACK, 5000, 1001, 0, 0, NULL},
		{25, C, SYN_ACK, 1000, 5001, 0, 0, NULL}, {30, C, ACK, 1001, 5001, 0, 0, GET},
		{50, S, ACK, 5001, 1028, 0, 0, NULL}, {60, S, ACK, 5001, 1028, 0, 0, OK},
		{60.1, C, ACK, 1028, 5044, 0, 0, NULL}, ENDS(70, 1028, 5044)};
	static const struct segment server_first[] = {{0, S, SYN, 5000, 0, 0, 0, NULL},
		{5, C, SYN, 1000, 0, 0, 0, NULL}, {20, C, SYN_ACK, 1000, 5001, 0, 0, NULL},
		{25, S, SYN_ACK, 5000, 1001, 0, 0, NULL}, {30, C, ACK, 1001, 5001, 0, 0, GET},
		{50, S, ACK, 5001, 1028, 0, 0, NULL}, {60, S, ACK, 5001, 1028, 0, 0, OK},
		{60.1, C, ACK, 1028, 5044, 0, 0, NULL}, ENDS(70, 1028, 5044)};
	/* A SYN that nobody answered, and long after it one the other way: another connection. */
	static const struct segment later[] = {{0, C, SYN, 1000, 0, 0, 0, NULL},
		{20000, S, SYN, 5000, 0, 0, 0, NULL}, {20001, C, SYN_ACK, 7000, 5001, 0, 0, NULL},
		{20002, S, ACK, 5001, 7001, 0, 0, NULL}};

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		PLAY(both, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].handshake, 25 * 1000 * US);
		assert_int_equal(seen.flow[0].rtt_server, 20 * 1000 * US);
		assert_int_equal(seen.flow[0].syn_retries, 0);
		assert_true(seen.flow[0].connect_retry == FIELD_ABSENT);
		assert_string_equal(seen.flow[0].close_reason, "fin");
		PLAY(server_first, way);
		one_connection(43);
		assert_int_equal(seen.flow[0].handshake, 25 * 1000 * US);
		PLAY(later, way);
		assert_int_equal(seen.nflows, 2);
		assert_int_equal(seen.flow[1].r.server.port, 40000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_ack_first),
		cmocka_unit_test(long_path),
		cmocka_unit_test(long_path_to_client),
		cmocka_unit_test(lost_syn_ack),
		cmocka_unit_test(two_syn_acks),
		cmocka_unit_test(no_syn_ack),
		cmocka_unit_test(challenge_ack),
		cmocka_unit_test(challenge_in_old),
		cmocka_unit_test(simultaneous_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
