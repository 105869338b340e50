/*
 * unpack.h - compressed bytes made whole again: gzip (RFC 1952), zstd (RFC 8878), xz, bzip2, LZ4
 * frames.
 *
 * Each library is used itself, piece by piece: what comes out of a piece is there at once (a pipe
 * may stay quiet for long), all bytes before a fault are given, check sums are verified, and no
 * file decides how much memory is taken.
 */
#ifndef TSUMARI_CAPTURE_UNPACK_H
#define TSUMARI_CAPTURE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNPACK_HEAD   6              /* bytes that unpack_new() looks at */
#define UNPACK_MEMORY (256ull << 20) /* that a stream may ask for */
#define UNPACK_TIMES  8192u          /* of its bytes may come out of a file, */
#define UNPACK_FREE   (1ull << 30)   /* from so many on */

enum unpack_state {
	UNPACK_MORE,  /* in is used up, or out is full */
	UNPACK_END,   /* the stream is whole; another one may follow */
	UNPACK_FAILED /* unpack_error() says why; what came out before it counts */
};

struct unpack_piece {
	const uint8_t *in;
	size_t n; /* bytes at in */
	uint8_t *out;
	size_t room; /* bytes at out */
};

struct unpack;

/* For a file that begins with these n bytes; NULL: it is not compressed in any of these ways. */
struct unpack *unpack_new(const uint8_t *head, size_t n);
void unpack_free(struct unpack *u);
const char *unpack_name(const struct unpack *u); /* "gzip" */

/* Moves both ends of the piece over what was used and what came out. */
enum unpack_state unpack_step(struct unpack *u, struct unpack_piece *p);
const char *unpack_error(const struct unpack *u);

/* Behind a stream that is whole: false where this byte cannot begin another one. */
bool unpack_again(struct unpack *u, uint8_t first);

#endif
