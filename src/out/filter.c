/*
 * filter.c - tells whether a record fits a display filter; see filter.h.
 */
#include "out/filter_impl.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* What one pattern may cost on one text: a match that needs more is none. */
#define MATCH_LIMIT 20000u
#define MATCH_DEPTH 1000u

static bool make_schema(struct filter *f, const struct dissector *d, char *err, size_t errsize)
{
	struct schema *s = schema_new(d, err, errsize);

	if (s)
		f->schemas[f->nschemas++] = s;
	return s != NULL;
}

static bool make_schemas(struct filter *f, char *err, size_t errsize)
{
	if (!make_schema(f, NULL, err, errsize) || !make_schema(f, &finding_type, err, errsize))
		return false;
	for (unsigned i = 0; i < registry_count(); i++)
		if (schema_has_records(registry_get(i)) &&
			!make_schema(f, registry_get(i), err, errsize))
			return false;
	return true;
}

struct filter *filter_new(const char *text, const struct schema_env *env, char *err, size_t errsize)
{
	struct filter *f = xcalloc(1, sizeof(*f));

	f->env = *env;
	if (!make_schemas(f, err, errsize) || !filter_parse(f, text, err, errsize) ||
		filter_never(f, err, errsize)) {
		filter_free(f);
		return NULL;
	}
	f->match = pcre2_match_data_create(1, NULL);
	f->limits = pcre2_match_context_create(NULL);
	if (!f->match || !f->limits)
		out_of_memory();
	pcre2_set_match_limit(f->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(f->limits, MATCH_DEPTH);
	return f;
}

static void test_free(struct test *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free(t->operands[i].text);
	free(t->operands);
	pcre2_code_free(t->pattern);
	free(t);
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->nnodes; i++)
		test_free(f->nodes[i].test);
	for (unsigned i = 0; i < f->nschemas; i++)
		schema_free(f->schemas[i]);
	pcre2_match_data_free(f->match);
	pcre2_match_context_free(f->limits);
	free(f);
}

static bool in_prefix(const struct addr *a, const struct operand *o)
{
	unsigned bytes = o->prefix / 8, bits = o->prefix % 8;

	return memcmp(a->b, o->ip.b, bytes) == 0 &&
	       (!bits || (uint8_t)(a->b[bytes] ^ o->ip.b[bytes]) >> (8 - bits) == 0);
}

static int compare_bytes(const char *p, size_t n, const struct operand *o)
{
	int c = memcmp(p, o->text, n < o->len ? n : o->len);

	return c ? c : (n > o->len) - (n < o->len);
}

static bool holds(enum test_op op, int order)
{
	switch (op) {
	case TEST_LT:
		return order < 0;
	case TEST_LE:
		return order <= 0;
	case TEST_GT:
		return order > 0;
	case TEST_GE:
		return order >= 0;
	default:
		return order == 0;
	}
}

static bool any_address(const struct schema_value *v, enum field_type type, const struct operand *o)
{
	if (type == FIELD_IPS) {
		for (uint32_t i = 0; i < v->addrs->n; i++)
			if (in_prefix(&v->addrs->a[i], o))
				return true;
		return false;
	}
	for (size_t i = 0; i < v->n; i++)
		if (in_prefix(v->ip[i], o))
			return true;
	return false;
}

static int order_of(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Does (one of) the value stand to the operand as op asks? */
static bool fits(const struct schema_value *v, enum field_type type, enum test_op op,
	const struct operand *o)
{
	switch (type) {
	case FIELD_IP:
	case FIELD_IPS:
		return any_address(v, type, o);
	case FIELD_NAMES:
		return (v->u64 & o->u64) != 0;
	case FIELD_STR:
	case FIELD_NAME:
	case FIELD_MAC:
		return holds(op, compare_bytes(v->p, v->n, o));
	case FIELD_U64S:
	case FIELD_DURATIONS:
		for (uint32_t i = 0; i < v->list->n; i++)
			if (holds(op, order_of(v->list->v[i], o->u64)))
				return true;
		return false;
	default:
		return holds(op, order_of(v->u64, o->u64));
	}
}

/* Does the operand name another run? */
static bool of_other_run(const struct filter *f, const struct test *t, const struct operand *o)
{
	const struct identity *d = f->env.identity;

	if (t->type != FIELD_RUN_ID || o->len <= IDENTITY_RUN || o->text[IDENTITY_RUN] != '-')
		return false;
	return !d || memcmp(o->text, d->run, IDENTITY_RUN) != 0;
}

static bool test_value(struct filter *f, const struct test *t, const struct schema_value *v)
{
	switch (t->op) {
	case TEST_THERE:
		return t->type != FIELD_BOOL || v->u64;
	case TEST_NE:
		return of_other_run(f, t, &t->operands[0]) ||
		       !fits(v, t->type, TEST_EQ, &t->operands[0]);
	case TEST_CONTAINS:
		return memmem(v->p, v->n, t->operands[0].text, t->operands[0].len) != NULL;
	case TEST_MATCHES:
		return pcre2_match(t->pattern, (PCRE2_SPTR)v->p, v->n, 0, 0, f->match, f->limits) >=
		       0;
	default:
		for (unsigned i = 0; i < t->n; i++)
			if (fits(v, t->type, t->op, &t->operands[i]) &&
				!of_other_run(f, t, &t->operands[i]))
				return true;
		return false;
	}
}

static bool eval(struct filter *f, const struct node *n, const struct record *r, unsigned schema)
{
	const struct schema_column *c;
	struct schema_value v;

	switch (n->kind) {
	case NODE_NOT:
		return !eval(f, n->a, r, schema);
	case NODE_AND:
		return eval(f, n->a, r, schema) && eval(f, n->b, r, schema);
	case NODE_OR:
		return eval(f, n->a, r, schema) || eval(f, n->b, r, schema);
	default:
		c = n->test->column[schema];
		return c && schema_get(c, r, &f->env, &v) && test_value(f, n->test, &v);
	}
}

bool filter_match(struct filter *f, const struct record *r)
{
	const struct dissector *d = r->kind == RECORD_FLOW ? NULL : r->dissector;

	if (f->schemas[f->last]->dissector != d)
		for (f->last = 0; f->schemas[f->last]->dissector != d;)
			if (++f->last == f->nschemas) {
				f->last = 0;
				return false;
			}
	return eval(f, f->root, r, f->last);
}
