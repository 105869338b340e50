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
	OP_GET,
};

enum op_emit {
	EMIT_NOTHING,
	EMIT_COPY,
	EMIT_NUMBER,
	EMIT_OTHER,
	EMIT_TEXT,
	EMIT_NAME,
	EMIT_IP,
	EMIT_IPS,
	EMIT_MAC,
	EMIT_LIST,
};

struct op {
	uint8_t kind;   /* enum op_kind: how the value is come by */
	uint8_t emit;   /* enum op_emit: how it is written */
	uint8_t flags;  /* FIELD_F_ */
	uint8_t type;   /* of the field */
	uint8_t depth;  /* objects around the field */
	uint8_t common; /* of these, shared with the field before */
	uint8_t saved;  /* place in the list of texts that come again; NOT_SAVED */
	bool save;      /* this field's does */
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
	text_fill(&t, '\0', 2 * PAD);
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
	return c->literal ? OP_LITERAL : OP_GET;
}

static enum op_emit emit_of(const struct op *op)
{
	if (op->kind == OP_LITERAL)
		return EMIT_NOTHING;
	if (op->kind == OP_SAME)
		return EMIT_COPY;
	switch (op->type) {
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_DURATION:
		return EMIT_NUMBER;
	case FIELD_STR:
		return EMIT_TEXT;
	case FIELD_NAME:
		return EMIT_NAME;
	case FIELD_IP:
		return op->kind == OP_GET ? EMIT_IPS : EMIT_IP;
	case FIELD_MAC:
		return EMIT_MAC;
	case FIELD_U64S:
		return EMIT_LIST;
	default:
		return EMIT_OTHER;
	}
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
		o->save = true;
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
	op->emit = (uint8_t)emit_of(op);
	make_key(op, c, flat);
	if (i > 0 && !flat)
		op->common = (uint8_t)common_of(c->field->name, c[-1].field->name);
	p->fixed += (size_t)op->keylen + 2 * PAD + DEPTH_MAX + value_bound(op);
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

/* What a line refers to; nothing in here changes from field to field but `saved` and `ip`. */
struct line {
	const struct record *r;
	struct schema_env *env;
	struct time_cache *times;
	unsigned nip;
	const struct op *ip[2]; /* addresses written so far */
	struct saved_text saved[SAVED_MAX];
	const struct value *values[SCHEMA_FIELDS_MAX]; /* by the dissector's fields */
};

/* A value that is not absent: a number, or bytes. */
struct found {
	uint64_t u64;
	const char *p;
	size_t n;
};

static inline char *quote(char *at)
{
	*at = '"';
	return at + 1;
}

static char *put_new_name(struct op *op, const char *name, char *begin)
{
	char *at = quote(jsonw_text(begin, name, strnlen(name, NAME_SHOWN)));

	if (at - begin <= NAME_KEPT) {
		op->name = name;
		op->shown_len = (uint8_t)(at - begin);
		memcpy(op->shown, begin, (size_t)(at - begin));
	}
	return at;
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

static char *put_ips(const struct line *l, char *at, const struct addr *first, uint64_t second)
{
	*at++ = '[';
	at = put_ip(l, quote(at), first);
	if (second) {
		*at++ = ',';
		at = put_ip(l, quote(at), (const struct addr *)(uintptr_t)second);
	}
	*at++ = ']';
	return at;
}

/* A number of any kind is absent as FIELD_ABSENT, and as 0 where the field says so. */
static inline bool present(const struct op *op, uint64_t v)
{
	return v != FIELD_ABSENT && (v != 0 || !(op->flags & FIELD_F_NONZERO));
}

/* The same for all types of numbers. */
static bool other_present(const struct op *op, uint64_t v)
{
	if (op->type == FIELD_BOOL && !(op->flags & FIELD_F_FALSE))
		return v != FIELD_ABSENT && v != 0;
	return op->type == FIELD_NAMES ? v != 0 : present(op, v);
}

/* A number, a time, a truth value or a list of names. */
static char *put_other(const struct line *l, const struct op *op, uint64_t v, char *at)
{
	switch (op->type) {
	case FIELD_TIME:
		return quote(put_time(at, v, l->times));
	case FIELD_ID:
		return quote(put_u64(at, v));
	case FIELD_BOOL:
		memcpy(at, v ? "true" : "false", 5);
		return at + (v ? 4 : 5);
	case FIELD_NAMES:
		return put_names(at, op->column->field, v);
	default:
		return put_u64(at, v);
	}
}

/* A member that is a number but not shown as its digits. */
static uint64_t load_other(const struct op *op, const void *member)
{
	uint64_t u64;
	uint32_t u32;

	if (op->flags & FIELD_F_U8)
		return *(const uint8_t *)member;
	if (op->type == FIELD_NAMES || (op->flags & FIELD_F_U32)) {
		memcpy(&u32, member, sizeof(u32));
		return u32;
	}
	memcpy(&u64, member, sizeof(u64));
	return u64;
}

static bool fetch_computed(const struct line *l, const struct op *op, struct found *f)
{
	struct schema_value v;

	if (!op->column->computed->get(l->r, l->env, &v))
		return false;
	switch (op->type) {
	case FIELD_NAME:
		f->p = v.p;
		return true;
	case FIELD_STR:
		/* Longer than the record: it came from elsewhere. */
		f->p = v.p;
		f->n = v.n > l->r->size && v.n > NAME_SHOWN ? NAME_SHOWN : v.n;
		return f->n > 0;
	case FIELD_IP:
		f->p = (const char *)v.ip[0];
		f->u64 = v.n > 1 ? (uintptr_t)v.ip[1] : 0;
		return true;
	default:
		f->u64 = v.u64;
		return other_present(op, v.u64);
	}
}

static inline bool fetch_value(const struct op *op, const struct value *v, struct found *f)
{
	if (!v)
		return false;
	switch (op->kind) {
	case OP_VALUE_U64:
		f->u64 = v->u64;
		return present(op, v->u64);
	case OP_VALUE_STR:
		f->p = value_text(v);
		f->n = v->len;
		return f->n > 0;
	case OP_VALUE_NAME:
		f->p = v->name;
		return f->p != NULL;
	default:
		f->u64 = v->u64;
		return other_present(op, v->u64);
	}
}

static inline bool fetch_text(const struct record *r, const void *member, struct found *f)
{
	struct record_text text;

	memcpy(&text, member, sizeof(text));
	f->p = (const char *)r + text.offset;
	f->n = text.len;
	return text.len > 0;
}

/* The field's value; false where it is absent. */
static inline bool fetch(const struct line *l, const struct op *op, struct found *f)
{
	static const uint8_t no_mac[6];
	const char *member = (const char *)l->r + op->offset;
	uint32_t u32;
	uint16_t u16;

	f->p = member;
	switch (op->kind) {
	case OP_LITERAL:
	case OP_IP:
		return true;
	case OP_SAME:
		f->p = l->saved[op->saved].p;
		f->n = l->saved[op->saved].n;
		return f->p != NULL;
	case OP_U64:
		memcpy(&f->u64, member, sizeof(f->u64));
		return present(op, f->u64);
	case OP_U32:
		memcpy(&u32, member, sizeof(u32));
		f->u64 = u32;
		return present(op, u32);
	case OP_U16:
		memcpy(&u16, member, sizeof(u16));
		f->u64 = u16;
		return present(op, u16);
	case OP_U8:
		f->u64 = *(const uint8_t *)member;
		return present(op, f->u64);
	case OP_OTHER:
		f->u64 = load_other(op, member);
		return other_present(op, f->u64);
	case OP_STR:
		return fetch_text(l->r, member, f);
	case OP_NAME:
		memcpy(&f->p, member, sizeof(f->p));
		return f->p != NULL;
	case OP_MAC:
		return memcmp(member, no_mac, 6) != 0;
	case OP_U64S:
		return ((const struct field_list *)(const void *)member)->n > 0;
	case OP_GET:
		return fetch_computed(l, op, f);
	default:
		return fetch_value(op, l->values[op->offset], f);
	}
}

static inline char *emit(const struct line *l, struct op *op, const struct found *f, char *at)
{
	switch (op->emit) {
	case EMIT_NOTHING:
		return at;
	case EMIT_COPY:
		memcpy(at, f->p, 32);
		if (f->n > 32)
			memcpy(at + 32, f->p + 32, f->n - 32);
		return at + f->n;
	case EMIT_NUMBER:
		return put_u64(at, f->u64);
	case EMIT_TEXT:
		return quote(jsonw_text(at, f->p, f->n));
	case EMIT_NAME:
		if (f->p != op->name)
			return put_new_name(op, f->p, at);
		memcpy(at, op->shown, NAME_KEPT);
		return at + op->shown_len;
	case EMIT_IP:
		return quote(put_addr(at, (const struct addr *)(const void *)f->p));
	case EMIT_IPS:
		return put_ips(l, at, (const struct addr *)(const void *)f->p, f->u64);
	case EMIT_MAC:
		return quote(put_mac(at, (const uint8_t *)f->p));
	case EMIT_LIST:
		return put_list(at, (const struct field_list *)(const void *)f->p);
	default:
		return put_other(l, op, f->u64, at);
	}
}

/* The values of a transaction by their field. */
static void sort_values(const struct jsonw_plan *p, struct line *l)
{
	const struct txn_record *t = (const struct txn_record *)l->r;
	const struct value *v;

	memset(l->values, 0, p->nvalues * sizeof(l->values[0]));
	if (l->r->kind != RECORD_TXN)
		return;
	v = (const struct value *)(const void *)((const char *)t + t->values);
	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v))
		if (v->field < p->nvalues)
			l->values[v->field] = v;
}

/* Fields with these flags are absent. */
static uint8_t without(const struct record *r)
{
	uint8_t flags = r->has_ports ? 0 : FIELD_F_PORTS;

	if (r->kind == RECORD_FLOW && !((const struct flow_record *)r)->tcp_state)
		flags |= FIELD_F_TCP;
	return flags;
}

/* Remembers a value that comes again. */
static void save(struct line *l, const struct op *op, const char *value, const char *end)
{
	l->saved[op->saved].p = value;
	l->saved[op->saved].n = (size_t)(end - value);
	if (op->kind == OP_IP && l->nip < 2)
		l->ip[l->nip++] = op;
}

char *jsonw_record(struct jsonw_plan *p, const struct record *r, struct schema_env *env,
	struct time_cache *times, char *at)
{
	/* Objects that are open, and how many of these all fields since the last one written
	   share. Plain variables: they must stay in registers. */
	unsigned depth = 0, common = 0;
	uint8_t not_these = without(r);
	char *begin = at, *value;
	struct found f = {0, NULL, 0};
	struct line l;

	l.r = r;
	l.env = env;
	l.times = times;
	l.nip = 0;
	memset(l.saved, 0, p->nsaved * sizeof(l.saved[0]));
	sort_values(p, &l);
	for (struct op *op = p->ops, *last = op + p->n; op < last; op++) {
		const char *key;
		size_t n;

		common = op->common < common ? op->common : common;
		if ((op->flags & not_these) || !fetch(&l, op, &f))
			continue;
		key = op->key + op->open[common];
		n = op->keylen - (size_t)op->open[common];
		memset(at, '}', DEPTH_MAX);
		at += depth - common;
		*at++ = ',';
		memcpy(at, key, 2 * PAD);
		for (size_t i = 2 * PAD; i < n; i += PAD)
			memcpy(at + i, key + i, PAD);
		depth = op->depth;
		common = DEPTH_MAX;
		value = at + n;
		at = emit(&l, op, &f, value);
		if (op->save)
			save(&l, op, value, at);
	}
	*begin = '{';
	memset(at, '}', DEPTH_MAX);
	at += depth + 1;
	*at++ = '\n';
	return at;
}
