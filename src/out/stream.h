/*
 * stream.h - a FILE for what is not written by the line: reports, pages, packets as text.
 *
 * It goes on where a write was interrupted or has to wait, and writes nothing more after an error.
 * A file then ends with what is whole: its last line, its last mark, or nothing at all.
 */
#ifndef TSUMARI_OUT_STREAM_H
#define TSUMARI_OUT_STREAM_H

#include <stdbool.h>
#include <stdio.h>

enum stream_keeps {
	STREAM_LINES, /* each line is whole by itself */
	STREAM_MARKS, /* what is before the last mark is; before the first one nothing is */
};

struct stream;

/* path: NULL or "-" is the standard output. NULL: errno. */
struct stream *stream_open(const char *path, bool append, enum stream_keeps keeps);
FILE *stream_file(struct stream *s);
/* What was put into it is whole, once `closing` (which must stay) stands behind it. */
void stream_mark(struct stream *s, const char *closing);
/* errno of the first error; 0: there was none. */
int stream_flush(struct stream *s);
int stream_close(struct stream *s); /* s may be NULL */

#endif
