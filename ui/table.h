/*
 * table.h - a table: its rows are its class's (screen.h), here is how they are shown, sorted and
 * selected.
 */
#ifndef TSUMARI_UI_TABLE_H
#define TSUMARI_UI_TABLE_H

#include "columns.h"

struct table {
	const struct field *columns[COLUMNS_MAX];
	unsigned ncolumns, left;   /* left: columns scrolled out behind the first */
	uint8_t seen[COLUMNS_MAX]; /* the widest value drawn so far */
	struct layout at;
	const struct field *sort; /* NULL: as they were collected */
	bool descending, follow;  /* follow: the last row stays selected */
	uint32_t n;               /* rows */
	uint32_t *order;          /* of rows, n of them */
	uint32_t selected, top;   /* places in the order */
	uint64_t selected_id;
	uint32_t height; /* rows drawn last time */
	int head_row;    /* where it was drawn, for the mouse */
};

void table_init(struct ui *u, struct screen *s);
/* After class->collect: order and selection. */
void table_collected(struct ui *u, struct screen *s);
void table_draw(struct ui *u, struct screen *s, int row, int rows);
bool table_key(struct ui *u, struct screen *s, int key);
void table_mouse(struct ui *u, struct screen *s, unsigned button, int row, int column);
void table_release(struct table *t);
/* The row selected, UINT32_MAX: there is none. */
uint32_t table_row(const struct table *t);
bool table_search(struct ui *u, struct screen *s, const char *text, int direction, bool again);
void table_set_sort(struct ui *u, struct screen *s, const char *name);

#endif
