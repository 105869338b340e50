/*
 * screen_help.c - the keys: those of the screen it was asked for on, then those of all screens.
 */
#include "lines.h"
#include "view.h"
#include "base/mem.h"
#include <stdlib.h>

struct state {
	const struct screen_class *about;
	struct lines lines;
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
	{"1 to 8 Tab", "the screens; Shift-Tab the one before"},
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

static void section(struct lines *l, const char *title, const struct key_help *h)
{
	if (!h)
		return;
	term_put(lines_next(l), 1, term_columns() - 1, title, ROLE_ACCENT);
	for (; h->keys; h++) {
		int y = lines_next(l);

		term_put(y, 3, 20, h->keys, ROLE_KEY);
		term_put(y, 24, term_columns() - 24, h->what, ROLE_TEXT);
	}
	lines_next(l);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;

	(void)u;
	lines_begin(&x->lines, row, rows);
	section(&x->lines, x->about->title, x->about->help);
	if (!x->about->draw)
		section(&x->lines, "Tables", table_keys);
	section(&x->lines, "Everywhere", common_keys);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	(void)u;
	return lines_key(&((struct state *)s->state)->lines, k);
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
