/*
 * screen_help.c - the keys: those of the screen it was asked for on, then those of all screens.
 */
#include "screens.h"
#include "columns.h"
#include "lines.h"
#include "screen.h"
#include "view.h"
#include "base/mem.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>

struct state {
	const struct screen_class *about;
	struct lines lines;
};

static const struct key_help table_keys[] = {
	{"Up Down j k", "one row up, down"},
	{"PgUp PgDn ^B ^F", "a page up, down; ^U ^D half of one"},
	{"Home End g G", "the first row, the last one"},
	{"Left Right h l", "scroll the columns; the first one stays"},
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
	{"F1 ?", "this help; any key closes it"},
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
	{"mouse", "select, open (on the selected row), sort (on a column's head), scroll, choose"},
	{NULL, NULL},
};

/* A key and, in as many lines as it takes, what it does. */
static void explain(struct lines *l, int y, const struct key_help *h)
{
	int at = term_columns() < 60 ? 12 : 24, width = term_columns() - at;
	const char *what = h->what;

	term_put(y, at > 20 ? 3 : 1, at > 20 ? 20 : 10, h->keys, ROLE_KEY);
	if (width < 8)
		return;
	for (;;) {
		size_t n = lines_break(what, (size_t)width);

		term_text(y, at, width, what, n, ROLE_TEXT);
		what += n;
		what += strspn(what, " ");
		if (!*what)
			return;
		y = lines_next(l);
	}
}

static void section(struct lines *l, const char *title, const struct key_help *h)
{
	if (!h)
		return;
	term_put(lines_next(l), 1, term_columns() - 1, title, ROLE_ACCENT);
	for (; h->keys; h++) {
		int y = lines_next(l);

		explain(l, y, h);
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
	snprintf(s->remark, sizeof(s->remark), "any key closes it%s",
		lines_hidden(&x->lines) ? "; j k Space scroll" : "");
}

/* Any key closes it but those that leave the program and, where it is longer than the screen,
   scroll. */
static bool key(struct ui *u, struct screen *s, int k)
{
	struct lines *l = &((struct state *)s->state)->lines;

	if (k == KEY_F(10) || k == 'Q' || k == 3)
		return false;
	if (lines_hidden(l) && lines_key(l, k))
		return true;
	ui_pop(u);
	return true;
}

static void click(struct ui *u, struct screen *s, int row)
{
	(void)s;
	(void)row;
	ui_pop(u);
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
	.click = click,
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
