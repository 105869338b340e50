/*
 * filter_never.c - filters that no record can fit, told before any is read.
 *
 * Of each type of records: can a test be true, can it be false? A test of a field that the type
 * does not have is false; one of the type itself is known; all others can be both. Of tests that
 * are joined by "and" those of one field must leave a value that fits all of them.
 */
#include "out/filter_impl.h"

#include <stdio.h>
#include <string.h>

#define CAN_TRUE  1u
#define CAN_FALSE 2u
#define ALL_OF    32u /* tests that are looked at together */

static bool tells_type(const struct field *f)
{
	static const char *const names[] = {"type", "event.dataset"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(f->name, names[i]) == 0)
			return true;
	return false;
}

/* What is known of a field of a type before any record is there: its text; NULL: nothing. */
static const char *known_text(const struct schema *s, const struct schema_column *c)
{
	if (c->computed && c->computed->literal)
		return c->computed->literal;
	return tells_type(c->field) ? s->type : NULL;
}

static bool same_text(const struct operand *o, const char *text)
{
	return o->len == strlen(text) && memcmp(o->text, text, o->len) == 0;
}

/* Tests that all have to be true. */
static void all_of(const struct node *n, const struct test **list, unsigned *count)
{
	if (n->kind == NODE_AND) {
		all_of(n->a, list, count);
		all_of(n->b, list, count);
	} else if (n->kind == NODE_TEST && *count < ALL_OF) {
		list[(*count)++] = n->test;
	}
}

static bool is_number(enum field_type t)
{
	return t == FIELD_U64 || t == FIELD_BYTES || t == FIELD_DURATION || t == FIELD_TIME ||
	       t == FIELD_ID || t == FIELD_RUN_ID || t == FIELD_FRACTION;
}

/* The numbers that a test lets pass, from .. to; false: all, or several parts. */
static bool range_of(const struct test *t, uint64_t *from, uint64_t *to)
{
	uint64_t v = t->n ? t->operands[0].u64 : 0;

	*from = 0;
	*to = UINT64_MAX;
	switch (t->op) {
	case TEST_EQ:
		*from = *to = v;
		return true;
	case TEST_LT:
		*to = v ? v - 1 : 0;
		*from = v ? 0 : 1; /* below 0 there is nothing */
		return true;
	case TEST_LE:
		*to = v;
		return true;
	case TEST_GT:
		*from = v < UINT64_MAX ? v + 1 : v;
		return true;
	case TEST_GE:
		*from = v;
		return true;
	default:
		return false;
	}
}

static unsigned can_test(const struct filter *f, const struct test *t, unsigned schema)
{
	const struct schema_column *c = t->column[schema];
	const char *text = c ? known_text(f->schemas[schema], c) : NULL;
	bool same = false;
	uint64_t from, to;

	if (!c || (is_number(t->type) && range_of(t, &from, &to) && from > to))
		return CAN_FALSE;
	if (!text)
		return CAN_TRUE | CAN_FALSE;
	for (unsigned i = 0; i < t->n; i++)
		same |= same_text(&t->operands[i], text);
	switch (t->op) {
	case TEST_THERE:
		return CAN_TRUE;
	case TEST_EQ:
	case TEST_IN:
		return same ? CAN_TRUE : CAN_FALSE;
	case TEST_NE:
		return same ? CAN_FALSE : CAN_TRUE;
	default:
		return CAN_TRUE | CAN_FALSE;
	}
}

static bool exclude_each_other(const struct test *a, const struct test *b)
{
	uint64_t a_from, a_to, b_from, b_to;

	if (is_number(a->type))
		return range_of(a, &a_from, &a_to) && range_of(b, &b_from, &b_to) &&
		       (a_from > b_to || b_from > a_to);
	if ((a->type != FIELD_STR && a->type != FIELD_NAME) || a->op != TEST_EQ || b->op != TEST_EQ)
		return false;
	return a->operands[0].len != b->operands[0].len ||
	       memcmp(a->operands[0].text, b->operands[0].text, a->operands[0].len) != 0;
}

/* Two tests of one field of a type that no value fits. */
static bool contradict(const struct filter *f, const struct node *n, unsigned schema)
{
	const struct test *list[ALL_OF];
	unsigned count = 0;

	(void)f;
	all_of(n, list, &count);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < i; k++) {
			const struct schema_column *c = list[i]->column[schema];

			if (c && c == list[k]->column[schema] &&
				!(c->field->flags & FIELD_F_LIST) &&
				exclude_each_other(list[i], list[k]))
				return true;
		}
	return false;
}

static unsigned can(const struct filter *f, const struct node *n, unsigned schema)
{
	unsigned a, b;

	switch (n->kind) {
	case NODE_NOT:
		a = can(f, n->a, schema);
		return (a & CAN_TRUE ? CAN_FALSE : 0) | (a & CAN_FALSE ? CAN_TRUE : 0);
	case NODE_AND:
		a = can(f, n->a, schema);
		b = can(f, n->b, schema);
		if (contradict(f, n, schema))
			return CAN_FALSE;
		return (a & b & CAN_TRUE) | ((a | b) & CAN_FALSE);
	case NODE_OR:
		a = can(f, n->a, schema);
		b = can(f, n->b, schema);
		return ((a | b) & CAN_TRUE) | (a & b & CAN_FALSE);
	default:
		return can_test(f, n->test, schema);
	}
}

static const struct field *field_of(const struct filter *f, const struct test *t)
{
	unsigned i = 0;

	while (!t->column[i] && i + 1 < f->nschemas)
		i++;
	return t->column[i]->field;
}

static const char *field_name(const struct filter *f, const struct test *t)
{
	return field_of(f, t)->name;
}

static bool share_a_type(const struct filter *f, const struct test *a, const struct test *b)
{
	for (unsigned i = 0; i < f->nschemas; i++)
		if (can_test(f, a, i) & CAN_TRUE && can_test(f, b, i) & CAN_TRUE)
			return true;
	return false;
}

static bool some_type(const struct filter *f, const struct test *t)
{
	return share_a_type(f, t, t);
}

/* Why: the first test, or the first two, that cannot be. */
static void say_why(const struct filter *f, char *to, size_t size)
{
	const struct test *list[ALL_OF];
	unsigned count = 0;

	snprintf(to, size, "no type of records can fit");
	all_of(f->root, list, &count);
	for (unsigned i = 0; i < count; i++) {
		if (!some_type(f, list[i])) {
			snprintf(to, size, "%s has no such value%s", field_name(f, list[i]),
				tells_type(field_of(f, list[i])) ? "; --types help lists them"
								 : "");
			return;
		}
		for (unsigned k = 0; k < i; k++) {
			const char *a = field_name(f, list[k]), *b = field_name(f, list[i]);

			if (strcmp(a, b) == 0 && exclude_each_other(list[k], list[i])) {
				snprintf(to, size, "no %s fits both tests; one or the other?", a);
				return;
			}
			if (!share_a_type(f, list[k], list[i])) {
				snprintf(to, size, "no type of records has both %s and %s", a, b);
				return;
			}
		}
	}
}

bool filter_never(const struct filter *f, char *err, size_t errsize)
{
	char why[256];

	for (unsigned i = 0; i < f->nschemas; i++)
		if (can(f, f->root, i) & CAN_TRUE)
			return false;
	say_why(f, why, sizeof(why));
	snprintf(err, errsize, "-Y: this can never be true: %s", why);
	return true;
}
