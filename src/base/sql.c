/*
 * sql.c - the digest of a SQL statement (api/sql.h), in one pass over its bytes.
 *
 * The lexical rules are MySQL's (Reference Manual, "Language Structure") or PostgreSQL's (manual,
 * "Lexical Structure"). The result is meant to be what pt-fingerprint of percona-toolkit gives;
 * tests/unit/sql.c lists where it is not.
 */
#include "api/sql.h"

/* Names are made of the last two. */
enum class { OTHER, SPACE, QUOTE, BACKTICK, WORD, DIGIT };

#define O OTHER
#define S SPACE
#define W WORD
#define D DIGIT
#define Q QUOTE
#define B BACKTICK
/* clang-format off */
static const uint8_t classes[256] = {
	S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
	S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
	S, O, Q, O, W, O, O, Q, O, O, O, O, O, O, O, O,
	D, D, D, D, D, D, D, D, D, D, O, O, O, O, O, O,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, O, O, O, O, W,
	B, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, O, O, O, O, O,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};
/* clang-format on */

/* Of a list behind IN or VALUES only so much is written before it is known whether it folds. */
#define LIST_SHOWN 64u

enum last { NOTHING, OPERAND, OPERATOR, KEYWORD }; /* what a sign would follow */
enum list { NO_LIST, IN_LIST, VALUES_LIST };
enum limit { NO_LIMIT, LIMIT_WORD, LIMIT_VALUE, LIMIT_MORE };

struct digest {
	const uint8_t *p, *end;
	uint8_t *out;
	size_t n, max;
	bool full, done;
	bool postgres, escapes; /* whose SQL; a backslash in the text that follows is one */
	bool space;             /* a blank is due before what comes next */
	uint8_t last;           /* enum last */
	uint8_t limit;          /* enum limit */
	bool ordered, by;       /* after ORDER BY; after ORDER */
	bool call, dotted;      /* CALL came first; the byte before is a dot */
	uint32_t depth;         /* of parentheses */
	size_t limit_at;        /* length of the output with the first value of LIMIT */
	uint8_t word_list;      /* the last word begins such a list: enum list */
	size_t word_end;        /* length of the output with that word */
	/* The list being read. */
	uint8_t list;     /* enum list */
	bool pure, again; /* only values so far; one more list of a VALUES */
	uint32_t list_depth;
	size_t list_at;
	/* The lists of VALUES that were read; only commas since. */
	bool after;
	size_t group_at, group_end; /* the first of them in the output */
};

static inline void put(struct digest *d, const char *text, size_t n)
{
	if (d->space && d->n && d->n < d->max)
		d->out[d->n++] = ' ';
	d->space = false;
	if (n > d->max - d->n) {
		d->full = true;
		return;
	}
	memcpy(d->out + d->n, text, n);
	d->n += n;
}

/* What is written is no blank, comma or value. */
static void other(struct digest *d)
{
	d->pure = false;
	d->after = false;
	d->word_list = NO_LIST;
	d->limit = NO_LIMIT;
	d->by = false;
}

static void value(struct digest *d)
{
	d->last = OPERAND;
	d->by = false;
	d->word_list = NO_LIST;
	d->after = false;
	if (d->limit == LIMIT_MORE) {
		d->n = d->limit_at;
		d->space = false;
		d->limit = NO_LIMIT;
		return;
	}
	if (d->list && d->pure && d->n - d->list_at > LIST_SHOWN) {
		d->space = false;
		return;
	}
	put(d, "?", 1);
	d->limit = d->limit == LIMIT_WORD ? LIMIT_VALUE : NO_LIMIT;
	d->limit_at = d->n;
}

/* A quoted text; the quote doubled or behind a backslash does not end it. */
static void string(struct digest *d)
{
	uint8_t quote = *d->p++;

	while (d->p < d->end) {
		uint8_t c = *d->p++;

		if (c == '\\' && d->escapes) {
			if (d->p < d->end)
				d->p++;
		} else if (c == quote) {
			if (d->p == d->end || *d->p != quote)
				break;
			d->p++;
		}
	}
	d->escapes = !d->postgres;
	value(d);
}

static inline uint8_t lower(uint8_t c)
{
	return (uint8_t)(c | ((uint8_t)(c - 'A') < 26) << 5);
}

static void put_lower(struct digest *d, const uint8_t *from, size_t n)
{
	uint8_t *to;

	put(d, "", 0);
	if (n > d->max - d->n) {
		d->full = true;
		return;
	}
	to = d->out + d->n;
	for (size_t i = 0; i < n; i++)
		to[i] = lower(from[i]);
	d->n += n;
}

static void quoted_name(struct digest *d)
{
	const uint8_t *from = d->p;
	const uint8_t *to = memchr(from + 1, '`', (size_t)(d->end - from - 1));

	other(d);
	d->last = OPERAND;
	if (!to) { /* it may have swallowed anything */
		put(d, "`?", 2);
		d->p = d->end;
		return;
	}
	d->p = to + 1;
	put_lower(d, from, (size_t)(d->p - from));
}

/* PostgreSQL's name in double quotes, which keeps its letters as they are. */
static void quoted_identifier(struct digest *d)
{
	const uint8_t *from = d->p, *p = from + 1;

	other(d);
	d->last = OPERAND;
	while (p < d->end && (*p != '"' || (p + 1 < d->end && p[1] == '"')))
		p += *p == '"' ? 2 : 1;
	if (p == d->end) {
		put(d, "\"?", 2);
		d->p = d->end;
		return;
	}
	d->p = p + 1;
	put(d, (const char *)from, (size_t)(d->p - from));
}

/* PostgreSQL's $1, and its texts between $$ or $tag$. */
static void dollar(struct digest *d)
{
	const uint8_t *tag = d->p, *p = tag + 1;
	size_t n;

	if (p < d->end && classes[*p] == DIGIT) {
		while (p < d->end && classes[*p] == DIGIT)
			p++;
		d->p = p;
		value(d);
		return;
	}
	while (p < d->end && *p != '$' && classes[*p] >= WORD)
		p++;
	if (p == d->end || *p != '$') { /* no tag: nothing that is SQL */
		d->p = p;
		value(d);
		return;
	}
	n = (size_t)(++p - tag);
	while (p < d->end && ((size_t)(d->end - p) < n || memcmp(p, tag, n) != 0)) {
		p = memchr(p + 1, '$', (size_t)(d->end - p - 1));
		if (!p)
			p = d->end;
	}
	d->p = p < d->end ? p + n : d->end;
	value(d);
}

static bool is(const uint8_t *p, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (lower(p[i]) != (uint8_t)word[i])
			return false;
	return word[n] == '\0';
}

/* Words behind which a sign belongs to the number. */
static bool sign_follows(const uint8_t *p, size_t n)
{
	static const char *const words[9][7] = {
		[2] = {"or", "by", "on"},
		[3] = {"and", "not", "set", "div", "mod", "xor"},
		[4] = {"like", "then", "else", "when", "case"},
		[5] = {"where", "limit"},
		[6] = {"select", "offset", "return", "having"},
		[7] = {"between", "default"},
		[8] = {"interval", "distinct"},
	};

	if (n > 8)
		return false;
	for (const char *const *w = words[n]; *w; w++)
		if (is(p, n, *w))
			return true;
	return false;
}

/* PostgreSQL's e'text' with escapes, u&'text' and u&"name": what is in front of the quote. */
static bool prefixed(struct digest *d, uint8_t letter)
{
	const uint8_t *p = d->p;

	if ((letter | 32) == 'e' && p < d->end && *p == '\'') {
		d->escapes = true;
		return true;
	}
	if ((letter | 32) != 'u' || d->end - p < 2 || *p != '&' || (p[1] != '\'' && p[1] != '"'))
		return false;
	d->p++;
	return true;
}

static void word(struct digest *d)
{
	const uint8_t *from = d->p, *p = from;
	uint8_t limit = d->limit;
	bool by = d->by, dotted = d->dotted;
	size_t n;

	while (p < d->end && classes[*p] >= WORD)
		p++;
	d->p = p;
	n = (size_t)(p - from);
	if (n == 1 && p < d->end && *p == '\'' && strchr("xXbBnN", *from))
		return; /* x'4d', b'01', n'text' */
	if (n == 1 && d->postgres && prefixed(d, *from))
		return;
	if (!dotted && (n == 4 ? is(from, n, "null") || is(from, n, "true")
			       : n == 5 && is(from, n, "false"))) {
		value(d);
		return;
	}
	if (d->ordered && n == 3 && is(from, n, "asc")) {
		d->space = false;
		return;
	}
	other(d);
	put_lower(d, from, n);
	d->last = !dotted && sign_follows(from, n) ? KEYWORD : OPERAND;
	if (dotted)
		return;
	switch (n) {
	case 2:
		if (is(from, n, "in"))
			d->word_list = IN_LIST;
		d->ordered |= by && is(from, n, "by");
		break;
	case 4:
		d->call |= d->n == 4 && is(from, n, "call");
		break;
	case 5:
		if (is(from, n, "value"))
			d->word_list = VALUES_LIST;
		else if (is(from, n, "limit"))
			d->limit = LIMIT_WORD;
		d->by = is(from, n, "order");
		break;
	case 6:
		if (is(from, n, "values"))
			d->word_list = VALUES_LIST;
		else if (limit == LIMIT_VALUE && is(from, n, "offset"))
			d->limit = LIMIT_MORE;
		break;
	default:
		break;
	}
	d->word_end = d->n;
}

static bool hex(uint8_t c)
{
	return classes[c] == DIGIT || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* A number, or a name that begins with a digit. */
static void number(struct digest *d)
{
	const uint8_t *p = d->p, *end = d->end;

	if (d->postgres) { /* no name begins with a digit: 1_000, 0x4d, 1.5e-3 */
		while (p < end && (classes[*p] >= WORD || *p == '.' ||
					  ((*p == '-' || *p == '+') && (p[-1] | 32) == 'e')))
			p++;
		d->p = p;
		value(d);
		return;
	}
	if (end - p > 2 && *p == '0' && (p[1] | 32) == 'x' && hex(p[2])) {
		for (p += 2; p < end && hex(*p); p++)
			;
	} else if (end - p > 2 && *p == '0' && (p[1] | 32) == 'b' && (p[2] == '0' || p[2] == '1')) {
		for (p += 2; p < end && (*p == '0' || *p == '1'); p++)
			;
	} else {
		while (p < end && classes[*p] == DIGIT)
			p++;
		if (p < end && *p == '.')
			for (p++; p < end && classes[*p] == DIGIT; p++)
				;
		if (p < end && (*p | 32) == 'e') {
			const uint8_t *q = p + 1;

			if (q < end && (*q == '-' || *q == '+'))
				q++;
			if (q < end && classes[*q] == DIGIT) {
				for (; q < end && classes[*q] == DIGIT; q++)
					;
				p = q;
			}
		}
	}
	if (p < end && classes[*p] == WORD && classes[*d->p] == DIGIT &&
		!memchr(d->p, '.', (size_t)(p - d->p))) {
		word(d);
		return;
	}
	d->p = p;
	value(d);
}

static void open_list(struct digest *d)
{
	bool again = d->after;

	if (d->call) {
		d->done = true;
		return;
	}
	d->p++;
	d->depth++;
	if (d->word_list || again) {
		d->list = again ? VALUES_LIST : d->word_list;
		d->again = again;
		d->pure = true;
		d->list_depth = d->depth;
		d->list_at = again ? d->n : d->word_end;
		d->word_list = NO_LIST;
		d->limit = NO_LIMIT;
		d->by = false;
		put(d, "(", 1);
		d->list_at = d->n - 1;
	} else {
		other(d);
		put(d, "(", 1);
	}
	d->last = OPERATOR;
}

static bool same(const struct digest *d, size_t a, size_t a_end, size_t b, size_t b_end)
{
	return a_end - a == b_end - b && memcmp(d->out + a, d->out + b, a_end - a) == 0;
}

/* The end of a list behind IN or VALUES. */
static void fold(struct digest *d)
{
	if (d->pure && !d->again) {
		d->n = d->word_end;
		d->group_at = d->n;
		d->space = false;
		put(d, "(?+)", 4);
		d->group_end = d->n;
		d->after = true;
	} else {
		put(d, ")", 1);
		if (d->again) {
			bool folded = d->group_end - d->group_at == 4 &&
				      memcmp(d->out + d->group_at, "(?+)", 4) == 0;

			if ((d->pure && folded) ||
				same(d, d->group_at, d->group_end, d->list_at, d->n)) {
				d->n = d->group_end;
				d->full = false;
			}
			d->after = true;
		} else {
			d->group_at = d->list_at;
			d->group_end = d->n;
			d->after = d->list == VALUES_LIST;
		}
	}
	d->list = NO_LIST;
}

static void close_list(struct digest *d)
{
	bool ends = d->list && d->depth == d->list_depth;

	d->p++;
	if (d->depth)
		d->depth--;
	if (ends) {
		d->word_list = NO_LIST;
		d->limit = NO_LIMIT;
		fold(d);
	} else {
		other(d);
		put(d, ")", 1);
	}
	d->last = OPERAND;
}

static void comma(struct digest *d)
{
	d->p++;
	d->last = OPERATOR;
	d->word_list = NO_LIST;
	d->by = false;
	d->limit = d->limit == LIMIT_VALUE ? LIMIT_MORE : NO_LIMIT;
	if (d->list && d->pure && d->n - d->list_at > LIST_SHOWN)
		d->space = false;
	else
		put(d, ",", 1);
}

/* Behind a comment of PostgreSQL's, which may hold others. */
static const uint8_t *comment_end(const uint8_t *p, const uint8_t *end)
{
	size_t depth = 0;

	for (; end - p > 1; p++)
		if (*p == '/' && p[1] == '*') {
			depth++;
			p++;
		} else if (*p == '*' && p[1] == '/') {
			p++;
			if (!--depth)
				return p + 1;
		}
	return end;
}

/* Is this the start of a comment? Passes over it. */
static bool comment(struct digest *d)
{
	const uint8_t *p = d->p, *end = d->end;
	size_t left = (size_t)(end - p);

	if ((*p == '#' && !d->postgres) ||
		(*p == '-' && left > 1 && p[1] == '-' &&
			(left == 2 || d->postgres || classes[p[2]] == SPACE))) {
		const uint8_t *lf = memchr(p, '\n', left);

		d->p = lf ? lf + 1 : end;
	} else if (*p == '/' && left > 1 && p[1] == '*' && d->postgres) {
		d->p = comment_end(p, end);
	} else if (*p == '/' && left > 1 && p[1] == '*' &&
		   !(left > 2 && (p[2] == '!' || (left > 3 && p[2] == 'M' && p[3] == '!')))) {
		const uint8_t *q = p + 2;

		/* Not memmem(): checked builds look at all that it could read, each time. */
		while ((q = memchr(q, '/', (size_t)(end - q))) && (q == p + 2 || q[-1] != '*'))
			q++;
		d->p = q ? q + 1 : end;
	} else {
		return false;
	}
	d->space = true;
	return true;
}

static void symbol(struct digest *d)
{
	uint8_t c = *d->p;
	bool digit = d->p + 1 < d->end && classes[d->p[1]] == DIGIT;

	if (((c == '-' || c == '+') && d->last != OPERAND &&
		    (digit ||
			    (d->end - d->p > 2 && d->p[1] == '.' && classes[d->p[2]] == DIGIT))) ||
		(c == '.' && digit && d->last != OPERAND)) {
		if (c != '.')
			d->p++;
		number(d);
		return;
	}
	if (c == '?') {
		d->p++;
		value(d);
		return;
	}
	other(d);
	put(d, (const char *)d->p, 1);
	d->p++;
	d->last = OPERATOR;
	d->dotted = c == '.';
}

static void token(struct digest *d)
{
	uint8_t c = *d->p;

	switch (classes[c]) {
	case SPACE:
		d->space = true;
		do
			d->p++;
		while (d->p < d->end && classes[*d->p] == SPACE);
		return;
	case WORD:
		if (c == '$' && d->postgres)
			dollar(d);
		else
			word(d);
		break;
	case DIGIT:
		if (d->dotted)
			word(d);
		else
			number(d);
		break;
	case QUOTE:
		if (c == '"' && d->postgres)
			quoted_identifier(d);
		else
			string(d);
		break;
	case BACKTICK:
		quoted_name(d);
		break;
	default:
		if (comment(d))
			return;
		if (c == '(')
			open_list(d);
		else if (c == ')')
			close_list(d);
		else if (c == ',')
			comma(d);
		else {
			symbol(d);
			return;
		}
	}
	d->dotted = false;
}

size_t tsm_sql_digest_of(enum tsm_sql whose, struct view sql, uint8_t *out, size_t max, bool *cut)
{
	struct digest d = {.p = sql.p, .end = sql.end, .out = out, .max = max};

	d.postgres = whose == SQL_POSTGRES;
	d.escapes = !d.postgres;
	while (d.p < d.end && !d.full && !d.done)
		token(&d);
	while (d.n && (d.out[d.n - 1] == ' ' || d.out[d.n - 1] == ';'))
		d.n--;
	*cut = d.full;
	return d.n;
}

size_t tsm_sql_digest(struct view sql, uint8_t *out, size_t max, bool *cut)
{
	return tsm_sql_digest_of(SQL_MYSQL, sql, out, max, cut);
}

struct view tsm_sql_trace(struct view sql)
{
	static const char key[] = "traceparent='";
	size_t n = view_len(&sql), value = sizeof(key) - 1 + 3;
	const uint8_t *p;

	while (n && (sql.p[n - 1] == ' ' || sql.p[n - 1] == ';'))
		n--;
	if (n < value + 32 || (memcmp(sql.p + n - 2, "*/", 2) != 0 && memcmp(sql.p, "/*", 2) != 0))
		return view_of(NULL, 0, 0);
	p = memmem(sql.p, n, key, sizeof(key) - 1);
	if (!p || (size_t)(sql.p + n - p) < value + 33 || p[value - 1] != '-' ||
		p[value + 32] != '-')
		return view_of(NULL, 0, 0);
	for (size_t i = value; i < value + 32; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return view_of(NULL, 0, 0);
	return view_of(p + value, 32, 0);
}

struct view tsm_sql_verb(struct view digest, uint8_t *word, size_t max)
{
	const uint8_t *p = digest.p, *end = digest.end;
	size_t len = 0;

	while (p < end && (*p == '(' || *p == ' '))
		p++;
	if (end - p > 3 && memcmp(p, "/*", 2) == 0) /* a comment for some versions only */
		while (p < end && *p != ' ')
			p++;
	while (p < end && *p == ' ')
		p++;
	for (; p < end && len < max && ((*p >= 'a' && *p <= 'z') || (len && *p == '_')); p++)
		word[len++] = *p == '_' ? *p : (uint8_t)(*p - 32);
	return view_of(word, len, 0);
}

bool tsm_sql_secret(struct view digest)
{
	return memmem(digest.p, view_len(&digest), "identified", 10) ||
	       memmem(digest.p, view_len(&digest), "password", 8);
}
