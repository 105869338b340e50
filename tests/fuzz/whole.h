/*
 * whole.h - a capture through the whole program but its options and its terminal: read, analysed,
 * and put out in every way there is.
 */
#ifndef TSUMARI_TESTS_FUZZ_WHOLE_H
#define TSUMARI_TESTS_FUZZ_WHOLE_H

#include "fuzz.h"
#include "capture/source.h"

enum fuzz_output {
	FUZZ_JSON, /* all records and findings, a line each */
	FUZZ_FLAT,
	FUZZ_SINK,     /* as FUZZ_JSON, by the program's sink; from here on with `all` */
	FUZZ_DOCUMENT, /* the report as JSON */
	FUZZ_REPORT,
	FUZZ_HAR,
	FUZZ_PRINT,
	FUZZ_OUTPUTS
};

struct fuzz_whole {
	uint64_t memory;
	uint64_t interval;
	unsigned jobs;
	bool all;           /* those behind the document, too */
	bool moments;       /* what is under way is told, as to the live view */
	const char *filter; /* BPF; NULL: none */
	/* Results. */
	char *text[FUZZ_OUTPUTS]; /* NULL: was not asked for */
	size_t len[FUZZ_OUTPUTS];
	uint64_t frames, flows, transactions;
};

/* `text` is the caller's, who calls fuzz_whole_free(). False: the capture could not be opened. */
bool fuzz_whole(struct fuzz_whole *w, const uint8_t *capture, size_t n);
void fuzz_whole_free(struct fuzz_whole *w);

/* Parses what was put out with json-c; the flat lines say what the others say. */
void fuzz_whole_json(const struct fuzz_whole *w);

#endif
