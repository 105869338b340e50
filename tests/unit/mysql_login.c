/*
 * mysql_login.c - how connections to MySQL begin, and fail to: errors in the greeting's place, late
 * greetings, logins that never come, clients that speak first. Packets as real servers and clients
 * sent them (MariaDB 10.11, haproxy 2.6), in segments of several sizes, on a port that claims
 * nothing and on MySQL's.
 */
#include "base/clock.h"
#include "talk.h"

static const uint16_t ports[] = {3306, 12345};
static const size_t steps[] = {1, 3, 7, 4096};
#define EACH                                                                                       \
	for (size_t i = 0; i < 2; i++)                                                             \
		for (size_t k = 0; k < 4; k++)

#define GREETING                                                                                   \
	"\x41\0\0\0\x0a"                                                                           \
	"8.0.99\0\1\0\0\0aaaaaaaa\0\x0f\xa2\x21\2\0\xff\1\x15"                                     \
	"\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0m_n_password\0"
#define LOGIN                                                                                      \
	"\x3f\0\0\1\x07\xa2\xff\1\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"       \
	"app\0\4passmysql_native_password\0"
#define LOGIN_OK    "\7\0\0\2\0\0\0\2\0\0\0"
#define OK          "\7\0\0\1\0\0\0\2\0\0\0"
#define QUIT        "\1\0\0\0\1"
#define TOO_MANY    "\x17\0\0\0\xff\x10\4Too many connections"
#define TOO_MANY_41 "\x1d\0\0\0\xff\x10\4#08004Too many connections"
#define CHECK_41                                                                                   \
	"\x29\0\0\1\0\x82\0\0\0\x80\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"         \
	"haproxy\0\0" QUIT
#define CHECK_320 "\x0e\0\0\1\0\x80\0\0\1haproxy\0\0" QUIT

#define CLIENT(text) talk_bytes(0, text, sizeof(text) - 1, steps[k])
#define SERVER(text) talk_bytes(1, text, sizeof(text) - 1, steps[k])

static void errors_in_place_of_the_greeting(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		SERVER(TOO_MANY);
		talk_close();
		assert_string_equal(talk_end(),
			"mysql GREETING|GREETING|2 mysql.command=GREETING mysql.error_code=1040 "
			"error.code=1040 mysql.error_message=Too many connections "
			"error.message=Too many connections\n");
		assert_string_equal(talk.flow.protocol, "mysql");

		talk_begin(ports[i], true);
		talk.time += SECOND;
		SERVER(TOO_MANY_41);
		talk_close();
		talk_end();
		talk_holds("mysql GREETING|GREETING|2");
		talk_holds("error_message=Too many connections ");
		talk_holds("tsumari.mysql.sqlstate=08004");
		assert_in_range(talk.ledger[LEDGER_SERVER], SECOND * 99 / 100, SECOND * 101 / 100);
	}
}

/* Bytes that only look like one: not text, no number, more behind it, another client's. */
static void no_errors(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} no[] = {{"\x17\0\0\0\xff\x10\4Too many\1connections", 27},
		{"\x17\0\0\0\xff\x10\0Too many connections", 27},
		{"\x17\0\0\0\xff\x10\4Too many connections!", 28},
		{"\x17\0\0\1\xff\x10\4Too many connections", 27},
		{"\x17\0\1\0\xff\x10\4Too many connections", 27}};

	(void)state;
	for (size_t n = 0; n < sizeof(no) / sizeof(no[0]); n++) {
		talk_begin(12345, true);
		talk_bytes(1, no[n].p, no[n].n, no[n].n);
		talk_close();
		talk_end();
		talk_lacks("mysql");
		assert_null(talk.flow.protocol);
	}
	talk_begin(12345, true);
	talk_bytes(0, TOO_MANY, sizeof(TOO_MANY) - 1, 4096);
	talk_close();
	talk_end();
	talk_lacks("mysql");
}

static void a_greeting_that_was_waited_for(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		talk.time += 10 * SECOND;
		SERVER(GREETING);
		CLIENT(LOGIN);
		SERVER(LOGIN_OK);
		talk_close();
		talk_end();
		talk_holds("mysql GREETING|GREETING|1 mysql.command=GREETING "
			   "mysql.server_version=8.0.99\nmysql LOGIN|LOGIN|1");
		assert_in_range(talk.ledger[LEDGER_SERVER], 10 * SECOND, 10 * SECOND + SECOND / 9);

		talk_begin(ports[i], true);
		SERVER(GREETING);
		CLIENT(LOGIN);
		SERVER(LOGIN_OK);
		talk_close();
		talk_end();
		talk_lacks("GREETING");
		talk_holds("mysql LOGIN|LOGIN|1");
	}
}

/* The server waits for the login, and gives up. */
static void a_login_that_never_comes(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 5; how++)
		EACH
		{
			talk_begin(ports[i], true);
			SERVER(GREETING);
			talk.time += 10 * SECOND;
			if (how == 0) { /* as MySQL does */
				talk_segment(1, TCP_FIN | TCP_ACK, NULL, 0, 0);
				talk_segment(0, TCP_FIN | TCP_ACK, NULL, 0, 0);
				talk_segment(1, TCP_ACK, NULL, 0, 0);
			} else if (how == 1) { /* as MariaDB does */
				talk_segment(1, TCP_RST | TCP_ACK, NULL, 0, 0);
			} else if (how == 2) { /* the client went: nobody waited */
				talk_close();
			} else if (how == 3) {
				talk_segment(0, TCP_RST | TCP_ACK, NULL, 0, 0);
			} else { /* the capture's end */
				talk_segment(1, TCP_ACK, NULL, 0, 0);
			}
			talk_end();
			assert_string_equal(talk.flow.protocol, "mysql");
			if (how >= 2) {
				assert_int_equal(talk.records, 0);
				continue;
			}
			assert_string_equal(talk.out, "mysql LOGIN|LOGIN|2 mysql.command=LOGIN "
						      "mysql.server_version=8.0.99\n");
			assert_int_equal(talk.ledger[LEDGER_SERVER], 0);
			assert_in_range(
				talk.ledger[LEDGER_REQUEST], 10 * SECOND, 10 * SECOND + SECOND / 9);
		}
}

/* The login was sent, and only the capture lost it: the server did not wait. */
static void a_login_that_was_lost(void **state)
{
	size_t k = 3;

	(void)state;
	talk_begin(3306, true);
	SERVER(GREETING);
	talk_lose(0, sizeof(LOGIN) - 1);
	talk.time += 10 * SECOND;
	talk_segment(1, TCP_FIN | TCP_ACK, NULL, 0, 0);
	talk_segment(0, TCP_FIN | TCP_ACK, NULL, 0, 0);
	talk_end();
	talk_lacks("LOGIN");
}

static void clients_that_speak_first(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		CLIENT(CHECK_41);
		SERVER(GREETING LOGIN_OK);
		talk_close();
		assert_string_equal(talk_end(),
			"mysql QUIT|QUIT|1 mysql.user=haproxy mysql.command=COM_QUIT\n"
			"mysql LOGIN|LOGIN|1 mysql.command=LOGIN tsumari.mysql.collation=33 "
			"tsumari.mysql.before_greeting=1 mysql.user=haproxy\n");

		talk_begin(ports[i], true);
		CLIENT(CHECK_320);
		SERVER(GREETING "\3\0\0\2\0\0\0");
		talk_close();
		assert_string_equal(talk_end(),
			"mysql QUIT|QUIT|1 mysql.user=haproxy mysql.command=COM_QUIT\n"
			"mysql LOGIN|LOGIN|1 mysql.command=LOGIN tsumari.mysql.before_greeting=1 "
			"mysql.user=haproxy\n");

		talk_begin(ports[i], true);
		CLIENT(CHECK_41);
		SERVER(TOO_MANY);
		talk_close();
		talk_end();
		talk_holds("mysql LOGIN|LOGIN|2");
		talk_holds("error_code=1040");
		talk_lacks("GREETING");
	}
}

/* A greeting that comes late to a client that has logged in is the login's time. */
static void early_login_and_late_greeting(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		CLIENT(CHECK_41);
		talk.time += SECOND;
		SERVER(GREETING LOGIN_OK);
		talk_close();
		talk_end();
		talk_lacks("GREETING");
		assert_in_range(talk.ledger[LEDGER_SERVER], SECOND, SECOND + SECOND / 9);
	}
}

/* Commands that are sent before the login was answered have answers of their own. */
static void commands_behind_the_login(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		SERVER(GREETING);
		CLIENT(LOGIN "\6\0\0\0\3"
			     "set a"
			     "\6\0\0\0\3"
			     "do 22");
		SERVER(LOGIN_OK OK "\x17\0\0\1\xff\x28\4#42000No such thing.");
		talk_close();
		talk_end();
		talk_holds("mysql LOGIN|LOGIN|1");
		talk_holds("mysql SET|set a|1");
		talk_holds("mysql DO|do ?|2");
		talk_holds("error_code=1064");
		talk_lacks("!");
	}
}

/* Protocol 3.20: errors have no SQLSTATE, the packets behind definitions and rows one byte. */
static void a_client_of_before_4_1(void **state)
{
	(void)state;
	EACH
	{
		talk_begin(ports[i], true);
		SERVER(GREETING);
		CLIENT("\x12\0\0\1\x0d\x24\0\0\0old\0secret\0db");
		SERVER("\5\0\0\2\0\0\0\2\0");
		CLIENT("\x9\0\0\0\3select 1");
		SERVER("\1\0\0\1\1\x0f\0\0\2\0\1"
		       "1\3\1\0\0\1\3\3\1\0\0\1\0\1\0\0\3\xfe\2\0\0\4\1"
		       "1\1\0\0\5\xfe");
		CLIENT("\x9\0\0\0\3select a");
		SERVER("\x11\0\0\1\xff\x1e\4Unknown column");
		CLIENT(QUIT);
		talk_close();
		talk_end();
		talk_holds("mysql LOGIN|LOGIN|1 mysql.command=LOGIN mysql.server_version=8.0.99 "
			   "mysql.user=old mysql.schema=db");
		talk_holds("mysql SELECT|select ?|1");
		talk_holds("mysql.num_rows=1");
		talk_holds("mysql SELECT|select a|2");
		talk_holds("error_code=1054");
		talk_holds("mysql QUIT|QUIT|1");
		talk_lacks("!");
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
		cmocka_unit_test(errors_in_place_of_the_greeting),
		cmocka_unit_test(no_errors),
		cmocka_unit_test(a_greeting_that_was_waited_for),
		cmocka_unit_test(a_login_that_never_comes),
		cmocka_unit_test(a_login_that_was_lost),
		cmocka_unit_test(clients_that_speak_first),
		cmocka_unit_test(early_login_and_late_greeting),
		cmocka_unit_test(commands_behind_the_login),
		cmocka_unit_test(a_client_of_before_4_1),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
