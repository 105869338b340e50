/*
 * prompt.c - what the keys ask the user: what to search, filters, columns, order, settings.
 */
#include "prompt.h"
#include "columns.h"
#include "screen.h"
#include "table.h"
#include "timetravel.h"
#include "view.h"
#include "capture/source.h"
#include <string.h>

static void search_for(struct ui *u, const char *text)
{
	snprintf(u->search, sizeof(u->search), "%s", text);
}

/* Is there anything to search, and is the text in it? */
static bool can_search(const struct screen *s)
{
	return !s->class->draw || s->class->search;
}

static bool search_in(struct ui *u, const char *text, int direction, bool again)
{
	struct screen *s = ui_top(u);

	return s->class->search ? s->class->search(u, s, text, direction, again)
				: table_search(u, s, text, direction, again);
}

static void search_as_typed(struct ui *u, const char *text)
{
	u->dialog.error[0] = '\0';
	if (*text && !search_in(u, text, 1, false))
		snprintf(u->dialog.error, sizeof(u->dialog.error), "not found");
}

void prompt_search(struct ui *u)
{
	if (!can_search(ui_top(u))) {
		ui_note(u, true, "there is nothing to search here");
		return;
	}
	dialog_line(u, "Search:", "", search_for);
	u->dialog.changed = search_as_typed;
}

void prompt_search_again(struct ui *u, int direction)
{
	if (!u->search[0] || !can_search(ui_top(u)))
		return;
	if (!search_in(u, u->search, direction, true))
		ui_note(u, true, "\"%.40s\" is found nowhere else", u->search);
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

void prompt_filter(struct ui *u)
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

void prompt_capture(struct ui *u)
{
	if (!source_live(u->o.source) || u->over) {
		ui_note(u, true, "the capture filter is for interfaces; F4 filters what is shown");
		return;
	}
	dialog_line(u, "Capture filter:", u->capture, set_capture);
	u->dialog.check = check_capture;
}

static const struct field *field_at(struct ui *u, unsigned i)
{
	struct screen *s = ui_top(u);

	return s->class->fields ? &s->class->fields[i] : u->fields[i];
}

/* A column's head, and the name that it has in filters and the configuration. */
static const char *head_and_name(const struct field *f)
{
	static char line[128];

	snprintf(line, sizeof(line), "%-15s %s", column_title(f), f->name);
	return line;
}

static const char *field_item(struct ui *u, unsigned i)
{
	return head_and_name(field_at(u, i));
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
	const char *name = field_at(u, i)->name;

	for (unsigned k = 0; k < t->ncolumns; k++)
		if (strcmp(t->columns[k]->name, name) == 0)
			return true;
	return false;
}

static void column_toggle(struct ui *u, unsigned i)
{
	struct screen *s = ui_top(u);
	struct table *t = &s->table;
	const char *name = field_at(u, i)->name;
	const struct field *f = ui_field(u, s->class, name);

	columns_forget(t);
	for (unsigned k = 0; k < t->ncolumns; k++) {
		if (strcmp(t->columns[k]->name, name) != 0)
			continue;
		if (t->ncolumns == 1)
			return;
		memmove(t->columns + k, t->columns + k + 1,
			(t->ncolumns - k - 1) * sizeof(t->columns[0]));
		t->ncolumns--;
		t->left = t->left + 1 < t->ncolumns ? t->left : 0;
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

void prompt_columns(struct ui *u)
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

	return i < t->ncolumns ? head_and_name(t->columns[i]) : "(not sorted)";
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

void prompt_sort(struct ui *u)
{
	if (ui_top(u)->class->draw)
		ui_note(u, true, "there is no table to sort here");
	else
		dialog_list(u, "Sort by", ui_top(u)->table.ncolumns + 1, sort_item, sort_pick);
}

static void style(const struct ui *u)
{
	struct term_options o = ui_look(u);

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

void prompt_settings(struct ui *u)
{
	dialog_list(
		u, "Settings", sizeof(settings) / sizeof(settings[0]), setting_item, setting_pick);
}

void prompt_write_config(struct ui *u)
{
	char err[600];

	if (config_save(&u->config, err, sizeof(err)))
		ui_note(u, false, "written: %s", u->config.path);
	else
		ui_note(u, true, "%s", err);
}
