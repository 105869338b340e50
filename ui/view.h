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

#include "out/cell.h"
#include "settings.h"
#include "dialog.h"
#include "ends.h"
#include "frames.h"
#include "moments.h"
#include "store.h"
#include "term.h"
#include "ui.h"
#include "base/cost.h"
#include "model/model.h"
#include "out/filter.h"
#include <sys/types.h>

#define COLUMNS_MAX 32u
#define SCOPE_MAX   512u
#define STACK_MAX   16u
#define MARKS_MAX   1024u
#define TABS        8u

struct ui;
struct screen;

struct key_help {
	const char *keys, *what;
};

/* Where the columns of a table stand (columns.c). */
struct layout {
	unsigned n, behind; /* columns drawn; those further right */
	unsigned column[COLUMNS_MAX];
	int x[COLUMNS_MAX], width[COLUMNS_MAX];
};

/* One table: its rows are the class's, here is how they are shown. */
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

/* A model of the present that is being made (present.c). */
struct present {
	struct model *model; /* NULL: none is */
	struct instant *moment;
	uint64_t next, fed, slice_end;
	bool again; /* of the same moment: what is wanted has changed */
};

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

uint64_t ui_monotonic(void);
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
bool ui_set_filter(struct ui *u, const char *text, char *err, size_t errsize);
uint64_t ui_until(const struct ui *u); /* number of the record the view ends before */
/* A record that is wanted goes into a model; so does what is under way. */
void ui_feed(struct ui *u, struct model *m, const struct record *r);
void ui_feed_moment(struct ui *u, struct model *m);

/* Does a record belong to a screen? By the display filter and the screen's scope. */
bool ui_wanted(struct ui *u, struct screen *s, const struct record *r);
/* The schema of a record. */
const struct schema *ui_schema(struct ui *u, const struct record *r);
const struct field *ui_field(struct ui *u, const struct screen_class *c, const char *name);

/* Screens that are always there. */
extern const struct screen_class *const ui_tabs[TABS];
struct term_options ui_look(const struct ui *u); /* as the configuration has it */

/* draw.c */
void ui_draw(struct ui *u);
/* What a screen shows, where that has changed and there is time. */
void ui_collect(struct ui *u, struct screen *s);
unsigned ui_tab_at(const struct ui *u, int column); /* whose name is there; TABS: none */
int ui_bar_key(int column);                         /* of the last line; KEY_NONE */

/* keys.c */
void ui_keys(struct ui *u); /* all that were pressed */

/* ask.c */
void ask_search(struct ui *u);
void search_again(struct ui *u, int direction);
void ask_filter(struct ui *u);
void ask_capture(struct ui *u);
void ask_columns(struct ui *u);
void ask_sort(struct ui *u);
void ask_settings(struct ui *u);
void write_config(struct ui *u);

/* present.c: whether the present is shown so; a little more of it, true: there is more to do. */
bool present_used(const struct ui *u);
bool present_work(struct ui *u);
void present_drop(struct ui *u);

/* under_way.c: lines of the overview, up to a row; gives the next one. How much there is; nothing:
   it is not known, or there is nothing. */
int under_way_draw(struct ui *u, int y, int end);
void under_way_line(const struct ui *u, struct text *t);

/* rewind.c */
/* The time that what is shown was listened for, ns. */
uint64_t ui_listened(const struct ui *u);
/* Makes the model that is shown anew. */
void ui_remodel(struct ui *u);
void ui_pause(struct ui *u, bool on);
void ui_rewind(struct ui *u, int64_t seconds);
void ui_live(struct ui *u);

/* columns.c */
void columns_lay_out(struct table *t);
void columns_head(const struct table *t, int row);
void columns_forget(struct table *t); /* how wide its values were */
const char *column_title(const struct field *f);
const struct field *columns_at(const struct table *t, int column); /* NULL: none */
bool columns_scroll(struct table *t, int by); /* false: there are no more on that side */
void columns_tell(
	const struct table *t, struct text *out); /* how many there are, where some are hidden */

/* table.c */
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
void table_set_columns(struct ui *u, struct screen *s, const char *names);
void table_set_sort(struct ui *u, struct screen *s, const char *name);
bool ui_marked(const struct ui *u, uint64_t id);
void ui_mark(struct ui *u, uint64_t id);

/* screens */
extern const struct screen_class overview_class, services_class, transactions_class, digests_class,
	flows_class, findings_class, tiers_class, hosts_class;
extern const struct screen_class detail_class, packets_class, tree_class, help_class, stream_class,
	ladder_class;

/* How an entry of the ledger is drawn: as network, server, stall, or (dim) not known. */
enum role ledger_role(int entry);
/* How many findings there are by now that are more than information. */
unsigned findings_count(struct ui *u);
/* The verdict in a sentence or two; nothing where there is none. */
void findings_line(struct ui *u, struct text *out);
/* The transactions of one operation (model/operation.h) that fit a filter, the slowest first. */
void ui_push_operation(struct ui *u, const char *filter, const char *operation, size_t n);
/* Rows of the record tables. */
const struct record *records_row(const struct screen *s, uint32_t row);
/* What a record is about: its transaction or flow. */
void detail_open(struct ui *u, const struct record *r);
/* The packets of a connection, or (r NULL) the frames of a list. */
void packets_open_flow(struct ui *u, const struct record *r);
void packets_open_list(struct ui *u, const uint64_t *frames, unsigned n, const char *label);
/* False: `from` has no such frame. */
bool tree_open(struct ui *u, struct frames *from, uint64_t frame, const struct dissector *app,
	enum side side);
void help_open(struct ui *u);
/* A request with its tiers, as a ladder: that of a record, the slowest one of a connection, of an
   operation, of those that a filter matches. */
void ladder_open(struct ui *u, const struct record *r);
void ladder_open_flow(struct ui *u, uint64_t flow_id);
void ladder_open_matching(struct ui *u, const char *filter);
void ladder_open_operation(
	struct ui *u, const struct addr *ip, uint16_t port, const char *operation, size_t n);
/* The text of the connection of a record, or of a packet that one of the ends sent to the other. */
void stream_open_record(struct ui *u, const struct record *r);
void stream_open_packet(struct ui *u, const struct ends *e, uint64_t frame);
/* That of the row selected in a list of packets. */
void packets_open_stream(struct ui *u, struct screen *s);

/* save.c */
void save_ask(struct ui *u);
bool save_work(struct ui *u); /* as class->work */
void save_stop(struct ui *u); /* where something is being saved: no more of it */

#endif
