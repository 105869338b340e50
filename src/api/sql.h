/*
 * sql.h - what a SQL statement is, without the values in it.
 */
#ifndef TSUMARI_SQL_H
#define TSUMARI_SQL_H

#include "view.h"

#define TSM_SQL_DIGEST_MAX 2048u /* bytes that are worth giving it: what a value may hold */

/*
 * The digest of a statement: literals, NULL, TRUE and FALSE become ?, lists behind IN and VALUES
 * (?+), LIMIT ? stands for every form of it, comments go, space is one blank, ASCII is lower case,
 * ASC goes where it is the default, the arguments of CALL go. Identifiers stay. Text in double
 * quotes is a literal. A statement that was cut, or is none, gives no literal away.
 *
 * Writes at most max bytes to out and gives their number; *cut is set where it did not fit.
 * Takes time in proportion to the text, whatever it holds. Needs nothing but out.
 */
size_t tsm_sql_digest(struct view sql, uint8_t *out, size_t max, bool *cut);

/* Whose SQL it is. PostgreSQL's texts may stand between $$ or $tag$, have escapes only behind E,
   and text in double quotes is a name. */
enum tsm_sql { SQL_MYSQL, SQL_POSTGRES };
size_t tsm_sql_digest_of(enum tsm_sql whose, struct view sql, uint8_t *out, size_t max, bool *cut);

/*
 * The trace that a comment at either end of a statement says it belongs to, empty: none:
 * traceparent='00-TRACE-PARENT-FLAGS' (https://google.github.io/sqlcommenter/spec/).
 */
struct view tsm_sql_trace(struct view sql);
/* The first word of a digest, in capitals, written to `word`. */
struct view tsm_sql_verb(struct view digest, uint8_t *word, size_t max);
/* May the statement with this digest hold a password? Then it is not shown literally. */
bool tsm_sql_secret(struct view digest);

#endif
