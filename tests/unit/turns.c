/*
 * turns.c - how the payload of connections that nobody reads changes its direction: from the first
 * byte on, however many payloads were looked at, and inside TLS.
 */
#include "talk.h"

#define SAY(side, text) talk_bytes(side, text, sizeof(text) - 1, 1460)

/* Turns of the flow, and how long the server was waited for, in packets. */
static void expect(uint64_t turns, uint64_t packets)
{
	(void)talk_end();
	assert_int_equal(talk.flow.turns, turns);
	assert_int_equal(talk.flow.turn_wait, packets * TALK_MS / 10);
}

static void from_the_first_payload(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 40; n++)
		for (unsigned midway = 0; midway < 2; midway++) {
			talk_begin(7, !midway);
			for (unsigned i = 0; i < n; i++) {
				SAY(0, "\xff\xffwhat is it, and why?");
				SAY(1, "\xff\xffthat, and because");
			}
			expect(n, 2 * n); /* the client's ACK stands between */
		}
}

/* One that is recognised later has no turns: its transactions are timed. */
static void until_it_is_recognised(void **state)
{
	(void)state;
	talk_begin(7, true);
	SAY(0, "\xff\xffwhat is it, and why?");
	SAY(1, "\xff\xffthat, and because");
	SAY(0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	SAY(1, "HTTP/1.1 204 No Content\r\n\r\n");
	expect(0, 0);
	talk_holds("http GET|GET /|1 ");
	/* What only its answer looks like it is not. */
	talk_begin(7, true);
	SAY(0, "\0\x20\0\0\5QUERY\0\0");
	SAY(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect(1, 2);
	talk_lacks("http");
}

#define RECORD(type, text) type "\3\3\0" text
#define SERVER_HELLO                                                                               \
	RECORD("\x16", "\x2a")                                                                     \
	"\2\0\0\x26\3\3"                                                                           \
	"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"                                                         \
	"\0\xc0\x2f\0"
#define CLIENT_HELLO                                                                               \
	RECORD("\x16", "\x2d")                                                                     \
	"\1\0\0\x29\3\3"                                                                           \
	"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"                                                         \
	"\0\0\2\xc0\x2f\1\0"
#define CIPHER                  RECORD("\x14", "\1") "\1"
#define FINISHED                RECORD("\x16", "\4") "\xee\xee\xee\xee"
#define APPLICATION(size, data) RECORD("\x17", size) data

/* The client's data goes out before the server's Finished (RFC 7918). */
static void false_start(void **state)
{
	static const char ask[] = CIPHER FINISHED APPLICATION("\4", "ask!"),
			  end[] = CIPHER FINISHED;

	(void)state;
	for (unsigned step = 1; step < 100; step += 33) {
		talk_begin(443, true);
		SAY(0, CLIENT_HELLO);
		SAY(1, SERVER_HELLO);
		talk_bytes(0, ask, sizeof(ask) - 1, step);
		talk_bytes(1, end, sizeof(end) - 1, step);
		SAY(1, APPLICATION("\5", "reply"));
		(void)talk_end();
		talk_holds("tls.established=1");
		talk_lacks("!");
	}
}

/* Data with the ClientHello (RFC 8446, 2.3): the answer to it is a turn. */
static void early_data(void **state)
{
	static const char hello13[] = RECORD("\x16", "\x32") "\2\0\0\x2e\3\3"
							     "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
							     "\0\x13\1\0\0\6\0\x2b\0\2\3\4";

	(void)state;
	talk_begin(443, true);
	SAY(0, CLIENT_HELLO APPLICATION("\4", "ask!"));
	talk_bytes(1, hello13, sizeof(hello13) - 1, 1460);
	SAY(0, APPLICATION("\x10", "finishedfinished"));
	SAY(1, APPLICATION("\5", "reply"));
	expect(1, 6); /* ACK, hello, ACK, Finished, ACK */
	talk_holds("tls.established=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_first_payload),
		cmocka_unit_test(until_it_is_recognised),
		cmocka_unit_test(false_start),
		cmocka_unit_test(early_data),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
