/*
 * sync.c - the engine looks for the next message where a place is not known: behind lost bytes, in
 * the middle of a connection, and where a dissector says so. Whatever the segments are it finds the
 * same place, and no sync() makes it ask for ever.
 */
#include "toy.h"

/*
 * A protocol of toy.h's messages.
 */
struct toy {
	unsigned gaps;
};

static struct {
	unsigned asked, data;
	size_t most; /* bytes that were shown at once */
	bool maybe;  /* sync() never knows */
	bool go_on;  /* gap() does */
	bool always; /* sync() says yes of anything */
} seen;

static enum tsm_probe toy_like(struct view v, enum side side)
{
	const uint8_t *p = v.p;

	if (p == v.end || !toy_begins(side, *p))
		return p == v.end ? PROBE_MAYBE : PROBE_NO;
	for (p++; p < v.end && *p >= 'a' && *p <= 'z'; p++)
		;
	if (p == v.end)
		return PROBE_MAYBE;
	return p > v.p + 1 && *p == (side == SIDE_CLIENT ? ')' : ']') ? PROBE_YES : PROBE_NO;
}

static enum tsm_probe probe(struct view head, enum side side)
{
	return toy_like(head, side);
}

static struct take data(struct session *s, void *state, enum side side, struct view *v)
{
	struct take t = {0};

	(void)state;
	seen.data++;
	while (view_len(v)) {
		if (!toy_begins(side, *v->p)) {
			tsm_note(s, "toy: no message");
			t.need = TAKE_SEARCH;
			return t;
		}
		if (!toy_read(s, side, v))
			return t;
	}
	return t;
}

static void gap(struct session *s, void *state, enum side side, uint64_t n)
{
	(void)n;
	((struct toy *)state)->gaps++;
	if (seen.go_on)
		tsm_go_on(s, side);
}

/* Anything that looks like a message; where the side takes its turn, a bracket will do. */
static enum tsm_probe sync(struct session *s, void *state, enum side side, struct view *v)
{
	(void)state;
	seen.asked++;
	assert_true(view_len(v) > 0);
	if (view_len(v) > seen.most)
		seen.most = view_len(v);
	if (seen.maybe || seen.always)
		return seen.maybe ? PROBE_MAYBE : PROBE_YES;
	if (tsm_takes_turn(s, v->p) && *v->p == (side == SIDE_CLIENT ? '(' : '['))
		return PROBE_YES;
	return toy_like(*v, side);
}

static const struct claim claims[] = {{TABLE_TCP_PORT, 7777}, {TABLE_END, 0}};
static const struct claim other[] = {{TABLE_TCP_PORT, 7778}, {TABLE_END, 0}};

TSM_DISSECTOR(toy) = {
	TSM_HEAD,
	.name = "toy",
	.title = "A protocol of brackets",
	.claims = claims,
	.fields = toy_fields,
	.state_size = sizeof(struct toy),
	.probe = probe,
	.data = data,
	.gap = gap,
	.sync = sync,
};

/* As old as a dissector without sync() may be: its struct ends before it. */
TSM_DISSECTOR(plain) = {
	.abi = TSM_ABI,
	.size = offsetof(struct dissector, sync),
	.name = "plain",
	.title = "The same without sync()",
	.claims = other,
	.fields = toy_fields,
	.state_size = sizeof(struct toy),
	.probe = probe,
	.data = data,
	.gap = gap,
};

#define CLIENT(text) talk_bytes(0, text, sizeof(text) - 1, step)
#define SERVER(text) talk_bytes(1, text, sizeof(text) - 1, step)

static const size_t steps[] = {1, 2, 3, 7, 1460};

static void begin(uint16_t port, bool handshake)
{
	memset(&seen, 0, sizeof(seen));
	talk_begin(port, handshake);
}

/* Both sides lose bytes, and go on in the middle of a segment. */
static void behind_a_hole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t step = steps[i];

		begin(7777, true);
		CLIENT("(one)");
		SERVER("[one]");
		talk_lose(0, 3);
		CLIENT("o)x()(two)");
		talk_lose(1, 3);
		SERVER("] [] [two");
		SERVER("]");
		CLIENT("(three)");
		SERVER("[three]");
		talk_end();
		talk_holds("toy one|one|0 said=one\n");
		talk_holds("toy two|two|0 said=two !gap\n");
		talk_holds("toy three|three|0 said=three\n");
		assert_int_equal(
			talk_counted("session: bytes passed over in search of a message"), 5 + 5);
	}
	talk_free();
}

/* What was passed over may have answered: nobody else's answer is taken for it. */
static void doubt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t step = steps[i];

		begin(7777, true);
		CLIENT("(one)");
		SERVER("[one]");
		talk_lose(1, 3);
		CLIENT("(two)");
		SERVER("two, without its bracket");
		CLIENT("(three)");
		SERVER("[three]");
		talk_end();
		talk_holds("toy two|two|0 !gap !no_response\n");
		talk_holds("toy three|three|0 said=three\n");
	}
	talk_free();
}

/* The end of a message of some bytes, then whole ones: it began before the capture. */
static void in_the_middle(void **state)
{
	static const char tail[] = "abcdef)";

	(void)state;
	for (size_t n = 1; n < sizeof(tail); n++)
		for (unsigned side = 0; side < 2; side++)
			for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
				size_t step = steps[i];

				begin(7777, false);
				talk_bytes(side, tail + sizeof(tail) - 1 - n, n, step);
				if (!side)
					SERVER("[zero]");
				CLIENT("(one)");
				SERVER("[one]");
				CLIENT("(two)");
				SERVER("[two]");
				talk_end();
				talk_holds("toy one|one|0 said=one !midstream\n");
				talk_holds("toy two|two|0 said=two !midstream\n");
			}
	talk_free();
}

/* Without sync() messages are looked for where a side takes its turn. */
static void by_turns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t step = steps[i];

		begin(7778, true);
		CLIENT("(one)");
		talk_lose(1, 3);
		SERVER("e][never]");
		CLIENT("(two)");
		SERVER("[two]");
		talk_lose(0, 4);
		CLIENT("e)(never)");
		SERVER("[four]");
		CLIENT("(five)");
		SERVER("[five]");
		talk_end();
		talk_holds("plain one|one|0 !gap !no_response\n");
		talk_holds("plain two|two|0 said=two\n");
		talk_holds("plain five|five|0 said=five\n");
		talk_lacks("never");
	}
	talk_free();
}

/* A dissector that finds no message where it is asked to go on; so it is asked elsewhere. */
static void out_of_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t step = steps[i];

		begin(7777, true);
		CLIENT("(one)oh no(two)");
		SERVER("[one]");
		SERVER("oh no[two]");
		talk_end();
		talk_holds("toy one|one|0 said=one\n");
		/* Was its answer among what was not understood? */
		talk_holds("toy two|two|0 said=two !gap\n");
		begin(7777, true);
		seen.always = true;
		CLIENT("xxxxxxxx(one)");
		SERVER("[one]");
		talk_end();
		talk_holds("toy one|one|0 said=one\n");
		assert_int_equal(talk_counted("toy: no message"), 8);
	}
	talk_free();
}

/* "Maybe" is asked about TSM_SYNC_MAX bytes and no more, and each byte a bounded number of times.
 */
static void maybe_is_bounded(void **state)
{
	static const size_t sizes[] = {1, 5, 100, 1460};
	static uint8_t many[20000];

	(void)state;
	memset(many, '(', sizeof(many));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin(7777, true);
		talk_bytes(0, "(zero)", 6, 1460);
		talk_bytes(1, "[zero]", 6, 1460);
		seen.maybe = true;
		talk_lose(0, 5);
		talk.time += 10 * TALK_MS; /* it is not waited for any longer */
		seen.data = 0;
		talk_bytes(0, many, sizeof(many), sizes[i]);
		assert_int_equal(seen.most, TSM_SYNC_MAX);
		/* One for each byte that is passed over, and one for each segment. */
		assert_in_range(seen.asked, sizeof(many) - TSM_SYNC_MAX,
			sizeof(many) + sizeof(many) / sizes[i] + 1);
		assert_int_equal(seen.data, 0);
		seen.maybe = false;
		talk_bytes(1, "[lost]", 6, 1);
		talk_bytes(0, "(one)", 5, 1);
		talk_bytes(1, "[one]", 5, 1);
		talk_end();
		talk_holds("toy one|one|0 said=one\n");
	}
	talk_free();
}

/* gap() knows the place: data() gets what is right behind the hole. */
static void gone_on(void **state)
{
	(void)state;
	begin(7778, true);
	talk_bytes(0, "(one)", 5, 7);
	seen.go_on = true;
	talk_lose(0, 3);
	talk_bytes(0, "(two)", 5, 7);
	talk_bytes(1, "[one][two]", 10, 7);
	talk_end();
	talk_holds("plain two|two|0");
	assert_int_equal(talk_counted("session: bytes passed over in search of a message"), 0);
	talk_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_a_hole),
		cmocka_unit_test(doubt),
		cmocka_unit_test(in_the_middle),
		cmocka_unit_test(by_turns),
		cmocka_unit_test(out_of_step),
		cmocka_unit_test(maybe_is_bounded),
		cmocka_unit_test(gone_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
