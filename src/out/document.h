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

struct geo;       /* model/geo.h */
struct under_way; /* out/under_way.h */

struct document_options {
	const char *path;          /* file to write; NULL or "-": standard output */
	const char *source;        /* what was read, as the user named it */
	const char *version;       /* of the program */
	const struct model *model; /* stays the caller's */
	struct geo *geo;           /* where hosts are; stays the caller's; NULL: not known */
	bool html;
	bool append; /* behind what the file has */
	/* While it is captured: what is under way; NULL: it is over. */
	const struct under_way *under_way;
	bool history;     /* the page can ask for what was before */
	unsigned refresh; /* s after which a page asks for report.json; 0: it asks for nothing */
};

struct document;

/* NULL, with one line in err, where the file is not to be had. */
struct document *document_new(const struct document_options *o, char *err, size_t errsize);
/* Writes it. False where that failed (not: a closed pipe); see document_error(). */
bool document_finish(struct document *d, const struct capture_stats *st, const struct counters *c);
/* The same, of what there is by now, to a file that is open; path and append are not looked at. */
void document_write(const struct document_options *o, const struct capture_stats *st,
	const struct counters *c, FILE *out);
/* Of a page that refreshes itself, for the header of its answer; to be freed. */
char *document_policy(void);
const char *document_error(const struct document *d);
void document_free(struct document *d);

#endif
