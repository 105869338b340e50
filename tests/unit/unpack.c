/*
 * unpack.c - unit tests of compressed capture files (src/capture/unpack.c, bytes.c): every kind
 * whole, in several streams, cut short at every byte, damaged, and made to do harm.
 */
#include "image.h"
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

static void pack_zstd(struct image *m, const uint8_t *from, size_t n)
{
	size_t size = ZSTD_compressBound(n);
	uint8_t *to = malloc(size);
	ZSTD_CCtx *c = ZSTD_createCCtx();

	assert_non_null(to);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	size = ZSTD_compress2(c, to, size, from, n);
	assert_false(ZSTD_isError(size));
	put(m, to, size);
	ZSTD_freeCCtx(c);
	free(to);
}

static void pack_xz(struct image *m, const uint8_t *from, size_t n)
{
	size_t size = lzma_stream_buffer_bound(n), used = 0;
	uint8_t *to = malloc(size);

	assert_non_null(to);
	assert_int_equal(
		lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, from, n, to, &used, size),
		LZMA_OK);
	put(m, to, used);
	free(to);
}

static void pack_bzip2(struct image *m, const uint8_t *from, size_t n)
{
	unsigned size = (unsigned)(n + n / 50 + 1000);
	char *to = malloc(size);

	assert_non_null(to);
	assert_int_equal(
		BZ2_bzBuffToBuffCompress(to, &size, (char *)(uintptr_t)from, (unsigned)n, 1, 0, 0),
		BZ_OK);
	put(m, to, size);
	free(to);
}

static void pack_lz4(struct image *m, const uint8_t *from, size_t n)
{
	LZ4F_preferences_t how = {.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled,
		.frameInfo.blockSizeID = LZ4F_max64KB};
	size_t size = LZ4F_compressFrameBound(n, &how);
	uint8_t *to = malloc(size);

	assert_non_null(to);
	size = LZ4F_compressFrame(to, size, from, n, &how);
	assert_false(LZ4F_isError(size));
	put(m, to, size);
	free(to);
}

static const struct {
	const char *name;
	void (*pack)(struct image *m, const uint8_t *from, size_t n);
} kinds[] = {{"gzip", put_gzip}, {"zstd", pack_zstd}, {"xz", pack_xz}, {"bzip2", pack_bzip2},
	{"lz4", pack_lz4}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void test_whole(void **state)
{
	struct image m;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 3000);
	for (size_t k = 0; k < KINDS; k++) {
		struct image z = {0};

		kinds[k].pack(&z, m.p, m.n);
		expect_frames(&z, 1000, 3000);
		free(z.p);
	}
	free(m.p);
}

/* Streams in a row, one of them empty, frames across them; zeros behind. */
static void test_streams(void **state)
{
	static const uint8_t zeros[4096];
	struct image m;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, true, 3000);
	for (size_t k = 0; k < KINDS; k++) {
		struct image z = {0};

		kinds[k].pack(&z, m.p, 10);
		kinds[k].pack(&z, m.p + 10, 100000);
		kinds[k].pack(&z, m.p, 0);
		kinds[k].pack(&z, m.p + 100010, m.n - 100010);
		put(&z, zeros, sizeof(zeros));
		expect_frames(&z, 1000, 3000);
		free(z.p);
	}
	free(m.p);
}

/* What pzstd begins its files with, and lz4 may stand between frames. */
static void test_skippable(void **state)
{
	static const uint8_t skip[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
	struct image m, z = {0};

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 300);
	put(&z, skip, sizeof(skip));
	pack_zstd(&z, m.p, 1000);
	put(&z, skip, sizeof(skip));
	pack_zstd(&z, m.p + 1000, m.n - 1000);
	expect_frames(&z, 1000, 300);
	z.n = 0;
	pack_lz4(&z, m.p, 1000);
	put(&z, skip, sizeof(skip));
	pack_lz4(&z, m.p + 1000, m.n - 1000);
	expect_frames(&z, 1000, 300);
	free(z.p);
	free(m.p);
}

/* The file reads so far, and then has one fault. */
static void expect_fault(
	const struct image *z, unsigned least, unsigned most, const char *format, const char *name)
{
	char err[512] = "", want[128];
	struct source *s = open_image(z, NULL, err, sizeof(err));
	struct result r = {0};

	snprintf(want, sizeof(want), format, name);
	if (s) {
		r = read_all(s, 1000);
		assert_int_equal(r.state, SOURCE_ERROR);
		assert_int_equal(read_all(s, 1000).state, SOURCE_ERROR);
		source_close(s);
		snprintf(err, sizeof(err), "%s", r.error);
	}
	if (!strstr(err, want))
		fail_msg("\"%s\" does not say \"%s\"", err, want);
	assert_in_range(r.frames, least, most);
}

static void test_truncation(void **state)
{
	struct image m;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 40);
	for (size_t k = 0; k < KINDS; k++) {
		struct image z = {0};
		size_t whole, first, used = 24;

		/* The first stream holds 10 frames: they are there whenever it is. */
		for (unsigned i = 0; i < 10; i++)
			used += 16 + frame_len(i);
		kinds[k].pack(&z, m.p, used);
		first = z.n;
		kinds[k].pack(&z, m.p + used, m.n - used);
		whole = z.n;
		expect_frames(&z, 1000, 40);
		for (z.n = 6; z.n < whole; z.n++)
			if (z.n != first)
				expect_fault(&z, z.n > first ? 10 : 0, 40,
					": %s: the compressed data is cut short", kinds[k].name);
		free(z.p);
	}
	free(m.p);
}

/* All that comes before the fault counts; nothing of what a check sum rejects is believed whole. */
static void test_damage(void **state)
{
	struct image m;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 3000);
	for (size_t k = 0; k < KINDS; k++) {
		struct image z = {0};
		size_t second;

		kinds[k].pack(&z, m.p, 24 + 16 + frame_len(0));
		second = z.n;
		kinds[k].pack(&z, m.p + 40 + frame_len(0), m.n - 40 - frame_len(0));
		/* In the check sum of the second one, or beside it. */
		z.p[z.n - (strcmp(kinds[k].name, "xz") == 0 ? 8 : 5)] ^= 0x10;
		expect_fault(&z, 1, 3000, ": %s: the compressed data is damaged (", kinds[k].name);
		/* And no stream at all. */
		z.n = second;
		put(&z, z.p, 1);
		put(&z, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
		expect_fault(&z, 1, 1, ": %s: the compressed data is damaged (", kinds[k].name);
		free(z.p);
	}
	free(m.p);
}

static void test_rubbish(void **state)
{
	struct image m;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, 300);
	for (size_t k = 0; k < KINDS; k++) {
		struct image z = {0};
		char want[128];

		kinds[k].pack(&z, m.p, m.n);
		put(&z, "rubbish", 7);
		expect_fault(&z, 300, 300, ": %s: something else follows the compressed data",
			kinds[k].name);
		z.n = 0;
		kinds[k].pack(&z, (const uint8_t *)"not a capture, however long it may be", 37);
		snprintf(want, sizeof(want), "%s: what comes out is not a capture file",
			kinds[k].name);
		expect_refused(&z, NULL, want);
		z.n = 0;
		kinds[k].pack(&z, m.p, 0);
		expect_refused(&z, NULL, "is empty, not a capture file");
		z.n = 0;
		kinds[k].pack(&z, m.p, 12);
		expect_refused(&z, NULL, "cut short in the file header");
		free(z.p);
	}
	free(m.p);
}

/* 2 GiB of zeros in 70 KiB: they are not all read. */
static void test_bomb(void **state)
{
	const size_t size = 16 << 20;
	uint8_t *zeros = calloc(size, 1);
	struct image m, z = {0};
	struct packet out[64];
	enum source_state r = SOURCE_MORE;
	struct chunk *chunk;
	struct source *s;
	uint64_t bytes = 0;
	char err[512];
	unsigned n;

	(void)state;
	assert_non_null(zeros);
	make_pcap(&m, 0xa1b2c3d4, false, 0);
	pack_zstd(&z, m.p, m.n);
	for (int i = 0; i < 128; i++)
		pack_zstd(&z, zeros, size);
	s = open_image(&z, NULL, err, sizeof(err));
	assert_non_null(s);
	while (r == SOURCE_MORE) {
		r = source_read(s, out, 64, &n, &chunk);
		bytes += n * 16; /* empty frames */
	}
	assert_int_equal(r, SOURCE_ERROR);
	assert_non_null(strstr(source_error(s), ": zstd: the compressed data grows without end; "));
	assert_in_range(bytes, (1 << 30) - (1 << 20), (1 << 30) + (1 << 20));
	source_close(s);
	free(zeros);
	free(z.p);
	free(m.p);
}

/* A stream that asks for a gigabyte before it gives a byte. */
static void test_memory(void **state)
{
	lzma_options_lzma how;
	lzma_filter chain[2] = {{LZMA_FILTER_LZMA2, &how}, {LZMA_VLI_UNKNOWN, NULL}};
	uint8_t to[4096];
	struct image m, z = {0};
	lzma_stream xz = LZMA_STREAM_INIT;

	(void)state;
	make_pcap(&m, 0xa1b2c3d4, false, FRAMES);
	assert_false(lzma_lzma_preset(&how, 0));
	how.dict_size = LZMA_DICT_SIZE_MIN;
	assert_int_equal(lzma_stream_encoder(&xz, chain, LZMA_CHECK_NONE), LZMA_OK);
	xz.next_in = m.p;
	xz.avail_in = m.n;
	xz.next_out = to;
	xz.avail_out = sizeof(to);
	assert_int_equal(lzma_code(&xz, LZMA_FINISH), LZMA_STREAM_END);
	put(&z, to, sizeof(to) - xz.avail_out);
	lzma_end(&xz);
	expect_frames(&z, 1000, FRAMES);
	/* The dictionary's size is a byte of the block's header, before its check sum. */
	assert_int_equal(z.p[14], 0x21);
	z.p[16] = 37; /* 1.5 GiB */
	{
		uint32_t sum = lzma_crc32(z.p + 12, 8, 0);

		for (int i = 0; i < 4; i++)
			z.p[20 + i] = (uint8_t)(sum >> 8 * i);
	}
	expect_refused(
		&z, NULL, "xz: the compressed data asks for 1536 MiB of memory (256 are allowed)");
	/* A window of 2 GiB, and a block as it is. */
	z.n = 0;
	put(&z, "\x28\xb5\x2f\xfd\x00\xa8\xc1\x00\x00", 9);
	put(&z, m.p, 24);
	expect_refused(&z, NULL,
		"zstd: the compressed data is damaged (Frame requires too much memory for "
		"decoding)");
	z.p[5] = 0x58; /* 2 MiB */
	expect_frames(&z, 1000, 0);
	free(z.p);
	free(m.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_skippable),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
