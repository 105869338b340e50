/*
 * columns.h - the columns of a table: which are shown, and where they stand.
 */
#ifndef TSUMARI_UI_COLUMNS_H
#define TSUMARI_UI_COLUMNS_H

#include "out/cell.h"

struct screen;
struct screen_class;
struct table;
struct ui;

#define COLUMNS_MAX 32u

/* Where the columns of a table stand. */
struct layout {
	unsigned n, behind; /* columns drawn; those further right */
	unsigned column[COLUMNS_MAX];
	int x[COLUMNS_MAX], width[COLUMNS_MAX];
};

void columns_lay_out(struct table *t);
void columns_head(const struct table *t, int row);
void columns_forget(struct table *t); /* how wide its values were */
const char *column_title(const struct field *f);
const struct field *columns_at(const struct table *t, int column); /* NULL: none */
bool columns_scroll(struct table *t, int by); /* false: there are no more on that side */
void columns_tell(
	const struct table *t, struct text *out); /* how many there are, where some are hidden */

void table_set_columns(struct ui *u, struct screen *s, const char *names);

const struct field *ui_field(struct ui *u, const struct screen_class *c, const char *name);

#endif
