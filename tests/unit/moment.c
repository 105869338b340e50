/*
 * moment.c - what is told of things under way: the same as if the capture ended there, whenever it
 * is asked, and nothing is changed by asking. Interim records of requests that last.
 */
#include "talk.h"

#define MS           TALK_MS
#define SAY(s, text) talk_bytes(s, text, sizeof(text) - 1, 1460)
#define KEPT         64u

/* Records that were told, of one run. */
struct told {
	unsigned ntxns, nflows, nturns, nmarks;
	struct txn_record txn[KEPT];
	struct flow_record flow[KEPT];
	struct turn_record turn[KEPT];
	struct moment_record mark[KEPT];
};

static void collect(struct told *t, uint8_t open)
{
	struct records *out = engine_records(talk.engine);

	memset(t, 0, sizeof(*t));
	for (struct recblock *b = out->first; b; b = b->next)
		for (uint32_t at = 0; at < b->len;) {
			const struct record *r = (const void *)(b->data + at);
			struct flow_record room;

			at += r->size;
			if (r->open != open)
				continue;
			if (r->kind == RECORD_TXN && t->ntxns < KEPT)
				memcpy(&t->txn[t->ntxns++], r, sizeof(t->txn[0]));
			if (r->kind == RECORD_FLOW && t->nflows < KEPT)
				memcpy(&t->flow[t->nflows++], record_whole(r, &room), sizeof(room));
			if (r->kind == RECORD_TURN && t->nturns < KEPT)
				memcpy(&t->turn[t->nturns++], r, sizeof(t->turn[0]));
			if (r->kind == RECORD_MOMENT && t->nmarks < KEPT)
				memcpy(&t->mark[t->nmarks++], r, sizeof(t->mark[0]));
		}
	records_free(out);
}

/* Takes a moment `after` ns behind the last packet. */
static void moment(struct told *t, uint64_t after)
{
	talk_drain();
	talk.config.moments = talk.config.turns = true;
	engine_tick(talk.engine, talk.time + after, talk.number + 1);
	talk.config.moments = false;
	collect(t, RECORD_OF_MOMENT);
}

static void finish(struct told *t, uint64_t after)
{
	engine_last(talk.engine, talk.time + after);
	while (engine_finish(talk.engine, talk.number + 1))
		;
	collect(t, RECORD_ENDED);
}

/* What an open one has in common with its end is all but how it is called. */
static void alike(struct record *r)
{
	r->key = 0;
	r->open = 0;
	r->size = 0;
}

static void same(struct told *at, struct told *end, unsigned step)
{
	if (at->ntxns != end->ntxns || at->nflows != end->nflows || at->nturns != end->nturns)
		fail_msg("step %u: %u, %u, %u records are under way, %u, %u, %u end", step,
			at->ntxns, at->nflows, at->nturns, end->ntxns, end->nflows, end->nturns);
	for (unsigned i = 0; i < at->ntxns; i++) {
		alike(&at->txn[i].r);
		alike(&end->txn[i].r);
		assert_memory_equal(&at->txn[i], &end->txn[i], sizeof(at->txn[i]));
	}
	for (unsigned i = 0; i < at->nturns; i++) {
		alike(&at->turn[i].r);
		alike(&end->turn[i].r);
		assert_memory_equal(&at->turn[i], &end->turn[i], sizeof(at->turn[i]));
	}
	for (unsigned i = 0; i < at->nflows; i++) {
		assert_false(at->flow[i].final);
		end->flow[i].final = false;
		if (strcmp(end->flow[i].close_reason, "capture_end") == 0)
			end->flow[i].close_reason = NULL;
		alike(&at->flow[i].r);
		alike(&end->flow[i].r);
		at->flow[i].usual = end->flow[i].usual = false;
		assert_memory_equal(&at->flow[i], &end->flow[i], sizeof(at->flow[i]));
	}
}

/* A story up to a step; false: it has no more. */
typedef bool story(unsigned steps);

static bool web(unsigned steps)
{
	talk_begin(80, true);
	for (unsigned i = 0; i < steps; i++)
		switch (i) {
		case 0:
			SAY(0, "GET /one HTTP/1.1\r\nHo");
			break;
		case 1:
			SAY(0, "st: a\r\n\r\n");
			break;
		case 2:
			talk.time += 700 * MS;
			SAY(1, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n012345");
			break;
		case 3: { /* the answer goes on, and is not acknowledged */
			static char more[2994];

			talk_segment(1, TCP_ACK, more, sizeof(more), 0);
			break;
		}
		case 4:
			talk_segment(0, TCP_ACK, NULL, 0, 0);
			break;
		case 5: /* two at a time */
			SAY(0, "GET /two HTTP/1.1\r\nHost: a\r\n\r\nGET /three HTTP/1.1\r\nHost: "
			       "a\r\n\r\n");
			break;
		case 6: /* sent again, for no answer comes */
			talk.time += 300 * MS;
			talk.next[0] -= 28;
			talk_segment(0, TCP_ACK, "/three HTTP/1.1\r\nHost: a\r\n\r\n", 28, 0);
			break;
		case 7:
			SAY(1, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
			break;
		case 8:
			talk_segment(0, TCP_FIN | TCP_ACK, NULL, 0, 0);
			break;
		default:
			return false;
		}
	return true;
}

static bool names(unsigned steps)
{
	static const char ask[] = "\1\2\1\0\0\1\0\0\0\0\0\0\1a\2bc\0\0\1\0\1";

	talk_begin(53, false);
	for (unsigned i = 0; i < steps; i++)
		switch (i) {
		case 0:
			talk_datagram(0, ask, sizeof(ask) - 1, 0);
			break;
		case 1: /* again */
			talk.time += 900 * MS;
			talk_datagram(0, ask, sizeof(ask) - 1, 0);
			break;
		case 2:
			talk.time += 31000 * MS;
			break;
		default:
			return false;
		}
	return true;
}

static bool unread(unsigned steps)
{
	talk_begin(7, true);
	for (unsigned i = 0; i < steps; i++)
		switch (i) {
		case 0:
			SAY(0, "\xff\xffwhat is it?");
			break;
		case 1:
			SAY(1, "\xff\xffthat");
			break;
		case 2:
			SAY(0, "\xff\xff"
			       "and why?");
			break;
		default:
			return false;
		}
	return true;
}

static bool refused(unsigned steps)
{
	talk_begin(80, false);
	for (unsigned i = 0; i < steps; i++) {
		if (i == 4)
			return false;
		talk.time += 1000 * MS * i;
		talk.next[0] = 0;
		talk_segment(0, TCP_SYN, NULL, 0, 0);
	}
	return true;
}

static void as_at_the_end(story *which)
{
	static const uint64_t after[] = {0, 20 * MS, 5000 * MS};
	static struct told at, end, plain;

	for (unsigned i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		for (unsigned steps = 0; which(steps); steps++) {
			for (unsigned again = 0; again < 3; again++)
				moment(&at, after[i]);
			assert_int_equal(at.nmarks, SHARDS);
			finish(&end, after[i]);
			which(steps);
			talk.config.turns = true;
			finish(&plain, after[i]);
			assert_memory_equal(&plain, &end, sizeof(end));
			same(&at, &end, steps);
		}
		(void)talk_end();
	}
}

static void of_requests(void **state)
{
	(void)state;
	as_at_the_end(web);
}

static void of_datagrams(void **state)
{
	(void)state;
	as_at_the_end(names);
}

static void of_turns(void **state)
{
	(void)state;
	as_at_the_end(unread);
}

static void of_attempts(void **state)
{
	(void)state;
	as_at_the_end(refused);
}

/* What the marks count, and how a request that hangs is told. */
static void counts(void **state)
{
	static struct told t;
	uint64_t flows = 0, requests = 0, bytes = 0;

	(void)state;
	(void)web(6);
	moment(&t, 3000 * MS);
	for (unsigned i = 0; i < t.nmarks; i++) {
		assert_int_equal(t.mark[i].shard, i);
		assert_int_equal(t.mark[i].r.start, talk.time + 3000 * MS);
		assert_int_equal(t.mark[i].flows_left_out + t.mark[i].requests_left_out, 0);
		flows += t.mark[i].flows;
		requests += t.mark[i].requests;
		bytes += t.mark[i].bytes;
	}
	assert_int_equal(flows, 1);
	assert_int_equal(requests, 2);
	assert_int_equal(bytes, t.flow[0].r.client.bytes + t.flow[0].r.server.bytes);
	assert_int_equal(t.ntxns, 2);
	assert_true(t.txn[0].r.quality >> QUALITY_PENDING & 1);
	assert_true(t.txn[0].ledger[LEDGER_SERVER] > 2990 * MS);
	assert_int_equal(t.flow[0].transactions, 3);
	(void)talk_end();
}

/* A request that lasts is told at each interval of its connection, one that does not never. */
static void interim(void **state)
{
	static struct told t;
	uint64_t begun;

	(void)state;
	(void)web(2);
	begun = talk.time;
	talk_drain();
	for (unsigned i = 1; i <= 130; i++) {
		engine_tick(talk.engine, begun + i * 1000 * MS, talk.number + 1);
		collect(&t, RECORD_INTERIM);
		if (!t.ntxns)
			continue;
		assert_true(i == 61 || i == 62 || i == 121 || i == 122);
		assert_int_equal(t.ntxns, 1);
		assert_int_equal(t.txn[0].r.status, STATUS_PENDING);
		assert_true(t.txn[0].ledger[LEDGER_SERVER] > i * 990 * MS);
		talk.records++;
	}
	assert_int_equal(talk.records, 2);
	(void)talk_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_requests),
		cmocka_unit_test(of_datagrams),
		cmocka_unit_test(of_turns),
		cmocka_unit_test(of_attempts),
		cmocka_unit_test(counts),
		cmocka_unit_test(interim),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
