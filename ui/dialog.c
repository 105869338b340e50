/* dialog.c - see dialog.h. */
#include "view.h"
#include <ctype.h>
#include <curses.h>
#include <string.h>

static void check(struct ui *u)
{
	struct dialog *d = &u->dialog;

	d->error[0] = '\0';
	if (d->check)
		d->check(u, d->text, d->error, sizeof(d->error));
}

void dialog_line(struct ui *u, const char *title, const char *text,
	void (*done)(struct ui *u, const char *text))
{
	struct dialog *d = &u->dialog;

	memset(d, 0, sizeof(*d));
	d->title = title;
	d->done = done;
	snprintf(d->text, sizeof(d->text), "%s", text);
	d->len = d->at = strlen(d->text);
}

void dialog_list(struct ui *u, const char *title, unsigned n,
	const char *(*item)(struct ui *u, unsigned i), void (*pick)(struct ui *u, unsigned i))
{
	struct dialog *d = &u->dialog;

	memset(d, 0, sizeof(*d));
	d->title = title;
	d->n = n;
	d->item = item;
	d->pick = pick;
}

void dialog_close(struct ui *u)
{
	memset(&u->dialog, 0, sizeof(u->dialog));
	term_cursor(-1, 0);
}

/* A line of text. */

static void changed(struct ui *u)
{
	check(u);
	if (u->dialog.changed)
		u->dialog.changed(u, u->dialog.text);
}

static void insert(struct ui *u, char c)
{
	struct dialog *d = &u->dialog;

	if (d->len + 1 >= sizeof(d->text))
		return;
	memmove(d->text + d->at + 1, d->text + d->at, d->len - d->at + 1);
	d->text[d->at++] = c;
	d->len++;
	changed(u);
}

/* Takes out what is between two places. */
static void cut(struct ui *u, size_t from, size_t to)
{
	struct dialog *d = &u->dialog;

	memmove(d->text + from, d->text + to, d->len - to + 1);
	d->len -= to - from;
	d->at = from;
	changed(u);
}

static size_t before(const struct dialog *d, size_t at)
{
	while (at > 0 && ((unsigned char)d->text[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t behind(const struct dialog *d, size_t at)
{
	if (at < d->len)
		at++;
	while (at < d->len && ((unsigned char)d->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static size_t word_start(const struct dialog *d)
{
	size_t at = d->at;

	while (at > 0 &&
		(isalnum((unsigned char)d->text[at - 1]) || strchr("._@-", d->text[at - 1])))
		at--;
	return at;
}

/* The name before the cursor grows to what all fields that begin so have in common. */
static void complete(struct ui *u)
{
	struct dialog *d = &u->dialog;
	size_t from = word_start(d), n = d->at - from, common = 0, hits = 0;
	const char *first = NULL;
	char names[200] = "";
	struct text t;

	text_init(&t, names, sizeof(names));
	for (unsigned i = 0; i < u->nfields; i++) {
		const char *name = u->fields[i]->name;

		if (strncmp(name, d->text + from, n) != 0)
			continue;
		if (hits++ == 0) {
			first = name;
			common = strlen(name);
		}
		while (strncmp(first, name, common) != 0)
			common--;
		text_printf(&t, "%s%s", hits > 1 ? " " : "", name);
	}
	for (size_t i = n; i < common; i++)
		insert(u, first[i]);
	if (hits == 1)
		insert(u, ' ');
	else
		snprintf(d->error, sizeof(d->error), "%.250s",
			hits ? names : "no field starts with that");
}

static void line_key(struct ui *u, int key)
{
	struct dialog *d = &u->dialog;

	switch (key) {
	case KEY_LEFT:
		d->at = before(d, d->at);
		break;
	case KEY_RIGHT:
		d->at = behind(d, d->at);
		break;
	case KEY_HOME:
	case 1: /* ^A */
		d->at = 0;
		break;
	case KEY_END:
	case 5: /* ^E */
		d->at = d->len;
		break;
	case KEY_BACKSPACE:
	case 8:
	case 127:
		if (d->at)
			cut(u, before(d, d->at), d->at);
		break;
	case KEY_DC:
		if (d->at < d->len)
			cut(u, d->at, behind(d, d->at));
		break;
	case 21: /* ^U */
		cut(u, 0, d->at);
		break;
	case 23: /* ^W */
		cut(u, word_start(d), d->at);
		break;
	case '\t':
		if (d->complete_fields)
			complete(u);
		break;
	default:
		if ((key >= ' ' && key < 127) || (key >= 128 && key < 256))
			insert(u, (char)key);
	}
}

static void line_done(struct ui *u)
{
	struct dialog d = u->dialog;

	check(u);
	if (u->dialog.error[0])
		return;
	dialog_close(u);
	d.done(u, d.text);
}

/* A list. */

static bool holds_text(const char *item, const char *text)
{
	return !*text || strcasestr(item, text) != NULL;
}

/* The next item that holds what was typed, the selected one first. */
static void find_item(struct ui *u, unsigned from)
{
	struct dialog *d = &u->dialog;

	for (unsigned i = 0; i < d->n; i++) {
		unsigned at = (from + i) % d->n;

		if (holds_text(d->item(u, at), d->text)) {
			d->selected = at;
			return;
		}
	}
}

static void list_move(struct dialog *d, int by)
{
	int at = (int)d->selected + by;

	d->selected = at < 0 ? 0 : at >= (int)d->n ? d->n - 1 : (unsigned)at;
}

static void list_key(struct ui *u, int key)
{
	struct dialog *d = &u->dialog;

	switch (key) {
	case KEY_UP:
		list_move(d, -1);
		break;
	case KEY_DOWN:
		list_move(d, 1);
		break;
	case KEY_PPAGE:
		list_move(d, -10);
		break;
	case KEY_NPAGE:
		list_move(d, 10);
		break;
	case KEY_HOME:
		d->selected = 0;
		break;
	case KEY_END:
		d->selected = d->n - 1;
		break;
	case '\t':
		find_item(u, d->selected + 1);
		break;
	case KEY_BACKSPACE:
	case 8:
	case 127:
		if (d->len)
			d->text[--d->len] = '\0';
		break;
	default:
		if (key == ' ' && d->toggle) {
			d->toggle(u, d->selected);
			return;
		}
		if (key < ' ' || key >= 127 || d->len + 1 >= sizeof(d->text))
			return;
		d->text[d->len++] = (char)key;
		d->text[d->len] = '\0';
		find_item(u, d->selected);
	}
}

static void list_done(struct ui *u)
{
	struct dialog d = u->dialog;

	dialog_close(u);
	if (d.pick && d.n)
		d.pick(u, d.selected);
}

bool dialog_key(struct ui *u, int key)
{
	struct dialog *d = &u->dialog;
	void (*left)(struct ui *) = d->left;

	if (!d->title)
		return false;
	switch (key) {
	case KEY_ESCAPE:
	case 3:
		dialog_close(u);
		if (left)
			left(u);
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (d->n)
			list_done(u);
		else
			line_done(u);
		break;
	default:
		if (d->n)
			list_key(u, key);
		else
			line_key(u, key);
	}
	return true;
}

void dialog_mouse(struct ui *u, unsigned button, int row, int column)
{
	struct dialog *d = &u->dialog;
	int at = row - d->row;

	if (!d->title || !d->n)
		return;
	if (button == 4 || button == 5) {
		list_move(d, button == 4 ? -3 : 3);
	} else if (at < 0 || at >= d->height || column < d->column ||
		   column >= d->column + d->width) {
		dialog_key(u, KEY_ESCAPE);
	} else if (d->top + (unsigned)at < d->n) {
		d->selected = d->top + (unsigned)at;
		if (d->toggle)
			d->toggle(u, d->selected);
		else
			list_done(u);
	}
}

static void draw_line(struct dialog *d, int row)
{
	int columns = term_columns(), title = term_width(d->title, strlen(d->title)) + 2;
	int room = columns - title - 1, cursor;
	size_t from = 0;

	if (room < columns / 2) { /* the question is cut, not the answer */
		title = columns / 2;
		room = columns - title - 1;
	}
	while ((cursor = term_width(d->text + from, d->at - from)) > room)
		from = behind(d, from);
	if (d->error[0])
		term_put(row - 1, 0, columns, d->error, ROLE_BAD);
	term_put(row, 0, columns, "", ROLE_TEXT);
	if (title)
		term_put(row, 0, title - 1, d->title, ROLE_ACCENT);
	term_put(row, title, columns - title, d->text + from, ROLE_TEXT);
	term_cursor(row, title + cursor);
}

static void draw_list(struct ui *u, int row, int rows)
{
	struct dialog *d = &u->dialog;
	int height = rows - 2, columns = term_columns(), width = columns < 78 ? columns : 78;
	int left = (columns - width) / 2;
	char head[DIALOG_TEXT + 128];

	if (height > (int)d->n)
		height = (int)d->n;
	if (height < 1)
		height = 1;
	if (d->selected < d->top)
		d->top = d->selected;
	if (d->selected >= d->top + (unsigned)height)
		d->top = d->selected - (unsigned)height + 1;
	d->row = row + 1;
	d->height = height;
	d->column = left;
	d->width = width;
	snprintf(head, sizeof(head), " %s  %s", d->title, d->text);
	term_put(row, left, width, head, ROLE_HEAD);
	for (int i = 0; i < height; i++) {
		unsigned at = d->top + (unsigned)i;
		enum role role = at == d->selected ? ROLE_SELECTED : ROLE_TEXT;
		char line[256];

		if (at >= d->n)
			break;
		snprintf(line, sizeof(line), " %s%s",
			!d->chosen         ? ""
			: d->chosen(u, at) ? "[x] "
					   : "[ ] ",
			d->item(u, at));
		term_put(row + 1 + i, left, width, line, role);
	}
	term_put(row + 1 + height, left, width,
		d->toggle ? " Enter: done  Space: choose  Esc: leave  letters: find"
			  : " Enter: choose  Esc: leave  letters: find  Tab: next",
		ROLE_BAR);
	term_cursor(-1, 0);
}

void dialog_draw(struct ui *u, int row, int rows)
{
	if (!u->dialog.title)
		return;
	if (u->dialog.n)
		draw_list(u, row, rows);
	else
		draw_line(&u->dialog, row + rows);
}
