/* Frames of a made-up source are put in order of time. */
#include "base/clock.h"
#include "capture/reorder.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define MiB ((uint64_t)1 << 20)

struct made {
	struct source s;
	const uint64_t *times; /* of the frames to come; a time of 0: nothing comes in this read */
	unsigned n, at;
	unsigned batch;                    /* frames that a read gives at most */
	uint32_t size;                     /* of a frame */
	uint64_t (*time)(uint64_t number); /* instead of times: of n frames */
	struct chunk *chunk;
	size_t fill;
	uint64_t settled;
	enum source_state end;
};

static enum source_state made_read(
	struct source *s, struct frame *out, unsigned max, unsigned *n, struct chunk **chunk)
{
	struct made *m = (struct made *)s;

	m->chunk = chunk_pool_room(&s->pool, m->chunk, &m->fill, m->size);
	*chunk = m->chunk;
	for (*n = 0; m->at < m->n && *n < max && *n < m->batch;) {
		uint64_t time = m->time ? m->time(m->at + 1) : m->times[m->at];
		struct frame *f = &out[*n];

		if (!time && !*n)
			m->at++;
		if (!time)
			return *n ? SOURCE_MORE : SOURCE_IDLE;
		if (m->chunk->size - m->fill < m->size)
			return SOURCE_MORE;
		m->at++;
		memset(f, 0, sizeof(*f));
		f->time = time;
		f->number = m->at;
		f->data = m->chunk->data + m->fill;
		f->caplen = f->len = m->size;
		memcpy(m->chunk->data + m->fill, &f->number, sizeof(f->number));
		m->fill += m->size;
		++*n;
	}
	return *n ? SOURCE_MORE : m->end;
}

static uint64_t made_settled(struct source *s)
{
	return ((struct made *)s)->settled;
}

static void made_close(struct source *s)
{
	source_release(s);
}

static const struct source_ops ops = {.read = made_read, .close = made_close};
static const struct source_ops live_ops = {
	.read = made_read, .settled = made_settled, .close = made_close};

static void open_made(struct made *m, const struct source_ops *o, uint64_t window, uint64_t memory,
	const uint64_t *times, unsigned n)
{
	const struct source_options options = {.window = window, .memory = memory};
	char err[100];

	memset(m, 0, sizeof(*m));
	assert_true(source_init(&m->s, o, &options, err, sizeof(err)));
	m->times = times;
	m->n = n;
	m->batch = 64;
	m->size = 100;
	m->end = SOURCE_END;
}

/* The next frames; their bytes are those that the source wrote. */
static unsigned next(struct made *m, struct packet *out, enum source_state *state)
{
	struct chunk *chunk;
	unsigned n;

	*state = source_read(&m->s, out, 64, &n, &chunk);
	assert_true(n <= 64);
	for (unsigned i = 0; i < n; i++) {
		uint64_t number;

		memcpy(&number, out[i].data, sizeof(number));
		if (!m->s.live)
			assert_int_equal(out[i].number, number);
		assert_null(out[i].owned);
	}
	return n;
}

/* All frames of a source that ends have these numbers. */
static void assert_order(struct made *m, const uint64_t *want, unsigned n, uint64_t moved)
{
	struct packet out[64];
	enum source_state state = SOURCE_MORE;
	struct capture_stats st = {0};
	unsigned got = 0;

	while (state == SOURCE_MORE || state == SOURCE_IDLE) {
		unsigned k = next(m, out, &state);

		for (unsigned i = 0; i < k; i++, got++) {
			assert_true(got < n);
			assert_int_equal(out[i].number, want[got]);
		}
	}
	assert_int_equal(got, n);
	assert_int_equal(state, m->end);
	source_stats(&m->s, &st);
	assert_int_equal(st.reordered, moved);
	source_close(&m->s);
}

static void in_order(void **state)
{
	const uint64_t times[] = {1, 2, 3, 3, 4}, want[] = {1, 2, 3, 4, 5};
	struct made m;

	(void)state;
	open_made(&m, &ops, MS, MiB, times, 5);
	assert_order(&m, want, 5, 0);
	open_made(&m, &ops, 0, MiB, times, 5);
	m.end = SOURCE_ERROR;
	assert_order(&m, want, 5, 0);
}

static void moved(void **state)
{
	const uint64_t times[] = {5, 9, 4, 4, 7, 9, 3}, want[] = {7, 3, 4, 1, 5, 2, 6},
		       three[] = {3, 1, 2};
	struct made m;

	(void)state;
	for (unsigned batch = 1; batch <= 7; batch++) {
		open_made(&m, &ops, MS, MiB, times, 7);
		m.batch = batch;
		m.end = batch % 2 ? SOURCE_END : SOURCE_ERROR;
		assert_order(&m, want, 7, 4);
	}
	open_made(&m, &ops, MS, MiB, times, 7);
	source_limit(&m.s, 3);
	m.end = SOURCE_END;
	assert_order(&m, three, 3, 1);
	open_made(&m, &ops, 0, MiB, times, 7);
	assert_order(&m, (const uint64_t[]){1, 2, 3, 4, 5, 6, 7}, 7, 0);
}

/* Earlier than the window reaches: what stands before leaves first, and another row begins. */
static void too_late(void **state)
{
	const uint64_t s = 1000 * MS;
	const uint64_t times[] = {
		50 * s, 51 * s, 50 * s, 10 * s, 12 * s, 11 * s, 60 * s, 1, 2 * s, 1 * s + 1};
	const uint64_t want[] = {1, 3, 2, 4, 6, 5, 7, 8, 10, 9};
	struct made m;

	(void)state;
	for (unsigned batch = 1; batch <= 10; batch++) {
		open_made(&m, &ops, s, MiB, times, 10);
		m.batch = batch;
		assert_order(&m, want, 10, 3);
	}
}

/* In order for long, then a frame that is earlier than some before it. */
static uint64_t late_turn(uint64_t number)
{
	return number == 400000 ? (number - 100) * 10000 + 1 : number * 10000;
}

static void long_in_order(void **state)
{
	enum source_state s = SOURCE_MORE;
	uint64_t last = 0, count = 0;
	unsigned most = 0, after = 0;
	struct packet out[64];
	struct made m;

	(void)state;
	open_made(&m, &ops, 1000 * MS, 64 * MiB, NULL, 500000);
	m.time = late_turn;
	while (s == SOURCE_MORE) {
		unsigned n = next(&m, out, &s), held = 0;

		for (unsigned i = 0; i < n; i++) {
			assert_true(out[i].time >= last);
			last = out[i].time;
		}
		count += n;
		held = (unsigned)(source_taken(&m.s) - count) * m.size / 1024;
		if (held > most)
			most = held;
		if (count > 200000 && count < 390000 && held > after)
			after = held;
	}
	assert_int_equal(count, 500000);
	/* At first the window, while there is order what the processor's cache has room for. */
	assert_in_range(most, 9000, 17 * 1024);
	assert_in_range(after, 300, 1100);
	source_close(&m.s);
}

/* All frames but the first are earlier than it: they do not wait without limit. */
static uint64_t far_ahead(uint64_t number)
{
	return number == 1 ? 900 * MS : number;
}

static void bounded(void **state)
{
	enum source_state s = SOURCE_MORE;
	struct packet out[64];
	uint64_t count = 0;
	struct made m;

	(void)state;
	open_made(&m, &ops, 1000 * MS, 2 * MiB, NULL, 300000);
	m.time = far_ahead;
	while (s == SOURCE_MORE) {
		count += next(&m, out, &s);
		assert_true((source_taken(&m.s) - count) * m.size <= 5 * MiB);
	}
	assert_int_equal(count, 300000);
	source_close(&m.s);
}

/* Frames of one batch lie in several chunks, which live as long as the batch is held. */
static uint64_t by_turns(uint64_t number)
{
	return number <= 5000 ? 2 * number : 2 * (number - 5000) - 1;
}

static void held(void **state)
{
	enum source_state s = SOURCE_MORE;
	struct packet out[64];
	struct chunk *chunk;
	uint64_t number, last = 0;
	struct made m;
	unsigned n;

	(void)state;
	open_made(&m, &ops, MS, 8 * MiB, NULL, 10000);
	m.time = by_turns;
	while ((s = source_read(&m.s, out, 64, &n, &chunk)) == SOURCE_MORE && !n)
		;
	assert_int_equal(n, 64);
	chunk_ref(chunk);
	assert_true(chunk->parts >= 2);
	source_close(&m.s);
	for (unsigned i = 0; i < n; i++) {
		memcpy(&number, out[i].data, sizeof(number));
		assert_int_equal(number, out[i].number);
		assert_true(out[i].time > last);
		last = out[i].time;
	}
	chunk_unref(chunk);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Of a pipe: by the frames' times, and where none comes by the clock. */
static void paced(void **state)
{
	const uint64_t times[] = {100 * MS, 110 * MS, 105 * MS, 0, 171 * MS, 0, 0, 0, 0};
	struct packet out[64];
	enum source_state s;
	struct made m;

	(void)state;
	open_made(&m, &ops, 60 * MS, MiB, times, 9);
	m.s.paced = true;
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(s, SOURCE_MORE);
	assert_int_equal(next(&m, out, &s), 3);
	assert_int_equal(out[0].number, 1);
	assert_int_equal(out[1].number, 3);
	assert_int_equal(out[2].number, 2);
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(s, SOURCE_MORE);
	sleep_ms(70);
	assert_int_equal(next(&m, out, &s), 1);
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(s, SOURCE_IDLE);
	source_close(&m.s);
}

/* Of interfaces: up to the time for which all have given what they have. */
static void settled(void **state)
{
	const uint64_t times[] = {100, 300, 0, 200, 0, 150, 400, 0, 0, 0};
	struct packet out[64];
	enum source_state s;
	struct made m;

	(void)state;
	open_made(&m, &live_ops, 50 * MS, MiB, times, 10);
	m.s.paced = m.s.live = true;
	m.settled = 99;
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(s, SOURCE_MORE);
	assert_true(m.s.waiting);
	m.settled = 250;
	assert_int_equal(next(&m, out, &s), 2);
	assert_int_equal(out[0].time, 100);
	assert_int_equal(out[1].time, 200);
	/* Too late, although within the window; and all before it leave first. */
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(next(&m, out, &s), 1);
	assert_int_equal(out[0].time, 300);
	assert_int_equal(next(&m, out, &s), 1);
	assert_int_equal(out[0].time, 150);
	assert_int_equal(out[0].number, 4);
	/* No frame waits longer than the window, whatever the interfaces say. */
	assert_int_equal(next(&m, out, &s), 0);
	assert_int_equal(s, SOURCE_MORE);
	sleep_ms(60);
	assert_int_equal(next(&m, out, &s), 1);
	assert_int_equal(out[0].time, 400);
	assert_int_equal(next(&m, out, &s), 0);
	source_close(&m.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(moved),
		cmocka_unit_test(too_late),
		cmocka_unit_test(long_in_order),
		cmocka_unit_test(bounded),
		cmocka_unit_test(held),
		cmocka_unit_test(paced),
		cmocka_unit_test(settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
