/*
 * unsure.c - the first messages of a connection do not tell whose it is: they are kept, and read in
 * the order in which they came as soon as somebody knows them.
 */
#include "toy.h"

/*
 * A protocol for this test: "(name)" asks and "[name]" answers; a side's first messages are
 * nobody's for sure until there are `sure` of them.
 */
static unsigned sure;

static enum tsm_probe probe(struct view head, enum side side)
{
	unsigned whole = 0;
	char open, close;

	(void)side;
	if (head.p == head.end)
		return PROBE_MAYBE;
	open = (char)*head.p;
	close = open == '(' ? ')' : ']';
	if (open != '(' && open != '[')
		return PROBE_NO;
	for (const uint8_t *p = head.p; p < head.end; p++)
		whole += *p == (uint8_t)close;
	if (whole < sure || (open == '[' && side == SIDE_SERVER))
		return PROBE_MAYBE;
	return (open == '(') == (side == SIDE_CLIENT) ? PROBE_YES : PROBE_SWAPPED;
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct take t = {0};

	(void)state;
	while (view_len(v)) {
		if (!toy_begins(side, *v->p)) {
			tsm_note(s, "shy: no message");
			v->p++;
			continue;
		}
		if (!toy_read(s, side, v))
			return t;
	}
	return t;
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 7779}, {TABLE_END, 0}};

TSM_DISSECTOR(shy) = {
	TSM_HEAD,
	.name = "shy",
	.title = "A protocol that nobody knows at first sight",
	.claims = claims,
	.fields = toy_fields,
	.probe = probe,
	.data = data,
};

static const size_t steps[] = {1, 2, 3, 7, 1460};
static const char *const words[] = {"one", "two", "a-long-one-of-more-than-sixteen-bytes", "four"};

static void say(unsigned side, const char *word, size_t step)
{
	char text[64];
	int n = snprintf(text, sizeof(text), side ? "[%s]" : "(%s)", word);

	talk_bytes(side, text, (size_t)n, step);
	talk.time += TALK_MS;
}

/* Nobody's until the second, third or fourth turn: each answer is that of its own request. */
static void in_order(void **state)
{
	(void)state;
	for (sure = 1; sure <= 4; sure++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			talk_begin(7779, true);
			for (unsigned k = 0; k < 4; k++) {
				say(0, words[k], steps[i]);
				say(1, words[k], steps[i]);
			}
			talk_end();
			for (unsigned k = 0; k < 4; k++) {
				char line[160];

				snprintf(line, sizeof(line), "shy %s|%s|0 said=%s\n", words[k],
					words[k], words[k]);
				talk_holds(line);
			}
			assert_int_equal(talk.records, 4);
			assert_int_equal(talk_counted("shy: no message"), 0);
		}
	talk_free();
}

/* Each request has its own time, though all were read at once. */
static void with_their_times(void **state)
{
	(void)state;
	sure = 3;
	talk_begin(7779, true);
	for (unsigned k = 0; k < 3; k++) {
		say(0, words[k], 1460);
		talk.time += 40 * TALK_MS;
		say(1, words[k], 1460);
	}
	talk_end();
	assert_int_equal(talk.records, 3);
	assert_in_range(talk.waited, 3 * 40 * TALK_MS, 3 * 43 * TALK_MS);
	talk_free();
}

/* Who was taken for the client is the server: what was kept of it goes with it. */
static void the_other_way_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		sure = 2;
		talk_begin(40001, false);
		say(1, "a", steps[i]);
		say(1, "b", steps[i]);
		say(0, "c", steps[i]);
		say(1, "c", steps[i]);
		talk_end();
		talk_holds("shy c|c|0 said=c !midstream\n");
		assert_int_equal(talk_counted("shy: no message"), 0);
	}
	talk_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(with_their_times),
		cmocka_unit_test(the_other_way_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
