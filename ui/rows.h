/*
 * rows.h - rows in memory: those of tables that are made of a model, all of one size and read by
 * the offsets of their fields. What a model gives may be gone at the next record, so a screen keeps
 * copies, texts too.
 */
#ifndef TSUMARI_UI_ROWS_H
#define TSUMARI_UI_ROWS_H

#include "view.h"

struct rows_chunk;

/* The state of such a screen, or its first member. */
struct rows {
	char *row;
	size_t size;
	uint32_t n, cap;
	struct rows_chunk *texts;
};

/* n rows of `size` bytes, zeroed, instead of those before, whose texts are gone. The screen's state
   is made where there is none. */
void *rows_begin(struct screen *s, size_t size, uint32_t n);
/* A copy of a text that lasts as long as the rows, with a zero behind it. */
const char *rows_text(struct screen *s, const char *text, size_t n);
void *rows_at(const struct screen *s, uint32_t row); /* NULL: there is none */
bool rows_value(struct ui *u, struct screen *s, uint32_t row, const struct field *f,
	struct schema_value *v);     /* as class->value */
void rows_release(struct screen *s); /* as class->free */

/* What makes a row's id, part by part, from ROWS_ID on; never 0. */
#define ROWS_ID UINT64_C(1469598103934665603)
uint64_t rows_id(uint64_t id, const void *part, size_t n);

#endif
