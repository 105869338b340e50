/*
 * ledger.c - to whom waiting is given that a dissector tells of: repeated datagrams, and answers in
 * the order of their requests. The protocol is made for it: q and a digit is a request, a and a
 * digit its answer, r and a digit the request again.
 */
#include "talk.h"

#define PORT 4999u

static enum tsm_probe probe(struct view head, enum side side)
{
	(void)side;
	return view_len(&head) && (*head.p == 'q' || *head.p == 'a') ? PROBE_YES : PROBE_NO;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	(void)state;
	while (view_len(v) >= 2) {
		const uint8_t *p = v->p;
		struct tsm_txn t;

		v->p += 2;
		if (side == SIDE_SERVER) {
			t = tsm_response(s, p[1], p);
			tsm_status(t, STATUS_OK);
			tsm_response_end(s, t, v->p);
		} else if (*p == 'r') {
			tsm_repeated(s, tsm_find(s, p[1]), p);
		} else {
			t = tsm_request(s, p[1], p);
			tsm_request_end(s, t, v->p);
		}
	}
	return (struct take){0};
}

static const struct claim claims[] = {
	{TABLE_UDP_PORT, PORT}, {TABLE_TCP_PORT, PORT}, {TABLE_TCP_PORT, PORT + 1}, {TABLE_END, 0}};
static const struct field fields[] = {FIELDS_END};
static struct dissector letters = {TSM_HEAD, .name = "letters", .title = "Letters",
	.claims = claims, .fields = fields, .probe = probe, .data = data};

static uint64_t entry(enum ledger_entry i)
{
	return talk.last.ledger[i] / TALK_MS;
}

/* Every packet stands 0.1 ms after the one before it. */
static void pause_ms(unsigned ms)
{
	talk.time += ms * TALK_MS;
}

static void test_retry(void **state)
{
	(void)state;
	talk_begin(PORT, false);
	talk_datagram(0, "q1", 2, 0);
	pause_ms(5000);
	talk_datagram(0, "r1", 2, 0);
	pause_ms(5000);
	talk_datagram(0, "r1", 2, 0);
	pause_ms(4);
	talk_datagram(1, "a1", 2, 0);
	talk_end();
	assert_int_equal(talk.records, 1);
	assert_int_equal(entry(LEDGER_RETRY), 10000);
	assert_int_equal(entry(LEDGER_SERVER), 4);
	assert_int_equal(talk.last.total / TALK_MS, 10004);
	/* A repeat behind the answer changes nothing, and nobody waits for one that TCP brought. */
	talk_begin(PORT, false);
	talk_datagram(0, "q1", 2, 0);
	pause_ms(50);
	talk_datagram(1, "a1", 2, 0);
	talk_datagram(0, "r1", 2, 0);
	talk_end();
	assert_int_equal(entry(LEDGER_RETRY), 0);
	assert_int_equal(entry(LEDGER_SERVER), 50);
	talk_begin(PORT, true);
	talk_bytes(0, "q1", 2, 2);
	pause_ms(3000);
	talk_bytes(0, "r1", 2, 2);
	pause_ms(1);
	talk_bytes(1, "a1", 2, 2);
	talk_end();
	assert_int_equal(entry(LEDGER_RETRY), 0);
	assert_int_equal(entry(LEDGER_SERVER), 3001);
}

/* With keys, answers may come in any order, unless the dissector says that they do not. */
static void queue(uint32_t traits)
{
	letters.traits = traits;
	talk_begin(PORT, true);
	talk_bytes(0, "q1q2q3", 6, 2);
	pause_ms(100);
	talk_bytes(1, "a1", 2, 2);
	pause_ms(30);
	talk_bytes(1, "a2", 2, 2);
	pause_ms(7);
	talk_bytes(1, "a3", 2, 2);
	talk_end();
	assert_int_equal(talk.records, 3);
}

static void test_queued(void **state)
{
	(void)state;
	queue(TRAIT_IN_ORDER);
	assert_int_equal(entry(LEDGER_QUEUED), 130);
	assert_int_equal(entry(LEDGER_SERVER), 7);
	assert_int_equal(entry(LEDGER_NETWORK), 0);
	queue(0);
	assert_int_equal(entry(LEDGER_QUEUED), 0);
	assert_int_equal(entry(LEDGER_SERVER), 137);
}

static int setup(void **state)
{
	char err[128];

	(void)state;
	registry_init();
	return registry_add(&letters, err, sizeof(err)) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_queued),
	};
	int bad = cmocka_run_group_tests(tests, setup, NULL);

	talk_free();
	return bad;
}
