/*
 * jsonw.c - writes a record by its plan (RFC 8259).
 *
 * Hundreds of thousands of records a second pass here. What changes from field to field is kept in
 * registers, and everything is written a little further than it goes, as the next field overwrites
 * it: that saves counting.
 */
#include "out/jsonplan.h"

#include <string.h>

struct saved_text {
	const char *p;
	size_t n;
};

/* What a line refers to. */
struct line {
	const struct record *r;
	struct schema_env *env;
	struct time_cache *times;
	unsigned nip;
	const struct op *ip[2]; /* addresses written so far */
	struct saved_text saved[SAVED_MAX];
	const struct value *values[SCHEMA_FIELDS_MAX]; /* by the dissector's fields */
};

/* Objects that are open, and how many of these all fields since the last one written share. */
struct place {
	unsigned depth, common;
	char *value; /* where the last one's value begins */
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

static char *put_new_names(struct op *op, uint64_t mask, char *begin)
{
	const char *const *names = op->column->field->names;
	char *at = begin;

	*at++ = '[';
	for (uint64_t left = mask; left && names && *names; left >>= 1, names++) {
		if (!(left & 1))
			continue;
		at = quote(jsonw_text(quote(at), *names, strlen(*names)));
		*at++ = ',';
	}
	/* No name for any bit: an empty list. */
	at -= at[-1] == ',';
	*at++ = ']';
	if (at - begin <= NAME_KEPT) {
		op->mask = mask;
		op->shown_len = (uint8_t)(at - begin);
		memcpy(op->shown, begin, (size_t)(at - begin));
	}
	return at;
}

/* mask is not 0 */
static char *put_names(struct op *op, uint64_t mask, char *at)
{
	if (mask != op->mask)
		return put_new_names(op, mask, at);
	memcpy(at, op->shown, NAME_KEPT);
	return at + op->shown_len;
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

static char *put_addrs(char *at, const struct field_addrs *list)
{
	uint32_t n = list->n < FIELD_ADDRS_MAX ? list->n : FIELD_ADDRS_MAX;

	*at++ = '[';
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			*at++ = ',';
		at = quote(put_addr(quote(at), &list->a[i]));
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

/* A text whose items are parted by line feeds. */
static char *put_items(char *at, const char *p, size_t n)
{
	const char *end = p + n;

	*at++ = '[';
	for (;;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *to = lf ? lf : end;

		at = quote(jsonw_text(quote(at), p, (size_t)(to - p)));
		if (!lf)
			break;
		*at++ = ',';
		p = lf + 1;
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
static char *put_other(const struct line *l, struct op *op, uint64_t v, char *at)
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
		return put_names(op, v, at);
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

#define INLINE static inline __attribute__((always_inline))

INLINE char *close_objects(char *at, unsigned n)
{
	memset(at, '}', DEPTH_MAX);
	return at + n;
}

/* Closes and opens objects and writes the key. */
INLINE char *open_key(const struct op *op, struct place *now, char *at)
{
	const char *key = op->key;
	size_t n = op->keylen;

	if (now->common == DEPTH_MAX) {
		/* The field before was written. */
		if (op->closed)
			at = close_objects(at, op->closed);
		key += op->next_open;
		n -= op->next_open;
	} else {
		unsigned common = op->common < now->common ? op->common : now->common;

		at = close_objects(at, now->depth - common);
		key += op->open[common];
		n -= op->open[common];
	}
	*at++ = ',';
	memcpy(at, key, 2 * KEY_PIECE);
	for (size_t i = 2 * KEY_PIECE; i < n; i += KEY_PIECE)
		memcpy(at + i, key + i, KEY_PIECE);
	now->depth = op->depth;
	now->common = DEPTH_MAX;
	now->value = at + n;
	return now->value;
}

INLINE char *put_name(struct op *op, const char *name, char *at)
{
	if (name != op->name)
		return put_new_name(op, name, at);
	memcpy(at, op->shown, NAME_KEPT);
	return at + op->shown_len;
}

INLINE char *put_copy(char *at, const char *p, size_t n)
{
	memmove(at, p, 32);
	if (n > 32)
		memcpy(at + 32, p + 32, n - 32);
	return at + n;
}

/* A value that is computed and no name. */
INLINE char *put_computed(const struct line *l, struct op *op, struct place *now, char *at)
{
	struct schema_value v;

	if (!op->column->computed->get(l->r, l->env, &v))
		return NULL;
	if (op->type == FIELD_IP)
		return put_ips(l, open_key(op, now, at), &v);
	if (op->type != FIELD_STR) {
		if (!other_present(op, v.u64))
			return NULL;
		return put_other(l, op, v.u64, open_key(op, now, at));
	}
	/* Longer than the record: it came from elsewhere. */
	if (v.n > l->r->size && v.n > NAME_SHOWN)
		v.n = NAME_SHOWN;
	return v.n ? quote(jsonw_text(open_key(op, now, at), v.p, v.n)) : NULL;
}

/* A dissector's own value. */
INLINE char *put_value(
	const struct line *l, struct op *op, const struct value *v, struct place *now, char *at)
{
	switch (op->kind) {
	case OP_VALUE_U64:
		return present(op, v->u64) ? put_u64(open_key(op, now, at), v->u64) : NULL;
	case OP_VALUE_STR:
		if (v->len == 0)
			return NULL;
		return quote(jsonw_text(open_key(op, now, at), value_text(v), v->len));
	case OP_VALUE_STRS:
		return v->len ? put_items(open_key(op, now, at), value_text(v), v->len) : NULL;
	case OP_VALUE_NAME:
		return v->name ? put_name(op, v->name, open_key(op, now, at)) : NULL;
	default:
		if (!other_present(op, v->u64))
			return NULL;
		return put_other(l, op, v->u64, open_key(op, now, at));
	}
}

/* A member that is no plain number. */
INLINE char *put_member(const struct line *l, struct op *op, struct place *now, char *at)
{
	static const uint8_t no_mac[6];
	const void *member = (const char *)l->r + op->offset;
	const struct record_text *text = member;
	const char *name;
	uint64_t u64;

	switch (op->kind) {
	case OP_STR:
		if (text->len == 0)
			return NULL;
		name = (const char *)l->r + text->offset;
		return quote(jsonw_text(open_key(op, now, at), name, text->len));
	case OP_NAME:
		name = *(const char *const *)member;
		return name ? put_name(op, name, open_key(op, now, at)) : NULL;
	case OP_IP:
		if (op->flags & FIELD_F_NONZERO && addr_is_zero(member))
			return NULL;
		return quote(put_addr(open_key(op, now, at), member));
	case OP_MAC:
		if (memcmp(member, no_mac, 6) == 0)
			return NULL;
		return quote(put_mac(open_key(op, now, at), member));
	case OP_U64S:
		if (((const struct field_list *)member)->n == 0)
			return NULL;
		return put_list(open_key(op, now, at), member);
	case OP_IPS:
		if (((const struct field_addrs *)member)->n == 0)
			return NULL;
		return put_addrs(open_key(op, now, at), member);
	default:
		u64 = load_other(op, member);
		if (!other_present(op, u64))
			return NULL;
		return put_other(l, op, u64, open_key(op, now, at));
	}
}

/* An object that comes again: where it begins and ends, and its copy. */
INLINE char *put_object(struct line *l, const struct op *op, struct place *now, char *at)
{
	struct saved_text *saved = &l->saved[op->saved];

	switch (op->kind) {
	case OP_OBJECT:
		/* Its first key will be written behind what is closed here. */
		saved->p = at + now->depth + 1 + op->keylen;
		return at;
	case OP_OBJECT_END:
		saved->n = (size_t)(at - saved->p);
		return at;
	default:
		at = close_objects(at, now->depth);
		*at++ = ',';
		memcpy(at, op->key, 2 * KEY_PIECE);
		now->depth = 1;
		now->common = DEPTH_MAX;
		return put_copy(at + op->keylen, saved->p, saved->n);
	}
}

/* One operation; NULL where its field is absent. */
INLINE char *put_op(struct line *l, struct op *op, struct place *now, char *at)
{
	const void *member = (const char *)l->r + op->offset;
	const struct saved_text *saved;
	const struct value *value;
	struct schema_value v;
	uint64_t u64;

	switch (op->kind) {
	case OP_LITERAL:
		return open_key(op, now, at);
	case OP_SAME:
		saved = &l->saved[op->saved];
		return saved->p ? put_copy(open_key(op, now, at), saved->p, saved->n) : NULL;
	case OP_U64:
		u64 = *(const uint64_t *)member;
		return present(op, u64) ? put_u64(open_key(op, now, at), u64) : NULL;
	case OP_U32:
		u64 = *(const uint32_t *)member;
		return present(op, u64) ? put_u64(open_key(op, now, at), u64) : NULL;
	case OP_U16:
		u64 = *(const uint16_t *)member;
		return present(op, u64) ? put_u64(open_key(op, now, at), u64) : NULL;
	case OP_U8:
		u64 = *(const uint8_t *)member;
		return present(op, u64) ? put_u64(open_key(op, now, at), u64) : NULL;
	case OP_GET_NAME:
		if (!op->column->computed->get(l->r, l->env, &v))
			return NULL;
		return put_name(op, v.p, open_key(op, now, at));
	case OP_GET:
		return put_computed(l, op, now, at);
	case OP_VALUE_U64:
	case OP_VALUE_STR:
	case OP_VALUE_STRS:
	case OP_VALUE_NAME:
	case OP_VALUE_OTHER:
		value = l->values[op->offset];
		return value ? put_value(l, op, value, now, at) : NULL;
	case OP_OBJECT:
	case OP_OBJECT_END:
	case OP_OBJECT_SAME:
		return put_object(l, op, now, at);
	default:
		return put_member(l, op, now, at);
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

static const struct op_list *list_of(const struct jsonw_plan *p, const struct record *r)
{
	unsigned i = r->has_ports ? 0 : PLAN_NO_PORTS;

	if (r->kind == RECORD_FLOW && !((const struct flow_record *)r)->tcp_state)
		i |= PLAN_NO_TCP;
	return &p->list[i];
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
	const struct op_list *list = list_of(p, r);
	struct place now = {0, 0, at};
	char *begin = at, *end;
	struct line l;

	l.r = r;
	l.env = env;
	l.times = times;
	l.nip = 0;
	memset(l.saved, 0, list->nsaved * sizeof(l.saved[0]));
	sort_values(p, &l);
	for (struct op *op = list->ops, *last = op + list->n; op < last; op++) {
		end = put_op(&l, op, &now, at);
		if (!end) {
			if (op->common < now.common)
				now.common = op->common;
			continue;
		}
		if (op->save)
			save(&l, op, now.value, end);
		at = end;
	}
	*begin = '{';
	at = close_objects(at, now.depth + 1);
	*at++ = '\n';
	return at;
}
