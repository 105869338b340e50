/* lines.c - see lines.h. */
#include "lines.h"
#include "term.h"
#include <curses.h>
#include <stdint.h>
#include <string.h>

static unsigned most(const struct lines *l)
{
	unsigned height = l->rows > 0 ? (unsigned)l->rows : 0;

	return l->count > height ? l->count - height : 0;
}

void lines_begin(struct lines *l, int row, int rows)
{
	l->count = l->line;
	l->line = 0;
	l->row = row;
	l->rows = rows;
	if (l->top > most(l))
		l->top = most(l);
}

int lines_next(struct lines *l)
{
	unsigned line = l->line++;

	if (line < l->top || line >= l->top + (unsigned)l->rows)
		return -1;
	return l->row + (int)(line - l->top);
}

void lines_heading(struct lines *l, const char *title)
{
	lines_next(l);
	term_put(lines_next(l), 0, term_columns(), title, ROLE_ACCENT);
}

size_t lines_break(const char *text, size_t width)
{
	size_t n = strlen(text);

	if (n <= width)
		return n;
	for (n = width; n > 0 && text[n] != ' '; n--)
		;
	return n ? n : width;
}

void lines_text(struct lines *l, int column, const char *text, enum role role)
{
	int room = term_columns() - column - 1;
	size_t width = room > 16 ? (size_t)room : 16;

	while (*text) {
		size_t n = lines_break(text, width);

		term_text(lines_next(l), column, term_columns() - column, text, n, role);
		text += n;
		text += strspn(text, " ");
	}
}

void lines_paragraph(struct lines *l, const char *title, const char *text)
{
	if (!*text)
		return;
	lines_heading(l, title);
	lines_text(l, 3, text, ROLE_TEXT);
}

bool lines_hidden(const struct lines *l)
{
	unsigned n = l->line > l->count ? l->line : l->count;

	return l->rows > 0 && n > (unsigned)l->rows;
}

static void scroll_by(struct lines *l, int by)
{
	int64_t to = (int64_t)l->top + by;

	l->count = l->line;
	l->top = to < 0 ? 0 : to > most(l) ? most(l) : (unsigned)to;
}

bool lines_key(struct lines *l, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		scroll_by(l, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		scroll_by(l, 1);
		return true;
	case KEY_PPAGE:
	case 2:  /* ^B */
	case 21: /* ^U */
		scroll_by(l, -l->rows);
		return true;
	case KEY_NPAGE:
	case 6: /* ^F */
	case 4: /* ^D */
	case ' ':
		scroll_by(l, l->rows);
		return true;
	case KEY_HOME:
	case 'g':
		l->top = 0;
		return true;
	case KEY_END:
	case 'G':
		scroll_by(l, (int)l->line);
		return true;
	default:
		return false;
	}
}
