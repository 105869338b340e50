/*
 * table.c - the table that nearly all screens are: columns by a field table, rows by a class.
 *
 * Rows are collected (class->collect), put in order by a column, and only those on the screen are
 * read as text.
 */
#include "view.h"
#include "base/mem.h"
#include <curses.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_LEAST 3
#define COLUMN_MOST  60
#define TEXT_LEAST   8

const struct field *ui_field(struct ui *u, const struct screen_class *c, const char *name)
{
	unsigned lo = 0, hi = u->nfields;

	for (const struct field *f = c->fields; f && f->type != FIELD_END; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	while (!c->fields && lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int order = schema_name_cmp(name, u->fields[mid]->name);

		if (order == 0)
			return u->fields[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

void table_set_columns(struct ui *u, struct screen *s, const char *names)
{
	struct table *t = &s->table;
	char name[SCHEMA_NAME_MAX + 1];

	t->ncolumns = 0;
	t->left = 0;
	while (*names && t->ncolumns < COLUMNS_MAX) {
		size_t n;
		const struct field *f;

		names += strspn(names, " ,");
		n = strcspn(names, " ,");
		if (n && n < sizeof(name)) {
			memcpy(name, names, n);
			name[n] = '\0';
			f = ui_field(u, s->class, name);
			if (f)
				t->columns[t->ncolumns++] = f;
		}
		names += n;
	}
}

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
}

/* Drawing. */

static int column_width(const struct field *f)
{
	int width = f->width, title = (int)strlen(f->title ? f->title : f->name);

	if (f->type == FIELD_TIME)
		width = 12;
	if (f->type == FIELD_DURATION || f->type == FIELD_BYTES)
		width = 9;
	if (width < title)
		width = title;
	return width < COLUMN_LEAST ? COLUMN_LEAST : width > COLUMN_MOST ? COLUMN_MOST : width;
}

/* Where the columns stand: the last text column gets what is left. Gives how many fit. */
static unsigned lay_out(const struct table *t, int room, int width[COLUMNS_MAX])
{
	unsigned n = 0;
	int used = 1, widest = -1;

	for (unsigned i = t->left; i < t->ncolumns; i++) {
		int w = column_width(t->columns[i]);

		/* Half a number is worse than none; of a text the beginning is much. */
		if (n && used + (cell_right(t->columns[i]) || w < TEXT_LEAST ? w : TEXT_LEAST) >
				 room)
			break;
		if (used + w > room)
			w = room - used > COLUMN_LEAST ? room - used : COLUMN_LEAST;
		width[n] = w;
		if (!cell_right(t->columns[i]) && (widest < 0 || w >= width[widest]))
			widest = (int)n;
		used += w + 1;
		n++;
	}
	if (widest >= 0 && used < room)
		width[widest] += room - used;
	return n;
}

static void draw_head(struct screen *s, int row, unsigned n, const int *width)
{
	struct table *t = &s->table;
	int x = 1;

	term_put(row, 0, term_columns(), "", ROLE_HEAD);
	for (unsigned i = 0; i < n; i++) {
		const struct field *f = t->columns[t->left + i];
		char title[64];

		snprintf(title, sizeof(title), "%s%s", f->title ? f->title : f->name,
			f != t->sort    ? ""
			: t->descending ? (term_utf8() ? "\u25be" : "-")
					: (term_utf8() ? "\u25b4" : "+"));
		if (cell_right(f))
			term_right(row, x, width[i], title, ROLE_HEAD);
		else
			term_put(row, x, width[i], title, ROLE_HEAD);
		x += width[i] + 1;
	}
}

static void draw_row(
	struct ui *u, struct screen *s, int y, uint32_t place, unsigned n, const int *width)
{
	struct table *t = &s->table;
	uint32_t row = t->order[place];
	bool marked = ui_marked(u, s->class->id(s, row));
	enum role role = place == t->selected ? ROLE_SELECTED
			 : marked             ? ROLE_MARKED
			 : s->class->role     ? s->class->role(s, row)
					      : ROLE_TEXT;
	int x = 1;

	term_put(y, 0, term_columns(), marked ? "*" : "", role);
	for (unsigned i = 0; i < n; i++) {
		const struct field *f = t->columns[t->left + i];
		char buffer[1024];
		struct schema_value v;
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		if (value_of(u, s, row, f, &v))
			cell_put(&text, f, &v);
		else
			text_char(&text, '-');
		if (cell_right(f))
			term_right(y, x, width[i], buffer, role);
		else
			term_text(y, x, width[i], text.p, text.len, role);
		x += width[i] + 1;
	}
}

void table_draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct table *t = &s->table;
	int width[COLUMNS_MAX];
	unsigned n = lay_out(t, term_columns(), width);

	t->head_row = row;
	t->height = rows > 1 ? (uint32_t)rows - 1 : 1;
	if (t->selected < t->top)
		t->top = t->selected;
	if (t->selected >= t->top + t->height)
		t->top = t->selected - t->height + 1;
	if (t->top + t->height > t->n)
		t->top = t->n > t->height ? t->n - t->height : 0;
	draw_head(s, row, n, width);
	for (uint32_t i = 0; i < t->height && t->top + i < t->n; i++)
		draw_row(u, s, row + 1 + (int)i, t->top + i, n, width);
	if (!t->n)
		term_put(row + 2, 2, term_columns() - 2,
			s->remark[0]               ? s->remark
			: s->scope[0] || u->filter ? "Nothing fits the filter."
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
		t->left -= t->left > 0;
		break;
	case KEY_RIGHT:
	case 'l':
		t->left += t->left + 1 < t->ncolumns;
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
	int width[COLUMNS_MAX], x = 1;
	unsigned n = lay_out(t, term_columns(), width);

	for (unsigned i = 0; i < n; i++) {
		const struct field *f = t->columns[t->left + i];

		if (column >= x && column < x + width[i]) {
			t->descending = f == t->sort ? !t->descending : cell_right(f);
			t->sort = f;
			t->follow = false;
			s->stale = true;
			ui_note(u, false, "sorted by %s", f->name);
			return;
		}
		x += width[i] + 1;
	}
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
