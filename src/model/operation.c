/* operation.c - see operation.h. */
#include "model/operation.h"
#include "model/values.h"
#include "api/sql.h"
#include <strings.h>

#define UUID 36u

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(unsigned char c)
{
	return (c | 32) >= 'a' ? (c | 32) <= 'z' || c >= 0x80 : false;
}

static bool is_hex(unsigned char c)
{
	return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562, 4). */
static bool is_uuid(const char *p, size_t n)
{
	if (n < UUID)
		return false;
	for (size_t i = 0; i < UUID; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-'
							    : !is_hex((unsigned char)p[i]))
			return false;
	return n == UUID ||
	       (!is_digit((unsigned char)p[UUID]) && !is_letter((unsigned char)p[UUID]));
}

struct part {
	size_t len, digits, runs; /* runs: of digits */
	bool hex;
};

static struct part part_at(const char *p, size_t n)
{
	struct part x = {0, 0, 0, true};
	bool was = false;

	for (; x.len < n; x.len++) {
		unsigned char c = (unsigned char)p[x.len];
		bool digit = is_digit(c);

		if (!digit && !is_letter(c))
			break;
		x.digits += digit;
		x.runs += digit && !was;
		x.hex = x.hex && is_hex(c);
		was = digit;
	}
	return x;
}

/* "v2" between slashes, ".mp3" at the end. */
static bool stays(const char *path, size_t n, size_t at, const struct part *x)
{
	const char *p = path + at;

	if (at && p[-1] == '/' && *p == 'v' && x->digits == x->len - 1 && x->len <= 3)
		return at + x->len == n || p[x->len] == '/';
	return at && p[-1] == '.' && at + x->len == n && x->len <= 5 && x->digits < x->len - 1;
}

static size_t fold_part(const char *p, const struct part *x, char *out)
{
	size_t o = 0;

	if (x->digits == x->len || x->len >= 20 || (x->len >= 8 && (x->hex || x->runs > 1))) {
		out[0] = '?';
		return 1;
	}
	for (size_t i = 0; i < x->len; i++)
		if (!is_digit((unsigned char)p[i]))
			out[o++] = p[i];
		else if (!i || !is_digit((unsigned char)p[i - 1]))
			out[o++] = '?';
	return o;
}

size_t operation_fold(const char *path, size_t n, char *out)
{
	size_t o = 0;

	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)path[i];
		struct part x;

		if (!is_digit(c) && !is_letter(c)) {
			size_t k = c == '%' && n - i >= 3 ? 3 : 1;

			memcpy(out + o, path + i, k);
			i += k;
			o += k;
			continue;
		}
		if (is_hex(c) && is_uuid(path + i, n - i)) {
			out[o++] = '?';
			i += UUID;
			continue;
		}
		x = part_at(path + i, n - i);
		if (x.digits && !stays(path, n, i, &x)) {
			o += fold_part(path + i, &x, out + o);
		} else {
			memcpy(out + o, path + i, x.len);
			o += x.len;
		}
		i += x.len;
	}
	return o;
}

static const char *text_at(const struct txn_record *t, struct record_text x)
{
	return (const char *)t + x.offset;
}

/* Bytes of "http://host:port" in front of a path. */
static size_t authority(const char *p, size_t n)
{
	size_t front = n < 16 ? n : 16;
	const char *mark = memchr(p, ':', front), *slash;

	if (!mark || !(mark = memmem(p, front, "://", 3)))
		return 0;
	slash = memchr(mark + 3, '/', n - (size_t)(mark + 3 - p));
	return slash ? (size_t)(slash - p) : n;
}

static void put_path(struct text *out, const char *p, size_t n)
{
	char folded[2048];

	while (n) {
		size_t part = n < sizeof(folded) ? n : sizeof(folded);

		text_put(out, folded, operation_fold(p, part, folded));
		p += part;
		n -= part;
	}
}

static void put_uri(struct text *out, const char *p, size_t n)
{
	const char *query = memchr(p, '?', n);
	size_t host;

	if (query)
		n = (size_t)(query - p);
	host = authority(p, n);
	if (!host && *p != '/') { /* of CONNECT, or "*" */
		text_put(out, p, n);
		return;
	}
	text_put(out, p, host);
	put_path(out, p + host, n - host);
}

/* Is the statement's verb what the method says? */
static bool says(const char *sql, size_t n, const char *method, size_t len)
{
	while (n && (*sql == '(' || *sql == ' '))
		sql++, n--;
	return n >= len && strncasecmp(sql, method, len) == 0;
}

/* The method has been put where it is not part of the statement. */
static void put_statement(
	const struct txn_record *t, bool literal, const char *method, struct text *out)
{
	const char *sql = text_at(t, t->query);
	uint8_t digest[TSM_SQL_DIGEST_MAX];
	bool cut;

	if (!says(sql, t->query.len, method, t->method.len)) {
		text_put(out, method, t->method.len);
		text_char(out, ' ');
	}
	if (!literal) {
		text_put(out, sql, t->query.len);
		return;
	}
	text_put(out, (const char *)digest,
		tsm_sql_digest_of(record_model(&t->r)->sql,
			view_of((const uint8_t *)sql, t->query.len, 0), digest, sizeof(digest),
			&cut));
}

void operation_of(const struct txn_record *t, bool literal, struct text *out)
{
	const struct tsm_model *m = record_model(&t->r);
	const char *method = text_at(t, t->method), *object = text_at(t, t->object);
	size_t n = t->object.len;
	const struct value *v;

	if (t->query.len && m->naming == NAMING_STATEMENT) {
		put_statement(t, literal, method, out);
		return;
	}
	text_put(out, method, t->method.len);
	if (m->naming == NAMING_FIELD) {
		v = m->named ? txn_value(t, m->named) : NULL;
		object = v ? value_text(v) : object;
		n = v ? v->len : 0;
	}
	if (!n)
		return;
	if (m->naming == NAMING_URI) {
		text_char(out, ' ');
		put_uri(out, object, n);
	} else if (m->naming == NAMING_OBJECT || m->naming == NAMING_FIELD) {
		text_char(out, ' ');
		text_put(out, object, n);
	} else if (m->naming == NAMING_KEY || *object == '/') {
		text_char(out, ' ');
		put_path(out, object, n);
	}
}
