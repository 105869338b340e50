/*
 * values.h - the values of transactions and events by their names.
 */
#ifndef TSUMARI_MODEL_VALUES_H
#define TSUMARI_MODEL_VALUES_H

#include <string.h>
#include <strings.h>
#include "core/record.h"

/* The first value of a name; NULL: there is none. The fields are the dissector's own. */
static inline const struct value *txn_value(const struct txn_record *t, const char *name)
{
	const struct value *v = (const void *)((const char *)t + t->values);

	for (uint32_t i = 0; i < t->nvalues; i++, v = value_next(v))
		if (v->field < VALUE_FACT &&
			strcmp(t->r.dissector->fields[v->field].name, name) == 0)
			return v;
	return NULL;
}

/* A member of an event's own part by its name; NULL: there is none of that type. */
static inline const void *event_value(
	const struct record *r, const char *name, enum field_type type)
{
	const struct tsm_event_kind *kind = registry_event(r->dissector);

	for (const struct field *f = kind ? kind->fields : NULL; f && field_recorded(f); f++)
		if (f->type == type && strcmp(f->name, name) == 0)
			return (const char *)r + sizeof(struct event_record) + f->offset;
	return NULL;
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
