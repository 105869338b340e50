/*
 * cell.h - the value of a field as people read it: for tables, details, the packet tree.
 */
#ifndef TSUMARI_OUT_CELL_H
#define TSUMARI_OUT_CELL_H

#include "base/text.h"
#include "out/schema.h"
#include <stddef.h>

/* Text from the wire is put as it is: what draws it escapes it. */
void cell_put(struct text *t, const struct field *f, const struct schema_value *v);
/* Is it shown at the right end of its column? */
bool cell_right(const struct field *f);
/* A time of day, with milliseconds: 14:03:22.123 */
void cell_time(struct text *t, uint64_t ns);

/* The member of a struct that a field's offset names; false: absent. FIELD_STR: a struct cell_text.
 */
struct cell_text {
	const char *p;
	size_t n;
};
bool cell_member(const struct field *f, const void *row, struct schema_value *v);
/* A field that is a member of a `struct row`. */
#define COLUMN(member, name, title, help, type, flags, width)                                      \
	FIELD_AT(name, title, help, type, width, flags, offsetof(struct row, member), NULL)

/* A type of fields of such rows alone: so many a second, in thousandths. */
#define CELL_RATE 200

#define CELL_KEY 40 /* bytes of a text that sorting looks at */
struct cell_key {
	bool absent, number;
	uint64_t u64;
	uint8_t bytes[CELL_KEY];
	uint32_t row;
};
void cell_key(struct cell_key *k, const struct field *f, const struct schema_value *v);
/* Absent values come last, whichever way it is sorted. */
int cell_key_cmp(const struct cell_key *a, const struct cell_key *b, bool descending);

#endif
