/*
 * screen_help.c - the keys: those of the screen it was asked for on, then those of all screens.
 */
#include "view.h"
#include "base/mem.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>

struct state {
	const struct screen_class *about;
	unsigned top, lines, height;
};

static const struct key_help table_keys[] = {
	{"Up Down j k", "one row up, down"},
	{"PgUp PgDn ^B ^F", "a page up, down; ^U ^D half of one"},
	{"Home End g G", "the first row, the last one"},
	{"Left Right h l", "scroll the columns"},
	{"Enter", "open the row"},
	{"f", "follow: the newest row stays selected"},
	{"Space U", "mark a row; unmark all"},
	{"F3 / n N", "search in the columns shown; again, backwards"},
	{"F6 s", "choose the column to sort by; < > the one before, the next"},
	{"r", "the other way round"},
	{"F2 C", "choose columns"},
	{NULL, NULL},
};

static const struct key_help common_keys[] = {
	{"1 to 7 Tab", "the screens; Shift-Tab the one before"},
	{"Esc Backspace q", "back; q on a first screen leaves the program"},
	{"F1 ?", "this help"},
	{"F4 \\ Y", "display filter: which records are shown; Tab completes names"},
	{"B", "capture filter, of an interface"},
	{"F5 p", "pause and go on; the capture goes on meanwhile"},
	{"F7 F8 [ ]", "ten seconds back, forward; { } a minute; L the present"},
	{"Z", "a new finding pauses the view, or does not"},
	{"F9 w", "save packets or records"},
	{"S W", "settings; write them, and columns and order, to the configuration"},
	{"^L", "draw everything anew"},
	{"^Z", "stop the program; fg goes on"},
	{"F10 Q", "leave the program"},
	{"mouse", "select, open (on the selected row), sort (on a column's head), scroll"},
	{NULL, NULL},
};

static void section(struct state *x, const char *title, const struct key_help *h, int row, int rows,
	unsigned *line)
{
	char line_text[80];

	if (!h)
		return;
	for (int i = -1; i < 0 || h[i].keys; i++, (*line)++) {
		int y = row + (int)*line - (int)x->top;

		if (*line < x->top || y >= row + rows)
			continue;
		if (i < 0) {
			snprintf(line_text, sizeof(line_text), "%s", title);
			term_put(y, 1, term_columns() - 1, line_text, ROLE_ACCENT);
		} else {
			term_put(y, 3, 20, h[i].keys, ROLE_KEY);
			term_put(y, 24, term_columns() - 24, h[i].what, ROLE_TEXT);
		}
	}
	(*line)++;
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	unsigned line = 0;

	(void)u;
	x->height = (unsigned)rows;
	section(x, x->about->title, x->about->help, row, rows, &line);
	if (!x->about->draw)
		section(x, "Tables", table_keys, row, rows, &line);
	section(x, "Everywhere", common_keys, row, rows, &line);
	x->lines = line;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	struct state *x = s->state;
	unsigned most = x->lines > x->height ? x->lines - x->height : 0;

	(void)u;
	switch (k) {
	case KEY_UP:
	case 'k':
		x->top -= x->top > 0;
		return true;
	case KEY_DOWN:
	case 'j':
		x->top += x->top < most;
		return true;
	case KEY_NPAGE:
	case ' ':
		x->top = x->top + x->height > most ? most : x->top + x->height;
		return true;
	case KEY_PPAGE:
		x->top -= x->top < x->height ? x->top : x->height;
		return true;
	default:
		return false;
	}
}

static void release(struct screen *s)
{
	free(s->state);
}

const struct screen_class help_class = {
	.name = "help",
	.title = "Help",
	.draw = draw,
	.key = key,
	.free = release,
};

void help_open(struct ui *u)
{
	const struct screen_class *about = ui_top(u)->class;
	struct screen *s = ui_push(u, &help_class);
	struct state *x;

	if (!s)
		return;
	x = s->state = xcalloc(1, sizeof(*x));
	x->about = about;
}
