/*
 * outcome.c - how a transaction ended: an error is what the packets prove; what only the capture
 * lost is unknown, but for what was seen of it.
 */
#include "talk.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define HEAD      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n"

static void asks(const char *text)
{
	talk_bytes(0, text, strlen(text), 1460);
}

static void answers(const char *text)
{
	talk_bytes(1, text, strlen(text), 1460);
}

static void lost_answers(void **state)
{
	(void)state;
	for (int newer = 0; newer < 2; newer++) {
		talk_begin(80, true);
		asks(GET("/a"));
		talk_lose(1, strlen(OK));
		if (newer) {
			asks(GET("/b"));
			answers(OK);
		}
		talk_close();
		talk_end();
		assert_int_equal(talk.records, 1 + newer);
		talk_holds("GET /a|0 ");
		talk_holds(" !gap !no_response\n");
		if (newer)
			talk_holds("GET /b|1 ");
	}
}

/* Nobody can tell which of them had an answer, nor whose the one that is there was. */
static void lost_in_a_pipeline(void **state)
{
	(void)state;
	talk_begin(80, true);
	asks(GET("/a") GET("/b") GET("/c"));
	talk_lose(1, strlen(OK));
	answers(OK);
	asks(GET("/d"));
	answers(OK OK);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 4);
	talk_holds("GET /a|0 ");
	talk_holds("GET /b|0 ");
	talk_holds("GET /c|0 ");
	talk_holds("GET /d|0 ");
	talk_lacks("|2");
}

static void lost_end(void **state)
{
	static const struct {
		const char *head, *line;
	} cases[] = {{HEAD, "GET /a|1 "}, {NOT_FOUND, "GET /a|3 "}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		talk_begin(80, true);
		asks(GET("/a"));
		answers(cases[i].head);
		talk_lose(1, 60); /* 40 of the body never come */
		talk_segment(1, TCP_RST | TCP_ACK, NULL, 0, 0);
		talk_end();
		assert_int_equal(talk.records, 1);
		talk_holds(cases[i].line);
		talk_holds(" !gap !unfinished\n");
	}
}

static void one_way(void **state)
{
	(void)state;
	talk_begin(80, false);
	for (int i = 0; i < 3; i++)
		talk_segment(0, TCP_ACK, GET("/a"), strlen(GET("/a")), 0);
	talk_end();
	talk_holds("GET /a|0 ");
	talk_lacks("|2");
}

static void cut_by_the_snap_length(void **state)
{
	(void)state;
	talk_begin(80, true);
	asks(GET("/a"));
	talk_segment(1, TCP_ACK, OK, 0, strlen(OK));
	asks(GET("/b"));
	talk_segment(1, TCP_ACK, HEAD, strlen(HEAD), 100);
	talk_segment(0, TCP_ACK, NULL, 0, 0);
	talk_close();
	talk_end();
	talk_holds("GET /a|0 ");
	talk_holds(" !gap !snaplen !no_response\n");
	talk_holds("GET /b|1 ");
}

/* All that the server said is there: it did not answer. */
static void really_unanswered(void **state)
{
	static const char post[] = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";

	(void)state;
	talk_begin(80, true);
	asks(GET("/a"));
	talk_close();
	talk_end();
	talk_holds("GET /a|2 ");
	talk_holds(" !no_response\n");

	talk_begin(80, true);
	asks(GET("/a"));
	answers(HEAD);
	talk_close();
	talk_end();
	talk_holds("GET /a|2 ");
	talk_holds(" !unfinished\n");

	/* Bytes of the request, not of an answer, were lost. */
	talk_begin(80, true);
	asks(post);
	talk_lose(0, 60);
	talk_segment(0, TCP_ACK, post, 40, 0);
	talk_close();
	talk_end();
	talk_holds("POST /a|2 ");
	talk_holds(" !gap !no_response\n");

	/* One was lost; the next was not answered. */
	talk_begin(80, true);
	asks(GET("/a"));
	talk_lose(1, strlen(OK));
	asks(GET("/b"));
	talk_close();
	talk_end();
	talk_holds("GET /a|0 ");
	talk_holds("GET /b|2 ");
}

/* Open when the capture ends: waited for so far, and nobody knows how it ends. */
static void pending(void **state)
{
	(void)state;
	talk_begin(80, true);
	asks(GET("/a"));
	talk.time += 3000 * TALK_MS;
	engine_last(talk.engine, talk.time);
	talk_end();
	talk_holds("GET /a|0 ");
	talk_holds(" !no_response !pending\n");
	assert_in_range(talk.waited, 3000 * TALK_MS, 3001 * TALK_MS);

	talk_begin(80, true);
	asks("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	talk.time += 2000 * TALK_MS;
	engine_last(talk.engine, talk.time);
	talk_end();
	talk_holds("POST /a|0 ");
	talk_holds(" !no_response !pending\n");
	assert_in_range(talk.waited, 2000 * TALK_MS, 2001 * TALK_MS);

	/* Nobody waits when it is answered, nor can it be told whether it was. */
	talk_begin(80, true);
	asks(GET("/a"));
	answers(OK);
	asks(GET("/b"));
	talk_lose(1, strlen(OK));
	talk.time += 1000 * TALK_MS;
	engine_last(talk.engine, talk.time);
	talk_end();
	talk_holds("GET /a|1 ");
	talk_holds("GET /b|0 ");
	talk_lacks("!pending");
	assert_true(talk.waited < 10 * TALK_MS);
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
		cmocka_unit_test(lost_answers),
		cmocka_unit_test(lost_in_a_pipeline),
		cmocka_unit_test(lost_end),
		cmocka_unit_test(one_way),
		cmocka_unit_test(cut_by_the_snap_length),
		cmocka_unit_test(really_unanswered),
		cmocka_unit_test(pending),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
