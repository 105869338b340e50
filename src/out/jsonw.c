/*
 * jsonw.c - JSON lines from a schema (RFC 8259).
 *
 * Each field's key is made once: for "tsumari.tcp.client.mss" the text
 *     "tsumari":{"tcp":{"client":{"mss":
 * of which a record needs the part behind the objects that are open already. How many of them stay
 * open from one field to the next is the number of leading words the two names share, and over
 * fields that are left out the least of those numbers.
 */
#include "out/jsonw.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DEPTH_MAX  12
#define SAVED_MAX  24
#define NAME_SHOWN 128 /* bytes of a constant name, at most */
#define NAME_KEPT  32  /* of these, kept ready to be copied */
#define PAD        16  /* keys are copied in pieces of this size */
#define NOT_SAVED  0xff

enum op_kind {
	OP_LITERAL, /* the key's text holds the value, too */
	OP_SAME,    /* the text of an earlier field */
	/* Members. */
	OP_U64,
	OP_U32,
	OP_U16,
	OP_U8,
	OP_OTHER, /* a number that is not shown as its digits */
	OP_STR,
	OP_NAME,
	OP_IP,
	OP_MAC,
	OP_U64S,
	/* A dissector's own values. */
	OP_VALUE_U64,
	OP_VALUE_STR,
	OP_VALUE_NAME,
	OP_VALUE_OTHER,
	/* Computed. */
	OP_GET_NAME,
	OP_GET,
};

struct op {
	uint8_t kind;
	uint8_t flags;  /* FIELD_F_ */
	uint8_t type;   /* of the field */
	uint8_t depth;  /* objects around the field */
	uint8_t common; /* of these, shared with the field before */
	uint8_t saved;  /* place in the list of texts that come again; NOT_SAVED */
	uint16_t keylen;
	uint32_t offset; /* in the record; of a value: number of the dissector's field */
	const char *key;
	/* A name as it was shown last, with its closing quote: most come again and again. */
	const char *name;
	uint8_t shown_len;
	char shown[NAME_KEPT];
	uint16_t open[DEPTH_MAX];
	const struct schema_column *column;
};

struct saved_text {
	const char *p;
	size_t n;
};

struct jsonw_plan {
	struct schema *schema;
	size_t fixed;     /* bytes of everything but text from the wire */
	unsigned nvalues; /* of the dissector's fields */
	unsigned nsaved;
	unsigned n;
	struct op ops[];
};

/* --- strings --- */

static char *escape_u(char *at, uint32_t code)
{
	static const char hex[] = "0123456789abcdef";

	memcpy(at, "\\u", 2);
	at[2] = hex[code >> 12 & 15];
	at[3] = hex[code >> 8 & 15];
	at[4] = hex[code >> 4 & 15];
	at[5] = hex[code & 15];
	return at + 6;
}

/* One character; moves *p behind it. */
static char *put_char(char *at, const uint8_t **p, const uint8_t *end)
{
	static const char shorts[128] = {['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't'};
	uint32_t code = **p;
	unsigned n;

	if (code < 0x80) {
		(*p)++;
		if (shorts[code]) {
			*at++ = '\\';
			*at++ = shorts[code];
			return at;
		}
		if (code < 0x20 || code == 0x7f)
			return escape_u(at, code);
		*at++ = (char)code;
		return at;
	}
	n = text_utf8(*p, end, &code);
	if (n == 0) {
		(*p)++;
		return escape_u(at, 0xfffd);
	}
	if (text_hidden(code))
		at = escape_u(at, code);
	else {
		memcpy(at, *p, n);
		at += n;
	}
	*p += n;
	return at;
}

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Is there a byte that does not go into a string as it is? (Rarely says so where there is none.) */
static bool special(uint64_t x)
{
	uint64_t quote = x ^ BYTES('"'), slash = x ^ BYTES('\\'), del = x ^ BYTES(0x7f);

	return ((x | (x - BYTES(0x20)) | (quote - BYTES(1)) | (slash - BYTES(1)) |
			(del - BYTES(1))) &
		       BYTES(0x80)) != 0;
}

/* Copies n < 16 bytes in two overlapping pieces; false: one of them needs care. */
static inline bool copy_short(char *at, const uint8_t *p, size_t n)
{
	uint64_t x, y;
	uint32_t u, w;

	if (n >= 8) {
		memcpy(&x, p, 8);
		memcpy(&y, p + n - 8, 8);
		memcpy(at, &x, 8);
		memcpy(at + n - 8, &y, 8);
		return !special(x) && !special(y);
	}
	if (n >= 4) {
		memcpy(&u, p, 4);
		memcpy(&w, p + n - 4, 4);
		memcpy(at, &u, 4);
		memcpy(at + n - 4, &w, 4);
		return !special((uint64_t)u << 32 | w);
	}
	if (n == 0)
		return true;
	at[0] = (char)p[0];
	at[n / 2] = (char)p[n / 2];
	at[n - 1] = (char)p[n - 1];
	return !special(
		BYTES(' ') << 24 | (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1]);
}

#ifdef __SSE2__
/* Copies 16 bytes; a bit is set for each that needs care. */
static inline unsigned copy16(char *at, const uint8_t *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	/* Signed: bytes from 0x80 on are less than a space, too. */
	__m128i a = _mm_or_si128(
		_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
	__m128i b = _mm_or_si128(
		_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));

	_mm_storeu_si128((__m128i *)(void *)at, x);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(a, b));
}
#else
static inline unsigned copy16(char *at, const uint8_t *p)
{
	unsigned mask = 0;
	uint64_t x, y;

	memcpy(&x, p, 8);
	memcpy(&y, p + 8, 8);
	memcpy(at, p, 16);
	if (special(x) || special(y))
		for (unsigned i = 0; i < 16; i++)
			if (p[i] < 0x20 || p[i] >= 0x7f || p[i] == '"' || p[i] == '\\')
				mask |= 1u << i;
	return mask;
}
#endif

/* At least 16 bytes, or any number with some that need care. */
static char *put_long(char *at, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 16) {
		unsigned mask = copy16(at, p), good;

		if (mask == 0) {
			p += 16;
			at += 16;
			continue;
		}
		good = (unsigned)__builtin_ctz(mask);
		p += good;
		at = put_char(at + good, &p, end);
	}
	if (copy_short(at, p, (size_t)(end - p)))
		return at + (end - p);
	while (p < end)
		at = put_char(at, &p, end);
	return at;
}

char *jsonw_text(char *at, const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;

	if (n < 16 && copy_short(at, p, n))
		return at + n;
	return put_long(at, p, p + n);
}

/* --- plans --- */

static const char *next_word(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : NULL;
}

/* Objects around a field. */
static unsigned depth_of(const char *name)
{
	unsigned n = 0;

	for (; (name = next_word(name)); n++)
		;
	return n < DEPTH_MAX ? n : DEPTH_MAX - 1;
}

/* Leading words (objects) that two names share. */
static unsigned common_of(const char *a, const char *b)
{
	unsigned n = 0;

	for (; *a && *a == *b; a++, b++)
		n += *a == '.';
	return n < DEPTH_MAX ? n : DEPTH_MAX - 1;
}

/* Does the value stand in quotes (opened by its key, closed behind it)? */
static bool quoted(const struct field *f)
{
	switch (f->type) {
	case FIELD_TIME:
	case FIELD_ID:
	case FIELD_STR:
	case FIELD_NAME:
	case FIELD_IP:
	case FIELD_MAC:
		return !(f->flags & FIELD_F_LIST);
	default:
		return false;
	}
}

static void make_key(struct op *op, const struct schema_column *c, bool flat)
{
	const char *name = c->field->name, *next;
	struct text t;

	text_init_growing(&t);
	op->depth = (uint8_t)(flat ? 0 : depth_of(name));
	for (unsigned i = 0; i < op->depth; i++, name = next) {
		next = next_word(name);
		op->open[i] = (uint16_t)t.len;
		text_char(&t, '"');
		text_put(&t, name, (size_t)(next - name - 1));
		text_str(&t, "\":{");
	}
	op->open[op->depth] = (uint16_t)t.len;
	text_printf(&t, "\"%s\":", name);
	if (quoted(c->field))
		text_char(&t, '"');
	if (op->kind == OP_LITERAL && (c->field->flags & FIELD_F_LIST))
		text_printf(&t, "[\"%s\"]", c->computed->literal);
	else if (op->kind == OP_LITERAL)
		text_printf(&t, "%s\"", c->computed->literal);
	op->keylen = (uint16_t)t.len;
	text_fill(&t, '\0', PAD);
	op->key = t.p;
}

static enum op_kind member_kind(const struct field *f)
{
	switch (f->type) {
	case FIELD_STR:
		return OP_STR;
	case FIELD_NAME:
		return OP_NAME;
	case FIELD_IP:
		return OP_IP;
	case FIELD_MAC:
		return OP_MAC;
	case FIELD_U64S:
		return OP_U64S;
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		return f->flags & FIELD_F_U8    ? OP_U8
		       : f->flags & FIELD_F_U16 ? OP_U16
		       : f->flags & FIELD_F_U32 ? OP_U32
						: OP_U64;
	default:
		return OP_OTHER;
	}
}

static enum op_kind value_kind(const struct field *f)
{
	switch (f->type) {
	case FIELD_STR:
		return OP_VALUE_STR;
	case FIELD_NAME:
		return OP_VALUE_NAME;
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		return OP_VALUE_U64;
	default:
		return OP_VALUE_OTHER;
	}
}

static enum op_kind computed_kind(const struct schema_computed *c)
{
	return c->literal ? OP_LITERAL : c->field.type == FIELD_NAME ? OP_GET_NAME : OP_GET;
}

/* Where a member was shown before in the same way, its text is used again. */
static void find_same(struct jsonw_plan *p, struct op *op)
{
	for (struct op *o = p->ops; o < op; o++) {
		if (o->column->source != SCHEMA_MEMBER || o->kind == OP_SAME ||
			o->type != op->type || o->offset != op->offset || o->flags != op->flags)
			continue;
		if (o->saved == NOT_SAVED && p->nsaved < SAVED_MAX)
			o->saved = (uint8_t)p->nsaved++;
		if (o->saved == NOT_SAVED)
			return;
		op->kind = OP_SAME;
		op->saved = o->saved;
		return;
	}
}

/* Most bytes of a value, text from the wire not counted. */
static size_t value_bound(const struct op *op)
{
	const struct field *f = op->column->field;
	size_t n = JSONW_TEXT(NAME_SHOWN);

	if (f->type == FIELD_NAMES)
		for (unsigned i = 0; f->names && f->names[i]; i++)
			n += JSONW_TEXT(strlen(f->names[i])) + 3;
	if (f->type == FIELD_U64S)
		n += FIELD_LIST_MAX * (PUT_U64 + 1);
	return n;
}

static void make_op(struct jsonw_plan *p, unsigned i, bool flat)
{
	const struct schema_column *c = &p->schema->columns[i];
	const struct field *f = c->field;
	struct op *op = &p->ops[i];

	op->column = c;
	op->type = f->type;
	op->flags = f->flags;
	op->saved = NOT_SAVED;
	op->offset = f->offset;
	if (c->source == SCHEMA_VALUE) {
		op->kind = (uint8_t)value_kind(f);
		op->offset = c->index;
		if (c->index >= p->nvalues)
			p->nvalues = c->index + 1u;
	} else if (c->source == SCHEMA_COMPUTED) {
		op->kind = (uint8_t)computed_kind(c->computed);
	} else {
		op->kind = (uint8_t)member_kind(f);
		find_same(p, op);
	}
	make_key(op, c, flat);
	if (i > 0 && !flat)
		op->common = (uint8_t)common_of(c->field->name, c[-1].field->name);
	p->fixed += (size_t)op->keylen + PAD + DEPTH_MAX + value_bound(op);
}

struct jsonw_plan *jsonw_plan_new(struct schema *s, bool flat)
{
	struct jsonw_plan *p = xcalloc(1, sizeof(*p) + s->n * sizeof(p->ops[0]));

	p->schema = s;
	p->n = s->n;
	p->fixed = 64;
	for (unsigned i = 0; i < s->n; i++)
		make_op(p, i, flat);
	return p;
}

void jsonw_plan_free(struct jsonw_plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		free((char *)(uintptr_t)p->ops[i].key);
	schema_free(p->schema);
	free(p);
}

size_t jsonw_bound(const struct jsonw_plan *p, const struct record *r)
{
	/* Text of the record stands in the line at most twice (path, resource). */
	return p->fixed + 2 * JSONW_TEXT(r->size);
}

/* --- writing --- */

struct line {
	const struct record *r;
	struct schema_env *env;
	struct time_cache *times;
	char *value;     /* of the key opened last */
	unsigned depth;  /* objects open */
	unsigned common; /* of these, shared with all fields since the last one written */
	unsigned nip;
	const struct op *ip[2]; /* addresses written so far */
	struct saved_text saved[SAVED_MAX];
};

/* Closes and opens objects and writes the key. */
static inline char *open_key(struct line *l, const struct op *op, char *at)
{
	const char *key = op->key + op->open[l->common];
	size_t n = op->keylen - (size_t)op->open[l->common];

	memset(at, '}', DEPTH_MAX);
	at += l->depth - l->common;
	*at++ = ',';
	memcpy(at, key, PAD);
	for (size_t i = PAD; i < n; i += PAD)
		memcpy(at + i, key + i, PAD);
	l->depth = op->depth;
	l->common = DEPTH_MAX;
	l->value = at + n;
	return l->value;
}

static inline char *quote(char *at)
{
	*at = '"';
	return at + 1;
}

static char *put_new_name(struct line *l, struct op *op, const char *name, char *at)
{
	size_t n = strnlen(name, NAME_SHOWN);
	char *begin = open_key(l, op, at);

	at = quote(jsonw_text(begin, name, n));
	if (at - begin <= NAME_KEPT) {
		op->name = name;
		op->shown_len = (uint8_t)(at - begin);
		memcpy(op->shown, begin, (size_t)(at - begin));
	}
	return at;
}

/* A constant name (or NULL). */
static inline char *put_name(struct line *l, struct op *op, const char *name, char *at)
{
	if (name != op->name)
		return put_new_name(l, op, name, at);
	at = open_key(l, op, at);
	memcpy(at, op->shown, NAME_KEPT);
	return at + op->shown_len;
}

static char *put_names(char *at, const struct field *f, uint64_t mask)
{
	*at++ = '[';
	for (unsigned i = 0; mask && f->names && f->names[i]; i++, mask >>= 1) {
		if (!(mask & 1))
			continue;
		at = quote(jsonw_text(quote(at), f->names[i], strlen(f->names[i])));
		*at++ = ',';
	}
	/* No name for any bit: an empty list. */
	at -= at[-1] == ',';
	*at++ = ']';
	return at;
}

static char *put_list(char *at, const struct field_list *list)
{
	uint32_t n = list->n < FIELD_LIST_MAX ? list->n : FIELD_LIST_MAX;

	*at++ = '[';
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			*at++ = ',';
		at = put_u64(at, list->v[i]);
	}
	*at++ = ']';
	return at;
}

/* An address and its closing quote, which may be in this line already. */
static char *put_ip(const struct line *l, char *at, const struct addr *ip)
{
	for (unsigned i = 0; i < l->nip; i++) {
		const struct saved_text *s = &l->saved[l->ip[i]->saved];

		if ((const char *)l->r + l->ip[i]->offset == (const char *)ip) {
			memcpy(at, s->p, s->n);
			return at + s->n;
		}
	}
	return quote(put_addr(at, ip));
}

static char *put_ips(const struct line *l, char *at, const struct schema_value *v)
{
	*at++ = '[';
	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			*at++ = ',';
		at = put_ip(l, quote(at), v->ip[i]);
	}
	*at++ = ']';
	return at;
}

/* A number of any kind is absent as FIELD_ABSENT, and as 0 where the field says so. */
static inline bool absent(const struct op *op, uint64_t v)
{
	return v == FIELD_ABSENT || (v == 0 && (op->flags & FIELD_F_NONZERO));
}

/* A number, a time, a truth value or a list of names; NULL where it is absent. */
static char *put_number(struct line *l, const struct op *op, uint64_t v, char *at)
{
	if (v == FIELD_ABSENT)
		return NULL;
	switch (op->type) {
	case FIELD_TIME:
		return quote(put_time(open_key(l, op, at), v, l->times));
	case FIELD_ID:
		return quote(put_u64(open_key(l, op, at), v));
	case FIELD_BOOL:
		if (v == 0 && !(op->flags & FIELD_F_FALSE))
			return NULL;
		at = open_key(l, op, at);
		memcpy(at, v ? "true" : "false", 5);
		return at + (v ? 4 : 5);
	case FIELD_NAMES:
		return v ? put_names(open_key(l, op, at), op->column->field, v) : NULL;
	default:
		return absent(op, v) ? NULL : put_u64(open_key(l, op, at), v);
	}
}

static char *put_computed(struct line *l, const struct op *op, char *at)
{
	struct schema_value v;

	if (!op->column->computed->get(l->r, l->env, &v))
		return NULL;
	if (op->type == FIELD_IP)
		return put_ips(l, open_key(l, op, at), &v);
	if (op->type != FIELD_STR)
		return put_number(l, op, v.u64, at);
	/* Longer than the record: it came from elsewhere. */
	if (v.n > l->r->size && v.n > NAME_SHOWN)
		v.n = NAME_SHOWN;
	return v.n ? quote(jsonw_text(open_key(l, op, at), v.p, v.n)) : NULL;
}

static char *put_computed_name(struct line *l, struct op *op, char *at)
{
	struct schema_value v;

	return op->column->computed->get(l->r, l->env, &v) ? put_name(l, op, v.p, at) : NULL;
}

/* A member that is a number but not shown as its digits. */
static char *put_other(struct line *l, const struct op *op, const void *member, char *at)
{
	uint64_t u64;
	uint32_t u32;

	if (op->flags & FIELD_F_U8)
		return put_number(l, op, *(const uint8_t *)member, at);
	if (op->type == FIELD_NAMES || (op->flags & FIELD_F_U32)) {
		memcpy(&u32, member, sizeof(u32));
		return put_number(l, op, u32, at);
	}
	memcpy(&u64, member, sizeof(u64));
	return put_number(l, op, u64, at);
}

static char *put_same(struct line *l, const struct op *op, char *at)
{
	const struct saved_text *s = &l->saved[op->saved];

	if (!s->p)
		return NULL;
	at = open_key(l, op, at);
	memcpy(at, s->p, 16);
	if (s->n > 16)
		memcpy(at + 16, s->p + 16, s->n - 16);
	return at + s->n;
}

/* One field; NULL where it is absent. */
static inline char *put_op(
	struct line *l, struct op *op, const struct value *const *values, char *at)
{
	static const uint8_t no_mac[6];
	const void *member = (const char *)l->r + op->offset;
	const struct record_text *text = member;
	const struct value *v;
	const char *name;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (op->kind) {
	case OP_LITERAL:
		return open_key(l, op, at);
	case OP_SAME:
		return put_same(l, op, at);
	case OP_U64:
		memcpy(&u64, member, sizeof(u64));
		return absent(op, u64) ? NULL : put_u64(open_key(l, op, at), u64);
	case OP_U32:
		memcpy(&u32, member, sizeof(u32));
		return absent(op, u32) ? NULL : put_u64(open_key(l, op, at), u32);
	case OP_U16:
		memcpy(&u16, member, sizeof(u16));
		return absent(op, u16) ? NULL : put_u64(open_key(l, op, at), u16);
	case OP_U8:
		u64 = *(const uint8_t *)member;
		return absent(op, u64) ? NULL : put_u64(open_key(l, op, at), u64);
	case OP_OTHER:
		return put_other(l, op, member, at);
	case OP_STR:
		if (text->len == 0)
			return NULL;
		name = (const char *)l->r + text->offset;
		return quote(jsonw_text(open_key(l, op, at), name, text->len));
	case OP_NAME:
		memcpy(&name, member, sizeof(name));
		return name ? put_name(l, op, name, at) : NULL;
	case OP_IP:
		if (op->saved != NOT_SAVED && l->nip < 2)
			l->ip[l->nip++] = op;
		return quote(put_addr(open_key(l, op, at), member));
	case OP_MAC:
		if (memcmp(member, no_mac, 6) == 0)
			return NULL;
		return quote(put_mac(open_key(l, op, at), member));
	case OP_U64S:
		u32 = ((const struct field_list *)member)->n;
		return u32 ? put_list(open_key(l, op, at), member) : NULL;
	case OP_GET_NAME:
		return put_computed_name(l, op, at);
	case OP_GET:
		return put_computed(l, op, at);
	default:
		break;
	}
	v = values[op->offset];
	if (!v)
		return NULL;
	switch (op->kind) {
	case OP_VALUE_U64:
		return absent(op, v->u64) ? NULL : put_u64(open_key(l, op, at), v->u64);
	case OP_VALUE_STR:
		if (v->len == 0)
			return NULL;
		return quote(jsonw_text(open_key(l, op, at), value_text(v), v->len));
	case OP_VALUE_NAME:
		return v->name ? put_name(l, op, v->name, at) : NULL;
	default:
		return put_number(l, op, v->u64, at);
	}
}

/* The values of a transaction by their field. */
static void sort_values(
	const struct jsonw_plan *p, const struct record *r, const struct value **values)
{
	const struct txn_record *t = (const struct txn_record *)r;
	const struct value *v;

	memset(values, 0, p->nvalues * sizeof(values[0]));
	if (r->kind != RECORD_TXN)
		return;
	v = (const struct value *)(const void *)((const char *)r + t->values);
	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v))
		if (v->field < p->nvalues)
			values[v->field] = v;
}

char *jsonw_record(struct jsonw_plan *p, const struct record *r, struct schema_env *env,
	struct time_cache *times, char *at)
{
	const struct value *values[SCHEMA_FIELDS_MAX];
	char *begin = at, *end;
	struct line l;
	uint8_t without = 0; /* fields with these flags are absent */

	l.r = r;
	l.env = env;
	l.times = times;
	l.depth = l.common = l.nip = 0;
	memset(l.saved, 0, p->nsaved * sizeof(l.saved[0]));
	if (!r->has_ports)
		without |= FIELD_F_PORTS;
	if (r->kind == RECORD_FLOW && !((const struct flow_record *)r)->tcp_state)
		without |= FIELD_F_TCP;
	sort_values(p, r, values);
	for (struct op *op = p->ops, *last = op + p->n; op < last; op++) {
		if (op->common < l.common)
			l.common = op->common;
		if (op->flags & without)
			continue;
		end = put_op(&l, op, values, at);
		if (!end)
			continue;
		at = end;
		if (op->saved != NOT_SAVED && op->kind != OP_SAME) {
			l.saved[op->saved].p = l.value;
			l.saved[op->saved].n = (size_t)(at - l.value);
		}
	}
	*begin = '{';
	memset(at, '}', DEPTH_MAX);
	at += l.depth + 1;
	*at++ = '\n';
	return at;
}
