/*
 * tls.c - what the reader of TLS makes of handshakes that no capture here holds: hellos in several
 * records and in any segments, lengths that lie, alerts, resumption, what breaks off.
 */
#include "talk.h"

struct bytes {
	uint8_t p[40000];
	size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	assert_true(b->n + n <= sizeof(b->p));
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

#define PUT(b, text) put(b, text, sizeof(text) - 1)

static void put16(struct bytes *b, size_t n)
{
	uint8_t p[2] = {(uint8_t)(n >> 8), (uint8_t)n};

	put(b, p, 2);
}

/* A hello (RFC 8446, 4.1.2 and 4.1.3) with these extensions. */
static struct bytes hello(unsigned type, unsigned version, const void *extensions, size_t n)
{
	static const uint8_t random[32];
	struct bytes body = {.n = 0}, b = {.n = 0};
	uint8_t head[4] = {(uint8_t)type, 0};

	put16(&body, version);
	put(&body, random, 32);
	PUT(&body, "\0");
	if (type == 1)
		PUT(&body, "\0\4\x13\1\xc0\x2f\1\0");
	else
		PUT(&body, "\x13\1\0");
	put16(&body, n);
	put(&body, extensions, n);
	head[2] = (uint8_t)(body.n >> 8);
	head[3] = (uint8_t)body.n;
	put(&b, head, 4);
	put(&b, body.p, body.n);
	return b;
}

#define NAME                    "\0\0\0\x10\0\x0e\0\0\x0bwww.example"
#define VERSIONS                "\0\x2b\0\2\3\4"
#define HELLO(type, extensions) hello(type, 0x303, extensions, sizeof(extensions) - 1)

/* The same in records of at most `piece` bytes. */
static struct bytes records(const struct bytes *m, size_t piece)
{
	struct bytes b = {.n = 0};

	for (size_t at = 0; at < m->n; at += piece) {
		size_t n = m->n - at < piece ? m->n - at : piece;

		PUT(&b, "\x16\3\1");
		put16(&b, n);
		put(&b, m->p + at, n);
	}
	return b;
}

static void send(unsigned side, const struct bytes *b, size_t step)
{
	talk_bytes(side, b->p, b->n, step);
}

#define RAW(side, text) talk_bytes(side, text, sizeof(text) - 1, 1460)

/* A connection, and what the two begin with; the server's part may be still to come (NULL). */
static void meet(const struct bytes *client, const struct bytes *server)
{
	talk_begin(443, true);
	send(0, client, 1460);
	if (server)
		send(1, server, 1460);
}

/* Application data of the client, encrypted. */
static void data(void)
{
	RAW(0, "\x17\3\3\0\4efgh");
}

/* The connection's end, and the capture's. */
static void part(void)
{
	talk_close();
	talk_end();
}

/* What is to be seen of a handshake of TLS 1.3 that begins with this hello. */
static void handshake(const struct bytes *client)
{
	struct bytes server = HELLO(2, VERSIONS), c = records(client, 16384),
		     s = records(&server, 16384);

	meet(&c, &s);
	data();
	part();
}

/* However the hellos are cut into records and segments, they say the same. */
static void test_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 4, 5, 7, 20, 60, 16384},
			    steps[] = {1, 3, 50, 1460};
	struct bytes client = HELLO(1, NAME), server = HELLO(2, VERSIONS);

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct bytes c = records(&client, pieces[i]),
				     s = records(&server, pieces[i]);

			talk_begin(443, true);
			send(0, &c, steps[k]);
			send(1, &s, steps[k]);
			RAW(1, "\x14\3\3\0\1\1\x17\3\3\0\4abcd");
			RAW(0, "\x14\3\3\0\1\1\x17\3\3\0\4efgh");
			RAW(0, "\x17\3\3\0\4more");
			part();
			if (talk.records != 1)
				fail_msg("records of %zu in steps of %zu: %s", pieces[i], steps[k],
					talk.out);
			talk_holds("tls HELLO|HELLO www.example|1 ");
			talk_holds("tls.client.server_name=www.example");
			talk_holds("tls.version=1.3");
			talk_holds("tls.cipher=TLS_AES_128_GCM_SHA256");
			talk_holds("tls.established=1");
		}
}

/* Another message, or another record, behind a part of a hello; a hello longer than all limits. */
static void test_pieces_that_lie(void **state)
{
	struct bytes client = HELLO(1, NAME), server = HELLO(2, VERSIONS), c, s;

	(void)state;
	client.p[1] = 0xff; /* 16 MiB are said to follow */
	handshake(&client);
	talk_lacks("www.example"); /* no hello begins so */
	client = HELLO(1, NAME);
	client.p[2] = 0xff; /* 65 kB are */
	handshake(&client);
	assert_int_equal(talk.records, 1);
	talk_holds("www.example");
	client = HELLO(1, NAME);
	client.n -= 6;
	c = records(&client, 16384);
	s = records(&server, 16384);
	meet(&c, NULL); /* its end does not come: something else does */
	RAW(0, "\x14\3\3\0\1\1");
	send(1, &s, 1460);
	part();
	assert_int_equal(talk.records, 1);
}

/* Every length inside a hello, one too large. */
static void test_lengths(void **state)
{
	struct bytes good = HELLO(1, NAME "\0\x10\0\5\0\3\2h2");

	(void)state;
	for (size_t at = 4; at < good.n; at++) {
		struct bytes bad = good;

		bad.p[at] = 0xff;
		handshake(&bad);
		assert_int_equal(talk.records, 1);
		talk_holds("tls.version=1.3");
	}
}

/* The hello cut off anywhere, by the end of the connection or by lost bytes. */
static void test_cuts(void **state)
{
	struct bytes client = HELLO(1, NAME), c = records(&client, 30);

	(void)state;
	for (size_t n = 1; n < c.n; n++) {
		talk_begin(443, true);
		talk_bytes(0, c.p, n, 1460);
		part();
		assert_true(talk.records <= 1);
		talk_lacks("established");
		talk_begin(443, true);
		talk_bytes(0, c.p, n, 1460);
		talk_lose(0, c.n - n);
		RAW(1, "\x15\3\3\0\2\2\x28");
		part();
		assert_true(talk.records <= 1);
		talk_lacks("server_name");
	}
}

static void test_alert(void **state)
{
	struct bytes client = HELLO(1, NAME), c = records(&client, 16384);

	(void)state;
	meet(&c, NULL);
	RAW(1, "\x15\3\3\0\2\2\x28");
	part();
	talk_holds("HELLO|HELLO www.example|4");
	talk_holds("tsumari.tls.alert=40");
	talk_lacks("established");
}

/* TLS 1.2: the end is the second Finished; the server's comes first where a session is resumed. */
static void test_version12(void **state)
{
	struct bytes client = HELLO(1, NAME), server = HELLO(2, "\0\x10\0\x0b\0\x09\x08http/1.1");
	struct bytes c = records(&client, 16384), s = records(&server, 16384);

	(void)state;
	for (unsigned resumed = 0; resumed < 2; resumed++) {
		talk_begin(8443, true);
		send(0, &c, 1460);
		send(1, &s, 1460);
		for (unsigned i = 0; i < 2; i++) {
			unsigned side = i ^ resumed;

			RAW(side, "\x14\3\3\0\1\1");
			RAW(side, "\x16\3\3\0\4fini");
		}
		RAW(0, "\x17\3\3\0\4data");
		part();
		assert_int_equal(talk.records, 1);
		talk_holds("tls.version=1.2");
		talk_holds("tls.next_protocol=http/1.1");
		talk_holds("tls.established=1");
		if (resumed)
			talk_holds("tls.resumed=1");
		else
			talk_lacks("tls.resumed");
	}
}

/* A HelloRetryRequest: one transaction, of which the second hello is a part. */
static void test_retry(void **state)
{
	static const uint8_t mark[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};
	struct bytes client = HELLO(1, NAME), server = HELLO(2, VERSIONS), again = server;
	struct bytes c = records(&client, 16384), s, r;

	(void)state;
	memcpy(again.p + 6, mark, sizeof(mark));
	r = records(&again, 40);
	s = records(&server, 40);
	meet(&c, &r);
	send(0, &c, 1460);
	send(1, &s, 1460);
	data();
	part();
	assert_int_equal(talk.records, 1);
	talk_holds("tsumari.tls.retry=1");
	talk_holds("tls.established=1");
}

/* A server that does not speak it: the connection goes on as what it is. */
static void test_plain_answer(void **state)
{
	struct bytes client = HELLO(1, NAME), c = records(&client, 16384);

	(void)state;
	meet(&c, NULL);
	RAW(1, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	part();
	talk_holds("tls HELLO|HELLO www.example|");
	assert_int_equal(talk_counted("tls: not a record where one should begin"), 1);
}

/* A connection whose beginning is not there is not taken for one. */
static void test_midstream(void **state)
{
	(void)state;
	talk_begin(443, false);
	data();
	RAW(1, "\x17\3\3\0\4abcd");
	part();
	assert_int_equal(talk.records, 0);
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
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_pieces_that_lie),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_version12),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_plain_answer),
		cmocka_unit_test(test_midstream),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
