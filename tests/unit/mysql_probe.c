/*
 * mysql_probe.c - connections that began before the capture: what is MySQL, and what only looks
 * like it.
 */
#include "talk.h"

static const size_t steps[] = {1, 3, 7, 4096};
#define EACH for (size_t k = 0; k < 4; k++)

#define CLIENT(text) talk_bytes(0, text, sizeof(text) - 1, steps[k])
#define SERVER(text) talk_bytes(1, text, sizeof(text) - 1, steps[k])

static void nobody_is_sure(void)
{
	talk_close();
	talk_end();
	talk_lacks("mysql");
	assert_null(talk.flow.protocol);
}

/* Other protocols have small numbers and lengths at their front, too. */
static void openflow(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(6633, false);
		CLIENT("\4\2\0\x08\0\0\0\x0d");
		SERVER("\4\3\0\x08\0\0\0\x0d");
		CLIENT("\4\x12\0\x10\0\0\0\x0e\0\x0c\0\0\0\0\0\0");
		SERVER("\4\x13\x2e\x10\0\0\0\x0e\0\x0c\0\1\0\0\0\0\5\xc0\0\0\0\0\0\0table_0");
		nobody_is_sure();
	}
}

/* A byte, then the length, most significant byte first. */
static void postgresql(void **state)
{
	(void)state;
	for (int first = 0; first < 4; first++)
		EACH
		{
			talk_begin(5432, false);
			if (first < 1)
				SERVER("D\0\0\0\x12\0\1\0\0\0\x08some row");
			if (first < 2)
				SERVER("C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I");
			if (first < 3)
				CLIENT("Q\0\0\0\x0eselect 1\0");
			SERVER("T\0\0\0\x1a\0\1n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0");
			CLIENT("P\0\0\0\x16\0select a, b\0\0\0B\0\0\0\x0c\0\0\0\0\0\0\0\0");
			nobody_is_sure();
		}
}

/* Lengths and numbers that are least significant byte first. */
static void little_endian(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(7000, false);
		CLIENT("\x0c\0\0\0\x12\0\0\0\1\0\0\0\2\0\0\0");
		SERVER("\x0c\0\0\1\0\0\0\0\1\0\0\0\0\0\0\0");
		CLIENT("\1\0\0\0\x0e\5\0\0\0\7\1\2\3\4");
		SERVER("\7\0\0\1\0\1\2\3\4\5\6");
		CLIENT("\2\0\0\0\7\1");
		SERVER("\5\0\0\1\xfe\1\2\3\4");
		nobody_is_sure();
	}
}

/* A command that could be of many protocols is known by its answer, and read then. */
static void known_by_the_answer(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(7000, false);
		CLIENT("\1\0\0\0\x0e");
		SERVER("\7\0\0\1\0\0\0\2\0\0\0");
		CLIENT("\5\0\0\0\2shop");
		SERVER("\7\0\0\1\0\0\0\2\0\0\0");
		talk_close();
		talk_end();
		talk_holds("mysql PING|PING|1");
		talk_holds("mysql INIT_DB|INIT_DB shop|1");
		talk_lacks("!no_request");
	}
}

/* The first bytes are whose side's they are, whatever the ports say. */
static void known_at_once(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(7000, false);
		CLIENT("\x18\0\0\0\x12\4\0\0\0\2\0\1\0\0\0binlog.000001");
		talk_close();
		talk_end();
		talk_holds("mysql BINLOG_DUMP|");

		talk_begin(7000, false);
		SERVER("\x17\0\0\1\xff\x28\4#42000No such thing.");
		talk_close();
		talk_end();
		talk_holds("error_code=1064");

		talk_begin(7000, false);
		SERVER("\1\0\0\1\1\x17\0\0\2\3def\0\0\0\1a\0\x0c\x3f\0\1\0\0\0\3\0\0\0\0\0"
		       "\2\0\0\3\1"
		       "1\5\0\0\4\xfe\0\0\2\0");
		talk_close();
		talk_end();
		talk_holds("num_fields=1");
	}
}

static int finish(void **state)
{
	(void)state;
	talk_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openflow),
		cmocka_unit_test(postgresql),
		cmocka_unit_test(little_endian),
		cmocka_unit_test(known_by_the_answer),
		cmocka_unit_test(known_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
