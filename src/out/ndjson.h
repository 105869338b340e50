/*
 * ndjson.h - the sink that writes records as JSON, one object a line.
 *
 * Lines collect in a buffer of 256 KiB and are written when it is full, when poll() is called, and
 * at the end. SIGPIPE must be ignored by the program: a closed pipe is then seen here and ends the
 * run quietly.
 */
#ifndef TSUMARI_OUT_NDJSON_H
#define TSUMARI_OUT_NDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include "out/lines.h"
#include "out/outfile.h"
#include "out/sink.h"

struct ndjson_options {
	struct outfile_options file; /* its path must stay */
	struct lines_options lines;
	bool line_buffered; /* write each record at once */
};

struct ndjson;

/* NULL, with one line in err, where the file or a type is not to be had. */
struct ndjson *ndjson_new(const struct ndjson_options *o, char *err, size_t errsize);
/* Writes to a descriptor that stays the caller's. */
struct ndjson *ndjson_new_fd(const struct ndjson_options *o, int fd, char *err, size_t errsize);

/* The sink's functions; it is to be released after the sink's last use. */
struct sink ndjson_sink(struct ndjson *n);

/* A file that was moved away is begun anew under its name. False with one line in err: it goes on
   as before. */
bool ndjson_reopen(struct ndjson *n, char *err, size_t errsize);

/* Writes what is left and closes the file. False where anything failed: see ndjson_error(). */
bool ndjson_finish(struct ndjson *n);

/* One line on what went wrong, or NULL. A reader that closed its pipe is no error. */
const char *ndjson_error(const struct ndjson *n);
bool ndjson_closed(const struct ndjson *n); /* the reader closed the pipe */
void ndjson_free(struct ndjson *n);

#endif
