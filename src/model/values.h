/*
 * values.h - the values of a transaction by their names.
 */
#ifndef TSUMARI_MODEL_VALUES_H
#define TSUMARI_MODEL_VALUES_H

#include <string.h>
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

#endif
