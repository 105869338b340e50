/*
 * mysql_probe.c - connections that began before the capture: what is MySQL, and what only looks
 * like it.
 */
#include "talk.h"
#include <stdlib.h>

static const size_t steps[] = {1, 3, 7, 4096};
#define EACH for (size_t k = 0; k < 4; k++)

#define CLIENT(text) talk_bytes(0, text, sizeof(text) - 1, steps[k])
#define SERVER(text) talk_bytes(1, text, sizeof(text) - 1, steps[k])

static void it_is_not_mysql(void)
{
	talk_close();
	talk_end();
	talk_lacks("mysql");
}

static void nobody_is_sure(void)
{
	it_is_not_mysql();
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
			it_is_not_mysql();
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

#define LOGIN                                                                                      \
	"\x3f\0\0\1\x07\xa2\xff\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"       \
	"app\0\4passmysql_native_password\0"

/* The capture begins behind the greeting. */
static void from_the_login_on(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(7000, false);
		CLIENT(LOGIN);
		SERVER("\7\0\0\2\0\0\0\2\0\0\0");
		CLIENT("\1\0\0\0\x0e");
		SERVER("\7\0\0\1\0\0\0\2\0\0\0");
		talk_close();
		talk_end();
		talk_holds("mysql LOGIN|LOGIN|1");
		talk_holds("mysql.user=app");
		talk_holds("mysql PING|PING|1 mysql.user=app");
		talk_lacks("!no_re");
	}
}

/* In the middle of a result: what follows is not taken for the beginning of one. */
static void from_a_definition_on(void **state)
{
	size_t k = 3;

	(void)state;
	talk_begin(7000, false);
	SERVER("\x17\0\0\2\3def\0\0\0\1a\0\x0c\x3f\0\1\0\0\0\3\0\0\0\0\0");
	SERVER("\5\0\0\3\xfe\0\0\2\0");
	SERVER("\2\0\0\4\1"
	       "1");
	SERVER("\5\0\0\5\xfe\0\0\2\0");
	CLIENT("\1\0\0\0\x0e");
	SERVER("\7\0\0\1\0\0\0\2\0\0\0");
	talk_close();
	assert_string_equal(talk_end(), "mysql PING|PING|1 mysql.command=COM_PING "
					"mysql.affected_rows=0 !midstream\n");
}

/* Many query attributes: more than a control character's number of them. */
static void many_attributes(void **state)
{
	uint8_t p[300] = {0, 0, 0, 0, 3, 60, 1};
	size_t n = 7 + 8;

	(void)state;
	p[n++] = 1;
	for (unsigned i = 0; i < 60; i++) {
		memcpy(p + n, "\1\0\0\1", 4); /* a byte, without a name */
		n += 3;
	}
	n += 60;
	memcpy(p + n, "select 1", 8);
	n += 8;
	p[0] = (uint8_t)(n - 4);
	p[1] = (uint8_t)((n - 4) >> 8);
	talk_begin(7000, false);
	talk_bytes(0, p, n, 4096);
	talk_bytes(1, "\7\0\0\1\0\0\0\2\0\0\0", 11, 4096);
	talk_close();
	talk_end();
	talk_holds("mysql SELECT|select ?|1");
	talk_holds("tsumari.mysql.query_attributes=60");
}

/* Nobody is sure of a QUIT, and no answer comes: the port decides. */
static void the_port_decides(void **state)
{
	(void)state;
	for (int port = 0; port < 2; port++)
		EACH
		{
			talk_begin(port ? 7000 : 3306, false);
			CLIENT("\1\0\0\0\1");
			talk_close();
			assert_string_equal(talk_end(),
				port ? ""
				     : "mysql QUIT|QUIT|1 mysql.command=COM_QUIT !midstream\n");
			talk_begin(port ? 7000 : 3306, false);
			CLIENT("\1\0\0"); /* nothing to read */
			nobody_is_sure();
		}
}

enum tsm_probe mysql_login_like(struct view v);
enum tsm_probe mysql_client_probe(struct view v);
enum tsm_probe mysql_greeting_like(struct view v);
enum tsm_probe mysql_server_probe(struct view v);
enum tsm_probe mysql_event_like(struct view v);
enum tsm_probe mysql_compressed_like(struct view v, enum side side);

/* What is refused by its first bytes nobody would have taken for a packet. */
static void refused_at_once(void **state)
{
	const struct dissector *d = registry_find("mysql");
	unsigned refused = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t b[64];
		size_t n = (size_t)rand() % sizeof(b);
		struct view v;

		for (size_t j = 0; j < sizeof(b); j++)
			b[j] = (uint8_t)(rand() % 3 ? rand() % 4 : rand());
		v = view_of(b, n, 0);
		for (int side = 0; side < 2; side++) {
			if (d->probe(v, (enum side)side) != PROBE_NO)
				continue;
			refused++;
			assert_int_equal(mysql_login_like(v), PROBE_NO);
			assert_int_equal(mysql_client_probe(v), PROBE_NO);
			assert_int_equal(mysql_greeting_like(v), PROBE_NO);
			assert_int_equal(mysql_server_probe(v), PROBE_NO);
			assert_int_equal(mysql_event_like(v), PROBE_NO);
			assert_int_not_equal(mysql_compressed_like(v, SIDE_CLIENT), PROBE_YES);
		}
	}
	assert_true(refused > 1000);
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
		cmocka_unit_test(from_the_login_on),
		cmocka_unit_test(from_a_definition_on),
		cmocka_unit_test(many_attributes),
		cmocka_unit_test(the_port_decides),
		cmocka_unit_test(refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
