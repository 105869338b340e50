/*
 * columns.c - where the columns of a table stand.
 *
 * Numbers have the width they need; texts share what is left, and the longest of them (a query)
 * gives way first, so that as many columns as possible are on the screen. The first column says
 * what a row is: it stays while the others are scrolled. How many are out of sight on each side is
 * marked.
 */
#include "columns.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include <string.h>

#define COLUMN_LEAST 3
#define COLUMN_MOST  60
#define TEXT_LEAST   8
#define NUMBER_LEAST 5

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
	columns_forget(t);
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

void columns_forget(struct table *t)
{
	memset(t->seen, 0, sizeof(t->seen));
}

const char *column_title(const struct field *f)
{
	return f->title ? f->title : f->name;
}

/* As wide as what it has shown so far, and its head with the mark of the order. */
static int wish_of(const struct table *t, unsigned i)
{
	const struct field *f = t->columns[i];
	int width = t->seen[i], title = (int)strlen(column_title(f)) + (f == t->sort);

	if (width < title)
		width = title;
	if (cell_right(f) && width < NUMBER_LEAST)
		width = NUMBER_LEAST;
	return width < COLUMN_LEAST ? COLUMN_LEAST : width > COLUMN_MOST ? COLUMN_MOST : width;
}

static bool is_text(const struct field *f)
{
	return !cell_right(f) && f->type != FIELD_TIME;
}

/* The column that gives way first: the longest text. */
static unsigned yielding(const struct table *t)
{
	unsigned found = t->ncolumns;

	for (unsigned i = 0; i < t->ncolumns; i++)
		if (t->columns[i]->type == FIELD_STR &&
			(found == t->ncolumns || t->columns[i]->width > t->columns[found]->width))
			found = i;
	return found;
}

static int least_of(const struct table *t, unsigned i, bool yields)
{
	int wish = wish_of(t, i), columns = term_columns(), least = t->columns[i]->width;

	if (!is_text(t->columns[i]))
		return wish;
	if (yields)
		least = columns < 48 ? 12 : columns > 160 ? 40 : columns / 4;
	return wish < least ? wish : least;
}

/* As many as fit, each as narrow as it may be. Gives the columns that are left over. */
static int place(struct table *t, int room)
{
	struct layout *at = &t->at;
	unsigned yields = yielding(t);
	int used = 1;

	at->n = 0;
	for (unsigned i = 0; i < t->ncolumns; i++) {
		int least = least_of(t, i, i == yields);

		if (i > 0 && i <= t->left)
			continue;
		/* Half a number is worse than none; of a text the beginning is much. */
		if (at->n && used + least > room) {
			if (!is_text(t->columns[i]) || used + TEXT_LEAST > room)
				break;
			least = room - used;
		}
		at->column[at->n] = i;
		at->width[at->n++] = least;
		used += least + 1;
		if (used > room)
			break;
	}
	at->behind = at->n ? t->ncolumns - 1 - at->column[at->n - 1] : 0;
	return room + 1 - used;
}

/* What is left goes to texts that would show more, and then to the longest one. */
static void widen(struct table *t, int left)
{
	struct layout *at = &t->at;
	unsigned yields = yielding(t);

	for (int last = 0; last < 2; last++)
		for (unsigned k = 0; k < at->n && left > 0; k++) {
			unsigned i = at->column[k];
			int more = wish_of(t, i) - at->width[k];

			if (!is_text(t->columns[i]) || (i == yields) != last || more <= 0)
				continue;
			more = more < left ? more : left;
			at->width[k] += more;
			left -= more;
		}
	for (unsigned k = 0; k < at->n && left > 0; k++)
		if (at->column[k] == yields) {
			at->width[k] += left;
			left = 0;
		}
}

/* Columns that "5>" takes, with the blank before it. */
static int mark(unsigned n)
{
	return n == 0 ? 0 : n < 10 ? 3 : 4;
}

void columns_lay_out(struct table *t)
{
	struct layout *at = &t->at;
	int before = mark(t->left), room = term_columns() - before, left;

	left = place(t, room);
	for (int tries = 0, kept = 0; mark(at->behind) > kept && tries < 2; tries++) {
		kept = mark(at->behind);
		left = place(t, room - kept);
	}
	widen(t, left);
	for (unsigned k = 0, x = 1; k < at->n; k++) {
		at->x[k] = (int)x;
		x += (unsigned)at->width[k] + 1 + (k == 0 ? (unsigned)before : 0);
	}
}

void columns_head(const struct table *t, int row)
{
	const struct layout *at = &t->at;
	bool utf8 = term_utf8();
	char text[64];

	term_put(row, 0, term_columns(), "", ROLE_HEAD);
	for (unsigned k = 0; k < at->n; k++) {
		const struct field *f = t->columns[at->column[k]];

		snprintf(text, sizeof(text), "%s%s", column_title(f),
			f != t->sort    ? ""
			: t->descending ? (utf8 ? "\u25be" : "-")
					: (utf8 ? "\u25b4" : "+"));
		if (cell_right(f))
			term_right(row, at->x[k], at->width[k], text, ROLE_HEAD);
		else
			term_put(row, at->x[k], at->width[k], text, ROLE_HEAD);
	}
	if (t->left && at->n > 0) {
		snprintf(text, sizeof(text), "%s%u", utf8 ? "\u2039" : "<", t->left);
		term_put(row, at->x[0] + at->width[0] + 1, mark(t->left) - 1, text, ROLE_KEY);
	}
	if (at->behind) {
		snprintf(text, sizeof(text), "%u%s", at->behind, utf8 ? "\u203a" : ">");
		term_put(row, term_columns() - mark(at->behind) + 1, mark(at->behind) - 1, text,
			ROLE_KEY);
	}
}

const struct field *columns_at(const struct table *t, int column)
{
	const struct layout *at = &t->at;

	for (unsigned k = 0; k < at->n; k++)
		if (column >= at->x[k] && column < at->x[k] + at->width[k])
			return t->columns[at->column[k]];
	return NULL;
}

bool columns_scroll(struct table *t, int by)
{
	if (by > 0 && !t->at.behind)
		return false;
	if (by < 0 && !t->left)
		return false;
	t->left = by > 0 ? t->left + 1 : t->left - 1;
	return true;
}

void columns_tell(const struct table *t, struct text *out)
{
	if (t->left || t->at.behind)
		text_printf(out, "  %u of %u columns (h l)", t->at.n, t->ncolumns);
}
