/* jsontree.c - see jsontree.h. */
#include "out/jsontree.h"
#include "base/mem.h"
#include "base/text.h"
#include "out/jsonw.h"
#include <stdlib.h>
#include <string.h>

/* A string's text is kept escaped; this writes it. */
static int write_string(struct json_object *o, struct printbuf *to, int level, int flags)
{
	const char *p = json_object_get_string(o);
	int n = json_object_get_string_len(o);

	(void)level;
	(void)flags;
	return printbuf_memappend(to, "\"", 1) < 0 || printbuf_memappend(to, p, n) < 0 ||
			       printbuf_memappend(to, "\"", 1) < 0
		       ? -1
		       : n + 2;
}

/* The program is out of memory where json-c has none. */
static struct json_object *made(struct json_object *o)
{
	if (!o)
		out_of_memory();
	return o;
}

struct json_object *jsontree_bytes(const char *p, size_t n)
{
	char small[2048], *buffer = small, *end;
	struct json_object *o;
	struct text t;

	if (JSONW_TEXT(n) > sizeof(small))
		buffer = xmalloc(JSONW_TEXT(n));
	end = jsonw_text(buffer, p, n);
	text_init_growing(&t);
	for (const char *at = buffer; at < end;) {
		const char *mark = memchr(at, '<', (size_t)(end - at));

		text_put(&t, at, (size_t)((mark ? mark : end) - at));
		if (mark)
			text_str(&t, "\\u003c");
		at = mark ? mark + 1 : end;
	}
	o = made(json_object_new_string_len(t.p, (int)t.len));
	json_object_set_serializer(o, write_string, NULL, NULL);
	text_release(&t);
	if (buffer != small)
		free(buffer);
	return o;
}

struct json_object *jsontree_text(const char *s)
{
	return jsontree_bytes(s, strlen(s));
}

struct json_object *jsontree_u64(uint64_t v)
{
	return made(json_object_new_uint64(v));
}

struct json_object *jsontree_int(int v)
{
	return made(json_object_new_int(v));
}

struct json_object *jsontree_bool(bool v)
{
	return made(json_object_new_boolean(v));
}

static struct json_object *number(double v, const char *digits)
{
	return made(json_object_new_double_s(v, digits));
}

struct json_object *jsontree_ms(uint64_t ns)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%llu.%06u", (unsigned long long)(ns / 1000000u),
		(unsigned)(ns % 1000000u));
	return number((double)ns / 1e6, digits);
}

struct json_object *jsontree_real(double v)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.6g", v);
	return number(v, digits);
}

struct json_object *jsontree_time(uint64_t ns)
{
	char buffer[PUT_TIME + 1];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_time(&t, ns);
	return jsontree_bytes(t.p, t.len);
}

struct json_object *jsontree_addr(const struct addr *a)
{
	char buffer[PUT_ADDR];

	return jsontree_bytes(buffer, (size_t)(put_addr(buffer, a) - buffer));
}

struct json_object *jsontree_endpoint(const struct addr *a, uint16_t port)
{
	char buffer[PUT_ADDR + 16];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_endpoint(&t, a, port);
	return jsontree_bytes(t.p, t.len);
}

void jsontree_put(struct json_object *o, const char *name, struct json_object *value)
{
	if (json_object_object_add_ex(o, name, value,
		    JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY) != 0)
		out_of_memory();
}

struct json_object *jsontree_object(struct json_object *o, const char *name)
{
	struct json_object *x = made(json_object_new_object());

	if (o)
		jsontree_put(o, name, x);
	return x;
}

struct json_object *jsontree_array(struct json_object *o, const char *name)
{
	struct json_object *x = made(json_object_new_array());

	if (o)
		jsontree_put(o, name, x);
	return x;
}

void jsontree_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value) != 0)
		out_of_memory();
}

bool jsontree_write(struct json_object *o, FILE *f)
{
	size_t n;
	const char *p = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);

	if (!p)
		out_of_memory();
	return fwrite(p, 1, n, f) == n;
}
