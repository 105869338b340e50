/*
 * dialog.h - a question to the user at the foot of the screen: a line of text, or a choice from a
 * list. A dialog is a state that keys change, not a loop: everything else goes on meanwhile.
 */
#ifndef TSUMARI_UI_DIALOG_H
#define TSUMARI_UI_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

#define DIALOG_TEXT 512u

struct ui;

struct dialog {
	const char *title; /* NULL: there is no dialog */
	/* A line. */
	char text[DIALOG_TEXT];
	size_t len, at;
	char error[256]; /* what is wrong with it as it stands */
	/* Tells whether the text is good as it stands; may be NULL. */
	bool (*check)(struct ui *u, const char *text, char *err, size_t errsize);
	/* Called on each change; may be NULL. */
	void (*changed)(struct ui *u, const char *text);
	bool complete_fields; /* Tab completes names of fields */
	/* Enter. The dialog is over by then. */
	void (*done)(struct ui *u, const char *text);
	/* Escape; may be NULL. */
	void (*left)(struct ui *u);
	/* A choice: items 0 to n-1; typed letters find one. */
	unsigned n, selected, top;
	int row, height, column, width; /* where its items were drawn, for the mouse */
	const char *(*item)(struct ui *u, unsigned i);
	bool (*chosen)(struct ui *u, unsigned i); /* is its box ticked? NULL: no boxes */
	void (*toggle)(struct ui *u, unsigned i); /* the blank, where there are boxes */
	void (*pick)(struct ui *u, unsigned i);   /* Enter */
};

void dialog_line(struct ui *u, const char *title, const char *text,
	void (*done)(struct ui *u, const char *text));
void dialog_list(struct ui *u, const char *title, unsigned n,
	const char *(*item)(struct ui *u, unsigned i), void (*pick)(struct ui *u, unsigned i));
void dialog_close(struct ui *u);
bool dialog_key(struct ui *u, int key); /* false: there is no dialog */
/* The wheel moves in a list; a click chooses, outside of the list it leaves. */
void dialog_mouse(struct ui *u, unsigned button, int row, int column);
void dialog_draw(struct ui *u, int row, int rows);

#endif
