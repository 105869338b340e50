/*
 * values.h - the values of transactions and events by their names.
 */
#ifndef TSUMARI_MODEL_VALUES_H
#define TSUMARI_MODEL_VALUES_H

#include <string.h>
#include <strings.h>
#include "core/record.h"

/* Where a table has a record's field of this name; -1: nowhere. */
static inline int field_place(const struct field *table, const char *name)
{
	for (int i = 0; table && field_recorded(&table[i]); i++)
		if (strcmp(table[i].name, name) == 0)
			return i;
	return -1;
}

/* The value at a place, which has one at most; NULL: none. */
static inline const struct value *value_at(const struct txn_record *t, int place)
{
	const struct value *v = (const void *)((const char *)t + t->values);

	for (uint32_t i = 0; place >= 0 && i < t->nvalues; i++, v = value_next(v))
		if (v->field == place)
			return v;
	return NULL;
}

/* A transaction's value by the name of its field; NULL: it has none. The place is looked up where
   the dissector is another than the last time. */
struct value_name {
	const char *name;
	const struct dissector *of; /* whose place it is */
	int place;
};

static inline const struct value *value_named(const struct txn_record *t, struct value_name *name)
{
	const struct dissector *d = t->r.dissector;

	if (!d)
		return NULL;
	if (name->of != d) {
		name->of = d;
		name->place = field_place(d->fields, name->name);
	}
	return value_at(t, name->place);
}

/* The same of a number; FIELD_ABSENT: it has none. */
static inline uint64_t number_named(const struct txn_record *t, struct value_name *name)
{
	const struct value *v = value_named(t, name);

	return v ? v->u64 : FIELD_ABSENT;
}

/* The same once, by a name that is another's each time. */
static inline const struct value *txn_value(const struct txn_record *t, const char *name)
{
	struct value_name named = {name, NULL, -1};

	return value_named(t, &named);
}

/* A member of an event's own part by its name; NULL: there is none of that type. */
static inline const void *event_value(
	const struct record *r, const char *name, enum field_type type)
{
	const struct tsm_event_kind *kind = registry_event(r->dissector);
	int place = kind ? field_place(kind->fields, name) : -1;

	if (place < 0 || kind->fields[place].type != type)
		return NULL;
	return (const char *)r + sizeof(struct event_record) + kind->fields[place].offset;
}

static inline uint64_t event_number(const struct record *r, const char *name, enum field_type type)
{
	const uint64_t *at = event_value(r, name, type);

	return at ? *at : FIELD_ABSENT;
}

static inline const char *event_name(const struct record *r, const char *name)
{
	const char *const *at = event_value(r, name, FIELD_NAME);

	return at ? *at : NULL;
}

/* Is it one of these (NULL at the end), in whatever case? The list may be NULL. */
static inline bool name_listed(const char *const *names, const char *p, size_t n)
{
	for (; names && *names; names++)
		if (strlen(*names) == n && strncasecmp(*names, p, n) == 0)
			return true;
	return false;
}

/* Has the transaction a value of this name, that begins with one of these (NULL: with anything)? */
static inline bool txn_says(
	const struct txn_record *t, const char *name, const char *const *beginnings)
{
	const struct value *v = name ? txn_value(t, name) : NULL;

	if (!v || !beginnings)
		return v != NULL;
	for (; *beginnings; beginnings++)
		if (v->len >= strlen(*beginnings) &&
			memcmp(value_text(v), *beginnings, strlen(*beginnings)) == 0)
			return true;
	return false;
}

#endif
