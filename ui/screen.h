/*
 * screen.h - a screen: its class, which says what it lists and what its keys do, and its state.
 */
#ifndef TSUMARI_UI_SCREEN_H
#define TSUMARI_UI_SCREEN_H

#include "table.h"
#include "term.h"
#include "out/filter.h"

struct ui;

#define SCOPE_MAX 512u

struct key_help {
	const char *keys, *what;
};

struct screen_class {
	const char *name; /* in the configuration and the tabs */
	const char *title;
	/* A table: NULL stands for records, whose columns are all fields there are. */
	const struct field *fields;
	const char *columns;         /* those shown at first, by name, parted by blanks */
	const char *columns_less;    /* instead, where nothing is known of places; NULL: the same */
	const char *sort;            /* "-name": the greatest first; NULL */
	bool follow;                 /* shows the newest row at first */
	const struct key_help *help; /* ends with NULL keys; what only this screen does */

	void (*collect)(struct ui *u, struct screen *s);
	bool (*value)(struct ui *u, struct screen *s, uint32_t row, const struct field *f,
		struct schema_value *v);
	uint64_t (*id)(struct screen *s, uint32_t row);
	enum role (*role)(struct screen *s, uint32_t row);          /* may be NULL */
	void (*open)(struct ui *u, struct screen *s, uint32_t row); /* Enter; may be NULL */
	/* Not a table: draws rows from `row` on, so many. */
	void (*draw)(struct ui *u, struct screen *s, int row, int rows);
	bool (*key)(struct ui *u, struct screen *s, int key);   /* true: it was for this screen */
	void (*click)(struct ui *u, struct screen *s, int row); /* may be NULL */
	/* Not a table: to the next place that holds a text; false: there is none. May be NULL. */
	bool (*search)(struct ui *u, struct screen *s, const char *text, int direction, bool again);
	/* A little of what takes longer; true: there is more of it. May be NULL. */
	bool (*work)(struct ui *u, struct screen *s);
	void (*free)(struct screen *s);
};

struct screen {
	const struct screen_class *class;
	struct table table;
	char scope[SCOPE_MAX]; /* a display filter: what was drilled down to; "": all */
	char label[SCOPE_MAX]; /* the same as people read it */
	struct filter *filter; /* of the scope */
	char *operation;       /* those of one operation only (model/operation.h); NULL */
	size_t noperation;
	char remark[128];         /* what else there is to say of what it shows */
	bool stale;               /* to be collected anew */
	uint64_t collected, cost; /* monotonic ns: when, and how long it took */
	uint64_t seen;            /* record number up to which it was collected */
	uint64_t seen_moment;     /* and the number of the moment */
	void *state;              /* the class's */
};

#endif
