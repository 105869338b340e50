/*
 * lines.h - a screen of lines that is longer than the terminal is high: what is in sight is drawn,
 * keys scroll.
 */
#ifndef TSUMARI_UI_LINES_H
#define TSUMARI_UI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include "term.h"

struct lines {
	int row, rows;  /* of the terminal: the first one, so many */
	unsigned top;   /* line in the first row */
	unsigned line;  /* the next one to be drawn */
	unsigned count; /* lines there were the last time */
};

/* Drawing begins anew. */
void lines_begin(struct lines *l, int row, int rows);
/* The row of the next line; -1: it is out of sight (which term_put() and the like leave out). */
int lines_next(struct lines *l);
/* A line left free and a title. */
void lines_heading(struct lines *l, const char *title);
/* A text in lines as wide as the terminal, from a column on. */
void lines_text(struct lines *l, int column, const char *text, enum role role);
/* A heading and a text; nothing where there is no text. */
void lines_paragraph(struct lines *l, const char *title, const char *text);
/* Bytes of a text that go into a line so wide, ending at a blank where there is one. */
size_t lines_break(const char *text, size_t width);
/* Is there more than is in sight? */
bool lines_hidden(const struct lines *l);
/* Scrolls; false: the key is for something else. */
bool lines_key(struct lines *l, int key);

#endif
