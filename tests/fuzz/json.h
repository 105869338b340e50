/*
 * json.h - records as lines of JSON, and what json-c makes of them.
 */
#ifndef TSUMARI_TESTS_FUZZ_JSON_H
#define TSUMARI_TESTS_FUZZ_JSON_H

#include "fuzz.h"
#include "out/jsonw.h"
#include <json-c/json.h>

struct fuzz_lines {
	char *p; /* a zero is behind them */
	size_t n, room;
	struct time_cache times;
};

/* What is the same in all of them: a sensor with hostile bytes in its name, a host, a run. */
extern struct schema_env fuzz_env;

/* A record of a flow, transaction, event or finding as one more line. */
void fuzz_put_line(struct fuzz_lines *l, const struct record *r, bool flat);

/* It is one value, and nothing else. */
struct json_object *fuzz_parse(const char *text, size_t n);
/* Both are JSON and say the same, the flat one with dotted names. */
void fuzz_same_line(const char *nested, size_t n, const char *flat, size_t m);
/* No byte that a terminal acts on, but those of `but`. */
void fuzz_no_control_bytes(const char *text, size_t n, const char *but);

/* All of that for one record. */
void fuzz_json_record(const struct record *r);

#endif
