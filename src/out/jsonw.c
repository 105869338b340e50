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
	const struct step *ip[2]; /* addresses written so far */
	uint64_t seen[SEEN_WORDS];
	struct saved_text saved[SAVED_MAX];
	const struct value *values[SCHEMA_FIELDS_MAX]; /* by the dissector's fields */
	struct schema_value computed[SCHEMA_FIELDS_MAX];
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

/* Is a number of any kind there? */
static inline bool present(const struct op *op, uint64_t v)
{
	return v != FIELD_ABSENT && (v != 0 || op->zero);
}

#define LOOK_AT(number)                                                                            \
	for (unsigned i = 0; i < n; i++) {                                                         \
		number v;                                                                          \
                                                                                                   \
		memcpy(&v, record + c[i].offset, sizeof(v));                                       \
		bits |= (uint64_t)((uint64_t)v + 1 > c[i].limit) << i;                             \
	}

/* Which members there are: a bit for each of the checks. */
static inline uint64_t look_at(const struct checks *checks, const char *record, bool usual)
{
	static const uint8_t no_mac[6];
	const struct check *c = checks->list;
	unsigned n = usual ? checks->usual : checks->n;
	uint64_t bits = 0;

	switch (checks->kind) {
	case CHECK_64:
		LOOK_AT(uint64_t);
		break;
	case CHECK_32:
		LOOK_AT(uint32_t);
		break;
	case CHECK_16:
		LOOK_AT(uint16_t);
		break;
	case CHECK_8:
		LOOK_AT(uint8_t);
		break;
	case CHECK_ADDRESS:
		for (unsigned i = 0; i < n; i++)
			bits |= (uint64_t)!addr_is_zero((const void *)(record + c[i].offset)) << i;
		break;
	default:
		for (unsigned i = 0; i < n; i++)
			bits |= (uint64_t)(memcmp(record + c[i].offset, no_mac, 6) != 0) << i;
	}
	return bits;
}

static bool compute(const struct op *op, struct line *l, struct schema_value *v)
{
	if (!op->column->computed->get(l->r, l->env, v))
		return false;
	if (op->kind == OP_GET_NAME || op->type == FIELD_IP)
		return true;
	if (op->type != FIELD_STR)
		return present(op, v->u64);
	/* Longer than the record: it came from elsewhere. */
	if (v->n > l->r->size && v->n > NAME_SHOWN)
		v->n = NAME_SHOWN;
	return v->n > 0;
}

static bool value_there(const struct op *op, const struct value *v)
{
	switch (op->kind) {
	case OP_VALUE_STR:
	case OP_VALUE_STRS:
		return v->len > 0;
	case OP_VALUE_NAME:
		return v->name != NULL;
	default:
		return present(op, v->u64);
	}
}

/* A dissector's own values; where one stands twice it is the last. */
static void look_at_values(const struct op_list *list, struct line *l, uint64_t *values)
{
	const struct txn_record *t = (const struct txn_record *)l->r;
	const struct value *v = (const void *)((const char *)t + t->values);

	memset(values, 0, VALUE_WORDS * sizeof(*values));
	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v)) {
		unsigned op = v->field < SCHEMA_FIELDS_MAX ? list->value[v->field] : OP_NONE;
		uint64_t *word = &values[v->field / 64 % VALUE_WORDS], bit = UINT64_C(1)
									     << v->field % 64;

		if (op == OP_NONE)
			continue;
		l->values[v->field] = v;
		*word = value_there(&list->ops[op], v) ? *word | bit : *word & ~bit;
	}
}

/* Which fields the record has. */
static void look(const struct op_list *list, struct line *l)
{
	bool usual = l->r->kind == RECORD_FLOW && ((const struct flow_record *)l->r)->usual;
	uint64_t *computed = l->seen + list->nchecks;

	for (unsigned i = 0; i < list->nchecks; i++)
		l->seen[i] = look_at(list->checks[i], (const char *)l->r, usual);
	*computed = 0;
	for (unsigned i = 0; i < list->ncomputed; i++) {
		const struct op *op = &list->ops[list->computed[i]];

		*computed |= (uint64_t)compute(op, l, &l->computed[i]) << i;
	}
	if (l->r->kind == RECORD_TXN)
		look_at_values(list, l, computed + COMPUTED_WORDS);
}

static inline bool same_seen(const struct program *p, const uint64_t *seen, unsigned n)
{
	uint64_t other = 0;

	for (unsigned i = 0; i < n; i++)
		other |= p->seen[i] ^ seen[i];
	return !other;
}

static const struct program *program_of(struct op_list *list, const uint64_t *seen)
{
	unsigned n = list->nseen;
	uint64_t hash = 0;
	struct program *const *ways;

	for (unsigned i = 0; i < n; i++)
		hash = (hash ^ seen[i]) * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 32;
	ways = list->programs[PROGRAM_SET(hash)];
	for (unsigned i = 0; i < PROGRAM_WAYS && ways[i]; i++)
		if (ways[i]->hash == hash && same_seen(ways[i], seen, n))
			return ways[i];
	return jsonplan_program(list, seen, hash);
}

/* A part of a whole: 1, or as many digits behind the point as say something. */
static char *put_millionths(char *at, uint64_t v)
{
	uint64_t part = v % 1000000, digit = 100000;

	at = put_u64(at, v / 1000000);
	if (part)
		*at++ = '.';
	for (; part; part %= digit, digit /= 10)
		*at++ = (char)('0' + part / digit);
	return at;
}

/* A number, a time, a truth value or a list of names. */
static char *put_other(const struct line *l, const struct step *s, uint64_t v, char *at)
{
	switch (s->type) {
	case FIELD_TIME:
		return quote(put_time(at, v, l->times));
	case FIELD_ID:
	case FIELD_RUN_ID:
		return quote(put_u64(at, v));
	case FIELD_BOOL:
		memcpy(at, v ? "true" : "false", 5);
		return at + (v ? 4 : 5);
	case FIELD_NAMES:
		return put_names(s->op, v, at);
	case FIELD_FRACTION:
		return put_millionths(at, v);
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

/* What stands before a step's value. */
INLINE char *put_before(const struct step *s, char *at)
{
	memcpy(at, s->text, KEY_PIECE);
	for (size_t i = KEY_PIECE; i < s->len; i += KEY_PIECE)
		memcpy(at + i, s->text + i, KEY_PIECE);
	return at + s->len;
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
INLINE char *put_computed(const struct line *l, const struct step *s, char *at)
{
	const struct schema_value *v = &l->computed[s->offset];

	if (s->type == FIELD_IP)
		return put_ips(l, at, v);
	if (s->type == FIELD_STR)
		return quote(jsonw_text(at, v->p, v->n));
	return put_other(l, s, v->u64, at);
}

/* A dissector's own value. */
INLINE char *put_value(const struct line *l, const struct step *s, char *at)
{
	const struct value *v = l->values[s->offset];

	switch (s->kind) {
	case OP_VALUE_U64:
		return put_u64(at, v->u64);
	case OP_VALUE_STR:
		return quote(jsonw_text(at, value_text(v), v->len));
	case OP_VALUE_STRS:
		return put_items(at, value_text(v), v->len);
	case OP_VALUE_NAME:
		return put_name(s->op, v->name, at);
	default:
		return put_other(l, s, v->u64, at);
	}
}

/* A member that is no plain number. */
INLINE char *put_member(const struct line *l, const struct step *s, char *at)
{
	const void *member = (const char *)l->r + s->offset;
	const struct record_text *text = member;

	switch (s->kind) {
	case OP_STR:
		return quote(jsonw_text(at, (const char *)l->r + text->offset, text->len));
	case OP_NAME:
		return put_name(s->op, *(const char *const *)member, at);
	case OP_IP:
		return quote(put_addr(at, member));
	case OP_MAC:
		return quote(put_mac(at, member));
	case OP_U64S:
		return put_list(at, member);
	case OP_IPS:
		return put_addrs(at, member);
	default:
		return put_other(l, s, load_other(s->op, member), at);
	}
}

/* The value of one step. */
INLINE char *put_step(struct line *l, const struct step *s, char *at)
{
	const void *member = (const char *)l->r + s->offset;

	switch (s->kind) {
	case OP_OBJECT:
		l->saved[s->saved].p = at;
		return at;
	case OP_OBJECT_END:
		l->saved[s->saved].n = (size_t)(at - l->saved[s->saved].p);
		return at;
	case OP_SAME:
	case OP_OBJECT_SAME:
		return put_copy(at, l->saved[s->saved].p, l->saved[s->saved].n);
	case OP_U64:
		return put_u64(at, *(const uint64_t *)member);
	case OP_U32:
		return put_u64(at, *(const uint32_t *)member);
	case OP_U16:
		return put_u64(at, *(const uint16_t *)member);
	case OP_U8:
		return put_u64(at, *(const uint8_t *)member);
	case OP_GET_NAME:
		return put_name(s->op, l->computed[s->offset].p, at);
	case OP_GET:
		return put_computed(l, s, at);
	case OP_VALUE_U64:
	case OP_VALUE_STR:
	case OP_VALUE_STRS:
	case OP_VALUE_NAME:
	case OP_VALUE_OTHER:
		return put_value(l, s, at);
	default:
		return put_member(l, s, at);
	}
}

/* Remembers a value that comes again. */
static inline void save(struct line *l, const struct step *s, const char *value, const char *end)
{
	l->saved[s->saved].p = value;
	l->saved[s->saved].n = (size_t)(end - value);
	if (s->kind == OP_IP && l->nip < 2)
		l->ip[l->nip++] = s;
}

char *jsonw_record(struct jsonw_plan *p, const struct record *r, struct schema_env *env,
	struct time_cache *times, char *at)
{
	struct op_list *list = jsonplan_list(p, r);
	const struct step *s;
	struct line l;

	l.r = r;
	l.env = env;
	l.times = times;
	l.nip = 0;
	look(list, &l);
	for (s = program_of(list, l.seen)->steps; s->kind != OP_END; s++) {
		char *value = put_before(s, at);

		at = put_step(&l, s, value);
		if (s->save)
			save(&l, s, value, at);
	}
	return put_before(s, at);
}
