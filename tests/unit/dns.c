/*
 * dns.c - what the reader of DNS makes of messages that no capture here holds: names that are wrong
 * on purpose, counts that lie, what only looks like DNS, and every cut of a message.
 */
#include "talk.h"

/* Header: identifier 0x1234, flags, counts; then what is given. */
#define HEAD(flags_hi, flags_lo, qd, an) "\x12\x34" flags_hi flags_lo "\0" qd "\0" an "\0\0\0\0"
#define QUESTION                         "\3www\7example\0\0\1\0\1"
#define QUERY                            HEAD("\1", "\0", "\1", "\0") QUESTION
#define ANSWER                           HEAD("\x81", "\x80", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
#define UDP(side, text)                  talk_datagram(side, text, sizeof(text) - 1, 0)

static void test_pair(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(1, ANSWER);
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("dns QUERY|QUERY www.example|1");
	talk_holds("dns.response_code=NOERROR");
	talk_holds("dns.resolved_ip=192.0.2.7");
	talk_holds("tsumari.dns.ttl_min=60");
}

/* The letters' case may come back another; another name, type or identifier is another question. */
static void test_pairing(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(1, HEAD("\x81", "\x80", "\1", "\0") "\3WwW\7EXAMPLE\0\0\1\0\1");
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(1, HEAD("\x81", "\x80", "\1", "\0") "\3www\7example\0\0\x1c\0\1");
	UDP(1, HEAD("\x81", "\x80", "\1", "\0") "\3wwx\7example\0\0\1\0\1");
	UDP(1, "\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION);
	talk_end();
	assert_int_equal(talk.records, 4);
	talk_holds("!no_response");
}

/* Sent again it is the same query; answered again, it is counted. */
static void test_again(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(0, QUERY);
	UDP(0, QUERY);
	UDP(1, ANSWER);
	UDP(1, ANSWER);
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("tsumari.dns.retries=2");
	assert_int_equal(talk.ledger[LEDGER_RETRY], 2 * TALK_MS / 10);
	assert_int_equal(talk.ledger[LEDGER_SERVER], TALK_MS / 10);
	assert_int_equal(talk_counted("dns: another response to a query that was answered"), 1);
}

/* Answers never asked for, and queries never answered. */
static void test_alone(void **state)
{
	uint8_t query[] = QUERY;

	(void)state;
	talk_begin(53, false);
	UDP(1, ANSWER);
	talk_end();
	talk_holds("dns QUERY|QUERY www.example|1");
	talk_holds("!no_request");
	talk_begin(53, false);
	for (unsigned i = 0; i < 2000; i++) {
		query[0] = (uint8_t)(i >> 8);
		query[1] = (uint8_t)i;
		talk_datagram(0, query, sizeof(query) - 1, 0);
	}
	talk_end();
	assert_int_equal(talk.records, 2000);
	assert_true(talk_counted("transaction: too many open, oldest closed unanswered") > 1000);
}

/* Where the first that is seen is a response, its sender is the server, whatever the ports are. */
static void test_response_first(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(1, HEAD("\x84", "\0", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7");
	talk.time += 20 * TALK_MS; /* too long for frames that are out of order */
	UDP(0, QUERY);
	UDP(1, ANSWER);
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("!no_request");
	talk_begin(53, false); /* it waits for its question that stands behind it */
	UDP(1, ANSWER);
	UDP(0, QUERY);
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_lacks("!no_re");
	talk_begin(8053, false); /* on another port it says by its bytes what it is */
	UDP(1, HEAD("\x84", "\0", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7");
	talk_end();
	assert_int_equal(talk.records, 1);
}

/* A pointer to itself, to what follows, into the header's end; a loop; labels over 63 and past the
   end; a name over 255 bytes. Nothing is read that is not there, and what follows is. */
static void test_names(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
#define BAD(text) {HEAD("\1", "\0", "\1", "\0") text, sizeof(HEAD("\1", "\0", "\1", "\0") text) - 1}
		BAD("\xc0\x0c\0\1\0\1"),
		BAD("\xc0\x0e\0\0\1\0\1"),
		BAD("\1a\xc0\x0c\0\1\0\1"),
		BAD("\xc0"),
		BAD("\x40zzzz\0\0\1\0\1"),
		BAD("\x80zzzz\0\0\1\0\1"),
		BAD("\x3fzzzz\0\0\1\0\1"),
		BAD("\3www"),
		BAD("\3www\0\0"),
		BAD("\xc3\xff\0\1\0\1"),
	};
	uint8_t deep[12 + 5 * 64 + 5] = HEAD("\1", "\0", "\1", "\0");

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		talk_begin(53, false);
		UDP(0, QUERY);
		UDP(1, ANSWER);
		talk_datagram(0, bad[i].p, bad[i].n, 0);
		talk_end();
		assert_int_equal(talk.records, 1);
		assert_int_equal(talk_counted("dns: message that cannot be read"), 1);
	}
	for (unsigned i = 0; i < 5; i++) {
		deep[12 + i * 64] = 63;
		memset(deep + 13 + i * 64, 'n', 63);
	}
	memcpy(deep + 12 + 5 * 64, "\0\0\1\0\1", 5);
	talk_begin(53, false);
	UDP(0, QUERY);
	talk_datagram(0, deep, sizeof(deep), 0);
	talk_end();
	assert_int_equal(talk.records, 1);
	assert_int_equal(talk_counted("dns: message that cannot be read"), 1);
}

/* 65,535 records in a header that has none behind it, lengths past the end. */
static void test_counts(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(1, "\x12\x34\x81\x80\0\1\xff\xff\xff\xff\xff\xff" QUESTION
	       "\xc0\x0c\0\1\0\1\0\0\0\5\xff\xff\1\2\3\4");
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("dns.answers_count=65535");
	talk_lacks("resolved_ip");
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(0, "\x56\x78\1\0\xff\xff\0\0\0\0\0\0" QUESTION);
	UDP(1, "\x56\x78\x81\x80\0\0\0\0\0\0\0\0"); /* no question comes back */
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("dns.questions_count=65535");
	talk_holds("dns.response_code=NOERROR");
}

/* Every cut of a message by the snap length: never more than the whole said. */
static void test_cuts(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < sizeof(ANSWER); cut++) {
		talk_begin(53, false);
		UDP(0, QUERY);
		talk_datagram(1, ANSWER, sizeof(ANSWER) - 1, cut);
		talk_end();
		assert_true(talk.records == 1 || talk.records == 2);
		if (cut < 5)
			talk_holds("dns.response_code=NOERROR");
		if (cut >= 1)
			talk_lacks("resolved_ip");
	}
}

/* Bytes of a label that mean something elsewhere. */
static void test_escapes(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, HEAD("\1", "\0", "\1", "\0") "\7\x1b[2J.\\ \4a\nb\xff\0\0\1\0\1");
	talk_end();
	talk_holds("QUERY \\027[2J\\046\\092\\032.a\\010b\\255|");
}

/* Over TCP: in segments of any size, several at once, with a length of 0, 65,535, or lost bytes. */
static void test_stream(void **state)
{
	static const char query[] = "\0\x1d" QUERY, answer[] = "\0\x2d" ANSWER;
	static const size_t steps[] = {1, 2, 3, 7, 1460};
	uint8_t big[65537] = "\xff\xff" ANSWER;

	(void)state;
	assert_int_equal(sizeof(query) - 1, 2 + 0x1d);
	assert_int_equal(sizeof(answer) - 1, 2 + 0x2d);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		talk_begin(53, true);
		talk_bytes(0, query, sizeof(query) - 1, steps[i]);
		talk_bytes(1, answer, sizeof(answer) - 1, steps[i]);
		talk_bytes(0, query, sizeof(query) - 1, steps[i]);
		talk_bytes(1, big, sizeof(big), 1460);
		talk_bytes(0, query, sizeof(query) - 1, steps[i]);
		talk_bytes(1, answer, sizeof(answer) - 1, steps[i]);
		talk_close();
		talk_end();
		assert_true(talk.records >= 2);
		talk_holds("dns.resolved_ip=192.0.2.7");
	}
	talk_begin(53, true);
	talk_bytes(0, query, sizeof(query) - 1, 1460);
	talk_lose(1, sizeof(answer) - 1);
	talk_bytes(0, query, sizeof(query) - 1, 1460);
	talk_bytes(1, answer, sizeof(answer) - 1, 1460);
	talk_bytes(1, "\0\0", 2, 1460);
	talk_bytes(1, "\0\5abcde", 7, 1460);
	talk_bytes(0, query, sizeof(query) - 1, 1460);
	talk_bytes(1, answer, sizeof(answer) - 1, 1460);
	talk_close();
	talk_end();
	talk_holds("dns.resolved_ip=192.0.2.7");
	assert_true(talk.records >= 2 && talk.records <= 3);
}

/* One message of a transfer: its length, header, question and records. */
static size_t transfer(uint8_t *to, unsigned type, bool question, const char *const *records)
{
	size_t n = 2;

	memcpy(to + n, "\x12\x34\x84\0\0\1\0\0\0\0\0\0", 12);
	n += 12;
	to[7] = question;
	if (question) {
		memcpy(to + n, "\1z\0\0\0\0\1", 7);
		to[n + 4] = (uint8_t)type;
		n += 7;
	}
	for (; *records; records++, to[9]++) {
		bool soa = **records >= '0' && **records <= '9'; /* by its serial */
		size_t len = soa ? 22 : 4;

		memcpy(to + n, "\1z\0\0\1\0\1\0\0\0\x3c\0\0", 13);
		to[n + 4] = soa ? 6 : 1;
		to[n + 12] = (uint8_t)len;
		memset(to + n + 13, 0, len);
		if (soa)
			to[n + 13 + 5] = (uint8_t) * *records;
		n += 13 + len;
	}
	to[0] = (uint8_t)((n - 2) >> 8);
	to[1] = (uint8_t)(n - 2);
	return n;
}

/*
 * Zone transfers in any number of messages, with and without a question in the later ones: of
 * `type` the messages, parted by NULL, are one answer of `records` records; another query follows.
 */
static void test_transfers(void **state)
{
	static const struct {
		unsigned type, records;
		const char *const m[16];
	} cases[] = {
		{252, 4, {"1", "a", "b", "1"}},
		{252, 4, {"1", NULL, "a", NULL, "b", NULL, "1"}},
		{252, 5, {"1", "a", NULL, "2", "b", "1"}}, /* a zone's child has an SOA, too */
		{251, 1, {"1"}},
		{251, 4, {"1", "a", NULL, "b", "1"}},
		{251, 6, {"2", "1", "a", "2", "b", "2"}},
		{251, 6, {"2", NULL, "1", NULL, "a", "2", NULL, "b", NULL, "2"}},
		{251, 8, {"3", "1", "a", NULL, "2", "2", "b", NULL, "3", "3"}},
	};
	/* As IXFR asks: with the SOA record that the client has, of serial '0' or '1'. */
	uint8_t query[] = "\0\x36\x12\x34\1\0\0\1\0\0\0\1\0\0\1z\0\0\0\0\1"
			  "\1z\0\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\x30\0\0\0\0\0\0\0\0\0\0\0\0\0"
			  "\0\0\0";
	uint8_t b[512];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned step = 1; step < 1000; step = step * 9 + 1) {
			const char *const *m = cases[i].m;
			char want[64];

			talk_begin(53, true);
			query[18] = (uint8_t)cases[i].type;
			query[39] = i == 3 ? '1' : '0';
			talk_bytes(0, query, sizeof(query) - 1, step);
			while (*m) {
				talk_bytes(1, b,
					transfer(b, cases[i].type, m == cases[i].m || i % 2, m),
					step);
				while (*m)
					m++;
				m++;
			}
			query[3] = 0x35;
			talk_bytes(0, query, sizeof(query) - 1, step);
			query[3] = 0x34;
			talk_bytes(1, "\0\xc\x12\x35\x80\5\0\0\0\0\0\0\0\0", 14, step);
			talk_close();
			(void)talk_end();
			assert_int_equal(talk.records, 2);
			talk_lacks("!");
			talk_holds("dns.response_code=REFUSED");
			snprintf(want, sizeof(want), "dns.answers_count=%u ", cases[i].records);
			talk_holds(want);
		}
	/* It breaks off with an error, with the connection, or was none. */
	for (unsigned i = 0; i < 3; i++) {
		static const char *const begins[] = {"1", "a", NULL}, *const none[] = {"a", NULL};

		talk_begin(53, true);
		query[18] = 252;
		talk_bytes(0, query, sizeof(query) - 1, 1460);
		talk_bytes(1, b, transfer(b, 252, true, i == 2 ? none : begins), 1460);
		if (!i)
			talk_bytes(1, "\0\xc\x12\x34\x80\2\0\0\0\0\0\0\0\0", 14, 1460);
		talk_close();
		(void)talk_end();
		assert_int_equal(talk.records, 1);
		(i == 0 ? talk_holds : talk_lacks)("dns.response_code=SERVFAIL");
		(i == 1 ? talk_holds : talk_lacks)("!unfinished");
	}
}

/* The bit that is kept zero (RFC 6895, 2.1) is in queries of the field. */
static void test_z_bit(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, HEAD("\1", "\x40", "\1", "\0") QUESTION);
	UDP(1, HEAD("\x81", "\xc0", "\1", "\0") QUESTION);
	(void)talk_end();
	assert_int_equal(talk.records, 1);
	talk_lacks("!");
}

/* A client may ask nothing, of the server (STATUS) or to get a cookie (RFC 7873, 5.4). */
static void test_no_question(void **state)
{
	(void)state;
	talk_begin(53, false);
	UDP(0, QUERY);
	UDP(1, ANSWER);
	UDP(0, HEAD("\x10", "\0", "\0", "\0"));
	UDP(1, HEAD("\x90", "\4", "\0", "\0"));
	UDP(0, HEAD("\1", "\0", "\0", "\0"));
	UDP(1, HEAD("\x81", "\x81", "\0", "\0"));
	talk_end();
	assert_int_equal(talk.records, 3);
	talk_holds("dns STATUS|STATUS|4");
	talk_holds("dns QUERY|QUERY|3");
	talk_lacks("!no_request");
	talk_lacks("!no_response");
}

/* NetBIOS, mDNS and LLMNR have messages of the same form and are none of it. */
static void test_alike(void **state)
{
	static const char netbios[] =
		HEAD("\1", "\x10", "\1", "\0") "\40"
					       "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x20\0\1";

	(void)state;
	talk_begin(137, false);
	UDP(0, netbios);
	talk_end();
	assert_int_equal(talk.records, 0);
	talk_begin(5353, false);
	UDP(0, "\0\0\0\0\0\1\0\0\0\0\0\0\3www\5local\0\0\1\0\1");
	UDP(1, "\0\0\x84\0\0\0\0\1\0\0\0\0\3www\5local\0\0\1\x80\1\0\0\0\x3c\0\4\xc0\0\2\7");
	talk_end();
	assert_int_equal(talk.records, 0);
	talk_begin(5355, false);
	UDP(0, "\x12\x34\0\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1");
	UDP(1, "\x12\x34\x80\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1");
	talk_end();
	assert_int_equal(talk.records, 0);
	/* To a query from another port mDNS answers as DNS does (RFC 6762, 6.7). */
	talk_begin(5353, false);
	UDP(0, QUERY);
	UDP(1, HEAD("\x84", "\0", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\xc0\0\2\7");
	talk_end();
	assert_int_equal(talk.records, 0);
}

static int teardown(void **state)
{
	(void)state;
	talk_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_pairing),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_response_first),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_z_bit),
		cmocka_unit_test(test_no_question),
		cmocka_unit_test(test_alike),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
