/*
 * bytes.h - a file, pipe or standard input as a row of bytes, uncompressed on the way (unpack.h;
 * streams in a row are one).
 *
 * A pipe cannot seek: what was read to recognise the format is given again by the next reads.
 */
#ifndef TSUMARI_CAPTURE_BYTES_H
#define TSUMARI_CAPTURE_BYTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "capture/unpack.h"

#define BYTES_HEAD  24 /* what bytes_open() looks at: the length of a pcap file header */
#define BYTES_ERROR (-1)
#define BYTES_WAIT  (-2)
#define BYTES_LINE  64u /* a cache line */

struct bytes {
	int fd;
	int stop_fd;           /* readable: stop waiting; -1: none */
	bool regular;          /* a file on a disk: reading it does not wait */
	struct unpack *unpack; /* NULL: not compressed */
	bool stream_end;       /* between two compressed streams */
	uint64_t unpacked;     /* bytes that came out */
	uint64_t size;         /* of a regular file, else 0 */
	_Atomic uint64_t pos;  /* bytes read, compressed ones */
	uint8_t *raw;          /* read from fd, not yet used */
	size_t raw_pos, raw_end;
	uint8_t head[BYTES_HEAD]; /* the first bytes */
	size_t head_len, head_pos;
	char name[256]; /* for messages: path, or "standard input" */
	char error[160];
};

/*
 * Opens path ("-": standard input) and reads the first bytes into head. NULL with one line in err.
 * stop_fd is -1 at first; its owner sets it.
 */
struct bytes *bytes_open(const char *path, char *err, size_t errsize);

/* The same of what is open already, from where it is; takes fd over. */
struct bytes *bytes_open_fd(int fd, const char *name, char *err, size_t errsize);

/*
 * Up to n bytes; 0 at the end (and when stop_fd is readable), BYTES_ERROR with b->error set, or
 * BYTES_WAIT when a pipe had nothing for 100 ms. A fault in compressed data is reported after all
 * bytes before it.
 */
ssize_t bytes_read(struct bytes *b, void *to, size_t n);

/* The line that says that these bytes are no capture. */
void bytes_no_capture(const struct bytes *b, char *err, size_t errsize);

/*
 * How far behind `to` the next bytes are best read to, less than a cache line: where they lie in
 * their line as they would if the file began at one. The kernel copies several times as fast there
 * (x86-64's "rep movsb").
 */
size_t bytes_shift(const struct bytes *b, const void *to);

/* How much of the file has been read, 0..1; negative where its size is not known. */
double bytes_progress(const struct bytes *b);

void bytes_close(struct bytes *b); /* frees b */

#endif
