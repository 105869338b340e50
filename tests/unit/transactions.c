/*
 * transactions.c - a dissector may keep the name of a transaction for as long as it likes: once
 * that is finished, by whomever, the name is nobody's, and what is said of it reaches no other.
 */
#include "talk.h"

/*
 * A protocol of one byte a message, for this test: a lower-case letter asks, its capital answers.
 * It keeps the name of the first transaction and says something of it at every message.
 */
struct kept {
	struct tsm_txn first;
};

enum { F_SAID };
static const struct field fields[] = {
	FIELD("said", "Said", "What was said of it last", FIELD_U64, 5),
	FIELDS_END,
};

static enum tsm_probe probe(struct view head, enum side side)
{
	(void)head;
	(void)side;
	return PROBE_YES;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct kept *k = state;

	while (view_len(v)) {
		const uint8_t *p = v->p++;
		struct tsm_txn t;

		if (side == SIDE_CLIENT) {
			t = tsm_request(s, 0, p);
			tsm_op(t, view_of(p, 1, 0), view_of(p, 0, 0));
			if (!k->first.place)
				k->first = t;
			tsm_request_end(s, t, p + 1);
		} else {
			t = tsm_response(s, 0, p);
			tsm_status(t, STATUS_OK);
			tsm_response_end(s, t, p + 1);
			assert_false(tsm_is(t));
		}
		tsm_u64(k->first, F_SAID, p[0]);
		tsm_flag(k->first, QUALITY_MALFORMED);
		tsm_request_end(s, k->first, p + 1);
		tsm_response_end(s, tsm_is(k->first) ? TSM_NONE : k->first, p + 1);
	}
	return (struct take){0};
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 7777}, {TABLE_END, 0}};

TSM_DISSECTOR(kept) = {
	TSM_HEAD,
	.name = "kept",
	.claims = claims,
	.fields = fields,
	.state_size = sizeof(struct kept),
	.probe = probe,
	.data = data,
};

static void one_that_is_finished_is_nobodys(void **state)
{
	(void)state;
	talk_begin(7777, true);
	for (int i = 0; i < 4; i++) {
		talk_bytes(0, &"abcd"[i], 1, 1);
		talk_bytes(1, &"ABCD"[i], 1, 1);
	}
	talk_close();
	assert_string_equal(talk_end(), "kept a|a|1 said=97 !malformed\n"
					"kept b|b|1\n"
					"kept c|c|1\n"
					"kept d|d|1\n");
}

/* Bytes of the answer are lost while the request goes on: the engine finishes the transaction. */
static void an_early_answer_that_is_lost(void **state)
{
	static const char head[] = "POST /up HTTP/1.1\r\nHost: a\r\n";
	static const char early[] = "HTTP/1.1 413 Too Large\r\nContent-Length: 50\r\n";
	static const char rest[] = "Content-Length: 3\r\nX: y\r\n\r\nabc";
	static const char second[] = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char ok[] = "HTTP/1.1 204 No Content\r\n\r\n";

	(void)state;
	talk_begin(80, true);
	talk_bytes(0, head, sizeof(head) - 1, 1460);
	talk_bytes(1, early, sizeof(early) - 1, 1460);
	talk_lose(1, 50);
	talk_bytes(0, rest, sizeof(rest) - 1, 1460);
	talk_bytes(0, second, sizeof(second) - 1, 1460);
	talk_bytes(1, ok, sizeof(ok) - 1, 1460);
	talk_close();
	assert_non_null(strstr(talk_end(), "/2|"));
	assert_null(strstr(talk_end(), "/up|GET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_finished_is_nobodys),
		cmocka_unit_test(an_early_answer_that_is_lost),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	talk_free();
	return failed;
}
