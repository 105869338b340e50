/*
 * jsonw.h - a record as one line of JSON, written straight from its schema.
 *
 * A plan is a schema made ready for writing: for each field, in order, the bytes of its key with
 * the objects around it. A record is then one pass over the plan; absent fields cost a test each.
 */
#ifndef TSUMARI_OUT_JSONW_H
#define TSUMARI_OUT_JSONW_H

#include "base/text.h"
#include "out/schema.h"

struct jsonw_plan;

/*
 * flat: dotted keys in one object instead of objects in objects. The schema is kept by the plan.
 * What env says of the run must be known with the first record, and stay.
 */
struct jsonw_plan *jsonw_plan_new(struct schema *s, const struct schema_env *env, bool flat);
void jsonw_plan_free(struct jsonw_plan *p);

/* Bytes that jsonw_record() may need for this record, at most. */
size_t jsonw_bound(struct jsonw_plan *p, const struct record *r);

/*
 * Writes the record and a newline at `at`; returns the place behind. Names of ours (FIELD_NAME) are
 * kept by their address: they must be constants.
 */
char *jsonw_record(struct jsonw_plan *p, const struct record *r, struct schema_env *env,
	struct time_cache *times, char *at);

/*
 * Any bytes as the inside of a JSON string (RFC 8259, 7): control bytes, DEL, C1, marks that
 * reorder text and line separators as \uXXXX, each byte that is no UTF-8 as \ufffd. Needs room for
 * JSONW_TEXT(n) bytes and returns the place behind.
 */
#define JSONW_TEXT(n) (6 * (size_t)(n) + 16)
char *jsonw_text(char *at, const char *p, size_t n);

#endif
