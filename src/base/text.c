/*
 * text.c - bounded text building and escaping.
 */
#include "base/text.h"
#include <limits.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

void text_init(struct text *t, char *buffer, size_t size)
{
	*t = (struct text){buffer, 0, size, false, false};
	buffer[0] = '\0';
}

void text_init_growing(struct text *t)
{
	*t = (struct text){xmalloc(128), 0, 128, true, false};
	t->p[0] = '\0';
}

void text_release(struct text *t)
{
	if (t->grows)
		free(t->p);
	*t = (struct text){0};
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->cut = false;
	t->p[0] = '\0';
}

/* Room for up to n more bytes and a NUL: how many of the n there are. */
static size_t room(struct text *t, size_t n)
{
	size_t left = t->size - t->len - 1;

	if (n <= left)
		return n;
	if (!t->grows) {
		t->cut = true;
		return left;
	}
	while (t->size - t->len - 1 < n)
		t->size *= 2;
	t->p = xrealloc(t->p, t->size);
	return n;
}

void text_put(struct text *t, const char *p, size_t n)
{
	n = room(t, n);
	if (n)
		memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
}

void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_char(struct text *t, char c)
{
	text_put(t, &c, 1);
}

void text_fill(struct text *t, char c, size_t n)
{
	n = room(t, n);
	memset(t->p + t->len, c, n);
	t->len += n;
	t->p[t->len] = '\0';
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list ap, again;
	size_t left = t->size - t->len;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(t->p + t->len, left, format, ap);
	if (n >= 0 && (size_t)n >= left) {
		left = room(t, (size_t)n) + 1;
		n = vsnprintf(t->p + t->len, left, format, again);
		if (n >= 0 && (size_t)n >= left)
			n = (int)left - 1;
	}
	va_end(again);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
	t->p[t->len] = '\0';
}

unsigned text_utf8(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
	size_t have = (size_t)(end - p);
	uint32_t c;
	unsigned n;

	if (have == 0)
		return 0;
	c = p[0];
	if (c < 0x80) {
		*code = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (have < n)
		return 0;
	c &= 0xffu >> (n + 1);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
		(n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	*code = c;
	return n;
}

bool text_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* One character (or byte that is none) as it is shown; returns the bytes used of the input. */
static size_t show(const uint8_t *p, const uint8_t *end, char out[8], size_t *len, size_t *columns)
{
	uint32_t code = 0;
	unsigned n = text_utf8(p, end, &code);
	int shown;

	if (n == 0)
		shown = snprintf(out, 8, "\\x%02x", *p);
	else if (code == '\\')
		shown = snprintf(out, 8, "\\\\");
	else if (code == '\t' || code == '\n' || code == '\r')
		shown = snprintf(out, 8, "\\%c", code == '\t' ? 't' : code == '\n' ? 'n' : 'r');
	else if (code < 0x80 && text_hidden(code))
		shown = snprintf(out, 8, "\\x%02x", code);
	else if (text_hidden(code))
		shown = snprintf(out, 8, "\\u%04x", code);
	else {
		memcpy(out, p, n);
		*len = n;
		*columns = 1;
		return n;
	}
	*len = *columns = (size_t)shown;
	return n ? n : 1;
}

void text_escape(struct text *t, const char *text, size_t n, size_t columns)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + n;
	size_t used = 0, mark = t->len, len, wide;
	char out[8];

	while (p < end) {
		p += show(p, end, out, &len, &wide);
		if (wide > columns - used) {
			t->len = mark;
			t->p[mark] = '\0';
			text_put(t, "...", columns < 3 ? columns : 3);
			return;
		}
		/* A character is there as a whole or not at all. */
		if (room(t, len) < len)
			return;
		text_put(t, out, len);
		used += wide;
		if (used + 3 <= columns)
			mark = t->len;
	}
}

size_t text_columns(const char *p, size_t n)
{
	size_t columns = 0;

	for (size_t i = 0; i < n; i++)
		columns += ((uint8_t)p[i] & 0xc0) != 0x80;
	return columns;
}

#define EDITS_MAX 96u /* characters of a name */

unsigned text_edits(const char *a, const char *b)
{
	unsigned row[EDITS_MAX + 1];
	size_t n = strlen(b);

	if (n > EDITS_MAX || strlen(a) > EDITS_MAX)
		return UINT_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = (unsigned)k;
	for (size_t i = 0; a[i]; i++) {
		unsigned before = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t k = 0; k < n; k++) {
			unsigned change = before + (a[i] != b[k]);
			unsigned least = row[k] < row[k + 1] ? row[k] + 1 : row[k + 1] + 1;

			before = row[k + 1];
			row[k + 1] = change < least ? change : least;
		}
	}
	return row[n];
}
