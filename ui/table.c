/*
 * table.c - the table that nearly all screens are: columns by a field table, rows by a class.
 *
 * Rows are collected (class->collect), put in order by a column, and only those on the screen are
 * read as text.
 */
#include "table.h"
#include "columns.h"
#include "screen.h"
#include "view.h"
#include "base/mem.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 4 /* layouts of one drawing */

void table_set_sort(struct ui *u, struct screen *s, const char *name)
{
	struct table *t = &s->table;

	t->descending = name && *name == '-';
	t->sort = name ? ui_field(u, s->class, name + t->descending) : NULL;
	s->stale = true;
}

void table_init(struct ui *u, struct screen *s)
{
	char key[64];
	const char *columns =
		!u->env.geo && s->class->columns_less ? s->class->columns_less : s->class->columns;

	snprintf(key, sizeof(key), "columns.%s", s->class->name);
	table_set_columns(u, s, config_get(&u->config, key, columns));
	if (!s->table.ncolumns)
		table_set_columns(u, s, columns);
	snprintf(key, sizeof(key), "sort.%s", s->class->name);
	table_set_sort(u, s, config_get(&u->config, key, s->class->sort));
	s->table.follow = s->class->follow && !s->table.sort;
}

void table_release(struct table *t)
{
	free(t->order);
	memset(t, 0, sizeof(*t));
}

uint32_t table_row(const struct table *t)
{
	return t->selected < t->n ? t->order[t->selected] : UINT32_MAX;
}

static bool value_of(
	struct ui *u, struct screen *s, uint32_t row, const struct field *f, struct schema_value *v)
{
	memset(v, 0, sizeof(*v));
	return s->class->value(u, s, row, f, v);
}

/* Order. */

static int ascending(const void *a, const void *b)
{
	const struct cell_key *x = a, *y = b;
	int c = cell_key_cmp(x, y, false);

	return c ? c : (x->row > y->row) - (x->row < y->row);
}

static int descending(const void *a, const void *b)
{
	const struct cell_key *x = a, *y = b;
	int c = cell_key_cmp(x, y, true);

	return c ? c : (x->row > y->row) - (x->row < y->row);
}

static void sort_rows(struct ui *u, struct screen *s)
{
	struct table *t = &s->table;
	struct cell_key *keys;

	if (!t->sort || !t->n)
		return;
	keys = xmalloc(t->n * sizeof(*keys));
	for (uint32_t i = 0; i < t->n; i++) {
		struct schema_value v;

		keys[i].row = i;
		keys[i].absent = !value_of(u, s, i, t->sort, &v);
		if (!keys[i].absent)
			cell_key(&keys[i], t->sort, &v);
	}
	qsort(keys, t->n, sizeof(*keys), t->descending ? descending : ascending);
	for (uint32_t i = 0; i < t->n; i++)
		t->order[i] = keys[i].row;
	free(keys);
}

/* The row that was selected is selected again, wherever it is now. */
static void keep_selection(struct screen *s)
{
	struct table *t = &s->table;

	if (t->follow) {
		t->selected = t->n ? t->n - 1 : 0;
	} else if (t->selected_id) {
		/* It is nearly always near where it was. */
		for (uint32_t i = 0; i < 2 * t->n; i++) {
			uint32_t by = (i + 1) / 2;
			int64_t at = (int64_t)t->selected + (i & 1 ? by : -(int64_t)by);

			if (at >= 0 && at < t->n &&
				s->class->id(s, t->order[at]) == t->selected_id) {
				t->selected = (uint32_t)at;
				break;
			}
		}
	}
	if (t->selected >= t->n)
		t->selected = t->n ? t->n - 1 : 0;
	t->selected_id = t->n ? s->class->id(s, t->order[t->selected]) : 0;
}

void table_collected(struct ui *u, struct screen *s)
{
	struct table *t = &s->table;

	t->order = xrealloc(t->order, (t->n ? t->n : 1) * sizeof(*t->order));
	for (uint32_t i = 0; i < t->n; i++)
		t->order[i] = i;
	sort_rows(u, s);
	keep_selection(s);
	if (s->stale)
		columns_forget(t);
}

/* Drawing. */

/* Gives whether any value was wider than its column has shown so far. */
static bool draw_row(struct ui *u, struct screen *s, int y, uint32_t place)
{
	struct table *t = &s->table;
	uint32_t row = t->order[place];
	bool marked = ui_marked(u, s->class->id(s, row)), wider = false;
	enum role role = place == t->selected ? ROLE_SELECTED
			 : marked             ? ROLE_MARKED
			 : s->class->role     ? s->class->role(s, row)
					      : ROLE_TEXT;

	term_put(y, 0, term_columns(), marked ? "*" : "", role);
	for (unsigned k = 0; k < t->at.n; k++) {
		unsigned i = t->at.column[k];
		const struct field *f = t->columns[i];
		char buffer[1024];
		struct schema_value v;
		struct text text;
		int width;

		text_init(&text, buffer, sizeof(buffer));
		if (value_of(u, s, row, f, &v))
			cell_put(&text, f, &v);
		else
			text_char(&text, '-');
		width = term_text_width(text.p, text.len < UINT8_MAX ? text.len : UINT8_MAX);
		if (width > t->seen[i] && t->seen[i] < UINT8_MAX) {
			t->seen[i] = width < UINT8_MAX ? (uint8_t)width : UINT8_MAX;
			wider = true;
		}
		if (cell_right(f))
			term_right(y, t->at.x[k], t->at.width[k], buffer, role);
		else
			term_text(y, t->at.x[k], t->at.width[k], text.p, text.len, role);
	}
	return wider;
}

/* Drawn again where values turned out to be wider than was thought. */
static void draw_rows(struct ui *u, struct screen *s, int row)
{
	struct table *t = &s->table;
	bool wider = true;

	for (int tries = 0; wider && tries < TRIES; tries++) {
		wider = false;
		columns_lay_out(t);
		columns_head(t, row);
		for (uint32_t i = 0; i < t->height && t->top + i < t->n; i++)
			wider |= draw_row(u, s, row + 1 + (int)i, t->top + i);
	}
}

void table_draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct table *t = &s->table;

	t->head_row = row;
	t->height = rows > 1 ? (uint32_t)rows - 1 : 1;
	if (t->selected < t->top)
		t->top = t->selected;
	if (t->selected >= t->top + t->height)
		t->top = t->selected - t->height + 1;
	if (t->top + t->height > t->n)
		t->top = t->n > t->height ? t->n - t->height : 0;
	draw_rows(u, s, row);
	if (!t->n)
		term_put(row + 2, 2, term_columns() - 2,
			s->remark[0]               ? s->remark
			: s->scope[0] || u->filter ? "Nothing matches the filter."
						   : "Nothing so far.",
			ROLE_DIM);
}

/* Keys. */

static void move_to(struct screen *s, int64_t place)
{
	struct table *t = &s->table;

	if (place < 0)
		place = 0;
	if (place >= t->n)
		place = t->n ? t->n - 1 : 0;
	t->follow = t->follow && place + 1 == t->n;
	t->selected = (uint32_t)place;
	t->selected_id = t->n ? s->class->id(s, t->order[place]) : 0;
}

/* Does any column of a row hold the text? */
static bool row_holds(struct ui *u, struct screen *s, uint32_t row, const char *text)
{
	struct table *t = &s->table;
	char buffer[1024];

	for (unsigned i = 0; i < t->ncolumns; i++) {
		struct schema_value v;
		struct text x;

		text_init(&x, buffer, sizeof(buffer));
		if (!value_of(u, s, row, t->columns[i], &v))
			continue;
		cell_put(&x, t->columns[i], &v);
		if (strcasestr(buffer, text))
			return true;
	}
	return false;
}

bool table_search(struct ui *u, struct screen *s, const char *text, int direction, bool again)
{
	struct table *t = &s->table;

	for (uint32_t i = again ? 1 : 0; i < t->n + (again ? 1 : 0); i++) {
		uint32_t by = direction > 0 ? i : t->n - i % t->n;
		uint32_t place = (t->selected + by) % t->n;

		if (!row_holds(u, s, t->order[place], text))
			continue;
		move_to(s, place);
		return true;
	}
	return false;
}

/* By the first column that is shown, then the next one, each way round. */
static void sort_next(struct ui *u, struct screen *s, int step)
{
	struct table *t = &s->table;
	int at = -1;

	for (unsigned i = 0; i < t->ncolumns; i++)
		if (t->columns[i] == t->sort)
			at = (int)i;
	at += step;
	if (at < 0 || at >= (int)t->ncolumns)
		t->sort = NULL;
	else
		t->sort = t->columns[at];
	t->descending = t->sort && cell_right(t->sort);
	s->stale = true;
	if (t->sort)
		ui_note(u, false, "sorted by %s", t->sort->name);
	else
		ui_note(u, false, "not sorted");
}

bool table_key(struct ui *u, struct screen *s, int key)
{
	struct table *t = &s->table;
	int64_t page = t->height > 1 ? t->height - 1 : 1;

	switch (key) {
	case KEY_UP:
	case 'k':
		move_to(s, (int64_t)t->selected - 1);
		break;
	case KEY_DOWN:
	case 'j':
		move_to(s, (int64_t)t->selected + 1);
		break;
	case KEY_PPAGE:
	case 2: /* ^B */
		move_to(s, (int64_t)t->selected - page);
		break;
	case KEY_NPAGE:
	case 6: /* ^F */
		move_to(s, (int64_t)t->selected + page);
		break;
	case 21: /* ^U */
		move_to(s, (int64_t)t->selected - page / 2);
		break;
	case 4: /* ^D */
		move_to(s, (int64_t)t->selected + page / 2);
		break;
	case KEY_HOME:
	case 'g':
		move_to(s, 0);
		break;
	case KEY_END:
	case 'G':
		move_to(s, t->n);
		break;
	case KEY_LEFT:
	case 'h':
		columns_scroll(t, -1);
		break;
	case KEY_RIGHT:
	case 'l':
		if (!columns_scroll(t, 1))
			ui_note(u, false, "there are no more columns to the right");
		break;
	case 'f':
		t->follow = !t->follow;
		if (t->follow && t->sort)
			table_set_sort(u, s, NULL);
		s->stale = true;
		ui_note(u, false, t->follow ? "following the newest" : "not following");
		break;
	case '>':
		sort_next(u, s, 1);
		break;
	case '<':
		sort_next(u, s, -1);
		break;
	case 'r':
		t->descending = !t->descending;
		s->stale = true;
		break;
	case ' ':
		if (table_row(t) != UINT32_MAX) {
			ui_mark(u, t->selected_id);
			move_to(s, (int64_t)t->selected + 1);
		}
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (s->class->open && table_row(t) != UINT32_MAX)
			s->class->open(u, s, table_row(t));
		break;
	default:
		return false;
	}
	return true;
}

static void click_head(struct ui *u, struct screen *s, int column)
{
	struct table *t = &s->table;
	const struct field *f = columns_at(t, column);

	if (!f)
		return;
	t->descending = f == t->sort ? !t->descending : cell_right(f);
	t->sort = f;
	t->follow = false;
	s->stale = true;
	ui_note(u, false, "sorted by %s", f->name);
}

void table_mouse(struct ui *u, struct screen *s, unsigned button, int row, int column)
{
	struct table *t = &s->table;
	int64_t place = (int64_t)t->top + row - t->head_row - 1;

	if (button == 4 || button == 5) {
		move_to(s, (int64_t)t->selected + (button == 4 ? -3 : 3));
	} else if (row == t->head_row) {
		click_head(u, s, column);
	} else if (row > t->head_row && place < t->n) {
		/* On the row that is selected: as Enter. */
		if (place == t->selected && s->class->open)
			s->class->open(u, s, t->order[place]);
		else
			move_to(s, place);
	}
}
