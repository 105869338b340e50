/*
 * mysql_lost.c - packets of which the capture has only the beginning (its snap length), and what is
 * said after bytes were lost.
 */
#include "talk.h"

#define GREETING                                                                                   \
	"\x41\0\0\0\x0a"                                                                           \
	"8.0.99\0\1\0\0\0aaaaaaaa\0\x0f\xa2\x21\2\0\xff\1\x15"                                     \
	"\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0m_n_password\0"
#define LOGIN                                                                                      \
	"\x3f\0\0\1\x07\xa2\xff\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"       \
	"app\0\4passmysql_native_password\0"
#define LOGIN_OK "\7\0\0\2\0\0\0\2\0\0\0"
#define OK       "\7\0\0\1\0\0\0\2\0\0\0"
#define SELECT   "\x1c\0\0\0\3select a from t where b = 1"
#define RESULT                                                                                     \
	"\1\0\0\1\1\x17\0\0\2\3def\0\0\0\1a\0\x0c\x3f\0\1\0\0\0\3\0\0\0\0\0\5\0\0\3\xfe\0\0\2\0"   \
	"\2\0\0\4\1"                                                                               \
	"1\5\0\0\5\xfe\0\0\2\0"
#define RESULT_EOF 9u /* its last packet */

/* One segment, of which `have` bytes are captured. */
static void cut(unsigned side, const char *p, size_t n, size_t have)
{
	have = have < n ? have : n;
	talk_segment(side, TCP_ACK, p, have, n - have);
}

#define CUT(side, text, have) cut(side, text, sizeof(text) - 1, have)
#define ALL                   4096u

static void begin(void)
{
	talk_begin(3306, true);
	CUT(1, GREETING, ALL);
	CUT(0, LOGIN, ALL);
	CUT(1, LOGIN_OK, ALL);
}

/* Header, length and command are there: what was asked is known, and when it was answered. */
static void commands(void **state)
{
	(void)state;
	for (size_t have = 5; have < sizeof(SELECT) - 1; have++) {
		begin();
		CUT(0, SELECT, have);
		talk.time += 100 * TALK_MS;
		CUT(1, OK, ALL);
		CUT(0, "\1\0\0\0\x0e", ALL);
		CUT(1, OK, ALL);
		talk_close();
		talk_end();
		talk_holds("command=COM_QUERY");
		talk_holds("!snaplen !truncated\nmysql PING|PING|1");
		talk_lacks("!no_re");
		talk_lacks("!malformed");
		assert_in_range(talk.ledger[LEDGER_SERVER], 99 * TALK_MS, 102 * TALK_MS);
	}
}

static void greetings_and_logins(void **state)
{
	(void)state;
	for (size_t have = 48; have < sizeof(GREETING) - 1; have++) {
		talk_begin(3306, true);
		CUT(1, GREETING, have);
		CUT(0, LOGIN, have);
		CUT(1, LOGIN_OK, ALL);
		CUT(0, SELECT, ALL);
		CUT(1, RESULT, ALL);
		talk_close();
		talk_end();
		talk_holds("mysql LOGIN|LOGIN|1 mysql.command=LOGIN");
		talk_holds("mysql.server_version=8.0.99");
		talk_holds("mysql.user=app");
		talk_holds("mysql SELECT|select a from t where b = ?|1");
		talk_lacks("!malformed");
	}
}

/* Wherever a result is cut, nothing is said that is not so, and the next answer is the next one's.
 */
static void results(void **state)
{
	(void)state;
	for (size_t have = 1; have < sizeof(RESULT) - 1; have++) {
		begin();
		CUT(0, SELECT, ALL);
		CUT(1, RESULT, have);
		CUT(0, "\5\0\0\0\2shop", ALL);
		CUT(1, "\x17\0\0\1\xff\x28\4#42000No such thing.", ALL);
		CUT(0, "\1\0\0\0\x0e", ALL);
		CUT(1, OK, ALL);
		talk_close();
		talk_end();
		talk_holds("mysql SELECT|select a from t where b = ?|");
		talk_holds("mysql INIT_DB|INIT_DB shop|2");
		talk_holds("mysql PING|PING|1");
		talk_lacks("!malformed");
		talk_lacks("!no_request");
		talk_lacks("num_rows");
	}
}

/* The end of a result whose beginning was lost: when that was, nobody knows. */
static void a_tail_is_no_beginning(void **state)
{
	size_t n = sizeof(RESULT) - 1 - RESULT_EOF;

	(void)state;
	begin();
	CUT(0, SELECT, ALL);
	talk_lose(1, n);
	cut(1, &RESULT[n], RESULT_EOF, ALL);
	CUT(0, "\1\0\0\0\x0e", ALL);
	CUT(1, OK, ALL);
	talk_close();
	talk_end();
	talk_holds("mysql SELECT|select a from t where b = ?|0");
	talk_holds("!gap !no_response");
	talk_holds("mysql PING|PING|1");
}

/* The server asks for another method; what it answers was not captured. */
static void a_lost_change_of_user(void **state)
{
	(void)state;
	begin();
	talk_lose(0, 40);
	CUT(1, "\x2c\0\0\1\xfemysql_native_password\0aaaaaaaaaaaaaaaaaaaa\0", ALL);
	CUT(0,
		"\x14\0\0\2"
		"aaaaaaaaaaaaaaaaaaaa",
		ALL);
	CUT(1, "\7\0\0\3\0\0\0\2\0\0\0", ALL);
	CUT(0, SELECT, ALL);
	CUT(1, RESULT, ALL);
	talk_close();
	talk_end();
	talk_holds("mysql SELECT|select a from t where b = ?|1");
	talk_lacks("!malformed");
}

/* The beginning of a name is none, and what is said of a cut statement is said of its execution. */
static void names_that_are_cut(void **state)
{
	(void)state;
	begin();
	CUT(0, "\x0a\0\0\0\3use store", 11);
	CUT(1, OK, ALL);
	CUT(0, "\6\0\0\0\2store", 8);
	CUT(1, OK, ALL);
	CUT(0, "\1\0\0\0\x0e", ALL);
	CUT(1, OK, ALL);
	CUT(0, "\x12\0\0\0\x16select a from tab", 18);
	CUT(1, "\x0c\0\0\1\0\7\0\0\0\0\0\0\0\0\0\0", ALL);
	CUT(0, "\x0a\0\0\0\x17\7\0\0\0\0\1\0\0\0", ALL);
	CUT(1, OK, ALL);
	CUT(0, "\x12\0\0\0\x16select a from tab", ALL);
	CUT(1, "\x0c\0\0\1\0\7\0\0\0\0\0\0\0\0\0\0", ALL);
	CUT(0, "\x0a\0\0\0\x17\7\0\0\0\0\1\0\0\0", ALL);
	CUT(1, OK, ALL);
	talk_close();
	talk_end();
	talk_lacks("mysql.schema");
	talk_holds("mysql PING|PING|1");
	talk_holds("mysql SELECT|select a from|1 mysql.user=app mysql.command=COM_STMT_EXECUTE "
		   "mysql.statement_id=7 mysql.affected_rows=0 !snaplen !truncated\n");
	talk_holds("mysql SELECT|select a from tab|1 mysql.user=app mysql.command=COM_STMT_EXECUTE "
		   "mysql.statement_id=7 mysql.affected_rows=0 !snaplen\n");
	talk_begin(3306, true);
	CUT(1, GREETING, ALL);
	CUT(0, LOGIN, 38); /* "ap" */
	CUT(1, LOGIN_OK, ALL);
	talk_close();
	talk_end();
	talk_holds("mysql LOGIN|LOGIN|1");
	talk_lacks("mysql.user");
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
		cmocka_unit_test(commands),
		cmocka_unit_test(greetings_and_logins),
		cmocka_unit_test(results),
		cmocka_unit_test(a_tail_is_no_beginning),
		cmocka_unit_test(a_lost_change_of_user),
		cmocka_unit_test(names_that_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
