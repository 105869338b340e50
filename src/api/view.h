/*
 * view.h - bytes with bounds and a sticky error.
 *
 * A view is a window on captured bytes. Reading moves its front; a read past the end gives 0 (or
 * NULL) and marks the view bad, so a parser reads straight on and tests v.bad once. `cut` counts
 * the bytes that were on the wire behind `end` but were not captured (snap length): a read that
 * fails with cut > 0 failed because of the capture, not because of the sender.
 *
 * A view owns nothing. Lengths are bytes. Nothing here allocates or fails otherwise.
 */
#ifndef TSUMARI_VIEW_H
#define TSUMARI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const uint8_t *p;   /* next byte */
	const uint8_t *end; /* one past the last captured byte */
	uint32_t cut;       /* bytes on the wire after end that were not captured */
	bool bad;           /* a read went past end; stays set */
};

/* p may be NULL where n is 0; the view's own pointers never are, so that adding 0 to them is fine.
 */
static inline struct view view_of(const void *p, size_t n, uint32_t cut)
{
	const uint8_t *start = p ? (const uint8_t *)p : (const uint8_t *)"";
	struct view v = {start, start + n, cut, false};
	return v;
}

/* Captured bytes left. */
static inline size_t view_len(const struct view *v)
{
	return (size_t)(v->end - v->p);
}

/* Bytes left on the wire, captured or not. */
static inline size_t view_wire(const struct view *v)
{
	return (size_t)(v->end - v->p) + v->cut;
}

/* The next n bytes, or NULL; moves past them. */
static inline const uint8_t *view_take(struct view *v, size_t n)
{
	const uint8_t *p = v->p;

	if (n > view_len(v)) {
		v->p = v->end;
		v->bad = true;
		return NULL;
	}
	v->p += n;
	return p;
}

/* The next n bytes without moving, or NULL (the view is not marked). */
static inline const uint8_t *view_peek(const struct view *v, size_t n)
{
	return n > view_len(v) ? NULL : v->p;
}

/* An unsigned big-endian (network order) number of n bytes, 1 <= n <= 8. */
static inline uint64_t view_be(struct view *v, unsigned n)
{
	const uint8_t *p = view_take(v, n);
	uint64_t x = 0;

	if (!p)
		return 0;
	for (unsigned i = 0; i < n; i++)
		x = x << 8 | p[i];
	return x;
}

/* An unsigned little-endian number of n bytes, 1 <= n <= 8. */
static inline uint64_t view_le(struct view *v, unsigned n)
{
	const uint8_t *p = view_take(v, n);
	uint64_t x = 0;

	if (!p)
		return 0;
	for (unsigned i = n; i > 0; i--)
		x = x << 8 | p[i - 1];
	return x;
}

/*
 * Splits off the next n wire bytes as a view of their own. If fewer were captured, the part's `cut`
 * says so. If the wire did not hold n bytes, the part is the rest and the parent becomes bad.
 */
static inline struct view view_sub(struct view *v, size_t n)
{
	struct view s = {v->p, v->end, 0, v->bad};
	size_t have = view_len(v);

	if (n <= have) {
		s.end = v->p + n;
		v->p += n;
		return s;
	}
	n -= have;
	if (n > v->cut) {
		v->bad = true;
		n = v->cut;
	}
	s.cut = (uint32_t)n;
	v->cut -= (uint32_t)n;
	v->p = v->end;
	return s;
}

/*
 * Narrows the view to the length that a header declares (n wire bytes from here) and drops the
 * padding behind it. Returns false, and changes nothing, if the header claims more than the wire
 * held.
 */
static inline bool view_trim(struct view *v, size_t n)
{
	size_t have = view_len(v);

	if (n <= have) {
		v->end = v->p + n;
		v->cut = 0;
		return true;
	}
	if (n - have > v->cut)
		return false;
	v->cut = (uint32_t)(n - have);
	return true;
}

/*
 * The next line, ended by LF or CRLF; *line gets it without the ending, the view moves behind it.
 * Returns false if the view contains no LF (it then does not move). The first `from` bytes are
 * known to contain no LF and are not searched again.
 */
static inline bool view_line_from(struct view *v, struct view *line, size_t from)
{
	size_t have = view_len(v);
	const uint8_t *lf;

	if (from >= have)
		return false;
	lf = (const uint8_t *)memchr(v->p + from, '\n', have - from);
	if (!lf)
		return false;
	*line = view_of(v->p, (size_t)(lf - v->p), 0);
	if (line->end > line->p && line->end[-1] == '\r')
		line->end--;
	v->p = lf + 1;
	return true;
}

static inline bool view_line(struct view *v, struct view *line)
{
	return view_line_from(v, line, 0);
}

/* Text up to a NUL, which the view moves behind, too. Where there is none it is all that is left;
   nothing, where the snap length has cut it. */
static inline struct view view_text(struct view *v)
{
	const uint8_t *nul = view_len(v) ? (const uint8_t *)memchr(v->p, 0, view_len(v)) : NULL;
	struct view text = *v;

	text.end = nul ? nul : v->cut ? v->p : v->end;
	text.cut = 0;
	v->p = nul ? nul + 1 : v->end;
	return text;
}

/* Does the view begin with exactly this text? Then it moves behind it. */
static inline bool view_literal(struct view *v, const char *text)
{
	size_t n = strlen(text);

	if (view_len(v) < n || memcmp(v->p, text, n) != 0)
		return false;
	v->p += n;
	return true;
}

/* The next word of a line; empty: there is none. The view moves behind it and the blank that
   follows, past blanks before it. */
static inline struct view view_word(struct view *v)
{
	const uint8_t *from;
	struct view word;

	while (v->p < v->end && *v->p == ' ')
		v->p++;
	for (from = v->p; v->p < v->end && *v->p != ' ';)
		v->p++;
	word = view_of(from, (size_t)(v->p - from), 0);
	v->p += v->p < v->end;
	return word;
}

/* Is the whole of it a decimal number, of at most max? *n is 0 where it is not. */
static inline bool view_decimal(const struct view *v, uint64_t max, uint64_t *n)
{
	uint64_t x = 0;

	*n = 0;
	for (const uint8_t *p = v->p; p < v->end; p++) {
		unsigned digit = *p - (unsigned)'0';

		if (digit > 9 || x > (max - digit) / 10 || digit > max)
			return false;
		x = x * 10 + digit;
	}
	*n = x;
	return v->p < v->end;
}

/* Does the view hold exactly this text, ASCII letters compared without case? */
static inline bool view_is(const struct view *v, const char *text)
{
	size_t n = strlen(text);

	if (view_len(v) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t a = v->p[i], b = (uint8_t)text[i];

		if (a >= 'A' && a <= 'Z')
			a = (uint8_t)(a + 32);
		if (b >= 'A' && b <= 'Z')
			b = (uint8_t)(b + 32);
		if (a != b)
			return false;
	}
	return true;
}

#endif
