/*
 * conversation.c - what both sides of a connection said: in order, once, and with the gaps that the
 * capture has.
 */
#include "ui/conversation.h"
#include "api/layer.h"
#include "core/registry.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>

#define CPORT 40000u
#define SPORT 80u
#define C0    1000u /* the first byte of each side */
#define S0    5000u

static struct conversation *talk;
static uint64_t frames;

static struct ends the_ends(uint8_t proto)
{
	static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};

	return (struct ends){addr_v4(client), addr_v4(server), CPORT, SPORT, proto};
}

static void begin(uint8_t proto)
{
	struct ends e = the_ends(proto);

	conversation_free(talk);
	talk = conversation_new(&e);
	frames = 0;
}

static void put16(uint8_t *p, unsigned x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static void put32(uint8_t *p, uint32_t x)
{
	put16(p, x >> 16);
	put16(p + 2, x & 0xffff);
}

/* A frame of raw IPv4, of which the last `cut` bytes were not captured. */
static bool add(uint8_t proto, enum side side, unsigned cport, uint32_t seq, uint32_t ack,
	uint8_t flags, const char *text, size_t cut)
{
	size_t n = strlen(text), head = proto == IP_PROTO_TCP ? 40 : 28, len = head + n;
	uint8_t *b = calloc(1, len);
	struct packet p = {.time = 1000000000u + frames * 1000000u,
		.number = frames + 1,
		.linktype = 101,
		.len = (uint32_t)len,
		.caplen = (uint32_t)(len - cut)};
	bool more;

	frames++;
	assert_non_null(b);
	b[0] = 0x45;
	put16(b + 2, (unsigned)len);
	b[8] = 64;
	b[9] = proto;
	put32(b + 12, side == SIDE_CLIENT ? 0x0a000001 : 0x0a000002);
	put32(b + 16, side == SIDE_CLIENT ? 0x0a000002 : 0x0a000001);
	put16(b + 20, side == SIDE_CLIENT ? cport : SPORT);
	put16(b + 22, side == SIDE_CLIENT ? SPORT : cport);
	if (proto == IP_PROTO_TCP) {
		put32(b + 24, seq);
		put32(b + 28, ack);
		b[32] = 0x50;
		b[33] = flags;
		put16(b + 34, 64000);
	} else {
		put16(b + 24, (unsigned)(8 + n));
	}
	memcpy(b + head, text, n);
	p.data = b;
	more = conversation_add(talk, &p);
	free(b);
	return more;
}

#define CLIENT(seq, ack, text) add(6, SIDE_CLIENT, CPORT, seq, ack, TCP_ACK, text, 0)
#define SERVER(seq, ack, text) add(6, SIDE_SERVER, CPORT, seq, ack, TCP_ACK, text, 0)

static void handshake(void)
{
	begin(6);
	assert_true(add(6, SIDE_CLIENT, CPORT, C0 - 1, 0, TCP_SYN, "", 0));
	assert_true(add(6, SIDE_SERVER, CPORT, S0 - 1, C0, TCP_SYN | TCP_ACK, "", 0));
	assert_true(CLIENT(C0, S0, ""));
}

/* ">" or "<" before each turn, "[n]" where n bytes are missing. */
static void is(const char *what)
{
	const struct turn *t;
	uint32_t n = conversation_turns(talk, &t), bytes;
	const uint8_t *p = conversation_bytes(talk, &bytes);
	char out[4096] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		at += (size_t)snprintf(
			out + at, sizeof(out) - at, "%c", t[i].side == SIDE_CLIENT ? '>' : '<');
		if (t[i].missing)
			at += (size_t)snprintf(
				out + at, sizeof(out) - at, "[%u]", (unsigned)t[i].missing);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%.*s", (int)t[i].len,
			(const char *)p + t[i].at);
	}
	assert_string_equal(out, what);
}

static void in_turn(void **state)
{
	const struct turn *t;
	uint32_t from, to;

	(void)state;
	handshake();
	CLIENT(C0, S0, "ask ");
	CLIENT(C0 + 4, S0, "more");
	SERVER(S0, C0 + 8, "tell");
	CLIENT(C0 + 8, S0 + 4, "bye");
	is(">ask more<tell>bye");
	assert_int_equal(conversation_turns(talk, &t), 3);
	assert_int_equal(t[1].wait, 1000000);
	assert_int_equal(t[1].frame, 6);
	assert_true(conversation_find(talk, 5, &from, &to));
	assert_int_equal(from, 4);
	assert_int_equal(to, 8);
	assert_false(conversation_find(talk, 3, &from, &to));
}

static void sent_again(void **state)
{
	(void)state;
	handshake();
	CLIENT(C0, S0, "abcd");
	CLIENT(C0, S0, "ABCD"); /* what came first counts */
	CLIENT(C0 + 2, S0, "cdef");
	CLIENT(C0 - 1, S0, "x"); /* a keep-alive */
	is(">abcdef");
}

static void out_of_order(void **state)
{
	(void)state;
	handshake();
	CLIENT(C0 + 4, S0, "two ");
	CLIENT(C0 + 8, S0, "three");
	is("");
	CLIENT(C0, S0, "one ");
	is(">one two three");
}

static void holes(void **state)
{
	(void)state;
	handshake();
	SERVER(S0, C0, "here");
	SERVER(S0 + 10, C0, "there");
	is("<here");
	CLIENT(C0, S0 + 4, ""); /* not acknowledged: it may still come */
	is("<here");
	CLIENT(C0, S0 + 15, ""); /* it has come, and the capture has not got it */
	is("<here<[6]there");
	SERVER(S0 + 20, C0, "end");
	conversation_flush(talk);
	is("<here<[6]there<[5]end");
	handshake();
	add(6, SIDE_SERVER, CPORT, S0, C0, TCP_ACK, "cut short", 6);
	SERVER(S0 + 9, C0, "on");
	is("<cut<[6]on");
}

static void wraps(void **state)
{
	(void)state;
	begin(6);
	add(6, SIDE_CLIENT, CPORT, 0xfffffffd, 0, TCP_SYN, "", 0);
	CLIENT(2, 1, "ef");
	CLIENT(0xfffffffe, 1, "abcd");
	is(">abcdef");
}

static void another(void **state)
{
	(void)state;
	handshake();
	CLIENT(C0, S0, "old");
	assert_true(add(6, SIDE_CLIENT, CPORT + 1, C0 + 3, S0, TCP_ACK, "not its port", 0));
	assert_true(add(6, SIDE_CLIENT, CPORT, C0 - 1, 0, TCP_SYN, "", 0)); /* sent again */
	assert_false(add(6, SIDE_CLIENT, CPORT, 77777, 0, TCP_SYN, "", 0));
	assert_false(CLIENT(77778, 1, "new"));
	is(">old");
	/* It had begun before the capture. */
	begin(6);
	SERVER(S0, C0, "late");
	is("<late");
	assert_false(add(6, SIDE_CLIENT, CPORT, 77777, 0, TCP_SYN, "", 0));
}

static void datagrams(void **state)
{
	const struct turn *t;

	(void)state;
	begin(17);
	add(17, SIDE_CLIENT, CPORT, 0, 0, 0, "one", 0);
	add(17, SIDE_CLIENT, CPORT, 0, 0, 0, "one", 0);
	add(17, SIDE_SERVER, CPORT, 0, 0, 0, "two", 0);
	is(">one>one<two");
	assert_int_equal(conversation_turns(talk, &t), 3);
}

static void bounds(void **state)
{
	static char text[1401];
	uint32_t n;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	handshake();
	for (uint32_t i = 0; i < 2000; i++)
		CLIENT(C0 + i * 1400, S0, text);
	conversation_bytes(talk, &n);
	assert_true(n <= CONVERSATION_BYTES);
	assert_int_equal(n + conversation_left_out(talk), 2000 * 1400);
	/* Too many that came too early: the hole is taken for one. */
	handshake();
	for (uint32_t i = 1; i <= 2 * CONVERSATION_AHEAD; i++)
		CLIENT(C0 + i * 10, S0, "123456789");
	conversation_flush(talk);
	conversation_bytes(talk, &n);
	assert_int_equal(n, 2 * CONVERSATION_AHEAD * 9);
}

static int end(void **state)
{
	(void)state;
	conversation_free(talk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_turn),
		cmocka_unit_test(sent_again),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(holes),
		cmocka_unit_test(wraps),
		cmocka_unit_test(another),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(bounds),
	};

	registry_init();
	return cmocka_run_group_tests(tests, NULL, end);
}
