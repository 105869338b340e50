/* json.c - see json.h. */
#include "json.h"
#include "tests/json_path.h"
#include "base/mem.h"
#include "core/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Records as JSON, by plans that are made once: that takes longer than all else.
 */

static struct identity identity = {
	.sensor = "a\"\x1b\xff", .host = "fuzz", .run = "0123456789abcdef", .key = {1, 2}};
struct schema_env fuzz_env = {.version = "1", .identity = &identity};

static struct jsonw_plan *plan_of(const struct dissector *d, bool flat)
{
	static struct {
		bool made;
		const struct dissector *d;
		struct jsonw_plan *plan[2];
	} plans[DISSECTORS_MAX + 2];
	char err[256] = "";
	unsigned i = 0;

	while (plans[i].made && plans[i].d != d)
		i++;
	for (unsigned k = 0; !plans[i].made && k < 2; k++) {
		struct schema *schema = schema_new(d, err, sizeof(err));

		fuzz_check(schema, err);
		plans[i].plan[k] = jsonw_plan_new(schema, &fuzz_env, k);
	}
	plans[i].made = true;
	plans[i].d = d;
	return plans[i].plan[flat];
}

void fuzz_put_line(struct fuzz_lines *l, const struct record *r, bool flat)
{
	struct jsonw_plan *plan = plan_of(r->kind == RECORD_FLOW ? NULL : r->dissector, flat);
	size_t bound = jsonw_bound(plan, r);

	if (l->n + bound + 1 > l->room) {
		l->room = (l->n + bound + 1) * 2;
		l->p = xrealloc(l->p, l->room);
	}
	l->n = (size_t)(jsonw_record(plan, r, &fuzz_env, &l->times, l->p + l->n) - l->p);
	l->p[l->n] = '\0';
}

struct json_object *fuzz_parse(const char *text, size_t n)
{
	struct json_tokener *t = json_tokener_new_ex(64);
	struct json_object *o;

	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)n);
	fuzz_check(json_tokener_get_error(t) == json_tokener_success && o, "JSON is JSON");
	fuzz_check(json_tokener_get_parse_end(t) == n, "nothing stands behind it");
	json_tokener_free(t);
	return o;
}

static struct lh_entry *members(struct json_object *o)
{
	return lh_table_head(json_object_get_object(o));
}

/* Values that are no objects. */
static unsigned leaves(struct json_object *o)
{
	unsigned n = 0;

	if (!json_object_is_type(o, json_type_object))
		return 1;
	for (struct lh_entry *e = members(o); e; e = lh_entry_next(e))
		n += leaves(lh_entry_v(e));
	return n;
}

void fuzz_same_line(const char *nested, size_t n, const char *flat, size_t m)
{
	struct json_object *a = fuzz_parse(nested, n), *b = fuzz_parse(flat, m), *again;
	const char *text = json_object_to_json_string_ext(a, JSON_C_TO_STRING_PLAIN);

	again = fuzz_parse(text, strlen(text));
	fuzz_check(json_object_equal(a, again), "JSON says the same when it is written again");
	fuzz_check(leaves(a) == leaves(b), "flat JSON has as many values");
	for (struct lh_entry *e = members(b); e; e = lh_entry_next(e))
		fuzz_check(json_object_equal(json_at(a, lh_entry_k(e)), lh_entry_v(e)),
			"flat JSON has the same values");
	json_object_put(again);
	json_object_put(a);
	json_object_put(b);
}

void fuzz_no_control_bytes(const char *text, size_t n, const char *but)
{
	for (size_t i = 0; i < n; i++)
		fuzz_check(((unsigned char)text[i] >= 0x20 && text[i] != 0x7f) ||
				   (text[i] && strchr(but, text[i])),
			"no control byte is put out");
}

void fuzz_json_record(const struct record *r)
{
	static struct fuzz_lines lines[2];

	for (int i = 0; i < 2; i++) {
		lines[i].n = 0;
		fuzz_put_line(&lines[i], r, i);
		fuzz_no_control_bytes(lines[i].p, lines[i].n, "\n");
		fuzz_check(lines[i].p[lines[i].n - 1] == '\n', "a line has an end");
	}
	fuzz_same_line(lines[0].p, lines[0].n - 1, lines[1].p, lines[1].n - 1);
}
