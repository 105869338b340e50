/*
 * filter_parse.c - the text of a display filter to a tree of tests, by recursive descent.
 */
#include "out/filter_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/text.h"

#define MARKS    "(){},!=<>~&|" /* end a word */
#define ROOM     256u           /* of an unquoted piece in messages */
#define TEXT_MAX 4096u          /* bytes of a quoted text */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_MARK };

struct parser {
	struct filter *f;
	const char *text, *at; /* the whole; behind the token */
	const char *start;     /* of the token */
	enum token_kind kind;
	char word[TEXT_MAX + 1]; /* its text, quotes and escapes taken off */
	size_t len;
	unsigned depth;
	char *err;
	size_t errsize;
};

static const struct node *parse_or(struct parser *p);

/* The first error stays. */
static bool fail(struct parser *p, const char *at, const char *what)
{
	if (!*p->err)
		snprintf(p->err, p->errsize, "-Y: at character %zu: %s", (size_t)(at - p->text) + 1,
			what);
	return false;
}

static bool read_quoted(struct parser *p)
{
	char quote = *p->at++;

	p->len = 0;
	while (*p->at && *p->at != quote) {
		if (*p->at == '\\' && (p->at[1] == quote || p->at[1] == '\\'))
			p->at++;
		if (p->len == TEXT_MAX)
			return fail(p, p->start, "the text is too long");
		p->word[p->len++] = *p->at++;
	}
	if (!*p->at)
		return fail(p, p->start, "the closing quote is missing");
	p->at++;
	p->kind = TOKEN_QUOTED;
	return true;
}

static void read_mark(struct parser *p)
{
	static const char *const doubles[] = {"&&", "||", "==", "!=", "<=", ">="};

	p->kind = TOKEN_MARK;
	p->len = 1;
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		if (strncmp(p->at, doubles[i], 2) == 0)
			p->len = 2;
	memcpy(p->word, p->at, p->len);
	p->at += p->len;
}

static bool next(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
	p->start = p->at;
	p->len = 0;
	p->kind = TOKEN_END;
	if (*p->at == '"' || *p->at == '\'') {
		if (!read_quoted(p))
			return false;
	} else if (*p->at && strchr(MARKS, *p->at)) {
		read_mark(p);
	} else if (*p->at) {
		p->len = strcspn(p->at, " \t\r\n\"'" MARKS);
		if (p->len > TEXT_MAX)
			return fail(p, p->start, "the word is too long");
		memcpy(p->word, p->at, p->len);
		p->at += p->len;
		p->kind = TOKEN_WORD;
	}
	p->word[p->len] = '\0';
	return true;
}

static bool is(const struct parser *p, const char *mark, const char *word)
{
	if (p->kind == TOKEN_MARK)
		return mark && strcmp(p->word, mark) == 0;
	return p->kind == TOKEN_WORD && word && strcmp(p->word, word) == 0;
}

static struct node *node_new(struct parser *p, enum node_kind kind)
{
	struct node *n;

	if (p->f->nnodes == NODES_MAX) {
		fail(p, p->start, "too many tests");
		return NULL;
	}
	n = &p->f->nodes[p->f->nnodes++];
	n->kind = kind;
	return n;
}

static bool is_text(enum field_type t)
{
	return t == FIELD_STR || t == FIELD_NAME;
}

/* Has the field an order? */
static bool ordered(enum field_type t)
{
	return t != FIELD_IP && t != FIELD_IPS && t != FIELD_MAC && t != FIELD_NAMES &&
	       t != FIELD_BOOL;
}

static bool unknown_field(struct parser *p)
{
	char what[ROOM], shown[96];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, p->word, p->len, 60);
	snprintf(
		what, sizeof(what), "no record has a field %s; tsumari --fields lists them", shown);
	return fail(p, p->start, what);
}

/* The field's column in each type of records that has it. */
static bool find_columns(struct parser *p, struct test *t, const struct field **field)
{
	*field = NULL;
	for (unsigned i = 0; i < p->f->nschemas; i++) {
		const struct schema_column *c = schema_find(p->f->schemas[i], p->word);

		if (c && *field && c->field->type != (*field)->type &&
			!(is_text(c->field->type) && is_text((*field)->type)))
			return fail(p, p->start,
				"the field means different things in different records");
		if (c && !*field)
			*field = c->field;
		t->column[i] = c;
	}
	if (!*field)
		return unknown_field(p);
	t->type = (*field)->type;
	return true;
}

static bool operator_of(struct parser *p, struct test *t)
{
	static const struct {
		const char *mark, *word;
		enum test_op op;
	} ops[] = {{"==", "eq", TEST_EQ}, {"=", NULL, TEST_EQ}, {"!=", "ne", TEST_NE},
		{"<", "lt", TEST_LT}, {"<=", "le", TEST_LE}, {">", "gt", TEST_GT},
		{">=", "ge", TEST_GE}, {NULL, "in", TEST_IN}, {NULL, "contains", TEST_CONTAINS},
		{"~", "matches", TEST_MATCHES}};

	t->op = TEST_THERE;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (is(p, ops[i].mark, ops[i].word))
			t->op = ops[i].op;
	if (t->op >= TEST_LT && t->op <= TEST_GE && !ordered(t->type))
		return fail(p, p->start, "values of this field have no order");
	if ((t->op == TEST_CONTAINS || t->op == TEST_MATCHES) && !is_text(t->type))
		return fail(p, p->start, "only texts can be searched");
	return true;
}

static bool add_operand(struct parser *p, struct test *t, const struct field *f)
{
	const char *what = NULL;
	char message[ROOM];

	if (p->kind != TOKEN_WORD && p->kind != TOKEN_QUOTED)
		return fail(p, p->start, "a value is missing");
	if (t->n == OPERANDS)
		return fail(p, p->start, "too many values");
	t->operands = xrealloc(t->operands, (t->n + 1) * sizeof(*t->operands));
	if (!filter_operand(f, p->word, p->len, &t->operands[t->n++], &what)) {
		snprintf(message, sizeof(message), "%s wants %s", f->name, what);
		return fail(p, p->start, message);
	}
	return next(p);
}

static bool parse_set(struct parser *p, struct test *t, const struct field *f)
{
	if (!is(p, "{", NULL))
		return fail(p, p->start, "{ is missing");
	do {
		if (!next(p) || !add_operand(p, t, f))
			return false;
	} while (is(p, ",", NULL));
	return is(p, "}", NULL) ? next(p) : fail(p, p->start, "} is missing");
}

static bool parse_pattern(struct parser *p, struct test *t)
{
	PCRE2_SIZE offset;
	int code;
	char why[128], message[ROOM];

	if (p->kind != TOKEN_WORD && p->kind != TOKEN_QUOTED)
		return fail(p, p->start, "a pattern is missing");
	t->pattern = pcre2_compile((PCRE2_SPTR)p->word, p->len, 0, &code, &offset, NULL);
	if (!t->pattern) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		snprintf(message, sizeof(message), "bad pattern: %s", why);
		return fail(p, p->start + (p->kind == TOKEN_QUOTED) + offset, message);
	}
	return next(p);
}

static bool parse_test(struct parser *p, struct test *t)
{
	const struct field *f;

	if (p->kind == TOKEN_END)
		return fail(p, p->start, "a field is missing");
	if (p->kind != TOKEN_WORD)
		return fail(p, p->start, "a field's name belongs here");
	if (!find_columns(p, t, &f) || !next(p) || !operator_of(p, t))
		return false;
	if (t->op == TEST_THERE)
		return true;
	if (!next(p))
		return false;
	if (t->op == TEST_IN)
		return parse_set(p, t, f);
	return t->op == TEST_MATCHES ? parse_pattern(p, t) : add_operand(p, t, f);
}

static const struct node *parse_in_parentheses(struct parser *p)
{
	const struct node *n;

	if (!next(p))
		return NULL;
	n = parse_or(p);
	if (!n)
		return NULL;
	if (!is(p, ")", NULL)) {
		fail(p, p->start, ") is missing");
		return NULL;
	}
	return next(p) ? n : NULL;
}

static const struct node *parse_not(struct parser *p)
{
	const struct node *result = NULL;
	struct node *n;

	if (++p->depth > DEPTH_MAX) {
		fail(p, p->start, "nested too deeply");
		return NULL;
	}
	if (is(p, "!", "not")) {
		n = node_new(p, NODE_NOT);
		if (n && next(p)) {
			n->a = parse_not(p);
			result = n->a ? n : NULL;
		}
	} else if (is(p, "(", NULL)) {
		result = parse_in_parentheses(p);
	} else {
		n = node_new(p, NODE_TEST);
		if (n) {
			n->test = xcalloc(1, sizeof(*n->test));
			result = parse_test(p, n->test) ? n : NULL;
		}
	}
	p->depth--;
	return result;
}

static const struct node *join(
	struct parser *p, enum node_kind kind, const struct node *a, const struct node *b)
{
	struct node *n = b ? node_new(p, kind) : NULL;

	if (n) {
		n->a = a;
		n->b = b;
	}
	return n;
}

static const struct node *parse_and(struct parser *p)
{
	const struct node *n = parse_not(p);

	while (n && is(p, "&&", "and"))
		n = next(p) ? join(p, NODE_AND, n, parse_not(p)) : NULL;
	return n;
}

static const struct node *parse_or(struct parser *p)
{
	const struct node *n = parse_and(p);

	while (n && is(p, "||", "or"))
		n = next(p) ? join(p, NODE_OR, n, parse_and(p)) : NULL;
	return n;
}

bool filter_parse(struct filter *f, const char *text, char *err, size_t errsize)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->f = f;
	p->text = p->at = text;
	p->err = err;
	p->errsize = errsize;
	*err = '\0';
	f->root = next(p) ? parse_or(p) : NULL;
	if (f->root && p->kind != TOKEN_END)
		fail(p, p->start, "and, or, or the end belongs here");
	free(p);
	return !*err;
}
