/*
 * pgsql.c - PostgreSQL in segments of every size: simple and extended queries, pipelines that fail,
 * COPY, what comes unasked, what breaks off.
 */
#include "talk.h"

#define SAY(side, text, step) talk_bytes(side, text, sizeof(text) - 1, step)

#define READY     "Z\0\0\0\5I"
#define DONE(tag) "C\0\0\0\x0dSELECT " tag "\0"
#define ROW       "D\0\0\0\x0b\0\1\0\0\0\1x"
#define COLUMN    "T\0\0\0\x1a\0\1a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
#define PARSE     "P\0\0\0\x1bs\0select $1 from tbl\0\0\0"
#define BIND                                                                                       \
	"B\0\0\0\x12\0s\0\0\0\0\1\0\0\0\1"                                                         \
	"7\0\0"
#define EXECUTE "E\0\0\0\x09\0\0\0\0\0"
#define SYNC    "S\0\0\0\4"
#define FLUSH   "H\0\0\0\4"
#define FAILED  "E\0\0\0\x1bSERROR\0C55P03\0Mlocked\0\0"

static void log_in(size_t step)
{
	SAY(0, "\0\0\0\x08\x04\xd2\x16\x2f", step);
	SAY(1, "N", step);
	SAY(0, "\0\0\0\x26\0\3\0\2user\0me\0application_name\0a b\0\0", step);
	SAY(1, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", step);
	SAY(0, "p\0\0\0\x08word", step);
	SAY(1,
		"R\0\0\0\x08\0\0\0\0"
		"S\0\0\0\x18server_version\0"
		"18.0\0"
		"K\0\0\0\x10\0\0\0\7"
		"12345678" READY,
		step);
}

static const char *simple_talk(size_t step)
{
	talk_begin(5432, true);
	log_in(step);
	SAY(0, "Q\0\0\0\x1fselect 'it''s', $$x$$ -- c\0", step);
	SAY(1, COLUMN ROW ROW DONE("2") READY, step);
	SAY(0,
		"Q\0\0\0\x16"
		"copy t from stdin\0",
		step);
	SAY(1, "G\0\0\0\x07\0\0\0", step);
	SAY(0, "d\0\0\0\6a\nd\0\0\0\6b\nc\0\0\0\4", step);
	SAY(1,
		"C\0\0\0\x0b"
		"COPY 2\0"
		"Z\0\0\0\5T",
		step);
	SAY(0, "Q\0\0\0\x0bupdate\0", step);
	SAY(1, "N\0\0\0\x10SWARNING\0M\0\0" FAILED "Z\0\0\0\5E", step);
	SAY(1, "A\0\0\0\x0f\0\0\0\1news\0a\0", step);
	SAY(0, "X\0\0\0\4", step);
	talk_close();
	return talk_end();
}

static void simple_queries_in_any_segments(void **state)
{
	char *whole = strdup(simple_talk(1460));

	(void)state;
	assert_non_null(whole);
	talk_holds("pgsql SSL|SSL|1\n");
	talk_holds("pgsql LOGIN|LOGIN|1 ");
	talk_holds("pgsql.protocol_version=3.2");
	talk_holds("pgsql AUTH|AUTH|1 pgsql.user=me pgsql.database=me pgsql.application_name=a b "
		   "pgsql.server_version=18.0 tsumari.pgsql.process=7\n");
	talk_holds("pgsql SELECT|select ?, ?|1 ");
	talk_holds("pgsql.num_fields=1 pgsql.tag=SELECT 2 pgsql.num_rows=2 ");
	talk_holds("pgsql COPY|copy t from stdin|1 ");
	talk_holds("pgsql.affected_rows=2 tsumari.pgsql.in_transaction=1\n");
	talk_holds("pgsql UPDATE|update|2 ");
	talk_holds("pgsql.error_severity=ERROR pgsql.error_code=55P03 pgsql.error_message=locked "
		   "tsumari.pgsql.failed_transaction=1 tsumari.pgsql.notices=1\n");
	talk_holds("pgsql NOTIFICATION|NOTIFICATION news|1 ");
	talk_lacks("word");
	for (size_t step = 1; step < 9; step++)
		assert_string_equal(simple_talk(step), whole);
	free(whole);
}

static const char *extended_talk(size_t step)
{
	talk_begin(5432, true);
	log_in(step);
	SAY(0, PARSE "D\0\0\0\7Ss\0" FLUSH, step);
	SAY(1, "1\0\0\0\4t\0\0\0\x0a\0\1\0\0\0\x17" COLUMN, step);
	SAY(0, BIND EXECUTE SYNC, step);
	SAY(1, "2\0\0\0\4" ROW DONE("1") READY, step);
	/* Two before one Sync, the second in a portal of its own that is not read to its end. */
	SAY(0,
		BIND EXECUTE "B\0\0\0\x13p\0s\0\0\0\0\1\0\0\0\1"
			     "7\0\0"
			     "E\0\0\0\x0ap\0\0\0\0\1" SYNC,
		step);
	SAY(1, "2\0\0\0\4" DONE("0") "2\0\0\0\4" ROW "s\0\0\0\4" READY, step);
	/* The second of four fails. */
	SAY(0, BIND EXECUTE BIND EXECUTE BIND EXECUTE BIND EXECUTE SYNC, step);
	SAY(1, "2\0\0\0\4" DONE("5") FAILED READY, step);
	SAY(0, "C\0\0\0\7Ss\0" SYNC, step);
	SAY(1, "3\0\0\0\4" READY, step);
	SAY(0, BIND EXECUTE SYNC, step);
	SAY(1, FAILED READY, step);
	talk_close();
	return talk_end();
}

static unsigned times(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void extended_queries_in_any_segments(void **state)
{
	char *whole = strdup(extended_talk(1460));

	(void)state;
	assert_non_null(whole);
	talk_holds("pgsql PREPARE|select ? from tbl|1 ");
	assert_int_equal(times(whole, "pgsql SELECT|select ? from tbl|1 "), 4);
	assert_int_equal(times(whole, "pgsql SELECT|select ? from tbl|2 "), 3);
	assert_int_equal(times(whole, "tsumari.pgsql.aborted=1"), 2);
	talk_holds("pgsql.statement=s pgsql.portal=p tsumari.pgsql.suspended=1 pgsql.num_rows=1 ");
	talk_holds("pgsql CLOSE|CLOSE|1 ");
	talk_holds("pgsql EXECUTE|EXECUTE|2 ");
	talk_holds("tsumari.pgsql.unknown_statement=1 pgsql.error_severity=ERROR ");
	talk_lacks("no_re");
	for (size_t step = 1; step < 9; step++)
		assert_string_equal(extended_talk(step), whole);
	free(whole);
}

static void a_gap_costs_what_it_touches(void **state)
{
	(void)state;
	talk_begin(5432, true);
	log_in(1460);
	SAY(0, PARSE BIND EXECUTE SYNC, 1460);
	SAY(1,
		"1\0\0\0\4"
		"2\0\0\0\4" ROW,
		1460);
	talk_lose(1, 40);
	SAY(1, ROW ROW DONE("9") READY, 1460);
	SAY(0, BIND EXECUTE SYNC, 1460);
	SAY(1, "2\0\0\0\4" ROW DONE("1") READY, 1460);
	talk_close();
	talk_end();
	talk_holds("pgsql SELECT|select ? from tbl|1 pgsql.user=me pgsql.database=me "
		   "pgsql.application_name=a b pgsql.statement=s pgsql.tag=SELECT 1 "
		   "pgsql.num_rows=1 ");
	talk_lacks("SELECT 9");
}

/* What is joined in the middle is told by its messages; on other ports nobody is sure. */
static void joined_in_the_middle(void **state)
{
	(void)state;
	talk_begin(7777, false);
	SAY(0, "Q\0\0\0\x0dselect 1\0", 1460);
	SAY(1, COLUMN ROW DONE("1") READY, 1460);
	talk_close();
	talk_end();
	talk_lacks("pgsql");
	talk_begin(5433, false);
	SAY(0, "Q\0\0\0\x0dselect 1\0", 1460);
	SAY(1, COLUMN ROW DONE("1") READY, 1460);
	SAY(0, BIND EXECUTE SYNC, 1460);
	SAY(1, "2\0\0\0\4" ROW DONE("1") READY, 1460);
	talk_close();
	talk_end();
	talk_holds("pgsql SELECT|select ?|1 ");
	talk_holds("pgsql EXECUTE|EXECUTE|1 ");
}

static void a_cancel_request_is_not_answered(void **state)
{
	(void)state;
	talk_begin(5432, true);
	SAY(0,
		"\0\0\0\x2c\x04\xd2\x16\x2e\0\0\0\7"
		"0123456789abcdef0123456789abcdef",
		1460);
	talk_close();
	talk_end();
	talk_holds("pgsql CANCEL|CANCEL|1 tsumari.pgsql.process=7\n");
	talk_lacks("0123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_queries_in_any_segments),
		cmocka_unit_test(extended_queries_in_any_segments),
		cmocka_unit_test(a_gap_costs_what_it_touches),
		cmocka_unit_test(joined_in_the_middle),
		cmocka_unit_test(a_cancel_request_is_not_answered),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
