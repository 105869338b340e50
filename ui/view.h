/*
 * view.h - what the screens of the live view share.
 *
 * A screen is a class (what it lists, its columns, what its keys do) and its state. Screens lie on
 * a stack: the one on top is shown, Escape takes it off. Nearly all are tables: a class says how
 * its rows are collected and a field table says the rest (table.c). A class that is no table draws
 * itself.
 *
 * Everything runs on the thread that has the records, inside of the sink's functions; nothing waits
 * for a key.
 */
#ifndef TSUMARI_UI_VIEW_H
#define TSUMARI_UI_VIEW_H

#include "settings.h"
#include "dialog.h"
#include "frames.h"
#include "present.h"
#include "screen.h"
#include "store.h"
#include "ui.h"
#include "base/clock.h"
#include "base/rusage.h"
#include "model/model.h"
#include "out/filter.h"
#include <sys/types.h>

#define STACK_MAX 16u
#define MARKS_MAX 1024u
#define TABS      8u

struct ui;
struct screen;

enum ui_mode { MODE_LIVE, MODE_PAUSED, MODE_REWOUND };

struct ui {
	struct ui_options o;
	struct config config;
	struct store *store;
	struct frames *frames;
	struct model *live;  /* of all records since the start */
	struct model *shown; /* what screens read: live, or one made of the records kept */
	struct moments *moments;
	struct instant *moment; /* of the shown one, what was under way; NULL: nothing is known */
	struct present present;
	struct schema_env env;
	struct schema **schemas; /* of flows, then of each dissector with records */
	unsigned nschemas;
	const struct field **fields; /* every field there is, once, by name */
	unsigned nfields;

	struct screen *tab[TABS]; /* made when first shown */
	unsigned current;         /* of tab[] */
	struct screen *stack[STACK_MAX];
	unsigned depth;
	struct dialog dialog;
	struct saving *saving; /* save.c; NULL: nothing is being saved */
	uint64_t work_at;      /* monotonic: when there is time for more of it */
	bool working;

	char display[SCOPE_MAX]; /* the display filter; "": none */
	struct filter *filter;
	char capture[SCOPE_MAX]; /* the capture filter as it is now */
	char search[128];
	uint64_t marks[MARKS_MAX];
	unsigned nmarks;

	enum ui_mode mode;
	uint64_t until; /* record number that the view ends before, unless it is live */
	uint64_t until_time;

	bool freeze; /* stop at a new finding */
	unsigned known_findings;
	uint64_t looked; /* for findings; monotonic */

	uint64_t now;           /* newest time of the capture, ns */
	uint64_t begun;         /* when listening began, ns since the epoch; 0: a file */
	uint64_t drawn, polled; /* monotonic */
	bool dirty, quit, over; /* over: the capture has ended */
	char note[256];         /* the last message */
	bool note_bad;
	uint64_t note_until;
	uint64_t frames_before, bytes_before, rate_at; /* for the rates in the first line */
	double frame_rate, byte_rate;
	struct cost cost; /* our own, as of rate_at */
	double processor; /* part of one that we took before it */
};

struct model *ui_model(struct ui *u); /* a new one */
void ui_note(struct ui *u, bool bad, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct screen *ui_top(struct ui *u);
/* A screen on top of the others; NULL where the stack is full. */
struct screen *ui_push(struct ui *u, const struct screen_class *c);
void ui_pop(struct ui *u);
void ui_tab(struct ui *u, unsigned i);
/* What a screen is about; false, with a message, where the filter is none. */
bool ui_scope(struct ui *u, struct screen *s, const char *filter, const char *label);
/* A screen on top that is about a part of what there is. */
void ui_push_scope(
	struct ui *u, const struct screen_class *c, const char *filter, const char *label);
void ui_stale(struct ui *u); /* everything is to be collected anew */
/* Does a record belong to a screen? By the display filter and the screen's scope. */
bool ui_wanted(struct ui *u, struct screen *s, const struct record *r);
/* The schema of a record. */
const struct schema *ui_schema(struct ui *u, const struct record *r);
/* Screens that are always there. */
extern const struct screen_class *const ui_tabs[TABS];
struct term_options ui_look(const struct ui *u); /* as the configuration has it */
bool ui_marked(const struct ui *u, uint64_t id);
void ui_mark(struct ui *u, uint64_t id);

/* The transactions of one operation (model/operation.h) that fit a filter, the slowest first. */
void ui_push_operation(struct ui *u, const char *filter, const char *operation, size_t n);

#endif
