/*
 * memcached.c - memcached's three protocols in segments of every size; quiet requests, which are
 * answered only sometimes; what breaks off.
 */
#include "talk.h"

#define SAY(side, text, step) talk_bytes(side, text, sizeof(text) - 1, step)

static const char *text_talk(size_t step)
{
	talk_begin(11211, true);
	SAY(0, "get user:1 user:2\r\n", step);
	SAY(1, "VALUE user:2 0 5\r\nEND\r\n\r\nEND\r\n", step);
	SAY(0, "set a 0 0 3 noreply\r\nabc\r\nincr b 4\r\nbogus\r\n", step);
	SAY(1, "19\r\nERROR\r\n", step);
	SAY(0, "set c 0 0 9\r\nget d\r\nxx\r\n", step);
	SAY(1, "SERVER_ERROR out of memory storing object\r\n", step);
	talk_close();
	return talk_end();
}

static void text_in_any_segments(void **state)
{
	char *whole = strdup(text_talk(1460));

	(void)state;
	assert_non_null(whole);
	talk_holds("memcached get|get user:1|1 memcache.protocol_type=text "
		   "memcache.request.command=get "
		   "memcache.request.keys=user:1\nuser:2 tsumari.memcached.keys=2 "
		   "memcache.response.count_values=1 memcache.response.bytes=5 "
		   "memcache.response.status=END\n");
	talk_holds("memcached set|set a|1 ");
	talk_holds("memcache.request.bytes=3 memcache.request.quiet=1\n");
	talk_holds("memcached incr|incr b|1 ");
	talk_holds("memcache.response.value=19\n");
	talk_holds("memcached bogus|bogus|3 ");
	talk_holds("memcache.response.error_msg=out of memory storing object");
	talk_lacks("|get d|");
	for (size_t step = 1; step < 9; step++)
		assert_string_equal(text_talk(step), whole);
	free(whole);
}

/* What is quiet and was passed by later answers had nothing to tell; flags tell whose an answer is.
 */
static const char *meta_talk(size_t step)
{
	talk_begin(11211, true);
	SAY(0, "mg a v q k\r\nmg b v q k\r\nmg c v q k\r\nmg d v\r\n", step);
	SAY(1, "VA 1 kb\r\nx\r\nVA 2\r\nyy\r\n", step);
	SAY(0, "ms e 1 q\r\n1\r\nmd f q O7\r\nmn\r\n", step);
	SAY(1, "NF O7\r\nMN\r\n", step);
	talk_close();
	return talk_end();
}

static void quiet_meta_commands(void **state)
{
	char *whole = strdup(meta_talk(1460));

	(void)state;
	assert_non_null(whole);
	talk_holds("keys=b tsumari.memcached.keys=1 memcache.request.quiet=1 "
		   "memcache.response.count_values=1 memcache.response.bytes=1 "
		   "memcache.response.status=VA\n");
	talk_holds("keys=a tsumari.memcached.keys=1 memcache.request.quiet=1\n");
	talk_holds("keys=c tsumari.memcached.keys=1 memcache.request.quiet=1\n");
	talk_holds("keys=d tsumari.memcached.keys=1 memcache.response.count_values=1 "
		   "memcache.response.bytes=2 memcache.response.status=VA\n");
	talk_holds("memcached md|md f|1 ");
	talk_holds("keys=f tsumari.memcached.keys=1 memcache.request.quiet=1 "
		   "memcache.response.status=NF\n");
	talk_lacks("no_response");
	for (size_t step = 1; step < 9; step++)
		assert_string_equal(meta_talk(step), whole);
	free(whole);
}

#define GETKQ(n, key) "\x80\x0d\0\1\0\0\0\0\0\0\0\1\0\0\0" n "\0\0\0\0\0\0\0\0" key
#define NOOP          "\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0"
#define HIT(n, key)   "\x81\x0d\0\1\4\0\0\0\0\0\0\7\0\0\0" n "\0\0\0\0\0\0\0\0\0\0\0\0" key "vw"
#define NOOP_ANSWER   "\x81\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0"

static const char *binary_talk(size_t step)
{
	talk_begin(11211, true);
	SAY(0, GETKQ("\1", "a") GETKQ("\2", "b") GETKQ("\3", "c") NOOP, step);
	SAY(1, HIT("\2", "b") NOOP_ANSWER, step);
	talk_close();
	return talk_end();
}

static void quiet_binary_commands(void **state)
{
	char *whole = strdup(binary_talk(1460));

	(void)state;
	assert_non_null(whole);
	talk_holds(
		"memcached get|get b|1 memcache.protocol_type=binary memcache.request.command=get "
		"memcache.request.keys=b tsumari.memcached.keys=1 memcache.request.quiet=1 "
		"memcache.response.count_values=1 memcache.response.bytes=2 "
		"memcache.response.status=OK\n");
	talk_holds("keys=a tsumari.memcached.keys=1 memcache.request.quiet=1\n");
	talk_holds("keys=c tsumari.memcached.keys=1 memcache.request.quiet=1\n");
	talk_holds("memcached noop|noop|1 ");
	for (size_t step = 1; step < 9; step++)
		assert_string_equal(binary_talk(step), whole);
	free(whole);
}

/* Of what came behind lost bytes a quiet request's answer cannot be told from another's. */
static void a_gap_costs_what_it_touches(void **state)
{
	(void)state;
	talk_begin(11211, true);
	SAY(0, "get a\r\n", 1460);
	talk_lose(1, 20);
	SAY(0, "incr b 1\r\n", 1460);
	SAY(1, "8\r\n", 1460);
	SAY(0, "mg c v q\r\nmg d v\r\n", 1460);
	SAY(1, "VA 1\r\nx\r\n", 1460);
	SAY(0, "mn\r\n", 1460);
	SAY(1, "MN\r\n", 1460);
	talk_close();
	talk_end();
	talk_holds("memcached incr|incr b|1 ");
	talk_holds("memcache.response.value=8");
	talk_lacks("memcached get|get a|1");
	talk_lacks("memcache.response.bytes=1");
}

/* More that is quiet than is kept: the oldest count as not answered. */
static void many_quiet_ones(void **state)
{
	(void)state;
	talk_begin(11211, true);
	for (int i = 0; i < 500; i++)
		SAY(0, "mg a v q\r\n", 1460);
	SAY(0, "mn\r\n", 1460);
	SAY(1, "VA 1\r\nx\r\nMN\r\n", 1460);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 501);
	talk_lacks("no_response");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_in_any_segments),
		cmocka_unit_test(quiet_meta_commands),
		cmocka_unit_test(quiet_binary_commands),
		cmocka_unit_test(a_gap_costs_what_it_touches),
		cmocka_unit_test(many_quiet_ones),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
