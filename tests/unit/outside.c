/*
 * outside.c - segments that TCP ignores change nothing and are counted, and what the capture lost
 * is not taken for such.
 */
#include "talk.h"

static const char get[] = "GET /one HTTP/1.1\r\n\r\n", two[] = "GET /two HTTP/1.1\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#define N(text) (sizeof(text) - 1)

static void exchange(const char *what, size_t n)
{
	talk_bytes(0, what, n, 1460);
	talk_bytes(1, ok, N(ok), 1460);
}

/* What is injected between two exchanges, relative to what the side sends and acknowledges next. */
struct injected {
	unsigned side;
	uint8_t flags;
	int32_t seq, ack;
	size_t n;
};

static void whole_all_the_same(
	const struct injected *x, bool handshake, bool last, unsigned counted)
{
	static char text[] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";

	talk_begin(80, handshake);
	exchange(get, N(get));
	if (last)
		exchange(two, N(two));
	talk_raw(x->side, x->flags, talk.next[x->side] + (uint32_t)x->seq,
		x->flags & TCP_ACK ? talk.next[!x->side] + (uint32_t)x->ack : 0, text, x->n);
	if (!last)
		exchange(two, N(two));
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("GET /one|1");
	talk_holds("GET /two|1");
	talk_lacks("!no_");
	talk_lacks("!gap");
	assert_string_equal(talk.flow.close_reason, "capture_end");
	assert_string_equal(talk.flow.tcp_state, "established");
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_trouble_record *t = &talk.flow.trouble[i];

		assert_int_equal(t->lost_in_capture, 0);
		assert_int_equal(t->gaps, 0);
		assert_int_equal(t->retransmits, 0);
		assert_int_equal(t->outside, i == x->side ? counted : 0);
	}
	assert_int_equal(talk.flow.side[0].payload, N(get) + N(two));
	assert_int_equal(talk.flow.side[1].payload, 2 * N(ok));
}

static void test_ignored(void **state)
{
	static const struct injected list[] = {
		{0, TCP_RST, 777777777, 0, 0},
		{0, TCP_RST, -777777777, 0, 0},
		{0, TCP_RST | TCP_ACK, -3, 0, 0},           /* before what was acknowledged */
		{0, TCP_RST | TCP_ACK, 70000, 0, 0},        /* behind the window */
		{0, TCP_RST | TCP_ACK, 1000, 0, 0},         /* in it, and not the next byte */
		{0, TCP_ACK, 0, 70000, 0},                  /* what was never sent */
		{0, TCP_ACK, 0, 1000, 0},                   /* the same, within the window */
		{0, TCP_ACK, 0, 1 << 30, 0},                /* ... */
		{0, TCP_ACK, 0, INT32_MIN, 0},              /* ... */
		{0, TCP_ACK, 0, -70000, 0},                 /* long before */
		{0, TCP_ACK | TCP_PSH, 0, 70000, 20},       /* with data where it belongs */
		{0, TCP_ACK | TCP_PSH, 0, 500000000, 20},   /* ... */
		{0, TCP_ACK | TCP_PSH, 0, -500000000, 20},  /* ... */
		{0, TCP_ACK, 70000, 0, 0},                  /* behind the window */
		{0, TCP_ACK | TCP_PSH, 70000, 0, 20},       /* ... */
		{0, TCP_ACK | TCP_PSH, 1 << 30, 0, 20},     /* ... */
		{0, TCP_ACK | TCP_PSH, -70000, 0, 20},      /* before it */
		{0, TCP_ACK | TCP_PSH, -1000000000, 0, 20}, /* ... */
		{0, TCP_ACK | TCP_FIN, 70000, 0, 0},
		{0, TCP_ACK | TCP_FIN, -5, 0, 0},
		{0, TCP_ACK | TCP_FIN, -1000000000, 0, 0},
		{0, TCP_SYN, 123456789, 0, 0},
		{0, TCP_SYN | TCP_ACK, 123456789, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (unsigned side = 0; side < 2; side++) {
			struct injected x = list[i];

			x.side = side;
			whole_all_the_same(&x, true, false, 1);
		}
}

/* Where nothing follows, only what is certain is ignored. */
static void test_ignored_last(void **state)
{
	static const struct injected list[] = {
		{0, TCP_RST, 777777777, 0, 0},
		{0, TCP_RST | TCP_ACK, -3, 0, 0},
		{0, TCP_ACK, 0, 70000, 0},
		{0, TCP_ACK | TCP_PSH, 70000, 0, 20},
		{0, TCP_ACK | TCP_FIN, 70000, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (unsigned side = 0; side < 2; side++) {
			struct injected x = list[i];

			x.side = side;
			whole_all_the_same(&x, true, true, 1);
		}
}

/* No window is known where no SYN was seen. */
static void test_midstream(void **state)
{
	static const struct injected list[] = {
		{0, TCP_RST, 1700000000, 0, 0},
		{0, TCP_RST | TCP_ACK, -3, 0, 0},
		{0, TCP_RST | TCP_ACK, 1000, 0, 0},
		{0, TCP_ACK, 0, 70000, 0},
		{0, TCP_ACK, 0, 1 << 30, 0},
		{0, TCP_ACK | TCP_PSH, 1 << 30, 0, 20},
		{0, TCP_ACK | TCP_FIN, -5, 0, 0},
		{0, TCP_SYN, 123456789, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (unsigned side = 0; side < 2; side++) {
			struct injected x = list[i];

			x.side = side;
			whole_all_the_same(&x, false, false, 1);
		}
}

static void ends_reset(uint64_t at)
{
	talk_end();
	assert_string_equal(talk.flow.tcp_state, "reset");
	assert_int_equal(talk.flow.reset_frame, at);
	assert_int_equal(talk.flow.trouble[0].outside, 0);
	assert_int_equal(talk.flow.trouble[1].outside, 0);
}

/* A reset that is believed: at the next byte, at one acknowledged; behind bytes that were lost. */
static void test_reset(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		talk_begin(80, true);
		exchange(get, N(get));
		talk_segment(side, TCP_RST, NULL, 0, 0);
		ends_reset(talk.number);

		talk_begin(80, true);
		exchange(get, N(get));
		talk_segment(side, TCP_ACK, two, N(two), 0); /* never acknowledged */
		talk_raw(side, TCP_RST, talk.next[side] - (uint32_t)N(two), 0, NULL, 0);
		ends_reset(talk.number);

		talk_begin(80, true);
		exchange(get, N(get));
		talk.next[side] += 3000; /* not captured */
		talk_segment(side, TCP_RST, NULL, 0, 0);
		ends_reset(talk.number);
	}
}

/* Many segments are lost, on both sides, and more than a window: what follows is believed. */
static void test_lost(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		talk_begin(80, true);
		exchange(get, N(get));
		talk.next[0] += side ? 40 : 200000;
		talk.next[1] += side ? 200000 : 40;
		talk.time += 1000 * TALK_MS;
		exchange(two, N(two));
		exchange(get, N(get));
		talk_end();
		talk_holds("GET /two|1");
		assert_int_equal(talk.records, 3);
		assert_int_equal(talk.flow.trouble[0].outside, 0);
		assert_int_equal(talk.flow.trouble[1].outside, 0);
		assert_int_equal(talk.flow.trouble[side].lost_in_capture, 200000);
	}
}

/* The 4-tuple is used again though the end of the connection before was not captured. */
static void test_reuse(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 6; how++) {
		talk_begin(80, true);
		exchange(get, N(get));
		talk.next[0] += 123456789;
		talk.next[1] += 987654321;
		talk.time += 1000 * TALK_MS;
		if (how == 1) {
			/* It lives on the other side still: a challenge ACK, and the reset to it.
			 */
			uint32_t old = talk.next[0] - 123456789;

			talk_segment(0, TCP_SYN, NULL, 0, 0);
			talk_raw(1, TCP_ACK, talk.next[1] - 987654321, old, NULL, 0);
			talk_raw(0, TCP_RST, old, 0, NULL, 0);
			talk.time += 1000 * TALK_MS;
			talk.next[0]--;
		}
		talk_segment(0, TCP_SYN, NULL, 0, 0);
		if (how == 5) { /* the capture ends */
			talk_end();
			assert_string_equal(talk.flow.tcp_state, "syn_sent");
			continue;
		}
		if (how == 2) { /* nobody answers */
			talk.next[0]--;
			talk.time += 1000 * TALK_MS;
			talk_segment(0, TCP_SYN, NULL, 0, 0);
			talk_end();
			assert_string_equal(talk.flow.tcp_state, "syn_sent");
			assert_int_equal(talk.flow.syn_retries, 1);
			continue;
		}
		if (how == 3) { /* nobody listens */
			talk_segment(1, TCP_RST | TCP_ACK, NULL, 0, 0);
			talk_end();
			assert_string_equal(talk.flow.tcp_state, "reset");
			assert_string_equal(talk.flow.reset_phase, "syn");
			continue;
		}
		if (how != 4) /* not captured */
			talk_segment(1, TCP_SYN | TCP_ACK, NULL, 0, 0);
		else
			talk.next[1]++;
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		exchange(two, N(two));
		talk_end();
		assert_int_equal(talk.records, 2);
		talk_holds("GET /two|1");
		talk_lacks("!no_");
		assert_int_equal(talk.flow.side[0].payload, N(two));
		assert_int_equal(talk.flow.syn_retries, how == 1);
		assert_int_equal(talk.flow.trouble[0].outside, 0);
		assert_int_equal(talk.flow.trouble[1].outside, 0);
	}
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
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_ignored_last),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
