/*
 * source_wrong.c - unit tests of the capture file readers: files that are cut short, damaged or
 * none.
 */
#include "image.h"

/* Cut at every byte, a file gives every frame that is whole, and one line about the rest. */
static void test_truncation(void **state)
{
	struct image m;
	size_t whole, ends[FRAMES + 1];

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, FRAMES);
	whole = m.n;
	ends[0] = 24;
	for (unsigned i = 0; i < FRAMES; i++)
		ends[i + 1] = ends[i] + 16 + frame_len(i);
	assert_int_equal(ends[FRAMES], whole);
	for (m.n = 24; m.n <= whole; m.n++) {
		char err[512], want[128];
		struct source *s = open_image(&m, NULL, err, sizeof(err));
		unsigned frames = 0;
		struct result r;

		while (frames < FRAMES && ends[frames + 1] <= m.n)
			frames++;
		assert_non_null(s);
		r = read_all(s, 1000);
		assert_int_equal(r.frames, frames);
		if (ends[frames] == m.n) {
			assert_int_equal(r.state, SOURCE_END);
		} else {
			assert_int_equal(r.state, SOURCE_ERROR);
			snprintf(want, sizeof(want),
				": cut short in frame %u; %u whole frames were read", frames + 1,
				frames);
			assert_non_null(strstr(r.error, want));
		}
		/* The end stays the end. */
		assert_int_equal(read_all(s, 1000).state, r.state);
		source_close(s);
	}
	m.n = 0;
	expect_refused(&m, NULL, "is empty, not a capture file");
	for (m.n = 1; m.n < 24; m.n++)
		expect_refused(&m, NULL, "cut short in the file header");
	free(m.p);
}

static void test_pcapng_truncation(void **state)
{
	struct image m;
	size_t whole;

	(void)state;
	make_pcapng(&m, false);
	whole = m.n;
	for (m.n = 1; m.n <= whole; m.n++) {
		char err[512];
		struct source *s = open_image(&m, NULL, err, sizeof(err));
		unsigned frames = 0;
		size_t end = 28 + 32;
		struct result r;

		if (!s) {
			assert_true(m.n < end && m.n != 28);
			if (!strstr(err, ": cut short in the file header"))
				fail_msg("%zu bytes: %s", m.n, err);
			continue;
		}
		/* A section without an interface is a capture without a frame. */
		if (m.n == 28) {
			assert_int_equal(read_all(s, 1).state, SOURCE_END);
			source_close(s);
			continue;
		}
		for (unsigned i = 0; i < FRAMES; i++) {
			size_t next = end + 32 + (frame_len(i) + 3) / 4 * 4;

			if (next > m.n)
				break;
			end = next;
			frames++;
		}
		r = read_all(s, 1);
		assert_int_equal(r.frames, frames);
		if (r.state != (m.n == end ? SOURCE_END : SOURCE_ERROR))
			fail_msg("%zu bytes (whole up to %zu): state %d %s", m.n, end, r.state,
				r.error);
		if (m.n != end)
			assert_non_null(strstr(r.error, ": cut short in frame "));
		source_close(s);
	}
	free(m.p);
}

static void test_gzip_truncation(void **state)
{
	struct image m, z = {0};
	size_t whole;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, FRAMES);
	put_gzip(&z, m.p, m.n);
	whole = z.n;
	for (z.n = 2; z.n < whole; z.n++) {
		char err[512];
		struct source *s = open_image(&z, NULL, err, sizeof(err));
		struct result r;

		if (!s) {
			assert_true(strstr(err, ": the compressed data is cut short") ||
				    strstr(err, ": cut short in the file header"));
			continue;
		}
		r = read_all(s, 1000);
		assert_int_equal(r.state, SOURCE_ERROR);
		assert_true(r.frames <= FRAMES);
		assert_non_null(strstr(r.error, ": the compressed data is cut short; "));
		source_close(s);
	}
	/* Only the check at the very end is missing: all frames are there. */
	z.n = whole - 1;
	{
		char err[512];
		struct source *s = open_image(&z, NULL, err, sizeof(err));

		assert_non_null(s);
		assert_int_equal(read_all(s, 1000).frames, FRAMES);
		source_close(s);
	}
	/* And one that is wrong. */
	z.n = whole;
	z.p[whole - 6] ^= 1;
	{
		char err[512];
		struct source *s = open_image(&z, NULL, err, sizeof(err));
		struct result r;

		assert_non_null(s);
		r = read_all(s, 1000);
		assert_int_equal(r.frames, FRAMES);
		assert_non_null(strstr(r.error, "the compressed data is damaged ("));
		source_close(s);
	}
	free(z.p);
	free(m.p);
}

static void test_refused(void **state)
{
	static const struct source_options none;
	struct source_options o = {0};
	struct image m = {0};
	char err[512];

	(void)state;
	assert_null(source_open_file("/nonexistent/file", &none, err, sizeof(err)));
	assert_string_equal(err, "/nonexistent/file: No such file or directory");
	assert_null(source_open_file("/", &none, err, sizeof(err)));
	assert_string_equal(err, "/: is a directory, not a capture file");
	put(&m, "GET / HTTP/1.1\r\nHost: example.org\r\n", 35);
	expect_refused(&m, NULL, "is not a capture file");
	m.n = 3;
	expect_refused(&m, NULL, "is not a capture file");
	free(m.p);
	make_pcap(&m, 0xa1b2c3d4, false, FRAMES);
	o.filter = "no such thing";
	expect_refused(&m, &o, "can't parse filter expression: syntax error");
	o.filter = "wlan type mgt";
	expect_refused(&m, &o, "802.11 link-layer types supported only on 802.11");
	free(m.p);
	memset(&m, 0, sizeof(m));
	put_head(&m, 0xa1b2c3d4, 262144, 0x10000);
	expect_refused(&m, NULL, "65536 is not a link type");
	free(m.p);
}

/* A length that cannot be ends the file; what comes before counts. */
static void test_damaged(void **state)
{
	struct image m;
	char err[512];
	struct source *s;
	struct result r;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, FRAMES);
	put_record(&m, SECONDS, 0, 262145, 262145);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	r = read_all(s, 1000);
	assert_int_equal(r.state, SOURCE_ERROR);
	assert_int_equal(r.frames, FRAMES);
	assert_non_null(strstr(r.error, ": damaged in frame 6: a captured length of 262145 bytes "
					"cannot be (at most 262144); 5 whole frames were read"));
	source_close(s);
	free(m.p);
}

/* Lies in a record's header are counted, not fatal. */
static void test_odd(void **state)
{
	struct image m = {0};
	struct counters c = {0};
	struct packet out[64];
	struct chunk *chunk;
	struct source *s;
	char err[512];
	unsigned n;

	(void)state;
	put_head(&m, 0xa1b2c3d4, 0, 1);
	put_record(&m, SECONDS, 2500000, 4, 4); /* 2.5 s */
	put(&m, "abcd", 4);
	put_record(&m, UINT32_MAX, 999999, 4, 2);
	put(&m, "efgh", 4);
	put_record(&m, 0, 0, 0, 0);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	assert_int_equal(source_snaplen(s), 262144); /* 0 stands for the largest */
	n = 0;
	while (!n)
		assert_int_equal(source_read(s, out, 64, &n, &chunk), SOURCE_MORE);
	assert_int_equal(n, 3);
	assert_true(out[0].time == (SECONDS + 2) * UINT64_C(1000000000) + 500000000);
	assert_true(out[1].time == UINT64_C(4294967295999999000));
	assert_int_equal(out[1].caplen, 4);
	assert_int_equal(out[1].len, 4);
	assert_int_equal(out[2].caplen, 0);
	source_counters(s, &c);
	assert_int_equal(c.n, 2);
	assert_true(c.c[0].n == 1 && c.c[1].n == 1);
	source_close(s);
	free(m.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_pcapng_truncation),
		cmocka_unit_test(test_gzip_truncation),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
