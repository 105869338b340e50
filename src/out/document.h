/*
 * document.h - the whole model of a capture as one JSON object, or as an HTML page that shows it.
 */
#ifndef TSUMARI_OUT_DOCUMENT_H
#define TSUMARI_OUT_DOCUMENT_H

#include <stdbool.h>
#include <stdio.h>
#include "core/stats.h"
#include "model/model.h"

/* Of the JSON: grows where a name changes its meaning, or goes. */
#define DOCUMENT_FORMAT 1u

struct geo; /* model/geo.h */

struct document_options {
	const char *path;          /* file to write; NULL or "-": standard output */
	const char *source;        /* what was read, as the user named it */
	const char *version;       /* of the program */
	const struct model *model; /* stays the caller's */
	struct geo *geo;           /* where hosts are; stays the caller's; NULL: not known */
	bool html;
	bool append; /* behind what the file has */
};

struct document;

/* NULL, with one line in err, where the file is not to be had. */
struct document *document_new(const struct document_options *o, char *err, size_t errsize);
/* Writes it. False where that failed (not: a closed pipe); see document_error(). */
bool document_finish(struct document *d, const struct capture_stats *st, const struct counters *c);
const char *document_error(const struct document *d);
void document_free(struct document *d);

#endif
