/*
 * http.c - what HTTP/1 and HTTP/2 make of conversations that no capture here holds: a refused
 * CONNECT, HTTP/0.9, answers by another version, heads in several frames, tunnels in a stream.
 */
#include "talk.h"

#define SAY(side, text) talk_bytes(side, text, sizeof(text) - 1, 1460)
#define PREFACE         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define SETTINGS        "\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0"
#define ACK             "\0\0\0\4\1\0\0\0\0"
/* GET / as a header block that needs no table but the fixed one; 200 */
#define GET_ROOT                       "\x82\x84\x86\x41\1a"
#define HEADERS(length, flags, stream) "\0\0" length "\1" flags "\0\0\0" stream

static unsigned lines(const char *out)
{
	unsigned n = 0;

	for (; *out; out++)
		n += *out == '\n';
	return n;
}

static void a_refused_connect_leaves_the_connection(void **state)
{
	(void)state;
	talk_begin(3128, true);
	SAY(0, "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n");
	SAY(1, "HTTP/1.1 407 Who?\r\nContent-Length: 3\r\n\r\nno\n");
	SAY(0, "GET http://x.example/1 HTTP/1.1\r\nHost: x.example\r\n\r\n");
	SAY(1, "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n");
	SAY(0, "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n");
	SAY(1, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	SAY(0, "GET http://x.example/2 HTTP/1.1\r\nHost: x.example\r\n\r\n");
	SAY(1, "HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
	talk_close();
	assert_int_equal(lines(talk_end()), 4);
	talk_holds("http GET|GET http://x.example/1|1 ");
	talk_holds("http.response.status_code=201");
	talk_holds("http GET|GET http://x.example/2|1 ");
	talk_lacks("!");
}

/* However long those before it were, each request has its own, and as much as is kept of one. */
static void each_request_has_its_own_target_and_host(void **state)
{
	static const unsigned lengths[] = {1, 300, 40, 41, 42, 90, 2};
	char ask[4000], holds[4000];

	(void)state;
	for (unsigned step = 100; step < 2000; step += 1360) {
		talk_begin(80, true);
		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			char fill = (char)('a' + i);
			int n = snprintf(ask, sizeof(ask),
				"GET /%*s HTTP/1.1\r\nHost: %c%u.test\r\n\r\n", (int)lengths[i], "",
				fill, lengths[i]);

			memset(ask + 5, fill, lengths[i]);
			talk_bytes(0, ask, (size_t)n, step);
			SAY(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		}
		talk_close();
		(void)talk_end();
		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			unsigned kept = lengths[i] < 400 ? lengths[i] : 400;
			int n = snprintf(holds, sizeof(holds), "url.full=http://%c%u.test/",
				(char)('a' + i), lengths[i]);

			memset(holds + n, 'a' + (int)i, kept);
			holds[(unsigned)n + kept] = '\0';
			talk_holds(holds);
		}
	}
}

static void the_simplest_request(void **state)
{
	static const char ask[] = "GET /old.html\r\n", body[] = "<html>as it is</html>";

	(void)state;
	for (unsigned step = 1; step < 100; step += 49) {
		talk_begin(80, true);
		talk_bytes(0, ask, sizeof(ask) - 1, step);
		talk_bytes(1, body, sizeof(body) - 1, step);
		talk_close();
		assert_int_equal(lines(talk_end()), 1);
		talk_holds("http GET|GET /old.html|0 ");
		talk_holds("http.version=0.9");
		talk_lacks("!");
	}
	/* A server that has forgotten it. */
	talk_begin(80, true);
	SAY(0, "GET /old.html\r\n");
	SAY(1, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http.response.status_code=400");
	talk_holds("!malformed");
	talk_lacks("0.9");
	/* Behind another request it is none. */
	talk_begin(80, true);
	SAY(0, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /old.html\r\n\r\n");
	SAY(1, "HTTP/1.1 204 No Content\r\n\r\n");
	talk_close();
	(void)talk_end();
	talk_lacks("0.9");
}

static void a_server_without_http2(void **state)
{
	(void)state;
	/* It answers the preface before there is a request. */
	talk_begin(80, true);
	SAY(0, PREFACE);
	SAY(1, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno");
	SAY(0, HEADERS("\6", "\5", "\1") GET_ROOT);
	talk_segment(1, TCP_FIN | TCP_ACK, NULL, 0, 0);
	talk_segment(0, TCP_FIN | TCP_ACK, NULL, 0, 0);
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http2 PRI|PRI *|3 ");
	talk_holds("http.response.status_code=400");
	talk_lacks("!");
	/* It answers behind the request, in pieces. */
	talk_begin(80, true);
	SAY(0, PREFACE HEADERS("\6", "\5", "\1") GET_ROOT);
	talk_bytes(1, "HTTP/1.1 505 No\r\n\r\n", 19, 3);
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http2 GET|GET /|4 ");
	talk_holds("http.response.status_code=505");
	talk_lacks("!");
	/* Nearly so: bytes that are neither. */
	talk_begin(80, true);
	SAY(0, PREFACE);
	SAY(1, "HTTP/1.x is not a version");
	talk_close();
	(void)talk_end();
	talk_lacks("PRI");
}

/* The status in the first frame of the head, its end in the last, all in one segment or apart. */
static void a_head_in_several_frames(void **state)
{
	static const char head[] = HEADERS("\xd", "\0", "\1") "\0\7:status\003503"
							      "\0\0\5\x9\0\0\0\0\1\0\1a\1b"
							      "\0\0\0\x9\4\0\0\0\1"
							      "\0\0\4\0\1\0\0\0\1down";

	(void)state;
	for (unsigned step = 1; step < 100; step += 33) {
		talk_begin(8080, true);
		SAY(0, PREFACE);
		SAY(1, SETTINGS ACK);
		SAY(0, ACK HEADERS("\6", "\5", "\1") GET_ROOT);
		talk_bytes(1, head, sizeof(head) - 1, step);
		talk_close();
		assert_int_equal(lines(talk_end()), 1);
		talk_holds("http2 GET|GET /|4 ");
		talk_holds("http.response.status_code=503");
		talk_holds("http.response.body.bytes=4");
		talk_lacks("!");
	}
}

/* What the capture lost before a response is no part of it: its sizes are known. */
static void a_response_behind_a_loss(void **state)
{
	(void)state;
	talk_begin(8080, true);
	SAY(0, PREFACE);
	SAY(1, SETTINGS ACK);
	SAY(0, ACK HEADERS("\6", "\5", "\1") GET_ROOT);
	talk_lose(1, 47);
	SAY(1, HEADERS("\1", "\4", "\1") "\x88"
					 "\0\0\5\0\1\0\0\0\1whole");
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http.response.body.bytes=5");
	/* Of one that was under way they are not. */
	talk_begin(8080, true);
	SAY(0, PREFACE);
	SAY(1, SETTINGS ACK);
	SAY(0, ACK HEADERS("\6", "\5", "\1") GET_ROOT);
	SAY(1, HEADERS("\1", "\4", "\1") "\x88");
	talk_lose(1, 47);
	SAY(1, "\0\0\5\0\1\0\0\0\1whole");
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_lacks("http.response.body.bytes");
}

/* CONNECT with :protocol (RFC 8441): answered by its 200, whatever goes through the tunnel. */
static void a_tunnel_in_a_stream(void **state)
{
	(void)state;
	talk_begin(8080, true);
	SAY(0, PREFACE);
	SAY(1, SETTINGS ACK);
	SAY(0, ACK HEADERS("\x2b", "\4", "\1") "\0\7:method\7CONNECT\0\x9:protocol\x9websocket"
					       "\x86\x84\x41\1a");
	SAY(1, HEADERS("\1", "\4", "\1") "\x88");
	SAY(0, "\0\0\3\0\0\0\0\0\1abc");
	SAY(1, "\0\0\3\0\0\0\0\0\1def");
	SAY(0, HEADERS("\6", "\5", "\3") GET_ROOT);
	SAY(1, HEADERS("\1", "\5", "\3") "\x88");
	SAY(1, "\0\0\0\0\1\0\0\0\1");
	talk_close();
	assert_int_equal(lines(talk_end()), 2);
	talk_holds("http2 CONNECT|CONNECT /|1 ");
	talk_holds("tsumari.http.upgrade=websocket");
	talk_holds("http2 GET|GET /|1 ");
	talk_lacks("!");
	/* One that is refused has an answer like any other. */
	talk_begin(8080, true);
	SAY(0, PREFACE);
	SAY(1, SETTINGS ACK);
	SAY(0, ACK HEADERS("\xf", "\4", "\1") "\0\7:method\7CONNECT\x41\1a");
	SAY(1, HEADERS("\1", "\5", "\1") "\x8d");
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http.response.status_code=404");
}

/* A request that upgrades the connection has one answer, the one in HTTP/2. */
static void an_upgrade_is_answered_once(void **state)
{
	static const char ask[] = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, "
				  "HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n";
	static const char agreed[] =
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

	(void)state;
	talk_begin(8080, true);
	talk_bytes(0, ask, sizeof(ask) - 1, 1460);
	talk_bytes(1, agreed, sizeof(agreed) - 1, 1460);
	SAY(0, PREFACE);
	SAY(1, SETTINGS ACK HEADERS("\1", "\5", "\1") "\x88");
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http2 GET|GET /x|1 ");
	talk_holds("tsumari.http.interim_responses=1");
	talk_lacks("!");
	/* And none where nothing comes after it. */
	talk_begin(8080, true);
	talk_bytes(0, ask, sizeof(ask) - 1, 1460);
	talk_bytes(1, agreed, sizeof(agreed) - 1, 1460);
	talk_close();
	assert_int_equal(lines(talk_end()), 1);
	talk_holds("http GET|GET /x|2 ");
	talk_holds("!no_response");
}

/*
 * The snap length cuts a head: its end was not captured, but when it was sent; where the next
 * request was sent before the answer, nobody knows whose that is.
 */
static void heads_that_were_cut(void **state)
{
	static const char get[] = "GET /x HTTP/1.1\r\nHost: a.example\r\nAccept: text/html\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	for (int more = 0; more < 3; more++) {
		talk_begin(80, true);
		talk_segment(0, TCP_ACK, get, 30, sizeof(get) - 1 - 30);
		if (more)
			talk.time += 50 * TALK_MS;
		if (more == 1) /* the head goes on */
			talk_segment(0, TCP_ACK, get, 0, 10);
		else if (more == 2)
			talk_segment(0, TCP_ACK, get, 30, sizeof(get) - 1 - 30);
		talk.time += 100 * TALK_MS;
		talk_segment(1, TCP_ACK, ok, 20, sizeof(ok) - 1 - 20);
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		talk_close();
		talk_end();
		talk_holds("!snaplen");
		talk_lacks("!malformed");
		if (more < 2) {
			talk_holds("http GET|GET /x|1 ");
			assert_in_range(talk.last.wait, 100 * TALK_MS, 101 * TALK_MS);
		} else {
			talk_holds(
				"http GET|GET /x|1 "); /* of the first, which is answered first */
			talk_holds("http GET|GET /x|0 ");
			assert_true(talk.last.wait == FIELD_ABSENT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_connect_leaves_the_connection),
		cmocka_unit_test(each_request_has_its_own_target_and_host),
		cmocka_unit_test(the_simplest_request),
		cmocka_unit_test(a_server_without_http2),
		cmocka_unit_test(a_head_in_several_frames),
		cmocka_unit_test(a_response_behind_a_loss),
		cmocka_unit_test(a_tunnel_in_a_stream),
		cmocka_unit_test(an_upgrade_is_answered_once),
		cmocka_unit_test(heads_that_were_cut),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
