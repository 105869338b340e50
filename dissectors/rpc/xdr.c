/*
 * xdr.c - reading XDR (RFC 4506) by a description of it; see xdr.h.
 */
#include "xdr.h"

#define ATTR_WORDS 8u /* of a bitmap, at most */

/* The attributes that are read, in the order of their bits (RFC 7530, 5.6 and 5.7). */
static const char *const attributes[] = {
	"[u]",
	"u@t",
	"u",
	"h@c",
	"h@z",
	"u",
	"u",
	"u",
	"hh",
	"u",
	"u",
	"u",
	"[uuuo]",
	"u",
	"u",
	"u",
	"u",
	"u",
	"u",
	"s@G",
	"h@i",
	"h",
	"h",
	"h",
	"[o][[o][o]]",
	"u",
	"u",
	"h",
	"u",
	"u",
	"h",
	"h",
	"o",
	"u",
	"u",
	"u",
	"o",
	"o",
	"h",
	"h",
	"h",
	"uu",
	"h",
	"h",
	"h",
	"h",
	"u",
	"hu",
	"u<1:hu|*:>",
	"hu",
	"hu",
	"hu",
	"hu",
	"h@mu@M",
	"u<1:hu|*:>",
	"h",
};
#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

void xdr_begin(struct xdr *x, const char *description)
{
	memset(x, 0, sizeof(*x));
	x->pc = description;
}

static void wrong(struct xdr *x)
{
	x->bad = true;
	x->pc = NULL;
}

static bool push(struct xdr *x, char kind, const char *pc, uint32_t left)
{
	if (x->depth == XDR_DEPTH) {
		wrong(x);
		return false;
	}
	x->frame[x->depth++] = (struct xdr_frame){pc, left, kind};
	return true;
}

/* Behind the bracket that closes the one before pc. */
static const char *behind(const char *pc, char open, char close)
{
	for (unsigned depth = 1; depth; pc++) {
		if (*pc == '@' && pc[1])
			pc++;
		else if (*pc == open)
			depth++;
		else if (*pc == close)
			depth--;
	}
	return pc;
}

/* The branch of a union, from behind its '<'; NULL: none fits. */
static const char *branch(const char *pc, uint64_t number)
{
	unsigned depth = 0;

	for (bool label = true;; pc++) {
		if (label) {
			bool fits = false;

			for (; *pc != ':'; pc++) {
				uint64_t n = 0;

				if (*pc == '*')
					fits = true;
				if (*pc < '0' || *pc > '9')
					continue;
				for (; *pc >= '0' && *pc <= '9'; pc++)
					n = n * 10 + (uint64_t)(*pc - '0');
				pc--;
				if (n == number)
					fits = true;
			}
			if (fits)
				return pc + 1;
			label = false;
		} else if (*pc == '@') {
			pc++;
		} else if (*pc == '<') {
			depth++;
		} else if (*pc == '>') {
			if (!depth--)
				return NULL;
		} else if (*pc == '|' && !depth) {
			label = true;
		}
	}
}

/* Are n bytes there, and do they belong to the attributes being read? */
static bool have(struct xdr *x, const struct view *v, size_t n, bool last, struct take *t)
{
	if (x->attrs_end && x->at + n > x->attrs_end) {
		wrong(x);
		return false;
	}
	if (view_len(v) >= n)
		return true;
	if (last && !v->cut)
		wrong(x);
	else if (last)
		x->pc = NULL;
	else
		t->need = (uint32_t)n;
	return false;
}

/* Of n bytes, behind `skip` others. */
static uint64_t number_at(const struct view *v, size_t skip, unsigned n)
{
	struct view at = *v;

	(void)view_take(&at, skip);
	return view_be(&at, n);
}

static bool read_number(struct xdr *x, struct view *v, unsigned n, bool last, struct take *t)
{
	if (!have(x, v, n, last, t))
		return false;
	x->number = view_be(v, n);
	x->at += n;
	return true;
}

/* An opaque: its length, what is kept of it, and the rest to pass over. */
static bool read_opaque(
	struct xdr *x, struct view *v, bool keep, struct view *text, bool last, struct take *t)
{
	uint64_t n, padded, kept;

	if (!have(x, v, 4, last, t))
		return false;
	n = number_at(v, 0, 4);
	padded = (n + 3) / 4 * 4;
	kept = !keep ? 0 : n > XDR_TEXT ? XDR_TEXT : padded;
	if (x->attrs_end && x->at + 4 + padded > x->attrs_end) {
		wrong(x);
		return false;
	}
	if (!have(x, v, 4 + (size_t)kept, last, t))
		return false;
	(void)view_take(v, 4);
	*text = view_of(v->p, (size_t)(kept < n ? kept : n), 0);
	(void)view_take(v, (size_t)kept);
	x->number = n;
	x->at += 4 + kept;
	x->skip = padded - kept;
	return true;
}

static bool begin_attributes(struct xdr *x, struct view *v, bool last, struct take *t)
{
	uint64_t words, length;

	if (!have(x, v, 4, last, t))
		return false;
	words = number_at(v, 0, 4);
	if (words > ATTR_WORDS || x->attrs_end) {
		wrong(x);
		return false;
	}
	if (!have(x, v, 8 + 4 * (size_t)words, last, t))
		return false;
	x->attrs = words > 0 ? number_at(v, 4, 4) : 0;
	if (words > 1)
		x->attrs |= number_at(v, 8, 4) << 32;
	length = number_at(v, 4 + 4 * words, 4);
	(void)view_take(v, 8 + 4 * (size_t)words);
	x->at += 8 + 4 * words;
	x->attrs_end = x->at + (length + 3) / 4 * 4;
	x->attr = 0;
	if (!push(x, 'A', x->pc, 0))
		return false;
	x->pc = "";
	return true;
}

/* The end of a description: back to whatever called for it. */
static void finished(struct xdr *x)
{
	struct xdr_frame *f;

	if (!x->depth) {
		x->pc = NULL;
		return;
	}
	f = &x->frame[x->depth - 1];
	if (f->kind == 'A') {
		while (x->attr < ATTRIBUTES && !(x->attrs >> x->attr & 1))
			x->attr++;
		if (x->attr < ATTRIBUTES) {
			x->pc = attributes[x->attr++];
			return;
		}
		x->skip = x->attrs_end - x->at;
		x->attrs_end = 0;
	}
	x->pc = f->pc;
	x->depth--;
}

static void loop_end(struct xdr *x, char close)
{
	struct xdr_frame *f = &x->frame[x->depth - 1];

	if (close == ']' && !--f->left)
		x->depth--;
	else
		x->pc = f->pc;
	if (close == '}')
		x->depth--;
}

/* One item behind which there may be a mark. False: more is needed, or it is over. */
static bool item(struct xdr *x, const struct xdr_reader *r, void *arg, struct view *v,
	struct view *text, bool last, struct take *t)
{
	const char *begin = x->pc;
	uint32_t count = 0;

	while (*x->pc >= '0' && *x->pc <= '9')
		count = count * 10 + (uint32_t)(*x->pc++ - '0');
	switch (*x->pc++) {
	case '\0':
		finished(x);
		return true;
	case ' ':
	case ')':
	case '>':
		return true;
	case '|':
		x->pc = behind(x->pc, '<', '>');
		return true;
	case '@':
		r->mark(arg, *x->pc++, x->number, *text);
		return true;
	case 'u':
		if (read_number(x, v, 4, last, t))
			return true;
		break;
	case 'h':
		if (read_number(x, v, 8, last, t))
			return true;
		break;
	case 'x':
		x->skip = count;
		return true;
	case 'f':
		if (!have(x, v, count, last, t))
			break;
		*text = view_of(view_take(v, count), count, 0);
		x->at += count;
		return true;
	case 'o':
	case 's':
		if (read_opaque(x, v, x->pc[-1] == 's', text, last, t))
			return true;
		break;
	case '(':
		if (!read_number(x, v, 4, last, t))
			break;
		if (!x->number)
			x->pc = behind(x->pc, '(', ')');
		return true;
	case '[':
		if (!read_number(x, v, 4, last, t))
			break;
		if (!x->number)
			x->pc = behind(x->pc, '[', ']');
		else
			push(x, '[', x->pc, (uint32_t)x->number);
		return true;
	case '{':
		if (!read_number(x, v, 4, last, t))
			break;
		if (!x->number)
			x->pc = behind(x->pc, '{', '}');
		else
			push(x, '{', begin, 0);
		return true;
	case ']':
	case '}':
		loop_end(x, x->pc[-1]);
		return true;
	case '<':
		x->pc = branch(x->pc, x->number);
		if (!x->pc)
			wrong(x);
		return true;
	case 'A':
		if (begin_attributes(x, v, last, t))
			return true;
		break;
	case '!': {
		const char *description = r->pick(arg, x->number);

		if (!description)
			x->pc = NULL;
		else if (push(x, '!', x->pc, 0))
			x->pc = description;
		return true;
	}
	default:
		wrong(x);
		return true;
	}
	if (x->pc)
		x->pc = begin;
	return false;
}

struct take xdr_read(
	struct xdr *x, const struct xdr_reader *r, void *arg, struct view *v, bool last)
{
	struct take t = {0, 0, false};
	struct view text = view_of(v->p, 0, 0);

	while (x->pc) {
		if (x->skip && *x->pc != '@') {
			uint64_t n = x->skip < view_len(v) ? x->skip : view_len(v);

			(void)view_take(v, (size_t)n);
			x->at += x->skip;
			t.skip = x->skip - n;
			x->skip = 0;
			if (t.skip)
				return t;
		}
		if (!item(x, r, arg, v, &text, last, &t))
			break;
	}
	if (!x->pc && !t.need)
		t.skip = TAKE_TO_END;
	return t;
}
