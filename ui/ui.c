/*
 * ui.c - the live view's sink: what comes in, what is drawn, which key does what (ui.h).
 */
#include "view.h"
#include "base/mem.h"
#include "core/community.h"
#include "core/registry.h"
#include "model/operation.h"
#include "run/source.h"
#include <curses.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAW_EVERY UINT64_C(100000000)
#define NOTE_TIME  UINT64_C(4000000000)
#define SECOND     UINT64_C(1000000000)
#define COST_SHARE 20u

static volatile sig_atomic_t stop_asked;

static const struct screen_class *const tabs[TABS] = {&overview_class, &services_class,
	&transactions_class, &digests_class, &flows_class, &findings_class, &tiers_class};

uint64_t ui_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void ui_note(struct ui *u, bool bad, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(u->note, sizeof(u->note), format, ap);
	va_end(ap);
	u->note_bad = bad;
	u->note_until = ui_monotonic() + NOTE_TIME;
	u->dirty = true;
}

void ui_stop(void)
{
	stop_asked = 1;
}

/* The schemas, and every field once. */

static int by_name(const void *a, const void *b)
{
	const struct field *const *x = a, *const *y = b;

	return schema_name_cmp((*x)->name, (*y)->name);
}

static bool add_schema(struct ui *u, const struct dissector *d, char *err, size_t errsize)
{
	struct schema *s = schema_new(d, err, errsize);

	if (!s)
		return false;
	u->schemas = xrealloc(u->schemas, (u->nschemas + 1) * sizeof(struct schema *));
	u->schemas[u->nschemas++] = s;
	u->fields = xrealloc(u->fields, (u->nfields + s->n) * sizeof(struct field *));
	for (unsigned i = 0; i < s->n; i++)
		u->fields[u->nfields++] = s->columns[i].field;
	return true;
}

static bool make_schemas(struct ui *u, char *err, size_t errsize)
{
	unsigned n = 0;

	if (!add_schema(u, NULL, err, errsize))
		return false;
	for (unsigned i = 0; i < registry_count(); i++)
		if (schema_has_records(registry_get(i)) &&
			!add_schema(u, registry_get(i), err, errsize))
			return false;
	qsort(u->fields, u->nfields, sizeof(struct field *), by_name);
	for (unsigned i = 0; i < u->nfields; i++)
		if (!n || strcmp(u->fields[n - 1]->name, u->fields[i]->name) != 0)
			u->fields[n++] = u->fields[i];
	u->nfields = n;
	return true;
}

const struct schema *ui_schema(struct ui *u, const struct record *r)
{
	const struct dissector *d = r->kind == RECORD_FLOW ? NULL : r->dissector;

	for (unsigned i = 0; i < u->nschemas; i++)
		if (u->schemas[i]->dissector == d)
			return u->schemas[i];
	return u->schemas[0];
}

struct model *ui_model(struct ui *u)
{
	struct model_config c = {.literal = u->o.literal};

	struct model *m = model_new(&c);

	model_find(m, u->o.thresholds);
	return m;
}

/* Screens. */

static struct screen *screen_new(struct ui *u, const struct screen_class *c)
{
	struct screen *s = xcalloc(1, sizeof(*s));

	s->class = c;
	s->stale = true;
	if (!c->draw)
		table_init(u, s);
	return s;
}

static void screen_free(struct screen *s)
{
	if (!s)
		return;
	if (s->class->free)
		s->class->free(s);
	table_release(&s->table);
	filter_free(s->filter);
	free(s->operation);
	free(s);
}

struct screen *ui_top(struct ui *u)
{
	if (u->depth)
		return u->stack[u->depth - 1];
	if (!u->tab[u->current])
		u->tab[u->current] = screen_new(u, tabs[u->current]);
	return u->tab[u->current];
}

struct screen *ui_push(struct ui *u, const struct screen_class *c)
{
	if (u->depth == STACK_MAX) {
		ui_note(u, true, "too deep: go back first (Esc)");
		return NULL;
	}
	u->dirty = true;
	return u->stack[u->depth++] = screen_new(u, c);
}

void ui_pop(struct ui *u)
{
	if (u->depth)
		screen_free(u->stack[--u->depth]);
	u->dirty = true;
}

void ui_tab(struct ui *u, unsigned i)
{
	while (u->depth)
		ui_pop(u);
	u->current = i % TABS;
	u->dirty = true;
}

bool ui_scope(struct ui *u, struct screen *s, const char *filter, const char *label)
{
	char err[256];
	struct filter *f = filter_new(filter, &u->env, err, sizeof(err));

	if (!f) {
		ui_note(u, true, "%s", err);
		return false;
	}
	filter_free(s->filter);
	s->filter = f;
	snprintf(s->scope, sizeof(s->scope), "%s", filter);
	snprintf(s->label, sizeof(s->label), "%s", label);
	s->stale = true;
	return true;
}

void ui_push_scope(
	struct ui *u, const struct screen_class *c, const char *filter, const char *label)
{
	struct screen *s = ui_push(u, c);

	if (s && !ui_scope(u, s, filter, label))
		ui_pop(u);
}

void ui_push_operation(struct ui *u, const char *filter, const char *operation, size_t n)
{
	struct screen *s = ui_push(u, &transactions_class);

	if (!s)
		return;
	if (!ui_scope(u, s, filter, "")) {
		ui_pop(u);
		return;
	}
	snprintf(s->label, sizeof(s->label), "%.*s", (int)(n < SCOPE_MAX ? n : SCOPE_MAX),
		operation);
	s->operation = xmalloc(n + 1);
	memcpy(s->operation, operation, n);
	s->noperation = n;
	table_set_sort(u, s, "-event.duration");
	s->table.follow = false;
}

void ui_stale(struct ui *u)
{
	for (unsigned i = 0; i < TABS; i++)
		if (u->tab[i])
			u->tab[i]->stale = true;
	for (unsigned i = 0; i < u->depth; i++)
		u->stack[i]->stale = true;
	u->dirty = true;
}

bool ui_wanted(struct ui *u, struct screen *s, const struct record *r)
{
	char buffer[OPERATION_MAX];
	struct text t;

	if ((u->filter && !filter_match(u->filter, r)) ||
		(s->filter && !filter_match(s->filter, r)))
		return false;
	if (!s->operation || r->kind != RECORD_TXN)
		return true;
	text_init(&t, buffer, sizeof(buffer));
	operation_of((const void *)r, u->o.literal, &t);
	return t.len == s->noperation && memcmp(t.p, s->operation, t.len) == 0;
}

bool ui_marked(const struct ui *u, uint64_t id)
{
	for (unsigned i = 0; i < u->nmarks; i++)
		if (u->marks[i] == id)
			return true;
	return false;
}

void ui_mark(struct ui *u, uint64_t id)
{
	for (unsigned i = 0; i < u->nmarks; i++)
		if (u->marks[i] == id) {
			u->marks[i] = u->marks[--u->nmarks];
			return;
		}
	if (u->nmarks == MARKS_MAX)
		ui_note(u, true, "no more than %u rows can be marked", MARKS_MAX);
	else
		u->marks[u->nmarks++] = id;
}

/* Drawing. */

static void rates(struct ui *u)
{
	uint64_t frames, bytes, now = ui_monotonic();
	double seconds = (double)(now - u->rate_at) / (double)SECOND;

	if (seconds < 1)
		return;
	source_position(u->o.source, &frames, &bytes);
	u->frame_rate = (double)(frames - u->frames_before) / seconds;
	u->byte_rate = (double)(bytes - u->bytes_before) / seconds;
	u->frames_before = frames;
	u->bytes_before = bytes;
	u->rate_at = now;
}

static void put_progress(struct text *t, double part)
{
	text_str(t, "READING");
	if (part >= 0)
		text_printf(t, " %d %%", (int)(part * 100));
}

static void put_mode(struct ui *u, struct text *t)
{
	static const char *const names[] = {"LIVE", "PAUSED", "REWOUND"};

	if (u->mode == MODE_LIVE && u->over)
		text_str(t, "END");
	else if (u->mode == MODE_LIVE && !source_live(u->o.source))
		put_progress(t, source_progress(u->o.source));
	else
		text_str(t, names[u->mode]);
	if (u->mode != MODE_LIVE && u->now > u->until_time) {
		text_str(t, " -");
		text_duration(t, u->now - u->until_time);
	}
}

static void draw_status(struct ui *u)
{
	uint64_t frames, bytes, shown = u->mode == MODE_LIVE ? u->now : u->until_time, drops;
	char line[512], mode[64];
	struct text t;
	int columns = term_columns(), width;
	enum role role = u->mode == MODE_LIVE ? ROLE_GOOD : ROLE_WARN;

	text_init(&t, mode, sizeof(mode));
	put_mode(u, &t);
	width = (int)strlen(mode) + 2;
	source_position(u->o.source, &frames, &bytes);
	text_init(&t, line, sizeof(line));
	text_str(&t, " ");
	if (shown)
		cell_time(&t, shown);
	text_str(&t, "  ");
	text_count(&t, frames);
	text_str(&t, " frames ");
	text_bytes(&t, bytes);
	if (!u->over) {
		text_str(&t, "  ");
		text_count(&t, (uint64_t)u->frame_rate);
		text_str(&t, "/s ");
		text_bit_rate(&t, (uint64_t)u->byte_rate, SECOND);
	}
	drops = source_dropped(u->o.source);
	if (drops) {
		text_str(&t, "  DROPPED ");
		text_count(&t, drops);
	}
	if (store_to(u->store) > store_from(u->store)) {
		text_str(&t, "  kept ");
		text_duration(&t, store_to(u->store) - store_from(u->store));
	}
	text_printf(&t, "  %s", u->o.source_name);
	term_put(0, 0, columns, "", ROLE_BAR);
	term_put(0, 0, width, "", role);
	term_put(0, 1, width - 1, mode, role);
	term_put(0, width, columns - width, line, drops ? ROLE_BAD : ROLE_BAR);
}

static void draw_tabs(struct ui *u)
{
	int x = 0, columns = term_columns();
	bool tight = columns < 100;

	term_put(1, 0, columns, "", ROLE_TEXT);
	for (unsigned i = 0; i < TABS && x < columns; i++) {
		char name[32];
		int n = snprintf(name, sizeof(name), tight ? " %u %.*s" : " %u %.*s ", i + 1,
			tight ? (columns < 60 ? 3 : 7) : 20, tabs[i]->title);

		term_put(1, x, n, name, i == u->current ? ROLE_TAB : ROLE_TEXT);
		x += n;
	}
}

/* What is shown of all there is: where one has drilled down to, and the filter. */
static void draw_scope(struct ui *u, struct screen *s, int row)
{
	char line[2 * SCOPE_MAX + 128];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (unsigned i = 0; i < u->depth; i++) {
		struct screen *x = u->stack[i];

		text_printf(&t, " %s %s", term_utf8() ? "\u203a" : ">", x->class->title);
		if (x->label[0])
			text_printf(&t, " (%s)", x->label);
	}
	if (u->display[0])
		text_printf(&t, "  filter: %s", u->display);
	if (!s->class->draw)
		text_printf(&t, "  %" PRIu32 " rows", s->table.n);
	if (u->nmarks)
		text_printf(&t, "  %u marked", u->nmarks);
	term_text(row, 0, term_columns(), t.p, t.len, ROLE_DIM);
}

static const struct {
	const char *key, *name;
	int code;
} bar[] = {{"F1", "Help", KEY_F(1)}, {"F2", "Columns", KEY_F(2)}, {"F3", "Search", KEY_F(3)},
	{"F4", "Filter", KEY_F(4)}, {"F5", "Pause", KEY_F(5)}, {"F6", "Sort", KEY_F(6)},
	{"F7", "Back", KEY_F(7)}, {"F8", "Fwd", KEY_F(8)}, {"F9", "Save", KEY_F(9)},
	{"F10", "Quit", KEY_F(10)}};
#define BAR (sizeof(bar) / sizeof(bar[0]))

static int bar_width(size_t i)
{
	return (int)strlen(bar[i].key) + (term_columns() < 80 ? 4 : (int)strlen(bar[i].name) + 1);
}

static void draw_bar(struct ui *u, int row)
{
	int x = 0;

	(void)u;
	for (size_t i = 0; i < BAR && x < term_columns(); i++) {
		int key = (int)strlen(bar[i].key);

		term_put(row, x, key, bar[i].key, ROLE_KEY);
		term_put(row, x + key, bar_width(i) - key, bar[i].name, ROLE_BAR);
		x += bar_width(i);
	}
	term_put(row, x, term_columns() - x, "", ROLE_BAR);
}

static void draw_foot(struct ui *u, int row)
{
	if (ui_monotonic() < u->note_until)
		term_put(row, 0, term_columns(), u->note, u->note_bad ? ROLE_BAD : ROLE_ACCENT);
	else
		draw_bar(u, row);
}

#define TOP_ROWS 3

/* Collecting takes a twentieth of a processor at most. */
static void collect(struct ui *u, struct screen *s)
{
	uint64_t now = ui_monotonic();

	if (!s->class->collect)
		return;
	if (s->stale ? now - s->collected < s->cost
		     : u->mode != MODE_LIVE || s->seen == store_next(u->store) ||
				now - s->collected < s->cost * COST_SHARE)
		return;
	s->class->collect(u, s);
	if (!s->class->draw)
		table_collected(u, s);
	s->stale = false;
	s->seen = store_next(u->store);
	s->collected = ui_monotonic();
	s->cost = s->collected - now;
}

static void draw(struct ui *u)
{
	struct screen *s = ui_top(u);
	int rows = term_rows() - TOP_ROWS - 1;

	rates(u);
	collect(u, s);
	term_clear();
	draw_status(u);
	draw_tabs(u);
	draw_scope(u, s, 2);
	if (rows > 0) {
		if (s->class->draw)
			s->class->draw(u, s, TOP_ROWS, rows);
		else
			table_draw(u, s, TOP_ROWS, rows);
	}
	draw_foot(u, term_rows() - 1);
	dialog_draw(u, TOP_ROWS, rows > 2 ? rows : 2);
	term_flush();
}

/* Keys. */

static void search_for(struct ui *u, const char *text)
{
	snprintf(u->search, sizeof(u->search), "%s", text);
}

static void search_as_typed(struct ui *u, const char *text)
{
	struct screen *s = ui_top(u);

	u->dialog.error[0] = '\0';
	if (*text && !s->class->draw && !table_search(u, s, text, 1, false))
		snprintf(u->dialog.error, sizeof(u->dialog.error), "nothing holds it");
}

static void ask_search(struct ui *u)
{
	if (ui_top(u)->class->draw) {
		ui_note(u, true, "there is no table to search here");
		return;
	}
	dialog_line(u, "Search:", "", search_for);
	u->dialog.changed = search_as_typed;
}

static void search_again(struct ui *u, int direction)
{
	struct screen *s = ui_top(u);

	if (!u->search[0] || s->class->draw)
		return;
	if (!table_search(u, s, u->search, direction, true))
		ui_note(u, true, "nothing else holds \"%.40s\"", u->search);
}

static bool check_filter(struct ui *u, const char *text, char *err, size_t errsize)
{
	struct filter *f;

	text += strspn(text, " ");
	if (!*text)
		return true;
	f = filter_new(text, &u->env, err, errsize);
	filter_free(f);
	return f != NULL;
}

static void set_filter(struct ui *u, const char *text)
{
	char err[256];

	if (!ui_set_filter(u, text, err, sizeof(err)))
		ui_note(u, true, "%s", err);
}

static void ask_filter(struct ui *u)
{
	dialog_line(u, "Display filter (Tab completes):", u->display, set_filter);
	u->dialog.check = check_filter;
	u->dialog.complete_fields = true;
}

static bool check_capture(struct ui *u, const char *text, char *err, size_t errsize)
{
	return source_check_filter(u->o.source, text, err, errsize);
}

static void set_capture(struct ui *u, const char *text)
{
	char err[256];

	if (!source_set_filter(u->o.source, text, err, sizeof(err))) {
		ui_note(u, true, "%s", err);
		return;
	}
	snprintf(u->capture, sizeof(u->capture), "%s", text);
	ui_note(u, false, "capture filter: %s", *text ? text : "none");
}

static void ask_capture(struct ui *u)
{
	if (!source_live(u->o.source) || u->over) {
		ui_note(u, true, "the capture filter is for interfaces; F4 filters what is shown");
		return;
	}
	dialog_line(u, "Capture filter:", u->capture, set_capture);
	u->dialog.check = check_capture;
}

static const char *field_item(struct ui *u, unsigned i)
{
	struct screen *s = ui_top(u);

	return s->class->fields ? s->class->fields[i].name : u->fields[i]->name;
}

static unsigned field_count(struct ui *u)
{
	const struct field *f = ui_top(u)->class->fields;
	unsigned n = 0;

	if (!f)
		return u->nfields;
	while (f[n].type != FIELD_END)
		n++;
	return n;
}

static void keep_columns(struct ui *u, struct screen *s)
{
	char key[64], names[CONFIG_LINE - 100];
	struct text t;

	text_init(&t, names, sizeof(names));
	for (unsigned i = 0; i < s->table.ncolumns; i++)
		text_printf(&t, "%s%s", i ? " " : "", s->table.columns[i]->name);
	snprintf(key, sizeof(key), "columns.%s", s->class->name);
	config_set(&u->config, key, names);
}

static bool column_chosen(struct ui *u, unsigned i)
{
	struct table *t = &ui_top(u)->table;
	const char *name = field_item(u, i);

	for (unsigned k = 0; k < t->ncolumns; k++)
		if (strcmp(t->columns[k]->name, name) == 0)
			return true;
	return false;
}

static void column_toggle(struct ui *u, unsigned i)
{
	struct screen *s = ui_top(u);
	struct table *t = &s->table;
	const char *name = field_item(u, i);
	const struct field *f = ui_field(u, s->class, name);

	for (unsigned k = 0; k < t->ncolumns; k++) {
		if (strcmp(t->columns[k]->name, name) != 0)
			continue;
		if (t->ncolumns == 1)
			return;
		memmove(t->columns + k, t->columns + k + 1,
			(t->ncolumns - k - 1) * sizeof(t->columns[0]));
		t->ncolumns--;
		t->left = t->left < t->ncolumns ? t->left : 0;
		keep_columns(u, s);
		return;
	}
	/* Second of those on the screen, where it is seen at once. */
	if (t->ncolumns < COLUMNS_MAX && f) {
		memmove(t->columns + t->left + 2, t->columns + t->left + 1,
			(t->ncolumns - t->left - 1) * sizeof(t->columns[0]));
		t->columns[t->left + 1] = f;
		t->ncolumns++;
	}
	keep_columns(u, s);
}

static void columns_done(struct ui *u, unsigned i)
{
	(void)i;
	ui_note(u, false, "W writes the columns to the configuration");
}

static void ask_columns(struct ui *u)
{
	if (ui_top(u)->class->draw) {
		ui_note(u, true, "there are no columns here");
		return;
	}
	dialog_list(u, "Columns", field_count(u), field_item, columns_done);
	u->dialog.chosen = column_chosen;
	u->dialog.toggle = column_toggle;
}

static const char *sort_item(struct ui *u, unsigned i)
{
	struct table *t = &ui_top(u)->table;

	return i < t->ncolumns ? t->columns[i]->name : "(not sorted)";
}

static void sort_pick(struct ui *u, unsigned i)
{
	struct screen *s = ui_top(u);
	struct table *t = &s->table;
	char key[64], value[SCHEMA_NAME_MAX + 2];

	t->sort = i < t->ncolumns ? t->columns[i] : NULL;
	t->descending = t->sort && cell_right(t->sort);
	t->follow = false;
	s->stale = true;
	snprintf(key, sizeof(key), "sort.%s", s->class->name);
	snprintf(value, sizeof(value), "%s%s", t->descending ? "-" : "",
		t->sort ? t->sort->name : "");
	config_set(&u->config, key, value);
}

static void ask_sort(struct ui *u)
{
	if (ui_top(u)->class->draw)
		ui_note(u, true, "there is no table to sort here");
	else
		dialog_list(u, "Sort by", ui_top(u)->table.ncolumns + 1, sort_item, sort_pick);
}

static struct term_options look(const struct ui *u)
{
	return (struct term_options){
		.theme = config_get(&u->config, "theme", "dark"),
		.ascii = config_flag(&u->config, "ascii", false),
		.mouse = config_flag(&u->config, "mouse", true),
	};
}

static void style(const struct ui *u)
{
	struct term_options o = look(u);

	term_restyle(&o);
}

static const char *const settings[] = {"theme: dark", "theme: light", "theme: mono",
	"characters: UTF-8", "characters: ASCII", "mouse: yes", "mouse: no",
	"freeze on a finding: yes", "freeze on a finding: no"};

static const char *setting_item(struct ui *u, unsigned i)
{
	(void)u;
	return settings[i];
}

static void setting_pick(struct ui *u, unsigned i)
{
	static const char *const pairs[][2] = {{"theme", "dark"}, {"theme", "light"},
		{"theme", "mono"}, {"ascii", "no"}, {"ascii", "yes"}, {"mouse", "yes"},
		{"mouse", "no"}, {"freeze", "yes"}, {"freeze", "no"}};

	config_set(&u->config, pairs[i][0], pairs[i][1]);
	u->freeze = config_flag(&u->config, "freeze", false);
	style(u);
	ui_note(u, false, "W writes the settings to the configuration");
}

static void write_config(struct ui *u)
{
	char err[600];

	if (config_save(&u->config, err, sizeof(err)))
		ui_note(u, false, "written: %s", u->config.path);
	else
		ui_note(u, true, "%s", err);
}

static void go_back(struct ui *u)
{
	if (u->depth)
		ui_pop(u);
	else if (u->nmarks)
		u->nmarks = 0;
	else if (u->display[0])
		set_filter(u, "");
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
		ask_columns(u);
		return true;
	case KEY_F(3):
	case '/':
		ask_search(u);
		return true;
	case KEY_F(4):
	case '\\':
	case 'Y':
		ask_filter(u);
		return true;
	case KEY_F(6):
	case 's':
		ask_sort(u);
		return true;
	case KEY_F(9):
	case 'w':
		save_ask(u);
		return true;
	case 'B':
		ask_capture(u);
		return true;
	case 'S':
		dialog_list(u, "Settings", sizeof(settings) / sizeof(settings[0]), setting_item,
			setting_pick);
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
		if (ui_top(u)->class != &help_class)
			help_open(u);
		return true;
	case 'n':
		search_again(u, 1);
		return true;
	case 'N':
		search_again(u, -1);
		return true;
	case 'U':
		u->nmarks = 0;
		return true;
	case 'W':
		write_config(u);
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
	int row, column, x = 0;
	unsigned button = term_mouse(&row, &column);
	struct screen *s = ui_top(u);

	if (!button || u->dialog.title)
		return;
	if (row == term_rows() - 1 && button == 1) {
		for (size_t i = 0; i < BAR; x += bar_width(i), i++)
			if (column >= x && column < x + bar_width(i))
				on_key(u, bar[i].code);
	} else if (row == 1 && button == 1) {
		for (unsigned i = 0; i < TABS; i++) {
			bool tight = term_columns() < 100;
			int n = (int)strlen(tabs[i]->title), most = term_columns() < 60 ? 3 : 7;

			n = tight ? 3 + (n < most ? n : most) : 4 + n;
			if (column >= x && column < x + n)
				ui_tab(u, i);
			x += n;
		}
	} else if (!s->class->draw) {
		table_mouse(u, s, button, row, column);
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

static void keys(struct ui *u)
{
	for (int key; !u->quit && (key = term_key()) != KEY_NONE;) {
		/* A terminal sends these for keys of its own; what Alt makes is Escape first. */
		on_key(u, key);
	}
}

/* The sink. */

static void on_record(void *arg, const struct record *r)
{
	struct ui *u = arg;
	uint64_t end = r->end != FIELD_ABSENT && r->end > r->start ? r->end : r->start;

	if (end != FIELD_ABSENT && end > u->now)
		u->now = end;
	store_add(u->store, r, u->now);
	model_record(u->live, r);
	if (u->shown != u->live && u->mode == MODE_LIVE && u->filter && filter_match(u->filter, r))
		model_record(u->shown, r);
	u->dirty = true;
}

/* A finding that was not there the last time pauses the view, where that is wanted. */
static void freeze_on_finding(struct ui *u, uint64_t now)
{
	unsigned n;

	if (!u->freeze || u->mode != MODE_LIVE || now - u->looked < SECOND)
		return;
	n = findings_count(u);
	if (n > u->known_findings) {
		ui_pause(u, true);
		ui_note(u, false, "a new finding: paused (6 shows it, p goes on)");
	}
	u->known_findings = n;
	u->looked = now;
}

static bool poll_ui(void *arg)
{
	struct ui *u = arg;
	uint64_t now = ui_monotonic();

	if (stop_asked)
		u->quit = true;
	term_pause_if_asked();
	keys(u);
	if (u->quit)
		return false;
	if ((u->dirty && now - u->drawn >= DRAW_EVERY) || now - u->drawn >= SECOND) {
		freeze_on_finding(u, now);
		draw(u);
		u->dirty = false;
		u->drawn = now;
	}
	return true;
}

bool ui_frame(void *arg, const struct packet *p)
{
	struct ui *u = arg;

	frames_add(u->frames, p);
	return true;
}

struct sink ui_sink(struct ui *u)
{
	return (struct sink){.arg = u, .record = on_record, .poll = poll_ui};
}

void ui_stay(struct ui *u, const char *error)
{
	if (u->quit || stop_asked)
		return;
	u->over = true;
	model_finish(u->live);
	if (u->shown != u->live && u->mode == MODE_LIVE)
		model_finish(u->shown);
	ui_stale(u);
	if (error)
		ui_note(u, true, "%.250s", error);
	while (poll_ui(u)) {
		struct pollfd p = {.fd = term_fd(), .events = POLLIN};

		if (poll(&p, 1, u->dirty ? 20 : 250) > 0 && p.revents & (POLLHUP | POLLERR))
			break;
	}
}

bool ui_open(struct ui *u, char *err, size_t errsize)
{
	struct term_options o = look(u);

	u->freeze = config_flag(&u->config, "freeze", false);
	return term_open(&o, err, errsize);
}

static bool begin(struct ui *u, char *err, size_t errsize)
{
	return make_schemas(u, err, errsize) && config_load(&u->config, err, errsize) &&
	       (!u->o.display || ui_set_filter(u, u->o.display, err, errsize));
}

bool ui_possible(void)
{
	return term_possible();
}

struct ui *ui_new(const struct ui_options *o, char *err, size_t errsize)
{
	struct ui *u = xcalloc(1, sizeof(*u));

	u->o = *o;
	u->store = store_new(o->keep / 2);
	u->frames = frames_new(o->keep / 2);
	u->live = u->shown = ui_model(u);
	u->env = (struct schema_env){
		.version = o->version, .iface = o->iface, .iface_arg = o->iface_arg};
	u->env.community = community_cache_new();
	snprintf(u->capture, sizeof(u->capture), "%s", o->filter ? o->filter : "");
	u->rate_at = ui_monotonic();
	if (begin(u, err, errsize))
		return u;
	ui_free(u);
	return NULL;
}

void ui_free(struct ui *u)
{
	if (!u)
		return;
	term_close();
	while (u->depth)
		ui_pop(u);
	for (unsigned i = 0; i < TABS; i++)
		screen_free(u->tab[i]);
	for (unsigned i = 0; i < u->nschemas; i++)
		schema_free(u->schemas[i]);
	free(u->schemas);
	free(u->fields);
	filter_free(u->filter);
	if (u->shown != u->live)
		model_free(u->shown);
	model_free(u->live);
	store_free(u->store);
	frames_free(u->frames);
	config_release(&u->config);
	community_cache_free(u->env.community);
	free(u);
}
