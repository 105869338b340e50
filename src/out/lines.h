/*
 * lines.h - records as lines of JSON: those of some types that fit a filter, each by its plan.
 */
#ifndef TSUMARI_OUT_LINES_H
#define TSUMARI_OUT_LINES_H

#include "out/filter.h"
#include "out/schema.h"

struct lines_options {
	const char *types;     /* "flow,http": these records only; NULL: all but findings */
	const char *filter;    /* a display filter; NULL: all */
	bool flat;             /* dotted keys instead of nested objects */
	struct schema_env env; /* what it points to stays */
};

struct lines;

/* All plans are made at once. NULL, with one line in err: no such type, no such filter. */
struct lines *lines_new(const struct lines_options *o, char *err, size_t errsize);
/* Bytes that the record's line needs, at most; 0: it is not wanted, or see lines_error(). */
size_t lines_bound(struct lines *n, const struct record *r);
/* The line of the record that lines_bound() was asked for, at `at`; returns the place behind. */
char *lines_put(struct lines *n, const struct record *r, char *at);
const char *lines_error(const struct lines *n); /* NULL: none */
void lines_free(struct lines *n);

/* Are records of this type asked for by name, in a list of types (NULL: none)? */
bool lines_list(const char *types, const char *type);

#endif
