/*
 * early.c - what stands in the capture before what it answers, and what is not in it at all.
 */
#include "talk.h"

static const char get[] = "GET /one HTTP/1.1\r\n\r\n", two[] = "GET /two HTTP/1.1\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

#define N(text) (sizeof(text) - 1)

/* The side's bytes come behind the segment that acknowledges them, which has data of its own. */
static void swapped(unsigned side, const char *p, size_t n, const char *answer, size_t m)
{
	uint32_t seq = talk.next[side], ack = talk.next[!side];

	talk_raw(!side, TCP_ACK, ack, seq + (uint32_t)n, answer, m);
	talk_raw(side, TCP_ACK, seq, ack, p, n);
	talk.next[side] += (uint32_t)n;
	talk.next[!side] += (uint32_t)m;
}

static void nothing_lost(void)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(talk.flow.trouble[i].gaps, 0);
		assert_int_equal(talk.flow.trouble[i].lost_in_capture, 0);
		assert_int_equal(talk.flow.trouble[i].retransmits, 0);
		assert_int_equal(talk.flow.trouble[i].out_of_order, 0);
	}
	assert_int_equal(talk.flow.r.quality & 1u << QUALITY_TIME_BACK, 0);
}

static void test_ack_first(void **state)
{
	(void)state;
	talk_begin(80, true);
	swapped(0, get, N(get), NULL, 0);
	swapped(1, ok, N(ok), NULL, 0);
	swapped(0, two, N(two), NULL, 0);
	talk_bytes(1, missing, N(missing), 7);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("http GET|GET /one|1");
	talk_holds("http GET|GET /two|3");
	talk_lacks("!");
	nothing_lost();
	/* A round trip is at least a tenth of a millisecond here, or was not one. */
	assert_true(talk.flow.rtt_client >= TALK_MS / 10);
	assert_true(talk.flow.rtt_server >= TALK_MS / 10);
}

/* Of several segments, some before and some behind the segment that acknowledges all of them. */
static void test_ack_between(void **state)
{
	uint32_t seq, ack;

	(void)state;
	talk_begin(80, true);
	talk_bytes(0, get, N(get), 1460);
	seq = talk.next[1];
	ack = talk.next[0];
	talk_raw(1, TCP_ACK, seq, ack, ok, 5);
	talk_raw(0, TCP_ACK, ack, seq + (uint32_t)N(ok), NULL, 0);
	talk_raw(1, TCP_ACK, seq + 9, ack, ok + 9, N(ok) - 9);
	assert_int_equal(talk.records, 0);
	talk_raw(1, TCP_ACK, seq + 5, ack, ok + 5, 4);
	assert_int_equal(talk.records, 1);
	talk.next[1] += (uint32_t)N(ok);
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_lacks("!");
	assert_int_equal(talk.flow.trouble[1].lost_in_capture, 0);
	assert_int_equal(talk.flow.trouble[1].retransmits, 0);
	assert_int_equal(
		talk.last.frame[3], talk.last.frame[2] + 3); /* whole with the last piece */
}

static void test_answer_first(void **state)
{
	(void)state;
	talk_begin(80, true);
	swapped(0, get, N(get), ok, N(ok));
	talk_segment(0, TCP_ACK, NULL, 0, 0); /* the client has it: its record leaves */
	assert_int_equal(talk.records, 1);
	talk_holds("http GET|GET /one|1");
	assert_int_equal(talk.last.r.duration, 0);
	assert_int_equal(talk.last.frame[0], talk.last.frame[2] + 1);
	swapped(0, two, N(two), missing, N(missing));
	talk_close();
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("http GET|GET /two|3");
	talk_lacks("!no_");
	nothing_lost();
}

static void test_fin_first(void **state)
{
	uint32_t seq, ack;

	(void)state;
	talk_begin(80, true);
	talk_bytes(0, get, N(get), 1460);
	seq = talk.next[1];
	ack = talk.next[0];
	talk_raw(0, TCP_ACK | TCP_FIN, ack, seq + (uint32_t)N(ok) + 1, NULL, 0);
	talk_raw(1, TCP_ACK | TCP_FIN, seq + (uint32_t)N(ok), ack, NULL, 0);
	talk_raw(1, TCP_ACK, seq, ack, ok, N(ok));
	talk_raw(1, TCP_ACK, seq + (uint32_t)N(ok) + 1, ack + 1, NULL, 0);
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("http GET|GET /one|1");
	talk_lacks("!");
	assert_string_equal(talk.flow.close_reason, "fin");
	assert_int_equal(talk.flow.side[1].payload, N(ok));
}

/* What was really lost is given up: by time, by a tick, by the number of frames, by the end. */
static void test_lost(void **state)
{
	uint64_t second = 1000 * TALK_MS;

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		talk_begin(80, true);
		talk_bytes(0, get, N(get), 1460);
		talk_lose(1, N(ok));
		talk_bytes(0, two, N(two), 1460);
		talk_bytes(1, missing, N(missing), 1460);
		assert_int_equal(talk.records, 0);
		if (how == 0) {
			talk.time += 10 * TALK_MS;
			talk_segment(0, TCP_ACK, NULL, 0, 0);
		} else if (how == 1) {
			engine_tick(
				talk.engine, talk.time / second * second + second, talk.number + 1);
			talk_drain();
		} else if (how == 2) {
			for (unsigned i = 0; i < 70; i++) {
				talk_segment(0, TCP_ACK, NULL, 0, 0);
				talk.time -= TALK_MS / 10;
			}
		} else {
			talk_end();
		}
		assert_int_equal(talk.records, 2);
		talk_holds("http GET|GET /one|0");
		talk_holds("!gap !no_response");
		talk_holds("http GET|GET /two|3");
		talk_end();
		assert_int_equal(talk.flow.trouble[1].lost_in_capture, N(ok));
		assert_int_equal(talk.flow.trouble[1].gaps, 1);
	}
}

/* The end of an answer is lost; what shows that it was sent is the server's next segment. */
static void test_tail_lost(void **state)
{
	static const char long_one[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";

	(void)state;
	for (unsigned bare = 0; bare < 2; bare++) {
		talk_begin(80, true);
		talk_bytes(0, get, N(get), 1460);
		talk_bytes(1, long_one, N(long_one), 1460);
		talk.next[1] += 1000;
		if (bare)
			talk_segment(1, TCP_ACK, NULL, 0, 0);
		talk.time += 5 * TALK_MS;
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		talk.time += 20 * TALK_MS;
		talk_bytes(0, two, N(two), 1460);
		talk_end();
		talk_holds("http GET|GET /one|1");
		assert_int_equal(talk.flow.trouble[1].lost_in_capture, 1000);
	}
}

/* Its stamps: the server's own segment behind it, or the client's acknowledgment, which is no frame
   of the answer. */
static void test_tail_stamps(void **state)
{
	static const char long_one[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
	uint64_t first;

	(void)state;
	for (unsigned bare = 0; bare < 2; bare++) {
		uint64_t proof;

		talk_begin(80, true);
		talk_bytes(0, get, N(get), 1460);
		talk_bytes(1, long_one, N(long_one), 1460);
		first = talk.number - 1;
		talk.next[1] += 1000;
		if (bare)
			talk_segment(1, TCP_ACK, NULL, 0, 0);
		else
			talk_segment(0, TCP_ACK, NULL, 0, 0);
		proof = talk.time;
		talk.time += 20 * TALK_MS;
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		talk_end();
		assert_int_equal(talk.records, 1);
		assert_int_equal(talk.last.frame[2], first);
		assert_int_equal(talk.last.frame[3], bare ? first + 2 : 0);
		assert_int_equal(talk.last.stamp[3], proof);
	}
}

/* A connection that began before the capture, with a keep-alive probe of one byte. */
static void test_probe_first(void **state)
{
	(void)state;
	talk_begin(80, false);
	talk.next[0] = 1000;
	talk_segment(0, TCP_ACK, "\0", 1, 0);
	talk_segment(1, TCP_ACK, NULL, 0, 0);
	talk_bytes(0, get, N(get), 1460);
	talk_bytes(1, ok, N(ok), 1460);
	talk_end();
	assert_int_equal(talk.records, 1);
	talk_holds("http GET|GET /one|1");
	talk_holds("!midstream");
	assert_int_equal(talk.flow.side[0].payload, N(get));
	/* A probe into a closed window is the stream's next byte, which is not taken. */
	talk_begin(80, false);
	talk_raw(0, TCP_ACK, 1000, talk.next[1], get, 1);
	talk.next[0] = 1000;
	talk_segment(1, TCP_ACK, NULL, 0, 0);
	talk_bytes(0, get, N(get), 1460);
	talk_bytes(1, ok, N(ok), 1460);
	talk_end();
	talk_holds("http GET|GET /one|1");
	talk_holds("!midstream");
}

/* What was acknowledged before the server's first segment is no loss: it had gone by. */
static void test_begin_midway(void **state)
{
	(void)state;
	for (unsigned data = 0; data < 2; data++) {
		talk_begin(80, false);
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		talk.next[1] += 5000;
		if (data)
			talk_segment(1, TCP_ACK, "body", 4, 0);
		else
			talk_segment(1, TCP_ACK, NULL, 0, 0);
		talk_segment(0, TCP_ACK, NULL, 0, 0);
		talk_bytes(0, get, N(get), 1460);
		talk_bytes(1, ok, N(ok), 1460);
		talk_end();
		talk_holds("http GET|GET /one");
		assert_int_equal(talk.flow.trouble[1].gaps, 0);
		assert_int_equal(talk.flow.side[1].payload, N(ok) + 4 * data);
	}
}

/* What is above a hole when the capture ends. */
static void test_hole_at_end(void **state)
{
	(void)state;
	talk_begin(80, true);
	talk_bytes(0, get, N(get), 1460);
	talk_segment(1, TCP_ACK, ok, N(ok), 0);
	talk_segment(0, TCP_ACK, two, N(two), 0);
	talk.next[1] += 7; /* unseen, and never acknowledged */
	talk_segment(1, TCP_ACK, missing, N(missing), 0);
	assert_int_equal(talk.records, 1);
	talk_end();
	assert_int_equal(talk.records, 2);
	talk_holds("http GET|GET /two|3");
	talk_holds("!gap");
	assert_int_equal(talk.flow.trouble[1].gaps, 1);
	assert_int_equal(talk.flow.trouble[1].lost_in_capture, 0);
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
		cmocka_unit_test(test_ack_first),
		cmocka_unit_test(test_ack_between),
		cmocka_unit_test(test_answer_first),
		cmocka_unit_test(test_fin_first),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_tail_lost),
		cmocka_unit_test(test_tail_stamps),
		cmocka_unit_test(test_probe_first),
		cmocka_unit_test(test_begin_midway),
		cmocka_unit_test(test_hole_at_end),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
