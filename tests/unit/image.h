/*
 * image.h - capture files made byte by byte, with frames that are known, and what is read of them.
 */
#ifndef TSUMARI_TESTS_IMAGE_H
#define TSUMARI_TESTS_IMAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "capture/source.h"

#define SECONDS   1700000000u
#define FRAMES    5u
#define FRAME_MAX 200u

/* ---- Files ---- */

struct image {
	uint8_t *p;
	size_t n, size;
	bool swapped;
};

static inline void put(struct image *m, const void *from, size_t n)
{
	if (m->n + n > m->size) {
		m->size = (m->n + n) * 2;
		m->p = realloc(m->p, m->size);
		assert_non_null(m->p);
	}
	if (n)
		memcpy(m->p + m->n, from, n);
	m->n += n;
}

static inline void put32(struct image *m, uint32_t v)
{
	if (m->swapped)
		v = __builtin_bswap32(v);
	put(m, &v, sizeof(v));
}

static inline void put16(struct image *m, uint16_t v)
{
	if (m->swapped)
		v = __builtin_bswap16(v);
	put(m, &v, sizeof(v));
}

static inline void put_head(struct image *m, uint32_t magic, uint32_t snaplen, uint32_t link)
{
	put32(m, magic);
	put16(m, 2);
	put16(m, 4);
	put32(m, 0);
	put32(m, 0);
	put32(m, snaplen);
	put32(m, link);
}

static inline void put_record(
	struct image *m, uint32_t sec, uint32_t part, uint32_t caplen, uint32_t len)
{
	put32(m, sec);
	put32(m, part);
	put32(m, caplen);
	put32(m, len);
}

/* Frame i: a length, bytes and a time of its own. */
static inline uint32_t frame_len(unsigned i)
{
	return (60 + i * 37) % FRAME_MAX;
}

static inline void put_frame(struct image *m, unsigned i)
{
	for (uint32_t k = 0; k < frame_len(i); k++) {
		uint8_t b = (uint8_t)(i * 7 + k);

		put(m, &b, 1);
	}
}

static inline void make_pcap(struct image *m, uint32_t magic, bool swapped, unsigned frames)
{
	memset(m, 0, sizeof(*m));
	m->swapped = swapped;
	put_head(m, magic, 262144, 1);
	for (unsigned i = 0; i < frames; i++) {
		put_record(m, SECONDS + i, 123456 + i, frame_len(i), frame_len(i) + 3);
		put_frame(m, i);
	}
}

static inline void make_file(char *name, const struct image *m)
{
	int fd;

	memcpy(name, "/tmp/tsumari-source-XXXXXX", sizeof("/tmp/tsumari-source-XXXXXX"));
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->p, m->n), m->n);
	close(fd);
}

/* Appends one gzip member. */
static inline void put_gzip(struct image *m, const uint8_t *from, size_t n)
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

/* draft-ietf-opsawg-pcapng: section header, interface with if_tsresol 9, enhanced packets. */
static inline void make_pcapng(struct image *m, bool swapped)
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

/* ---- Reading ---- */

struct result {
	unsigned frames;
	enum source_state state;
	char error[512];
};

static inline struct source *open_image(
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
static inline struct result read_all(struct source *s, unsigned unit)
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
			assert_null(p->owned);
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

static inline void expect_frames(const struct image *m, unsigned unit, unsigned frames)
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
static inline void expect_refused(
	const struct image *m, const struct source_options *o, const char *error)
{
	char err[512] = "";
	struct source *s = open_image(m, o, err, sizeof(err));
	const char *at = strstr(err, ": ");

	assert_null(s);
	assert_null(strchr(err, '\n'));
	if (!at || strcmp(at + 2, error) != 0)
		fail_msg("\"%s\" does not end in \"%s\"", err, error);
}

#endif
