/*
 * shown.h - what is shown over HTTP (server.h), made of what the records have come to so far: on
 * the main thread, at most once a second, for a twentieth of its time at most, and only what
 * somebody waits for.
 */
#ifndef TSUMARI_WEB_SHOWN_H
#define TSUMARI_WEB_SHOWN_H

#include "core/stats.h"
#include "model/model.h"
#include "out/identity.h"
#include "out/sink.h"
#include "web/history.h"
#include "web/metrics.h"
#include "web/server.h"

#define SHOWN_REFRESH 2u /* s, after which the page asks again */

struct geo;

struct shown_options {
	struct web *web;           /* stays the caller's, as all below */
	const struct model *model; /* findings are looked for in it */
	struct geo *geo;
	const char *source, *version;
	bool literal;                    /* as of operation_of() */
	bool live;                       /* an interface is listened to */
	struct history *history;         /* NULL: none is kept */
	const struct identity *identity; /* of flow.id */
	/* What records are sent to; gives how many there are of `most`. NULL: there is none. */
	unsigned (*outputs)(void *arg, struct metrics_output *list, unsigned most);
	uint64_t (*resident)(void *arg); /* bytes of memory, 0: not known */
	/* What was read so far. */
	void (*capture)(void *arg, struct capture_stats *st);
	void *arg; /* of these functions */
};

struct shown;

struct shown *shown_new(const struct shown_options *o);
struct sink shown_sink(struct shown *v);
/* There are no more records: from here on these are told, which must stay. */
void shown_end(struct shown *v, const struct capture_stats *st, const struct counters *c);
void shown_free(struct shown *v);

#endif
