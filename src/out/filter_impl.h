/*
 * filter_impl.h - a filter made ready: between filter.c, filter_value.c and filter_parse.c only.
 */
#ifndef TSUMARI_OUT_FILTER_IMPL_H
#define TSUMARI_OUT_FILTER_IMPL_H

#include "core/registry.h"
#include "out/filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define SCHEMAS_MAX (DISSECTORS_MAX + 2) /* of flows and findings, too */
#define NODES_MAX   512u                 /* tests and what joins them */
#define DEPTH_MAX   64u                  /* of parentheses and nots */
#define OPERANDS    64u                  /* in one set */

enum test_op {
	TEST_THERE,
	TEST_EQ,
	TEST_NE,
	TEST_LT,
	TEST_LE,
	TEST_GT,
	TEST_GE,
	TEST_IN,
	TEST_CONTAINS,
	TEST_MATCHES
};

/* A value of the filter, in the unit of its field's type. */
struct operand {
	uint64_t u64;
	struct addr ip;
	unsigned prefix; /* bits of it that count */
	char *text;      /* also the six bytes of a MAC address */
	size_t len;
};

struct test {
	enum test_op op;
	enum field_type type;
	unsigned n;
	struct operand *operands;
	pcre2_code *pattern;
	const struct schema_column *column[SCHEMAS_MAX]; /* by schema; NULL: records without it */
};

enum node_kind { NODE_TEST, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	struct test *test;
	const struct node *a, *b;
};

struct filter {
	struct schema *schemas[SCHEMAS_MAX];
	unsigned nschemas, last; /* last: of the record before */
	struct schema_env env;
	struct node nodes[NODES_MAX];
	unsigned nnodes;
	const struct node *root;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* filter_parse.c. False with a line in err. */
bool filter_parse(struct filter *f, const char *text, char *err, size_t errsize);

/* filter_never.c: can no record fit? True with a line in err. */
bool filter_never(const struct filter *f, char *err, size_t errsize);

/* filter_value.c: a value as a field's type has it; false: it is none, and *what says what is. */
bool filter_operand(
	const struct field *f, const char *p, size_t n, struct operand *o, const char **what);
/* Is a word the unit of a number before it, for a field of this type? */
bool filter_unit(enum field_type type, const char *word);

#endif
