/*
 * term.h - the terminal of the live view: opened and restored, drawn to, read from.
 *
 * There is one. Whatever ends the program (exit, a signal, a crash) gives it back as it was. Text
 * from the wire goes to it through term_text() only, which escapes it; rows and columns count from
 * 0.
 */
#ifndef TSUMARI_UI_TERM_H
#define TSUMARI_UI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role { /* what a piece of the screen is; a theme gives it its colours */
	ROLE_TEXT,
	ROLE_DIM,
	ROLE_BAR,  /* the lines at the top and the bottom */
	ROLE_KEY,  /* a key's name in them */
	ROLE_TAB,  /* the screen that is shown */
	ROLE_HEAD, /* of a table */
	ROLE_SELECTED,
	ROLE_MARKED,
	ROLE_GOOD,
	ROLE_WARN,
	ROLE_BAD,
	ROLE_ACCENT,
	ROLE_NETWORK, /* parts of a ledger */
	ROLE_SERVER,
	ROLE_STALL,
	ROLE_COUNT
};

enum { KEY_NONE = -1, KEY_ESCAPE = 27 };

struct term_options {
	const char *theme; /* "dark", "light" or "mono" */
	bool ascii;        /* nothing else, whatever the locale says */
	bool mouse;
};

/* Does it look as if there were one that can be drawn on, and keys? */
bool term_possible(void);
/* Is there a terminal of this name (TERM)? newterm() of an unknown one leaks what it had made. */
bool term_known(const char *name);
/* False, with one line in err, where there is no terminal to draw on. */
bool term_open(const struct term_options *o, char *err, size_t errsize);
/* Gives it back; does nothing where it is not open. */
void term_close(void);
/* After a change of the options. */
void term_restyle(const struct term_options *o);
/* A SIGTSTP came: gives the terminal back, stops, and takes it again. Called now and then. */
void term_pause_if_asked(void);

int term_fd(void);  /* what keys come from, for poll() */
int term_key(void); /* the next one as ncurses numbers it; KEY_NONE: there is none */
/* Of the mouse event that term_key() gave KEY_MOUSE for: the button (1; 4 and 5: the wheel). */
unsigned term_mouse(int *row, int *column);
int term_rows(void);
int term_columns(void);
bool term_colours(void); /* are there any? */
bool term_utf8(void);    /* may other characters than ASCII be drawn? */

void term_clear(void);
void term_flush(void);                 /* to the terminal */
void term_cursor(int row, int column); /* shown there at the next flush; row -1: hidden */

/*
 * At most `width` columns of text from anywhere: escaped so that it can be told what it was, cut
 * with a mark where it is too long, filled with blanks where it is shorter. Outside of the screen
 * nothing is drawn. term_put() is for texts of ours: what a terminal could act on becomes a
 * question mark.
 */
void term_text(int row, int column, int width, const char *p, size_t n, enum role role);
void term_put(int row, int column, int width, const char *s, enum role role);
/* The same, at the right end of its place. */
void term_right(int row, int column, int width, const char *s, enum role role);
/* One piece of a drawing: a bar so many columns long; of letters where there are no colours. */
void term_bar(int row, int column, int width, double columns, enum role role);
/* What stands for a role where there are no colours. */
char term_letter(enum role role);
/* A level (0 to 8) of a history. */
void term_level(int row, int column, unsigned level, enum role role);
/* Columns that text of ours will take; that text from anywhere will take, escaped. */
int term_width(const char *p, size_t n);
int term_text_width(const char *p, size_t n);

#endif
