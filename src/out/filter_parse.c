/*
 * filter_parse.c - the text of a display filter to a tree of tests, by recursive descent.
 */
#include "out/filter_impl.h"
#include "out/filter_names.h"

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
	/* Of what a name of another tool means: who met the name, and where. */
	struct parser *outer;
	const char *outer_at;
};

static const struct node *parse_or(struct parser *p);

/* The first error stays. */
static bool fail(struct parser *p, const char *at, const char *what)
{
	for (; p->outer; p = p->outer)
		at = p->outer_at;
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
	char what[2 * ROOM], near[ROOM], shown[96];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, p->word, p->len, 60);
	filter_names_near(p->f->schemas, p->f->nschemas, p->word, near, sizeof(near));
	snprintf(what, sizeof(what), "no record has a field %s; %s%s%stsumari --fields lists them",
		shown, *near ? "did you mean " : "", near, *near ? "? " : "");
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

/* "200 ms" is one value. */
static bool join_unit(struct parser *p, enum field_type type)
{
	const char *at = p->at;
	size_t n = strspn(at, " "), unit = strcspn(at + n, " \t\r\n\"'" MARKS);
	char word[8];

	if (p->kind != TOKEN_WORD || !n || !unit || unit >= sizeof(word) || !p->len ||
		p->word[p->len - 1] < '0' || p->word[p->len - 1] > '9')
		return true;
	memcpy(word, at + n, unit);
	word[unit] = '\0';
	if (!filter_unit(type, word))
		return true;
	if (p->len + unit > TEXT_MAX)
		return fail(p, p->start, "the word is too long");
	memcpy(p->word + p->len, word, unit + 1);
	p->len += unit;
	p->at += n + unit;
	return true;
}

/* Of a field that has one of a few names another one never fits. */
static bool is_listed(struct parser *p, enum test_op op, const struct field *f)
{
	char what[ROOM];
	struct text t;

	if (f->type != FIELD_NAME || !f->names || op == TEST_CONTAINS)
		return true;
	text_init(&t, what, sizeof(what));
	text_printf(&t, "%s is", f->name);
	for (unsigned i = 0; f->names[i]; i++) {
		if (strcmp(f->names[i], p->word) == 0)
			return true;
		text_printf(&t, "%s %s", !i ? "" : f->names[i + 1] ? "," : " or", f->names[i]);
	}
	return fail(p, p->start, what);
}

static bool add_operand(struct parser *p, struct test *t, const struct field *f)
{
	const char *what = NULL;
	char message[ROOM];

	if (p->kind != TOKEN_WORD && p->kind != TOKEN_QUOTED)
		return fail(p, p->start, "a value is missing");
	if (t->n == OPERANDS)
		return fail(p, p->start, "too many values");
	if (!join_unit(p, f->type))
		return false;
	if (!is_listed(p, t->op, f))
		return false;
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

/* Is it the name of a field in any record? */
static bool is_field(const struct parser *p)
{
	for (unsigned i = 0; i < p->f->nschemas; i++)
		if (schema_find(p->f->schemas[i], p->word))
			return true;
	return false;
}

static bool is_type(const struct parser *p)
{
	for (unsigned i = 0; i < p->f->nschemas; i++)
		if (strcmp(p->f->schemas[i]->type, p->word) == 0)
			return true;
	return false;
}

static bool is_operator(const struct parser *p)
{
	static const char *const words[] = {
		"eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "matches"};

	if (p->kind == TOKEN_MARK)
		return p->word[0] && strchr("=<>~", p->word[0]) ? true : is(p, "!=", NULL);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(p, NULL, words[i]))
			return true;
	return false;
}

/* An operator and its value, as they are written: the token behind them is next. */
static bool pass_tail(struct parser *p, const char **end, bool *unequal)
{
	bool set = is(p, NULL, "in");

	*unequal = is(p, "!=", "ne");
	if (!next(p))
		return false;
	while (set && p->kind != TOKEN_END && !is(p, "}", NULL))
		if (!next(p))
			return false;
	if (p->kind == TOKEN_END)
		return fail(p, p->start, "a value is missing");
	*end = p->at;
	if (!next(p))
		return false;
	if (p->kind == TOKEN_WORD &&
		(filter_unit(FIELD_DURATION, p->word) || filter_unit(FIELD_BYTES, p->word))) {
		*end = p->at;
		return next(p);
	}
	return true;
}

/* `means` with the tail, n bytes, where '$' stands. */
static const struct node *parse_meaning(
	struct parser *p, const char *at, const char *means, const char *tail, size_t n)
{
	struct parser *inner = xcalloc(1, sizeof(*inner));
	const struct node *node = NULL;
	struct text t;

	text_init_growing(&t);
	for (; *means; means++)
		if (*means == '$')
			text_put(&t, tail, n);
		else
			text_char(&t, *means);
	inner->f = p->f;
	inner->text = inner->at = t.p;
	inner->depth = p->depth;
	inner->err = p->err;
	inner->errsize = p->errsize;
	inner->outer = p;
	inner->outer_at = at;
	if (next(inner))
		node = parse_or(inner);
	if (node && inner->kind != TOKEN_END) {
		fail(p, at, "this name does not take such a value");
		node = NULL;
	}
	text_release(&t);
	free(inner);
	return node;
}

/* A name of another tool, or a type of records. */
static const struct node *parse_other_name(struct parser *p, const struct filter_name *name)
{
	const char *at = p->start, *tail, *end, *means = name ? name->means : "type == $";
	char what[2 * ROOM], type[SCHEMA_NAME_MAX];
	bool unequal = false;

	snprintf(type, sizeof(type), "%.*s", (int)sizeof(type) - 1, p->word);
	if (!means) {
		snprintf(what, sizeof(what), "%s: use %s", name->name, name->instead);
		fail(p, at, what);
		return NULL;
	}
	if (!next(p))
		return NULL;
	if (is_operator(p) && (!name || !strchr(means, '$'))) {
		fail(p, at, "this name stands alone: it takes no value");
		return NULL;
	}
	if (!name)
		return parse_meaning(p, at, means, type, strlen(type));
	tail = end = p->start;
	if (is_operator(p) && !pass_tail(p, &end, &unequal))
		return NULL;
	if (!unequal || !name->unless)
		return parse_meaning(p, at, means, tail, (size_t)(end - tail));
	/* The value, behind an operator of two characters, as one that is equal. */
	tail += 2;
	snprintf(what, sizeof(what), "== %.*s", (int)(end - tail), tail);
	return parse_meaning(p, at, name->unless, what, strlen(what));
}

static const struct node *parse_leaf(struct parser *p)
{
	const struct filter_name *name;
	struct node *n;

	if (p->kind == TOKEN_WORD && !is_field(p)) {
		name = filter_name_find(p->word);
		if (name || is_type(p))
			return parse_other_name(p, name);
	}
	n = node_new(p, NODE_TEST);
	if (!n)
		return NULL;
	n->test = xcalloc(1, sizeof(*n->test));
	return parse_test(p, n->test) ? n : NULL;
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
		result = parse_leaf(p);
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
