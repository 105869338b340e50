/*
 * schema.c - the list of a record type's fields, sorted; any field's value; the documentation.
 */
#include "out/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "core/registry.h"
#include "out/filter_names.h"

int schema_name_cmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	/* The end of a name stands before the dot, the dot before all else. */
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '.' || *b == '.')
		return *a == '.' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int column_cmp(const void *a, const void *b)
{
	const struct schema_column *x = a, *y = b;

	return schema_name_cmp(x->field->name, y->field->name);
}

/* Lower-case words, digits, '_', '-' and '@', parted by single dots. */
static bool name_fits(const char *name)
{
	size_t n = strlen(name);
	char last = '.';

	if (n == 0 || n > SCHEMA_NAME_MAX || name[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; last = name[i++]) {
		char c = name[i];

		if (c == '.' && last == '.')
			return false;
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
			    c == '.' || (c == '@' && i == 0)))
			return false;
	}
	return true;
}

static bool add(struct schema *s, const struct schema_column *c)
{
	if (s->n == SCHEMA_FIELDS_MAX)
		return false;
	s->columns[s->n++] = *c;
	return true;
}

static bool add_members(
	struct schema *s, const struct field *f, enum schema_source source, size_t base)
{
	struct schema_column c = {.source = (uint8_t)source, .base = (uint16_t)base};

	for (; field_recorded(f); f++) {
		c.field = f;
		if (!add(s, &c))
			return false;
		c.index++;
	}
	return true;
}

static bool add_computed(struct schema *s)
{
	struct schema_column c = {.source = SCHEMA_COMPUTED};

	for (c.computed = computed_fields; c.computed->field.type != FIELD_END; c.computed++) {
		c.field = &c.computed->field;
		if ((c.computed->kinds & 1u << s->kind) && !add(s, &c))
			return false;
	}
	return true;
}

/* Is the name `outer` also an object that holds `inner`? They are neighbours in the order. */
static bool holds(const char *outer, const char *inner)
{
	size_t n = strlen(outer);

	return strncmp(outer, inner, n) == 0 && (inner[n] == '\0' || inner[n] == '.');
}

static bool check(const struct schema *s, char *err, size_t errsize)
{
	for (unsigned i = 0; i < s->n; i++) {
		const char *name = s->columns[i].field->name;

		if (!name_fits(name)) {
			snprintf(err, errsize, "%s: bad name of field %u", s->type, i);
			return false;
		}
		if (i > 0 && holds(s->columns[i - 1].field->name, name)) {
			snprintf(err, errsize, "%s: fields %s and %s cannot both be", s->type,
				s->columns[i - 1].field->name, name);
			return false;
		}
	}
	return true;
}

void schema_without_geo(struct schema *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (!s->columns[i].computed || !s->columns[i].computed->geo)
			s->columns[n++] = s->columns[i];
	s->n = n;
}

struct schema *schema_new(const struct dissector *d, char *err, size_t errsize)
{
	struct schema *s = xcalloc(1, sizeof(*s));
	const struct tsm_event_kind *event = registry_event(d);
	bool fits;

	s->type = d ? d->name : "flow";
	s->kind = !d                   ? RECORD_FLOW
		  : d == &finding_type ? RECORD_FINDING
		  : event              ? RECORD_EVENT
				       : RECORD_TXN;
	s->dissector = d;
	if (s->kind == RECORD_FINDING)
		fits = add_members(s, finding_fields, SCHEMA_MEMBER, 0);
	else if (event)
		fits = add_members(s, event_fields, SCHEMA_MEMBER, 0) &&
		       add_members(s, event->fields, SCHEMA_MEMBER, sizeof(struct event_record));
	else
		fits = add_members(s, record_fields, SCHEMA_MEMBER, 0) &&
		       add_members(s, d ? txn_fields : flow_fields, SCHEMA_MEMBER, 0) &&
		       (!d || !d->fields || add_members(s, d->fields, SCHEMA_VALUE, 0));
	fits = fits && add_computed(s);
	if (!fits)
		snprintf(err, errsize, "%s: more than %d fields", s->type, SCHEMA_FIELDS_MAX);
	if (fits) {
		qsort(s->columns, s->n, sizeof(s->columns[0]), column_cmp);
		fits = check(s, err, errsize);
	}
	if (!fits) {
		schema_free(s);
		return NULL;
	}
	return s;
}

bool schema_has_records(const struct dissector *d)
{
	return d->data || d->body || registry_event(d) || d == &finding_type;
}

void schema_free(struct schema *s)
{
	free(s);
}

const struct schema_column *schema_find(const struct schema *s, const char *name)
{
	unsigned lo = 0, hi = s->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int order = schema_name_cmp(name, s->columns[mid].field->name);

		if (order == 0)
			return &s->columns[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool number_present(const struct field *f, uint64_t v)
{
	if (v == FIELD_ABSENT)
		return false;
	if (f->type == FIELD_BOOL)
		return v || (f->flags & FIELD_F_FALSE);
	return v || !((f->flags & FIELD_F_NONZERO) || f->type == FIELD_NAMES);
}

static bool get_number(const struct field *f, const void *at, struct schema_value *v)
{
	uint32_t u32;
	uint16_t u16;

	if (f->flags & FIELD_F_U8) {
		v->u64 = *(const uint8_t *)at;
	} else if (f->flags & FIELD_F_U16) {
		memcpy(&u16, at, sizeof(u16));
		v->u64 = u16;
	} else if ((f->flags & FIELD_F_U32) || f->type == FIELD_NAMES) {
		memcpy(&u32, at, sizeof(u32));
		v->u64 = u32;
	} else {
		memcpy(&v->u64, at, sizeof(v->u64));
	}
	return number_present(f, v->u64);
}

static bool get_name(const char *const *at, struct schema_value *v)
{
	v->p = *at;
	v->n = v->p ? strlen(v->p) : 0;
	return v->p != NULL;
}

static bool get_text(const struct record *r, const struct record_text *text, struct schema_value *v)
{
	v->p = (const char *)r + text->offset;
	v->n = text->len;
	return v->n > 0;
}

static bool get_member(
	const struct schema_column *c, const struct record *r, struct schema_value *v)
{
	static const uint8_t no_mac[6];
	const struct field *f = c->field;
	const void *at = (const char *)r + c->base + f->offset;

	if ((f->flags & FIELD_F_PORTS) && !r->has_ports)
		return false;
	if ((f->flags & FIELD_F_TCP) && r->kind == RECORD_FLOW &&
		!((const struct flow_record *)r)->tcp_state)
		return false;
	switch (f->type) {
	case FIELD_STR:
		return get_text(r, at, v);
	case FIELD_NAME:
		return get_name(at, v);
	case FIELD_IP:
		v->ip[0] = at;
		v->n = 1;
		return !(f->flags & FIELD_F_NONZERO) || !addr_is_zero(at);
	case FIELD_IPS:
		v->addrs = at;
		return v->addrs->n > 0;
	case FIELD_MAC:
		v->p = at;
		v->n = 6;
		return memcmp(at, no_mac, 6) != 0;
	case FIELD_U64S:
	case FIELD_DURATIONS:
		v->list = at;
		return v->list->n > 0;
	default:
		return get_number(f, at, v);
	}
}

/* A dissector's own value. */
static bool get_value(const struct schema_column *c, const struct record *r, struct schema_value *v)
{
	const struct txn_record *t = (const struct txn_record *)r;
	const struct value *value = (const void *)((const char *)r + t->values);
	const struct value *found = NULL;

	for (uint32_t i = 0; i < t->nvalues; i++) {
		if (value->field == c->index)
			found = value;
		value = value_next(value);
	}
	if (!found)
		return false;
	switch (c->field->type) {
	case FIELD_STR:
		v->p = value_text(found);
		v->n = found->len;
		return v->n > 0;
	case FIELD_NAME:
		return get_name(&found->name, v);
	default:
		v->u64 = found->u64;
		return number_present(c->field, v->u64);
	}
}

const char *schema_constant(const struct schema_computed *c, const struct schema_env *env)
{
	return c->literal ? c->literal : c->constant ? c->constant(env) : NULL;
}

bool schema_get(const struct schema_column *c, const struct record *r, struct schema_env *env,
	struct schema_value *value)
{
	switch (c->source) {
	case SCHEMA_MEMBER:
		return get_member(c, r, value);
	case SCHEMA_VALUE:
		return get_value(c, r, value);
	default:
		if (c->computed->literal || c->computed->constant) {
			value->p = schema_constant(c->computed, env);
			value->n = value->p ? strlen(value->p) : 0;
			return value->p != NULL;
		}
		return c->computed->get(r, env, value);
	}
}

/* Documentation. */

static const char *type_name(const struct field *f)
{
	static const char *const names[] = {[FIELD_U64] = "number",
		[FIELD_BYTES] = "number",
		[FIELD_TIME] = "time",
		[FIELD_DURATION] = "number",
		[FIELD_BOOL] = "true/false",
		[FIELD_STR] = "text",
		[FIELD_NAME] = "name",
		[FIELD_IP] = "address",
		[FIELD_MAC] = "MAC address",
		[FIELD_NAMES] = "names",
		[FIELD_U64S] = "numbers",
		[FIELD_DURATIONS] = "numbers",
		[FIELD_FRACTION] = "number",
		[FIELD_ID] = "identifier",
		[FIELD_RUN_ID] = "identifier",
		[FIELD_IPS] = "address"};

	return f->type < sizeof(names) / sizeof(names[0]) && names[f->type] ? names[f->type] : "";
}

static const char *unit_name(const struct field *f)
{
	switch (f->type) {
	case FIELD_BYTES:
		return "bytes";
	case FIELD_DURATION:
	case FIELD_DURATIONS:
		return "ns";
	case FIELD_TIME:
		return "RFC 3339";
	case FIELD_FRACTION:
		return "of 1";
	default:
		return "";
	}
}

static void print_names(FILE *f, const char *const *names)
{
	fputs(" One or more of: ", f);
	for (unsigned i = 0; names[i]; i++)
		fprintf(f, "%s`%s`", i ? ", " : "", names[i]);
	fputs(".", f);
}

/* A table of the columns that are (not) in `common`. */
static void print_table(FILE *f, const struct schema *s, const struct schema *common, bool in)
{
	fputs("| Field | Type | Unit | Meaning |\n|---|---|---|---|\n", f);
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *field = s->columns[i].field;
		const struct schema_column *other = schema_find(common, field->name);
		bool list = (field->flags & FIELD_F_LIST) && field->type != FIELD_NAMES;

		if ((other && other->field->help == field->help) != in)
			continue;
		fprintf(f, "| `%s` | %s%s | %s | %s", field->name, list ? "list of " : "",
			type_name(field), unit_name(field), field->help ? field->help : "");
		if (field->type == FIELD_NAMES && field->names)
			print_names(f, field->names);
		fputs(" |\n", f);
	}
}

static const char intro[] =
	"# Fields\n"
	"\n"
	"One record is one JSON object on a line. Names are those of the Elastic Common Schema "
	"and\n"
	"of Packetbeat; what neither has is below `tsumari.`. With `--json-flat` the names below "
	"are\n"
	"the keys as they stand, else each dot is an object inside an object.\n"
	"\n"
	"Times are RFC 3339 in UTC with nanoseconds, durations whole nanoseconds. What the "
	"capture\n"
	"cannot tell is an absent key; 0 and \"\" never stand for it.\n"
	"\n"
	"This file is written by `make fields` from the tables in the program.\n"
	"\n";

static struct schema *schema_of(const struct dissector *d)
{
	char err[160];
	struct schema *s = schema_new(d, err, sizeof(err));

	if (!s)
		fprintf(stderr, "tsumari: %s\n", err);
	return s;
}

/* A type of which no field is told elsewhere. */
static void print_alone(FILE *f, const struct dissector *d, const char *what)
{
	struct schema *s = schema_of(d);

	if (!s)
		return;
	fprintf(f, "\n## %s%s (`type: %s`)\n\n", d->title, what, d->name);
	print_table(f, s, &(const struct schema){.n = 0}, false);
	schema_free(s);
}

int schema_print_docs(FILE *f)
{
	static const struct dissector none = {TSM_HEAD, .name = "transaction"};
	struct schema *flow = schema_of(NULL), *txn = schema_of(&none);

	if (!flow || !txn) {
		schema_free(flow);
		schema_free(txn);
		errno = EINVAL;
		return -1;
	}
	fputs(intro, f);
	fputs("## All records\n\n", f);
	print_table(f, flow, txn, true);
	fputs("\n## Flows (`type: flow`)\n\n", f);
	print_table(f, flow, txn, false);
	fputs("\n## All transactions\n\n", f);
	print_table(f, txn, flow, false);
	for (unsigned i = 0; i < registry_count(); i++)
		if (registry_event(registry_get(i)))
			print_alone(f, registry_get(i), " events");
	print_alone(f, &finding_type, "");
	for (unsigned i = 0; i < registry_count(); i++) {
		const struct dissector *d = registry_get(i);
		struct schema *s;

		if ((!d->data && !d->body) || !d->fields || !(s = schema_of(d)))
			continue;
		fprintf(f, "\n## %s (`type: %s`)\n\n", d->title ? d->title : d->name, d->name);
		print_table(f, s, txn, false);
		schema_free(s);
	}
	filter_names_print(f);
	schema_free(flow);
	schema_free(txn);
	return fflush(f) == 0 && !ferror(f) ? 0 : -1;
}
