/*
 * mysql_gtid.c - replication by global transaction identifiers: COM_BINLOG_DUMP_GTID as MySQL's
 * replicas send it, whole, cut and with counts that cannot be, and the events of the answer.
 */
#include "talk.h"

#define PORT 3306

struct bytes {
	uint8_t b[4096];
	size_t n;
};

static void put(struct bytes *to, const void *p, size_t n)
{
	assert_true(to->n + n <= sizeof(to->b));
	memcpy(to->b + to->n, p, n);
	to->n += n;
}

/* A little-endian number of n bytes. */
static void le(struct bytes *to, uint64_t x, unsigned n)
{
	for (unsigned i = 0; i < n; i++, x >>= 8)
		put(to, &(uint8_t){(uint8_t)x}, 1);
}

#define TEXT(to, text) put(to, text, sizeof(text) - 1)

static void packet(unsigned side, uint8_t seq, const void *p, size_t n, size_t step)
{
	struct bytes all = {.n = 0};

	le(&all, n, 3);
	le(&all, seq, 1);
	put(&all, p, n);
	talk_bytes(side, all.b, all.n, step);
}

#define CLIENT(seq, text, step) packet(0, seq, text, sizeof(text) - 1, step)
#define SERVER(seq, text, step) packet(1, seq, text, sizeof(text) - 1, step)
#define OK                      "\0\0\0\2\0\0\0"

static void login(size_t step)
{
	talk_begin(PORT, true);
	SERVER(0,
		"\x0a"
		"8.0.99\0\1\0\0\0aaaaaaaa\0\x0f\xa2\x21\2\0\xff\1\x15"
		"\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0mysql_native_password\0",
		step);
	CLIENT(1,
		"\x07\xa2\xff\1\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"repl\0\4passmysql_native_password\0",
		step);
	SERVER(2, OK, step);
}

/* COM_BINLOG_DUMP_GTID up to its data's size. */
static void dump(struct bytes *to, const char *file)
{
	to->n = 0;
	le(to, 0x1e, 1);
	le(to, 4, 2); /* BINLOG_THROUGH_GTID */
	le(to, 77, 4);
	le(to, strlen(file), 4);
	put(to, file, strlen(file));
	le(to, 4, 8);
}

static void uuid(struct bytes *to, uint8_t first, uint64_t intervals)
{
	for (unsigned i = 0; i < 16; i++)
		le(to, first + i, 1);
	le(to, intervals, 8);
}

static void interval(struct bytes *to, uint64_t first, uint64_t end)
{
	le(to, first, 8);
	le(to, end, 8);
}

/* Two servers' transactions: 1 to 5, 7; 1 to 1000000. */
static void usual(struct bytes *to)
{
	dump(to, "binlog.000001");
	le(to, 8 + 24 + 32 + 24 + 16, 4);
	le(to, 2, 8);
	uuid(to, 0xa0, 2);
	interval(to, 1, 6);
	interval(to, 7, 8);
	uuid(to, 0x10, 1);
	interval(to, 1, 1000001);
}

#define FIRST  "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"
#define SECOND "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define ASKED                                                                                      \
	"mysql BINLOG_DUMP_GTID|BINLOG_DUMP_GTID|1 mysql.user=repl "                               \
	"mysql.command=COM_BINLOG_DUMP_GTID tsumari.mysql.binlog.server_id=77 "                    \
	"tsumari.mysql.binlog.position=4"
#define EVERYTHING " tsumari.mysql.binlog.gtid=" FIRST ":1-5:7," SECOND ":1-1000000"

/* An event of the binary log, without checksum. */
static void event(
	uint8_t seq, uint8_t type, uint32_t position, const void *p, size_t n, size_t step)
{
	struct bytes e = {.n = 0};

	le(&e, 0, 1);
	le(&e, 0, 4); /* timestamp: none, there is no lag */
	le(&e, type, 1);
	le(&e, 1, 4);
	le(&e, 19 + n, 4);
	le(&e, position, 4);
	le(&e, 0x20, 2);
	put(&e, p, n);
	packet(1, seq, e.b, e.n, step);
}

#define EVENT(seq, type, position, text, step)                                                     \
	event(seq, type, position, text, sizeof(text) - 1, step)

static void answer(size_t step)
{
	EVENT(1, 4, 0, "\4\0\0\0\0\0\0\0binlog.000001", step);
	EVENT(2, 15, 126, "a description", step);
	EVENT(3, 35, 157, "\0\0\0\0\0\0\0\0", step);
	EVENT(4, 33, 236,
		"\1\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\6\0\0\0\0\0\0\0"
		"more",
		step);
	EVENT(5, 33, 240, "\1\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\6\0",
		step);
	EVENT(6, 162, 250, "\7\0\0\0\0\0\0\0\3\0\0\0\0", step);
	EVENT(7, 34, 260, "anonymous", step);
	EVENT(8, 42, 270, "with a tag", step);
	EVENT(9, 27, 280, "binlog.000001", step);
	EVENT(10, 41, 0, "binlog.000001", step);
}

#define EVENT_IS(type) "mysql BINLOG_EVENT|BINLOG_EVENT " type "|1"

/* The records of the answer, each with these flags. */
static void check_answer(const char *flags)
{
	static const char *const ends[] = {
		"position=236 tsumari.mysql.binlog.size=48 tsumari.mysql.binlog.gtid=" FIRST ":6",
		"position=240 tsumari.mysql.binlog.size=38",
		"position=250 tsumari.mysql.binlog.size=32 tsumari.mysql.binlog.gtid=3-1-7",
	};
	char line[256];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(line, sizeof(line), "%s%s\n", ends[i], flags);
		talk_holds(line);
	}
	talk_holds(EVENT_IS("ROTATE"));
	talk_holds(EVENT_IS("FORMAT_DESCRIPTION"));
	talk_holds(EVENT_IS("PREVIOUS_GTIDS"));
	talk_holds(EVENT_IS("GTID"));
	talk_holds(EVENT_IS("ANONYMOUS_GTID"));
	talk_holds(EVENT_IS("GTID_TAGGED"));
	talk_holds(EVENT_IS("HEARTBEAT"));
	talk_holds(EVENT_IS("HEARTBEAT_V2"));
	talk_lacks("!malformed");
}

static const size_t steps[] = {1, 2, 3, 7, 61, 1460};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void test_whole(void **state)
{
	struct bytes b;

	(void)state;
	usual(&b);
	for (size_t i = 0; i < STEPS; i++) {
		login(steps[i]);
		CLIENT(0, "\x15\x4d\0\0\0\4db-2\0\0\xea\x0c\0\0\0\0\0\0\0\0", steps[i]);
		SERVER(1, OK, steps[i]);
		packet(0, 0, b.b, b.n, steps[i]);
		answer(steps[i]);
		talk_close();
		talk_end();
		talk_holds("mysql REGISTER_SLAVE|REGISTER_SLAVE|1 mysql.user=repl "
			   "mysql.command=COM_REGISTER_SLAVE tsumari.mysql.binlog.server_id=77");
		talk_holds(ASKED " tsumari.mysql.binlog.file=binlog.000001" EVERYTHING "\n");
		check_answer("");
		assert_int_equal(talk.records, 1 + 2 + 10);
		talk_free();
	}
}

/* The capture begins with the command, or later. */
static void test_midstream(void **state)
{
	struct bytes b;

	(void)state;
	usual(&b);
	for (size_t i = 0; i < STEPS; i++) {
		talk_begin(PORT + 20000, false); /* a port that does not tell */
		talk_segment(1, TCP_ACK, NULL, 0, 0);
		packet(0, 0, b.b, b.n, steps[i]);
		answer(steps[i]);
		talk_close();
		talk_end();
		talk_holds("mysql BINLOG_DUMP_GTID|BINLOG_DUMP_GTID|1 "
			   "mysql.command=COM_BINLOG_DUMP_GTID tsumari.mysql.binlog.server_id=77 "
			   "tsumari.mysql.binlog.position=4 "
			   "tsumari.mysql.binlog.file=binlog.000001" EVERYTHING " !midstream\n");
		check_answer(" !midstream");
		assert_int_equal(talk.records, 1 + 10);
		talk_free();
	}
	/* Or with the answer. */
	for (size_t i = 0; i < STEPS; i++) {
		talk_begin(PORT + 20000, false);
		answer(steps[i]);
		CLIENT(0, "\xef\x18\1\0\0\0\0\0\0binlog.000001", steps[i]);
		EVENT(20, 16, 300, "\1\0\0\0\0\0\0\0", steps[i]);
		CLIENT(0, "\x0e", steps[i]);
		SERVER(1, OK, steps[i]);
		talk_close();
		talk_end();
		check_answer(" !midstream");
		talk_holds("mysql SEMISYNC_ACK|SEMISYNC_ACK|1 mysql.command=SEMISYNC_ACK "
			   "tsumari.mysql.binlog.position=280 "
			   "tsumari.mysql.binlog.file=binlog.000001");
		talk_holds(EVENT_IS("XID"));
		talk_holds("mysql PING|PING|1 mysql.command=COM_PING mysql.affected_rows=0");
		assert_int_equal(talk.records, 10 + 3);
		talk_free();
	}
	/* A timestamp that reads like the beginning of compressed bytes. */
	talk_begin(PORT + 20000, false);
	SERVER(1, "\0\1\1\x78\x5e\x10\1\0\0\0\x1b\0\0\0\x2c\1\0\0\0\0abcdefgh", 1460);
	answer(1460);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 1 + 10);
	talk_holds(EVENT_IS("XID"));
	talk_free();
	/* The same front, but a name that is longer than the packet: something else. */
	b.b[7] = 200;
	talk_begin(PORT + 20000, false);
	packet(0, 0, b.b, b.n, 1460);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 0);
	talk_free();
}

/* The command as it is, the refusal, and one more command, which must be read as ever. */
static void refused(const struct bytes *b)
{
	login(1460);
	packet(0, 0, b->b, b->n, 1460);
	SERVER(1, "\xff\xd4\4#HY000no", 1460);
	CLIENT(0, "\x0e", 1460);
	SERVER(1, OK, 1460);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 3);
	talk_holds("mysql PING|PING|1");
	talk_free();
}

/* Every beginning of it. */
static void test_cut(void **state)
{
	struct bytes b;
	size_t whole, fixed = 1 + 2 + 4 + 4 + 13 + 8;

	(void)state;
	usual(&b);
	for (whole = b.n; b.n > 1; b.n--) {
		refused(&b);
		if (b.n == whole || b.n == fixed)
			talk_lacks("!malformed");
		else
			talk_holds("!malformed");
		if (b.n < whole)
			talk_lacks("binlog.gtid=");
		if (b.n >= fixed)
			talk_holds("tsumari.mysql.binlog.file=binlog.000001");
	}
	/* What follows the data is not the set's. */
	usual(&b);
	TEXT(&b, "more");
	refused(&b);
	talk_holds(EVERYTHING " ");
}

/* Sets that cannot be: nothing is shown of them, and nothing is read past their end. */
static void test_hostile(void **state)
{
	static const struct {
		uint64_t size, uuids, intervals, first, end;
		bool good;
	} sets[] = {
		{48, 1, 1, 1, 2, true},
		{48, 1, 1, 1, INT64_MAX, true},
		{UINT32_MAX, 1, 1, 1, 2, false},
		{49, 1, 1, 1, 2, false},
		{47, 1, 1, 1, 2, false},
		{0, 1, 1, 1, 2, false},
		{48, 2, 1, 1, 2, false},
		{48, (UINT64_C(1) << 56) - 1, 1, 1, 2, false},
		{48, UINT64_MAX, 1, 1, 2, false},
		{48, 1, 2, 1, 2, false},
		{48, 1, UINT64_MAX, 1, 2, false},
		{48, 1, UINT64_C(1) << 60, 1, 2, false},
		{48, 1, 1, 0, 2, false},
		{48, 1, 1, 2, 2, false},
		{48, 1, 1, 3, 2, false},
		{48, 1, 1, 1, UINT64_C(1) << 63, false},
		{48, 1, 1, UINT64_MAX, UINT64_MAX, false},
	};
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		dump(&b, "");
		le(&b, sets[i].size, 4);
		le(&b, sets[i].uuids, 8);
		uuid(&b, 0xa0, sets[i].intervals);
		interval(&b, sets[i].first, sets[i].end);
		refused(&b);
		if (sets[i].good)
			talk_holds("binlog.gtid=" FIRST ":1");
		else
			talk_lacks("binlog.gtid=");
		if (sets[i].good)
			talk_lacks("!malformed");
		else
			talk_holds("!malformed");
		talk_holds("server_id=77 tsumari.mysql.binlog.position=4");
	}
	/* Intervals that overlap, or touch. */
	for (uint64_t second = 5; second <= 7; second++) {
		dump(&b, "");
		le(&b, 8 + 24 + 32, 4);
		le(&b, 1, 8);
		uuid(&b, 0xa0, 2);
		interval(&b, 1, 6);
		interval(&b, second, 9);
		refused(&b);
		if (second == 7)
			talk_holds("binlog.gtid=" FIRST ":1-5:7-8 ");
		else
			talk_holds("!malformed");
	}
	/* A name longer than all. */
	dump(&b, "");
	memset(b.b + 7, 0xff, 4);
	refused(&b);
	talk_holds("!malformed");
	/* None, and the form with tags, are sets that are not shown. */
	for (unsigned form = 0; form < 2; form++) {
		dump(&b, "");
		le(&b, form ? 8 + 16 + 1 + 8 : 8, 4);
		le(&b, form ? UINT64_C(1) << 56 | 1 << 8 | 1 : 0, 8);
		if (form) {
			uuid(&b, 0xa0, 0);
			le(&b, 0, 1);
		}
		refused(&b);
		talk_lacks("!malformed");
		talk_lacks("binlog.gtid=");
	}
}

/* More than is read, and more text than is shown: what is there is whole, and flagged. */
static void test_long(void **state)
{
	struct bytes b;

	(void)state;
	dump(&b, "");
	le(&b, 8 + 60 * 40, 4);
	le(&b, 60, 8);
	for (uint8_t i = 0; i < 60; i++) {
		uuid(&b, i, 1);
		interval(&b, 1, 10);
	}
	refused(&b);
	talk_holds("binlog.gtid=00010203-0405-0607-0809-0a0b0c0d0e0f:1-9,01020304");
	talk_holds(" !truncated\n");
	dump(&b, "");
	le(&b, 8 + 24 + 60 * 16, 4);
	le(&b, 1, 8);
	uuid(&b, 0xa0, 60);
	for (uint64_t i = 1; i <= 60; i++)
		interval(&b, i * 1000000000000000, i * 1000000000000000 + 500000000000000);
	assert_true(b.n <= 1024);
	refused(&b);
	talk_holds(FIRST ":1000000000000000-1499999999999999:2000000000000000-");
	talk_holds("-56499999999999999 tsumari.mysql.sqlstate=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
