/*
 * source.c - unit tests of the capture file readers (src/run/source_file.c, source_pcap.c, bytes.c,
 * chunk.c) against files made here byte by byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "run/source.h"

#define SECONDS   1700000000u
#define FRAMES    5u
#define FRAME_MAX 200u

/* ---- Files ---- */

struct image {
	uint8_t *p;
	size_t n, size;
	bool swapped;
};

static void put(struct image *m, const void *from, size_t n)
{
	if (m->n + n > m->size) {
		m->size = (m->n + n) * 2;
		m->p = realloc(m->p, m->size);
		assert_non_null(m->p);
	}
	memcpy(m->p + m->n, from, n);
	m->n += n;
}

static void put32(struct image *m, uint32_t v)
{
	if (m->swapped)
		v = __builtin_bswap32(v);
	put(m, &v, sizeof(v));
}

static void put16(struct image *m, uint16_t v)
{
	if (m->swapped)
		v = __builtin_bswap16(v);
	put(m, &v, sizeof(v));
}

static void put_head(struct image *m, uint32_t magic, uint32_t snaplen, uint32_t link)
{
	put32(m, magic);
	put16(m, 2);
	put16(m, 4);
	put32(m, 0);
	put32(m, 0);
	put32(m, snaplen);
	put32(m, link);
}

static void put_record(struct image *m, uint32_t sec, uint32_t part, uint32_t caplen, uint32_t len)
{
	put32(m, sec);
	put32(m, part);
	put32(m, caplen);
	put32(m, len);
}

/* Frame i: a length, bytes and a time of its own. */
static uint32_t frame_len(unsigned i)
{
	return (60 + i * 37) % FRAME_MAX;
}

static void put_frame(struct image *m, unsigned i)
{
	for (uint32_t k = 0; k < frame_len(i); k++) {
		uint8_t b = (uint8_t)(i * 7 + k);

		put(m, &b, 1);
	}
}

static void make_pcap(struct image *m, uint32_t magic, bool swapped, unsigned frames)
{
	memset(m, 0, sizeof(*m));
	m->swapped = swapped;
	put_head(m, magic, 262144, 1);
	for (unsigned i = 0; i < frames; i++) {
		put_record(m, SECONDS + i, 123456 + i, frame_len(i), frame_len(i) + 3);
		put_frame(m, i);
	}
}

static void make_file(char *name, const struct image *m)
{
	int fd;

	memcpy(name, "/tmp/tsumari-source-XXXXXX", sizeof("/tmp/tsumari-source-XXXXXX"));
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->p, m->n), m->n);
	close(fd);
}

/* Appends one gzip member. */
static void put_gzip(struct image *m, const uint8_t *from, size_t n)
{
	uLong bound = compressBound((uLong)n) + 64;
	uint8_t *to = malloc(bound);
	z_stream z;

	assert_non_null(to);
	memset(&z, 0, sizeof(z));
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)from;
	z.avail_in = (uInt)n;
	z.next_out = to;
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	put(m, to, z.total_out);
	deflateEnd(&z);
	free(to);
}

/* ---- Reading ---- */

struct result {
	unsigned frames;
	enum source_state state;
	char error[512];
};

static struct source *open_image(
	const struct image *m, const struct source_options *o, char *err, size_t errsize)
{
	static const struct source_options none;
	struct source *s;
	char name[64];

	make_file(name, m);
	s = source_open_file(name, o ? o : &none, err, errsize);
	unlink(name);
	return s;
}

/* Reads all and checks every frame; unit: ns in the file's unit of time. */
static struct result read_all(struct source *s, unsigned unit)
{
	struct result r = {0, SOURCE_MORE, ""};
	struct packet out[64];
	struct chunk *chunk;
	unsigned n;

	while (r.state == SOURCE_MORE) {
		r.state = source_read(s, out, 64, &n, &chunk);
		if (r.state != SOURCE_MORE)
			assert_int_equal(n, 0);
		for (unsigned k = 0; k < n; k++, r.frames++) {
			const struct packet *p = &out[k];
			unsigned i = r.frames;

			assert_int_equal(p->number, i + 1);
			assert_int_equal(p->caplen, frame_len(i));
			assert_int_equal(p->len, frame_len(i) + 3);
			assert_int_equal(p->linktype, 1);
			assert_int_equal(p->iface, 0);
			assert_int_equal(p->flags, 0);
			assert_null(p->payload);
			assert_true(p->time == (uint64_t)(SECONDS + i) * 1000000000u +
						       (uint64_t)(123456 + i) * unit);
			assert_true(p->data >= chunk->data);
			assert_true(p->data + p->caplen <= chunk->data + chunk->size);
			for (uint32_t b = 0; b < p->caplen; b++)
				assert_int_equal(p->data[b], (uint8_t)(i * 7 + b));
		}
	}
	if (r.state == SOURCE_ERROR)
		snprintf(r.error, sizeof(r.error), "%s", source_error(s));
	return r;
}

static void expect_frames(const struct image *m, unsigned unit, unsigned frames)
{
	char err[512] = "";
	struct source *s = open_image(m, NULL, err, sizeof(err));
	struct result r;

	if (!s)
		fail_msg("%s", err);
	r = read_all(s, unit);
	if (r.state != SOURCE_END)
		fail_msg("%s", r.error);
	assert_int_equal(r.frames, frames);
	assert_in_range(source_snaplen(s), 262144, 262144 + 14); /* libpcap adds 14 for some */
	assert_int_equal(source_linktype(s), 1);
	assert_false(source_live(s));
	assert_true(source_progress(s) == 1);
	source_close(s);
}

/* The file does not open; `error` is what follows its name. */
static void expect_refused(const struct image *m, const struct source_options *o, const char *error)
{
	char err[512] = "";
	struct source *s = open_image(m, o, err, sizeof(err));
	const char *at = strstr(err, ": ");

	assert_null(s);
	assert_null(strchr(err, '\n'));
	if (!at || strcmp(at + 2, error) != 0)
		fail_msg("\"%s\" does not end in \"%s\"", err, error);
}

/* ---- Tests ---- */

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

/* draft-ietf-opsawg-pcapng: section header, interface with if_tsresol 9, enhanced packets. */
static void make_pcapng(struct image *m, bool swapped)
{
	static const uint8_t resolution[] = {9, 0, 0, 0}, zero[4];

	memset(m, 0, sizeof(*m));
	m->swapped = swapped;
	put32(m, 0x0a0d0d0a);
	put32(m, 28);
	put32(m, 0x1a2b3c4d);
	put16(m, 1);
	put16(m, 0);
	put32(m, UINT32_MAX);
	put32(m, UINT32_MAX);
	put32(m, 28);
	put32(m, 1);
	put32(m, 32);
	put16(m, 1);
	put16(m, 0);
	put32(m, 262144);
	put16(m, 9);
	put16(m, 1);
	put(m, resolution, sizeof(resolution));
	put32(m, 0);
	put32(m, 32);
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t time = (uint64_t)(SECONDS + i) * 1000000000u + 123456 + i;
		uint32_t pad = (4 - frame_len(i) % 4) % 4, total = 32 + frame_len(i) + pad;

		put32(m, 6);
		put32(m, total);
		put32(m, 0);
		put32(m, (uint32_t)(time >> 32));
		put32(m, (uint32_t)time);
		put32(m, frame_len(i));
		put32(m, frame_len(i) + 3);
		put_frame(m, i);
		put(m, zero, pad);
		put32(m, total);
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
			assert_true(m.n < end);
			if (!strstr(err, m.n == 28 ? ": the capture file has no Interface "
						     "Description Blocks"
						   : ": cut short in the file header"))
				fail_msg("%zu bytes: %s", m.n, err);
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
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_pcapng_truncation),
		cmocka_unit_test(test_gzip_truncation),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_held_chunks),
		cmocka_unit_test(test_large_frame),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_fcs),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
