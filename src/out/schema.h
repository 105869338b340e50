/*
 * schema.h - the whole list of a record type's fields, and the value of any of them.
 *
 * A schema is what one type of record (flow, or the transactions of one dissector) can say: the
 * members of its struct (core/schema_tables.c), the dissector's own values, and what is computed
 * from several members or is constant (out/computed.c), sorted by name so that the fields of one
 * object stand together. "@timestamp" comes first.
 *
 * Text in a value points into the record, into constants, or into the scratch memory of the
 * environment, of which each part is one computed field's: it stays until that field's next value.
 */
#ifndef TSUMARI_OUT_SCHEMA_H
#define TSUMARI_OUT_SCHEMA_H

#include <stdio.h>
#include "core/record.h"
#include "out/identity.h"

#define SCHEMA_FIELDS_MAX 256 /* fields of one type */
#define SCHEMA_NAME_MAX   96  /* bytes of a field's name */
#define SCHEMA_SCRATCH    64  /* bytes: longer than any text that is computed */

/* What a record does not know itself. */
struct schema_env {
	const char *version;                         /* of this program */
	const char *(*iface)(void *arg, unsigned i); /* name of a capture interface; may be NULL */
	void *iface_arg;
	struct community_cache *community; /* may be NULL: none is kept */
	struct geo *geo;                   /* NULL: nothing is known of places */
	const struct identity *identity;   /* NULL: records have none */
	char scratch[SCHEMA_SCRATCH];
	char event[IDENTITY_EVENT];
};

struct schema_value {
	uint64_t u64; /* numbers, times, FIELD_BOOL, FIELD_ID, the mask of FIELD_NAMES */
	const char *p;
	size_t n; /* FIELD_STR, FIELD_NAME: bytes at p; FIELD_MAC: six bytes at p;
		     FIELD_IP: addresses (1 or 2) */
	const struct addr *ip[2];
	const struct field_list *list;   /* FIELD_U64S */
	const struct field_addrs *addrs; /* FIELD_IPS */
};

/* Gets a computed value; false: absent. */
typedef bool schema_get_fn(
	const struct record *r, struct schema_env *env, struct schema_value *value);

struct schema_computed {
	struct field field;
	uint8_t kinds;       /* 1 << enum record_kind, those that have it */
	bool geo;            /* there only where places are known */
	const char *literal; /* not NULL: always this text; get is not used */
	/* Not NULL: always the text that this returns, NULL: always absent; get is not used. */
	const char *(*constant)(const struct schema_env *env);
	schema_get_fn *get;
};

extern const struct schema_computed computed_fields[]; /* end with FIELD_END */

enum schema_source {
	SCHEMA_MEMBER,   /* at field->offset from `base` of the record */
	SCHEMA_VALUE,    /* a dissector's own, number `index` */
	SCHEMA_COMPUTED, /* *computed */
};

struct schema_column {
	const struct field *field;
	const struct schema_computed *computed;
	uint8_t source; /* enum schema_source */
	uint16_t index;
	uint16_t base; /* bytes from the front of the record */
};

struct schema {
	const char *type;
	enum record_kind kind;
	const struct dissector *dissector; /* NULL for flows */
	unsigned n;
	struct schema_column columns[SCHEMA_FIELDS_MAX];
};

/*
 * The schema of flows (d NULL) or of a dissector's transactions or events. NULL, with one line in
 * err, where the dissector's names do not fit: taken, malformed, or both a value and an object of
 * others.
 */
struct schema *schema_new(const struct dissector *d, char *err, size_t errsize);
void schema_free(struct schema *s);
/* Takes the columns out that say where hosts are: without databases they are always absent. */
void schema_without_geo(struct schema *s);

/* Does a dissector make records (of transactions or events)? */
bool schema_has_records(const struct dissector *d);

/* The column of a name, or NULL. */
const struct schema_column *schema_find(const struct schema *s, const char *name);

/* The value of a column in a record of the schema's type; false: absent. */
/* The text of a computed field that is always the same; NULL: it is not, or always absent. */
const char *schema_constant(const struct schema_computed *c, const struct schema_env *env);

bool schema_get(const struct schema_column *c, const struct record *r, struct schema_env *env,
	struct schema_value *value);

/* The order of names: by characters, but '.' before all others. */
int schema_name_cmp(const char *a, const char *b);

/*
 * docs/fields.md: one table of what all records have, one of flows and one for each registered
 * dissector that has transactions. 0, or -1 with errno set.
 */
int schema_print_docs(FILE *f);

#endif
