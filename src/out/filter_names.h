/*
 * filter_names.h - the names that Wireshark and Packetbeat have for what records say.
 *
 * Part of filter_parse.c: a name of another tool becomes an expression with the names of records,
 * or, where that is no matter of names, an answer that says which to use.
 */
#ifndef TSUMARI_OUT_FILTER_NAMES_H
#define TSUMARI_OUT_FILTER_NAMES_H

#include "out/schema.h"

struct filter_name {
	const char *name;
	/* Where '$' stands the operator and its value go; without one the name stands alone. NULL:
	   it is not understood. */
	const char *means;
	/* The same where the operator is !=, which stands at '$' as ==; NULL: as above. */
	const char *unless;
	const char *instead; /* of one that is not understood */
};

/* NULL: no other tool has this name. */
const struct filter_name *filter_name_find(const char *name);
/* Fields whose names are near one that is none, with commas; "": there are none. */
void filter_names_near(
	struct schema *const *schemas, unsigned n, const char *name, char *to, size_t size);
/* For docs/fields.md. */
void filter_names_print(FILE *f);

#endif
