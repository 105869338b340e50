/* unpack.c - see unpack.h. */
#include "capture/unpack.h"
#include "base/mem.h"
#include <bzlib.h>
#include <limits.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define NEED_MAX                                                                                   \
	((size_t)1 << 20) /* of input or output for one call: some libraries count in int */

struct packing {
	const char *name;
	uint8_t magic[UNPACK_HEAD], mask[UNPACK_HEAD];
	size_t magic_len;
	bool (*start)(struct unpack *u); /* a stream begins; also after another one */
	enum unpack_state (*step)(struct unpack *u, struct unpack_piece *p);
	void (*end)(struct unpack *u);
};

struct unpack {
	const struct packing *how;
	bool started;
	union {
		z_stream gzip;
		ZSTD_DStream *zstd;
		lzma_stream xz;
		bz_stream bzip2;
		LZ4F_dctx *lz4;
	};
	char error[128];
};

static enum unpack_state failed(struct unpack *u, const char *why)
{
	snprintf(u->error, sizeof(u->error), "the compressed data is damaged (%s)", why);
	return UNPACK_FAILED;
}

static void advance(struct unpack_piece *p, size_t used, size_t made)
{
	p->in += used;
	p->n -= used;
	p->out += made;
	p->room -= made;
}

static size_t bounded(size_t n)
{
	return n < NEED_MAX ? n : NEED_MAX;
}

static bool gzip_start(struct unpack *u)
{
	if (u->started)
		return inflateReset(&u->gzip) == Z_OK;
	return inflateInit2(&u->gzip, 15 + 16) == Z_OK;
}

static enum unpack_state gzip_step(struct unpack *u, struct unpack_piece *p)
{
	z_stream *z = &u->gzip;
	size_t in = bounded(p->n), room = bounded(p->room);
	int r;

	z->next_in = (Bytef *)(uintptr_t)p->in;
	z->avail_in = (uInt)in;
	z->next_out = p->out;
	z->avail_out = (uInt)room;
	r = inflate(z, Z_NO_FLUSH);
	advance(p, in - z->avail_in, room - z->avail_out);
	if (r == Z_STREAM_END)
		return UNPACK_END;
	if (r == Z_OK || r == Z_BUF_ERROR)
		return UNPACK_MORE;
	return failed(u, z->msg ? z->msg : "out of step");
}

static void gzip_end(struct unpack *u)
{
	inflateEnd(&u->gzip);
}

static bool zstd_start(struct unpack *u)
{
	if (!u->started)
		u->zstd = ZSTD_createDStream();
	return u->zstd && !ZSTD_isError(ZSTD_initDStream(u->zstd));
}

/* The library refuses windows above 128 MiB by itself. */
static enum unpack_state zstd_step(struct unpack *u, struct unpack_piece *p)
{
	ZSTD_inBuffer in = {p->in, p->n, 0};
	ZSTD_outBuffer out = {p->out, p->room, 0};
	size_t r = ZSTD_decompressStream(u->zstd, &out, &in);

	advance(p, in.pos, out.pos);
	if (ZSTD_isError(r))
		return failed(u, ZSTD_getErrorName(r));
	return r == 0 ? UNPACK_END : UNPACK_MORE;
}

static void zstd_end(struct unpack *u)
{
	ZSTD_freeDStream(u->zstd);
}

static bool xz_start(struct unpack *u)
{
	if (!u->started)
		u->xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_decoder(&u->xz, UNPACK_MEMORY, 0) == LZMA_OK;
}

static enum unpack_state xz_failed(struct unpack *u, lzma_ret r)
{
	switch (r) {
	case LZMA_MEMLIMIT_ERROR:
		snprintf(u->error, sizeof(u->error),
			"the compressed data asks for %llu MiB of memory (%llu are allowed)",
			(unsigned long long)lzma_memusage(&u->xz) >> 20, UNPACK_MEMORY >> 20);
		return UNPACK_FAILED;
	case LZMA_MEM_ERROR:
		return failed(u, "no memory");
	case LZMA_FORMAT_ERROR:
		return failed(u, "no header");
	case LZMA_OPTIONS_ERROR:
		return failed(u, "options that are not known");
	default:
		return failed(u, "its data is wrong");
	}
}

static enum unpack_state xz_step(struct unpack *u, struct unpack_piece *p)
{
	lzma_stream *z = &u->xz;
	lzma_ret r;

	z->next_in = p->in;
	z->avail_in = p->n;
	z->next_out = p->out;
	z->avail_out = p->room;
	r = lzma_code(z, LZMA_RUN);
	advance(p, p->n - z->avail_in, p->room - z->avail_out);
	if (r == LZMA_STREAM_END)
		return UNPACK_END;
	return r == LZMA_OK || r == LZMA_BUF_ERROR ? UNPACK_MORE : xz_failed(u, r);
}

static void xz_end(struct unpack *u)
{
	lzma_end(&u->xz);
}

static bool bzip2_start(struct unpack *u)
{
	if (u->started)
		BZ2_bzDecompressEnd(&u->bzip2);
	memset(&u->bzip2, 0, sizeof(u->bzip2));
	return BZ2_bzDecompressInit(&u->bzip2, 0, 0) == BZ_OK;
}

static enum unpack_state bzip2_step(struct unpack *u, struct unpack_piece *p)
{
	bz_stream *z = &u->bzip2;
	size_t in = bounded(p->n), room = bounded(p->room);
	int r;

	z->next_in = (char *)(uintptr_t)p->in;
	z->avail_in = (unsigned)in;
	z->next_out = (char *)p->out;
	z->avail_out = (unsigned)room;
	r = BZ2_bzDecompress(z);
	advance(p, in - z->avail_in, room - z->avail_out);
	if (r == BZ_STREAM_END)
		return UNPACK_END;
	if (r == BZ_OK)
		return UNPACK_MORE;
	return failed(u, r == BZ_MEM_ERROR          ? "no memory"
			 : r == BZ_DATA_ERROR_MAGIC ? "no header"
						    : "its data is wrong");
}

static void bzip2_end(struct unpack *u)
{
	BZ2_bzDecompressEnd(&u->bzip2);
}

static bool lz4_start(struct unpack *u)
{
	if (u->started)
		LZ4F_resetDecompressionContext(u->lz4);
	else if (LZ4F_isError(LZ4F_createDecompressionContext(&u->lz4, LZ4F_VERSION)))
		u->lz4 = NULL;
	return u->lz4 != NULL;
}

static enum unpack_state lz4_step(struct unpack *u, struct unpack_piece *p)
{
	size_t used = p->n, made = p->room;
	size_t r = LZ4F_decompress(u->lz4, p->out, &made, p->in, &used, NULL);

	if (LZ4F_isError(r))
		return failed(u, LZ4F_getErrorName(r));
	advance(p, used, made);
	return r == 0 ? UNPACK_END : UNPACK_MORE;
}

static void lz4_end(struct unpack *u)
{
	LZ4F_freeDecompressionContext(u->lz4);
}

/* A skippable frame, which zstd and LZ4 have in common, is taken for zstd's: pzstd begins with one.
 */
static const struct packing packings[] = {
	{"gzip", {0x1f, 0x8b}, {0xff, 0xff}, 2, gzip_start, gzip_step, gzip_end},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, {0xff, 0xff, 0xff, 0xff}, 4, zstd_start, zstd_step,
		zstd_end},
	{"zstd", {0x50, 0x2a, 0x4d, 0x18}, {0xf0, 0xff, 0xff, 0xff}, 4, zstd_start, zstd_step,
		zstd_end},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 6, xz_start,
		xz_step, xz_end},
	{"bzip2", {'B', 'Z', 'h', '0'}, {0xff, 0xff, 0xff, 0xf0}, 4, bzip2_start, bzip2_step,
		bzip2_end},
	{"lz4", {0x04, 0x22, 0x4d, 0x18}, {0xff, 0xff, 0xff, 0xff}, 4, lz4_start, lz4_step,
		lz4_end},
};
#define NPACKINGS (sizeof(packings) / sizeof(packings[0]))

static bool begins_with(const struct packing *k, const uint8_t *head, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((head[i] & k->mask[i]) != k->magic[i])
			return false;
	return true;
}

struct unpack *unpack_new(const uint8_t *head, size_t n)
{
	const struct packing *how = NULL;
	struct unpack *u;

	for (size_t i = 0; i < NPACKINGS && !how; i++)
		if (n >= packings[i].magic_len &&
			begins_with(&packings[i], head, packings[i].magic_len))
			how = &packings[i];
	if (!how)
		return NULL;
	u = xcalloc(1, sizeof(*u)); /* where it stays: zlib's state points back to its z_stream */
	u->how = how;
	if (!how->start(u))
		failed(u, "the library does not start");
	else
		u->started = true;
	return u;
}

void unpack_free(struct unpack *u)
{
	if (u && u->started)
		u->how->end(u);
	free(u);
}

const char *unpack_name(const struct unpack *u)
{
	return u->how->name;
}

enum unpack_state unpack_step(struct unpack *u, struct unpack_piece *p)
{
	return u->error[0] ? UNPACK_FAILED : u->how->step(u, p);
}

const char *unpack_error(const struct unpack *u)
{
	return u->error;
}

bool unpack_again(struct unpack *u, uint8_t first)
{
	bool could = false;

	for (size_t i = 0; i < NPACKINGS && !could; i++)
		could = packings[i].step == u->how->step && begins_with(&packings[i], &first, 1);
	/* Skippable frames may stand between those of LZ4, too. */
	if (u->how->step == lz4_step && (first & 0xf0) == 0x50)
		could = true;
	if (could && !u->how->start(u))
		failed(u, "the library does not start");
	return could;
}
