/*
 * history.h - minutes of what was listened to, in a file of SQLite: services, operations, the
 * ledger and findings, for who looks back.
 *
 * The main thread sums up a minute and hands it to a thread of the history's own, which alone has
 * the file. What finds no place in its queue is dropped and counted. Beyond a size the oldest go.
 */
#ifndef TSUMARI_WEB_HISTORY_H
#define TSUMARI_WEB_HISTORY_H

#include "core/record.h"
#include "core/stats.h"
#include "web/server.h"

#define HISTORY_SIZE ((uint64_t)256 << 20) /* bytes, unless it is said */

struct history;
struct findings;

/* Opens the file, or makes it. NULL, with one line in err, where that fails. */
struct history *history_new(
	const char *path, uint64_t size, bool literal, char *err, size_t errsize);
/* Starts the thread, which calls `confined` first. web: where answers go; NULL: nowhere. */
bool history_start(struct history *h, struct web *web, void (*confined)(void));
void history_record(struct history *h, const struct record *r);
/* Now and then, on the main thread: is a minute over? */
bool history_due(struct history *h);
/* Then, or at the end: hands it over. */
void history_minute(struct history *h, struct findings *f, const struct capture_stats *capture);
/* One of WEB_HISTORY and what follows it is asked for. */
void history_ask(struct history *h, enum web_thing which);
/* Writes what is left. False, with a line in err, where a minute is not in the file. */
bool history_finish(struct history *h, char *err, size_t errsize);
void history_free(struct history *h);

#endif
