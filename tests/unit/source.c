/*
 * source.c - unit tests of the capture file readers (src/capture/source_file.c, source_pcap.c,
 * bytes.c, chunk.c): files of every kind, and pipes.
 */
#include "image.h"
#include <pthread.h>
#include <time.h>

static void test_formats(void **state)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d};
	struct image m;

	(void)state;
	for (int i = 0; i < 4; i++) {
		make_pcap(&m, magics[i / 2], i % 2, 300);
		expect_frames(&m, i / 2 ? 1 : 1000, 300);
		free(m.p);
	}
}

static void test_pcapng(void **state)
{
	struct image m, z;

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		make_pcapng(&m, swapped);
		expect_frames(&m, 1, FRAMES);
		memset(&z, 0, sizeof(z));
		put_gzip(&z, m.p, m.n);
		expect_frames(&z, 1, FRAMES);
		free(z.p);
		free(m.p);
	}
}

/* Alexey Kuznetzov's patched libpcap: eight more bytes a record. */
static void test_modified(void **state)
{
	static const uint8_t more[8];
	struct image m = {0};

	(void)state;
	put_head(&m, 0xa1b2cd34, 262144, 1);
	for (unsigned i = 0; i < FRAMES; i++) {
		put_record(&m, SECONDS + i, 123456 + i, frame_len(i), frame_len(i) + 3);
		put(&m, more, sizeof(more));
		put_frame(&m, i);
	}
	expect_frames(&m, 1000, FRAMES);
	free(m.p);
}

static void test_gzip(void **state)
{
	static const uint8_t zeros[512];
	struct image m, z = {0};
	size_t whole;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 3000);
	put_gzip(&z, m.p, m.n);
	expect_frames(&z, 1000, 3000);
	/* Several members, one of them empty, and padding. */
	z.n = 0;
	put_gzip(&z, m.p, 10);
	put_gzip(&z, m.p + 10, 100000);
	put_gzip(&z, m.p, 0);
	put_gzip(&z, m.p + 100010, m.n - 100010);
	whole = z.n;
	put(&z, zeros, sizeof(zeros));
	expect_frames(&z, 1000, 3000);
	/* What follows is no gzip: everything before counts. */
	z.n = whole;
	put(&z, "rubbish", 7);
	{
		char err[512];
		struct source *s = open_image(&z, NULL, err, sizeof(err));
		struct result r;

		assert_non_null(s);
		r = read_all(s, 1000);
		assert_int_equal(r.state, SOURCE_ERROR);
		assert_int_equal(r.frames, 3000);
		assert_non_null(strstr(r.error, ": something else follows the compressed data; "
						"3000 whole frames were read"));
		source_close(s);
	}
	free(z.p);
	free(m.p);
}

/* Workers may hold on to chunks: what lies in them stays as it was. */
static void test_held_chunks(void **state)
{
	enum { COUNT = 60000, KEEP = 4096 };
	static struct packet kept[KEEP];
	static struct chunk *chunks[KEEP];
	struct packet out[64];
	struct chunk *chunk;
	unsigned n, nkept = 0, frames = 0;
	char err[512];
	struct image m;
	struct source *s;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, COUNT);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	while (source_read(s, out, 64, &n, &chunk) == SOURCE_MORE) {
		for (unsigned k = 0; k < n; k++, frames++) {
			if (frames % 15 || nkept == KEEP)
				continue;
			kept[nkept] = out[k];
			chunks[nkept++] = chunk;
			chunk_ref(chunk);
		}
	}
	source_close(s);
	assert_int_equal(frames, COUNT);
	assert_int_equal(nkept, COUNT / 15);
	for (unsigned k = 0; k < nkept; k++) {
		unsigned i = k * 15;

		assert_int_equal(kept[k].caplen, frame_len(i));
		for (uint32_t b = 0; b < kept[k].caplen; b++)
			assert_int_equal(kept[k].data[b], (uint8_t)(i * 7 + b));
		chunk_unref(chunks[k]);
	}
	free(m.p);
}

/* A frame larger than a chunk (link types that carry whole transfers). */
static void test_large_frame(void **state)
{
	const uint32_t size = 3u << 20;
	uint8_t *body = malloc(size);
	struct image m = {0};
	struct packet out[64];
	struct chunk *chunk;
	struct source *s;
	char err[512];
	unsigned n = 0;

	(void)state;
	assert_non_null(body);
	for (uint32_t i = 0; i < size; i++)
		body[i] = (uint8_t)(i * 31 >> 3);
	put_head(&m, 0xa1b2c3d4, size, 220);
	put_record(&m, SECONDS, 0, size, size);
	put(&m, body, size);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	while (!n)
		assert_int_equal(source_read(s, out, 64, &n, &chunk), SOURCE_MORE);
	assert_int_equal(out[0].caplen, size);
	assert_memory_equal(out[0].data, body, size);
	assert_int_equal(source_read(s, out, 64, &n, &chunk), SOURCE_END);
	source_close(s);
	free(m.p);
	free(body);
}

/* Raw IPv4: LINKTYPE_RAW (101) is another number than DLT_RAW, and filters compile for it. */
static void test_filter(void **state)
{
	static const uint8_t ip[2][20] = {{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17}, /* UDP */
		{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6}};                           /* TCP */
	struct source_options o = {.filter = "ip proto 6", .snaplen = 12};
	struct packet out[64];
	struct chunk *chunk;
	struct image m = {0};
	struct source *s;
	uint64_t frames, bytes;
	char err[512];
	unsigned n = 0;

	(void)state;
	put_head(&m, 0xa1b2c3d4, 100, 101);
	for (unsigned i = 0; i < 4; i++) {
		put_record(&m, SECONDS, i, 20, 20);
		put(&m, ip[i % 2], 20);
	}
	s = open_image(&m, &o, err, sizeof(err));
	if (!s)
		fail_msg("%s", err);
	assert_int_equal(source_linktype(s), 101);
	assert_int_equal(source_snaplen(s), 12);
	while (!n)
		assert_int_equal(source_read(s, out, 64, &n, &chunk), SOURCE_MORE);
	assert_int_equal(n, 2);
	assert_int_equal(out[0].number, 2);
	assert_int_equal(out[1].number, 4);
	assert_int_equal(out[1].caplen, 12); /* -s */
	assert_int_equal(out[1].len, 20);
	assert_int_equal(out[1].linktype, 101);
	source_position(s, &frames, &bytes);
	assert_true(frames == 4 && bytes == 24);
	source_close(s);
	free(m.p);
}

/* The FCS bits above the link type are kept for -w, and are no part of the type. */
static void test_fcs(void **state)
{
	struct image m = {0};
	struct source *s;
	char err[512];

	(void)state;
	put_head(&m, 0xa1b2c3d4, 100, 0x24000001);
	s = open_image(&m, NULL, err, sizeof(err));
	assert_non_null(s);
	assert_int_equal(source_linktype(s), 1);
	assert_true(source_link_bits(s) == 0x24000001);
	assert_int_equal(source_iface_linktype(s, 0), 1);
	assert_int_equal(source_iface_linktype(s, 1), -1);
	assert_null(source_iface(s, 0));
	source_close(s);
	free(m.p);
}

struct feed {
	const struct image *m;
	size_t piece;
	int fd;
};

static void *feed_pipe(void *arg)
{
	struct feed *f = arg;

	for (size_t at = 0; at < f->m->n; at += f->piece) {
		size_t n = f->m->n - at < f->piece ? f->m->n - at : f->piece;

		if (write(f->fd, f->m->p + at, n) != (ssize_t)n)
			break;
	}
	close(f->fd);
	return NULL;
}

static void check_pipe(const struct image *m, size_t piece, unsigned unit, unsigned frames)
{
	static const struct source_options none;
	struct feed f = {m, piece, -1};
	char name[64], err[512] = "";
	struct result r;
	struct source *s;
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	f.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, feed_pipe, &f), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	s = source_open_file(name, &none, err, sizeof(err));
	if (!s)
		fail_msg("%s", err);
	r = read_all(s, unit);
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.frames, frames);
	assert_true(source_progress(s) < 0);
	source_close(s);
	pthread_join(thread, NULL);
	close(ends[0]);
}

static void test_pipe(void **state)
{
	struct image m, z = {0};

	(void)state;
	make_pcap(&m, 0xa1b23c4d, true, 400);
	check_pipe(&m, 1, 1, 400);
	check_pipe(&m, 65536, 1, 400);
	put_gzip(&z, m.p, m.n);
	check_pipe(&z, 3, 1, 400);
	free(z.p);
	free(m.p);
	make_pcapng(&m, false);
	check_pipe(&m, 5, 1, FRAMES);
	free(m.p);
}

static void *stop_soon(void *arg)
{
	const struct timespec wait = {0, 50000000};

	nanosleep(&wait, NULL);
	source_stop(arg);
	return NULL;
}

/* A stop ends waiting for a pipe that stays quiet, and is no error within a frame. */
static void test_stop(void **state)
{
	static const struct source_options none;
	char name[64], err[512];
	struct result r;
	struct image m;
	struct source *s;
	pthread_t thread;
	int ends[2];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		if (kind)
			make_pcapng(&m, false);
		else
			make_pcap(&m, 0xa1b23c4d, false, FRAMES);
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], m.p, m.n - 1), m.n - 1);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
		s = source_open_file(name, &none, err, sizeof(err));
		assert_non_null(s);
		assert_int_equal(pthread_create(&thread, NULL, stop_soon, s), 0);
		r = read_all(s, 1);
		assert_int_equal(r.state, SOURCE_END);
		assert_int_equal(r.frames, FRAMES - 1);
		pthread_join(thread, NULL);
		source_close(s);
		close(ends[0]);
		close(ends[1]);
		free(m.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_modified),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_held_chunks),
		cmocka_unit_test(test_large_frame),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_fcs),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
