/*
 * model.h - what the report must know about a protocol: its purpose, the names of its operations,
 * which requests are health checks, and which wait on purpose.
 *
 * Methods are compared without case. Everything is optional: by default a protocol is of
 * KIND_OTHER, its operations are named by their method (and their object, if that is a path), and
 * none of its requests is a health check.
 */
#ifndef TSUMARI_API_MODEL_H
#define TSUMARI_API_MODEL_H

#include <stdint.h>

/* Its purpose. Servers of the kinds WEB, MAIL and NAMES ask others before they answer. */
enum tsm_kind {
	KIND_OTHER,
	KIND_WEB,
	KIND_DATABASE,
	KIND_FILES,
	KIND_MAIL,
	KIND_NAMES,
	KIND_COUNT
};

/* The name of an operation after its method: equal work should have equal names. */
enum tsm_naming {
	NAMING_PATH,      /* the object if it begins with '/', its numbers and ids as ? */
	NAMING_URI,       /* the object, a URI: without its query, numbers and ids as ? */
	NAMING_OBJECT,    /* the object as it is */
	NAMING_FIELD,     /* the value of a field */
	NAMING_KEY,       /* the object, a key: its numbers and ids as ? */
	NAMING_STATEMENT, /* the query, SQL: the digest of it, in place of the method */
};

struct tsm_model {
	uint8_t kind;      /* enum tsm_kind */
	uint8_t naming;    /* enum tsm_naming */
	uint8_t sql;       /* NAMING_STATEMENT: whose SQL it is, enum tsm_sql (sql.h) */
	const char *named; /* NAMING_FIELD: the field's name */

	/* Methods (NULL at the end) that ask for no more than an answer. A connection that the same
	   client makes again and again after the same time with nothing else on it is a health
	   check. NULL: no such. A statement (NAMING_STATEMENT) that reads from a table is none. */
	const char *const *check_methods;
	/* A field that says at once that a request is a health check: by being there, or, where
	   check_values (NULL at the end) are given, by beginning with one of them. NULL: no such.
	 */
	const char *check_field;
	const char *const *check_values;

	/* Methods (NULL at the end) whose answer waits on purpose until there is something to tell,
	   or for as long as the client said: nobody is kept waiting by a slow server. */
	const char *const *idle_methods;
	/* A field that says the same by beginning with one of the values (NULL at the end). */
	const char *idle_field;
	const char *const *idle_values;
	/* A field that says the same by being there. NULL: no such. */
	const char *idle_mark;

	/* Of the check_methods, those of which a row that a timer makes is a check, even where all
	   of it fails; the same of objects, by their path's last part: nobody else asks for these.
	   NULL at the end; NULL: no such. */
	const char *const *check_only;
	const char *const *check_objects;

	/* Words (NULL at the end) in an object's path that ask to be told when there is something:
	   where a client asks such a one again at once its waits are so on purpose. A word begins
	   and ends where letters do, or with a capital one. NULL: no such. */
	const char *const *poll_words;
};

#endif
