/*
 * reassembly.c - what must not be put together: datagrams with holes, fragments that overlap, lie
 * about their place or belong to others; and TCP segments that say other things the second time.
 */
#include "frame.h"
#include "talk.h"
#include "core/defrag.h"

static struct defrag *pieces;
static struct counters counts;

/* A fragment of a UDP datagram (RFC 791, 3.1): `at` in units of 8 bytes; true: it completed one. */
static bool fragment(unsigned ident, unsigned at, bool more, size_t n, uint8_t fill, uint8_t source)
{
	struct frame f;
	bool whole_now;

	start(&f, LINK_RAW);
	PUT(&f, 0x45, 0);
	put16(&f, (unsigned)(20 + n));
	put16(&f, ident);
	put16(&f, at | (more ? 0x2000u : 0));
	PUT(&f, 64, 17, 0, 0, 10, 1, 0);
	put(&f, &source, 1);
	PUT(&f, 10, 1, 0, 99);
	for (size_t i = 0; i < n; i++) {
		uint8_t b = fill;

		if (at == 0 && i < 8) /* ports 1 and 9, length 48 */
			b = (const uint8_t[]){0, 1, 0, 9, 0, 48, 0, 0}[i];
		put(&f, &b, 1);
	}
	whole(&f);
	assert_true(f.p.flags & PACKET_FRAGMENT);
	f.p.time = talk.time += TALK_MS;
	whole_now = defrag_packet(pieces, &f.p, &counts);
	if (whole_now) {
		assert_true(f.p.flags & PACKET_UDP);
		assert_int_equal(f.p.paylen, 40);
		talk.len = f.p.paylen;
		memcpy(talk.out, f.p.payload, f.p.paylen);
		free(f.p.owned);
	}
	finish(&f);
	return whole_now;
}

static uint64_t told(const char *name)
{
	for (uint32_t i = 0; i < counts.n; i++)
		if (strcmp(counts.c[i].name, name) == 0)
			return counts.c[i].n;
	return 0;
}

static void begin(void)
{
	if (pieces)
		defrag_free(pieces);
	pieces = defrag_new(1 << 20);
	memset(&counts, 0, sizeof(counts));
	talk.time = UINT64_C(1600000000) * 1000 * TALK_MS;
}

static void test_order(void **state)
{
	(void)state;
	registry_init();
	for (unsigned first = 0; first < 3; first++) {
		begin();
		assert_false(fragment(1, first * 2, first < 2, 16, 'a', 1));
		assert_false(fragment(1, (first + 1) % 3 * 2, (first + 1) % 3 < 2, 16, 'b', 1));
		assert_true(fragment(1, (first + 2) % 3 * 2, (first + 2) % 3 < 2, 16, 'c', 1));
	}
}

/* A datagram with a hole is never whole, whatever comes again. */
static void test_hole(void **state)
{
	(void)state;
	begin();
	for (int again = 0; again < 3; again++) {
		assert_false(fragment(1, 0, true, 16, 'a', 1));
		assert_false(fragment(1, 4, false, 16, 'c', 1));
	}
	assert_false(fragment(1, 2, true, 8, 'b', 1)); /* half of what is missing */
	assert_true(fragment(1, 3, true, 8, 'd', 1));
	assert_memory_equal(talk.out, "aaaaaaaabbbbbbbbddddddddcccccccccccccccc", 40);
}

/* The same identification from another host, or for the next datagram, is another datagram. */
static void test_identification(void **state)
{
	(void)state;
	begin();
	assert_false(fragment(7, 0, true, 16, 'a', 1));
	assert_false(fragment(7, 2, false, 32, 'x', 2)); /* another sender */
	assert_false(fragment(8, 2, false, 32, 'x', 1)); /* another number */
	assert_true(fragment(7, 2, false, 32, 'b', 1));
	assert_memory_equal(talk.out, "aaaaaaaabbbbbbbb", 16);
	assert_false(fragment(7, 0, true, 16, 'c', 1)); /* used again */
	assert_true(fragment(7, 2, false, 32, 'd', 1));
	assert_memory_equal(talk.out, "ccccccccdddddddd", 16);
	assert_false(fragment(9, 0, true, 16, 'e', 1)); /* too late for the rest */
	talk.time += 60 * 1000 * TALK_MS;
	assert_false(fragment(9, 2, false, 32, 'f', 1));
	assert_true(told("fragments: datagram never completed") > 0);
}

/* The first bytes seen win; what lies past the largest datagram, or another's end, is not taken. */
static void test_bounds(void **state)
{
	(void)state;
	begin();
	assert_false(fragment(1, 0, true, 24, 'a', 1));
	assert_true(fragment(1, 1, false, 40, 'b', 1));
	assert_memory_equal(talk.out, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbb", 40);
	assert_int_equal(told("fragments: overlapping"), 1);
	assert_false(fragment(2, 0x1fff, true, 16, 'a', 1));
	assert_false(fragment(2, 0x1fff, false, 16, 'a', 1));
	assert_true(told("fragments: out of bounds") >= 1);
	/* Two last fragments with different ends; one behind the end. */
	begin();
	assert_false(fragment(3, 4, false, 16, 'z', 1));
	assert_false(fragment(3, 6, true, 16, 'y', 1));
	assert_false(fragment(3, 2, false, 8, 'w', 1));
	assert_false(fragment(3, 0, true, 16, 'x', 1));
}

/* Sent again with other bytes (and so longer, shorter, earlier): the first seen stay. */
static void test_segments(void **state)
{
	static const char get[] = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char other[] = "GET /other HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	size_t n = sizeof(get) - 1;

	(void)state;
	talk_begin(80, true);
	talk_segment(0, TCP_ACK, get, 4, 0);
	talk.next[0] += 6; /* a hole, and what lies above it twice, not the same */
	talk_segment(0, TCP_ACK, get + 10, n - 10, 0);
	talk.next[0] -= (uint32_t)(n - 10);
	talk_segment(0, TCP_ACK, other + 10, 5, 0);
	talk.next[0] -= 15;
	talk_segment(0, TCP_ACK, get, n, 0);
	talk.next[0] -= (uint32_t)n;
	talk_segment(0, TCP_ACK, other, n, 0); /* all of it, changed */
	talk.next[0] -= 3;
	talk_segment(0, TCP_ACK, other + n - 3, 3, 0);
	talk_bytes(1, ok, sizeof(ok) - 1, 7);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("http GET|GET /first|1");
	talk_lacks("other");
}

/* A SYN with another initial number is another connection, of which the old one's bytes are none.
 */
static void test_syn_again(void **state)
{
	static const char get[] = "GET /one HTTP/1.1\r\n\r\n", two[] = "GET /two HTTP/1.1\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	talk_begin(80, true);
	talk_bytes(0, get, sizeof(get) - 1, 1460);
	talk.next[0] = 0x7fffff00;
	talk.next[1] = 0xffffff80;
	talk_segment(0, TCP_SYN, NULL, 0, 0);
	talk_segment(1, TCP_SYN | TCP_ACK, NULL, 0, 0);
	talk_segment(0, TCP_ACK, NULL, 0, 0);
	talk_bytes(0, two, sizeof(two) - 1, 1460);
	talk_bytes(1, ok, sizeof(ok) - 1, 1460);
	talk_bytes(0, get, sizeof(get) - 1, 5); /* sequence numbers wrap within these */
	talk_bytes(1, ok, sizeof(ok) - 1, 5);
	talk_bytes(0, get, sizeof(get) - 1, 5);
	talk_bytes(1, ok, sizeof(ok) - 1, 5);
	talk_bytes(0, get, sizeof(get) - 1, 5);
	talk_bytes(1, ok, sizeof(ok) - 1, 5);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 5);
	talk_holds("http GET|GET /two|1");
	talk_holds("http GET|GET /one|2"); /* the first: nothing answered it */
}

static int teardown(void **state)
{
	(void)state;
	talk_free();
	if (pieces)
		defrag_free(pieces);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_identification),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_syn_again),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
