/* history_impl.h - between history.c and history_file.c only. */
#ifndef TSUMARI_WEB_HISTORY_IMPL_H
#define TSUMARI_WEB_HISTORY_IMPL_H

#include "base/queue.h"
#include "model/digests.h"
#include "model/keyed.h"
#include "web/history.h"
#include <sqlite3.h>

#define HISTORY_OPERATIONS 100u /* of a minute, those that were waited for longest */
#define HISTORY_FINDINGS   100u

struct minute_finding {
	const char *id, *title, *severity, *protocol;
	char server[64];
	uint64_t cost, cases; /* more than the minute before */
};

/* What is written; its sums are its own. */
struct minute {
	uint64_t number; /* minutes since the epoch */
	struct services *services;
	struct digests *digests;
	struct hist_room room;
	uint64_t frames, bytes, dropped;
	unsigned nfindings;
	struct minute_finding findings[HISTORY_FINDINGS];
	enum web_thing asked; /* a question, where services is NULL */
};

struct history {
	sqlite3 *db;
	uint64_t size;
	bool literal;
	struct web *web;
	char operation[4608];
	/* The main thread's. */
	struct minute *now;  /* NULL: no record came yet */
	uint64_t last;       /* time of the latest record */
	struct keyed *costs; /* of findings, as of the minute before */
	uint64_t frames, bytes, drops;
	uint64_t dropped; /* minutes */
	/* The thread's. */
	bool started;
	pthread_t thread;
	void (*confined)(void);
	struct queue queue;
	uint64_t failed; /* minutes */
	char error[200];
	/* Both's. */
	pthread_mutex_t lock;
	unsigned asked;
};

bool history_open(struct history *h, const char *path, char *err, size_t errsize);
void history_write(struct history *h, const struct minute *m);
void history_answer(struct history *h, enum web_thing which);

#endif
