/*
 * server.h - what others ask for over HTTP while it runs: the page, its data, metrics.
 *
 * Who analyses never waits for who asks. A thread of its own takes connections and hands out what
 * was made, whole and never changed; what is not there yet, or is older than a second, is asked for
 * by web_asked(), made on the main thread when it has time, and given by web_give(). However many
 * ask, each thing is made once.
 *
 * Connections have limits of number and time: one that asks nothing, or does not read its answer,
 * is ended, the oldest first where there are too many.
 */
#ifndef TSUMARI_WEB_SERVER_H
#define TSUMARI_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEB_ADDRESS "127.0.0.1"
#define WEB_PORT    "9177"

enum web_thing {
	WEB_PAGE,        /* / */
	WEB_REPORT,      /* /report.json */
	WEB_METRICS,     /* /metrics: as text */
	WEB_OPENMETRICS, /* the same for who asks for OpenMetrics */
	WEB_HISTORY,     /* /history/1h.json, and longer ones (history.h) */
	WEB_THINGS = WEB_HISTORY + 5
};

extern const unsigned web_history_minutes[WEB_THINGS - WEB_HISTORY];

struct web_options {
	const char *at;                /* [ADDRESS:]PORT; NULL: the default */
	const char *token;             /* who asks must know it; NULL: nobody need */
	const char *certificate, *key; /* TLS: PEM; NULL: without it */
	bool open;                     /* whoever reaches it may ask */
	bool history;                  /* there is one */
	const char *policy;            /* of the page: what it may load and run */
};

struct web;

/* Listens. NULL, with one line in err, where that fails or is refused. */
struct web *web_new(const struct web_options *o, char *err, size_t errsize);
/* Starts the thread, which waits for web_go() and calls `confined` before it answers anybody. */
bool web_start(struct web *w, void (*confined)(void));
void web_go(struct web *w);
/* http://127.0.0.1:9177/ */
const char *web_url(const struct web *w);

/* Bits of what somebody waits for, 1 << enum web_thing. Whoever calls is alive: /healthz says so.
 */
unsigned web_asked(struct web *w);
/* Memory of malloc(3), which the server frees when nobody reads it any more. */
void web_give(struct web *w, enum web_thing which, char *data, size_t n);

/* Nobody is answered any more. */
void web_free(struct web *w);

/* Does a word look like [ADDRESS:]PORT? */
bool web_is_address(const char *word);

/* For server.c and access.c, and who tests them. */
/* Whether a request's Host may be one of this machine's loopback. */
bool web_host_is_local(const char *host);
/* Whether an Authorization header has the token: Bearer, or Basic with any user. */
bool web_authorized(const char *header, const char *token);

#endif
