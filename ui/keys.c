/*
 * keys.c - which key does what, and the mouse.
 */
#include "keys.h"
#include "draw.h"
#include "prompt.h"
#include "save.h"
#include "screen.h"
#include "screens.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include <curses.h>

static void go_back(struct ui *u)
{
	if (u->depth)
		ui_pop(u);
	else if (u->nmarks)
		u->nmarks = 0;
	else if (u->display[0])
		ui_set_filter(u, "", NULL, 0);
}

static bool time_key(struct ui *u, int key)
{
	switch (key) {
	case KEY_F(5):
	case 'p':
		ui_pause(u, u->mode == MODE_LIVE);
		return true;
	case KEY_F(7):
	case '[':
		ui_rewind(u, -10);
		return true;
	case KEY_F(8):
	case ']':
		ui_rewind(u, 10);
		return true;
	case '{':
		ui_rewind(u, -60);
		return true;
	case '}':
		ui_rewind(u, 60);
		return true;
	case 'L':
		ui_live(u);
		return true;
	case 'Z':
		u->freeze = !u->freeze;
		config_set(&u->config, "freeze", u->freeze ? "yes" : "no");
		ui_note(u, false,
			u->freeze ? "a new finding pauses the view"
				  : "findings do not pause the view");
		return true;
	default:
		return false;
	}
}

static bool dialog_keys(struct ui *u, int key)
{
	switch (key) {
	case KEY_F(2):
	case 'C':
		prompt_columns(u);
		return true;
	case KEY_F(3):
	case '/':
		prompt_search(u);
		return true;
	case KEY_F(4):
	case '\\':
	case 'Y':
		prompt_filter(u);
		return true;
	case KEY_F(6):
	case 's':
		prompt_sort(u);
		return true;
	case KEY_F(9):
	case 'w':
		save_ask(u);
		return true;
	case 'B':
		prompt_capture(u);
		return true;
	case 'S':
		prompt_settings(u);
		return true;
	default:
		return false;
	}
}

static bool global_key(struct ui *u, int key)
{
	if (key >= '1' && key < '1' + (int)TABS) {
		ui_tab(u, (unsigned)(key - '1'));
		return true;
	}
	switch (key) {
	case 'q':
		if (u->depth)
			ui_pop(u);
		else
			u->quit = true;
		return true;
	case KEY_F(10):
	case 'Q':
	case 3: /* where ^C is no signal */
		u->quit = true;
		return true;
	case KEY_ESCAPE:
	case KEY_BACKSPACE:
	case 127:
		go_back(u);
		return true;
	case '\t':
		ui_tab(u, u->current + 1);
		return true;
	case KEY_BTAB:
		ui_tab(u, u->current + TABS - 1);
		return true;
	case KEY_F(1):
	case '?':
		help_open(u);
		return true;
	case 'n':
		prompt_search_again(u, 1);
		return true;
	case 'N':
		prompt_search_again(u, -1);
		return true;
	case 'U':
		u->nmarks = 0;
		return true;
	case 'W':
		prompt_write_config(u);
		return true;
	case 12: /* ^L */
		clearok(curscr, TRUE);
		return true;
	default:
		return time_key(u, key) || dialog_keys(u, key);
	}
}

static void on_key(struct ui *u, int key);

static void on_mouse(struct ui *u)
{
	int row, column;
	unsigned button = term_mouse(&row, &column);
	struct screen *s = ui_top(u);

	if (!button)
		return;
	if (u->dialog.title) {
		dialog_mouse(u, button, row, column);
		return;
	}
	if (row == term_rows() - 1 && button == 1) {
		int key = ui_bar_key(column);

		if (key != KEY_NONE)
			on_key(u, key);
	} else if (row == 1 && button == 1) {
		unsigned i = ui_tab_at(u, column);

		if (i < TABS)
			ui_tab(u, i);
	} else if (!s->class->draw) {
		table_mouse(u, s, button, row, column);
	} else if (s->class->click && button == 1) {
		s->class->click(u, s, row);
	} else if (s->class->key && button != 1) {
		s->class->key(u, s, button == 4 ? KEY_UP : KEY_DOWN);
	}
}

static void on_key(struct ui *u, int key)
{
	struct screen *s = ui_top(u);

	u->dirty = true;
	if (key == KEY_RESIZE)
		return;
	/* A key that was typed ahead finds the rows that it is for. */
	if (!s->collected)
		ui_collect(u, s);
	if (key == KEY_MOUSE) {
		on_mouse(u);
		return;
	}
	if (dialog_key(u, key))
		return;
	if (s->class->key && s->class->key(u, s, key))
		return;
	if (!s->class->draw && table_key(u, s, key))
		return;
	if (!global_key(u, key) && key < KEY_MIN)
		ui_note(u, false, "that key does nothing here; F1 or ? shows those that do");
}

void ui_keys(struct ui *u)
{
	for (int key; !u->quit && (key = term_key()) != KEY_NONE;) {
		/* A terminal sends these for keys of its own; what Alt makes is Escape first. */
		on_key(u, key);
	}
}
